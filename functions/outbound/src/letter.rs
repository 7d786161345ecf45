//! All that sending a reply takes, as read.

use domain::chat::Chat;
use domain::contact::Contact;
use domain::delivery::listener;
use domain::message::Message;
use domain::operator::Operator;
use domain::{ChannelId, ChatId, OperatorId};
use ports::records::{self, Hold};
use ports::store::Key;
use ports::{Store, StoreError};
use wire::queues::{Outbound, OutboundKind};

/// How many unsent predecessors of a reply are looked for: each is one more read, and there are any only after a fault.
const PREDECESSORS_MAX: usize = 20;

/// A reply and what it takes to send it.
#[derive(Debug)]
pub(crate) struct Letter {
    /// Its chat.
    pub(crate) chat: Chat,
    /// The replies that have to go, in their order: unsent predecessors, then the one itself.
    pub(crate) messages: Vec<Message>,
    /// The customer, if they are known.
    pub(crate) contact: Option<Contact>,
    /// The channel's hold.
    pub(crate) hold: Hold,
    /// Who is to hear how the reply itself fares.
    pub(crate) listener: Option<Operator>,
}

/// What the hint says that would otherwise take a second read. All of it is checked against state.
#[derive(Clone, Copy, Default)]
struct Foreknown<'a> {
    channel: Option<&'a ChannelId>,
    operator: Option<&'a OperatorId>,
    previous: Option<u64>,
}

/// The rows of the first read, as far as they were asked for and are there.
struct Found {
    message: Message,
    chat: Chat,
    contact: Option<Contact>,
    hold: Option<Hold>,
    operator: Option<Operator>,
    previous: Option<Message>,
}

impl Letter {
    /// Reads a reply with all it takes: one request if the hint names everything and no predecessor is unsent. `None` if there
    /// is no such reply.
    pub(crate) async fn read(store: &impl Store, hint: &Outbound) -> Result<Option<Self>, StoreError> {
        let OutboundKind::Reply { seq, channel, operator, previous, .. } = &hint.what else { return Ok(None) };
        let known = Foreknown { channel: channel.as_ref(), operator: operator.as_ref(), previous: *previous };
        let Some(found) = Found::read(store, &hint.chat, *seq, known).await? else { return Ok(None) };
        let Found { message, chat, contact, hold, operator, previous } = found;
        let listener = listener(&chat, &message);
        let as_hinted = known.channel == Some(&chat.channel) && known.operator == listener;
        let (hold, operator) =
            if as_hinted { (hold, operator) } else { read_rest(store, &chat.channel, listener).await? };
        let messages = with_predecessors(store, message, previous).await?;
        Ok(Some(Self { chat, messages, contact, hold: hold.unwrap_or_default(), listener: operator }))
    }
}

impl Found {
    async fn read(
        store: &impl Store,
        chat: &ChatId,
        seq: u64,
        known: Foreknown<'_>,
    ) -> Result<Option<Self>, StoreError> {
        let mut keys =
            vec![records::message_key(chat, seq), records::chat_key(chat), records::contact_key(&chat.conversation)];
        let mut place = |key: Option<Key>| {
            key.map(|key| {
                keys.push(key);
                keys.len() - 1
            })
        };
        let hold = place(known.channel.map(records::hold_key));
        let operator = place(known.operator.map(records::operator_key));
        let previous = place(known.previous.map(|seq| records::message_key(chat, seq)));
        let rows = store.get(&keys).await?;
        let row = |at: usize| rows.get(at).and_then(Option::as_ref);
        let (Some(message), Some(chat)) = (row(0), row(1)) else { return Ok(None) };
        Ok(Some(Self {
            message: records::decode_message(message)?,
            chat: records::decode_chat(chat)?,
            contact: row(2).map(records::decode_contact).transpose()?,
            hold: hold.and_then(row).map(records::decode_hold).transpose()?,
            operator: operator.and_then(row).map(records::decode_operator).transpose()?,
            previous: previous.and_then(row).map(records::decode_message).transpose()?,
        }))
    }
}

/// Reads what the first read did not ask for, because the hint did not name it or named another.
async fn read_rest(
    store: &impl Store,
    channel: &ChannelId,
    listener: Option<&OperatorId>,
) -> Result<(Option<Hold>, Option<Operator>), StoreError> {
    let mut keys = vec![records::hold_key(channel)];
    keys.extend(listener.map(records::operator_key));
    let rows = store.get(&keys).await?;
    let row = |at: usize| rows.get(at).and_then(Option::as_ref);
    Ok((row(0).map(records::decode_hold).transpose()?, row(1).map(records::decode_operator).transpose()?))
}

/// The message behind its predecessors that have not reached their end: a hint may be lost, and the order holds all the same.
async fn with_predecessors(
    store: &impl Store,
    message: Message,
    mut known: Option<Message>,
) -> Result<Vec<Message>, StoreError> {
    let mut messages = vec![message];
    while messages.len() <= PREDECESSORS_MAX {
        let oldest = messages.last().expect("it begins with one");
        let Some(before) = oldest.previous_out.filter(|before| *before < oldest.seq) else { break };
        let previous = match known.take().filter(|known| known.seq == before) {
            Some(previous) => Some(previous),
            None => read_message(store, &oldest.chat, before).await?,
        };
        match previous {
            Some(previous) if is_unsent(&previous) => messages.push(previous),
            _ => break,
        }
    }
    messages.reverse();
    Ok(messages)
}

/// Reads one message.
pub(crate) async fn read_message(store: &impl Store, chat: &ChatId, seq: u64) -> Result<Option<Message>, StoreError> {
    let rows = store.get(&[records::message_key(chat, seq)]).await?;
    rows.first().and_then(Option::as_ref).map(records::decode_message).transpose()
}

fn is_unsent(message: &Message) -> bool {
    message.delivery.as_ref().is_some_and(|delivery| !delivery.state.is_final())
}
