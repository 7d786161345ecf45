//! The configuration, read whole and kept for a moment.

use std::sync::{Arc, Mutex};

use domain::config::Configuration;
use ports::records::{configuration_key, decode_configuration};
use ports::{Store, StoreError};

/// For how long a process goes by what it read, milliseconds. Decisions that must not be late (a limit lowered, a queue
/// deleted) are guarded by state, not by this.
pub const CONFIGURATION_MS: i64 = 2_000;

/// The configuration as last read.
#[derive(Default)]
pub struct ConfigurationCache(Mutex<Option<(i64, Arc<Configuration>)>>);

impl ConfigurationCache {
    /// The configuration, at most [`CONFIGURATION_MS`] old.
    pub async fn get(&self, store: &impl Store, now_ms: i64) -> Result<Arc<Configuration>, StoreError> {
        if let Some((read_at, configuration)) = self.held()
            && now_ms - read_at < CONFIGURATION_MS
        {
            return Ok(configuration);
        }
        let rows = store.get(&[configuration_key()]).await?;
        let configuration = Arc::new(decode_configuration(rows.first().and_then(Option::as_ref))?);
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((now_ms, configuration.clone()));
        Ok(configuration)
    }

    /// Forgets it, so that the next one to ask reads it anew.
    pub fn forget(&self) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
    }

    fn held(&self) -> Option<(i64, Arc<Configuration>)> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}
