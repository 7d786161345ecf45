//! Bots and the customers who write to them, played by the messenger's simulator.

use reqwest::Method;
use serde_json::{Value, json};
use simulators::telegram::{Client, NewBot};

use crate::wait::SOON;

/// The header that carries the webhook's secret (Bot API, `setWebhook`).
pub const SECRET_HEADER: &str = "X-Telegram-Bot-Api-Secret-Token";

/// A bot at the simulator.
#[derive(Clone, Debug)]
pub struct Bot {
    /// The simulator.
    pub simulator: Client,
    /// The bot's token.
    pub token: String,
}

/// The webhook that a bot has been given.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Where its updates go.
    pub url: String,
    /// The secret that they carry.
    pub secret: String,
}

impl Bot {
    /// A new bot of this name.
    pub async fn create(simulator: &Client, name: &str) -> Self {
        let new = NewBot { token: None, name: Some(name.to_owned()), username: None };
        let token = simulator.create_bot(&new).await.unwrap_or_else(|error| panic!("a bot: {error}"));
        Self { simulator: simulator.clone(), token }
    }

    /// Asks the control API about this bot: `path` begins after the token.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let path = format!("/bots/{}{path}", self.token);
        self.simulator.ask(method, &path, body).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// A customer of this bot; the same id is the same customer.
    pub fn customer(&self, id: i64) -> Customer {
        Customer { bot: self.clone(), id }
    }

    /// The webhook that the system set last.
    pub async fn webhook(&self) -> Webhook {
        let calls = self.calls("setWebhook").await;
        let params = &calls.last().expect("a call of setWebhook")["params"];
        let text = |name: &str| params[name].as_str().unwrap_or_default().to_owned();
        Webhook { url: text("url"), secret: text("secret_token") }
    }

    /// All calls of a method, refused ones too, in order.
    pub async fn calls(&self, method: &str) -> Vec<Value> {
        list(&self.ask(Method::GET, &format!("/calls?method={method}"), None).await, "calls")
    }

    /// Waits until a method has been called so often, refused calls counted.
    pub async fn wait_for_calls(&self, method: &str, count: usize) -> Vec<Value> {
        let path = format!("/calls?method={method}&count={count}&wait_ms={}", SOON.as_millis());
        let calls = list(&self.ask(Method::GET, &path, None).await, "calls");
        assert!(calls.len() >= count, "{count} calls of {method} were expected, not {calls:#?}");
        calls
    }

    /// Orders faults.
    pub async fn order_faults(&self, faults: &Value) {
        self.simulator.order_faults(&self.token, faults).await.unwrap_or_else(|error| panic!("faults: {error}"));
    }

    /// Queues an update of the test's own, and waits until the system has it. Returns its delivery.
    pub async fn inject(&self, update: &Value) -> Value {
        let queued = self.simulator.inject(&self.token, update).await.unwrap_or_else(|error| panic!("inject: {error}"));
        let id = queued["update_id"].as_i64().expect("an update has an id");
        self.delivery(id).await
    }

    /// Waits until an update is delivered or given up.
    pub async fn delivery(&self, update_id: i64) -> Value {
        let delivery = self.simulator.wait_for_delivery(&self.token, update_id, SOON).await;
        delivery.unwrap_or_else(|error| panic!("delivery of {update_id}: {error}"))
    }
}

/// A customer.
#[derive(Clone, Debug)]
pub struct Customer {
    /// The bot that they write to.
    pub bot: Bot,
    /// Their id, which is that of their chat with the bot too.
    pub id: i64,
}

/// What became of a customer's message.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// The message.
    pub message_id: i64,
    /// The update that carries it.
    pub update_id: i64,
}

impl Customer {
    /// The name that operators see: the simulator calls its customers so.
    pub fn name(&self) -> String {
        format!("Customer {}", self.id)
    }

    /// Writes a text.
    pub async fn write(&self, text: &str) -> Written {
        self.write_message(&json!({"text": text})).await
    }

    /// Writes a message with these fields.
    pub async fn write_message(&self, message: &Value) -> Written {
        let answer = self.bot.simulator.write(&self.bot.token, self.id, message).await;
        let answer = answer.unwrap_or_else(|error| panic!("customer {}: {error}", self.id));
        let number = |name: &str| answer[name].as_i64().expect("a message has ids");
        Written { message_id: number("message_id"), update_id: number("update_id") }
    }

    /// Writes a text, and waits until the webhook has taken it in.
    pub async fn write_and_wait(&self, text: &str) -> Written {
        let written = self.write(text).await;
        self.bot.delivery(written.update_id).await;
        written
    }

    /// Changes a message of theirs.
    pub async fn edit(&self, message_id: i64, text: &str) {
        let changes = json!({"message_id": message_id, "text": text});
        let edited = self.bot.simulator.edit(&self.bot.token, self.id, &changes).await;
        edited.unwrap_or_else(|error| panic!("edit: {error}"));
    }

    /// Blocks the bot, or unblocks it.
    pub async fn set_blocked(&self, blocked: bool) {
        let done = self.bot.simulator.set_blocked(&self.bot.token, self.id, blocked).await;
        done.unwrap_or_else(|error| panic!("block: {error}"));
    }

    /// Waits until the bot has written them so many messages; their texts, in order.
    pub async fn received(&self, count: usize) -> Vec<String> {
        let sent = self.bot.simulator.wait_for_messages(&self.bot.token, Some(self.id), 0, count, SOON).await;
        let sent = sent.unwrap_or_else(|error| panic!("customer {}: {error}", self.id));
        sent.iter().map(|call| call["params"]["text"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// A list in an answer.
pub fn list(answer: &Value, name: &str) -> Vec<Value> {
    answer[name].as_array().cloned().unwrap_or_default()
}
