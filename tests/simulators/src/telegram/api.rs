//! The Bot API, `/bot<token>/<method>`.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Method, Response, header};
use serde_json::Value;

use super::answer::{ApiError, Success, answer_of};
use super::faults::Fault;
use super::files::{self, Upload};
use super::kinds::{Kind, MAX_FILE};
use super::params::Params;
use super::state::{Bot, Call, Shared, bot_id};
use super::{fetch, send, send_file};
use crate::answer::Answer;
use crate::faults::Effect;
use crate::listener::Cut;

/// The longest text of an answer to a button, in UTF-16 code units.
const MAX_CALLBACK_TEXT: usize = 200;

/// How long an action such as typing shows, in milliseconds.
const ACTION_MS: u64 = 5000;

/// The largest request, in bytes: a file and what goes with it.
const MAX_BODY: usize = MAX_FILE + 1024 * 1024;

/// How much of a larger request is read before it is refused, in bytes. A client that is not done writing may never
/// see an answer.
const MAX_DRAINED: usize = 4 * MAX_BODY;

/// The actions of sendChatAction.
const ACTIONS: [&str; 15] = [
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "record_audio",
    "upload_audio",
    "upload_document",
    "choose_sticker",
    "find_location",
    "pick_up_location",
    "record_video_note",
    "upload_video_note",
    "cancel",
];

/// Serves every path that is neither the page, nor the control API, nor a file.
pub(crate) async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response<Body> {
    let answer = match address(&request) {
        Some((token, method)) => {
            let mut params = read(request).await;
            if let Ok(params) = &mut params {
                fetch_if_told(&shared, &token, &method, params).await;
            }
            dispatch(&shared, &token, &method, params)
        }
        None => answer_of(&Err(ApiError::not_found())),
    };
    answer.send(&cut, shared.options.hold).await
}

/// The token and the method that a request names.
fn address(request: &Request) -> Option<(String, String)> {
    if request.method() != Method::GET && request.method() != Method::POST {
        return None;
    }
    let path = request.uri().path().replace("%3A", ":").replace("%3a", ":");
    let (token, method) = path.strip_prefix("/bot")?.split_once('/')?;
    Some((token.to_owned(), method.to_owned()))
}

async fn read(request: Request) -> Result<Params, ApiError> {
    let (parts, body) = request.into_parts();
    let body = read_body(body).await?;
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Params::read(parts.uri.query(), kind, &body)
}

async fn read_body(mut body: Body) -> Result<Bytes, ApiError> {
    let (mut bytes, mut size) = (Vec::new(), 0);
    while size <= MAX_DRAINED {
        let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await else { break };
        let frame = frame.map_err(|_| ApiError::bad_request("the request ended early"))?;
        let Ok(data) = frame.into_data() else { continue };
        size += data.len();
        if size <= MAX_BODY {
            bytes.extend_from_slice(&data);
        }
    }
    if size > MAX_BODY { Err(ApiError::too_large()) } else { Ok(bytes.into()) }
}

/// Fetches the file of a call that tells it by its address.
async fn fetch_if_told(shared: &Shared, token: &str, method: &str, params: &mut Params) {
    let Some(kind) = Kind::of_method(method) else { return };
    let Some(url) = params.text(kind.field()).filter(|text| send_file::is_url(text)) else { return };
    let known = shared.world().bots.contains_key(token);
    if known {
        params.fetched = Some(fetch::fetch(&shared.http, kind, &url).await);
    }
}

fn dispatch(shared: &Shared, token: &str, method: &str, params: Result<Params, ApiError>) -> Answer {
    let mut world = shared.world();
    let Some(bot) = world.bots.get_mut(token) else {
        // A well-formed token that no bot has was revoked: 401. Anything else is no address at all: 404.
        let well_formed =
            bot_id(token).is_some() && token.split_once(':').is_some_and(|(_, secret)| secret.len() >= 35);
        return answer_of(&Err(if well_formed { ApiError::unauthorized() } else { ApiError::not_found() }));
    };
    let answer = match params {
        Ok(params) => {
            let fault = take_fault(bot, method, &params);
            call(shared, bot, method, &params, fault.as_ref(), false)
        }
        Err(error) => {
            let outcome = Err(error);
            let answer = answer_of(&outcome);
            record(shared, bot, method, &Params::default(), Some(outcome), &answer, None, false);
            answer
        }
    };
    drop(world);
    shared.changed();
    answer
}

/// A method call that the webhook put into its answer to a delivery. Nobody gets to see what it comes to.
pub(crate) fn call_from_webhook(shared: &Shared, bot: &mut Bot, method: &str, params: &Params) {
    let fault = take_fault(bot, method, params);
    call(shared, bot, method, params, fault.as_ref(), true);
}

fn take_fault(bot: &mut Bot, method: &str, params: &Params) -> Option<Fault> {
    let chat_id = params.integer("chat_id");
    bot.faults.take(|fault| fault.fits(method, chat_id))
}

/// Makes a call, with its fault if it meets one, and records it.
fn call(
    shared: &Shared,
    bot: &mut Bot,
    method: &str,
    params: &Params,
    fault: Option<&Fault>,
    in_webhook_answer: bool,
) -> Answer {
    let (outcome, answer) = match fault.map(Fault::effect) {
        Some(Effect::Instead(answer)) => (None, answer),
        Some(Effect::After(answer)) => (Some(run(shared, bot, method, params)), answer),
        None => {
            let outcome = run(shared, bot, method, params);
            let answer = answer_of(&outcome);
            (Some(outcome), answer)
        }
    };
    record(shared, bot, method, params, outcome, &answer, fault, in_webhook_answer);
    answer
}

#[expect(clippy::too_many_arguments, reason = "a record has as many sides as the call it tells of")]
fn record(
    shared: &Shared,
    bot: &mut Bot,
    method: &str,
    params: &Params,
    outcome: Option<Result<Success, ApiError>>,
    answer: &Answer,
    fault: Option<&Fault>,
    in_webhook_answer: bool,
) {
    let (status, body) = match answer {
        Answer::Body { status, body, .. } => (Some(*status), Some(body)),
        Answer::Hold | Answer::Close => (None, None),
    };
    let refused = status.filter(|status| *status >= 400);
    let description = refused.and(body).and_then(|body| serde_json::from_str::<Value>(body).ok());
    let result = outcome.and_then(Result::ok).map(|success| success.result);
    let call = Call {
        order: bot.calls.len() as u64 + 1,
        time_ms: shared.clock.now_ms(),
        method: method.to_owned(),
        params: params.to_value(),
        file: file_of(shared, bot, method, params, result.as_ref()),
        chat_id: params.integer("chat_id"),
        accepted: result.is_some(),
        answered: status.is_some(),
        message_id: result.as_ref().and_then(|result| result["message_id"].as_i64()),
        result,
        error_code: refused,
        description: description.and_then(|body| body["description"].as_str().map(str::to_owned)),
        fault: fault.map(Fault::name),
        in_webhook_answer,
    };
    tracing::debug!(bot = bot.id, method, accepted = call.accepted, error = call.error_code, "call");
    bot.calls.push(call);
}

/// The file of a call, with its address if it was accepted.
fn file_of(shared: &Shared, bot: &Bot, method: &str, params: &Params, result: Option<&Value>) -> Option<Value> {
    let kind = Kind::of_method(method)?;
    let stored = result.and_then(files::file_id_of).and_then(|id| bot.files.get(id));
    match stored {
        Some(file) => Some(file.describe(&shared.url, &bot.token)),
        None => send_file::upload(params, kind).map(Upload::describe),
    }
}

/// The methods; their names count in any case.
fn run(shared: &Shared, bot: &mut Bot, method: &str, params: &Params) -> Result<Success, ApiError> {
    match method.to_ascii_lowercase().as_str() {
        "getme" => Ok(Success::new(get_me(bot))),
        "setwebhook" => {
            let set = bot.webhook.set(params)?;
            drop_pending_if_asked(shared, bot, params);
            Ok(set)
        }
        "deletewebhook" => {
            let deleted = bot.webhook.delete();
            drop_pending_if_asked(shared, bot, params);
            Ok(deleted)
        }
        "getwebhookinfo" => Ok(Success::new(bot.webhook.info(bot.deliveries.pending()))),
        "sendmessage" => send::send_message(shared, bot, params),
        "getfile" => files::get_file(shared, bot, params),
        "sendchataction" => send_chat_action(shared, bot, params),
        "answercallbackquery" => answer_callback_query(bot, params),
        name => match Kind::of_method(name) {
            Some(kind) => send_file::send(shared, bot, kind, params),
            None => Err(ApiError::method_not_found()),
        },
    }
}

fn drop_pending_if_asked(shared: &Shared, bot: &mut Bot, params: &Params) {
    if params.flag("drop_pending_updates") {
        bot.deliveries.drop_pending(shared.clock.now_ms());
        bot.webhook.restart();
    }
}

fn get_me(bot: &Bot) -> Value {
    let mut user = bot.user();
    for (name, value) in [
        ("can_join_groups", true),
        ("can_read_all_group_messages", false),
        ("supports_inline_queries", false),
        ("can_connect_to_business", false),
        ("has_main_web_app", false),
    ] {
        user[name] = Value::Bool(value);
    }
    user
}

fn send_chat_action(shared: &Shared, bot: &mut Bot, params: &Params) -> Result<Success, ApiError> {
    let chat_id = send::writable_chat(bot, params)?;
    let action = params.text("action").unwrap_or_default().to_ascii_lowercase();
    if !ACTIONS.contains(&action.as_str()) {
        return Err(ApiError::bad_request("wrong parameter action in request"));
    }
    let version = shared.next_version();
    if let Some(chat) = bot.chats.get_mut(&chat_id) {
        chat.action_until_ms = if action == "cancel" { 0 } else { shared.clock.now_ms() + ACTION_MS };
        chat.version = version;
    }
    Ok(Success::new(Value::Bool(true)))
}

fn answer_callback_query(bot: &mut Bot, params: &Params) -> Result<Success, ApiError> {
    let text = params.text("text").unwrap_or_default();
    if text.encode_utf16().count() > MAX_CALLBACK_TEXT {
        return Err(ApiError::bad_request("MESSAGE_TOO_LONG"));
    }
    let id = params.text("callback_query_id").unwrap_or_default();
    if bot.open_callbacks.remove(&id) {
        Ok(Success::new(Value::Bool(true)))
    } else {
        Err(ApiError::bad_request("query is too old and response timeout expired or query ID is invalid"))
    }
}
