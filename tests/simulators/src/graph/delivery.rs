//! Deliveries to the apps' webhooks: two tries at once, then a few more with growing delays. A customer's events go one
//! after the other; one that failed twice no longer holds up those behind it, so order is lost, as with Facebook.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::state::{Shared, World};
use super::wire;
use crate::control;

/// The most events in one delivery.
const MAX_BATCH: usize = 1000;

/// Where in an entry an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Channel {
    Messaging,
    Standby,
}

/// An event for an app.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) page_id: String,
    pub(crate) psid: Option<String>,
    pub(crate) channel: Channel,
    pub(crate) content: Value,
}

/// How a delivery is signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Signature {
    #[default]
    Valid,
    /// With another secret.
    Wrong,
    /// Only the older header.
    LegacyOnly,
    /// No header.
    None,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeliveryState {
    /// Waiting for its turn or under way.
    Pending,
    /// Answered 2xx.
    Delivered,
    /// Never answered 2xx.
    GivenUp,
    /// Sent only as copies, beside the queue.
    Copied,
    /// For a built-in app, which has no webhook.
    Recorded,
}

/// One try.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Attempt {
    /// When it began, in milliseconds since 1970.
    pub(crate) time_ms: u64,
    pub(crate) duration_ms: u64,
    /// The status of the answer, if one came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// Why none came, or what was wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// One POST and its tries, as the control API shows it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Delivery {
    /// Position among all deliveries, from 1.
    pub(crate) order: u64,
    pub(crate) app_id: String,
    pub(crate) page_ids: Vec<String>,
    pub(crate) psids: Vec<String>,
    pub(crate) state: DeliveryState,
    pub(crate) created_ms: u64,
    /// When it was answered 2xx or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finished_ms: Option<u64>,
    pub(crate) signature: Signature,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) body: Value,
}

/// Deliveries of one key are made one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct QueueKey {
    app_id: String,
    /// The customer, or what makes the delivery wait for no other.
    line: String,
}

/// All deliveries, and the queues of those that wait for their first tries.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    all: Vec<Delivery>,
    queues: HashMap<QueueKey, VecDeque<u64>>,
}

impl Deliveries {
    pub(crate) fn all(&self) -> &[Delivery] {
        &self.all
    }

    pub(crate) fn get(&self, order: u64) -> &Delivery {
        &self.all[index(order)]
    }

    fn get_mut(&mut self, order: u64) -> &mut Delivery {
        &mut self.all[index(order)]
    }

    pub(crate) fn pending(&self) -> usize {
        self.all.iter().filter(|delivery| delivery.state == DeliveryState::Pending).count()
    }

    pub(crate) fn counters(&self) -> Value {
        let attempts = || self.all.iter().flat_map(|delivery| &delivery.attempts);
        let count = |state| self.all.iter().filter(|delivery| delivery.state == state).count();
        json!({
            "deliveries": self.all.len(),
            "delivered": count(DeliveryState::Delivered),
            "given_up": count(DeliveryState::GivenUp),
            "pending": self.pending(),
            "attempts": attempts().count(),
            "failed_attempts": attempts().filter(|attempt| attempt.error.is_some()).count(),
        })
    }

    fn record(&mut self, app_id: &str, body: Value, state: DeliveryState, signature: Signature, now_ms: u64) -> u64 {
        let order = self.all.len() as u64 + 1;
        self.all.push(Delivery {
            order,
            app_id: app_id.to_owned(),
            page_ids: Vec::new(),
            psids: Vec::new(),
            state,
            created_ms: now_ms,
            finished_ms: None,
            signature,
            attempts: Vec::new(),
            body,
        });
        order
    }
}

fn index(order: u64) -> usize {
    usize::try_from(order).expect("as many deliveries as fit memory") - 1
}

/// How a new delivery goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Queued, and tried until it is answered.
    Queued,
    /// Only recorded: the caller sends copies.
    Copies,
}

/// Sends an event to an app, in a delivery of its own; held back if that was ordered. Returns the delivery.
pub(crate) fn submit(shared: &Arc<Shared>, world: &mut World, app_id: &str, event: Event, mode: Mode) -> Option<u64> {
    let app = world.apps.get_mut(app_id)?;
    if mode == Mode::Queued
        && let Some(held) = &mut app.holding
    {
        held.push(event);
        return None;
    }
    let state = match mode {
        _ if app.built_in => DeliveryState::Recorded,
        Mode::Copies => DeliveryState::Copied,
        Mode::Queued => DeliveryState::Pending,
    };
    Some(submit_batch(shared, world, app_id, vec![event], state))
}

/// Lets go of what was held back: all in as few deliveries as there can be, or each in its own.
pub(crate) fn release(shared: &Arc<Shared>, world: &mut World, app_id: &str, together: bool) -> Vec<u64> {
    let held = world.apps.get_mut(app_id).and_then(|app| app.holding.take()).unwrap_or_default();
    let size = if together { MAX_BATCH } else { 1 };
    held.chunks(size).map(|batch| submit_batch(shared, world, app_id, batch.to_vec(), DeliveryState::Pending)).collect()
}

fn submit_batch(
    shared: &Arc<Shared>,
    world: &mut World,
    app_id: &str,
    events: Vec<Event>,
    state: DeliveryState,
) -> u64 {
    let now_ms = shared.clock.now_ms();
    let order = world.deliveries.record(app_id, envelope(&events, now_ms), state, Signature::Valid, now_ms);
    let mids: Vec<(String, String, String)> = events.iter().filter_map(carried_message).collect();
    let delivery = world.deliveries.get_mut(order);
    for event in events {
        push_new(&mut delivery.page_ids, event.page_id);
        event.psid.into_iter().for_each(|psid| push_new(&mut delivery.psids, psid));
    }
    let line = if delivery.psids.len() == 1 { delivery.psids[0].clone() } else { format!("#{order}") };
    for (page, psid, mid) in mids {
        let conversation = world.pages.get_mut(&page).and_then(|page| page.conversations.get_mut(&psid));
        if let Some(message) = conversation.and_then(|conversation| conversation.message_mut(&mid)) {
            message.deliveries.push(order);
        }
    }
    if state == DeliveryState::Pending {
        enqueue(shared, world, app_id, line, order);
    }
    order
}

/// The customer's message that an event carries: page, customer, mid.
fn carried_message(event: &Event) -> Option<(String, String, String)> {
    let mid = event.content["message"]["mid"].as_str()?;
    Some((event.page_id.clone(), event.psid.clone()?, mid.to_owned()))
}

fn push_new(list: &mut Vec<String>, item: String) {
    if !list.contains(&item) {
        list.push(item);
    }
}

/// Sends a body of the caller's own.
pub(crate) fn submit_raw(
    shared: &Arc<Shared>,
    world: &mut World,
    app_id: &str,
    body: Value,
    signature: Signature,
    mode: Mode,
) -> u64 {
    let state = if mode == Mode::Copies { DeliveryState::Copied } else { DeliveryState::Pending };
    let order = world.deliveries.record(app_id, body, state, signature, shared.clock.now_ms());
    if mode == Mode::Queued {
        enqueue(shared, world, app_id, format!("#{order}"), order);
    }
    order
}

fn enqueue(shared: &Arc<Shared>, world: &mut World, app_id: &str, line: String, order: u64) {
    let key = QueueKey { app_id: app_id.to_owned(), line };
    let mut starts = false;
    let queue = world.deliveries.queues.entry(key.clone()).or_insert_with(|| {
        starts = true;
        VecDeque::new()
    });
    queue.push_back(order);
    if starts {
        shared.spawn(run_queue(Arc::clone(shared), key));
    }
}

/// `{object, entry: [...]}`; neighbours of the same page and channel share an entry.
fn envelope(events: &[Event], now_ms: u64) -> Value {
    let mut entries: Vec<Value> = Vec::new();
    let mut last: Option<(&str, Channel)> = None;
    for event in events {
        let name = match event.channel {
            Channel::Messaging => "messaging",
            Channel::Standby => "standby",
        };
        if last != Some((&event.page_id, event.channel)) {
            entries.push(json!({"id": event.page_id, "time": now_ms, name: []}));
            last = Some((&event.page_id, event.channel));
        }
        if let Some(list) = entries.last_mut().and_then(|entry| entry[name].as_array_mut()) {
            list.push(event.content.clone());
        }
    }
    json!({"object": "page", "entry": entries})
}

/// Makes the first tries of a queue's deliveries until it is empty.
async fn run_queue(shared: Arc<Shared>, key: QueueKey) {
    loop {
        let front = {
            let mut world = shared.world();
            let front = world.deliveries.queues.get(&key).and_then(|queue| queue.front().copied());
            if front.is_none() {
                world.deliveries.queues.remove(&key);
            }
            front
        };
        let Some(order) = front else { return };
        if !attempt(&shared, order).await && !attempt(&shared, order).await {
            let later = Arc::clone(&shared);
            shared.spawn(async move { try_later(&later, order).await });
        }
        if let Some(queue) = shared.world().deliveries.queues.get_mut(&key) {
            queue.pop_front();
        }
    }
}

/// The tries after the second, with growing delays.
async fn try_later(shared: &Arc<Shared>, order: u64) {
    let mut pause = shared.options.retry_unit;
    for _ in 0..shared.options.later_tries {
        tokio::time::sleep(pause).await;
        pause *= 2;
        if attempt(shared, order).await {
            return;
        }
    }
    finish(shared, &mut shared.world(), order, DeliveryState::GivenUp);
    shared.changed();
}

/// Where a delivery goes, and what is sent.
#[derive(Debug, Clone)]
struct Target {
    url: String,
    secret: String,
    body: String,
    signature: Signature,
}

impl Target {
    fn of(world: &World, order: u64) -> Option<Self> {
        let delivery = world.deliveries.get(order);
        let app = world.apps.get(&delivery.app_id)?;
        let url = app.webhook.as_ref()?.callback_url.clone();
        // A text is sent as it is, so that a test can send what is no JSON.
        let body = delivery.body.as_str().map_or_else(|| wire::body(&delivery.body), str::to_owned);
        Some(Self { url, secret: app.secret.clone(), body, signature: delivery.signature })
    }
}

/// Makes one try and writes down what it came to. Returns whether it was answered 2xx.
async fn attempt(shared: &Arc<Shared>, order: u64) -> bool {
    let target = Target::of(&shared.world(), order);
    let made = match &target {
        Some(target) => post(shared, target).await,
        None => no_webhook(shared),
    };
    let delivered = made.error.is_none();
    let mut world = shared.world();
    world.deliveries.get_mut(order).attempts.push(made);
    if delivered {
        finish(shared, &mut world, order, DeliveryState::Delivered);
    }
    note_health(shared, &mut world, order, delivered);
    touch(shared, &mut world, order);
    drop(world);
    shared.changed();
    delivered
}

fn no_webhook(shared: &Shared) -> Attempt {
    let error = Some("the app has no webhook".to_owned());
    Attempt { time_ms: shared.clock.now_ms(), duration_ms: 0, status: None, error }
}

async fn post(shared: &Shared, target: &Target) -> Attempt {
    let time_ms = shared.clock.now_ms();
    let mut request = shared.http.post(&target.url).header("content-type", "application/json");
    let secret = if target.signature == Signature::Wrong { "another secret" } else { &target.secret };
    let bytes = target.body.as_bytes();
    if matches!(target.signature, Signature::Valid | Signature::Wrong) {
        request = request.header("x-hub-signature-256", wire::signature(secret, bytes));
    }
    if target.signature != Signature::None {
        request = request.header("x-hub-signature", wire::legacy_signature(secret, bytes));
    }
    let mut attempt = Attempt { time_ms, duration_ms: 0, status: None, error: None };
    match request.body(target.body.clone()).send().await {
        Ok(response) => {
            let status = response.status();
            attempt.status = Some(status.as_u16());
            if !status.is_success() {
                attempt.error = Some(format!("HTTP status {}", status.as_u16()));
            }
        }
        Err(error) if error.is_timeout() => attempt.error = Some("timeout".into()),
        Err(error) if error.is_connect() => attempt.error = Some("connection refused".into()),
        Err(_) => attempt.error = Some("connection closed".into()),
    }
    attempt.duration_ms = shared.clock.now_ms() - time_ms;
    attempt
}

fn finish(shared: &Shared, world: &mut World, order: u64, state: DeliveryState) {
    let delivery = world.deliveries.get_mut(order);
    if delivery.state == DeliveryState::Pending {
        delivery.state = state;
        delivery.finished_ms = Some(shared.clock.now_ms());
    }
    touch(shared, world, order);
}

/// An app whose webhook only failed for too long is unsubscribed from all pages, if the options say so.
fn note_health(shared: &Shared, world: &mut World, order: u64, delivered: bool) {
    let app_id = world.deliveries.get(order).app_id.clone();
    let Some(app) = world.apps.get_mut(&app_id) else { return };
    if delivered {
        app.failing_since_ms = None;
        return;
    }
    let now_ms = shared.clock.now_ms();
    let since_ms = *app.failing_since_ms.get_or_insert(now_ms);
    let limit = shared.options.unsubscribe_after.and_then(|limit| u64::try_from(limit.as_millis()).ok());
    if limit.is_some_and(|limit| now_ms - since_ms >= limit) {
        app.failing_since_ms = None;
        for page in world.pages.values_mut() {
            page.subscriptions.remove(&app_id);
        }
    }
}

/// Makes a delivery's POST `count` times at once, beside its queue and without retries. Returns the tries.
pub(crate) async fn deliver_copies(shared: &Arc<Shared>, order: u64, count: usize) -> Vec<Attempt> {
    let Some(target) = Target::of(&shared.world(), order) else { return vec![no_webhook(shared)] };
    let mut copies = tokio::task::JoinSet::new();
    for _ in 0..count {
        let (shared, target) = (Arc::clone(shared), target.clone());
        copies.spawn(async move { post(&shared, &target).await });
    }
    let attempts = copies.join_all().await;
    let mut world = shared.world();
    world.deliveries.get_mut(order).attempts.extend(attempts.iter().cloned());
    touch(shared, &mut world, order);
    drop(world);
    shared.changed();
    attempts
}

/// The conversations of a delivery look different now.
fn touch(shared: &Shared, world: &mut World, order: u64) {
    let delivery = world.deliveries.get(order);
    let (pages, psids) = (delivery.page_ids.clone(), delivery.psids.clone());
    for page in pages {
        let Some(page) = world.pages.get_mut(&page) else { continue };
        for psid in &psids {
            if let Some(conversation) = page.conversations.get_mut(psid) {
                conversation.version = shared.next_version();
            }
        }
    }
}

/// The longest wait for a webhook that gets an event before the answer to the call, in milliseconds.
const MAX_BEFORE_MS: u64 = 10_000;

/// Waits until each of these was tried.
pub(crate) async fn wait_for_attempts(shared: &Shared, orders: &[u64]) {
    let tried = || {
        let world = shared.world();
        let all = orders.iter().all(|order| {
            let delivery = world.deliveries.get(*order);
            delivery.state != DeliveryState::Pending || !delivery.attempts.is_empty()
        });
        Ok(((), all))
    };
    // Looking at deliveries refuses nothing.
    let _ = control::wait_for(shared, MAX_BEFORE_MS, tried).await;
}
