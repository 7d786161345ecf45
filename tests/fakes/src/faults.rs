//! Errors to come.

use std::cell::RefCell;
use std::collections::VecDeque;

/// The errors that the next calls end with, in order.
#[derive(Debug)]
pub(crate) struct Faults<E>(RefCell<VecDeque<E>>);

impl<E> Default for Faults<E> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<E: Clone> Faults<E> {
    /// The next `n` calls end with this, after the errors that wait already.
    pub(crate) fn add(&self, n: usize, error: &E) {
        self.0.borrow_mut().extend(std::iter::repeat_n(error.clone(), n));
    }

    /// Fails if this call is to.
    pub(crate) fn check(&self) -> Result<(), E> {
        self.0.borrow_mut().pop_front().map_or(Ok(()), Err)
    }
}
