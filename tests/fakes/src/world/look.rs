//! Looks at what is stored, and holds it to the invariants.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use domain::chat::{Chat, ChatEvent, Stand};
use domain::contact::Contact;
use domain::decision::Write as Change;
use domain::message::{Author, Message};
use domain::operator::Operator;
use domain::{ChatId, OperatorId};
use ports::records::{self, chat_key, contact_key, operator_key};
use ports::store::{Key, Row, Table, Write};
use serde_json::Value;
use wire::operators::Answer;

use super::{World, id};

/// All that is stored of the work.
struct Work {
    chats: Vec<Chat>,
    operators: Vec<Operator>,
    messages: Vec<Message>,
    events: Vec<ChatEvent>,
    /// The rows of the lines and of the orders of the free.
    lines: BTreeSet<Key>,
}

impl World {
    fn read<T>(&self, key: Key, decode: impl FnOnce(&Row) -> Result<T, ports::StoreError>) -> Option<T> {
        let attributes = self.store.row(&key)?;
        Some(decode(&Row { key, attributes }).expect("a stored row can be read"))
    }

    /// A chat that there is.
    pub fn chat(&self, chat: &ChatId) -> Chat {
        self.read(chat_key(chat), records::decode_chat).expect("there is such a chat")
    }

    /// An operator that there is.
    pub fn person(&self, operator: &OperatorId) -> Operator {
        self.read(operator_key(operator), records::decode_operator).expect("there is such an operator")
    }

    /// All operators.
    pub fn people(&self) -> Vec<Operator> {
        let rows = self.store.rows().into_iter().filter(|row| row.key.pk.starts_with("O#") && row.key.sk == "S");
        rows.map(|row| records::decode_operator(&row).expect("a stored row can be read")).collect()
    }

    /// What is known of a customer.
    pub fn contact(&self, conversation: &str) -> Option<Contact> {
        self.read(contact_key(&id(conversation)), records::decode_contact)
    }

    /// The latest chat of a conversation.
    pub fn latest_chat(&self, conversation: &str) -> Option<Chat> {
        let key = |n| chat_key(&ChatId { conversation: id(conversation), n });
        let last = (1..).map_while(|n| self.store.row(&key(n)).map(|_| n)).last()?;
        self.read(key(last), records::decode_chat)
    }

    /// All chats of a conversation, in order.
    pub fn chats(&self, conversation: &str) -> Vec<Chat> {
        let key = |n| chat_key(&ChatId { conversation: id(conversation), n });
        (1..).map_while(|n| self.read(key(n), records::decode_chat)).collect()
    }

    /// The messages of a chat, in order.
    pub fn messages(&self, chat: &ChatId) -> Vec<Message> {
        let mut messages = self.work().messages;
        messages.retain(|message| message.chat == *chat);
        messages
    }

    /// The words of a chat's messages, in order.
    pub fn words(&self, chat: &ChatId) -> Vec<String> {
        self.messages(chat).iter().map(|message| message.content.words().unwrap_or("(none)").to_owned()).collect()
    }

    /// What happened to a chat, in order.
    pub fn events(&self, chat: &ChatId) -> Vec<ChatEvent> {
        let mut events = self.work().events;
        events.retain(|event| event.chat == *chat);
        events
    }

    /// The conversations that wait in a queue's line, longest-waiting first.
    pub fn line(&self, queue: &str) -> Vec<String> {
        let pk = format!("W#{queue}");
        let rows = self.store.rows().into_iter().filter(|row| row.key.pk == pk);
        rows.map(|row| records::decode_waiting(&row).expect("a waiting row").id.conversation.to_string()).collect()
    }

    /// The answer to a request on this connection.
    pub fn answer(&self, connection: &str, request_id: &str) -> Answer {
        let answers = self.answers(connection, request_id);
        answers.into_iter().next_back().expect("the request was answered")
    }

    /// All answers to a request on this connection.
    pub fn answers(&self, connection: &str, request_id: &str) -> Vec<Answer> {
        let frames = self.push.frames_json(connection).into_iter();
        frames
            .filter(|frame| frame["type"] == "answer" && frame["request_id"] == request_id)
            .map(|frame| serde_json::from_value(frame).expect("an answer"))
            .collect()
    }

    /// The error code of the answer, or `ok`.
    pub fn outcome(&self, connection: &str, request_id: &str) -> String {
        self.answer(connection, request_id).error.map_or_else(|| "ok".to_owned(), |problem| problem.code)
    }

    /// The events of this type that a connection was told.
    pub fn told(&self, connection: &str, kind: &str) -> Vec<Value> {
        let mut frames = self.push.frames_json(connection);
        frames.retain(|frame| frame["type"] == kind);
        frames
    }

    fn work(&self) -> Work {
        let mut work = Work {
            chats: Vec::new(),
            operators: Vec::new(),
            messages: Vec::new(),
            events: Vec::new(),
            lines: BTreeSet::new(),
        };
        for row in self.store.rows().into_iter().filter(|row| row.key.table == Table::Work) {
            let readable = "a stored row can be read";
            match (row.key.pk.split('#').next(), row.key.sk.split('#').next()) {
                (Some("V"), Some("C")) => work.chats.push(records::decode_chat(&row).expect(readable)),
                (Some("V"), Some("M")) => work.messages.push(records::decode_message(&row).expect(readable)),
                (Some("V"), Some("E")) => work.events.push(records::decode_event(&row).expect(readable)),
                (Some("O"), Some("S")) => work.operators.push(records::decode_operator(&row).expect(readable)),
                (Some("W" | "A"), _) => {
                    work.lines.insert(row.key);
                }
                _ => {}
            }
        }
        work
    }

    /// Holds everything stored to the invariants I1 to I3 and I7, and to its own indexes.
    ///
    /// # Panics
    /// If one is broken.
    pub fn check(&self) {
        let work = self.work();
        self.check_chats(&work);
        for operator in &work.operators {
            self.check_operator(&work, operator);
        }
        for message in &work.messages {
            self.check_row(&Change::NewMessage(message.clone()));
        }
        let mut lines = BTreeSet::new();
        let changes = work
            .chats
            .iter()
            .cloned()
            .map(Change::OpenChat)
            .chain(work.operators.iter().cloned().map(|after| Change::Operator { before: None, after }));
        for change in changes {
            let rows = records::rows(&[change], 0);
            lines.extend(rows.iter().skip(1).map(|write| write.key().clone()));
        }
        assert_eq!(work.lines, lines, "lines and orders hold whom they should\n{}", self.store.dump());
    }

    fn check_chats(&self, work: &Work) {
        let mut open = BTreeSet::new();
        for chat in &work.chats {
            assert!(chat.is_closed() || open.insert(&chat.id.conversation), "I1: two open chats of {}", chat.id);
            let seqs: Vec<u64> = work.messages.iter().filter(|one| one.chat == chat.id).map(|one| one.seq).collect();
            assert_eq!(seqs, (1..chat.thread.next_seq).collect::<Vec<_>>(), "I2: messages of {}", chat.id);
            let revs: Vec<u64> =
                work.events.iter().filter(|one| one.chat == chat.id).map(|one| one.route_rev).collect();
            assert_eq!(revs, (2..=chat.route.rev).collect::<Vec<_>>(), "events of {}", chat.id);
            self.check_row(&Change::OpenChat(chat.clone()));
        }
        let mut said = BTreeSet::new();
        for message in work.messages.iter().filter(|message| message.author == Author::Customer) {
            let told = (&message.chat.conversation, &message.provider_message_id);
            assert!(said.insert(told), "I2: {told:?} was stored twice");
        }
    }

    fn check_operator(&self, work: &Work, operator: &Operator) {
        let with = |is: &dyn Fn(&Chat) -> Option<&OperatorId>| -> BTreeSet<ChatId> {
            work.chats.iter().filter(|chat| is(chat) == Some(&operator.id)).map(|chat| chat.id.clone()).collect()
        };
        let offers = with(&|chat| chat.offer().map(|offer| &offer.operator));
        let chats = with(&|chat| chat.operator());
        assert_eq!(operator.offers, offers, "I3: offers of {}", operator.id);
        assert_eq!(operator.chats, chats, "I3: chats of {}", operator.id);
        self.check_row(&Change::Operator { before: None, after: operator.clone() });
    }

    /// The row that holds this is what a fresh one would be: no index attribute is left over or missing.
    fn check_row(&self, fresh: &Change) {
        let rows = records::rows(std::slice::from_ref(fresh), 0);
        let Some(Write::Put { key, attributes, .. }) = rows.first() else { unreachable!("a put comes first") };
        assert_eq!(self.store.row(key).as_ref(), Some(attributes), "{key:?}");
    }

    /// All rows, for a failing test's message.
    pub fn dump(&self) -> String {
        self.store.dump()
    }

    /// What there is, without times and revisions: two ways that lead to the same state give the same picture.
    pub fn picture(&self) -> String {
        let work = self.work();
        let mut picture = String::new();
        for chat in &work.chats {
            let Chat { id, route, .. } = chat;
            let stand = match &route.stand {
                Stand::WithBot => "with a bot".to_owned(),
                Stand::Waiting => "waiting".to_owned(),
                Stand::Offered { offer } => format!("offered to {}", offer.operator),
                Stand::InWork { operator, transfer } => {
                    format!("with {operator}, {:?}", transfer.as_ref().map(|offer| offer.operator.to_string()))
                }
                Stand::Closed { by, operator, .. } => format!("closed {by:?} {operator:?}"),
            };
            let decliners = &route.decliners;
            writeln!(picture, "{id} in {} {stand} {decliners:?}", route.queue).expect("a string takes all");
        }
        for message in &work.messages {
            let Message { chat, seq, author, content, delivery, .. } = message;
            let state = delivery.as_ref().map(|delivery| delivery.state);
            writeln!(picture, "{chat} {seq} {author:?} {content:?} {state:?}").expect("a string takes all");
        }
        for operator in &work.operators {
            let connections: BTreeMap<_, _> = operator.connections.iter().collect();
            writeln!(
                picture,
                "{} {:?} {:?} {:?} {:?}",
                operator.id,
                operator.status,
                operator.offers,
                operator.chats,
                connections.keys()
            )
            .expect("a string takes all");
        }
        picture
    }
}
