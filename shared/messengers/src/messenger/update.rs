//! Updates: what Facebook posts to the webhook, many events of several pages in one call.

use domain::inbound::InboundEvent;
use serde_json::Value;

use super::event::{self, Scene, id};
use crate::fields::{Object, object};

/// One call of the webhook, understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// What happened, by Facebook's own time: after a failure it may hand things over in another order than they happened in.
    pub events: Vec<PageEvent>,
    /// Why the rest is ignored: one of [`ignored`] for each event, for the metric.
    pub ignored: Vec<&'static str>,
}

/// An event of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageEvent {
    /// The page's id.
    pub page: String,
    /// What happened.
    pub event: InboundEvent,
}

/// The reasons for which an event is ignored: stable words.
pub mod ignored {
    /// It is not about a page (e.g. Instagram).
    pub const OTHER_OBJECT: &str = "other_object";
    /// A call without events.
    pub const EMPTY: &str = "empty";
    /// A kind that we know, without what every such event has (its page, its customer, its id).
    pub const MALFORMED: &str = "malformed";
    /// A kind of event that is new to us, or not asked for.
    pub const UNKNOWN_KIND: &str = "unknown_kind";
    /// Something else about the page changed, e.g. its wall.
    pub const CHANGE: &str = "change";
    /// The customer came by a link or an advertisement, and has not written yet.
    pub const REFERRAL: &str = "referral";
    /// The customer agreed to something, and has not written.
    pub const OPTIN: &str = "optin";
    /// The page's apps have other roles now: nobody's conversation.
    pub const APP_ROLES: &str = "app_roles";
    /// A message was taken back. What was said was said: it stays.
    pub const DELETED: &str = "deleted";
    /// The page itself reacted, or changed what it wrote.
    pub const BY_PAGE: &str = "by_page";
}

/// A body that is no call of the webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The body is not JSON.
    #[error("the body is not JSON")]
    NotJson,
    /// The body is not an object that says what it is about.
    #[error("the body has no object")]
    NoObject,
}

impl ParseError {
    /// Its stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::NoObject => "no_object",
        }
    }
}

/// Understands one call: all entries, and in each all of `messaging`, `standby` and `changes`. Never panics; lenient in
/// everything but that it is JSON with an `object`, since a webhook that refuses is switched off after an hour. Each
/// event's JSON is bounded (about 120 KB), whatever the size of the body.
pub fn parse(body: &[u8]) -> Result<Parsed, ParseError> {
    let body: Value = serde_json::from_slice(body).map_err(|_| ParseError::NotJson)?;
    let call = body.as_object().ok_or(ParseError::NoObject)?;
    let object = call.get("object").and_then(Value::as_str).ok_or(ParseError::NoObject)?;
    let mut parsed = Parsed::default();
    if object == "page" {
        for entry in list(call, "entry") {
            read_entry(entry, &mut parsed);
        }
        // Stable: what happened at the same time stays in the order that it came in.
        parsed.events.sort_by_key(|event| event.event.at_ms);
    } else {
        parsed.ignored.push(ignored::OTHER_OBJECT);
    }
    if parsed.events.is_empty() && parsed.ignored.is_empty() {
        parsed.ignored.push(ignored::EMPTY);
    }
    Ok(parsed)
}

fn list<'a>(of: &'a Object, field: &str) -> &'a [Value] {
    of.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn read_entry(entry: &Value, parsed: &mut Parsed) {
    let Some((entry, page)) = entry.as_object().and_then(|entry| Some((entry, id(entry.get("id")?)?))) else {
        parsed.ignored.push(ignored::MALFORMED);
        return;
    };
    let mut read = |item: Result<&Object, &'static str>, standby| {
        let scene = item.map(|item| Scene::of(&page, entry, item, standby));
        match scene.and_then(|scene| event::read(&scene)) {
            Ok(events) => {
                parsed.events.extend(events.into_iter().map(|event| PageEvent { page: page.clone(), event }));
            }
            Err(why) => parsed.ignored.push(why),
        }
    };
    for (field, standby) in [("messaging", false), ("standby", true)] {
        for item in list(entry, field) {
            read(item.as_object().ok_or(ignored::MALFORMED), standby);
        }
    }
    for change in list(entry, "changes") {
        read(changed(change).ok_or(ignored::CHANGE), change["field"] == "standby");
    }
}

/// The event in a change of the page, if it is one of a conversation: the developers' console sends its test events so.
fn changed(change: &Value) -> Option<&Object> {
    let value = object(change.as_object()?, "value")?;
    (value.contains_key("sender") || value.contains_key("recipient")).then_some(value)
}
