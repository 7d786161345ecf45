//! The APIs: which call a request is, who makes it, what becomes of it, and the record of it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, Response, header};
use serde_json::{Value, json};

use super::auth::authenticate;
use super::errors::{ApiError, code_in};
use super::faults::Fault;
use super::form::Form;
use super::state::{Account, AccountStatus, Call, Shared};
use super::{dates, media, messages, senders, typing, verify};
use crate::answer::Answer;
use crate::faults::Effect;
use crate::listener::Cut;

/// The largest request, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// What a request says.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Form,
    /// The body, if it is a form.
    pub(crate) form: Form,
    /// The body, if it is JSON.
    pub(crate) json: Option<Value>,
    authorization: Option<String>,
}

/// Which call it is. Texts are the SIDs in its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    AccountFetch,
    MessagesCreate,
    MessagesList,
    MessageFetch(String),
    MediaList(String),
    MediaInfo(String, String),
    MediaFetch(String, String),
    MediaDelete(String, String),
    SendersList,
    SenderFetch(String),
    SenderUpdate(String),
    Typing,
    VerificationStart(String),
    VerificationCheck(String),
}

/// What a call came to.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) answer: Answer,
    /// The resource that it made, changed or gave.
    pub(crate) sid: Option<String>,
}

impl Done {
    pub(crate) fn new(status: u16, body: &Value) -> Self {
        Self { answer: Answer::json(status, body), sid: body["sid"].as_str().map(str::to_owned) }
    }
}

impl Route {
    /// The call and, in the older API, the account of a path.
    fn find(method: &Method, path: &str) -> Result<(Self, Option<String>), ApiError> {
        let not_found = || ApiError::not_found(path);
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let bare = |part: &str| part.strip_suffix(".json").map(str::to_owned);
        let (candidates, account): (Vec<(Method, Self)>, Option<String>) = match parts.as_slice() {
            ["2010-04-01", "Accounts", account] => {
                let account = bare(account).ok_or_else(not_found)?;
                (vec![(Method::GET, Self::AccountFetch)], Some(account))
            }
            ["2010-04-01", "Accounts", account, rest @ ..] => {
                (Self::of_account(rest).ok_or_else(not_found)?, Some((*account).to_owned()))
            }
            ["v2", "Channels", "Senders"] => (vec![(Method::GET, Self::SendersList)], None),
            ["v2", "Channels", "Senders", sid] => {
                let sid = (*sid).to_owned();
                (vec![(Method::GET, Self::SenderFetch(sid.clone())), (Method::POST, Self::SenderUpdate(sid))], None)
            }
            ["v2", "Indicators", "Typing.json"] => (vec![(Method::POST, Self::Typing)], None),
            ["v2", "Services", service, "Verifications"] => {
                (vec![(Method::POST, Self::VerificationStart((*service).to_owned()))], None)
            }
            ["v2", "Services", service, "VerificationCheck"] => {
                (vec![(Method::POST, Self::VerificationCheck((*service).to_owned()))], None)
            }
            _ => return Err(not_found()),
        };
        let found = candidates.into_iter().find(|(wanted, _)| wanted == method);
        let route = found.ok_or_else(|| ApiError::new(405, 20004, "Method not allowed"))?.1;
        Ok((route, account))
    }

    fn of_account(rest: &[&str]) -> Option<Vec<(Method, Self)>> {
        let owned = |part: &str| part.to_owned();
        Some(match rest {
            ["Messages.json"] => vec![(Method::GET, Self::MessagesList), (Method::POST, Self::MessagesCreate)],
            ["Messages", message] => vec![(Method::GET, Self::MessageFetch(owned(message.strip_suffix(".json")?)))],
            ["Messages", message, "Media.json"] => vec![(Method::GET, Self::MediaList(owned(message)))],
            ["Messages", message, "Media", medium] => {
                let (bare, is_info) = medium.strip_suffix(".json").map_or((*medium, false), |bare| (bare, true));
                let (message, bare) = (owned(message), owned(bare));
                let get = if is_info { Self::MediaInfo } else { Self::MediaFetch };
                vec![
                    (Method::GET, get(message.clone(), bare.clone())),
                    (Method::DELETE, Self::MediaDelete(message, bare)),
                ]
            }
            _ => return None,
        })
    }

    /// The name by which faults, counters and the record know it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::AccountFetch => "account.fetch",
            Self::MessagesCreate => "messages.create",
            Self::MessagesList => "messages.list",
            Self::MessageFetch(_) => "messages.fetch",
            Self::MediaList(_) => "media.list",
            Self::MediaInfo(..) => "media.info",
            Self::MediaFetch(..) => "media.fetch",
            Self::MediaDelete(..) => "media.delete",
            Self::SendersList => "senders.list",
            Self::SenderFetch(_) => "senders.fetch",
            Self::SenderUpdate(_) => "senders.update",
            Self::Typing => "typing",
            Self::VerificationStart(_) => "verifications.create",
            Self::VerificationCheck(_) => "verifications.check",
        }
    }

    /// The fields that Twilio knows; `None` where there is nothing to hold to.
    fn known_fields(&self) -> Option<&'static [&'static str]> {
        match self {
            Self::MessagesCreate => Some(&messages::FIELDS),
            Self::Typing => Some(&typing::FIELDS),
            Self::VerificationStart(_) => Some(&verify::START_FIELDS),
            Self::VerificationCheck(_) => Some(&verify::CHECK_FIELDS),
            _ => None,
        }
    }
}

/// Serves every path that is neither the page, the control API nor the CDN.
pub(crate) async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response<Body> {
    let (answer, delay) = match read(request).await {
        Ok(incoming) => dispatch(&shared, &incoming),
        Err(error) => (error.answer(), Duration::ZERO),
    };
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    answer.send(&cut, shared.options.hold).await
}

async fn read(request: Request) -> Result<Incoming, ApiError> {
    let (parts, body) = request.into_parts();
    let body =
        to_bytes(body, MAX_BODY).await.map_err(|_| ApiError::new(413, 20413, "The request is larger than allowed"))?;
    let kind = header_text(&parts.headers, &header::CONTENT_TYPE).unwrap_or_default();
    let kind = super::kinds::base(&kind);
    let form = if kind == "application/x-www-form-urlencoded" { Form::decode(&body) } else { Form::default() };
    let json = if kind == "application/json" { serde_json::from_slice(&body).ok() } else { None };
    Ok(Incoming {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: Form::decode(parts.uri.query().unwrap_or_default().as_bytes()),
        form,
        json,
        authorization: header_text(&parts.headers, &header::AUTHORIZATION),
    })
}

fn header_text(headers: &HeaderMap, name: &header::HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn dispatch(shared: &Arc<Shared>, incoming: &Incoming) -> (Answer, Duration) {
    let mut world = shared.world();
    let caller = authenticate(&world, incoming.authorization.as_deref());
    let (route, of_path) = match Route::find(&incoming.method, &incoming.path) {
        Ok(found) => found,
        // Who isn't known doesn't learn what exists.
        Err(error) => return (caller.err().unwrap_or(error).answer(), Duration::ZERO),
    };
    let allowed = caller.and_then(|caller| {
        let foreign = of_path.as_ref().is_some_and(|sid| *sid != caller.account);
        let keys_may_not = caller.with_key && route == Route::AccountFetch;
        if foreign || keys_may_not { Err(ApiError::unauthorized()) } else { Ok(caller.account) }
    });
    // A call with wrong credentials is on the record of the account that its path names.
    let of_call = allowed.clone().ok().or(of_path).and_then(|sid| world.accounts.get_mut(&sid));
    let Some(account) = of_call else { return (ApiError::unauthorized().answer(), Duration::ZERO) };
    let to = incoming.form.get("To").map(str::to_owned);
    let fault = match &allowed {
        Ok(_) => account.faults.take(|fault| fault.fits(route.name(), to.as_deref())),
        Err(_) => None,
    };
    let work = |account: &mut Account| match &allowed {
        Err(error) => Err(error.clone()),
        Ok(_) if account.status != AccountStatus::Active && route != Route::AccountFetch => {
            Err(ApiError::new(403, 20005, super::errors::message_of(20005)))
        }
        Ok(_) => run(shared, account, &route, incoming),
    };
    let (outcome, answer) = match fault.as_ref().and_then(Fault::effect) {
        Some(Effect::Instead(answer)) => (None, answer),
        Some(Effect::After(answer)) => (Some(work(account)), answer),
        None => {
            let outcome = work(account);
            let answer = outcome.as_ref().map_or_else(ApiError::answer, |done| done.answer.clone());
            (Some(outcome), answer)
        }
    };
    let done = outcome.and_then(Result::ok);
    record(shared, account, &route, incoming, done.as_ref(), &answer, fault.as_ref());
    let delay = fault.as_ref().map_or(Duration::ZERO, Fault::delay);
    drop(world);
    shared.changed();
    (answer, delay)
}

fn record(
    shared: &Shared,
    account: &mut Account,
    route: &Route,
    incoming: &Incoming,
    done: Option<&Done>,
    answer: &Answer,
    fault: Option<&Fault>,
) {
    let (status, refusal) = match answer {
        Answer::Body { status, body, .. } if *status >= 400 => (Some(*status), code_in(body)),
        Answer::Body { status, .. } => (Some(*status), None),
        Answer::Hold | Answer::Close => (None, None),
    };
    let params = match &incoming.json {
        Some(json) => json.clone(),
        None if incoming.form.pairs().is_empty() => incoming.query.to_value(),
        None => incoming.form.to_value(),
    };
    let unknown_fields = match (route, &incoming.json) {
        (Route::SenderUpdate(_), Some(json)) => senders::unknown_fields(json),
        _ => route.known_fields().map(|known| incoming.form.unknown(known)).unwrap_or_default(),
    };
    let call = Call {
        order: account.calls.len() as u64 + 1,
        time_ms: shared.now_ms(),
        name: route.name(),
        method: incoming.method.to_string(),
        path: incoming.path.clone(),
        params,
        unknown_fields,
        to: incoming.form.get("To").map(str::to_owned),
        accepted: done.is_some(),
        answered: status.is_some(),
        sid: done.and_then(|done| done.sid.clone()),
        status,
        code: refusal.as_ref().map(|(code, _)| *code),
        message: refusal.map(|(_, message)| message),
        fault: fault.map(Fault::name),
    };
    tracing::debug!(account = account.sid, call = call.name, accepted = call.accepted, code = call.code, "call");
    account.calls.push(call);
}

fn run(shared: &Arc<Shared>, account: &mut Account, route: &Route, incoming: &Incoming) -> Result<Done, ApiError> {
    let path = &incoming.path;
    match route {
        Route::AccountFetch => Ok(Done::new(200, &describe_account(account))),
        Route::MessagesCreate => messages::create(shared, account, &incoming.form),
        Route::MessagesList => Ok(messages::list(account, &incoming.query)),
        Route::MessageFetch(sid) => messages::fetch(account, sid, path),
        Route::MediaList(message) => media::list(account, message, path),
        Route::MediaInfo(message, medium) => media::info(account, message, medium, path),
        Route::MediaFetch(message, medium) => media::fetch(shared, account, message, medium, path),
        Route::MediaDelete(message, medium) => media::delete(account, message, medium, path),
        Route::SendersList => senders::list(shared, account, &incoming.query),
        Route::SenderFetch(sid) => senders::fetch(shared, account, sid, path),
        Route::SenderUpdate(sid) => senders::update(shared, account, sid, incoming),
        Route::Typing => typing::show(shared, account, &incoming.form, path),
        Route::VerificationStart(service) => verify::start(shared, account, service, incoming),
        Route::VerificationCheck(service) => verify::check(shared, account, service, incoming),
    }
}

fn describe_account(account: &Account) -> Value {
    let uri = format!("/2010-04-01/Accounts/{}", account.sid);
    json!({
        "auth_token": account.auth_token,
        "date_created": dates::rfc2822(0),
        "date_updated": dates::rfc2822(0),
        "friendly_name": account.name,
        "owner_account_sid": account.sid,
        "sid": account.sid,
        "status": account.status,
        "subresource_uris": {"messages": format!("{uri}/Messages.json")},
        "type": account.kind,
        "uri": format!("{uri}.json"),
    })
}
