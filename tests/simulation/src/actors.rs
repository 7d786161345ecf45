//! Customers, operators and administrators, who do anything at any time.

use std::collections::VecDeque;

use domain::chat::Stand;
use domain::config::Rule;
use domain::decision::{Decision, Wake, Write};
use domain::operator::Operator;
use domain::{ChatId, ConversationId, OperatorId, QueueId};
use fakes::world::{CROWD, SALES, STAFF, id};
use messengers::telegram::SecretHash;
use ports::records::{self, ChannelRecord, put_channel, put_configuration};
use serde_json::{Value, json};
use wire::queues::{Delayed, QueueMessage};

use crate::functions::{Event, Function, SECRET, Source};
use crate::model::CONFIG_MS;
use crate::services::Window;
use crate::simulation::Simulation;

/// How long a window may be used, milliseconds.
const WINDOW_MS: i64 = 2 * 3_600_000;

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Customers write, edit, block.
    Customers,
    /// Operators work.
    Operators,
    /// Windows come and go.
    Windows,
    /// Administrators change things.
    Administrators,
}

impl Actor {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Customers, Self::Operators, Self::Windows, Self::Administrators];
}

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
    /// Somebody does something.
    pub(crate) fn act(&mut self) {
        let rng = &self.services.rng;
        let actor = match rng.below(100) {
            0..40 => Actor::Customers,
            40..82 => Actor::Operators,
            82..94 => Actor::Windows,
            _ => Actor::Administrators,
        };
        if self.options.without.contains(&actor) {
            return;
        }
        match actor {
            Actor::Customers => self.customer_acts(),
            Actor::Operators => self.operator_acts(),
            Actor::Windows => self.window_acts(),
            Actor::Administrators => self.administrator_acts(),
        }
    }

    fn customer_acts(&mut self) {
        let services = self.services.clone();
        let rng = &services.rng;
        let at = rng.below(self.customers.len());
        let roll = rng.below(100);
        let unstable = self.is_unstable(self.customers[at].channel);
        let customer = &mut self.customers[at];
        let mut model = services.model.borrow_mut();
        let said = model.said.entry(customer.conversation.clone()).or_default();
        said.channel = Some(id(customer.channel));
        match roll {
            0..80 => {
                // Some write in bursts.
                for _ in 0..=(if roll < 12 { rng.below(6) } else { 0 }) {
                    said.written += 1;
                    if unstable {
                        said.may_be_dropped.insert(said.written);
                    }
                    let number = said.written;
                    services.tell(|| format!("{} on {} writes m{number}", customer.conversation, customer.channel));
                    customer.update(
                        "message",
                        &json!({ "message_id": number, "text": format!("m{number}") }),
                        Some(number),
                    );
                }
            }
            80..92 if said.written > 0 => {
                let number = rng.between(1, i64::try_from(said.written).unwrap_or(1));
                let text = format!("m{number}e{}", customer.updates);
                services.tell(|| format!("{} edits m{number}", customer.conversation));
                let content = json!({ "message_id": number, "text": text, "edit_date": 1_767_225_700 });
                customer.update("edited_message", &content, None);
            }
            92..96 => {
                let (old, new) = if roll == 92 { ("kicked", "member") } else { ("member", "kicked") };
                let bot = json!({ "id": 8, "is_bot": true, "first_name": "B", "username": "b_bot" });
                services.tell(|| format!("{} is {new}", customer.conversation));
                let content = json!({ "old_chat_member": { "user": bot, "status": old },
                    "new_chat_member": { "user": bot, "status": new, "until_date": 0 } });
                customer.update("my_chat_member", &content, None);
            }
            _ => {
                drop(model);
                self.repeat_update(at);
            }
        }
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

    fn someone(&self) -> OperatorId {
        let names = ["anna", "ben", "cora"];
        id(self.services.rng.pick(&names).copied().unwrap_or("anna"))
    }

    fn operator_acts(&mut self) {
        let me = self.someone();
        let Some(window) = self.window_of(&me) else { return self.open_window(&me) };
        let command = self.command_of(&me);
        let Some(command) = command else { return };
        self.requests += 1;
        let mut request = format!("q{}", self.requests);
        let mut command = command;
        // A client that has lost its answer asks again, with the same id.
        if self.services.rng.chance(80)
            && let Some((who, old_request, old)) = self.services.rng.pick(&self.asked).cloned()
            && who == me
        {
            (request, command) = (old_request, old);
        }
        self.frame(&window, &me, &request, command);
    }

    fn window_of(&self, operator: &OperatorId) -> Option<String> {
        let windows = self.services.windows.borrow();
        let open: Vec<_> = windows
            .iter()
            .filter(|(_, one)| one.open && one.operator == *operator)
            .map(|(name, _)| name.clone())
            .collect();
        self.services.rng.pick(&open).cloned()
    }

    /// What an operator might ask for: mostly of chats that are theirs, sometimes of any.
    fn command_of(&mut self, me: &OperatorId) -> Option<Value> {
        let rng = &self.services.rng;
        let model = self.services.model.borrow();
        let operator = model.operators.get(me)?;
        let offers: Vec<&ChatId> = operator.offers.iter().collect();
        let mine: Vec<&ChatId> = operator.chats.iter().collect();
        let any: Vec<&ChatId> = model.chats.keys().rev().take(8).collect();
        let waiting: Vec<&ChatId> =
            model.chats.values().filter(|chat| chat.route.stand == Stand::Waiting).map(|chat| &chat.id).collect();
        let one = |from: &[&ChatId]| {
            let from = if rng.chance(60) || from.is_empty() { &any } else { from };
            rng.pick(from).map(|chat| (*chat).clone())
        };
        let offer_of =
            |chat: &ChatId| model.chats.get(chat).and_then(|chat| chat.offer()).map(|offer| offer.id.to_string());
        // Most do what is before them.
        let roll = match (offers.is_empty(), mine.is_empty(), rng.below(10)) {
            (false, _, 0..5) => 0,
            (_, false, 5..8) => 36,
            _ => rng.below(100),
        };
        Some(match roll {
            0..26 => {
                let chat = one(if offers.is_empty() { &waiting } else { &offers })?;
                let offer = offer_of(&chat).filter(|_| rng.chance(700));
                json!({ "action": "accept", "chat": chat, "offer": offer })
            }
            26..34 => json!({ "action": "decline", "offer": offer_of(&one(&offers)?)? }),
            34..36 => json!({ "action": "expire", "offer": offer_of(&one(&offers)?)? }),
            36..58 => {
                self.replies += 1;
                json!({ "action": "send", "chat": one(&mine)?, "text": format!("r{}", self.replies) })
            }
            58..64 => {
                let again: Vec<_> = model.messages.keys().filter(|(chat, _)| operator.chats.contains(chat)).collect();
                let (chat, seq) = rng.pick(&again)?;
                json!({ "action": "resend", "chat": chat, "seq": seq })
            }
            64..70 => json!({ "action": "close", "chat": one(&mine)? }),
            70..76 => {
                let to = if rng.chance(600) {
                    json!({ "operator": self.someone() })
                } else {
                    json!({ "queue": if rng.chance(500) { SALES } else { CROWD } })
                };
                json!({ "action": "transfer", "chat": one(&mine)?, "to": to })
            }
            76..80 => json!({ "action": "read", "chat": one(&mine)?, "seq": 1 + rng.below(5) }),
            80..83 => json!({ "action": "sync", "chats": [] }),
            83..85 => json!({ "action": "history", "chat": one(&mine)? }),
            85..86 => json!({ "action": "typing", "chat": one(&mine)? }),
            86..87 => json!({ "action": "colleagues", "chat": one(&mine)? }),
            87..91 => json!({ "action": "ping" }),
            91..98 => json!({ "action": "status", "status": "active" }),
            _ => json!({ "action": "status", "status": "inactive" }),
        })
    }

    /// A frame of a window.
    pub(crate) fn frame(&mut self, window: &str, operator: &OperatorId, request: &str, command: Value) {
        let action = command["action"].as_str().unwrap_or_default().to_owned();
        self.services.tell(|| format!("{operator} asks {request} by {window}: {command}"));
        self.services.model.borrow_mut().asked.insert(request.to_owned(), (operator.clone(), action));
        let mut body = command.clone();
        body["request_id"] = json!(request);
        if self.asked.len() < 64 {
            self.asked.push((operator.clone(), request.to_owned(), command));
        } else {
            let at = self.requests % 64;
            self.asked[at] = (operator.clone(), request.to_owned(), command);
        }
        let event = self.socket("MESSAGE", window, operator, Some(&body.to_string()));
        self.begin(Event::Frame(event), Source::Nobody);
    }

    fn socket(&self, kind: &str, window: &str, operator: &OperatorId, body: Option<&str>) -> Value {
        let route = if kind == "DISCONNECT" { "$disconnect" } else { "$default" };
        let until = self.started_ms + WINDOW_MS;
        json!({
            "requestContext": {
                "routeKey": route, "eventType": kind, "connectionId": window, "connectedAt": 1, "requestTimeEpoch": 1,
                "messageDirection": "IN", "authorizer": { "operator": operator, "auth_until_ms": until.to_string() },
            },
            "body": body,
        })
    }

    fn window_acts(&mut self) {
        let me = self.someone();
        match (self.services.rng.below(10), self.window_of(&me)) {
            (0..5, _) | (_, None) => self.open_window(&me),
            (_, Some(window)) => self.close_window(&window, &me),
        }
    }

    /// A new window says hello, and that its operator is at work.
    pub(crate) fn open_window(&mut self, me: &OperatorId) {
        let open = self.services.windows.borrow().values().filter(|one| one.open && one.operator == *me).count();
        if open >= 4 {
            return;
        }
        self.requests += 1;
        let name = format!("{me}-{}", self.requests);
        let window = Window { operator: me.clone(), open: true, pinged_ms: self.services.now_ms() };
        self.services.windows.borrow_mut().insert(name.clone(), window);
        let request = format!("q{}", self.requests);
        self.frame(&name, me, &request, json!({ "action": "hello" }));
    }

    fn close_window(&mut self, window: &str, me: &OperatorId) {
        self.services.tell(|| format!("{me} loses {window}"));
        if let Some(window) = self.services.windows.borrow_mut().get_mut(window) {
            window.open = false;
        }
        if !self.services.hit(crate::faults::Fault::DisconnectLost) {
            let event = self.socket("DISCONNECT", window, me, None);
            self.begin(Event::Frame(event), Source::Nobody);
        }
    }

    fn administrator_acts(&mut self) {
        let rng = &self.services.rng;
        let queue = if rng.chance(700) { SALES } else { CROWD };
        match rng.below(12) {
            0 => self.configure(queue, |queue, _| {
                queue.rule = if queue.rule == Rule::ToAll { Rule::MostFree } else { Rule::ToAll };
            }),
            1..4 => {
                let minutes = [None, Some(1), Some(2), Some(3)].get(rng.below(4)).copied().flatten();
                let spare = rng.chance(300);
                self.configure(queue, |queue, _| {
                    queue.auto_close_min = minutes;
                    queue.spare_unanswered = spare;
                });
            }
            4..6 => {
                let limit = u32::try_from(rng.below(4)).ok().filter(|limit| *limit > 0);
                self.configure(queue, |queue, _| queue.limit = limit);
            }
            6..7 => {
                let limit = 1 + u32::try_from(rng.below(4)).unwrap_or(0);
                self.configure(queue, |_, settings| settings.simultaneous_chats = limit);
            }
            7..8 => {
                let minutes = [None, Some(1), Some(2)].get(rng.below(3)).copied().flatten();
                self.configure(queue, |queue, _| queue.absence_return_min = minutes);
            }
            8..9 => self.toggle_channel(if rng.chance(500) { "sales-bot" } else { "crowd-bot" }),
            _ => self.describe_somebody(),
        }
    }

    /// Changes the configuration, as the settings function does: rows first, then hints.
    fn configure(
        &mut self,
        queue: &str,
        change: impl FnOnce(&mut domain::config::Queue, &mut domain::config::Settings),
    ) {
        let mut config = self.services.model.borrow().config();
        let queue: QueueId = id(queue);
        let Some(one) = config.queues.get_mut(&queue) else { return };
        let before = one.clone();
        change(one, &mut config.settings);
        let retime = before.auto_close_min != one.auto_close_min || before.spare_unanswered != one.spare_unanswered;
        self.services
            .tell(|| format!("settings: {:?} {:?}", config.queues.get(&queue), config.settings.simultaneous_chats));
        self.store_config(config);
        let mut hints = Vec::new();
        for (delay_s, when) in [(0, "now"), (3, "later")] {
            let cause = format!("config.{}.{when}", self.services.model.borrow().config().version);
            hints.push(QueueMessage::wake(&Wake { queue: queue.clone(), cause, delay_s }));
        }
        if retime {
            hints.push(QueueMessage::Delayed { delay_s: 3, what: Delayed::Retime { queue, after: None } });
        }
        self.queue_hints(&hints);
    }

    fn queue_hints(&self, hints: &[QueueMessage]) {
        for hint in hints {
            self.services.queues.borrow_mut().take(hint, 1, self.services.now_ms());
        }
    }

    pub(crate) fn store_config(&mut self, mut config: domain::config::Configuration) {
        config.version += 1;
        let now_ms = self.services.now_ms();
        let write = put_configuration(&config);
        self.services.commit(&[write], Function::Settings, now_ms).expect("nobody else changes the configuration");
        self.services.model.borrow_mut().configs.push((now_ms, config));
    }

    /// Until when a channel that was off may still be taken for one, for a process that has cached it.
    fn is_unstable(&self, channel: &str) -> bool {
        let until = if channel == "sales-bot" { self.unstable_until_ms[0] } else { self.unstable_until_ms[1] };
        until > self.services.now_ms()
    }

    fn toggle_channel(&mut self, channel: &'static str) {
        let now_ms = self.services.now_ms();
        let mut config = self.services.model.borrow().config();
        let Some(one) = config.channels.get_mut(&id(channel)) else { return };
        one.active = !one.active;
        let (active, record) = (one.active, one.clone());
        self.services.tell(|| format!("settings: {channel} active {active}"));
        self.store_channel(&record);
        self.store_config(config);
        let at = usize::from(channel != "sales-bot");
        self.unstable_until_ms[at] = if active { now_ms + 2 * CONFIG_MS } else { i64::MAX };
        if active {
            return;
        }
        let mut model = self.services.model.borrow_mut();
        for said in model.said.values_mut().filter(|said| said.channel == Some(record.id.clone())) {
            let open: Vec<u64> = (1..=said.written).filter(|number| !said.stored.contains(number)).collect();
            said.may_be_dropped.extend(open);
        }
    }

    pub(crate) fn store_channel(&self, channel: &domain::config::Channel) {
        let secret_hashes = vec![SecretHash::of(SECRET).into()];
        let write = put_channel(&ChannelRecord { channel: channel.clone(), secret_hashes });
        let now_ms = self.services.now_ms();
        self.services.commit(&[write], Function::Settings, now_ms).expect("a channel can be written");
    }

    /// Roles, limit or admission of an operator change.
    fn describe_somebody(&mut self) {
        let me = self.someone();
        let rng = &self.services.rng;
        let roles = if rng.chance(800) { vec![id(STAFF)] } else { Vec::new() };
        let own_limit = if rng.chance(500) { None } else { Some(1 + u32::try_from(rng.below(3)).unwrap_or(0)) };
        let disabled = rng.chance(150);
        let Some(before) = self.services.model.borrow().operators.get(&me).cloned() else { return };
        let Some(after) = before.described(&before.name, &roles, own_limit, disabled) else { return };
        self.services.tell(|| format!("settings: {me} {roles:?} {own_limit:?} disabled {disabled}"));
        let lost = before.roles.iter().any(|role| !after.roles.contains(role));
        let cause = format!("{me}.{}", after.rev);
        let connections: Vec<String> = after.connections.keys().cloned().collect();
        self.store_operator(Some(before), after);
        if disabled || lost {
            for connection in &connections {
                self.close_window(connection, &me);
            }
        }
        if disabled {
            self.queue_hints(&[QueueMessage::Delayed { delay_s: 0, what: Delayed::Absent { operator: me } }]);
        } else {
            let wakes = [SALES, CROWD]
                .map(|queue| QueueMessage::wake(&Wake { queue: id(queue), cause: cause.clone(), delay_s: 0 }));
            self.queue_hints(&wakes);
        }
    }

    pub(crate) fn store_operator(&self, before: Option<Operator>, after: Operator) {
        let decision = Decision { writes: vec![Write::Operator { before, after }], ..Decision::default() };
        let now_ms = self.services.now_ms();
        let rows = records::rows(&decision.writes, now_ms);
        self.services.commit(&rows, Function::Settings, now_ms).expect("nobody else writes at this moment");
    }
}
