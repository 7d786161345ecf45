//! What a run is to be, and what came of it.

use crate::actors::Actor;
use crate::bugs::Bug;
use crate::faults::Fault;
use crate::habits;
use crate::invariants::Checks;

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Everything follows from it.
    pub seed: u64,
    /// How long the storm lasts.
    pub steps: u64,
    /// Which bug is planted.
    pub bug: Option<Bug>,
    /// Steps of the storm that are left out.
    pub skipped: Vec<u64>,
    /// Who does nothing.
    pub without: Vec<Actor>,
    /// What does not happen.
    pub calm: Vec<Fault>,
    /// Whether to keep the story.
    pub tells: bool,
}

impl Options {
    /// The ordinary run of a seed.
    pub fn of(seed: u64) -> Self {
        let (skipped, without, calm) = (Vec::new(), Vec::new(), Vec::new());
        Self { seed, steps: habits::steps(seed), bug: None, skipped, without, calm, tells: false }
    }
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Which seed.
    pub seed: u64,
    /// Steps, those of the calm included.
    pub steps: u64,
    /// The step of the storm at which it failed.
    pub failed_at: Option<u64>,
    /// Invocations.
    pub invocations: u64,
    /// Customers' messages stored.
    pub messages: u64,
    /// Replies that reached their customer.
    pub replies: u64,
    /// Faults, in the order of [`Fault::ALL`].
    pub faults: Vec<u64>,
    /// Invariants checked.
    pub checks: Checks,
    /// Which invariant was broken, and how.
    pub failure: Option<String>,
    /// What happened, if it was kept.
    pub story: Vec<String>,
}
