//! The way of customers' updates to the webhooks: in order, until they are taken in; Messenger's several at once.

use domain::Provider;

use crate::customers::Customer;
use crate::faults::Fault;
use crate::functions::{Event, Source};
use crate::notices::TWILIO_TRIES_MAX;
use crate::posts::Post;
use crate::simulation::Simulation;

/// The most updates of one customer that a call of Messenger's brings here.
const TOGETHER_MAX: usize = 4;

impl Simulation {
    /// A messenger brings what customers did, if it has something; says whether it had.
    pub(crate) fn deliver_update(&mut self) -> bool {
        let now_ms = self.services.now_ms();
        let rng = &self.services.rng;
        let ready = |one: &Customer| !one.in_flight && !one.outbox.is_empty() && one.retry_at_ms <= now_ms;
        let ready: Vec<usize> =
            self.customers.iter().enumerate().filter(|(_, one)| ready(one)).map(|(at, _)| at).collect();
        let Some(first) = rng.pick(&ready).copied() else { return false };
        let mut updates = vec![(first, 1)];
        if self.customers[first].provider() == Provider::Messenger {
            let others = ready.iter().filter(|at| **at != first && rng.chance(500));
            updates
                .extend(others.filter(|at| self.customers[**at].provider() == Provider::Messenger).map(|at| (*at, 1)));
            for (at, count) in &mut updates {
                *count = (1 + rng.below(TOGETHER_MAX)).min(self.customers[*at].outbox.len());
            }
        }
        let told: Vec<_> = updates
            .iter()
            .flat_map(|(at, count)| self.customers[*at].outbox.iter().take(*count).map(|update| update.told.clone()))
            .collect();
        let post = Post::of(told, now_ms, 1 + rng.below(3));
        for (at, count) in &updates {
            let customer = &mut self.customers[*at];
            customer.in_flight = true;
            let numbers = || customer.outbox.iter().take(*count).map(|update| update.message).collect::<Vec<_>>();
            self.services.tell(|| format!("webhook is given {:?} of {}", numbers(), customer.conversation));
        }
        self.begin(Event::Post(post), Source::Post(updates, Vec::new()));
        true
    }

    /// What became of them.
    pub(crate) fn end_updates(&mut self, at: usize, count: usize, accepted: bool) {
        let now_ms = self.services.now_ms();
        let unstable = self.is_unstable(self.customers[at].place);
        let customer = &mut self.customers[at];
        customer.in_flight = false;
        customer.tries += 1;
        let gives_up = customer.provider() == Provider::Whatsapp && customer.tries >= TWILIO_TRIES_MAX;
        if !accepted && !gives_up {
            customer.retry_at_ms = now_ms + 2_000;
            return;
        }
        customer.tries = 0;
        for _ in 0..count {
            let Some(update) = customer.outbox.pop_front() else { return };
            let mut model = self.services.model.borrow_mut();
            let said = model.said.entry(customer.conversation.clone()).or_default();
            if accepted {
                said.took(&update, unstable);
            }
            if let Some(number) = update.message {
                if accepted {
                    said.accepted.insert(number);
                }
                // What Twilio gives up was never taken in; the customer wrote it all the same.
                if unstable || !accepted {
                    said.may_be_dropped.insert(number);
                }
            }
            drop(model);
            if accepted {
                customer.delivered.push(update);
            }
        }
        if accepted && self.services.hit(Fault::WebhookRepeated) {
            let customer = &self.customers[at];
            if let Some(update) = customer.delivered.last().cloned() {
                self.begin(Event::Post(Post::of(vec![update.told], now_ms, 1)), Source::Nobody);
            }
        }
    }
}
