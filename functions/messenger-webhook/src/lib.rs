//! Facebook's calls of the Messenger webhook: verified, queued, answered.
//!
//! One webhook serves all pages of the app. Facebook wants an answer within five seconds and switches off a webhook that fails
//! for an hour, so a call is answered 200 as soon as a queue has all of its events (decision 4), or when there is nothing
//! to do about them; with 5xx only if it is to come again, whole: doubles are told by their keys.
//!
//! Architecture invariant: whether a call is Facebook's is decided on its signature alone, before its body is looked at and
//! before anything is read for it; a body is never logged.

mod answer;

use std::collections::HashMap;
use std::sync::Arc;

use domain::Provider;
use domain::config::Channel;
use domain::inbound::InboundEvent;
use lambda_http::http::Method;
use lambda_http::{Body, Request, RequestExt, Response};
use messengers::messenger::{self, PageEvent};
use ports::records::{account_key, channel_key, decode_account, decode_channel};
use ports::secrets::{FACEBOOK_APP, FACEBOOK_VERIFY, Secret};
use ports::{Clock, QueueError, Queues, SecretError, Secrets, Store, StoreError};
use runtime::conversation::conversation_id;
use runtime::remembered::{CACHED_MS, RECHECKED_MS};
use runtime::{Remembered, telemetry};
use wire::queues::{Inbound, QueueMessage, VERSION};

use crate::answer::Refusal;

/// The largest body that is read, bytes (DESIGN's limit; Facebook sends up to 1000 events at once).
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The header that carries the signature of the body.
pub const SIGNATURE_HEADER: &str = "X-Hub-Signature-256";

/// What Facebook hears when its events are in good hands.
pub const RECEIVED: &str = "EVENT_RECEIVED";

/// The webhook of every page.
pub struct Webhook<S, Q, K, C> {
    store: S,
    queues: Q,
    secrets: K,
    clock: C,
    channels: Remembered<String, Channel>,
    app_secrets: Remembered<&'static str, Secret>,
}

impl<S: Store, Q: Queues, K: Secrets, C: Clock> Webhook<S, Q, K, C> {
    /// A webhook that has not heard of any page yet.
    pub fn new(store: S, queues: Q, secrets: K, clock: C) -> Self {
        let (channels, app_secrets) = (Remembered::default(), Remembered::default());
        Self { store, queues, secrets, clock, channels, app_secrets }
    }

    /// Answers one call: GET is Facebook's question whether the webhook is ours, everything else brings events. There is
    /// nothing that it fails by: every outcome has its status.
    pub async fn handle(&self, request: Request) -> Response<Body> {
        let answered = match *request.method() {
            Method::GET => self.verify(&request).await,
            _ => self.take_in(&request).await.map(|()| RECEIVED.to_owned()),
        };
        answered.map_or_else(Refusal::answer, answer::text)
    }

    async fn verify(&self, request: &Request) -> Result<String, Refusal> {
        let accepted = self.app_secret(FACEBOOK_VERIFY).await?;
        let query = request.query_string_parameters_ref();
        let parameter = |name| query.and_then(|query| query.first(name));
        let (mode, token) = (parameter("hub.mode"), parameter("hub.verify_token"));
        let challenge = messenger::verify(mode, token, parameter("hub.challenge"), messenger::lines(accepted.reveal()));
        challenge.map(str::to_owned).ok_or(Refusal::Unauthentic)
    }

    async fn take_in(&self, request: &Request) -> Result<(), Refusal> {
        let body: &[u8] = request.body();
        if body.len() > BODY_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        let signature = request.headers().get(SIGNATURE_HEADER).map(AsRef::as_ref);
        let app_secret = self.app_secret(FACEBOOK_APP).await?;
        if !messenger::authentic(signature, body, messenger::lines(app_secret.reveal())) {
            return Err(Refusal::Unauthentic);
        }
        let parsed = messenger::parse(body).map_err(Refusal::NoUpdate)?;
        parsed.ignored.iter().for_each(|why| telemetry::count("messenger_ignored", why));
        let messages = self.messages(parsed.events).await?;
        self.queues.send(&messages).await.map_err(|error| {
            match error {
                QueueError::Unavailable(_) => tracing::warn!(%error, "queue"),
                // The parser bounds events well below what a queue takes.
                QueueError::Refused(_) => tracing::error!(%error, "the queue will not take an event"),
            }
            Refusal::TryAgain
        })
    }

    /// A secret of the app's. Without it nothing can be authentic; that it is missing is asked for again after a second.
    async fn app_secret(&self, name: &'static str) -> Result<Arc<Secret>, Refusal> {
        let read = async || match self.secrets.channel_token(name).await {
            Ok(secret) => Ok(Some(secret)),
            Err(SecretError::Missing) => Ok(None),
            Err(error) => Err(error),
        };
        // The adapter keeps it for its 60 s; kept here no longer, a new one holds as soon as the adapter has it.
        let known = self.app_secrets.get(&name, RECHECKED_MS, self.clock.now_ms(), read).await;
        let known = known.map_err(|error| {
            tracing::error!(%error, name, "app secret");
            Refusal::TryAgain
        })?;
        known.ok_or_else(|| {
            tracing::warn!(name, "the app's secret is not set");
            Refusal::Unauthentic
        })
    }

    /// What the queue is to have of these events: those of pages that take part, in their order.
    async fn messages(&self, events: Vec<PageEvent>) -> Result<Vec<QueueMessage>, Refusal> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let stack_key = self.secrets.stack_key().await.map_err(|error| {
            tracing::error!(%error, "stack key");
            Refusal::TryAgain
        })?;
        let received_at_ms = self.clock.now_ms();
        let mut pages: HashMap<String, Result<Arc<Channel>, &'static str>> = HashMap::new();
        let mut messages = Vec::with_capacity(events.len());
        for PageEvent { page, event } in events {
            if !pages.contains_key(&page) {
                pages.insert(page.clone(), self.serving_channel(&page).await?);
            }
            match &pages[&page] {
                Ok(channel) => messages.push(message(channel, &stack_key, event, received_at_ms)),
                Err(why) => telemetry::count("messenger_dropped", why),
            }
        }
        Ok(messages)
    }

    /// The page's channel, or why its events are dropped (C1).
    async fn serving_channel(&self, page: &String) -> Result<Result<Arc<Channel>, &'static str>, Refusal> {
        if let Some(channel) = self.channel(page, CACHED_MS).await?
            && channel.serving().is_some()
        {
            return Ok(Ok(channel));
        }
        // Perhaps it has been connected, or switched on, since it was read.
        Ok(match self.channel(page, RECHECKED_MS).await? {
            Some(channel) if channel.serving().is_some() => Ok(channel),
            // What is dropped here is dropped for good: not by what was so before the store stopped answering.
            _ if self.channels.is_outdated(page, RECHECKED_MS, self.clock.now_ms()) => return Err(Refusal::TryAgain),
            Some(_) => Err("channel_inactive"),
            None => Err("page_unknown"),
        })
    }

    async fn channel(&self, page: &String, age_ms_max: i64) -> Result<Option<Arc<Channel>>, Refusal> {
        let read = async || read_channel(&self.store, page).await;
        self.channels.get(page, age_ms_max, self.clock.now_ms(), read).await.map_err(|error| {
            tracing::error!(%error, "channel");
            Refusal::TryAgain
        })
    }
}

/// The channel that has the page, by the page's row and the channel's own.
async fn read_channel(store: &impl Store, page: &str) -> Result<Option<Channel>, StoreError> {
    let rows = store.get(&[account_key(Provider::Messenger, page)]).await?;
    let Some(id) = rows.first().and_then(Option::as_ref).map(decode_account).transpose()? else { return Ok(None) };
    let rows = store.get(&[channel_key(&id.channel)]).await?;
    let record = rows.first().and_then(Option::as_ref).map(decode_channel).transpose()?;
    let channel = record.map(|record| record.channel);
    Ok(channel.filter(|channel| channel.provider == Provider::Messenger && channel.account == page))
}

fn message(channel: &Channel, stack_key: &Secret, mut event: InboundEvent, received_at_ms: i64) -> QueueMessage {
    if event.at_ms == 0 {
        // Neither the event nor its entry tells when.
        event.at_ms = received_at_ms;
    }
    let conversation = conversation_id(stack_key, &channel.id, &event.customer.address);
    let (channel, provider) = (channel.id.clone(), channel.provider);
    QueueMessage::Inbound(Inbound { v: VERSION, channel, provider, conversation, event, received_at_ms })
}
