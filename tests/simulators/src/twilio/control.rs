//! The control API, `/control`: a test creates accounts, orders faults and outcomes, and sees what happened. Playing the
//! customers is in [`super::play`].

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::Response;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::address::{is_number, is_sid, named, new_sid};
use super::faults::Fault;
use super::limits::LimitSettings;
use super::progress::{self, OutcomeOrder};
use super::state::{Account, AccountStatus, Call, Shared};
use super::verify::Verification;
use super::webhooks::{Delivery, DeliveryState, Kind, Signing};
use super::{AccountType, NewAccount, NewSender, media, messages, play};
use crate::control::{self, Answer, Body, Problem, one_or_many};
use crate::ground::random_text;

type Control = State<Arc<Shared>>;

pub(crate) fn routes() -> Router<Arc<Shared>> {
    let account = Router::new()
        .route("/", get(show_account).put(change_account))
        .route("/keys", post(create_key))
        .route("/senders", post(create_sender))
        .route("/senders/{number}", put(change_sender))
        .route("/contents/{sid}", put(set_content))
        .route("/sent", get(sent))
        .route("/calls", get(calls))
        .route("/deliveries", get(deliveries))
        .route("/messages/{sid}", get(message))
        .route("/media", get(list_media))
        .route("/media/{sid}", get(show_media))
        .route("/verifications", get(verifications))
        .route("/faults", get(list_faults).post(order_faults).delete(clear_faults))
        .route("/outcomes", get(list_outcomes).post(order_outcomes).delete(clear_outcomes))
        .route("/limits", put(set_limits))
        .route("/signing", put(set_signing))
        .route("/counters", get(counters))
        .merge(play::routes());
    Router::new()
        .route("/accounts", get(list_accounts).post(create_account))
        .route("/clock", get(show_clock).post(move_clock))
        .nest("/accounts/{account}", account)
}

/// Works on an account and tells those who wait.
pub(crate) fn change<T>(
    shared: &Shared,
    sid: &str,
    work: impl FnOnce(&mut Account) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let result = read(shared, sid, work);
    shared.changed();
    result
}

pub(crate) fn read<T>(
    shared: &Shared,
    sid: &str,
    work: impl FnOnce(&mut Account) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let mut world = shared.world();
    work(world.accounts.get_mut(sid).ok_or_else(|| Problem::unknown("there is no account with this SID"))?)
}

/// Looks at an account until `look` finds what it wants, at the latest after `wait_ms`. Returns what it saw last.
pub(crate) async fn wait_for<T>(
    shared: &Shared,
    sid: &str,
    wait_ms: u64,
    look: impl Fn(&Account) -> Result<(T, bool), Problem>,
) -> Result<T, Problem> {
    control::wait_for(shared, wait_ms, || read(shared, sid, |account| look(account))).await
}

fn describe(shared: &Shared, account: &Account) -> Value {
    let senders: Vec<Value> = account
        .senders
        .iter()
        .map(|sender| {
            let mut described = sender.describe(shared);
            described["number"] = sender.number.clone().into();
            described["sandbox"] = sender.is_sandbox().into();
            described["messaging_service_sid"] = json!(sender.messaging_service_sid);
            described
        })
        .collect();
    json!({
        "sid": account.sid,
        "auth_token": account.auth_token,
        "name": account.name,
        "status": account.status,
        "type": account.kind,
        "join_code": account.join_code,
        "verified": account.verified,
        "verify_service_sid": account.verify_service,
        "senders": senders,
    })
}

async fn list_accounts(State(shared): Control) -> Json<Value> {
    let accounts: Vec<Value> = shared.world().accounts.values().map(|account| describe(&shared, account)).collect();
    Json(json!({"accounts": accounts}))
}

async fn create_account(State(shared): Control, body: Body<NewAccount>) -> Answer {
    let Json(new) = body?;
    let created = {
        let mut world = shared.world();
        world.create_account(&new).map(|account| describe(&shared, account)).map_err(Problem::conflict)
    };
    shared.changed();
    created.map(Json)
}

async fn show_account(State(shared): Control, Path(sid): Path<String>) -> Answer {
    read(&shared, &sid, |account| Ok(Json(describe(&shared, account))))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountChange {
    status: Option<AccountStatus>,
    #[serde(rename = "type")]
    kind: Option<AccountType>,
    auth_token: Option<String>,
    verified: Option<BTreeSet<String>>,
}

async fn change_account(State(shared): Control, Path(sid): Path<String>, body: Body<AccountChange>) -> Answer {
    let Json(changes) = body?;
    if changes.verified.iter().flatten().any(|number| !is_number(number)) {
        return Err(Problem::bad("verified holds numbers in the form +15005550006"));
    }
    change(&shared, &sid, |account| {
        account.status = changes.status.unwrap_or(account.status);
        account.kind = changes.kind.unwrap_or(account.kind);
        account.auth_token = changes.auth_token.unwrap_or_else(|| account.auth_token.clone());
        account.verified = changes.verified.unwrap_or_else(|| account.verified.clone());
        Ok(Json(describe(&shared, account)))
    })
}

async fn create_key(State(shared): Control, Path(sid): Path<String>) -> Answer {
    change(&shared, &sid, |account| {
        let (key, secret) = (new_sid("SK"), random_text());
        account.keys.insert(key.clone(), secret.clone());
        Ok(Json(json!({"sid": key, "secret": secret})))
    })
}

async fn create_sender(State(shared): Control, Path(sid): Path<String>, body: Body<NewSender>) -> Answer {
    let Json(new) = body?;
    change(&shared, &sid, |account| {
        let sender = account.add_sender(&new).map_err(Problem::conflict)?;
        Ok(Json(sender.describe(&shared)))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SenderChange {
    status: Option<String>,
    webhook: Option<Map<String, Value>>,
}

async fn change_sender(
    State(shared): Control,
    Path((sid, number)): Path<(String, String)>,
    body: Body<SenderChange>,
) -> Answer {
    let Json(changes) = body?;
    let number = named(&number).ok_or_else(|| Problem::bad(format!("{number} is not a number")))?;
    change(&shared, &sid, |account| {
        let unknown = || Problem::unknown(format!("the account has no number {number}"));
        let sender = account.sender_mut(&number).ok_or_else(unknown)?;
        if let Some(webhook) = &changes.webhook {
            sender.webhook.merge(webhook).map_err(Problem::bad)?;
        }
        sender.status = changes.status.unwrap_or_else(|| sender.status.clone());
        Ok(Json(sender.describe(&shared)))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    body: String,
}

async fn set_content(
    State(shared): Control,
    Path((sid, content)): Path<(String, String)>,
    body: Body<Content>,
) -> Answer {
    let Json(Content { body }) = body?;
    if !is_sid(&content, "HX") {
        return Err(Problem::bad("a template's SID reads HX and 32 hexadecimal digits"));
    }
    change(&shared, &sid, |account| {
        account.contents.insert(content.clone(), body.clone());
        Ok(Json(json!({"sid": content, "body": body})))
    })
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
    to: Option<String>,
    call: Option<String>,
}

fn one() -> usize {
    1
}

impl CallsQuery {
    fn matches(&self, call: &Call) -> bool {
        let party = |text: &str| named(text).unwrap_or_else(|| text.to_owned());
        call.order > self.after
            && self.to.as_ref().is_none_or(|to| call.to.as_ref().is_some_and(|known| party(known) == party(to)))
            && self.call.as_ref().is_none_or(|name| call.name == name)
    }
}

/// Calls that took effect for a customer: messages, typing, codes.
fn is_send(call: &Call) -> bool {
    call.accepted && matches!(call.name, "messages.create" | "typing" | "verifications.create")
}

async fn sent(State(shared): Control, Path(sid): Path<String>, Query(query): Query<CallsQuery>) -> Answer {
    list_calls(&shared, &sid, &query, "sent", is_send).await
}

async fn calls(State(shared): Control, Path(sid): Path<String>, Query(query): Query<CallsQuery>) -> Answer {
    list_calls(&shared, &sid, &query, "calls", |_| true).await
}

async fn list_calls(shared: &Shared, sid: &str, query: &CallsQuery, name: &str, wanted: fn(&Call) -> bool) -> Answer {
    wait_for(shared, sid, query.wait_ms, |account| {
        let found: Vec<&Call> = account.calls.iter().filter(|call| wanted(call) && query.matches(call)).collect();
        let enough = found.len() >= query.count;
        // The position up to which this answer is complete: the next `after`.
        Ok((Json(json!({name: found, "last": account.calls.len()})), enough))
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeliveriesQuery {
    #[serde(default)]
    after: u64,
    order: Option<u64>,
    kind: Option<Kind>,
    customer: Option<String>,
    message_sid: Option<String>,
    #[serde(default)]
    wait_ms: u64,
    /// Wait until there are so many of them.
    #[serde(default)]
    count: usize,
    /// Wait until there are so many tries.
    #[serde(default)]
    attempts: usize,
    /// Wait until there is at least one, and all of them are delivered or given up.
    #[serde(default)]
    settled: bool,
}

impl DeliveriesQuery {
    fn matches(&self, delivery: &Delivery) -> bool {
        delivery.order > self.after
            && self.order.is_none_or(|order| delivery.order == order)
            && self.kind.is_none_or(|kind| delivery.kind == kind)
            && self.customer.as_ref().is_none_or(|wanted| delivery.customer == named(wanted))
            && self.message_sid.as_ref().is_none_or(|sid| delivery.message_sid.as_ref() == Some(sid))
    }
}

async fn deliveries(State(shared): Control, Path(sid): Path<String>, Query(query): Query<DeliveriesQuery>) -> Answer {
    wait_for(&shared, &sid, query.wait_ms, |account| {
        let found: Vec<&Delivery> = account.deliveries.iter().filter(|delivery| query.matches(delivery)).collect();
        let settled = !found.is_empty() && !found.iter().any(|delivery| delivery.state == DeliveryState::Pending);
        let attempts: usize = found.iter().map(|delivery| delivery.attempts.len()).sum();
        let enough = (settled || !query.settled) && attempts >= query.attempts && found.len() >= query.count;
        Ok((Json(json!({"deliveries": found, "last": account.deliveries.len()})), enough))
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageQuery {
    status: Option<String>,
    #[serde(default)]
    wait_ms: u64,
}

async fn message(
    State(shared): Control,
    Path((sid, message)): Path<(String, String)>,
    Query(query): Query<MessageQuery>,
) -> Answer {
    wait_for(&shared, &sid, query.wait_ms, |account| {
        let unknown = || Problem::unknown(format!("there is no message {message}"));
        let found = account.message(&message).ok_or_else(unknown)?;
        let enough = query.status.as_ref().is_none_or(|status| found.status == *status);
        Ok((Json(messages::describe(account, found)), enough))
    })
    .await
}

async fn list_media(State(shared): Control, Path(sid): Path<String>) -> Answer {
    read(&shared, &sid, |account| {
        let all: Vec<Value> = account.media.values().map(media::Media::for_control).collect();
        Ok(Json(json!({"media": all})))
    })
}

/// The file itself, for the page.
async fn show_media(
    State(shared): Control,
    Path((sid, medium)): Path<(String, String)>,
) -> Result<Response<axum::body::Body>, Problem> {
    read(&shared, &sid, |account| {
        let unknown = || Problem::unknown(format!("there is no medium {medium}"));
        account.media.get(&medium).map(media::file).ok_or_else(unknown)
    })
}

async fn verifications(State(shared): Control, Path(sid): Path<String>) -> Answer {
    read(&shared, &sid, |account| {
        let all: Vec<Value> = account.verifications.iter().map(Verification::for_control).collect();
        Ok(Json(json!({"verifications": all})))
    })
}

async fn list_faults(State(shared): Control, Path(sid): Path<String>) -> Answer {
    read(&shared, &sid, |account| Ok(Json(json!({"faults": account.faults.list()}))))
}

async fn order_faults(State(shared): Control, Path(sid): Path<String>, body: Body<Value>) -> Answer {
    let faults: Vec<Fault> = one_or_many(body?.0)?;
    for fault in &faults {
        fault.check().map_err(Problem::bad)?;
    }
    change(&shared, &sid, |account| {
        for fault in faults {
            account.faults.push(fault);
        }
        Ok(Json(json!({"faults": account.faults.list()})))
    })
}

async fn clear_faults(State(shared): Control, Path(sid): Path<String>) -> Answer {
    change(&shared, &sid, |account| {
        account.faults.clear();
        Ok(Json(json!({"faults": []})))
    })
}

async fn list_outcomes(State(shared): Control, Path(sid): Path<String>) -> Answer {
    read(&shared, &sid, |account| Ok(Json(json!({"outcomes": account.outcomes.list()}))))
}

async fn order_outcomes(State(shared): Control, Path(sid): Path<String>, body: Body<Value>) -> Answer {
    let orders: Vec<OutcomeOrder> = one_or_many(body?.0)?;
    for order in &orders {
        progress::check(&order.statuses).map_err(Problem::bad)?;
        if order.count == 0 {
            return Err(Problem::bad("count must be at least 1"));
        }
    }
    change(&shared, &sid, |account| {
        for order in orders {
            account.outcomes.push(order);
        }
        Ok(Json(json!({"outcomes": account.outcomes.list()})))
    })
}

async fn clear_outcomes(State(shared): Control, Path(sid): Path<String>) -> Answer {
    change(&shared, &sid, |account| {
        account.outcomes.clear();
        Ok(Json(json!({"outcomes": []})))
    })
}

async fn set_limits(State(shared): Control, Path(sid): Path<String>, body: Body<LimitSettings>) -> Answer {
    let Json(settings) = body?;
    change(&shared, &sid, |account| {
        account.limits.settings = settings;
        Ok(Json(json!(settings)))
    })
}

async fn set_signing(State(shared): Control, Path(sid): Path<String>, body: Body<Signing>) -> Answer {
    let Json(signing) = body?;
    change(&shared, &sid, |account| {
        account.signing = signing;
        Ok(Json(json!(signing)))
    })
}

async fn counters(State(shared): Control, Path(sid): Path<String>) -> Answer {
    read(&shared, &sid, |account| Ok(Json(account.counters())))
}

async fn show_clock(State(shared): Control) -> Json<Value> {
    Json(json!({"now_ms": shared.now_ms()}))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockMove {
    advance_ms: u64,
}

/// The longest way that time moves at once, in milliseconds: 366 days.
const MAX_ADVANCE_MS: u64 = 366 * 24 * 60 * 60 * 1000;

async fn move_clock(State(shared): Control, body: Body<ClockMove>) -> Answer {
    let Json(ClockMove { advance_ms }) = body?;
    if advance_ms > MAX_ADVANCE_MS {
        return Err(Problem::bad("time moves by at most 366 days at once"));
    }
    shared.advance(advance_ms);
    shared.changed();
    Ok(Json(json!({"now_ms": shared.now_ms()})))
}
