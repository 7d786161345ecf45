//! A conversation as the customer page shows it.

use serde_json::{Value, json};

use super::messages::shown_body;
use super::state::{Account, Conversation, Direction, Message, Shared};
use super::webhooks::DeliveryState;

/// The conversation of one of the account's numbers with a customer, whole; one that never began is empty.
pub(crate) fn view(shared: &Shared, account: &Account, ours: &str, customer: &str) -> (u64, Value) {
    let unknown = Conversation::default();
    let key = (ours.to_owned(), customer.to_owned());
    let conversation = account.conversations.get(&key).unwrap_or(&unknown);
    let now_ms = shared.now_ms();
    let messages = conversation.messages.iter().filter_map(|sid| account.message(sid));
    let seen = json!({
        "version": conversation.version,
        "number": ours,
        "customer": customer,
        "profile_name": conversation.profile_name,
        "blocked": conversation.blocked,
        "opted_out": conversation.opted_out,
        "typing_ms": conversation.typing_until_ms.saturating_sub(now_ms),
        "joined_ms": conversation.joined_until_ms.map(|until| until.saturating_sub(now_ms)),
        "window_ms": conversation.window_until_ms().map(|until| until.saturating_sub(now_ms)),
        "verification_code": account.verification_code(customer, now_ms),
        "messages": messages.map(|message| view_message(account, message)).collect::<Vec<_>>(),
    });
    (conversation.version, seen)
}

fn view_message(account: &Account, message: &Message) -> Value {
    let inbound = message.direction == Direction::Inbound;
    // A customer doesn't see what never reached them.
    let hidden = !inbound && !matches!(message.status.as_str(), "sent" | "delivered" | "read");
    let media = message.media.iter().filter_map(|sid| account.media.get(sid));
    let media: Vec<Value> = media
        .map(|media| json!({"sid": media.sid, "content_type": media.content_type, "size": media.bytes.len()}))
        .collect();
    json!({
        "sid": message.sid,
        "from_customer": inbound,
        "body": shown_body(account, message),
        "media": media,
        "extra": message.extra,
        "status": message.status,
        "error_code": message.error_code,
        "hidden": hidden,
        "template": message.content_sid.is_some(),
        "time_ms": message.created_ms,
        "tick": if inbound { tick(account, message) } else { "none" },
    })
}

/// How far a customer's message came.
fn tick(account: &Account, message: &Message) -> &'static str {
    if message.read {
        return "read";
    }
    let newest = message.deliveries.last().and_then(|order| account.delivery(*order));
    match newest.map(|delivery| delivery.state) {
        None | Some(DeliveryState::Delivered | DeliveryState::Copied) => "delivered",
        Some(DeliveryState::Pending) => "pending",
        Some(DeliveryState::Failed | DeliveryState::NoWebhook) => "lost",
    }
}
