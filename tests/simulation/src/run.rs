//! Runs seeds: one, many, and a failing one again until its story is short.

use std::cell::{Cell, RefCell};
use std::panic::AssertUnwindSafe;
use std::sync::Once;

use crate::actors::Actor;
use crate::bugs::Bug;
use crate::faults::Fault;
use crate::simulation::{Options, Report, Simulation};

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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without threads and sockets");
    let ran = std::panic::catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async { Simulation::new(options.clone()).await.run().await })
    }));
    SIMULATES.set(false);
    ran.unwrap_or_else(|_| Report {
        seed: options.seed,
        failure: Some(format!("panicked: {}", taken_panic().unwrap_or_default())),
        faults: vec![0; Fault::ALL.len()],
        ..Report::default()
    })
}

/// The same failure with less: fewer steps, fewer kinds of fault, fewer kinds of actor.
pub fn shrink(options: &Options) -> Options {
    let fails = |options: &Options| run(options).failure.is_some();
    let mut least = options.clone();
    for fault in Fault::ALL {
        let mut fewer = least.clone();
        fewer.calm.push(*fault);
        if fails(&fewer) {
            least = fewer;
        }
    }
    for actor in Actor::ALL {
        let mut fewer = least.clone();
        fewer.without.push(actor);
        if fails(&fewer) {
            least = fewer;
        }
    }
    for _ in 0..12 {
        let fewer = Options { steps: least.steps * 3 / 4, ..least.clone() };
        if fewer.steps == least.steps || !fails(&fewer) {
            break;
        }
        least = fewer;
    }
    least
}

/// How many seeds a bug needs until it is caught, and by what; none if it is not.
pub fn seeds_needed(bug: Bug, first: u64, seeds_max: u64) -> Option<(u64, String)> {
    (0..seeds_max).find_map(|nth| {
        let failure = run(&Options { bug: Some(bug), ..Options::of(first + nth) }).failure?;
        Some((nth + 1, failure))
    })
}
