//! What every store must do, as cases that run against every engine; and what the other adapters must do, as cases that
//! run against the emulator.
//!
//! A case is an async function that is given an empty store and panics where the store breaks its contract
//! ([`ports::store`]). `tests/engines.rs` makes a test of each engine and case.
//!
//! What no engine here produces by itself (a transaction conflict, throttling, a lost answer) is tested where it is
//! translated: `adapters::dynamo`.

pub mod cases;
pub mod engine;
pub mod services;

pub use engine::Engine;
