//! Why a command is refused: a stable code and a text for whoever asked.

/// A refusal of a rule. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such chat (or none that the asker may know of).
    #[error("There is no such chat.")]
    ChatNotFound,
    /// The chat is with somebody else.
    #[error("This chat is not in your work.")]
    NotYourChat,
    /// The chat has been closed (L6).
    #[error("This chat is closed.")]
    ChatClosed,
    /// The offer is no more: taken by another, withdrawn, or returned to the line.
    #[error("This offer is no longer open.")]
    OfferGone,
    /// The offer's deadline has passed (Q5).
    #[error("The time to accept this chat has passed.")]
    OfferExpired,
    /// The operator has as many chats as may be handled at once (Q8).
    #[error("You already have as many chats as you may handle at once.")]
    AtLimit,
    /// The operator is Inactive or not connected (Q7).
    #[error("Set yourself to Active to take chats.")]
    NotAvailable,
    /// The operator does not serve the chat's queue (Q7).
    #[error("You do not serve the queue of this chat.")]
    NotInQueue,
    /// The chat's queue assigns its chats; they cannot be picked (Q4).
    #[error("Chats of this queue are assigned; this one has not been offered to you.")]
    NotOffered,
    /// The target of a transfer is Inactive or not connected (Q9).
    #[error("This operator is not available at the moment.")]
    TargetUnavailable,
    /// The target of a transfer is at the limit (Q9).
    #[error("This operator has no room for another chat.")]
    TargetAtLimit,
    /// A transfer of this chat is waiting for its answer already (Q9).
    #[error("This chat is being transferred; wait for the answer.")]
    TransferPending,
    /// A chat cannot be transferred to where it is.
    #[error("The chat is there already.")]
    TransferToSelf,
    /// There is no such operator.
    #[error("There is no such operator.")]
    OperatorNotFound,
    /// There is no such queue.
    #[error("There is no such queue.")]
    QueueNotFound,
    /// The channel is switched off or bound to no queue (C1).
    #[error("The channel of this chat is switched off.")]
    ChannelInactive,
    /// A text without a character to send.
    #[error("There is nothing to send.")]
    TextEmpty,
    /// A text above [`crate::content::TEXT_CHARS_MAX`].
    #[error("The text is too long.")]
    TextTooLong,
    /// There is no such message in the chat.
    #[error("There is no such message.")]
    MessageNotFound,
    /// Only a reply that failed or whose outcome is unknown can be sent again.
    #[error("Only a message that failed can be sent again.")]
    NotResendable,
    /// The operator has [`crate::operator::CONNECTIONS_MAX`] connections.
    #[error("You have too many windows open.")]
    TooManyConnections,
    /// The connection has not said hello, or was given up.
    #[error("This connection is not known; say hello again.")]
    NotConnected,
    /// The operator's account has been switched off.
    #[error("This account is switched off.")]
    OperatorDisabled,
    /// A file above what the messenger takes (C8); with what it takes.
    #[error("The file is too large. {0}")]
    FileTooLarge(&'static str),
    /// A file of a kind that the messenger does not take (C8); with what it takes.
    #[error("This kind of file cannot be sent here. {0}")]
    FileKindNotAllowed(&'static str),
    /// A file that is not what it is said to be; with what the messenger takes.
    #[error("The file is not what its type says. {0}")]
    FileTypeMismatch(&'static str),
    /// A file without a byte.
    #[error("The file is empty.")]
    FileEmpty,
    /// A name, or a type, that is none.
    #[error("The file needs a name of 1 to 255 characters, and a type.")]
    FileNameBad,
    /// There is no such file: never uploaded, not by this operator for this chat, or the message has none.
    #[error("There is no such file.")]
    FileNotFound,
    /// The file is still being fetched from the messenger.
    #[error("The file is not here yet.")]
    FileNotReady,
}

impl Refusal {
    /// All of them, for what describes them to others.
    pub const ALL: [Self; 30] = [
        Self::ChatNotFound,
        Self::NotYourChat,
        Self::ChatClosed,
        Self::OfferGone,
        Self::OfferExpired,
        Self::AtLimit,
        Self::NotAvailable,
        Self::NotInQueue,
        Self::NotOffered,
        Self::TargetUnavailable,
        Self::TargetAtLimit,
        Self::TransferPending,
        Self::TransferToSelf,
        Self::OperatorNotFound,
        Self::QueueNotFound,
        Self::ChannelInactive,
        Self::TextEmpty,
        Self::TextTooLong,
        Self::MessageNotFound,
        Self::NotResendable,
        Self::TooManyConnections,
        Self::NotConnected,
        Self::OperatorDisabled,
        Self::FileTooLarge(""),
        Self::FileKindNotAllowed(""),
        Self::FileTypeMismatch(""),
        Self::FileEmpty,
        Self::FileNameBad,
        Self::FileNotFound,
        Self::FileNotReady,
    ];

    /// The code by which programs know it; it never changes.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ChatNotFound => "chat_not_found",
            Self::NotYourChat => "not_your_chat",
            Self::ChatClosed => "chat_closed",
            Self::OfferGone => "offer_gone",
            Self::OfferExpired => "offer_expired",
            Self::AtLimit => "at_limit",
            Self::NotAvailable => "not_available",
            Self::NotInQueue => "not_in_queue",
            Self::NotOffered => "not_offered",
            Self::TargetUnavailable => "target_unavailable",
            Self::TargetAtLimit => "target_at_limit",
            Self::TransferPending => "transfer_pending",
            Self::TransferToSelf => "transfer_to_self",
            Self::OperatorNotFound => "operator_not_found",
            Self::QueueNotFound => "queue_not_found",
            Self::ChannelInactive => "channel_inactive",
            Self::TextEmpty => "text_empty",
            Self::TextTooLong => "text_too_long",
            Self::MessageNotFound => "message_not_found",
            Self::NotResendable => "not_resendable",
            Self::TooManyConnections => "too_many_connections",
            Self::NotConnected => "not_connected",
            Self::OperatorDisabled => "operator_disabled",
            Self::FileTooLarge(_) => "file_too_large",
            Self::FileKindNotAllowed(_) => "file_kind_not_allowed",
            Self::FileTypeMismatch(_) => "file_type_mismatch",
            Self::FileEmpty => "file_empty",
            Self::FileNameBad => "file_name_bad",
            Self::FileNotFound => "file_not_found",
            Self::FileNotReady => "file_not_ready",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_them_are_listed_once() {
        let written = include_str!("refusal.rs").matches(concat!("#[", "error(")).count();
        assert_eq!(Refusal::ALL.len(), written, "a refusal is missing in ALL");
        let mut codes = Refusal::ALL.map(Refusal::code).to_vec();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), written, "a code stands for two refusals");
    }
}
