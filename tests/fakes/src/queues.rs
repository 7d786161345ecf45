//! Queues that a test looks into.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

use ports::queues::VISIBILITY_S_MAX;
use ports::{QueueError, Queues, Visibility};
use wire::queues::QueueMessage;

use crate::faults::Faults;

/// Records what is sent, doubles included; refuses what SQS would.
#[derive(Clone, Debug, Default)]
pub struct FakeQueues(Rc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    sent: RefCell<Vec<QueueMessage>>,
    requests: Cell<usize>,
    faults: Faults<QueueError>,
}

impl FakeQueues {
    /// The next `n` calls end with this, and nothing is queued.
    pub fn fail_next(&self, n: usize, error: &QueueError) {
        self.0.faults.add(n, error);
    }

    /// Everything sent, in order.
    pub fn sent(&self) -> Vec<QueueMessage> {
        self.0.sent.borrow().clone()
    }

    /// Everything sent since the last time.
    pub fn take(&self) -> Vec<QueueMessage> {
        self.0.sent.take()
    }

    /// Everything sent since the last time, as FIFO queues pass it on: of messages with one dedupe id only the first.
    pub fn take_distinct(&self) -> Vec<QueueMessage> {
        let mut seen = HashSet::new();
        let mut messages = self.take();
        messages.retain(|message| match message.group_and_dedupe() {
            Some((_, dedupe)) => seen.insert((message.queue(), dedupe)),
            None => true,
        });
        messages
    }

    /// How many requests that took: up to ten messages of one queue are one.
    pub fn requests(&self) -> usize {
        self.0.requests.get()
    }

    /// Counts requests from 0 again.
    pub fn reset_requests(&self) {
        self.0.requests.set(0);
    }
}

impl Queues for FakeQueues {
    async fn send(&self, messages: &[QueueMessage]) -> Result<(), QueueError> {
        let batches = ports::queues::batches(messages)?;
        self.0.requests.set(self.0.requests.get() + batches.len());
        if !batches.is_empty() {
            self.0.faults.check()?;
        }
        self.0.sent.borrow_mut().extend(messages.iter().cloned());
        Ok(())
    }
}

/// A message that was told when to come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComeBack {
    /// The queue's ARN.
    pub queue_arn: String,
    /// The message's receipt handle.
    pub receipt_handle: String,
    /// After so many seconds.
    pub seconds: u32,
}

/// Records which messages come back when.
#[derive(Clone, Debug, Default)]
pub struct FakeVisibility(Rc<VisibilityInner>);

#[derive(Debug, Default)]
struct VisibilityInner {
    asked: RefCell<Vec<ComeBack>>,
    faults: Faults<QueueError>,
}

impl FakeVisibility {
    /// The next `n` calls end with this.
    pub fn fail_next(&self, n: usize, error: &QueueError) {
        self.0.faults.add(n, error);
    }

    /// What was asked for, in order.
    pub fn asked(&self) -> Vec<ComeBack> {
        self.0.asked.borrow().clone()
    }
}

impl Visibility for FakeVisibility {
    async fn come_back_in(&self, queue_arn: &str, receipt_handle: &str, seconds: u32) -> Result<(), QueueError> {
        if seconds > VISIBILITY_S_MAX {
            return Err(QueueError::Refused(format!("{seconds} s")));
        }
        self.0.faults.check()?;
        let (queue_arn, receipt_handle) = (queue_arn.to_owned(), receipt_handle.to_owned());
        self.0.asked.borrow_mut().push(ComeBack { queue_arn, receipt_handle, seconds });
        Ok(())
    }
}
