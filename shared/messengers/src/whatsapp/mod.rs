//! WhatsApp, through Twilio.
//!
//! Source: <https://www.twilio.com/docs/whatsapp>.

pub mod connect;
