//! What the messengers post to the webhooks, each in its own form, as they sign it.

use std::collections::HashMap;

use lambda_http::http::Method;
use lambda_http::{Body, Request, RequestExt};
use messengers::whatsapp::{Form, Payload, STATUS_PATH, WEBHOOK_PATH};
use messengers::{messenger, whatsapp};
use serde_json::{Value, json};

use crate::channels::{ACCOUNT, NUMBER, PAGE};
use crate::functions::{Function, SECRET};
use crate::marks;

/// One thing that a messenger tells.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// Telegram: an update of this bot.
    Update(&'static str, String),
    /// Messenger: an event of the page, which may go along with others; whether it is told in standby.
    Event(String, bool),
    /// WhatsApp: a form; of a status, the address that was called.
    Form(String, Option<String>),
}

/// One call of a webhook.
#[derive(Debug)]
pub(crate) enum Post {
    /// Telegram's.
    Update(&'static str, String),
    /// Messenger's.
    Page(String),
    /// Twilio's, with the address of a status.
    Form(String, Option<String>),
}

impl Post {
    /// A call that tells this; of Messenger's events several at once, one or more an entry.
    pub(crate) fn of(told: Vec<Told>, at_ms: i64, entries_of: usize) -> Self {
        let mut items = Vec::new();
        for one in told {
            match one {
                Told::Update(channel, body) => return Self::Update(channel, body),
                Told::Form(body, status) => return Self::Form(body, status),
                Told::Event(item, standby) => items.push((item, standby)),
            }
        }
        let field = |name: &str, items: &[(String, bool)], standby: bool| {
            let told = items.iter().filter(|(_, told)| *told == standby);
            let told: Vec<&str> = told.map(|(item, _)| item.as_str()).collect();
            if told.is_empty() { String::new() } else { format!(",\"{name}\":[{}]", told.join(",")) }
        };
        let entry = |items: &[(String, bool)]| {
            let (messaging, standby) = (field("messaging", items, false), field("standby", items, true));
            format!("{{\"id\":\"{PAGE}\",\"time\":{at_ms}{messaging}{standby}}}")
        };
        let entries: Vec<String> = items.chunks(entries_of.max(1)).map(entry).collect();
        Self::Page(format!("{{\"object\":\"page\",\"entry\":[{}]}}", entries.join(",")))
    }

    /// Whom it is for.
    pub(crate) fn function(&self) -> Function {
        match self {
            Self::Update(..) => Function::Webhook,
            Self::Page(_) => Function::PageWebhook,
            Self::Form(..) => Function::FormWebhook,
        }
    }

    /// The request, signed.
    pub(crate) fn request(self) -> Request {
        match self {
            Self::Update(channel, body) => {
                let mut request = Request::new(Body::from(body));
                request.headers_mut().insert(telegram_webhook::SECRET_HEADER, SECRET.parse().expect("a header"));
                request.with_path_parameters(HashMap::from([("channel".to_owned(), vec![channel.to_owned()])]))
            }
            Self::Page(body) => {
                let signature = messenger::sign(marks::APP_SECRET, body.as_bytes());
                let mut request = Request::new(Body::from(body));
                *request.method_mut() = Method::POST;
                let header = messenger_webhook::SIGNATURE_HEADER;
                request.headers_mut().insert(header, signature.parse().expect("a header"));
                request
            }
            Self::Form(body, status) => {
                let form = Form::read(body.as_bytes()).expect("a form");
                let url = status.unwrap_or_else(|| format!("{}{WEBHOOK_PATH}", crate::channels::SITE));
                let signature = whatsapp::sign(marks::AUTH_TOKEN, &url, Payload::Form(&form));
                let mut request = Request::new(Body::from(body));
                *request.method_mut() = Method::POST;
                *request.uri_mut() = url.parse().expect("an address");
                let header = whatsapp_webhook::SIGNATURE_HEADER;
                request.headers_mut().insert(header, signature.parse().expect("a header"));
                let query = url.split_once("?reply=").map(|(_, reply)| reply.to_owned());
                let query = query.map(|reply| HashMap::from([("reply".to_owned(), vec![reply])]));
                request.with_query_string_parameters(query.unwrap_or_default())
            }
        }
    }
}

/// A form of Twilio's.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("AccountSid", ACCOUNT)
        .append_pair("ApiVersion", "2010-04-01")
        .extend_pairs(fields)
        .finish()
}

/// What Twilio tells of a reply.
pub(crate) fn status(url: &str, sid: &str, to: &str, word: &str, code: Option<&str>) -> Told {
    let from = format!("whatsapp:{NUMBER}");
    let mut fields =
        vec![("MessageSid", sid), ("SmsSid", sid), ("MessageStatus", word), ("From", from.as_str()), ("To", to)];
    fields.extend(code.map(|code| ("ErrorCode", code)));
    // What stands behind `#` Twilio keeps to itself.
    let url = url.split('#').next().unwrap_or_default().to_owned();
    debug_assert!(url.contains(STATUS_PATH), "it is the address of a status");
    Told::Form(form(&fields), Some(url))
}

/// An event of the page, from the customer's side.
pub(crate) fn event(psid: &str, at_ms: i64, kind: &str, what: &Value, standby: bool) -> Told {
    Told::Event(
        json!({ "sender": { "id": psid }, "recipient": { "id": PAGE }, "timestamp": at_ms, kind: what }).to_string(),
        standby,
    )
}

/// The echo of what the page's side wrote.
pub(crate) fn echo(psid: &str, at_ms: i64, message: &Value, standby: bool) -> Told {
    Told::Event(
        json!({ "sender": { "id": PAGE }, "recipient": { "id": psid }, "timestamp": at_ms, "message": message })
            .to_string(),
        standby,
    )
}
