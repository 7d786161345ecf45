//! The Telegram simulator, held to the Bot API's documentation.

mod api;
mod control;
mod deliveries;
mod faults;
mod files;
mod support;
