//! What the crate promises about WhatsApp: every kind of form, every signature, every kind of failure, and whatever else may
//! come.

mod describe;
mod replies;
mod robustness;
mod samples;
mod signatures;
