//! What customers do, as events.

use std::sync::Arc;

use axum::body::Bytes;
use serde_json::{Map, Value, json};

use super::conversation::{Conversation, StoredMessage, new_mid};
use super::delivery::Mode;
use super::events::{self, Kind, from_customer};
use super::files;
use super::state::{Page, Shared, World};

/// How often a customer can edit a message.
const MAX_EDITS: u32 = 5;

/// The largest made-up file, in bytes.
const MAX_MADE_FILE: usize = 64 * 1024 * 1024;

/// What can be written into a file that the control API makes up.
const FILE_KEYS: [&str; 6] = ["type", "file_id", "size", "content_type", "name", "text"];

/// Why a customer can't do that; shown by the control API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Nothing of that kind exists.
    Unknown(String),
    /// The conversation's state does not allow it.
    Conflict(String),
    /// The order makes no sense.
    Bad(String),
}

/// What a customer's action came to.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) mid: String,
    pub(crate) time_ms: u64,
    pub(crate) deliveries: Vec<u64>,
}

/// Takes the customer from the page's conversations, or makes them, with the given names.
pub(crate) fn customer<'a>(page: &'a mut Page, psid: &str, profile: &Map<String, Value>) -> &'a mut Conversation {
    let known = page.conversations.entry(psid.to_owned()).or_insert_with(|| Conversation::new(psid));
    let text = |name: &str| profile.get(name).and_then(Value::as_str).map(str::to_owned);
    if let Some(name) = text("first_name") {
        known.first_name = name;
        known.last_name = text("last_name").unwrap_or_default();
    } else if let Some(name) = text("last_name") {
        known.last_name = name;
    }
    if let Some(url) = text("profile_pic") {
        known.profile_pic = Some(url);
    }
    known
}

fn page_mut<'a>(world: &'a mut World, page_id: &str) -> Result<&'a mut Page, Refused> {
    world.pages.get_mut(page_id).ok_or_else(|| Refused::Unknown(format!("there is no page {page_id}")))
}

fn known<'a>(world: &'a mut World, page_id: &str, psid: &str) -> Result<&'a mut Conversation, Refused> {
    let unknown = || Refused::Unknown(format!("the page has no customer {psid}"));
    page_mut(world, page_id)?.conversations.get_mut(psid).ok_or_else(unknown)
}

/// The customer does something that opens the window, and gives an idle thread to the page's default app.
fn begin<'a>(
    shared: &Shared,
    world: &'a mut World,
    page_id: &str,
    psid: &str,
    profile: &Map<String, Value>,
) -> Result<&'a mut Conversation, Refused> {
    let now_ms = shared.clock.now_ms();
    let page = page_mut(world, page_id)?;
    let primary = page.primary.clone();
    let conversation = customer(page, psid, profile);
    if conversation.blocked {
        return Err(Refused::Conflict("the customer blocked the page".into()));
    }
    conversation.last_customer_ms = Some(now_ms);
    conversation.version = shared.next_version();
    if let Some(primary) = primary {
        let owner = conversation.owner(now_ms).unwrap_or(&primary).to_owned();
        conversation.set_owner(Some(&owner), now_ms);
    }
    Ok(conversation)
}

/// Takes what is not part of the message out of an order: names and time.
fn take_frame(content: &mut Map<String, Value>) -> Result<(Map<String, Value>, Option<u64>), Refused> {
    let profile = match content.remove("from") {
        None => Map::new(),
        Some(Value::Object(profile)) => profile,
        Some(_) => return Err(Refused::Bad("from must be an object".into())),
    };
    let time = content.remove("timestamp");
    let time_ms = time.as_ref().and_then(Value::as_u64);
    if time.is_some() && time_ms.is_none() {
        return Err(Refused::Bad("timestamp must be milliseconds since 1970".into()));
    }
    Ok((profile, time_ms))
}

/// The customer writes: `content` are fields of `message`, laid over a new `mid`; `from` sets names, `timestamp` the
/// event's time.
pub(crate) fn write(
    shared: &Arc<Shared>,
    world: &mut World,
    page_id: &str,
    psid: &str,
    mut content: Map<String, Value>,
    mode: Mode,
) -> Result<Done, Refused> {
    let (profile, time_ms) = take_frame(&mut content)?;
    let time_ms = time_ms.unwrap_or_else(|| shared.clock.now_ms());
    if let Some(attachments) = content.get_mut("attachments") {
        let list = attachments.as_array_mut().ok_or_else(|| Refused::Bad("attachments must be a list".into()))?;
        for attachment in list {
            *attachment = make_attachment(shared, world, attachment)?;
        }
    }
    let mut message = Map::from_iter([("mid".to_owned(), new_mid().into())]);
    message.extend(content);
    let mid = message["mid"].as_str().unwrap_or_default().to_owned();
    let message = Value::Object(message);
    let conversation = begin(shared, world, page_id, psid, &profile)?;
    conversation.messages.push(stored(&mid, message.clone(), shared.clock.now_ms()));
    let event = from_customer(page_id, psid, time_ms, "message", &message);
    let deliveries = events::publish(shared, world, page_id, psid, Kind::Message, &event, mode);
    Ok(Done { mid, time_ms, deliveries })
}

fn stored(mid: &str, message: Value, time_ms: u64) -> StoredMessage {
    let mid = mid.to_owned();
    StoredMessage { mid, app_id: None, message, time_ms, edits: 0, reaction: None, deliveries: Vec::new() }
}

/// An attachment as events carry it. One with a payload (or a link) is taken as it is; else the order names a file, or
/// tells what file to make up.
fn make_attachment(shared: &Shared, world: &mut World, order: &Value) -> Result<Value, Refused> {
    let Some(fields) = order.as_object() else { return Err(Refused::Bad("an attachment is an object".into())) };
    let kind = order["type"].as_str().ok_or_else(|| Refused::Bad("an attachment needs a type".into()))?;
    if !fields.keys().all(|key| FILE_KEYS.contains(&key.as_str())) {
        return Ok(order.clone());
    }
    if let Some(id) = order["file_id"].as_str() {
        let file = world.files.get(id).ok_or_else(|| Refused::Unknown(format!("there is no file {id}")))?;
        let (name, content_type, bytes) = (file.name.clone(), file.content_type.clone(), file.bytes.clone());
        // A URL of its own for every message, as from Facebook.
        let (_, url) = files::store(shared, world, &name, &content_type, bytes);
        return Ok(json!({"type": kind, "payload": {"url": url}}));
    }
    let (name, content_type, sample) = files::sample(kind);
    let bytes = match (order["size"].as_u64(), order["text"].as_str()) {
        (None, None) => sample,
        (None, Some(text)) => Bytes::from(text.to_owned()),
        (Some(size), _) => {
            let size = usize::try_from(size).ok().filter(|size| *size <= MAX_MADE_FILE);
            Bytes::from(vec![b'x'; size.ok_or_else(|| Refused::Bad("size is 64 MiB at most".into()))?])
        }
    };
    let name = order["name"].as_str().unwrap_or(name);
    let content_type = order["content_type"].as_str().unwrap_or(content_type);
    let (_, url) = files::store(shared, world, name, content_type, bytes);
    Ok(json!({"type": kind, "payload": {"url": url}}))
}

/// The customer edits an own message.
pub(crate) fn edit(
    shared: &Arc<Shared>,
    world: &mut World,
    page_id: &str,
    psid: &str,
    mid: &str,
    text: &str,
) -> Result<Done, Refused> {
    let version = shared.next_version();
    let conversation = known(world, page_id, psid)?;
    conversation.version = version;
    let found = conversation.message_mut(mid).filter(|message| message.app_id.is_none());
    let message = found.ok_or_else(|| Refused::Unknown(format!("the customer wrote no message {mid}")))?;
    if message.edits >= MAX_EDITS {
        return Err(Refused::Conflict(format!("a message can be edited {MAX_EDITS} times")));
    }
    message.edits += 1;
    message.message["text"] = text.into();
    let content = json!({"mid": mid, "text": text, "num_edit": message.edits});
    Ok(tell(shared, world, page_id, psid, Kind::Edit, "message_edit", mid, &content))
}

/// The customer reacts to a message, or takes the reaction back.
pub(crate) fn react(
    shared: &Arc<Shared>,
    world: &mut World,
    page_id: &str,
    psid: &str,
    mid: &str,
    reaction: Option<(&str, &str)>,
) -> Result<Done, Refused> {
    let version = shared.next_version();
    let conversation = known(world, page_id, psid)?;
    conversation.version = version;
    let found = conversation.message_mut(mid);
    let message = found.ok_or_else(|| Refused::Unknown(format!("there is no message {mid}")))?;
    message.reaction = reaction.map(|(_, emoji)| emoji.to_owned());
    let content = match reaction {
        Some((name, emoji)) => json!({"reaction": name, "emoji": emoji, "action": "react", "mid": mid}),
        None => json!({"action": "unreact", "mid": mid}),
    };
    Ok(tell(shared, world, page_id, psid, Kind::Reaction, "reaction", mid, &content))
}

/// The customer presses a button: `content` are fields of `postback`.
pub(crate) fn press(
    shared: &Arc<Shared>,
    world: &mut World,
    page_id: &str,
    psid: &str,
    mut content: Map<String, Value>,
) -> Result<Done, Refused> {
    let (profile, _) = take_frame(&mut content)?;
    let mut postback = Map::from_iter([("mid".to_owned(), new_mid().into())]);
    postback.extend(content);
    let mid = postback["mid"].as_str().unwrap_or_default().to_owned();
    let shown = json!({"mid": mid, "text": postback.get("title")});
    let conversation = begin(shared, world, page_id, psid, &profile)?;
    conversation.messages.push(stored(&mid, shown, shared.clock.now_ms()));
    Ok(tell(shared, world, page_id, psid, Kind::Postback, "postback", &mid, &Value::Object(postback)))
}

/// The customer comes by a link (`referral`) or a plug-in (`optin`).
pub(crate) fn arrive(
    shared: &Arc<Shared>,
    world: &mut World,
    page_id: &str,
    psid: &str,
    kind: Kind,
    mut content: Map<String, Value>,
) -> Result<Done, Refused> {
    let (profile, _) = take_frame(&mut content)?;
    begin(shared, world, page_id, psid, &profile)?;
    let name = if kind == Kind::Optin { "optin" } else { "referral" };
    Ok(tell(shared, world, page_id, psid, kind, name, "", &Value::Object(content)))
}

#[expect(clippy::too_many_arguments, reason = "an event has an address, a kind and content")]
fn tell(
    shared: &Arc<Shared>,
    world: &mut World,
    page_id: &str,
    psid: &str,
    kind: Kind,
    name: &str,
    mid: &str,
    content: &Value,
) -> Done {
    let time_ms = shared.clock.now_ms();
    let event = from_customer(page_id, psid, time_ms, name, content);
    let deliveries = events::publish(shared, world, page_id, psid, kind, &event, Mode::Queued);
    Done { mid: mid.to_owned(), time_ms, deliveries }
}

/// Everything up to `watermark` (milliseconds since 1970) is delivered to the customer, or read.
pub(crate) fn receive(
    shared: &Arc<Shared>,
    world: &mut World,
    page_id: &str,
    psid: &str,
    watermark: u64,
    kind: Kind,
) -> Option<Done> {
    let version = shared.next_version();
    let conversation = world.pages.get_mut(page_id)?.conversations.get_mut(psid)?;
    conversation.version = version;
    let before_ms = conversation.delivered_ms;
    conversation.delivered_ms = before_ms.max(watermark);
    let event = if kind == Kind::Read {
        conversation.read_ms = conversation.read_ms.max(watermark);
        from_customer(page_id, psid, shared.clock.now_ms(), "read", &json!({"watermark": watermark}))
    } else {
        let sent = conversation.messages.iter().filter(|message| message.app_id.is_some());
        let new = sent.filter(|message| message.time_ms > before_ms && message.time_ms <= watermark);
        let mids: Vec<&str> = new.map(|message| message.mid.as_str()).collect();
        // A delivery has no time of its own.
        let delivery = json!({"mids": mids, "watermark": watermark});
        json!({"sender": {"id": psid}, "recipient": {"id": page_id}, "delivery": delivery})
    };
    let deliveries = events::publish(shared, world, page_id, psid, kind, &event, Mode::Queued);
    Some(Done { mid: String::new(), time_ms: watermark, deliveries })
}

/// The customer blocks the page, or unblocks it.
pub(crate) fn block(
    shared: &Shared,
    world: &mut World,
    page_id: &str,
    psid: &str,
    blocked: bool,
) -> Result<(), Refused> {
    let conversation = known(world, page_id, psid)?;
    conversation.blocked = blocked;
    conversation.version = shared.next_version();
    Ok(())
}
