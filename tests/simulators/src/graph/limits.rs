//! The limits of sending: 300 texts and 10 audio or video messages a second a page. Off until switched on.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// What is allowed; .../messenger-platform/overview#rate-limiting.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitSettings {
    /// Whether the limits hold.
    pub(crate) enabled: bool,
    /// Messages a second with text, images or files.
    pub(crate) per_second: usize,
    /// Messages a second with audio or video.
    pub(crate) media_per_second: usize,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self { enabled: false, per_second: 300, media_per_second: 10 }
    }
}

/// The messages of the last second.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub(crate) settings: LimitSettings,
    light: VecDeque<Instant>,
    heavy: VecDeque<Instant>,
}

impl Limits {
    /// Whether one more message may go now; it counts if so. `heavy`: audio or video.
    pub(crate) fn admit(&mut self, heavy: bool, now: Instant) -> bool {
        if !self.settings.enabled {
            return true;
        }
        let (sent, most) = if heavy {
            (&mut self.heavy, self.settings.media_per_second)
        } else {
            (&mut self.light, self.settings.per_second)
        };
        while sent.front().is_some_and(|first| now.duration_since(*first) >= Duration::from_secs(1)) {
            sent.pop_front();
        }
        if sent.len() >= most {
            return false;
        }
        sent.push_back(now);
        true
    }
}
