//! Who controls a thread: the hand-over between a page's apps.

use std::sync::Arc;

use serde_json::{Value, json};

use super::error::GraphError;
use super::events::{self, from_customer};
use super::params::Params;
use super::state::{Page, Shared, World, number};

/// The longest `metadata`, in characters.
const MAX_METADATA: usize = 1000;

/// The longest extension of control, in seconds: seven days.
const MAX_EXTENSION_S: u64 = 7 * 24 * 3600;

/// What an app does with a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Move {
    Pass,
    Take,
    Request,
    Release,
    Extend,
}

impl Move {
    /// The move behind an endpoint's name.
    pub(crate) fn of(endpoint: &str) -> Option<Self> {
        match endpoint {
            "pass_thread_control" => Some(Self::Pass),
            "take_thread_control" => Some(Self::Take),
            "request_thread_control" => Some(Self::Request),
            "release_thread_control" => Some(Self::Release),
            "extend_thread_control" => Some(Self::Extend),
            _ => None,
        }
    }
}

/// The customer that `recipient` names.
pub(crate) fn recipient(params: &Params) -> Result<String, GraphError> {
    let recipient = params.structured("recipient").ok_or_else(|| GraphError::required("recipient"))?;
    match &recipient["id"] {
        Value::String(id) if !id.is_empty() => Ok(id.clone()),
        Value::Null => Err(GraphError::parameter("Param recipient must have an id")),
        _ => Err(GraphError::parameter("Param recipient[id] must be a string")),
    }
}

/// Serves the endpoints of the hand-over.
pub(crate) fn call(
    shared: &Arc<Shared>,
    world: &mut World,
    page_id: &str,
    app_id: &str,
    what: Move,
    params: &Params,
) -> Result<Value, GraphError> {
    let psid = recipient(params)?;
    let metadata = params.text("metadata").unwrap_or_default();
    if metadata.chars().count() > MAX_METADATA {
        return Err(GraphError::parameter("Param metadata is too long"));
    }
    if what == Move::Extend {
        return extend(shared, world, page_id, app_id, &psid, params);
    }
    let target = params.text("target_app_id").or_else(|| params.text("new_owner_app_id"));
    make(shared, world, page_id, app_id, &psid, what, target.as_deref(), &metadata)?;
    Ok(json!({"success": true}))
}

/// Makes a move of `app_id` and tells those whom it concerns.
#[expect(clippy::too_many_arguments, reason = "a move has an app, a thread, an aim and a note")]
pub(crate) fn make(
    shared: &Arc<Shared>,
    world: &mut World,
    page_id: &str,
    app_id: &str,
    psid: &str,
    what: Move,
    target: Option<&str>,
    metadata: &str,
) -> Result<(), GraphError> {
    let now_ms = shared.clock.now_ms();
    let page = world.pages.get(page_id).ok_or_else(|| GraphError::no_object(page_id))?;
    let conversation = page.conversations.get(psid).ok_or_else(GraphError::no_such_recipient)?;
    let owner = conversation.owner(now_ms).map(str::to_owned);
    let is_primary = page.primary.as_deref() == Some(app_id);
    match what {
        Move::Pass => {
            let target = target.ok_or_else(|| GraphError::required("target_app_id"))?.to_owned();
            if !is_receiver(page, &target) {
                return Err(GraphError::not_receiver());
            }
            // An idle thread is the default app's to pass.
            if owner.as_deref().or(page.primary.as_deref()) != Some(app_id) {
                return Err(GraphError::not_owner());
            }
            change_owner(shared, world, page_id, psid, Some(&target));
            let content = change(owner.as_deref(), Some(&target), metadata);
            let event = from_customer(page_id, psid, now_ms, "pass_thread_control", &content);
            events::tell_app(shared, world, page_id, Some(psid), &target, event);
        }
        Move::Take => {
            // People in the page's inbox take over whatever app has the thread.
            let may_take = is_primary || app_id == super::INBOX_APP_ID;
            if owner.is_some() && owner.as_deref() != Some(app_id) && !may_take {
                return Err(GraphError::not_receiver());
            }
            change_owner(shared, world, page_id, psid, Some(app_id));
            let previous = owner.filter(|owner| owner != app_id);
            if let Some(previous) = previous {
                let content = change(Some(&previous), Some(app_id), metadata);
                let event = from_customer(page_id, psid, now_ms, "take_thread_control", &content);
                events::tell_app(shared, world, page_id, Some(psid), &previous, event);
            }
        }
        Move::Request => {
            let Some(asked) = owner.or_else(|| page.primary.clone()) else { return Err(GraphError::not_receiver()) };
            let content = json!({"requested_owner_app_id": number(app_id), "metadata": metadata});
            let event = from_customer(page_id, psid, now_ms, "request_thread_control", &content);
            events::tell_app(shared, world, page_id, Some(psid), &asked, event);
        }
        Move::Release => {
            if owner.as_deref() != Some(app_id) {
                return Err(GraphError::not_owner());
            }
            change_owner(shared, world, page_id, psid, None);
        }
        Move::Extend => {}
    }
    Ok(())
}

fn change(previous: Option<&str>, new: Option<&str>, metadata: &str) -> Value {
    json!({
        "previous_owner_app_id": previous.map(number),
        "new_owner_app_id": new.map(number),
        "metadata": metadata,
    })
}

fn is_receiver(page: &Page, app_id: &str) -> bool {
    page.primary.as_deref() == Some(app_id)
        || page.subscriptions.contains_key(app_id)
        || app_id == super::INBOX_APP_ID
        || app_id == super::BOT_APP_ID
}

/// Gives the thread to an app, or to nobody.
pub(crate) fn change_owner(shared: &Shared, world: &mut World, page_id: &str, psid: &str, app_id: Option<&str>) {
    let conversation = world.pages.get_mut(page_id).and_then(|page| page.conversations.get_mut(psid));
    if let Some(conversation) = conversation {
        conversation.set_owner(app_id, shared.clock.now_ms());
        conversation.version = shared.next_version();
    }
}

fn extend(
    shared: &Shared,
    world: &mut World,
    page_id: &str,
    app_id: &str,
    psid: &str,
    params: &Params,
) -> Result<Value, GraphError> {
    let seconds: u64 = params
        .need("duration")?
        .parse()
        .ok()
        .filter(|seconds| (1..=MAX_EXTENSION_S).contains(seconds))
        .ok_or_else(|| GraphError::parameter("Param duration must be 1 to 604800 seconds"))?;
    let now_ms = shared.clock.now_ms();
    let page = world.pages.get_mut(page_id).ok_or_else(|| GraphError::no_object(page_id))?;
    let conversation = page.conversations.get_mut(psid).ok_or_else(GraphError::no_such_recipient)?;
    match &mut conversation.owner {
        Some(owner) if owner.app_id == app_id && owner.until_ms > now_ms => owner.until_ms = now_ms + seconds * 1000,
        _ => return Err(GraphError::not_owner()),
    }
    Ok(json!({"success": true}))
}

/// `GET /{page}/thread_owner`.
pub(crate) fn thread_owner(
    shared: &Shared,
    world: &World,
    page_id: &str,
    params: &Params,
) -> Result<Value, GraphError> {
    let psid = params.need("recipient")?;
    let page = world.pages.get(page_id).ok_or_else(|| GraphError::no_object(page_id))?;
    let conversation = page.conversations.get(&psid).ok_or_else(GraphError::no_such_recipient)?;
    let now_ms = shared.clock.now_ms();
    let owner = conversation.owner.as_ref().filter(|owner| owner.until_ms > now_ms);
    let data: Vec<Value> = owner
        .map(|owner| json!({"thread_owner": {"app_id": owner.app_id, "expiration": owner.until_ms / 1000}}))
        .into_iter()
        .collect();
    Ok(json!({"data": data}))
}

/// Makes an app the page's primary receiver, or none, and tells the subscribed apps their new roles.
pub(crate) fn set_primary(shared: &Arc<Shared>, world: &mut World, page_id: &str, primary: Option<&str>) {
    let Some(page) = world.pages.get_mut(page_id) else { return };
    page.primary = primary.map(str::to_owned);
    let apps: Vec<String> = page.subscriptions.keys().cloned().collect();
    for app_id in apps {
        let role = if primary == Some(app_id.as_str()) { "primary_receiver" } else { "secondary_receiver" };
        let roles = if primary.is_some() { json!([role]) } else { json!([]) };
        let event = json!({
            "recipient": {"id": page_id},
            "timestamp": shared.clock.now_ms(),
            "app_roles": {app_id.as_str(): roles},
        });
        events::tell_app(shared, world, page_id, None, &app_id, event);
    }
}
