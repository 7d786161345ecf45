//! Sends replies to the messengers: each at most once by itself, and none silently not (I6, decision 10).
//!
//! A reply is stored before it comes here; the queue's message only says that it is time to look. It is marked `sending`,
//! handed over, and marked by what came of it: whoever dies in between leaves a mark that says so. A channel that its
//! messenger refuses for a while is held, and its replies wait without a call.
//!
//! Architecture invariant: nothing is handed to a messenger that was not stored as `sending` before, by this invocation.

mod attachment;
mod call;
mod fate;
mod letter;
mod outcome;
mod reply;
mod typing;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use domain::Provider;
use ports::timers::NoTimers;
use ports::{Clock, Files, MessengerTransport, Push, Queues, Secrets, Store, Visibility};
use runtime::Desk;
use runtime::batch::{self, Parking, Verdict};
use wire::queues::{Outbound, OutboundKind, QueueName};

/// Sends what waits in the outbound queues.
pub struct Sender<S, Q, V, P, M, K, F, C> {
    desk: Desk<S, Q, NoTimers, P, C>,
    visibility: V,
    messenger: M,
    secrets: K,
    files: F,
    public_url: String,
}

/// What the sender works with.
pub struct Ports<S, Q, V, P, M, K, F, C> {
    /// Replies, and how they fare.
    pub store: S,
    /// The dead-letter queues.
    pub queues: Q,
    /// When a reply that cannot go now comes back.
    pub visibility: V,
    /// The operators' windows.
    pub push: P,
    /// The messengers.
    pub messenger: M,
    /// The channels' tokens.
    pub secrets: K,
    /// The bucket with the files of replies.
    pub files: F,
    /// The time.
    pub clock: C,
    /// The API's own address, with its stage: where statuses come to when nobody set `SiteUrl` (C4).
    pub public_url: String,
}

impl<S, Q, V, P, M, K, F, C> Sender<S, Q, V, P, M, K, F, C>
where
    S: Store,
    Q: Queues,
    V: Visibility,
    P: Push,
    M: MessengerTransport,
    K: Secrets,
    F: Files,
    C: Clock,
{
    /// A sender.
    pub fn new(ports: Ports<S, Q, V, P, M, K, F, C>) -> Self {
        let Ports { store, queues, visibility, push, messenger, secrets, files, clock, public_url } = ports;
        let desk = Desk::new(store, queues, NoTimers, push, clock);
        Self { desk, visibility, messenger, secrets, files, public_url }
    }

    /// Handles a batch. The invocation ends at `deadline_ms`, milliseconds since 1970, done or not.
    pub async fn handle(&self, event: SqsEvent, deadline_ms: i64) -> SqsBatchResponse {
        let parking = Parking { queues: &self.desk.queues, of: |arn| Some(parked(arn)) };
        batch::handle(event, &self.visibility, &parking, async |message| self.one(message, deadline_ms).await).await
    }

    async fn one(&self, message: &SqsMessage, deadline_ms: i64) -> Verdict {
        let hint: Outbound = match batch::body(message) {
            Ok(hint) => hint,
            Err(unreadable) => return unreadable,
        };
        match &hint.what {
            OutboundKind::Reply { .. } => self.reply(&hint, deadline_ms).await,
            OutboundKind::Typing { at_ms } => self.typing(&hint.chat, *at_ms).await,
        }
    }
}

/// The dead-letter queue of the queue with this ARN; a stack's name may hold any word, so only its end tells.
fn parked(arn: &str) -> QueueName {
    let provider = if arn.ends_with("outbound-messenger.fifo") {
        Provider::Messenger
    } else if arn.ends_with("outbound-whatsapp.fifo") {
        Provider::Whatsapp
    } else {
        Provider::Telegram
    };
    QueueName::OutboundParked(provider)
}
