//! The queues: at least once, delayed, hidden while handled; FIFO queues by group, without doubles of five minutes.

use std::collections::{BTreeMap, BTreeSet};

use aws_lambda_events::event::sqs::SqsEvent;
use domain::ChatId;
use fakes::world;
use wire::queues::{Fetch, FetchKind, QueueMessage, QueueName};

use crate::rng::Rng;

/// Within so long a FIFO queue takes a dedupe id once, milliseconds (SQS).
const DEDUPE_MS: i64 = 5 * 60_000;
/// How often a message is received before it goes to its dead-letter queue (template).
const RECEIVES_MAX: (u32, u32) = (50, 20);
/// The most messages of one batch of `inbound.fifo` (template).
const BATCH_MAX: usize = 10;

/// A queued message.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) message: QueueMessage,
    group: Option<String>,
    visible_at_ms: i64,
    pub(crate) receives: u32,
}

/// All queues.
#[derive(Debug, Default)]
pub(crate) struct Sqs {
    letters: BTreeMap<usize, Letter>,
    deduped: BTreeMap<(QueueName, String, String), i64>,
    next: usize,
}

/// A batch for a function.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) queue: QueueName,
    pub(crate) ids: Vec<usize>,
    pub(crate) event: SqsEvent,
    /// The chat that its first message is about, if it names one.
    pub(crate) about: Option<ChatId>,
}

impl Sqs {
    /// Takes a message, as often as told; a FIFO queue once.
    pub(crate) fn take(&mut self, message: &QueueMessage, copies: usize, now_ms: i64) {
        let mut copies = copies;
        let group = match message.group_and_dedupe() {
            Some((group, dedupe)) => {
                // The template's scope of deduplication is the group.
                let key = (message.queue(), group.clone(), dedupe);
                if self.deduped.get(&key).is_some_and(|at| now_ms - at < DEDUPE_MS) {
                    return;
                }
                self.deduped.insert(key, now_ms);
                copies = 1;
                Some(group)
            }
            None => None,
        };
        for _ in 0..copies {
            let visible_at_ms = now_ms + i64::from(message.delay_s()) * 1000;
            let letter = Letter { message: message.clone(), group: group.clone(), visible_at_ms, receives: 0 };
            self.letters.insert(self.next, letter);
            self.next += 1;
        }
    }

    /// Messages that may be received now: of a group only the first, and only if none of it is being handled.
    fn receivable(&self, now_ms: i64, fifo_holds: bool) -> Vec<usize> {
        let mut groups = BTreeSet::new();
        let mut blocked = BTreeSet::new();
        for letter in self.letters.values().filter(|letter| letter.visible_at_ms > now_ms) {
            if let Some(group) = &letter.group {
                blocked.insert((letter.message.queue(), group));
            }
        }
        let mut receivable = Vec::new();
        for (id, letter) in self.letters.iter().filter(|(_, letter)| letter.visible_at_ms <= now_ms) {
            let may = match &letter.group {
                Some(group) if fifo_holds => {
                    let key = (letter.message.queue(), group);
                    !blocked.contains(&key) && groups.insert(key)
                }
                _ => true,
            };
            if may {
                receivable.push(*id);
            }
        }
        receivable
    }

    /// Hands out a batch, if there is something to hand out.
    pub(crate) fn receive(&mut self, rng: &Rng, now_ms: i64, fifo_holds: bool) -> Option<Delivery> {
        let receivable = self.receivable(now_ms, fifo_holds);
        let first = *rng.pick(&receivable)?;
        let queue = self.letters.get(&first)?.message.queue();
        let mut ids = vec![first];
        if queue == QueueName::Inbound && fifo_holds {
            let group = self.letters.get(&first).and_then(|letter| letter.group.clone());
            let most = 1 + rng.below(BATCH_MAX);
            let same = self.letters.iter().filter(|(id, letter)| {
                **id != first && letter.message.queue() == queue && (letter.group == group || receivable.contains(id))
            });
            ids.extend(same.map(|(id, _)| *id).take(most - 1));
            ids.sort_unstable();
        }
        let hidden_ms = match queue {
            QueueName::Outbound(_) => 150_000,
            QueueName::Fetch => 360_000,
            _ => 60_000,
        };
        let mut event = SqsEvent::default();
        for id in &ids {
            let Some(letter) = self.letters.get_mut(id) else { continue };
            letter.receives += 1;
            letter.visible_at_ms = now_ms + hidden_ms;
            let mut message = world::message(*id, &letter.message);
            message.attributes.insert("ApproximateReceiveCount".to_owned(), letter.receives.to_string());
            event.records.push(message);
        }
        let about = self.letters.get(&first).and_then(|letter| match &letter.message {
            QueueMessage::OfferHint(hint) => Some(hint.offer.chat.clone()),
            QueueMessage::CloseHint(hint) => Some(hint.chat.clone()),
            QueueMessage::Outbound(hint) => Some(hint.chat.clone()),
            QueueMessage::Fetch(Fetch { what: FetchKind::File { chat, .. }, .. }) => Some(chat.clone()),
            _ => None,
        });
        Some(Delivery { queue, ids, event, about })
    }

    /// A received message comes back then.
    pub(crate) fn come_back(&mut self, handle: &str, at_ms: i64) {
        if let Some(letter) = handle.parse().ok().and_then(|id: usize| self.letters.get_mut(&id)) {
            letter.visible_at_ms = at_ms;
        }
    }

    /// Handled: it goes.
    pub(crate) fn delete(&mut self, id: usize) {
        self.letters.remove(&id);
    }

    /// What has been received too often goes to its dead-letter queue; names those of which nothing else reminds.
    pub(crate) fn redrive(&mut self, ids: &[usize]) -> Vec<QueueMessage> {
        let mut dead = Vec::new();
        for id in ids {
            let Some(letter) = self.letters.get(id) else { continue };
            let most = if letter.group.is_some() { RECEIVES_MAX.0 } else { RECEIVES_MAX.1 };
            if letter.receives >= most
                && let Some(letter) = self.letters.remove(id)
                && matches!(letter.message, QueueMessage::Inbound(_))
            {
                dead.push(letter.message);
            }
        }
        dead
    }

    /// When, after now, the next message comes into sight.
    pub(crate) fn next_at_ms(&self, now_ms: i64) -> Option<i64> {
        self.letters.values().map(|letter| letter.visible_at_ms).filter(|at| *at > now_ms).min()
    }

    /// What is there.
    pub(crate) fn letters(&self) -> impl Iterator<Item = &QueueMessage> {
        self.letters.values().map(|letter| &letter.message)
    }
}
