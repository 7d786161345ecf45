//! The Bot API, `/bot<token>/<method>`.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Method, Response, header};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::answer::{ApiError, Success, answer_of};
use super::faults::Fault;
use super::params::Params;
use super::state::{Bot, Call, Shared, Standing, StoredMessage, bot_id};
use crate::answer::Answer;
use crate::faults::Effect;
use crate::listener::Cut;

/// The longest text of a message, in UTF-16 code units.
const MAX_TEXT: usize = 4096;

/// The longest text of an answer to a button, in UTF-16 code units.
const MAX_CALLBACK_TEXT: usize = 200;

/// How long an action such as typing shows, in milliseconds.
const ACTION_MS: u64 = 5000;

/// The largest request, in bytes.
const MAX_BODY: usize = 20 * 1024 * 1024;

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

/// Serves every path that is neither the page nor the control API.
pub(crate) async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response<Body> {
    let answer = match read(request).await {
        Ok((token, method, params)) => dispatch(&shared, &token, &method, &params),
        Err(error) => answer_of(&Err(error)),
    };
    answer.send(&cut, shared.options.hold).await
}

/// The token, the method and the parameters of a request.
async fn read(request: Request) -> Result<(String, String, Params), ApiError> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().replace("%3A", ":").replace("%3a", ":");
    let (token, method) =
        path.strip_prefix("/bot").and_then(|rest| rest.split_once('/')).ok_or_else(ApiError::not_found)?;
    if parts.method != Method::GET && parts.method != Method::POST {
        return Err(ApiError::not_found());
    }
    let body = to_bytes(body, MAX_BODY).await.map_err(|_| ApiError::new(413, "Request Entity Too Large"))?;
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Ok((token.to_owned(), method.to_owned(), Params::read(parts.uri.query(), kind, &body)?))
}

fn dispatch(shared: &Shared, token: &str, method: &str, params: &Params) -> Answer {
    let mut world = shared.world();
    let Some(bot) = world.bots.get_mut(token) else {
        // A well-formed token that no bot has was revoked: 401. Anything else is no address at all: 404.
        let well_formed =
            bot_id(token).is_some() && token.split_once(':').is_some_and(|(_, secret)| secret.len() >= 35);
        return answer_of(&Err(if well_formed { ApiError::unauthorized() } else { ApiError::not_found() }));
    };
    let fault = take_fault(bot, method, params);
    let answer = call(shared, bot, method, params, fault.as_ref(), false);
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
        "sendmessage" => send_message(shared, bot, params),
        "sendchataction" => send_chat_action(shared, bot, params),
        "answercallbackquery" => answer_callback_query(bot, params),
        _ => Err(ApiError::method_not_found()),
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

/// The chat that a call names, if the bot may write there.
fn writable_chat(bot: &Bot, params: &Params) -> Result<i64, ApiError> {
    let text = params.text("chat_id").unwrap_or_default();
    if text.trim().is_empty() {
        return Err(ApiError::bad_request("chat_id is empty"));
    }
    let id = params.integer("chat_id").ok_or_else(|| ApiError::bad_request("chat not found"))?;
    if id == bot.id {
        return Err(ApiError::forbidden("bot can't send messages to bots"));
    }
    let chat = bot.chats.get(&id).ok_or_else(|| ApiError::bad_request("chat not found"))?;
    match chat.standing {
        Standing::Open => Ok(id),
        Standing::NeverWrote => Err(ApiError::forbidden("bot can't initiate conversation with a user")),
        Standing::Blocked if chat.identity["type"] == "private" => Err(ApiError::blocked()),
        Standing::Blocked => {
            let kind = chat.identity["type"].as_str().unwrap_or("group");
            Err(ApiError::forbidden(&format!("bot was kicked from the {kind} chat")))
        }
    }
}

fn send_message(shared: &Shared, bot: &mut Bot, params: &Params) -> Result<Success, ApiError> {
    let text = message_text(params)?;
    let markup = reply_markup(params)?;
    let chat_id = writable_chat(bot, params)?;
    let reply_to = replied_message(bot, params, chat_id)?;
    bot.limits.admit(chat_id, Instant::now()).map_err(ApiError::too_many_requests)?;
    let message_id = bot.take_message_id();
    let mut message = json!({
        "message_id": message_id,
        "from": bot.user(),
        "chat": bot.chats[&chat_id].identity,
        "date": shared.clock.now_s(),
        "text": text,
    });
    for (name, value) in [("reply_to_message", reply_to), ("reply_markup", markup)] {
        if let Some(value) = value {
            message[name] = value;
        }
    }
    if let Some(thread) = params.integer("message_thread_id") {
        message["message_thread_id"] = thread.into();
    }
    let version = shared.next_version();
    let chat = bot.chats.get_mut(&chat_id).ok_or_else(|| ApiError::bad_request("chat not found"))?;
    chat.version = version;
    chat.action_until_ms = 0;
    chat.messages.push(StoredMessage {
        message_id,
        from_bot: true,
        message: message.clone(),
        time_ms: shared.clock.now_ms(),
        deliveries: Vec::new(),
    });
    Ok(Success::new(message))
}

/// The text, trimmed as Telegram trims it, if its length is right.
fn message_text(params: &Params) -> Result<String, ApiError> {
    let text = params.text("text").unwrap_or_default();
    if text.is_empty() {
        return Err(ApiError::bad_request("message text is empty"));
    }
    let text = text.trim();
    if text.is_empty() {
        return Err(ApiError::bad_request("text must be non-empty"));
    }
    if text.encode_utf16().count() > MAX_TEXT {
        return Err(ApiError::bad_request("message is too long"));
    }
    let mode = params.text("parse_mode").unwrap_or_default().to_ascii_lowercase();
    if !["", "html", "markdown", "markdownv2"].contains(&mode.as_str()) {
        return Err(ApiError::bad_request("unsupported parse_mode"));
    }
    Ok(text.to_owned())
}

fn reply_markup(params: &Params) -> Result<Option<Value>, ApiError> {
    match params.structured("reply_markup") {
        None => Ok(None),
        // Only the keyboard in the message is part of the sent message.
        Some(Ok(markup @ Value::Object(_))) => Ok(markup.get("inline_keyboard").is_some().then_some(markup)),
        Some(Ok(_)) => Err(ApiError::bad_request("object expected as reply markup")),
        Some(Err(_)) => Err(ApiError::bad_request("can't parse reply keyboard markup JSON object")),
    }
}

/// The message replied to, without what it replied to itself.
fn replied_message(bot: &Bot, params: &Params, chat_id: i64) -> Result<Option<Value>, ApiError> {
    let reply = match params.structured("reply_parameters") {
        None => {
            let Some(message_id) = params.integer("reply_to_message_id") else { return Ok(None) };
            let anyway = params.flag("allow_sending_without_reply");
            json!({"message_id": message_id, "allow_sending_without_reply": anyway})
        }
        Some(Ok(reply @ Value::Object(_))) => reply,
        Some(_) => return Err(ApiError::bad_request("can't parse reply parameters JSON object")),
    };
    let found = reply["message_id"].as_i64().and_then(|id| bot.chats.get(&chat_id)?.message(id));
    match found {
        Some(stored) => {
            let mut message = stored.message.clone();
            if let Value::Object(fields) = &mut message {
                fields.remove("reply_to_message");
            }
            Ok(Some(message))
        }
        None if reply["allow_sending_without_reply"] == true => Ok(None),
        None => Err(ApiError::bad_request("message to be replied not found")),
    }
}

fn send_chat_action(shared: &Shared, bot: &mut Bot, params: &Params) -> Result<Success, ApiError> {
    let chat_id = writable_chat(bot, params)?;
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
