//! What must be so when the faults have stopped and everything had its time.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use domain::chat::{Chat, Stand};
use domain::config::Rule;
use fakes::World;
use wire::queues::{QueueMessage, QueueName};

use crate::control::is_ours;
use crate::invariants::Invariant;
use crate::simulation::Simulation;

/// So long after its time, milliseconds, at the latest, an offer or a chat ends (I7): 60 s after, 120 s when its timer was lost.
const LATE_MS_MAX: (i64, i64) = (60_000, 120_000);
/// What the work itself may take of it, milliseconds, hints and their queues included.
const WORK_MS: i64 = 10_000;
/// So long after the faults stopped, milliseconds, what they hid in a queue comes back, and the next sweep has been.
const AFTERMATH_MS: i64 = 90_000;
/// After a change of the configuration somebody may have armed a timer by what was before, for so long, milliseconds.
const ARMED_ANEW_MS: i64 = 5_000;

pub(crate) type Found = (Invariant, Option<String>);

pub(crate) fn none_of(invariant: Invariant, words: &str, found: &[String]) -> Found {
    (invariant, (!found.is_empty()).then(|| format!("{words}: {}", found.join(", "))))
}

impl Simulation {
    pub(crate) fn check_end(&self) {
        for (invariant, broken) in self.look() {
            let mut model = self.services.model.borrow_mut();
            model.require(invariant, broken.is_none(), || broken.unwrap_or_default());
        }
        self.check_rows();
    }

    /// Whether the end could be now.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.look().iter().all(|(_, broken)| broken.is_none())
    }

    /// Whether an offer or a chat is beyond its time.
    pub(crate) fn is_anything_due(&self) -> bool {
        let now_ms = self.services.now_ms();
        let model = self.services.model.borrow();
        let Some((_, config)) = model.configs.last() else { return false };
        model.chats.values().any(|chat| {
            chat.offer().is_some_and(|offer| offer.expires_at_ms <= now_ms)
                || domain::stay::is_time_to_close(chat, config.queues.get(&chat.route.queue), now_ms)
        })
    }

    fn look(&self) -> Vec<Found> {
        vec![
            self.lost(),
            self.unanswered(),
            self.replies(),
            self.files(),
            self.waiting(),
            self.gone(),
            self.queued(),
            self.controlled(),
        ]
    }

    /// I2, I9: what was accepted is stored.
    fn lost(&self) -> Found {
        let model = self.services.model.borrow();
        let mut lost = Vec::new();
        for (conversation, said) in &model.said {
            let open =
                said.accepted.iter().filter(|one| !said.stored.contains(one) && !said.may_be_dropped.contains(one));
            lost.extend(open.map(|number| format!("{conversation} m{number}")));
            let taken = |number: &u64| said.accepted.contains(number) && !said.may_be_dropped.contains(number);
            for (number, parts) in said.parts.iter().filter(|(number, _)| taken(number)) {
                let open = (1..*parts).filter(|part| !said.stored_parts.contains(&(*number, *part)));
                lost.extend(open.map(|part| format!("{conversation} m{number}#{part}")));
            }
        }
        none_of(Invariant::I9, "accepted and not stored", &lost)
    }

    fn unanswered(&self) -> Found {
        let waiting = self.customers.iter().filter(|one| !one.outbox.is_empty()).map(|one| one.number.to_string());
        let notices = self.services.notices.borrow().iter().map(|one| format!("{one:?}")).collect::<Vec<_>>();
        none_of(Invariant::Live, "what is never answered 2xx, of", &waiting.chain(notices).collect::<Vec<_>>())
    }

    /// I6: every reply has come to its end, and its end is true.
    fn replies(&self) -> Found {
        let model = self.services.model.borrow();
        let messenger = self.services.messenger.borrow();
        let mut wrong = Vec::new();
        for message in model.messages.values().filter(|message| is_ours(message)) {
            let Some(delivery) = &message.delivery else { continue };
            let reply = (message.chat.clone(), message.seq);
            if let Err(known) = messenger.may_end(&reply, delivery) {
                wrong.push(format!("{reply:?} {delivery:?}, which is {known}"));
            }
            if !model.is_as_told(&reply, delivery.state) {
                wrong.push(format!("{reply:?} {delivery:?}, and was told to be {:?}", model.told.get(&reply)));
            }
        }
        let untold = model.untold.iter().filter(|(_, (_, since_ms))| *since_ms >= self.calm_since_ms);
        wrong.extend(untold.map(|(reply, (operator, _))| format!("{operator} is not told that {reply:?} failed")));
        none_of(Invariant::I6, "at its end", &wrong)
    }

    /// Every file has come to its end, and is there.
    fn files(&self) -> Found {
        let model = self.services.model.borrow();
        let mut wrong = model.awaited();
        wrong.extend(model.messages.values().filter(|one| !self.services.has_file_of(one)).map(|message| {
            format!("{} {}: not the file in the bucket: {:?}", message.chat, message.seq, message.file)
        }));
        none_of(Invariant::Files, "at the end", &wrong)
    }

    /// I5: nobody waits who might be offered to somebody.
    fn waiting(&self) -> Found {
        let now_ms = self.services.now_ms();
        let model = self.services.model.borrow();
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
            stuck.extend(free.map(|free| format!("{} waits while {} is free", chat.id, free.id)));
        }
        none_of(Invariant::I5, "at the end", &stuck)
    }

    fn gone(&self) -> Found {
        let model = self.services.model.borrow();
        let windows = self.services.windows.borrow();
        let open = |name: &str| windows.get(name).is_some_and(|one| one.open);
        let known = model.operators.values().flat_map(|one| one.connections.keys());
        let gone: Vec<_> = known.filter(|name| !open(name)).cloned().collect();
        none_of(Invariant::Live, "windows that are gone are still known", &gone)
    }

    fn queued(&self) -> Found {
        let queues = self.services.queues.borrow();
        let matters = |letter: &&QueueMessage| matches!(letter.queue(), QueueName::Inbound | QueueName::Outbound(_));
        let left = queues.letters().filter(matters).map(|letter| format!("{letter:?}"));
        none_of(Invariant::Live, "still queued", &left.collect::<Vec<_>>())
    }

    /// I7, Q5: in the calm no offer and no chat stays beyond its time.
    pub(crate) fn check_timely(&self) {
        let now_ms = self.services.now_ms();
        let mut model = self.services.model.borrow_mut();
        let config = model.config();
        let mut late = Vec::new();
        let mut looked_at = 0;
        for chat in model.chats.values() {
            let (offered_ms, close_set_ms) = model.armed_ms(&chat.id);
            if let Some(last) = self.latest_ms(offered_ms, now_ms) {
                looked_at += 1;
                if chat.offer().is_some_and(|offer| offer.expires_at_ms <= last) {
                    late.push(format!("the offer of {} has not ended", chat.id));
                }
            }
            // A bot's chat has no timer: the sweep alone looks.
            let close_set_ms = if chat.route.stand == Stand::WithBot { 0 } else { close_set_ms };
            if let Some(last) = self.latest_ms(close_set_ms, now_ms) {
                looked_at += 1;
                if domain::stay::is_time_to_close(chat, config.queues.get(&chat.route.queue), last) {
                    late.push(format!("{} has not closed: {:?} {:?}", chat.id, chat.route, chat.thread));
                }
            }
        }
        for _ in 0..looked_at {
            model.require(Invariant::I7, late.is_empty(), || late.join(", "));
        }
    }

    /// What should have ended by then has ended by now: a timer that was set in the calm is kept; one that may have been lost in the
    /// storm leaves it to the sweep, and to a moment for what the storm left behind.
    fn latest_ms(&self, armed_ms: i64, now_ms: i64) -> Option<i64> {
        if armed_ms >= self.calm_since_ms + ARMED_ANEW_MS {
            return Some(now_ms - LATE_MS_MAX.0 - WORK_MS);
        }
        let last = now_ms - LATE_MS_MAX.1 - WORK_MS;
        (last >= self.calm_since_ms + AFTERMATH_MS).then_some(last)
    }

    /// The same looked at once more, by the checks of the other suites, in what is stored.
    fn check_rows(&self) {
        let world = World { store: self.services.store.clone(), ..World::new() };
        let looked = std::panic::catch_unwind(AssertUnwindSafe(|| world.check()));
        let why = crate::run::taken_panic();
        let mut model = self.services.model.borrow_mut();
        model.require(Invariant::Rows, looked.is_ok(), || why.unwrap_or_default());
        let numbers: BTreeSet<u32> = model.chats.keys().map(|chat| chat.n).collect();
        let from_1 = numbers.is_empty() || numbers.contains(&1);
        model.require(Invariant::I1, from_1, || "chats are numbered from 1".to_owned());
    }
}
