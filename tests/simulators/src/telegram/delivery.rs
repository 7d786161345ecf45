//! Deliveries to the webhook, as Telegram makes them: in order within a chat, chats beside each other, each update
//! until it is answered 2xx or too old. The schedule is that of the open Bot API server (WebhookActor.cpp).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use super::Options;
use super::api;
use super::params::Params;
use super::state::{Bot, Shared, queue_of};

/// The longest Retry-After that is obeyed, in seconds.
const MAX_RETRY_AFTER: u64 = 3600;

/// Updates of one key are delivered one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum QueueKey {
    /// A chat.
    Chat(i64),
    /// An update that belongs to no chat; it waits for no other.
    Alone(u64),
}

/// What became of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeliveryState {
    /// Waiting: for its turn, for the next try or for a webhook.
    Pending,
    /// Being delivered.
    InFlight,
    /// Answered 2xx.
    Delivered,
    /// Older than updates are kept.
    Expired,
    /// Given up by `drop_pending_updates`.
    Dropped,
    /// Not among the `allowed_updates`: never queued.
    NotAllowed,
    /// Delivered only as copies, beside the queue.
    Copied,
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
    /// Whether it was an ordered copy.
    pub(crate) copy: bool,
}

/// An update and its tries, as the control API shows it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Delivery {
    /// Position among all updates of the bot, from 1.
    pub(crate) order: u64,
    pub(crate) update_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) chat_id: Option<i64>,
    pub(crate) state: DeliveryState,
    pub(crate) created_ms: u64,
    /// When it was answered 2xx or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finished_ms: Option<u64>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) update: Value,
    /// Failures since the webhook's settings last changed.
    #[serde(skip)]
    fails: u32,
    /// The last delay, in retry units.
    #[serde(skip)]
    delay_units: u32,
}

impl Delivery {
    fn kept_until_ms(&self, lifetime: Duration) -> u64 {
        self.created_ms.saturating_add(u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX))
    }
}

/// All updates of a bot, and the queues of those that wait.
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

    /// The newest delivery of this update.
    pub(crate) fn of_update(&self, update_id: i64) -> Option<&Delivery> {
        self.all.iter().rev().find(|delivery| delivery.update_id == update_id)
    }

    /// How many wait or are under way.
    pub(crate) fn pending(&self) -> usize {
        self.queues.values().map(VecDeque::len).sum()
    }

    pub(crate) fn counters(&self) -> Value {
        let attempts = || self.all.iter().flat_map(|delivery| &delivery.attempts);
        let delivered = self.all.iter().filter(|delivery| delivery.state == DeliveryState::Delivered).count();
        json!({
            "updates": self.all.len(),
            "delivered": delivered,
            "pending": self.pending(),
            "attempts": attempts().count(),
            "failed_attempts": attempts().filter(|attempt| attempt.error.is_some()).count(),
        })
    }

    /// Gives up everything that waits.
    pub(crate) fn drop_pending(&mut self, now_ms: u64) {
        let orders: Vec<u64> = self.queues.values_mut().flat_map(std::mem::take).collect();
        for order in orders {
            self.finish(order, DeliveryState::Dropped, now_ms);
        }
    }

    fn finish(&mut self, order: u64, state: DeliveryState, now_ms: u64) {
        let delivery = self.get_mut(order);
        delivery.state = state;
        delivery.finished_ms = Some(now_ms);
    }

    /// Records an update. `state` says whether it is queued.
    pub(crate) fn record(&mut self, update: Value, state: DeliveryState, now_ms: u64) -> u64 {
        let order = self.all.len() as u64 + 1;
        let chat_id = match queue_of(&update, order) {
            QueueKey::Chat(id) => Some(id),
            QueueKey::Alone(_) => None,
        };
        self.all.push(Delivery {
            order,
            update_id: update["update_id"].as_i64().unwrap_or_default(),
            chat_id,
            state,
            created_ms: now_ms,
            finished_ms: None,
            attempts: Vec::new(),
            update,
            fails: 0,
            delay_units: 1,
        });
        order
    }

    /// Gives up the updates at the front of a queue that are kept no longer. Returns them.
    fn expire(&mut self, key: QueueKey, now_ms: u64, lifetime: Duration) -> Vec<u64> {
        let mut expired = Vec::new();
        while let Some(order) = self.front(key).filter(|order| now_ms > self.get(*order).kept_until_ms(lifetime)) {
            self.finish(order, DeliveryState::Expired, now_ms);
            self.pop(key);
            expired.push(order);
        }
        expired
    }

    /// The front of a queue was refused. Returns how long to wait before its next try; an update that would be too old
    /// by then is given up now, and its queue goes on at once.
    fn refused(&mut self, options: &Options, key: QueueKey, retry_after: u64, now_ms: u64) -> Duration {
        let Some(order) = self.front(key) else { return Duration::ZERO };
        let delivery = self.get_mut(order);
        let pause = delay(options, delivery, retry_after);
        let next_try_ms = now_ms.saturating_add(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
        if next_try_ms <= delivery.kept_until_ms(options.update_lifetime) {
            return pause;
        }
        self.finish(order, DeliveryState::Expired, now_ms);
        self.pop(key);
        Duration::ZERO
    }

    fn front(&self, key: QueueKey) -> Option<u64> {
        self.queues.get(&key)?.front().copied()
    }

    fn pop(&mut self, key: QueueKey) {
        if let Some(queue) = self.queues.get_mut(&key) {
            queue.pop_front();
        }
    }
}

fn index(order: u64) -> usize {
    usize::try_from(order).expect("as many deliveries as fit memory") - 1
}

/// Queues an update of a bot and sees to its delivery.
pub(crate) fn enqueue(shared: &Arc<Shared>, bot: &mut Bot, update: Value) -> u64 {
    let order = bot.deliveries.record(update, DeliveryState::Pending, shared.clock.now_ms());
    let key = queue_of(&bot.deliveries.get(order).update, order);
    let mut starts = false;
    let queue = bot.deliveries.queues.entry(key).or_insert_with(|| {
        starts = true;
        VecDeque::new()
    });
    queue.push_back(order);
    if starts {
        shared.spawn(run_queue(Arc::clone(shared), bot.token.clone(), key));
    }
    order
}

/// One delivery to make.
#[derive(Debug)]
struct Job {
    order: u64,
    target: Target,
    permits: Arc<Semaphore>,
}

/// Where an update goes, and what is sent.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    url: String,
    secret_token: String,
    body: String,
}

impl Target {
    pub(crate) fn of(bot: &Bot, update: &Value) -> Self {
        Self { url: bot.webhook.url.clone(), secret_token: bot.webhook.secret_token.clone(), body: update.to_string() }
    }
}

/// What a try came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) attempt: Attempt,
    /// Seconds, if the answer asked for a pause.
    retry_after: u64,
    /// A method call in a 2xx answer.
    call: Option<(String, Params)>,
}

enum Next {
    Nothing,
    NoWebhook,
    Deliver(Job),
}

/// Delivers a queue until it is empty.
async fn run_queue(shared: Arc<Shared>, token: String, key: QueueKey) {
    let Some(mut settings) = shared.world().bots.get(&token).map(|bot| bot.webhook.generation.subscribe()) else {
        return;
    };
    loop {
        settings.borrow_and_update();
        let job = match next(&shared, &token, key) {
            Next::Nothing => return,
            Next::NoWebhook => {
                if settings.changed().await.is_err() {
                    return;
                }
                continue;
            }
            Next::Deliver(job) => job,
        };
        // New settings hang up on a delivery under way, and it begins anew, as on Telegram's side.
        let outcome = tokio::select! {
            outcome = deliver(&shared, &token, &job) => Some(outcome),
            _ = settings.changed() => None,
        };
        let pause = settle(&shared, &token, key, job.order, outcome);
        if !pause.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = settings.changed() => forget_failures(&shared, &token, job.order),
            }
        }
    }
}

fn next(shared: &Shared, token: &str, key: QueueKey) -> Next {
    let mut world = shared.world();
    let Some(bot) = world.bots.get_mut(token) else { return Next::Nothing };
    let expired = bot.deliveries.expire(key, shared.clock.now_ms(), shared.options.update_lifetime);
    for order in &expired {
        touch_chat(shared, bot, *order);
    }
    if !expired.is_empty() {
        shared.changed();
    }
    match bot.deliveries.front(key) {
        None => {
            bot.deliveries.queues.remove(&key);
            Next::Nothing
        }
        Some(_) if bot.webhook.url.is_empty() => Next::NoWebhook,
        Some(order) => Next::Deliver(Job {
            order,
            target: Target::of(bot, &bot.deliveries.get(order).update),
            permits: Arc::clone(&bot.webhook.permits),
        }),
    }
}

async fn deliver(shared: &Shared, token: &str, job: &Job) -> Outcome {
    let _permit = job.permits.acquire().await.expect("the semaphore is never closed");
    if let Some(bot) = shared.world().bots.get_mut(token) {
        bot.deliveries.get_mut(job.order).state = DeliveryState::InFlight;
    }
    post(shared, &job.target, false).await
}

/// Makes one try.
pub(crate) async fn post(shared: &Shared, target: &Target, copy: bool) -> Outcome {
    let time_ms = shared.clock.now_ms();
    let mut request = shared.http.post(&target.url).header("content-type", "application/json");
    if !target.secret_token.is_empty() {
        request = request.header("x-telegram-bot-api-secret-token", &target.secret_token);
    }
    let mut attempt = Attempt { time_ms, duration_ms: 0, status: None, error: None, copy };
    let mut retry_after = 0;
    let mut call = None;
    match request.body(target.body.clone()).send().await {
        Ok(response) => {
            let status = response.status();
            attempt.status = Some(status.as_u16());
            let seconds = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
            retry_after = seconds.and_then(|text| text.trim().parse().ok()).unwrap_or(0).min(MAX_RETRY_AFTER);
            let body = response.bytes().await;
            if status.is_success() {
                call = body.ok().and_then(|body| method_in(&body));
            } else {
                let reason = status.canonical_reason().unwrap_or_default();
                attempt.error = Some(format!("Wrong response from the webhook: {} {reason}", status.as_u16()));
            }
        }
        Err(error) => attempt.error = Some(connection_error(&error)),
    }
    attempt.duration_ms = shared.clock.now_ms() - time_ms;
    Outcome { attempt, retry_after, call }
}

/// The text that getWebhookInfo shows for a connection that failed.
fn connection_error(error: &reqwest::Error) -> String {
    let text = if error.is_timeout() {
        "Read timeout expired"
    } else if error.is_connect() {
        "Connection refused"
    } else {
        "Webhook connection closed"
    };
    text.to_owned()
}

/// The method call that a webhook put into its answer, if it is one that may be called so.
fn method_in(body: &[u8]) -> Option<(String, Params)> {
    let mut object: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let method = object.remove("method")?.as_str()?.to_owned();
    let lower = method.to_ascii_lowercase();
    let refused = ["deletewebhook", "setwebhook", "close", "logout"].contains(&lower.as_str());
    if refused || lower.starts_with("get") { None } else { Some((method, Params::of(object))) }
}

/// Writes down what a try came to. Returns how long to wait before the next.
fn settle(shared: &Arc<Shared>, token: &str, key: QueueKey, order: u64, outcome: Option<Outcome>) -> Duration {
    let mut world = shared.world();
    let Some(bot) = world.bots.get_mut(token) else { return Duration::ZERO };
    let now_ms = shared.clock.now_ms();
    let still_queued = bot.deliveries.front(key) == Some(order);
    let mut call = None;
    let mut pause = Duration::ZERO;
    match outcome {
        None if still_queued => {
            let delivery = bot.deliveries.get_mut(order);
            delivery.state = DeliveryState::Pending;
            delivery.fails = 0;
            delivery.delay_units = 1;
        }
        None => {}
        Some(outcome) => {
            let error = outcome.attempt.error.clone();
            bot.deliveries.get_mut(order).attempts.push(outcome.attempt);
            if let Some(message) = error {
                bot.webhook.last_error = Some((shared.clock.now_s(), message));
                if still_queued {
                    pause = bot.deliveries.refused(&shared.options, key, outcome.retry_after, now_ms);
                }
            } else {
                if still_queued {
                    bot.deliveries.finish(order, DeliveryState::Delivered, now_ms);
                    bot.deliveries.pop(key);
                }
                call = outcome.call;
            }
        }
    }
    touch_chat(shared, bot, order);
    if let Some((method, params)) = call {
        api::call_from_webhook(shared, bot, &method, &params);
    }
    drop(world);
    shared.changed();
    pause
}

/// The server's schedule: Retry-After if there is one; else the first retry at once, then doubling delays.
fn delay(options: &Options, delivery: &mut Delivery, retry_after: u64) -> Duration {
    delivery.state = DeliveryState::Pending;
    delivery.fails += 1;
    if retry_after > 0 {
        return Duration::from_secs(retry_after);
    }
    if delivery.fails == 1 {
        return Duration::ZERO;
    }
    delivery.delay_units = delivery.delay_units.saturating_mul(2);
    options.retry_unit.saturating_mul(delivery.delay_units).min(options.retry_cap)
}

fn forget_failures(shared: &Shared, token: &str, order: u64) {
    if let Some(bot) = shared.world().bots.get_mut(token) {
        let delivery = bot.deliveries.get_mut(order);
        delivery.fails = 0;
        delivery.delay_units = 1;
    }
}

/// Delivers an update `count` times at once, beside its queue and without retries. Returns the tries.
pub(crate) async fn deliver_copies(shared: &Arc<Shared>, token: &str, order: u64, count: usize) -> Vec<Attempt> {
    let Some(target) = shared.world().bots.get(token).map(|bot| Target::of(bot, &bot.deliveries.get(order).update))
    else {
        return Vec::new();
    };
    let mut copies = tokio::task::JoinSet::new();
    for _ in 0..count {
        let (shared, target) = (Arc::clone(shared), target.clone());
        copies.spawn(async move { post(&shared, &target, true).await.attempt });
    }
    let attempts = copies.join_all().await;
    if let Some(bot) = shared.world().bots.get_mut(token) {
        bot.deliveries.get_mut(order).attempts.extend(attempts.iter().cloned());
        touch_chat(shared, bot, order);
    }
    shared.changed();
    attempts
}

/// The chat of a delivery looks different now.
fn touch_chat(shared: &Shared, bot: &mut Bot, order: u64) {
    let chat_id = bot.deliveries.get(order).chat_id;
    if let Some(chat) = chat_id.and_then(|id| bot.chats.get_mut(&id)) {
        chat.version = shared.next_version();
    }
}
