//! Typed ids: a chat's id is never mistaken for an operator's.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The most characters of an id that somebody chose.
pub const ID_CHARS_MAX: usize = 64;

/// A text that cannot be the id it was given as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id")]
pub struct NotAnId;

fn is_id(text: &str) -> bool {
    (1..=ID_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text: 1 to 64 characters of `[A-Za-z0-9_-]`.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;
            fn try_from(text: String) -> Result<Self, NotAnId> {
                if is_id(&text) { Ok(Self(text)) } else { Err(NotAnId) }
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

typed_id!(
    /// A queue.
    QueueId
);
typed_id!(
    /// A channel: one bot, page or number.
    ChannelId
);
typed_id!(
    /// An operator: a person who may be given chats.
    OperatorId
);
typed_id!(
    /// A role: a named set of people.
    RoleId
);
typed_id!(
    /// One customer on one channel: an HMAC of both, so that no phone number stands in a key.
    ConversationId
);

/// A chat: the `n`-th of its conversation, counted from 1. Written `conversation.n`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChatId {
    /// Whose chat it is.
    pub conversation: ConversationId,
    /// Which of theirs, from 1.
    pub n: u32,
}

impl fmt::Display for ChatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.conversation, self.n)
    }
}

impl FromStr for ChatId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let (conversation, n) = text.split_once('.').ok_or(NotAnId)?;
        let n = n.parse().ok().filter(|&parsed: &u32| parsed > 0 && parsed.to_string() == n).ok_or(NotAnId)?;
        Ok(Self { conversation: conversation.parse()?, n })
    }
}

impl TryFrom<String> for ChatId {
    type Error = NotAnId;
    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

impl From<ChatId> for String {
    fn from(id: ChatId) -> Self {
        id.to_string()
    }
}

/// An offer: the revision of the chat's route that made it. Written `conversation.n.revision`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OfferId {
    /// The chat on offer.
    pub chat: ChatId,
    /// The route revision at which it was made.
    pub route_rev: u64,
}

impl fmt::Display for OfferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.chat, self.route_rev)
    }
}

impl FromStr for OfferId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let (chat, rev) = text.rsplit_once('.').ok_or(NotAnId)?;
        let route_rev = rev.parse().ok().filter(|&parsed: &u64| parsed.to_string() == rev).ok_or(NotAnId)?;
        Ok(Self { chat: chat.parse()?, route_rev })
    }
}

impl TryFrom<String> for OfferId {
    type Error = NotAnId;
    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

impl From<OfferId> for String {
    fn from(id: OfferId) -> Self {
        id.to_string()
    }
}

/// The messengers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Telegram, by a bot.
    Telegram,
    /// Facebook Messenger, by a page.
    Messenger,
    /// WhatsApp, through Twilio.
    Whatsapp,
}

impl Provider {
    /// Whether a customer's name can be asked for (Messenger's User Profile API); the others tell it with every message, or not at
    /// all.
    pub const fn has_profiles(self) -> bool {
        matches!(self, Self::Messenger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_take_what_they_are_and_nothing_else() {
        for good in ["a", "A-b_9", &"x".repeat(64)] {
            assert!(good.parse::<QueueId>().is_ok(), "{good}");
        }
        for bad in ["", "a b", "a.b", "é", "#", &"x".repeat(65)] {
            assert!(bad.parse::<QueueId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn chat_and_offer_ids_read_back_as_written() {
        for text in ["c0ffee.1", "c0ffee.4294967295"] {
            assert_eq!(text.parse::<ChatId>().unwrap().to_string(), text);
        }
        for bad in ["c0ffee", "c0ffee.0", "c0ffee.01", "c0ffee.+1", ".1", "c0ffee.-1", "c.1.2"] {
            assert!(bad.parse::<ChatId>().is_err(), "{bad}");
        }
        assert_eq!("c0ffee.2.17".parse::<OfferId>().unwrap().to_string(), "c0ffee.2.17");
        for bad in ["c0ffee.2", "c0ffee.2.017", "c0ffee.2.", "c0ffee.0.1"] {
            assert!(bad.parse::<OfferId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_are_stored_as_their_text_and_only_ids_are_read() {
        fn check<T>(good: &str, bad: &str)
        where
            T: FromStr<Err = NotAnId> + PartialEq + fmt::Debug + Serialize + for<'de> Deserialize<'de>,
        {
            let id: T = good.parse().unwrap();
            let stored = format!("\"{good}\"");
            assert_eq!(serde_json::to_string(&id).unwrap(), stored);
            assert_eq!(serde_json::from_str::<T>(&stored).unwrap(), id);
            assert!(serde_json::from_str::<T>(&format!("\"{bad}\"")).is_err(), "{bad}");
        }
        check::<QueueId>("support", "sup port");
        check::<ChatId>("c0ffee.2", "c0ffee.0");
        check::<OfferId>("c0ffee.2.17", "c0ffee.2");
    }
}
