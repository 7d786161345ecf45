//! Twilio's answers to our calls.
//!
//! 2xx with the message (`{"sid":…,"status":…,"error_code":…}`), or `{"code":…,"message":…,"status":…}`. Most failures come
//! later, as a status ([`super::parse_status`]); a few stand in the message that is answered with 201.

use serde_json::{Map, Value};

use super::SID_CHARS_MAX;
use super::errors::{NOT_DELIVERED, find};
use crate::failure::{DETAIL_CHARS_MAX, Failure, FailureClass};

/// How long a channel is held if Twilio says "too many requests", seconds: it does not say for how long.
pub const HOLD_SECONDS: u32 = 5;

/// The fewest digits in a row that are taken for a phone number.
const NUMBER_DIGITS_MIN: usize = 6;

/// Understands an answer: HTTP status and body as they came; the id of the message that was sent. `None` leaves no doubt that
/// it was done; it only can't be named.
///
/// Who answers matters. A 4xx that Twilio states was not processed. A 5xx may have created the message, whoever states it, and
/// an answer of somebody in between is no statement: the outcome is unknown, but for those that turned the call away before.
pub fn read_reply(http_status: u16, body: &[u8]) -> Result<Option<String>, Failure> {
    let answer: Option<Value> = serde_json::from_slice(body).ok();
    let answer = answer.as_ref().and_then(Value::as_object);
    match (http_status, answer) {
        (200..=299, Some(answer)) => done(http_status, answer),
        (300..=499, Some(answer)) => Err(stated(http_status, answer)),
        _ => Err(not_twilio(http_status)),
    }
}

/// An answer that Twilio's API did not write, or cannot have meant.
fn not_twilio(http_status: u16) -> Failure {
    let detail = format!("HTTP {http_status} without an answer of Twilio's");
    match http_status {
        413 => Failure::new(FailureClass::PermanentMessage, "file_too_large", &detail),
        429 => Failure::new(FailureClass::Hold { retry_after_s: HOLD_SECONDS }, "rate_limited", &detail),
        300..=499 => Failure::new(FailureClass::Retry, "provider_unreachable", &detail),
        _ => Failure::outcome_unknown(&detail),
    }
}

fn done(http_status: u16, answer: &Map<String, Value>) -> Result<Option<String>, Failure> {
    let text = |field| answer.get(field).and_then(Value::as_str);
    let sid = text("sid")
        .filter(|sid| (1..=SID_CHARS_MAX).contains(&sid.len()) && sid.bytes().all(|b| b.is_ascii_alphanumeric()));
    match (sid, text("status")) {
        (Some(_), Some("failed" | "undelivered" | "canceled")) => Err(failed(answer)),
        (Some(sid), _) => Ok(Some(sid.to_owned())),
        // The typing indicator has no id.
        (None, _) if answer.get("success").and_then(Value::as_bool) == Some(true) => Ok(None),
        (None, _) => Err(not_twilio(http_status)),
    }
}

/// A message that was made and given up at once: it surely never left.
fn failed(answer: &Map<String, Value>) -> Failure {
    let code = number(answer, "error_code");
    let said = answer.get("error_message").and_then(Value::as_str).unwrap_or("the message failed at once");
    let (word, class) = code.and_then(find).unwrap_or((NOT_DELIVERED, FailureClass::PermanentMessage));
    Failure::new(class, word, &detail(code, said))
}

fn stated(http_status: u16, answer: &Map<String, Value>) -> Failure {
    let Some(code) = number(answer, "code") else { return not_twilio(http_status) };
    let said = answer.get("message").and_then(Value::as_str).unwrap_or_default();
    let (word, class) = match find(code) {
        _ if http_status == 429 => ("rate_limited", FailureClass::Hold { retry_after_s: HOLD_SECONDS }),
        Some(known) => known,
        None => by_status(http_status, code, said),
    };
    Failure::new(class, word, &detail(Some(code), said))
}

fn by_status(http_status: u16, code: u32, said: &str) -> (&'static str, FailureClass) {
    match (http_status, code) {
        (401, _) => ("channel_unauthorized", FailureClass::PermanentChannel),
        // The account is closed, or never was one; a missing message says nothing about the channel.
        (_, 20404) if said.contains("/Accounts/") => ("channel_unauthorized", FailureClass::PermanentChannel),
        (404, _) => ("not_found", FailureClass::PermanentMessage),
        (400, _) => ("bad_request", FailureClass::PermanentMessage),
        (403, _) => ("forbidden", FailureClass::PermanentMessage),
        _ => ("refused", FailureClass::PermanentMessage),
    }
}

fn number(of: &Map<String, Value>, field: &str) -> Option<u32> {
    let number = of.get(field)?;
    number.as_u64().and_then(|number| u32::try_from(number).ok()).or_else(|| number.as_str()?.parse().ok())
}

/// Code and words, for the log: without phone numbers, which Twilio's words repeat.
fn detail(code: Option<u32>, said: &str) -> String {
    let said: String = said.chars().take(2 * DETAIL_CHARS_MAX).collect();
    let said = without_numbers(&said);
    code.map_or_else(|| said.clone(), |code| format!("{code}: {said}"))
}

fn without_numbers(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits = rest[at..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - at);
        clean.push_str(&rest[..at]);
        clean.push_str(if digits < NUMBER_DIGITS_MIN { &rest[at..at + digits] } else { "<number>" });
        rest = &rest[at + digits..];
    }
    clean + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_repeats_no_phone_number() {
        let said = "The 'To' number whatsapp:+15005550006 is not a valid phone number, see 21211";
        assert_eq!(
            detail(Some(21211), said),
            "21211: The 'To' number whatsapp:+<number> is not a valid phone number, see 21211"
        );
        assert_eq!(without_numbers("12345 123456 x1234567"), "12345 <number> x<number>");
        assert_eq!(detail(None, ""), "");
    }
}
