//! Connections that a test looks at.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ports::push::FRAME_BYTES_MAX;
use ports::{Push, PushError};
use serde_json::Value;

use crate::faults::Faults;

/// Records frames by connection. Every connection is there until it is closed or marked gone.
#[derive(Clone, Debug, Default)]
pub struct FakePush(Rc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    frames: RefCell<BTreeMap<String, Vec<String>>>,
    gone: RefCell<BTreeSet<String>>,
    closed: RefCell<Vec<String>>,
    posts: Cell<usize>,
    faults: Faults<PushError>,
}

impl FakePush {
    /// The connection is no more: posts to it end with [`PushError::Gone`].
    pub fn mark_gone(&self, connection: &str) {
        self.0.gone.borrow_mut().insert(connection.to_owned());
    }

    /// The next `n` posts and closes end with this.
    pub fn fail_next(&self, n: usize, error: &PushError) {
        self.0.faults.add(n, error);
    }

    /// The frames that reached a connection, in order.
    pub fn frames(&self, connection: &str) -> Vec<String> {
        self.0.frames.borrow().get(connection).cloned().unwrap_or_default()
    }

    /// The same, read as JSON.
    pub fn frames_json(&self, connection: &str) -> Vec<Value> {
        self.frames(connection).iter().map(|frame| serde_json::from_str(frame).expect("a frame is JSON")).collect()
    }

    /// All frames since the last time, as JSON, with their connections; by connection, then in order.
    pub fn take(&self) -> Vec<(String, Value)> {
        let mut taken = Vec::new();
        for (connection, frames) in self.0.frames.take() {
            for frame in frames {
                taken.push((connection.clone(), serde_json::from_str(&frame).expect("a frame is JSON")));
            }
        }
        taken
    }

    /// How many posts were made, those that failed included.
    pub fn posts(&self) -> usize {
        self.0.posts.get()
    }

    /// Counts posts from 0 again.
    pub fn reset_posts(&self) {
        self.0.posts.set(0);
    }

    /// The connections that were closed, in order.
    pub fn closed(&self) -> Vec<String> {
        self.0.closed.borrow().clone()
    }
}

impl Push for FakePush {
    async fn post(&self, connection: &str, frame: &str) -> Result<(), PushError> {
        self.0.posts.set(self.0.posts.get() + 1);
        self.0.faults.check()?;
        if self.0.gone.borrow().contains(connection) {
            return Err(PushError::Gone);
        }
        if frame.len() > FRAME_BYTES_MAX {
            return Err(PushError::Failed(format!("a frame of {} bytes", frame.len())));
        }
        self.0.frames.borrow_mut().entry(connection.to_owned()).or_default().push(frame.to_owned());
        Ok(())
    }

    async fn close(&self, connection: &str) -> Result<(), PushError> {
        self.0.faults.check()?;
        if self.0.gone.borrow_mut().insert(connection.to_owned()) {
            self.0.closed.borrow_mut().push(connection.to_owned());
        }
        Ok(())
    }
}
