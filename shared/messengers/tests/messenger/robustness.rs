//! Whatever comes: no panic, and nothing that is too large to be passed on.

use domain::content::TEXT_CHARS_MAX;
use messengers::messenger::{ParseError, authentic, parse, read_profile, read_reply};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::samples;

/// The most bytes of an event's JSON: far enough below the 256 KB of an SQS message for its envelope.
const EVENT_BYTES_MAX: usize = 150_000;
/// The longest dedupe key, bytes: the channel's id (64) and a dot stand before it, and a queue takes 128.
const KEY_BYTES_MAX: usize = 63;

/// Bytes of the largest event as JSON; 0 if there is none.
fn event_bytes(body: &[u8]) -> usize {
    let events = parse(body).map(|parsed| parsed.events).unwrap_or_default();
    let mut last_ms = i64::MIN;
    let sizes = events.into_iter().map(|event| {
        let event = event.event;
        assert!(!event.customer.address.is_empty() && !event.event_id.is_empty());
        assert!(event.event_id.len() <= KEY_BYTES_MAX && event.event_id.bytes().all(|b| b.is_ascii_graphic()));
        assert!(last_ms <= event.at_ms, "out of order");
        last_ms = event.at_ms;
        let json = serde_json::to_string(&event).expect("an event is JSON");
        assert!(!json.contains("\\u0000"), "NUL in {json}");
        json.len()
    });
    sizes.max().unwrap_or(0)
}

/// Replaces every string in it, but the words by which an event is told apart.
fn with_long_strings(value: &mut Value, with: &str) {
    let kept = |text: &str| text == "page" || text.len() < 20 && !text.contains(' ');
    match value {
        Value::String(text) if !kept(text) => with.clone_into(text),
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
fn a_message_has_a_bounded_number_of_parts() {
    let attachment = json!({"type": "image", "payload": {"url": "https://x.example/a"}});
    let message = json!({"mid": "m_1", "attachments": vec![attachment; 5_000]});
    let event = json!({"sender": {"id": "1"}, "recipient": {"id": "2"}, "timestamp": 1, "message": message});
    let body = json!({"object": "page", "entry": [{"id": "2", "messaging": [event]}]}).to_string();
    assert_eq!(parse(body.as_bytes()).unwrap().events.len(), 50);
}

#[test]
fn json_without_end_is_refused() {
    let deep = format!("{{\"object\":\"page\",\"entry\":{}", "[".repeat(1_000_000));
    assert_eq!(parse(deep.as_bytes()).map_err(ParseError::code), Err("not_json"));
}

/// Any JSON, with the field names and words of events here and there.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "object",
        "page",
        "entry",
        "messaging",
        "standby",
        "changes",
        "field",
        "value",
        "id",
        "time",
        "sender",
        "recipient",
        "timestamp",
        "message",
        "message_edit",
        "num_edit",
        "mid",
        "text",
        "is_echo",
        "app_id",
        "metadata",
        "c0ffee.1.2",
        "quick_reply",
        "reply_to",
        "attachments",
        "type",
        "image",
        "file",
        "sticker",
        "fallback",
        "template",
        "payload",
        "url",
        "title",
        "sticker_id",
        "coordinates",
        "lat",
        "long",
        "postback",
        "reaction",
        "emoji",
        "action",
        "react",
        "unreact",
        "delivery",
        "mids",
        "watermark",
        "read",
        "pass_thread_control",
        "take_thread_control",
        "request_thread_control",
        "previous_owner_app_id",
        "new_owner_app_id",
        "requested_owner_app_id",
        "app_roles",
        "error",
        "code",
        "error_subcode",
        "message_id",
        "success",
        "name",
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
    fn any_bytes_are_a_call_or_an_error(body: Vec<u8>, status: u16, header: Vec<u8>) {
        let _ = parse(&body);
        let _ = read_reply(status, &body);
        let _ = read_profile(status, &body);
        prop_assert!(!authentic(Some(&header), &body, ["secret"]));
    }

    #[test]
    fn any_event_is_understood_or_ignored(event in any_json(), status: u16) {
        let fields = event.as_object().cloned().unwrap_or_default();
        let mut event = json!({"sender": {"id": "1"}, "recipient": {"id": "2"}});
        event.as_object_mut().unwrap().extend(fields);
        let body = json!({"object": "page", "entry": [{"id": "2", "time": 5, "messaging": [event]}]}).to_string();
        prop_assert!(event_bytes(body.as_bytes()) <= EVENT_BYTES_MAX);
        let parsed = parse(body.as_bytes()).unwrap();
        prop_assert!(parsed.events.is_empty() != parsed.ignored.is_empty(), "{}", body);
        let _ = read_reply(status, body.as_bytes());
    }

    #[test]
    fn any_json_is_a_call_or_an_error(body in any_json(), status: u16) {
        let bytes = body.to_string();
        prop_assert!(event_bytes(bytes.as_bytes()) <= EVENT_BYTES_MAX);
        prop_assert_eq!(parse(bytes.as_bytes()).is_ok(), body.get("object").is_some_and(Value::is_string));
        let _ = read_reply(status, bytes.as_bytes());
        let _ = read_profile(status, bytes.as_bytes());
    }

    #[test]
    fn a_sample_with_anything_in_any_place_is_a_call(sample: prop::sample::Index, at: usize, with in any_json()) {
        let samples = samples::all();
        let (name, body) = samples.iter().nth(sample.index(samples.len())).expect("a sample");
        if let Ok(mut update) = serde_json::from_slice::<Value>(body) {
            replace(&mut update, at, with);
            let bytes = update.to_string();
            prop_assert!(event_bytes(bytes.as_bytes()) <= EVENT_BYTES_MAX);
            let whole = update.get("object").is_some_and(Value::is_string);
            prop_assert_eq!(parse(bytes.as_bytes()).is_ok(), whole, "{} as {}", name, bytes);
        }
    }
}
