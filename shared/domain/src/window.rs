//! For how long a customer may be written to (C5, C7): messengers take free words only for a while after the customer wrote.

use crate::chat::Chat;
use crate::ids::Provider;

/// The window of Messenger ("24-hour standard messaging window") and of WhatsApp ("customer service window"), milliseconds.
/// Messenger's is longer after some advertisements: that is not told with the message, so it is not counted on.
pub const WINDOW_MS: i64 = 24 * 3_600_000;

/// Until when the customer of this chat may be written to, milliseconds since 1970; `None` = without end. What is exact is the
/// messenger's own clock: whoever writes in the last moment may still be refused by it.
pub fn reply_until_ms(chat: &Chat) -> Option<i64> {
    match chat.provider {
        Provider::Telegram => None,
        // A chat without a word of the customer's (a bot handed it over) counts from its opening.
        Provider::Messenger | Provider::Whatsapp => {
            Some(chat.thread.last_in_at_ms.unwrap_or(chat.opened_at_ms) + WINDOW_MS)
        }
    }
}

/// Whether it is too late to write.
pub fn is_closed(chat: &Chat, now_ms: i64) -> bool {
    reply_until_ms(chat).is_some_and(|until| now_ms >= until)
}
