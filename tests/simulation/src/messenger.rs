//! The messenger: 429, 5xx, connections that fail, answers that never come.

use std::collections::BTreeMap;

use messengers::call::Call;
use ports::MessengerReply;
use serde_json::{Value, json};

use crate::faults::Fault;
use crate::invariants::Invariant;
use crate::services::Services;

/// What the messenger knows of one reply, by its words: each reply of the simulation has words of its own.
#[derive(Debug, Default)]
struct Known {
    /// How often the customer got it since its operator last sent it.
    delivered: u32,
    /// A call was made of which the caller has not heard that it was not processed.
    open: bool,
}

/// The messenger.
#[derive(Debug, Default)]
pub(crate) struct Messenger {
    known: BTreeMap<String, Known>,
    number: i64,
    /// How many replies reached their customer.
    pub(crate) delivered: u64,
}

fn words(call: &Call) -> Option<&str> {
    (call.method == "sendMessage").then(|| call.parameters().get("text").and_then(Value::as_str)).flatten()
}

fn answered(status: u16, body: &Value) -> MessengerReply {
    MessengerReply::Answered { status, body: body.to_string().into_bytes() }
}

impl Messenger {
    /// A call arrives, or does not.
    pub(crate) fn called(&mut self, services: &Services, call: &Call) -> MessengerReply {
        self.number += 1;
        let ok = answered(200, &json!({ "ok": true, "result": { "message_id": self.number } }));
        let Some(words) = words(call) else { return ok };
        services.tell(|| format!("    messenger is given {words:?}"));
        services.model.borrow_mut().handed_over(words);
        let known = self.known.entry(words.to_owned()).or_default();
        if known.open {
            services.model.borrow_mut().fail(Invariant::I6, || format!("{words:?} was handed over again by itself"));
        }
        known.open = true;
        let delivers = |known: &mut Known| known.delivered += 1;
        if services.hit(Fault::NotSent) {
            return MessengerReply::NotSent("simulated".to_owned());
        }
        if services.hit(Fault::Messenger429) {
            let body = json!({ "ok": false, "error_code": 429, "description": "Too Many Requests: retry after 2",
                "parameters": { "retry_after": 2 } });
            return answered(429, &body);
        }
        if services.hit(Fault::Messenger5xx) {
            return answered(502, &json!({ "ok": false, "error_code": 502, "description": "Bad Gateway" }));
        }
        if services.hit(Fault::HangsLost) {
            return MessengerReply::Unknown("simulated".to_owned());
        }
        delivers(known);
        self.delivered += 1;
        if known.delivered > 1 {
            services.model.borrow_mut().fail(Invariant::I6, || format!("{words:?} was delivered twice"));
        }
        if services.hit(Fault::HangsDelivered) { MessengerReply::Unknown("simulated".to_owned()) } else { ok }
    }

    /// The caller hears the answer.
    pub(crate) fn heard(&mut self, call: &Call, reply: &MessengerReply) {
        let not_processed = match reply {
            MessengerReply::NotSent(_) => true,
            MessengerReply::Answered { status, .. } => *status >= 400,
            MessengerReply::Unknown(_) => false,
        };
        if let Some(known) = words(call).and_then(|words| self.known.get_mut(words)) {
            known.open = known.open && !not_processed;
        }
    }

    /// Its operator sends it again.
    pub(crate) fn sent_again(&mut self, words: &str) {
        self.known.remove(words);
    }

    /// How often the customer got it since its operator last sent it.
    pub(crate) fn deliveries(&self, words: &str) -> u32 {
        self.known.get(words).map_or(0, |known| known.delivered)
    }
}
