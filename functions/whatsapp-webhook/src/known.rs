//! What this process knows of numbers, channels and its own public address.

use std::sync::Arc;

use domain::config::Channel;
use domain::{ChannelId, Provider};
use ports::records::{account_key, channel_key, configuration_key, decode_channel, decode_configuration};
use ports::{Store, StoreError};
use runtime::remembered::Remembered;

/// All of it, as last read.
#[derive(Debug, Default)]
pub(crate) struct Known {
    accounts: Remembered<String, ChannelId>,
    channels: Remembered<ChannelId, Channel>,
    site: Remembered<(), String>,
}

impl Known {
    /// The channel that the first of these accounts has that any channel has.
    pub(crate) async fn channel(
        &self,
        store: &impl Store,
        accounts: &[String],
        age_ms_max: i64,
        now_ms: i64,
    ) -> Result<Option<Arc<Channel>>, StoreError> {
        for account in accounts {
            let id = self.accounts.get(account, age_ms_max, now_ms, async || read_account(store, account).await);
            let Some(id) = id.await? else { continue };
            let channel = self.channels.get(&id, age_ms_max, now_ms, async || read_channel(store, &id).await).await?;
            if channel.is_some() {
                return Ok(channel);
            }
        }
        Ok(None)
    }

    /// Whether this channel is gone by as it was before the store stopped answering.
    pub(crate) fn is_outdated(&self, channel: &ChannelId, age_ms_max: i64, now_ms: i64) -> bool {
        self.channels.is_outdated(channel, age_ms_max, now_ms)
    }

    /// The public address that a manager has set (C4), if one has.
    pub(crate) async fn site(
        &self,
        store: &impl Store,
        age_ms_max: i64,
        now_ms: i64,
    ) -> Result<Option<Arc<String>>, StoreError> {
        self.site.get(&(), age_ms_max, now_ms, async || read_site(store).await).await
    }
}

async fn read_account(store: &impl Store, account: &str) -> Result<Option<ChannelId>, StoreError> {
    let rows = store.get(&[account_key(Provider::Whatsapp, account)]).await?;
    let id = rows.first().and_then(Option::as_ref).and_then(|row| row.attributes.get("channel")?.as_str());
    Ok(id.and_then(|id| id.parse().ok()))
}

/// The channel as its row says; none if it is not there, or another messenger's.
async fn read_channel(store: &impl Store, id: &ChannelId) -> Result<Option<Channel>, StoreError> {
    let rows = store.get(&[channel_key(id)]).await?;
    let record = rows.first().and_then(Option::as_ref).map(decode_channel).transpose()?;
    Ok(record.map(|record| record.channel).filter(|channel| channel.provider == Provider::Whatsapp))
}

async fn read_site(store: &impl Store) -> Result<Option<String>, StoreError> {
    let rows = store.get(&[configuration_key()]).await?;
    Ok(decode_configuration(rows.first().and_then(Option::as_ref))?.settings.site_url)
}
