//! A chat as the customer page shows it.

use serde_json::{Value, json};

use super::delivery::DeliveryState;
use super::files::file_id_of;
use super::kinds::picture_size;
use super::state::{Bot, Chat, Standing, StoredMessage};
use crate::clock::Clock;

/// The chat, whole.
pub(crate) fn view(bot: &Bot, chat: &Chat, clock: Clock) -> Value {
    let messages: Vec<Value> = chat.messages.iter().map(|message| view_message(bot, message)).collect();
    json!({
        "version": chat.version,
        "blocked": chat.standing == Standing::Blocked,
        "typing_ms": chat.action_until_ms.saturating_sub(clock.now_ms()),
        "user": chat.customer,
        "messages": messages,
    })
}

fn view_message(bot: &Bot, stored: &StoredMessage) -> Value {
    let message = &stored.message;
    let text = message["text"].as_str().or_else(|| message["caption"].as_str()).unwrap_or_default();
    json!({
        "message_id": stored.message_id,
        "from_bot": stored.from_bot,
        "text": text,
        "content": content(message),
        "file": file(bot, message),
        "edited": message.get("edit_date").is_some(),
        "time_ms": stored.time_ms,
        "tick": tick(bot, stored),
        "buttons": message["reply_markup"]["inline_keyboard"],
    })
}

/// The file of a message, with a path at which the page finds it.
fn file(bot: &Bot, message: &Value) -> Option<Value> {
    let file = file_id_of(message).and_then(|id| bot.files.get(id))?;
    let mut shown = file.describe("", &bot.token);
    shown["picture"] = json!(picture_size(&file.upload.bytes).is_some());
    Some(shown)
}

/// What a message carries beside text; empty for a plain text.
fn content(message: &Value) -> &'static str {
    const KINDS: [&str; 12] = [
        "photo",
        "voice",
        "video_note",
        "video",
        "animation",
        "audio",
        "document",
        "sticker",
        "location",
        "contact",
        "poll",
        "dice",
    ];
    KINDS.into_iter().find(|kind| message.get(*kind).is_some()).unwrap_or_default()
}

/// How far the newest delivery of a customer's message came.
fn tick(bot: &Bot, stored: &StoredMessage) -> &'static str {
    let Some(order) = stored.deliveries.last() else { return "delivered" };
    let delivery = bot.deliveries.get(*order);
    let failed = delivery.attempts.iter().any(|attempt| attempt.error.is_some());
    match delivery.state {
        DeliveryState::Delivered | DeliveryState::Copied => "delivered",
        DeliveryState::Pending | DeliveryState::InFlight if failed => "retrying",
        DeliveryState::Pending | DeliveryState::InFlight => "pending",
        DeliveryState::Expired | DeliveryState::Dropped | DeliveryState::NotAllowed => "lost",
    }
}
