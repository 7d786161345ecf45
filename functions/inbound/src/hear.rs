//! Reads what a word of the messenger's about messages that are there may mean: which messages, and who is to hear of it.

use domain::chat::Chat;
use domain::contact::Contact;
use domain::decision::Decision;
use domain::delivery::listener;
use domain::hear::TOLD_OF_MAX;
use domain::inbound::{InboundKind, ReplyRef, Which};
use domain::message::{Author, Message};
use domain::operator::Operator;
use domain::receive::{Incoming, message_key};
use domain::{ChatId, OperatorId};
use ports::queues::Visibility;
use ports::records::{self, chat_key, decode_chat, decode_message, decode_receipt};
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
            let (messages, listener) = self.stored(&[(reply.chat.clone(), reply.seq)]).await?;
            if let Some(message) = messages.first() {
                return Ok(incoming.echo(latest.as_ref(), None, Some(message), listener.as_ref()));
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
        let (messages, listener) = match which {
            Which::Reply { reply, .. } if reply.chat.conversation == *incoming.conversation => {
                self.stored(&[(reply.chat.clone(), reply.seq)]).await?
            }
            Which::Reply { .. } => return Ok(Decision::nothing()),
            Which::Messages(ids) => {
                let most = usize::try_from(TOLD_OF_MAX).unwrap_or(usize::MAX);
                let ids: Vec<&String> = ids.iter().take(most).collect();
                self.stored(&self.places(incoming, &ids).await?).await?
            }
            Which::UpTo(_) => match latest {
                Some(chat) => {
                    let (newest, _) = records::history(&self.desk.store, &chat.id, None, TOLD_OF_MAX).await?;
                    let listener =
                        self.listener(&chat, newest.iter().find(|message| message.delivery.is_some())).await?;
                    (newest, listener)
                }
                None => return Ok(Decision::nothing()),
            },
        };
        Ok(incoming.fares(&messages, listener.as_ref()))
    }

    /// A reaction to a message of either side.
    pub(crate) async fn reaction(&self, incoming: &Incoming<'_>, message_id: &String) -> Result<Decision, StoreError> {
        let (messages, listener) = self.stored(&self.places(incoming, &[message_id]).await?).await?;
        Ok(messages.first().map_or_else(Decision::nothing, |message| incoming.reaction(message, listener.as_ref())))
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

    /// Messages, and who hears of them: whoever hears of the first one's chat, so those of other chats are left out.
    async fn stored(&self, places: &[(ChatId, u64)]) -> Result<(Vec<Message>, Option<Operator>), StoreError> {
        let Some((first, _)) = places.first() else { return Ok((Vec::new(), None)) };
        let mut keys = vec![chat_key(first)];
        keys.extend(
            places.iter().filter(|(chat, _)| chat == first).map(|(chat, seq)| records::message_key(chat, *seq)),
        );
        let rows = self.desk.store.get(&keys).await?;
        let Some(chat) = rows.first().and_then(Option::as_ref).map(decode_chat).transpose()? else {
            return Ok((Vec::new(), None));
        };
        let messages: Vec<_> = rows.iter().skip(1).flatten().map(decode_message).collect::<Result<_, _>>()?;
        let listener = self.listener(&chat, messages.first()).await?;
        Ok((messages, listener))
    }

    async fn listener(&self, chat: &Chat, message: Option<&Message>) -> Result<Option<Operator>, StoreError> {
        let heard: Option<&OperatorId> = message.and_then(|message| match message.author {
            // What the customer said concerns whoever has the chat now.
            Author::Customer => chat.operator(),
            _ => listener(chat, message),
        });
        match heard {
            Some(operator) => self.desk.operator(operator).await,
            None => Ok(None),
        }
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
