//! The functions of routing together on the fakes, as the queues, timers and the gateway connect them.
//!
//! Outbound is left out: what it would be told is kept ([`Stack::replies`]).

use std::cell::RefCell;
use std::collections::BTreeSet;

use acceptance::Acceptance;
use auto_close::AutoClose;
use domain::{ChatId, OperatorId};
use fakes::world::{self, World};
use fakes::{
    CrashPoint, Crashing, FakeClock, FakeFiles, FakePush, FakeQueues, FakeRandom, FakeTimers, FakeVisibility,
    MemoryStore,
};
use inbound::Inbound;
use ports::timers::NoTimers;
use router::Router;
use runtime::Desk;
use serde_json::{Value, json};
use wire::queues::{Outbound, OutboundKind, QueueMessage, QueueName};
use wire::timers::Fires;
use workspace::Workspace;

type S = Crashing<MemoryStore>;
type Q = Crashing<FakeQueues>;
type T = Crashing<FakeTimers>;
type P = Crashing<FakePush>;
type C = FakeClock;
type V = FakeVisibility;

/// How many messages one drain handles at most: what goes in circles is a failure.
const DRAIN_MAX: usize = 2_000;
/// A window passes by: longer than a minute, so that each sweep is another minute's.
const MINUTE_MS: i64 = 61_000;

/// What wakes a function.
#[derive(Clone, Debug)]
pub enum Act {
    /// A message of a queue.
    Message(QueueMessage),
    /// An operator's command, by their first window; its request id is `act`.
    Command(OperatorId, Value),
    /// A timer.
    Timer(Fires),
    /// The minute's sweep.
    Sweep,
}

/// The functions, each with a desk of its own, on the ports of one company.
pub struct Stack {
    /// The company.
    pub world: World,
    /// Spoils a call of any of the functions.
    pub point: CrashPoint,
    inbound: Inbound<S, Q, P, C, V>,
    router: Router<S, Q, T, P, C, V>,
    acceptance: Acceptance<S, Q, T, P, C, V>,
    auto_close: AutoClose<S, Q, T, P, C, V>,
    workspace: Workspace<S, Q, T, P, C, FakeFiles, FakeRandom>,
    later: RefCell<Vec<QueueMessage>>,
    replies: RefCell<BTreeSet<(ChatId, u64)>>,
}

impl Stack {
    /// The functions at this company.
    pub fn new(world: &World) -> Self {
        let point = CrashPoint::default();
        let (w, v) = (world, || world.visibility.clone());
        let store = || Crashing::new(w.store.clone(), &point);
        let queues = || Crashing::new(w.queues.clone(), &point);
        let push = || Crashing::new(w.push.clone(), &point);
        let desk = || {
            let timers = Crashing::new(w.timers.clone(), &point);
            Desk::new(store(), queues(), timers, push(), w.clock.clone())
        };
        let inbound = Desk::new(store(), queues(), NoTimers, push(), w.clock.clone());
        Self {
            inbound: Inbound { desk: inbound, visibility: v() },
            router: Router { desk: desk(), visibility: v() },
            acceptance: Acceptance { desk: desk(), visibility: v() },
            auto_close: AutoClose { desk: desk(), visibility: v() },
            workspace: Workspace { desk: desk(), files: w.files.clone(), random: w.random.clone() },
            later: RefCell::default(),
            replies: RefCell::default(),
            world: world.clone(),
            point,
        }
    }

    /// Has every function read the configuration, as one that has been at work has.
    pub async fn warm(&self) {
        let warm = "the store is up";
        self.inbound.desk.config().await.expect(warm);
        self.router.desk.config().await.expect(warm);
        self.acceptance.desk.config().await.expect(warm);
        self.auto_close.desk.config().await.expect(warm);
        self.workspace.desk.config().await.expect(warm);
    }

    /// The replies that the outbound function was told of.
    pub fn replies(&self) -> BTreeSet<(ChatId, u64)> {
        self.replies.borrow().clone()
    }

    /// Wakes the function that this is for, for the `nth` time; says whether it was handled, so that nobody comes again.
    pub async fn act(&self, act: &Act, nth: u32) -> bool {
        match act {
            Act::Message(message) => self.deliver(message, nth).await,
            Act::Command(operator, command) => self.command(operator, command).await,
            Act::Timer(fires) => self.fire(fires).await,
            Act::Sweep => self.router.invoke(json!({"kind": "sweep"})).await.is_ok(),
        }
    }

    async fn deliver(&self, message: &QueueMessage, nth: u32) -> bool {
        let mut batch = world::sqs(std::slice::from_ref(message));
        batch.records[0].attributes.insert("ApproximateReceiveCount".to_owned(), nth.to_string());
        let response = match message.queue() {
            QueueName::Inbound => self.inbound.handle(batch).await,
            QueueName::Routing | QueueName::Delayed => self.router.handle(batch).await,
            QueueName::OfferHints => self.acceptance.hints(batch).await,
            QueueName::CloseHints => self.auto_close.hints(batch).await,
            QueueName::Fetch | QueueName::Outbound(_) | QueueName::InboundParked | QueueName::OutboundParked(_) => {
                panic!("{message:?} is for nobody here")
            }
        };
        response.batch_item_failures.is_empty()
    }

    /// Whether the window has its yes: without one, the client asks again.
    async fn command(&self, operator: &OperatorId, command: &Value) -> bool {
        let frame = world::frame(operator, "act", command.clone());
        match command["action"].as_str() {
            Some("accept" | "decline" | "expire") => self.acceptance.frame(&frame).await,
            _ => self.workspace.frame(&frame).await,
        }
        let answers = self.world.answers(&format!("{operator}-1"), "act");
        answers.last().is_some_and(|answer| answer.ok)
    }

    async fn fire(&self, fires: &Fires) -> bool {
        match fires {
            Fires::AcceptTimeout { .. } => self.acceptance.timer(fires).await.is_ok(),
            Fires::AutoClose { .. } => self.auto_close.timer(fires).await.is_ok(),
        }
    }

    /// Delivers whatever is queued, until nothing is. Waits begin.
    pub async fn drain(&self) {
        for _ in 0..DRAIN_MAX {
            let messages = self.world.queues.take_distinct();
            if messages.is_empty() {
                return;
            }
            for message in messages {
                match &message {
                    QueueMessage::Delayed { delay_s: 1.., .. } => self.later.borrow_mut().push(message),
                    QueueMessage::Outbound(Outbound { chat, what: OutboundKind::Reply { seq, .. }, .. }) => {
                        self.replies.borrow_mut().insert((chat.clone(), *seq));
                    }
                    QueueMessage::Outbound(_) => {}
                    _ => assert!(self.deliver(&message, 1).await, "{message:?}"),
                }
            }
        }
        panic!("messages go in circles");
    }

    /// A minute passes: windows ping, waits end, timers fire, the sweep sweeps.
    pub async fn minute(&self) {
        self.drain().await;
        self.world.clock.advance(MINUTE_MS);
        self.world.pings();
        for message in self.later.take() {
            assert!(self.deliver(&message, 1).await, "{message:?}");
        }
        for timer in self.world.timers.take_due(self.world.now_ms()) {
            assert!(self.fire(&timer.fires).await, "{timer:?}");
        }
        self.drain().await;
        assert!(self.act(&Act::Sweep, 1).await, "the sweep");
        self.drain().await;
    }
}
