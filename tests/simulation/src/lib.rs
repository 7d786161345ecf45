//! All functions of the product over simulated services, on one thread, from one seed, in simulated time.
//!
//! Customers, operators and administrators act at random; queues, store, timers, gateway and messenger fail in every way that
//! their contracts allow; processes die between any two calls. After every commit, frame and call of the messenger the
//! invariants of ARCHITECTURE.md are checked; when the faults stop, everything must come to its end.
//!
//! Architecture invariant: the handlers are the product's own, and what ships knows nothing of this crate. A planted bug
//! ([`Bug`]) is done between a handler and its ports.

mod actors;
mod administrators;
mod bot;
mod bugs;
mod channels;
mod control;
mod customers;
mod end;
mod faults;
mod files;
mod functions;
mod habits;
mod heard;
mod invariants;
mod kinds;
mod marks;
mod messenger;
mod model;
mod notices;
mod operators;
mod options;
mod order;
mod posts;
mod refusals;
mod rng;
mod run;
mod services;
mod simulation;
mod sqs;
mod updates;
mod windows;

pub use actors::Actor;
pub use bugs::Bug;
pub use faults::Fault;
pub use invariants::{Checks, Invariant};
pub use options::{Options, Report};
pub use run::{run, seeds_needed, shrink};
