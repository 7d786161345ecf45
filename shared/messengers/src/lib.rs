//! What each messenger speaks: signatures, parsing, rendering, limits, error classes; sans-IO.
//!
//! Architecture invariant: nothing here opens a connection, waits, reads a clock or the environment. Bytes come in, values
//! go out; who sends them and when is decided elsewhere.

pub mod call;
pub mod failure;
pub mod files;
pub mod telegram;
