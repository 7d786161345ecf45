//! The statuses of our replies.

use domain::inbound::{Customer, InboundEvent, InboundKind, ReplyRef, Which};
use domain::message::DeliveryState;

use super::errors::reason;
use super::form::Form;
use super::message::{address_of, name_of};
use super::{Addressed, Outcome, Parsed, ignored};

/// Understands the status of a reply. `reply` is what the address that was called names ([`super::REPLY_PARAMETER`]), if it
/// names one. Never panics. Statuses come twice and in any order: who takes one in goes by its rank.
pub fn parse_status(form: &Form, reply: Option<&ReplyRef>) -> Parsed {
    let outcome = status(form, reply).unwrap_or_else(|why| Outcome::Ignored { why });
    Parsed { addressed: Addressed::of_status(form), outcome }
}

fn status(form: &Form, reply: Option<&ReplyRef>) -> Result<Outcome, &'static str> {
    let told = form.get("MessageStatus").or_else(|| form.get("SmsStatus")).ok_or(ignored::MALFORMED)?;
    let (state, word) = match told {
        "sent" => (DeliveryState::Sent, "sent"),
        "delivered" => (DeliveryState::Delivered, "delivered"),
        "read" => (DeliveryState::Read, "read"),
        "failed" => (DeliveryState::Failed, "failed"),
        // Given up by WhatsApp, where "failed" is given up by Twilio.
        "undelivered" => (DeliveryState::Failed, "undelivered"),
        "accepted" | "scheduled" | "queued" | "sending" => return Err(ignored::ON_THE_WAY),
        _ => return Err(ignored::UNKNOWN_STATUS),
    };
    let reply = reply.ok_or(ignored::NO_REPLY)?.clone();
    let message_id = form.sid("MessageSid").or_else(|| form.sid("SmsSid")).ok_or(ignored::MALFORMED)?;
    let address = address_of(form, "To")?;
    let reason = (state == DeliveryState::Failed).then(|| reason_told(form).to_owned());
    let name = name_of(&address);
    Ok(Outcome::Events(vec![InboundEvent {
        event_id: format!("{message_id}.{word}"),
        customer: Customer { address, name, is_stand_in: true, username: None, language: None },
        // Twilio does not tell when.
        at_ms: 0,
        standby: false,
        what: InboundKind::Delivery { which: Which::Reply { reply, message_id }, state, reason },
    }]))
}

fn reason_told(form: &Form) -> &'static str {
    reason(form.get("ErrorCode").and_then(|code| code.parse().ok()))
}
