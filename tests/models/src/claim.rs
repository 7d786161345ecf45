//! Claiming a chat (I3, I4, I5): every interleaving of distribution, accept, decline, expiry, disconnect with withdrawal,
//! transfer and close. Each actor reads what is stored, decides by `domain`, and commits under the conditions of its
//! decision; when somebody else was faster, it reads and decides again.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use domain::chat::{Chat, Route, Stand, Thread};
use domain::config::{Configuration, Queue, Rule, Settings};
use domain::decision::{Decision, Write};
use domain::operator::{ABSENCE_GRACE_MS, Operator, Status};
use domain::routing::{self, Accept, Pass};
use domain::{ChatId, OperatorId, Provider, stay, transfer};
use stateright::{Model, Property};

use crate::world::{Canon, World, taken};

/// How far the clock goes in one step, milliseconds: the grace of an absence, and half the accept timeout.
const TICK_MS: i64 = ABSENCE_GRACE_MS;
/// When the models begin, milliseconds since 1970.
const BEGIN_MS: i64 = 1_000_000_000_000;

/// One setting of the model.
#[derive(Clone, Debug)]
pub struct Claim {
    /// How its queue distributes.
    pub rule: Rule,
    /// How many operators there are.
    pub operators: usize,
    /// How many chats wait at the beginning.
    pub chats: usize,
    /// How many chats an operator may have at once.
    pub limit: u32,
    /// How many decisions may be under way at once.
    pub slots: usize,
    /// Whether chats are also transferred, closed, and returned after a long absence.
    pub moves: bool,
    config: Configuration,
}

/// What an actor is about to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Intent {
    /// The router distributes the line.
    Distribute,
    /// An operator accepts what they are offered or, without an offer, picks from the line.
    Accept(OperatorId, ChatId),
    /// An operator declines.
    Decline(OperatorId, ChatId),
    /// The accept timer, a hint or the sweep: at any time, as often as it likes.
    Expire(ChatId),
    /// The offers of somebody who left are taken back.
    Withdraw(OperatorId, ChatId),
    /// An operator offers their chat to a colleague.
    Transfer(OperatorId, ChatId, OperatorId),
    /// An operator puts their chat back into the line.
    ToQueue(OperatorId, ChatId),
    /// An operator closes their chat.
    Close(OperatorId, ChatId),
    /// The chat of somebody who has been away too long returns.
    Return(ChatId),
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// An actor reads and decides.
    Decide(Intent),
    /// An actor reads, decides and commits before anybody else does anything.
    Act(Intent),
    /// The decision in this slot is committed: the first one, or one that concerns other operators than those before it.
    Commit(usize, usize),
    /// Time passes.
    Tick,
    /// An operator opens a window.
    Connect(OperatorId),
    /// An operator's last window is gone.
    Disconnect(OperatorId),
    /// An operator sets their status.
    Set(OperatorId, Status),
}

/// A state: what is stored, and who is about to commit what.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    world: World,
    pending: Vec<(Intent, Vec<Decision>)>,
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let taken = taken(&self.world, self.pending.iter().flat_map(|(_, decisions)| decisions));
        let mut canon = Canon { hasher, now_ms: self.world.now_ms, taken };
        for chat in &self.world.chats {
            canon.route(&chat.route);
        }
        for operator in &self.world.operators {
            canon.operator(operator);
        }
        for (intent, decisions) in &self.pending {
            intent.hash(canon.hasher);
            for decision in decisions {
                canon.decision(decision, &self.world);
            }
        }
    }
}

fn id(n: usize) -> OperatorId {
    format!("op{n}").parse().expect("letters and digits make an id")
}

impl Claim {
    /// A model of this size.
    pub fn new(rule: Rule, operators: usize, chats: usize, limit: u32, slots: usize, moves: bool) -> Self {
        let queue = Queue {
            id: "q".parse().expect("a letter makes an id"),
            name: "q".to_owned(),
            rule,
            auto_close_min: None,
            spare_unanswered: false,
            roles: Vec::new(),
            users: (0..operators).map(id).collect(),
            limit: None,
            absence_return_min: Some(1),
            version: 1,
        };
        let settings = Settings { accept_timeout_min: 1, simultaneous_chats: limit, ..Settings::default() };
        let queues = BTreeMap::from([(queue.id.clone(), queue)]);
        let config = Configuration { settings, queues, ..Configuration::default() };
        Self { rule, operators, chats, limit, slots, moves, config }
    }

    /// In a few words.
    pub fn name(&self) -> String {
        let rule = if self.rule == Rule::ToAll { "to all" } else { "most free" };
        let moves = if self.moves { ", transfers and closes" } else { "" };
        format!(
            "claim, {rule}: {} operators with room for {}, {} chats, {} decisions under way{moves}",
            self.operators, self.limit, self.chats, self.slots
        )
    }

    fn queue(&self) -> &Queue {
        self.config.queues.values().next().expect("the model has one queue")
    }

    fn waiting_chat(&self, n: usize) -> Chat {
        let at_ms = BEGIN_MS - 10_000 + i64::try_from(n).unwrap_or(0);
        Chat {
            id: format!("c{n}.1").parse().expect("a conversation and a number make an id"),
            channel: "t".parse().expect("a letter makes an id"),
            provider: Provider::Telegram,
            customer_name: "C".to_owned(),
            opened_at_ms: at_ms,
            thread: Thread {
                rev: 1,
                next_seq: 2,
                last_in_at_ms: Some(at_ms),
                last_out_at_ms: None,
                last_out_seq: None,
                read_seq: 0,
                requests: Vec::new(),
            },
            route: Route {
                rev: 1,
                queue: self.queue().id.clone(),
                stand: Stand::Waiting,
                waiting_since_ms: at_ms,
                not_before_ms: None,
                decliners: Vec::new(),
                taken_at_ms: None,
                close_due_at_ms: None,
                requests: Vec::new(),
                control: None,
            },
        }
    }

    /// Reads and decides; nothing, if there is nothing to do or a rule says no.
    fn decide(&self, world: &World, intent: &Intent) -> Vec<Decision> {
        let decision = match intent {
            Intent::Distribute => return self.distribute(world),
            Intent::Accept(me, chat) => self.accept(world, me, chat),
            Intent::Decline(me, chat) => with(world, me, chat, |me, chat| {
                let offer = chat.offer()?.id.clone();
                let request = format!("decline-{}", chat.route.rev);
                routing::decline(chat, me, world.source(chat), &offer, &request, world.now_ms).ok()
            }),
            Intent::Expire(chat) => world.chat(chat).and_then(|chat| {
                let offer = &chat.offer()?.id;
                Some(routing::expire(chat, world.target(chat)?, world.source(chat), offer, world.now_ms))
            }),
            Intent::Withdraw(me, chat) => with(world, me, chat, |me, chat| {
                me.must_give_up_offers(world.now_ms)
                    .then(|| routing::withdraw(chat, me, world.source(chat), world.now_ms))
            }),
            Intent::Transfer(me, chat, to) => with(world, me, chat, |me, chat| {
                let request = format!("transfer-{}", chat.route.rev);
                transfer::to_operator(chat, me, world.operator(to)?, &self.config, &request, world.now_ms).ok()
            }),
            Intent::ToQueue(me, chat) => with(world, me, chat, |me, chat| {
                let request = format!("queue-{}", chat.route.rev);
                transfer::to_queue(chat, me, world.target(chat), self.queue(), &request, world.now_ms).ok()
            }),
            Intent::Close(me, chat) => with(world, me, chat, |me, chat| {
                let request = format!("close-{}", chat.route.rev);
                stay::close_by_hand(chat, me, world.target(chat), &request, world.now_ms).ok()
            }),
            Intent::Return(chat) => world.chat(chat).and_then(|chat| {
                let with = world.source(chat)?;
                stay::is_time_to_return(Some(self.queue()), with, world.now_ms)
                    .then(|| stay::return_to_line(chat, with, world.target(chat), world.now_ms))
            }),
        };
        decision.into_iter().filter(|decision| !decision.is_nothing()).collect()
    }

    fn distribute(&self, world: &World) -> Vec<Decision> {
        let mut pass = Pass::new(self.queue(), &self.config, world.operators.iter().cloned(), world.now_ms);
        if !pass.anybody_free() {
            return Vec::new();
        }
        let line = world.chats.iter().filter(|chat| chat.route.stand == Stand::Waiting);
        line.map(|chat| pass.next(chat)).filter(|decision| !decision.is_nothing()).collect()
    }

    fn accept(&self, world: &World, me: &OperatorId, chat: &ChatId) -> Option<Decision> {
        with(world, me, chat, |operator, chat| {
            let offer = chat.offer().map(|offer| &offer.id);
            let source = world.source(chat).filter(|source| source.id != *me);
            let now_ms = world.now_ms;
            Accept { chat, operator, source, offer, config: &self.config, now_ms }.decide().ok()
        })
    }

    fn intents(&self, world: &World) -> Vec<Intent> {
        let mut intents = vec![Intent::Distribute];
        for chat in &world.chats {
            let chat = &chat.id;
            intents.push(Intent::Expire(chat.clone()));
            for me in world.operators.iter().map(|operator| &operator.id) {
                intents.push(Intent::Accept(me.clone(), chat.clone()));
                intents.push(Intent::Decline(me.clone(), chat.clone()));
                intents.push(Intent::Withdraw(me.clone(), chat.clone()));
                if self.moves {
                    intents.push(Intent::ToQueue(me.clone(), chat.clone()));
                    intents.push(Intent::Close(me.clone(), chat.clone()));
                    let others = world.operators.iter().filter(|other| other.id != *me);
                    intents.extend(others.map(|to| Intent::Transfer(me.clone(), chat.clone(), to.id.clone())));
                }
            }
            if self.moves {
                intents.push(Intent::Return(chat.clone()));
            }
        }
        intents
    }

    /// What the sweep does when everything else is still: whether, in the end, no chat waits while somebody may be offered it,
    /// and whoever is offered one can take it (I5).
    fn recovers(&self, state: &State) -> bool {
        let mut world = state.world.clone();
        for _ in 0..3 {
            self.sweep(&mut world);
            let rests = |chat: &Chat| chat.route.not_before_ms.is_some_and(|at| at > world.now_ms);
            if !world.chats.iter().any(rests) {
                break;
            }
            world.now_ms += routing_rest_ms();
        }
        let room = |operator: &Operator| operator.is_available() && operator.load() < self.limit as usize;
        world.chats.iter().all(|chat| match &chat.route.stand {
            Stand::Waiting if self.rule == Rule::MostFree => !world.operators.iter().any(room),
            Stand::Waiting => world.operators.iter().filter(|me| room(me)).all(|me| self.can_take(&world, me, chat)),
            Stand::Offered { offer } => {
                world.operator(&offer.operator).is_some_and(|me| self.can_take(&world, me, chat))
            }
            Stand::WithBot | Stand::InWork { .. } | Stand::Closed { .. } => true,
        })
    }

    fn sweep(&self, world: &mut World) {
        let mut intents = Vec::new();
        for chat in &world.chats {
            intents.push(Intent::Expire(chat.id.clone()));
            intents.push(Intent::Return(chat.id.clone()));
        }
        for operator in &world.operators {
            intents.extend(operator.offers.iter().map(|chat| Intent::Withdraw(operator.id.clone(), chat.clone())));
        }
        // An expiry makes its operator Inactive: what else they are offered goes back as well.
        intents.extend(intents.clone());
        intents.push(Intent::Distribute);
        for intent in intents {
            for decision in self.decide(world, &intent) {
                world.commit(&decision).expect("nobody else is there");
            }
        }
    }

    fn can_take(&self, world: &World, me: &Operator, chat: &Chat) -> bool {
        let mut world = world.clone();
        let Some(decision) = self.accept(&world, &me.id, &chat.id) else { return false };
        world.commit(&decision).is_ok() && world.chat(&chat.id).and_then(Chat::operator) == Some(&me.id)
    }
}

fn routing_rest_ms() -> i64 {
    domain::chat::REST_AFTER_DECLINES_MS
}

fn with(
    world: &World,
    me: &OperatorId,
    chat: &ChatId,
    decide: impl FnOnce(&Operator, &Chat) -> Option<Decision>,
) -> Option<Decision> {
    decide(world.operator(me)?, world.chat(chat)?)
}

/// The operators whom a decision changes.
fn concerns(decision: &Decision) -> impl Iterator<Item = &OperatorId> {
    decision.writes.iter().filter_map(|write| match write {
        Write::Operator { after, .. } => Some(&after.id),
        _ => None,
    })
}

/// Whether the decision at this place need not wait for those before it.
fn may_commit(decisions: &[Decision], at: usize) -> bool {
    concerns(&decisions[at]).all(|me| decisions[..at].iter().all(|before| concerns(before).all(|other| other != me)))
}

impl Model for Claim {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let operators = (0..self.operators).map(|n| {
            let mut operator = Operator::new(id(n), format!("Operator {n}"));
            operator.status = Status::Active;
            operator.connections.insert("w".to_owned(), i64::MAX);
            operator
        });
        let world = World {
            now_ms: BEGIN_MS,
            chats: (0..self.chats).map(|n| self.waiting_chat(n)).collect(),
            operators: operators.collect(),
            messages: Vec::new(),
            receipts: Vec::new(),
        };
        vec![State { world, pending: Vec::new() }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        steps.push(Step::Tick);
        for operator in &state.world.operators {
            let me = || operator.id.clone();
            steps.push(if operator.connections.is_empty() { Step::Connect(me()) } else { Step::Disconnect(me()) });
            let other = if operator.status == Status::Active { Status::Inactive } else { Status::Active };
            steps.push(Step::Set(me(), other));
        }
        let intents = self.intents(&state.world);
        if state.pending.len() < self.slots {
            steps.extend(intents.iter().cloned().map(Step::Decide));
        } else {
            // Whoever finds all slots taken is quick; with a free slot that is a decision and its commit.
            steps.extend(intents.into_iter().map(Step::Act));
        }
        for (slot, (_, decisions)) in state.pending.iter().enumerate() {
            let ready = (0..decisions.len()).filter(|at| may_commit(decisions, *at));
            steps.extend(ready.map(|at| Step::Commit(slot, at)));
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut next = state.clone();
        let world = &mut next.world;
        let before = |me: &OperatorId| state.world.operator(me);
        let change = |world: &mut World, before: &Operator, after: Operator| {
            let write = Write::Operator { before: Some(before.clone()), after };
            world.commit(&Decision { writes: vec![write], ..Decision::default() }).ok()
        };
        match step {
            Step::Tick => world.now_ms += TICK_MS,
            Step::Connect(me) => {
                let before = before(&me)?;
                change(world, before, before.with_connection("w", i64::MAX, world.now_ms).ok()?)?;
            }
            Step::Disconnect(me) => change(world, before(&me)?, before(&me)?.without_connection("w", world.now_ms)?)?,
            Step::Set(me, status) => change(world, before(&me)?, before(&me)?.with_status(status)?)?,
            Step::Decide(intent) => {
                let decisions = self.decide(world, &intent);
                if decisions.is_empty() {
                    return None;
                }
                next.pending.push((intent, decisions));
                // Which slot holds what makes no difference.
                next.pending.sort_by(|(a, _), (b, _)| a.cmp(b));
            }
            Step::Act(intent) => {
                let decisions = self.decide(world, &intent);
                if decisions.is_empty() {
                    return None;
                }
                for decision in decisions {
                    world.commit(&decision).expect("nobody was faster");
                }
            }
            Step::Commit(slot, at) => {
                let (intent, mut decisions) = next.pending.remove(slot);
                let decision = decisions.remove(at);
                if world.commit(&decision).is_err() {
                    decisions = self.decide(world, &intent);
                }
                if !decisions.is_empty() {
                    next.pending.insert(slot, (intent, decisions));
                }
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("I4: at most one operator has a chat", |_, state: &State| {
                state.world.chats.iter().all(|chat| {
                    let holders = state.world.operators.iter().filter(|operator| operator.chats.contains(&chat.id));
                    holders.map(|holder| &holder.id).eq(chat.operator())
                })
            }),
            Property::always("I3: an operator's load is their chats", |_, state: &State| {
                state.world.chats.iter().all(|chat| {
                    let offered = state.world.operators.iter().filter(|operator| operator.offers.contains(&chat.id));
                    offered.map(|operator| &operator.id).eq(chat.offer().map(|offer| &offer.operator))
                })
            }),
            Property::always("I3: nobody is above the limit", |model: &Self, state: &State| {
                state.world.operators.iter().all(|operator| operator.load() <= model.limit as usize)
            }),
            Property::always("I5: from here every chat can still be taken", |model: &Self, state: &State| {
                model.recovers(state)
            }),
            Property::sometimes("a chat is in work", |_, state: &State| {
                state.world.chats.iter().any(|chat| chat.operator().is_some())
            }),
            Property::sometimes("a commit comes too late", |_, state: &State| {
                state.pending.iter().flat_map(|(_, decisions)| decisions).any(|late| !state.world.is_fresh(late))
            }),
        ]
    }
}
