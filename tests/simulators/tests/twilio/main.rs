//! The Twilio simulator, held to Twilio's documentation and the test vectors of its own libraries.

mod account;
mod customers;
mod deliveries;
mod faults;
mod media;
mod messages;
mod signatures;
mod statuses;
mod support;
