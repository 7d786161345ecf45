//! What a webhook's process knows of rows that strangers name, so that a warm call reads nothing.

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// For how long something is gone by as it was read, milliseconds; that it is not there, too.
pub const CACHED_MS: i64 = 60_000;
/// A call that does not fit what is known makes it be read again, if it is older than this, milliseconds: so a flood of
/// forged calls reads once a second, and what was replaced holds within one.
pub const RECHECKED_MS: i64 = 1_000;
/// The most that is remembered. Of a flood of invented names, none is worth keeping.
const ENTRIES_MAX: usize = 1_000;

/// Things by their names, as last read.
#[derive(Debug)]
pub struct Remembered<K, V>(Mutex<HashMap<K, Entry<V>>>);

#[derive(Debug)]
struct Entry<V> {
    known: Option<Arc<V>>,
    read_at_ms: i64,
    tried_at_ms: i64,
}

impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, V> Remembered<K, V> {
    /// What has this name, read at most `age_ms_max` ago; or as it was ever read while the store does not answer. `read` is
    /// called when it has to be read, and says `None` for what is not there.
    pub async fn get<E: Display>(
        &self,
        name: &K,
        age_ms_max: i64,
        now_ms: i64,
        read: impl AsyncFnOnce() -> Result<Option<V>, E>,
    ) -> Result<Option<Arc<V>>, E> {
        let held = self.held(name);
        if let Some(entry) = &held
            && (now_ms - entry.read_at_ms < age_ms_max || now_ms - entry.tried_at_ms < RECHECKED_MS)
        {
            return Ok(entry.known.clone());
        }
        match (read().await, held) {
            (Ok(found), _) => {
                let known = found.map(Arc::new);
                self.keep(name, Entry { known: known.clone(), read_at_ms: now_ms, tried_at_ms: now_ms });
                Ok(known)
            }
            (Err(error), Some(entry)) => {
                tracing::warn!(%error, "gone by as it was read before");
                let known = entry.known.clone();
                self.keep(name, Entry { tried_at_ms: now_ms, ..entry });
                Ok(known)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Whether what is known of this name is older than so long, since the store did not answer when it was to be read again: what
    /// cannot be undone (a 2xx that drops a message) must not go by it.
    pub fn is_outdated(&self, name: &K, age_ms_max: i64, now_ms: i64) -> bool {
        self.entries().get(name).is_some_and(|entry| now_ms - entry.read_at_ms >= age_ms_max)
    }

    fn held(&self, name: &K) -> Option<Entry<V>> {
        let entries = self.entries();
        let entry = entries.get(name)?;
        Some(Entry { known: entry.known.clone(), read_at_ms: entry.read_at_ms, tried_at_ms: entry.tried_at_ms })
    }

    fn keep(&self, name: &K, entry: Entry<V>) {
        let mut entries = self.entries();
        if entries.len() >= ENTRIES_MAX && !entries.contains_key(name) {
            entries.retain(|_, entry| entry.known.is_some());
        }
        // An installation has far fewer channels than that: what is left over is unknown or long deleted.
        if entries.len() < ENTRIES_MAX || entries.contains_key(name) {
            entries.insert(name.clone(), entry);
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<K, Entry<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
