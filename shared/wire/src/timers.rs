//! What EventBridge Scheduler hands to a function.

use domain::{ChatId, OfferId, OperatorId};
use serde::{Deserialize, Serialize};

/// A one-time timer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// When, milliseconds since 1970; rounded up to a second.
    pub at_ms: i64,
    /// What then.
    pub fires: Fires,
}

/// What a timer hands over; also what decides which function it invokes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fires {
    /// To the acceptance function.
    AcceptTimeout {
        /// The offer that runs out.
        offer: OfferId,
        /// To whom it was made, so that chat and operator are read at once.
        #[serde(default)]
        operator: Option<OperatorId>,
    },
    /// To the auto-close function.
    AutoClose {
        /// The chat that may have to close.
        chat: ChatId,
        /// Who took it, so that chat and operator are read at once.
        #[serde(default)]
        operator: Option<OperatorId>,
    },
}

impl Timer {
    /// The second at which it fires, since 1970.
    pub fn at_s(&self) -> i64 {
        self.at_ms.div_euclid(1000) + i64::from(self.at_ms.rem_euclid(1000) > 0)
    }

    /// Its name: what and when, so that a name is never used for another timer. At most 64 characters of `[A-Za-z0-9_.-]`.
    pub fn name(&self) -> String {
        match &self.fires {
            Fires::AcceptTimeout { offer, .. } => format!("offer-{offer}"),
            Fires::AutoClose { chat, .. } => format!("close-{chat}-{}", self.at_s()),
        }
    }
}

impl From<&domain::decision::Timer> for Timer {
    fn from(timer: &domain::decision::Timer) -> Self {
        match timer {
            domain::decision::Timer::OfferExpires { offer, operator, at_ms } => {
                let operator = Some(operator.clone());
                Self { at_ms: *at_ms, fires: Fires::AcceptTimeout { offer: offer.clone(), operator } }
            }
            domain::decision::Timer::CloseDue { chat, operator, at_ms } => {
                let operator = Some(operator.clone());
                Self { at_ms: *at_ms, fires: Fires::AutoClose { chat: chat.clone(), operator } }
            }
        }
    }
}
