//! Bodies that cross a boundary: queue messages, timers, the operators' WebSocket protocol, the HTTP API.
//!
//! Architecture invariant: a body carries its version where its reader may be older or newer than its writer (queues,
//! timers). Unknown fields are ignored, missing ones have defaults, so that both sides can be deployed in any order.

pub mod http;
pub mod operators;
pub mod queues;
pub mod timers;
