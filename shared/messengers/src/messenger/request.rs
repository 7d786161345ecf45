//! Calls of the Graph API, as data.

use domain::content::MediaKind;
use serde_json::{Value, json};

use super::signature::{lines, mac};
use crate::call::{Body, Call, Host};

/// The longest text of one message, characters (Send API). It is counted in UTF-16 units, which are never fewer, so that a
/// text is not too long whichever Facebook counts.
pub const TEXT_CHARS_MAX: usize = 2000;

/// Cuts a text into parts of at most [`TEXT_CHARS_MAX`], as [`crate::telegram::split_text`] does.
pub fn split_text(text: &str) -> Vec<String> {
    crate::telegram::split_text(text, TEXT_CHARS_MAX)
}

/// Words to a customer, exactly as they are: an answer within the 24 hours after they wrote. `metadata` comes back with the
/// echo: it names the reply.
pub fn send_text(page: &str, psid: &str, text: &str, metadata: &str) -> Call {
    send(page, psid, &json!({ "text": text, "metadata": metadata }))
}

/// A file to a customer, which Facebook fetches from `url` (25 MB at most, a picture 8 MB). It is sent as what it is, or as
/// the next thing that Messenger knows: there are no voices, loops and stickers to send.
pub fn send_attachment(page: &str, psid: &str, kind: MediaKind, url: &str, metadata: &str) -> Call {
    let kind = match kind {
        MediaKind::Photo | MediaKind::Animation | MediaKind::Sticker => "image",
        MediaKind::Video | MediaKind::VideoNote => "video",
        MediaKind::Audio | MediaKind::Voice => "audio",
        MediaKind::Document | MediaKind::ContactCard => "file",
    };
    let attachment = json!({ "type": kind, "payload": { "url": url, "is_reusable": false } });
    send(page, psid, &json!({ "attachment": attachment, "metadata": metadata }))
}

fn send(page: &str, psid: &str, message: &Value) -> Call {
    let body = json!({ "recipient": { "id": psid }, "messaging_type": "RESPONSE", "message": message });
    of_page(page, "messages", body)
}

/// Shows that somebody writes, for at most 20 seconds, or until a message arrives. A call of its own: together with a
/// message it is refused.
pub fn typing(page: &str, psid: &str) -> Call {
    of_page(page, "messages", json!({ "recipient": { "id": psid }, "sender_action": "typing_on" }))
}

/// Gives the conversation to another app of the page, the bot's.
pub fn pass_thread_control(page: &str, psid: &str, target_app: &str) -> Call {
    of_page(page, "pass_thread_control", json!({ "recipient": { "id": psid }, "target_app_id": target_app }))
}

/// Lets go of the conversation: it lies idle, and the page's default app answers next.
pub fn release_thread_control(page: &str, psid: &str) -> Call {
    of_page(page, "release_thread_control", json!({ "recipient": { "id": psid } }))
}

/// Asks for the customer's name. Read the answer with [`super::read_profile`].
pub fn profile(psid: &str) -> Call {
    Call::get(Host::Graph, "profile", segment(psid), vec![("fields", "name,first_name,last_name".to_owned())])
}

/// The same call with the proof that whoever has the token has the app's secret too (`appsecret_proof`); Facebook can be told
/// to take none without. `app_secret` may hold several, one a line: the first, present one proves it.
#[must_use]
pub fn with_proof(mut call: Call, app_secret: &str, token: &str) -> Call {
    let Some(secret) = lines(app_secret).next() else { return call };
    let proof = hex::encode(mac(secret, token.as_bytes()));
    match &mut call.body {
        Body::Form(fields) => fields.push(("appsecret_proof".to_owned(), proof)),
        Body::Empty | Body::Json(_) | Body::File { .. } => call.query.push(("appsecret_proof", proof)),
    }
    call
}

fn of_page(page: &str, method: &'static str, body: Value) -> Call {
    Call::json(Host::Graph, method, format!("{}/{method}", segment(page)), body)
}

/// An id as a part of a path: ids are letters and digits, and what is none must not reach out of its place.
fn segment(id: &str) -> String {
    let encoded = id.bytes().map(|b| match b {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'-' => char::from(b).to_string(),
        _ => format!("%{b:02X}"),
    });
    encoded.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Body, Verb};

    const PAGE: &str = "100000000000001";
    const PSID: &str = "2000000000000001";

    fn check(call: &Call, path: &str, body: &Value) {
        assert_eq!((call.host, call.verb, call.path.as_str()), (Host::Graph, Verb::Post, path));
        assert_eq!((&call.query, &call.body), (&vec![], &Body::Json(body.clone())));
        assert!(path.ends_with(call.method));
    }

    #[test]
    fn an_answer_carries_its_name() {
        let path = "100000000000001/messages";
        let of = |message: Value| json!({"recipient": {"id": PSID}, "messaging_type": "RESPONSE", "message": message});
        let text = "<b>1</b> *2*\nä😀";
        check(&send_text(PAGE, PSID, text, "c.1.2"), path, &of(json!({"text": text, "metadata": "c.1.2"})));
        for (kind, sent_as) in [
            (MediaKind::Photo, "image"),
            (MediaKind::Animation, "image"),
            (MediaKind::Sticker, "image"),
            (MediaKind::Video, "video"),
            (MediaKind::VideoNote, "video"),
            (MediaKind::Audio, "audio"),
            (MediaKind::Voice, "audio"),
            (MediaKind::Document, "file"),
        ] {
            let payload = json!({"url": "https://files.example/a?b=c&d", "is_reusable": false});
            let message = json!({"attachment": {"type": sent_as, "payload": payload}, "metadata": "c.1.2"});
            let call = send_attachment(PAGE, PSID, kind, "https://files.example/a?b=c&d", "c.1.2");
            check(&call, path, &of(message));
        }
    }

    #[test]
    fn the_other_calls() {
        let recipient = json!({"id": PSID});
        let typing_on = json!({"recipient": recipient, "sender_action": "typing_on"});
        check(&typing(PAGE, PSID), "100000000000001/messages", &typing_on);
        let pass = json!({"recipient": recipient, "target_app_id": "300000000000002"});
        check(&pass_thread_control(PAGE, PSID, "300000000000002"), "100000000000001/pass_thread_control", &pass);
        let release = json!({"recipient": recipient});
        check(&release_thread_control(PAGE, PSID), "100000000000001/release_thread_control", &release);
        let call = profile(PSID);
        assert_eq!(
            (call.host, call.verb, call.path.as_str(), &call.body),
            (Host::Graph, Verb::Get, PSID, &Body::Empty)
        );
        assert_eq!(call.query, [("fields", "name,first_name,last_name".to_owned())]);
    }

    #[test]
    fn an_id_stays_in_its_place() {
        assert_eq!(profile("1/../me?x=ä").path, "1%2F%2E%2E%2Fme%3Fx%3D%C3%A4");
    }

    #[test]
    fn the_proof_is_the_tokens_hmac_under_the_present_secret() {
        // RFC 4231, case 2.
        let proof = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        for secret in ["Jefe", "Jefe\nold"] {
            let call = with_proof(profile(PSID), secret, "what do ya want for nothing?");
            assert_eq!(call.query[1], ("appsecret_proof", proof.to_owned()));
        }
        assert_eq!(with_proof(profile(PSID), "", "t"), profile(PSID));
    }

    #[test]
    fn the_limit_is_messengers() {
        let text = "a".repeat(TEXT_CHARS_MAX);
        assert_eq!(split_text(&text).concat(), text);
        assert_eq!(split_text(&text).len(), 1);
        assert_eq!(split_text(&format!("{text}b")), [text, "b".to_owned()]);
        assert_eq!(split_text(&"😀".repeat(1001)).len(), 2);
        assert!(split_text(" \n").is_empty());
    }
}
