//! What queues, timers and the platform hand us.

use aws_lambda_events::event::sqs::SqsMessage;
use runtime::batch;
use runtime::gateway::caller;
use runtime::invocation::Invocation;
use wire::queues::{
    CloseHint, DELAY_S_MAX, Delayed, Inbound, OfferHint, Outbound, Parked, QueueMessage, QueueName, Wake,
};
use wire::timers::{Fires, Timer};

use crate::reads_back;

/// Each kind of body.
pub(crate) fn body(data: &[u8]) {
    let messages = [
        reads_back::<Inbound>(data).map(QueueMessage::Inbound),
        reads_back::<Wake>(data).map(QueueMessage::Wake),
        reads_back::<Delayed>(data).map(|what| QueueMessage::Delayed { delay_s: u32::MAX, what }),
        reads_back::<OfferHint>(data).map(QueueMessage::OfferHint),
        reads_back::<CloseHint>(data).map(QueueMessage::CloseHint),
        reads_back::<Outbound>(data).map(QueueMessage::Outbound),
        reads_back::<Parked>(data).map(|parked| QueueMessage::Parked { queue: QueueName::InboundParked, parked }),
    ];
    for message in messages.into_iter().flatten() {
        assert!(message.delay_s() <= DELAY_S_MAX);
        let _ = (message.queue(), message.group_and_dedupe(), message.body());
    }
}

/// A timer's name is one that the scheduler takes, whatever fires.
pub(crate) fn timer(data: &[u8]) {
    let Some(fires) = reads_back::<Fires>(data) else { return };
    let timer = Timer { at_ms: i64::try_from(data.len()).unwrap_or(0), fires };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    assert!(timer.name().chars().all(allowed), "{}", timer.name());
}

/// What the platform invokes a function with, and the parts of it that are read further.
pub(crate) fn invocation(data: &[u8]) {
    let Ok(event) = serde_json::from_slice(data) else { return };
    match Invocation::read(event) {
        Ok(Invocation::Frame(frame)) => {
            if let Some(caller) = caller(&frame) {
                assert!(!caller.operator.as_str().is_empty());
            }
            let _ = runtime::gateway::read(frame.body.as_deref().unwrap_or_default());
        }
        Ok(Invocation::Batch(batch)) => batch.records.iter().for_each(message),
        Ok(Invocation::Timer(_) | Invocation::Sweep) | Err(_) => {}
    }
}

fn message(message: &SqsMessage) {
    let _ = batch::receives(message);
    let _ = batch::body::<Inbound>(message);
    let _ = batch::body::<Outbound>(message);
}
