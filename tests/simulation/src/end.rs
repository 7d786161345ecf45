//! What must be so when the faults have stopped and everything had its time.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use domain::chat::{Chat, Stand};
use domain::config::Rule;
use domain::message::{Author, DeliveryState};
use fakes::World;
use wire::queues::{QueueMessage, QueueName};

use crate::simulation::Simulation;

/// So long after its time, milliseconds, everything is done that only time had to do (I7: 120 s), the work itself included.
const LATE_MS_MAX: i64 = 130_000;

impl Simulation {
    pub(crate) fn check_end(&self) {
        self.check_said();
        self.check_replies();
        self.check_deadlines_met();
        self.check_nobody_waits();
        self.check_queues();
        self.check_rows();
    }

    /// I2, I9: what was accepted is stored.
    fn check_said(&self) {
        let mut model = self.services.model.borrow_mut();
        let lost: Vec<String> = model
            .said
            .iter()
            .flat_map(|(conversation, said)| {
                let lost =
                    said.accepted.iter().filter(|one| !said.stored.contains(one) && !said.may_be_dropped.contains(one));
                lost.map(move |number| format!("{conversation} m{number}"))
            })
            .collect();
        model.require(lost.is_empty(), || format!("I2: accepted and not stored: {lost:?}"));
        let waiting: Vec<_> =
            self.customers.iter().filter(|one| !one.outbox.is_empty()).map(|one| one.number).collect();
        model.require(waiting.is_empty(), || format!("liveness: updates of {waiting:?} were never answered 2xx"));
    }

    /// I6: every reply has come to its end, and its end is true.
    fn check_replies(&self) {
        let mut model = self.services.model.borrow_mut();
        let messenger = self.services.messenger.borrow();
        let mut wrong = Vec::new();
        for message in model.messages.values().filter(|message| matches!(message.author, Author::Operator { .. })) {
            let Some(delivery) = &message.delivery else { continue };
            let deliveries = messenger.deliveries(message.content.words().unwrap_or_default());
            let is_true = match delivery.state {
                DeliveryState::Sent | DeliveryState::Delivered | DeliveryState::Read => deliveries == 1,
                DeliveryState::Failed => deliveries == 0,
                DeliveryState::Unknown => true,
                DeliveryState::Queued | DeliveryState::Sending => false,
            };
            if !is_true {
                wrong.push(format!("{} {} {:?}, delivered {deliveries} times", message.chat, message.seq, delivery));
            }
        }
        model.require(wrong.is_empty(), || format!("I6: {wrong:?}"));
    }

    /// Q5, I7: no offer and no chat is overdue.
    fn check_deadlines_met(&self) {
        let late_ms = self.services.now_ms() - LATE_MS_MAX;
        let mut model = self.services.model.borrow_mut();
        let config = model.config();
        let chats: Vec<Chat> = model.chats.values().cloned().collect();
        for chat in chats {
            let overdue = chat.offer().is_some_and(|offer| offer.expires_at_ms <= late_ms);
            model.require(!overdue, || format!("Q5: the offer of {} has not ended", chat.id));
            let queue = config.queues.get(&chat.route.queue);
            let open = domain::stay::is_time_to_close(&chat, queue, late_ms);
            model.require(!open, || format!("I7: {} has not closed: {:?} {:?}", chat.id, chat.route, chat.thread));
        }
    }

    /// I5: nobody waits who might be offered to somebody.
    fn check_nobody_waits(&self) {
        let now_ms = self.services.now_ms();
        let mut model = self.services.model.borrow_mut();
        let config = model.config();
        let waits = |chat: &&Chat| {
            chat.route.stand == Stand::Waiting
                && chat.route.not_before_ms.is_none_or(|not_before| not_before + 5_000 < now_ms)
        };
        let mut stuck = Vec::new();
        for chat in model.chats.values().filter(waits) {
            let Some(queue) = config.queues.get(&chat.route.queue).filter(|queue| queue.rule == Rule::MostFree) else {
                continue;
            };
            let free = model
                .operators
                .values()
                .find(|one| one.is_available() && queue.has(one) && one.load() < config.limit(one, Some(queue)));
            if let Some(free) = free {
                stuck.push(format!("{} waits while {} is free", chat.id, free.id));
            }
        }
        model.require(stuck.is_empty(), || format!("I5: {stuck:?}"));
        let gone: Vec<_> = {
            let windows = self.services.windows.borrow();
            let open = |name: &str| windows.get(name).is_some_and(|one| one.open);
            let known = model.operators.values().flat_map(|one| one.connections.keys());
            known.filter(|name| !open(name)).cloned().collect()
        };
        model.require(gone.is_empty(), || format!("liveness: windows that are gone are still known: {gone:?}"));
    }

    fn check_queues(&self) {
        let mut model = self.services.model.borrow_mut();
        let queues = self.services.queues.borrow();
        let left: Vec<&QueueMessage> = queues
            .letters()
            .filter(|letter| matches!(letter.queue(), QueueName::Inbound | QueueName::Outbound(_)))
            .collect();
        model.require(left.is_empty(), || format!("liveness: still queued: {left:?}"));
    }

    /// The same looked at once more, by the checks of the other suites, in what is stored.
    fn check_rows(&self) {
        let world = World { store: self.services.store.clone(), ..World::new() };
        let looked = std::panic::catch_unwind(AssertUnwindSafe(|| world.check()));
        let why = crate::run::taken_panic();
        let mut model = self.services.model.borrow_mut();
        model.require(looked.is_ok(), || format!("rows: {}", why.unwrap_or_default()));
        let numbers: BTreeSet<u32> = model.chats.keys().map(|chat| chat.n).collect();
        model.require(numbers.is_empty() || numbers.contains(&1), || "I1: chats are numbered from 1".to_owned());
    }
}
