//! What the simulator knows: bots, their chats, every call and every delivery. Kept in memory as long as it runs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};

use super::delivery::{Deliveries, QueueKey};
use super::faults::Fault;
use super::files::Files;
use super::limits::Limits;
use super::webhook::Webhook;
use super::{NewBot, Options, StartError};
use crate::faults::FaultQueue;
use crate::ground::{Ground, random, random_text, webhook_client};

/// Everything, shared by the server's handlers and the deliveries.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    ground: Ground,
    pub(crate) options: Options,
    pub(crate) http: reqwest::Client,
    /// The simulator's own address.
    pub(crate) url: String,
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
        let http = webhook_client(options.webhook_timeout)?;
        let mut world = World::default();
        for bot in &options.bots {
            world.create_bot(bot).map_err(StartError::Options)?;
        }
        let url = url.to_owned();
        Ok(Arc::new(Self { world: Mutex::new(world), ground: Ground::new(), options, http, url }))
    }

    /// The world, locked. Never held across an await.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All bots, by token.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) bots: BTreeMap<String, Bot>,
}

impl World {
    /// Adds a bot; the text says why it can't be.
    pub(crate) fn create_bot(&mut self, new: &NewBot) -> Result<&Bot, String> {
        let token = new.token.clone().unwrap_or_else(|| self.free_token());
        let id = bot_id(&token).ok_or("a token reads <bot id>:<secret part of A-Z, a-z, 0-9, _ and ->")?;
        let username = new.username.clone().unwrap_or_else(|| format!("simulated_{id}_bot"));
        if let Some(other) = self.bots.values().find(|bot| bot.id == id || bot.username == username) {
            return Err(format!("bot {} has this token, id or username", other.username));
        }
        let name = new.name.clone().unwrap_or_else(|| "Simulated bot".into());
        Ok(self.bots.entry(token.clone()).or_insert_with(|| Bot::new(token, id, name, username)))
    }

    fn free_token(&self) -> String {
        let taken: HashSet<i64> = self.bots.values().map(|bot| bot.id).collect();
        let id = (800_000_001..i64::MAX).find(|id| !taken.contains(id)).expect("there are more ids than bots");
        format!("{id}:AA{}", random_text())
    }
}

/// The bot id of a token of the right form.
pub(crate) fn bot_id(token: &str) -> Option<i64> {
    let (id, secret) = token.split_once(':')?;
    let secret_ok = !secret.is_empty() && secret.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let id_ok = !id.is_empty() && !id.starts_with('0') && id.chars().all(|c| c.is_ascii_digit());
    if secret_ok && id_ok && token.len() <= 80 { id.parse().ok() } else { None }
}

/// A bot.
#[derive(Debug)]
pub(crate) struct Bot {
    pub(crate) token: String,
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) username: String,
    /// Messages of all private chats of a bot share one counter.
    next_message_id: i64,
    pub(crate) next_update_id: i64,
    pub(crate) chats: BTreeMap<i64, Chat>,
    /// Ids of callback queries not answered yet.
    pub(crate) open_callbacks: HashSet<String>,
    pub(crate) webhook: Webhook,
    pub(crate) deliveries: Deliveries,
    pub(crate) faults: FaultQueue<Fault>,
    pub(crate) limits: Limits,
    pub(crate) calls: Vec<Call>,
    pub(crate) files: Files,
}

impl Bot {
    fn new(token: String, id: i64, name: String, username: String) -> Self {
        // Telegram starts at a random number too, and anew after a week without updates.
        let next_update_id = i64::try_from(100_000_000 + random() % 800_000_000).expect("below two to the 30th");
        Self {
            token,
            id,
            name,
            username,
            next_message_id: 1,
            next_update_id,
            chats: BTreeMap::new(),
            open_callbacks: HashSet::new(),
            webhook: Webhook::default(),
            deliveries: Deliveries::default(),
            faults: FaultQueue::default(),
            limits: Limits::default(),
            calls: Vec::new(),
            files: Files::default(),
        }
    }

    /// The bot as a `User`.
    pub(crate) fn user(&self) -> Value {
        json!({"id": self.id, "is_bot": true, "first_name": self.name, "username": self.username})
    }

    pub(crate) fn take_message_id(&mut self) -> i64 {
        let id = self.next_message_id;
        self.next_message_id += 1;
        id
    }

    /// Numbers by which a test checks that nothing else happened.
    pub(crate) fn counters(&self) -> Value {
        let mut by_method: HashMap<&str, u64> = HashMap::new();
        let mut errors: BTreeMap<String, u64> = BTreeMap::new();
        for call in &self.calls {
            *by_method.entry(call.method.as_str()).or_default() += 1;
            if let Some(code) = call.error_code {
                *errors.entry(code.to_string()).or_default() += 1;
            }
        }
        json!({
            "calls": self.calls.len(),
            "calls_by_method": by_method,
            "errors_by_code": errors,
            "accepted": self.calls.iter().filter(|call| call.accepted).count(),
            "faults_met": self.calls.iter().filter(|call| call.fault.is_some()).count(),
            "faults_waiting": self.faults.list(),
            "deliveries": self.deliveries.counters(),
        })
    }
}

/// Where a chat with a bot stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// The customer exists and never wrote: the bot can't begin.
    NeverWrote,
    /// The bot may write.
    Open,
    /// The customer blocked the bot.
    Blocked,
}

/// A chat of a bot.
#[derive(Debug)]
pub(crate) struct Chat {
    /// The chat as a `Chat`.
    pub(crate) identity: Value,
    /// The customer as a `User`; `null` in groups.
    pub(crate) customer: Value,
    pub(crate) standing: Standing,
    pub(crate) messages: Vec<StoredMessage>,
    /// When the last `sendChatAction` ceases to show, in milliseconds since 1970.
    pub(crate) action_until_ms: u64,
    /// The change at which this chat last looked different.
    pub(crate) version: u64,
}

/// A message of a chat.
#[derive(Debug)]
pub(crate) struct StoredMessage {
    pub(crate) message_id: i64,
    pub(crate) from_bot: bool,
    /// The whole message, as its last version.
    pub(crate) message: Value,
    pub(crate) time_ms: u64,
    /// The deliveries that carry it: the message, then its edits. None for the bot's own.
    pub(crate) deliveries: Vec<u64>,
}

impl Chat {
    pub(crate) fn message(&self, message_id: i64) -> Option<&StoredMessage> {
        self.messages.iter().find(|message| message.message_id == message_id)
    }

    pub(crate) fn message_mut(&mut self, message_id: i64) -> Option<&mut StoredMessage> {
        self.messages.iter_mut().find(|message| message.message_id == message_id)
    }
}

/// A call of a Bot API method, as the control API shows it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Call {
    /// Position among all calls of the bot, from 1.
    pub(crate) order: u64,
    /// When, in milliseconds since 1970.
    pub(crate) time_ms: u64,
    /// The method, as it was spelled.
    pub(crate) method: String,
    pub(crate) params: Value,
    /// The file that it sends, with its address if it was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) chat_id: Option<i64>,
    /// Whether the call took effect.
    pub(crate) accepted: bool,
    /// Whether its answer was sent; false after a time-out or a cut connection.
    pub(crate) answered: bool,
    /// The message that it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<Value>,
    /// The HTTP status of a refusal, be it real or a fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// The kind of the fault that it met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<Value>,
    /// Whether it came as the answer to a delivery.
    pub(crate) in_webhook_answer: bool,
}

/// The queue in which updates about `payload` wait: one a chat, as on Telegram's side.
pub(crate) fn queue_of(update: &Value, sequence: u64) -> QueueKey {
    let mut payloads = update.as_object().into_iter().flatten().filter(|(name, _)| *name != "update_id");
    payloads.find_map(|(_, payload)| chat_id_of(payload)).map_or(QueueKey::Alone(sequence), QueueKey::Chat)
}

fn chat_id_of(payload: &Value) -> Option<i64> {
    let ids =
        [&payload["chat"]["id"], &payload["message"]["chat"]["id"], &payload["from"]["id"], &payload["user"]["id"]];
    ids.into_iter().find_map(Value::as_i64)
}
