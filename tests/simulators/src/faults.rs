//! Faults in wait. What they are is each simulator's own affair.

use std::collections::VecDeque;

use crate::answer::Answer;

/// What a fault does to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The call takes no effect; this is its answer.
    Instead(Answer),
    /// The call takes effect; this is its answer.
    After(Answer),
}

impl Effect {
    /// `answer` after the call took effect, or instead.
    pub(crate) fn placed(after_accepting: bool, answer: Answer) -> Self {
        if after_accepting { Self::After(answer) } else { Self::Instead(answer) }
    }
}

/// An order for the next so many calls.
pub(crate) trait Counted: Clone {
    /// How many calls are left, at least 1.
    fn count_mut(&mut self) -> &mut u32;
}

/// The faults in wait, oldest first.
#[derive(Debug)]
pub(crate) struct FaultQueue<F>(VecDeque<F>);

impl<F> Default for FaultQueue<F> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<F: Counted> FaultQueue<F> {
    pub(crate) fn push(&mut self, fault: F) {
        self.0.push_back(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn list(&self) -> Vec<&F> {
        self.0.iter().collect()
    }

    /// The oldest fault that fits; one of its count is used up.
    pub(crate) fn take(&mut self, fits: impl Fn(&F) -> bool) -> Option<F> {
        let index = self.0.iter().position(fits)?;
        let fault = &mut self.0[index];
        let taken = fault.clone();
        *fault.count_mut() -= 1;
        if *fault.count_mut() == 0 {
            self.0.remove(index);
        }
        Some(taken)
    }
}

/// Whether `status` can be ordered as that of a server error; the text says why not.
pub(crate) fn check_server_error(status: u16) -> Result<(), String> {
    if (500..=599).contains(&status) { Ok(()) } else { Err(format!("status {status} is not a server error")) }
}

/// Whether `status` can be ordered for an answer of one's own; the text says why not.
pub(crate) fn check_custom(status: Option<u16>) -> Result<(), String> {
    match status {
        None => Err("custom needs a status".into()),
        Some(status) if (200..=599).contains(&status) => Ok(()),
        Some(status) => Err(format!("status {status} is not a final HTTP status")),
    }
}
