//! How a reply gets to its messenger: at most once by itself, and never silently not (I6, decision 10).

use crate::chat::{Chat, Stand};
use crate::ids::OperatorId;
use crate::message::{Author, Delivery, DeliveryState, Message};

/// A reply that could not be handed over for so long fails as `expired`, milliseconds.
pub const REPLY_AGE_MS_MAX: i64 = 60 * 60_000;
/// A hand-over that did not come back for so long has been interrupted, milliseconds: more than the messenger's own time-out
/// and the function's.
pub const HAND_OVER_MS_MAX: i64 = 30_000;
/// After so many failures in a row a channel is held.
pub const CHANNEL_FAILURES_MAX: u32 = 5;
/// A held channel is tried again after this, milliseconds; it doubles with each further failure up to [`HOLD_MS_MAX`].
pub const HOLD_MS: i64 = 15_000;
/// The longest hold of our own, milliseconds; what a provider asks for (`retry_after`) is obeyed whatever it is.
pub const HOLD_MS_MAX: i64 = 5 * 60_000;
/// The first wait before a reply is tried again, milliseconds; it doubles with each try.
pub const RETRY_MS: i64 = 1_000;
/// The sweep looks at a reply that is on its way for so long, milliseconds.
pub const SWEEP_AFTER_MS: i64 = 90_000;

/// What to do with a reply that it is the turn of.
#[derive(Clone, Debug, PartialEq)]
pub enum Turn {
    /// Nothing: it is where it can get.
    Done,
    /// Not now; again after so many milliseconds.
    Wait(i64),
    /// Store it so, then hand it over.
    HandOver(Message),
    /// Store it so: that is its end.
    End(Message),
}

/// Whose turn it is: `hold_until_ms` is until when its channel is held.
pub fn turn(message: &Message, hold_until_ms: i64, now_ms: i64) -> Turn {
    let Some(delivery) = &message.delivery else { return Turn::Done };
    match delivery.state {
        state if state.is_final() => Turn::Done,
        DeliveryState::Sending => match delivery.lease_until_ms {
            // Somebody is at it right now.
            Some(until) if until > now_ms => Turn::Wait(until - now_ms),
            // Whoever handed it over did not come back to say how it went.
            _ => Turn::End(ended(message, DeliveryState::Unknown, "interrupted")),
        },
        DeliveryState::Queued if now_ms - delivery.queued_at_ms >= REPLY_AGE_MS_MAX => {
            Turn::End(ended(message, DeliveryState::Failed, "expired"))
        }
        // However long the hold: when the reply is too old, its operator is to hear of it.
        DeliveryState::Queued if hold_until_ms > now_ms => {
            Turn::Wait(hold_until_ms.min(delivery.queued_at_ms + REPLY_AGE_MS_MAX) - now_ms)
        }
        // What is neither final nor being handed over is queued.
        _ => Turn::HandOver(changed(message, |delivery| {
            delivery.state = DeliveryState::Sending;
            delivery.attempts += 1;
            delivery.handed_over_at_ms = Some(now_ms);
            delivery.lease_until_ms = Some(now_ms + HAND_OVER_MS_MAX);
        })),
    }
}

/// How a hand-over went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The messenger has it, under this id of its own.
    Sent(Option<String>),
    /// Surely not processed: it may be tried again.
    NotProcessed,
    /// The messenger will not have it; the code says why.
    Failed(String),
    /// It may or may not have arrived; the code says why that is not known.
    Unknown(String),
}

/// The reply after a hand-over.
pub fn settle(message: &Message, outcome: &Outcome) -> Message {
    match outcome {
        Outcome::Sent(id) => {
            let mut sent = ended(message, DeliveryState::Sent, "");
            sent.provider_message_id.clone_from(id);
            sent
        }
        Outcome::NotProcessed => changed(message, |delivery| {
            delivery.state = DeliveryState::Queued;
            delivery.lease_until_ms = None;
        }),
        Outcome::Failed(code) => ended(message, DeliveryState::Failed, code),
        Outcome::Unknown(code) => ended(message, DeliveryState::Unknown, code),
    }
}

/// How far a state is: the messenger's word of a later one counts, of an earlier one not, in whatever order they come.
const fn rank(state: DeliveryState) -> u8 {
    match state {
        DeliveryState::Queued => 0,
        DeliveryState::Sending => 1,
        DeliveryState::Unknown => 2,
        DeliveryState::Sent => 3,
        DeliveryState::Delivered => 4,
        DeliveryState::Read => 5,
        // An end of its own: see `progress`.
        DeliveryState::Failed => 6,
    }
}

/// Whether what came of a hand-over is still to be written over how the reply is stored by now: over its mark, over what knew
/// less (a lease that ran out), and over the failure of an earlier try, of which the messenger told meanwhile.
pub fn yields_to(stored: &Message, outcome: &Outcome) -> bool {
    match stored.delivery.as_ref().map(|delivery| delivery.state) {
        Some(DeliveryState::Sending | DeliveryState::Unknown) => true,
        Some(DeliveryState::Failed) => matches!(outcome, Outcome::Sent(Some(id)) if is_other_try(stored, Some(id))),
        _ => false,
    }
}

/// Whether the messenger's id is that of another try than the one whose id is known.
fn is_other_try(message: &Message, id: Option<&str>) -> bool {
    message.provider_message_id.as_deref().is_some_and(|known| id.is_some_and(|id| id != known))
}

/// The reply after the messenger told of it by itself; `None` when that is no news. `message_id` is the provider's id of it.
///
/// A reply that its operator sent again has several: that one of them failed says nothing of the others, and that one arrived
/// means that the reply did.
pub fn progress(
    message: &Message,
    state: DeliveryState,
    reason: Option<&str>,
    message_id: Option<&str>,
) -> Option<Message> {
    use DeliveryState::{Delivered, Failed, Read};
    let delivery = message.delivery.as_ref()?;
    let moves = match (state, delivery.state) {
        (Failed, Failed | Delivered | Read) => false,
        // What has not been handed over since it was sent again has failed before that.
        (Failed, _) => !is_other_try(message, message_id) && delivery.handed_over_at_ms.is_some(),
        (Delivered | Read, Failed) => message_id.is_some() && message.provider_message_id.as_deref() != message_id,
        (_, Failed) => false,
        (state, before) => rank(state) > rank(before),
    };
    let is_named = message.provider_message_id.is_none() && message_id.is_some() && (moves || state != Failed);
    if !moves && !is_named {
        return None;
    }
    let mut after = if moves { ended(message, state, reason.unwrap_or_default()) } else { changed(message, |_| {}) };
    if is_named || delivery.state == Failed {
        after.provider_message_id = message_id.map(str::to_owned);
    }
    Some(after)
}

/// Whether a watermark of the provider's says something of this reply: it was with the messenger by then.
pub fn is_before(message: &Message, watermark_ms: i64) -> bool {
    message.delivery.as_ref().is_some_and(|delivery| {
        let is_there = matches!(delivery.state, DeliveryState::Sent | DeliveryState::Delivered);
        is_there && delivery.handed_over_at_ms.is_some_and(|at| at <= watermark_ms)
    })
}

/// Who is to hear how a reply fares (I6): who has the chat in work, or had it when it closed (L6); while nobody has it, who
/// wrote the reply.
pub fn listener<'a>(chat: &'a Chat, message: &'a Message) -> Option<&'a OperatorId> {
    match (&chat.route.stand, &message.author) {
        (Stand::InWork { operator, .. } | Stand::Closed { operator: Some(operator), .. }, _) => Some(operator),
        (_, Author::Operator { id, .. }) => Some(id),
        (_, Author::Customer | Author::External { .. } | Author::System) => None,
    }
}

/// How long a reply that was not processed waits for its next try, milliseconds.
pub fn retry_in_ms(attempts: u32) -> i64 {
    (RETRY_MS << attempts.saturating_sub(1).min(6)).min(60_000)
}

/// A channel's hold after a failure: how many failures in a row, and until when nothing is to be tried.
pub fn hold_after(failures_before: u32, provider_asks_ms: Option<i64>, now_ms: i64) -> (u32, i64) {
    let failures = failures_before.saturating_add(1);
    let own = if failures >= CHANNEL_FAILURES_MAX {
        now_ms + (HOLD_MS << (failures - CHANNEL_FAILURES_MAX).min(5)).min(HOLD_MS_MAX)
    } else {
        0
    };
    (failures, own.max(provider_asks_ms.map_or(0, |ms| now_ms + ms)))
}

/// When the sweep has to look at the message, if ever, milliseconds since 1970.
pub fn due_at_ms(message: &Message) -> Option<i64> {
    let delivery = message.delivery.as_ref()?;
    match delivery.state {
        DeliveryState::Queued => Some(delivery.queued_at_ms + SWEEP_AFTER_MS),
        DeliveryState::Sending => Some(delivery.lease_until_ms.unwrap_or(0) + SWEEP_AFTER_MS),
        _ => None,
    }
}

fn changed(message: &Message, change: impl FnOnce(&mut Delivery)) -> Message {
    let mut next = message.clone();
    next.rev += 1;
    if let Some(delivery) = &mut next.delivery {
        change(delivery);
    }
    next
}

fn ended(message: &Message, state: DeliveryState, reason: &str) -> Message {
    changed(message, |delivery| {
        delivery.state = state;
        delivery.lease_until_ms = None;
        delivery.reason = (!reason.is_empty()).then(|| reason.to_owned());
    })
}
