//! The loop over a batch of queue messages (decision 6).
//!
//! A group stops at its first transient failure, and the rest of it is handed back in order. A message that can never be
//! handled is parked by the handler itself, with its reason, and its group goes on. A panic is caught message by message.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::FutureExt;
use ports::queues::{Queues, Visibility};
use ports::{QueueError, StoreError};
use wire::queues::{Parked, QueueMessage, QueueName};

/// A message whose handling panicked so often is parked.
pub const PANICS_MAX: u32 = 5;

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Handled; it may go.
    Done,
    /// Not now: hand it and what follows in its group back; again after so many seconds, or after the queue's own time-out.
    Later(Option<u32>),
    /// Never: park it, for this stable reason.
    Park(&'static str),
}

impl From<StoreError> for Verdict {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "store");
        match error {
            // A condition that fails after every retry is somebody else's doing: it will not last.
            StoreError::ConditionFailed(_) | StoreError::Conflict | StoreError::Throttled => Self::Later(Some(1)),
            StoreError::Unavailable(_) => Self::Later(Some(2)),
            StoreError::Refused(_) => Self::Park("store_refused"),
        }
    }
}

impl From<QueueError> for Verdict {
    fn from(error: QueueError) -> Self {
        tracing::warn!(%error, "queue");
        match error {
            QueueError::Unavailable(_) => Self::Later(Some(2)),
            QueueError::Refused(_) => Self::Park("queue_refused"),
        }
    }
}

/// Where parked messages go.
pub struct Parking<'a, Q> {
    /// Sends them.
    pub queues: &'a Q,
    /// The dead-letter queue for a message of the queue with this ARN. None for a queue of hints: nothing is lost with one, and
    /// one that breaks its handler again and again ends where the queue's own redrive puts it.
    pub of: fn(&str) -> Option<QueueName>,
}

/// Handles a batch: one message after the other, group by group.
pub async fn handle<Q: Queues, V: Visibility>(
    event: SqsEvent,
    visibility: &V,
    parking: &Parking<'_, Q>,
    mut one: impl AsyncFnMut(&SqsMessage) -> Verdict,
) -> SqsBatchResponse {
    let mut stopped: HashSet<String> = HashSet::new();
    let mut failures = Vec::new();
    for message in event.records {
        let group = group(&message);
        let verdict = if stopped.contains(&group) {
            Verdict::Later(None)
        } else {
            let caught = AssertUnwindSafe(one(&message)).catch_unwind().await;
            let verdict = caught.unwrap_or_else(|_| after_panic(&message));
            settle(verdict, &message, &group, visibility, parking).await
        };
        if let Verdict::Later(_) = verdict {
            if is_fifo(&message) {
                stopped.insert(group);
            }
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message.message_id.unwrap_or_default();
            failures.push(failure);
        }
    }
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failures;
    response
}

async fn settle<Q: Queues, V: Visibility>(
    verdict: Verdict,
    message: &SqsMessage,
    group: &str,
    visibility: &V,
    parking: &Parking<'_, Q>,
) -> Verdict {
    let arn = message.event_source_arn.as_deref().unwrap_or_default();
    match verdict {
        Verdict::Done => Verdict::Done,
        Verdict::Later(seconds) => {
            if let (Some(seconds), Some(handle)) = (seconds, message.receipt_handle.as_deref())
                && let Err(error) = visibility.come_back_in(arn, handle, seconds).await
            {
                tracing::warn!(%error, "visibility");
            }
            Verdict::Later(seconds)
        }
        Verdict::Park(reason) => match (parking.of)(arn) {
            Some(queue) => park(queue, reason, message, group, parking).await,
            None => Verdict::Later(None),
        },
    }
}

async fn park<Q: Queues>(
    queue: QueueName,
    reason: &'static str,
    message: &SqsMessage,
    group: &str,
    parking: &Parking<'_, Q>,
) -> Verdict {
    let parked = Parked {
        reason: reason.to_owned(),
        group: if group.is_empty() { "none".to_owned() } else { group.to_owned() },
        message_id: message.message_id.clone().unwrap_or_default(),
        body: message.body.clone().unwrap_or_default(),
    };
    crate::telemetry::count("parked", reason);
    match parking.queues.send(&[QueueMessage::Parked { queue, parked }]).await {
        Ok(()) => Verdict::Done,
        Err(error) => {
            tracing::error!(%error, reason, "could not park a message; it comes back");
            Verdict::Later(None)
        }
    }
}

fn after_panic(message: &SqsMessage) -> Verdict {
    tracing::error!(message_id = message.message_id, "handling a message panicked");
    if receives(message) >= PANICS_MAX { Verdict::Park("panicked") } else { Verdict::Later(Some(2)) }
}

fn is_fifo(message: &SqsMessage) -> bool {
    message.attributes.contains_key("MessageGroupId")
}

fn group(message: &SqsMessage) -> String {
    message.attributes.get("MessageGroupId").cloned().unwrap_or_default()
}

/// How often the message has been received, from 1.
pub fn receives(message: &SqsMessage) -> u32 {
    message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// Reads a message's body; a body that is none will never be one.
pub fn body<T: serde::de::DeserializeOwned>(message: &SqsMessage) -> Result<T, Verdict> {
    serde_json::from_str(message.body.as_deref().unwrap_or_default()).map_err(|_| Verdict::Park("unreadable"))
}
