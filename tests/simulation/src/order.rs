//! Who goes first (I5, Q4): an offer of the router, held to the line and to the operators as it must have read them.
//!
//! What the product promises, exactly (`routing::Pass`): a pass looks at the chats of a line in their order, and gives each
//! that does not rest to the freest operator who is there, has room and has not declined it. It reads the line and the
//! operators at some time after its invocation began, and carries out what it decided for different operators side by side.
//! So a chat may be offered before one that has waited longer only if that one
//! - came to the line, or changed in it, after the invocation began, or
//! - rested when it began, or
//! - was declined by this operator, or
//! - may be on its way to another: there is one who could take it, or who has changed since.
//!
//! And whether somebody else is freer is certain only where the pass had nobody else to think of: of the head of the line.

use domain::chat::{Chat, Stand};
use domain::operator::Operator;
use domain::{ChatId, OperatorId};

use crate::invariants::Invariant;
use crate::model::Model;

impl Model {
    /// The router, in an invocation that began at that time, offers this chat, as it was in the line, to this operator.
    pub(crate) fn check_turn(&mut self, chat: &Chat, to: &OperatorId, since_ms: i64) {
        let place = |chat: &Chat| (chat.route.waiting_since_ms, chat.id.clone());
        let earlier: Vec<&Chat> = self
            .chats
            .values()
            .filter(|other| other.route.stand == Stand::Waiting && other.route.queue == chat.route.queue)
            .filter(|other| place(other) < place(chat))
            .collect();
        let passed_over = earlier.iter().find(|other| {
            let stood = self.moved_ms(&other.id) < since_ms;
            let rested = other.route.not_before_ms.is_some_and(|not_before| not_before > since_ms);
            stood && !rested && !other.route.decliners.contains(to) && !self.may_go_to_another(other, to, since_ms)
        });
        let passed_over = passed_over.map(|other| other.id.clone());
        // What the pass read before it in the line may have gone by then, and not to whom the pass meant.
        let alone = earlier.is_empty() && !self.left_a_line_since(&chat.id, since_ms);
        let freer = alone.then(|| self.freer_than(chat, to, since_ms)).flatten();
        self.require(Invariant::I5, passed_over.is_none(), || {
            format!("{} is offered to {to} before {passed_over:?}, which has waited longer", chat.id)
        });
        self.require(Invariant::I5, freer.is_none(), || {
            format!("Q4: {} is offered to {to}, though {freer:?} is freer", chat.id)
        });
    }

    /// Whether any other chat has stopped waiting since then.
    fn left_a_line_since(&self, but: &ChatId, since_ms: i64) -> bool {
        self.waited.iter().any(|(chat, until)| chat != but && (since_ms..i64::MAX).contains(until))
    }

    fn has_changed(&self, operator: &OperatorId, since_ms: i64) -> bool {
        self.changed.get(operator).is_some_and(|at| *at >= since_ms)
    }

    fn may_go_to_another(&self, chat: &Chat, but: &OperatorId, since_ms: i64) -> bool {
        self.operators
            .values()
            .filter(|one| one.id != *but)
            .any(|one| self.has_changed(&one.id, since_ms) || self.could_take(one, chat, since_ms))
    }

    fn could_take(&self, operator: &Operator, chat: &Chat, since_ms: i64) -> bool {
        operator.is_available()
            && !chat.route.decliners.contains(&operator.id)
            && self.configs_since(since_ms).into_iter().any(|config| {
                let queue = config.queues.get(&chat.route.queue);
                queue.is_some_and(|queue| queue.has(operator)) && operator.load() < config.limit(operator, queue)
            })
    }

    /// Somebody whom the pass must have seen freer, for the head of a line.
    fn freer_than(&self, chat: &Chat, to: &OperatorId, since_ms: i64) -> Option<OperatorId> {
        let chosen = self.operators.get(to).filter(|one| !self.has_changed(&one.id, since_ms))?;
        let configs = self.configs_since(since_ms);
        let freedom = |one: &Operator| (one.load(), one.last_taken_at_ms);
        let surely = |one: &&Operator| {
            configs.iter().all(|config| {
                let queue = config.queues.get(&chat.route.queue);
                queue.is_some_and(|queue| queue.has(one)) && one.load() < config.limit(one, queue)
            })
        };
        let others = self.operators.values().filter(|one| one.id != *to && one.is_available());
        let unchanged = others.filter(|one| !self.has_changed(&one.id, since_ms));
        let willing = unchanged.filter(|one| !chat.route.decliners.contains(&one.id)).filter(surely);
        willing.filter(|one| freedom(one) < freedom(chosen)).map(|one| one.id.clone()).next()
    }
}
