//! What a messenger tells us, in the words of every messenger.

use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::ids::ChatId;
use crate::message::DeliveryState;

/// One update of a messenger, understood. What only the provider's own machinery cares about never becomes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundEvent {
    /// The provider's dedupe key (Telegram: `update_id`; see the provider's parser): the same key is the same event.
    pub event_id: String,
    /// Who it is from.
    pub customer: Customer,
    /// When it happened by the provider's clock, milliseconds since 1970; 0 where the provider does not tell (Telegram: a
    /// pressed button), so that the time of receipt is all there is.
    pub at_ms: i64,
    /// Whether somebody else has the conversation in hand (C6; Messenger: standby): it is recorded, and nobody is asked to answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub standby: bool,
    /// What happened.
    pub what: InboundKind,
}

/// The customer as the messenger describes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The address replies go to (Telegram: the private chat's id).
    pub address: String,
    /// First and last name as given; never empty.
    pub name: String,
    /// Whether the name stands in for one that the messenger does not tell with its messages (Messenger): it takes no known
    /// name's place, and the profile is asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_stand_in: bool,
    /// The name they are found by in the messenger, without `@`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Their language, IETF tag as the provider gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum InboundKind {
    /// The customer wrote.
    Message {
        /// The provider's id of the message itself, by which later edits and replies name it.
        message_id: String,
        /// What they wrote.
        content: Content,
        /// The provider's id of the message that this one answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<String>,
        /// The part of that message that was quoted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quote: Option<String>,
        /// Where it was forwarded from, if it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        forwarded_from: Option<String>,
    },
    /// The customer changed an earlier message.
    Edited {
        /// The provider's id of the message that changed.
        message_id: String,
        /// What it says now.
        content: Content,
    },
    /// The customer can no longer be written to.
    Blocked,
    /// The customer can be written to again.
    Unblocked,
    /// The customer's name, asked for and learned (it is in [`InboundEvent::customer`]).
    Profile,
    /// Something was written to the customer from our side: by us, by a bot, or by a person in the messenger's own inbox.
    Echo {
        /// The provider's id of the message.
        message_id: String,
        /// What was written.
        content: Content,
        /// Which reply of ours it is, if it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply: Option<ReplyRef>,
        /// The app that wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        app: Option<String>,
    },
    /// How replies of ours fare.
    Delivery {
        /// Which replies.
        which: Which,
        /// How: `Sent`, `Delivered`, `Read` or `Failed`.
        state: DeliveryState,
        /// Why they failed: a stable code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The customer reacted to a message, or took their reaction back.
    Reaction {
        /// The provider's id of the message.
        message_id: String,
        /// The emoji; none when it was taken back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reaction: Option<String>,
    },
    /// Somebody else has the conversation from now on, or we have (C6).
    Control {
        /// Who.
        to: Holder,
    },
    /// Somebody asks us to give the conversation to them (C6).
    ControlRequested {
        /// The app that asks.
        app: String,
    },
}

/// A reply of ours, as it is named to a messenger that names it back to us: an echo's metadata, a status callback's address.
/// Written `conversation.n.seq`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReplyRef {
    /// Its chat.
    pub chat: ChatId,
    /// Its number there.
    pub seq: u64,
}

impl std::fmt::Display for ReplyRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.chat, self.seq)
    }
}

impl std::str::FromStr for ReplyRef {
    type Err = crate::ids::NotAnId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (chat, seq) = text.rsplit_once('.').ok_or(crate::ids::NotAnId)?;
        let seq = seq.parse().ok().filter(|&parsed: &u64| parsed > 0 && parsed.to_string() == seq);
        Ok(Self { chat: chat.parse()?, seq: seq.ok_or(crate::ids::NotAnId)? })
    }
}

impl TryFrom<String> for ReplyRef {
    type Error = crate::ids::NotAnId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ReplyRef> for String {
    fn from(reply: ReplyRef) -> Self {
        reply.to_string()
    }
}

/// Which replies something is told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// This one, which the messenger was given our own name of; with the provider's id of it.
    Reply {
        /// Which.
        reply: ReplyRef,
        /// The provider's id of it.
        message_id: String,
    },
    /// Those with these ids of the provider's.
    Messages(Vec<String>),
    /// All that were handed over before this time of the provider's, milliseconds since 1970.
    UpTo(i64),
}

/// Who has a conversation in hand (C6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// We have.
    Us {
        /// The app that gave it to us; none = it lay idle.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
    },
    /// Another app has.
    Other {
        /// Which, where the messenger tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        app: Option<String>,
    },
}
