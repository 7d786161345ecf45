//! What wakes functions: batches of queues, frames of operators.

use aws_lambda_events::event::apigw::ApiGatewayWebsocketProxyRequest;
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use domain::content::Content;
use domain::inbound::{Customer, InboundEvent, InboundKind};
use domain::{OperatorId, Provider};
use serde_json::{Value, json};
use wire::queues::{Inbound, Parked, QueueMessage, VERSION};

use super::id;

/// Until when frames may be used, milliseconds since 1970: long after the clocks of tests.
const AUTH_UNTIL_MS: i64 = 4_000_000_000_000;

/// What the webhook queues when this customer writes, on the channel that leads to this queue.
pub fn inbound(conversation: &str, queue: &str, message_id: &str, text: &str) -> Inbound {
    let what = InboundKind::Message {
        message_id: message_id.to_owned(),
        content: Content::text(text),
        reply_to: None,
        quote: None,
        forwarded_from: None,
    };
    Inbound {
        v: VERSION,
        channel: id(&format!("{queue}-bot")),
        provider: Provider::Telegram,
        conversation: id(conversation),
        event: InboundEvent {
            event_id: format!("update-{message_id}"),
            customer: Customer {
                address: conversation.to_owned(),
                name: format!("Customer {conversation}"),
                is_stand_in: false,
                username: None,
                language: None,
            },
            at_ms: 1_767_225_000_000,
            standby: false,
            what,
        },
        received_at_ms: 1_767_225_600_000,
    }
}

/// A message of a queue, as a function receives it for the first time. Its id and its receipt handle are `<n>`.
pub fn message(n: usize, message: &QueueMessage) -> SqsMessage {
    let mut sqs = SqsMessage::default();
    sqs.message_id = Some(n.to_string());
    sqs.receipt_handle = Some(n.to_string());
    sqs.body = Some(message.body());
    sqs.attributes.insert("ApproximateReceiveCount".to_owned(), "1".to_owned());
    if let Some((group, _)) = message.group_and_dedupe() {
        sqs.attributes.insert("MessageGroupId".to_owned(), group);
    }
    sqs.event_source_arn = Some(format!("arn:aws:sqs:eu-central-1:000000000000:{:?}", message.queue()));
    sqs
}

/// A batch of these messages, numbered from 0.
pub fn sqs(messages: &[QueueMessage]) -> SqsEvent {
    let mut event = SqsEvent::default();
    event.records = messages.iter().enumerate().map(|(n, one)| message(n, one)).collect();
    event
}

/// What was parked among these messages.
pub fn parked(messages: &[QueueMessage]) -> Vec<Parked> {
    let parked = |message: &QueueMessage| match message {
        QueueMessage::Parked { parked, .. } => Some(parked.clone()),
        _ => None,
    };
    messages.iter().filter_map(parked).collect()
}

/// A command of an operator, by their connection `<name>-1`.
pub fn frame(operator: &OperatorId, request_id: &str, command: Value) -> ApiGatewayWebsocketProxyRequest {
    let mut body = command;
    body["request_id"] = json!(request_id);
    serde_json::from_value(json!({
        "requestContext": {
            "connectionId": format!("{operator}-1"),
            "connectedAt": 1_767_225_600_000_i64,
            "requestTimeEpoch": 1_767_225_600_000_i64,
            "messageDirection": "IN",
            "authorizer": { "operator": operator, "auth_until_ms": AUTH_UNTIL_MS.to_string() },
        },
        "body": body.to_string(),
    }))
    .expect("a frame as the gateway sends it")
}
