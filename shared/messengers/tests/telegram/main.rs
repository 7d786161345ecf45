//! What the crate promises about Telegram: every kind of update, every kind of failure, and whatever else may come.

mod describe;
mod replies;
mod robustness;
mod samples;
