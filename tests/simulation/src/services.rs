//! The simulated services, as the functions reach them by their ports.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use domain::{ConversationId, OperatorId};
use fakes::{FakeClock, FakeFiles, FakeIdentity, FakeSecrets, MemoryStore};
use ports::records::configuration_key;
use ports::secrets::{FACEBOOK_APP, Secret};
use ports::store::{Attributes, Index, Key, Page, Query, Row, Write};
use ports::{
    Clock, Push, PushError, QueueError, Queues, Random, SecretError, Secrets, Store, StoreError, TimerError, Timers,
    Visibility, rules,
};
use wire::queues::QueueMessage;
use wire::timers::Timer;

use crate::bot::Threads;
use crate::bugs::Bug;
use crate::channels::LINES;
use crate::faults::{Fault, Faults};
use crate::functions::Function;
use crate::invariants::Invariant;
use crate::marks;
use crate::messenger::Messenger;
use crate::model::Model;
use crate::notices::Notice;
use crate::rng::Rng;
use crate::sqs::Sqs;

/// The longest lag of an index, milliseconds ("less than a second").
const LAG_MS_MAX: i64 = 1_000;
/// A timer fires at most so long after its second, milliseconds (EventBridge Scheduler).
const TIMER_LATE_MS_MAX: i64 = 60_000;

/// A window of an operator, as the gateway knows it.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) operator: OperatorId,
    pub(crate) open: bool,
    /// Until when it may be used, milliseconds since 1970, as its authorizer said.
    pub(crate) until_ms: i64,
    pub(crate) pinged_ms: i64,
}

/// A timer that is set.
#[derive(Clone, Debug)]
pub(crate) struct Armed {
    pub(crate) timer: Timer,
    pub(crate) fires_at_ms: i64,
    pub(crate) tries: u32,
}

/// All services, and what is known of them.
pub(crate) struct Services {
    pub(crate) clock: FakeClock,
    pub(crate) rng: Rng,
    pub(crate) faults: Faults,
    pub(crate) bug: Option<Bug>,
    pub(crate) store: MemoryStore,
    /// What the indexes show: the same rows, a moment later.
    indexed: MemoryStore,
    unindexed: RefCell<VecDeque<(i64, Key, Option<Attributes>)>>,
    pub(crate) queues: RefCell<Sqs>,
    pub(crate) timers: RefCell<BTreeMap<String, Armed>>,
    pub(crate) windows: RefCell<BTreeMap<String, Window>>,
    pub(crate) messenger: RefCell<Messenger>,
    /// What messengers are about to tell by themselves.
    pub(crate) notices: RefCell<Vec<Notice>>,
    /// The bucket.
    pub(crate) files: FakeFiles,
    /// Files that were looked for before they could be had.
    pub(crate) seen: RefCell<BTreeSet<String>>,
    /// The customers' addresses.
    pub(crate) addresses: RefCell<BTreeMap<ConversationId, String>>,
    /// Who has the conversations of the page.
    pub(crate) threads: RefCell<Threads>,
    /// The addresses of customers who have blocked us.
    pub(crate) blocked: RefCell<BTreeSet<String>>,
    pub(crate) secrets: FakeSecrets,
    pub(crate) identity: FakeIdentity,
    /// The configuration as it was first read, for those who never read it again.
    first: RefCell<Option<Attributes>>,
    /// Windows that were let in and have not said hello: name, whose, until when.
    pub(crate) admitted: RefCell<Vec<(String, OperatorId, i64)>>,
    pub(crate) model: RefCell<Model>,
    /// What happened, if somebody wants to read it.
    story: Option<RefCell<Vec<String>>>,
    /// Whether the invocation that is polled has reached a service: if not, it sleeps.
    pub(crate) progress: Cell<bool>,
}

impl Services {
    pub(crate) fn new(rng: Rng, faults: Faults, bug: Option<Bug>, tells: bool) -> Self {
        Self {
            clock: FakeClock::default(),
            rng,
            faults,
            bug,
            store: MemoryStore::new(),
            indexed: MemoryStore::new(),
            unindexed: RefCell::default(),
            queues: RefCell::default(),
            timers: RefCell::default(),
            windows: RefCell::default(),
            messenger: RefCell::default(),
            notices: RefCell::default(),
            files: FakeFiles::default(),
            seen: RefCell::default(),
            addresses: RefCell::default(),
            threads: RefCell::default(),
            blocked: RefCell::default(),
            secrets: LINES
                .iter()
                .fold(FakeSecrets::default(), |all, line| all.with_token(line.id, &line.token()))
                .with_token(FACEBOOK_APP, marks::APP_SECRET),
            identity: FakeIdentity::default(),
            first: RefCell::default(),
            admitted: RefCell::default(),
            model: RefCell::default(),
            story: tells.then(RefCell::default),
            progress: Cell::new(false),
        }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    pub(crate) fn hit(&self, fault: Fault) -> bool {
        let hit = self.faults.hit(&self.rng, fault);
        if hit {
            self.tell(|| format!("    FAULT {}", fault.words()));
        }
        hit
    }

    /// Notes what happens; words are made only if somebody reads them.
    pub(crate) fn tell(&self, words: impl FnOnce() -> String) {
        if let Some(story) = &self.story {
            story.borrow_mut().push(format!("{:>9} {}", self.now_ms() - 1_767_225_600_000, words()));
        }
    }

    pub(crate) fn story(&self) -> Vec<String> {
        self.story.as_ref().map(|story| story.borrow().clone()).unwrap_or_default()
    }

    /// I10: what leaves a function by a port has no secret in it.
    pub(crate) fn no_secret(&self, told: bool, what: impl FnOnce() -> String) {
        self.model.borrow_mut().require(Invariant::I10, !told, || format!("a secret is in {}", what()));
    }

    /// I10: nor has what the functions logged.
    pub(crate) fn look_at_log(&self) {
        let (lines, telling) = marks::logged();
        if lines > 0 {
            self.no_secret(telling.is_some(), || format!("the log: {}", telling.unwrap_or_default()));
        }
    }

    /// Commits, and holds what came of it to the invariants.
    pub(crate) fn commit(&self, writes: &[Write], by: Function, since_ms: i64) -> Result<(), StoreError> {
        self.store.write(writes)?;
        self.no_secret(writes.iter().any(marks::stores), || format!("a row: {writes:?}"));
        let now_ms = self.now_ms();
        for write in writes.iter().filter(|write| !matches!(write, Write::Check { .. })) {
            let row = (now_ms, write.key().clone(), self.store.look(write.key(), indexed_of));
            self.unindexed.borrow_mut().push_back(row);
        }
        self.model.borrow_mut().committed(self, writes, by, since_ms);
        Ok(())
    }

    /// Lets the indexes come up to what was so at that time.
    fn index(&self, until_ms: i64) {
        let mut unindexed = self.unindexed.borrow_mut();
        while unindexed.front().is_some_and(|(at, ..)| *at <= until_ms) {
            let Some((_, key, row)) = unindexed.pop_front() else { break };
            let write = match row.filter(|attributes| !attributes.is_empty()) {
                Some(attributes) => Write::Put { key, attributes, condition: None },
                None => Write::Delete { key, condition: None },
            };
            self.indexed.write(&[write]).expect("a stored row can be indexed");
        }
    }
}

/// What of a row stands in indexes; nothing of a row that is not there.
fn indexed_of(row: Option<&Attributes>) -> Option<Attributes> {
    let names = Index::ALL.iter().flat_map(|index| [index.partition(), index.sort()]);
    row.map(|row| names.filter_map(|name| Some((name.to_owned(), row.get(name)?.clone()))).collect())
}

/// One process of a function, at one invocation at a time.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) function: Function,
    pub(crate) since_ms: Cell<i64>,
}

/// Every port of one process.
#[derive(Clone)]
pub(crate) struct Port {
    pub(crate) services: Rc<Services>,
    pub(crate) process: Rc<Process>,
}

impl Port {
    /// Others go first: between asking a service and its work, and between its work and its answer, anything may happen.
    pub(crate) async fn turn(&self) {
        let mut gone = false;
        poll_fn(|context| {
            self.services.progress.set(true);
            if std::mem::replace(&mut gone, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    pub(crate) fn hit(&self, fault: Fault) -> bool {
        self.services.hit(fault)
    }

    fn store_fault(&self) -> Result<(), StoreError> {
        if self.hit(Fault::StoreThrottled) {
            return Err(StoreError::Throttled);
        }
        if self.hit(Fault::StoreDown) { Err(StoreError::Unavailable("simulated".to_owned())) } else { Ok(()) }
    }

    fn row(&self, key: &Key) -> Option<Row> {
        let mut attributes = self.services.store.row(key)?;
        if let Some(bug) = self.services.bug {
            bug.of_read(self.process.function, &mut attributes);
            if bug == Bug::ConfigurationKept && *key == configuration_key() {
                return Some(Row {
                    key: key.clone(),
                    attributes: self.services.first.borrow_mut().get_or_insert(attributes).clone(),
                });
            }
        }
        Some(Row { key: key.clone(), attributes })
    }
}

impl Clock for Port {
    fn now_ms(&self) -> i64 {
        let slow_ms = self.services.bug.map_or(0, |bug| bug.slow_ms(self.process.function));
        self.services.now_ms() - slow_ms
    }
}

impl Store for Port {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, StoreError> {
        self.turn().await;
        rules::check_get(keys)?;
        self.store_fault()?;
        Ok(keys.iter().map(|key| self.row(key)).collect())
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.turn().await;
        self.store_fault()?;
        if query.index.is_none() {
            let mut page = self.services.store.query(query).await?;
            if let Some(bug) = self.services.bug {
                bug.of_page(self.process.function, query, &mut page);
            }
            return Ok(page);
        }
        let lag_ms = if self.hit(Fault::IndexLag) { self.services.rng.between(0, LAG_MS_MAX) } else { 0 };
        self.services.index(self.now_ms() - lag_ms);
        let mut page = self.services.indexed.query(query).await?;
        if let Some(bug) = self.services.bug {
            bug.of_page(self.process.function, query, &mut page);
        }
        Ok(page)
    }

    async fn commit(&self, writes: &[Write]) -> Result<(), StoreError> {
        self.turn().await;
        self.store_fault()?;
        if self.hit(Fault::StoreConflict) {
            return Err(StoreError::Conflict);
        }
        let bug = self.services.bug;
        let changed = bug.map(|bug| bug.of_commit(writes));
        let writes = changed.as_deref().unwrap_or(writes);
        if writes.is_empty() {
            return Ok(());
        }
        match self.services.commit(writes, self.process.function, self.process.since_ms.get()) {
            Err(StoreError::ConditionFailed(_)) if bug == Some(Bug::YesWithoutCommit) => return Ok(()),
            done => done?,
        }
        self.turn().await;
        if self.hit(Fault::AnswerLost) {
            return Err(StoreError::Unavailable("simulated: the answer was lost".to_owned()));
        }
        Ok(())
    }
}

impl Queues for Port {
    async fn send(&self, messages: &[QueueMessage]) -> Result<(), QueueError> {
        self.turn().await;
        let batches = ports::queues::batches(messages)?;
        if batches.is_empty() {
            return Ok(());
        }
        let down = || QueueError::Unavailable("simulated".to_owned());
        let swallowed = self.services.bug == Some(Bug::AckBeforeQueue) && self.process.function.is_webhook();
        if self.hit(Fault::QueueDown) {
            return if swallowed { Ok(()) } else { Err(down()) };
        }
        for message in messages {
            self.services.no_secret(marks::tells(&message.body()), || format!("a queue: {message:?}"));
            let changed = match self.services.bug {
                Some(bug) => bug.of_queued(self.process.function, &self.services.rng, message),
                None => Some(message.clone()),
            };
            if let QueueMessage::Parked { parked, .. } = message {
                self.services
                    .model
                    .borrow_mut()
                    .fail(Invariant::Live, || format!("parked: {}: {}", parked.reason, parked.body));
            }
            if let Some(message) = changed {
                let copies = 1 + usize::from(self.hit(Fault::Doubled));
                self.services.tell(|| format!("    queued {message:?}"));
                self.services.queues.borrow_mut().take(&message, copies, self.now_ms());
            }
        }
        self.turn().await;
        if self.hit(Fault::QueueAnswerLost) && !swallowed { Err(down()) } else { Ok(()) }
    }
}

impl Visibility for Port {
    async fn come_back_in(&self, _queue: &str, handle: &str, seconds: u32) -> Result<(), QueueError> {
        self.turn().await;
        if self.hit(Fault::QueueDown) {
            return Err(QueueError::Unavailable("simulated".to_owned()));
        }
        let at_ms = self.now_ms() + i64::from(seconds) * 1000;
        self.services.queues.borrow_mut().come_back(handle, at_ms);
        Ok(())
    }
}

impl Timers for Port {
    async fn arm(&self, timer: &Timer) -> Result<(), TimerError> {
        self.turn().await;
        let body = serde_json::to_string(&timer.fires).expect("a timer has a JSON form");
        self.services.no_secret(marks::tells(&body) || marks::tells(&timer.name()), || format!("a timer: {body}"));
        if self.hit(Fault::TimerRefused) {
            return Err(TimerError("simulated".to_owned()));
        }
        if !self.hit(Fault::TimerLost) {
            // Mostly it is soon.
            let late_ms = if self.services.rng.chance(600) { 2_000 } else { TIMER_LATE_MS_MAX };
            let fires_at_ms = timer.at_s() * 1000 + self.services.rng.between(0, late_ms);
            let armed = Armed { timer: timer.clone(), fires_at_ms, tries: 0 };
            let mut timers = self.services.timers.borrow_mut();
            if self.services.faults.hit(&self.services.rng, Fault::TimerDoubled) {
                timers.insert(
                    format!("{} again", timer.name()),
                    Armed { fires_at_ms: fires_at_ms + 3_000, ..armed.clone() },
                );
            }
            timers.entry(timer.name()).or_insert(armed);
        }
        self.turn().await;
        Ok(())
    }
}

impl Push for Port {
    async fn post(&self, connection: &str, frame: &str) -> Result<(), PushError> {
        self.turn().await;
        self.services.no_secret(marks::tells(frame), || format!("a frame: {frame}"));
        let window = self.services.windows.borrow().get(connection).filter(|window| window.open).cloned();
        let Some(window) = window else { return Err(PushError::Gone) };
        if self.hit(Fault::PushFailed) {
            return Err(PushError::Failed("simulated".to_owned()));
        }
        let untold = self.services.bug == Some(Bug::FailureUntold) && frame.contains("\"state\":\"failed\"");
        if !untold && !self.hit(Fault::PushLost) {
            let since_ms = self.process.since_ms.get();
            self.services.model.borrow_mut().pushed(&window.operator, frame, since_ms);
            if self.services.bug == Some(Bug::ToldToAll) && frame.starts_with("{\"type\":\"message\"") {
                for other in self.services.windows.borrow().values().filter(|other| other.open) {
                    self.services.model.borrow_mut().pushed(&other.operator, frame, since_ms);
                }
            }
        }
        self.turn().await;
        Ok(())
    }

    async fn close(&self, connection: &str) -> Result<(), PushError> {
        self.turn().await;
        if let Some(window) = self.services.windows.borrow_mut().get_mut(connection) {
            window.open = false;
        }
        Ok(())
    }
}

impl Random for Port {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in &mut *bytes {
            *byte = u8::try_from(self.services.rng.below(256)).unwrap_or(0);
        }
        marks::mark(bytes);
    }
}

impl Secrets for Port {
    async fn stack_key(&self) -> Result<Secret, SecretError> {
        self.turn().await;
        self.services.secrets.stack_key().await
    }

    async fn channel_token(&self, channel: &str) -> Result<Secret, SecretError> {
        self.turn().await;
        if self.hit(Fault::SecretsDown) {
            return Err(SecretError::Unavailable("simulated".to_owned()));
        }
        self.services.secrets.channel_token(channel).await
    }

    async fn channel_token_now(&self, channel: &str) -> Result<Secret, SecretError> {
        self.channel_token(channel).await
    }

    async fn put_channel_token(&self, channel: &str, token: &Secret) -> Result<(), SecretError> {
        self.services.secrets.put_channel_token(channel, token).await
    }

    async fn delete_channel_token(&self, channel: &str) -> Result<(), SecretError> {
        self.services.secrets.delete_channel_token(channel).await
    }
}
