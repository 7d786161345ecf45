//! Twilio's error codes (<https://www.twilio.com/docs/api/errors>): the same ones in an answer and in a later status.

use crate::failure::FailureClass;

use super::reply::HOLD_SECONDS;

/// What a code means, where nothing else tells.
pub(super) const NOT_DELIVERED: &str = "not_delivered";

use FailureClass::{Configuration, Hold, PermanentChannel, PermanentContact, PermanentMessage, Retry};

const HELD: FailureClass = Hold { retry_after_s: HOLD_SECONDS };

/// Code, our word for it, and what it means for message, contact and channel.
const CODES: [(u32, &str, FailureClass); 28] = [
    // For now: Twilio or WhatsApp has too much to do, or a problem.
    (20429, "rate_limited", HELD),
    (63017, "rate_limited", HELD),
    (63018, "rate_limited", HELD),
    (63012, "provider_unavailable", Retry),
    // The channel: its account, its number, its set-up.
    (20003, "channel_unauthorized", PermanentChannel),
    (63001, "channel_unauthorized", PermanentChannel),
    (63002, "sender_unknown", PermanentChannel),
    (63007, "sender_unknown", PermanentChannel),
    (63008, "channel_misconfigured", Configuration),
    (63020, "channel_restricted", PermanentChannel),
    // The contact.
    (21211, "recipient_unknown", PermanentContact),
    (63003, "recipient_unknown", PermanentContact),
    (63024, "recipient_unknown", PermanentContact),
    (21610, "customer_blocked", PermanentContact),
    (63014, "customer_blocked", PermanentContact),
    // The sandbox forgets a customer after three days, until they join again.
    (63015, "sandbox_not_joined", PermanentContact),
    // The message.
    (21608, "trial_account", PermanentMessage),
    (63032, "recipient_restricted", PermanentMessage),
    (21602, "text_empty", PermanentMessage),
    (21617, "text_too_long", PermanentMessage),
    // WhatsApp: 24 hours after a customer's last message only prepared templates may be sent.
    (63016, "window_closed", PermanentMessage),
    (63005, "content_refused", PermanentMessage),
    (63013, "content_refused", PermanentMessage),
    (63021, "content_refused", PermanentMessage),
    // Twilio could not fetch our file, or it is of another type than its answer says.
    (12300, "media_not_fetched", PermanentMessage),
    (63019, "media_not_fetched", PermanentMessage),
    (63034, "file_too_large", PermanentMessage),
    // Twilio could not reach the address for the statuses: of the message it says nothing.
    (11200, "webhook_unreachable", Configuration),
];

/// What is known of a code.
pub(super) fn find(code: u32) -> Option<(&'static str, FailureClass)> {
    CODES.iter().find(|(known, ..)| *known == code).map(|(_, word, class)| (*word, class.clone()))
}

/// Our stable word for the code of a reply that failed; `not_delivered` for one that we don't know, or for none.
pub fn reason(code: Option<u32>) -> &'static str {
    code.and_then(find).map_or(NOT_DELIVERED, |(word, _)| word)
}
