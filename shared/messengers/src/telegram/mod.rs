//! Telegram's Bot API: updates in, requests out, answers understood.
//!
//! Source: <https://core.telegram.org/bots/api> (Bot API 10.3) and, for the texts of errors, the source of its server,
//! `tdlib/telegram-bot-api`. Customers are people in private chats with the bot; groups and channels are not.
//!
//! A bot's token is part of every address that is called: it comes in only at [`endpoint`] and goes no further than the
//! adapter that calls.

mod content;
mod fields;
mod reply;
mod request;
mod secret;
mod split;
mod token;
mod update;

pub use reply::{GetMe, HOLD_SECONDS_DEFAULT, Reply, WebhookInfo, file_path, read_reply, sent_message_id};
pub use request::{
    ALLOWED_UPDATES, answer_callback_query, delete_webhook, endpoint, get_file, get_me, get_webhook_info,
    send_chat_action_typing, send_message, set_webhook,
};
pub use secret::{SECRET_BYTES_MAX, SecretHash, authentic};
pub use split::{TEXT_UTF16_MAX, split_text};
pub use token::valid_token;
pub use update::{Outcome, ParseError, Update, ignored, parse};
