//! The Graph API simulator, held to Facebook's documentation.

mod control;
mod deliveries;
mod faults;
mod handover;
mod login;
mod send;
mod subscriptions;
mod support;
