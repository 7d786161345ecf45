//! The HTTP API: sign-in and "Chat settings"; `infra/docs/api/settings.openapi.json` describes it, and a test holds the two
//! together.
//!
//! JSON both ways. An error is `{"error":{"code","text"}}`: the code is stable and for programs, the text is for people and
//! never repeats what was sent (C9). A changed thing carries its version as `ETag`; whoever changes it names that in `If-Match`.

mod channel;
mod code;
mod route;

use std::fmt;

use domain::OperatorId;
use domain::config::{Queue, Role, User};
pub use domain::settings::{ChannelDraft, QueueDraft, RoleDraft, SettingValue, UserChange, UserDraft};
use serde::{Deserialize, Serialize};

pub use self::channel::{
    ChannelName, Channels, ConfirmWhatsapp, Confirming, ConnectMessenger, ConnectTelegram, ConnectWhatsapp, Connected,
    ConnectedPage, ConnectedPages, FacebookDialog, Health, ListPages, PageView, Pages, ReconnectTelegram,
    ReconnectWhatsapp, SignInMessenger,
};
pub use self::code::Code;
pub use self::route::{Found, Operation, ROUTES, Route, find};
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
}
