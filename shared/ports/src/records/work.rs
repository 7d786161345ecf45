//! Rows of the work table: chats, messages, events, receipts, contacts, operators and their places, holds.

use domain::availability::{Line, Place, places};
use domain::chat::{Chat, ChatEvent, Route, Stand, Thread};
use domain::contact::Contact;
use domain::decision::Write as Change;
use domain::message::Message;
use domain::operator::Operator;
use domain::{ChannelId, ChatId, ConversationId, OperatorId, QueueId, RoleId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{decode, due_shard, encode};
use crate::store::{Attributes, Condition, Key, Row, StoreError, Write};

/// How long a receipt is kept, seconds: longer than any queue or provider repeats itself.
const RECEIPT_S: i64 = 30 * 24 * 3600;

pub(super) fn conversation_pk(conversation: &ConversationId) -> String {
    format!("V#{conversation}")
}

/// A chat.
pub fn chat_key(chat: &ChatId) -> Key {
    Key::work(conversation_pk(&chat.conversation), format!("C#{:010}", chat.n))
}

/// A message of a chat.
pub fn message_key(chat: &ChatId, seq: u64) -> Key {
    Key::work(conversation_pk(&chat.conversation), format!("{}{seq:010}", message_prefix(chat)))
}

pub(super) fn message_prefix(chat: &ChatId) -> String {
    format!("M#{:010}#", chat.n)
}

pub(super) fn event_prefix(chat: &ChatId) -> String {
    format!("E#{:010}#", chat.n)
}

fn event_key(event: &ChatEvent) -> Key {
    let sk = format!("{}{:010}", event_prefix(&event.chat), event.route_rev);
    Key::work(conversation_pk(&event.chat.conversation), sk)
}

/// What shows that a provider's event was taken in.
pub fn receipt_key(conversation: &ConversationId, key: &str) -> Key {
    Key::work(conversation_pk(conversation), format!("R#{key}"))
}

/// A customer.
pub fn contact_key(conversation: &ConversationId) -> Key {
    Key::work(conversation_pk(conversation), "P")
}

/// An operator.
pub fn operator_key(operator: &OperatorId) -> Key {
    Key::work(format!("O#{operator}"), "S")
}

/// A channel's hold.
pub fn hold_key(channel: &ChannelId) -> Key {
    Key::work(format!("H#{channel}"), "S")
}

pub(super) fn line_pk(queue: &QueueId) -> String {
    format!("W#{queue}")
}

fn waiting_key(chat: &ChatId, route: &Route) -> Key {
    let sk = format!("{:013}#{}#{:010}", route.waiting_since_ms, chat.conversation, chat.n);
    Key::work(line_pk(&route.queue), sk)
}

pub(super) fn order_pk(role: &RoleId, line: Line) -> String {
    let line = match line {
        Line::Common => "D",
        Line::Own => "L",
    };
    format!("A#{role}#{line}")
}

fn place_key(place: &Place) -> Key {
    let sk = format!("{:03}#{:013}#{}", place.load, place.last_taken_at_ms, place.operator);
    Key::work(order_pk(&place.role, place.line), sk)
}

/// Why nothing is sent on a channel for a while (decision 10).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// How many calls failed in a row.
    pub failures: u32,
    /// Until when nothing is tried, milliseconds since 1970.
    pub until_ms: i64,
    /// What an administrator has to mend, as the messenger said when it refused a reply for the whole channel: a stable code. It
    /// holds back nothing, and is gone with the next reply that is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The hold of a channel, whatever it was before: it is a hint that any sender may correct.
pub fn put_hold(channel: &ChannelId, hold: &Hold) -> Write {
    Write::Put { key: hold_key(channel), attributes: one("hold", hold), condition: None }
}

/// Reads it.
pub fn decode_hold(row: &Row) -> Result<Hold, StoreError> {
    decode(row, "hold")
}

/// The rows of a decision's writes, each of another row, in the order of the writes. `now_ms` dates receipts.
pub fn rows(changes: &[Change], now_ms: i64) -> Vec<Write> {
    changes.iter().flat_map(|change| rows_of(change, now_ms)).collect()
}

fn rows_of(change: &Change, now_ms: i64) -> Vec<Write> {
    match change {
        Change::OpenChat(chat) => open_chat(chat),
        Change::Thread { chat, from_seq, thread, speaker } => {
            vec![move_thread(chat, *from_seq, thread, speaker.as_ref())]
        }
        Change::Route { before, route, if_quiet } => move_route(before, route, *if_quiet),
        Change::Chat { before, after } => move_both(before, after),
        Change::Named(chat) => name_customer(chat),
        Change::Operator { before, after } => change_operator(before.as_ref(), after),
        Change::NewMessage(message) => vec![put_message(message, Condition::Absent)],
        Change::Message(message) => vec![put_message(message, Condition::Is("rev", json!(message.rev - 1)))],
        Change::Receipt { conversation, key, message } => {
            vec![put_receipt(conversation, key, message.as_ref(), now_ms)]
        }
        Change::Contact(contact) => {
            let key = contact_key(&contact.conversation);
            vec![Write::Put { key, attributes: one("contact", contact), condition: None }]
        }
        Change::Event(event) => {
            vec![Write::Put {
                key: event_key(event),
                attributes: one("event", event),
                condition: Some(Condition::Absent),
            }]
        }
    }
}

fn one<T: Serialize>(name: &str, value: &T) -> Attributes {
    Attributes::from_iter([(name.to_owned(), encode(value))])
}

/// What neither messages nor routing change of a chat.
#[derive(Serialize, Deserialize)]
struct Base {
    id: ChatId,
    channel: ChannelId,
    provider: domain::Provider,
    customer_name: String,
    opened_at_ms: i64,
}

fn base(chat: &Chat) -> Base {
    Base {
        id: chat.id.clone(),
        channel: chat.channel.clone(),
        provider: chat.provider,
        customer_name: chat.customer_name.clone(),
        opened_at_ms: chat.opened_at_ms,
    }
}

fn open_chat(chat: &Chat) -> Vec<Write> {
    let mut attributes = route_attributes(chat);
    attributes.extend(thread_attributes(&chat.thread));
    attributes.insert("base".to_owned(), encode(&base(chat)));
    attributes.insert("by_channel".to_owned(), json!(chat.channel));
    attributes.insert("by_month".to_owned(), json!(month_shard(chat)));
    attributes.insert("opened_at".to_owned(), json!(chat.opened_at_ms));
    let mut writes = vec![Write::Put { key: chat_key(&chat.id), attributes, condition: Some(Condition::Absent) }];
    if chat.route.stand == Stand::Waiting {
        writes.push(put_waiting(chat));
    }
    writes
}

/// Month and shard under which the unfiltered list finds a chat.
fn month_shard(chat: &Chat) -> String {
    // Whole days since 1970 to a civil month (H. Hinnant, "chrono-compatible low-level date algorithms").
    let days = chat.opened_at_ms.div_euclid(86_400_000) + 719_468;
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + days.div_euclid(146_097) * 400 + i64::from(month <= 2);
    let shard = chat.id.conversation.as_str().bytes().last().unwrap_or(0) % 4;
    format!("{year:04}{month:02}#{shard}")
}

fn thread_attributes(thread: &Thread) -> Attributes {
    Attributes::from_iter([
        ("thread".to_owned(), encode(thread)),
        ("next_seq".to_owned(), json!(thread.next_seq)),
        ("thread_rev".to_owned(), json!(thread.rev)),
    ])
}

fn state_word(stand: &Stand) -> &'static str {
    match stand {
        Stand::WithBot => "with_bot",
        Stand::Waiting => "waiting",
        Stand::Offered { .. } => "offered",
        Stand::InWork { .. } => "in_work",
        Stand::Closed { .. } => "closed",
    }
}

/// Attributes of the routing half; those that may be missing are removed by [`move_route`].
fn route_attributes(chat: &Chat) -> Attributes {
    let route = &chat.route;
    let openness = if chat.is_closed() { "closed" } else { "open" };
    let last = match &route.stand {
        Stand::InWork { operator, .. } | Stand::Closed { operator: Some(operator), .. } => Some(operator),
        _ => None,
    };
    let mut attributes = Attributes::from_iter([
        ("route".to_owned(), encode(route)),
        ("route_rev".to_owned(), json!(route.rev)),
        ("state".to_owned(), json!(state_word(&route.stand))),
        ("by_queue".to_owned(), json!(format!("{}#{openness}", route.queue))),
    ]);
    if let Some(operator) = chat.operator() {
        attributes.insert("with".to_owned(), json!(operator));
    }
    if let Some(operator) = last {
        attributes.insert("by_operator".to_owned(), json!(format!("{operator}#{openness}")));
    }
    if let Some(due_at) = chat.due_at_ms() {
        attributes.extend(due_attributes(&chat_key(&chat.id), due_at));
    }
    attributes
}

pub(super) fn due_attributes(key: &Key, due_at_ms: i64) -> Attributes {
    let shard = due_shard(&key.pk);
    Attributes::from_iter([("due_shard".to_owned(), json!(shard)), ("due_at".to_owned(), json!(due_at_ms))])
}

fn put_waiting(chat: &Chat) -> Write {
    Write::Put { key: waiting_key(&chat.id, &chat.route), attributes: one("chat", chat), condition: None }
}

fn move_thread(chat: &ChatId, from_seq: u64, thread: &Thread, speaker: Option<&OperatorId>) -> Write {
    let mut conditions = vec![
        Condition::Is("next_seq", json!(from_seq)),
        Condition::Is("thread_rev", json!(thread.rev - 1)),
        Condition::IsNot("state", json!("closed")),
    ];
    conditions.extend(speaker.map(|speaker| Condition::Is("with", json!(speaker))));
    let set = thread_attributes(thread);
    Write::Update { key: chat_key(chat), set, remove: Vec::new(), condition: Some(Condition::All(conditions)) }
}

fn move_route(before: &Chat, route: &Route, if_quiet: bool) -> Vec<Write> {
    let mut conditions = vec![Condition::Is("route_rev", json!(before.route.rev))];
    if if_quiet {
        conditions.push(Condition::Is("thread_rev", json!(before.thread.rev)));
    }
    let after = before.on(route.clone());
    let set = route_attributes(&after);
    move_along(before, &after, set, conditions)
}

fn move_both(before: &Chat, after: &Chat) -> Vec<Write> {
    let conditions = vec![
        Condition::Is("route_rev", json!(before.route.rev)),
        Condition::Is("next_seq", json!(before.thread.next_seq)),
        Condition::Is("thread_rev", json!(before.thread.rev)),
        Condition::IsNot("state", json!("closed")),
    ];
    let mut set = route_attributes(after);
    set.extend(thread_attributes(&after.thread));
    move_along(before, after, set, conditions)
}

/// The line shows the name, too: its row is written only while the chat is as it was read.
fn name_customer(chat: &Chat) -> Vec<Write> {
    let mut set = route_attributes(chat);
    set.insert("base".to_owned(), encode(&base(chat)));
    let condition = Some(Condition::Is("route_rev", json!(chat.route.rev - 1)));
    let mut writes = vec![Write::Update { key: chat_key(&chat.id), set, remove: Vec::new(), condition }];
    if chat.route.stand == Stand::Waiting {
        writes.push(put_waiting(chat));
    }
    writes
}

/// The chat's row with these attributes of its route, and its row in the line.
fn move_along(before: &Chat, after: &Chat, set: Attributes, conditions: Vec<Condition>) -> Vec<Write> {
    let route = &after.route;
    let remove =
        ["with", "by_operator", "due_shard", "due_at"].into_iter().filter(|name| !set.contains_key(*name)).collect();
    let condition = Some(Condition::All(conditions));
    let mut writes = vec![Write::Update { key: chat_key(&before.id), set, remove, condition }];
    let old = (before.route.stand == Stand::Waiting).then(|| waiting_key(&before.id, &before.route));
    let new = (route.stand == Stand::Waiting).then(|| waiting_key(&before.id, route));
    // Two writes of one row cannot stand in one commit.
    if let Some(key) = old.filter(|old| new.as_ref() != Some(old)) {
        writes.push(Write::Delete { key, condition: None });
    }
    if new.is_some() {
        writes.push(put_waiting(after));
    }
    writes
}

fn change_operator(before: Option<&Operator>, after: &Operator) -> Vec<Write> {
    let key = operator_key(&after.id);
    let mut attributes = one("operator", after);
    attributes.insert("rev".to_owned(), json!(after.rev));
    if let Some(due_at) = after.due_at_ms() {
        attributes.extend(due_attributes(&key, due_at));
    }
    let condition = before.map_or(Condition::Absent, |before| Condition::Is("rev", json!(before.rev)));
    let mut writes = vec![Write::Put { key, attributes, condition: Some(condition) }];
    let new = places(after);
    let old = before.map(places).unwrap_or_default();
    writes.extend(
        old.iter()
            .filter(|place| !new.contains(place))
            .map(|place| Write::Delete { key: place_key(place), condition: None }),
    );
    writes.extend(new.iter().map(|place| Write::Put {
        key: place_key(place),
        attributes: one("operator", after),
        condition: None,
    }));
    writes
}

fn put_message(message: &Message, condition: Condition) -> Write {
    let key = message_key(&message.chat, message.seq);
    let mut attributes = one("message", message);
    attributes.insert("rev".to_owned(), json!(message.rev));
    // A reply's file is stored before the reply is: only one of both is awaited.
    if let Some(due_at) = domain::delivery::due_at_ms(message).or_else(|| domain::file::due_at_ms(message)) {
        attributes.extend(due_attributes(&key, due_at));
    }
    Write::Put { key, attributes, condition: Some(condition) }
}

fn put_receipt(conversation: &ConversationId, key: &str, message: Option<&(ChatId, u64)>, now_ms: i64) -> Write {
    let mut attributes = Attributes::from_iter([("expires".to_owned(), json!(now_ms / 1000 + RECEIPT_S))]);
    if let Some((chat, seq)) = message {
        attributes.insert("chat".to_owned(), json!(chat));
        attributes.insert("seq".to_owned(), json!(seq));
    }
    Write::Put { key: receipt_key(conversation, key), attributes, condition: Some(Condition::Absent) }
}

/// Reads a chat.
pub fn decode_chat(row: &Row) -> Result<Chat, StoreError> {
    let base: Base = decode(row, "base")?;
    Ok(Chat {
        id: base.id,
        channel: base.channel,
        provider: base.provider,
        customer_name: base.customer_name,
        opened_at_ms: base.opened_at_ms,
        thread: decode(row, "thread")?,
        route: decode(row, "route")?,
    })
}

/// Reads the chat of a waiting row; its thread is that of when it came to the line.
pub fn decode_waiting(row: &Row) -> Result<Chat, StoreError> {
    decode(row, "chat")
}

/// Reads an operator, of their own row or of a place.
pub fn decode_operator(row: &Row) -> Result<Operator, StoreError> {
    decode(row, "operator")
}

/// Reads a message.
pub fn decode_message(row: &Row) -> Result<Message, StoreError> {
    decode(row, "message")
}

/// Reads a contact.
pub fn decode_contact(row: &Row) -> Result<Contact, StoreError> {
    decode(row, "contact")
}

/// Reads an event.
pub fn decode_event(row: &Row) -> Result<ChatEvent, StoreError> {
    decode(row, "event")
}

/// Reads which message an event became, if it became one.
pub fn decode_receipt(row: &Row) -> Result<Option<(ChatId, u64)>, StoreError> {
    if !row.attributes.contains_key("chat") {
        return Ok(None);
    }
    Ok(Some((decode(row, "chat")?, decode(row, "seq")?)))
}
