//! The HTTP API: sign-in and "Chat settings"; `infra/docs/api/settings.openapi.json` describes it, and a test holds the two
//! together.
//!
//! JSON both ways. An error is `{"error":{"code","text"}}`: the code is stable and for programs, the text is for people and
//! never repeats what was sent (C9). A changed thing carries its version as `ETag`; whoever changes it names that in `If-Match`.

use std::fmt;

use domain::OperatorId;
use domain::config::{Channel, Queue, Role, User};
pub use domain::settings::{ChannelDraft, QueueDraft, RoleDraft, SettingValue, UserChange, UserDraft};
use serde::{Deserialize, Serialize};

use crate::operators::Problem;

/// The largest body that is read, bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// How long a ticket may be used, seconds.
pub const TICKET_S: i64 = 30;
/// The longest that a connection may be used, milliseconds: API Gateway's own limit (2 h).
pub const CONNECTION_MS_MAX: i64 = 2 * 3600 * 1000;
/// The most people of one page of a list.
pub const PAGE_MAX: u32 = 100;
/// The people of a page when nobody says how many.
pub const PAGE_DEFAULT: u32 = 50;
/// Who may use "Chat settings" (P1): a group of the issuer's.
pub const CAN_MANAGE_CHATS: &str = "CanManageChats";
/// Who may, in addition, change the identity settings (P3): a group of the issuer's.
pub const CAN_MANAGE_IDENTITY: &str = "CanManageIdentity";

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
    /// `If-Match` is missing.
    PreconditionRequired,
    /// A fault of ours.
    Internal,
    /// Telegram did not answer, or asks to wait.
    TelegramUnavailable,
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
            Self::PreconditionRequired => "precondition_required",
            Self::Internal => "internal",
            Self::TelegramUnavailable => "telegram_unavailable",
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
            | Self::LimitReached => 409,
            Self::VersionConflict => 412,
            Self::BodyTooLarge => 413,
            Self::InvalidValue | Self::TokenInvalid | Self::AccountDiffers | Self::WebhookNotConfirmed => 422,
            Self::PreconditionRequired => 428,
            Self::Internal => 500,
            Self::TelegramUnavailable => 502,
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
            Self::AccountTaken => "Another channel has this bot already.",
            Self::EmailTaken => "Somebody has this e-mail address already.",
            Self::LimitReached => "There are as many as there may be.",
            Self::VersionConflict => "Somebody has changed this meanwhile; read it again.",
            Self::BodyTooLarge => "A body has at most 64 KB.",
            Self::InvalidValue => "This value cannot be.",
            Self::TokenInvalid => "This is no bot's token, or Telegram does not know it.",
            Self::AccountDiffers => "This token is of another bot; connect that one as a channel of its own.",
            Self::WebhookNotConfirmed => "Telegram does not confirm that the bot's messages come here.",
            Self::PreconditionRequired => "Say in If-Match which version you change.",
            Self::Internal => "Something is wrong on our side; it has been noted.",
            Self::TelegramUnavailable => "Telegram does not answer right now; try again.",
            Self::TryAgain => "This could not be done right now; try again.",
        }
    }
}

/// The body of every error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What is wrong.
    pub error: Problem,
}

impl ErrorBody {
    /// An error with a text of its own.
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self { error: Problem { code: code.as_str().to_owned(), text: text.into() } }
    }
}

/// What there is to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A ticket to open a connection with.
    Ticket,
    /// Closes the caller's connections.
    SignOut,
    /// All queues.
    ListQueues,
    /// A new queue.
    CreateQueue,
    /// One queue.
    GetQueue,
    /// Changes a queue.
    PutQueue,
    /// Deletes a queue.
    DeleteQueue,
    /// All roles.
    ListRoles,
    /// A new role.
    CreateRole,
    /// Changes a role.
    PutRole,
    /// Deletes a role.
    DeleteRole,
    /// A page of the people.
    ListOperators,
    /// Lets somebody in.
    CreateOperator,
    /// One person.
    GetOperator,
    /// Changes a person.
    PutOperator,
    /// All channels.
    ListChannels,
    /// Connects a Telegram bot (C4).
    ConnectTelegram,
    /// Connects a channel's bot again.
    ReconnectTelegram,
    /// One channel.
    GetChannel,
    /// Changes a channel.
    PutChannel,
    /// Deletes a channel.
    DeleteChannel,
    /// Whether a channel's messages come here (C3).
    ChannelHealth,
    /// All settings.
    ListSettings,
    /// One setting.
    GetSetting,
    /// Changes a setting.
    PutSetting,
}

/// An address of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// HTTP method.
    pub method: &'static str,
    /// Path, with `{…}` for what varies.
    pub path: &'static str,
    /// What it does.
    pub operation: Operation,
    /// Whether it takes a body.
    pub body: bool,
    /// Whether it asks for [`CAN_MANAGE_CHATS`].
    pub managers: bool,
    /// What may go wrong, beside what may go wrong everywhere.
    pub own_errors: &'static [Code],
}

impl Route {
    /// Everything that may go wrong.
    pub fn errors(&self) -> Vec<Code> {
        let mut errors = vec![Code::TokenRefused, Code::Internal, Code::TryAgain];
        if self.managers {
            errors.push(Code::RightMissing);
        }
        if self.body {
            errors.extend([Code::BadRequest, Code::BodyTooLarge]);
        }
        errors.extend(self.own_errors);
        errors.sort_unstable();
        errors
    }
}

const fn route(
    method: &'static str,
    path: &'static str,
    operation: Operation,
    body: bool,
    own_errors: &'static [Code],
) -> Route {
    let managers = !matches!(operation, Operation::Ticket | Operation::SignOut);
    Route { method, path, operation, body, managers, own_errors }
}

/// What a change with `If-Match` may meet.
const CHANGE: [Code; 4] = [Code::NotFound, Code::VersionConflict, Code::InvalidValue, Code::PreconditionRequired];
/// What connecting a bot may meet.
const CONNECT: [Code; 7] = [
    Code::NotFound,
    Code::AccountTaken,
    Code::LimitReached,
    Code::InvalidValue,
    Code::TokenInvalid,
    Code::WebhookNotConfirmed,
    Code::TelegramUnavailable,
];
/// What connecting it again may meet.
const RECONNECT: [Code; 6] = [
    Code::NotFound,
    Code::InvalidValue,
    Code::TokenInvalid,
    Code::AccountDiffers,
    Code::WebhookNotConfirmed,
    Code::TelegramUnavailable,
];

/// All of the API.
pub const ROUTES: [Route; 25] = [
    route("POST", "/api/ticket", Operation::Ticket, false, &[Code::NotAnOperator, Code::OperatorDisabled]),
    route("POST", "/api/sign-out", Operation::SignOut, false, &[]),
    route("GET", "/api/queues", Operation::ListQueues, false, &[]),
    route("POST", "/api/queues", Operation::CreateQueue, true, &[Code::InvalidValue, Code::LimitReached]),
    route("GET", "/api/queues/{id}", Operation::GetQueue, false, &[Code::NotFound]),
    route("PUT", "/api/queues/{id}", Operation::PutQueue, true, &CHANGE),
    route(
        "DELETE",
        "/api/queues/{id}",
        Operation::DeleteQueue,
        false,
        &[Code::NotFound, Code::QueueInUse, Code::VersionConflict],
    ),
    route("GET", "/api/roles", Operation::ListRoles, false, &[]),
    route("POST", "/api/roles", Operation::CreateRole, true, &[Code::InvalidValue, Code::LimitReached]),
    route("PUT", "/api/roles/{id}", Operation::PutRole, true, &CHANGE),
    route(
        "DELETE",
        "/api/roles/{id}",
        Operation::DeleteRole,
        false,
        &[Code::NotFound, Code::RoleInUse, Code::VersionConflict],
    ),
    route("GET", "/api/operators", Operation::ListOperators, false, &[Code::BadRequest]),
    route("POST", "/api/operators", Operation::CreateOperator, true, &[Code::InvalidValue, Code::EmailTaken]),
    route("GET", "/api/operators/{id}", Operation::GetOperator, false, &[Code::NotFound]),
    route("PUT", "/api/operators/{id}", Operation::PutOperator, true, &CHANGE),
    route("GET", "/api/channels", Operation::ListChannels, false, &[]),
    route("POST", "/api/channels/telegram", Operation::ConnectTelegram, true, &CONNECT),
    route("POST", "/api/channels/{id}/telegram", Operation::ReconnectTelegram, true, &RECONNECT),
    route("GET", "/api/channels/{id}", Operation::GetChannel, false, &[Code::NotFound]),
    route("PUT", "/api/channels/{id}", Operation::PutChannel, true, &CHANGE),
    route(
        "DELETE",
        "/api/channels/{id}",
        Operation::DeleteChannel,
        false,
        &[Code::NotFound, Code::ChannelHasChats, Code::VersionConflict],
    ),
    route(
        "GET",
        "/api/channels/{id}/health",
        Operation::ChannelHealth,
        false,
        &[Code::NotFound, Code::TelegramUnavailable],
    ),
    route("GET", "/api/settings", Operation::ListSettings, false, &[]),
    route("GET", "/api/settings/{code}", Operation::GetSetting, false, &[Code::NotFound]),
    route("PUT", "/api/settings/{code}", Operation::PutSetting, true, &[Code::NotFound, Code::InvalidValue]),
];

/// What an address leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// This, with what stood at the place that varies; empty if nothing does.
    Route(&'static Route, &'a str),
    /// Other methods only.
    OtherMethods(Vec<&'static str>),
    /// Nothing.
    Nothing,
}

/// Finds the route of a call.
pub fn find<'a>(method: &str, path: &'a str) -> Found<'a> {
    // The first that fits decides between a fixed address and one that varies ("telegram" is no channel's id).
    let fitting: Vec<_> =
        ROUTES.iter().filter_map(|route| fits(route.path, path).map(|varies| (route, varies))).collect();
    match fitting.iter().find(|(route, _)| route.method == method) {
        Some((route, varies)) => Found::Route(route, varies),
        None if fitting.is_empty() => Found::Nothing,
        None => Found::OtherMethods(fitting.iter().map(|(route, _)| route.method).collect()),
    }
}

/// What stands in the path where the pattern varies, if the path fits it; empty if nothing varies.
fn fits<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    let mut varies = "";
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(varies),
            (Some(wanted), Some(given)) if wanted.starts_with('{') && !given.is_empty() => varies = given,
            (Some(wanted), Some(given)) if wanted == given => {}
            _ => return None,
        }
    }
}

/// The answer to `POST /api/ticket`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketAnswer {
    /// Opens one connection: `wss://…?ticket=<this>`. 43 characters of base64url.
    pub ticket: String,
    /// How long, seconds.
    pub expires_in_s: i64,
    /// Who the caller is.
    pub operator: OperatorName,
}

/// Without the ticket: it is a secret for as long as it holds.
impl fmt::Debug for TicketAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketAnswer").field("operator", &self.operator).finish_non_exhaustive()
    }
}

/// Who somebody is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorName {
    /// Their id.
    pub id: OperatorId,
    /// Their name.
    pub name: String,
}

/// The answer to `GET /api/queues`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queues {
    /// All of them, by id.
    pub queues: Vec<Queue>,
}

/// The answer to `GET /api/roles`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    /// All of them, by id.
    pub roles: Vec<Role>,
}

/// The answer to `GET /api/operators`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operators {
    /// A page of them, by id.
    pub operators: Vec<User>,
    /// Where the next page begins (`after`), if there may be one.
    pub next: Option<String>,
}

/// The answer to `GET /api/channels`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channels {
    /// All of them, by id.
    pub channels: Vec<Channel>,
}

/// The body of `POST /api/channels/telegram`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct ConnectTelegram {
    /// The channel's name; none = the bot's.
    #[serde(default)]
    pub name: Option<String>,
    /// The bot's token.
    pub token: String,
}

/// The body of `POST /api/channels/{id}/telegram`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct ReconnectTelegram {
    /// The bot's token, as it is now.
    pub token: String,
}

/// Without the token (C9).
impl fmt::Debug for ConnectTelegram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectTelegram").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Without the token (C9).
impl fmt::Debug for ReconnectTelegram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconnectTelegram").finish_non_exhaustive()
    }
}

/// The answer to connecting a bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connected {
    /// The channel, as it is now.
    #[serde(flatten)]
    pub channel: Channel,
    /// What the manager should know: `webhook_taken_over: <host>` when the bot's messages went elsewhere until now (C3).
    pub warnings: Vec<String>,
}

/// The answer to `GET /api/channels/{id}/health`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether the bot's messages come here.
    pub ok: bool,
    /// Why not: `webhook_taken_over`, `webhook_missing`, `token_invalid`, `token_missing`.
    pub problem: Option<String>,
    /// The host they go to.
    pub webhook_host: Option<String>,
    /// How many wait at the messenger.
    pub pending_update_count: u64,
    /// When a delivery last failed, milliseconds since 1970.
    pub last_error_at_ms: Option<i64>,
    /// Why it failed, in the messenger's words.
    pub last_error: Option<String>,
}

/// A setting (P2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingView {
    /// Its code.
    pub code: String,
    /// The value that holds; null for one that is never shown (C9).
    pub value: SettingValue,
    /// The value when nobody set one.
    pub default: SettingValue,
    /// What it is for.
    pub description: String,
    /// Of one that is never shown: whether it is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<bool>,
}

/// The answer to `GET /api/settings`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// All of them.
    pub settings: Vec<SettingView>,
}

/// The body of `PUT /api/settings/{code}`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct SettingBody {
    /// The value; null takes the default.
    pub value: SettingValue,
}

/// The token of an `Authorization` header.
pub fn bearer(header: Option<&str>) -> Option<&str> {
    let (scheme, token) = header?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_where_the_table_says() {
        let check = |method: &str, path: &str, expected: Option<(Operation, &str)>| {
            let found = match find(method, path) {
                Found::Route(route, varies) => Some((route.operation, varies)),
                Found::OtherMethods(_) | Found::Nothing => None,
            };
            assert_eq!(found, expected, "{method} {path}");
        };
        check("GET", "/api/queues", Some((Operation::ListQueues, "")));
        check("PUT", "/api/queues/q-1", Some((Operation::PutQueue, "q-1")));
        check("POST", "/api/channels/telegram", Some((Operation::ConnectTelegram, "")));
        check("POST", "/api/channels/tg-1/telegram", Some((Operation::ReconnectTelegram, "tg-1")));
        check("GET", "/api/channels/tg-1/health", Some((Operation::ChannelHealth, "tg-1")));
        check("GET", "/api/queues/", None);
        check("GET", "/api/queues/q-1/x", None);
        check("GET", "/api", None);
        check("PATCH", "/api/queues", None);
        assert_eq!(find("PATCH", "/api/queues"), Found::OtherMethods(vec!["GET", "POST"]));
        assert_eq!(find("GET", "/"), Found::Nothing);
    }

    #[test]
    fn a_bearer_token_is_read_from_its_header() {
        for (header, token) in [
            (Some("Bearer abc"), Some("abc")),
            (Some("bearer  abc "), Some("abc")),
            (Some("Basic abc"), None),
            (Some("Bearer "), None),
            (Some("Bearer"), None),
            (None, None),
        ] {
            assert_eq!(bearer(header), token, "{header:?}");
        }
    }

    #[test]
    fn c9_what_carries_a_secret_does_not_print_it() {
        let body = ConnectTelegram { name: None, token: "1:secret".to_owned() };
        let again = ReconnectTelegram { token: "1:secret".to_owned() };
        assert!(!format!("{body:?}{again:?}").contains("secret"));
    }
}
