//! The books: what the store holds of a run, and whether everything in it has come to rest.

use std::collections::{BTreeMap, BTreeSet};

use domain::availability::places;
use domain::chat::{Chat, Stand};
use domain::message::{Author, Message};
use domain::operator::Operator;
use domain::{ChannelId, OperatorId, QueueId};
use ports::records::{decode_chat, decode_message, decode_operator};
use ports::store::Row;

/// What the work table holds of a run.
#[derive(Debug, Default)]
pub(crate) struct Books {
    /// Messages, by their texts: more than one of a text is a message stored twice.
    pub(crate) messages: BTreeMap<String, Vec<Message>>,
    /// Chats.
    pub(crate) chats: Vec<Chat>,
    /// Operators.
    pub(crate) operators: BTreeMap<OperatorId, Operator>,
    /// Rows of the queue's line.
    pub(crate) waiting: usize,
    /// The sort keys of the operators' places in the order of the freest.
    pub(crate) places: BTreeSet<String>,
}

/// Whose books: the run's mark, queue, channels and operators.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    /// The word that all texts begin with.
    pub(crate) mark: String,
    /// The queue.
    pub(crate) queue: QueueId,
    /// The channels.
    pub(crate) channels: Vec<ChannelId>,
    /// The operators.
    pub(crate) operators: Vec<OperatorId>,
}

impl Books {
    /// The books of a run among all rows of the work table.
    pub(crate) fn read(scope: &Scope, rows: &[Row]) -> Self {
        let mut books = Self::default();
        let line = format!("W#{}", scope.queue);
        for row in rows {
            let (pk, sk) = (row.key.pk.as_str(), row.key.sk.as_str());
            if pk.starts_with("V#") && sk.starts_with("M#") {
                books.message(scope, must(decode_message(row)));
            } else if pk.starts_with("V#") && sk.starts_with("C#") {
                let chat = must(decode_chat(row));
                if scope.channels.contains(&chat.channel) {
                    books.chats.push(chat);
                }
            } else if pk.starts_with("O#") && sk == "S" {
                let operator = must(decode_operator(row));
                if scope.operators.contains(&operator.id) {
                    books.operators.insert(operator.id.clone(), operator);
                }
            } else if pk.starts_with("A#") {
                books.places.insert(sk.to_owned());
            } else if pk == line {
                books.waiting += 1;
            }
        }
        books
    }

    fn message(&mut self, scope: &Scope, message: Message) {
        let words = message.content.words().unwrap_or_default();
        if words.starts_with(&scope.mark) {
            self.messages.entry(words.to_owned()).or_default().push(message);
        }
    }

    /// What of the run is still under way, if anything. `expected` are the texts that must be stored.
    pub(crate) fn unsettled<'a>(&self, expected: impl Iterator<Item = &'a String>) -> Option<String> {
        let missing = expected.filter(|text| !self.messages.contains_key(*text)).count();
        if missing > 0 {
            return Some(format!("{missing} messages are not stored"));
        }
        let all = || self.messages.values().flatten();
        let is_open = |message: &&Message| message.delivery.as_ref().is_some_and(|delivery| !delivery.state.is_final());
        let on_the_way = all().filter(is_open).count();
        if on_the_way > 0 {
            return Some(format!("{on_the_way} replies are on the way"));
        }
        let homeless =
            self.chats.iter().filter(|chat| matches!(chat.route.stand, Stand::Waiting | Stand::Offered { .. }));
        let homeless = homeless.count();
        if homeless > 0 {
            return Some(format!("{homeless} chats wait or are on offer"));
        }
        let unanswered = self.chats.iter().filter(|chat| self.is_unanswered(chat)).count();
        (unanswered > 0).then(|| format!("{unanswered} chats in work are unanswered"))
    }

    fn is_unanswered(&self, chat: &Chat) -> bool {
        let of = |customer: bool| {
            let messages = self.messages.values().flatten();
            let wanted = messages.filter(|m| m.chat == chat.id && (m.author == Author::Customer) == customer);
            wanted.map(|message| message.seq).max().unwrap_or(0)
        };
        matches!(chat.route.stand, Stand::InWork { .. }) && of(true) > of(false)
    }

    /// Whose chat it is, or was when it closed.
    pub(crate) fn keeper(chat: &Chat) -> Option<&OperatorId> {
        match &chat.route.stand {
            Stand::InWork { operator, .. } => Some(operator),
            Stand::Closed { operator, .. } => operator.as_ref(),
            Stand::WithBot | Stand::Waiting | Stand::Offered { .. } => None,
        }
    }

    /// Counters that do not agree with what they count, each in words.
    pub(crate) fn wrong_counters(&self, limit: usize) -> Vec<String> {
        let mut wrong = Vec::new();
        for operator in self.operators.values() {
            let in_work = |chat: &&Chat| chat.operator() == Some(&operator.id);
            let on_offer = |chat: &&Chat| chat.offer().is_some_and(|offer| offer.operator == operator.id);
            let chats: BTreeSet<_> = self.chats.iter().filter(in_work).map(|chat| chat.id.clone()).collect();
            let offers: BTreeSet<_> = self.chats.iter().filter(on_offer).map(|chat| chat.id.clone()).collect();
            if (&chats, &offers) != (&operator.chats, &operator.offers) {
                wrong.push(format!("{}: has {chats:?} and {offers:?}, counts {operator:?}", operator.name));
            }
            let kept: Vec<_> = self.places.iter().filter(|sk| sk.ends_with(&format!("#{}", operator.id))).collect();
            let place = |place: &domain::availability::Place| {
                format!("{:03}#{:013}#{}", place.load, place.last_taken_at_ms, place.operator)
            };
            let due: Vec<String> = places(operator).iter().map(place).collect();
            if kept != due.iter().collect::<Vec<_>>() {
                wrong.push(format!("{}: stands at {kept:?}, belongs at {due:?}", operator.name));
            }
        }
        let in_line = self.chats.iter().filter(|chat| chat.route.stand == Stand::Waiting).count();
        if in_line != self.waiting {
            wrong.push(format!("{in_line} chats wait, the line has {} rows", self.waiting));
        }
        let free =
            self.operators.values().filter(|operator| operator.is_available() && operator.load() < limit).count();
        if in_line > 0 && free > 0 {
            wrong.push(format!("{in_line} chats wait while {free} operators are free"));
        }
        wrong
    }
}

fn must<T, E: std::fmt::Display>(read: Result<T, E>) -> T {
    read.unwrap_or_else(|error| panic!("a row of the work table cannot be read: {error}"))
}
