//! The customer, as far as the messenger tells.

use serde::{Deserialize, Serialize};

use crate::ids::{ChannelId, ConversationId};
use crate::inbound::Customer;

/// A customer on a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The conversation with them.
    pub conversation: ConversationId,
    /// The channel it is on.
    pub channel: ChannelId,
    /// What the messenger tells of them.
    pub customer: Customer,
    /// Whether the messenger takes messages for them (they may block a bot).
    pub reachable: bool,
    /// When they first wrote, milliseconds since 1970.
    pub since_ms: i64,
}

impl Contact {
    /// This contact, with what the messenger tells now; `None` when nothing is new.
    pub fn refreshed(&self, customer: &Customer) -> Option<Self> {
        let mut customer = customer.clone();
        if customer.is_stand_in {
            // It stands in for a name that may be known already.
            customer.name.clone_from(&self.customer.name);
            customer.is_stand_in = self.customer.is_stand_in;
        }
        // Who writes can be written to.
        (self.customer != customer || !self.reachable).then(|| Self { customer, reachable: true, ..self.clone() })
    }
}
