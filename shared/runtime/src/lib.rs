//! The shell that every function shares: settings, telemetry, the batch loop, the operators' gateway, what
//! webhooks remember of channels, and the desk that
//! commits decisions and passes on their hints.
//!
//! Architecture invariant: no rule of the business stands here, and no SDK. What a decision says is carried out; nothing is decided.

pub mod batch;
pub mod cache;
pub mod config;
pub mod conversation;
pub mod desk;
pub mod gateway;
pub mod invocation;
pub mod remembered;
pub mod telemetry;

pub use cache::ConfigurationCache;
pub use desk::{Desk, Fault};
pub use remembered::Remembered;
