//! Rows of the config table that routing and webhooks read.

use domain::config::{Channel, Configuration};
use domain::{ChannelId, Provider};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{decode, encode};
use crate::store::{Attributes, Condition, Key, Row, StoreError, Write};

/// All of the configuration but people and secrets: one row, read whole and cached for seconds.
pub fn configuration_key() -> Key {
    Key::config("CONFIGURATION", "S")
}

/// The configuration, in place of the version before it.
pub fn put_configuration(configuration: &Configuration) -> Write {
    let condition = match configuration.version {
        0 | 1 => Condition::Absent,
        version => Condition::Is("version", json!(version - 1)),
    };
    let attributes = Attributes::from_iter([
        ("configuration".to_owned(), encode(configuration)),
        ("version".to_owned(), json!(configuration.version)),
    ]);
    Write::Put { key: configuration_key(), attributes, condition: Some(condition) }
}

/// Reads it; an absent row is an empty configuration.
pub fn decode_configuration(row: Option<&Row>) -> Result<Configuration, StoreError> {
    row.map_or_else(|| Ok(Configuration::default()), |row| decode(row, "configuration"))
}

/// What a webhook has to know of its channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelRecord {
    /// The channel.
    pub channel: Channel,
    /// SHA-256 (hex) of each webhook secret that is accepted: the present one, and the one before while it is replaced.
    pub secret_hashes: Vec<String>,
}

/// A channel, as its webhook reads it.
pub fn channel_key(channel: &ChannelId) -> Key {
    Key::config(format!("CHANNEL#{channel}"), "S")
}

/// A channel's row; the configuration's own row, written in the same commit, guards it.
pub fn put_channel(record: &ChannelRecord) -> Write {
    let attributes = Attributes::from_iter([("record".to_owned(), encode(record))]);
    Write::Put { key: channel_key(&record.channel.id), attributes, condition: None }
}

/// Reads it.
pub fn decode_channel(row: &Row) -> Result<ChannelRecord, StoreError> {
    decode(row, "record")
}

/// Which channel has a bot, page or number (C3): its row is put only if absent.
pub fn account_key(provider: Provider, account: &str) -> Key {
    let provider = match provider {
        Provider::Telegram => "telegram",
        Provider::Messenger => "messenger",
        Provider::Whatsapp => "whatsapp",
    };
    Key::config(format!("ACCOUNT#{provider}#{account}"), "S")
}

/// Reads which channel it is.
pub fn decode_account(row: &Row) -> Result<ChannelId, StoreError> {
    decode(row, "channel")
}
