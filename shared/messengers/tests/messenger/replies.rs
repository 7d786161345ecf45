//! Every answer that the Graph API is known to give, and what it means.

use messengers::failure::{Failure, FailureClass};
use messengers::messenger::{HOLD_SECONDS_DEFAULT, HOLD_SECONDS_SHORT, read_profile, read_reply};
use serde_json::{Value, json};

use FailureClass::{
    Hold, OwnedByOther, PermanentChannel, PermanentContact, PermanentMessage, Retry, RetryPlain, Unknown,
};

fn answer(code: i64, subcode: i64, message: &str) -> Vec<u8> {
    let mut error = json!({"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "A1"});
    if subcode != 0 {
        error["error_subcode"] = json!(subcode);
    }
    json!({ "error": error }).to_string().into_bytes()
}

#[test]
fn each_failure_means_what_it_says() {
    let held = |retry_after_s| Hold { retry_after_s };
    let table = [
        // For now.
        (500, 1, 0, "An unknown error occurred", Retry, "provider_unavailable"),
        (400, 1, 99, "An unknown error occurred", Retry, "provider_unavailable"),
        (500, 2, 0, "Service temporarily unavailable", Retry, "provider_unavailable"),
        (400, 1200, 0, "Temporary send message failure", Retry, "provider_unavailable"),
        (503, 7777, 0, "Something new", Retry, "provider_unavailable"),
        // Too often.
        (400, 4, 0, "Application request limit reached", held(HOLD_SECONDS_DEFAULT), "rate_limited"),
        (400, 17, 0, "User request limit reached", held(HOLD_SECONDS_DEFAULT), "rate_limited"),
        (403, 32, 0, "Page request limit reached", held(HOLD_SECONDS_DEFAULT), "rate_limited"),
        (400, 80006, 0, "Too many calls", held(HOLD_SECONDS_DEFAULT), "rate_limited"),
        (400, 613, 0, "Calls to this API have exceeded the rate limit", held(HOLD_SECONDS_SHORT), "rate_limited"),
        (400, 613, 2_018_338, "Calls have exceeded the rate limit", held(HOLD_SECONDS_SHORT), "rate_limited"),
        (429, 7777, 0, "Something new", held(HOLD_SECONDS_DEFAULT), "rate_limited"),
        // The channel.
        (400, 190, 0, "Invalid OAuth access token", PermanentChannel, "channel_unauthorized"),
        (400, 190, 463, "Error validating access token: Session has expired", PermanentChannel, "channel_unauthorized"),
        (401, 190, 460, "The session has been invalidated", PermanentChannel, "channel_unauthorized"),
        (400, 102, 0, "Session key invalid", PermanentChannel, "channel_unauthorized"),
        (401, 7777, 0, "Something new", PermanentChannel, "channel_unauthorized"),
        (403, 10, 0, "Application does not have permission", PermanentChannel, "permission_missing"),
        (403, 200, 0, "Requires pages_messaging permission", PermanentChannel, "permission_missing"),
        (403, 200, 2_018_028, "Cannot message users who are not admins", PermanentChannel, "permission_missing"),
        (403, 10, 1_893_063, "Page is restricted", PermanentChannel, "page_restricted"),
        (400, 368, 0, "Temporarily blocked for policies violations", PermanentChannel, "page_blocked"),
        // The window.
        (403, 10, 2_018_278, "Sent outside of allowed window", PermanentMessage, "window_closed"),
        (403, 10, 2_534_022, "Sent outside of allowed window", PermanentMessage, "window_closed"),
        (403, 10, 2_018_065, "Sent outside of allowed window", PermanentMessage, "window_closed"),
        // The contact.
        (400, 10, 2_018_108, "This person can't receive messages", PermanentContact, "contact_unavailable"),
        (400, 551, 0, "This person isn't available right now", PermanentContact, "contact_unavailable"),
        (400, 551, 1_545_041, "This person isn't available right now", PermanentContact, "contact_unavailable"),
        (400, 200, 1_545_041, "Message not sent", PermanentContact, "contact_unavailable"),
        (400, 100, 2_018_001, "No matching user found", PermanentContact, "chat_not_found"),
        // Who has the conversation.
        (400, 10, 2_018_300, "Another app is controlling this thread now", OwnedByOther, "owned_by_other"),
        (400, 10, 2_018_321, "Automated answers are controlling the thread", OwnedByOther, "owned_by_other"),
        (400, 2_018_321, 0, "Automated answers are controlling the thread", OwnedByOther, "owned_by_other"),
        (400, 100, 2_534_037, "Not the thread owner", OwnedByOther, "owned_by_other"),
        (400, 100, 2_018_171, "Only receivers may call", OwnedByOther, "owned_by_other"),
        (400, 2_018_171, 0, "Only receivers may call", OwnedByOther, "owned_by_other"),
        // The message.
        (400, 100, 2_018_008, "Failed to fetch the file from the url", RetryPlain, "media_refused"),
        (400, 2_018_294, 0, "Video upload timed out", RetryPlain, "media_refused"),
        (400, 100, 2_018_294, "Video upload timed out", RetryPlain, "media_refused"),
        (400, 100, 2_018_047, "Upload attachment failure", PermanentMessage, "media_refused"),
        (400, 2_018_047, 0, "Upload attachment failure", PermanentMessage, "media_refused"),
        (400, 100, 2_018_109, "Attachment size exceeds allowable limit", PermanentMessage, "too_large"),
        (400, 100, 2_018_014, "sender_action with message", PermanentMessage, "bad_request"),
        (400, 100, 0, "Invalid parameter: MESSAGE_TAG", PermanentMessage, "tag_retired"),
        (400, 100, 0, "(#100) Invalid parameter", PermanentMessage, "bad_request"),
        (400, 100, 2_018_218, "Profile is not available", PermanentMessage, "profile_unavailable"),
        (400, 100, 2_018_247, "Insufficient permission to access profile", PermanentMessage, "profile_unavailable"),
        (400, 2_018_218, 0, "Profile is not available", PermanentMessage, "profile_unavailable"),
        (400, 100, 33, "Object with ID does not exist", PermanentMessage, "profile_unavailable"),
        (400, 9_000_001, 0, "Object was deleted", PermanentMessage, "object_deleted"),
        (413, 7777, 0, "Something new", PermanentMessage, "too_large"),
        (400, 7777, 7777, "Something new", PermanentMessage, "refused"),
        (200, 7777, 0, "Something new", PermanentMessage, "refused"),
    ];
    for (status, code, subcode, message, class, word) in table {
        let detail = format!("{code}/{subcode} {message}");
        let expected = Failure { class, code: word, detail };
        assert_eq!(read_reply(status, &answer(code, subcode, message)), Err(expected));
    }
}

#[test]
fn what_is_said_to_be_transient_is_tried_again_unless_the_numbers_say_more() {
    let transient = |code: i64| json!({"error": {"message": "x", "code": code, "is_transient": true}}).to_string();
    assert_eq!(read_reply(400, transient(7777).as_bytes()).unwrap_err().class, Retry);
    assert_eq!(read_reply(400, transient(190).as_bytes()).unwrap_err().class, PermanentChannel);
    let hold = Hold { retry_after_s: HOLD_SECONDS_DEFAULT };
    assert_eq!(read_reply(400, transient(4).as_bytes()).unwrap_err().class, hold);
}

#[test]
fn an_answer_of_somebody_in_between_is_no_statement() {
    let table = [
        (500, Unknown, "outcome_unknown"),
        (502, Unknown, "outcome_unknown"),
        (200, Unknown, "outcome_unknown"),
        (0, Unknown, "outcome_unknown"),
        (302, Retry, "provider_unreachable"),
        (404, Retry, "provider_unreachable"),
        (413, PermanentMessage, "too_large"),
        (429, Hold { retry_after_s: HOLD_SECONDS_DEFAULT }, "rate_limited"),
    ];
    for (status, class, code) in table {
        for body in [b"<html>502 Bad Gateway</html>".as_slice(), b"", b"[]", b"\"ok\"", b"null"] {
            let failure = read_reply(status, body).unwrap_err();
            assert_eq!((failure.class, failure.code), (class.clone(), code), "{status}");
            assert_eq!(read_profile(status, body).unwrap_err().code, code);
        }
    }
    assert_eq!(read_reply(502, br#"{"message_id":"m_1"}"#).unwrap_err().class, Unknown, "a 5xx is never done");
    assert_eq!(read_reply(500, br#"{"error":"upstream"}"#).unwrap_err().class, Unknown);
}

#[test]
fn i10_a_detail_repeats_no_token() {
    for token in ["EAAG".to_owned() + &"mZ4b".repeat(40), "x".repeat(40)] {
        let failure = read_reply(400, &answer(190, 0, &format!("Malformed access token {token} given"))).unwrap_err();
        assert_eq!(failure.detail, "190/0 Malformed access token <long> given");
        let failure = read_reply(400, &answer(190, 0, &format!("Malformed access token \"{token}"))).unwrap_err();
        assert!(!failure.detail.contains(&token[..12]), "{}", failure.detail);
    }
}

#[test]
fn what_was_done_is_read() {
    let check = |body: Value, id: Option<&str>| {
        assert_eq!(read_reply(200, body.to_string().as_bytes()), Ok(id.map(str::to_owned)), "{body}");
    };
    check(json!({"recipient_id": "2000000000000001", "message_id": "m_1"}), Some("m_1"));
    check(json!({"recipient_id": "1", "message_id": "m_1", "attachment_id": "7"}), Some("m_1"));
    check(json!({"recipient_id": "2000000000000001"}), None);
    check(json!({"success": true}), None);
    check(json!({"message_id": 7}), None);
    let refused = read_reply(200, br#"{"success":false}"#).unwrap_err();
    assert_eq!((refused.class, refused.code), (PermanentMessage, "refused"));
}

#[test]
fn a_name_is_read() {
    let check = |body: Value, name: Option<&str>| {
        assert_eq!(read_profile(200, body.to_string().as_bytes()), Ok(name.map(str::to_owned)), "{body}");
    };
    check(json!({"id": "1", "name": "Ada Example", "first_name": "Ada", "last_name": "Example"}), Some("Ada Example"));
    check(json!({"id": "1", "first_name": "Ada", "last_name": "Example"}), Some("Ada Example"));
    check(json!({"id": "1", "name": " \0", "first_name": " Ada "}), Some("Ada"));
    check(json!({"id": "1", "name": "x".repeat(300)}), Some(&"x".repeat(256)));
    check(json!({"id": "1"}), None);
    for (code, subcode) in [(100, 33), (100, 2_018_218), (2_018_247, 0)] {
        assert_eq!(read_profile(400, &answer(code, subcode, "no profile")), Ok(None));
    }
    assert_eq!(read_profile(400, &answer(190, 0, "expired")).unwrap_err().class, PermanentChannel);
}
