//! Timers that a test fires.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use ports::{TimerError, Timers};
use wire::timers::Timer;

use crate::faults::Faults;

/// The longest name of a schedule, characters (EventBridge Scheduler).
const NAME_CHARS_MAX: usize = 64;

/// Records timers by name; the first of a name stays.
#[derive(Clone, Debug, Default)]
pub struct FakeTimers(Rc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    armed: RefCell<BTreeMap<String, Timer>>,
    requests: Cell<usize>,
    faults: Faults<TimerError>,
}

impl FakeTimers {
    /// The next `n` calls end with this, and nothing is armed.
    pub fn fail_next(&self, n: usize, error: &TimerError) {
        self.0.faults.add(n, error);
    }

    /// The timers that are armed, by name.
    pub fn armed(&self) -> BTreeMap<String, Timer> {
        self.0.armed.borrow().clone()
    }

    /// Takes out the timers whose second has come, in order of time.
    pub fn take_due(&self, now_ms: i64) -> Vec<Timer> {
        let mut armed = self.0.armed.borrow_mut();
        let (due, later) =
            std::mem::take(&mut *armed).into_iter().partition(|(_, timer)| timer.at_s() * 1000 <= now_ms);
        *armed = later;
        let due: BTreeMap<String, Timer> = due;
        let mut due: Vec<Timer> = due.into_values().collect();
        due.sort_by_key(Timer::at_s);
        due
    }

    /// How many requests were made.
    pub fn requests(&self) -> usize {
        self.0.requests.get()
    }

    /// Counts requests from 0 again.
    pub fn reset_requests(&self) {
        self.0.requests.set(0);
    }
}

impl Timers for FakeTimers {
    async fn arm(&self, timer: &Timer) -> Result<(), TimerError> {
        self.0.requests.set(self.0.requests.get() + 1);
        self.0.faults.check()?;
        let name = timer.name();
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        if name.len() > NAME_CHARS_MAX || !name.bytes().all(plain) {
            return Err(TimerError(format!("{name:?} is no name of a schedule")));
        }
        self.0.armed.borrow_mut().entry(name).or_insert_with(|| timer.clone());
        Ok(())
    }
}
