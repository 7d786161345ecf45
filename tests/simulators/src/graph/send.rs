//! The Send API, `POST /{PAGE-ID}/messages`: what a request may say, and what comes of it.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::attachments::{self, Source, Wanted};
use super::conversation::{StoredMessage, new_mid};
use super::delivery::Mode;
use super::error::GraphError;
use super::events::{self, Kind};
use super::handover::recipient;
use super::params::Params;
use super::people;
use super::state::{EchoTime, Page, Shared, World, number};

/// The longest text, in characters.
const MAX_TEXT: usize = 2000;

/// The longest `metadata`, in characters.
const MAX_METADATA: usize = 1000;

/// The most quick replies of a message, the longest title and the longest payload, in characters.
const MAX_QUICK_REPLIES: usize = 13;
const MAX_QUICK_TITLE: usize = 20;
const MAX_QUICK_PAYLOAD: usize = 1000;

/// How long the page may answer after the customer wrote, in milliseconds: 24 h; people with a tag: seven days.
const WINDOW_MS: u64 = 24 * 3600 * 1000;
const HUMAN_WINDOW_MS: u64 = 7 * WINDOW_MS;

/// How long the typing sign shows, in milliseconds.
const TYPING_MS: u64 = 20_000;

const MESSAGING_TYPES: [&str; 4] = ["RESPONSE", "UPDATE", "MESSAGE_TAG", "UTILITY"];
const ACTIONS: [&str; 3] = ["typing_on", "typing_off", "mark_seen"];
const MESSAGE_KEYS: [&str; 4] = ["text", "attachment", "metadata", "quick_replies"];

/// A request whose shape is right.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) psid: String,
    human_agent: bool,
    pub(crate) content: Content,
}

/// What is to be sent.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Action(String),
    Message { text: Option<String>, attachment: Option<Wanted>, fields: Map<String, Value>, reply_to: Option<String> },
}

/// What a send came to.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) result: Value,
    /// Deliveries that the answer waits for.
    pub(crate) wait_for: Vec<u64>,
}

/// Reads a request and checks its shape.
pub(crate) fn read(params: &Params) -> Result<Request, GraphError> {
    let psid = recipient(params)?;
    let message = params.structured("message");
    if let Some(action) = params.text("sender_action") {
        if message.is_some() {
            let why = "(#100) The parameters sender_action and message cannot be used together";
            return Err(GraphError::sub(100, 2_018_014, why));
        }
        return read_action(psid, &action);
    }
    let human_agent = read_type(params)?;
    let message = message.ok_or_else(|| GraphError::required("message"))?;
    let Value::Object(fields) = message else {
        return Err(GraphError::parameter("Param message must be an object"));
    };
    if let Some(unknown) = fields.keys().find(|key| !MESSAGE_KEYS.contains(&key.as_str())) {
        return Err(GraphError::parameter(&format!("Invalid keys \"{unknown}\" were found in param \"message\"")));
    }
    let text = read_text(&fields)?;
    let attachment = fields.get("attachment").filter(|value| !value.is_null());
    let attachment = attachment.map(|attachment| attachments::read(attachment, params)).transpose()?;
    if text.is_none() && attachment.is_none() {
        return Err(GraphError::parameter("Message cannot be empty, must provide valid attachment or text"));
    }
    if text.is_some() && attachment.is_some() {
        return Err(GraphError::parameter("Param message may have text or attachment, not both"));
    }
    let fields = read_rest(fields)?;
    let reply_to = params.structured("reply_to").and_then(|reply| reply["mid"].as_str().map(str::to_owned));
    Ok(Request { psid, human_agent, content: Content::Message { text, attachment, fields, reply_to } })
}

fn read_action(psid: String, action: &str) -> Result<Request, GraphError> {
    let action = action.to_ascii_lowercase();
    if !ACTIONS.contains(&action.as_str()) {
        let known = ACTIONS.map(str::to_ascii_uppercase).join(", ");
        return Err(GraphError::parameter(&format!("Param sender_action must be one of {{{known}}}")));
    }
    Ok(Request { psid, human_agent: false, content: Content::Action(action) })
}

/// `messaging_type` and `tag`. Returns whether a person answers late.
fn read_type(params: &Params) -> Result<bool, GraphError> {
    let kind = params.need("messaging_type")?;
    if !MESSAGING_TYPES.contains(&kind.as_str()) {
        let known = MESSAGING_TYPES.join(", ");
        return Err(GraphError::parameter(&format!("Param messaging_type must be one of {{{known}}}")));
    }
    if kind != "MESSAGE_TAG" {
        return Ok(false);
    }
    // The other tags were retired.
    if params.need("tag")? == "HUMAN_AGENT" { Ok(true) } else { Err(GraphError::parameter("Invalid parameter")) }
}

fn read_text(fields: &Map<String, Value>) -> Result<Option<String>, GraphError> {
    match fields.get("text") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => {
            Err(GraphError::parameter("Message cannot be empty, must provide valid attachment or text"))
        }
        Some(Value::String(text)) if text.chars().count() > MAX_TEXT => {
            Err(GraphError::parameter("Length of param message[text] must be less than or equal to 2000"))
        }
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(GraphError::parameter("Param message[text] must be a string")),
    }
}

/// `metadata` and `quick_replies`.
fn read_rest(mut fields: Map<String, Value>) -> Result<Map<String, Value>, GraphError> {
    fields.retain(|name, value| (name == "metadata" || name == "quick_replies") && !value.is_null());
    match fields.get("metadata") {
        Some(Value::String(text)) if text.chars().count() > MAX_METADATA => {
            return Err(GraphError::parameter("Length of param message[metadata] must be less than or equal to 1000"));
        }
        None | Some(Value::String(_)) => {}
        Some(_) => return Err(GraphError::parameter("Param message[metadata] must be a string")),
    }
    if let Some(replies) = fields.get("quick_replies") {
        let list = replies.as_array().filter(|list| list.len() <= MAX_QUICK_REPLIES);
        let list =
            list.ok_or_else(|| GraphError::parameter("Param message[quick_replies] must be a list of 13 at most"))?;
        if !list.iter().all(quick_reply_fits) {
            return Err(GraphError::parameter(
                "Param message[quick_replies] has an entry without a proper title or payload",
            ));
        }
    }
    Ok(fields)
}

fn quick_reply_fits(reply: &Value) -> bool {
    let fits = |name: &str, most| reply[name].as_str().is_some_and(|text| (1..=most).contains(&text.chars().count()));
    match reply["content_type"].as_str() {
        Some("text") => fits("title", MAX_QUICK_TITLE) && fits("payload", MAX_QUICK_PAYLOAD),
        Some("user_phone_number" | "user_email") => true,
        Some(_) | None => false,
    }
}

/// Whether an app may write to a customer now.
fn check(world: &World, page: &Page, app_id: &str, request: &Request, now_ms: u64) -> Result<(), GraphError> {
    let conversation = page.conversations.get(&request.psid).ok_or_else(GraphError::no_such_recipient)?;
    let last_ms = conversation.last_customer_ms.ok_or_else(GraphError::no_such_recipient)?;
    if conversation.blocked {
        return Err(GraphError::unavailable());
    }
    if page.primary.is_some() && conversation.owner(now_ms).is_some_and(|owner| owner != app_id) {
        return Err(GraphError::other_owner());
    }
    if matches!(request.content, Content::Action(_)) {
        return Ok(());
    }
    if request.human_agent && !world.apps.get(app_id).is_some_and(|app| app.human_agent) {
        return Err(GraphError::permission("human_agent"));
    }
    let window = if request.human_agent { HUMAN_WINDOW_MS } else { WINDOW_MS };
    if now_ms.saturating_sub(last_ms) > window { Err(GraphError::outside_window()) } else { Ok(()) }
}

/// Sends for an app: checks, puts the message into the conversation and sees to the events about it.
pub(crate) fn send(
    shared: &Arc<Shared>,
    world: &mut World,
    page_id: &str,
    app_id: &str,
    request: &Request,
) -> Result<Sent, GraphError> {
    let now_ms = shared.clock.now_ms();
    let page = world.pages.get(page_id).ok_or_else(|| GraphError::no_object(page_id))?;
    check(world, page, app_id, request, now_ms)?;
    match &request.content {
        Content::Action(action) => Ok(act(shared, world, page_id, &request.psid, action, now_ms)),
        Content::Message { text, attachment, fields, reply_to } => {
            let mut message = Map::from_iter([("mid".to_owned(), new_mid().into())]);
            if let Some(text) = text {
                message.insert("text".into(), text.clone().into());
            }
            if let Some(mid) = reply_to {
                check_reply(page, &request.psid, mid)?;
                message.insert("reply_to".into(), json!({"mid": mid}));
            }
            message.extend(fields.clone());
            admit(world, page_id, attachment.as_ref())?;
            let mut result = json!({"recipient_id": request.psid, "message_id": message["mid"]});
            if let Some(wanted) = attachment {
                let (attachment, id) = attachments::place(shared, world, page_id, wanted)?;
                message.insert("attachments".into(), json!([attachment]));
                if let Some(id) = id {
                    result["attachment_id"] = id.into();
                }
            }
            let wait_for = write(shared, world, page_id, &request.psid, app_id, message);
            Ok(Sent { result, wait_for })
        }
    }
}

fn check_reply(page: &Page, psid: &str, mid: &str) -> Result<(), GraphError> {
    let known = page.conversations.get(psid).and_then(|conversation| conversation.message(mid));
    let missing = || GraphError::parameter("Param reply_to[mid] is no message of this conversation");
    known.map(|_| ()).ok_or_else(missing)
}

/// Whether the page's limits let one more message through.
fn admit(world: &mut World, page_id: &str, attachment: Option<&Wanted>) -> Result<(), GraphError> {
    let heavy = attachment.is_some_and(|wanted| wanted.kind == "audio" || wanted.kind == "video");
    let admitted = world.pages.get_mut(page_id).is_none_or(|page| page.limits.admit(heavy, Instant::now()));
    if admitted { Ok(()) } else { Err(GraphError::rate_limited(613, page_id, 1)) }
}

fn act(shared: &Shared, world: &mut World, page_id: &str, psid: &str, action: &str, now_ms: u64) -> Sent {
    let page = world.pages.get_mut(page_id);
    if let Some(conversation) = page.and_then(|page| page.conversations.get_mut(psid)) {
        match action {
            "typing_on" => conversation.typing_until_ms = now_ms + TYPING_MS,
            "typing_off" => conversation.typing_until_ms = 0,
            _ => conversation.seen_ms = now_ms,
        }
        conversation.version = shared.next_version();
    }
    Sent { result: json!({"recipient_id": psid}), wait_for: Vec::new() }
}

/// Puts a message of an app into the conversation and sees to its echo and its delivery. Returns the deliveries that
/// come before the answer.
pub(crate) fn write(
    shared: &Arc<Shared>,
    world: &mut World,
    page_id: &str,
    psid: &str,
    app_id: &str,
    message: Map<String, Value>,
) -> Vec<u64> {
    let now_ms = shared.clock.now_ms();
    let Some(page) = world.pages.get_mut(page_id) else { return Vec::new() };
    let (behaviour, has_primary) = (page.behaviour, page.primary.is_some());
    let Some(conversation) = page.conversations.get_mut(psid) else { return Vec::new() };
    // Two messages never share a time, so that a watermark tells them apart.
    let last_ms = conversation.messages.last().map_or(0, |message| message.time_ms);
    let time_ms = now_ms.max(last_ms + 1);
    conversation.messages.push(StoredMessage {
        mid: message.get("mid").and_then(Value::as_str).unwrap_or_default().to_owned(),
        app_id: Some(app_id.to_owned()),
        message: Value::Object(message.clone()),
        time_ms,
        edits: 0,
        reaction: None,
        deliveries: Vec::new(),
    });
    conversation.typing_until_ms = 0;
    if has_primary {
        conversation.set_owner(Some(app_id), now_ms);
    }
    conversation.version = shared.next_version();
    let mut echo = Value::Object(message);
    if let Some(fields) = echo.as_object_mut() {
        fields.remove("quick_replies");
    }
    echo["is_echo"] = true.into();
    echo["app_id"] = number(app_id).into();
    let event = json!({"sender": {"id": page_id}, "recipient": {"id": psid}, "timestamp": time_ms, "message": echo});
    let mut before = Vec::new();
    if behaviour.echo == EchoTime::Before {
        before = events::publish(shared, world, page_id, psid, Kind::Echo, &event, Mode::Queued);
    }
    let later = Arc::clone(shared);
    let (page_id, psid) = (page_id.to_owned(), psid.to_owned());
    shared.spawn(async move {
        tokio::time::sleep(later.options.echo_delay).await;
        let mut world = later.world();
        if behaviour.echo == EchoTime::After {
            events::publish(&later, &mut world, &page_id, &psid, Kind::Echo, &event, Mode::Queued);
        }
        if behaviour.deliver || behaviour.read {
            people::receive(&later, &mut world, &page_id, &psid, time_ms, Kind::Delivered);
        }
        if behaviour.read {
            people::receive(&later, &mut world, &page_id, &psid, time_ms, Kind::Read);
        }
        drop(world);
        later.changed();
    });
    before
}

/// `POST /{PAGE-ID}/message_attachments`: uploads an attachment for later.
pub(crate) fn read_upload(params: &Params) -> Result<Wanted, GraphError> {
    let message = params.structured("message").ok_or_else(|| GraphError::required("message"))?;
    let mut wanted = attachments::read(&message["attachment"], params)?;
    if matches!(wanted.source, Source::Template(_) | Source::Known(_)) {
        return Err(GraphError::parameter("Only files can be uploaded"));
    }
    wanted.reusable = true;
    Ok(wanted)
}
