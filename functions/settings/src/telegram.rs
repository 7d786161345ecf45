//! What the function asks of Telegram, and what its answers mean here (C3, C4).

use messengers::call::Call;
use messengers::failure::FailureClass;
use messengers::telegram::{self, GetMe, Reply, WebhookInfo, read_reply, valid_token};
use ports::secrets::Secret;
use ports::{MessengerReply, MessengerTransport};
use serde_json::Value;
use wire::http::Code;

use crate::answer::Fault;
use crate::{Settings, World};

/// How many deliveries of one bot Telegram may have open at once: its own default, and room for a burst.
const WEBHOOK_CONNECTIONS_MAX: u8 = 40;

/// A token that has the shape of one; whose, Telegram says.
pub(crate) fn token(given: &str) -> Result<Secret, Fault> {
    let given = given.trim();
    if valid_token(given) { Ok(Secret::new(given)) } else { Err(Code::TokenInvalid.into()) }
}

/// The host of an address, for people.
pub(crate) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

impl<W: World> Settings<W> {
    /// Whose token it is.
    pub(crate) async fn get_me(&self, token: &Secret) -> Result<GetMe, Fault> {
        let result = self.ask(token, telegram::get_me(), Code::TelegramUnavailable).await?;
        GetMe::from_result(&result).ok_or_else(|| Code::TelegramUnavailable.into())
    }

    /// Where the bot's messages go.
    pub(crate) async fn webhook_info(&self, token: &Secret) -> Result<WebhookInfo, Fault> {
        let result = self.ask(token, telegram::get_webhook_info(), Code::TelegramUnavailable).await?;
        WebhookInfo::from_result(&result).ok_or_else(|| Code::TelegramUnavailable.into())
    }

    /// Has the bot's messages sent to this address, each with this secret.
    pub(crate) async fn set_webhook(&self, token: &Secret, url: &str, secret: &str) -> Result<(), Fault> {
        let request = telegram::set_webhook(url, secret, WEBHOOK_CONNECTIONS_MAX);
        self.ask(token, request, Code::WebhookNotConfirmed).await.map(drop)
    }

    /// Has the bot's messages sent nowhere.
    pub(crate) async fn delete_webhook(&self, token: &Secret) -> Result<(), Fault> {
        self.ask(token, telegram::delete_webhook(), Code::TelegramUnavailable).await.map(drop)
    }

    /// One call. `refused` = what it means if Telegram understands it and says no.
    async fn ask(&self, token: &Secret, call: Call, refused: Code) -> Result<Value, Fault> {
        let reply = match self.world.messengers().call(token.reveal(), &call).await {
            MessengerReply::Answered { status, body } => read_reply(status, &body),
            MessengerReply::NotSent(why) | MessengerReply::Unknown(why) => {
                tracing::warn!(method = call.method, why, "Telegram did not answer");
                return Err(Code::TelegramUnavailable.into());
            }
        };
        let failure = match reply {
            Reply::Ok(result) => return Ok(result),
            Reply::Err(failure) => failure,
        };
        tracing::warn!(method = call.method, code = failure.code, detail = failure.detail, "Telegram refused");
        Err(match failure.class {
            FailureClass::PermanentChannel => Code::TokenInvalid.into(),
            FailureClass::PermanentMessage | FailureClass::Configuration => {
                Fault::Said(refused, format!("{} Telegram says: {}", refused.text(), failure.detail))
            }
            _ => Code::TelegramUnavailable.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c3_the_host_of_an_address_is_shown_without_user_and_path() {
        for (url, shown) in [
            ("https://bots.example.com/hook/123:abc", "bots.example.com"),
            ("https://bots.example.com:8443?x", "bots.example.com:8443"),
            ("https://user:pass@bots.example.com/", "bots.example.com"),
            ("bots.example.com/x", "bots.example.com"),
            ("", ""),
        ] {
            assert_eq!(host(url), shown, "{url}");
        }
    }
}
