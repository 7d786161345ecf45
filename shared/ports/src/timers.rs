//! Timers: hints that state is worth another look at a certain time.

use wire::timers::Timer;

/// Why a timer was not set. The sweep finds what it would have found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("scheduler unavailable: {0}")]
pub struct TimerError(pub String);

/// Sets one-time timers.
pub trait Timers {
    /// Sets it; one of the same name that is there already is the same timer and no error. It fires within 60 s after its
    /// second, at least once, and is gone afterwards.
    async fn arm(&self, timer: &Timer) -> Result<(), TimerError>;
}

/// For functions whose decisions set no timers: they have no permission to.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTimers;

impl Timers for NoTimers {
    async fn arm(&self, timer: &Timer) -> Result<(), TimerError> {
        Err(TimerError(format!("{} is set where no timer may be", timer.name())))
    }
}

impl<T: Timers> Timers for &T {
    async fn arm(&self, timer: &Timer) -> Result<(), TimerError> {
        (**self).arm(timer).await
    }
}
