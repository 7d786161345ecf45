//! A customer of a page, and what was said.

use serde_json::{Value, json};

use super::delivery::DeliveryState;
use super::state::{Page, World};
use crate::clock::Clock;
use crate::ground::random_text;

/// How long an app keeps a thread with nothing happening in it, in milliseconds: 24 h.
pub(crate) const THREAD_LEASE_MS: u64 = 24 * 3600 * 1000;

/// A customer of a page.
#[derive(Debug)]
pub(crate) struct Conversation {
    /// The customer's id at this page.
    pub(crate) psid: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    /// The URL of the profile picture.
    pub(crate) profile_pic: Option<String>,
    /// When the customer last wrote, in milliseconds since 1970; none: never.
    pub(crate) last_customer_ms: Option<u64>,
    pub(crate) blocked: bool,
    pub(crate) owner: Option<Owner>,
    pub(crate) messages: Vec<StoredMessage>,
    /// Until when everything was delivered, and read; in milliseconds since 1970.
    pub(crate) delivered_ms: u64,
    pub(crate) read_ms: u64,
    /// When the page last marked the conversation as seen.
    pub(crate) seen_ms: u64,
    /// When the typing sign ceases to show.
    pub(crate) typing_until_ms: u64,
    /// The change at which this last looked different.
    pub(crate) version: u64,
}

/// The app that controls a thread.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) app_id: String,
    /// When control lapses, in milliseconds since 1970.
    pub(crate) until_ms: u64,
}

/// A message of a conversation.
#[derive(Debug, Clone)]
pub(crate) struct StoredMessage {
    pub(crate) mid: String,
    /// The app that sent it for the page; none: the customer wrote it.
    pub(crate) app_id: Option<String>,
    /// `message` as the webhook's events carry it.
    pub(crate) message: Value,
    pub(crate) time_ms: u64,
    pub(crate) edits: u32,
    /// The customer's reaction.
    pub(crate) reaction: Option<String>,
    /// The deliveries that carry it.
    pub(crate) deliveries: Vec<u64>,
}

impl Conversation {
    pub(crate) fn new(psid: &str) -> Self {
        Self {
            psid: psid.to_owned(),
            first_name: "Customer".into(),
            last_name: psid.to_owned(),
            profile_pic: None,
            last_customer_ms: None,
            blocked: false,
            owner: None,
            messages: Vec::new(),
            delivered_ms: 0,
            read_ms: 0,
            seen_ms: 0,
            typing_until_ms: 0,
            version: 0,
        }
    }

    /// The app that controls the thread now.
    pub(crate) fn owner(&self, now_ms: u64) -> Option<&str> {
        self.owner.as_ref().filter(|owner| owner.until_ms > now_ms).map(|owner| owner.app_id.as_str())
    }

    /// Gives the thread to an app, or to nobody.
    pub(crate) fn set_owner(&mut self, app_id: Option<&str>, now_ms: u64) {
        self.owner = app_id.map(|id| Owner { app_id: id.to_owned(), until_ms: now_ms + THREAD_LEASE_MS });
    }

    pub(crate) fn message(&self, mid: &str) -> Option<&StoredMessage> {
        self.messages.iter().find(|message| message.mid == mid)
    }

    pub(crate) fn message_mut(&mut self, mid: &str) -> Option<&mut StoredMessage> {
        self.messages.iter_mut().find(|message| message.mid == mid)
    }
}

/// An id for a message.
pub(crate) fn new_mid() -> String {
    format!("m_{}{}", random_text(), random_text())
}

/// The conversation as the customer page shows it.
pub(crate) fn view(world: &World, page: &Page, conversation: &Conversation, clock: Clock) -> Value {
    let now_ms = clock.now_ms();
    let messages: Vec<Value> =
        conversation.messages.iter().map(|message| view_message(world, conversation, message)).collect();
    json!({
        "version": conversation.version,
        "psid": conversation.psid,
        "first_name": conversation.first_name,
        "last_name": conversation.last_name,
        "blocked": conversation.blocked,
        "typing_ms": conversation.typing_until_ms.saturating_sub(now_ms),
        "seen_ms": conversation.seen_ms,
        "delivered_ms": conversation.delivered_ms,
        "read_ms": conversation.read_ms,
        "last_customer_ms": conversation.last_customer_ms,
        "owner_app_id": conversation.owner(now_ms),
        "primary_app_id": page.primary,
        "messages": messages,
    })
}

fn view_message(world: &World, conversation: &Conversation, stored: &StoredMessage) -> Value {
    let app = stored.app_id.as_ref().and_then(|id| world.apps.get(id));
    json!({
        "mid": stored.mid,
        "from_page": stored.app_id.is_some(),
        "app_id": stored.app_id,
        "app_name": app.map(|app| app.name.as_str()),
        "text": stored.message["text"],
        "attachments": stored.message["attachments"],
        "quick_replies": stored.message["quick_replies"],
        "time_ms": stored.time_ms,
        "edits": stored.edits,
        "reaction": stored.reaction,
        "tick": if stored.app_id.is_some() { page_tick(conversation, stored) } else { tick(world, stored) },
    })
}

/// How far one of the page's messages came.
fn page_tick(conversation: &Conversation, stored: &StoredMessage) -> &'static str {
    if stored.time_ms <= conversation.read_ms {
        "read"
    } else if stored.time_ms <= conversation.delivered_ms {
        "delivered"
    } else {
        "sent"
    }
}

/// How far one of the customer's messages came, over all apps that are to get it.
fn tick(world: &World, stored: &StoredMessage) -> &'static str {
    let mut tick = "not_subscribed";
    for order in &stored.deliveries {
        let delivery = world.deliveries.get(*order);
        match delivery.state {
            DeliveryState::GivenUp => return "lost",
            DeliveryState::Pending if !delivery.attempts.is_empty() => return "retrying",
            DeliveryState::Pending => tick = "pending",
            DeliveryState::Delivered | DeliveryState::Recorded | DeliveryState::Copied if tick != "pending" => {
                tick = "delivered";
            }
            DeliveryState::Delivered | DeliveryState::Recorded | DeliveryState::Copied => {}
        }
    }
    tick
}
