//! Errors to come.

use std::cell::RefCell;
use std::collections::VecDeque;

/// What the next calls end with, in order; none = all is well.
#[derive(Debug)]
pub(crate) struct Faults<E>(RefCell<VecDeque<Option<E>>>);

impl<E> Default for Faults<E> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<E: Clone> Faults<E> {
    /// The next `n` calls end with this, after the errors that wait already.
    pub(crate) fn add(&self, n: usize, error: &E) {
        self.0.borrow_mut().extend(std::iter::repeat_n(Some(error.clone()), n));
    }

    /// The call after `calls` good ones ends with this.
    pub(crate) fn add_after(&self, calls: usize, error: &E) {
        let mut outcomes = self.0.borrow_mut();
        outcomes.extend(std::iter::repeat_n(None, calls));
        outcomes.push_back(Some(error.clone()));
    }

    /// Fails if this call is to.
    pub(crate) fn check(&self) -> Result<(), E> {
        self.0.borrow_mut().pop_front().flatten().map_or(Ok(()), Err)
    }
}
