//! What is stored, and what a commit does to it: the conditions of `domain::decision::Write`, and nothing else.

use std::hash::{Hash, Hasher};

use domain::chat::{Chat, Offer, Route, Stand};
use domain::decision::{Decision, Write};
use domain::message::Message;
use domain::operator::{Operator, Status};
use domain::{ChatId, OperatorId};

/// Everything that is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// Now, milliseconds since 1970.
    pub now_ms: i64,
    /// The chats, in the order in which they opened.
    pub chats: Vec<Chat>,
    /// The operators.
    pub operators: Vec<Operator>,
    /// The messages, in the order in which they were stored.
    pub messages: Vec<Message>,
    /// The keys of the provider's events that were taken in.
    pub receipts: Vec<String>,
}

/// Somebody else was faster: the commit changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale;

impl World {
    /// A chat.
    pub fn chat(&self, id: &ChatId) -> Option<&Chat> {
        self.chats.iter().find(|chat| chat.id == *id)
    }

    /// An operator.
    pub fn operator(&self, id: &OperatorId) -> Option<&Operator> {
        self.operators.iter().find(|operator| operator.id == *id)
    }

    /// With whom a chat is in work.
    pub fn source(&self, chat: &Chat) -> Option<&Operator> {
        chat.operator().and_then(|id| self.operator(id))
    }

    /// To whom a chat is on offer.
    pub fn target(&self, chat: &Chat) -> Option<&Operator> {
        chat.offer().and_then(|offer| self.operator(&offer.operator))
    }

    /// All of a decision's writes, or none.
    pub fn commit(&mut self, decision: &Decision) -> Result<(), Stale> {
        if !self.is_fresh(decision) {
            return Err(Stale);
        }
        for write in &decision.writes {
            self.apply(write);
        }
        Ok(())
    }

    /// Whether what a decision was made on is still so.
    pub fn is_fresh(&self, decision: &Decision) -> bool {
        decision.writes.iter().all(|write| self.holds(write))
    }

    fn holds(&self, write: &Write) -> bool {
        match write {
            Write::OpenChat(chat) => self.chat(&chat.id).is_none(),
            Write::Thread { chat, from_seq, speaker, thread } => self.chat(chat).is_some_and(|chat| {
                let speaks = speaker.as_ref().is_none_or(|speaker| chat.operator() == Some(speaker));
                let fresh = chat.thread.next_seq == *from_seq && chat.thread.rev + 1 == thread.rev;
                fresh && !chat.is_closed() && speaks
            }),
            Write::Route { before, if_quiet, .. } => self.chat(&before.id).is_some_and(|chat| {
                let quiet = !if_quiet || chat.thread.rev == before.thread.rev;
                chat.route.rev == before.route.rev && quiet
            }),
            Write::Chat { before, .. } => {
                self.chat(&before.id).is_some_and(|chat| *chat == *before && !chat.is_closed())
            }
            Write::Named(named) => self.chat(&named.id).is_some_and(|chat| chat.route.rev + 1 == named.route.rev),
            Write::Operator { before, after } => {
                self.operator(&after.id).map(|operator| operator.rev) == before.as_ref().map(|before| before.rev)
            }
            Write::NewMessage(message) => self.message(message).is_none(),
            Write::Message(message) => self.message(message).is_some_and(|at| self.messages[at].rev + 1 == message.rev),
            Write::Receipt { key, .. } => !self.receipts.contains(key),
            // Numbered by the route's revision, which `Route` holds to; the contact is written whatever it was.
            Write::Event(_) | Write::Contact(_) => true,
        }
    }

    fn message(&self, message: &Message) -> Option<usize> {
        self.messages.iter().position(|known| known.chat == message.chat && known.seq == message.seq)
    }

    fn apply(&mut self, write: &Write) {
        match write {
            Write::OpenChat(chat) => self.chats.push(chat.clone()),
            Write::Thread { chat, thread, .. } => self.on_chat(chat, |chat| chat.thread.clone_from(thread)),
            Write::Route { before, route, .. } => self.on_chat(&before.id, |chat| chat.route.clone_from(route)),
            Write::Chat { before, after } => self.on_chat(&before.id, |chat| chat.clone_from(after)),
            Write::Named(named) => {
                self.on_chat(&named.id, |chat| {
                    chat.route.clone_from(&named.route);
                    chat.customer_name.clone_from(&named.customer_name);
                });
            }
            Write::Operator { after, .. } => match self.operators.iter_mut().find(|operator| operator.id == after.id) {
                Some(operator) => operator.clone_from(after),
                None => self.operators.push(after.clone()),
            },
            Write::NewMessage(message) => self.messages.push(message.clone()),
            Write::Message(message) => {
                if let Some(at) = self.message(message) {
                    self.messages[at] = message.clone();
                }
            }
            Write::Receipt { key, .. } => self.receipts.push(key.clone()),
            Write::Event(_) | Write::Contact(_) => {}
        }
    }

    fn on_chat(&mut self, id: &ChatId, change: impl FnOnce(&mut Chat)) {
        if let Some(chat) = self.chats.iter_mut().find(|chat| chat.id == *id) {
            change(chat);
        }
    }
}

/// Beyond this nothing depends on how long ago something was, milliseconds: all the times of the models are shorter.
const LONG_AGO_MS: i64 = 120_000;
/// The longest absence that makes a difference, milliseconds: the models' queues have their chats back after it.
const ABSENCE_MS: i64 = 60_000;

/// What tells states apart: that which a decision to come can depend on. Counters only ever say whether something changed
/// since it was read, and moments only how far away they are: written so, the states are finitely many, and the models are
/// explored to the end without a bound on the number of steps.
pub struct Canon<'a, H> {
    /// Takes it in.
    pub hasher: &'a mut H,
    /// Now, milliseconds since 1970.
    pub now_ms: i64,
    /// All moments at which an operator took a chat, in order: only their order counts (Q4).
    pub taken: Vec<i64>,
}

impl<H: Hasher> Canon<'_, H> {
    /// A moment, by its distance.
    pub fn moment(&mut self, at_ms: Option<i64>) {
        at_ms.map(|at| (at - self.now_ms).clamp(-LONG_AGO_MS, LONG_AGO_MS)).hash(self.hasher);
    }

    /// A deadline: once it has passed, it has passed.
    fn deadline(&mut self, at_ms: Option<i64>) {
        at_ms.map(|at| (at - self.now_ms).max(0)).hash(self.hasher);
    }

    fn offer(&mut self, offer: &Offer) {
        offer.operator.hash(self.hasher);
        self.deadline(Some(offer.expires_at_ms));
    }

    /// A route, without its counter and the requests it remembers: in the models no two commands have the same id.
    pub fn route(&mut self, route: &Route) {
        std::mem::discriminant(&route.stand).hash(self.hasher);
        match &route.stand {
            Stand::WithBot | Stand::Waiting => {}
            Stand::Offered { offer } => self.offer(offer),
            Stand::InWork { operator, transfer } => {
                operator.hash(self.hasher);
                transfer.is_some().hash(self.hasher);
                if let Some(offer) = transfer {
                    self.offer(offer);
                }
            }
            // Nothing happens to it any more, whoever closed it.
            Stand::Closed { operator, .. } => return operator.hash(self.hasher),
        }
        route.queue.hash(self.hasher);
        self.deadline(route.not_before_ms.filter(|at| *at > self.now_ms));
        let mut decliners: Vec<_> = route.decliners.iter().collect();
        decliners.sort_unstable();
        decliners.hash(self.hasher);
        if route.close_due_at_ms.is_some() {
            self.moment(route.taken_at_ms);
            self.moment(route.close_due_at_ms);
        }
    }

    /// An operator, without the counter.
    pub fn operator(&mut self, operator: &Operator) {
        operator.id.hash(self.hasher);
        (operator.status == Status::Active, operator.disabled, operator.connections.is_empty()).hash(self.hasher);
        (&operator.offers, &operator.chats).hash(self.hasher);
        operator.absent_since_ms.map(|at| (self.now_ms - at).min(ABSENCE_MS)).hash(self.hasher);
        self.taken.binary_search(&operator.last_taken_at_ms).hash(self.hasher);
    }

    /// A decision that waits for its commit: whether it would still go through, and what it would leave.
    pub fn decision(&mut self, decision: &Decision, world: &World) {
        let fresh = world.is_fresh(decision);
        fresh.hash(self.hasher);
        // One that comes too late is made anew: what it said makes no difference.
        for write in decision.writes.iter().filter(|_| fresh) {
            match write {
                Write::Route { route, .. } => self.route(route),
                // No app of these models takes turns with another, and nobody's name is asked for.
                Write::Chat { .. } | Write::Named(_) => unreachable!("the models hand nothing over"),
                Write::Operator { after, .. } => self.operator(after),
                Write::OpenChat(chat) => (&chat.id, chat.thread.next_seq).hash(self.hasher),
                Write::Thread { chat, thread, .. } => {
                    (chat, thread.next_seq, thread.last_out_seq, thread.read_seq).hash(self.hasher);
                    self.moment(thread.last_in_at_ms);
                    self.moment(thread.last_out_at_ms);
                }
                Write::NewMessage(message) | Write::Message(message) => (&message.chat, message.seq).hash(self.hasher),
                Write::Receipt { key, .. } => key.hash(self.hasher),
                Write::Contact(_) | Write::Event(_) => {}
            }
        }
    }
}

/// The moments at which the operators of a world, and of decisions that wait, took a chat; and now.
pub fn taken<'a>(world: &World, waiting: impl Iterator<Item = &'a Decision>) -> Vec<i64> {
    let waiting = waiting.filter(|decision| world.is_fresh(decision));
    let stored = world.operators.iter().map(|operator| operator.last_taken_at_ms);
    let to_be = waiting.flat_map(|decision| &decision.writes).filter_map(|write| match write {
        Write::Operator { after, .. } => Some(after.last_taken_at_ms),
        _ => None,
    });
    let mut all: Vec<i64> = stored.chain(to_be).chain([world.now_ms]).collect();
    all.sort_unstable();
    all.dedup();
    all
}
