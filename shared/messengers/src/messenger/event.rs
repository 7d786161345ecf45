//! One event of a page.

use domain::content::{Content, TEXT_CHARS_MAX};
use domain::inbound::{Customer, Holder, InboundEvent, InboundKind, Which};
use domain::message::DeliveryState;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::attachment::{NAME_CHARS_MAX, contents};
use super::update::ignored;
use crate::fields::{Object, flag, handle, line, object, words};

/// The longest id of a page, a person or an app, bytes; today's have up to 17 digits.
const ID_BYTES_MAX: usize = 64;
/// The longest id of a message, bytes; today's have about 100.
const MID_BYTES_MAX: usize = 256;
/// The longest dedupe key, bytes: with the channel's id before it, it has to fit into the 128 characters of a queue's.
const KEY_BYTES_MAX: usize = 63;
/// The most messages that one receipt names; where there are more, its time says the same.
const MIDS_MAX: usize = 50;
/// The most characters of a reaction: an emoji of many parts has about ten.
const REACTION_CHARS_MAX: usize = 32;
/// How much of the customer's id stands in for their name, characters.
const NAME_DIGITS: usize = 4;

/// Where an event happened.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    fields: &'a Object,
    /// The customer's id.
    psid: String,
    /// Whether it comes from the page's side.
    by_page: bool,
    standby: bool,
    at_ms: i64,
}

/// What came of it, or why it is ignored.
type Understood = Result<Vec<InboundEvent>, &'static str>;

/// An id, which may be written as a number. It becomes a part of addresses and keys: letters and digits only.
pub(super) fn id(value: &Value) -> Option<String> {
    let id = match value {
        Value::String(id) => id.clone(),
        Value::Number(id) => id.as_u64()?.to_string(),
        _ => return None,
    };
    let is_id = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    ((1..=ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(is_id)).then_some(id)
}

/// A time or a watermark, milliseconds since 1970; the developers' console writes them as text.
fn time_ms(of: &Object, field: &str) -> Option<i64> {
    let value = of.get(field)?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok()).filter(|ms| *ms > 0)
}

impl<'a> Scene<'a> {
    /// The customer is whoever is not the page: events of control name the two in either order. Without a time of its own an
    /// event happened, as far as we know, when its entry was sent.
    pub(super) fn of(page: &str, entry: &Object, fields: &'a Object, standby: bool) -> Self {
        let party = |role| id(object(fields, role)?.get("id")?);
        let (sender, recipient) = (party("sender"), party("recipient"));
        let by_page = sender.as_deref() == Some(page);
        let psid = [sender, recipient].into_iter().flatten().find(|id| id != page);
        // Without a customer it may still be something that is ignored for what it is.
        let psid = psid.unwrap_or_default();
        let at_ms = time_ms(fields, "timestamp").or_else(|| time_ms(entry, "time")).unwrap_or(0);
        Self { fields, psid, by_page, standby, at_ms }
    }

    fn event(&self, key: &str, what: InboundKind) -> InboundEvent {
        let digits: Vec<char> = self.psid.chars().collect();
        let last: String = digits[digits.len().saturating_sub(NAME_DIGITS)..].iter().collect();
        InboundEvent {
            event_id: event_id(key),
            customer: Customer {
                address: self.psid.clone(),
                name: format!("Messenger …{last}"),
                is_stand_in: true,
                username: None,
                language: None,
            },
            at_ms: self.at_ms,
            standby: self.standby,
            what,
        }
    }

    /// The key of an event that has no id: what it is, whose, when.
    fn key(&self, kind: &str) -> String {
        format!("{kind}.{}.{}", self.psid, self.at_ms)
    }
}

/// The key itself where a queue takes it as it is, else its hash.
fn event_id(key: &str) -> String {
    if key.len() <= KEY_BYTES_MAX && key.bytes().all(|b| b.is_ascii_graphic()) {
        key.to_owned()
    } else {
        format!("sha256.{}", hex::encode(&Sha256::digest(key)[..16]))
    }
}

/// The kinds of event that are understood, by the field that each has.
const KINDS: [&str; 9] = [
    "message",
    "message_edit",
    "postback",
    "reaction",
    "delivery",
    "read",
    "pass_thread_control",
    "take_thread_control",
    "request_thread_control",
];

/// What happened.
pub(super) fn read(scene: &Scene) -> Understood {
    let is_there = |kind: &str| scene.fields.get(kind).is_some_and(|value| !value.is_null());
    let Some(kind) = KINDS.into_iter().find(|kind| is_there(kind)) else {
        let known = [("referral", ignored::REFERRAL), ("optin", ignored::OPTIN), ("app_roles", ignored::APP_ROLES)];
        return Err(known.iter().find(|(kind, _)| is_there(kind)).map_or(ignored::UNKNOWN_KIND, |(_, why)| why));
    };
    let fields = object(scene.fields, kind).filter(|_| !scene.psid.is_empty()).ok_or(ignored::MALFORMED)?;
    let event = match kind {
        "message" => return message(scene, fields),
        "message_edit" => message_edit(scene, fields)?,
        "postback" => postback(scene, fields),
        "reaction" => reaction(scene, fields)?,
        "delivery" => delivery(scene, fields)?,
        "read" => read_receipt(scene, fields)?,
        "pass_thread_control" => pass_thread_control(scene, fields),
        "take_thread_control" => take_thread_control(scene, fields),
        _ => request_thread_control(scene, fields)?,
    };
    Ok(vec![event])
}

/// A message: the customer's, or an echo of what was written to them. One with several attachments is several events, the
/// first with the message's own id, the others with `#` and their number behind it.
fn message(scene: &Scene, message: &Object) -> Understood {
    if flag(message, "is_deleted") {
        return Err(ignored::DELETED);
    }
    let mid = handle(message, "mid", MID_BYTES_MAX).ok_or(ignored::MALFORMED)?;
    let is_echo = flag(message, "is_echo") || scene.by_page;
    let contents = contents(&mid, message).into_iter().enumerate();
    let events = contents.map(|(n, content)| {
        let message_id = if n == 0 { mid.clone() } else { format!("{mid}#{n}") };
        let key = message_id.clone();
        let what = if is_echo { echo(message, message_id, content) } else { said(message, message_id, content) };
        scene.event(&key, what)
    });
    Ok(events.collect())
}

fn said(message: &Object, message_id: String, content: Content) -> InboundKind {
    let reply_to = object(message, "reply_to").and_then(|original| handle(original, "mid", MID_BYTES_MAX));
    InboundKind::Message { message_id, content, reply_to, quote: None, forwarded_from: None }
}

/// What was written from the page's side. Replies of ours carry their name as `metadata`.
fn echo(message: &Object, message_id: String, content: Content) -> InboundKind {
    let reply = message.get("metadata").and_then(Value::as_str).and_then(|name| name.parse().ok());
    InboundKind::Echo { message_id, content, reply, app: message.get("app_id").and_then(id) }
}

/// The customer changed what they wrote (they may, five times).
fn message_edit(scene: &Scene, edit: &Object) -> Result<InboundEvent, &'static str> {
    if scene.by_page {
        return Err(ignored::BY_PAGE);
    }
    let message_id = handle(edit, "mid", MID_BYTES_MAX).ok_or(ignored::MALFORMED)?;
    let text = words(edit, "text", TEXT_CHARS_MAX).ok_or(ignored::MALFORMED)?;
    let number = edit.get("num_edit").and_then(Value::as_i64).unwrap_or(scene.at_ms);
    let key = format!("edit.{number}.{message_id}");
    Ok(scene.event(&key, InboundKind::Edited { message_id, content: Content::Text { text } }))
}

/// A pressed button: a message of the customer. In standby it comes without what it carries.
fn postback(scene: &Scene, postback: &Object) -> InboundEvent {
    let message_id = handle(postback, "mid", MID_BYTES_MAX).unwrap_or_else(|| scene.key("postback"));
    let label = words(postback, "title", NAME_CHARS_MAX).or_else(|| words(postback, "payload", NAME_CHARS_MAX));
    let content = Content::Button { label: label.unwrap_or_else(|| "button".to_owned()) };
    let key = message_id.clone();
    scene.event(&key, said(postback, message_id, content))
}

fn reaction(scene: &Scene, reaction: &Object) -> Result<InboundEvent, &'static str> {
    if scene.by_page {
        return Err(ignored::BY_PAGE);
    }
    let message_id = handle(reaction, "mid", MID_BYTES_MAX).ok_or(ignored::MALFORMED)?;
    let action = reaction.get("action").and_then(Value::as_str);
    let emoji =
        || line(reaction, "emoji", REACTION_CHARS_MAX).or_else(|| line(reaction, "reaction", REACTION_CHARS_MAX));
    let (word, reaction) = match action {
        Some("react") => ("react", Some(emoji().ok_or(ignored::MALFORMED)?)),
        Some("unreact") => ("unreact", None),
        _ => return Err(ignored::MALFORMED),
    };
    let key = format!("{}.{message_id}", scene.key(word));
    Ok(scene.event(&key, InboundKind::Reaction { message_id, reaction }))
}

/// The messages that it names; where it names none, or too many, all until its watermark.
fn delivery(scene: &Scene, delivery: &Object) -> Result<InboundEvent, &'static str> {
    let mids = delivery.get("mids").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let watermark = time_ms(delivery, "watermark");
    let named: Vec<String> = mids.iter().filter_map(mid_of).take(MIDS_MAX).collect();
    let which = match watermark {
        Some(watermark) if named.is_empty() || mids.len() > MIDS_MAX => Which::UpTo(watermark),
        _ if named.is_empty() => return Err(ignored::MALFORMED),
        _ => Which::Messages(named),
    };
    Ok(receipt(scene, "delivered", which, DeliveryState::Delivered))
}

fn mid_of(value: &Value) -> Option<String> {
    let mid = value.as_str()?;
    ((1..=MID_BYTES_MAX).contains(&mid.len()) && !mid.contains('\0')).then(|| mid.to_owned())
}

fn read_receipt(scene: &Scene, read: &Object) -> Result<InboundEvent, &'static str> {
    let which = time_ms(read, "watermark").map(Which::UpTo);
    let which = which.or_else(|| Some(Which::Messages(vec![handle(read, "mid", MID_BYTES_MAX)?])));
    Ok(receipt(scene, "read", which.ok_or(ignored::MALFORMED)?, DeliveryState::Read))
}

/// A receipt is told by what it says, for it may have no time of its own.
fn receipt(scene: &Scene, word: &str, which: Which, state: DeliveryState) -> InboundEvent {
    let what = match &which {
        Which::UpTo(watermark) => watermark.to_string(),
        Which::Messages(mids) => mids.join(" "),
        Which::Reply { message_id, .. } => message_id.clone(),
    };
    let key = format!("{word}.{}.{what}", scene.psid);
    scene.event(&key, InboundKind::Delivery { which, state, reason: None })
}

/// Whoever gets a conversation is told so; in standby, that somebody else has got it.
fn pass_thread_control(scene: &Scene, pass: &Object) -> InboundEvent {
    let to = if scene.standby {
        Holder::Other { app: pass.get("new_owner_app_id").and_then(id) }
    } else {
        Holder::Us { from: pass.get("previous_owner_app_id").and_then(id) }
    };
    scene.event(&scene.key("pass"), InboundKind::Control { to })
}

/// Whoever loses a conversation is told so.
fn take_thread_control(scene: &Scene, take: &Object) -> InboundEvent {
    let to = Holder::Other { app: take.get("new_owner_app_id").and_then(id) };
    scene.event(&scene.key("take"), InboundKind::Control { to })
}

fn request_thread_control(scene: &Scene, request: &Object) -> Result<InboundEvent, &'static str> {
    let app = request.get("requested_owner_app_id").and_then(id).ok_or(ignored::MALFORMED)?;
    Ok(scene.event(&scene.key("request"), InboundKind::ControlRequested { app }))
}
