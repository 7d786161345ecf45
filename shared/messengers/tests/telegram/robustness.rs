//! Whatever comes: no panic, and nothing that is too large to be passed on.

use domain::content::TEXT_CHARS_MAX;
use messengers::telegram::{Outcome, parse, read_reply};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::samples;

/// The most bytes of an event's JSON: far enough below the 256 KB of an SQS message for its envelope.
const EVENT_BYTES_MAX: usize = 150_000;

/// Bytes of the event as JSON; 0 if there is none.
fn event_bytes(body: &[u8]) -> usize {
    match parse(body).map(|update| update.outcome) {
        Ok(Outcome::Event(event) | Outcome::Answer { event, .. }) => {
            let json = serde_json::to_string(&event).expect("an event is JSON");
            assert!(!json.contains("\\u0000"), "NUL in {json}");
            json.len()
        }
        _ => 0,
    }
}

/// Replaces every string in it, but the words by which an update is told apart.
fn with_long_strings(value: &mut Value, with: &str) {
    match value {
        Value::String(text) if !matches!(text.as_str(), "private" | "kicked" | "member") => with.clone_into(text),
        Value::Array(values) => values.iter_mut().for_each(|value| with_long_strings(value, with)),
        Value::Object(fields) => fields.values_mut().for_each(|value| with_long_strings(value, with)),
        _ => {}
    }
}

#[test]
fn an_event_is_bounded_however_large_its_update() {
    // A control character takes the most room in JSON, six bytes; an emoji the most in memory.
    for with in ["\0\u{1}", "😀"] {
        for (name, body) in samples::all() {
            let Ok(mut update) = serde_json::from_slice::<Value>(&body) else { continue };
            with_long_strings(&mut update, &with.repeat(TEXT_CHARS_MAX + 1));
            let bytes = event_bytes(update.to_string().as_bytes());
            assert!(bytes <= EVENT_BYTES_MAX, "{name}: {bytes} bytes with {with:?}");
        }
    }
}

#[test]
fn a_new_field_with_an_endless_name_is_a_short_placeholder() {
    let name = "\u{1}".repeat(500_000);
    let chat = json!({"id": 1, "type": "private"});
    let update = json!({"update_id": 1, "message": {"message_id": 1, "chat": chat, name: {}}});
    let bytes = event_bytes(update.to_string().as_bytes());
    assert!((1..2_000).contains(&bytes), "{bytes}");
}

#[test]
fn json_without_end_is_refused() {
    let deep = format!("{{\"update_id\":1,\"message\":{}", "[".repeat(1_000_000));
    assert_eq!(parse(deep.as_bytes()).map_err(messengers::telegram::ParseError::code), Err("not_json"));
}

/// Any JSON, with the field names and words of updates here and there.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "update_id",
        "message",
        "edited_message",
        "callback_query",
        "my_chat_member",
        "chat",
        "from",
        "id",
        "type",
        "private",
        "message_id",
        "text",
        "caption",
        "photo",
        "voice",
        "venue",
        "location",
        "latitude",
        "longitude",
        "contact",
        "quote",
        "reply_to_message",
        "forward_origin",
        "live_photo",
        "data",
        "reply_markup",
        "status",
        "inline_keyboard",
        "new_chat_member",
        "kicked",
        "ok",
        "result",
        "error_code",
        "description",
        "parameters",
        "retry_after",
        "migrate_to_chat_id",
        "first_name",
        "is_bot",
        "date",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 8, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            btree_map(word.clone().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|fields| fields.into_iter().collect::<Value>()),
        ]
    })
}

/// Puts `with` at the place in the value that `at` leads to.
fn replace(value: &mut Value, at: usize, with: Value) {
    let places = match value {
        Value::Array(values) => values.iter_mut().collect::<Vec<_>>(),
        Value::Object(fields) => fields.values_mut().collect(),
        _ => Vec::new(),
    };
    let count = places.len() + 1;
    match places.into_iter().nth(at % count) {
        Some(place) => replace(place, at / count, with),
        None => *value = with,
    }
}

proptest! {
    #[test]
    fn any_bytes_are_an_update_or_an_error(body: Vec<u8>, status: u16) {
        let _ = parse(&body);
        let _ = read_reply(status, &body);
    }

    #[test]
    fn any_json_is_an_update_or_an_error(body in any_json(), status: u16) {
        let bytes = body.to_string();
        prop_assert!(event_bytes(bytes.as_bytes()) <= EVENT_BYTES_MAX);
        let whole = body.get("update_id").is_some_and(|id| id.as_i64().is_some());
        prop_assert_eq!(parse(bytes.as_bytes()).is_ok(), whole);
        let _ = read_reply(status, bytes.as_bytes());
    }

    #[test]
    fn a_sample_with_anything_in_any_place_is_an_update(sample: prop::sample::Index, at: usize, with in any_json()) {
        let samples = samples::all();
        let (name, body) = samples.iter().nth(sample.index(samples.len())).expect("a sample");
        if let Ok(mut update) = serde_json::from_slice::<Value>(body) {
            replace(&mut update, at, with);
            let whole = update.get("update_id").is_some_and(|id| id.as_i64().is_some());
            let bytes = update.to_string();
            prop_assert!(event_bytes(bytes.as_bytes()) <= EVENT_BYTES_MAX);
            prop_assert_eq!(parse(bytes.as_bytes()).is_ok(), whole, "{} as {}", name, bytes);
        }
    }
}
