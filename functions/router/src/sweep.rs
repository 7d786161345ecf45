//! The sweep: once a minute it finds what a lost hint, timer or connection left behind (decision 3).
//!
//! It only sends hints, by the indexes: whoever receives one reads state and decides.

use domain::chat::{Chat, Stand};
use domain::decision::{SendHint, Wake};
use domain::message::Message;
use domain::operator::CONNECTION_SILENCE_MS;
use futures_util::future::join_all;
use ports::queues::Visibility;
use ports::records::{self, DUE_SHARDS, Due};
use ports::store::GET_KEYS_MAX;
use ports::{Clock, Push, Queues, Store, StoreError, Timers};
use runtime::Fault;
use wire::queues::{CloseHint, Delayed, OfferHint, QueueMessage, VERSION};

use crate::Router;

/// How long something may be overdue before the sweep looks at it, milliseconds: its own timer comes first.
const OVERDUE_MS: i64 = 15_000;
/// How much of a shard one sweep looks at.
const DUE_PAGE: u32 = 200;
/// A reply that is found again within so long is not hinted at again, milliseconds: it may be waiting for its channel.
const REPLY_BUCKET_MS: i64 = 10 * 60_000;

impl<S: Store, Q: Queues, T: Timers, P: Push, C: Clock, V: Visibility> Router<S, Q, T, P, C, V> {
    /// One sweep. A part that fails does not keep the others from being done; the first fault is handed back.
    pub async fn sweep(&self) -> Result<(), Fault> {
        let now_ms = self.desk.now_ms();
        let shards = (0..DUE_SHARDS).map(|shard| records::due(&self.desk.store, shard, now_ms - OVERDUE_MS, DUE_PAGE));
        let (mut chats, mut messages, mut hints, mut outcome) = (Vec::new(), Vec::new(), Vec::new(), Ok(()));
        for found in join_all(shards).await {
            match found {
                Err(error) => outcome = Err(error.into()),
                Ok(found) => {
                    for due in found {
                        match due {
                            Due::Chat(chat) => chats.push(chat),
                            Due::Message(chat, seq) => messages.push((chat, seq)),
                            Due::Operator(operator) => {
                                hints.push(QueueMessage::Delayed { delay_s: 0, what: Delayed::Absent { operator } });
                            }
                            Due::Connection(operator, connection) => {
                                if let Err(error) = self.give_up(&operator, &connection, now_ms).await {
                                    outcome = Err(error.into());
                                }
                            }
                        }
                    }
                }
            }
        }
        for part in
            [self.overdue_chats(&chats, now_ms).await, self.unsent(&messages, now_ms).await, self.lines(now_ms).await]
        {
            match part {
                Ok(found) => hints.extend(found),
                Err(error) => outcome = Err(error.into()),
            }
        }
        self.desk.queue(&hints).await;
        outcome
    }

    /// A connection that has been silent for too long is gone, and so is one whose sign-in has run out; one that pinged
    /// meanwhile (the index lags) is not.
    async fn give_up(&self, operator: &domain::OperatorId, connection: &str, now_ms: i64) -> Result<(), StoreError> {
        let key = records::connection_key(operator, connection);
        let row = self.desk.store.get(std::slice::from_ref(&key)).await?.into_iter().next().flatten();
        let Some(row) = row else { return Ok(()) };
        let number = |name: &str| row.attributes.get(name).and_then(serde_json::Value::as_i64).unwrap_or(0);
        let silent = now_ms - number("seen_ms") >= CONNECTION_SILENCE_MS;
        if !silent && now_ms < number("auth_until_ms") {
            return Ok(());
        }
        if self.desk.disconnect(operator, connection).await?.is_none() {
            self.desk.store.commit(&[ports::store::Write::Delete { key, condition: None }]).await?;
        }
        if let Err(error) = self.desk.push.close(connection).await {
            tracing::info!(%error, "could not close a silent connection");
        }
        Ok(())
    }

    async fn overdue_chats(&self, chats: &[domain::ChatId], now_ms: i64) -> Result<Vec<QueueMessage>, StoreError> {
        let mut hints = Vec::new();
        for page in chats.chunks(GET_KEYS_MAX) {
            let keys: Vec<_> = page.iter().map(records::chat_key).collect();
            for row in self.desk.store.get(&keys).await?.iter().flatten() {
                hints.extend(readable(records::decode_chat(row)).into_iter().flat_map(|chat| overdue(&chat, now_ms)));
            }
        }
        Ok(hints)
    }

    async fn unsent(&self, messages: &[(domain::ChatId, u64)], now_ms: i64) -> Result<Vec<QueueMessage>, StoreError> {
        let mut hints = Vec::new();
        for page in messages.chunks(GET_KEYS_MAX / 2) {
            let keys: Vec<_> = page
                .iter()
                .flat_map(|(chat, seq)| [records::chat_key(chat), records::message_key(chat, *seq)])
                .collect();
            let rows = self.desk.store.get(&keys).await?;
            for pair in rows.chunks(2) {
                if let [Some(chat), Some(message)] = pair
                    && let Some(chat) = readable(records::decode_chat(chat))
                    && let Some(message) = readable(records::decode_message(message))
                {
                    hints.extend(unsent(&chat, &message, now_ms));
                    hints.extend(domain::file::hint(&chat, &message).as_ref().map(QueueMessage::fetch));
                }
            }
        }
        Ok(hints)
    }

    /// Every queue in which somebody waits is woken.
    async fn lines(&self, now_ms: i64) -> Result<Vec<QueueMessage>, StoreError> {
        let config = self.desk.config().await?;
        let heads = join_all(
            config.queues.keys().map(async |queue| (queue, records::line_head(&self.desk.store, queue).await)),
        );
        let mut hints = Vec::new();
        for (queue, head) in heads.await {
            if head?.is_some() {
                let cause = format!("sweep.{}", now_ms / 60_000);
                hints.push(QueueMessage::wake(&Wake { queue: queue.clone(), cause, delay_s: 0 }));
            }
        }
        Ok(hints)
    }
}

/// A row that cannot be read must not hide all others from the sweep.
fn readable<T>(read: Result<T, StoreError>) -> Option<T> {
    read.inspect_err(|error| tracing::error!(%error, "sweep")).ok()
}

fn overdue(chat: &Chat, now_ms: i64) -> Vec<QueueMessage> {
    let mut hints = Vec::new();
    if let Some(offer) = chat.offer().filter(|offer| offer.expires_at_ms <= now_ms) {
        hints.push(QueueMessage::OfferHint(OfferHint { v: VERSION, offer: offer.id.clone() }));
    }
    let closes = chat.operator().is_some() || chat.route.stand == Stand::WithBot;
    if closes && chat.route.close_due_at_ms.is_some_and(|due| due <= now_ms) {
        hints.push(QueueMessage::CloseHint(CloseHint { v: VERSION, chat: chat.id.clone() }));
    }
    hints
}

fn unsent(chat: &Chat, message: &Message, now_ms: i64) -> Option<QueueMessage> {
    message.delivery.as_ref().filter(|delivery| !delivery.state.is_final())?;
    Some(QueueMessage::reply_again(&SendHint::of(chat, message)?, now_ms / REPLY_BUCKET_MS))
}
