//! Facebook Messenger, by the Graph API.
//!
//! Source: <https://developers.facebook.com/docs/messenger-platform> (Graph API v25.0).

pub mod connect;
