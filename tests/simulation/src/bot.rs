//! A page's bot, which takes turns with us at conversations (Meta, "Conversation Routing", once "Handover Protocol"): while it
//! has one, we are told of it in standby, and what we send is refused.

use std::collections::BTreeSet;

use fakes::world::id;
use serde_json::{Value, json};

use crate::customers::Customer;
use crate::posts;
use crate::simulation::Simulation;

/// The bot's app.
pub(crate) const BOT: &str = "300000000000002";
/// Our own.
pub(crate) const OURS: &str = "300000000000001";
/// The page's inbox, in which people answer.
const INBOX: &str = "263902037430900";

/// Who has the conversations of the page.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    /// Whether the page has a bot: then every conversation is the bot's at first.
    pub(crate) has_bot: bool,
    /// The customers whose conversations are ours for now.
    ours: BTreeSet<String>,
}

impl Threads {
    /// Whether the bot has the conversation with this customer.
    pub(crate) fn is_bots(&self, psid: &str) -> bool {
        // Only customers of the page are so many digits.
        self.has_bot && psid.starts_with("2000000000000") && !self.ours.contains(psid)
    }

    fn give_to_us(&mut self, psid: &str) {
        self.ours.insert(psid.to_owned());
    }

    pub(crate) fn give_to_bot(&mut self, psid: &str) {
        self.ours.remove(psid);
    }
}

/// What the bot does, or somebody in the page's inbox.
#[derive(Clone, Copy, Debug)]
enum Acts {
    /// The bot writes.
    Says,
    /// It passes the conversation to us.
    Passes,
    /// It takes it from us.
    Takes,
    /// It asks for it.
    Requests,
    /// Somebody writes in the inbox.
    Inbox,
    /// Nobody does anything.
    Rests,
}

impl Simulation {
    /// The bot of the page, or somebody in its inbox, may do something in the conversation of this customer.
    /// Says whether anything was done.
    pub(crate) fn bot_acts(&mut self, at: usize) -> bool {
        let (rng, is_bots) = (&self.services.rng, self.customers[at].standby);
        let may: &[(Acts, u32)] = if is_bots {
            &[(Acts::Says, 50), (Acts::Passes, 50)]
        } else {
            &[(Acts::Takes, 8), (Acts::Requests, 5), (Acts::Inbox, 12), (Acts::Rests, 75)]
        };
        let Some(acts) = rng.weighted(may, |_| true) else { return false };
        self.services.tell(|| format!("{}: the bot: {acts:?}", self.customers[at].conversation));
        let (now_ms, psid) = (self.services.now_ms(), self.customers[at].address());
        match acts {
            Acts::Rests => return false,
            Acts::Says => self.echo(at, BOT),
            Acts::Inbox => self.echo(at, INBOX),
            Acts::Passes => {
                self.services.threads.borrow_mut().give_to_us(&psid);
                let pass = json!({ "previous_owner_app_id": BOT, "new_owner_app_id": OURS, "metadata": "" });
                self.customers[at].control(now_ms, "pass_thread_control", &pass, Some(true));
            }
            Acts::Takes => {
                self.services.threads.borrow_mut().give_to_bot(&psid);
                let take = json!({ "previous_owner_app_id": OURS, "new_owner_app_id": BOT, "metadata": "" });
                self.customers[at].control(now_ms, "take_thread_control", &take, Some(false));
            }
            Acts::Requests => {
                let request = json!({ "requested_owner_app_id": BOT, "metadata": "" });
                self.customers[at].control(now_ms, "request_thread_control", &request, None);
            }
        }
        true
    }

    /// Another app writes to the customer, and the page is told.
    fn echo(&mut self, at: usize, app: &str) {
        let unstable = self.is_unstable(self.customers[at].place);
        let (now_ms, customer) = (self.services.now_ms(), &mut self.customers[at]);
        let mut model = self.services.model.borrow_mut();
        let said = model.said.entry(customer.conversation.clone()).or_default();
        said.channel = Some(id(customer.line().id));
        let echoes = &mut said.echoes;
        echoes.written += 1;
        let number = echoes.written;
        if customer.standby {
            echoes.standby.insert(number);
        }
        if unstable {
            echoes.may_be_dropped.insert(number);
        }
        customer.hear(now_ms, number, app);
    }
}

impl Customer {
    /// Who has the conversation changes, or is asked to; `ours` is what we are to take from it.
    fn control(&mut self, at_ms: i64, kind: &str, what: &Value, ours: Option<bool>) {
        let at_ms = self.moment(at_ms);
        let told = posts::event(&self.address(), at_ms, kind, what, false);
        self.put(told, None);
        if let Some(update) = self.outbox.back_mut() {
            update.ours = ours;
        }
    }

    /// Another app has written to them.
    fn hear(&mut self, at_ms: i64, number: u64, app: &str) {
        let at_ms = self.moment(at_ms);
        let message = json!({ "mid": format!("b_{number}"), "is_echo": true, "app_id": app.parse::<u64>().ok(),
            "text": format!("b{number}") });
        let told = posts::echo(&self.address(), at_ms, &message, self.standby);
        let standby = self.standby;
        self.put(told, None);
        if let Some(update) = self.outbox.back_mut() {
            update.echo = Some(number);
            update.ours = standby.then_some(false);
        }
    }
}
