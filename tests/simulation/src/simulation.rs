//! One seed: a storm in which anything fails, then calm in which everything must come to its end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use domain::chat::Stand;
use domain::operator::{Operator, Status};
use domain::{ChatId, OperatorId, Provider};
use fakes::FakeClock;
use fakes::world::{STAFF, World, id};
use ports::{Clock, Secrets};
use runtime::conversation::conversation_id;
use serde_json::json;
use wire::timers::Fires;

use crate::bugs::Bug;
use crate::channels::{LINES, Line};
use crate::customers::Customer;
use crate::faults::{Fault, Faults};
use crate::functions::{Event, Function, Live, Outcome, Pool, Source};
use crate::habits::Habits;
use crate::invariants::Invariant;
use crate::options::{Options, Report};
use crate::rng::Rng;
use crate::services::Services;

/// How long the calm lasts, milliseconds: longer than everything that may have to be waited for, holds of channels (5 min),
/// silent windows (5 min) and the sweep's dedupe window (10 min) included.
const CALM_MS: i64 = 14 * 60_000;
/// Not before this, milliseconds after the faults stopped, is it over because everything has come to rest.
const REST_MS: i64 = 3 * 60_000;
/// Steps of the calm draw their chance from here on.
const CALM_STEPS_FROM: u64 = 1 << 32;
/// What goes in circles for so many steps never ends.
const CALM_STEPS_MAX: u64 = 60_000;
/// How long after its time a chat is still of interest, milliseconds.
const MOMENT_MS: i64 = 2_000;
/// A bot's silence that is longer is not waited for, milliseconds: nobody's sign-in holds so long.
const SILENCE_MS_MAX: i64 = 10 * 60_000;
/// Between two sweeps, milliseconds.
const SWEEP_MS: i64 = 60_000;
/// A client pings so often, milliseconds.
const PING_MS: i64 = 120_000;

pub(crate) struct Simulation {
    pub(crate) options: Options,
    pub(crate) services: Rc<Services>,
    pub(crate) habits: Habits,
    pool: Pool,
    pub(crate) live: Vec<Live>,
    pub(crate) customers: Vec<Customer>,
    pub(crate) requests: usize,
    pub(crate) replies: u64,
    pub(crate) asked: VecDeque<(OperatorId, String, serde_json::Value)>,
    pub(crate) started_ms: i64,
    /// By the channel's place among the channels.
    pub(crate) unstable_until_ms: [i64; LINES.len()],
    /// Whether a channel was ever switched off.
    pub(crate) switched: [bool; LINES.len()],
    next_sweep_ms: i64,
    numbers: u64,
    steps: u64,
    accepted_in_calm: BTreeSet<String>,
    pub(crate) calm_since_ms: i64,
    /// Whether what is under way goes on to its end, so that time can pass.
    lull: bool,
    /// The chat whose time is about to come, and until when that is worth meddling with.
    pub(crate) moment: Option<(i64, ChatId)>,
    /// How often each person was described.
    pub(crate) versions: BTreeMap<OperatorId, u64>,
}

impl Simulation {
    pub(crate) async fn new(options: Options) -> Self {
        let rng = Rng::new(options.seed);
        let faults = Faults::new(&rng, &options.calm);
        let habits = Habits::new(&rng);
        let services = Rc::new(Services::new(rng, faults, options.bug, options.tells));
        services.threads.borrow_mut().has_bot = habits.bot > 0;
        let started_ms = FakeClock::default().now_ms();
        let key = services.secrets.stack_key().await.expect("the fake has one");
        // Where the page has a bot, more come by it.
        let more = |line: &Line| if habits.bot > 0 && line.provider == Provider::Messenger { 3 } else { 1 };
        let usual: Vec<(usize, u32)> = LINES.iter().map(|line| line.weight * more(line)).enumerate().collect();
        let customer = |at: i64| {
            let place = services.rng.weighted(&usual, |_| true).unwrap_or(0);
            let (number, line) = (100 + at, &LINES[place]);
            let conversation = conversation_id(&key, &id(line.id), &line.address(number));
            services.addresses.borrow_mut().insert(conversation.clone(), line.address(number));
            Customer::new(place, number, conversation)
        };
        let mut simulation = Self {
            customers: (0..5).take(habits.customers).map(customer).collect(),
            options,
            services: services.clone(),
            habits,
            pool: Pool::default(),
            live: Vec::new(),
            requests: 0,
            replies: 0,
            asked: VecDeque::new(),
            started_ms,
            unstable_until_ms: [0; LINES.len()],
            switched: [false; LINES.len()],
            next_sweep_ms: started_ms + SWEEP_MS,
            numbers: 0,
            steps: 0,
            accepted_in_calm: BTreeSet::new(),
            calm_since_ms: i64::MAX,
            lull: false,
            moment: None,
            versions: BTreeMap::new(),
        };
        simulation.found();
        simulation
    }

    /// A company with short patience.
    fn found(&mut self) {
        let mut config = World::new().config();
        config.version = 0;
        config.settings.accept_timeout_min = 1;
        config.settings.simultaneous_chats = 2;
        for queue in config.queues.values_mut() {
            queue.auto_close_min = Some(1 + u32::from(self.services.rng.chance(400)));
        }
        let number_to_all = self.services.rng.chance(500);
        config.channels = LINES.iter().map(|line| (id(line.id), line.channel(number_to_all))).collect();
        for channel in config.channels.values() {
            self.store_channel(channel);
        }
        let accounts: Vec<_> = LINES.iter().filter_map(Line::account_row).collect();
        self.services.commit(&accounts, Function::Settings, self.started_ms).expect("nobody has them");
        self.store_config(config);
        for name in ["anna", "ben", "cora"] {
            let mut operator = Operator::new(id(name), name);
            operator.rev = 1;
            operator.status = Status::Active;
            operator.roles = vec![id(STAFF)];
            self.store_person(&operator);
            self.store_operator(None, operator);
        }
        // They have signed in before.
        for name in self.names() {
            let until_ms = self.started_ms + wire::http::CONNECTION_MS_MAX;
            self.services.admitted.borrow_mut().push((format!("{name}-0"), id(name), until_ms));
        }
        self.say_hello();
    }

    pub(crate) async fn run(mut self) -> Report {
        for step in 0..self.options.steps {
            if self.options.skipped.binary_search(&step).is_ok() {
                continue;
            }
            self.services.rng.begin(self.options.seed, step);
            self.storm_step().await;
            if self.failed() {
                return Report { failed_at: Some(step), ..self.report() };
            }
        }
        self.services.tell(|| "---- the faults stop".to_owned());
        self.services.faults.stop();
        self.calm_since_ms = self.services.now_ms();
        let end_ms = self.services.now_ms() + CALM_MS;
        while self.services.now_ms() < end_ms && !self.failed() {
            self.services.rng.begin(self.options.seed, CALM_STEPS_FROM + self.steps);
            self.calm_step(end_ms).await;
            if self.is_over() {
                break;
            }
            if self.steps > self.options.steps + CALM_STEPS_MAX {
                self.services.model.borrow_mut().fail(Invariant::Live, || "it never comes to rest".to_owned());
            }
        }
        while !self.live.is_empty() && !self.failed() {
            self.poll(0).await;
        }
        if !self.failed() {
            self.check_end();
        }
        self.report()
    }

    /// Before a sweep: whether nothing is left to be done. Some seeds are watched for longer all the same.
    fn is_over(&self) -> bool {
        let now_ms = self.services.now_ms();
        !self.habits.patient
            && self.live.is_empty()
            && now_ms >= self.next_sweep_ms
            && now_ms - self.calm_since_ms >= REST_MS
            && !self.is_anything_due()
            && self.is_at_rest()
    }

    fn failed(&self) -> bool {
        self.services.look_at_log();
        let panic = crate::run::taken_panic();
        if let Some(panic) = panic {
            self.services.model.borrow_mut().fail(Invariant::Live, || format!("a handler panicked: {panic}"));
        }
        self.services.model.borrow().failure.is_some()
    }

    fn report(self) -> Report {
        let model = self.services.model.borrow();
        Report {
            seed: self.options.seed,
            steps: self.steps,
            failed_at: None,
            invocations: self.numbers,
            messages: model.said.values().map(|said| said.stored.len() as u64).sum(),
            replies: self.services.messenger.borrow().delivered,
            faults: self.services.faults.counts(),
            checks: model.checks.clone(),
            failure: model.failure.clone(),
            story: self.services.story(),
        }
    }

    async fn storm_step(&mut self) {
        self.steps += 1;
        let rng = &self.services.rng;
        self.services.clock.advance(rng.between(0, 12));
        let full = self.live.len() >= self.habits.live_max;
        if full || (!self.live.is_empty() && (self.lull || rng.chance(self.habits.goes_on))) {
            let at = rng.below(self.live.len());
            if self.services.hit(Fault::Crash) {
                return self.die(at);
            }
            return self.poll(at).await;
        }
        if self.lull {
            self.lull = false;
            self.time_passes();
        } else if rng.chance(self.habits.passes) {
            self.lull = rng.chance(700);
            self.services.clock.advance(rng.between(0, 900));
        } else if rng.chance(450) || !self.deliver() {
            self.act();
        }
    }

    /// Nothing is under way, and time passes: some, or until something is just about to end.
    fn time_passes(&mut self) {
        let (rng, now_ms) = (&self.services.rng, self.services.now_ms());
        let moment = if rng.chance(600) { self.next_moment() } else { None };
        if let Some((at_ms, chat)) = moment {
            self.services.clock.set((at_ms - rng.between(-40, 120)).max(now_ms));
            self.services.tell(|| format!("the time of {chat} is about to come"));
            self.moment = Some((at_ms + MOMENT_MS, chat));
            return;
        }
        let by = [2_000, 8_000, 30_000, 70_000].get(rng.below(4)).copied().unwrap_or(0);
        self.services.clock.advance(rng.between(0, by));
    }

    /// When the next offer or chat ends by time, or is looked at by its timer.
    fn next_moment(&self) -> Option<(i64, ChatId)> {
        let now_ms = self.services.now_ms();
        let timers = self.services.timers.borrow();
        let fires = timers.values().map(|armed| match &armed.timer.fires {
            Fires::AcceptTimeout { offer, .. } => (armed.fires_at_ms, offer.chat.clone()),
            Fires::AutoClose { chat, .. } => (armed.fires_at_ms, chat.clone()),
        });
        let model = self.services.model.borrow();
        let expires = model.chats.values().filter_map(|chat| Some((chat.offer()?.expires_at_ms, chat.id.clone())));
        let with_bot = model.chats.values().filter(|chat| chat.route.stand == Stand::WithBot);
        let silent = with_bot.filter_map(|chat| Some((chat.route.close_due_at_ms?, chat.id.clone())));
        let silent = silent.filter(|(at_ms, _)| *at_ms <= now_ms + SILENCE_MS_MAX);
        fires.chain(expires).chain(silent).filter(|(at_ms, _)| *at_ms > now_ms).min()
    }

    async fn calm_step(&mut self, end_ms: i64) {
        self.steps += 1;
        if !self.live.is_empty() {
            let at = self.services.rng.below(self.live.len());
            self.services.clock.advance(1);
            return self.poll(at).await;
        }
        if self.deliver() || (self.habits.helpful && self.accept_something()) {
            return;
        }
        let now_ms = self.services.now_ms();
        let timers = self.services.timers.borrow().values().map(|armed| armed.fires_at_ms).min();
        let pings =
            self.services.windows.borrow().values().filter(|one| one.open).map(|one| one.pinged_ms + PING_MS).min();
        let customers = self.customers.iter().filter(|one| !one.outbox.is_empty()).map(|one| one.retry_at_ms).min();
        let queues = self.services.queues.borrow().next_at_ms(now_ms);
        let notices = self.next_notice_ms();
        let next = [timers, pings, customers, queues, notices, Some(self.next_sweep_ms)].into_iter().flatten().min();
        self.services.clock.set(next.unwrap_or(end_ms).clamp(now_ms + 1, end_ms));
        self.check_timely();
    }

    /// Operators of some seeds take what they are offered.
    fn accept_something(&mut self) -> bool {
        let offers: Vec<_> = {
            let model = self.services.model.borrow();
            model.chats.values().filter_map(|chat| chat.offer().map(|offer| (chat.id.clone(), offer.clone()))).collect()
        };
        for (chat, offer) in offers {
            let window = self
                .services
                .windows
                .borrow()
                .iter()
                .find(|(_, one)| one.open && one.operator == offer.operator)
                .map(|(name, _)| name.clone());
            if let Some(window) = window
                && self.accepted_in_calm.insert(offer.id.to_string())
            {
                self.requests += 1;
                let request = format!("q{}", self.requests);
                self.frame(
                    &window,
                    &offer.operator,
                    &request,
                    json!({ "action": "accept", "chat": chat, "offer": offer.id }),
                );
                return true;
            }
        }
        false
    }

    /// Hands something to a function that waits for it; says whether there was anything.
    fn deliver(&mut self) -> bool {
        let now_ms = self.services.now_ms();
        if now_ms >= self.next_sweep_ms {
            self.next_sweep_ms = now_ms + SWEEP_MS;
            if !self.services.hit(Fault::SweepLost) {
                self.services.tell(|| "sweep".to_owned());
                self.begin(Event::Sweep, Source::Nobody);
            }
            return true;
        }
        let start = self.services.rng.below(5);
        (0..6).any(|way| match (start + way) % 6 {
            0 => self.deliver_update(),
            1 | 2 => self.deliver_batch(),
            3 => self.fire_timer(),
            4 => self.deliver_notices(),
            _ => self.ping(),
        })
    }

    fn deliver_batch(&mut self) -> bool {
        let fifo_holds = self.options.bug != Some(Bug::ArrivalOrder);
        let delivery =
            self.services.queues.borrow_mut().receive(&self.services.rng, self.services.now_ms(), fifo_holds);
        let Some(delivery) = delivery else { return false };
        self.services.tell(|| format!("{:?} hands out {:?}", delivery.queue, delivery.ids));
        self.begin(Event::Batch(delivery.queue, delivery.event), Source::Queue(delivery.ids));
        if let Some(live) = self.live.last_mut() {
            live.about = delivery.about;
        }
        true
    }

    fn fire_timer(&mut self) -> bool {
        let now_ms = self.services.now_ms();
        let due: Vec<String> = {
            let timers = self.services.timers.borrow();
            timers.iter().filter(|(_, armed)| armed.fires_at_ms <= now_ms).map(|(name, _)| name.clone()).collect()
        };
        let Some(name) = self.services.rng.pick(&due) else { return false };
        let Some(armed) = self.services.timers.borrow_mut().remove(name) else { return false };
        self.services.tell(|| format!("timer {name} fires"));
        self.begin(Event::Timer(armed.timer.fires.clone()), Source::Timer(armed));
        true
    }

    fn ping(&mut self) -> bool {
        let now_ms = self.services.now_ms();
        let quiet = {
            let mut windows = self.services.windows.borrow_mut();
            let quiet = windows.iter_mut().find(|(_, one)| one.open && one.pinged_ms + PING_MS <= now_ms);
            quiet.map(|(name, one)| {
                one.pinged_ms = now_ms;
                (name.clone(), one.operator.clone())
            })
        };
        let Some((window, operator)) = quiet else { return false };
        self.requests += 1;
        let request = format!("q{}", self.requests);
        // A window that is not known any more says hello again, as the console does.
        let known = self
            .services
            .model
            .borrow()
            .operators
            .get(&operator)
            .is_some_and(|one| one.connections.contains_key(&window));
        self.frame(&window, &operator, &request, json!({ "action": if known { "ping" } else { "hello" } }));
        true
    }

    pub(crate) fn begin(&mut self, event: Event, source: Source) {
        self.numbers += 1;
        let live = self.pool.begin(&self.services, event, source, self.numbers);
        self.services.tell(|| format!("  #{} {:?} begins", live.number, live.instance.function()));
        self.live.push(live);
    }

    /// An invocation goes on to its next call of a service.
    async fn poll(&mut self, at: usize) {
        let now_ms = self.services.now_ms();
        if self.live[at].deadline_ms <= now_ms && self.services.faults.are_on() {
            return self.die(at);
        }
        self.services.progress.set(false);
        let polled = self.live[at].future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        match polled {
            Poll::Ready(outcome) => {
                let live = self.live.swap_remove(at);
                if outcome != Outcome::Done && outcome != Outcome::Again(Vec::new()) {
                    self.services.tell(|| format!("  #{} ends: {outcome:?}", live.number));
                }
                self.end(live.source, Some(&outcome));
                self.pool.free(live.instance);
                self.say_hello();
            }
            Poll::Pending if !self.services.progress.get() => {
                // It waits for nothing but time.
                self.services.clock.advance(100);
                tokio::time::advance(Duration::from_millis(100)).await;
            }
            Poll::Pending => {}
        }
    }

    /// A process dies in the middle of its work.
    fn die(&mut self, at: usize) {
        let live = self.live.swap_remove(at);
        self.services.tell(|| format!("  #{} dies", live.number));
        self.end(live.source, None);
    }

    /// Tells whoever woke it what came of it; nothing, if the process died.
    fn end(&mut self, source: Source, outcome: Option<&Outcome>) {
        match source {
            Source::Nobody => {}
            Source::Post(updates, notices) => {
                let accepted = outcome == Some(&Outcome::Done);
                for (at, count) in updates {
                    self.end_updates(at, count, accepted);
                }
                self.end_notices(notices, accepted);
            }
            Source::Queue(ids) => {
                let failed = match outcome {
                    Some(Outcome::Again(failed)) => failed.clone(),
                    Some(Outcome::Done) => Vec::new(),
                    _ => ids.clone(),
                };
                let mut queues = self.services.queues.borrow_mut();
                for id in ids.iter().filter(|id| !failed.contains(id)) {
                    if !self.services.hit(Fault::DeleteLost) {
                        queues.delete(*id);
                    }
                }
                for dead in queues.redrive(&failed) {
                    self.services
                        .model
                        .borrow_mut()
                        .fail(Invariant::I2, || format!("{dead:?} ends among the dead letters"));
                }
            }
            Source::Timer(mut armed) => {
                armed.tries += 1;
                if outcome != Some(&Outcome::Done) && armed.tries < 3 {
                    armed.fires_at_ms = self.services.now_ms() + 30_000;
                    let name = format!("{} try {}", armed.timer.name(), armed.tries);
                    self.services.timers.borrow_mut().insert(name, armed);
                }
            }
        }
    }
}
