//! Calls of the Bot API, as data.

use domain::content::MediaKind;
use serde_json::{Value, json};

use crate::call::{Body, Call, FilePart, Host};

/// The kinds of update that the webhook asks for: everything else never arrives. Left out, `setWebhook` would keep what
/// was asked for before.
pub const ALLOWED_UPDATES: [&str; 4] = ["message", "edited_message", "callback_query", "my_chat_member"];

/// The bounds of `max_connections` of `setWebhook`.
const CONNECTIONS_MAX: u8 = 100;

fn call(method: &'static str, body: Value) -> Call {
    Call::json(Host::Telegram, method, method, body)
}

/// The address of a method. **The result is a secret**, as it contains the token: it must appear in no log and no error
/// (an HTTP client's errors carry the address they failed on).
///
/// `base_url` is Telegram's (`https://api.telegram.org`) or a simulator's, with or without a slash at its end; `token`
/// must have passed [`super::valid_token`], so that it cannot reach out of its place in the path.
pub fn endpoint(base_url: &str, token: &str, method: &str) -> String {
    format!("{}/bot{token}/{method}", base_url.trim_end_matches('/'))
}

/// `sendMessage`: words, exactly as they are. There is no `parse_mode`, so nothing that an operator types is taken for
/// formatting. `text` is at most 4096 UTF-16 units: see [`super::split_text`].
///
/// A reply to a message that is gone is sent all the same, as are replies to what has no number of Telegram's (a pressed
/// button): without being a reply.
pub fn send_message(chat_id: &str, text: &str, reply_to: Option<&str>) -> Call {
    let mut body = json!({ "chat_id": chat(chat_id), "text": text });
    if let Some(reply) = reply_parameters(reply_to) {
        body["reply_parameters"] = reply;
    }
    call("sendMessage", body)
}

/// A file, uploaded with the call (multipart: pictures up to 10 MB, others up to 50 MB): as what it is where `kind` says so,
/// or as a plain document. `caption` is at most 1024 UTF-16 units.
pub fn send_file(
    chat_id: &str,
    kind: MediaKind,
    file: FilePart,
    caption: Option<&str>,
    reply_to: Option<&str>,
) -> Call {
    let (method, field) = match kind {
        MediaKind::Photo => ("sendPhoto", "photo"),
        MediaKind::Video => ("sendVideo", "video"),
        MediaKind::VideoNote => ("sendVideoNote", "video_note"),
        MediaKind::Animation => ("sendAnimation", "animation"),
        MediaKind::Audio => ("sendAudio", "audio"),
        MediaKind::Voice => ("sendVoice", "voice"),
        MediaKind::Sticker => ("sendSticker", "sticker"),
        MediaKind::Document | MediaKind::ContactCard => ("sendDocument", "document"),
    };
    let mut fields = vec![("chat_id".to_owned(), chat_id.to_owned())];
    fields.extend(caption.map(|caption| ("caption".to_owned(), caption.to_owned())));
    fields.extend(reply_parameters(reply_to).map(|reply| ("reply_parameters".to_owned(), reply.to_string())));
    let body = Body::File { fields, file: FilePart { field, ..file } };
    Call { body, ..call(method, Value::Null) }
}

fn reply_parameters(reply_to: Option<&str>) -> Option<Value> {
    let message_id = reply_to.and_then(|id| id.parse::<i64>().ok())?;
    Some(json!({ "message_id": message_id, "allow_sending_without_reply": true }))
}

/// `sendChatAction`: shows "typing" for at most 5 seconds, or until a message arrives.
pub fn send_chat_action_typing(chat_id: &str) -> Call {
    call("sendChatAction", json!({ "chat_id": chat(chat_id), "action": "typing" }))
}

/// `getMe`: whose token it is. Read the result with [`super::GetMe::from_result`].
pub fn get_me() -> Call {
    call("getMe", json!({}))
}

/// `getFile`: where the file with this id is. Read the result with [`super::file_path`]. Files above 20 MB are refused
/// (`file is too big`).
pub fn get_file(file_id: &str) -> Call {
    call("getFile", json!({ "file_id": file_id }))
}

/// `getWebhookInfo`: where updates go. Read the result with [`super::WebhookInfo::from_result`].
pub fn get_webhook_info() -> Call {
    call("getWebhookInfo", json!({}))
}

/// `setWebhook`: lets updates come to `url` (HTTPS; port 443, 80, 88 or 8443), each with `secret_token` (1-256 characters of
/// `[A-Za-z0-9_-]`) in its header. `connections_max` is how many Telegram may have open at once, 1 to 100. Updates that
/// wait already are kept.
pub fn set_webhook(url: &str, secret_token: &str, connections_max: u8) -> Call {
    call(
        "setWebhook",
        json!({
            "url": url,
            "secret_token": secret_token,
            "allowed_updates": ALLOWED_UPDATES,
            "max_connections": connections_max.clamp(1, CONNECTIONS_MAX),
            "drop_pending_updates": false,
        }),
    )
}

/// `deleteWebhook`: updates come no more. Those that wait are kept for 24 hours.
pub fn delete_webhook() -> Call {
    call("deleteWebhook", json!({ "drop_pending_updates": false }))
}

/// The body with which the webhook answers a pressed button (content type `application/json`): Telegram takes a call in an
/// answer to an update, which saves one, and the customer's button stops waiting.
pub fn answer_callback_query(callback_query_id: &str) -> String {
    json!({ "method": "answerCallbackQuery", "callback_query_id": callback_query_id }).to_string()
}

/// A private chat is a number; the name of a public chat (`@name`) is not.
fn chat(chat_id: &str) -> Value {
    chat_id.parse::<i64>().map_or_else(|_| Value::from(chat_id), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(call: &Call, method: &str, body: &Value) {
        assert_eq!((call.method, call.path.as_str(), &call.body), (method, method, &Body::Json(body.clone())));
    }

    #[test]
    fn words_are_sent_as_they_are() {
        let text = "<b>1</b> *2* _3_";
        check(&send_message("700000001", text, None), "sendMessage", &json!({"chat_id": 700_000_001, "text": text}));
        check(&send_message("@shop", "x", None), "sendMessage", &json!({"chat_id": "@shop", "text": "x"}));
    }

    #[test]
    fn a_reply_names_the_message_it_answers_if_it_has_a_number() {
        let reply = json!({"message_id": 17, "allow_sending_without_reply": true});
        let body = json!({"chat_id": 1, "text": "x", "reply_parameters": reply});
        check(&send_message("1", "x", Some("17")), "sendMessage", &body);
        check(&send_message("1", "x", Some("callback-17")), "sendMessage", &json!({"chat_id": 1, "text": "x"}));
    }

    #[test]
    fn w4_a_file_goes_as_what_it_is_with_the_words_to_it() {
        for (kind, method, field) in [
            (MediaKind::Photo, "sendPhoto", "photo"),
            (MediaKind::Video, "sendVideo", "video"),
            (MediaKind::VideoNote, "sendVideoNote", "video_note"),
            (MediaKind::Animation, "sendAnimation", "animation"),
            (MediaKind::Audio, "sendAudio", "audio"),
            (MediaKind::Voice, "sendVoice", "voice"),
            (MediaKind::Sticker, "sendSticker", "sticker"),
            (MediaKind::Document, "sendDocument", "document"),
        ] {
            let file = FilePart {
                field: "file",
                name: "a.bin".to_owned(),
                content_type: "image/png".to_owned(),
                bytes: vec![1],
            };
            let call = send_file("5", kind, file, Some("look"), Some("17"));
            assert_eq!((call.method, call.path.as_str()), (method, method));
            assert_eq!((call.field("chat_id"), call.field("caption")), (Some("5"), Some("look")));
            let reply: Value = serde_json::from_str(call.field("reply_parameters").unwrap()).unwrap();
            assert_eq!(reply, json!({"message_id": 17, "allow_sending_without_reply": true}));
            assert!(matches!(call.body, Body::File { file, .. } if file.field == field && file.name == "a.bin"));
        }
    }

    #[test]
    fn the_webhook_asks_for_what_it_understands() {
        let body = |connections: u8| {
            json!({
                "url": "https://example.com/webhooks/telegram/ch1",
                "secret_token": "s3cret",
                "allowed_updates": ["message", "edited_message", "callback_query", "my_chat_member"],
                "max_connections": connections,
                "drop_pending_updates": false,
            })
        };
        for (asked, set) in [(0, 1), (1, 1), (40, 40), (100, 100), (255, 100)] {
            let request = set_webhook("https://example.com/webhooks/telegram/ch1", "s3cret", asked);
            check(&request, "setWebhook", &body(set));
            assert!(!format!("{request:?}").contains("s3cret"), "a request does not print its values");
        }
    }

    #[test]
    fn the_other_calls() {
        let typing = json!({"chat_id": 5, "action": "typing"});
        check(&send_chat_action_typing("5"), "sendChatAction", &typing);
        check(&get_me(), "getMe", &json!({}));
        check(&get_file("AgAC"), "getFile", &json!({"file_id": "AgAC"}));
        check(&get_webhook_info(), "getWebhookInfo", &json!({}));
        check(&delete_webhook(), "deleteWebhook", &json!({"drop_pending_updates": false}));
        let answer: Value = serde_json::from_str(&answer_callback_query("30\"1")).unwrap();
        assert_eq!(answer, json!({"method": "answerCallbackQuery", "callback_query_id": "30\"1"}));
    }

    #[test]
    fn the_token_is_part_of_the_address() {
        for base in ["https://api.telegram.org", "https://api.telegram.org/"] {
            assert_eq!(endpoint(base, "1:abc", "getMe"), "https://api.telegram.org/bot1:abc/getMe");
        }
        assert_eq!(endpoint("http://127.0.0.1:9/tg/", "1:abc", "getMe"), "http://127.0.0.1:9/tg/bot1:abc/getMe");
    }
}
