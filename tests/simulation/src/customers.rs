//! Customers, who write, edit, block, and whose messenger repeats itself.

use std::collections::VecDeque;

use domain::ConversationId;
use fakes::world::id;
use serde_json::{Value, json};

use crate::functions::{Event, Source};
use crate::habits::Says;
use crate::simulation::Simulation;

/// An update that the messenger has to deliver.
#[derive(Clone, Debug)]
pub(crate) struct Update {
    pub(crate) body: String,
    pub(crate) message: Option<u64>,
}

/// A customer on a channel: their updates go to the webhook one after the other, each until it is answered 2xx.
#[derive(Debug)]
pub(crate) struct Customer {
    pub(crate) channel: &'static str,
    pub(crate) number: i64,
    pub(crate) conversation: ConversationId,
    pub(crate) outbox: VecDeque<Update>,
    pub(crate) delivered: Vec<Update>,
    pub(crate) in_flight: bool,
    pub(crate) retry_at_ms: i64,
    updates: i64,
}

impl Customer {
    pub(crate) fn new(channel: &'static str, number: i64, conversation: ConversationId) -> Self {
        let (outbox, delivered) = (VecDeque::new(), Vec::new());
        let updates = number * 1_000_000;
        Self { channel, number, conversation, outbox, delivered, in_flight: false, retry_at_ms: 0, updates }
    }

    fn update(&mut self, kind: &str, content: &Value, message: Option<u64>) {
        self.updates += 1;
        let person =
            json!({ "id": self.number, "is_bot": false, "first_name": format!("C{}", self.number), "type": "private" });
        let mut inner = json!({ "chat": person, "from": person, "date": 1_767_225_600 });
        for (name, value) in content.as_object().into_iter().flatten() {
            inner[name.as_str()] = value.clone();
        }
        let body = json!({ "update_id": self.updates, kind: inner }).to_string();
        self.outbox.push_back(Update { body, message });
    }
}

impl Simulation {
    /// A customer does something; if told so, the one of a conversation in which something is under way.
    pub(crate) fn customer_acts(&mut self, about: Option<&ConversationId>) {
        let services = self.services.clone();
        let rng = &services.rng;
        let hot = about.and_then(|about| self.customers.iter().position(|one| one.conversation == *about));
        let at = hot.unwrap_or_else(|| rng.below(self.customers.len()));
        match self.habits.says(rng) {
            Says::Write => {
                // Some write in bursts.
                let more = if rng.chance(120) { rng.below(6) } else { 0 };
                for _ in 0..=more {
                    self.write(at);
                }
            }
            Says::Edit => self.edit(at),
            Says::Block => {
                let (old, new) = if rng.chance(300) { ("kicked", "member") } else { ("member", "kicked") };
                let bot = json!({ "id": 8, "is_bot": true, "first_name": "B", "username": "b_bot" });
                let customer = &mut self.customers[at];
                services.tell(|| format!("{} is {new}", customer.conversation));
                let content = json!({ "old_chat_member": { "user": bot, "status": old },
                    "new_chat_member": { "user": bot, "status": new, "until_date": 0 } });
                customer.update("my_chat_member", &content, None);
            }
            Says::Repeat => self.repeat_update(at),
        }
    }

    fn write(&mut self, at: usize) {
        let unstable = self.is_unstable(self.customers[at].channel);
        let customer = &mut self.customers[at];
        let mut model = self.services.model.borrow_mut();
        let said = model.said.entry(customer.conversation.clone()).or_default();
        said.channel = Some(id(customer.channel));
        said.written += 1;
        let number = said.written;
        if unstable {
            said.may_be_dropped.insert(number);
        }
        self.services.tell(|| format!("{} on {} writes m{number}", customer.conversation, customer.channel));
        customer.update("message", &json!({ "message_id": number, "text": format!("m{number}") }), Some(number));
    }

    fn edit(&mut self, at: usize) {
        let customer = &mut self.customers[at];
        let written = self.services.model.borrow().said.get(&customer.conversation).map_or(0, |said| said.written);
        if written == 0 {
            return self.write(at);
        }
        let number = self.services.rng.between(1, i64::try_from(written).unwrap_or(1));
        let text = format!("m{number}e{}", customer.updates);
        self.services.tell(|| format!("{} edits m{number}", customer.conversation));
        let content = json!({ "message_id": number, "text": text, "edit_date": 1_767_225_700 });
        customer.update("edited_message", &content, None);
    }

    /// The messenger did not hear a 2xx of long ago.
    fn repeat_update(&mut self, at: usize) {
        let customer = &self.customers[at];
        if let Some(update) = self.services.rng.pick(&customer.delivered).cloned() {
            self.services.tell(|| format!("{} is repeated: {:?}", customer.conversation, update.message));
            let channel = customer.channel.to_owned();
            self.begin(Event::Update(channel, update.body), Source::Customer(None));
        }
    }
}
