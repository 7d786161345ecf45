//! What is stored, as the simulation understands it, held to the invariants after every commit.

use std::collections::{BTreeMap, BTreeSet};

use domain::chat::{Chat, Stand};
use domain::config::Configuration;
use domain::decision::Write as Change;
use domain::file::FileKey;
use domain::message::{Author, DeliveryState, Message};
use domain::operator::Operator;
use domain::{ChannelId, ChatId, ConversationId, OperatorId};
use ports::records;
use ports::store::{Key, Row, Table, Write};

use crate::channels::message_of;
use crate::control::{Echoes, Handovers};
use crate::functions::Function;
use crate::invariants::{Checks, Invariant};
use crate::kinds::Kind;
use crate::services::Services;

/// For so long a process may go by a configuration that has changed, milliseconds (`runtime::cache`).
pub(crate) const CONFIG_MS: i64 = 2_000;

/// What was accepted of a customer.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) channel: Option<ChannelId>,
    /// Messages that a webhook was given, by number.
    pub(crate) written: u64,
    /// Those answered 2xx.
    pub(crate) accepted: BTreeSet<u64>,
    /// Those that may be dropped, since their channel was off at some time before they were stored (C1).
    pub(crate) may_be_dropped: BTreeSet<u64>,
    /// Those stored.
    pub(crate) stored: BTreeSet<u64>,
    /// How many files a message has, if it has several: each becomes a message.
    pub(crate) parts: BTreeMap<u64, u64>,
    /// Those stored but for the first, by message and part.
    pub(crate) stored_parts: BTreeSet<(u64, u64)>,
    /// Those written while a bot had the conversation.
    pub(crate) standby: BTreeSet<u64>,
    /// Those that are neither words nor files.
    pub(crate) kinds: BTreeMap<u64, Kind>,
    /// What others than we wrote to the customer.
    pub(crate) echoes: Echoes,
    /// Whether the conversation is ours by what a webhook took in last.
    pub(crate) is_ours: Option<bool>,
}

impl Said {
    /// Whether all of a message is stored.
    pub(crate) fn is_whole(&self, number: u64) -> bool {
        let parts = self.parts.get(&number).copied().unwrap_or(1);
        self.stored.contains(&number) && (1..parts).all(|part| self.stored_parts.contains(&(number, part)))
    }
}

/// Everything that is known.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) chats: BTreeMap<ChatId, Chat>,
    pub(crate) operators: BTreeMap<OperatorId, Operator>,
    pub(crate) messages: BTreeMap<(ChatId, u64), Message>,
    pub(crate) said: BTreeMap<ConversationId, Said>,
    /// The configurations, by the time from which each holds.
    pub(crate) configs: Vec<(i64, Configuration)>,
    /// When whoever commits began.
    pub(crate) since_ms: i64,
    /// When each chat's route last changed.
    moved: BTreeMap<ChatId, i64>,
    /// When the present offer of each chat was made, and when its close timer was last set.
    armed: BTreeMap<ChatId, (i64, i64)>,
    /// When each operator's row last changed.
    pub(crate) changed: BTreeMap<OperatorId, i64>,
    /// How many messages of a chat are stored.
    counts: BTreeMap<ChatId, u64>,
    /// Rows of lines and of orders of the free.
    rows: BTreeMap<Key, Owner>,
    /// With whom a chat was in work at a revision.
    pub(crate) held: BTreeMap<(ChatId, u64), OperatorId>,
    /// Until when a chat was an operator's business; for ever, while it is.
    pub(crate) concerned: BTreeMap<(ChatId, OperatorId), i64>,
    /// Until when a chat waited.
    pub(crate) waited: BTreeMap<ChatId, i64>,
    /// When somebody's roles last changed.
    pub(crate) roles_changed: BTreeMap<OperatorId, i64>,
    /// Replies by their words.
    pub(crate) replies: BTreeMap<String, (ChatId, u64)>,
    /// Replies that their operator has sent again.
    pub(crate) sent_again: BTreeSet<(ChatId, u64)>,
    /// The farthest that a webhook was told of a reply, and answered 2xx.
    pub(crate) told: BTreeMap<(ChatId, u64), DeliveryState>,
    /// Where operators may put files, for which chats.
    pub(crate) slots: Vec<(OperatorId, ChatId, FileKey)>,
    /// What is asked of windows: who asked, what, of which chat.
    pub(crate) asked: BTreeMap<String, (OperatorId, String)>,
    /// Failures of replies that their operator has a window for, and has not been told of; since when they were on their way.
    pub(crate) untold: BTreeMap<(ChatId, u64), (OperatorId, i64)>,
    /// Chats that passed between a bot and us.
    pub(crate) handovers: Handovers,
    pub(crate) failure: Option<String>,
    pub(crate) checks: Checks,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Owner {
    Chat(ChatId),
    Operator(OperatorId),
}

impl Model {
    /// Notes that an invariant is broken; the first one counts.
    pub(crate) fn fail(&mut self, invariant: Invariant, words: impl FnOnce() -> String) {
        if self.failure.is_none() {
            self.failure = Some(format!("{invariant}: {}", words()));
        }
    }

    pub(crate) fn require(&mut self, invariant: Invariant, holds: bool, words: impl FnOnce() -> String) {
        self.checks.count(invariant);
        if !holds {
            self.fail(invariant, words);
        }
    }

    /// The configurations that somebody who began at that time may go by.
    pub(crate) fn configs_since(&self, since_ms: i64) -> Vec<&Configuration> {
        let from_ms = since_ms - CONFIG_MS;
        let first = self.configs.iter().rposition(|(at, _)| *at <= from_ms).unwrap_or(0);
        self.configs.iter().skip(first).map(|(_, config)| config).collect()
    }

    /// When the chat's route last changed.
    pub(crate) fn moved_ms(&self, chat: &ChatId) -> i64 {
        self.moved.get(chat).copied().unwrap_or(0)
    }

    /// When the chat's present offer was made, and when its close timer was last set: from then on each has a timer of its own.
    pub(crate) fn armed_ms(&self, chat: &ChatId) -> (i64, i64) {
        self.armed.get(chat).copied().unwrap_or_default()
    }

    pub(crate) fn config(&self) -> Configuration {
        self.configs.last().map(|(_, config)| config.clone()).unwrap_or_default()
    }

    /// Takes in what a commit wrote, and checks all that it can have broken.
    pub(crate) fn committed(&mut self, services: &Services, writes: &[Write], by: Function, since_ms: i64) {
        let mut chats = BTreeSet::new();
        let mut operators = BTreeSet::new();
        self.since_ms = since_ms;
        for write in writes.iter().filter(|write| !matches!(write, Write::Check { .. })) {
            let key = write.key().clone();
            if key.table != Table::Work {
                continue;
            }
            let row = || services.store.row(&key).map(|attributes| Row { key: key.clone(), attributes });
            match (key.pk.as_bytes().first(), key.sk.as_bytes().first()) {
                (Some(b'V'), Some(b'C')) => {
                    let Some(chat) = row().and_then(|row| records::decode_chat(&row).ok()) else { continue };
                    chats.insert(chat.id.clone());
                    self.chat_written(services, &chat, by, since_ms);
                }
                (Some(b'V'), Some(b'M')) => {
                    let Some(message) = row().and_then(|row| records::decode_message(&row).ok()) else {
                        continue;
                    };
                    chats.insert(message.chat.clone());
                    // Checked when its chat, in the same commit, is known.
                    self.message_written(services, &message);
                }
                (Some(b'O'), Some(b'S')) => {
                    let Some(operator) = row().and_then(|row| records::decode_operator(&row).ok()) else {
                        continue;
                    };
                    operators.insert(operator.id.clone());
                    self.operator_written(services, &operator, since_ms);
                }
                (Some(b'W'), _) => {
                    let owner =
                        row().and_then(|row| records::decode_waiting(&row).ok()).map(|chat| Owner::Chat(chat.id));
                    chats.extend(self.line_row(key, owner).into_iter().filter_map(Owner::chat));
                }
                (Some(b'A'), _) => {
                    let owner =
                        row().and_then(|row| records::decode_operator(&row).ok()).map(|one| Owner::Operator(one.id));
                    operators.extend(self.line_row(key, owner).into_iter().filter_map(Owner::operator));
                }
                _ => {}
            }
        }
        for chat in &chats {
            self.check_chat(services, chat);
        }
        for operator in &operators {
            self.check_places(services, operator);
        }
        if !chats.is_empty() || !operators.is_empty() {
            self.check_loads();
        }
    }

    /// Takes in a row of a line or an order, and names whose it was and is.
    fn line_row(&mut self, key: Key, owner: Option<Owner>) -> Vec<Owner> {
        let mut owners: Vec<Owner> = owner.iter().cloned().collect();
        let before = match owner {
            Some(owner) => self.rows.insert(key, owner),
            None => self.rows.remove(&key),
        };
        owners.extend(before);
        owners
    }

    fn chat_written(&mut self, services: &Services, chat: &Chat, by: Function, since_ms: i64) {
        let now_ms = services.now_ms();
        let before = self.chats.insert(chat.id.clone(), chat.clone());
        if let Some(before) = &before {
            if before.route != chat.route {
                services.tell(|| format!("    {} is {:?} in {}", chat.id, chat.route.stand, chat.route.queue));
                self.require(Invariant::I4, chat.route.rev == before.route.rev + 1, || {
                    format!("the route of {} went from revision {} to {}", chat.id, before.route.rev, chat.route.rev)
                });
                self.require(Invariant::I1, !before.is_closed(), || {
                    format!("{} was changed after it was closed", chat.id)
                });
            }
            self.require(Invariant::I9, !before.is_closed() || before.thread == chat.thread, || {
                format!("{} was written to after it was closed", chat.id)
            });
        }
        if by == Function::Router
            && let Some(before) = before.as_ref().filter(|before| before.route.stand == Stand::Waiting)
            && let Stand::Offered { offer } = &chat.route.stand
        {
            self.check_turn(before, &offer.operator, since_ms);
        }
        if before.as_ref().is_none_or(|before| before.route != chat.route) {
            self.moved.insert(chat.id.clone(), now_ms);
        }
        let offer = |chat: &Chat| chat.offer().map(|offer| offer.id.clone());
        let armed = self.armed.entry(chat.id.clone()).or_default();
        if before.as_ref().and_then(offer) != offer(chat) {
            armed.0 = now_ms;
        }
        if before.as_ref().and_then(|before| before.route.close_due_at_ms) != chat.route.close_due_at_ms {
            armed.1 = now_ms;
        }
        let open =
            self.chats.values().filter(|one| one.id.conversation == chat.id.conversation && !one.is_closed()).count();
        self.require(Invariant::I1, open <= 1, || format!("{open} open chats of {}", chat.id.conversation));
        self.note_parties(before.as_ref(), chat, now_ms);
        self.check_control(before.as_ref(), chat, now_ms);
        self.check_deadlines(before.as_ref(), chat, by, now_ms, since_ms);
    }

    fn note_parties(&mut self, before: Option<&Chat>, chat: &Chat, now_ms: i64) {
        let parties = |chat: &Chat| -> BTreeSet<OperatorId> {
            chat.operator().into_iter().chain(chat.offer().map(|offer| &offer.operator)).cloned().collect()
        };
        let now = parties(chat);
        for gone in before.map(parties).unwrap_or_default().difference(&now) {
            self.concerned.insert((chat.id.clone(), gone.clone()), now_ms);
        }
        for party in now {
            self.concerned.insert((chat.id.clone(), party), i64::MAX);
        }
        if let Some(operator) = chat.operator() {
            let other = self.held.insert((chat.id.clone(), chat.route.rev), operator.clone());
            let one = other.is_none_or(|other| other == *operator);
            self.require(Invariant::I4, one, || format!("{} is {operator}'s and another's", chat.id));
        }
        if chat.route.stand == Stand::Waiting {
            self.waited.insert(chat.id.clone(), i64::MAX);
        } else if before.is_some_and(|before| before.route.stand == Stand::Waiting) {
            self.waited.insert(chat.id.clone(), now_ms);
        }
    }

    /// I7, and that nobody gets a yes after the deadline.
    fn check_deadlines(&mut self, before: Option<&Chat>, chat: &Chat, by: Function, now_ms: i64, since_ms: i64) {
        let Some(before) = before else { return };
        if let (Some(offer), Some(operator)) = (before.offer(), chat.operator())
            && offer.operator == *operator
            && before.operator() != Some(operator)
        {
            self.require(Invariant::I7, since_ms < offer.expires_at_ms, || {
                format!("Q5: {} was accepted after its deadline", chat.id)
            });
        }
        if let Stand::Closed { by: None, .. } = chat.route.stand
            && !before.is_closed()
        {
            let is_time = self.configs_since(since_ms).into_iter().any(|config| {
                let queue = config.queues.get(&before.route.queue);
                domain::stay::is_time_to_close(before, queue, now_ms)
            });
            self.require(Invariant::I7, is_time, || format!("{} was closed early by {by:?}", chat.id));
        }
    }

    fn message_written(&mut self, services: &Services, message: &Message) {
        let at = (message.chat.clone(), message.seq);
        let before = self.messages.insert(at.clone(), message.clone());
        if before.is_none() {
            *self.counts.entry(message.chat.clone()).or_default() += 1;
        }
        services.tell(|| {
            let state = message.delivery.as_ref().map(|delivery| delivery.state);
            format!("    {} {} {:?} {state:?}", message.chat, message.seq, message.content.words())
        });
        match before {
            Some(before) => {
                self.require(Invariant::I2, message.rev == before.rev + 1 || *message == before, || {
                    format!("{at:?} was written over")
                });
                self.file_written(services, Some(&before), message);
                self.note_resend(services, &before, message);
                self.fared(services, &before, message);
            }
            None => match &message.author {
                Author::Customer => {
                    self.file_written(services, None, message);
                    self.customer_said(message);
                }
                Author::Operator { id, .. } => {
                    self.file_written(services, None, message);
                    self.replies.insert(message.content.words().unwrap_or_default().to_owned(), at.clone());
                    let with = services
                        .store
                        .row(&records::chat_key(&message.chat))
                        .and_then(|attributes| attributes.get("with").cloned());
                    let is_theirs = with.as_ref().and_then(serde_json::Value::as_str) == Some(id.as_str());
                    self.require(Invariant::I8, is_theirs, || {
                        format!("L6: {id} replied in {}, which is not theirs", message.chat)
                    });
                }
                Author::External { .. } => self.check_echo(message),
                Author::System => self.check_note(message),
            },
        }
    }

    fn note_resend(&mut self, services: &Services, before: &Message, message: &Message) {
        let (Some(was), Some(is)) = (&before.delivery, &message.delivery) else { return };
        if matches!(was.state, DeliveryState::Failed | DeliveryState::Unknown)
            && is.state == DeliveryState::Queued
            && is.attempts == 0
        {
            let reply = (message.chat.clone(), message.seq);
            services.messenger.borrow_mut().sent_again(&reply);
            self.told.remove(&reply);
            self.sent_again.insert(reply);
        }
    }

    /// I2: exactly once, in the order of acceptance.
    fn customer_said(&mut self, message: &Message) {
        let id = message.provider_message_id.as_deref();
        let Some((number, part)) = id.and_then(message_of) else {
            return self
                .require(Invariant::I2, false, || format!("{} {} is nobody's: {id:?}", message.chat, message.seq));
        };
        if message.edited_at_ms.is_none() {
            self.check_side(number, message);
            self.check_kind(number, message);
        }
        if part > 0 {
            let said = self.said.entry(message.chat.conversation.clone()).or_default();
            let once = said.stored_parts.insert((number, part));
            return self
                .require(Invariant::I2, once, || format!("{id:?} of {} was stored twice", message.chat.conversation));
        }
        let (mut twice, mut missing) = (false, None);
        if let Some(said) = self.said.get_mut(&message.chat.conversation) {
            twice = !said.stored.insert(number);
            // What an edit brought back has no place of its own.
            if message.edited_at_ms.is_none() {
                missing = (1..number).find(|one| !said.stored.contains(one) && !said.may_be_dropped.contains(one));
            }
        }
        self.require(Invariant::I2, !twice, || {
            format!("message {number} of {} was stored twice", message.chat.conversation)
        });
        self.require(Invariant::I2, missing.is_none(), || {
            format!("message {number} of {} was stored before {missing:?}", message.chat.conversation)
        });
    }

    fn operator_written(&mut self, services: &Services, after: &Operator, since_ms: i64) {
        let before = self.operators.insert(after.id.clone(), after.clone());
        self.changed.insert(after.id.clone(), services.now_ms());
        let Some(before) = before else { return };
        services.tell(|| {
            let (offers, chats) = (after.offers.len(), after.chats.len());
            format!(
                "    {} {:?} offers {offers} chats {chats} windows {}",
                after.id,
                after.status,
                after.connections.len()
            )
        });
        if before.roles != after.roles {
            self.roles_changed.insert(after.id.clone(), services.now_ms());
        }
        self.require(Invariant::I3, before == *after || after.rev == before.rev + 1, || {
            format!("{} went from revision {} to {}", after.id, before.rev, after.rev)
        });
        if after.load() <= before.load() {
            return;
        }
        let queues: Vec<_> = after
            .offers
            .union(&after.chats)
            .filter(|chat| !before.offers.contains(*chat) && !before.chats.contains(*chat))
            .filter_map(|chat| services.store.row(&records::chat_key(chat)).map(|attributes| (chat, attributes)))
            .filter_map(|(chat, attributes)| {
                records::decode_chat(&Row { key: records::chat_key(chat), attributes }).ok()
            })
            .map(|chat| chat.route.queue)
            .collect();
        let configs = self.configs_since(since_ms);
        let limits =
            configs.iter().flat_map(|config| queues.iter().map(|queue| config.limit(after, config.queues.get(queue))));
        let limit = limits.max().unwrap_or(usize::MAX);
        self.require(Invariant::I3, after.load() <= limit, || {
            format!("{} has {} chats, the limit is {limit}", after.id, after.load())
        });
    }

    fn check_chat(&mut self, services: &Services, id: &ChatId) {
        let Some(chat) = self.chats.get(id).cloned() else {
            return self.fail(Invariant::I2, || format!("something of {id} is stored without it"));
        };
        let stored = self.counts.get(id).copied().unwrap_or(0);
        self.require(Invariant::I2, stored + 1 == chat.thread.next_seq, || {
            format!("{id} has {stored} messages, its next number is {}", chat.thread.next_seq)
        });
        let fresh = records::rows(&[Change::OpenChat(chat.clone())], 0);
        let expected: BTreeSet<&Key> = fresh.iter().skip(1).map(Write::key).collect();
        let rows: BTreeSet<&Key> =
            self.rows.iter().filter(|(_, owner)| **owner == Owner::Chat(id.clone())).map(|(key, _)| key).collect();
        let (line, in_line) = (rows == expected, !rows.is_empty());
        let same = matches!(fresh.first(), Some(Write::Put { key, attributes, .. })
            if services.store.look(key, |row| row == Some(attributes)));
        self.require(Invariant::I5, line, || format!("the line does not hold {id} as it stands"));
        self.check_bots(&chat, in_line);
        self.require(Invariant::Rows, same, || format!("the row of {id} has an attribute too many or too few"));
    }

    fn check_places(&mut self, services: &Services, id: &OperatorId) {
        let Some(operator) = self.operators.get(id).cloned() else { return };
        let fresh = records::rows(&[Change::Operator { before: None, after: operator }], 0);
        let places: BTreeMap<&Key, bool> = fresh
            .iter()
            .skip(1)
            .filter_map(|write| match write {
                Write::Put { key, attributes, .. } => {
                    Some((key, services.store.look(key, |row| row == Some(attributes))))
                }
                _ => None,
            })
            .collect();
        let rows: BTreeSet<&Key> =
            self.rows.iter().filter(|(_, owner)| **owner == Owner::Operator(id.clone())).map(|(key, _)| key).collect();
        let holds = rows == places.keys().copied().collect() && places.values().all(|same| *same);
        self.require(Invariant::I3, holds, || format!("the order of the free does not hold {id} as they are"));
    }

    /// I3: an operator's row says what the chats say.
    fn check_loads(&mut self) {
        let mut broken = None;
        for operator in self.operators.values() {
            let with = |is: &dyn Fn(&Chat) -> Option<&OperatorId>| -> BTreeSet<&ChatId> {
                self.chats.values().filter(|chat| is(chat) == Some(&operator.id)).map(|chat| &chat.id).collect()
            };
            let offers = with(&|chat| chat.offer().map(|offer| &offer.operator));
            let chats = with(&|chat| chat.operator());
            if operator.offers.iter().collect::<BTreeSet<_>>() != offers
                || operator.chats.iter().collect::<BTreeSet<_>>() != chats
            {
                broken = Some(format!("{} has {operator:?}, the chats say {offers:?} and {chats:?}", operator.id));
            }
        }
        self.require(Invariant::I3, broken.is_none(), || broken.unwrap_or_default());
    }
}

impl Owner {
    fn chat(self) -> Option<ChatId> {
        match self {
            Self::Chat(chat) => Some(chat),
            Self::Operator(_) => None,
        }
    }

    fn operator(self) -> Option<OperatorId> {
        match self {
            Self::Operator(operator) => Some(operator),
            Self::Chat(_) => None,
        }
    }
}
