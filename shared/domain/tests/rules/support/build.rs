//! Builders of single things.

use std::fmt::Debug;
use std::str::FromStr;

use domain::chat::{Chat, Offer, Route, Stand, Thread};
use domain::config::{Configuration, Queue, Rule};
use domain::decision::{Decision, News, Write};
use domain::operator::{Operator, Status};
use domain::{ChatId, OfferId, Provider};

/// The time at which stories begin, milliseconds since 1970.
pub(crate) const START: i64 = 1_700_000_000_000;
/// A second, milliseconds.
pub(crate) const SECOND: i64 = 1_000;
/// A minute, milliseconds.
pub(crate) const MINUTE: i64 = 60_000;
/// The role that everybody has who is built here.
pub(crate) const STAFF: &str = "staff";
/// The queue that chats built here are in.
pub(crate) const SUPPORT: &str = "support";

/// An id.
pub(crate) fn id<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().expect("an id")
}

/// A queue served by [`STAFF`], without any timeout or limit.
pub(crate) fn queue(name: &str, rule: Rule) -> Queue {
    Queue {
        id: id(name),
        name: name.to_owned(),
        rule,
        auto_close_min: None,
        spare_unanswered: false,
        roles: vec![id(STAFF)],
        users: Vec::new(),
        limit: None,
        absence_return_min: None,
        version: 1,
    }
}

/// The configuration of these queues, all settings as nobody set them.
pub(crate) fn config(queues: impl IntoIterator<Item = Queue>) -> Configuration {
    let queues = queues.into_iter().map(|queue| (queue.id.clone(), queue)).collect();
    Configuration { queues, ..Configuration::default() }
}

/// Somebody of [`STAFF`] who is Active, connected and without a chat, and never took one.
pub(crate) fn agent(name: &str) -> Operator {
    let mut operator = Operator::new(id(name), name.to_uppercase());
    operator.status = Status::Active;
    operator.roles = vec![id(STAFF)];
    operator.connections.insert(format!("{name}-1"), i64::MAX);
    operator
}

/// The same with so many chats in work, none of which matters.
pub(crate) fn busy(name: &str, chats: usize) -> Operator {
    let mut operator = agent(name);
    operator.chats = (1..=chats).map(|n| id(&format!("{name}-customer.{n}"))).collect();
    operator
}

/// A chat that has waited in the line of [`SUPPORT`] since [`START`]; the customer wrote once.
pub(crate) fn waiting(chat: &str) -> Chat {
    Chat {
        id: id(chat),
        channel: id("bot"),
        provider: Provider::Telegram,
        customer_name: "Customer".to_owned(),
        opened_at_ms: START,
        thread: Thread {
            rev: 1,
            next_seq: 2,
            last_in_at_ms: Some(START),
            last_out_at_ms: None,
            last_out_seq: None,
            read_seq: 0,
            requests: Vec::new(),
        },
        route: Route {
            rev: 1,
            queue: id(SUPPORT),
            stand: Stand::Waiting,
            waiting_since_ms: START,
            not_before_ms: None,
            decliners: Vec::new(),
            taken_at_ms: None,
            close_due_at_ms: None,
            requests: Vec::new(),
            control: None,
        },
    }
}

/// The same in work with somebody since [`START`].
pub(crate) fn in_work(chat: &str, operator: &str) -> Chat {
    let mut chat = waiting(chat);
    chat.route.rev = 3;
    chat.route.stand = Stand::InWork { operator: id(operator), transfer: None };
    chat.route.taken_at_ms = Some(START);
    chat
}

/// The same, closed at [`START`] by hand of whoever had it.
pub(crate) fn closed(chat: &str, operator: &str) -> Chat {
    let mut chat = in_work(chat, operator);
    chat.route.rev = 4;
    chat.route.stand = Stand::Closed { at_ms: START, by: Some(id(operator)), operator: Some(id(operator)) };
    chat
}

/// An offer of a chat.
pub(crate) fn offer(chat: &ChatId, route_rev: u64, operator: &str, expires_at_ms: i64) -> Offer {
    Offer { id: OfferId { chat: chat.clone(), route_rev }, operator: id(operator), expires_at_ms }
}

/// The route that a decision gives the chat.
pub(crate) fn route_of(decision: &Decision) -> &Route {
    let mut routes = decision.writes.iter().filter_map(|write| match write {
        Write::Route { route, .. } => Some(route),
        _ => None,
    });
    routes.next().expect("a new route")
}

/// How a decision leaves an operator.
pub(crate) fn operator_of<'a>(decision: &'a Decision, name: &str) -> Option<&'a Operator> {
    decision.writes.iter().find_map(|write| match write {
        Write::Operator { after, .. } if after.id.as_str() == name => Some(after),
        _ => None,
    })
}

/// What a decision tells somebody, in short: `offered`, `offer gone: expired`, `chat gone: closed`, `chat`, ...
pub(crate) fn told(decision: &Decision, name: &str) -> Vec<String> {
    let mine = decision.tells.iter().filter(|tell| tell.operator.id.as_str() == name);
    mine.map(|tell| match &tell.news {
        News::Myself => "myself".to_owned(),
        News::Offered(_) => "offered".to_owned(),
        News::OfferGone(_, why) => format!("offer gone: {why}"),
        News::Chat(_) => "chat".to_owned(),
        News::ChatGone(_, why) => format!("chat gone: {why}"),
        News::Message(message) => format!("message {}", message.seq),
        News::Contact(_) => "contact".to_owned(),
    })
    .collect()
}

/// Who has room now, by a decision.
pub(crate) fn freed(decision: &Decision) -> Vec<&str> {
    decision.freed.iter().map(|operator| operator.id.as_str()).collect()
}
