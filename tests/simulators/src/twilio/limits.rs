//! How many messages a second a sender may be given. Off until switched on.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// What is allowed; twilio.com/docs/whatsapp/api#rate-limiting-and-queueing has 80 messages a second a sender.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitSettings {
    /// Whether the limit holds.
    pub(crate) enabled: bool,
    /// Messages a second of one sender.
    pub(crate) sender_per_second: usize,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self { enabled: false, sender_per_second: 80 }
    }
}

/// The messages of the last second.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub(crate) settings: LimitSettings,
    senders: HashMap<String, VecDeque<Instant>>,
}

const WINDOW: Duration = Duration::from_secs(1);

impl Limits {
    /// Counts a message of `sender` at `now`; false if it is one too many.
    pub(crate) fn admit(&mut self, sender: &str, now: Instant) -> bool {
        if !self.settings.enabled {
            return true;
        }
        let sent = self.senders.entry(sender.to_owned()).or_default();
        while sent.front().is_some_and(|at| now.duration_since(*at) >= WINDOW) {
            sent.pop_front();
        }
        if sent.len() >= self.settings.sender_per_second {
            return false;
        }
        sent.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_a_senders_own_and_slides() {
        let start = Instant::now();
        let mut limits = Limits::default();
        assert!((0..100).all(|_| limits.admit("+1", start)), "off at first");
        limits.settings = LimitSettings { enabled: true, sender_per_second: 2 };
        assert!(limits.admit("+1", start) && limits.admit("+1", start) && !limits.admit("+1", start));
        assert!(limits.admit("+2", start), "another sender");
        assert!(limits.admit("+1", start + WINDOW));
    }
}
