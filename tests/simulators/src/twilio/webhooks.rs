//! Webhooks: inbound messages and status callbacks, signed, tried as often as the URL asks for, and on the record.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::form::{encode, to_object};
use super::messages;
use super::overrides::{Failure, Overrides};
use super::signature::{Port, body_sha256, sign, signed_url, without_fragment};
use super::state::{Account, Shared};
use crate::ground::random_text;

/// How webhooks of an account are made.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Signing {
    /// The parameters as a JSON body with `bodySHA256` in the URL, instead of a form.
    json: bool,
    /// What the signed URL says about the port.
    port: Port,
    /// Whether the signature is right.
    signature: Signature,
}

/// Whether a webhook is signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Signature {
    #[default]
    Right,
    /// By another token.
    Wrong,
    /// Without the header.
    Missing,
}

/// What a webhook tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A customer's message.
    Inbound,
    /// A status of a message of ours.
    Status,
}

/// A webhook to record.
#[derive(Debug)]
pub(crate) struct Notice {
    pub(crate) kind: Kind,
    /// The receiver, with its fragment; empty if there is none.
    pub(crate) url: String,
    /// `GET`, or anything else for `POST`.
    pub(crate) method: String,
    /// Where it goes once the receiver failed, with its method.
    pub(crate) fallback: Option<(String, String)>,
    pub(crate) params: Vec<(String, String)>,
    /// The body to send in place of the encoded parameters.
    pub(crate) raw: Option<String>,
    pub(crate) customer: Option<String>,
    pub(crate) message_sid: Option<String>,
}

/// What became of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeliveryState {
    /// Under way.
    Pending,
    /// Answered 2xx.
    Delivered,
    /// Given up.
    Failed,
    /// Delivered only as ordered copies.
    Copied,
    /// There was nowhere to send it: it is lost, and never comes later.
    NoWebhook,
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
    /// Twilio's number for an answer that it would complain about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) warning: Option<u32>,
    /// Whether it was an ordered copy.
    pub(crate) copy: bool,
    /// Whether it went to the fallback URL.
    pub(crate) fallback: bool,
}

/// A webhook and its tries, as the control API shows it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Delivery {
    /// Position among all webhooks of the account, from 1.
    pub(crate) order: u64,
    pub(crate) kind: Kind,
    pub(crate) state: DeliveryState,
    pub(crate) url: String,
    method: String,
    #[serde(skip)]
    fallback: Option<(String, String)>,
    #[serde(serialize_with = "as_object")]
    params: Vec<(String, String)>,
    #[serde(skip)]
    raw: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_sid: Option<String>,
    /// The same in every try: `I-Twilio-Idempotency-Token`.
    idempotency_token: String,
    /// How it is signed, if not as the account's others.
    #[serde(skip)]
    pub(crate) signature: Option<Signature>,
    created_ms: u64,
    /// When it was answered 2xx or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_ms: Option<u64>,
    pub(crate) attempts: Vec<Attempt>,
}

fn as_object<S: serde::Serializer>(params: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    to_object(params).serialize(serializer)
}

fn index(order: u64) -> usize {
    usize::try_from(order).expect("as many webhooks as fit memory") - 1
}

impl Account {
    /// The webhook at this position.
    pub(crate) fn delivery(&self, order: u64) -> Option<&Delivery> {
        self.deliveries.get(index(order.max(1)))
    }
}

/// Puts a webhook on the record. It goes out with [`deliver`] or [`deliver_copies`].
pub(crate) fn record(account: &mut Account, notice: Notice, now_ms: u64) -> u64 {
    let order = account.deliveries.len() as u64 + 1;
    let nowhere = notice.url.is_empty();
    let message = notice.message_sid.as_ref().and_then(|sid| account.message_mut(sid));
    if let Some(message) = message {
        message.deliveries.push(order);
    }
    account.deliveries.push(Delivery {
        order,
        kind: notice.kind,
        state: if nowhere { DeliveryState::NoWebhook } else { DeliveryState::Pending },
        url: notice.url,
        method: notice.method,
        fallback: notice.fallback,
        params: notice.params,
        raw: notice.raw,
        customer: notice.customer,
        message_sid: notice.message_sid,
        idempotency_token: random_text(),
        signature: None,
        created_ms: now_ms,
        finished_ms: nowhere.then_some(now_ms),
        attempts: Vec::new(),
    });
    order
}

/// A request, ready to be made as often as needed.
#[derive(Debug, Clone)]
struct Prepared {
    url: String,
    method: reqwest::Method,
    content_type: &'static str,
    body: String,
    signature: Option<String>,
    idempotency_token: String,
    overrides: Overrides,
    fallback: bool,
}

/// A try, and what the answer asks for.
#[derive(Debug)]
struct Outcome {
    attempt: Attempt,
    failure: Option<Failure>,
    replies: Vec<String>,
}

fn prepare(
    shared: &Shared,
    account: &Account,
    delivery: &Delivery,
    (url, method): (&str, &str),
    extra: &[(&str, &str)],
) -> Prepared {
    let mut params = delivery.params.clone();
    params.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let mut target = without_fragment(url).to_owned();
    let append = |target: &mut String, query: &str| {
        target.push(if target.contains('?') { '&' } else { '?' });
        target.push_str(query);
    };
    let form = || delivery.raw.clone().unwrap_or_else(|| encode(&params));
    let signing = account.signing;
    let (method, content_type, body) = if method.eq_ignore_ascii_case("GET") {
        append(&mut target, &form());
        (reqwest::Method::GET, "", String::new())
    } else if signing.json {
        let body = to_object(&params).to_string();
        append(&mut target, &format!("bodySHA256={}", body_sha256(body.as_bytes())));
        (reqwest::Method::POST, "application/json", body)
    } else {
        (reqwest::Method::POST, "application/x-www-form-urlencoded; charset=UTF-8", form())
    };
    // What is in the URL is signed there; only a form's parameters are signed one by one.
    let signed_params = if content_type.starts_with("application/x-www") { params.as_slice() } else { &[] };
    let signed = |token: &str| sign(token, &signed_url(&target, signing.port), signed_params);
    let signature = match delivery.signature.unwrap_or(signing.signature) {
        Signature::Right => Some(signed(&account.auth_token)),
        Signature::Wrong => Some(signed("the token of somebody else")),
        Signature::Missing => None,
    };
    Prepared {
        url: target,
        method,
        content_type,
        body,
        signature,
        idempotency_token: delivery.idempotency_token.clone(),
        overrides: Overrides::of(url, &shared.options),
        fallback: false,
    }
}

/// The request of a webhook on the record.
fn prepared(shared: &Shared, account: &str, order: u64) -> Option<Prepared> {
    let world = shared.world();
    let account = world.accounts.get(account)?;
    let delivery = account.delivery(order).filter(|delivery| !delivery.url.is_empty())?;
    Some(prepare(shared, account, delivery, (&delivery.url, &delivery.method), &[]))
}

/// The request to the fallback URL of a webhook, if it has one.
fn prepared_fallback(shared: &Shared, account: &str, order: u64, failure: Failure) -> Option<Prepared> {
    let world = shared.world();
    let account = world.accounts.get(account)?;
    let delivery = account.delivery(order)?;
    let (url, method) = delivery.fallback.as_ref().filter(|(url, _)| !url.is_empty())?;
    let code = if failure == Failure::Read { "11205" } else { "11200" };
    let extra = [("ErrorCode", code), ("ErrorUrl", without_fragment(&delivery.url))];
    Some(Prepared { fallback: true, ..prepare(shared, account, delivery, (url, method), &extra) })
}

/// Delivers a webhook: with retries, then to the fallback URL.
pub(crate) async fn deliver(shared: &Arc<Shared>, account: &str, order: u64) {
    let Some(request) = prepared(shared, account, order) else { return };
    let deadline = Instant::now() + request.overrides.total;
    let mut tries = 0;
    let last = loop {
        let outcome = attempt(shared, &request, deadline, false).await;
        let failure = outcome.failure;
        settle(shared, account, order, outcome);
        tries += 1;
        let Some(failure) = failure else { break None };
        let again = tries <= request.overrides.retries && request.overrides.policy.covers(failure);
        if !again || Instant::now() >= deadline {
            break Some(failure);
        }
    };
    let mut state = if last.is_none() { DeliveryState::Delivered } else { DeliveryState::Failed };
    if let Some(request) = last.and_then(|failure| prepared_fallback(shared, account, order, failure)) {
        let outcome = attempt(shared, &request, Instant::now() + request.overrides.total, false).await;
        if outcome.failure.is_none() {
            state = DeliveryState::Delivered;
        }
        settle(shared, account, order, outcome);
    }
    finish(shared, account, order, state);
}

/// Delivers a webhook `count` times at once, without retries. Returns the tries.
pub(crate) async fn deliver_copies(shared: &Arc<Shared>, account: &str, order: u64, count: usize) -> Vec<Attempt> {
    let Some(request) = prepared(shared, account, order) else { return Vec::new() };
    let deadline = Instant::now() + request.overrides.total;
    let mut copies = tokio::task::JoinSet::new();
    for _ in 0..count {
        let (shared, request) = (Arc::clone(shared), request.clone());
        copies.spawn(async move { attempt(&shared, &request, deadline, true).await });
    }
    let mut attempts = Vec::new();
    for outcome in copies.join_all().await {
        attempts.push(outcome.attempt.clone());
        settle(shared, account, order, outcome);
    }
    finish(shared, account, order, DeliveryState::Copied);
    attempts
}

/// Makes one try.
async fn attempt(shared: &Shared, request: &Prepared, deadline: Instant, copy: bool) -> Outcome {
    let time_ms = shared.now_ms();
    let began = Instant::now();
    let limit = request.overrides.read.min(deadline.saturating_duration_since(began)).max(Duration::from_millis(1));
    let mut attempt =
        Attempt { time_ms, duration_ms: 0, status: None, error: None, warning: None, copy, fallback: request.fallback };
    let mut replies = Vec::new();
    let failure = match send(shared, request, limit).await {
        Ok((status, content_type, body)) => {
            attempt.status = Some(status);
            if (200..=299).contains(&status) {
                (replies, attempt.warning) = read_answer(&content_type, &body);
                None
            } else {
                attempt.error = Some(format!("11200: the webhook answered {status}"));
                Some(Failure::Status(status))
            }
        }
        Err(error) => {
            let failure = if error.is_connect() { Failure::Connect } else { Failure::Read };
            let text = match (failure, error.is_timeout()) {
                (Failure::Connect, _) => "11200: no connection",
                (_, true) => "11205: no answer in time",
                (_, false) => "11200: the connection was closed",
            };
            attempt.error = Some(text.to_owned());
            Some(failure)
        }
    };
    attempt.duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Outcome { attempt, failure, replies }
}

async fn send(shared: &Shared, request: &Prepared, limit: Duration) -> reqwest::Result<(u16, String, String)> {
    let client = shared.webhook_client(request.overrides.connect)?;
    let mut call = client
        .request(request.method.clone(), &request.url)
        .timeout(limit)
        .header("user-agent", "TwilioProxy/1.1")
        .header("accept", "*/*")
        .header("i-twilio-idempotency-token", &request.idempotency_token);
    if let Some(signature) = &request.signature {
        call = call.header("x-twilio-signature", signature);
    }
    if !request.content_type.is_empty() {
        call = call.header("content-type", request.content_type).body(request.body.clone());
    }
    let response = call.send().await?;
    let status = response.status().as_u16();
    let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    Ok((status, content_type, response.text().await?))
}

/// The messages in a webhook's answer, and the number of a complaint about it. Plain text is a message too: a webhook
/// that answers `ok` sends `ok` to the customer.
fn read_answer(content_type: &str, body: &str) -> (Vec<String>, Option<u32>) {
    let base = super::kinds::base(content_type);
    match base.as_str() {
        _ if body.trim().is_empty() => (Vec::new(), None),
        "text/xml" | "application/xml" => (messages_in(body), None),
        "text/plain" | "text/html" => (vec![body.trim().to_owned()], None),
        _ => (Vec::new(), Some(12300)),
    }
}

/// The texts of `<Message>` elements.
fn messages_in(xml: &str) -> Vec<String> {
    let parts = xml.split("<Message").skip(1);
    let inner = parts.filter_map(|part| part.split_once('>')?.1.split_once("</Message>")).map(|(inner, _)| inner);
    inner.map(|text| unescape(&text.replace("<Body>", "").replace("</Body>", ""))).collect()
}

fn unescape(text: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, sign)| text.replace(entity, sign))
}

/// Writes down a try, and sends what the answer asks for.
fn settle(shared: &Arc<Shared>, account: &str, order: u64, outcome: Outcome) {
    let mut world = shared.world();
    let Some(account) = world.accounts.get_mut(account) else { return };
    let Some(delivery) = account.deliveries.get_mut(index(order)) else { return };
    delivery.attempts.push(outcome.attempt);
    let inbound = delivery.kind == Kind::Inbound;
    let sid = delivery.message_sid.clone();
    if let Some(message) = sid.and_then(|sid| account.message(&sid)).filter(|_| inbound) {
        let (ours, customer) = (message.ours.clone(), message.customer.clone());
        for text in &outcome.replies {
            messages::reply(shared, account, &ours, &customer, text);
        }
    }
    drop(world);
    shared.changed();
}

fn finish(shared: &Shared, account: &str, order: u64, state: DeliveryState) {
    let now_ms = shared.now_ms();
    let mut world = shared.world();
    let Some(account) = world.accounts.get_mut(account) else { return };
    let Some(delivery) = account.deliveries.get_mut(index(order)) else { return };
    delivery.state = state;
    delivery.finished_ms = Some(now_ms);
    if let Some(sid) = delivery.message_sid.clone() {
        account.touch(shared, &sid);
    }
    drop(world);
    shared.changed();
}

/// A raw form as parameters and as it is.
pub(crate) fn raw_params(form: &str) -> Vec<(String, String)> {
    super::form::Form::decode(form.as_bytes()).pairs().to_vec()
}

/// An object's fields as parameters; lists repeat a name.
pub(crate) fn params_of(object: &serde_json::Map<String, Value>) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut params = Vec::new();
    for (name, value) in object {
        match value {
            Value::Array(list) => params.extend(list.iter().map(|value| (name.clone(), text(value)))),
            value => params.push((name.clone(), text(value))),
        }
    }
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_carry_messages() {
        let xml = "<?xml version=\"1.0\"?><Response><Message to=\"x\"><Body>a &lt; b</Body></Message></Response>";
        assert_eq!(read_answer("text/xml; charset=utf-8", xml), (vec!["a < b".to_owned()], None));
        assert_eq!(read_answer("text/xml", "<Response/>"), (Vec::new(), None));
        assert_eq!(read_answer("", ""), (Vec::new(), None));
        assert_eq!(read_answer("text/plain", "ok\n"), (vec!["ok".to_owned()], None));
        assert_eq!(read_answer("application/json", "{}"), (Vec::new(), Some(12300)));
    }
}
