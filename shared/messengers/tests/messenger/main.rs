//! What the crate promises about Messenger: every kind of event, every kind of failure, and whatever else may come.

mod describe;
mod replies;
mod robustness;
mod samples;
mod signatures;
