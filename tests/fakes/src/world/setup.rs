//! Brings a company into a state, by the product's own decisions.

use domain::chat::Chat;
use domain::config::{Channel, Configuration, Queue, Role, Rule};
use domain::decision::{Decision, Write};
use domain::operator::{Operator, Status};
use domain::receive::Incoming;
use domain::routing::{self, Accept, Pass};
use domain::{ChatId, OperatorId, Provider, reply, stay, transfer};
use ports::records::{self, configuration_key, decode_configuration};
use ports::store::Row;

use super::events::inbound;
use super::{CONNECTION_MS, CROWD, SALES, STAFF, World, id};
use crate::{FakeClock, FakeFiles, FakePush, FakeQueues, FakeRandom, FakeTimers, FakeVisibility, MemoryStore};

impl World {
    /// The company, without operators or chats.
    pub fn new() -> Self {
        let world = Self {
            store: MemoryStore::new(),
            queues: FakeQueues::default(),
            timers: FakeTimers::default(),
            push: FakePush::default(),
            clock: FakeClock::default(),
            visibility: FakeVisibility::default(),
            files: FakeFiles::default(),
            random: FakeRandom::default(),
        };
        world.configure(|config| {
            config.roles.insert(id(STAFF), Role { id: id(STAFF), name: "Staff".to_owned(), version: 1 });
            for (queue, rule) in [(SALES, Rule::MostFree), (CROWD, Rule::ToAll)] {
                config.queues.insert(id(queue), new_queue(queue, rule));
                let channel = new_channel(&format!("{queue}-bot"), queue);
                config.channels.insert(channel.id.clone(), channel);
            }
        });
        world
    }

    /// The configuration as stored.
    pub fn config(&self) -> Configuration {
        let key = configuration_key();
        let row = self.store.row(&key).map(|attributes| Row { key, attributes });
        decode_configuration(row.as_ref()).expect("a stored configuration can be read")
    }

    /// Changes the configuration, as one version more.
    pub fn configure(&self, change: impl FnOnce(&mut Configuration)) {
        let mut config = self.config();
        change(&mut config);
        config.version += 1;
        self.store.write(&[records::put_configuration(&config)]).expect("the version is the next one");
    }

    /// Changes one queue.
    pub fn configure_queue(&self, queue: &str, change: impl FnOnce(&mut Queue)) {
        self.configure(|config| change(config.queues.get_mut(&id(queue)).expect("a queue of the company")));
    }

    /// Commits a decision; its hints are lost.
    pub fn commit(&self, decision: &Decision) {
        self.store.write(&records::rows(&decision.writes, self.now_ms())).expect("nobody else writes");
    }

    /// Somebody of the staff, Active, with the connection `<name>-1`.
    pub fn operator(&self, name: &str) -> OperatorId {
        let mut operator = Operator::new(id(name), name);
        operator.rev = 1;
        operator.status = Status::Active;
        operator.roles = vec![id(STAFF)];
        self.commit(&Decision {
            writes: vec![Write::Operator { before: None, after: operator }],
            ..Decision::default()
        });
        self.connect(&id(name), &format!("{name}-1"));
        id(name)
    }

    /// Opens another connection.
    pub fn connect(&self, operator: &OperatorId, connection: &str) {
        let before = self.person(operator);
        let now_ms = self.now_ms();
        let after = before.with_connection(connection, now_ms + CONNECTION_MS, now_ms).expect("not too many");
        let mut writes = records::rows(&[Write::Operator { before: Some(before), after }], now_ms);
        writes.push(records::put_connection(operator, connection, i64::MAX, now_ms, None));
        self.store.write(&writes).expect("nobody else writes");
    }

    /// Every operator's first window says that it is still there; others fall silent.
    pub fn pings(&self) {
        for operator in self.people() {
            let first = format!("{}-1", operator.id);
            if operator.connections.contains_key(&first) {
                let ping = records::put_connection(&operator.id, &first, i64::MAX, self.now_ms(), None);
                self.store.write(&[ping]).expect("nobody else writes");
            }
        }
    }

    /// Changes an operator, as one revision more.
    pub fn change_operator(&self, operator: &OperatorId, change: impl FnOnce(&mut Operator)) {
        let before = self.person(operator);
        let mut after = Operator { rev: before.rev + 1, ..before.clone() };
        change(&mut after);
        let write = Write::Operator { before: Some(before), after };
        self.commit(&Decision { writes: vec![write], ..Decision::default() });
    }

    /// The customer writes, into whatever chat is open, or opens one.
    pub fn says(&self, conversation: &str, queue: &str, message_id: &str, text: &str) -> ChatId {
        let body = inbound(conversation, queue, message_id, text);
        let incoming = Incoming {
            conversation: &body.conversation,
            channel: &body.channel,
            provider: body.provider,
            queue: &id(queue),
            event: &body.event,
            now_ms: self.now_ms(),
        };
        let latest = self.latest_chat(conversation);
        let contact = self.contact(conversation);
        let decision = incoming.message(latest.as_ref(), contact.as_ref(), None);
        self.commit(&decision);
        let stored = decision.writes.iter().find_map(|write| match write {
            Write::NewMessage(message) => Some(message.chat.clone()),
            _ => None,
        });
        stored.expect("a message is stored")
    }

    /// A chat that waits: the customer said "hello" (message id `1`).
    pub fn waiting(&self, conversation: &str, queue: &str) -> ChatId {
        self.says(conversation, queue, "1", "hello")
    }

    /// A chat on offer to this operator, in the queue `sales`.
    pub fn offered(&self, conversation: &str, operator: &OperatorId) -> ChatId {
        let chat = self.waiting(conversation, SALES);
        self.offer(&chat, operator);
        chat
    }

    /// Offers a waiting chat to this operator.
    pub fn offer(&self, chat: &ChatId, operator: &OperatorId) {
        let config = self.config();
        let chat = self.chat(chat);
        let queue = &config.queues[&chat.route.queue];
        let decision = Pass::new(queue, &config, [self.person(operator)], self.now_ms()).next(&chat);
        assert!(!decision.is_nothing(), "{operator} may be offered {}", chat.id);
        self.commit(&decision);
    }

    /// A chat in this operator's work, in this queue.
    pub fn in_work(&self, conversation: &str, queue: &str, operator: &OperatorId) -> ChatId {
        let chat = self.waiting(conversation, queue);
        if queue == SALES {
            self.offer(&chat, operator);
        }
        self.take(&chat, operator);
        chat
    }

    /// The operator takes a chat that is on offer to them or in the line of a *to all* queue.
    pub fn take(&self, chat: &ChatId, operator: &OperatorId) {
        let chat = self.chat(chat);
        let source = chat.operator().map(|source| self.person(source));
        let accept = Accept {
            chat: &chat,
            operator: &self.person(operator),
            source: source.as_ref(),
            offer: None,
            config: &self.config(),
            now_ms: self.now_ms(),
        };
        self.commit(&accept.decide().expect("it may be taken"));
    }

    /// The operator declines the chat that is on offer to them.
    pub fn declines(&self, chat: &ChatId, operator: &OperatorId) {
        let chat = self.chat(chat);
        let offer = chat.offer().expect("it is on offer").id.clone();
        let decision =
            routing::decline(&chat, &self.person(operator), None, &offer, "decline", self.now_ms()).expect("may");
        self.commit(&decision);
    }

    /// The operator offers a chat of theirs to a colleague.
    pub fn hands_over(&self, chat: &ChatId, from: &OperatorId, to: &OperatorId) {
        self.transfers(chat, from, to, "hand over");
    }

    fn transfers(&self, chat: &ChatId, from: &OperatorId, to: &OperatorId, request: &str) {
        let (source, target) = (self.person(from), self.person(to));
        let (chat, config) = (self.chat(chat), self.config());
        let decision = transfer::to_operator(&chat, &source, &target, &config, request, self.now_ms());
        self.commit(&decision.expect("may"));
    }

    /// A chat goes to a colleague, who takes it, and comes back the same way: four events.
    pub fn hands_over_and_back(&self, chat: &ChatId, from: &OperatorId, to: &OperatorId) {
        self.transfers(chat, from, to, &format!("to {}", self.chat(chat).route.rev));
        self.take(chat, to);
        self.transfers(chat, to, from, &format!("back {}", self.chat(chat).route.rev));
        self.take(chat, from);
    }

    /// The operator's last connection goes, now.
    pub fn leaves(&self, operator: &OperatorId) {
        let now_ms = self.now_ms();
        self.change_operator(operator, |operator| {
            operator.connections.clear();
            operator.absent_since_ms = Some(now_ms);
        });
    }

    /// The operator replies; the hint to send it is lost.
    pub fn replies(&self, chat: &ChatId, operator: &OperatorId, request: &str, text: &str) -> Vec<u64> {
        let parts = [text.to_owned()];
        let replied =
            reply::reply(&self.chat(chat), &self.person(operator), true, &parts, request, self.now_ms()).expect("may");
        self.commit(&replied.decision);
        replied.seqs
    }

    /// The chat is one of this messenger's.
    pub fn speaks(&self, chat: &ChatId, provider: Provider) {
        let key = records::chat_key(chat);
        let mut attributes = self.store.row(&key).expect("there is such a chat");
        attributes["base"]["provider"] = serde_json::json!(provider);
        self.store.write(&[ports::store::Write::Put { key, attributes, condition: None }]).expect("nobody else writes");
    }

    /// The operator closes the chat.
    pub fn closes(&self, chat: &ChatId, operator: &OperatorId) {
        let chat: Chat = self.chat(chat);
        let target = chat.offer().map(|offer| self.person(&offer.operator));
        let decision =
            stay::close_by_hand(&chat, &self.person(operator), target.as_ref(), "close", self.now_ms()).expect("may");
        self.commit(&decision);
    }
}

/// A queue that the staff serves, whose chats close 30 minutes after the last reply.
fn new_queue(queue: &str, rule: Rule) -> Queue {
    Queue {
        id: id(queue),
        name: queue.to_owned(),
        rule,
        auto_close_min: Some(30),
        spare_unanswered: false,
        roles: vec![id(STAFF)],
        users: Vec::new(),
        limit: None,
        absence_return_min: None,
        version: 1,
    }
}

fn new_channel(channel: &str, queue: &str) -> Channel {
    Channel {
        id: id(channel),
        provider: Provider::Telegram,
        name: channel.to_owned(),
        active: true,
        queue: Some(id(queue)),
        language: None,
        account: channel.to_owned(),
        account_name: None,
        problem: None,
        version: 1,
    }
}
