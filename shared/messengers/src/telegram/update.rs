//! Updates: what Telegram posts to the webhook.

use domain::content::Content;
use domain::inbound::{Customer, InboundEvent, InboundKind};
use serde_json::Value;

use super::content::{self, NAME_CHARS_MAX};
use crate::fields::{Object, flag, full_name, handle, integer, line, object, words};

/// The most characters of a username (Telegram: 32).
const USERNAME_CHARS_MAX: usize = 64;
/// The most characters of a language tag (RFC 5646 asks for room for 35).
const LANGUAGE_CHARS_MAX: usize = 35;
/// The longest id of a callback query, in bytes; today's have 20.
const CALLBACK_ID_BYTES_MAX: usize = 128;

/// One update, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Telegram's number of it, unique for a bot: (bot, `update_id`) is the dedupe key. It starts anew at random after a
    /// week without updates, so it says nothing about order.
    pub update_id: i64,
    /// What is to be done about it.
    pub outcome: Outcome,
}

/// What an update means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A customer did something.
    Event(InboundEvent),
    /// A customer pressed a button, and their messenger waits for a sign that it was noticed.
    Answer {
        /// What they did.
        event: InboundEvent,
        /// What the sign must name: see [`super::answer_callback_query`].
        callback_query_id: String,
    },
    /// Nothing that concerns a customer: to be counted, and answered 2xx.
    Ignored {
        /// Why: one of [`ignored`], for the metric.
        why: &'static str,
    },
}

/// The reasons for which an update is ignored: stable words.
pub mod ignored {
    /// It happened in a group or supergroup, members coming and going and migrations included.
    pub const GROUP: &str = "group";
    /// It happened in a channel.
    pub const CHANNEL_POST: &str = "channel_post";
    /// It happened in a kind of chat that is new to us.
    pub const UNKNOWN_CHAT: &str = "unknown_chat";
    /// A reaction to a message.
    pub const REACTION: &str = "reaction";
    /// A kind of update that the webhook does not ask for.
    pub const UNKNOWN_KIND: &str = "unknown_kind";
    /// An update of no kind.
    pub const EMPTY: &str = "empty";
    /// A kind that we know, without what every such update has (its chat, its id).
    pub const MALFORMED: &str = "malformed";
    /// A message of the chat's machinery, e.g. that a message was pinned.
    pub const SERVICE: &str = "service";
    /// Another bot wrote it.
    pub const BOT: &str = "bot";
    /// The bot's own standing in the chat changed, and not between blocked and not blocked.
    pub const MEMBERSHIP: &str = "membership";
}

/// A body that is no update. Such a call did not come from Telegram as we know it; nothing in it can be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The body is not JSON.
    #[error("the body is not JSON")]
    NotJson,
    /// The body is not an object with a whole number `update_id`.
    #[error("the body has no update_id")]
    NoUpdateId,
}

impl ParseError {
    /// Its stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::NoUpdateId => "no_update_id",
        }
    }
}

/// Understands one update. Never panics; lenient in everything but that it is JSON and has an `update_id`, since Telegram
/// holds a whole chat back behind an update that is not answered 2xx. The event's JSON is bounded (about 120 KB),
/// whatever the size of the body.
pub fn parse(body: &[u8]) -> Result<Update, ParseError> {
    let body: Value = serde_json::from_slice(body).map_err(|_| ParseError::NotJson)?;
    let update = body.as_object().ok_or(ParseError::NoUpdateId)?;
    let update_id = integer(update, "update_id").ok_or(ParseError::NoUpdateId)?;
    let outcome = outcome(update, update_id).unwrap_or_else(|why| Outcome::Ignored { why });
    Ok(Update { update_id, outcome })
}

/// What is done with an update, or why it is ignored.
type Understood = Result<Outcome, &'static str>;

fn outcome(update: &Object, update_id: i64) -> Understood {
    let kind = |field| update.get(field).filter(|value| !value.is_null());
    if let Some(value) = kind("message") {
        return message(fields_of(value)?, update_id);
    }
    if let Some(value) = kind("edited_message") {
        return edited_message(fields_of(value)?, update_id);
    }
    if let Some(value) = kind("callback_query") {
        return callback_query(fields_of(value)?, update_id);
    }
    if let Some(value) = kind("my_chat_member") {
        return my_chat_member(fields_of(value)?, update_id);
    }
    Err(why_ignored(update))
}

fn fields_of(value: &Value) -> Result<&Object, &'static str> {
    value.as_object().ok_or(ignored::MALFORMED)
}

fn why_ignored(update: &Object) -> &'static str {
    match update.iter().find(|(field, value)| *field != "update_id" && !value.is_null()) {
        None => ignored::EMPTY,
        Some((field, _)) => match field.as_str() {
            "channel_post" | "edited_channel_post" => ignored::CHANNEL_POST,
            "message_reaction" | "message_reaction_count" => ignored::REACTION,
            _ => ignored::UNKNOWN_KIND,
        },
    }
}

fn message(message: &Object, update_id: i64) -> Understood {
    let customer = customer(message, object(message, "from"))?;
    let message_id = integer(message, "message_id").ok_or(ignored::MALFORMED)?.to_string();
    let what = InboundKind::Message {
        message_id,
        content: content::read(message).ok_or(ignored::SERVICE)?,
        reply_to: content::reply_to(message),
        quote: content::quote(message),
        forwarded_from: content::forwarded_from(message),
    };
    Ok(Outcome::Event(event(update_id, customer, at_ms(message, "date"), what)))
}

fn edited_message(message: &Object, update_id: i64) -> Understood {
    let customer = customer(message, object(message, "from"))?;
    let what = InboundKind::Edited {
        message_id: integer(message, "message_id").ok_or(ignored::MALFORMED)?.to_string(),
        content: content::read(message).ok_or(ignored::SERVICE)?,
    };
    Ok(Outcome::Event(event(update_id, customer, at_ms(message, "edit_date"), what)))
}

/// A pressed button: a message of the customer that answers the bot's. It has no number and no time of its own; the
/// query's id stands for the number.
fn callback_query(query: &Object, update_id: i64) -> Understood {
    let pressed = object(query, "message").ok_or(ignored::UNKNOWN_CHAT)?;
    let customer = customer(pressed, object(query, "from"))?;
    let callback_query_id = handle(query, "id", CALLBACK_ID_BYTES_MAX).ok_or(ignored::MALFORMED)?;
    let what = InboundKind::Message {
        message_id: format!("callback-{callback_query_id}"),
        content: Content::Button { label: button_label(query, pressed) },
        reply_to: integer(pressed, "message_id").map(|id| id.to_string()),
        quote: None,
        forwarded_from: None,
    };
    Ok(Outcome::Answer { event: event(update_id, customer, 0, what), callback_query_id })
}

/// The words on the button. Telegram sends what the button carries; the message it hangs on tells what it says, unless
/// that is too old to be sent along.
fn button_label(query: &Object, pressed: &Object) -> String {
    let data = query.get("data").and_then(Value::as_str);
    let rows = object(pressed, "reply_markup").and_then(|markup| markup.get("inline_keyboard")?.as_array());
    let mut buttons = rows.into_iter().flatten().filter_map(Value::as_array).flatten().filter_map(Value::as_object);
    let button = buttons.find(|button| data.is_some() && button.get("callback_data").and_then(Value::as_str) == data);
    button
        .and_then(|button| words(button, "text", NAME_CHARS_MAX))
        .or_else(|| words(query, "data", NAME_CHARS_MAX))
        .or_else(|| words(query, "game_short_name", NAME_CHARS_MAX))
        .unwrap_or_else(|| "button".to_owned())
}

/// In a private chat the bot is "kicked" by the customer who blocks it, and a "member" again when they unblock it.
fn my_chat_member(change: &Object, update_id: i64) -> Understood {
    let customer = customer(change, object(change, "from"))?;
    let member = object(change, "new_chat_member").ok_or(ignored::MALFORMED)?;
    let what = match member.get("status").and_then(Value::as_str) {
        Some("kicked") => InboundKind::Blocked,
        Some("member") => InboundKind::Unblocked,
        _ => return Err(ignored::MEMBERSHIP),
    };
    Ok(Outcome::Event(event(update_id, customer, at_ms(change, "date"), what)))
}

fn event(update_id: i64, customer: Customer, at_ms: i64, what: InboundKind) -> InboundEvent {
    InboundEvent { event_id: update_id.to_string(), customer, at_ms, standby: false, what }
}

/// Seconds since 1970 as milliseconds; 0 if it is not told.
fn at_ms(of: &Object, field: &str) -> i64 {
    let seconds = integer(of, field).or_else(|| integer(of, "date")).unwrap_or(0);
    seconds.max(0).checked_mul(1000).unwrap_or(0)
}

/// The customer whom `of` (whose `chat` it is) comes from, or why it comes from none. In a private chat, the chat has the
/// customer's id and name, too: it stands in for a missing sender.
fn customer(of: &Object, from: Option<&Object>) -> Result<Customer, &'static str> {
    let chat = object(of, "chat").ok_or(ignored::MALFORMED)?;
    match chat.get("type").and_then(Value::as_str) {
        Some("private") => {}
        Some("group" | "supergroup") => return Err(ignored::GROUP),
        Some("channel") => return Err(ignored::CHANNEL_POST),
        _ => return Err(ignored::UNKNOWN_CHAT),
    }
    let person = from.unwrap_or(chat);
    if flag(person, "is_bot") {
        return Err(ignored::BOT);
    }
    let address = integer(chat, "id").ok_or(ignored::MALFORMED)?.to_string();
    let username = line(person, "username", USERNAME_CHARS_MAX);
    let name = full_name(person, NAME_CHARS_MAX).or_else(|| username.clone()).unwrap_or_else(|| address.clone());
    let language = line(person, "language_code", LANGUAGE_CHARS_MAX);
    Ok(Customer { address, name, is_stand_in: false, username, language })
}
