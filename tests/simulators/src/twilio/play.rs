//! The part of the control API by which a test or the page plays the customers and WhatsApp's side.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::address::{SANDBOX_NUMBER, in_whatsapp, named};
use super::control::{change, read, wait_for};
use super::conversation;
use super::inbound::{self, Writing};
use super::progress::{self, Step};
use super::state::{Account, Direction, Shared};
use super::webhooks::{self, Kind, Signature};
use crate::control::{Answer, Body, Problem, check_copies};

/// The largest order, in bytes: a file of 16 MB in base64, and some room.
const MAX_BODY: usize = 24 * 1024 * 1024;

type Control = State<Arc<Shared>>;
type Place = Path<(String, String)>;

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/customers/{customer}", put(put_customer))
        .route("/customers/{customer}/messages", post(write))
        .route("/customers/{customer}/join", post(join))
        .route("/customers/{customer}/read", post(read_all))
        .route("/customers/{customer}/block", post(block))
        .route("/customers/{customer}/unblock", post(unblock))
        .route("/chats/{number}/{customer}", get(chat))
        .route("/messages/{sid}/statuses", post(add_statuses))
        .route("/webhooks", post(inject))
        .route("/deliveries/{order}/copies", post(copies))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

fn customer(text: &str) -> Result<String, Problem> {
    let text_is_none = || Problem::bad(format!("{text} is neither a number nor the id of a user without one"));
    named(text).ok_or_else(text_is_none)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomerChange {
    to: Option<String>,
    profile_name: Option<String>,
    on_whatsapp: Option<bool>,
}

async fn put_customer(State(shared): Control, Path((sid, who)): Place, body: Body<CustomerChange>) -> Answer {
    let Json(changes) = body?;
    let who = customer(&who)?;
    change(&shared, &sid, |account| {
        let ours = inbound::number(account, changes.to.as_deref())?;
        let conversation = account.conversation(&ours, &who);
        conversation.profile_name = changes.profile_name.or_else(|| conversation.profile_name.take());
        conversation.on_whatsapp = changes.on_whatsapp.unwrap_or(conversation.on_whatsapp);
        conversation.version = shared.next_version();
        Ok(Json(conversation::view(&shared, account, &ours, &who).1))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CopiesQuery {
    copies: Option<usize>,
}

async fn write(
    State(shared): Control,
    Path((sid, who)): Place,
    Query(query): Query<CopiesQuery>,
    body: Body<Writing>,
) -> Answer {
    let Json(writing) = body?;
    query.copies.map_or(Ok(()), check_copies)?;
    let who = customer(&who)?;
    let written = change(&shared, &sid, |account| inbound::write(&shared, account, &who, writing))?;
    let answer = json!({"message_sid": written.message_sid});
    match written.order {
        Some(order) => submitted(&shared, &sid, order, query.copies, answer).await,
        None => Ok(Json(answer)),
    }
}

/// Sends a webhook out, and answers about it; with `copies`, after they are delivered.
async fn submitted(shared: &Arc<Shared>, sid: &str, order: u64, copies: Option<usize>, mut answer: Value) -> Answer {
    answer["order"] = order.into();
    if let Some(count) = copies {
        answer["attempts"] = json!(webhooks::deliver_copies(shared, sid, order, count).await);
    } else {
        let (task_shared, task_sid) = (Arc::clone(shared), sid.to_owned());
        shared.spawn(async move { webhooks::deliver(&task_shared, &task_sid, order).await });
    }
    answer["state"] = read(shared, sid, |account| Ok(json!(account.delivery(order).map(|delivery| delivery.state))))?;
    Ok(Json(answer))
}

async fn join(State(shared): Control, Path((sid, who)): Place) -> Answer {
    let who = customer(&who)?;
    change(&shared, &sid, |account| {
        let order = json!({"to": SANDBOX_NUMBER, "body": format!("join {}", account.join_code)});
        let writing = serde_json::from_value(order).map_err(|error| Problem::bad(error.to_string()))?;
        inbound::write(&shared, account, &who, writing)?;
        Ok(Json(conversation::view(&shared, account, SANDBOX_NUMBER, &who).1))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct To {
    to: Option<String>,
}

/// The customer reads everything that was delivered and not yet read.
async fn read_all(State(shared): Control, Path((sid, who)): Place, body: Body<To>) -> Answer {
    let Json(To { to }) = body?;
    let who = customer(&who)?;
    change(&shared, &sid, |account| {
        let ours = inbound::number(account, to.as_deref())?;
        let unread: Vec<String> = account
            .messages
            .iter()
            .filter(|message| message.direction != Direction::Inbound && message.ours == ours)
            .filter(|message| message.customer == who && message.status == "delivered" && message.steps.is_empty())
            .map(|message| message.sid.clone())
            .collect();
        for message in &unread {
            push_steps(&shared, account, message, vec![Step::plain("read")])?;
        }
        Ok(Json(json!({"read": unread})))
    })
}

fn push_steps(shared: &Arc<Shared>, account: &mut Account, message: &str, steps: Vec<Step>) -> Result<(), Problem> {
    let found = account.message_mut(message).filter(|found| found.direction != Direction::Inbound);
    found
        .ok_or_else(|| Problem::unknown(format!("there is no message {message} of the account's own")))?
        .steps
        .extend(steps);
    progress::go_on(shared, account, message);
    Ok(())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statuses {
    statuses: Vec<Step>,
}

async fn add_statuses(State(shared): Control, Path((sid, message)): Place, body: Body<Statuses>) -> Answer {
    let Json(Statuses { statuses }) = body?;
    progress::check(&statuses).map_err(Problem::bad)?;
    change(&shared, &sid, |account| {
        push_steps(&shared, account, &message, statuses)?;
        Ok(Json(json!({"message_sid": message})))
    })
}

async fn block(State(shared): Control, Path((sid, who)): Place, body: Body<To>) -> Answer {
    set_blocked(&shared, &sid, &who, body?.0.to.as_deref(), true)
}

async fn unblock(State(shared): Control, Path((sid, who)): Place, body: Body<To>) -> Answer {
    set_blocked(&shared, &sid, &who, body?.0.to.as_deref(), false)
}

fn set_blocked(shared: &Shared, sid: &str, who: &str, to: Option<&str>, blocked: bool) -> Answer {
    let who = customer(who)?;
    change(shared, sid, |account| {
        let ours = inbound::number(account, to)?;
        let conversation = account.conversation(&ours, &who);
        conversation.blocked = blocked;
        conversation.version = shared.next_version();
        Ok(Json(json!({"blocked": blocked})))
    })
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
    Path((sid, ours, who)): Path<(String, String, String)>,
    Query(query): Query<ChatQuery>,
) -> Answer {
    let who = customer(&who)?;
    wait_for(&shared, &sid, query.wait_ms, |account| {
        let ours = inbound::number(account, Some(&ours))?;
        let (version, seen) = conversation::view(&shared, account, &ours, &who);
        Ok((Json(seen), query.version.is_none_or(|known| version > known)))
    })
    .await
}

/// A webhook of the caller's own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Injection {
    /// Whose receiver; the number in `To` (`inbound`) or `From` (`status`) if left out, or the usual one.
    to: Option<String>,
    #[serde(default = "inbound_kind")]
    kind: Kind,
    /// The parameters...
    params: Option<Map<String, Value>>,
    /// ... or the body as it is to be sent.
    form: Option<String>,
    signature: Option<Signature>,
}

fn inbound_kind() -> Kind {
    Kind::Inbound
}

async fn inject(
    State(shared): Control,
    Path(sid): Path<String>,
    Query(query): Query<CopiesQuery>,
    body: Body<Injection>,
) -> Answer {
    let Json(order) = body?;
    query.copies.map_or(Ok(()), check_copies)?;
    let params = match (&order.params, &order.form) {
        (Some(params), None) => webhooks::params_of(params),
        (None, Some(form)) => webhooks::raw_params(form),
        _ => return Err(Problem::bad("a webhook needs one of params and form")),
    };
    let value = |name: &str| params.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let (from, to) = (value("From").unwrap_or_default(), value("To").unwrap_or_default());
    let (ours, other) = if order.kind == Kind::Inbound { (to, from) } else { (from, to) };
    let ours = named(&ours);
    let order = change(&shared, &sid, |account| {
        let known = ours.filter(|number| account.sender(number).is_some());
        let ours = inbound::number(account, order.to.as_deref().or(known.as_deref()))?;
        let other = named(&other).unwrap_or_else(|| in_whatsapp(&other).unwrap_or(&other).to_owned());
        let mut notice = inbound::notice(account, &ours, order.kind, &other, value("MessageSid"), params.clone());
        notice.raw = order.form;
        let position = webhooks::record(account, notice, shared.now_ms());
        if let Some(delivery) = account.deliveries.last_mut() {
            delivery.signature = order.signature;
        }
        Ok(position)
    })?;
    submitted(&shared, &sid, order, query.copies, json!({})).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CopyOrder {
    count: usize,
}

async fn copies(State(shared): Control, Path((sid, order)): Path<(String, u64)>, body: Body<CopyOrder>) -> Answer {
    let Json(CopyOrder { count }) = body?;
    check_copies(count)?;
    read(&shared, &sid, |account| {
        let known = account.delivery(order).filter(|delivery| delivery.order == order && !delivery.url.is_empty());
        known.map(|_| ()).ok_or_else(|| Problem::unknown(format!("there is no webhook {order} that went anywhere")))
    })?;
    let attempts = webhooks::deliver_copies(&shared, &sid, order, count).await;
    Ok(Json(json!({"order": order, "attempts": attempts})))
}
