//! Connecting numbers: the account, its senders and where their messages go, and the code that confirms a number.

use serde_json::{Value, json};

use super::address::RETRIES;
use crate::call::{Call, Host};
use crate::failure::{Failure, FailureClass, HOLD_SECONDS_MAX};

/// The number of Twilio's sandbox, which all accounts share. It is no sender, and its receiver is set by hand.
pub const SANDBOX_NUMBER: &str = "+14155238886";
/// How many senders one answer lists: well below the size to which answers are cut.
const SENDERS_A_CALL: u32 = 20;
/// How long an account is held if Twilio says "too many requests", seconds, unless it says for how long.
const HOLD_SECONDS: u32 = 5;
/// The digits of a phone number (E.164), at least and at most.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// The characters of a token, at least and at most; Twilio's have 32.
const TOKEN_CHARS: std::ops::RangeInclusive<usize> = 16..=128;
/// The hexadecimal digits of a SID, after its two letters.
const SID_DIGITS: usize = 32;

/// A phone number as `+` and digits; blanks, dashes, dots and brackets among them are left out.
pub fn phone_number(given: &str) -> Option<String> {
    let kept: String = given.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '\u{a0}')).collect();
    let digits = kept.strip_prefix('+')?;
    let good = PHONE_DIGITS.contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    (good && !digits.starts_with('0')).then_some(kept)
}

/// Whether this is a SID of this kind (`AC` = account, `MG` = Messaging Service).
pub fn is_sid(text: &str, kind: &str) -> bool {
    let digits = text.strip_prefix(kind).unwrap_or_default();
    digits.len() == SID_DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether this may be an account's auth token.
pub fn is_token(text: &str) -> bool {
    TOKEN_CHARS.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn whatsapp(number: &str) -> String {
    format!("whatsapp:{number}")
}

/// The account.
pub fn account(account_sid: &str) -> Call {
    Call::get(Host::Twilio, "account", format!("2010-04-01/Accounts/{account_sid}.json"), Vec::new())
}

/// Whether the account is one that may be used: active, on trial or in full.
pub fn is_active(answer: &Value) -> bool {
    answer["status"] == "active"
}

/// A part of the account's WhatsApp senders; `next` = where it begins, as [`read_senders`] told.
pub fn senders(next: Option<&Next>) -> Call {
    let mut query = vec![("Channel", "whatsapp".to_owned()), ("PageSize", SENDERS_A_CALL.to_string())];
    if let Some(Next { page, token }) = next {
        query.extend([("Page", page.clone()), ("PageToken", token.clone())]);
    }
    Call::get(Host::TwilioMessaging, "senders", "v2/Channels/Senders", query)
}

/// Where the next part of a list begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    page: String,
    token: String,
}

/// A sender: a number that is set up for WhatsApp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Twilio's id of it.
    pub sid: String,
    /// Its number, `+` and digits.
    pub number: String,
    /// How it stands, in Twilio's word.
    pub status: String,
    /// Where its messages go; empty if nowhere.
    pub callback_url: String,
}

impl Sender {
    /// Reads one; `None` if it is none of WhatsApp.
    pub fn read(sender: &Value) -> Option<Self> {
        Some(Self {
            sid: sender["sid"].as_str().filter(|sid| is_sid(sid, "XE"))?.to_owned(),
            number: sender["sender_id"].as_str()?.strip_prefix("whatsapp:")?.to_owned(),
            status: sender["status"].as_str().unwrap_or_default().to_owned(),
            callback_url: sender["webhook"]["callback_url"].as_str().unwrap_or_default().to_owned(),
        })
    }

    /// Whether it takes and sends messages; while a change of it is carried out, it does.
    pub fn is_online(&self) -> bool {
        matches!(self.status.as_str(), "ONLINE" | "ONLINE:UPDATING")
    }

    /// Whether its messages go to this address, whichever way it is called.
    pub fn goes_to(&self, url: &str) -> bool {
        self.callback_url.split('#').next() == Some(url)
    }
}

/// The senders of an answer, and where the next part begins.
pub fn read_senders(answer: &Value) -> (Vec<Sender>, Option<Next>) {
    let senders = answer["senders"].as_array().into_iter().flatten().filter_map(Sender::read).collect();
    (senders, answer["meta"]["next_page_url"].as_str().and_then(next_of))
}

/// The place that an address of Twilio's names. Only that is used of it: the call goes where all others go.
fn next_of(url: &str) -> Option<Next> {
    let (_, query) = url.split_once('?')?;
    let of = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    let is_plain = |text: &String| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    Some(Next { page: of("Page").filter(is_plain)?, token: of("PageToken").filter(is_plain)? })
}

/// One sender.
pub fn sender(sid: &str) -> Call {
    Call::get(Host::TwilioMessaging, "sender", format!("v2/Channels/Senders/{sid}"), Vec::new())
}

/// An address for customers' messages, as Twilio is to have it, be it pasted by hand: so that it tries again.
pub fn with_retries(callback_url: &str) -> String {
    format!("{callback_url}{RETRIES}")
}

/// Has a sender's messages sent to this address, and what becomes of ours to that.
pub fn set_webhook(sid: &str, callback_url: &str, status_url: &str) -> Call {
    let callback_url = with_retries(callback_url);
    webhook(
        "set_webhook",
        sid,
        &json!({
            "callback_url": callback_url,
            "callback_method": "POST",
            "status_callback_url": status_url,
            "status_callback_method": "POST",
        }),
    )
}

/// Has a sender's messages sent nowhere.
pub fn clear_webhook(sid: &str) -> Call {
    webhook("clear_webhook", sid, &json!({ "callback_url": "", "status_callback_url": "" }))
}

fn webhook(method: &'static str, sid: &str, webhook: &Value) -> Call {
    Call::json(Host::TwilioMessaging, method, format!("v2/Channels/Senders/{sid}"), json!({ "webhook": webhook }))
}

/// Sends the code that confirms a number.
pub fn send_code(account_sid: &str, from: &str, to: &str, code: &str) -> Call {
    let fields = vec![
        ("From".to_owned(), whatsapp(from)),
        ("To".to_owned(), whatsapp(to)),
        ("Body".to_owned(), format!("{code} is the code that connects this number to Switchboard.")),
    ];
    Call::form(Host::Twilio, "send_code", format!("2010-04-01/Accounts/{account_sid}/Messages.json"), fields)
}

/// What became of the message with this id.
pub fn message(account_sid: &str, sid: &str) -> Call {
    Call::get(Host::Twilio, "message", format!("2010-04-01/Accounts/{account_sid}/Messages/{sid}.json"), Vec::new())
}

/// The id of a message that was sent.
pub fn message_sid(answer: &Value) -> Option<String> {
    let is_message = |sid: &&str| is_sid(sid, "SM") || is_sid(sid, "MM");
    answer["sid"].as_str().filter(is_message).map(str::to_owned)
}

/// Twilio's number of why a message did not arrive, if it did not.
pub fn undelivered(answer: &Value) -> Option<i64> {
    let failed = matches!(answer["status"].as_str(), Some("failed" | "undelivered"));
    let number = answer["error_code"].as_i64().or_else(|| answer["error_code"].as_str()?.parse().ok());
    if failed { Some(number.unwrap_or(0)) } else { number.filter(|number| *number != 0) }
}

/// Twilio's number for somebody who has not joined the sandbox.
pub const NOT_A_PARTICIPANT: i64 = 63015;
/// Twilio's number for a message of a trial account to a number that was not verified at Twilio.
pub const NOT_VERIFIED: i64 = 21608;
/// Twilio's number for a message to somebody who has not written within a day.
pub const OUTSIDE_WINDOW: i64 = 63016;

/// [`Failure::code`] of credentials that Twilio does not take.
pub const TOKEN_INVALID: &str = "token_invalid";
/// [`Failure::code`] of a thing that is not there.
pub const NOT_FOUND: &str = "not_found";

/// A refusal: what it means, and Twilio's own number of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What it means.
    pub failure: Failure,
    /// Twilio's number; 0 if it gave none.
    pub number: i64,
}

/// Understands an answer to any of the calls here.
pub fn read_answer(http_status: u16, body: &[u8]) -> Result<Value, Refusal> {
    let answer: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    if (200..300).contains(&http_status) && answer.is_object() {
        return Ok(answer);
    }
    let number = answer["code"].as_i64().unwrap_or_default();
    let hold = FailureClass::Hold { retry_after_s: HOLD_SECONDS.min(HOLD_SECONDS_MAX) };
    let (class, word) = match (http_status, number) {
        (429, _) | (_, 20429) => (hold, "rate_limited"),
        (401, _) | (_, 20003) => (FailureClass::PermanentChannel, TOKEN_INVALID),
        (404, _) | (_, 20404) => (FailureClass::PermanentChannel, NOT_FOUND),
        (400..=499, _) if number != 0 => (FailureClass::PermanentMessage, "refused"),
        _ => (FailureClass::Unknown, "outcome_unknown"),
    };
    let message = answer["message"].as_str().unwrap_or("without an answer of Twilio's");
    let failure = Failure::new(class, word, &format!("HTTP {http_status}: {message} ({number})"));
    Err(Refusal { failure, number })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Verb;

    const AC: &str = "AC0123456789abcdef0123456789abcdef";
    const XE: &str = "XE0123456789abcdef0123456789abcdef";

    #[test]
    fn c7_phone_numbers_are_plus_and_digits() {
        for (given, read) in [
            ("+14155238886", Some("+14155238886")),
            (" +1 (415) 523-88.86 ", Some("+14155238886")),
            ("+1234567", Some("+1234567")),
            ("+123456", None),
            ("+1234567890123456", None),
            ("+01234567", None),
            ("14155238886", None),
            ("+1415523888a", None),
            ("+", None),
            ("", None),
        ] {
            assert_eq!(phone_number(given).as_deref(), read, "{given}");
        }
    }

    #[test]
    fn c7_ids_and_tokens_have_their_shapes() {
        assert!(is_sid(AC, "AC") && !is_sid(AC, "MG") && !is_sid(&AC[..33], "AC") && !is_sid("", "AC"));
        assert!(!is_sid("AC0123456789abcdef0123456789abcdeg", "AC"));
        for (token, good) in [("0123456789abcdef", true), ("0123456789abcde", false), ("0123456789abcdef:", false)] {
            assert_eq!(is_token(token), good, "{token}");
        }
    }

    #[test]
    fn c7_senders_are_read_part_by_part() {
        let next = "https://h/v2/Channels/Senders?Channel=whatsapp&PageSize=20&Page=1&PageToken=PT1";
        let answer = json!({
            "meta": {"next_page_url": next},
            "senders": [
                {"sid": XE, "sender_id": "whatsapp:+1", "status": "ONLINE", "webhook": {"callback_url": "https://x.org/w#rc=3"}},
                {"sid": XE, "sender_id": "whatsapp:+2", "status": "OFFLINE", "webhook": null},
                {"sid": XE, "sender_id": "rcs:x", "status": "ONLINE"},
                {"sender_id": "whatsapp:+3"},
            ],
        });
        let (senders, next) = read_senders(&answer);
        let [one, two] = senders.as_slice() else { panic!("{senders:?}") };
        assert!(one.is_online() && one.goes_to("https://x.org/w") && !one.goes_to("https://x.org"));
        assert!(!two.is_online() && two.goes_to(""));
        let call = super::senders(next.as_ref());
        assert_eq!(call.query[2..], [("Page", "1".to_owned()), ("PageToken", "PT1".to_owned())]);
        for url in [Value::Null, json!("https://h/?Page=1"), json!("https://h/?Page=1&PageToken=a%20b")] {
            assert_eq!(read_senders(&json!({"meta": {"next_page_url": url}})), (vec![], None));
        }
    }

    #[test]
    fn c7_the_receiver_is_set_read_and_cleared() {
        let call = set_webhook(XE, "https://x.org/webhooks/whatsapp", "https://x.org/webhooks/whatsapp/status");
        assert_eq!((call.verb, call.path.as_str()), (Verb::Post, format!("v2/Channels/Senders/{XE}").as_str()));
        let webhook = &call.parameters()["webhook"];
        assert_eq!(webhook["callback_url"], "https://x.org/webhooks/whatsapp#rc=5&rp=5xx,ct,rt");
        assert_eq!(webhook["status_callback_url"], "https://x.org/webhooks/whatsapp/status");
        assert_eq!(clear_webhook(XE).parameters()["webhook"]["callback_url"], "");
    }

    #[test]
    fn c7_the_code_goes_from_the_channels_number() {
        let call = send_code(AC, "+1", "+2", "123456");
        assert_eq!((call.field("From"), call.field("To")), (Some("whatsapp:+1"), Some("whatsapp:+2")));
        assert!(call.field("Body").unwrap().starts_with("123456 "));
        assert!(!format!("{call:?}").contains("123456"));
        let sid = "SM0123456789abcdef0123456789abcdef";
        assert_eq!(message_sid(&json!({"sid": sid})).as_deref(), Some(sid));
        assert_eq!(message_sid(&json!({"sid": "SM1/../x"})), None);
        for (answer, number) in [
            (json!({"status": "queued", "error_code": null}), None),
            (json!({"status": "delivered"}), None),
            (json!({"status": "failed", "error_code": 63015}), Some(63015)),
            (json!({"status": "undelivered", "error_code": "63016"}), Some(63016)),
            (json!({"status": "failed"}), Some(0)),
        ] {
            assert_eq!(undelivered(&answer), number, "{answer}");
        }
    }

    #[test]
    fn refusals_are_told_apart() {
        for (status, body, word, number) in [
            (401, json!({"code": 20003, "message": "Authenticate"}), TOKEN_INVALID, 20003),
            (404, json!({"code": 20404}), NOT_FOUND, 20404),
            (429, json!({"code": 20429}), "rate_limited", 20429),
            (400, json!({"code": 63015, "message": "Sandbox"}), "refused", 63015),
            (400, json!({}), "outcome_unknown", 0),
            (503, json!({"code": 20503}), "outcome_unknown", 20503),
            (200, json!([]), "outcome_unknown", 0),
        ] {
            let refusal = read_answer(status, body.to_string().as_bytes()).unwrap_err();
            assert_eq!((refusal.failure.code, refusal.number), (word, number), "{status} {body}");
        }
        assert!(is_active(&read_answer(200, b"{\"status\":\"active\",\"type\":\"Trial\"}").unwrap()));
        assert!(!is_active(&json!({"status": "suspended"})));
    }
}
