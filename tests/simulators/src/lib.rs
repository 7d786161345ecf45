//! Stand-ins for the messengers, with their limits and their errors on demand.
//!
//! A simulator is an HTTP server with three faces: the provider's API, which the product talks to and can't tell from
//! the real one; a control API under `/control`, by which a test plays the customers and orders faults; and a small
//! page at `/`, on which a person plays a customer. Tests start it in their own process, `telegram-simulator` runs it
//! alone. What they have in common is in the modules beside them. README.md beside this crate describes the control API and every deviation from the real service.

mod answer;
mod client;
mod clock;
mod control;
mod faults;
mod files;
pub mod graph;
mod ground;
mod listener;
mod multipart;
pub mod program;
mod server;
pub mod telegram;
pub mod twilio;
