//! Some seeds; the many, and the planted bugs, are the suite `simulation` (`make simulate`).

use simulation::{Bug, Options, run, shrink};

/// How many seeds the unit tests look at.
const SEEDS: u64 = 40;

#[test]
fn i1_to_i10_hold_in_every_seed() {
    for seed in 0..SEEDS {
        let report = run(&Options::of(seed));
        assert_eq!(report.failure, None, "seed {seed}: make simulate SEED={seed}");
    }
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 7..10 {
        let options = Options { tells: true, ..Options::of(seed) };
        let (first, second) = (run(&options), run(&options));
        assert_eq!(first.story, second.story);
        assert!(first.story.len() > 100, "something happens");
    }
}

#[test]
fn a_failure_is_shrunk_to_fewer_steps_and_fails_in_the_same_way() {
    let bug = Some(Bug::ToldToAll);
    let failing = (0..20).map(|seed| Options { bug, ..Options::of(seed) }).find(|one| run(one).failure.is_some());
    let failing = failing.expect("the bug is caught within 20 seeds");
    let least = shrink(&failing);
    let kept = least.steps - least.skipped.len() as u64;
    assert!(kept * 4 < failing.steps, "{kept} of {} steps are left", failing.steps);
    let broken = run(&least).failure.expect("it still fails");
    assert!(broken.starts_with("I8"), "{broken}");
}
