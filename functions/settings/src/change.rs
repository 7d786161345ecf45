//! Changing the configuration: read anew, decide, commit; again if somebody was faster. And telling whom it concerns.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::config::Configuration;
use domain::decision::Wake;
use domain::settings::Impact;
use ports::records::{configuration_key, decode_configuration, put_configuration};
use ports::store::{Key, Row, Write};
use ports::{Queues, Random, Store, StoreError};
use runtime::cache::CONFIGURATION_MS;
use runtime::desk::DECISIONS_MAX;
use wire::http::Code;
use wire::queues::{Delayed, QueueMessage};

use crate::answer::Fault;
use crate::{Settings, World};

/// The largest configuration, bytes of JSON: below the 400 KB of a row, with room for its other encoding.
const CONFIGURATION_BYTES_MAX: usize = 300 * 1024;
/// How often hints that concern others are offered to their queue.
const SENDS_MAX: u32 = 3;
/// The random bytes of an id; 16 hex digits.
const ID_BYTES: usize = 8;
/// The random bytes of a webhook's secret: 256 bits.
const SECRET_BYTES: usize = 32;

/// A decision on the configuration: what to answer, and what else to write with it.
pub(crate) struct Decided<T> {
    /// What to answer.
    pub(crate) answer: T,
    /// Whom it concerns.
    pub(crate) impact: Impact,
    /// Written in the same commit.
    pub(crate) writes: Vec<Write>,
}

impl<T> Decided<T> {
    /// Nothing but the configuration changes, and it concerns nobody at once.
    pub(crate) fn quietly(answer: T) -> Self {
        Self { answer, impact: Impact::default(), writes: Vec::new() }
    }

    /// Nothing but the configuration changes.
    pub(crate) fn concerning(answer: T, impact: Impact) -> Self {
        Self { impact, ..Self::quietly(answer) }
    }
}

impl<W: World> Settings<W> {
    /// The configuration as it is now, never from a cache.
    pub(crate) async fn configuration(&self) -> Result<Configuration, Fault> {
        let rows = self.world.store().get(&[configuration_key()]).await?;
        Ok(decode_configuration(rows.first().and_then(Option::as_ref))?)
    }

    /// Changes it. `decide` is given the configuration and the rows of `keys`, and is called again when somebody was faster.
    pub(crate) async fn change<T>(
        &self,
        keys: &[Key],
        mut decide: impl FnMut(&mut Configuration, &[Option<Row>]) -> Result<Decided<T>, Fault>,
    ) -> Result<T, Fault> {
        let all: Vec<Key> = std::iter::once(configuration_key()).chain(keys.iter().cloned()).collect();
        for _ in 0..DECISIONS_MAX {
            let rows = self.world.store().get(&all).await?;
            let (first, others) = rows.split_first().unwrap_or((&None, &[]));
            let mut config = decode_configuration(first.as_ref())?;
            let Decided { answer, impact, mut writes } = decide(&mut config, others)?;
            check_size(&config)?;
            writes.push(put_configuration(&config));
            match self.world.store().commit(&writes).await {
                Ok(()) => {
                    self.tell(&impact, config.version).await;
                    return Ok(answer);
                }
                Err(StoreError::ConditionFailed(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Tells the router. It may go by a configuration of a moment ago, so it is told again once that has aged.
    async fn tell(&self, impact: &Impact, version: u64) {
        let aged_s = u32::try_from(CONFIGURATION_MS / 1000).unwrap_or(2) + 1;
        let mut hints = Vec::new();
        for queue in &impact.wake {
            for (delay_s, when) in [(0, "now"), (aged_s, "later")] {
                let cause = format!("config.{version}.{when}");
                hints.push(QueueMessage::wake(&Wake { queue: queue.clone(), cause, delay_s }));
            }
        }
        for queue in &impact.retime {
            let what = Delayed::Retime { queue: queue.clone(), after: None };
            hints.push(QueueMessage::Delayed { delay_s: aged_s, what });
        }
        self.hint(&hints).await;
    }

    /// Queues hints. The change is made: that a hint was lost is for the log, not for the manager.
    pub(crate) async fn hint(&self, hints: &[QueueMessage]) {
        if hints.is_empty() {
            return;
        }
        for attempt in 1..=SENDS_MAX {
            match self.world.queues().send(hints).await {
                Ok(()) => return,
                Err(error) => tracing::error!(%error, attempt, "a change was made, but not told"),
            }
        }
    }

    /// A new id: the prefix says of what.
    pub(crate) fn new_id<T: TryFrom<String>>(&self, prefix: &str) -> Result<T, Fault> {
        let mut bytes = [0; ID_BYTES];
        self.world.random().fill(&mut bytes);
        T::try_from(format!("{prefix}-{}", hex::encode(bytes))).map_err(|_| Code::Internal.into())
    }

    /// A new webhook secret: 43 characters of base64url.
    pub(crate) fn new_secret(&self) -> String {
        let mut bytes = [0; SECRET_BYTES];
        self.world.random().fill(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// Everything together must still fit its row.
fn check_size(config: &Configuration) -> Result<(), Fault> {
    let bytes = serde_json::to_vec(config).map_or(usize::MAX, |bytes| bytes.len());
    if bytes <= CONFIGURATION_BYTES_MAX {
        return Ok(());
    }
    let text = "The settings are too large altogether: name fewer people in queues, and use roles.";
    Err(Fault::Said(Code::InvalidValue, text.to_owned()))
}
