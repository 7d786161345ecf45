//! WhatsApp through Twilio: customers' messages, and the statuses of replies; verified, queued, answered.
//!
//! One webhook serves all numbers: the form says to which one it was sent, and the number's channel knows the auth token by which
//! Twilio signs. A form is answered 2xx as soon as a queue has it (decision 4), or when there is nothing to do about it; and
//! with an error only if Twilio may try again, or if the call is none of Twilio's.
//!
//! Architecture invariant: before its signature is verified, nothing of a form is gone by but where it says it belongs; a body
//! is never logged.

mod answer;
mod known;

use std::sync::Arc;

use domain::config::Channel;
use domain::inbound::{InboundEvent, InboundKind, ReplyRef, Which};
use lambda_http::{Body, Request, RequestExt, Response};
use messengers::whatsapp::{
    Addressed, Form, Outcome, Payload, REPLY_PARAMETER, STATUS_PATH, WEBHOOK_PATH, authentic, parse, parse_status,
};
use ports::{Clock, QueueError, Queues, SecretError, Secrets, Store};
use runtime::conversation::conversation_id;
use runtime::remembered::{CACHED_MS, RECHECKED_MS};
use runtime::telemetry;
use wire::queues::{Inbound, QueueMessage, VERSION};

use crate::answer::Refusal;
use crate::known::Known;

/// The largest body that is read, bytes (DESIGN's limit; Twilio's own forms are far smaller).
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The header that carries Twilio's signature.
pub const SIGNATURE_HEADER: &str = "X-Twilio-Signature";

/// Whose signature is compared where no channel has the number, so that it takes as long as where one has.
const NOBODYS_TOKEN: &str = "no account has this token";

/// The webhook of every WhatsApp channel.
pub struct Webhook<S, Q, K, C> {
    store: S,
    queues: Q,
    secrets: K,
    clock: C,
    public_url: String,
    known: Known,
}

/// A call, read as far as it may be before its signature is verified.
struct Call<'a> {
    path: &'static str,
    query: Option<&'a str>,
    signature: Option<&'a [u8]>,
    form: Form,
    addressed: Addressed,
}

impl<'a> Call<'a> {
    fn read(request: &'a Request) -> Result<Self, Refusal> {
        let body: &[u8] = request.body();
        if body.len() > BODY_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        let form = Form::read(body).ok_or(Refusal::Unauthentic)?;
        let is_status = request.uri().path().trim_end_matches('/').ends_with(STATUS_PATH);
        let (path, addressed) = if is_status {
            (STATUS_PATH, Addressed::of_status(&form))
        } else {
            (WEBHOOK_PATH, Addressed::of_message(&form))
        };
        let signature = request.headers().get(SIGNATURE_HEADER).map(AsRef::as_ref);
        Ok(Self { path, query: request.uri().query(), signature, form, addressed })
    }

    /// Whether Twilio signed it for this public address.
    fn is_signed(&self, auth_token: &str, site: &str) -> bool {
        let mut url = format!("{}{}", site.trim_end_matches('/'), self.path);
        if let Some(query) = self.query {
            url.push('?');
            url.push_str(query);
        }
        authentic(auth_token, &url, Payload::Form(&self.form), self.signature)
    }
}

impl<S: Store, Q: Queues, K: Secrets, C: Clock> Webhook<S, Q, K, C> {
    /// A webhook that has not heard of any channel yet. `public_url` is the API's own address: Twilio knows it by this one, or by
    /// the setting `SiteUrl`.
    pub fn new(store: S, queues: Q, secrets: K, clock: C, public_url: &str) -> Self {
        Self { store, queues, secrets, clock, public_url: public_url.to_owned(), known: Known::default() }
    }

    /// Answers one call. There is nothing that it fails by: every outcome has its status.
    pub async fn handle(&self, request: Request) -> Response<Body> {
        match self.take_in(&request).await {
            Ok(()) => answer::taken_in(),
            Err(refusal) => refusal.answer(),
        }
    }

    async fn take_in(&self, request: &Request) -> Result<(), Refusal> {
        let call = Call::read(request)?;
        let channel = self.authentic_channel(&call).await?;
        if channel.serving().is_none() {
            telemetry::count("whatsapp_dropped", "channel_inactive");
            return Ok(());
        }
        let parsed = if call.path == STATUS_PATH {
            let query = request.query_string_parameters_ref();
            let reply = query.and_then(|query| query.first(REPLY_PARAMETER)?.parse::<ReplyRef>().ok());
            parse_status(&call.form, reply.as_ref())
        } else {
            parse(&call.form)
        };
        match parsed.outcome {
            Outcome::Events(events) => self.queue(&channel, events).await,
            Outcome::Ignored { why } => {
                telemetry::count("whatsapp_ignored", why);
                Ok(())
            }
        }
    }

    /// The channel that the call is for, if it comes from Twilio. An unknown number, another account and a wrong signature
    /// cannot be told apart from outside.
    async fn authentic_channel(&self, call: &Call<'_>) -> Result<Arc<Channel>, Refusal> {
        if let Some(channel) = self.authentic(call, CACHED_MS).await?
            && channel.serving().is_some()
        {
            return Ok(channel);
        }
        // Perhaps the number has been connected, the address changed, or the channel switched on, since they were read.
        let channel = self.authentic(call, RECHECKED_MS).await?.ok_or(Refusal::Unauthentic)?;
        if channel.serving().is_none() && self.known.is_outdated(&channel.id, RECHECKED_MS, self.clock.now_ms()) {
            // A 2xx would drop the message for good, and the channel may have been switched on long ago.
            return Err(Refusal::TryAgain);
        }
        Ok(channel)
    }

    /// The same, by what was read at most so long ago.
    async fn authentic(&self, call: &Call<'_>, age_ms_max: i64) -> Result<Option<Arc<Channel>>, Refusal> {
        let now_ms = self.clock.now_ms();
        let accounts = &call.addressed.accounts;
        let channel =
            self.known.channel(&self.store, accounts, age_ms_max, now_ms).await.map_err(try_again("channel"))?;
        let site = self.known.site(&self.store, age_ms_max, now_ms).await.map_err(try_again("site"))?;
        let (account_sid, auth_token) = match &channel {
            Some(channel) => self.credentials(channel).await?,
            None => None,
        }
        .unwrap_or_else(|| (String::new(), NOBODYS_TOKEN.to_owned()));
        // A number may have been connected before the address was set, and a reply sent: both addresses are ours.
        let sites = [site.as_ref().map(|site| site.as_str()), Some(self.public_url.as_str())];
        let is_signed = sites.into_iter().flatten().fold(false, |is_signed, site| {
            let by_this = call.is_signed(&auth_token, site);
            is_signed || by_this
        });
        let is_of_account = call.addressed.account_sid.as_deref() == Some(account_sid.as_str());
        Ok(channel.filter(|_| is_signed && is_of_account))
    }

    /// Twilio's account of a channel, and its auth token; none if it has none (any more).
    async fn credentials(&self, channel: &Channel) -> Result<Option<(String, String)>, Refusal> {
        match self.secrets.channel_token(channel.id.as_str()).await {
            Ok(token) => Ok(token.reveal().split_once(':').map(|(account, token)| (account.into(), token.into()))),
            Err(SecretError::Missing) => {
                tracing::error!(channel = %channel.id, "a channel without a token");
                Ok(None)
            }
            Err(error) => Err(try_again("token")(error)),
        }
    }

    /// Queues everything that one form says, in one go.
    async fn queue(&self, channel: &Channel, events: Vec<InboundEvent>) -> Result<(), Refusal> {
        let stack_key = self.secrets.stack_key().await.map_err(try_again("stack key"))?;
        let received_at_ms = self.clock.now_ms();
        let messages = events.into_iter().map(|mut event| {
            if event.at_ms == 0 {
                // Twilio does not tell when.
                event.at_ms = received_at_ms;
            }
            let conversation = match &event.what {
                // A status belongs where its reply is, whatever Twilio calls the customer in it.
                InboundKind::Delivery { which: Which::Reply { reply, .. }, .. } => reply.chat.conversation.clone(),
                _ => conversation_id(&stack_key, &channel.id, &event.customer.address),
            };
            let (channel, provider) = (channel.id.clone(), channel.provider);
            QueueMessage::Inbound(Inbound { v: VERSION, channel, provider, conversation, event, received_at_ms })
        });
        self.queues.send(&messages.collect::<Vec<_>>()).await.map_err(|error| {
            match error {
                QueueError::Unavailable(_) => tracing::warn!(%error, "queue"),
                // The parser bounds events well below what a queue takes.
                QueueError::Refused(_) => tracing::error!(%error, "the queue will not take a form"),
            }
            Refusal::TryAgain
        })
    }
}

/// Logs what is out of order.
fn try_again<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> Refusal {
    move |error| {
        tracing::error!(%error, what, "not to be had");
        Refusal::TryAgain
    }
}
