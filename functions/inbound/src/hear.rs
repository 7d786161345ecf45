//! Reads what a word of the messenger's about messages that are there may mean: which messages, and who is to hear of it.

use std::collections::BTreeSet;

use domain::chat::Chat;
use domain::contact::Contact;
use domain::decision::Decision;
use domain::hear::{self, TOLD_OF_MAX};
use domain::inbound::{InboundKind, ReplyRef, Which};
use domain::message::Message;
use domain::operator::Operator;
use domain::receive::{Incoming, message_key};
use domain::{ChatId, OperatorId};
use ports::queues::Visibility;
use ports::records::{self, chat_key, decode_chat, decode_message, decode_operator, decode_receipt, operator_key};
use ports::{Clock, Push, Queues, Store, StoreError};

use crate::Inbound;

impl<S: Store, Q: Queues, P: Push, C: Clock, V: Visibility> Inbound<S, Q, P, C, V> {
    /// What was written from our side: a reply of ours, or somebody else's words.
    pub(crate) async fn echo(
        &self,
        incoming: &Incoming<'_>,
        latest: Option<Chat>,
        reply: Option<&ReplyRef>,
    ) -> Result<Decision, StoreError> {
        if let Some(reply) = reply.filter(|reply| reply.chat.conversation == *incoming.conversation) {
            let found = self.stored(&[(reply.chat.clone(), reply.seq)]).await?;
            if let Some(message) = found.messages.first() {
                return Ok(incoming.echo(latest.as_ref(), None, Some(message), found.listener(message)));
            }
        }
        let (contact, operator) = self.parties(incoming, latest.as_ref()).await?;
        Ok(incoming.echo(latest.as_ref(), contact.as_ref(), None, operator.as_ref()))
    }

    /// How replies fare: one that is named, those with ids of the provider's, or the newest of the latest chat.
    pub(crate) async fn fares(
        &self,
        incoming: &Incoming<'_>,
        latest: Option<Chat>,
        which: &Which,
    ) -> Result<Decision, StoreError> {
        let found = match which {
            Which::Reply { reply, .. } if reply.chat.conversation == *incoming.conversation => {
                self.stored(&[(reply.chat.clone(), reply.seq)]).await?
            }
            Which::Reply { .. } => return Ok(Decision::nothing()),
            Which::Messages(ids) => {
                let most = usize::try_from(TOLD_OF_MAX).unwrap_or(usize::MAX);
                let ids: Vec<&String> = ids.iter().take(most).collect();
                let mut places = self.places(incoming, &ids).await?;
                // A receipt is written by the echo, which may come after what is told of its message.
                if let Some(chat) = latest.filter(|_| places.len() < ids.len()) {
                    let newest = self.newest(&chat.id).await?;
                    let named = newest.into_iter().filter(|message| hear::is_named(message, &ids));
                    let unheard =
                        named.map(|message| (message.chat, message.seq)).filter(|place| !places.contains(place));
                    let unheard: Vec<_> = unheard.collect();
                    places.extend(unheard);
                }
                self.stored(&places).await?
            }
            Which::UpTo(_) => match latest {
                Some(chat) => {
                    let newest = self.newest(&chat.id).await?;
                    self.with_listeners(chat, newest).await?
                }
                None => return Ok(Decision::nothing()),
            },
        };
        Ok(incoming.fares(&found.messages, |message| found.listener(message)))
    }

    /// A reaction to a message of either side.
    pub(crate) async fn reaction(&self, incoming: &Incoming<'_>, message_id: &String) -> Result<Decision, StoreError> {
        let found = self.stored(&self.places(incoming, &[message_id]).await?).await?;
        let message = found.messages.first();
        Ok(message.map_or_else(Decision::nothing, |message| incoming.reaction(message, found.listener(message))))
    }

    async fn newest(&self, chat: &ChatId) -> Result<Vec<Message>, StoreError> {
        Ok(records::history(&self.desk.store, chat, None, TOLD_OF_MAX).await?.0)
    }

    /// Where messages with these ids of the provider's are stored, as far as their receipts say.
    async fn places(&self, incoming: &Incoming<'_>, ids: &[&String]) -> Result<Vec<(ChatId, u64)>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<_> = ids.iter().map(|id| records::receipt_key(incoming.conversation, &message_key(id))).collect();
        let rows = self.desk.store.get(&keys).await?;
        let places: Result<Vec<_>, _> = rows.iter().flatten().map(decode_receipt).collect();
        Ok(places?.into_iter().flatten().collect())
    }

    /// Messages, and who hears of them. Those of other chats than the first one's are left out.
    async fn stored(&self, places: &[(ChatId, u64)]) -> Result<Found, StoreError> {
        let Some((first, _)) = places.first() else { return Ok(Found::default()) };
        let mut keys = vec![chat_key(first)];
        keys.extend(
            places.iter().filter(|(chat, _)| chat == first).map(|(chat, seq)| records::message_key(chat, *seq)),
        );
        let rows = self.desk.store.get(&keys).await?;
        let Some(chat) = rows.first().and_then(Option::as_ref).map(decode_chat).transpose()? else {
            return Ok(Found::default());
        };
        let messages: Vec<_> = rows.iter().skip(1).flatten().map(decode_message).collect::<Result<_, _>>()?;
        self.with_listeners(chat, messages).await
    }

    /// One request reads everybody who hears of one of these messages: one operator, or while nobody has the chat those who
    /// wrote in it.
    async fn with_listeners(&self, chat: Chat, messages: Vec<Message>) -> Result<Found, StoreError> {
        let heard: BTreeSet<&OperatorId> =
            messages.iter().filter_map(|message| hear::listener(&chat, message)).collect();
        let keys: Vec<_> = heard.into_iter().map(operator_key).collect();
        let rows = if keys.is_empty() { Vec::new() } else { self.desk.store.get(&keys).await? };
        let operators = rows.iter().flatten().map(decode_operator).collect::<Result<_, _>>()?;
        Ok(Found { chat: Some(chat), messages, operators })
    }
}

/// Messages of one chat, and everybody who hears of one of them.
#[derive(Default)]
struct Found {
    chat: Option<Chat>,
    messages: Vec<Message>,
    operators: Vec<Operator>,
}

impl Found {
    /// Who hears of this one (I8).
    fn listener(&self, message: &Message) -> Option<&Operator> {
        let who = hear::listener(self.chat.as_ref()?, message)?;
        self.operators.iter().find(|operator| operator.id == *who)
    }
}

/// What concerns the customer, or who has the conversation: no message, or only a note.
pub(crate) fn of_customer(
    incoming: &Incoming<'_>,
    latest: Option<&Chat>,
    contact: Option<&Contact>,
    operator: Option<&Operator>,
) -> Decision {
    match &incoming.event.what {
        InboundKind::Blocked => incoming.reachability(false, latest, contact, operator),
        InboundKind::Unblocked => incoming.reachability(true, latest, contact, operator),
        InboundKind::Profile => incoming.profile(latest, contact, operator),
        InboundKind::Control { .. } => incoming.control(latest, contact, operator),
        InboundKind::ControlRequested { .. } => incoming.control_requested(latest, operator),
        InboundKind::Message { .. }
        | InboundKind::Edited { .. }
        | InboundKind::Echo { .. }
        | InboundKind::Delivery { .. }
        | InboundKind::Reaction { .. } => unreachable!("these are of messages"),
    }
}
