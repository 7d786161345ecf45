//! Facebook Messenger: webhook calls in, calls of the Graph API out, answers understood.
//!
//! Source: Meta's Messenger Platform documents (webhooks, Send API, Conversation Routing, error codes) and, for shapes that
//! they do not show, the fixtures of `Yoctol/bottender`. A customer is a person who writes to a page; they go by an id that
//! only this page knows them by (PSID). One app serves all pages: its secret signs what comes in, each page's own token
//! goes out.

mod attachment;
pub mod connect;
mod event;
mod reply;
mod request;
mod signature;
mod update;

pub use reply::{HOLD_SECONDS_DEFAULT, HOLD_SECONDS_SHORT, read_profile, read_reply};
pub use request::{
    TEXT_CHARS_MAX, pass_thread_control, profile, release_thread_control, send_attachment, send_text, split_text,
    typing, with_proof,
};
pub use signature::{CHALLENGE_BYTES_MAX, LINES_MAX, authentic, lines, sign, verify};
pub use update::{PageEvent, ParseError, Parsed, ignored, parse};
