//! A message of a chat, in either direction.

use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::file::File;
use crate::ids::{ChatId, OperatorId};

/// Who said it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Author {
    /// The customer.
    Customer,
    /// An operator.
    Operator {
        /// Who.
        id: OperatorId,
        /// Their name then.
        name: String,
    },
    /// Somebody else who answers the customer for us: an external bot (C6), or a person in the messenger's own inbox.
    External {
        /// The messenger's id of their app, where it tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        app: Option<String>,
    },
    /// Switchboard itself: a note for the operator, never sent to the customer as words.
    System,
}

/// How far a reply has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Accepted, not yet at the messenger.
    Queued,
    /// Being handed over right now.
    Sending,
    /// The messenger has it.
    Sent,
    /// The customer has it, as far as the messenger tells.
    Delivered,
    /// The customer has read it, as far as the messenger tells.
    Read,
    /// The messenger will not have it; the reason says why.
    Failed,
    /// It was handed over and no answer came: the customer may or may not have it.
    Unknown,
}

impl DeliveryState {
    /// Nothing more will happen by itself.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Sent | Self::Delivered | Self::Read | Self::Failed | Self::Unknown)
    }
}

/// How a reply fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// How far.
    pub state: DeliveryState,
    /// When it was accepted for sending (again), milliseconds since 1970.
    pub queued_at_ms: i64,
    /// How often it was handed to the messenger.
    #[serde(default)]
    pub attempts: u32,
    /// Until when the present hand-over may take, milliseconds since 1970; set while `Sending`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until_ms: Option<i64>,
    /// When it was last handed to the messenger, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_over_at_ms: Option<i64>,
    /// Why it failed or is unknown: a stable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its chat.
    pub chat: ChatId,
    /// Its number in the chat, from 1, in the order of acceptance (L7).
    pub seq: u64,
    /// Counts its changes: an edit, a step of its delivery.
    pub rev: u64,
    /// When it was accepted, milliseconds since 1970.
    pub at_ms: i64,
    /// The provider's own time of it, milliseconds since 1970 (L7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_at_ms: Option<i64>,
    /// Who said it.
    pub author: Author,
    /// What it says.
    pub content: Content,
    /// The provider's id of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_message_id: Option<String>,
    /// The provider's id of the message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// What it quotes of that message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// Where it was forwarded from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarded_from: Option<String>,
    /// When the customer last changed it, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at_ms: Option<i64>,
    /// Its file, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<File>,
    /// What the customer thinks of it: an emoji, or the messenger's word for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reaction: Option<String>,
    /// How its sending fares; only of a reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    /// The outgoing message before it in the chat, which must be out of the way first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_out: Option<u64>,
}

impl Message {
    /// A message of nobody's reply: the fields that only some have are empty.
    pub fn new(chat: ChatId, seq: u64, at_ms: i64, author: Author, content: Content) -> Self {
        Self {
            chat,
            seq,
            rev: 1,
            at_ms,
            provider_at_ms: None,
            author,
            content,
            provider_message_id: None,
            reply_to: None,
            quote: None,
            forwarded_from: None,
            edited_at_ms: None,
            file: None,
            reaction: None,
            delivery: None,
            previous_out: None,
        }
    }

    /// The message as operators may see it: without the provider's own address of its file, which may be good for the whole file
    /// without any sign-in.
    #[must_use]
    pub fn shown(&self) -> Self {
        let mut shown = self.clone();
        if let Content::Media { media } = &mut shown.content {
            media.source = None;
        }
        shown
    }
}
