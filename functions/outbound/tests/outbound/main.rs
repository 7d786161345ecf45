//! The outbound function against fakes: what customers get, what operators see, what it costs.

mod crash;
mod delivery;
mod holds;
mod order;
mod support;
mod trip;
mod typing;
