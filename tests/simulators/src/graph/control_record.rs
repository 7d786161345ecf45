//! The control API's part that tells what happened: calls, deliveries, counters.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::control::Control;
use super::delivery::{self, Delivery, DeliveryState};
use super::state::{Call, Shared};
use crate::control::{Answer, Body, Problem, check_copies, wait_for};

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/sent", get(sent))
        .route("/calls", get(calls))
        .route("/deliveries", get(deliveries))
        .route("/deliveries/{order}/copies", post(copies))
        .route("/counters", get(counters))
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
    endpoint: Option<String>,
    method: Option<String>,
    app_id: Option<String>,
    page_id: Option<String>,
    psid: Option<String>,
}

fn one() -> usize {
    1
}

impl CallsQuery {
    fn matches(&self, call: &Call) -> bool {
        let same = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        call.order > self.after
            && self.endpoint.as_ref().is_none_or(|endpoint| *endpoint == call.endpoint)
            && self.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(&call.method))
            && same(&self.app_id, &call.app_id)
            && same(&self.page_id, &call.page_id)
            && same(&self.psid, &call.psid)
    }
}

/// Messages and actions that took effect for a customer.
fn is_send(call: &Call) -> bool {
    call.accepted && call.endpoint == "messages"
}

async fn sent(State(shared): Control, Query(query): Query<CallsQuery>) -> Answer {
    list_calls(&shared, &query, "sent", is_send).await
}

async fn calls(State(shared): Control, Query(query): Query<CallsQuery>) -> Answer {
    list_calls(&shared, &query, "calls", |_| true).await
}

async fn list_calls(shared: &Shared, query: &CallsQuery, name: &str, wanted: fn(&Call) -> bool) -> Answer {
    wait_for(shared, query.wait_ms, || {
        let world = shared.world();
        let found: Vec<&Call> = world.calls.iter().filter(|call| wanted(call) && query.matches(call)).collect();
        let enough = found.len() >= query.count;
        // The position up to which this answer is complete: the next `after`.
        Ok((Json(json!({name: found, "last": world.calls.len()})), enough))
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeliveriesQuery {
    #[serde(default)]
    after: u64,
    order: Option<u64>,
    app_id: Option<String>,
    page_id: Option<String>,
    psid: Option<String>,
    #[serde(default)]
    wait_ms: u64,
    /// Wait until there are so many of them.
    #[serde(default)]
    count: usize,
    /// Wait until there are so many tries.
    #[serde(default)]
    attempts: usize,
    /// Wait until there is at least one such delivery, and all of them are answered or given up.
    #[serde(default)]
    settled: bool,
}

impl DeliveriesQuery {
    fn matches(&self, delivery: &Delivery) -> bool {
        delivery.order > self.after
            && self.order.is_none_or(|order| delivery.order == order)
            && self.app_id.as_ref().is_none_or(|id| delivery.app_id == *id)
            && self.page_id.as_ref().is_none_or(|id| delivery.page_ids.contains(id))
            && self.psid.as_ref().is_none_or(|id| delivery.psids.contains(id))
    }
}

async fn deliveries(State(shared): Control, Query(query): Query<DeliveriesQuery>) -> Answer {
    wait_for(&shared, query.wait_ms, || {
        let world = shared.world();
        let all = world.deliveries.all();
        let found: Vec<&Delivery> = all.iter().filter(|delivery| query.matches(delivery)).collect();
        let settled = !found.is_empty() && !found.iter().any(|delivery| delivery.state == DeliveryState::Pending);
        let attempts: usize = found.iter().map(|delivery| delivery.attempts.len()).sum();
        let enough = (settled || !query.settled) && attempts >= query.attempts && found.len() >= query.count;
        let answer = json!({"deliveries": found, "pending": world.deliveries.pending(), "last": all.len()});
        Ok((Json(answer), enough))
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CopyOrder {
    count: usize,
}

async fn copies(State(shared): Control, Path(order): Path<u64>, body: Body<CopyOrder>) -> Answer {
    let Json(CopyOrder { count }) = body?;
    check_copies(count)?;
    if order == 0 || order > shared.world().deliveries.all().len() as u64 {
        return Err(Problem::unknown(format!("there is no delivery {order}")));
    }
    let attempts = delivery::deliver_copies(&shared, order, count).await;
    Ok(Json(json!({"order": order, "attempts": attempts})))
}

async fn counters(State(shared): Control) -> Json<Value> {
    Json(shared.world().counters())
}
