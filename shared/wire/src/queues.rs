//! Messages between functions, by queue.

use domain::inbound::InboundEvent;
use domain::{ChannelId, ChatId, ConversationId, OfferId, OperatorId, Provider, QueueId};
use serde::{Deserialize, Serialize};

/// The version that writers of this build give to bodies.
pub const VERSION: u32 = 1;
/// The longest delay of a delayed message, seconds (SQS).
pub const DELAY_S_MAX: u32 = 900;
/// The largest body, bytes (SQS; DESIGN's limit, below the service's own of today).
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// The stack's queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum QueueName {
    /// Customers' events, FIFO by conversation.
    Inbound,
    /// Wake-ups of the router, FIFO by queue.
    Routing,
    /// Waits under a quarter of an hour; standard.
    Delayed,
    /// Offers that may have run out; standard.
    OfferHints,
    /// Chats that may have to close; standard.
    CloseHints,
    /// Files and names to fetch from messengers; standard.
    Fetch,
    /// Replies to send, FIFO by conversation, one queue a provider.
    Outbound(Provider),
    /// Where inbound messages that can never be handled are parked.
    InboundParked,
    /// Where outbound messages that can never be handled are parked.
    OutboundParked(Provider),
}

/// A message on its way to a queue.
#[derive(Clone, Debug, PartialEq)]
pub enum QueueMessage {
    /// To the inbound function.
    Inbound(Inbound),
    /// To the router.
    Wake(Wake),
    /// To the router, later.
    Delayed {
        /// After so many seconds, at most [`DELAY_S_MAX`].
        delay_s: u32,
        /// What then.
        what: Delayed,
    },
    /// To the acceptance function.
    OfferHint(OfferHint),
    /// To the auto-close function.
    CloseHint(CloseHint),
    /// To the media function.
    Fetch(Fetch),
    /// To the outbound function.
    Outbound(Outbound),
    /// To a dead-letter queue, with the reason.
    Parked {
        /// Which.
        queue: QueueName,
        /// What and why.
        parked: Parked,
    },
}

/// A customer's event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inbound {
    /// [`VERSION`].
    pub v: u32,
    /// On which channel.
    pub channel: ChannelId,
    /// Of which messenger.
    pub provider: Provider,
    /// In which conversation.
    pub conversation: ConversationId,
    /// What.
    pub event: InboundEvent,
    /// When the webhook had it, milliseconds since 1970.
    pub received_at_ms: i64,
}

/// A reason to distribute a queue's chats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wake {
    /// [`VERSION`].
    pub v: u32,
    /// Which queue.
    pub queue: QueueId,
    /// What changed; the dedupe id.
    pub cause: String,
}

/// What to do later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Delayed {
    /// Distribute a queue's chats.
    Wake {
        /// Which queue.
        queue: QueueId,
        /// Why.
        cause: String,
    },
    /// Look whether an operator is still without a connection (Q10), Inactive with offers open, or switched off.
    Absent {
        /// Who.
        operator: OperatorId,
    },
    /// A queue's close timeout changed: look at each of its open chats (L2).
    Retime {
        /// Which queue.
        queue: QueueId,
        /// Where the page before ended.
        #[serde(default)]
        after: Option<String>,
    },
}

/// An offer may have run out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferHint {
    /// [`VERSION`].
    pub v: u32,
    /// Which offer; it names its chat.
    pub offer: OfferId,
}

/// A chat may have to close.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseHint {
    /// [`VERSION`].
    pub v: u32,
    /// Which chat.
    pub chat: ChatId,
}

/// Something to fetch from a messenger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// [`VERSION`].
    pub v: u32,
    /// From which messenger.
    pub provider: Provider,
    /// On which channel.
    pub channel: ChannelId,
    /// In which conversation.
    pub conversation: ConversationId,
    /// What.
    pub what: FetchKind,
}

/// What to fetch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FetchKind {
    /// The file of a message.
    File {
        /// Of which chat.
        chat: ChatId,
        /// Which message.
        seq: u64,
    },
    /// The customer's name.
    Profile {
        /// Their address at the messenger.
        address: String,
    },
}

/// Something for the outbound function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbound {
    /// [`VERSION`].
    pub v: u32,
    /// By which messenger.
    pub provider: Provider,
    /// In which chat.
    pub chat: ChatId,
    /// What.
    pub what: OutboundKind,
}

/// What the outbound function is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OutboundKind {
    /// Send a stored reply.
    Reply {
        /// Its number.
        seq: u64,
        /// When it was (last) accepted, milliseconds since 1970: makes a wanted resend no double.
        queued_at_ms: i64,
        /// Set by the sweep: which minute found it unsent, so that its hint is no double of the first one.
        #[serde(default)]
        sweep: Option<i64>,
        /// On which channel. This and what follows saves a second read and may be out of date: state has it all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<ChannelId>,
        /// Who is to hear how it fares.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operator: Option<OperatorId>,
        /// The number of the outgoing message before it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<u64>,
    },
    /// Show the customer that somebody writes. Worth nothing after a few seconds.
    Typing {
        /// When, milliseconds since 1970.
        at_ms: i64,
    },
}

/// A message that can never be handled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parked {
    /// Why, by a stable code.
    pub reason: String,
    /// The conversation it belongs to, as the queue knew it.
    pub group: String,
    /// The message's id in the queue it came from.
    pub message_id: String,
    /// Its body as it came.
    pub body: String,
}

impl QueueMessage {
    /// A wake-up, now or later.
    pub fn wake(wake: &domain::decision::Wake) -> Self {
        if wake.delay_s == 0 {
            Self::Wake(Wake { v: VERSION, queue: wake.queue.clone(), cause: wake.cause.clone() })
        } else {
            let what = Delayed::Wake { queue: wake.queue.clone(), cause: wake.cause.clone() };
            Self::Delayed { delay_s: wake.delay_s, what }
        }
    }

    /// Something to fetch.
    pub fn fetch(hint: &domain::decision::FetchHint) -> Self {
        use domain::decision::Fetch as What;
        let what = match &hint.what {
            What::File { chat, seq } => FetchKind::File { chat: chat.clone(), seq: *seq },
            What::Profile { address } => FetchKind::Profile { address: address.clone() },
        };
        let (channel, conversation) = (hint.channel.clone(), hint.conversation.clone());
        Self::Fetch(Fetch { v: VERSION, provider: hint.provider, channel, conversation, what })
    }

    /// A stored reply to send.
    pub fn reply(hint: &domain::decision::SendHint) -> Self {
        Self::reply_of(hint, None)
    }

    /// A stored reply that a sweep found unsent; `sweep` tells this sweep's hint from those before it.
    pub fn reply_again(hint: &domain::decision::SendHint, sweep: i64) -> Self {
        Self::reply_of(hint, Some(sweep))
    }

    fn reply_of(hint: &domain::decision::SendHint, sweep: Option<i64>) -> Self {
        let what = OutboundKind::Reply {
            seq: hint.seq,
            queued_at_ms: hint.queued_at_ms,
            sweep,
            channel: Some(hint.channel.clone()),
            operator: hint.operator.clone(),
            previous: hint.previous,
        };
        Self::Outbound(Outbound { v: VERSION, provider: hint.provider, chat: hint.chat.clone(), what })
    }

    /// The queue it goes to.
    pub fn queue(&self) -> QueueName {
        match self {
            Self::Inbound(_) => QueueName::Inbound,
            Self::Wake(_) => QueueName::Routing,
            Self::Delayed { .. } => QueueName::Delayed,
            Self::OfferHint(_) => QueueName::OfferHints,
            Self::CloseHint(_) => QueueName::CloseHints,
            Self::Fetch(_) => QueueName::Fetch,
            Self::Outbound(outbound) => QueueName::Outbound(outbound.provider),
            Self::Parked { queue, .. } => *queue,
        }
    }

    /// Its FIFO group and dedupe id; `None` for standard queues. Group and dedupe id are at most 128 characters.
    pub fn group_and_dedupe(&self) -> Option<(String, String)> {
        match self {
            Self::Inbound(inbound) => {
                Some((inbound.conversation.to_string(), format!("{}.{}", inbound.channel, inbound.event.event_id)))
            }
            Self::Wake(wake) => Some((wake.queue.to_string(), wake.cause.clone())),
            Self::Outbound(Outbound { chat, what, .. }) => Some((
                chat.conversation.to_string(),
                match what {
                    OutboundKind::Reply { seq, queued_at_ms, sweep: None, .. } => {
                        format!("{chat}.{seq}.{queued_at_ms}")
                    }
                    OutboundKind::Reply { seq, sweep: Some(minute), .. } => format!("{chat}.{seq}.sweep.{minute}"),
                    OutboundKind::Typing { at_ms } => format!("{chat}.typing.{at_ms}"),
                },
            )),
            Self::Parked { parked, .. } => Some((parked.group.clone(), parked.message_id.clone())),
            Self::Delayed { .. } | Self::OfferHint(_) | Self::CloseHint(_) | Self::Fetch(_) => None,
        }
    }

    /// Seconds until it may be received; 0 = at once. Only standard queues delay a single message.
    pub fn delay_s(&self) -> u32 {
        match self {
            Self::Delayed { delay_s, .. } => (*delay_s).min(DELAY_S_MAX),
            _ => 0,
        }
    }

    /// Its body.
    pub fn body(&self) -> String {
        let body = match self {
            Self::Inbound(body) => serde_json::to_string(body),
            Self::Wake(body) => serde_json::to_string(body),
            Self::Delayed { what, .. } => serde_json::to_string(what),
            Self::OfferHint(body) => serde_json::to_string(body),
            Self::CloseHint(body) => serde_json::to_string(body),
            Self::Fetch(body) => serde_json::to_string(body),
            Self::Outbound(body) => serde_json::to_string(body),
            Self::Parked { parked, .. } => serde_json::to_string(parked),
        };
        body.expect("a body of plain fields has a JSON form")
    }
}
