//! A client of the control API, for tests and the demonstration.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{NewAccount, NewSender};
use crate::client::{ClientError, ControlClient, list};

/// A client of a simulator's control API. `account` is an account's SID, `customer` a number or a user's id.
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

    async fn post(&self, account: &str, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.ask(Method::POST, &format!("/accounts/{account}{path}"), Some(body)).await
    }

    /// Creates an account. The answer has `sid`, `auth_token`, `verify_service_sid` and `senders`.
    pub async fn create_account(&self, account: &NewAccount) -> Result<Value, ClientError> {
        self.ask(Method::POST, "/accounts", Some(&json!(account))).await
    }

    /// The account, with its secrets.
    pub async fn account(&self, account: &str) -> Result<Value, ClientError> {
        self.ask(Method::GET, &format!("/accounts/{account}"), None).await
    }

    /// Changes the account: `status`, `type`, `auth_token`, `verified` numbers.
    pub async fn set_account(&self, account: &str, changes: &Value) -> Result<Value, ClientError> {
        self.ask(Method::PUT, &format!("/accounts/{account}"), Some(changes)).await
    }

    /// Creates a WhatsApp sender.
    pub async fn create_sender(&self, account: &str, sender: &NewSender) -> Result<Value, ClientError> {
        self.post(account, "/senders", &json!(sender)).await
    }

    /// Sets a number's receivers, and perhaps its `status`, by hand, as one does in Twilio's console; the only way for
    /// the sandbox. Fields as in the Senders API's `webhook`.
    pub async fn set_receiver(&self, account: &str, number: &str, webhook: &Value) -> Result<Value, ClientError> {
        let path = format!("/accounts/{account}/senders/{number}");
        self.ask(Method::PUT, &path, Some(&json!({"webhook": webhook}))).await
    }

    /// The customer writes; fields as in the control API. The answer tells `message_sid` and `order`.
    pub async fn write(&self, account: &str, customer: &str, message: &Value) -> Result<Value, ClientError> {
        self.post(account, &format!("/customers/{customer}/messages"), message).await
    }

    /// The customer writes a text to the account's first sender.
    pub async fn write_text(&self, account: &str, customer: &str, text: &str) -> Result<Value, ClientError> {
        self.write(account, customer, &json!({"body": text})).await
    }

    /// The customer writes, and the message is delivered `count` times at once. Returns the tries.
    pub async fn write_copies(
        &self,
        account: &str,
        customer: &str,
        message: &Value,
        count: usize,
    ) -> Result<Vec<Value>, ClientError> {
        let path = format!("/customers/{customer}/messages?copies={count}");
        Ok(list(&self.post(account, &path, message).await?, "attempts"))
    }

    /// The customer takes part in the account's sandbox.
    pub async fn join_sandbox(&self, account: &str, customer: &str) -> Result<Value, ClientError> {
        self.post(account, &format!("/customers/{customer}/join"), &json!({})).await
    }

    /// The customer reads all messages of `number`, the account's first sender if left out.
    pub async fn read(&self, account: &str, customer: &str, number: Option<&str>) -> Result<Value, ClientError> {
        self.post(account, &format!("/customers/{customer}/read"), &json!({"to": number})).await
    }

    /// The customer blocks the account's first sender, or unblocks it.
    pub async fn set_blocked(&self, account: &str, customer: &str, blocked: bool) -> Result<Value, ClientError> {
        let verb = if blocked { "block" } else { "unblock" };
        self.post(account, &format!("/customers/{customer}/{verb}"), &json!({})).await
    }

    /// Delivers a webhook of the caller's own: `params` or `form`, `kind`, `to`, `signature`.
    pub async fn inject(&self, account: &str, webhook: &Value) -> Result<Value, ClientError> {
        self.post(account, "/webhooks", webhook).await
    }

    /// Delivers a webhook again, `count` times at once. Returns the tries.
    pub async fn deliver_copies(&self, account: &str, order: u64, count: usize) -> Result<Vec<Value>, ClientError> {
        let answer = self.post(account, &format!("/deliveries/{order}/copies"), &json!({"count": count})).await?;
        Ok(list(&answer, "attempts"))
    }

    /// Gives a message further statuses, each its name or an object.
    pub async fn add_statuses(&self, account: &str, message: &str, statuses: &Value) -> Result<Value, ClientError> {
        self.post(account, &format!("/messages/{message}/statuses"), &json!({"statuses": statuses})).await
    }

    /// Orders what becomes of the next messages, one order or several in a list.
    pub async fn order_outcomes(&self, account: &str, outcomes: &Value) -> Result<Value, ClientError> {
        self.post(account, "/outcomes", outcomes).await
    }

    /// Orders a fault, or several in a list.
    pub async fn order_faults(&self, account: &str, faults: &Value) -> Result<Value, ClientError> {
        self.post(account, "/faults", faults).await
    }

    /// Moves the simulator's time forward.
    pub async fn advance(&self, by: Duration) -> Result<Value, ClientError> {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.ask(Method::POST, "/clock", Some(&json!({"advance_ms": ms}))).await
    }

    /// Waits until at least `count` messages were taken (`messages.create`) after position `after`, for `to` or for
    /// all. Returns the calls; fails when they don't come within `wait`.
    pub async fn wait_for_messages(
        &self,
        account: &str,
        to: Option<&str>,
        after: u64,
        count: usize,
        wait: Duration,
    ) -> Result<Vec<Value>, ClientError> {
        let to = to.map(|to| format!("&to={to}")).unwrap_or_default().replace('+', "%2B");
        let wait_ms = wait.as_millis();
        let path =
            format!("/accounts/{account}/sent?call=messages.create&after={after}&count={count}&wait_ms={wait_ms}{to}");
        let answer = self.ask(Method::GET, &path, None).await?;
        let sent = list(&answer, "sent");
        if sent.len() < count { Err(ClientError::TimedOut { waited: wait, last: answer }) } else { Ok(sent) }
    }

    /// Waits until a webhook is delivered or given up. Returns it; fails when it isn't within `wait`.
    pub async fn wait_for_delivery(&self, account: &str, order: u64, wait: Duration) -> Result<Value, ClientError> {
        let wait_ms = wait.as_millis();
        let path = format!("/accounts/{account}/deliveries?order={order}&settled=true&wait_ms={wait_ms}");
        let answer = self.ask(Method::GET, &path, None).await?;
        match list(&answer, "deliveries").pop() {
            Some(delivery) if delivery["state"] != "pending" => Ok(delivery),
            _ => Err(ClientError::TimedOut { waited: wait, last: answer }),
        }
    }

    /// Waits until a message has this status. Returns it as the API shows it; fails when it hasn't within `wait`.
    pub async fn wait_for_status(
        &self,
        account: &str,
        message: &str,
        status: &str,
        wait: Duration,
    ) -> Result<Value, ClientError> {
        let wait_ms = wait.as_millis();
        let path = format!("/accounts/{account}/messages/{message}?status={status}&wait_ms={wait_ms}");
        let answer = self.ask(Method::GET, &path, None).await?;
        if answer["status"] == status { Ok(answer) } else { Err(ClientError::TimedOut { waited: wait, last: answer }) }
    }

    /// The account's media and who fetched them.
    pub async fn media(&self, account: &str) -> Result<Vec<Value>, ClientError> {
        Ok(list(&self.ask(Method::GET, &format!("/accounts/{account}/media"), None).await?, "media"))
    }

    /// The account's counters.
    pub async fn counters(&self, account: &str) -> Result<Value, ClientError> {
        self.ask(Method::GET, &format!("/accounts/{account}/counters"), None).await
    }
}
