//! Closing a chat (I1, I2, I7, I9, L6, L7): by hand and by timers, late, early and doubled, against a customer's messages, each
//! delivered as often as it likes, and an operator's replies, requested as often as they like.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use domain::chat::{Chat, EventKind, Stand};
use domain::config::{Configuration, Queue, Rule, Settings};
use domain::content::Content;
use domain::decision::{Decision, Write};
use domain::delivery::{Outcome, settle};
use domain::inbound::{Customer, InboundEvent, InboundKind};
use domain::message::{Author, DeliveryState, Message};
use domain::operator::{Operator, Status};
use domain::receive::{Incoming, receipt_key};
use domain::routing::Accept;
use domain::{ChannelId, ChatId, ConversationId, OperatorId, Provider, reply, stay};
use stateright::{Model, Property};

use crate::world::{Canon, World, taken};

/// How far the clock goes in one step, milliseconds: half the close timeout.
const TICK_MS: i64 = 30_000;
/// The close timeout, milliseconds.
const TIMEOUT_MS: i64 = 60_000;
/// How old a decision may be when it is committed, milliseconds: then its function's own time is up.
const DECISION_MS_MAX: i64 = 30_000;
/// How late a chat may close by itself, milliseconds (I7).
const LATE_MS_MAX: i64 = 60_000;
/// When the models begin, milliseconds since 1970.
const BEGIN_MS: i64 = 1_000_000_000_000;

/// One setting of the model.
#[derive(Clone, Debug)]
pub struct Close {
    /// How many messages the customer sends.
    pub messages: usize,
    /// How many replies the operator writes in a chat.
    pub replies: usize,
    /// How many decisions may be under way at once.
    pub slots: usize,
    /// Whether a chat whose customer spoke last is spared (L2).
    pub spare_unanswered: bool,
    /// Whether the operator also marks messages as read, and sends failed ones again.
    pub rereads: bool,
    config: Configuration,
    conversation: ConversationId,
    channel: ChannelId,
    operator: OperatorId,
    events: Vec<InboundEvent>,
}

/// What an actor is about to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Intent {
    /// The inbound function handles this message of the customer.
    Receive(usize),
    /// The operator takes the chat from the line.
    Take(ChatId),
    /// The operator sends this reply.
    Reply(ChatId, usize),
    /// The operator closes the chat.
    CloseByHand(ChatId),
    /// A close timer, a hint or the sweep.
    CloseByTime(ChatId),
    /// The operator has seen everything.
    Read(ChatId),
    /// The operator sends a failed message again.
    Resend(ChatId, u64),
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// An actor reads and decides.
    Decide(Intent),
    /// An actor reads, decides and commits before anybody else does anything.
    Act(Intent),
    /// The decision in this slot is committed.
    Commit(usize),
    /// Time passes.
    Tick,
    /// The messenger does not take this message.
    Fail(ChatId, u64),
}

/// A state: what is stored, who is about to commit what, and whether something happened that must not.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    world: World,
    pending: Vec<(Intent, Decision, i64)>,
    closed_early: bool,
    spoke_in_closed: bool,
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let world = &self.world;
        (self.closed_early, self.spoke_in_closed, &world.receipts).hash(hasher);
        for message in &world.messages {
            let state = message.delivery.as_ref().map(|delivery| delivery.state);
            (&message.chat, message.seq, message.content.words(), state.map(|state| state as u8)).hash(hasher);
        }
        let taken = taken(world, self.pending.iter().map(|(_, decision, _)| decision));
        let mut canon = Canon { hasher, now_ms: world.now_ms, taken };
        for chat in &world.chats {
            canon.route(&chat.route);
            let thread = &chat.thread;
            (thread.next_seq, thread.last_out_seq, thread.read_seq, &thread.requests).hash(canon.hasher);
            if !chat.is_closed() {
                canon.moment(thread.last_in_at_ms);
                canon.moment(thread.last_out_at_ms);
            }
        }
        world.operators.iter().for_each(|operator| canon.operator(operator));
        for (intent, decision, decided_at_ms) in &self.pending {
            (intent, world.now_ms - decided_at_ms).hash(canon.hasher);
            canon.decision(decision, world);
        }
    }
}

impl Close {
    /// A model of this size.
    pub fn new(messages: usize, replies: usize, slots: usize, spare_unanswered: bool, rereads: bool) -> Self {
        let operator: OperatorId = "op".parse().expect("letters make an id");
        let queue = Queue {
            id: "q".parse().expect("a letter makes an id"),
            name: "q".to_owned(),
            rule: Rule::ToAll,
            auto_close_min: Some(1),
            spare_unanswered,
            roles: Vec::new(),
            users: vec![operator.clone()],
            limit: None,
            absence_return_min: None,
            version: 1,
        };
        let queues = BTreeMap::from([(queue.id.clone(), queue)]);
        let config = Configuration { settings: Settings::default(), queues, ..Configuration::default() };
        Self {
            messages,
            replies,
            slots,
            spare_unanswered,
            rereads,
            config,
            conversation: "v".parse().expect("a letter makes an id"),
            channel: "t".parse().expect("a letter makes an id"),
            operator,
            events: (1..=messages).map(event).collect(),
        }
    }

    /// In a few words.
    pub fn name(&self) -> String {
        let spare = if self.spare_unanswered { ", unanswered ones spared" } else { "" };
        let rereads = if self.rereads { ", reads and resends" } else { "" };
        format!(
            "close: {} messages, {} replies a chat, {} decisions under way{spare}{rereads}",
            self.messages, self.replies, self.slots
        )
    }

    fn queue(&self) -> &Queue {
        self.config.queues.values().next().expect("the model has one queue")
    }

    fn decide(&self, world: &World, intent: &Intent) -> Option<Decision> {
        let now_ms = world.now_ms;
        let me = world.operator(&self.operator)?;
        let decision = match intent {
            Intent::Receive(n) => self.receive(world, *n)?,
            Intent::Take(chat) => {
                let chat = world.chat(chat)?;
                let config = &self.config;
                Accept { chat, operator: me, source: None, offer: None, config, now_ms }.decide().ok()?
            }
            Intent::Reply(chat, n) => {
                let (parts, request) = ([format!("reply {n}")], format!("reply-{n}"));
                reply::reply(world.chat(chat)?, me, true, &parts, &request, now_ms).ok()?.decision
            }
            Intent::CloseByHand(chat) => stay::close_by_hand(world.chat(chat)?, me, None, "close", now_ms).ok()?,
            Intent::CloseByTime(chat) => {
                let chat = world.chat(chat)?;
                stay::close_by_time(chat, world.source(chat), None, Some(self.queue()), now_ms)
            }
            Intent::Read(chat) => reply::read(world.chat(chat)?, &self.operator, u64::MAX).ok()?,
            Intent::Resend(chat, seq) => {
                let message = world.messages.iter().find(|message| message.chat == *chat && message.seq == *seq)?;
                reply::resend(world.chat(chat)?, message, me, true, now_ms).ok()?
            }
        };
        (!decision.is_nothing()).then_some(decision)
    }

    /// As the inbound function does: by the conversation's latest chat; one taken in before changes nothing.
    fn receive(&self, world: &World, n: usize) -> Option<Decision> {
        let event = &self.events[n];
        if world.receipts.contains(&receipt_key(event)) {
            return None;
        }
        let latest = world.chats.last();
        let incoming = Incoming {
            conversation: &self.conversation,
            channel: &self.channel,
            provider: Provider::Telegram,
            queue: self.queue(),
            event,
            now_ms: world.now_ms,
        };
        Some(incoming.message(latest, None, latest.and_then(|chat| world.source(chat))))
    }

    fn intents(&self, world: &World) -> Vec<Intent> {
        let mut intents: Vec<_> = (0..self.messages).map(Intent::Receive).collect();
        for chat in world.chats.iter().filter(|chat| !chat.is_closed() || self.replies > 0) {
            let chat = &chat.id;
            intents.push(Intent::Take(chat.clone()));
            intents.extend((1..=self.replies).map(|n| Intent::Reply(chat.clone(), n)));
            intents.push(Intent::CloseByHand(chat.clone()));
            intents.push(Intent::CloseByTime(chat.clone()));
            if self.rereads {
                intents.push(Intent::Read(chat.clone()));
            }
        }
        if self.rereads {
            let failed = world.messages.iter().filter(|message| state_of(message) == Some(DeliveryState::Failed));
            intents.extend(failed.map(|message| Intent::Resend(message.chat.clone(), message.seq)));
        }
        intents
    }

    /// Commits, and looks whether that should have been.
    fn commit(state: &mut State, decision: &Decision) -> bool {
        let before = state.world.clone();
        if state.world.commit(decision).is_err() {
            return false;
        }
        let now_ms = before.now_ms;
        for write in &decision.writes {
            match write {
                Write::Event(event) if event.what == EventKind::AutoClosed => {
                    let due = before.chat(&event.chat).and_then(due_ms);
                    state.closed_early |= due.is_none_or(|due| due > now_ms);
                }
                Write::NewMessage(message) => {
                    state.spoke_in_closed |= before.chat(&message.chat).is_some_and(Chat::is_closed);
                }
                _ => {}
            }
        }
        true
    }

    /// Whether the chat in work, left alone with its timers, closes when its time has come (I7).
    fn closes_in_time(&self, world: &World, chat: &Chat) -> bool {
        let spared = self.spare_unanswered && chat.thread.last_in_at_ms > chat.thread.last_out_at_ms;
        let due = due_ms(chat).filter(|_| !spared);
        let mut world = world.clone();
        let begin_ms = world.now_ms;
        for _ in 0..4 {
            let Some(chat) = world.chat(&chat.id).cloned() else { return false };
            if let Stand::Closed { at_ms, .. } = chat.route.stand {
                return due.is_some_and(|due| at_ms >= due && at_ms <= due.max(begin_ms) + LATE_MS_MAX);
            }
            let Some(at) = chat.route.close_due_at_ms else { return false };
            world.now_ms = world.now_ms.max(at);
            if let Some(decision) = self.decide(&world, &Intent::CloseByTime(chat.id.clone())) {
                world.commit(&decision).expect("nobody else is there");
            }
        }
        due.is_none()
    }

    /// Whether each message that has not been taken in is stored when it comes next, in an open chat (I9).
    fn takes_in_the_rest(&self, world: &World) -> bool {
        let mut world = world.clone();
        (0..self.messages).all(|n| {
            let Some(decision) = self.decide(&world, &Intent::Receive(n)) else { return true };
            world.commit(&decision).is_ok()
                && stored(&world, &self.events[n]) == 1
                && world.chats.last().is_some_and(|chat| !chat.is_closed())
        })
    }
}

fn event(n: usize) -> InboundEvent {
    InboundEvent {
        event_id: n.to_string(),
        customer: Customer {
            address: "1".to_owned(),
            name: "C".to_owned(),
            is_stand_in: false,
            username: None,
            language: None,
        },
        standby: false,
        at_ms: BEGIN_MS,
        what: InboundKind::Message {
            message_id: n.to_string(),
            content: Content::text(format!("message {n}")),
            reply_to: None,
            quote: None,
            forwarded_from: None,
        },
    }
}

fn state_of(message: &Message) -> Option<DeliveryState> {
    message.delivery.as_ref().map(|delivery| delivery.state)
}

/// When a chat may close by itself, by what L2 says: so long after the last outgoing message, and after it was taken.
fn due_ms(chat: &Chat) -> Option<i64> {
    Some(chat.thread.last_out_at_ms?.max(chat.route.taken_at_ms?) + TIMEOUT_MS)
}

fn stored(world: &World, event: &InboundEvent) -> usize {
    let InboundKind::Message { message_id, .. } = &event.what else { return 0 };
    world.messages.iter().filter(|message| message.provider_message_id.as_ref() == Some(message_id)).count()
}

impl Model for Close {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let mut operator = Operator::new(self.operator.clone(), "Operator");
        operator.status = Status::Active;
        operator.connections.insert("w".to_owned(), i64::MAX);
        let world = World {
            now_ms: BEGIN_MS,
            chats: Vec::new(),
            operators: vec![operator],
            messages: Vec::new(),
            receipts: Vec::new(),
        };
        vec![State { world, pending: Vec::new(), closed_early: false, spoke_in_closed: false }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        steps.push(Step::Tick);
        let intents = self.intents(&state.world);
        if state.pending.len() < self.slots {
            steps.extend(intents.iter().cloned().map(Step::Decide));
        } else {
            steps.extend(intents.into_iter().map(Step::Act));
        }
        steps.extend((0..state.pending.len()).map(Step::Commit));
        if self.rereads {
            let queued = state.world.messages.iter().filter(|message| state_of(message) == Some(DeliveryState::Queued));
            steps.extend(queued.map(|message| Step::Fail(message.chat.clone(), message.seq)));
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut next = state.clone();
        match step {
            Step::Tick => {
                next.world.now_ms += TICK_MS;
                let now_ms = next.world.now_ms;
                next.pending.retain(|(_, _, decided_at_ms)| now_ms - decided_at_ms <= DECISION_MS_MAX);
            }
            Step::Decide(intent) => {
                let decision = self.decide(&next.world, &intent)?;
                next.pending.push((intent, decision, next.world.now_ms));
                // Which slot holds what makes no difference.
                next.pending.sort_by(|(a, _, t), (b, _, u)| (a, t).cmp(&(b, u)));
            }
            Step::Act(intent) => {
                let decision = self.decide(&next.world, &intent)?;
                assert!(Self::commit(&mut next, &decision), "nobody was faster than {intent:?}");
            }
            Step::Commit(slot) => {
                let (intent, decision, _) = next.pending.remove(slot);
                if !Self::commit(&mut next, &decision)
                    && let Some(decision) = self.decide(&next.world, &intent)
                {
                    next.pending.insert(slot, (intent, decision, next.world.now_ms));
                }
            }
            Step::Fail(chat, seq) => {
                let message = next.world.messages.iter_mut().find(|one| one.chat == chat && one.seq == seq)?;
                *message = settle(message, &Outcome::Failed("refused".to_owned()));
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("I1: at most one chat is open", |_, state: &State| {
                state.world.chats.iter().filter(|chat| !chat.is_closed()).count() <= 1
            }),
            Property::always(
                "I2: what was taken in is stored once, the rest not yet",
                |model: &Self, state: &State| {
                    let world = &state.world;
                    model
                        .events
                        .iter()
                        .all(|event| stored(world, event) == usize::from(world.receipts.contains(&receipt_key(event))))
                },
            ),
            Property::always("L7: a chat's messages are numbered in the order of acceptance", |_, state: &State| {
                state.world.chats.iter().all(|chat| {
                    let seqs = state.world.messages.iter().filter(|message| message.chat == chat.id);
                    seqs.map(|message| message.seq).eq(1..chat.thread.next_seq)
                })
            }),
            Property::always("a reply requested twice is accepted once", |_, state: &State| {
                let mut replies: Vec<_> = state
                    .world
                    .messages
                    .iter()
                    .filter(|message| matches!(message.author, Author::Operator { .. }))
                    .map(|message| (&message.chat, message.content.words()))
                    .collect();
                let all = replies.len();
                replies.sort_unstable();
                replies.dedup();
                replies.len() == all
            }),
            Property::always("I7: no chat closes early", |_, state: &State| !state.closed_early),
            Property::always("I7: a chat left alone closes in time", |model: &Self, state: &State| {
                let in_work = state.world.chats.iter().filter(|chat| chat.operator().is_some());
                in_work.into_iter().all(|chat| model.closes_in_time(&state.world, chat))
            }),
            Property::always("L6: nothing is said in a closed chat", |_, state: &State| !state.spoke_in_closed),
            Property::always("I9: a message finds an open chat or opens one", |model: &Self, state: &State| {
                model.takes_in_the_rest(&state.world)
            }),
            Property::always("L2: a reply, new or sent again, is remembered as the last one", |_, state: &State| {
                state.world.messages.iter().all(|message| {
                    let queued_at_ms = message.delivery.as_ref().map(|delivery| delivery.queued_at_ms);
                    state.world.chat(&message.chat).is_some_and(|chat| chat.thread.last_out_at_ms >= queued_at_ms)
                })
            }),
            Property::sometimes("as many chats open as there are messages", |model: &Self, state: &State| {
                state.world.chats.len() == model.messages
            }),
            Property::sometimes("a commit comes too late", |_, state: &State| {
                state.pending.iter().any(|(_, decision, _)| !state.world.is_fresh(decision))
            }),
        ]
    }
}
