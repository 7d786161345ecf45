//! Some hundred seeds, and every planted bug.

use simulation::{Bug, Options, run, seeds_needed};

/// How many seeds each run of the suites looks at; `make simulate` looks at more.
const SEEDS: u64 = 60;

#[test]
fn i1_to_i9_hold_in_every_seed() {
    for seed in 0..SEEDS {
        let report = run(&Options::of(seed));
        assert_eq!(report.failure, None, "seed {seed}: make simulate SEED={seed}");
    }
}

#[test]
fn a_seed_replays_exactly() {
    let options = Options { tells: true, ..Options::of(7) };
    let (first, second) = (run(&options), run(&options));
    assert_eq!(first.story, second.story);
    assert!(first.story.len() > 500, "something happens");
}

#[test]
fn every_planted_bug_is_caught_within_its_seeds() {
    for bug in Bug::ALL {
        let needed = seeds_needed(*bug, 0, bug.seeds_max());
        assert!(needed.is_some(), "{} is not caught within {} seeds", bug.key(), bug.seeds_max());
    }
}
