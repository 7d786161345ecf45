//! Telegram's updates: verified, queued, answered.
//!
//! Telegram holds a whole chat back until an update is answered 2xx, and repeats it for a day otherwise. So an update is
//! answered 2xx as soon as a queue has it (decision 4), or when there is nothing to do about it; and with an error only if
//! Telegram may try again, or if the call is none of Telegram's.
//!
//! Architecture invariant: whether a call is Telegram's is decided on its header alone, before its body is looked at; a body
//! is never logged.

mod answer;
mod channels;

use domain::ChannelId;
use domain::config::Channel;
use domain::inbound::InboundEvent;
use lambda_http::{Body, Request, RequestExt, Response};
use messengers::telegram::{self, Outcome};
use ports::{Clock, QueueError, Queues, Secrets, Store};
use runtime::conversation::conversation_id;
use runtime::remembered::{CACHED_MS, RECHECKED_MS};
use runtime::{Remembered, telemetry};
use wire::queues::{Inbound, QueueMessage, VERSION};

use crate::answer::Refusal;
use crate::channels::{Accepting, Known};

/// The largest body that is read, bytes (DESIGN's limit; Telegram's own updates are far smaller).
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The header that carries the webhook's secret (Bot API, `setWebhook`).
pub const SECRET_HEADER: &str = "X-Telegram-Bot-Api-Secret-Token";

/// The webhook of every Telegram channel.
pub struct Webhook<S, Q, K, C> {
    store: S,
    queues: Q,
    secrets: K,
    clock: C,
    channels: Remembered<ChannelId, Accepting>,
}

impl<S: Store, Q: Queues, K: Secrets, C: Clock> Webhook<S, Q, K, C> {
    /// A webhook that has not heard of any channel yet.
    pub fn new(store: S, queues: Q, secrets: K, clock: C) -> Self {
        Self { store, queues, secrets, clock, channels: Remembered::default() }
    }

    /// Answers one call. There is nothing that it fails by: every outcome has its status.
    pub async fn handle(&self, request: Request) -> Response<Body> {
        match self.take_in(&request).await {
            Ok(call) => answer::taken_in(call),
            Err(refusal) => refusal.answer(),
        }
    }

    /// Takes in one call; what it returns is a call of our own for Telegram to carry out.
    async fn take_in(&self, request: &Request) -> Result<Option<String>, Refusal> {
        let body: &[u8] = request.body();
        if body.len() > BODY_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        let channel = self.authentic_channel(request).await?;
        if channel.serving().is_none() {
            telemetry::count("telegram_dropped", "channel_inactive");
            return Ok(None);
        }
        match telegram::parse(body).map_err(Refusal::NoUpdate)?.outcome {
            Outcome::Ignored { why } => {
                telemetry::count("telegram_ignored", why);
                Ok(None)
            }
            Outcome::Event(event) => {
                self.queue(&channel, event).await?;
                Ok(None)
            }
            Outcome::Answer { event, callback_query_id } => {
                self.queue(&channel, event).await?;
                Ok(Some(telegram::answer_callback_query(&callback_query_id)))
            }
        }
    }

    /// The channel that the call is for, if it comes from Telegram. An unknown channel and a wrong secret cannot be told
    /// apart from outside: the same reads, the same comparison, the same answer.
    async fn authentic_channel(&self, request: &Request) -> Result<Channel, Refusal> {
        let secret = request.headers().get(SECRET_HEADER).map(AsRef::as_ref);
        let named = request.path_parameters_ref().and_then(|path| path.first("channel"));
        let Some(id) = named.and_then(|id| id.parse::<ChannelId>().ok()) else {
            return Err(Refusal::Unauthentic);
        };
        let known = self.channel(&id, CACHED_MS).await?;
        if let Some(channel) = known.authentic(secret)
            && channel.serving().is_some()
        {
            return Ok(channel.clone());
        }
        // Perhaps the secret has been replaced, or the channel switched on, since it was read.
        let known = self.channel(&id, RECHECKED_MS).await?;
        let channel = known.authentic(secret).ok_or(Refusal::Unauthentic)?;
        if channel.serving().is_none() && self.channels.is_outdated(&id, RECHECKED_MS, self.clock.now_ms()) {
            // A 2xx would drop the update for good, and the channel may have been switched on long ago.
            return Err(Refusal::TryAgain);
        }
        Ok(channel.clone())
    }

    async fn channel(&self, id: &ChannelId, age_ms_max: i64) -> Result<Known, Refusal> {
        let read = async || channels::read(&self.store, id).await;
        self.channels.get(id, age_ms_max, self.clock.now_ms(), read).await.map(Known).map_err(|error| {
            tracing::error!(%error, "channel");
            Refusal::TryAgain
        })
    }

    async fn queue(&self, channel: &Channel, mut event: InboundEvent) -> Result<(), Refusal> {
        let stack_key = self.secrets.stack_key().await.map_err(|error| {
            tracing::error!(%error, "stack key");
            Refusal::TryAgain
        })?;
        let received_at_ms = self.clock.now_ms();
        if event.at_ms == 0 {
            // Telegram does not tell when a button was pressed.
            event.at_ms = received_at_ms;
        }
        let conversation = conversation_id(&stack_key, &channel.id, &event.customer.address);
        let provider = channel.provider;
        let inbound =
            Inbound { v: VERSION, channel: channel.id.clone(), provider, conversation, event, received_at_ms };
        self.queues.send(&[QueueMessage::Inbound(inbound)]).await.map_err(|error| {
            match error {
                QueueError::Unavailable(_) => tracing::warn!(%error, "queue"),
                // The parser bounds events well below what a queue takes.
                QueueError::Refused(_) => tracing::error!(%error, "the queue will not take an update"),
            }
            Refusal::TryAgain
        })
    }
}
