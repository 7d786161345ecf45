//! Rows about people: who may sign in, tickets, connections.

use domain::OperatorId;
use domain::config::User;
use domain::operator::CONNECTION_SILENCE_MS;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::work::due_attributes;
use super::{decode, encode};
use crate::store::{Attributes, Condition, Cursor, Key, Query, Range, Row, Store, StoreError, Table, Write};

/// A connection's row outlives its longest life (2 h), should nobody remove it, by this and then goes by itself, seconds.
pub const CONNECTION_ROW_S: i64 = 4 * 3600;

/// A person.
pub fn user_key(user: &OperatorId) -> Key {
    Key::config("USERS", user.as_str())
}

/// Whose e-mail address it is.
pub fn email_key(email: &str) -> Key {
    Key::config(format!("EMAIL#{email}"), "S")
}

/// Whose subject it is.
pub fn subject_key(subject: &str) -> Key {
    Key::config(format!("SUBJECT#{subject}"), "S")
}

/// A person, in place of the version before.
pub fn put_user(user: &User) -> Write {
    let condition = match user.version {
        0 | 1 => Condition::Absent,
        version => Condition::Is("version", json!(version - 1)),
    };
    let attributes =
        Attributes::from_iter([("user".to_owned(), encode(user)), ("version".to_owned(), json!(user.version))]);
    Write::Put { key: user_key(&user.id), attributes, condition: Some(condition) }
}

/// A pointer row ([`email_key`], [`subject_key`]) to a person; it must be free.
pub fn put_subject(key: Key, user: &OperatorId) -> Write {
    let attributes = Attributes::from_iter([("user_id".to_owned(), json!(user))]);
    Write::Put { key, attributes, condition: Some(Condition::Absent) }
}

/// Reads a person.
pub fn decode_user(row: &Row) -> Result<User, StoreError> {
    decode(row, "user")
}

/// A page of all people.
pub async fn users(
    store: &impl Store,
    limit: u32,
    after: Option<Cursor>,
) -> Result<(Vec<User>, Option<Cursor>), StoreError> {
    let query = Query {
        table: Table::Config,
        index: None,
        pk: "USERS".to_owned(),
        range: Range::All,
        descending: false,
        limit,
        after,
    };
    let page = store.query(&query).await?;
    Ok((page.rows.iter().map(decode_user).collect::<Result<_, _>>()?, page.next))
}

/// A ticket: the right to open one connection within 30 s. The ticket itself is not stored, only its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketRecord {
    /// Whose.
    pub operator: OperatorId,
    /// Until when the connection may be used, milliseconds since 1970.
    pub auth_until_ms: i64,
    /// Until when the ticket may be used, milliseconds since 1970.
    pub expires_at_ms: i64,
}

/// A ticket, by the SHA-256 (hex) of it.
pub fn ticket_key(hash: &str) -> Key {
    Key::work(format!("T#{hash}"), "T")
}

/// A new ticket.
pub fn put_ticket(hash: &str, ticket: &TicketRecord) -> Write {
    let attributes = Attributes::from_iter([
        ("ticket".to_owned(), encode(ticket)),
        ("expires_at_ms".to_owned(), json!(ticket.expires_at_ms)),
        ("expires".to_owned(), json!(ticket.expires_at_ms / 1000 + 60)),
    ]);
    Write::Put { key: ticket_key(hash), attributes, condition: Some(Condition::Absent) }
}

/// Reads it.
pub fn decode_ticket(row: &Row) -> Result<TicketRecord, StoreError> {
    decode(row, "ticket")
}

/// A connection's sign of life: apart from the operator's row, so that a ping disturbs nobody.
pub fn connection_key(operator: &OperatorId, connection: &str) -> Key {
    Key::work(format!("O#{operator}"), format!("K#{connection}"))
}

/// The sign of life of a connection, heard now.
///
/// It is due for a look when it has been silent for too long, and when the sign-in behind it runs out.
pub fn put_connection(
    operator: &OperatorId,
    connection: &str,
    auth_until_ms: i64,
    now_ms: i64,
    condition: Option<Condition>,
) -> Write {
    let key = connection_key(operator, connection);
    let mut attributes = Attributes::from_iter([
        ("seen_ms".to_owned(), json!(now_ms)),
        ("auth_until_ms".to_owned(), json!(auth_until_ms)),
        ("expires".to_owned(), json!(now_ms / 1000 + CONNECTION_ROW_S)),
    ]);
    attributes.extend(due_attributes(&key, auth_until_ms.min(now_ms + CONNECTION_SILENCE_MS)));
    Write::Put { key, attributes, condition }
}
