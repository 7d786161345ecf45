//! A world in memory: it commits decisions under the conditions that the store puts, and asserts what must always hold.

use std::collections::{BTreeMap, BTreeSet};

use domain::chat::{Chat, ChatEvent, EventKind, Route, Stand, Thread};
use domain::config::{Configuration, Queue, Rule};
use domain::contact::Contact;
use domain::decision::{Decision, Timer, Write};
use domain::message::Message;
use domain::operator::Operator;
use domain::{ChatId, ConversationId, OfferId, OperatorId, Provider, QueueId};

use super::{START, SUPPORT, agent, config, id, queue};

/// Everything there is.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) now_ms: i64,
    /// The messenger that events come from.
    pub(crate) provider: Provider,
    pub(crate) config: Configuration,
    pub(crate) operators: BTreeMap<OperatorId, Operator>,
    pub(crate) chats: BTreeMap<ChatId, Chat>,
    pub(crate) messages: BTreeMap<(ChatId, u64), Message>,
    pub(crate) receipts: BTreeMap<(ConversationId, String), Option<(ChatId, u64)>>,
    pub(crate) contacts: BTreeMap<ConversationId, Contact>,
    pub(crate) events: BTreeMap<(ChatId, u64), ChatEvent>,
    pub(crate) timers: Vec<Timer>,
}

impl World {
    /// The queue [`SUPPORT`], by this rule, and these operators of it.
    pub(crate) fn new(rule: Rule, operators: &[&str]) -> Self {
        Self {
            now_ms: START,
            provider: Provider::Telegram,
            config: config([queue(SUPPORT, rule)]),
            operators: operators.iter().map(|name| (id(name), agent(name))).collect(),
            chats: BTreeMap::new(),
            messages: BTreeMap::new(),
            receipts: BTreeMap::new(),
            contacts: BTreeMap::new(),
            events: BTreeMap::new(),
            timers: Vec::new(),
        }
    }

    /// Time passes.
    pub(crate) fn wait(&mut self, ms: i64) -> &mut Self {
        self.now_ms += ms;
        self
    }

    pub(crate) fn queue(&mut self, name: &str) -> &mut Queue {
        self.config.queues.get_mut(&id::<QueueId>(name)).expect("a queue")
    }

    pub(crate) fn operator(&self, name: &str) -> &Operator {
        &self.operators[&id::<OperatorId>(name)]
    }

    pub(crate) fn chat(&self, name: &str) -> &Chat {
        &self.chats[&id::<ChatId>(name)]
    }

    /// The open offer of a chat.
    pub(crate) fn offer(&self, chat: &str) -> Option<OfferId> {
        self.chat(chat).offer().map(|offer| offer.id.clone())
    }

    /// To whom a chat is on offer.
    pub(crate) fn offered_to(&self, chat: &str) -> Option<&str> {
        self.chat(chat).offer().map(|offer| offer.operator.as_str())
    }

    /// With whom a chat is in work.
    pub(crate) fn with(&self, chat: &str) -> Option<&str> {
        self.chat(chat).operator().map(OperatorId::as_str)
    }

    /// What happened to a chat, in order.
    pub(crate) fn story(&self, chat: &str) -> Vec<EventKind> {
        let chat = id::<ChatId>(chat);
        self.events.values().filter(|event| event.chat == chat).map(|event| event.what).collect()
    }

    /// The line of a queue, longest-waiting first.
    pub(crate) fn line(&self, queue: &QueueId) -> Vec<Chat> {
        let mut line: Vec<Chat> = self.chats.values().filter(|chat| waits_in(chat, queue)).cloned().collect();
        line.sort_by_key(|chat| (chat.route.waiting_since_ms, chat.id.clone()));
        line
    }

    /// Commits what was decided on the present state: it must go through.
    pub(crate) fn commit(&mut self, decision: &Decision) {
        assert!(
            self.try_commit(decision),
            "a decision on the present state is refused by its own conditions: {decision:#?}"
        );
    }

    /// Commits all writes or, where somebody else was faster, none.
    pub(crate) fn try_commit(&mut self, decision: &Decision) -> bool {
        assert_bounded(decision);
        if !decision.writes.iter().all(|write| self.permits(write)) {
            return false;
        }
        let before = self.clone();
        for write in &decision.writes {
            self.carry_out(write);
        }
        self.timers.extend(decision.timers.iter().cloned());
        self.assert_assignments(&before, decision);
        self.assert_invariants();
        true
    }

    /// The conditions of the store: what a write names must still be as it was read.
    fn permits(&self, write: &Write) -> bool {
        match write {
            Write::OpenChat(chat) => !self.chats.contains_key(&chat.id),
            Write::Thread { chat, from_seq, speaker, thread } => {
                let chat = &self.chats[chat];
                let heard = speaker.as_ref().is_none_or(|speaker| chat.operator() == Some(speaker));
                let fresh = chat.thread.next_seq == *from_seq && chat.thread.rev + 1 == thread.rev;
                fresh && !chat.is_closed() && heard
            }
            Write::Route { before, if_quiet, .. } => {
                let chat = &self.chats[&before.id];
                chat.route.rev == before.route.rev && (!if_quiet || chat.thread.rev == before.thread.rev)
            }
            Write::Chat { before, .. } => {
                let chat = &self.chats[&before.id];
                chat.route.rev == before.route.rev && chat.thread.rev == before.thread.rev && !chat.is_closed()
            }
            Write::Named(named) => self.chats[&named.id].route.rev + 1 == named.route.rev,
            Write::Operator { before, after } => {
                self.operators.get(&after.id).map(|operator| operator.rev) == before.as_ref().map(|before| before.rev)
            }
            Write::NewMessage(message) => !self.messages.contains_key(&(message.chat.clone(), message.seq)),
            Write::Message(message) => self.messages[&(message.chat.clone(), message.seq)].rev + 1 == message.rev,
            Write::Receipt { conversation, key, .. } => {
                !self.receipts.contains_key(&(conversation.clone(), key.clone()))
            }
            Write::Contact(_) => true,
            Write::Event(event) => !self.events.contains_key(&(event.chat.clone(), event.route_rev)),
        }
    }

    fn carry_out(&mut self, write: &Write) {
        match write {
            Write::OpenChat(chat) => {
                // I1: never two open chats of one conversation.
                let others = self.chats.values().filter(|other| other.id.conversation == chat.id.conversation);
                assert!(others.clone().all(Chat::is_closed), "I1: {} opens beside an open chat", chat.id);
                assert_eq!(others.count() + 1, chat.id.n as usize, "chats of a conversation are counted");
                self.chats.insert(chat.id.clone(), chat.clone());
            }
            Write::Thread { chat, from_seq, thread, .. } => {
                let chat = self.chats.get_mut(chat).expect("a chat");
                assert!(thread.next_seq >= *from_seq, "L7: numbers never go back");
                chat.thread = thread.clone();
            }
            Write::Route { before, route, .. } => {
                let chat = self.chats.get_mut(&before.id).expect("a chat");
                assert_route(&chat.route, route);
                chat.route = route.clone();
            }
            Write::Chat { before, after } => {
                assert_route(&before.route, &after.route);
                assert_eq!(
                    after.thread.next_seq,
                    before.thread.next_seq + 1,
                    "L7: a message, and one, moves both halves"
                );
                self.chats.insert(after.id.clone(), after.clone());
            }
            Write::Named(named) => {
                let chat = self.chats.get_mut(&named.id).expect("a chat");
                assert_route(&chat.route, &named.route);
                chat.route.clone_from(&named.route);
                chat.customer_name.clone_from(&named.customer_name);
            }
            Write::Operator { before, after } => {
                let from = before.as_ref().map_or(0, |before| before.rev);
                assert_eq!(after.rev, from + 1, "an operator's revision counts each change");
                self.operators.insert(after.id.clone(), after.clone());
            }
            Write::NewMessage(message) | Write::Message(message) => {
                self.messages.insert((message.chat.clone(), message.seq), message.clone());
            }
            Write::Receipt { conversation, key, message } => {
                self.receipts.insert((conversation.clone(), key.clone()), message.clone());
            }
            Write::Contact(contact) => {
                self.contacts.insert(contact.conversation.clone(), contact.clone());
            }
            Write::Event(event) => {
                self.events.insert((event.chat.clone(), event.route_rev), event.clone());
            }
        }
    }

    /// I3: whoever has more chats than before has no more than the limit that holds for the chat in question.
    fn assert_assignments(&self, before: &Self, decision: &Decision) {
        let route = decision.writes.iter().find_map(|write| match write {
            Write::Route { route, .. } => Some(route),
            _ => None,
        });
        for (name, operator) in &self.operators {
            if operator.load() > before.operators.get(name).map_or(0, Operator::load) {
                let queue = self.config.queues.get(&route.expect("load comes with a route").queue);
                let limit = self.config.limit(operator, queue);
                assert!(operator.load() <= limit, "I3: {name} is given a chat above the limit {limit}: {decision:#?}");
            }
        }
    }

    /// What holds after every commit.
    pub(crate) fn assert_invariants(&self) {
        for operator in self.operators.values() {
            let name = &operator.id;
            let offers = self.ids(|chat| chat.offer().is_some_and(|offer| offer.operator == *name));
            let chats = self.ids(|chat| chat.operator() == Some(name));
            assert_eq!(operator.offers, offers, "I3: the offers of {name}");
            assert_eq!(operator.chats, chats, "I3: the chats in work of {name}");
            assert_eq!(operator.load(), offers.union(&chats).count(), "I3: the load of {name}");
        }
        for chat in self.chats.values() {
            let holders = self.operators.values().filter(|operator| operator.chats.contains(&chat.id)).count();
            assert!(holders <= 1, "I4: {} is in work with {holders}", chat.id);
            let numbers = self.messages.keys().filter(|(of, _)| *of == chat.id).map(|(_, seq)| *seq);
            assert!(numbers.eq(1..chat.thread.next_seq), "L7: the messages of {} are numbered without a gap", chat.id);
            let revisions = self.events.keys().filter(|(of, _)| *of == chat.id).map(|(_, rev)| *rev);
            assert!(revisions.eq(2..=chat.route.rev), "each revision of the route of {} has its event", chat.id);
        }
    }

    fn ids(&self, which: impl Fn(&Chat) -> bool) -> BTreeSet<ChatId> {
        self.chats.values().filter(|chat| which(chat)).map(|chat| chat.id.clone()).collect()
    }
}

fn waits_in(chat: &Chat, queue: &QueueId) -> bool {
    chat.route.stand == Stand::Waiting && chat.route.queue == *queue
}

/// What no move of a chat may do.
fn assert_route(before: &Route, after: &Route) {
    assert!(!matches!(before.stand, Stand::Closed { .. }), "a closed chat stays closed");
    assert_eq!(after.rev, before.rev + 1, "the route's revision counts each change");
    if before.stand != Stand::WithBot {
        assert_eq!(after.waiting_since_ms, before.waiting_since_ms, "Q7: a chat keeps its original waiting time");
    }
}

/// Decision 7: a transaction touches one conversation and at most two operators, and each row once.
fn assert_bounded(decision: &Decision) {
    let rows: Vec<String> = decision.writes.iter().map(row).collect();
    let distinct: BTreeSet<&String> = rows.iter().collect();
    assert_eq!(distinct.len(), rows.len(), "two writes of one row: {rows:?}");
    let operators = rows.iter().filter(|row| row.starts_with("operator ")).count();
    assert!(operators <= 2, "more than two operators: {rows:?}");
    let conversations: BTreeSet<&ConversationId> = decision.writes.iter().filter_map(conversation).collect();
    assert!(conversations.len() <= 1, "more than one conversation: {rows:?}");
    let events = rows.iter().filter(|row| row.starts_with("event ")).count();
    let moves = |write: &&Write| matches!(write, Write::Route { .. } | Write::Chat { .. } | Write::Named(_));
    let routes = decision.writes.iter().filter(moves).count();
    assert_eq!(events, routes, "a route moves with exactly one event");
    assert_numbered(decision);
}

/// L7: a thread moves on by exactly the messages that are stored with it.
fn assert_numbered(decision: &Decision) {
    let stored: Vec<u64> = decision
        .writes
        .iter()
        .filter_map(|write| match write {
            Write::NewMessage(message) => Some(message.seq),
            _ => None,
        })
        .collect();
    let numbers = decision.writes.iter().find_map(|write| match write {
        Write::OpenChat(Chat { thread: Thread { next_seq, .. }, .. }) => Some(1..*next_seq),
        Write::Thread { from_seq, thread, .. } => Some(*from_seq..thread.next_seq),
        Write::Chat { before, after } => Some(before.thread.next_seq..after.thread.next_seq),
        _ => None,
    });
    assert_eq!(stored, numbers.unwrap_or(0..0).collect::<Vec<_>>(), "L7: what is stored is what is numbered");
}

/// The row that a write is of. A chat's halves are attributes of one row.
fn row(write: &Write) -> String {
    match write {
        Write::OpenChat(Chat { id, .. })
        | Write::Thread { chat: id, .. }
        | Write::Route { before: Chat { id, .. }, .. }
        | Write::Chat { before: Chat { id, .. }, .. }
        | Write::Named(Chat { id, .. }) => {
            format!("chat {id}")
        }
        Write::Operator { after, .. } => format!("operator {}", after.id),
        Write::NewMessage(message) | Write::Message(message) => format!("message {} {}", message.chat, message.seq),
        Write::Receipt { conversation, key, .. } => format!("receipt {conversation} {key}"),
        Write::Contact(contact) => format!("contact {}", contact.conversation),
        Write::Event(event) => format!("event {} {}", event.chat, event.route_rev),
    }
}

fn conversation(write: &Write) -> Option<&ConversationId> {
    match write {
        Write::OpenChat(Chat { id, .. })
        | Write::Thread { chat: id, .. }
        | Write::Route { before: Chat { id, .. }, .. }
        | Write::Chat { before: Chat { id, .. }, .. }
        | Write::Named(Chat { id, .. }) => Some(&id.conversation),
        Write::Operator { .. } => None,
        Write::NewMessage(message) | Write::Message(message) => Some(&message.chat.conversation),
        Write::Receipt { conversation, .. } => Some(conversation),
        Write::Contact(contact) => Some(&contact.conversation),
        Write::Event(event) => Some(&event.chat.conversation),
    }
}
