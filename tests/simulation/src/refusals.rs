//! What the messengers refuse for good: the words and numbers of each (<https://core.telegram.org/bots/api>, Meta "Error codes",
//! Twilio "Error and Warning Dictionary"), and what the product calls it.

use messengers::call::{Call, Host};
use ports::MessengerReply;
use serde_json::json;

use crate::faults::Fault;
use crate::messenger::{address_of, answered};
use crate::services::Services;

/// Why a reply is refused, in the product's words.
pub(crate) type Why = &'static str;

/// Telegram: status, description, what the product calls it.
const TELEGRAM: [(u16, &str, Why); 3] = [
    (403, "Forbidden: bot was blocked by the user", "contact_blocked"),
    (400, "Bad Request: chat not found", "chat_not_found"),
    (401, "Unauthorized", "channel_unauthorized"),
];

/// Messenger: status, code, subcode, what the product calls it.
const GRAPH: [(u16, i64, i64, Why); 4] = [
    (400, 10, 2_018_300, "owned_by_other"),
    (400, 10, 2_018_278, "window_closed"),
    (400, 551, 0, "contact_unavailable"),
    (401, 190, 463, "channel_unauthorized"),
];

/// Twilio: status, code, what the product calls it.
const TWILIO: [(u16, u32, Why); 4] = [
    (400, 21610, "customer_blocked"),
    (400, 63016, "window_closed"),
    (401, 20003, "channel_unauthorized"),
    (400, 63024, "recipient_unknown"),
];

/// A messenger's refusal by its place among its own; the first of each is that of who will not hear us.
fn refusal(host: Host, place: usize) -> (MessengerReply, Why) {
    match host {
        Host::Telegram => {
            let (status, description, why) = TELEGRAM[place % TELEGRAM.len()];
            (answered(status, &json!({ "ok": false, "error_code": status, "description": description })), why)
        }
        Host::Graph => {
            let (status, code, subcode, why) = GRAPH[place % GRAPH.len()];
            let mut error =
                json!({ "message": "simulated", "type": "OAuthException", "code": code, "fbtrace_id": "A" });
            if subcode != 0 {
                error["error_subcode"] = json!(subcode);
            }
            (answered(status, &json!({ "error": error })), why)
        }
        Host::Twilio | Host::TwilioMessaging => {
            let (status, code, why) = TWILIO[place % TWILIO.len()];
            let more_info = format!("https://www.twilio.com/docs/errors/{code}");
            let body = json!({ "code": code, "message": "simulated", "more_info": more_info, "status": status });
            (answered(status, &body), why)
        }
    }
}

impl Services {
    /// The messenger's refusal of a reply, if it refuses it: a bot has the conversation, the customer has blocked us, or chance
    /// has it so.
    pub(crate) fn refuses(&self, call: &Call) -> Option<(MessengerReply, Why)> {
        let address = address_of(call).unwrap_or_default();
        if self.threads.borrow().is_bots(&address) || self.blocked.borrow().contains(&address) {
            return Some(refusal(call.host, 0));
        }
        self.hit(Fault::Refused).then(|| refusal(call.host, self.rng.below(12)))
    }
}
