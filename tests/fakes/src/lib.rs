//! In-memory ports with counters, a manual clock and faults on demand.
//!
//! Every fake is a handle: clones share one state (by `Rc`), so that a test keeps one and gives one to the handler. All of
//! them stay on one thread.
//!
//! Architecture invariant: a fake promises what its port promises and no more. [`MemoryStore`] passes the same contract
//! suite (`tests/contract`) as the real engines; each of its operations lets other tasks go first once, so that tasks
//! joined in a test interleave.

mod clock;
mod crash;
mod faults;
mod files;
mod identity;
mod messenger;
mod push;
mod queues;
mod secrets;
mod store;
mod timers;
pub mod world;

pub use clock::{FakeClock, FakeRandom};
pub use crash::{CrashPoint, Crashing, Mishap};
pub use files::{FakeDownload, FakeFiles, FetchedFrom, PICTURE};
pub use identity::FakeIdentity;
pub use messenger::{FakeMessenger, SentCall};
pub use push::FakePush;
pub use queues::{ComeBack, FakeQueues, FakeVisibility};
pub use secrets::FakeSecrets;
pub use store::{Counts, FaultTime, MemoryStore};
pub use timers::FakeTimers;
pub use world::World;

#[cfg(test)]
mod tests;
