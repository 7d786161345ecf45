//! A small company on the fakes: its configuration, people and chats, stored as the product stores them, by the product's
//! own decisions. Tests of functions start from one.
//!
//! The queue `sales` gives its chats to the most free, `crowd` shows them to all; the role `staff` serves both. The channel
//! `sales-bot` leads to the one, `crowd-bot` to the other.

mod events;
mod look;
mod setup;

use std::fmt::Debug;
use std::str::FromStr;

pub use events::{frame, inbound, message, parked, sqs};
use ports::Clock;

use crate::{FakeClock, FakeFiles, FakePush, FakeQueues, FakeRandom, FakeTimers, FakeVisibility, MemoryStore};

/// The queue that gives its chats to the most free.
pub const SALES: &str = "sales";
/// The queue that shows its chats to all.
pub const CROWD: &str = "crowd";
/// The role that serves both.
pub const STAFF: &str = "staff";
/// How long a connection of the world's operators may be used, milliseconds.
pub const CONNECTION_MS: i64 = 2 * 3_600_000;

/// The fakes, and what is stored in them.
#[derive(Clone)]
pub struct World {
    /// State.
    pub store: MemoryStore,
    /// What was queued.
    pub queues: FakeQueues,
    /// What was armed.
    pub timers: FakeTimers,
    /// What was pushed.
    pub push: FakePush,
    /// The time.
    pub clock: FakeClock,
    /// What was told to come back.
    pub visibility: FakeVisibility,
    /// The bucket.
    pub files: FakeFiles,
    /// Chance.
    pub random: FakeRandom,
}

/// An id.
///
/// # Panics
/// If it is none.
pub fn id<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().expect("a test's ids are ids")
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// Now, milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Counts requests from 0 again, and forgets what was queued and pushed.
    pub fn reset(&self) {
        self.store.reset_counts();
        self.queues.take();
        self.queues.reset_requests();
        self.timers.reset_requests();
        self.push.take();
        self.push.reset_posts();
    }
}
