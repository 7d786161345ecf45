//! The account: every message in its place once, or named.

use std::collections::{BTreeMap, BTreeSet};

use domain::ChatId;
use domain::message::{Author, DeliveryState};

use crate::books::Books;
use crate::ledger::Ledger;
use crate::plan::Plan;

/// Where operators saw a text: more than one place is a message shown twice.
pub(crate) type Shown = BTreeMap<String, BTreeSet<(ChatId, u64)>>;

/// What a run comes to.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// Messages of customers that a webhook accepted.
    pub(crate) accepted: usize,
    /// Of those: stored exactly once.
    pub(crate) stored: usize,
    /// Of those: shown exactly once, and how many of them in time, by an event or a catch-up.
    pub(crate) shown: usize,
    pub(crate) shown_live: usize,
    /// Replies that were accepted, and refused.
    pub(crate) replies: usize,
    pub(crate) refused: usize,
    /// Of the accepted: sent and arrived exactly once.
    pub(crate) sent: usize,
    /// Of the accepted: marked unknown, and how many of them arrived.
    pub(crate) unknown: usize,
    pub(crate) unknown_arrived: usize,
    /// Of the accepted: marked failed.
    pub(crate) failed: usize,
    /// What was accepted and is nowhere, or not where it should be.
    pub(crate) lost: Vec<String>,
    /// What is somewhere twice, or was never accepted.
    pub(crate) doubled: Vec<String>,
    /// What else is not as it should be.
    pub(crate) wrong: Vec<String>,
}

impl Account {
    /// Settles the account. `live` and `shown` are what operators saw before and after they looked into every chat's history,
    /// `arrived` are the texts that the messenger took for customers.
    pub(crate) fn settle(
        plan: &Plan,
        ledger: &Ledger,
        books: &Books,
        live: &Shown,
        shown: &Shown,
        arrived: &[String],
    ) -> Self {
        let mut account = Self::default();
        for customer in 0..plan.customers {
            let of = plan.messages_of(customer);
            let texts: Vec<String> = (0..of).map(|at| ledger.message(customer, at, of)).collect();
            for text in &texts {
                account.message(text, books, live, shown);
            }
            account.order(&texts, books);
        }
        let mut copies = BTreeMap::<&str, usize>::new();
        for text in arrived {
            *copies.entry(text).or_default() += 1;
        }
        for (text, answer) in ledger.replies.borrow().iter() {
            let arrived = copies.remove(text.as_str()).unwrap_or(0);
            match answer {
                Ok(()) => account.reply(text, arrived, books),
                Err(code) => account.refused(text, code, arrived, books),
            }
        }
        for (text, count) in copies {
            account.doubled.push(format!("nobody was told of \"{text}\", which arrived {count} times"));
        }
        account
    }

    fn message(&mut self, text: &str, books: &Books, live: &Shown, shown: &Shown) {
        self.accepted += 1;
        let stored = books.messages.get(text).map_or(0, Vec::len);
        let seen = shown.get(text).map_or(0, BTreeSet::len);
        match (stored, seen) {
            (1, 1) => {}
            (0, _) | (_, 0) => self.lost.push(format!("\"{text}\": stored {stored}, shown {seen} times")),
            _ => self.doubled.push(format!("\"{text}\": stored {stored}, shown {seen} times")),
        }
        self.stored += usize::from(stored == 1);
        self.shown += usize::from(seen == 1);
        self.shown_live += usize::from(live.contains_key(text));
    }

    /// A customer's messages stand in the order in which they were written (L7).
    fn order(&mut self, texts: &[String], books: &Books) {
        let places = texts.iter().filter_map(|text| books.messages.get(text)?.first());
        let places: Vec<_> = places.map(|message| (message.chat.n, message.seq)).collect();
        if !places.is_sorted() {
            self.wrong.push(format!("out of order: {places:?} of {:?}", texts.first()));
        }
    }

    fn reply(&mut self, text: &str, arrived: usize, books: &Books) {
        self.replies += 1;
        let stored = books.messages.get(text).map_or(&[][..], Vec::as_slice);
        let [message] = stored else {
            let list = if stored.is_empty() { &mut self.lost } else { &mut self.doubled };
            return list.push(format!("\"{text}\" is stored {} times, arrived {arrived} times", stored.len()));
        };
        assert_ne!(message.author, Author::Customer, "\"{text}\" is a reply");
        let delivery = message.delivery.as_ref();
        let (state, reason) = (delivery.map(|it| it.state), delivery.and_then(|it| it.reason.clone()));
        match (state, arrived) {
            (_, 2..) => self.doubled.push(format!("\"{text}\" arrived {arrived} times; it is {state:?} {reason:?}")),
            (Some(DeliveryState::Sent), 1) => self.sent += 1,
            (Some(DeliveryState::Unknown), _) if reason.is_some() => {
                self.unknown += 1;
                self.unknown_arrived += arrived;
            }
            (Some(DeliveryState::Failed), 0) if reason.is_some() => self.failed += 1,
            _ => self.lost.push(format!("\"{text}\" is {state:?} {reason:?}, and arrived {arrived} times")),
        }
    }

    fn refused(&mut self, text: &str, code: &str, arrived: usize, books: &Books) {
        self.refused += 1;
        let stored = books.messages.get(text).map_or(0, Vec::len);
        if stored + arrived > 0 {
            self.doubled
                .push(format!("\"{text}\" was refused ({code}), but stored {stored} and arrived {arrived} times"));
        }
    }

    /// Whether nothing was lost, doubled or wrong.
    pub(crate) fn balances(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.wrong.is_empty()
    }

    /// The figures, a line each.
    pub(crate) fn table(&self, ledger: &Ledger, seconds: u64) -> String {
        let mut lines = Vec::new();
        let mut line = |name: &str, count: usize, note: String| lines.push(format!("{name:<20} {count:>6}   {note}"));
        line("accepted", self.accepted, "messages of customers, by a webhook's 2xx".to_owned());
        line("stored once", self.stored, String::new());
        line("shown once", self.shown, format!("{} by events and catch-ups, the rest by history", self.shown_live));
        line("replies accepted", self.replies, format!("{} refused", self.refused));
        line("sent once", self.sent, String::new());
        line("unknown", self.unknown, format!("{} of them arrived", self.unknown_arrived));
        line("failed", self.failed, String::new());
        line("lost", self.lost.len(), String::new());
        line("doubled", self.doubled.len(), String::new());
        line("wrong", self.wrong.len(), "order, loads, places, lines, parked messages".to_owned());
        line("commands asked again", ledger.asked_again.get(), "with the same request id".to_owned());
        line("reconnections", ledger.reconnected.get(), String::new());
        let kills = ledger.kills.borrow();
        let each: Vec<String> = kills.iter().map(|(function, count)| format!("{function} {count}")).collect();
        line("kills", kills.values().sum(), each.join(", "));
        line("seconds", usize::try_from(seconds).unwrap_or(usize::MAX), String::new());
        let problems = [("lost", &self.lost), ("doubled", &self.doubled), ("wrong", &self.wrong)];
        for (what, list) in problems {
            lines.extend(list.iter().map(|problem| format!("{what}: {problem}")));
        }
        lines.join("\n")
    }
}
