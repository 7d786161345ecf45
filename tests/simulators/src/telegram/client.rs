//! A client of the control API, for tests and the demonstration.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::NewBot;
use crate::client::{ClientError, ControlClient, list};

/// A client of a simulator's control API.
#[derive(Debug, Clone)]
pub struct Client(ControlClient);

impl Client {
    /// A client for the simulator at this URL, as [`super::Handle::url`] or the program's first line gives it.
    pub fn new(url: &str) -> Self {
        Self(ControlClient::new(url))
    }

    /// Asks the control API: `path` begins after `/control`.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        self.0.ask(method, path, body).await
    }

    /// Creates a bot and returns its token.
    pub async fn create_bot(&self, bot: &NewBot) -> Result<String, ClientError> {
        let made = self.ask(Method::POST, "/bots", Some(&json!(bot))).await?;
        Ok(made["token"].as_str().unwrap_or_default().to_owned())
    }

    /// The customer writes a message with these fields of `Message`. The answer tells `message_id` and `update_id`.
    pub async fn write(&self, token: &str, customer: i64, message: &Value) -> Result<Value, ClientError> {
        self.ask(Method::POST, &format!("/bots/{token}/customers/{customer}/messages"), Some(message)).await
    }

    /// The customer writes a text.
    pub async fn write_text(&self, token: &str, customer: i64, text: &str) -> Result<Value, ClientError> {
        self.write(token, customer, &json!({"text": text})).await
    }

    /// The customer edits the message with the `message_id` among `changes`.
    pub async fn edit(&self, token: &str, customer: i64, changes: &Value) -> Result<Value, ClientError> {
        self.ask(Method::POST, &format!("/bots/{token}/customers/{customer}/edits"), Some(changes)).await
    }

    /// The customer blocks the bot, or unblocks it.
    pub async fn set_blocked(&self, token: &str, customer: i64, blocked: bool) -> Result<Value, ClientError> {
        let verb = if blocked { "block" } else { "unblock" };
        self.ask(Method::POST, &format!("/bots/{token}/customers/{customer}/{verb}"), None).await
    }

    /// Queues an update of the caller's own.
    pub async fn inject(&self, token: &str, update: &Value) -> Result<Value, ClientError> {
        self.ask(Method::POST, &format!("/bots/{token}/updates"), Some(update)).await
    }

    /// Delivers an update `count` times at once. Returns the tries.
    pub async fn deliver_copies(&self, token: &str, update_id: i64, count: usize) -> Result<Vec<Value>, ClientError> {
        let path = format!("/bots/{token}/updates/{update_id}/copies");
        let answer = self.ask(Method::POST, &path, Some(&json!({"count": count}))).await?;
        Ok(list(&answer, "attempts"))
    }

    /// Orders a fault, or several in a list.
    pub async fn order_faults(&self, token: &str, faults: &Value) -> Result<Value, ClientError> {
        self.ask(Method::POST, &format!("/bots/{token}/faults"), Some(faults)).await
    }

    /// Uploads a file for a customer to send. Returns its `file_id`, for a message's `photo`, `document`, `voice`...
    pub async fn upload_file(
        &self,
        token: &str,
        name: &str,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<String, ClientError> {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("name", name).finish();
        let made = self.0.upload(&format!("/bots/{token}/files?{query}"), content_type, bytes).await?;
        Ok(made["file_id"].as_str().unwrap_or_default().to_owned())
    }

    /// The customer sends an uploaded file as `kind` (`photo`, `document`, `voice`...), with a text under it or none.
    pub async fn write_file(
        &self,
        token: &str,
        customer: i64,
        kind: &str,
        file_id: &str,
        caption: Option<&str>,
    ) -> Result<Value, ClientError> {
        let mut message = json!({kind: {"file_id": file_id}});
        if let Some(caption) = caption {
            message["caption"] = caption.into();
        }
        self.write(token, customer, &message).await
    }

    /// Orders how the download of a file answers: `expired`, `redirect_to`, `status`, `content_type`, `delay_ms`.
    pub async fn order_file(&self, token: &str, file_id: &str, order: &Value) -> Result<Value, ClientError> {
        self.ask(Method::PUT, &format!("/bots/{token}/files/{file_id}"), Some(order)).await
    }

    /// The bytes of a file, be it the bot's or a customer's.
    pub async fn read_file(&self, token: &str, file_id: &str) -> Result<Vec<u8>, ClientError> {
        self.0.bytes(&format!("/bots/{token}/files/{file_id}")).await
    }

    /// Waits until the bot has sent at least `count` messages (sendMessage) after position `after`, to `chat` or to
    /// all. Returns them; fails when they don't come within `wait`.
    pub async fn wait_for_messages(
        &self,
        token: &str,
        chat: Option<i64>,
        after: u64,
        count: usize,
        wait: Duration,
    ) -> Result<Vec<Value>, ClientError> {
        self.wait_for_sent(token, "sendMessage", chat, after, count, wait).await
    }

    /// As [`Self::wait_for_messages`], for calls of `method`, such as `sendPhoto`; their `file` tells `file_id`,
    /// `name`, `content_type`, `size`, `sha256` and `url`.
    pub async fn wait_for_sent(
        &self,
        token: &str,
        method: &str,
        chat: Option<i64>,
        after: u64,
        count: usize,
        wait: Duration,
    ) -> Result<Vec<Value>, ClientError> {
        let chat = chat.map(|id| format!("&chat_id={id}")).unwrap_or_default();
        let wait_ms = wait.as_millis();
        let path = format!("/bots/{token}/sent?method={method}&after={after}&count={count}&wait_ms={wait_ms}{chat}");
        let answer = self.ask(Method::GET, &path, None).await?;
        let sent = list(&answer, "sent");
        if sent.len() < count { Err(ClientError::TimedOut { waited: wait, last: answer }) } else { Ok(sent) }
    }

    /// Waits until an update is delivered or given up. Returns its delivery; fails when it isn't within `wait`.
    pub async fn wait_for_delivery(&self, token: &str, update_id: i64, wait: Duration) -> Result<Value, ClientError> {
        let wait_ms = wait.as_millis();
        let path = format!("/bots/{token}/deliveries?update_id={update_id}&settled=true&wait_ms={wait_ms}");
        let answer = self.ask(Method::GET, &path, None).await?;
        let delivery = list(&answer, "deliveries").pop().unwrap_or_default();
        if delivery["finished_ms"].is_null() && delivery["state"] != "not_allowed" && delivery["state"] != "copied" {
            return Err(ClientError::TimedOut { waited: wait, last: answer });
        }
        Ok(delivery)
    }

    /// The bot's counters.
    pub async fn counters(&self, token: &str) -> Result<Value, ClientError> {
        self.ask(Method::GET, &format!("/bots/{token}/counters"), None).await
    }
}
