//! Customers, who write, send files, edit, block, and whose messenger repeats itself.

use std::collections::{BTreeMap, VecDeque};

use domain::{ConversationId, Provider};
use fakes::world::id;
use serde_json::{Value, json};

use crate::channels::{LINES, Line, NUMBER};
use crate::files;
use crate::functions::Event;
use crate::habits::Says;
use crate::kinds::Kind;
use crate::model::Said;
use crate::posts::{self, Post, Told};
use crate::simulation::Simulation;

/// The most files of one message of Messenger.
const FILES_MAX: usize = 3;

/// Something that the messenger has to deliver.
#[derive(Clone, Debug)]
pub(crate) struct Update {
    pub(crate) told: Told,
    pub(crate) message: Option<u64>,
    /// What others wrote, by its number.
    pub(crate) echo: Option<u64>,
    /// Whether the conversation is ours by this.
    pub(crate) ours: Option<bool>,
}

/// A customer on a channel: their updates go to the webhook one after the other, each until it is answered 2xx.
#[derive(Debug)]
pub(crate) struct Customer {
    /// The channel's place among the channels.
    pub(crate) place: usize,
    pub(crate) number: i64,
    pub(crate) conversation: ConversationId,
    pub(crate) outbox: VecDeque<Update>,
    pub(crate) delivered: Vec<Update>,
    pub(crate) in_flight: bool,
    pub(crate) retry_at_ms: i64,
    /// How often the first of the outbox was delivered in vain.
    pub(crate) tries: u32,
    /// Whether a bot has the conversation.
    pub(crate) standby: bool,
    /// When something last happened; no two things happen at one time.
    last_at_ms: i64,
    updates: i64,
    /// Telegram: which file a message has.
    files: BTreeMap<u64, String>,
}

impl Customer {
    pub(crate) fn new(place: usize, number: i64, conversation: ConversationId) -> Self {
        let (outbox, delivered, files) = (VecDeque::new(), Vec::new(), BTreeMap::new());
        let (updates, retry_at_ms, tries) = (number * 1_000_000, 0, 0);
        let (in_flight, standby, last_at_ms) = (false, false, 0);
        Self {
            place,
            number,
            conversation,
            outbox,
            delivered,
            in_flight,
            retry_at_ms,
            tries,
            standby,
            last_at_ms,
            updates,
            files,
        }
    }

    pub(crate) fn line(&self) -> &'static Line {
        &LINES[self.place]
    }

    pub(crate) fn provider(&self) -> Provider {
        self.line().provider
    }

    pub(crate) fn address(&self) -> String {
        self.line().address(self.number)
    }

    pub(crate) fn put(&mut self, told: Told, message: Option<u64>) {
        let ours = message.map(|_| !self.standby);
        self.outbox.push_back(Update { told, message, echo: None, ours });
    }

    /// Now, or a moment later.
    pub(crate) fn moment(&mut self, now_ms: i64) -> i64 {
        self.last_at_ms = now_ms.max(self.last_at_ms + 1);
        self.last_at_ms
    }

    /// Who they are to Telegram.
    pub(crate) fn person(&self) -> Value {
        json!({ "id": self.number, "is_bot": false, "first_name": format!("C{}", self.number), "type": "private" })
    }

    /// An update of Telegram.
    pub(crate) fn update(&mut self, kind: &str, content: &Value, message: Option<u64>) {
        self.updates += 1;
        let person = self.person();
        let mut inner = json!({ "chat": person, "from": person, "date": 1_767_225_600 });
        for (name, value) in content.as_object().into_iter().flatten() {
            inner[name.as_str()] = value.clone();
        }
        let body = json!({ "update_id": self.updates, kind: inner }).to_string();
        self.put(Told::Update(self.line().id, body), message);
    }

    /// An event of the page.
    pub(crate) fn event(&mut self, at_ms: i64, kind: &str, what: &Value, message: Option<u64>) {
        let at_ms = self.moment(at_ms);
        let told = posts::event(&self.address(), at_ms, kind, what, self.standby);
        self.put(told, message);
    }

    /// A form of Twilio's.
    pub(crate) fn form(&mut self, number: u64, fields: &[(&str, &str)]) {
        let (sid, from, to) = (self.line().message_id(number), self.address(), format!("whatsapp:{NUMBER}"));
        let name = format!("C{}", self.number);
        let mut all = vec![("MessageSid", sid.as_str()), ("From", &from), ("To", &to), ("ProfileName", &name)];
        all.extend(fields);
        self.put(Told::Form(posts::form(&all), None), Some(number));
    }

    /// The message of this number, with so many files.
    fn write(&mut self, at_ms: i64, number: u64, names: &[String]) {
        let text = format!("m{number}");
        let id = self.line().message_id(number);
        match self.provider() {
            Provider::Telegram => {
                let content = match names.first() {
                    Some(name) => {
                        self.files.insert(number, name.clone());
                        json!({ "message_id": number, "caption": text, "photo": photo(name) })
                    }
                    None => json!({ "message_id": number, "text": text }),
                };
                self.update("message", &content, Some(number));
            }
            Provider::Messenger => {
                let file = |name: &String| json!({ "type": "image", "payload": { "url": format!("https://scontent.xx.fbcdn.net/{name}.jpg") } });
                let attachments: Vec<Value> = names.iter().map(file).collect();
                let message = json!({ "mid": id, "text": text, "attachments": attachments });
                self.event(at_ms, "message", &message, Some(number));
            }
            Provider::Whatsapp => {
                let address = names.first().map(|name| files::twilio_address(&id, name));
                let mut fields = vec![("Body", text.as_str())];
                if let Some(address) = &address {
                    fields.extend([("NumMedia", "1"), ("MediaUrl0", address), ("MediaContentType0", "image/jpeg")]);
                }
                self.form(number, &fields);
            }
        }
    }
}

fn photo(name: &str) -> Value {
    json!([{ "file_id": name, "file_unique_id": name, "width": 90, "height": 90, "file_size": 20 }])
}

impl Simulation {
    /// A customer does something; if told so, the one of a conversation in which something is under way.
    pub(crate) fn customer_acts(&mut self, about: Option<&ConversationId>) {
        let services = self.services.clone();
        let rng = &services.rng;
        let hot = about.and_then(|about| self.customers.iter().position(|one| one.conversation == *about));
        let at = hot.unwrap_or_else(|| rng.below(self.customers.len()));
        self.customers[at].standby = services.threads.borrow().is_bots(&self.customers[at].address());
        let may_bot = self.habits.bot > 0 && self.customers[at].provider() == Provider::Messenger;
        if may_bot && rng.chance(self.habits.bot) && self.bot_acts(at) {
            return;
        }
        match self.habits.says(rng) {
            Says::Write => {
                // Some write in bursts.
                let more = if rng.chance(120) { rng.below(6) } else { 0 };
                for _ in 0..=more {
                    self.write(at, 0);
                }
            }
            Says::File => self.write(at, 1 + rng.below(FILES_MAX)),
            Says::Place => self.show(at, Kind::Place),
            Says::Card => self.show(at, Kind::Card),
            Says::Press => self.show(at, Kind::Button),
            Says::Edit => self.edit(at),
            Says::Block => self.block(at),
            Says::Repeat => self.repeat_update(at),
        }
    }

    /// A message gets its number.
    pub(crate) fn number(&mut self, at: usize, parts: u64) -> u64 {
        let unstable = self.is_unstable(self.customers[at].place);
        let customer = &self.customers[at];
        let mut model = self.services.model.borrow_mut();
        let said = model.said.entry(customer.conversation.clone()).or_default();
        said.channel = Some(id(customer.line().id));
        said.written += 1;
        let number = said.written;
        if parts > 1 {
            said.parts.insert(number, parts);
        }
        if unstable {
            said.may_be_dropped.insert(number);
        }
        if customer.standby {
            said.standby.insert(number);
        }
        // Who writes wants to hear.
        self.services.blocked.borrow_mut().remove(&customer.address());
        self.services.tell(|| format!("{} on {} writes m{number}", customer.conversation, customer.line().id));
        number
    }

    fn write(&mut self, at: usize, files: usize) {
        // Only Messenger has several files in one message.
        let files = if self.customers[at].provider() == Provider::Messenger { files } else { files.min(1) };
        let number = self.number(at, files.max(1) as u64);
        let (now_ms, customer) = (self.services.now_ms(), &mut self.customers[at]);
        let of = customer.number;
        let names: Vec<_> =
            (0..files).map(|part| files::new_name(&self.services.rng, of, number, part as u64)).collect();
        customer.write(now_ms, number, &names);
    }

    fn edit(&mut self, at: usize) {
        let now_ms = self.services.now_ms();
        let customer = &mut self.customers[at];
        let written = self.services.model.borrow().said.get(&customer.conversation).map_or(0, |said| said.written);
        if written == 0 || customer.provider() == Provider::Whatsapp {
            return self.write(at, 0);
        }
        let number = self.services.rng.between(1, i64::try_from(written).unwrap_or(1)).unsigned_abs();
        let is_other = |said: &Said| said.kinds.contains_key(&number);
        if self.services.model.borrow().said.get(&customer.conversation).is_some_and(is_other) {
            return self.write(at, 0);
        }
        let text = format!("m{number}e{}", customer.updates);
        self.services.tell(|| format!("{} edits m{number}", customer.conversation));
        if customer.provider() == Provider::Messenger {
            customer.updates += 1;
            let edit = json!({ "mid": customer.line().message_id(number), "text": text, "num_edit": customer.updates });
            return customer.event(now_ms, "message_edit", &edit, None);
        }
        let mut content = json!({ "message_id": number, "edit_date": 1_767_225_700 });
        match customer.files.get(&number).cloned() {
            Some(mut name) => {
                if self.services.rng.chance(500) {
                    let part = customer.updates.unsigned_abs();
                    name = files::new_name(&self.services.rng, customer.number, number, part);
                    customer.files.insert(number, name.clone());
                }
                content["caption"] = json!(text);
                content["photo"] = photo(&name);
            }
            None => content["text"] = json!(text),
        }
        customer.update("edited_message", &content, None);
    }

    /// The customer wants to hear no more, or to hear again; on Messenger, which does not tell, they react to something.
    fn block(&mut self, at: usize) {
        let back = self.services.rng.chance(300);
        let now_ms = self.services.now_ms();
        self.services.tell(|| format!("{} blocks, back {back}", self.customers[at].conversation));
        self.hear_no_more(at, !back);
        match self.customers[at].provider() {
            Provider::Telegram => {
                let (old, new) = if back { ("kicked", "member") } else { ("member", "kicked") };
                let bot = json!({ "id": 8, "is_bot": true, "first_name": "B", "username": "b_bot" });
                let content = json!({ "old_chat_member": { "user": bot, "status": old },
                    "new_chat_member": { "user": bot, "status": new, "until_date": 0 } });
                self.customers[at].update("my_chat_member", &content, None);
            }
            Provider::Messenger => {
                let customer = &mut self.customers[at];
                let action = if back { "unreact" } else { "react" };
                let what = json!({ "mid": customer.line().message_id(1), "action": action, "emoji": "👍" });
                customer.event(now_ms, "reaction", &what, None);
            }
            Provider::Whatsapp => {
                let number = self.number(at, 1);
                let word = if back { "START" } else { "STOP" };
                self.customers[at].form(number, &[("Body", word), ("OptOutType", word)]);
                self.hear_no_more(at, !back);
            }
        }
    }

    /// What is sent to the customer is refused from now on, or no more. On Messenger it is not known.
    fn hear_no_more(&self, at: usize, no_more: bool) {
        let (customer, mut blocked) = (&self.customers[at], self.services.blocked.borrow_mut());
        if no_more && customer.provider() != Provider::Messenger {
            blocked.insert(customer.address());
        } else {
            blocked.remove(&customer.address());
        }
    }

    /// The messenger did not hear a 2xx of long ago.
    fn repeat_update(&mut self, at: usize) {
        let customer = &self.customers[at];
        if let Some(update) = self.services.rng.pick(&customer.delivered).cloned() {
            self.services.tell(|| format!("{} is repeated: {:?}", customer.conversation, update.message));
            let post = Post::of(vec![update.told], self.services.now_ms(), 1);
            self.begin(Event::Post(post), crate::functions::Source::Nobody);
        }
    }
}
