//! What the simulator knows: accounts, their senders, conversations, messages, calls and webhooks. Kept in memory as
//! long as it runs.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::address::{SANDBOX_NUMBER, is_number, is_sid, new_sid};
use super::faults::Fault;
use super::limits::Limits;
use super::media::Media;
use super::progress::{OutcomeOrder, Step};
use super::senders::Sender;
use super::verify::Verification;
use super::webhooks::{Delivery, Signing};
use super::{AccountType, NewAccount, NewSender, Options, StartError};
use crate::faults::FaultQueue;
use crate::ground::{Ground, random_text};

/// How long after a customer's message a free text may be sent, in milliseconds: 24 h.
const WINDOW_MS: u64 = 24 * 60 * 60 * 1000;

/// Everything, shared by the server's handlers and the work in the background.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    ground: Ground,
    pub(crate) options: Options,
    /// The simulator's own base URL, without a slash at the end.
    pub(crate) url: String,
    /// By how much the control API moved the time forward, in milliseconds.
    shift_ms: AtomicU64,
    /// Clients for webhooks, by the time that connecting may take.
    clients: Mutex<HashMap<Duration, reqwest::Client>>,
    /// The client that fetches media from the product.
    pub(crate) fetcher: reqwest::Client,
}

/// Time, changes and tasks are the simulator's own.
impl Deref for Shared {
    type Target = Ground;

    fn deref(&self) -> &Ground {
        &self.ground
    }
}

impl Shared {
    pub(crate) fn new(options: Options, url: &str) -> Result<Arc<Self>, StartError> {
        let fetcher = reqwest::Client::builder().no_proxy().timeout(options.read_timeout).build()?;
        let mut world = World::default();
        for account in &options.accounts {
            world.create_account(account).map_err(StartError::Options)?;
        }
        Ok(Arc::new(Self {
            world: Mutex::new(world),
            ground: Ground::new(),
            options,
            url: url.to_owned(),
            shift_ms: AtomicU64::new(0),
            clients: Mutex::new(HashMap::new()),
            fetcher,
        }))
    }

    /// The world, locked. Never held across an await.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since 1970, with what the control API added.
    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now_ms() + self.shift_ms.load(Ordering::Relaxed)
    }

    /// Moves the time forward.
    pub(crate) fn advance(&self, ms: u64) {
        self.shift_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// A client for webhooks that gives up connecting after `connect`.
    pub(crate) fn webhook_client(&self, connect: Duration) -> reqwest::Result<reqwest::Client> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&connect) {
            return Ok(client.clone());
        }
        // A redirect is a wrong answer to Twilio, and a proxy of the environment is not for local addresses.
        let client = reqwest::Client::builder()
            .connect_timeout(connect)
            // Every try is a connection of its own, so that a closed one is seen as what it is.
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        clients.insert(connect, client.clone());
        Ok(client)
    }
}

/// All accounts, by SID.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) accounts: BTreeMap<String, Account>,
}

impl World {
    /// Adds an account; the text says why it can't be.
    pub(crate) fn create_account(&mut self, new: &NewAccount) -> Result<&mut Account, String> {
        let sid = new.sid.clone().unwrap_or_else(|| new_sid("AC"));
        if !is_sid(&sid, "AC") {
            return Err("an account's SID reads AC and 32 hexadecimal digits".into());
        }
        if self.accounts.contains_key(&sid) {
            return Err(format!("there is an account {sid}"));
        }
        let mut account = Account::new(sid.clone(), new);
        for sender in &new.senders {
            account.add_sender(sender)?;
        }
        Ok(self.accounts.entry(sid).or_insert(account))
    }
}

/// Whether an account is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AccountStatus {
    Active,
    Suspended,
    Closed,
}

/// An account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) sid: String,
    pub(crate) auth_token: String,
    /// API keys and their secrets.
    pub(crate) keys: BTreeMap<String, String>,
    pub(crate) name: String,
    pub(crate) status: AccountStatus,
    pub(crate) kind: AccountType,
    pub(crate) join_code: String,
    /// Numbers that an account on trial may write to.
    pub(crate) verified: BTreeSet<String>,
    /// The sandbox first.
    pub(crate) senders: Vec<Sender>,
    /// By our number and the customer.
    pub(crate) conversations: BTreeMap<(String, String), Conversation>,
    pub(crate) messages: Vec<Message>,
    pub(crate) media: BTreeMap<String, Media>,
    /// The texts of templates, by `ContentSid`.
    pub(crate) contents: BTreeMap<String, String>,
    pub(crate) verify_service: String,
    pub(crate) verifications: Vec<Verification>,
    pub(crate) calls: Vec<Call>,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) faults: FaultQueue<Fault>,
    pub(crate) outcomes: FaultQueue<OutcomeOrder>,
    pub(crate) limits: Limits,
    pub(crate) signing: Signing,
}

impl Account {
    fn new(sid: String, new: &NewAccount) -> Self {
        Self {
            sid,
            auth_token: new.auth_token.clone().unwrap_or_else(random_text),
            keys: BTreeMap::new(),
            name: new.name.clone().unwrap_or_else(|| "Simulated account".into()),
            status: AccountStatus::Active,
            kind: new.kind,
            join_code: new.join_code.clone().unwrap_or_else(|| "warm-otter".into()),
            verified: BTreeSet::new(),
            senders: vec![Sender::sandbox()],
            conversations: BTreeMap::new(),
            messages: Vec::new(),
            media: BTreeMap::new(),
            contents: BTreeMap::new(),
            verify_service: new_sid("VA"),
            verifications: Vec::new(),
            calls: Vec::new(),
            deliveries: Vec::new(),
            faults: FaultQueue::default(),
            outcomes: FaultQueue::default(),
            limits: Limits::default(),
            signing: Signing::default(),
        }
    }

    /// Adds a sender; the text says why it can't be.
    pub(crate) fn add_sender(&mut self, new: &NewSender) -> Result<&Sender, String> {
        if !is_number(&new.number) {
            return Err(format!("{} is not a number in the form +15005550006", new.number));
        }
        if self.sender(&new.number).is_some() {
            return Err(format!("there is a sender {}", new.number));
        }
        if new.messaging_service_sid.as_ref().is_some_and(|sid| !is_sid(sid, "MG")) {
            return Err("a messaging service's SID reads MG and 32 hexadecimal digits".into());
        }
        self.senders.push(Sender::new(new));
        Ok(&self.senders[self.senders.len() - 1])
    }

    /// The sender with this number.
    pub(crate) fn sender(&self, number: &str) -> Option<&Sender> {
        self.senders.iter().find(|sender| sender.number == number)
    }

    pub(crate) fn sender_mut(&mut self, number: &str) -> Option<&mut Sender> {
        self.senders.iter_mut().find(|sender| sender.number == number)
    }

    /// The conversation of our number with a customer, begun if there is none.
    pub(crate) fn conversation(&mut self, ours: &str, customer: &str) -> &mut Conversation {
        self.conversations.entry((ours.to_owned(), customer.to_owned())).or_default()
    }

    pub(crate) fn message(&self, sid: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.sid == sid)
    }

    pub(crate) fn message_mut(&mut self, sid: &str) -> Option<&mut Message> {
        self.messages.iter_mut().find(|message| message.sid == sid)
    }

    /// The code that the Verify API sent this customer, while it holds.
    pub(crate) fn verification_code(&self, customer: &str, now_ms: u64) -> Option<&str> {
        let mut newest_first = self.verifications.iter().rev();
        newest_first.find(|known| known.to == customer && known.is_open(now_ms)).map(|known| known.code.as_str())
    }

    /// Takes in a message, at the end of its conversation.
    pub(crate) fn add_message(&mut self, shared: &Shared, message: Message) {
        let conversation = self.conversation(&message.ours, &message.customer);
        conversation.messages.push(message.sid.clone());
        conversation.version = shared.next_version();
        self.messages.push(message);
    }

    /// The conversation of a message looks different now.
    pub(crate) fn touch(&mut self, shared: &Shared, sid: &str) {
        let Some(message) = self.message(sid) else { return };
        let key = (message.ours.clone(), message.customer.clone());
        if let Some(conversation) = self.conversations.get_mut(&key) {
            conversation.version = shared.next_version();
        }
    }

    /// Numbers by which a test checks that nothing else happened.
    pub(crate) fn counters(&self) -> Value {
        let mut by_name: BTreeMap<&str, u64> = BTreeMap::new();
        let mut errors: BTreeMap<String, u64> = BTreeMap::new();
        let mut unknown: BTreeMap<&str, u64> = BTreeMap::new();
        for call in &self.calls {
            *by_name.entry(call.name).or_default() += 1;
            if let Some(code) = call.code {
                *errors.entry(code.to_string()).or_default() += 1;
            }
            for field in &call.unknown_fields {
                *unknown.entry(field).or_default() += 1;
            }
        }
        let mut statuses: BTreeMap<&str, u64> = BTreeMap::new();
        for message in &self.messages {
            *statuses.entry(message.status.as_str()).or_default() += 1;
        }
        let attempts = || self.deliveries.iter().flat_map(|delivery| &delivery.attempts);
        json!({
            "calls": self.calls.len(),
            "calls_by_name": by_name,
            "errors_by_code": errors,
            "unknown_fields": unknown,
            "accepted": self.calls.iter().filter(|call| call.accepted).count(),
            "faults_met": self.calls.iter().filter(|call| call.fault.is_some()).count(),
            "faults_waiting": self.faults.list(),
            "outcomes_waiting": self.outcomes.list(),
            "messages_by_status": statuses,
            "deliveries": {
                "webhooks": self.deliveries.len(),
                "attempts": attempts().count(),
                "failed_attempts": attempts().filter(|attempt| attempt.error.is_some()).count(),
            },
        })
    }
}

/// Where one of our numbers stands with a customer.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) profile_name: Option<String>,
    /// When the customer last wrote.
    pub(crate) last_inbound_ms: Option<u64>,
    /// The customer wrote STOP.
    pub(crate) opted_out: bool,
    /// The customer blocked our number.
    pub(crate) blocked: bool,
    /// Whether the customer's number is one of WhatsApp's.
    pub(crate) on_whatsapp: bool,
    /// Until when the customer takes part in the sandbox.
    pub(crate) joined_until_ms: Option<u64>,
    /// When the last typing indicator ceases to show.
    pub(crate) typing_until_ms: u64,
    /// SIDs, in order.
    pub(crate) messages: Vec<String>,
    /// The change at which this conversation last looked different.
    pub(crate) version: u64,
}

impl Default for Conversation {
    fn default() -> Self {
        Self {
            profile_name: None,
            last_inbound_ms: None,
            opted_out: false,
            blocked: false,
            on_whatsapp: true,
            joined_until_ms: None,
            typing_until_ms: 0,
            messages: Vec::new(),
            version: 0,
        }
    }
}

impl Conversation {
    /// Whether a free text may be sent at `now_ms`.
    pub(crate) fn window_is_open(&self, now_ms: u64) -> bool {
        self.window_until_ms().is_some_and(|until| now_ms < until)
    }

    pub(crate) fn window_until_ms(&self) -> Option<u64> {
        self.last_inbound_ms.map(|at| at + WINDOW_MS)
    }

    /// Why nothing gets through to the customer from `ours` at `now_ms`, as the code of a failed message.
    pub(crate) fn obstacle(&self, ours: &str, now_ms: u64, template: bool) -> Option<u32> {
        let joined = self.joined_until_ms.is_some_and(|until| now_ms < until);
        match () {
            () if ours == SANDBOX_NUMBER && !joined => Some(63015),
            () if !self.on_whatsapp => Some(63024),
            () if self.blocked => Some(63014),
            () if !template && !self.window_is_open(now_ms) => Some(63016),
            () => None,
        }
    }
}

/// A message, either way.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) sid: String,
    pub(crate) direction: Direction,
    /// One of the account's numbers.
    pub(crate) ours: String,
    /// The other side: a number, or a user's id.
    pub(crate) customer: String,
    pub(crate) body: String,
    pub(crate) status: String,
    pub(crate) error_code: Option<u32>,
    pub(crate) error_text: Option<String>,
    pub(crate) created_ms: u64,
    pub(crate) sent_ms: Option<u64>,
    pub(crate) updated_ms: u64,
    /// SIDs of its media.
    pub(crate) media: Vec<String>,
    /// Where its medium is to be fetched, until it is.
    pub(crate) media_url: Option<String>,
    pub(crate) content_sid: Option<String>,
    pub(crate) status_callback: Option<String>,
    pub(crate) messaging_service_sid: Option<String>,
    /// Statuses to come.
    pub(crate) steps: VecDeque<Step>,
    /// Whether a task is taking the steps.
    pub(crate) running: bool,
    /// Inbound: whether our side marked it as read.
    pub(crate) read: bool,
    /// What it carries beside text and media: a location, a button...
    pub(crate) extra: Value,
    /// The webhooks that tell of it.
    pub(crate) deliveries: Vec<u64>,
}

/// Who wrote a message, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Direction {
    Inbound,
    OutboundApi,
    OutboundReply,
}

impl Message {
    /// A message with nothing in it.
    pub(crate) fn new(sid: String, direction: Direction, ours: &str, customer: &str, now_ms: u64) -> Self {
        Self {
            sid,
            direction,
            ours: ours.to_owned(),
            customer: customer.to_owned(),
            body: String::new(),
            status: String::new(),
            error_code: None,
            error_text: None,
            created_ms: now_ms,
            sent_ms: None,
            updated_ms: now_ms,
            media: Vec::new(),
            media_url: None,
            content_sid: None,
            status_callback: None,
            messaging_service_sid: None,
            steps: VecDeque::new(),
            running: false,
            read: false,
            extra: Value::Null,
            deliveries: Vec::new(),
        }
    }
}

/// A call of the API, as the control API shows it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Call {
    /// Position among all calls of the account, from 1.
    pub(crate) order: u64,
    /// When, in milliseconds since 1970.
    pub(crate) time_ms: u64,
    /// What was called, such as `messages.create`.
    #[serde(rename = "call")]
    pub(crate) name: &'static str,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) params: Value,
    /// Fields that Twilio doesn't know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) unknown_fields: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<String>,
    /// Whether the call took effect.
    pub(crate) accepted: bool,
    /// Whether its answer was sent; false after a time-out or a cut connection.
    pub(crate) answered: bool,
    /// The resource that it made or changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<String>,
    /// The HTTP status, if there was an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// Twilio's number in a refusal, be it real or a fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// The kind of the fault that it met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<Value>,
}
