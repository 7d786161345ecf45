//! Why a call was not carried out: stable codes, their HTTP statuses and their texts.

/// Why a call was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// The body or the query is not what the call takes.
    BadRequest,
    /// No token, or one that is not accepted.
    TokenRefused,
    /// Nobody let this person in.
    NotAnOperator,
    /// The account has been switched off.
    OperatorDisabled,
    /// The person lacks the right.
    RightMissing,
    /// There is no such thing, or no such address.
    NotFound,
    /// The address takes other methods.
    MethodNotAllowed,
    /// The queue is used by something (C2).
    QueueInUse,
    /// The role is used by something (C2).
    RoleInUse,
    /// The channel has chats (C2).
    ChannelHasChats,
    /// Another channel has this bot, page or number (C3).
    AccountTaken,
    /// Somebody has this e-mail address.
    EmailTaken,
    /// As many as there may be.
    LimitReached,
    /// It was changed since the caller read it.
    VersionConflict,
    /// The body is above [`BODY_BYTES_MAX`].
    BodyTooLarge,
    /// A value that cannot be.
    InvalidValue,
    /// Not a bot's token, or one that the messenger does not know.
    TokenInvalid,
    /// The token is of another bot than the channel's.
    AccountDiffers,
    /// The messenger does not confirm that messages come here.
    WebhookNotConfirmed,
    /// Setting up a channel needs settings that nobody set (P3).
    SettingsMissing,
    /// The sign-in to Facebook is over, or Facebook does not take its code (C5).
    SignInRefused,
    /// Facebook does not permit what a page needs (C5).
    PermissionMissing,
    /// The account at Twilio is not active (C7).
    AccountInactive,
    /// The number is no sender of the account's, or not online (C7).
    SenderNotOnline,
    /// The confirmation number has not joined the sandbox (C7).
    NotAParticipant,
    /// The confirmation code did not get to the confirmation number (C7).
    ConfirmationNotSent,
    /// The confirmation of a number is over (C7).
    ConfirmationRefused,
    /// Not the confirmation code that was sent (C7).
    CodeWrong,
    /// `If-Match` is missing.
    PreconditionRequired,
    /// A fault of ours.
    Internal,
    /// Telegram did not answer, or asks to wait.
    TelegramUnavailable,
    /// Facebook did not answer, or asks to wait.
    FacebookUnavailable,
    /// Twilio did not answer, or asks to wait.
    TwilioUnavailable,
    /// A fault that will pass.
    TryAgain,
}

impl Code {
    /// As it stands in answers; it never changes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::TokenRefused => "token_refused",
            Self::NotAnOperator => "not_an_operator",
            Self::OperatorDisabled => "operator_disabled",
            Self::RightMissing => "right_missing",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::QueueInUse => "queue_in_use",
            Self::RoleInUse => "role_in_use",
            Self::ChannelHasChats => "channel_has_chats",
            Self::AccountTaken => "account_taken",
            Self::EmailTaken => "email_taken",
            Self::LimitReached => "limit_reached",
            Self::VersionConflict => "version_conflict",
            Self::BodyTooLarge => "body_too_large",
            Self::InvalidValue => "invalid_value",
            Self::TokenInvalid => "token_invalid",
            Self::AccountDiffers => "account_differs",
            Self::WebhookNotConfirmed => "webhook_not_confirmed",
            Self::SettingsMissing => "settings_missing",
            Self::SignInRefused => "sign_in_refused",
            Self::PermissionMissing => "permission_missing",
            Self::AccountInactive => "account_inactive",
            Self::SenderNotOnline => "sender_not_online",
            Self::NotAParticipant => "not_a_participant",
            Self::ConfirmationNotSent => "confirmation_not_sent",
            Self::ConfirmationRefused => "confirmation_refused",
            Self::CodeWrong => "code_wrong",
            Self::PreconditionRequired => "precondition_required",
            Self::Internal => "internal",
            Self::TelegramUnavailable => "telegram_unavailable",
            Self::FacebookUnavailable => "facebook_unavailable",
            Self::TwilioUnavailable => "twilio_unavailable",
            Self::TryAgain => "try_again",
        }
    }

    /// Its HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::TokenRefused => 401,
            Self::NotAnOperator | Self::OperatorDisabled | Self::RightMissing => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::QueueInUse
            | Self::RoleInUse
            | Self::ChannelHasChats
            | Self::AccountTaken
            | Self::EmailTaken
            | Self::LimitReached
            | Self::SettingsMissing => 409,
            Self::VersionConflict => 412,
            Self::BodyTooLarge => 413,
            Self::InvalidValue
            | Self::TokenInvalid
            | Self::AccountDiffers
            | Self::WebhookNotConfirmed
            | Self::SignInRefused
            | Self::PermissionMissing
            | Self::AccountInactive
            | Self::SenderNotOnline
            | Self::NotAParticipant
            | Self::ConfirmationNotSent
            | Self::ConfirmationRefused
            | Self::CodeWrong => 422,
            Self::PreconditionRequired => 428,
            Self::Internal => 500,
            Self::TelegramUnavailable | Self::FacebookUnavailable | Self::TwilioUnavailable => 502,
            Self::TryAgain => 503,
        }
    }

    /// Its text, where nothing more can be said.
    pub const fn text(self) -> &'static str {
        match self {
            Self::BadRequest => "The body or the query is not what this call takes.",
            Self::TokenRefused => "Your sign-in is missing or not accepted; sign in again.",
            Self::NotAnOperator => "You have not been let in: ask whoever manages the chats.",
            Self::OperatorDisabled => "This account is switched off.",
            Self::RightMissing => "You do not have the right to do this.",
            Self::NotFound => "There is nothing here.",
            Self::MethodNotAllowed => "This cannot be done here.",
            Self::QueueInUse => "This queue is in use.",
            Self::RoleInUse => "This role is in use.",
            Self::ChannelHasChats => "A channel that has chats can't be deleted, only deactivated.",
            Self::AccountTaken => "Another channel has this bot, page or number already.",
            Self::EmailTaken => "Somebody has this e-mail address already.",
            Self::LimitReached => "There are as many as there may be.",
            Self::VersionConflict => "Somebody has changed this meanwhile; read it again.",
            Self::BodyTooLarge => "A body has at most 64 KB.",
            Self::InvalidValue => "This value cannot be.",
            Self::TokenInvalid => "This is no bot's token, or Telegram does not know it.",
            Self::AccountDiffers => "This token is of another bot; connect that one as a channel of its own.",
            Self::WebhookNotConfirmed => "Telegram does not confirm that the bot's messages come here.",
            Self::SettingsMissing => "A setting that this needs is not set.",
            Self::SignInRefused => "This sign-in to Facebook is over, or Facebook does not take it; begin again.",
            Self::PermissionMissing => "Facebook does not permit this; sign in again and allow all that is asked for.",
            Self::AccountInactive => "This account at Twilio is not active.",
            Self::SenderNotOnline => "This number is no WhatsApp sender of this account, or it is not online.",
            Self::NotAParticipant => {
                "The confirmation number has not joined Twilio's sandbox: send `join <code>` from it to the sandbox's \
                 number (Twilio's console shows the code), then connect again."
            }
            Self::ConfirmationNotSent => "The confirmation code did not get to the confirmation number.",
            Self::ConfirmationRefused => "This confirmation is over; connect the number again to get another code.",
            Self::CodeWrong => "This is not the code that was sent.",
            Self::PreconditionRequired => "Say in If-Match which version you change.",
            Self::Internal => "Something is wrong on our side; it has been noted.",
            Self::TelegramUnavailable => "Telegram does not answer right now; try again.",
            Self::FacebookUnavailable => "Facebook does not answer right now; try again.",
            Self::TwilioUnavailable => "Twilio does not answer right now; try again.",
            Self::TryAgain => "This could not be done right now; try again.",
        }
    }
}
