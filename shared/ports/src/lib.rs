//! What handlers need from the world: one small trait a capability, so that a handler's signature is its permission.
//!
//! Architecture invariant: no AWS type, no HTTP client and no rule of the business stands here. Every trait says what its
//! implementations must promise; the suite in `tests/contract` holds every store to it.

pub mod clock;
pub mod files;
pub mod identity;
pub mod messenger;
pub mod push;
pub mod queues;
pub mod records;
pub mod rules;
pub mod secrets;
pub mod store;
pub mod timers;

pub use clock::{Clock, Random};
pub use files::{Download, FileError, Files};
pub use identity::{Identity, IdentityError, Principal};
pub use messenger::{MessengerReply, MessengerTransport};
pub use push::{Push, PushError};
pub use queues::{QueueError, Queues, Visibility};
pub use secrets::{SecretError, Secrets};
pub use store::{Store, StoreError};
pub use timers::{TimerError, Timers};
