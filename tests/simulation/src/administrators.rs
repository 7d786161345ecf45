//! Administrators: the configuration and people change, as the settings function changes them.

use domain::config::{Rule, User};
use domain::decision::{Decision, Wake, Write};
use domain::operator::Operator;
use domain::{OperatorId, QueueId};
use fakes::world::{CROWD, SALES, STAFF, id};
use messengers::telegram::SecretHash;
use ports::Principal;
use ports::records::{self, ChannelRecord, put_channel, put_configuration};
use wire::queues::{Delayed, QueueMessage};

use crate::bugs::Bug;
use crate::channels::LINES;
use crate::functions::{Function, SECRET};
use crate::marks;
use crate::model::CONFIG_MS;
use crate::simulation::Simulation;

/// How long a sign-in holds, milliseconds.
const SIGN_IN_MS: i64 = 10 * 3_600_000;

impl Simulation {
    pub(crate) fn administrator_acts(&mut self) {
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
            8..9 => self.toggle_channel(rng.below(LINES.len())),
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
            let retime = matches!(hint, QueueMessage::Delayed { what: Delayed::Retime { .. }, .. });
            if retime && self.options.bug == Some(Bug::RetimeUnheard) {
                continue;
            }
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
    pub(crate) fn is_unstable(&self, place: usize) -> bool {
        self.unstable_until_ms[place] > self.services.now_ms()
    }

    fn toggle_channel(&mut self, place: usize) {
        let channel = LINES[place].id;
        let now_ms = self.services.now_ms();
        let mut config = self.services.model.borrow().config();
        let Some(one) = config.channels.get_mut(&id(channel)) else { return };
        one.active = !one.active;
        let (active, record) = (one.active, one.clone());
        self.services.tell(|| format!("settings: {channel} active {active}"));
        self.store_channel(&record);
        self.store_config(config);
        self.switched[place] = true;
        self.unstable_until_ms[place] = if active { now_ms + 2 * CONFIG_MS } else { i64::MAX };
        if active {
            return;
        }
        let mut model = self.services.model.borrow_mut();
        model.forget_told(&record.id);
        for said in model.said.values_mut().filter(|said| said.channel == Some(record.id.clone())) {
            let open: Vec<u64> = (1..=said.written).filter(|number| !said.is_whole(*number)).collect();
            said.may_be_dropped.extend(open);
            said.echoes.drop_open();
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
        self.store_person(&after);
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

    /// The person behind an operator, as the manager describes them; who is new may sign in.
    pub(crate) fn store_person(&mut self, operator: &Operator) {
        let version = self.versions.entry(operator.id.clone()).or_insert(0);
        *version += 1;
        let person = User {
            id: operator.id.clone(),
            email: format!("{}@example.com", operator.id),
            name: operator.name.clone(),
            roles: operator.roles.clone(),
            own_limit: operator.own_limit,
            disabled: operator.disabled,
            subject: Some(subject(&operator.id)),
            version: *version,
        };
        let mut writes = vec![records::put_user(&person)];
        if *version == 1 {
            writes.push(records::put_subject(records::subject_key(&subject(&operator.id)), &operator.id));
            let principal = Principal {
                subject: subject(&operator.id),
                verified_email: Some(person.email.clone()),
                name: None,
                groups: Vec::new(),
                expires_at_ms: self.started_ms + SIGN_IN_MS,
            };
            self.services.identity.know(&marks::sign_in(operator.id.as_str()), principal);
        }
        let now_ms = self.services.now_ms();
        self.services.commit(&writes, Function::Settings, now_ms).expect("nobody else changes people");
    }
}

fn subject(operator: &OperatorId) -> String {
    format!("subject-of-{operator}")
}
