//! The Graph API's answers to our calls.
//!
//! What was asked for, or `{"error":{"message":…,"code":…,"error_subcode":…,"is_transient":…}}`. Numbers tell failures apart;
//! a subcode, where there is one, says more than its code.

use serde_json::Value;

use crate::failure::{Failure, FailureClass};
use crate::fields::{Object, flag, full_name, handle, integer, line, object};

/// How long a channel is held when the app, or the page, has called too often, seconds. For how long exactly is said in a header
/// (`X-Business-Use-Case-Usage`), in minutes.
pub const HOLD_SECONDS_DEFAULT: u32 = 60;
/// How long a channel is held when a page calls too fast (so many a second), seconds.
pub const HOLD_SECONDS_SHORT: u32 = 5;

/// The longest id of a message, bytes.
const MID_BYTES_MAX: usize = 256;
/// The most characters of a name.
const NAME_CHARS_MAX: usize = 256;
/// The shortest run without white space that may be a token, bytes; no word of Facebook's messages is as long.
const SECRET_BYTES_MIN: usize = 40;

/// The code of a parameter that is wrong.
const INVALID_PARAMETER: i64 = 100;
/// The word for a profile that is not told.
const PROFILE_UNAVAILABLE: &str = "profile_unavailable";

/// What the numbers mean: looked for is the subcode, then the code. Subcodes have six digits and more, so that neither is taken
/// for the other; some come as the code itself.
const SAID: [(i64, &str, FailureClass); 33] = [
    // The conversation.
    (2_018_278, "window_closed", FailureClass::PermanentMessage),
    (2_534_022, "window_closed", FailureClass::PermanentMessage),
    (2_018_065, "window_closed", FailureClass::PermanentMessage),
    (2_018_300, "owned_by_other", FailureClass::OwnedByOther),
    (2_018_321, "owned_by_other", FailureClass::OwnedByOther),
    (2_534_037, "owned_by_other", FailureClass::OwnedByOther),
    (2_018_171, "owned_by_other", FailureClass::OwnedByOther),
    // The contact.
    (2_018_108, "contact_unavailable", FailureClass::PermanentContact),
    (1_545_041, "contact_unavailable", FailureClass::PermanentContact),
    (551, "contact_unavailable", FailureClass::PermanentContact),
    (2_018_001, "chat_not_found", FailureClass::PermanentContact),
    // The message. What could not be fetched in time deserves a second try, and only one.
    (2_018_008, "media_refused", FailureClass::RetryPlain),
    (2_018_294, "media_refused", FailureClass::RetryPlain),
    (2_018_047, "media_refused", FailureClass::PermanentMessage),
    (2_018_109, "too_large", FailureClass::PermanentMessage),
    (2_018_014, "bad_request", FailureClass::PermanentMessage),
    (2_018_218, PROFILE_UNAVAILABLE, FailureClass::PermanentMessage),
    (2_018_247, PROFILE_UNAVAILABLE, FailureClass::PermanentMessage),
    (9_000_001, "object_deleted", FailureClass::PermanentMessage),
    // The channel.
    (1_893_063, "page_restricted", FailureClass::PermanentChannel),
    (2_018_028, "permission_missing", FailureClass::PermanentChannel),
    (10, "permission_missing", FailureClass::PermanentChannel),
    (200, "permission_missing", FailureClass::PermanentChannel),
    (102, "channel_unauthorized", FailureClass::PermanentChannel),
    (190, "channel_unauthorized", FailureClass::PermanentChannel),
    (368, "page_blocked", FailureClass::PermanentChannel),
    // Too often, too fast.
    (2_018_338, "rate_limited", FailureClass::Hold { retry_after_s: HOLD_SECONDS_SHORT }),
    (613, "rate_limited", FailureClass::Hold { retry_after_s: HOLD_SECONDS_SHORT }),
    (4, "rate_limited", FailureClass::Hold { retry_after_s: HOLD_SECONDS_DEFAULT }),
    (17, "rate_limited", FailureClass::Hold { retry_after_s: HOLD_SECONDS_DEFAULT }),
    (32, "rate_limited", FailureClass::Hold { retry_after_s: HOLD_SECONDS_DEFAULT }),
    (80_006, "rate_limited", FailureClass::Hold { retry_after_s: HOLD_SECONDS_DEFAULT }),
    // For now.
    (1_200, "provider_unavailable", FailureClass::Retry),
];

/// Understands the answer to a call that sends or hands over: the id of the message, where one was sent, or why nothing was
/// done. HTTP status and body as they came.
///
/// A failure that the Graph API itself states is one: nothing was processed, even if it is a 5xx. An answer of somebody in
/// between is no statement: with 5xx or 2xx the outcome is unknown, with any other status the call was turned away before.
pub fn read_reply(http_status: u16, body: &[u8]) -> Result<Option<String>, Failure> {
    let answer = answer(http_status, body)?;
    if answer.get("success").and_then(Value::as_bool) == Some(false) {
        return Err(Failure::new(FailureClass::PermanentMessage, "refused", "success: false"));
    }
    Ok(handle(&answer, "message_id", MID_BYTES_MAX))
}

/// Understands the answer to [`super::profile`]: the customer's name; `None` if they have none to tell, or none that we may
/// know.
pub fn read_profile(http_status: u16, body: &[u8]) -> Result<Option<String>, Failure> {
    match answer(http_status, body) {
        Ok(person) => Ok(line(&person, "name", NAME_CHARS_MAX).or_else(|| full_name(&person, NAME_CHARS_MAX))),
        Err(failure) if failure.code == PROFILE_UNAVAILABLE => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn answer(http_status: u16, body: &[u8]) -> Result<Object, Failure> {
    let Ok(Value::Object(answer)) = serde_json::from_slice(body) else { return Err(not_graph(http_status)) };
    match object(&answer, "error") {
        Some(error) => Err(stated(http_status, error)),
        None if (200..300).contains(&http_status) => Ok(answer),
        None => Err(not_graph(http_status)),
    }
}

/// An answer that the Graph API did not write.
fn not_graph(http_status: u16) -> Failure {
    let detail = format!("HTTP {http_status} without an answer of the Graph API's");
    match http_status {
        413 => Failure::new(FailureClass::PermanentMessage, "too_large", &detail),
        429 => Failure::new(hold(HOLD_SECONDS_DEFAULT), "rate_limited", &detail),
        300..=499 => Failure::new(FailureClass::Retry, "provider_unreachable", &detail),
        _ => Failure::outcome_unknown(&detail),
    }
}

/// A failure that the Graph API states.
fn stated(http_status: u16, error: &Object) -> Failure {
    let code = integer(error, "code").unwrap_or(0);
    let subcode = integer(error, "error_subcode").unwrap_or(0);
    let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
    let found = |number: i64| SAID.iter().find(|(said, ..)| *said == number);
    let (class, word) = match found(subcode).or_else(|| found(code)) {
        Some((_, word, class)) => (class.clone(), *word),
        None if code == INVALID_PARAMETER => (FailureClass::PermanentMessage, invalid_parameter(subcode, message)),
        None => by_status(http_status, code, flag(error, "is_transient")),
    };
    Failure::new(class, word, &format!("{code}/{subcode} {}", without_token(message)))
}

fn invalid_parameter(subcode: i64, message: &str) -> &'static str {
    match subcode {
        33 => PROFILE_UNAVAILABLE,
        _ if message.to_lowercase().contains("message_tag") => "tag_retired",
        _ => "bad_request",
    }
}

/// What the numbers don't tell. 1 and 2 are Facebook's words for "try again later".
fn by_status(http_status: u16, code: i64, is_transient: bool) -> (FailureClass, &'static str) {
    match http_status {
        _ if is_transient || matches!(code, 1 | 2) => (FailureClass::Retry, "provider_unavailable"),
        429 => (hold(HOLD_SECONDS_DEFAULT), "rate_limited"),
        500.. => (FailureClass::Retry, "provider_unavailable"),
        401 => (FailureClass::PermanentChannel, "channel_unauthorized"),
        413 => (FailureClass::PermanentMessage, "too_large"),
        _ => (FailureClass::PermanentMessage, "refused"),
    }
}

fn hold(retry_after_s: u32) -> FailureClass {
    FailureClass::Hold { retry_after_s }
}

/// Facebook's "Malformed access token …" repeats the token: only what is short enough to be a word is kept.
fn without_token(message: &str) -> String {
    let words = message.split_whitespace();
    let shown = words.map(|word| if word.len() >= SECRET_BYTES_MIN { "<long>" } else { word });
    shown.collect::<Vec<_>>().join(" ")
}
