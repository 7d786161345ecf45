//! Queues, on SQS.

use std::collections::HashMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};
use ports::queues::{Batch, Entry, VISIBILITY_S_MAX, batches};
use ports::{QueueError, Queues, Visibility};
use wire::queues::{QueueMessage, QueueName};

use crate::fault;

/// Sends to the stack's queues.
#[derive(Clone, Debug)]
pub struct SqsQueues {
    client: Client,
    urls: HashMap<QueueName, String>,
}

impl SqsQueues {
    /// With the URLs of the queues that the function may send to.
    pub fn new(client: Client, urls: impl IntoIterator<Item = (QueueName, String)>) -> Self {
        Self { client, urls: urls.into_iter().collect() }
    }

    async fn send_batch(&self, batch: Batch) -> Result<(), QueueError> {
        let Some(url) = self.urls.get(&batch.queue) else {
            return Err(QueueError::Unavailable(format!("{:?} has no URL in this function", batch.queue)));
        };
        let entries = batch.entries.into_iter().enumerate().map(|(at, message)| entry(at, message)).collect();
        let sent = self.client.send_message_batch().queue_url(url).set_entries(Some(entries)).send().await;
        let answer = sent.map_err(|error| match fault::code(&error) {
            Some(code) if will_never_be_taken(code) => QueueError::Refused(fault::text(&error)),
            _ => QueueError::Unavailable(fault::text(&error)),
        })?;
        match answer.failed() {
            [] => Ok(()),
            failed => Err(QueueError::Unavailable(not_taken(failed))),
        }
    }
}

/// The batch itself is wrong: it would be the next time too.
fn will_never_be_taken(code: &str) -> bool {
    // The query protocol's names have a prefix.
    matches!(
        code.rsplit('.').next().unwrap_or(code),
        "BatchRequestTooLong" | "InvalidMessageContents" | "InvalidBatchEntryId" | "InvalidParameterValue"
    )
}

fn not_taken(failed: &[BatchResultErrorEntry]) -> String {
    let first = failed.first().map(|entry| (entry.code(), entry.message().unwrap_or_default()));
    format!("{} not taken, the first with {first:?}", failed.len())
}

fn entry(at: usize, message: Entry) -> SendMessageBatchRequestEntry {
    let (group, dedupe) = message.group_and_dedupe.unzip();
    let delay = i32::try_from(message.delay_s).expect("at most 15 minutes");
    SendMessageBatchRequestEntry::builder()
        .id(at.to_string())
        .message_body(message.body)
        .set_message_group_id(group)
        .set_message_deduplication_id(dedupe)
        // A FIFO queue refuses a delay of a single message, even one of 0.
        .set_delay_seconds((delay > 0).then_some(delay))
        .build()
        .expect("id and body are there")
}

impl Queues for SqsQueues {
    async fn send(&self, messages: &[QueueMessage]) -> Result<(), QueueError> {
        for batch in batches(messages)? {
            self.send_batch(batch).await?;
        }
        Ok(())
    }
}

/// Says when received messages come back.
#[derive(Clone, Debug)]
pub struct SqsVisibility(Client);

impl SqsVisibility {
    /// For every queue that the client may change visibility on.
    pub fn new(client: Client) -> Self {
        Self(client)
    }
}

impl Visibility for SqsVisibility {
    async fn come_back_in(&self, queue_arn: &str, receipt_handle: &str, seconds: u32) -> Result<(), QueueError> {
        let url = url_of(queue_arn).ok_or_else(|| QueueError::Refused(format!("{queue_arn:?} is no queue")))?;
        let seconds = seconds.min(VISIBILITY_S_MAX);
        let seconds = i32::try_from(seconds).expect("at most 12 hours");
        let call = self.0.change_message_visibility().queue_url(url).receipt_handle(receipt_handle);
        let changed = call.visibility_timeout(seconds).send().await;
        changed.map(|_| ()).map_err(|error| QueueError::Unavailable(fault::text(&error)))
    }
}

/// The URL of a queue, as SQS makes it.
fn url_of(arn: &str) -> Option<String> {
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", partition, "sqs", region, account, name] = parts[..] else { return None };
    let domain = if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    Some(format!("https://sqs.{region}.{domain}/{account}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_found_by_its_arn() {
        let check = |arn, url: Option<&str>| assert_eq!(url_of(arn).as_deref(), url, "{arn}");
        let url = "https://sqs.eu-west-1.amazonaws.com/123456789012/stack-outbound.fifo";
        check("arn:aws:sqs:eu-west-1:123456789012:stack-outbound.fifo", Some(url));
        check("arn:aws-cn:sqs:cn-north-1:1:q", Some("https://sqs.cn-north-1.amazonaws.com.cn/1/q"));
        check("arn:aws:sns:eu-west-1:123456789012:topic", None);
        check("https://sqs.eu-west-1.amazonaws.com/1/q", None);
        check("", None);
    }

    #[test]
    fn an_entry_carries_group_and_dedupe_id_or_delay() {
        let fifo = Entry { body: "{}".into(), group_and_dedupe: Some(("g".into(), "d".into())), delay_s: 0 };
        let built = entry(3, fifo);
        assert_eq!((built.id(), built.message_body()), ("3", "{}"));
        assert_eq!((built.message_group_id(), built.message_deduplication_id()), (Some("g"), Some("d")));
        assert_eq!(built.delay_seconds(), None);
        let built = entry(0, Entry { body: "{}".into(), group_and_dedupe: None, delay_s: 20 });
        assert_eq!((built.message_group_id(), built.message_deduplication_id()), (None, None));
        assert_eq!(built.delay_seconds(), Some(20));
    }

    #[test]
    fn a_wrong_batch_is_told_from_a_bad_moment() {
        for (code, never) in [
            ("AWS.SimpleQueueService.BatchRequestTooLong", true),
            ("InvalidMessageContents", true),
            ("RequestThrottled", false),
            ("AccessDenied", false),
            ("AWS.SimpleQueueService.NonExistentQueue", false),
        ] {
            assert_eq!(will_never_be_taken(code), never, "{code}");
        }
    }
}
