//! What this process knows of channels, so that a warm call reads nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::config::Channel;
use domain::{ChannelId, Provider};
use messengers::telegram::{SecretHash, authentic};
use ports::records::{channel_key, decode_channel};
use ports::{Store, StoreError};

/// For how long a channel is gone by as it was read, milliseconds; that there is none, too.
pub(crate) const CACHED_MS: i64 = 60_000;
/// A call that does not fit what is known makes it be read again, if it is older than this, milliseconds: so a flood of
/// forged calls reads once a second, and a replaced secret holds within one.
pub(crate) const RECHECKED_MS: i64 = 1_000;
/// The most channels that are remembered. Of a flood of invented ones, none is worth keeping.
const CHANNELS_MAX: usize = 1_000;

/// A channel as last read; without content where there is none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known(Option<Arc<Accepting>>);

/// A channel and whom it listens to.
#[derive(Debug)]
struct Accepting {
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

/// The channels that this process has heard of.
#[derive(Debug, Default)]
pub(crate) struct Channels(Mutex<HashMap<ChannelId, Entry>>);

#[derive(Clone, Debug)]
struct Entry {
    known: Known,
    read_at_ms: i64,
    tried_at_ms: i64,
}

impl Channels {
    /// The channel, read at most `age_ms_max` ago; or as it was ever read while the store does not answer.
    pub(crate) async fn get(
        &self,
        store: &impl Store,
        id: &ChannelId,
        age_ms_max: i64,
        now_ms: i64,
    ) -> Result<Known, StoreError> {
        let held = self.entries().get(id).cloned();
        if let Some(entry) = &held
            && (now_ms - entry.read_at_ms < age_ms_max || now_ms - entry.tried_at_ms < RECHECKED_MS)
        {
            return Ok(entry.known.clone());
        }
        match (read(store, id).await, held) {
            (Ok(known), _) => {
                self.keep(id, Entry { known: known.clone(), read_at_ms: now_ms, tried_at_ms: now_ms });
                Ok(known)
            }
            (Err(error), Some(entry)) => {
                tracing::warn!(%error, "a channel is gone by as it was read before");
                let known = entry.known.clone();
                self.keep(id, Entry { tried_at_ms: now_ms, ..entry });
                Ok(known)
            }
            (Err(error), None) => Err(error),
        }
    }

    fn keep(&self, id: &ChannelId, entry: Entry) {
        let mut entries = self.entries();
        if entries.len() >= CHANNELS_MAX && !entries.contains_key(id) {
            entries.retain(|_, entry| entry.known.0.is_some());
        }
        // An installation has far fewer channels than that: what is left over is unknown or long deleted.
        if entries.len() < CHANNELS_MAX || entries.contains_key(id) {
            entries.insert(id.clone(), entry);
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<ChannelId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(store: &impl Store, id: &ChannelId) -> Result<Known, StoreError> {
    let rows = store.get(&[channel_key(id)]).await?;
    let Some(record) = rows.first().and_then(Option::as_ref).map(decode_channel).transpose()? else {
        return Ok(Known::default());
    };
    if record.channel.provider != Provider::Telegram {
        return Ok(Known::default());
    }
    let hashes = record.secret_hashes.into_iter().filter_map(|hash| SecretHash::try_from(hash).ok()).collect();
    Ok(Known(Some(Arc::new(Accepting { channel: record.channel, hashes }))))
}
