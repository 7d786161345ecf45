//! What every simulator stands on: its time, the changes that others wait for, and the work in the background.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::Clock;

/// The common ground of a simulator's handlers and deliveries.
#[derive(Debug)]
pub(crate) struct Ground {
    /// Counts up with every change; whoever waits for something looks again when it moves.
    pub(crate) changes: watch::Sender<u64>,
    versions: AtomicU64,
    pub(crate) clock: Clock,
    tasks: Mutex<JoinSet<()>>,
}

impl Ground {
    pub(crate) fn new() -> Self {
        Self {
            changes: watch::Sender::new(0),
            versions: AtomicU64::new(0),
            clock: Clock::start(),
            tasks: Mutex::new(JoinSet::new()),
        }
    }

    /// A number higher than every one before, for a conversation that looks different now.
    pub(crate) fn next_version(&self) -> u64 {
        self.versions.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Tells everybody who waits that something changed.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Runs a task until it is done or the simulator stops.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut running = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while running.try_join_next().is_some() {}
        running.spawn(task);
    }

    /// Ends all tasks.
    pub(crate) fn stop(&self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}

/// The client by which a simulator calls webhooks. A redirect is a wrong answer to a messenger, and a proxy of the
/// environment is not for local addresses.
pub(crate) fn webhook_client(timeout: Duration) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().timeout(timeout).redirect(reqwest::redirect::Policy::none()).no_proxy().build()
}

/// 64 random bits.
pub(crate) fn random() -> u64 {
    getrandom::u64().expect("the system has random numbers")
}

/// 128 random bits in hexadecimal, for tokens and ids.
pub(crate) fn random_text() -> String {
    format!("{:016x}{:016x}", random(), random())
}
