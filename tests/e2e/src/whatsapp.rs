//! Numbers at Twilio and the customers who write to them on WhatsApp, played by Twilio's simulator; and a world whose channel
//! is one.

use domain::config::{Channel, Queue, Role, Rule};
use domain::{ChatId, OfferId};
use reqwest::Method;
use serde_json::{Value, json};
use simulators::twilio::{Client, NewAccount, NewSender};
use tokio::time::{Instant, sleep_until};
use wire::http::{Confirming, Connected, QueueDraft};
use wire::operators::ChatView;

use crate::api::Reply;
use crate::customer::list;
use crate::person::Person;
use crate::wait::{SOON, eventually};
use crate::window::Window;
use crate::world::{ACCEPT_TIMEOUT_MIN, CONFIGURATION_AGE_MAX, Ground, draft};

/// The number of Twilio's sandbox, which all accounts share: a stack has one channel for it.
pub const SANDBOX_NUMBER: &str = "+14155238886";
/// How many digits a confirmation code has.
const CODE_DIGITS: usize = 6;

/// A phone number that nobody else uses.
pub fn number() -> String {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    format!("+4930{:09}", u64::from_le_bytes(bytes) % 1_000_000_000)
}

/// A stack, and a manager of the test's own: of a person, one confirmation is under way.
#[derive(Clone, Debug)]
pub struct Twilio {
    /// The stack, with that manager.
    pub ground: Ground,
    /// The simulator.
    pub simulator: Client,
}

impl Twilio {
    /// The stack that the environment names.
    pub async fn enter() -> Self {
        let ground = Ground::enter().await.with_own_manager("Wanda").await;
        let simulator = Client::new(&ground.stack.simulators.whatsapp);
        Self { ground, simulator }
    }

    /// A new account with one number, and a person whose number gets the codes: they have written to it, without which
    /// WhatsApp would not let it write to them.
    pub async fn account(&self) -> Account {
        let account = self.account_of(&number()).await;
        account.customer_of(&account.confirmer).write("Hello").await;
        account
    }

    /// A new account with this number; nobody has written to it.
    pub async fn account_of(&self, number: &str) -> Account {
        let senders = vec![NewSender { number: number.to_owned(), ..NewSender::default() }];
        let new = NewAccount { senders, ..NewAccount::default() };
        let made = self.simulator.create_account(&new).await.unwrap_or_else(|error| panic!("an account: {error}"));
        let text = |name: &str| made[name].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        Account {
            simulator: self.simulator.clone(),
            sid: text("sid"),
            token: text("auth_token"),
            number: number.to_owned(),
            confirmer: self::number(),
        }
    }

    /// Begins to connect an account's number.
    pub async fn begin(&self, account: &Account) -> Reply {
        self.begin_with(account, &json!({})).await
    }

    /// The same, with these fields changed.
    pub async fn begin_with(&self, account: &Account, changes: &Value) -> Reply {
        let mut body = json!({
            "phone_number": account.number,
            "confirmation_phone_number": account.confirmer,
            "account_sid": account.sid,
            "auth_token": account.token,
        });
        body.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        self.ground.manager.post("/api/channels/whatsapp", &body).await
    }

    /// Tells a code.
    pub async fn confirm(&self, confirming: &Confirming, code: &str) -> Reply {
        let body = json!({"confirmation": confirming.confirmation, "code": code});
        self.ground.manager.post("/api/channels/whatsapp/confirm", &body).await
    }

    /// Connects an account's number; its channel, inactive and bound to nothing.
    pub async fn connect(&self, account: &Account) -> Channel {
        let confirming: Confirming = self.begin(account).await.read();
        let code = account.code().await;
        let connected: Connected = self.confirm(&confirming, &code).await.read();
        connected.channel
    }

    /// Gives a channel other credentials.
    pub async fn reconnect(&self, channel: &Channel, account: &Account) -> Reply {
        let body = json!({"account_sid": account.sid, "auth_token": account.token});
        self.ground.manager.post(&format!("/api/channels/{}/whatsapp", channel.id), &body).await
    }
}

/// An account at Twilio with a number.
#[derive(Clone, Debug)]
pub struct Account {
    /// The simulator.
    pub simulator: Client,
    /// Its SID.
    pub sid: String,
    /// Its auth token.
    pub token: String,
    /// Its number.
    pub number: String,
    /// The number that confirmation codes go to.
    pub confirmer: String,
}

impl Account {
    /// Asks the control API about this account: `path` begins after its SID.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let path = format!("/accounts/{}{path}", self.sid);
        self.simulator.ask(method, &path, body).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// A new customer of this account's number.
    pub fn customer(&self) -> Texter {
        self.customer_of(&number())
    }

    /// The customer of this number, or id.
    pub fn customer_of(&self, id: &str) -> Texter {
        Texter { account: self.clone(), id: id.to_owned(), name: format!("Texter {id}") }
    }

    /// The code that was sent to the confirmation number last: whoever was asked to try again has begun twice.
    pub async fn code(&self) -> String {
        let texts = self.customer_of(&self.confirmer).received_texts(1).await;
        let digits: String = texts[texts.len() - 1].chars().filter(char::is_ascii_digit).collect();
        assert_eq!(digits.len(), CODE_DIGITS, "a code was expected: {texts:?}");
        digits
    }

    /// Where the number's messages go, as Twilio's Senders API has it.
    pub async fn receiver(&self) -> Value {
        let account = self.ask(Method::GET, "", None).await;
        let sender = list(&account, "senders").into_iter().find(|sender| sender["number"] == self.number.as_str());
        sender.unwrap_or_else(|| panic!("{account}"))["webhook"].clone()
    }

    /// Sets the status of the number.
    pub async fn set_sender_status(&self, status: &str) {
        self.ask(Method::PUT, &format!("/senders/{}", self.number), Some(&json!({"status": status}))).await;
    }

    /// Orders faults of this account's calls.
    pub async fn order_faults(&self, faults: &Value) {
        self.simulator.order_faults(&self.sid, faults).await.unwrap_or_else(|error| panic!("faults: {error}"));
    }

    /// All webhooks of a message, each with its attempts.
    pub async fn webhooks(&self, message_sid: &str) -> Vec<Value> {
        list(&self.ask(Method::GET, &format!("/deliveries?message_sid={message_sid}"), None).await, "deliveries")
    }
}

/// A customer of an account's number.
#[derive(Clone, Debug)]
pub struct Texter {
    /// The account.
    pub account: Account,
    /// Their phone number, or WhatsApp's id of them, if they show none.
    pub id: String,
    /// The name of their profile.
    pub name: String,
}

/// What became of a customer's message.
#[derive(Clone, Debug)]
pub struct Texted {
    /// Twilio's id of the message.
    pub sid: String,
    /// The webhook that tells of it.
    pub order: u64,
}

impl Texter {
    /// The name of their profile.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// Writes a text.
    pub async fn write(&self, text: &str) -> Texted {
        self.write_message(&json!({"body": text})).await
    }

    /// Writes a message with these fields of the control API.
    pub async fn write_message(&self, message: &Value) -> Texted {
        let mut message = message.clone();
        message["profile_name"] = json!(self.name());
        message["to"] = json!(self.account.number);
        let answer = self.account.simulator.write(&self.account.sid, &self.id, &message).await;
        let answer = answer.unwrap_or_else(|error| panic!("customer {}: {error}", self.id));
        let sid = answer["message_sid"].as_str().expect("a message has an id").to_owned();
        Texted { sid, order: answer["order"].as_u64().unwrap_or_default() }
    }

    /// Waits until the webhook of a message is answered or given up; its delivery.
    pub async fn delivery(&self, texted: &Texted) -> Value {
        let delivery = self.account.simulator.wait_for_delivery(&self.account.sid, texted.order, SOON).await;
        delivery.unwrap_or_else(|error| panic!("delivery {}: {error}", texted.order))
    }

    /// Waits until the webhook has taken a message.
    pub async fn taken(&self, texted: &Texted) {
        let delivery = self.delivery(texted).await;
        assert_eq!(delivery["state"], "delivered", "{delivery}");
    }

    /// Waits for the offer of their chat.
    pub async fn offered(&self, window: &Window) -> (OfferId, ChatView) {
        window.offered(&self.name()).await
    }

    /// Waits for the offer of their chat, and accepts it.
    pub async fn accepted_by(&self, window: &Window) -> ChatView {
        window.accept_from(&self.name()).await
    }

    /// Waits until the number has written them so many messages; the calls that did, in order.
    pub async fn received(&self, count: usize) -> Vec<Value> {
        let sent = self.account.simulator.wait_for_messages(&self.account.sid, Some(&self.id), 0, count, SOON).await;
        sent.unwrap_or_else(|error| panic!("customer {}: {error}", self.id))
    }

    /// The texts of those messages.
    pub async fn received_texts(&self, count: usize) -> Vec<String> {
        let received = self.received(count).await;
        received.iter().map(|call| call["params"]["Body"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// All calls that were to write to them, refused ones too.
    pub async fn calls(&self) -> Vec<Value> {
        let path = format!("/calls?call=messages.create&to={}", self.id.replace('+', "%2B"));
        list(&self.account.ask(Method::GET, &path, None).await, "calls")
    }

    /// Waits until a message to them has this status at Twilio; the message.
    pub async fn status(&self, sid: &str, status: &str) -> Value {
        let found = self.account.simulator.wait_for_status(&self.account.sid, sid, status, SOON).await;
        found.unwrap_or_else(|error| panic!("{sid} {status}: {error}"))
    }

    /// Reads everything.
    pub async fn read(&self) {
        let read = self.account.simulator.read(&self.account.sid, &self.id, Some(&self.account.number)).await;
        read.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Orders what becomes of the next message to them.
    pub async fn order_outcome(&self, statuses: &Value) {
        let order = json!({"to": self.id, "statuses": statuses});
        let ordered = self.account.simulator.order_outcomes(&self.account.sid, &order).await;
        ordered.unwrap_or_else(|error| panic!("outcome: {error}"));
    }
}

/// A world whose channel is a number on WhatsApp.
#[derive(Clone, Debug)]
pub struct Hotline {
    /// Twilio, and the stack.
    pub twilio: Twilio,
    /// The role that serves the queue.
    pub role: Role,
    /// The queue.
    pub queue: Queue,
    /// The account and its number.
    pub account: Account,
    /// Its channel, active and bound to the queue.
    pub channel: Channel,
}

impl Hotline {
    /// A hotline.
    pub async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// A hotline whose queue is changed before it is made.
    pub async fn open_with(change: impl FnOnce(&mut QueueDraft)) -> Self {
        let twilio = Twilio::enter().await;
        let ground = &twilio.ground;
        ground.manager.set("OmniChatOperatorAcceptChatTimeout", &json!(ACCEPT_TIMEOUT_MIN)).await;
        let role = ground.role().await;
        let mut wanted = draft(Rule::MostFree);
        wanted.roles.push(role.id.clone());
        change(&mut wanted);
        let queue = ground.queue(&wanted).await;
        let account = twilio.account().await;
        let channel = twilio.connect(&account).await;
        let channel = ground.bind(&channel, &queue).await;
        let hotline = Self { twilio, role, queue, account, channel };
        hotline.settle().await;
        hotline
    }

    /// Waits until every process must have read the configuration anew: nothing tells when the last of them has.
    pub async fn settle(&self) {
        sleep_until(Instant::now() + CONFIGURATION_AGE_MAX).await;
    }

    /// A new operator of the hotline's role, who can sign in but is not online.
    pub async fn operator(&self, name: &str) -> Person {
        let ground = &self.twilio.ground;
        ground.new_operator(name, std::slice::from_ref(&self.role.id), None).await
    }

    /// The HTTP client of everybody.
    pub fn http(&self) -> &reqwest::Client {
        &self.twilio.ground.http
    }

    /// The channel, as managers see it now.
    pub async fn channel_now(&self) -> Channel {
        self.twilio.ground.channel(&self.channel).await
    }

    /// As if a chat's customer had last written at this time, milliseconds since 1970: nobody can wait for a day.
    pub async fn set_last_word(&self, chat: &ChatId, at_ms: i64) {
        self.twilio.ground.aws.set_last_word(chat, at_ms).await;
    }

    /// Waits until the channel has this problem, or none.
    pub async fn problem_is(&self, problem: Option<&str>) {
        let look = async || (self.channel_now().await.problem.as_deref() == problem).then_some(());
        eventually(&format!("the channel's problem to be {problem:?}"), SOON, look).await;
    }
}
