//! A client of the control API, for tests and the demonstration.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{NewApp, NewPage};
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

    async fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// A customer of a page does something: `what` is the last part of the path.
    async fn act(&self, page: &str, psid: &str, what: &str, body: &Value) -> Result<Value, ClientError> {
        self.post(&format!("/pages/{page}/customers/{psid}/{what}"), body).await
    }

    /// Creates an app. Returns it with `id` and `secret`.
    pub async fn create_app(&self, app: &NewApp) -> Result<Value, ClientError> {
        self.post("/apps", &json!(app)).await
    }

    /// Creates a page. Returns it with `id`.
    pub async fn create_page(&self, page: &NewPage) -> Result<Value, ClientError> {
        self.post("/pages", &json!(page)).await
    }

    /// Signs the person in without a browser. `ask` is what the dialog's query has (`client_id`, `redirect_uri`,
    /// `state`, `scope`), `decision` what the person chooses (`pages`, `declined`, `deny`). Returns the address to
    /// which the browser would be sent.
    pub async fn sign_in(&self, ask: &Value, decision: &Value) -> Result<String, ClientError> {
        let mut order = ask.clone();
        order["decision"] = decision.clone();
        let answer = self.post("/login", &order).await?;
        Ok(answer["location"].as_str().unwrap_or_default().to_owned())
    }

    /// An access token without a login, with all permissions: of a page, or of the person.
    pub async fn make_token(&self, app: &str, page: Option<&str>) -> Result<String, ClientError> {
        let made = self.post("/tokens", &json!({"app_id": app, "page_id": page})).await?;
        Ok(made["access_token"].as_str().unwrap_or_default().to_owned())
    }

    /// Breaks tokens: `how` is `expired`, `revoked` or `deauthorised`; those of a page, or all.
    pub async fn break_tokens(&self, how: &str, page: Option<&str>) -> Result<Value, ClientError> {
        self.post("/tokens/break", &json!({"how": how, "page_id": page})).await
    }

    /// Makes an app the page's primary receiver, or none.
    pub async fn set_primary(&self, page: &str, app: Option<&str>) -> Result<Value, ClientError> {
        self.ask(Method::PUT, &format!("/pages/{page}/primary"), Some(&json!({"app_id": app}))).await
    }

    /// Sets what happens by itself when the page writes: `echo` (`after`, `before`, `never`), `deliver`, `read`.
    pub async fn set_behaviour(&self, page: &str, behaviour: &Value) -> Result<Value, ClientError> {
        self.ask(Method::PUT, &format!("/pages/{page}/behaviour"), Some(behaviour)).await
    }

    /// The customer writes a message with these fields of `message`. The answer tells `mid`, `timestamp` and the
    /// orders of its `deliveries`.
    pub async fn write(&self, page: &str, psid: &str, message: &Value) -> Result<Value, ClientError> {
        self.act(page, psid, "messages", message).await
    }

    /// The customer writes a text.
    pub async fn write_text(&self, page: &str, psid: &str, text: &str) -> Result<Value, ClientError> {
        self.write(page, psid, &json!({"text": text})).await
    }

    /// The customer edits an own message.
    pub async fn edit(&self, page: &str, psid: &str, mid: &str, text: &str) -> Result<Value, ClientError> {
        self.act(page, psid, "edits", &json!({"mid": mid, "text": text})).await
    }

    /// The customer reacts to a message (`love`, `like`...), or takes the reaction back.
    pub async fn react(&self, page: &str, psid: &str, mid: &str, reaction: Option<&str>) -> Result<Value, ClientError> {
        self.act(page, psid, "reactions", &json!({"mid": mid, "reaction": reaction})).await
    }

    /// The customer presses a button.
    pub async fn press(&self, page: &str, psid: &str, title: &str, payload: &str) -> Result<Value, ClientError> {
        self.act(page, psid, "postbacks", &json!({"title": title, "payload": payload})).await
    }

    /// The customer has read everything.
    pub async fn read_all(&self, page: &str, psid: &str) -> Result<Value, ClientError> {
        self.act(page, psid, "read", &json!({})).await
    }

    /// The customer blocks the page, or unblocks it.
    pub async fn set_blocked(&self, page: &str, psid: &str, blocked: bool) -> Result<Value, ClientError> {
        let verb = if blocked { "block" } else { "unblock" };
        self.ask(Method::POST, &format!("/pages/{page}/customers/{psid}/{verb}"), None).await
    }

    /// As if the customer had last written so long ago.
    pub async fn shift_window(&self, page: &str, psid: &str, ago: Duration) -> Result<Value, ClientError> {
        let ms = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
        self.act(page, psid, "window", &json!({"last_message_ms_ago": ms})).await
    }

    /// The bot answers with these fields of `message`; `app_id` among them lets another app answer.
    pub async fn bot_reply(&self, page: &str, psid: &str, message: &Value) -> Result<Value, ClientError> {
        self.act(page, psid, "replies", message).await
    }

    /// The bot passes the thread to the subscribed app.
    pub async fn bot_pass(&self, page: &str, psid: &str, metadata: &str) -> Result<Value, ClientError> {
        self.act(page, psid, "handover", &json!({"move": "pass", "metadata": metadata})).await
    }

    /// The bot takes the thread back.
    pub async fn bot_take(&self, page: &str, psid: &str) -> Result<Value, ClientError> {
        self.act(page, psid, "handover", &json!({"move": "take"})).await
    }

    /// Sends an event of the caller's own to the page's apps, in `messaging` or `standby`.
    pub async fn inject(&self, page: &str, channel: &str, event: &Value) -> Result<Value, ClientError> {
        self.post(&format!("/pages/{page}/events"), &json!({"channel": channel, "event": event})).await
    }

    /// Sends a whole body of the caller's own to an app's webhook; `signature` is `valid`, `wrong`, `legacy_only` or
    /// `none`. Returns its order.
    pub async fn send_raw(&self, app: &str, body: &Value, signature: &str) -> Result<u64, ClientError> {
        let answer = self.post(&format!("/apps/{app}/raw?signature={signature}"), body).await?;
        Ok(answer["order"].as_u64().unwrap_or_default())
    }

    /// Holds an app's events back from now on.
    pub async fn hold(&self, app: &str) -> Result<Value, ClientError> {
        self.ask(Method::PUT, &format!("/apps/{app}/holding"), Some(&json!({"hold": true}))).await
    }

    /// Lets go of what was held back, in one delivery.
    pub async fn release_together(&self, app: &str) -> Result<Value, ClientError> {
        let order = json!({"hold": false, "together": true});
        self.ask(Method::PUT, &format!("/apps/{app}/holding"), Some(&order)).await
    }

    /// Makes a delivery's POST `count` times at once. Returns the tries.
    pub async fn deliver_copies(&self, order: u64, count: usize) -> Result<Vec<Value>, ClientError> {
        let answer = self.post(&format!("/deliveries/{order}/copies"), &json!({"count": count})).await?;
        Ok(list(&answer, "attempts"))
    }

    /// Orders how the CDN answers for a file: `expired`, `redirect_to`, `status`, `content_type`.
    pub async fn order_file(&self, file: &str, order: &Value) -> Result<Value, ClientError> {
        self.ask(Method::PUT, &format!("/files/{file}"), Some(order)).await
    }

    /// Orders a fault, or several in a list.
    pub async fn order_faults(&self, faults: &Value) -> Result<Value, ClientError> {
        self.post("/faults", faults).await
    }

    /// Waits until at least `count` messages and actions were sent after position `after`, to a customer or to all.
    /// Returns them; fails when they don't come within `wait`.
    pub async fn wait_for_sent(
        &self,
        psid: Option<&str>,
        after: u64,
        count: usize,
        wait: Duration,
    ) -> Result<Vec<Value>, ClientError> {
        let psid = psid.map(|id| format!("&psid={id}")).unwrap_or_default();
        let path = format!("/sent?after={after}&count={count}&wait_ms={}{psid}", wait.as_millis());
        let answer = self.ask(Method::GET, &path, None).await?;
        let sent = list(&answer, "sent");
        if sent.len() < count { Err(ClientError::TimedOut { waited: wait, last: answer }) } else { Ok(sent) }
    }

    /// Waits until a delivery is answered or given up. Returns it; fails when it isn't within `wait`.
    pub async fn wait_for_delivery(&self, order: u64, wait: Duration) -> Result<Value, ClientError> {
        let path = format!("/deliveries?order={order}&settled=true&wait_ms={}", wait.as_millis());
        let answer = self.ask(Method::GET, &path, None).await?;
        match list(&answer, "deliveries").pop() {
            Some(delivery) if delivery["state"] != "pending" => Ok(delivery),
            _ => Err(ClientError::TimedOut { waited: wait, last: answer }),
        }
    }

    /// The conversation as the customer page shows it.
    pub async fn conversation(&self, page: &str, psid: &str) -> Result<Value, ClientError> {
        self.ask(Method::GET, &format!("/pages/{page}/customers/{psid}"), None).await
    }

    /// The counters.
    pub async fn counters(&self) -> Result<Value, ClientError> {
        self.ask(Method::GET, "/counters", None).await
    }
}
