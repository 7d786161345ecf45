//! Types, typed ids, state machines and decisions: every rule of the product, and nothing else.
//!
//! Architecture invariant: nothing here is async, knows AWS or HTTP, reads a clock, draws a random number or looks at the
//! environment. A decision is a function of what it is given; `now_ms` is always an argument.

pub mod availability;
pub mod chat;
pub mod config;
pub mod contact;
pub mod content;
pub mod decision;
pub mod delivery;
pub mod file;
pub mod handover;
pub mod hear;
pub mod ids;
pub mod inbound;
pub mod message;
pub mod operator;
pub mod receive;
pub mod refusal;
pub mod reply;
pub mod routing;
pub mod settings;
pub mod stay;
pub mod transfer;
pub mod window;

pub use ids::{ChannelId, ChatId, ConversationId, OfferId, OperatorId, Provider, QueueId, RoleId};
pub use refusal::Refusal;
