//! The control API, `/control`: a test creates bots, plays their customers, orders faults and sees what happened.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::conversation;
use super::delivery::{self, Delivery, DeliveryState};
use super::faults::Fault;
use super::limits::LimitSettings;
use super::state::{Bot, Call, Shared};
use super::updates::{self, Refused};
use super::{NewBot, control_files};
use crate::control::{self, Answer, Body, Problem};

pub(crate) type Control = State<Arc<Shared>>;

pub(crate) fn routes() -> Router<Arc<Shared>> {
    let bot = Router::new()
        .route("/", get(show_bot))
        .route("/customers/{id}", put(put_customer))
        .route("/customers/{id}/messages", post(write))
        .route("/customers/{id}/edits", post(edit))
        .route("/customers/{id}/callbacks", post(press))
        .route("/customers/{id}/block", post(block))
        .route("/customers/{id}/unblock", post(unblock))
        .route("/updates", post(inject))
        .route("/updates/{update_id}/copies", post(copies))
        .route("/chats/{id}", get(chat))
        .route("/sent", get(sent))
        .route("/calls", get(calls))
        .route("/deliveries", get(deliveries))
        .route("/faults", get(list_faults).post(order_faults).delete(clear_faults))
        .merge(control_files::routes())
        .route("/limits", put(set_limits))
        .route("/counters", get(counters));
    Router::new().route("/bots", get(list_bots).post(create_bot)).nest("/bots/{token}", bot)
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unknown(text) => Self::unknown(text),
            Refused::Conflict(text) => Self::conflict(text),
        }
    }
}

/// Works on a bot and tells those who wait.
pub(crate) fn change<T>(
    shared: &Shared,
    token: &str,
    work: impl FnOnce(&mut Bot) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let result = read(shared, token, work);
    shared.changed();
    result
}

/// Looks at a bot.
pub(crate) fn read<T>(
    shared: &Shared,
    token: &str,
    work: impl FnOnce(&mut Bot) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let mut world = shared.world();
    let bot = world.bots.get_mut(token).ok_or_else(|| Problem::unknown("there is no bot with this token"))?;
    work(bot)
}

/// Looks at a bot until `look` finds what it wants, at the latest after `wait_ms`. Returns what it saw last.
async fn wait_for<T>(
    shared: &Shared,
    token: &str,
    wait_ms: u64,
    look: impl Fn(&Bot) -> Result<(T, bool), Problem>,
) -> Result<T, Problem> {
    control::wait_for(shared, wait_ms, || read(shared, token, |bot| look(bot))).await
}

fn describe(bot: &Bot) -> Value {
    json!({
        "token": bot.token,
        "id": bot.id,
        "name": bot.name,
        "username": bot.username,
        "webhook": bot.webhook.info(bot.deliveries.pending()),
    })
}

async fn list_bots(State(shared): Control) -> Json<Value> {
    let bots: Vec<Value> = shared.world().bots.values().map(describe).collect();
    Json(json!({"bots": bots}))
}

async fn create_bot(State(shared): Control, body: Body<NewBot>) -> Answer {
    let Json(new) = body?;
    let created = shared.world().create_bot(&new).map(describe).map_err(Problem::conflict);
    shared.changed();
    created.map(Json)
}

async fn show_bot(State(shared): Control, Path(token): Path<String>) -> Answer {
    read(&shared, &token, |bot| Ok(Json(describe(bot))))
}

async fn put_customer(
    State(shared): Control,
    Path((token, id)): Path<(String, i64)>,
    body: Body<Map<String, Value>>,
) -> Answer {
    let Json(profile) = body?;
    change(&shared, &token, |bot| {
        let chat = updates::customer(bot, id, &profile);
        Ok(Json(json!({"user": chat.customer, "standing": chat.standing})))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CopiesQuery {
    copies: Option<usize>,
}

/// Whether copies can be delivered, so many at once.
fn check_copies(bot: &Bot, copies: Option<usize>) -> Result<(), Problem> {
    let Some(count) = copies else { return Ok(()) };
    control::check_copies(count)?;
    if bot.webhook.url.is_empty() {
        return Err(Problem::conflict("the bot has no webhook to deliver copies to"));
    }
    Ok(())
}

/// Queues an update if the bot wants its kind; `copies` deliver it at once instead, beside the queue.
fn submit(shared: &Arc<Shared>, bot: &mut Bot, kind: Option<&str>, update: Value, copies: Option<usize>) -> u64 {
    let now_ms = shared.clock.now_ms();
    let order = if copies.is_some() {
        bot.deliveries.record(update, DeliveryState::Copied, now_ms)
    } else if kind.is_some_and(|kind| !bot.webhook.allows(kind)) {
        bot.deliveries.record(update, DeliveryState::NotAllowed, now_ms)
    } else {
        delivery::enqueue(shared, bot, update)
    };
    if let Some(chat) = bot.deliveries.get(order).chat_id.and_then(|id| bot.chats.get_mut(&id)) {
        chat.version = shared.next_version();
    }
    order
}

/// The answer about a new update; with `copies`, after they are delivered.
async fn submitted(shared: &Arc<Shared>, token: &str, order: u64, copies: Option<usize>, mut answer: Value) -> Answer {
    if let Some(count) = copies {
        answer["attempts"] = json!(delivery::deliver_copies(shared, token, order, count).await);
    }
    read(shared, token, |bot| {
        let delivery = bot.deliveries.get(order);
        answer["order"] = json!(order);
        answer["update_id"] = json!(delivery.update_id);
        answer["queued"] = json!(!matches!(delivery.state, DeliveryState::NotAllowed | DeliveryState::Copied));
        Ok(Json(answer))
    })
}

async fn write(
    State(shared): Control,
    Path((token, id)): Path<(String, i64)>,
    Query(query): Query<CopiesQuery>,
    body: Body<Map<String, Value>>,
) -> Answer {
    let Json(mut content) = body?;
    let (order, message_id) = change(&shared, &token, |bot| {
        check_copies(bot, query.copies)?;
        bot.files.complete(&mut content).map_err(Problem::unknown)?;
        let (message_id, update) = updates::write(bot, shared.clock, id, content)?;
        let order = submit(&shared, bot, Some("message"), update, query.copies);
        remember(bot, id, message_id, order);
        Ok((order, message_id))
    })?;
    submitted(&shared, &token, order, query.copies, json!({"message_id": message_id})).await
}

/// The message is carried by this delivery too.
fn remember(bot: &mut Bot, id: i64, message_id: i64, order: u64) {
    if let Some(message) = bot.chats.get_mut(&id).and_then(|chat| chat.message_mut(message_id)) {
        message.deliveries.push(order);
    }
}

async fn edit(
    State(shared): Control,
    Path((token, id)): Path<(String, i64)>,
    body: Body<Map<String, Value>>,
) -> Answer {
    let Json(mut changes) = body?;
    let message_id =
        changes.get("message_id").and_then(Value::as_i64).ok_or_else(|| Problem::bad("message_id is missing"))?;
    let order = change(&shared, &token, |bot| {
        bot.files.complete(&mut changes).map_err(Problem::unknown)?;
        let update = updates::edit(bot, shared.clock, id, message_id, changes)?;
        let order = submit(&shared, bot, Some("edited_message"), update, None);
        remember(bot, id, message_id, order);
        Ok(order)
    })?;
    submitted(&shared, &token, order, None, json!({"message_id": message_id})).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Press {
    message_id: i64,
    data: String,
}

async fn press(State(shared): Control, Path((token, id)): Path<(String, i64)>, body: Body<Press>) -> Answer {
    let Json(press) = body?;
    let (order, query_id) = change(&shared, &token, |bot| {
        let (query_id, update) = updates::press(bot, id, press.message_id, &press.data)?;
        Ok((submit(&shared, bot, Some("callback_query"), update, None), query_id))
    })?;
    submitted(&shared, &token, order, None, json!({"callback_query_id": query_id})).await
}

async fn block(State(shared): Control, Path((token, id)): Path<(String, i64)>) -> Answer {
    set_blocked(&shared, &token, id, true).await
}

async fn unblock(State(shared): Control, Path((token, id)): Path<(String, i64)>) -> Answer {
    set_blocked(&shared, &token, id, false).await
}

async fn set_blocked(shared: &Arc<Shared>, token: &str, id: i64, blocked: bool) -> Answer {
    let order = change(shared, token, |bot| {
        let update = updates::block(bot, shared.clock, id, blocked)?;
        Ok(update.map(|update| submit(shared, bot, Some("my_chat_member"), update, None)))
    })?;
    match order {
        Some(order) => submitted(shared, token, order, None, json!({"blocked": blocked})).await,
        None => Ok(Json(json!({"blocked": blocked, "queued": false}))),
    }
}

async fn inject(
    State(shared): Control,
    Path(token): Path<String>,
    Query(query): Query<CopiesQuery>,
    body: Body<Map<String, Value>>,
) -> Answer {
    let Json(update) = body?;
    let order = change(&shared, &token, |bot| {
        check_copies(bot, query.copies)?;
        let update = updates::adopt(bot, update);
        Ok(submit(&shared, bot, None, update, query.copies))
    })?;
    submitted(&shared, &token, order, query.copies, json!({})).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CopyOrder {
    count: usize,
}

async fn copies(
    State(shared): Control,
    Path((token, update_id)): Path<(String, i64)>,
    body: Body<CopyOrder>,
) -> Answer {
    let Json(CopyOrder { count }) = body?;
    let order = read(&shared, &token, |bot| {
        check_copies(bot, Some(count))?;
        let known = bot.deliveries.of_update(update_id).map(|delivery| delivery.order);
        known.ok_or_else(|| Problem::unknown(format!("there is no update {update_id}")))
    })?;
    let attempts = delivery::deliver_copies(&shared, &token, order, count).await;
    Ok(Json(json!({"order": order, "update_id": update_id, "attempts": attempts})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChatQuery {
    version: Option<u64>,
    #[serde(default)]
    wait_ms: u64,
}

async fn chat(
    State(shared): Control,
    Path((token, id)): Path<(String, i64)>,
    Query(query): Query<ChatQuery>,
) -> Answer {
    let clock = shared.clock;
    wait_for(&shared, &token, query.wait_ms, |bot| match bot.chats.get(&id) {
        Some(chat) => {
            let newer = query.version.is_none_or(|known| chat.version > known);
            Ok((Json(conversation::view(bot, chat, clock)), newer))
        }
        None => {
            Ok((Json(json!({"version": 0, "blocked": false, "typing_ms": 0, "messages": []})), query.version.is_none()))
        }
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CallsQuery {
    /// Only calls after this position.
    #[serde(default)]
    after: u64,
    /// How many to wait for.
    #[serde(default = "one")]
    count: usize,
    /// How long to wait for them, in milliseconds; 0: not at all.
    #[serde(default)]
    wait_ms: u64,
    chat_id: Option<i64>,
    method: Option<String>,
}

fn one() -> usize {
    1
}

impl CallsQuery {
    fn matches(&self, call: &Call) -> bool {
        call.order > self.after
            && self.chat_id.is_none_or(|id| call.chat_id == Some(id))
            && self.method.as_ref().is_none_or(|method| call.method.eq_ignore_ascii_case(method))
    }
}

/// Calls that took effect for a customer: messages, actions, answers to buttons.
fn is_send(call: &Call) -> bool {
    let method = call.method.to_ascii_lowercase();
    call.accepted && (method.starts_with("send") || method == "answercallbackquery")
}

async fn sent(State(shared): Control, Path(token): Path<String>, Query(query): Query<CallsQuery>) -> Answer {
    list_calls(&shared, &token, &query, "sent", is_send).await
}

async fn calls(State(shared): Control, Path(token): Path<String>, Query(query): Query<CallsQuery>) -> Answer {
    list_calls(&shared, &token, &query, "calls", |_| true).await
}

async fn list_calls(shared: &Shared, token: &str, query: &CallsQuery, name: &str, wanted: fn(&Call) -> bool) -> Answer {
    wait_for(shared, token, query.wait_ms, |bot| {
        let found: Vec<&Call> = bot.calls.iter().filter(|call| wanted(call) && query.matches(call)).collect();
        let enough = found.len() >= query.count;
        // The position up to which this answer is complete: the next `after`.
        let last = bot.calls.len();
        Ok((Json(json!({name: found, "last": last})), enough))
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeliveriesQuery {
    #[serde(default)]
    after: u64,
    chat_id: Option<i64>,
    update_id: Option<i64>,
    #[serde(default)]
    wait_ms: u64,
    /// Wait until there are so many tries.
    #[serde(default)]
    attempts: usize,
    /// Wait until there is at least one such update, and all of them are delivered or given up.
    #[serde(default)]
    settled: bool,
}

impl DeliveriesQuery {
    fn matches(&self, delivery: &Delivery) -> bool {
        delivery.order > self.after
            && self.chat_id.is_none_or(|id| delivery.chat_id == Some(id))
            && self.update_id.is_none_or(|id| delivery.update_id == id)
    }
}

async fn deliveries(State(shared): Control, Path(token): Path<String>, Query(query): Query<DeliveriesQuery>) -> Answer {
    wait_for(&shared, &token, query.wait_ms, |bot| {
        let all = bot.deliveries.all();
        let found: Vec<&Delivery> = all.iter().filter(|delivery| query.matches(delivery)).collect();
        let waits = |state| matches!(state, DeliveryState::Pending | DeliveryState::InFlight);
        let settled = !found.is_empty() && !found.iter().any(|delivery| waits(delivery.state));
        let attempts: usize = found.iter().map(|delivery| delivery.attempts.len()).sum();
        let enough = (settled || !query.settled) && attempts >= query.attempts;
        let answer = json!({"deliveries": found, "pending": bot.deliveries.pending(), "last": all.len()});
        Ok((Json(answer), enough))
    })
    .await
}

async fn list_faults(State(shared): Control, Path(token): Path<String>) -> Answer {
    read(&shared, &token, |bot| Ok(Json(json!({"faults": bot.faults.list()}))))
}

async fn order_faults(State(shared): Control, Path(token): Path<String>, body: Body<Value>) -> Answer {
    let Json(body) = body?;
    let faults: Vec<Fault> = control::one_or_many(body)?;
    for fault in &faults {
        fault.check().map_err(Problem::bad)?;
    }
    change(&shared, &token, |bot| {
        for fault in faults {
            bot.faults.push(fault);
        }
        Ok(Json(json!({"faults": bot.faults.list()})))
    })
}

async fn clear_faults(State(shared): Control, Path(token): Path<String>) -> Answer {
    change(&shared, &token, |bot| {
        bot.faults.clear();
        Ok(Json(json!({"faults": []})))
    })
}

async fn set_limits(State(shared): Control, Path(token): Path<String>, body: Body<LimitSettings>) -> Answer {
    let Json(settings) = body?;
    change(&shared, &token, |bot| {
        bot.limits.settings = settings;
        Ok(Json(json!(settings)))
    })
}

async fn counters(State(shared): Control, Path(token): Path<String>) -> Answer {
    read(&shared, &token, |bot| Ok(Json(bot.counters())))
}
