//! Crash points: one call of a port, the k-th of a flow, goes wrong.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use ports::queues::QueueError;
use ports::store::{Key, Page, Query, Row, Write};
use ports::{Push, PushError, Queues, Store, StoreError, TimerError, Timers};
use wire::queues::QueueMessage;
use wire::timers::Timer;

/// What goes wrong at a crash point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// The call fails and did nothing.
    Fails,
    /// The call did its work, and fails: its answer was lost.
    AnswerLost,
    /// The function dies: the call does nothing, nor does any after it.
    Dies,
}

impl Mishap {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Fails, Self::AnswerLost, Self::Dies];
}

/// Counts the calls of all ports that share it, and spoils one of them.
#[derive(Clone, Debug, Default)]
pub struct CrashPoint(Rc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    calls: Cell<usize>,
    armed: Cell<Option<(usize, Mishap)>>,
    happened: Cell<bool>,
    dead: Cell<bool>,
}

impl CrashPoint {
    /// From now on the `k`-th call (from 1) goes wrong.
    pub fn arm(&self, k: usize, mishap: Mishap) {
        self.0.calls.set(0);
        self.0.happened.set(false);
        self.0.armed.set(Some((k, mishap)));
    }

    /// Nothing goes wrong any more; says whether it had.
    pub fn disarm(&self) -> bool {
        self.0.armed.set(None);
        self.0.dead.set(false);
        self.0.happened.get()
    }

    /// Runs a function until it ends (`Some`) or dies.
    pub async fn survive<F: Future>(&self, function: F) -> Option<F::Output> {
        let mut function = pin!(function);
        poll_fn(|context| {
            let polled = function.as_mut().poll(context);
            match polled {
                Poll::Ready(output) if !self.0.dead.get() => Poll::Ready(Some(output)),
                _ if self.0.dead.get() => Poll::Ready(None),
                _ => Poll::Pending,
            }
        })
        .await
    }

    /// What goes wrong with this call.
    async fn call(&self) -> Option<Mishap> {
        if self.0.dead.get() {
            pending::<()>().await;
        }
        self.0.calls.set(self.0.calls.get() + 1);
        let (k, mishap) = self.0.armed.get()?;
        if k != self.0.calls.get() {
            return None;
        }
        self.0.happened.set(true);
        if mishap == Mishap::Dies {
            self.0.dead.set(true);
            pending::<()>().await;
        }
        Some(mishap)
    }

    async fn around<T, E>(&self, call: impl Future<Output = Result<T, E>>, error: E) -> Result<T, E> {
        match self.call().await {
            None => call.await,
            // What failed by itself is known to have failed.
            Some(Mishap::AnswerLost) => call.await.and(Err(error)),
            Some(Mishap::Fails | Mishap::Dies) => Err(error),
        }
    }
}

/// A port whose calls go through a crash point.
#[derive(Clone, Debug)]
pub struct Crashing<T> {
    inner: T,
    point: CrashPoint,
}

impl<T> Crashing<T> {
    /// This port, with that crash point.
    pub fn new(inner: T, point: &CrashPoint) -> Self {
        Self { inner, point: point.clone() }
    }
}

const WHY: &str = "a crash point";

impl<T: Store> Store for Crashing<T> {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, StoreError> {
        self.point.around(self.inner.get(keys), StoreError::Unavailable(WHY.to_owned())).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.point.around(self.inner.query(query), StoreError::Unavailable(WHY.to_owned())).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<(), StoreError> {
        self.point.around(self.inner.commit(writes), StoreError::Unavailable(WHY.to_owned())).await
    }
}

impl<T: Queues> Queues for Crashing<T> {
    async fn send(&self, messages: &[QueueMessage]) -> Result<(), QueueError> {
        self.point.around(self.inner.send(messages), QueueError::Unavailable(WHY.to_owned())).await
    }
}

impl<T: Timers> Timers for Crashing<T> {
    async fn arm(&self, timer: &Timer) -> Result<(), TimerError> {
        self.point.around(self.inner.arm(timer), TimerError(WHY.to_owned())).await
    }
}

impl<T: Push> Push for Crashing<T> {
    async fn post(&self, connection: &str, frame: &str) -> Result<(), PushError> {
        self.point.around(self.inner.post(connection, frame), PushError::Failed(WHY.to_owned())).await
    }

    async fn close(&self, connection: &str) -> Result<(), PushError> {
        self.point.around(self.inner.close(connection), PushError::Failed(WHY.to_owned())).await
    }
}
