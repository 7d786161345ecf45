//! The rows: which key everything has, how it is written, how it is read back.
//!
//! Two tables. `config` holds what chat managers set; `work` holds what happens. Every access is one bounded query or one
//! batch of keys; decisions read base rows only. The layout and its reasons are in `infra/docs/keys.md`.

mod config;
mod people;
mod read;
mod work;

pub use config::{
    AccountRecord, ChannelRecord, account_key, channel_key, configuration_key, decode_account, decode_channel,
    decode_configuration, decode_setup, put_account, put_channel, put_configuration, put_setup, setup_key,
};
pub use people::{
    CONNECTION_ROW_S, TicketRecord, connection_key, decode_ticket, decode_user, email_key, put_connection, put_subject,
    put_ticket, put_user, subject_key, ticket_key, user_key, users,
};
pub use read::{
    Due, available, due, event_rows, history, latest_chat, line, line_head, open_chats_of_queue, order_of_the_free,
};
pub use work::{
    Hold, chat_key, contact_key, decode_chat, decode_contact, decode_event, decode_hold, decode_message,
    decode_operator, decode_receipt, decode_waiting, hold_key, message_key, operator_key, put_hold, receipt_key, rows,
};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::store::{Row, StoreError};

/// Over how many partitions of the index the due rows are spread.
pub const DUE_SHARDS: u32 = 8;

/// The partition of the due index that a row belongs to: a hash of its partition key.
pub fn due_shard(pk: &str) -> String {
    let hash = pk.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash % DUE_SHARDS).to_string()
}

/// Reads one attribute as what it was written as.
fn decode<T: DeserializeOwned>(row: &Row, attribute: &str) -> Result<T, StoreError> {
    let value = row.attributes.get(attribute).unwrap_or(&Value::Null);
    // The error of serde may quote a customer's words: it names the row alone.
    T::deserialize(value)
        .map_err(|_| StoreError::Refused(format!("row {} / {} has no readable {attribute}", row.key.pk, row.key.sk)))
}

fn encode<T: serde::Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("a record of plain fields has a JSON form")
}
