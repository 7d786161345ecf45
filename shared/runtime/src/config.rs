//! The environment: read in this one place, at start, and a missing setting is named.

use domain::Provider;
use wire::queues::QueueName;

/// A setting that the function cannot do without.
#[derive(Debug, thiserror::Error)]
#[error("the environment variable {0} is missing or empty")]
pub struct MissingSetting(pub &'static str);

/// A setting that must be there.
pub fn need(name: &'static str) -> Result<String, MissingSetting> {
    find(name).ok_or(MissingSetting(name))
}

/// A setting that may be missing; an empty one is missing.
#[expect(clippy::disallowed_methods, reason = "this is the one reader of the environment")]
pub fn find(name: &'static str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The URLs of the queues that a function sends to: each must be there.
pub fn queues(names: &[QueueName]) -> Result<Vec<(QueueName, String)>, MissingSetting> {
    names.iter().map(|&name| Ok((name, need(queue_variable(name))?))).collect()
}

/// Which variable holds the URL of a queue.
fn queue_variable(name: QueueName) -> &'static str {
    match name {
        QueueName::Inbound => "INBOUND_QUEUE_URL",
        QueueName::Routing => "ROUTING_QUEUE_URL",
        QueueName::Delayed => "DELAYED_QUEUE_URL",
        QueueName::OfferHints => "OFFER_HINTS_QUEUE_URL",
        QueueName::CloseHints => "CLOSE_HINTS_QUEUE_URL",
        QueueName::Fetch => "FETCH_QUEUE_URL",
        QueueName::Outbound(Provider::Telegram) => "OUTBOUND_TELEGRAM_QUEUE_URL",
        QueueName::Outbound(Provider::Messenger) => "OUTBOUND_MESSENGER_QUEUE_URL",
        QueueName::Outbound(Provider::Whatsapp) => "OUTBOUND_WHATSAPP_QUEUE_URL",
        QueueName::InboundParked => "INBOUND_DEAD_LETTER_QUEUE_URL",
        QueueName::OutboundParked(Provider::Telegram) => "OUTBOUND_TELEGRAM_DEAD_LETTER_QUEUE_URL",
        QueueName::OutboundParked(Provider::Messenger) => "OUTBOUND_MESSENGER_DEAD_LETTER_QUEUE_URL",
        QueueName::OutboundParked(Provider::Whatsapp) => "OUTBOUND_WHATSAPP_DEAD_LETTER_QUEUE_URL",
    }
}

/// The queues of replies, one a messenger.
pub const OUTBOUND: [QueueName; 3] = [
    QueueName::Outbound(Provider::Telegram),
    QueueName::Outbound(Provider::Messenger),
    QueueName::Outbound(Provider::Whatsapp),
];

/// Where replies that can never be sent are parked, one a messenger.
pub const OUTBOUND_PARKED: [QueueName; 3] = [
    QueueName::OutboundParked(Provider::Telegram),
    QueueName::OutboundParked(Provider::Messenger),
    QueueName::OutboundParked(Provider::Whatsapp),
];
