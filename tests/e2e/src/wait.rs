//! Waiting for conditions, with a bound.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

/// How long anything may take that should happen at once: generous, since tests share two cores.
pub const SOON: Duration = Duration::from_secs(45);
/// How often a condition is looked at that announces itself by nothing.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Looks until there is something, at most for `bound`; a condition of a window waits for frames instead ([`crate::Window`]).
pub async fn eventually<T>(what: &str, bound: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + bound;
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {bound:?} in vain for {what}");
    }
}
