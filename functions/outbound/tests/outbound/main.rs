//! The outbound function against fakes: what customers get, what operators see, what it costs.

mod crash;
mod delivery;
mod holds;
mod messengers;
mod order;
// So marked, clippy knows that its helpers may unwrap.
#[cfg(test)]
mod support;
mod trip;
mod typing;
