//! Sending a message: the chat, the text, and what every kind of message has in common.

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::answer::{ApiError, Success};
use super::params::Params;
use super::state::{Bot, Shared, Standing, StoredMessage};

/// The longest text of a message, in UTF-16 code units.
const MAX_TEXT: usize = 4096;

/// The chat that a call names, if the bot may write there.
pub(crate) fn writable_chat(bot: &Bot, params: &Params) -> Result<i64, ApiError> {
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

/// The method `sendMessage`.
pub(crate) fn send_message(shared: &Shared, bot: &mut Bot, params: &Params) -> Result<Success, ApiError> {
    let text = message_text(params)?;
    let markup = reply_markup(params)?;
    let chat_id = writable_chat(bot, params)?;
    let reply_to = replied_message(bot, params, chat_id)?;
    bot.limits.admit(chat_id, Instant::now()).map_err(ApiError::too_many_requests)?;
    let content = Map::from_iter([("text".to_owned(), text.into())]);
    post(shared, bot, params, chat_id, Extras { reply_to, markup }, content)
}

/// What goes with a message's content.
#[derive(Debug)]
pub(crate) struct Extras {
    pub(crate) reply_to: Option<Value>,
    pub(crate) markup: Option<Value>,
}

/// Puts a message of the bot with these fields into the chat.
pub(crate) fn post(
    shared: &Shared,
    bot: &mut Bot,
    params: &Params,
    chat_id: i64,
    extras: Extras,
    content: Map<String, Value>,
) -> Result<Success, ApiError> {
    let message_id = bot.take_message_id();
    let from = bot.user();
    let chat = bot.chats.get_mut(&chat_id).ok_or_else(|| ApiError::bad_request("chat not found"))?;
    let mut message =
        json!({"message_id": message_id, "from": from, "chat": chat.identity, "date": shared.clock.now_s()});
    if let Value::Object(fields) = &mut message {
        fields.extend(content);
    }
    for (name, value) in [("reply_to_message", extras.reply_to), ("reply_markup", extras.markup)] {
        if let Some(value) = value {
            message[name] = value;
        }
    }
    if let Some(thread) = params.integer("message_thread_id") {
        message["message_thread_id"] = thread.into();
    }
    chat.version = shared.next_version();
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
    check_parse_mode(params)?;
    Ok(text.to_owned())
}

pub(crate) fn check_parse_mode(params: &Params) -> Result<(), ApiError> {
    let mode = params.text("parse_mode").unwrap_or_default().to_ascii_lowercase();
    if ["", "html", "markdown", "markdownv2"].contains(&mode.as_str()) {
        return Ok(());
    }
    Err(ApiError::bad_request("unsupported parse_mode"))
}

pub(crate) fn reply_markup(params: &Params) -> Result<Option<Value>, ApiError> {
    match params.structured("reply_markup") {
        None => Ok(None),
        // Only the keyboard in the message is part of the sent message.
        Some(Ok(markup @ Value::Object(_))) => Ok(markup.get("inline_keyboard").is_some().then_some(markup)),
        Some(Ok(_)) => Err(ApiError::bad_request("object expected as reply markup")),
        Some(Err(_)) => Err(ApiError::bad_request("can't parse reply keyboard markup JSON object")),
    }
}

/// The message replied to, without what it replied to itself.
pub(crate) fn replied_message(bot: &Bot, params: &Params, chat_id: i64) -> Result<Option<Value>, ApiError> {
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
