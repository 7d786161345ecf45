//! Every answer that Telegram is known to give, and what it means.

use messengers::failure::{DETAIL_CHARS_MAX, Failure, FailureClass, HOLD_SECONDS_MAX};
use messengers::telegram::{GetMe, HOLD_SECONDS_DEFAULT, Reply, WebhookInfo, file_path, read_reply, sent_message_id};
use serde_json::{Value, json};

use FailureClass::{
    Configuration, Hold, PermanentChannel, PermanentContact, PermanentMessage, Retry, RetryMigrated, RetryPlain,
    SuccessNoop, Unknown,
};

fn failure(http_status: u16, body: &[u8]) -> Failure {
    match read_reply(http_status, body) {
        Reply::Err(failure) => failure,
        Reply::Ok(result) => panic!("{http_status} {} is done: {result}", String::from_utf8_lossy(body)),
    }
}

fn stated(error_code: u16, description: &str, parameters: &Value) -> Failure {
    let body = json!({"ok": false, "error_code": error_code, "description": description, "parameters": parameters});
    failure(error_code, body.to_string().as_bytes())
}

#[test]
fn each_failure_means_what_it_says() {
    let table = [
        // The token, for now.
        (500, "Internal Server Error", Retry, "provider_unavailable"),
        (502, "Bad Gateway", Retry, "provider_unavailable"),
        (500, "Internal Server Error: restart", Retry, "provider_restarting"),
        (503, "Service Unavailable: server is restarting", Retry, "provider_restarting"),
        // The contact.
        (403, "Forbidden: bot was blocked by the user", PermanentContact, "contact_blocked"),
        (403, "Unauthorized: bot was blocked by the user", PermanentContact, "contact_blocked"),
        (401, "Unauthorized: bot was blocked by the user", PermanentContact, "contact_blocked"),
        (403, "Forbidden: user is deactivated", PermanentContact, "contact_deactivated"),
        (403, "Forbidden: bot was kicked from the supergroup chat", PermanentContact, "bot_removed"),
        (403, "Forbidden: bot is not a member of the channel chat", PermanentContact, "bot_removed"),
        (403, "Forbidden: bot can't initiate conversation with a user", PermanentContact, "contact_not_started"),
        (403, "Forbidden: bot can't send messages to bots", PermanentContact, "contact_is_bot"),
        (403, "Forbidden: the bot can't send messages to the bot", PermanentContact, "contact_is_bot"),
        (400, "Bad Request: chat not found", PermanentContact, "chat_not_found"),
        (400, "BAD REQUEST: CHAT NOT FOUND", PermanentContact, "chat_not_found"),
        (400, "Bad Request: user not found", PermanentContact, "chat_not_found"),
        (400, "Bad Request: PEER_ID_INVALID", PermanentContact, "chat_not_found"),
        // The message.
        (400, "Bad Request: message is too long", PermanentMessage, "text_too_long"),
        (400, "Bad Request: MESSAGE_TOO_LONG", PermanentMessage, "text_too_long"),
        (400, "Bad Request: message text is empty", PermanentMessage, "text_empty"),
        (400, "Bad Request: text must be non-empty", PermanentMessage, "text_empty"),
        (400, "Bad Request: wrong file identifier/HTTP URL specified", PermanentMessage, "media_refused"),
        (400, "Bad Request: failed to get HTTP URL content", PermanentMessage, "media_refused"),
        (400, "Bad Request: wrong type of the web page content", PermanentMessage, "media_refused"),
        (400, "Bad Request: IMAGE_PROCESS_FAILED", RetryPlain, "media_refused"),
        (400, "Bad Request: PHOTO_INVALID_DIMENSIONS", RetryPlain, "media_refused"),
        (400, "Bad Request: file of size 9 bytes is too big for a photo", RetryPlain, "media_refused"),
        (400, "Bad Request: WEBPAGE_MEDIA_EMPTY", PermanentMessage, "media_refused"),
        (413, "Request Entity Too Large", PermanentMessage, "too_large"),
        (400, "Bad Request: file is too big", PermanentMessage, "too_large"),
        (400, "Bad Request: something new", PermanentMessage, "bad_request"),
        (403, "Forbidden: something new", PermanentMessage, "forbidden"),
        (402, "Payment Required", PermanentMessage, "refused"),
        (404, "Not Found: method not found", PermanentMessage, "method_unknown"),
        // What can be left out, or is so already.
        (
            400,
            "Bad Request: can't parse entities: unexpected end tag at byte offset 3",
            RetryPlain,
            "entities_unparsable",
        ),
        (400, "Bad Request: message to be replied not found", RetryPlain, "reply_target_missing"),
        (400, "Bad Request: replied message not found", RetryPlain, "reply_target_missing"),
        (400, "Bad Request: message is not modified: specified new content is the same", SuccessNoop, "not_modified"),
        // The channel.
        (401, "Unauthorized", PermanentChannel, "channel_unauthorized"),
        (404, "Not Found", PermanentChannel, "channel_unauthorized"),
        (409, "Conflict: terminated by other getUpdates request", Configuration, "webhook_conflict"),
        (409, "Conflict: can't use getUpdates method while webhook is active", Configuration, "webhook_conflict"),
        (400, "Bad Request: bad webhook: HTTPS url must be provided for webhook", Configuration, "webhook_refused"),
        (400, "Bad Request: secret token contains unallowed characters", Configuration, "webhook_refused"),
    ];
    for (error_code, description, class, code) in table {
        let expected = Failure { class, code, detail: description.to_owned() };
        assert_eq!(stated(error_code, description, &Value::Null), expected);
    }
}

#[test]
fn a_flood_holds_the_channel_for_as_long_as_told() {
    let check = |description: &str, parameters: Value, retry_after_s: u32| {
        let failure = stated(429, description, &parameters);
        assert_eq!(
            (failure.class, failure.code),
            (Hold { retry_after_s }, "rate_limited"),
            "{description} {parameters}"
        );
    };
    let said = "Too Many Requests: retry after 7";
    check(said, json!({"retry_after": 7}), 7);
    check(said, json!({"retry_after": 9}), 9);
    check(said, json!({"retry_after": "9"}), 7);
    check(said, Value::Null, 7);
    check("Too Many Requests", json!({}), HOLD_SECONDS_DEFAULT);
    check("Too Many Requests", json!({"retry_after": 0}), 1);
    check("Too Many Requests", json!({"retry_after": -3}), HOLD_SECONDS_DEFAULT);
    check("Too Many Requests", json!({"retry_after": 4_000_000}), HOLD_SECONDS_MAX);
    check("Too Many Requests", json!({"retry_after": i64::MAX}), HOLD_SECONDS_MAX);
    check("Too Many Requests: retry after 99999999999999999999", Value::Null, HOLD_SECONDS_DEFAULT);
    assert_eq!(stated(420, "FLOOD_WAIT", &json!({"retry_after": 3})).class, Hold { retry_after_s: 3 });
}

#[test]
fn a_group_that_became_a_supergroup_has_another_id() {
    let said = "Bad Request: group chat was upgraded to a supergroup chat";
    let failure = stated(400, said, &json!({"migrate_to_chat_id": -1_001_234_567_890_i64}));
    let class = RetryMigrated { chat_id: "-1001234567890".to_owned() };
    assert_eq!(failure, Failure { class, code: "chat_migrated", detail: said.to_owned() });
    assert_eq!(stated(400, said, &Value::Null).class, PermanentMessage);
}

#[test]
fn an_answer_of_somebody_in_between_is_no_statement() {
    let page = b"<html><h1>502 Bad Gateway</h1></html>";
    let table = [
        (500, Unknown, "outcome_unknown"),
        (502, Unknown, "outcome_unknown"),
        (504, Unknown, "outcome_unknown"),
        (200, Unknown, "outcome_unknown"),
        (0, Unknown, "outcome_unknown"),
        (302, Retry, "provider_unreachable"),
        (403, Retry, "provider_unreachable"),
        (404, Retry, "provider_unreachable"),
        (413, PermanentMessage, "too_large"),
        (429, Hold { retry_after_s: HOLD_SECONDS_DEFAULT }, "rate_limited"),
    ];
    for (status, class, code) in table {
        for body in [page.as_slice(), b"", b"[]", b"{\"error\":\"upstream\"}", b"{\"ok\":\"false\"}"] {
            let failure = failure(status, body);
            assert_eq!((failure.class, failure.code), (class.clone(), code), "{status}");
        }
    }
    assert_eq!(failure(502, b"{\"ok\":true,\"result\":{}}").class, Unknown, "a 5xx is never done");
}

#[test]
fn the_code_in_the_body_counts_and_the_status_stands_in() {
    assert_eq!(failure(200, br#"{"ok":false,"error_code":409}"#).class, Configuration);
    assert_eq!(failure(502, br#"{"ok":false}"#).class, Retry);
    assert_eq!(failure(401, br#"{"ok":false,"error_code":-1}"#).class, PermanentChannel);
    assert_eq!(failure(200, br#"{"ok":false}"#).class, Unknown);
}

#[test]
fn a_detail_is_bounded_and_without_a_token() {
    let said = format!("Bad Request: bad webhook: /bot12345:{}/x {}", "A".repeat(35), "y".repeat(1000));
    let detail = stated(400, &said, &Value::Null).detail;
    assert!(detail.starts_with("Bad Request: bad webhook: /bot<token>/x y"), "{detail}");
    assert_eq!(detail.chars().count(), DETAIL_CHARS_MAX);
}

#[test]
fn a_file_is_where_telegram_says() {
    let path = |result: Value| file_path(&result);
    assert_eq!(path(json!({"file_id": "a", "file_path": "photos/file_1.jpg"})).as_deref(), Some("photos/file_1.jpg"));
    for none in [json!({"file_id": "a"}), json!({"file_path": 1}), json!({"file_path": ""}), json!(null)] {
        assert_eq!(path(none), None);
    }
    let too_big = br#"{"ok":false,"error_code":400,"description":"Bad Request: file is too big"}"#;
    assert!(matches!(read_reply(400, too_big), Reply::Err(failure) if failure.code == "too_large"));
}

#[test]
fn what_was_done_is_read() {
    let body = br#"{"ok":true,"result":{"message_id":4711,"date":1760000000,"chat":{"id":1,"type":"private"}}}"#;
    let Reply::Ok(result) = read_reply(200, body) else { panic!("done") };
    assert_eq!(sent_message_id(&result).as_deref(), Some("4711"));
    assert_eq!(read_reply(200, br#"{"ok":true,"result":true}"#), Reply::Ok(json!(true)));
    assert_eq!(read_reply(200, br#"{"ok":true}"#), Reply::Ok(Value::Null));
    for no_message in [json!(true), json!({}), json!({"message_id": "x"}), Value::Null] {
        assert_eq!(sent_message_id(&no_message), None);
    }
}

#[test]
fn the_bot_is_read() {
    let bot = json!({"id": 800_000_001, "is_bot": true, "first_name": "Service Desk", "username": "desk_bot"});
    let expected = GetMe { id: 800_000_001, username: "desk_bot".into(), name: "Service Desk".into() };
    assert_eq!(GetMe::from_result(&bot), Some(expected));
    for no_bot in [json!({"id": 1, "is_bot": false, "first_name": "A", "username": "a"}), json!([]), Value::Null] {
        assert_eq!(GetMe::from_result(&no_bot), None);
    }
}

#[test]
fn the_webhook_is_read() {
    let info = json!({
        "url": "https://example.com/webhooks/telegram/ch1", "has_custom_certificate": false, "pending_update_count": 3,
        "last_error_date": 1_760_000_000, "last_error_message": "Wrong response from the webhook: 502 Bad Gateway",
    });
    let expected = WebhookInfo {
        url: "https://example.com/webhooks/telegram/ch1".into(),
        pending_update_count: 3,
        last_error_date: Some(1_760_000_000),
        last_error_message: Some("Wrong response from the webhook: 502 Bad Gateway".into()),
    };
    assert_eq!(WebhookInfo::from_result(&info), Some(expected));
    let none =
        WebhookInfo { url: String::new(), pending_update_count: 0, last_error_date: None, last_error_message: None };
    assert_eq!(WebhookInfo::from_result(&json!({"url": "", "pending_update_count": 0})), Some(none));
    assert_eq!(WebhookInfo::from_result(&json!(true)), None);
}
