//! What this process knows of channels, and whom they listen to.

use std::sync::Arc;

use domain::config::Channel;
use domain::{ChannelId, Provider};
use messengers::telegram::{SecretHash, authentic};
use ports::records::{channel_key, decode_channel};
use ports::{Store, StoreError};

/// A channel as last read; without content where there is none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known(pub(crate) Option<Arc<Accepting>>);

/// A channel and whom it listens to.
#[derive(Debug)]
pub(crate) struct Accepting {
    channel: Channel,
    hashes: Vec<SecretHash>,
}

impl Known {
    /// The channel, if the secret is one of its own.
    pub(crate) fn authentic(&self, secret: Option<&[u8]>) -> Option<&Channel> {
        let accepting = self.0.as_deref();
        // Where there is no channel, the secret is compared all the same: with what no secret can be, the hash of nothing.
        let nothing = [SecretHash::of("")];
        let is_authentic = authentic(secret, accepting.map_or(&nothing, |accepting| &accepting.hashes));
        accepting.filter(|_| is_authentic).map(|accepting| &accepting.channel)
    }
}

/// The channel as its row says; none if it is not there, or another messenger's.
pub(crate) async fn read(store: &impl Store, id: &ChannelId) -> Result<Option<Accepting>, StoreError> {
    let rows = store.get(&[channel_key(id)]).await?;
    let record = rows.first().and_then(Option::as_ref).map(decode_channel).transpose()?;
    Ok(record.filter(|record| record.channel.provider == Provider::Telegram).map(|record| {
        let hashes = record.secret_hashes.into_iter().filter_map(|hash| SecretHash::try_from(hash).ok()).collect();
        Accepting { channel: record.channel, hashes }
    }))
}
