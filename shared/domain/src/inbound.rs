//! What a messenger tells us, in the words of every messenger.

use serde::{Deserialize, Serialize};

use crate::content::Content;

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
}
