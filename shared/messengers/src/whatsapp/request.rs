//! Calls of Twilio's APIs, as data.

use super::PREFIX;
use crate::call::{Call, Host};
use crate::telegram;

/// The longest text of one message (Twilio: 1600 characters), in UTF-16 code units: counted so, a text is never too long
/// whatever Twilio takes for a character.
pub const TEXT_UTF16_MAX: usize = 1600;

/// Cuts a text into messages of at most [`TEXT_UTF16_MAX`], as [`telegram::split_text`] does.
pub fn split_text(text: &str) -> Vec<String> {
    telegram::split_text(text, TEXT_UTF16_MAX)
}

/// Sends words, exactly as they are.
///
/// `account_sid` is Twilio's (`AC…`); `from` is the channel's account: the number (`+14155238886`) or a Messaging Service
/// (`MG…`); `to` is the customer's address; `status_callback` is where the reply's statuses go: [`super::status_url`].
pub fn send_text(account_sid: &str, from: &str, to: &str, body: &str, status_callback: &str) -> Call {
    message(account_sid, from, to, status_callback, vec![field("Body", body)])
}

/// Sends a file that Twilio fetches from `media_url` (no cookies, no sign-in, the right `Content-Type`), one a message. WhatsApp
/// shows the caption of pictures and videos only: the words to any other file are better sent as a message of their own.
pub fn send_media(
    account_sid: &str,
    from: &str,
    to: &str,
    caption: Option<&str>,
    media_url: &str,
    status_callback: &str,
) -> Call {
    let caption = caption.map(|caption| field("Body", caption));
    let fields = [field("MediaUrl", media_url)].into_iter().chain(caption).collect();
    message(account_sid, from, to, status_callback, fields)
}

/// Shows "typing" for at most 25 seconds, or until a message arrives, and marks the customer's message as read. `message_sid` is
/// the customer's latest message; of one with several files, any of its items.
pub fn typing(message_sid: &str) -> Call {
    let sid = message_sid.split('#').next().unwrap_or_default();
    let fields = vec![field("messageId", sid), field("channel", "whatsapp")];
    Call::form(Host::TwilioMessaging, "Typing", "v2/Indicators/Typing.json", fields)
}

fn message(account_sid: &str, from: &str, to: &str, status_callback: &str, what: Vec<(String, String)>) -> Call {
    let from = if from.starts_with("MG") { field("MessagingServiceSid", from) } else { field("From", &whatsapp(from)) };
    let mut fields = vec![from, field("To", &whatsapp(to))];
    fields.extend(what);
    fields.push(field("StatusCallback", status_callback));
    let account: String = form_urlencoded::byte_serialize(account_sid.as_bytes()).collect();
    Call::form(Host::Twilio, "Messages", format!("2010-04-01/Accounts/{account}/Messages.json"), fields)
}

fn field(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// The address of WhatsApp of a number that may be one already.
fn whatsapp(address: &str) -> String {
    if address.starts_with(PREFIX) { address.to_owned() } else { format!("{PREFIX}{address}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Body, Verb};

    const STATUS: &str = "https://chat.example.com/webhooks/whatsapp/status?reply=c0ffee.1.2";

    fn check(call: &Call, host: Host, path: &str, fields: &[(&str, &str)]) {
        let fields = fields.iter().map(|(name, value)| field(name, value)).collect();
        assert_eq!((call.host, call.verb, call.path.as_str()), (host, Verb::Post, path));
        assert_eq!(call.body, Body::Form(fields));
        assert!(call.query.is_empty());
    }

    #[test]
    fn words_are_sent_as_they_are() {
        let call = send_text("AC1", "+14155238886", "whatsapp:+15005550006", " *a* & b\n", STATUS);
        let (from, to) = (("From", "whatsapp:+14155238886"), ("To", "whatsapp:+15005550006"));
        let fields = [from, to, ("Body", " *a* & b\n"), ("StatusCallback", STATUS)];
        check(&call, Host::Twilio, "2010-04-01/Accounts/AC1/Messages.json", &fields);
        assert_eq!(call.method, "Messages");
    }

    #[test]
    fn a_messaging_service_sends_by_its_own_name() {
        let call = send_text("AC1", "MG1", "whatsapp:US.123", "x", STATUS);
        let fields =
            [("MessagingServiceSid", "MG1"), ("To", "whatsapp:US.123"), ("Body", "x"), ("StatusCallback", STATUS)];
        check(&call, Host::Twilio, "2010-04-01/Accounts/AC1/Messages.json", &fields);
    }

    #[test]
    fn a_file_goes_with_its_caption_or_without() {
        let url = "https://files.example.com/a.jpg?X-Amz-Signature=1";
        let (from, to) = (("From", "whatsapp:+1415"), ("To", "whatsapp:+1500"));
        for (caption, fields) in [
            (None, vec![from, to, ("MediaUrl", url), ("StatusCallback", STATUS)]),
            (Some("look"), vec![from, to, ("MediaUrl", url), ("Body", "look"), ("StatusCallback", STATUS)]),
        ] {
            let call = send_media("AC1", "whatsapp:+1415", "+1500", caption, url, STATUS);
            check(&call, Host::Twilio, "2010-04-01/Accounts/AC1/Messages.json", &fields);
        }
    }

    #[test]
    fn typing_names_the_message_that_is_answered() {
        for sid in ["MM1", "MM1#3"] {
            let fields = [("messageId", "MM1"), ("channel", "whatsapp")];
            check(&typing(sid), Host::TwilioMessaging, "v2/Indicators/Typing.json", &fields);
        }
    }

    #[test]
    fn an_account_stays_in_its_place() {
        let path = send_text("AC/../1?", "+1", "+2", "x", STATUS).path;
        assert_eq!(path, "2010-04-01/Accounts/AC%2F..%2F1%3F/Messages.json");
    }

    #[test]
    fn the_limit_is_twilios() {
        let text = "a".repeat(TEXT_UTF16_MAX);
        assert_eq!(split_text(&text), [text.as_str()]);
        assert_eq!(split_text(&format!("{text}b")), [text.as_str(), "b"]);
        let emoji = "😀".repeat(TEXT_UTF16_MAX / 2);
        assert_eq!(split_text(&format!("{emoji}b")), [emoji.as_str(), "b"]);
        assert!(split_text(" \n").is_empty());
    }
}
