//! The control API's part that plays customers, and the bot or the people who answer beside the app.

use std::sync::Arc;

use axum::extract::{Path, Query};
use axum::routing::{get, post};
use axum::{Json, Router, extract::State};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::BOT_APP_ID;
use super::INBOX_APP_ID;
use super::control::{Control, change};
use super::conversation::{self, new_mid};
use super::delivery::{self, Channel, DeliveryState, Event, Mode};
use super::events::{self, Kind};
use super::handover::{self, Move};
use super::people::{self, Done, Refused};
use super::send;
use super::state::{Shared, World, is_id};
use crate::control::{Answer, Body, Problem, check_copies, wait_for};

type Customer = Path<(String, String)>;
type Fields = Body<Map<String, Value>>;

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/events", post(inject))
        .route("/customers/{psid}", get(show).put(put_customer))
        .route("/customers/{psid}/messages", post(write))
        .route("/customers/{psid}/edits", post(edit))
        .route("/customers/{psid}/reactions", post(react))
        .route("/customers/{psid}/postbacks", post(press))
        .route("/customers/{psid}/referrals", post(refer))
        .route("/customers/{psid}/optins", post(opt_in))
        .route("/customers/{psid}/delivered", post(delivered))
        .route("/customers/{psid}/read", post(read))
        .route("/customers/{psid}/block", post(block))
        .route("/customers/{psid}/unblock", post(unblock))
        .route("/customers/{psid}/window", post(shift_window))
        .route("/customers/{psid}/replies", post(reply))
        .route("/customers/{psid}/handover", post(hand_over))
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unknown(text) => Self::unknown(text),
            Refused::Conflict(text) => Self::conflict(text),
            Refused::Bad(text) => Self::bad(text),
        }
    }
}

fn answer(done: &Done) -> Json<Value> {
    Json(json!({"mid": done.mid, "timestamp": done.time_ms, "deliveries": done.deliveries}))
}

/// A customer does something.
fn act(
    shared: &Arc<Shared>,
    (page, psid): &(String, String),
    work: impl FnOnce(&mut World) -> Result<Done, Refused>,
) -> Answer {
    check_customer(page, psid)?;
    change(shared, |world| Ok(answer(&work(world)?)))
}

fn check_customer(page: &str, psid: &str) -> Result<(), Problem> {
    if is_id(psid) && psid != page { Ok(()) } else { Err(Problem::bad("a customer's id has at most 20 digits")) }
}

async fn put_customer(State(shared): Control, Path((page, psid)): Customer, body: Fields) -> Answer {
    let Json(profile) = body?;
    check_customer(&page, &psid)?;
    change(&shared, |world| {
        let version = shared.next_version();
        let page = world.pages.get_mut(&page).ok_or_else(|| Problem::unknown(format!("there is no page {page}")))?;
        let known = people::customer(page, &psid, &profile);
        known.version = version;
        Ok(Json(json!({"psid": psid, "first_name": known.first_name, "last_name": known.last_name})))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShowQuery {
    version: Option<u64>,
    #[serde(default)]
    wait_ms: u64,
}

async fn show(State(shared): Control, Path((page, psid)): Customer, Query(query): Query<ShowQuery>) -> Answer {
    wait_for(&shared, query.wait_ms, || {
        let world = shared.world();
        let page = world.pages.get(&page).ok_or_else(|| Problem::unknown(format!("there is no page {page}")))?;
        let Some(known) = page.conversations.get(&psid) else {
            let empty = json!({"version": 0, "psid": psid, "blocked": false, "typing_ms": 0, "messages": []});
            return Ok((Json(empty), query.version.is_none()));
        };
        let newer = query.version.is_none_or(|version| known.version > version);
        Ok((Json(conversation::view(&world, page, known, shared.clock)), newer))
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CopiesQuery {
    copies: Option<usize>,
}

impl CopiesQuery {
    fn mode(&self) -> Result<Mode, Problem> {
        match self.copies {
            Some(count) => check_copies(count).map(|()| Mode::Copies),
            None => Ok(Mode::Queued),
        }
    }
}

/// Adds the tries of the ordered copies to an answer.
async fn with_copies(shared: &Arc<Shared>, mut answer: Value, orders: &[u64], copies: Option<usize>) -> Answer {
    if let Some(count) = copies {
        let mut attempts = Vec::new();
        for order in orders {
            if shared.world().deliveries.get(*order).state == DeliveryState::Copied {
                attempts.extend(delivery::deliver_copies(shared, *order, count).await);
            }
        }
        answer["attempts"] = json!(attempts);
    }
    Ok(Json(answer))
}

async fn write(State(shared): Control, Path(who): Customer, Query(query): Query<CopiesQuery>, body: Fields) -> Answer {
    let Json(content) = body?;
    let mode = query.mode()?;
    check_customer(&who.0, &who.1)?;
    let done = change(&shared, |world| Ok(people::write(&shared, world, &who.0, &who.1, content, mode)?))?;
    let Json(told) = answer(&done);
    with_copies(&shared, told, &done.deliveries, query.copies).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    mid: String,
    text: String,
}

async fn edit(State(shared): Control, Path(who): Customer, body: Body<Edit>) -> Answer {
    let Json(edit) = body?;
    act(&shared, &who, |world| people::edit(&shared, world, &who.0, &who.1, &edit.mid, &edit.text))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct React {
    mid: String,
    /// None: the reaction is taken back.
    reaction: Option<String>,
    #[serde(default = "heart")]
    emoji: String,
}

fn heart() -> String {
    "❤".into()
}

async fn react(State(shared): Control, Path(who): Customer, body: Body<React>) -> Answer {
    let Json(react) = body?;
    let reaction = react.reaction.as_deref().map(|name| (name, react.emoji.as_str()));
    act(&shared, &who, |world| people::react(&shared, world, &who.0, &who.1, &react.mid, reaction))
}

async fn press(State(shared): Control, Path(who): Customer, body: Fields) -> Answer {
    let Json(content) = body?;
    act(&shared, &who, |world| people::press(&shared, world, &who.0, &who.1, content))
}

async fn refer(State(shared): Control, Path(who): Customer, body: Fields) -> Answer {
    let Json(content) = body?;
    act(&shared, &who, |world| people::arrive(&shared, world, &who.0, &who.1, Kind::Referral, content))
}

async fn opt_in(State(shared): Control, Path(who): Customer, body: Fields) -> Answer {
    let Json(content) = body?;
    act(&shared, &who, |world| people::arrive(&shared, world, &who.0, &who.1, Kind::Optin, content))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Watermark {
    /// Milliseconds since 1970; left out: now.
    watermark: Option<u64>,
}

async fn delivered(State(shared): Control, Path(who): Customer, body: Body<Watermark>) -> Answer {
    receive(&shared, &who, body, Kind::Delivered)
}

async fn read(State(shared): Control, Path(who): Customer, body: Body<Watermark>) -> Answer {
    receive(&shared, &who, body, Kind::Read)
}

fn receive(shared: &Arc<Shared>, who: &(String, String), body: Body<Watermark>, kind: Kind) -> Answer {
    let Json(Watermark { watermark }) = body?;
    act(shared, who, |world| {
        let watermark = watermark.unwrap_or_else(|| last_time(shared, world, &who.0, &who.1));
        let done = people::receive(shared, world, &who.0, &who.1, watermark, kind);
        done.ok_or_else(|| Refused::Unknown(format!("the page has no customer {}", who.1)))
    })
}

/// Now, or the time of the newest message, should that be later.
fn last_time(shared: &Shared, world: &World, page: &str, psid: &str) -> u64 {
    let known = world.pages.get(page).and_then(|page| page.conversations.get(psid));
    let last = known.and_then(|known| known.messages.last()).map_or(0, |message| message.time_ms);
    last.max(shared.clock.now_ms())
}

async fn block(State(shared): Control, Path(who): Customer) -> Answer {
    set_blocked(&shared, &who, true)
}

async fn unblock(State(shared): Control, Path(who): Customer) -> Answer {
    set_blocked(&shared, &who, false)
}

fn set_blocked(shared: &Shared, (page, psid): &(String, String), blocked: bool) -> Answer {
    change(shared, |world| {
        people::block(shared, world, page, psid, blocked)?;
        Ok(Json(json!({"blocked": blocked})))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shift {
    /// How long ago the customer last wrote, in milliseconds.
    last_message_ms_ago: u64,
}

async fn shift_window(State(shared): Control, Path((page, psid)): Customer, body: Body<Shift>) -> Answer {
    let Json(Shift { last_message_ms_ago }) = body?;
    change(&shared, |world| {
        let known = world.pages.get_mut(&page).and_then(|page| page.conversations.get_mut(&psid));
        let known = known.ok_or_else(|| Problem::unknown(format!("the page has no customer {psid}")))?;
        let last_ms = shared.clock.now_ms().saturating_sub(last_message_ms_ago);
        known.last_customer_ms = Some(last_ms);
        known.version = shared.next_version();
        Ok(Json(json!({"last_customer_ms": last_ms})))
    })
}

/// The built-in bot, or another app or the page's inbox, writes to the customer: fields of `message`, and `app_id`.
async fn reply(State(shared): Control, Path((page, psid)): Customer, body: Fields) -> Answer {
    let Json(mut message) = body?;
    let app_id = match message.remove("app_id") {
        None => BOT_APP_ID.to_owned(),
        Some(Value::String(id)) => id,
        Some(_) => return Err(Problem::bad("app_id is a text")),
    };
    change(&shared, |world| {
        if !world.apps.contains_key(&app_id) {
            return Err(Problem::unknown(format!("there is no app {app_id}")));
        }
        let now_ms = shared.clock.now_ms();
        let found = world.pages.get(&page);
        let known = found.and_then(|page| page.conversations.get(&psid));
        let known = known.ok_or_else(|| Problem::unknown(format!("the page has no customer {psid}")))?;
        let routed = found.is_some_and(|page| page.primary.is_some());
        let other = known.owner(now_ms).is_some_and(|owner| owner != app_id);
        if routed && other {
            if app_id != INBOX_APP_ID {
                return Err(Problem::conflict("another app controls the thread"));
            }
            // A person who answers in the inbox takes the thread.
            let taken = handover::make(&shared, world, &page, &app_id, &psid, Move::Take, None, "");
            taken.map_err(|error| Problem::conflict(error.message))?;
        }
        let mid = message.entry("mid").or_insert_with(|| new_mid().into()).clone();
        send::write(&shared, world, &page, &psid, &app_id, message);
        Ok(Json(json!({"mid": mid})))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HandOver {
    #[serde(rename = "move")]
    what: Move,
    /// Who makes the move; the built-in bot, if left out.
    #[serde(default = "bot")]
    app_id: String,
    /// `pass`: to whom; the only app that is subscribed to the page, if left out.
    target_app_id: Option<String>,
    #[serde(default)]
    metadata: String,
}

fn bot() -> String {
    BOT_APP_ID.into()
}

async fn hand_over(State(shared): Control, Path((page, psid)): Customer, body: Body<HandOver>) -> Answer {
    let Json(order) = body?;
    change(&shared, |world| {
        let others = world.pages.get(&page).map(|page| page.subscriptions.keys().filter(|id| **id != order.app_id));
        let target = order.target_app_id.or_else(|| others.and_then(|mut ids| ids.next().cloned()));
        let (app, note) = (&order.app_id, &order.metadata);
        let made = handover::make(&shared, world, &page, app, &psid, order.what, target.as_deref(), note);
        made.map_err(|error| Problem::conflict(error.message))?;
        let known = world.pages.get(&page).and_then(|page| page.conversations.get(&psid));
        let owner = known.and_then(|known| known.owner(shared.clock.now_ms()));
        Ok(Json(json!({"owner_app_id": owner})))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inject {
    /// Goes out as it is.
    event: Value,
    #[serde(default = "messaging")]
    channel: Channel,
    /// One app; left out: every app that is subscribed to the page.
    app_id: Option<String>,
    /// Whose events it waits for, and who is shown with it.
    psid: Option<String>,
}

fn messaging() -> Channel {
    Channel::Messaging
}

async fn inject(
    State(shared): Control,
    Path(page): Path<String>,
    Query(query): Query<CopiesQuery>,
    body: Body<Inject>,
) -> Answer {
    let Json(order) = body?;
    let mode = query.mode()?;
    let orders = change(&shared, |world| {
        let apps = match &order.app_id {
            Some(id) if world.apps.contains_key(id) => vec![id.clone()],
            Some(id) => return Err(Problem::unknown(format!("there is no app {id}"))),
            None => events::candidates(world, &page),
        };
        if apps.is_empty() {
            return Err(Problem::conflict("no app is subscribed to the page"));
        }
        let (page_id, psid) = (page.clone(), order.psid.clone());
        let event = Event { page_id, psid, channel: order.channel, content: order.event };
        let submit = |app: &String| delivery::submit(&shared, world, app, event.clone(), mode);
        Ok(apps.iter().filter_map(submit).collect::<Vec<u64>>())
    })?;
    with_copies(&shared, json!({"deliveries": orders}), &orders, query.copies).await
}
