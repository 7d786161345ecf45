//! Time and chance that a test decides.

use std::cell::Cell;
use std::rc::Rc;

use ports::{Clock, Random};

/// A clock that stands until it is set.
#[derive(Clone, Debug)]
pub struct FakeClock(Rc<Cell<i64>>);

impl FakeClock {
    /// A clock that shows this, milliseconds since 1970.
    pub fn at(now_ms: i64) -> Self {
        Self(Rc::new(Cell::new(now_ms)))
    }

    /// Sets it, milliseconds since 1970.
    pub fn set(&self, now_ms: i64) {
        self.0.set(now_ms);
    }

    /// Moves it on by so many milliseconds.
    pub fn advance(&self, by_ms: i64) {
        self.0.set(self.0.get() + by_ms);
    }
}

/// 2026-01-01T00:00:00Z.
impl Default for FakeClock {
    fn default() -> Self {
        Self::at(1_767_225_600_000)
    }
}

impl Clock for FakeClock {
    fn now_ms(&self) -> i64 {
        self.0.get()
    }
}

/// Bytes that look random and are the same in every run.
#[derive(Clone, Debug, Default)]
pub struct FakeRandom(Rc<Cell<u64>>);

impl FakeRandom {
    /// Another sequence.
    pub fn seeded(seed: u64) -> Self {
        Self(Rc::new(Cell::new(seed)))
    }

    /// `SplitMix64`, which makes 64 well-mixed bits of a counter.
    fn next(&self) -> u64 {
        let counter = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(counter);
        let mixed = (counter ^ (counter >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Random for FakeRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}
