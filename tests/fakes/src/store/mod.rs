//! The store, in memory.

mod rows;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use ports::rules;
use ports::store::{Attributes, Key, Page, Query, Row, Write};
use ports::{Store, StoreError};

use self::rows::Rows;

/// What was asked of a store. A request counts whether it succeeded or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls of `get`.
    pub gets: usize,
    /// Keys asked for by them.
    pub keys_read: usize,
    /// Calls of `query`.
    pub queries: usize,
    /// Calls of `commit`.
    pub commits: usize,
    /// Writes of them, checks included.
    pub items_written: usize,
    /// The most writes of one commit.
    pub largest_commit: usize,
}

/// When a commit fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultTime {
    /// Nothing was written.
    Before,
    /// Everything was written, and the caller doesn't know (a lost answer).
    After,
}

type Hook = Box<dyn FnOnce(&MemoryStore)>;

/// The store, in memory: all that [`Store`] promises, and faults on demand.
#[derive(Clone, Default)]
pub struct MemoryStore(Rc<Inner>);

#[derive(Default)]
struct Inner {
    rows: RefCell<Rows>,
    counts: Cell<Counts>,
    commit_faults: RefCell<VecDeque<(FaultTime, StoreError)>>,
    read_faults: RefCell<VecDeque<StoreError>>,
    hooks: RefCell<VecDeque<Hook>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was asked of it since it was made or last reset.
    pub fn counts(&self) -> Counts {
        self.0.counts.get()
    }

    /// Counts from 0 again.
    pub fn reset_counts(&self) {
        self.0.counts.set(Counts::default());
    }

    /// The next `n` commits (after those that are to fail already) end with this, before or after they are applied. One
    /// that would fail by its conditions fails by them.
    pub fn fail_next_commits(&self, n: usize, time: FaultTime, error: &StoreError) {
        self.0.commit_faults.borrow_mut().extend(std::iter::repeat_n((time, error.clone()), n));
    }

    /// The next `n` calls of `get` or `query` end with this.
    pub fn fail_next_reads(&self, n: usize, error: &StoreError) {
        self.0.read_faults.borrow_mut().extend(std::iter::repeat_n(error.clone(), n));
    }

    /// Runs this when the next commit arrives (a second hook: at the one after it), before it is looked at: a competing
    /// write gets in between a load and its commit. The hook writes by [`MemoryStore::write`].
    pub fn before_next_commit(&self, hook: impl FnOnce(&Self) + 'static) {
        self.0.hooks.borrow_mut().push_back(Box::new(hook));
    }

    /// Commits at once: not counted, no faults, no hooks.
    pub fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        rules::check_commit(writes)?;
        self.0.rows.borrow_mut().commit(writes)
    }

    /// A row as it is now, not counted.
    pub fn row(&self, key: &Key) -> Option<Attributes> {
        self.0.rows.borrow().get(key).cloned()
    }

    /// What a row as it is now (`None`: there is none) says, without a copy of it; not counted.
    pub fn look<T>(&self, key: &Key, read: impl FnOnce(Option<&Attributes>) -> T) -> T {
        read(self.0.rows.borrow().get(key))
    }

    /// All rows as they are now, by key, not counted.
    pub fn rows(&self) -> Vec<Row> {
        self.0.rows.borrow().all()
    }

    /// All rows, a line each, for a failing test's message.
    pub fn dump(&self) -> String {
        self.rows().iter().fold(String::new(), |mut text, Row { key, attributes }| {
            let attributes = serde_json::Value::Object(attributes.clone());
            writeln!(text, "{:?} {} {} {attributes}", key.table, key.pk, key.sk).expect("a string takes all");
            text
        })
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.0.counts.get();
        change(&mut counts);
        self.0.counts.set(counts);
    }

    fn check_read_fault(&self) -> Result<(), StoreError> {
        self.0.read_faults.borrow_mut().pop_front().map_or(Ok(()), Err)
    }
}

impl Store for MemoryStore {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, StoreError> {
        let_others_go_first().await;
        self.count(|counts| {
            counts.gets += 1;
            counts.keys_read += keys.len();
        });
        rules::check_get(keys)?;
        self.check_read_fault()?;
        let rows = self.0.rows.borrow();
        let read = |key: &Key| rows.get(key).map(|attributes| Row { key: key.clone(), attributes: attributes.clone() });
        Ok(keys.iter().map(read).collect())
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let_others_go_first().await;
        self.count(|counts| counts.queries += 1);
        rules::check_query(query)?;
        let after = rules::Place::after(query)?;
        self.check_read_fault()?;
        Ok(self.0.rows.borrow().query(query, after.as_ref()))
    }

    async fn commit(&self, writes: &[Write]) -> Result<(), StoreError> {
        let_others_go_first().await;
        self.count(|counts| {
            counts.commits += 1;
            counts.items_written += writes.len();
            counts.largest_commit = counts.largest_commit.max(writes.len());
        });
        let hook = self.0.hooks.borrow_mut().pop_front();
        if let Some(hook) = hook {
            hook(self);
        }
        let fault = self.0.commit_faults.borrow_mut().pop_front();
        match fault {
            Some((FaultTime::Before, error)) => Err(error),
            Some((FaultTime::After, error)) => {
                self.write(writes)?;
                Err(error)
            }
            None => self.write(writes),
        }
    }
}

/// Lets the other tasks of the executor run before this one goes on.
async fn let_others_go_first() {
    let mut gone = false;
    poll_fn(|context| {
        if std::mem::replace(&mut gone, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests;
