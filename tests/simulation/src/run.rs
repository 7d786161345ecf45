//! Runs seeds: one, many, and a failing one again until its story is short.

use std::cell::{Cell, RefCell};
use std::panic::AssertUnwindSafe;
use std::sync::Once;

use crate::actors::Actor;
use crate::bugs::Bug;
use crate::faults::Fault;
use crate::marks;
use crate::options::{Options, Report};
use crate::simulation::Simulation;

/// The most runs that shrinking takes.
const SHRINK_RUNS_MAX: u32 = 4_000;

thread_local! {
    static SIMULATES: Cell<bool> = const { Cell::new(false) };
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic of this thread since the last time: handlers' own are caught by their batch loop, and are bugs all the same.
pub(crate) fn taken_panic() -> Option<String> {
    PANIC.take()
}

fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if SIMULATES.get() {
                PANIC.set(Some(info.to_string()));
            } else {
                before(info);
            }
        }));
    });
}

/// Runs one seed.
///
/// # Panics
/// If no runtime can be had.
pub fn run(options: &Options) -> Report {
    watch_panics();
    SIMULATES.set(true);
    PANIC.set(None);
    marks::logged();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without threads and sockets");
    let ran = std::panic::catch_unwind(AssertUnwindSafe(|| {
        tracing::subscriber::with_default(marks::Reader, || {
            runtime.block_on(async { Simulation::new(options.clone()).await.run().await })
        })
    }));
    SIMULATES.set(false);
    ran.unwrap_or_else(|_| Report {
        seed: options.seed,
        failure: Some(format!("panicked: {}", taken_panic().unwrap_or_default())),
        faults: vec![0; Fault::ALL.len()],
        ..Report::default()
    })
}

/// The same failure with less: fewer kinds of fault and of actor, then without every step that it does without.
pub fn shrink(options: &Options) -> Options {
    let Some(invariant) = run(options).failure.as_deref().map(invariant_of) else { return options.clone() };
    let mut shrinking = Shrinking { least: options.clone(), invariant, runs_left: SHRINK_RUNS_MAX };
    for fault in Fault::ALL {
        shrinking.attempt(|fewer| fewer.calm.push(*fault));
    }
    for actor in Actor::ALL {
        shrinking.attempt(|fewer| fewer.without.push(actor));
    }
    if let Some(at) = run(&shrinking.least).failed_at {
        shrinking.attempt(|fewer| fewer.steps = at + 1);
    }
    shrinking.leave_out_steps();
    shrinking.least
}

fn invariant_of(failure: &str) -> String {
    failure.split(':').next().unwrap_or_default().to_owned()
}

struct Shrinking {
    least: Options,
    invariant: String,
    runs_left: u32,
}

impl Shrinking {
    /// Takes a smaller run for the least, if the same invariant breaks in it.
    fn attempt(&mut self, less: impl FnOnce(&mut Options)) -> bool {
        let Some(left) = self.runs_left.checked_sub(1) else { return false };
        self.runs_left = left;
        let mut fewer = self.least.clone();
        less(&mut fewer);
        let same = run(&fewer).failure.as_deref().map(invariant_of).as_ref() == Some(&self.invariant);
        if same {
            self.least = fewer;
        }
        same
    }

    /// Leaves out parts of the storm, smaller and smaller ones, down to single steps, until none can be spared (A. Zeller,
    /// R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002).
    fn leave_out_steps(&mut self) {
        let mut length = usize::try_from(self.least.steps).unwrap_or(1).div_ceil(2);
        loop {
            let mut spared = false;
            let kept: Vec<u64> = (0..self.least.steps).filter(|step| !self.least.skipped.contains(step)).collect();
            // The last ones first: what comes after the cause is spared most easily.
            for part in kept.rchunks(length) {
                spared |= self.attempt(|fewer| {
                    fewer.skipped.extend(part);
                    fewer.skipped.sort_unstable();
                });
            }
            if length == 1 && !spared || self.runs_left == 0 {
                return;
            }
            length = length.div_ceil(2);
        }
    }
}

/// How many seeds a bug needs until it is caught, and by what; none if it is not.
pub fn seeds_needed(bug: Bug, first: u64, seeds_max: u64) -> Option<(u64, String)> {
    (0..seeds_max).find_map(|nth| {
        let failure = run(&Options { bug: Some(bug), ..Options::of(first + nth) }).failure?;
        Some((nth + 1, failure))
    })
}
