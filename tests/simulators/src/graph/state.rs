//! What the simulator knows: apps, pages, tokens, conversations, every call and every delivery. Kept in memory as long
//! as it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::conversation::Conversation;
use super::delivery::{Deliveries, Event};
use super::faults::Fault;
use super::files::{Attachment, StoredFile};
use super::limits::Limits;
use super::tokens::{Code, Token};
use super::{BOT_APP_ID, INBOX_APP_ID, NewApp, NewPage, Options, StartError};
use crate::faults::FaultQueue;
use crate::ground::{Ground, random, random_text, webhook_client};

/// The person who signs in: an administrator of every page.
pub(crate) const PERSON_ID: &str = "400000000000001";

/// That person's name.
pub(crate) const PERSON_NAME: &str = "Olivia Admin";

/// What a person may be allowed to do with a page.
pub(crate) const TASKS: [&str; 6] = ["ADVERTISE", "ANALYZE", "CREATE_CONTENT", "MESSAGING", "MODERATE", "MANAGE"];

/// Everything, shared by the server's handlers and the deliveries.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    ground: Ground,
    pub(crate) options: Options,
    /// The simulator's own address.
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
    /// Fetches attachments; follows redirects, as Facebook does.
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
        let http = webhook_client(options.webhook_timeout)?;
        let fetcher = reqwest::Client::builder().timeout(options.fetch_timeout).no_proxy().build()?;
        let mut world = World::default();
        let bot = NewApp { id: Some(BOT_APP_ID.into()), name: Some("Bot".into()), ..NewApp::default() };
        let inbox = NewApp { id: Some(INBOX_APP_ID.into()), name: Some("Page Inbox".into()), ..NewApp::default() };
        for app in [&bot, &inbox].into_iter().chain(&options.apps) {
            world.create_app(app).map_err(StartError::Options)?;
        }
        for page in &options.pages {
            world.create_page(page).map_err(StartError::Options)?;
        }
        let url = url.to_owned();
        Ok(Arc::new(Self { world: Mutex::new(world), ground: Ground::new(), options, url, http, fetcher }))
    }

    /// The world, locked. Never held across an await.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything there is.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) apps: BTreeMap<String, App>,
    pub(crate) pages: BTreeMap<String, Page>,
    pub(crate) tokens: BTreeMap<String, Token>,
    pub(crate) codes: BTreeMap<String, Code>,
    pub(crate) files: BTreeMap<String, StoredFile>,
    pub(crate) attachments: BTreeMap<String, Attachment>,
    pub(crate) faults: FaultQueue<Fault>,
    pub(crate) calls: Vec<Call>,
    pub(crate) deliveries: Deliveries,
}

impl World {
    /// Adds an app; the text says why it can't be.
    pub(crate) fn create_app(&mut self, new: &NewApp) -> Result<&App, String> {
        let id = new.id.clone().unwrap_or_else(random_id);
        self.check_new_id(&id)?;
        let app = App {
            secret: new.secret.clone().unwrap_or_else(random_text),
            name: new.name.clone().unwrap_or_else(|| "Simulated app".into()),
            require_proof: new.require_proof,
            human_agent: new.human_agent,
            redirect_uris: new.redirect_uris.clone(),
            built_in: id == BOT_APP_ID || id == INBOX_APP_ID,
            webhook: None,
            holding: None,
            failing_since_ms: None,
            id: id.clone(),
        };
        Ok(self.apps.entry(id).or_insert(app))
    }

    /// Adds a page; the text says why it can't be.
    pub(crate) fn create_page(&mut self, new: &NewPage) -> Result<&Page, String> {
        let id = new.id.clone().unwrap_or_else(random_id);
        self.check_new_id(&id)?;
        let tasks = new.tasks.clone().unwrap_or_else(|| TASKS.map(str::to_owned).to_vec());
        if let Some(unknown) = tasks.iter().find(|task| !TASKS.contains(&task.as_str())) {
            return Err(format!("there is no task {unknown}"));
        }
        let mut page = Page {
            id: id.clone(),
            name: new.name.clone().unwrap_or_else(|| "Simulated page".into()),
            primary: None,
            tasks,
            subscriptions: BTreeMap::new(),
            conversations: BTreeMap::new(),
            behaviour: Behaviour::default(),
            limits: Limits::default(),
        };
        if let Some(primary) = &new.primary_app_id {
            if !self.apps.contains_key(primary) {
                return Err(format!("there is no app {primary}"));
            }
            page.primary = Some(primary.clone());
        }
        Ok(self.pages.entry(id).or_insert(page))
    }

    fn check_new_id(&self, id: &str) -> Result<(), String> {
        if !is_id(id) {
            return Err(format!("{id} is not an id: at most 20 digits"));
        }
        let taken = self.apps.contains_key(id) || self.pages.contains_key(id) || id == PERSON_ID;
        if taken { Err(format!("{id} is taken")) } else { Ok(()) }
    }

    /// Numbers by which a test checks that nothing else happened.
    pub(crate) fn counters(&self) -> Value {
        let mut by_endpoint: BTreeMap<String, u64> = BTreeMap::new();
        let mut errors: BTreeMap<String, u64> = BTreeMap::new();
        for call in &self.calls {
            *by_endpoint.entry(format!("{} {}", call.method, call.endpoint)).or_default() += 1;
            if let Some(code) = call.code {
                *errors.entry(code.to_string()).or_default() += 1;
            }
        }
        let downloads: u64 = self.files.values().map(|file| file.downloads).sum();
        json!({
            "calls": self.calls.len(),
            "calls_by_endpoint": by_endpoint,
            "errors_by_code": errors,
            "accepted": self.calls.iter().filter(|call| call.accepted).count(),
            "faults_met": self.calls.iter().filter(|call| call.fault.is_some()).count(),
            "faults_waiting": self.faults.list(),
            "downloads": downloads,
            "deliveries": self.deliveries.counters(),
        })
    }
}

/// Whether a text can be an id of an app, a page or a customer.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit())
}

/// An id of the usual length.
pub(crate) fn random_id() -> String {
    (100_000_000_000_000 + random() % 800_000_000_000_000).to_string()
}

/// An id as the number that events carry; 0 for what is none.
pub(crate) fn number(id: &str) -> u64 {
    id.parse().unwrap_or_default()
}

/// An app.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) name: String,
    pub(crate) require_proof: bool,
    pub(crate) human_agent: bool,
    pub(crate) redirect_uris: Vec<String>,
    /// The bot or the inbox: it has no webhook, and its deliveries are only recorded.
    pub(crate) built_in: bool,
    pub(crate) webhook: Option<AppWebhook>,
    /// Events held back on order.
    pub(crate) holding: Option<Vec<Event>>,
    /// Since when nothing but failures came from the webhook.
    pub(crate) failing_since_ms: Option<u64>,
}

/// What `/{app-id}/subscriptions` set.
#[derive(Debug, Clone)]
pub(crate) struct AppWebhook {
    pub(crate) callback_url: String,
    pub(crate) fields: BTreeSet<String>,
}

/// A page.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The primary receiver, the page's default app.
    pub(crate) primary: Option<String>,
    pub(crate) tasks: Vec<String>,
    /// Fields by app.
    pub(crate) subscriptions: BTreeMap<String, BTreeSet<String>>,
    pub(crate) conversations: BTreeMap<String, Conversation>,
    pub(crate) behaviour: Behaviour,
    pub(crate) limits: Limits,
}

/// What happens by itself when the page writes to a customer.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Behaviour {
    pub(crate) echo: EchoTime,
    /// Whether messages reach the customer at once.
    pub(crate) deliver: bool,
    /// Whether the customer reads them at once.
    pub(crate) read: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { echo: EchoTime::After, deliver: true, read: false }
    }
}

/// When an echo is sent off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EchoTime {
    /// After the answer to the send.
    After,
    /// Before: the answer waits until the webhook answered.
    Before,
    /// Not at all.
    Never,
}

/// A call, as the control API shows it.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Call {
    /// Position among all calls, from 1.
    pub(crate) order: u64,
    /// When, in milliseconds since 1970.
    pub(crate) time_ms: u64,
    pub(crate) method: String,
    /// What was called, without version and ids: `messages`, `me/accounts`, `profile`...
    pub(crate) endpoint: String,
    pub(crate) path: String,
    /// `v25.0`; none, if the path had none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) page_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) psid: Option<String>,
    /// Without tokens and secrets.
    pub(crate) params: Value,
    /// Whether the call took effect.
    pub(crate) accepted: bool,
    /// Whether its answer was sent; false after a time-out or a cut connection.
    pub(crate) answered: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<Value>,
    /// The message that it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_id: Option<String>,
    /// The HTTP status of a refusal, be it real or a fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subcode: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// The kind of the fault that it met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<Value>,
}
