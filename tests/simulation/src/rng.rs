//! Chance that a seed decides.

use std::cell::Cell;

/// `SplitMix64` (Steele, Lea, Flood 2014): one sequence a seed, the same on every machine.
#[derive(Debug)]
pub(crate) struct Rng(Cell<u64>);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        let rng = Self(Cell::new(seed));
        // Neighbouring seeds are to have nothing in common.
        let mixed = rng.next();
        Self(Cell::new(mixed))
    }

    fn next(&self) -> u64 {
        let counter = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(counter);
        let mixed = (counter ^ (counter >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Begins anew at a step: what happens in one step does not depend on how much chance those before it took, so that a
    /// step can be left out and the others stay what they are.
    pub(crate) fn begin(&self, seed: u64, step: u64) {
        self.0.set(Self::new(seed ^ step.wrapping_mul(0xd6e8_feb8_6659_fd93)).next());
    }

    /// 0 up to, and without, `n`; `n` is not 0.
    pub(crate) fn below(&self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap_or(0)
    }

    /// `from` to `to`, both included.
    pub(crate) fn between(&self, from: i64, to: i64) -> i64 {
        from + i64::try_from(self.next() % to.abs_diff(from).saturating_add(1)).unwrap_or(0)
    }

    /// True `permille` times of a thousand.
    pub(crate) fn chance(&self, permille: u32) -> bool {
        self.next() % 1000 < u64::from(permille)
    }

    /// One of these; none if there is none.
    pub(crate) fn pick<'a, T>(&self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() { None } else { from.get(self.below(from.len())) }
    }

    /// One of these by its weight, of those that are wanted; none if there is none.
    pub(crate) fn weighted<T: Copy>(&self, from: &[(T, u32)], wanted: impl Fn(T) -> bool) -> Option<T> {
        let wanted: Vec<&(T, u32)> = from.iter().filter(|(what, weight)| *weight > 0 && wanted(*what)).collect();
        let sum = wanted.iter().map(|(_, weight)| u64::from(*weight)).sum::<u64>();
        let mut at = self.next().checked_rem(sum)?;
        for (what, weight) in wanted {
            match at.checked_sub(u64::from(*weight)) {
                Some(rest) => at = rest,
                None => return Some(*what),
            }
        }
        None
    }
}
