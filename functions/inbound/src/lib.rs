//! Stores a customer's message in its chat; opens the chat (L1, L3, L7); takes in what a messenger tells of messages.
//!
//! One event = one transaction, whose receipt makes a second delivery harmless (I2). Events of a conversation come one after
//! the other (FIFO by conversation); should two come at once all the same, the store lets one through and the other decides
//! again (I1, I9).

mod hear;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use domain::ChannelId;
use domain::chat::{Chat, Stand};
use domain::config::{Configuration, Queue};
use domain::contact::Contact;
use domain::decision::{Decision, News, Wake};
use domain::inbound::InboundKind;
use domain::operator::Operator;
use domain::receive::{Incoming, message_key, receipt_key};
use ports::queues::Visibility;
use ports::records::{
    self, chat_key, contact_key, decode_chat, decode_contact, decode_message, decode_operator, decode_receipt,
    operator_key,
};
use ports::timers::NoTimers;
use ports::{Clock, Push, Queues, Store, StoreError};
use runtime::batch::{self, Parking, Verdict};
use runtime::desk::DECISIONS_MAX;
use runtime::{Desk, telemetry};
use wire::queues::{Inbound as Body, QueueName};

use crate::hear::of_customer;

/// When an event was taken in.
enum Taken {
    Now,
    /// By an earlier delivery.
    Before,
}

/// The function.
pub struct Inbound<S, Q, P, C, V> {
    /// Carries decisions out; it sets no timers.
    pub desk: Desk<S, Q, NoTimers, P, C>,
    /// Says when a message comes back.
    pub visibility: V,
}

impl<S: Store, Q: Queues, P: Push, C: Clock, V: Visibility> Inbound<S, Q, P, C, V> {
    /// Handles a batch of `inbound.fifo`.
    pub async fn handle(&self, event: SqsEvent) -> SqsBatchResponse {
        let parking = Parking { queues: &self.desk.queues, of: |_| Some(QueueName::InboundParked) };
        batch::handle(event, &self.visibility, &parking, async |message| self.one(message).await).await
    }

    async fn one(&self, message: &SqsMessage) -> Verdict {
        let body: Body = match batch::body(message) {
            Ok(body) => body,
            Err(verdict) => return verdict,
        };
        let taken = match self.take_in(&body).await {
            // Whoever had it before may have died between the store and the hints.
            Ok(Taken::Before) if batch::receives(message) > 1 => self.hint_again(&body).await,
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        match taken {
            Ok(()) => Verdict::Done,
            Err(error) => error.into(),
        }
    }

    async fn take_in(&self, body: &Body) -> Result<Taken, StoreError> {
        let mut config = self.desk.config().await?;
        if serving_queue(&config, &body.channel).is_none() {
            // It may have been switched on a moment ago.
            self.desk.configuration.forget();
            config = self.desk.config().await?;
        }
        let Some(queue) = serving_queue(&config, &body.channel) else {
            // C1: a channel that does not take part stores nothing.
            telemetry::count("inbound_dropped", "channel_inactive");
            return Ok(Taken::Now);
        };
        let mut tries = 0;
        loop {
            let incoming = Incoming {
                conversation: &body.conversation,
                channel: &body.channel,
                provider: body.provider,
                queue,
                event: &body.event,
                now_ms: self.desk.now_ms(),
            };
            let decision = self.decide(&incoming).await?;
            match self.desk.carry_out(&decision).await {
                Err(StoreError::ConditionFailed(failed)) if !self.is_double(&incoming, &decision, &failed) => {
                    tries += 1;
                    if tries == DECISIONS_MAX {
                        return Err(StoreError::Conflict);
                    }
                }
                Err(StoreError::ConditionFailed(_)) => {
                    telemetry::count("inbound_double", "receipt");
                    return Ok(Taken::Before);
                }
                done => return done.map(|()| Taken::Now),
            }
        }
    }

    /// The hints of an event that is stored already: the same ones again, which does no harm.
    async fn hint_again(&self, body: &Body) -> Result<(), StoreError> {
        let store = &self.desk.store;
        let key = match &body.event.what {
            InboundKind::Edited { message_id, .. } => message_key(message_id),
            _ => receipt_key(&body.event),
        };
        let row = store.get(&[records::receipt_key(&body.conversation, &key)]).await?.into_iter().next().flatten();
        let Some((chat, seq)) = row.as_ref().map(decode_receipt).transpose()?.flatten() else { return Ok(()) };
        let rows = store.get(&[chat_key(&chat), records::message_key(&chat, seq)]).await?;
        let [Some(chat), Some(message)] = rows.as_slice() else { return Ok(()) };
        let (chat, message) = (decode_chat(chat)?, decode_message(message)?);
        let mut hints = Decision::default();
        hints.fetches.extend(domain::file::hint(&chat, &message));
        if let Some(operator) = self.operator_of(&chat).await? {
            hints.tell(&operator, News::Message(message));
        } else if chat.route.stand == Stand::Waiting {
            let cause = format!("{}.{}", chat.id, chat.route.rev);
            hints.wakes.push(Wake { queue: chat.route.queue, cause, delay_s: 0 });
        }
        self.desk.pass_on(&hints).await;
        Ok(())
    }

    /// Whether the commit failed because this very event was taken in before.
    fn is_double(&self, incoming: &Incoming<'_>, decision: &Decision, failed: &[usize]) -> bool {
        let receipt = records::receipt_key(incoming.conversation, &receipt_key(incoming.event));
        let rows = records::rows(&decision.writes, self.desk.now_ms());
        failed.iter().any(|&at| rows.get(at).is_some_and(|row| *row.key() == receipt))
    }

    async fn decide(&self, incoming: &Incoming<'_>) -> Result<Decision, StoreError> {
        let store = &self.desk.store;
        let latest = records::latest_chat(store, incoming.conversation).await?;
        match &incoming.event.what {
            InboundKind::Message { .. } => self.message(incoming, latest).await,
            InboundKind::Edited { message_id, .. } => {
                let receipt = records::receipt_key(incoming.conversation, &message_key(message_id));
                let row = store.get(&[receipt]).await?.into_iter().next().flatten();
                match row.as_ref().map(decode_receipt).transpose()?.flatten() {
                    Some((chat, seq)) => self.edit(incoming, latest, &chat, seq).await,
                    None => self.message(incoming, latest).await,
                }
            }
            InboundKind::Echo { reply, .. } => self.echo(incoming, latest, reply.as_ref()).await,
            InboundKind::Delivery { which, .. } => self.fares(incoming, latest, which).await,
            InboundKind::Reaction { message_id, .. } => self.reaction(incoming, message_id).await,
            _ => {
                let (contact, operator) = self.parties(incoming, latest.as_ref()).await?;
                Ok(of_customer(incoming, latest.as_ref(), contact.as_ref(), operator.as_ref()))
            }
        }
    }

    /// The contact, and whoever has the chat in work: one read.
    async fn parties(
        &self,
        incoming: &Incoming<'_>,
        latest: Option<&Chat>,
    ) -> Result<(Option<Contact>, Option<Operator>), StoreError> {
        let mut keys = vec![contact_key(incoming.conversation)];
        keys.extend(latest.and_then(Chat::operator).map(operator_key));
        let rows = self.desk.store.get(&keys).await?;
        let contact = rows.first().and_then(Option::as_ref).map(decode_contact).transpose()?;
        let operator = rows.get(1).and_then(Option::as_ref).map(decode_operator).transpose()?;
        Ok((contact, operator))
    }

    /// A message of an open chat needs its operator, one that opens a chat the contact: never both, so it is one more read.
    async fn message(&self, incoming: &Incoming<'_>, latest: Option<Chat>) -> Result<Decision, StoreError> {
        match latest {
            Some(open) if !open.is_closed() => {
                let operator = self.operator_of(&open).await?;
                Ok(incoming.message(Some(&open), None, operator.as_ref()))
            }
            closed => {
                let row =
                    self.desk.store.get(&[contact_key(incoming.conversation)]).await?.into_iter().next().flatten();
                let contact = row.as_ref().map(decode_contact).transpose()?;
                Ok(incoming.message(closed.as_ref(), contact.as_ref(), None))
            }
        }
    }

    async fn edit(
        &self,
        incoming: &Incoming<'_>,
        latest: Option<Chat>,
        chat: &domain::ChatId,
        seq: u64,
    ) -> Result<Decision, StoreError> {
        let mut keys = vec![records::message_key(chat, seq)];
        let with = latest.as_ref().filter(|latest| latest.id == *chat).and_then(Chat::operator);
        keys.extend(with.map(operator_key));
        let rows = self.desk.store.get(&keys).await?;
        let original = rows.first().and_then(Option::as_ref).map(decode_message).transpose()?;
        let operator = rows.get(1).and_then(Option::as_ref).map(decode_operator).transpose()?;
        match original {
            Some(original) => Ok(incoming.edit(&original, operator.as_ref())),
            None => self.message(incoming, latest).await,
        }
    }

    async fn operator_of(&self, chat: &Chat) -> Result<Option<Operator>, StoreError> {
        match chat.operator() {
            Some(operator) => self.desk.operator(operator).await,
            None => Ok(None),
        }
    }
}

/// The queue that new chats of a channel go to, if the channel takes part (C1).
fn serving_queue<'a>(config: &'a Configuration, channel: &ChannelId) -> Option<&'a Queue> {
    config.queues.get(config.channels.get(channel)?.serving()?)
}
