//! The named queries: each is one bounded look along one key.

use domain::availability::Line;
use domain::chat::{Chat, ChatEvent};
use domain::message::Message;
use domain::operator::Operator;
use domain::routing::CANDIDATES_PAGE;
use domain::{ChatId, ConversationId, QueueId, RoleId};

use super::work::{conversation_pk, event_prefix, line_pk, message_prefix, order_pk};
use super::{decode_chat, decode_event, decode_message, decode_operator, decode_waiting};
use crate::store::{Cursor, Index, Query, Range, Store, StoreError, Table};

fn base(pk: String, range: Range, limit: u32) -> Query {
    Query { table: Table::Work, index: None, pk, range, descending: false, limit, after: None }
}

/// The latest chat of a conversation.
pub async fn latest_chat(store: &impl Store, conversation: &ConversationId) -> Result<Option<Chat>, StoreError> {
    let query = Query { descending: true, ..base(conversation_pk(conversation), Range::Prefix("C#".to_owned()), 1) };
    store.query(&query).await?.rows.first().map(decode_chat).transpose()
}

/// A page of the waiting line of a queue, longest-waiting first.
pub async fn line(
    store: &impl Store,
    queue: &QueueId,
    limit: u32,
    after: Option<Cursor>,
) -> Result<(Vec<Chat>, Option<Cursor>), StoreError> {
    let page = store.query(&Query { after, ..base(line_pk(queue), Range::All, limit) }).await?;
    let chats = page.rows.iter().map(decode_waiting).collect::<Result<_, _>>()?;
    Ok((chats, page.next))
}

/// Whether anybody waits in a queue's line.
pub async fn line_head(store: &impl Store, queue: &QueueId) -> Result<Option<Chat>, StoreError> {
    Ok(line(store, queue, 1, None).await?.0.into_iter().next())
}

/// The first operators of one of a role's orders, freest first.
pub async fn order_of_the_free(store: &impl Store, role: &RoleId, line: Line) -> Result<Vec<Operator>, StoreError> {
    Ok(available(store, role, line, CANDIDATES_PAGE, None).await?.0)
}

/// A page of one of a role's orders, freest first: all who are available, page by page.
pub async fn available(
    store: &impl Store,
    role: &RoleId,
    line: Line,
    limit: u32,
    after: Option<Cursor>,
) -> Result<(Vec<Operator>, Option<Cursor>), StoreError> {
    let page = store.query(&Query { after, ..base(order_pk(role, line), Range::All, limit) }).await?;
    Ok((page.rows.iter().map(decode_operator).collect::<Result<_, _>>()?, page.next))
}

/// A page of a chat's messages, newest first: those before `before`, or the newest.
pub async fn history(
    store: &impl Store,
    chat: &ChatId,
    before: Option<u64>,
    limit: u32,
) -> Result<(Vec<Message>, bool), StoreError> {
    let prefix = message_prefix(chat);
    let range = match before {
        None => Range::Prefix(prefix),
        Some(before) => {
            Range::Between(format!("{prefix}{:010}", 0), format!("{prefix}{:010}", before.saturating_sub(1)))
        }
    };
    let query = Query { descending: true, ..base(conversation_pk(&chat.conversation), range, limit) };
    let page = store.query(&query).await?;
    let messages = page.rows.iter().map(decode_message).collect::<Result<_, _>>()?;
    Ok((messages, page.next.is_some()))
}

/// What happened to a chat after the given route revision, in order.
pub async fn event_rows(
    store: &impl Store,
    chat: &ChatId,
    after_rev: u64,
    limit: u32,
) -> Result<Vec<ChatEvent>, StoreError> {
    let prefix = event_prefix(chat);
    let range = Range::Between(format!("{prefix}{:010}", after_rev + 1), format!("{prefix}{:010}", 9_999_999_999_u64));
    let page = store.query(&base(conversation_pk(&chat.conversation), range, limit)).await?;
    page.rows.iter().map(decode_event).collect()
}

/// A page of the ids of a queue's open chats, by the index: for hints only.
pub async fn open_chats_of_queue(
    store: &impl Store,
    queue: &QueueId,
    limit: u32,
    after: Option<Cursor>,
) -> Result<(Vec<ChatId>, Option<Cursor>), StoreError> {
    let query = Query { index: Some(Index::ByQueue), after, ..base(format!("{queue}#open"), Range::All, limit) };
    let page = store.query(&query).await?;
    let chats = page.rows.iter().filter_map(|row| chat_of(&row.key.pk, row.key.sk.strip_prefix("C#")?)).collect();
    Ok((chats, page.next))
}

/// Something that a sweep found overdue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// A chat: an offer ran out, or it may have to close.
    Chat(ChatId),
    /// A reply that has not got to its messenger.
    Message(ChatId, u64),
    /// An operator who is away, Inactive with offers open, or switched off.
    Operator(domain::OperatorId),
    /// A connection of an operator that has not pinged.
    Connection(domain::OperatorId, String),
}

/// A page of what was due by then, in one shard of the index: for hints only.
pub async fn due(store: &impl Store, shard: u32, until_ms: i64, limit: u32) -> Result<Vec<Due>, StoreError> {
    let query = Query { index: Some(Index::Due), ..base(shard.to_string(), Range::AtMost(until_ms), limit) };
    let page = store.query(&query).await?;
    Ok(page.rows.iter().filter_map(|row| due_of(&row.key.pk, &row.key.sk)).collect())
}

fn chat_of(pk: &str, n: &str) -> Option<ChatId> {
    Some(ChatId { conversation: pk.strip_prefix("V#")?.parse().ok()?, n: n.parse().ok()? })
}

fn due_of(pk: &str, sk: &str) -> Option<Due> {
    if let Some(operator) = pk.strip_prefix("O#") {
        let operator = operator.parse().ok()?;
        return Some(match sk.strip_prefix("K#") {
            Some(connection) => Due::Connection(operator, connection.to_owned()),
            None => Due::Operator(operator),
        });
    }
    if let Some(n) = sk.strip_prefix("C#") {
        return chat_of(pk, n).map(Due::Chat);
    }
    let (n, seq) = sk.strip_prefix("M#")?.split_once('#')?;
    Some(Due::Message(chat_of(pk, n)?, seq.parse().ok()?))
}
