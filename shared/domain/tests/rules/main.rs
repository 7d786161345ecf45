//! The product's rules, as data: each test names the requirement it holds (`Q4`, `L2`, `I3`, ...).
//!
//! One file a rule. [`support`] has builders of single things for tables, and a whole world in memory for stories: it commits
//! decisions under the conditions that a store would put, and asserts after each what must always hold.

mod absence;
mod accept;
mod close;
mod decline;
mod delivery;
mod expiry;
mod handover;
mod hear;
mod limits;
mod most_free;
mod operator;
mod receive;
mod reply;
mod state_machine;
mod support;
mod to_all;
mod transfer;
mod window;
