//! What customers write, as Twilio tells it (twilio.com/docs/messaging/guides/webhook-request,
//! twilio.com/docs/whatsapp/api).

use std::sync::Arc;

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::address::{SANDBOX_NUMBER, is_number, named, new_sid, whatsapp};
use super::kinds;
use super::media::Media;
use super::state::{Account, Direction, Message, Shared};
use super::webhooks::{self, Kind, Notice};
use crate::control::Problem;

/// How long taking part in the sandbox lasts, in milliseconds: 3 days.
const MEMBERSHIP_MS: u64 = 3 * 24 * 60 * 60 * 1000;

/// What ends messages to a customer, begins them again, and asks for help.
const STOP: [&str; 6] = ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"];
const START: [&str; 3] = ["START", "UNSTOP", "YES"];
const HELP: [&str; 2] = ["HELP", "INFO"];

/// An order of the control API: what a customer writes. All of it may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Writing {
    /// Which of the account's numbers; the first sender, else the sandbox.
    to: Option<String>,
    /// The text, or the caption.
    body: Option<String>,
    profile_name: Option<String>,
    media: Option<MediaOrder>,
    location: Option<Location>,
    contact: Option<Contact>,
    button: Option<Button>,
    list: Option<List>,
    /// The message answered, by SID.
    reply_to: Option<String>,
    /// `ReferralXxx` by name, without `Referral`.
    referral: Option<Map<String, Value>>,
    forwarded: Option<bool>,
    frequently_forwarded: Option<bool>,
    /// Laid over everything else, by Twilio's names; null takes a field away, a list repeats it.
    fields: Map<String, Value>,
}

/// A file: `base64`, or `text`, or `size` bytes of nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MediaOrder {
    content_type: String,
    base64: Option<String>,
    text: Option<String>,
    size: Option<usize>,
    file_name: Option<String>,
    /// How many tries at the API find nothing yet.
    #[serde(default)]
    missing_tries: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Location {
    latitude: f64,
    longitude: f64,
    address: Option<String>,
    label: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contact {
    name: String,
    phone: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Button {
    text: String,
    payload: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    id: String,
    title: String,
}

/// What became of a customer's message.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) message_sid: String,
    /// The webhook that tells of it; none if the sandbox dealt with it itself.
    pub(crate) order: Option<u64>,
}

impl MediaOrder {
    fn bytes(&self) -> Result<Bytes, Problem> {
        let bytes = match (&self.base64, &self.text, self.size) {
            (Some(encoded), None, None) => {
                STANDARD.decode(encoded).map_err(|_| Problem::bad("media.base64 is not base64"))?
            }
            (None, Some(text), None) => text.clone().into_bytes(),
            (None, None, Some(size)) if size <= kinds::MAX_MEDIA => vec![0; size],
            (None, None, Some(_)) => return Err(Problem::bad("media.size is over 16 MB")),
            _ => return Err(Problem::bad("media needs one of base64, text and size")),
        };
        Ok(bytes.into())
    }
}

/// Which of the account's numbers a customer means.
pub(crate) fn number(account: &Account, to: Option<&str>) -> Result<String, Problem> {
    match to {
        Some(to) => {
            let number = named(to).ok_or_else(|| Problem::bad(format!("{to} is not a number")))?;
            let known = account.sender(&number).is_some();
            if known { Ok(number) } else { Err(Problem::unknown(format!("the account has no number {number}"))) }
        }
        // The sandbox is the first of all.
        None => Ok(account.senders.get(1).unwrap_or(&account.senders[0]).number.clone()),
    }
}

/// The customer writes.
pub(crate) fn write(
    shared: &Arc<Shared>,
    account: &mut Account,
    customer: &str,
    mut writing: Writing,
) -> Result<Written, Problem> {
    let ours = number(account, writing.to.as_deref())?;
    let conversation = account.conversation(&ours, customer);
    if conversation.blocked {
        return Err(Problem::conflict("the customer blocked the number"));
    }
    if let Some(name) = writing.profile_name.take() {
        conversation.profile_name = Some(name);
    }
    if let Some(contact) = writing.contact.take() {
        writing.media = Some(vcard(&contact));
    }
    let medium = writing.media.take().map(|media| Ok::<_, Problem>((media.bytes()?, media))).transpose()?;
    let now_ms = shared.now_ms();
    let kind = if medium.is_some() { "MM" } else { "SM" };
    let mut message = Message::new(new_sid(kind), Direction::Inbound, &ours, customer, now_ms);
    message.status = "received".into();
    message.body = text(&writing, medium.as_ref().map(|(_, media)| media));
    message.extra = extra(&writing);
    if let Some((bytes, order)) = medium {
        let sid = new_sid("ME");
        message.media.push(sid.clone());
        let media = Media {
            sid: sid.clone(),
            message_sid: message.sid.clone(),
            content_type: order.content_type,
            bytes,
            created_ms: now_ms,
            deleted: false,
            missing_tries: order.missing_tries,
            fetches: Vec::new(),
        };
        account.media.insert(sid, media);
    }
    let opt_out = opt_out(&message.body);
    let message_sid = message.sid.clone();
    let params = params(shared, account, &message, &writing, opt_out);
    let body = message.body.clone();
    account.add_message(shared, message);
    if ours == SANDBOX_NUMBER && sandbox_deals_with(shared, account, customer, &body) {
        return Ok(Written { message_sid, order: None });
    }
    let conversation = account.conversation(&ours, customer);
    conversation.last_inbound_ms = Some(now_ms);
    match opt_out {
        Some("STOP") => {
            conversation.opted_out = true;
            conversation.joined_until_ms = None;
        }
        Some("START") => conversation.opted_out = false,
        _ => {}
    }
    let notice = notice(account, &ours, Kind::Inbound, customer, Some(message_sid.clone()), params);
    Ok(Written { message_sid, order: Some(webhooks::record(account, notice, now_ms)) })
}

/// A webhook to the receiver of one of the account's numbers.
pub(crate) fn notice(
    account: &Account,
    ours: &str,
    kind: Kind,
    customer: &str,
    message_sid: Option<String>,
    params: Vec<(String, String)>,
) -> Notice {
    let hook = account.sender(ours).map(|sender| sender.webhook.clone()).unwrap_or_default();
    let (url, method) = match kind {
        Kind::Inbound => (hook.callback_url, hook.callback_method),
        Kind::Status => (hook.status_callback_url, hook.status_callback_method),
    };
    let fallback = Some((hook.fallback_url, hook.fallback_method)).filter(|(url, _)| !url.is_empty());
    let customer = Some(customer.to_owned());
    Notice { kind, url, method, fallback, params, raw: None, customer, message_sid }
}

/// Whether the sandbox keeps a message to itself: one that joins, and all before that.
fn sandbox_deals_with(shared: &Arc<Shared>, account: &mut Account, customer: &str, body: &str) -> bool {
    let now_ms = shared.now_ms();
    let code = account.join_code.clone();
    let asked = body.trim().to_ascii_lowercase();
    let joins = asked.strip_prefix("join ").map(str::trim);
    let conversation = account.conversation(SANDBOX_NUMBER, customer);
    let joined = conversation.joined_until_ms.is_some_and(|until| now_ms < until);
    let answer = match joins {
        Some(given) if given == code.to_ascii_lowercase() => {
            conversation.joined_until_ms = Some(now_ms + MEMBERSHIP_MS);
            conversation.last_inbound_ms = Some(now_ms);
            conversation.opted_out = false;
            "Twilio Sandbox: ✅ You are all set! The sandbox can now send/receive messages. Reply stop to leave the \
             sandbox any time."
                .to_owned()
        }
        None if joined => return false,
        _ => format!(
            "Twilio Sandbox: ⚠️ Your number {} is not connected to a Sandbox. You need to connect it first by sending \
             join <sandbox name>.",
            whatsapp(customer)
        ),
    };
    let mut message = Message::new(new_sid("SM"), Direction::OutboundReply, SANDBOX_NUMBER, customer, now_ms);
    message.body = answer;
    message.status = "delivered".into();
    message.sent_ms = Some(now_ms);
    account.add_message(shared, message);
    true
}

fn opt_out(body: &str) -> Option<&'static str> {
    let word = body.trim().to_uppercase();
    let is = |words: &[&str]| words.contains(&word.as_str());
    match () {
        () if is(&STOP) => Some("STOP"),
        () if is(&START) => Some("START"),
        () if is(&HELP) => Some("HELP"),
        () => None,
    }
}

fn vcard(contact: &Contact) -> MediaOrder {
    let text = format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:;{0};;;\r\nFN:{0}\r\nTEL;TYPE=CELL:{1}\r\nEND:VCARD\r\n",
        contact.name, contact.phone
    );
    MediaOrder {
        content_type: "text/vcard".into(),
        base64: None,
        text: Some(text),
        size: None,
        file_name: None,
        missing_tries: 0,
    }
}

/// The text: the customer's own, that of a button or a list's line, or a document's name.
fn text(writing: &Writing, media: Option<&MediaOrder>) -> String {
    let chosen = || {
        let button = writing.button.as_ref().map(|button| button.text.clone());
        let line = writing.list.as_ref().map(|list| list.title.clone());
        let document = media.filter(|media| kinds::message_type(&kinds::base(&media.content_type)) == "document");
        button.or(line).or_else(|| document.and_then(|media| media.file_name.clone()))
    };
    writing.body.clone().or_else(chosen).unwrap_or_default()
}

/// What the page shows beside text and media.
fn extra(writing: &Writing) -> Value {
    let location = writing.location.as_ref().map(|place| {
        json!({"latitude": place.latitude, "longitude": place.longitude, "address": place.address, "label": place.label})
    });
    json!({"location": location, "reply_to": writing.reply_to, "forwarded": writing.forwarded})
}

fn params(
    shared: &Shared,
    account: &mut Account,
    message: &Message,
    writing: &Writing,
    opt_out: Option<&str>,
) -> Vec<(String, String)> {
    let customer = &message.customer;
    let has_number = is_number(customer);
    let digits = customer.trim_start_matches('+').to_owned();
    let conversation = account.conversation(&message.ours, customer);
    let name = conversation.profile_name.clone().unwrap_or_else(|| "Synt Hetic".into());
    let medium = message.media.first().and_then(|sid| account.media.get(sid));
    let kind = match medium {
        Some(media) => kinds::message_type(&kinds::base(&media.content_type)),
        None if writing.location.is_some() => "location",
        None if writing.button.is_some() => "button",
        None if writing.list.is_some() => "interactive",
        None => "text",
    };
    let mut context = json!({"ProfileName": name});
    context[if has_number { "WaId" } else { "ExternalUserId" }] = digits.clone().into();
    let metadata = json!({"type": "whatsapp", "data": {"context": context}});
    let mut all: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: &str| all.push((name.to_owned(), value.to_owned()));
    add("SmsMessageSid", &message.sid);
    add("NumMedia", &message.media.len().to_string());
    add("ProfileName", &name);
    add("MessageType", kind);
    add("SmsSid", &message.sid);
    add(if has_number { "WaId" } else { "ExternalUserId" }, &digits);
    add("SmsStatus", "received");
    add("Body", &message.body);
    add("To", &whatsapp(&message.ours));
    add("NumSegments", "1");
    add("ReferralNumMedia", "0");
    add("MessageSid", &message.sid);
    add("AccountSid", &account.sid);
    add("ChannelMetadata", &metadata.to_string());
    add("From", &whatsapp(customer));
    add("ApiVersion", "2010-04-01");
    if let Some(service) = account.sender(&message.ours).and_then(|sender| sender.messaging_service_sid.as_ref()) {
        add("MessagingServiceSid", service);
    }
    if let Some(media) = medium {
        let (base, account) = (&shared.url, &account.sid);
        add("MediaContentType0", &media.content_type);
        add("MediaUrl0", &format!("{base}/2010-04-01/Accounts/{account}/Messages/{}/Media/{}", message.sid, media.sid));
    }
    if let Some(kind) = opt_out {
        add("OptOutType", kind);
    }
    add_content(&mut add, account, message, writing);
    for (name, value) in &writing.fields {
        all.retain(|(known, _)| known != name);
        if !value.is_null() {
            let one = Map::from_iter([(name.clone(), value.clone())]);
            all.extend(webhooks::params_of(&one));
        }
    }
    all
}

fn add_content(add: &mut impl FnMut(&str, &str), account: &Account, message: &Message, writing: &Writing) {
    if let Some(place) = &writing.location {
        add("Latitude", &place.latitude.to_string());
        add("Longitude", &place.longitude.to_string());
        for (name, value) in [("Address", &place.address), ("Label", &place.label)] {
            if let Some(value) = value {
                add(name, value);
            }
        }
    }
    if let Some(list) = &writing.list {
        add("ListId", &list.id);
        add("ListTitle", &list.title);
    }
    if let Some(button) = &writing.button {
        add("ButtonText", &button.text);
        add("ButtonPayload", &button.payload);
    }
    if let Some(sid) = &writing.reply_to {
        let by_customer = account.message(sid).is_some_and(|original| original.direction == Direction::Inbound);
        let sender = if by_customer { &message.customer } else { &message.ours };
        add("OriginalRepliedMessageSender", &whatsapp(sender));
        add("OriginalRepliedMessageSid", sid);
    }
    for (name, value) in writing.referral.iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        add(&format!("Referral{name}"), &text);
    }
    for (name, value) in [("Forwarded", writing.forwarded), ("FrequentlyForwarded", writing.frequently_forwarded)] {
        if let Some(flag) = value {
            add(name, &flag.to_string());
        }
    }
}
