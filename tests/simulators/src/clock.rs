//! The simulator's own time.

use std::time::Duration;

use tokio::time::Instant;

/// Wall time that runs with tokio's clock: it never jumps back, and stands still in a test that paused the time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    started_unix: Duration,
}

impl Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the simulator stands for a foreign service, which has its own clock"
    )]
    pub(crate) fn start() -> Self {
        let started_unix = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("the machine's clock is set to a time after 1970");
        Self { started: Instant::now(), started_unix }
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(self) -> u64 {
        let now = self.started_unix + self.started.elapsed();
        u64::try_from(now.as_millis()).expect("milliseconds since 1970 fit 64 bits")
    }

    /// Seconds since 1970, the unit of every date in the Bot API.
    pub(crate) fn now_s(self) -> u64 {
        self.now_ms() / 1000
    }
}
