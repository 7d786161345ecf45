//! What woke a function that is woken in more than one way.

use aws_lambda_events::event::apigw::ApiGatewayWebsocketProxyRequest;
use aws_lambda_events::event::sqs::SqsEvent;
use serde::Deserialize;
use serde_json::{Value, json};
use wire::timers::Fires;

/// Why a function was woken.
#[derive(Debug)]
pub enum Invocation {
    /// An operator's frame.
    Frame(Box<ApiGatewayWebsocketProxyRequest>),
    /// Messages of a queue.
    Batch(SqsEvent),
    /// A timer.
    Timer(Fires),
    /// The minute's sweep.
    Sweep,
}

/// An event of a kind that the function does not know: somebody wired it up wrongly.
#[derive(Debug, thiserror::Error)]
#[error("an event of an unknown kind")]
pub struct UnknownEvent;

/// Why an invocation failed as a whole: whoever made it tries again.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// It was nothing that this function handles.
    #[error(transparent)]
    Unknown(#[from] UnknownEvent),
    /// It could not be carried through.
    #[error(transparent)]
    Fault(#[from] crate::Fault),
}

impl Invocation {
    /// Tells events apart by what only they have.
    pub fn read(event: Value) -> Result<Self, UnknownEvent> {
        if event.get("Records").is_some() {
            return SqsEvent::deserialize(event).map(Self::Batch).map_err(|_| UnknownEvent);
        }
        if event.get("requestContext").is_some() {
            let frame = ApiGatewayWebsocketProxyRequest::deserialize(event).map_err(|_| UnknownEvent)?;
            return Ok(Self::Frame(Box::new(frame)));
        }
        if event.get("kind").and_then(Value::as_str) == Some("sweep") {
            return Ok(Self::Sweep);
        }
        Fires::deserialize(event).map(Self::Timer).map_err(|_| UnknownEvent)
    }
}

/// What the gateway wants to hear once a frame has been answered.
pub fn frame_done() -> Value {
    json!({ "statusCode": 200 })
}

/// What SQS wants to hear.
pub fn batch_done(response: &aws_lambda_events::event::sqs::SqsBatchResponse) -> Value {
    serde_json::to_value(response).expect("a batch response has a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_told_apart() {
        let read = |event: Value| Invocation::read(event);
        assert!(matches!(read(json!({"Records": []})), Ok(Invocation::Batch(_))));
        assert!(matches!(read(json!({"kind": "sweep"})), Ok(Invocation::Sweep)));
        assert!(matches!(read(json!({"kind": "auto_close", "chat": "c0ffee.1"})), Ok(Invocation::Timer(_))));
        let frame = include_str!("../../../tests/fixtures/events/workspace/frame-send.json");
        assert!(matches!(read(serde_json::from_str(frame).unwrap()), Ok(Invocation::Frame(_))));

        for stranger in [json!({}), json!([]), json!({"kind": "auto_close"}), json!({"Records": 1})] {
            assert!(read(stranger).is_err());
        }
    }
}
