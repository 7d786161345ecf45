//! Looking at the channels' health: one at a manager's wish, all of them each hour (C3).

use domain::ChannelId;
use domain::config::{Channel, Configuration};
use domain::settings::{self, Objection, TOKEN_MISSING, after_a_look};
use ports::Clock;
use ports::records::{ChannelRecord, channel_key, put_channel};
use runtime::telemetry;
use wire::http::{Code, Health};

use super::{hashes, ill};
use crate::answer::{Answer, Fault};
use crate::change::Decided;
use crate::request::Call;
use crate::{Settings, World};

/// After so long no further channel is looked at, milliseconds: the function has 28 s, and one look takes four calls of 5 s at most.
const BEGUN_WITHIN_MS: i64 = 8_000;
/// How often all channels are looked at, milliseconds.
const EVERY_MS: i64 = 3_600_000;

impl<W: World> Settings<W> {
    /// `GET /api/channels/{id}/health`. What it finds wrong is said of the channel from then on.
    pub(crate) async fn channel_health(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let id: ChannelId = call.id()?;
        let config = self.configuration().await?;
        let channel = config.channels.get(&id).ok_or(Code::NotFound)?;
        Ok(Answer::json(200, &self.look_at(channel, &config).await?))
    }

    /// The hourly look at all channels. What one of them fails by is no reason to leave out the others; what is left out for want
    /// of time has its turn in the next hour.
    pub(crate) async fn look_at_all(&self) -> Result<(), Fault> {
        let config = self.configuration().await?;
        let began_ms = self.world.clock().now_ms();
        let channels: Vec<&Channel> = config.channels.values().collect();
        for channel in in_turn(&channels, began_ms) {
            if self.world.clock().now_ms() - began_ms >= BEGUN_WITHIN_MS {
                telemetry::count("channels_left_out", "time");
                break;
            }
            match self.look_at(channel, &config).await {
                Ok(Health { problem: Some(problem), .. }) => telemetry::count("channel_problem", &problem),
                Ok(_) => {}
                Err(fault) => fault.log(),
            }
        }
        Ok(())
    }

    async fn look_at(&self, channel: &Channel, config: &Configuration) -> Result<Health, Fault> {
        let health = match self.secret_if_any(channel.id.as_str()).await? {
            Some(token) => self.health_of(channel, token, config).await?,
            None => ill(TOKEN_MISSING),
        };
        if let Some(problem) = after_a_look(channel, health.problem.as_deref()) {
            self.note(channel, problem).await?;
        }
        Ok(health)
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

/// All of them, another first each hour.
fn in_turn<T>(all: &[T], now_ms: i64) -> impl Iterator<Item = &T> {
    let hour = usize::try_from(now_ms / EVERY_MS).unwrap_or(0);
    let first = hour.checked_rem(all.len()).unwrap_or(0);
    all[first..].iter().chain(&all[..first])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hour_another_is_the_first() {
        let order = |hour: i64| in_turn(&["a", "b", "c"], hour * EVERY_MS + 59_000).copied().collect::<String>();
        assert_eq!([0, 1, 2, 3].map(order), ["abc", "bca", "cab", "abc"]);
        assert_eq!(in_turn::<u8>(&[], EVERY_MS).count(), 0);
    }
}
