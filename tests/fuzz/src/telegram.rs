//! What Telegram, or somebody who claims to be it, sends us.

use domain::inbound::{InboundEvent, InboundKind};
use messengers::telegram::{
    Outcome, Reply, SECRET_BYTES_MAX, SecretHash, TEXT_UTF16_MAX, authentic, parse, read_reply, sent_message_id,
    split_text,
};
use serde_json::Value;

/// An event as JSON, bytes: two texts of 16,384 characters and a handful of short ones at their longest, each character
/// escaped. It must fit into a queue's message with room to spare.
const EVENT_BYTES_MAX: usize = 250 * 1024;
/// The most characters of what is kept of a failure.
const DETAIL_CHARS_MAX: usize = messengers::failure::DETAIL_CHARS_MAX;

pub(crate) fn update(data: &[u8]) {
    let Ok(update) = parse(data) else { return };
    match update.outcome {
        Outcome::Ignored { why } => assert!(!why.is_empty()),
        Outcome::Event(event) => check(&event),
        Outcome::Answer { event, callback_query_id } => {
            assert!((1..=128).contains(&callback_query_id.len()));
            check(&event);
        }
    }
}

/// An event is whole, bounded, free of NUL, and read back as written.
pub(crate) fn check(event: &InboundEvent) {
    assert!(!event.event_id.is_empty() && !event.customer.address.is_empty() && !event.customer.name.is_empty());
    if let InboundKind::Message { message_id, .. } | InboundKind::Edited { message_id, .. } = &event.what {
        assert!(!message_id.is_empty());
    }
    let json = serde_json::to_string(event).expect("an event has a JSON form");
    assert!(json.len() <= EVENT_BYTES_MAX, "{} bytes", json.len());
    let value: Value = serde_json::from_str(&json).expect("what was written is JSON");
    assert!(!has_nul(&value), "some stores refuse NUL");
    assert_eq!(*event, serde_json::from_str(&json).expect("what was written can be read"));
}

/// Not by the text of the JSON: a customer may write a backslash and `u0000`.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The first two bytes are the status.
pub(crate) fn reply(data: &[u8]) {
    let [high, low, body @ ..] = data else { return };
    match read_reply(u16::from_be_bytes([*high, *low]), body) {
        Reply::Ok(result) => {
            let _ = sent_message_id(&result);
            let _ = messengers::telegram::GetMe::from_result(&result);
            let _ = messengers::telegram::WebhookInfo::from_result(&result);
        }
        Reply::Err(failure) => {
            assert!(!failure.code.is_empty());
            assert!(failure.detail.chars().count() <= DETAIL_CHARS_MAX, "{}", failure.detail);
        }
    }
}

/// Only the secret itself is authentic.
pub(crate) fn secret(data: &[u8]) {
    const SECRET: &[u8] = b"a-webhook-secret";
    let accepted = [SecretHash::of("another"), SecretHash::of(SECRET)];
    assert_eq!(authentic(Some(data), &accepted), data == SECRET);
    assert!(!authentic(Some(data), &[]));
    let own = [SecretHash::of(data)];
    assert_eq!(authentic(Some(data), &own), (1..=SECRET_BYTES_MAX).contains(&data.len()));
    if let Ok(digits) = std::str::from_utf8(data)
        && let Ok(hash) = SecretHash::try_from(digits.to_owned())
    {
        assert_eq!(String::from(hash), digits.to_lowercase());
    }
}

/// The first two bytes are the limit, the rest is the text: parts fit, none is blank, and nothing but white space is lost.
pub(crate) fn split(data: &[u8]) {
    let [high, low, text @ ..] = data else { return };
    let text = String::from_utf8_lossy(text);
    let limit = usize::from(u16::from_be_bytes([*high, *low]) % 5000);
    for limit in [limit, TEXT_UTF16_MAX] {
        let parts = split_text(&text, limit);
        assert!(parts.iter().all(|part| part.encode_utf16().count() <= limit.max(2) && !part.trim().is_empty()));
        let solid = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        assert_eq!(solid(&parts.concat()), solid(&text));
    }
}
