//! Looking at the channels' health: one at a manager's wish, all of them each hour (C3).

use domain::ChannelId;
use domain::config::{Channel, Configuration};
use domain::settings::{self, Objection, TOKEN_MISSING, after_a_look};
use futures_util::future::join_all;
use ports::Clock;
use ports::records::{ChannelRecord, channel_key, put_channel};
use runtime::telemetry;
use wire::http::{Code, Health};

use super::{hashes, ill};
use crate::answer::{Answer, Fault};
use crate::change::Decided;
use crate::request::Call;
use crate::{Settings, World};

/// After so long no further channels are looked at, milliseconds: the function has 28 s, and one look takes four calls of 5 s at most.
const BEGUN_WITHIN_MS: i64 = 8_000;
/// How many are looked at side by side: their messengers take the time, not the function.
const AT_ONCE: usize = 10;
/// How often all channels are looked at, milliseconds.
const EVERY_MS: i64 = 3_600_000;
/// In so many looks each has been among the first: with [`AT_ONCE`] in a third of a second, 240 channels are all of them each time.
const ROUND: usize = 24;

impl<W: World> Settings<W> {
    /// `GET /api/channels/{id}/health`. What it finds wrong is said of the channel from then on.
    pub(crate) async fn channel_health(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let id: ChannelId = call.id()?;
        let config = self.configuration().await?;
        let channel = config.channels.get(&id).ok_or(Code::NotFound)?;
        let health = self.see(channel, &config).await?;
        self.say(channel, &health).await?;
        Ok(Answer::json(200, &health))
    }

    /// The hourly look at all channels. What one of them fails by is no reason to leave out the others; what is left out for want
    /// of time has its turn in the next hour.
    pub(crate) async fn look_at_all(&self) -> Result<(), Fault> {
        let config = self.configuration().await?;
        let began_ms = self.world.clock().now_ms();
        let channels: Vec<&Channel> = config.channels.values().collect();
        for some in in_turn(&channels, began_ms).chunks(AT_ONCE) {
            if self.world.clock().now_ms() - began_ms >= BEGUN_WITHIN_MS {
                telemetry::count("channels_left_out", "time");
                break;
            }
            let seen = join_all(some.iter().map(|channel| self.see(channel, &config))).await;
            // One after the other: they change one configuration.
            for (channel, seen) in some.iter().zip(seen) {
                if let Ok(Health { problem: Some(problem), .. }) = &seen {
                    telemetry::count("channel_problem", problem);
                }
                let said = match seen {
                    Ok(health) => self.say(channel, &health).await,
                    Err(fault) => Err(fault),
                };
                said.unwrap_or_else(|fault| fault.log());
            }
        }
        Ok(())
    }

    async fn see(&self, channel: &Channel, config: &Configuration) -> Result<Health, Fault> {
        match self.secret_if_any(channel.id.as_str()).await? {
            Some(token) => self.health_of(channel, token, config).await,
            None => Ok(ill(TOKEN_MISSING)),
        }
    }

    async fn say(&self, channel: &Channel, health: &Health) -> Result<(), Fault> {
        match after_a_look(channel, health.problem.as_deref()) {
            Some(problem) => self.note(channel, problem).await,
            None => Ok(()),
        }
    }

    /// Says of the channel what was found. One that has changed since it was looked at, or is gone, is left as it is.
    async fn note(&self, channel: &Channel, problem: Option<&str>) -> Result<(), Fault> {
        let noted = self
            .change(&[channel_key(&channel.id)], |config, rows| {
                // Nothing to say is nothing to commit.
                let channel = settings::mark_problem(config, channel, problem)?.ok_or(Objection::VersionConflict)?;
                let record = ChannelRecord { channel, secret_hashes: hashes(rows)? };
                Ok(Decided { writes: vec![put_channel(&record)], ..Decided::quietly(()) })
            })
            .await;
        match noted {
            Err(Fault::Objection(Objection::VersionConflict | Objection::NotFound(_))) => Ok(()),
            noted => noted,
        }
    }
}

/// All of them, each hour beginning a part of the round further on.
fn in_turn<T: Copy>(all: &[T], now_ms: i64) -> Vec<T> {
    let hour = usize::try_from(now_ms / EVERY_MS).unwrap_or(0);
    let first = hour % ROUND * all.len() / ROUND;
    [&all[first..], &all[..first]].concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn in_a_round_each_is_among_the_first() {
        let all: Vec<usize> = (0..100).collect();
        let order = |hour: i64| in_turn(&all, hour * EVERY_MS + 59_000);
        assert_eq!((order(0)[0], order(1)[0], order(23)[0], order(24)[0]), (0, 4, 95, 0));
        for hour in 0..24 {
            let mut sorted = order(hour);
            sorted.sort_unstable();
            assert_eq!(sorted, all, "each once");
        }
        let first: BTreeSet<usize> = (0..24).flat_map(|hour| order(hour)[..5].to_vec()).collect();
        assert_eq!(first.len(), all.len());
        assert!(in_turn::<u8>(&[], EVERY_MS).is_empty());
    }
}
