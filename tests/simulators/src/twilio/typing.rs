//! The typing indicator: marks a customer's message as read and shows that an answer is being written
//! (twilio.com/docs/whatsapp/api/typing-indicators-resource).

use serde_json::json;

use super::address::is_sid;
use super::api::Done;
use super::errors::ApiError;
use super::form::Form;
use super::state::{Account, Direction, Shared};

/// The fields of the call.
pub(crate) const FIELDS: [&str; 2] = ["messageId", "channel"];

/// How long it shows, in milliseconds, unless an answer comes before.
const TYPING_MS: u64 = 25_000;

pub(crate) fn show(shared: &Shared, account: &mut Account, form: &Form, path: &str) -> Result<Done, ApiError> {
    if form.get("channel").is_none_or(|channel| !channel.eq_ignore_ascii_case("whatsapp")) {
        return Err(ApiError::bad(20001, "Invalid parameter: channel must be whatsapp"));
    }
    let sid = form.get("messageId").unwrap_or_default();
    if !is_sid(sid, "SM") && !is_sid(sid, "MM") {
        return Err(ApiError::bad(20001, "Invalid parameter: messageId must be a Message SID"));
    }
    let inbound = account.message_mut(sid).filter(|message| message.direction == Direction::Inbound);
    let message = inbound.ok_or_else(|| ApiError::not_found(path))?;
    message.read = true;
    let (ours, customer) = (message.ours.clone(), message.customer.clone());
    let until = shared.now_ms() + TYPING_MS;
    let conversation = account.conversation(&ours, &customer);
    conversation.typing_until_ms = until;
    conversation.version = shared.next_version();
    Ok(Done { sid: Some(sid.to_owned()), ..Done::new(200, &json!({"success": true})) })
}
