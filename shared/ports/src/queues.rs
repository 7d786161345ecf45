//! Messages between functions.

use wire::queues::{BODY_BYTES_MAX, QueueMessage, QueueName};

/// The most messages of one request (SQS `SendMessageBatch`).
pub const BATCH_MESSAGES_MAX: usize = 10;
/// The longest FIFO group or dedupe id, characters (SQS).
pub const GROUP_CHARS_MAX: usize = 128;
/// The longest time until a received message comes back, seconds (SQS).
pub const VISIBILITY_S_MAX: u32 = 43_200;

/// Why nothing was queued, or part of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// The queue did not take it; it may be tried again.
    #[error("queue unavailable: {0}")]
    Unavailable(String),
    /// The queue will never take it (too large).
    #[error("refused by the queue: {0}")]
    Refused(String),
}

/// A message as a queue takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its body.
    pub body: String,
    /// Its FIFO group and dedupe id; `None` for a standard queue.
    pub group_and_dedupe: Option<(String, String)>,
    /// Seconds until it may be received.
    pub delay_s: u32,
}

/// One request: messages of one queue, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// To which queue.
    pub queue: QueueName,
    /// At most [`BATCH_MESSAGES_MAX`], their bodies together at most [`BODY_BYTES_MAX`].
    pub entries: Vec<Entry>,
}

/// The requests that messages make: every [`Queues`] sends, or counts, these.
pub fn batches(messages: &[QueueMessage]) -> Result<Vec<Batch>, QueueError> {
    let mut batches: Vec<(Batch, usize)> = Vec::new();
    for message in messages {
        let entry = entry(message)?;
        let queue = message.queue();
        let bytes = entry.body.len();
        match batches.iter_mut().rev().find(|(batch, _)| batch.queue == queue) {
            Some((batch, total)) if batch.entries.len() < BATCH_MESSAGES_MAX && *total + bytes <= BODY_BYTES_MAX => {
                batch.entries.push(entry);
                *total += bytes;
            }
            _ => batches.push((Batch { queue, entries: vec![entry] }, bytes)),
        }
    }
    Ok(batches.into_iter().map(|(batch, _)| batch).collect())
}

fn entry(message: &QueueMessage) -> Result<Entry, QueueError> {
    let body = sendable(message.body());
    if body.len() > BODY_BYTES_MAX {
        return Err(QueueError::Refused(format!("a body of {} bytes", body.len())));
    }
    let group_and_dedupe = message.group_and_dedupe();
    if let Some((group, dedupe)) = &group_and_dedupe {
        for id in [group, dedupe] {
            if !(1..=GROUP_CHARS_MAX).contains(&id.len()) || !id.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(QueueError::Refused(format!("{id:?} is no group or dedupe id")));
            }
        }
    }
    Ok(Entry { body, group_and_dedupe, delay_s: message.delay_s() })
}

/// The same JSON without the characters that SQS doesn't take. The control characters are escaped in JSON anyhow; these
/// two are not, and a customer may type them.
fn sendable(json: String) -> String {
    if json.contains(['\u{fffe}', '\u{ffff}']) {
        json.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")
    } else {
        json
    }
}

/// Sends to the stack's queues.
pub trait Queues {
    /// Queues these, each to its own queue ([`QueueMessage::queue`]): one request for up to ten of one queue. An error means
    /// that at least one was not taken; sending all of them again is harmless, since receivers tell doubles by their dedupe id
    /// and by state.
    async fn send(&self, messages: &[QueueMessage]) -> Result<(), QueueError>;
}

impl<T: Queues> Queues for &T {
    async fn send(&self, messages: &[QueueMessage]) -> Result<(), QueueError> {
        (**self).send(messages).await
    }
}

/// Says when a received message comes back.
pub trait Visibility {
    /// The message with this receipt handle, of the queue with this ARN, comes back in so many seconds (at most 43 200), if
    /// it is then handed back. Best effort: without it the queue's own time-out holds.
    async fn come_back_in(&self, queue_arn: &str, receipt_handle: &str, seconds: u32) -> Result<(), QueueError>;
}

impl<T: Visibility> Visibility for &T {
    async fn come_back_in(&self, queue_arn: &str, receipt_handle: &str, seconds: u32) -> Result<(), QueueError> {
        (**self).come_back_in(queue_arn, receipt_handle, seconds).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::queues::{Parked, Wake};

    fn parked(group: &str, body: &str) -> QueueMessage {
        let parked =
            Parked { reason: "malformed".into(), group: group.into(), message_id: "m".into(), body: body.into() };
        QueueMessage::Parked { queue: QueueName::InboundParked, parked }
    }

    fn wake(queue: &str) -> QueueMessage {
        QueueMessage::Wake(Wake { v: 1, queue: queue.parse().unwrap(), cause: "chat.1".into() })
    }

    #[test]
    fn ten_of_a_queue_are_one_request() {
        let messages: Vec<_> =
            (0..23).map(|n| if n % 3 == 0 { wake("q") } else { parked("g", &n.to_string()) }).collect();
        let batches = batches(&messages).unwrap();
        let sizes: Vec<_> = batches.iter().map(|batch| (batch.queue, batch.entries.len())).collect();
        let (routing, parked) = (QueueName::Routing, QueueName::InboundParked);
        assert_eq!(sizes, [(routing, 8), (parked, 10), (parked, 5)]);
        assert_eq!(super::batches(&[]), Ok(vec![]));
    }

    #[test]
    fn a_request_is_bounded_in_bytes_and_keeps_the_order() {
        let large = "x".repeat(100 * 1024);
        let messages = [parked("a", &large), parked("b", &large), parked("c", &large), parked("d", "")];
        let batches = batches(&messages).unwrap();
        let group = |entry: &Entry| entry.group_and_dedupe.clone().unwrap().0;
        let groups: Vec<Vec<String>> = batches.iter().map(|batch| batch.entries.iter().map(group).collect()).collect();
        assert_eq!(groups, [["a", "b"], ["c", "d"]]);
        assert!(matches!(super::batches(&[parked("a", &"x".repeat(BODY_BYTES_MAX))]), Err(QueueError::Refused(_))));
    }

    #[test]
    fn a_group_that_is_none_is_refused() {
        for group in ["", "a b", "é", &"x".repeat(129)] {
            assert!(matches!(batches(&[parked(group, "")]), Err(QueueError::Refused(_))), "{group}");
        }
        assert!(batches(&[parked(&"x".repeat(128), "")]).is_ok());
    }

    #[test]
    fn a_body_holds_nothing_that_sqs_refuses() {
        let text = "a\u{ffff}b\u{fffe}\u{0}\u{1f}é🦀";
        let body = batches(&[parked("g", text)]).unwrap().remove(0).entries.remove(0).body;
        assert!(body.chars().all(|c| c >= ' ' && c != '\u{fffe}' && c != '\u{ffff}'), "{body}");
        assert_eq!(serde_json::from_str::<Parked>(&body).unwrap().body, text);
    }
}
