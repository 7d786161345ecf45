//! Telegram's answers to our calls.
//!
//! `{"ok":true,"result":…}` or `{"ok":false,"error_code":…,"description":…,"parameters":{…}}`. Codes are few, so failures
//! are told apart by words of the description; their prefix ("Bad Request:") varies with the server's version and is not
//! looked at.

use serde_json::Value;

use crate::failure::{DETAIL_CHARS_MAX, Failure, FailureClass, HOLD_SECONDS_MAX};
use crate::fields::{Object, flag, full_name, integer, line, object};

/// How long a channel is held if Telegram says "too many requests", but not for how long; in seconds.
pub const HOLD_SECONDS_DEFAULT: u32 = 5;

/// The most characters of a name or an address in an answer.
const LINE_CHARS_MAX: usize = 2048;

/// An answer, understood.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Done; what it returned.
    Ok(Value),
    /// Not done, or nobody knows.
    Err(Failure),
}

/// Understands an answer: HTTP status and body as they came.
///
/// Who answers matters. A failure that Telegram itself states is one: nothing was processed, even if it is a 5xx. An answer
/// of somebody in between (a proxy's page) is no statement: with 5xx or 2xx the call may have been processed and its
/// outcome is unknown; with any other status it was turned away before.
pub fn read_reply(http_status: u16, body: &[u8]) -> Reply {
    let answer: Option<Value> = serde_json::from_slice(body).ok();
    let Some(answer) = answer.as_ref().and_then(Value::as_object) else {
        return Reply::Err(not_telegram(http_status));
    };
    match answer.get("ok").and_then(Value::as_bool) {
        Some(true) if (200..300).contains(&http_status) => {
            Reply::Ok(answer.get("result").cloned().unwrap_or(Value::Null))
        }
        Some(false) => Reply::Err(stated(http_status, answer)),
        _ => Reply::Err(not_telegram(http_status)),
    }
}

/// An answer that Telegram's API did not write.
fn not_telegram(http_status: u16) -> Failure {
    let detail = format!("HTTP {http_status} without an answer of Telegram's");
    match http_status {
        413 => Failure::new(FailureClass::PermanentMessage, "too_large", &detail),
        429 => Failure::new(hold(None), "rate_limited", &detail),
        300..=499 => Failure::new(FailureClass::Retry, "provider_unreachable", &detail),
        _ => Failure::outcome_unknown(&detail),
    }
}

/// Descriptions that say what is wrong, in lower case, and what it means. The first that is found decides. Not
/// looked at where the code alone tells (409, 413, 429, 5xx) or a new chat id is given.
const SAID: [(&str, &str, FailureClass); 29] = [
    // The contact.
    ("bot was blocked by the user", "contact_blocked", FailureClass::PermanentContact),
    ("user is deactivated", "contact_deactivated", FailureClass::PermanentContact),
    ("bot was kicked", "bot_removed", FailureClass::PermanentContact),
    ("bot is not a member", "bot_removed", FailureClass::PermanentContact),
    ("can't initiate conversation", "contact_not_started", FailureClass::PermanentContact),
    ("can't send messages to bots", "contact_is_bot", FailureClass::PermanentContact),
    ("can't send messages to the bot", "contact_is_bot", FailureClass::PermanentContact),
    ("chat not found", "chat_not_found", FailureClass::PermanentContact),
    ("user not found", "chat_not_found", FailureClass::PermanentContact),
    ("peer_id_invalid", "chat_not_found", FailureClass::PermanentContact),
    // What can be left out.
    ("can't parse entities", "entities_unparsable", FailureClass::RetryPlain),
    ("message to be replied not found", "reply_target_missing", FailureClass::RetryPlain),
    ("replied message not found", "reply_target_missing", FailureClass::RetryPlain),
    // A picture that is none to Telegram (too long and narrow, an odd format) goes as a plain file.
    ("image_process_failed", "media_refused", FailureClass::RetryPlain),
    ("photo_invalid_dimensions", "media_refused", FailureClass::RetryPlain),
    ("is too big for a photo", "media_refused", FailureClass::RetryPlain),
    // Already so.
    ("message is not modified", "not_modified", FailureClass::SuccessNoop),
    // The message.
    ("message is too long", "text_too_long", FailureClass::PermanentMessage),
    ("message_too_long", "text_too_long", FailureClass::PermanentMessage),
    ("message text is empty", "text_empty", FailureClass::PermanentMessage),
    ("text must be non-empty", "text_empty", FailureClass::PermanentMessage),
    ("file is too big", "too_large", FailureClass::PermanentMessage),
    ("wrong file identifier", "media_refused", FailureClass::PermanentMessage),
    ("failed to get http url content", "media_refused", FailureClass::PermanentMessage),
    ("wrong type of the web page content", "media_refused", FailureClass::PermanentMessage),
    ("webpage_media_empty", "media_refused", FailureClass::PermanentMessage),
    ("method not found", "method_unknown", FailureClass::PermanentMessage),
    // The channel's set-up.
    ("bad webhook", "webhook_refused", FailureClass::Configuration),
    ("secret token", "webhook_refused", FailureClass::Configuration),
];

/// A failure that Telegram states.
fn stated(http_status: u16, answer: &Object) -> Failure {
    let error_code = integer(answer, "error_code").and_then(|code| u16::try_from(code).ok()).unwrap_or(http_status);
    let description = answer.get("description").and_then(Value::as_str).unwrap_or_default();
    let parameters = object(answer, "parameters");
    let said = description.chars().take(DETAIL_CHARS_MAX).collect::<String>().to_lowercase();
    let (class, code) = match error_code {
        420 | 429 => {
            let told = parameters.and_then(|parameters| integer(parameters, "retry_after"));
            (hold(told.or_else(|| seconds_in(&said))), "rate_limited")
        }
        500.. if said.contains("restart") => (FailureClass::Retry, "provider_restarting"),
        500.. => (FailureClass::Retry, "provider_unavailable"),
        409 => (FailureClass::Configuration, "webhook_conflict"),
        413 => (FailureClass::PermanentMessage, "too_large"),
        _ => migrated(parameters).unwrap_or_else(|| by_words(error_code, &said)),
    };
    Failure::new(class, code, description)
}

/// The group has become a supergroup, with another id.
fn migrated(parameters: Option<&Object>) -> Option<(FailureClass, &'static str)> {
    let chat_id = integer(parameters?, "migrate_to_chat_id")?.to_string();
    Some((FailureClass::RetryMigrated { chat_id }, "chat_migrated"))
}

fn by_words(error_code: u16, said: &str) -> (FailureClass, &'static str) {
    if let Some((_, code, class)) = SAID.iter().find(|(words, ..)| said.contains(words)) {
        return (class.clone(), code);
    }
    match error_code {
        // Every method answers so if the token was revoked (401) or never was one (404).
        401 | 404 => (FailureClass::PermanentChannel, "channel_unauthorized"),
        400 => (FailureClass::PermanentMessage, "bad_request"),
        403 => (FailureClass::PermanentMessage, "forbidden"),
        300..=499 => (FailureClass::PermanentMessage, "refused"),
        _ => (FailureClass::Unknown, "outcome_unknown"),
    }
}

/// A hold of so many seconds, within bounds.
fn hold(seconds: Option<i64>) -> FailureClass {
    let told = seconds.filter(|seconds| *seconds >= 0).unwrap_or(i64::from(HOLD_SECONDS_DEFAULT));
    FailureClass::Hold { retry_after_s: u32::try_from(told).unwrap_or(u32::MAX).clamp(1, HOLD_SECONDS_MAX) }
}

/// The number in "too many requests: retry after 7".
fn seconds_in(said: &str) -> Option<i64> {
    let (_, after) = said.split_once("retry after ")?;
    after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The number of the message that was sent, from the result of `sendMessage`: later edits and replies name it. `None`
/// leaves no doubt that it was sent; it only can't be named.
pub fn sent_message_id(result: &Value) -> Option<String> {
    Some(integer(result.as_object()?, "message_id")?.to_string())
}

/// Where a file is, from the result of `getFile`; none if Telegram does not say, as of a file that it no longer has.
pub fn file_path(result: &Value) -> Option<String> {
    line(result.as_object()?, "file_path", LINE_CHARS_MAX)
}

/// The bot that a token belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetMe {
    /// Telegram's number of the bot: the same for every token that it ever has.
    pub id: i64,
    /// Its username, without `@`; every bot has one.
    pub username: String,
    /// Its name, as customers see it.
    pub name: String,
}

impl GetMe {
    /// Reads the result of `getMe`; `None` if it describes no bot.
    pub fn from_result(result: &Value) -> Option<Self> {
        let bot = result.as_object().filter(|bot| flag(bot, "is_bot"))?;
        let username = line(bot, "username", LINE_CHARS_MAX)?;
        let name = full_name(bot, LINE_CHARS_MAX).unwrap_or_else(|| username.clone());
        Some(Self { id: integer(bot, "id")?, username, name })
    }
}

/// Where a bot's updates go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookInfo {
    /// The address of the webhook; empty if there is none.
    pub url: String,
    /// How many updates wait to be delivered.
    pub pending_update_count: u64,
    /// When a delivery last failed, seconds since 1970.
    pub last_error_date: Option<i64>,
    /// Why it failed, in Telegram's words.
    pub last_error_message: Option<String>,
}

impl WebhookInfo {
    /// Reads the result of `getWebhookInfo`; `None` if it is none.
    pub fn from_result(result: &Value) -> Option<Self> {
        let info = result.as_object()?;
        Some(Self {
            url: info.get("url")?.as_str()?.chars().take(LINE_CHARS_MAX).collect(),
            pending_update_count: info.get("pending_update_count").and_then(Value::as_u64).unwrap_or(0),
            last_error_date: integer(info, "last_error_date"),
            last_error_message: line(info, "last_error_message", LINE_CHARS_MAX),
        })
    }
}
