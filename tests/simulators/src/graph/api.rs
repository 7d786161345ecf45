//! The Graph API: `/v25.0/...`, and the login dialog.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, Response, header};
use serde_json::{Value, json};

use super::attachments;
use super::delivery::wait_for_attempts;
use super::error::{GraphError, answer_of};
use super::handover::{self, Move};
use super::params::Params;
use super::send::{self, Content, Sent};
use super::state::{Call, PERSON_ID, Shared, World};
use super::tokens::{self, Caller};
use super::{account, login, subscriptions};
use crate::answer::Answer;
use crate::faults::Effect;
use crate::listener::Cut;

/// The largest request, in bytes: a file of 25 MB and what is around it.
const MAX_BODY: usize = 26 * 1024 * 1024;

/// The permission to subscribe to a page.
const METADATA: &str = "pages_manage_metadata";

/// A call, read.
#[derive(Debug)]
struct Incoming {
    method: String,
    path: String,
    version: Option<String>,
    endpoint: String,
    /// The id in the path; `me`, or empty where there is none.
    id: String,
    params: Params,
    token: Option<String>,
}

/// Serves every path that is neither the page, the CDN nor the control API.
pub(crate) async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let answer = match to_bytes(body, MAX_BODY).await {
        Ok(body) => respond(&shared, &parts, &body).await,
        Err(_) => answer_of(&Err(GraphError { status: 413, ..GraphError::too_large() })),
    };
    answer.send(&cut, shared.options.hold).await
}

async fn respond(shared: &Arc<Shared>, parts: &Parts, body: &[u8]) -> Answer {
    let method = parts.method.as_str().to_owned();
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query();
    let (version, rest) = split_version(&path);
    if rest == "dialog/oauth" {
        return dialog(shared, &method, query.unwrap_or_default(), body);
    }
    let text = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let params = match Params::read(query, text(header::CONTENT_TYPE).unwrap_or_default(), body) {
        Ok(params) => params,
        Err(error) => return answer_of(&Err(error)),
    };
    let token = tokens::presented(&params, text(header::AUTHORIZATION));
    let (endpoint, id) = route(&method, rest);
    let version = version.map(str::to_owned);
    call(shared, Incoming { method, path, version, endpoint, id, params, token }).await
}

fn dialog(shared: &Shared, method: &str, query: &str, body: &[u8]) -> Answer {
    let mut world = shared.world();
    if method == "POST" { login::submit(&mut world, body, shared.clock.now_s()) } else { login::show(&world, query) }
}

/// `v25.0` and the rest of a path; the version may be left out.
fn split_version(path: &str) -> (Option<&str>, &str) {
    let path = path.trim_matches('/');
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    let is_version = first.strip_prefix('v').and_then(|number| number.split_once('.')).is_some_and(|(major, minor)| {
        [major, minor].iter().all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()))
    });
    if is_version { (Some(first), rest) } else { (None, path) }
}

/// The endpoint's name, and the id in the path.
fn route(method: &str, rest: &str) -> (String, String) {
    let named = |name: &str, id: &str| (name.to_owned(), id.to_owned());
    match rest.split('/').collect::<Vec<&str>>().as_slice() {
        ["oauth", "access_token"] => named("oauth/access_token", ""),
        ["debug_token"] => named("debug_token", ""),
        ["me"] => named("me", "me"),
        ["me" | PERSON_ID, edge @ ("accounts" | "permissions")] => named(&format!("me/{edge}"), "me"),
        [id] if method == "GET" && !id.is_empty() => named("node", id),
        [id, edge] if !id.is_empty() && !edge.is_empty() => named(edge, id),
        _ => named("unknown", ""),
    }
}

/// Makes a call, with its fault if it meets one, and records it.
async fn call(shared: &Arc<Shared>, mut incoming: Incoming) -> Answer {
    let (caller, fault, mut entry) = {
        let mut world = shared.world();
        let now_s = shared.clock.now_s();
        let proof = incoming.params.text("appsecret_proof");
        let caller = tokens::authenticate(&world, incoming.token.as_deref(), proof.as_deref(), now_s);
        name_node(&world, &mut incoming);
        let entry = describe(shared, &world, &incoming, caller.as_ref().ok());
        let (page_id, psid) = (entry.page_id.clone(), entry.psid.clone());
        let fault = world
            .faults
            .take(|fault| fault.fits(&incoming.method, &incoming.endpoint, page_id.as_deref(), psid.as_deref()));
        (caller, fault, entry)
    };
    let run = async || match caller {
        _ if incoming.endpoint == "oauth/access_token" => {
            done(login::exchange(&mut shared.world(), &incoming.params, shared.clock.now_s()))
        }
        Ok(caller) => run(shared, &incoming, &caller).await,
        Err(error) => Err(error),
    };
    let (outcome, answer) = match fault.as_ref().map(|fault| fault.effect(entry.page_id.as_deref())) {
        Some(Effect::Instead(answer)) => (None, answer),
        Some(Effect::After(answer)) => (Some(run().await), answer),
        None => {
            let outcome = run().await;
            let shown = outcome.as_ref().map(|sent| sent.result.clone()).map_err(Clone::clone);
            (Some(outcome), answer_of(&shown))
        }
    };
    let sent = outcome.and_then(Result::ok);
    entry.fault = fault.map(|fault| fault.name());
    note_outcome(&mut entry, sent.as_ref(), &answer);
    tracing::debug!(endpoint = entry.endpoint, accepted = entry.accepted, code = entry.code, "call");
    {
        let mut world = shared.world();
        entry.order = world.calls.len() as u64 + 1;
        world.calls.push(entry);
    }
    shared.changed();
    if let Some(sent) = sent {
        wait_for_attempts(shared, &sent.wait_for).await;
    }
    answer
}

/// `GET /{id}` is about a page or about a customer.
fn name_node(world: &World, incoming: &mut Incoming) {
    if incoming.endpoint == "node" {
        let name = if world.pages.contains_key(&incoming.id) { "page" } else { "profile" };
        name.clone_into(&mut incoming.endpoint);
    }
}

/// The record of a call, without what it comes to.
fn describe(shared: &Shared, world: &World, incoming: &Incoming, caller: Option<&Caller>) -> Call {
    let of_token = caller.and_then(Caller::page_id);
    let in_path = Some(incoming.id.as_str()).filter(|id| world.pages.contains_key(*id));
    let recipient = incoming.params.structured("recipient");
    let recipient = recipient.as_ref().and_then(|recipient| recipient["id"].as_str().or(recipient.as_str()));
    let psid = if incoming.endpoint == "profile" { Some(incoming.id.as_str()) } else { recipient };
    Call {
        time_ms: shared.clock.now_ms(),
        method: incoming.method.clone(),
        endpoint: incoming.endpoint.clone(),
        path: incoming.path.clone(),
        version: incoming.version.clone(),
        app_id: caller.map(|caller| caller.app_id().to_owned()),
        page_id: in_path.or(of_token).map(str::to_owned),
        psid: psid.map(str::to_owned),
        params: incoming.params.to_record(),
        ..Call::default()
    }
}

fn note_outcome(entry: &mut Call, sent: Option<&Sent>, answer: &Answer) {
    entry.accepted = sent.is_some();
    entry.result = sent.map(|sent| without_tokens(&sent.result));
    entry.message_id = sent.and_then(|sent| sent.result["message_id"].as_str().map(str::to_owned));
    if let Answer::Body { status, body, .. } = answer {
        entry.answered = true;
        if *status >= 400 {
            entry.status = Some(*status);
            let body: Value = serde_json::from_str(body).unwrap_or_default();
            let error = &body["error"];
            entry.code = error["code"].as_u64();
            entry.subcode = error["error_subcode"].as_u64();
            entry.message = error["message"].as_str().map(str::to_owned);
        }
    }
}

/// A result for the record: access tokens are not shown.
fn without_tokens(result: &Value) -> Value {
    match result {
        Value::Object(fields) => {
            let shown = fields.iter().filter(|(name, _)| *name != "access_token" && *name != "next");
            Value::Object(shown.map(|(name, value)| (name.clone(), without_tokens(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_tokens).collect()),
        other => other.clone(),
    }
}

fn done(result: Result<Value, GraphError>) -> Result<Sent, GraphError> {
    result.map(|result| Sent { result, wait_for: Vec::new() })
}

/// The endpoints. Those that ask somebody else first are here, the rest below.
async fn run(shared: &Arc<Shared>, incoming: &Incoming, caller: &Caller) -> Result<Sent, GraphError> {
    let (id, params) = (incoming.id.as_str(), &incoming.params);
    match (incoming.method.as_str(), incoming.endpoint.as_str()) {
        ("POST", "messages") => post_message(shared, id, caller, params).await,
        ("POST", "message_attachments") => done(post_attachment(shared, id, caller, params).await),
        ("POST", "subscriptions") => {
            let app_id = own_app(caller, id)?;
            done(subscriptions::subscribe_app(shared, app_id, params).await)
        }
        (_, "subscribed_apps" | "subscriptions") => done(subscribe(&mut shared.world(), incoming, caller)),
        _ => done(look_up(shared, &mut shared.world(), incoming, caller)),
    }
}

fn look_up(shared: &Arc<Shared>, world: &mut World, incoming: &Incoming, caller: &Caller) -> Result<Value, GraphError> {
    let (id, params) = (incoming.id.as_str(), &incoming.params);
    match (incoming.method.as_str(), incoming.endpoint.as_str()) {
        ("GET", "debug_token") => account::debug_token(world, caller, params, shared.clock.now_s()),
        ("GET", "me") => account::me(world, caller, params),
        ("GET", "me/accounts") => {
            let here = format!("{}{}", shared.url, incoming.path);
            account::accounts(world, caller, params, &here)
        }
        ("GET", "me/permissions") => account::permissions(caller),
        ("DELETE", "me/permissions") => account::deauthorise(world, caller),
        // A page's name is public; everything else is asked with its own token.
        ("GET", "page") => account::page(world, id, params),
        ("GET", "profile") => {
            let page_id = caller.page_id().ok_or_else(|| GraphError::no_object(id))?;
            let page_id = caller.page(page_id, "pages_messaging")?;
            let page = world.pages.get(page_id).ok_or_else(|| GraphError::no_object(id))?;
            account::profile(page, id, params)
        }
        ("GET", "thread_owner") => {
            let page_id = messaging_page(world, caller, id)?;
            handover::thread_owner(shared, world, &page_id, params)
        }
        ("POST", endpoint) if endpoint.ends_with("_thread_control") => {
            let what = Move::of(endpoint).ok_or_else(|| GraphError::no_object(id))?;
            let page_id = messaging_page(world, caller, id)?;
            handover::call(shared, world, &page_id, caller.app_id(), what, params)
        }
        (_, "unknown") => Err(GraphError::unknown_path(&incoming.path)),
        _ => Err(GraphError::no_object(id)),
    }
}

/// `subscribed_apps` of a page, and the rest of an app's `subscriptions`.
fn subscribe(world: &mut World, incoming: &Incoming, caller: &Caller) -> Result<Value, GraphError> {
    let (id, params) = (incoming.id.as_str(), &incoming.params);
    match (incoming.method.as_str(), incoming.endpoint.as_str()) {
        ("POST", "subscribed_apps") => {
            let page_id = caller.page(id, METADATA)?;
            subscriptions::subscribe_page(world, page_id, caller.app_id(), params)
        }
        ("GET", "subscribed_apps") => subscriptions::list_page(world, caller.page(id, METADATA)?),
        ("DELETE", "subscribed_apps") => {
            let page_id = match caller {
                // An app can leave a page with its own token, even when the page's token died.
                Caller::App { .. } => id,
                Caller::User { .. } | Caller::Page { .. } => caller.page(id, METADATA)?,
            };
            subscriptions::unsubscribe_page(world, page_id, caller.app_id())
        }
        ("GET", "subscriptions") => subscriptions::list_app(world, own_app(caller, id)?),
        ("DELETE", "subscriptions") => subscriptions::unsubscribe_app(world, own_app(caller, id)?, params),
        _ => Err(GraphError::no_object(id)),
    }
}

/// The app that `id` names, if the token is its own.
fn own_app<'a>(caller: &'a Caller, id: &str) -> Result<&'a str, GraphError> {
    let app_id = caller.app()?;
    if id == app_id || id == "app" { Ok(app_id) } else { Err(GraphError::no_object(id)) }
}

/// The page that `id` names, if the token may use its messages.
fn messaging_page(world: &World, caller: &Caller, id: &str) -> Result<String, GraphError> {
    let page_id = caller.page(id, "pages_messaging")?;
    let allowed = world.pages.get(page_id).is_some_and(tokens::may_message);
    if allowed { Ok(page_id.to_owned()) } else { Err(GraphError::permission("pages_messaging")) }
}

async fn post_message(shared: &Arc<Shared>, id: &str, caller: &Caller, params: &Params) -> Result<Sent, GraphError> {
    let page_id = messaging_page(&shared.world(), caller, id)?;
    let mut request = send::read(params)?;
    if let Content::Message { attachment: Some(wanted), .. } = &mut request.content {
        attachments::fetch(shared, wanted).await?;
    }
    send::send(shared, &mut shared.world(), &page_id, caller.app_id(), &request)
}

async fn post_attachment(
    shared: &Arc<Shared>,
    id: &str,
    caller: &Caller,
    params: &Params,
) -> Result<Value, GraphError> {
    let page_id = messaging_page(&shared.world(), caller, id)?;
    let mut wanted = send::read_upload(params)?;
    attachments::fetch(shared, &mut wanted).await?;
    let (_, attachment_id) = attachments::place(shared, &mut shared.world(), &page_id, &wanted)?;
    Ok(json!({"attachment_id": attachment_id}))
}
