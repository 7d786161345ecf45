//! Bodies about channels (C1-C7).

use std::fmt;

use domain::ChannelId;
use domain::config::Channel;
use serde::{Deserialize, Serialize};

use crate::operators::Problem;

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

/// The answer to connecting a bot or a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connected {
    /// The channel, as it is now.
    #[serde(flatten)]
    pub channel: Channel,
    /// What the manager should know: `webhook_taken_over: <host>` when the messages went elsewhere until now (C3),
    /// `receiver_by_hand` when the address is to be pasted at the provider (C7).
    pub warnings: Vec<String>,
    /// The address to paste, in that case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver_address: Option<String>,
}

/// The body of `POST /api/channels/messenger/sign-in`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SignInMessenger {
    /// Where Facebook is to send the person back to, with `code` and `state`.
    pub return_url: String,
}

/// Its answer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FacebookDialog {
    /// Where to send the person.
    pub url: String,
    /// What Facebook hands back; 43 characters of base64url.
    pub state: String,
}

/// Without the state.
impl fmt::Debug for FacebookDialog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FacebookDialog").finish_non_exhaustive()
    }
}

/// The body of `POST /api/channels/messenger/pages`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct ListPages {
    /// What Facebook handed over.
    pub code: String,
    /// What it handed back.
    pub state: String,
}

/// Without the code and the state.
impl fmt::Debug for ListPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListPages").finish_non_exhaustive()
    }
}

/// Its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pages {
    /// The person's pages, as many as there may be listed.
    pub pages: Vec<PageView>,
    /// Whether there are more.
    pub more: bool,
    /// Until when they may be connected, milliseconds since 1970.
    pub expires_at_ms: i64,
}

/// A page that may become a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageView {
    /// Facebook's number of it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it needs and the person or the sign-in lacks: tasks on the page (upper case), scopes (lower case).
    pub lacks: Vec<String>,
    /// The channel that has it already (C3): it would be connected again.
    pub channel: Option<ChannelName>,
}

/// Which channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelName {
    /// Its id.
    pub id: ChannelId,
    /// Its name.
    pub name: String,
}

/// The body of `POST /api/channels/messenger`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct ConnectMessenger {
    /// The state of the sign-in.
    pub state: String,
    /// Which pages.
    pub pages: Vec<String>,
}

/// Without the state.
impl fmt::Debug for ConnectMessenger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectMessenger").field("pages", &self.pages).finish_non_exhaustive()
    }
}

/// Its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectedPages {
    /// How each page fared, in the order asked.
    pub pages: Vec<ConnectedPage>,
    /// As in [`Connected`].
    pub warnings: Vec<String>,
}

/// How a page fared: either its channel, or why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectedPage {
    /// Which page.
    pub page: String,
    /// Its channel, as it is now.
    pub channel: Option<Channel>,
    /// Why it is not connected: the same call again goes on from there.
    pub error: Option<Problem>,
}

/// The body of `POST /api/channels/whatsapp`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct ConnectWhatsapp {
    /// The number that becomes a channel.
    pub phone_number: String,
    /// The number that the confirmation code is sent to.
    pub confirmation_phone_number: String,
    /// The account at Twilio, `AC…`.
    pub account_sid: String,
    /// Its primary auth token.
    pub auth_token: String,
    /// The channel's name; none = the number.
    #[serde(default)]
    pub name: Option<String>,
    /// The Messaging Service that the number belongs to, `MG…`, if it does.
    #[serde(default)]
    pub messaging_service_sid: Option<String>,
}

/// Without the token and the numbers.
impl fmt::Debug for ConnectWhatsapp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectWhatsapp").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Its answer: a code is on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirming {
    /// Names it when the code is told.
    pub confirmation: String,
    /// Until when, milliseconds since 1970.
    pub expires_at_ms: i64,
    /// Whether the number is the sandbox's.
    pub sandbox: bool,
    /// Where messages will come; in the sandbox it is pasted at Twilio by hand.
    pub receiver_address: String,
}

/// The body of `POST /api/channels/whatsapp/confirm`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct ConfirmWhatsapp {
    /// Which confirmation.
    pub confirmation: String,
    /// The six digits that came.
    pub code: String,
}

/// Without the code.
impl fmt::Debug for ConfirmWhatsapp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfirmWhatsapp").field("confirmation", &self.confirmation).finish_non_exhaustive()
    }
}

/// The body of `POST /api/channels/{id}/whatsapp`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct ReconnectWhatsapp {
    /// The account at Twilio that the number is in now.
    pub account_sid: String,
    /// Its primary auth token, as it is now.
    pub auth_token: String,
}

/// Without the token.
impl fmt::Debug for ReconnectWhatsapp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconnectWhatsapp").finish_non_exhaustive()
    }
}

/// The answer to `GET /api/channels/{id}/health`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether the messages come here and replies may go out.
    pub ok: bool,
    /// Why not: `webhook_taken_over`, `webhook_missing`, `token_invalid`, `token_missing`, `permission_missing`,
    /// `settings_missing`, `account_inactive`, `sender_missing`, `sender_offline`.
    pub problem: Option<String>,
    /// The host they go to.
    pub webhook_host: Option<String>,
    /// How many wait at the messenger, where it tells (Telegram).
    pub pending_update_count: u64,
    /// When a delivery last failed, milliseconds since 1970, where it tells.
    pub last_error_at_ms: Option<i64>,
    /// Why it failed, in the messenger's words.
    pub last_error: Option<String>,
    /// What a page lacks of permission (C5).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<String>,
    /// Whether another app may be the page's primary receiver: Facebook shares its conversations out among apps (C6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routed: Option<bool>,
    /// The address to paste at the provider by hand (C7: the sandbox).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver_address: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c9_what_carries_a_secret_does_not_print_it() {
        let body = ConnectTelegram { name: None, token: "1:secret".to_owned() };
        let again = ReconnectTelegram { token: "1:secret".to_owned() };
        assert!(!format!("{body:?}{again:?}").contains("secret"));
        let secret = || "secret".to_owned();
        let whatsapp = ConnectWhatsapp {
            phone_number: secret(),
            confirmation_phone_number: secret(),
            account_sid: secret(),
            auth_token: secret(),
            name: None,
            messaging_service_sid: None,
        };
        let dialog = FacebookDialog { url: secret(), state: secret() };
        let pages = ListPages { code: secret(), state: secret() };
        let connect = ConnectMessenger { state: secret(), pages: Vec::new() };
        let confirm = ConfirmWhatsapp { confirmation: String::new(), code: secret() };
        let again = ReconnectWhatsapp { account_sid: secret(), auth_token: secret() };
        let printed = format!("{whatsapp:?}{dialog:?}{pages:?}{connect:?}{confirm:?}{again:?}");
        assert!(!printed.contains("secret"), "{printed}");
    }
}
