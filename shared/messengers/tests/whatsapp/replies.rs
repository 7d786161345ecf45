//! Every answer that Twilio is known to give, and what it means; and its codes where they come later, with a status.

use messengers::failure::{DETAIL_CHARS_MAX, Failure, FailureClass};
use messengers::whatsapp::{HOLD_SECONDS, read_reply, reason};
use serde_json::{Value, json};

use FailureClass::{Configuration, Hold, PermanentChannel, PermanentContact, PermanentMessage, Retry, Unknown};

const SID: &str = "SM00000000000000000000000000000001";
const HELD: FailureClass = Hold { retry_after_s: HOLD_SECONDS };

fn failure(http_status: u16, body: &Value) -> Failure {
    read_reply(http_status, body.to_string().as_bytes()).expect_err("a failure")
}

/// HTTP status of a direct answer, Twilio's code, what it means, our word.
const TABLE: [(u16, u32, FailureClass, &str); 28] = [
    (429, 20429, HELD, "rate_limited"),
    (400, 63017, HELD, "rate_limited"),
    (400, 63018, HELD, "rate_limited"),
    (400, 63012, Retry, "provider_unavailable"),
    (401, 20003, PermanentChannel, "channel_unauthorized"),
    (400, 63001, PermanentChannel, "channel_unauthorized"),
    (400, 63002, PermanentChannel, "sender_unknown"),
    (400, 63007, PermanentChannel, "sender_unknown"),
    (400, 63008, Configuration, "channel_misconfigured"),
    (400, 63020, PermanentChannel, "channel_restricted"),
    (400, 21211, PermanentContact, "recipient_unknown"),
    (400, 63003, PermanentContact, "recipient_unknown"),
    (400, 63024, PermanentContact, "recipient_unknown"),
    (400, 21610, PermanentContact, "customer_blocked"),
    (400, 63014, PermanentContact, "customer_blocked"),
    (400, 63015, PermanentContact, "sandbox_not_joined"),
    (400, 21608, PermanentMessage, "trial_account"),
    (400, 63032, PermanentMessage, "recipient_restricted"),
    (400, 21602, PermanentMessage, "text_empty"),
    (400, 21617, PermanentMessage, "text_too_long"),
    (400, 63016, PermanentMessage, "window_closed"),
    (400, 63005, PermanentMessage, "content_refused"),
    (400, 63013, PermanentMessage, "content_refused"),
    (400, 63021, PermanentMessage, "content_refused"),
    (400, 12300, PermanentMessage, "media_not_fetched"),
    (400, 63019, PermanentMessage, "media_not_fetched"),
    (400, 63034, PermanentMessage, "file_too_large"),
    (400, 11200, Configuration, "webhook_unreachable"),
];

#[test]
fn each_code_means_the_same_in_an_answer_in_a_message_that_failed_at_once_and_in_a_status() {
    for (http_status, code, class, word) in TABLE {
        let stated = failure(http_status, &json!({"code": code, "message": "Words.", "status": http_status}));
        let expected = Failure { class: class.clone(), code: word, detail: format!("{code}: Words.") };
        assert_eq!(stated, expected);
        for status in ["failed", "undelivered", "canceled"] {
            let body = json!({"sid": SID, "status": status, "error_code": code, "error_message": "Words."});
            assert_eq!(failure(201, &body), expected);
        }
        assert_eq!(reason(Some(code)), word);
    }
}

#[test]
fn what_has_no_code_of_its_own_is_told_by_its_status() {
    for (http_status, code, message, class, word) in [
        (400, 29999, "Something new.", PermanentMessage, "bad_request"),
        (401, 29999, "Authenticate", PermanentChannel, "channel_unauthorized"),
        (403, 29999, "Forbidden", PermanentMessage, "forbidden"),
        (404, 29999, "Gone", PermanentMessage, "not_found"),
        (409, 29999, "Conflict", PermanentMessage, "refused"),
        (429, 29999, "Too Many Requests", HELD, "rate_limited"),
        (
            404,
            20404,
            "The requested resource /2010-04-01/Accounts/AC1/Messages.json was not found",
            PermanentChannel,
            "channel_unauthorized",
        ),
        (404, 20404, "The requested resource /v2/Indicators/Typing was not found", PermanentMessage, "not_found"),
    ] {
        let stated = failure(http_status, &json!({"code": code, "message": message, "status": http_status}));
        assert_eq!((stated.class, stated.code), (class, word), "{http_status} {message}");
    }
    assert_eq!(reason(Some(29999)), "not_delivered");
    assert_eq!(reason(None), "not_delivered");
    let failed = failure(201, &json!({"sid": SID, "status": "failed", "error_code": null, "error_message": null}));
    assert_eq!((failed.class, failed.code), (PermanentMessage, "not_delivered"));
}

#[test]
fn i6_a_5xx_may_have_been_processed_whoever_states_it() {
    for http_status in [500, 502, 503, 504] {
        for body in [json!({"code": 20500, "message": "x"}), json!({"code": 63012, "message": "x"}), json!("a page")] {
            let failure = failure(http_status, &body);
            assert_eq!((failure.class, failure.code), (Unknown, "outcome_unknown"), "{http_status}");
        }
    }
}

#[test]
fn an_answer_of_somebody_in_between_is_no_statement() {
    for (status, class, code) in [
        (0, Unknown, "outcome_unknown"),
        (200, Unknown, "outcome_unknown"),
        (201, Unknown, "outcome_unknown"),
        (302, Retry, "provider_unreachable"),
        (403, Retry, "provider_unreachable"),
        (404, Retry, "provider_unreachable"),
        (413, PermanentMessage, "file_too_large"),
        (429, HELD, "rate_limited"),
        (502, Unknown, "outcome_unknown"),
    ] {
        for body in ["<html>", "", "[]", "{\"error\":\"upstream\"}", "{\"sid\":\"\"}", "{\"sid\":\"a b\",\"code\":-1}"]
        {
            let failure = read_reply(status, body.as_bytes()).expect_err("a failure");
            assert_eq!((failure.class, failure.code), (class.clone(), code), "{status} {body}");
        }
    }
}

#[test]
fn what_was_done_is_read() {
    for status in ["queued", "accepted", "sending", "sent", "from_the_future"] {
        let body = json!({"sid": SID, "status": status, "error_code": null, "num_media": "0"}).to_string();
        assert_eq!(read_reply(201, body.as_bytes()), Ok(Some(SID.to_owned())), "{status}");
    }
    assert_eq!(read_reply(200, br#"{"success":true}"#), Ok(None), "the typing indicator");
    assert!(read_reply(200, br#"{"success":false}"#).is_err());
}

#[test]
fn a_detail_is_bounded_and_repeats_no_number() {
    let message = format!("The 'To' number whatsapp:+15005550006 is not valid. {}", "y".repeat(1000));
    let detail = failure(400, &json!({"code": 21211, "message": message, "status": 400})).detail;
    assert!(detail.starts_with("21211: The 'To' number whatsapp:+<number> is not valid. y"), "{detail}");
    assert_eq!(detail.chars().count(), DETAIL_CHARS_MAX);
}
