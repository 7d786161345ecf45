//! Rows of the config table that routing and webhooks read.

use domain::config::{Channel, Configuration};
use domain::{ChannelId, Provider};
use serde::de::DeserializeOwned;
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
    Key::config(format!("ACCOUNT#{}#{account}", name(provider)), "S")
}

/// What stands in an account's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRecord {
    /// The channel that has it.
    pub channel: ChannelId,
    /// The number's Messaging Service, which has a row of its own (WhatsApp).
    pub service: Option<String>,
}

/// An account's row, which must not be there, or must be the channel's already.
pub fn put_account(key: Key, account: &AccountRecord, is_there: bool) -> Write {
    let mut attributes = Attributes::from_iter([("channel".to_owned(), json!(account.channel))]);
    attributes.extend(account.service.as_ref().map(|service| ("service".to_owned(), json!(service))));
    let condition = if is_there { Condition::Is("channel", json!(account.channel)) } else { Condition::Absent };
    Write::Put { key, attributes, condition: Some(condition) }
}

/// Reads it.
pub fn decode_account(row: &Row) -> Result<AccountRecord, StoreError> {
    Ok(AccountRecord { channel: decode(row, "channel")?, service: decode(row, "service")? })
}

/// A set-up that a person has under way at a messenger: one of a kind. `who` = a hash of the person's subject.
pub fn setup_key(provider: Provider, who: &str) -> Key {
    Key::config(format!("SETUP#{}#{who}", name(provider)), "S")
}

/// How far it is, in place of how it was at revision `before`; 0 = it was not there.
pub fn put_setup(key: Key, before: u64, setup: &impl Serialize) -> Write {
    let attributes =
        Attributes::from_iter([("setup".to_owned(), encode(setup)), ("rev".to_owned(), json!(before + 1))]);
    let condition = if before == 0 { Condition::Absent } else { Condition::Is("rev", json!(before)) };
    Write::Put { key, attributes, condition: Some(condition) }
}

/// Reads it, with its revision.
pub fn decode_setup<T: DeserializeOwned>(row: &Row) -> Result<(u64, T), StoreError> {
    Ok((decode(row, "rev")?, decode(row, "setup")?))
}

fn name(provider: Provider) -> &'static str {
    match provider {
        Provider::Telegram => "telegram",
        Provider::Messenger => "messenger",
        Provider::Whatsapp => "whatsapp",
    }
}
