//! Who gets which event, and where in the delivery it stands.

use std::sync::Arc;

use serde_json::{Value, json};

use super::delivery::{self, Channel, Event, Mode};
use super::state::{Shared, World};

/// A kind of event about a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Message,
    Edit,
    Reaction,
    Postback,
    Referral,
    Optin,
    Delivered,
    Read,
    Echo,
}

impl Kind {
    /// The field that an app subscribes to for it.
    fn field(self) -> &'static str {
        match self {
            Self::Message => "messages",
            Self::Edit => "message_edits",
            Self::Reaction => "message_reactions",
            Self::Postback => "messaging_postbacks",
            Self::Referral => "messaging_referrals",
            Self::Optin => "messaging_optins",
            Self::Delivered => "message_deliveries",
            Self::Read => "message_reads",
            Self::Echo => "message_echoes",
        }
    }

    /// Whether apps that don't control the thread get it in `standby`.
    fn in_standby(self) -> bool {
        matches!(self, Self::Message | Self::Postback | Self::Delivered | Self::Read | Self::Echo)
    }
}

/// An event between customer and page: `sender`, `recipient`, `timestamp` and what happened.
pub(crate) fn from_customer(page_id: &str, psid: &str, time_ms: u64, name: &str, content: &Value) -> Value {
    json!({"sender": {"id": psid}, "recipient": {"id": page_id}, "timestamp": time_ms, name: content})
}

/// Whether an app subscribed to a field, for itself and for the page.
fn subscribed(world: &World, page_id: &str, app_id: &str, field: &str) -> bool {
    let Some(app) = world.apps.get(app_id) else { return false };
    if app.built_in {
        return true;
    }
    let of_page = world.pages.get(page_id).and_then(|page| page.subscriptions.get(app_id));
    let of_app = app.webhook.as_ref().map(|webhook| &webhook.fields);
    [of_page, of_app].into_iter().all(|fields| fields.is_some_and(|fields| fields.contains(field)))
}

/// The apps that might get a page's events: the subscribed ones, and the bot where it is primary.
pub(crate) fn candidates(world: &World, page_id: &str) -> Vec<String> {
    let Some(page) = world.pages.get(page_id) else { return Vec::new() };
    let built_in = |id: &&String| world.apps.get(*id).is_some_and(|app| app.built_in);
    let primary = page.primary.iter().filter(built_in);
    primary.chain(page.subscriptions.keys()).cloned().collect()
}

/// Sends an event about a conversation to every app that is to get it: in `messaging` to the app that controls the
/// thread, in `standby` to the others. A page without a primary receiver knows no control: all get it in `messaging`.
pub(crate) fn publish(
    shared: &Arc<Shared>,
    world: &mut World,
    page_id: &str,
    psid: &str,
    kind: Kind,
    event: &Value,
    mode: Mode,
) -> Vec<u64> {
    let controlling = world.pages.get(page_id).and_then(|page| {
        let owner = page.conversations.get(psid).and_then(|known| known.owner(shared.clock.now_ms()));
        page.primary.as_ref().map(|primary| owner.unwrap_or(primary).to_owned())
    });
    let mut orders = Vec::new();
    for app_id in candidates(world, page_id) {
        let channel = match &controlling {
            Some(owner) if *owner != app_id => Channel::Standby,
            Some(_) | None => Channel::Messaging,
        };
        let wanted = match channel {
            Channel::Messaging => subscribed(world, page_id, &app_id, kind.field()),
            Channel::Standby => kind.in_standby() && subscribed(world, page_id, &app_id, "standby"),
        };
        if wanted {
            let content = for_channel(event, channel);
            let event = Event { page_id: page_id.to_owned(), psid: Some(psid.to_owned()), channel, content };
            orders.extend(delivery::submit(shared, world, &app_id, event, mode));
        }
    }
    orders
}

/// In `standby` a postback has no payload.
fn for_channel(event: &Value, channel: Channel) -> Value {
    let mut event = event.clone();
    // Reading by index would put the field there.
    let postback = event.get_mut("postback").and_then(Value::as_object_mut);
    if channel == Channel::Standby
        && let Some(postback) = postback
    {
        postback.remove("payload");
    }
    event
}

/// Sends an event of the hand-over to one app.
pub(crate) fn tell_app(
    shared: &Arc<Shared>,
    world: &mut World,
    page_id: &str,
    psid: Option<&str>,
    app_id: &str,
    content: Value,
) -> Option<u64> {
    if !subscribed(world, page_id, app_id, "messaging_handovers") {
        return None;
    }
    let psid = psid.map(str::to_owned);
    let event = Event { page_id: page_id.to_owned(), psid, channel: Channel::Messaging, content };
    delivery::submit(shared, world, app_id, event, Mode::Queued)
}
