//! Whatever comes: no panic, and nothing that is too large to be passed on.

use domain::content::TEXT_CHARS_MAX;
use domain::inbound::ReplyRef;
use messengers::whatsapp::{
    Addressed, Form, MEDIA_MAX, Outcome, Payload, authentic, parse, parse_status, read_reply, sign,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::samples;

/// The most bytes of all events' JSON: far enough below the 256 KB of a request to SQS for their envelopes.
const EVENTS_BYTES_MAX: usize = 180_000;
/// The most events of one form: each file, and a change of the customer's standing.
const EVENTS_MAX: usize = MEDIA_MAX + 1;

/// Looks at all that is made of a form, and says how many bytes it is.
fn check(form: &Form) -> usize {
    let reply: ReplyRef = "c0ffee.1.2".parse().expect("a reply");
    let outcomes = [parse(form), parse_status(form, Some(&reply)), parse_status(form, None)];
    let sizes = outcomes.map(|parsed| {
        assert!(parsed.addressed.accounts.len() <= 2);
        let Outcome::Events(events) = parsed.outcome else { return 0 };
        assert!((1..=EVENTS_MAX).contains(&events.len()));
        let mut ids: Vec<_> = events.iter().map(|event| event.event_id.clone()).collect();
        ids.dedup();
        assert_eq!(ids.len(), events.len(), "events go by different ids");
        assert!(ids.iter().all(|id| (1..=63).contains(&id.len())), "with a channel of 64 they fit into 128: {ids:?}");
        let json = serde_json::to_string(&events).expect("events are JSON");
        assert!(!json.contains("\\u0000"), "NUL in {json}");
        json.len()
    });
    sizes.into_iter().max().unwrap_or_default()
}

fn encoded(fields: &[(String, String)]) -> Form {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Form::read(body.as_bytes()).expect("a form")
}

#[test]
fn events_are_bounded_however_large_their_form() {
    // A control character takes the most room in JSON, six bytes; an emoji the most in memory.
    for with in ["\0\u{1}", "😀"] {
        for (name, body) in samples::all() {
            let mut fields = Form::read(body).expect("a form").fields().to_vec();
            let fixed = ["From", "To", "MessageSid", "OptOutType", "MessageStatus", "Latitude", "Longitude"];
            for (field, value) in &mut fields {
                if !fixed.contains(&field.as_str()) {
                    // The longest that is kept of any other field are the 2,048 bytes of an address.
                    let chars = if field == "Body" { TEXT_CHARS_MAX + 1 } else { 2_500 };
                    *value = with.repeat(chars);
                }
            }
            for n in 0..2 * MEDIA_MAX {
                if body.windows(9).any(|part| part == b"MediaUrl0") {
                    fields.push((format!("MediaUrl{n}"), "\u{1}".repeat(2048)));
                    fields.push((format!("MediaContentType{n}"), with.repeat(2048)));
                }
            }
            let bytes = check(&encoded(&fields));
            assert!(bytes <= EVENTS_BYTES_MAX, "{name}: {bytes} bytes with {with:?}");
        }
    }
}

/// Forms of the names and values that matter, in any arrangement.
fn any_form() -> impl Strategy<Value = Vec<(String, String)>> {
    let names = [
        "AccountSid",
        "MessagingServiceSid",
        "From",
        "To",
        "MessageSid",
        "SmsSid",
        "MessageStatus",
        "SmsStatus",
        "ErrorCode",
        "Body",
        "ProfileName",
        "MessageType",
        "MediaUrl0",
        "MediaUrl1",
        "MediaContentType0",
        "Latitude",
        "Longitude",
        "Label",
        "ButtonText",
        "ButtonPayload",
        "ListTitle",
        "OptOutType",
        "Forwarded",
        "OriginalRepliedMessageSid",
        "ReferralBody",
        "ReferralHeadline",
    ];
    let values = [
        "",
        " ",
        "\0",
        "whatsapp:",
        "whatsapp:+15005550006",
        "whatsapp:US.1",
        "+15005550006",
        "SM1",
        "MM1",
        "MG1",
        "AC1",
        "sent",
        "delivered",
        "read",
        "failed",
        "queued",
        "63016",
        "-1",
        "true",
        "STOP",
        "START",
        "HELP",
        "image/jpeg",
        "audio/ogg; codecs=opus",
        "/",
        "NaN",
        "inf",
        "1e400",
        "-90",
        "180",
        "https://api.twilio.com/x",
        "sticker",
    ];
    let value = prop_oneof![prop::sample::select(values.to_vec()).prop_map(str::to_owned), "\\PC{0,12}"];
    vec((prop::sample::select(names.to_vec()).prop_map(str::to_owned), value), 0..20)
}

proptest! {
    #[test]
    fn any_bytes_are_a_form_and_any_answer_is_understood(body: Vec<u8>, status: u16, header: Vec<u8>, url: String) {
        let form = Form::read(&body).expect("few fields");
        check(&form);
        let _ = Addressed::of_message(&form);
        let _ = read_reply(status, &body);
        prop_assert!(!authentic("token", &url, Payload::Form(&form), Some(&header)));
        prop_assert!(!authentic("token", &url, Payload::Raw(&body), Some(&header)));
    }

    #[test]
    fn any_fields_are_understood(fields in any_form()) {
        prop_assert!(check(&encoded(&fields)) <= EVENTS_BYTES_MAX);
    }

    #[test]
    fn what_is_signed_is_authentic_in_any_order(fields in any_form(), url in "https?://[a-z]{1,9}(:[0-9]{1,4})?/[a-z?=&]{0,9}") {
        let form = encoded(&fields);
        let signature = sign("token", &url, Payload::Form(&form));
        let mut turned = fields;
        turned.reverse();
        let turned = encoded(&turned);
        prop_assert!(authentic("token", &url, Payload::Form(&turned), Some(signature.as_bytes())));
        prop_assert!(!authentic("Token", &url, Payload::Form(&turned), Some(signature.as_bytes())));
    }

    #[test]
    fn a_sample_with_anything_in_any_place_is_understood(sample: prop::sample::Index, at: prop::sample::Index, with: String) {
        let samples = samples::all();
        let (_, body) = samples.iter().nth(sample.index(samples.len())).expect("a sample");
        let mut fields = Form::read(body).expect("a form").fields().to_vec();
        if !fields.is_empty() {
            let at = at.index(fields.len());
            fields[at].1 = with;
        }
        prop_assert!(check(&encoded(&fields)) <= EVENTS_BYTES_MAX);
    }

    #[test]
    fn any_json_answer_is_understood(status: u16, code: Option<i64>, sid: Option<String>, said: Option<String>, state: Option<String>) {
        let body = serde_json::json!({"code": code, "error_code": code, "sid": sid, "message": said, "status": state});
        match read_reply(status, body.to_string().as_bytes()) {
            Ok(id) => prop_assert!((200..300).contains(&status) && id == sid),
            Err(failure) => prop_assert!(!failure.code.is_empty()),
        }
    }
}
