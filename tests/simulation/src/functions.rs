//! The functions: the product's own handlers, each in processes that live and die as Lambda's do.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::Pin;
use std::rc::Rc;

use acceptance::Acceptance;
use auto_close::AutoClose;
use aws_lambda_events::event::apigw::ApiGatewayWebsocketProxyRequest;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use fakes::{FakeFiles, FakeIdentity, FakeRandom};
use inbound::Inbound;
use lambda_http::{Body, Request, RequestExt};
use outbound::{Ports, Sender};
use ports::timers::NoTimers;
use router::Router;
use runtime::Desk;
use serde_json::{Value, json};
use session::Session;
use telegram_webhook::{SECRET_HEADER, Webhook};
use wire::queues::QueueName;
use wire::timers::Fires;
use workspace::Workspace;

use crate::bugs::Bug;
use crate::services::{Port, Process, Services};

/// The secret of every webhook.
pub(crate) const SECRET: &str = "a-secret-of-no-webhook";
/// The time-out of every function, milliseconds (template).
pub(crate) const TIMEOUT_MS: i64 = 15_000;

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Function {
    /// `telegram-webhook`.
    Webhook,
    /// `inbound`.
    Inbound,
    /// `router`.
    Router,
    /// `acceptance`.
    Acceptance,
    /// `auto-close`.
    AutoClose,
    /// `workspace`.
    Workspace,
    /// `outbound`.
    Outbound,
    /// `session`.
    Session,
    /// `settings`: its changes are made as rows, at once.
    Settings,
}

/// What wakes a function.
#[derive(Debug)]
pub(crate) enum Event {
    /// A call of the messenger: of which channel, with which update.
    Update(String, String),
    /// A batch of a queue.
    Batch(QueueName, SqsEvent),
    /// A timer.
    Timer(Fires),
    /// The minute's sweep.
    Sweep,
    /// A frame or the end of a window.
    Frame(Value),
}

impl Event {
    /// Whose it is.
    pub(crate) fn function(&self) -> Function {
        match self {
            Self::Update(..) => Function::Webhook,
            Self::Batch(queue, _) => match queue {
                QueueName::Inbound => Function::Inbound,
                QueueName::Routing | QueueName::Delayed => Function::Router,
                QueueName::OfferHints => Function::Acceptance,
                QueueName::CloseHints => Function::AutoClose,
                _ => Function::Outbound,
            },
            Self::Timer(Fires::AcceptTimeout { .. }) => Function::Acceptance,
            Self::Timer(Fires::AutoClose { .. }) => Function::AutoClose,
            Self::Sweep => Function::Router,
            Self::Frame(frame) => {
                let body: Value =
                    frame["body"].as_str().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
                match body["action"].as_str() {
                    Some("accept" | "decline" | "expire") => Function::Acceptance,
                    Some("hello" | "ping" | "status") | None => Function::Session,
                    Some(_) => Function::Workspace,
                }
            }
        }
    }
}

/// What came of an invocation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Whoever woke it need not come again.
    Done,
    /// Those messages come again.
    Again(Vec<usize>),
    /// It failed as a whole.
    Failed,
}

/// A handler with its ports.
enum Handler {
    Webhook(Webhook<Port, Port, Port, Port>),
    Inbound(Inbound<Port, Port, Port, Port, Port>),
    Router(Router<Port, Port, Port, Port, Port, Port>),
    Acceptance(Acceptance<Port, Port, Port, Port, Port, Port>),
    AutoClose(AutoClose<Port, Port, Port, Port, Port, Port>),
    Workspace(Workspace<Port, Port, Port, Port, Port, FakeFiles, FakeRandom>),
    Outbound(Sender<Port, Port, Port, Port, Port, Port, Port>),
    Session(Session<Port, Port, Port, Port, FakeIdentity, FakeRandom>),
}

/// A process of a function.
pub(crate) struct Instance {
    handler: Handler,
    process: Rc<Process>,
}

/// An invocation under way.
pub(crate) struct Live {
    pub(crate) future: Pin<Box<dyn Future<Output = Outcome>>>,
    pub(crate) instance: Rc<Instance>,
    pub(crate) deadline_ms: i64,
    /// What to do when it is over.
    pub(crate) source: Source,
    pub(crate) number: u64,
}

/// Who woke an invocation.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// A customer's messenger, by customer and message; a repeated update is nobody's.
    Customer(Option<usize>),
    /// A queue.
    Queue(Vec<usize>),
    /// The Scheduler.
    Timer(crate::services::Armed),
    /// Whoever does not come again.
    Nobody,
}

/// The processes that wait for work.
#[derive(Default)]
pub(crate) struct Pool(RefCell<HashMap<Function, Vec<Rc<Instance>>>>);

impl Instance {
    pub(crate) fn function(&self) -> Function {
        self.process.function
    }
}

impl Pool {
    /// Begins an invocation, in a process that is free or a new one.
    pub(crate) fn begin(&self, services: &Rc<Services>, event: Event, source: Source, number: u64) -> Live {
        let function = event.function();
        let free = self.0.borrow_mut().get_mut(&function).and_then(Vec::pop);
        let instance = free.unwrap_or_else(|| Rc::new(Instance::start(services, function)));
        let now_ms = services.now_ms();
        instance.process.since_ms.set(now_ms);
        let deadline_ms = now_ms + TIMEOUT_MS;
        let (bug, handling) = (services.bug, instance.clone());
        let future = Box::pin(async move { handling.handle(event, deadline_ms, bug).await });
        Live { future, instance, deadline_ms, source, number }
    }

    /// The process is free again.
    pub(crate) fn free(&self, instance: Rc<Instance>) {
        self.0.borrow_mut().entry(instance.function()).or_default().push(instance);
    }
}

fn outcome(response: &SqsBatchResponse) -> Outcome {
    let failed = response.batch_item_failures.iter().filter_map(|one| one.item_identifier.parse().ok()).collect();
    Outcome::Again(failed)
}

fn done<T, E>(result: &Result<T, E>) -> Outcome {
    if result.is_ok() { Outcome::Done } else { Outcome::Failed }
}

fn frame(value: Value) -> ApiGatewayWebsocketProxyRequest {
    serde_json::from_value(value).expect("a frame as the gateway sends it")
}

impl Instance {
    fn start(services: &Rc<Services>, function: Function) -> Self {
        let process = Rc::new(Process { function, since_ms: Cell::new(services.now_ms()) });
        let port = || Port { services: services.clone(), process: process.clone() };
        let desk = || Desk::new(port(), port(), port(), port(), port());
        let still = || Desk::new(port(), port(), NoTimers, port(), port());
        let handler = match function {
            Function::Webhook => Handler::Webhook(Webhook::new(port(), port(), port(), port())),
            Function::Inbound => Handler::Inbound(Inbound { desk: still(), visibility: port() }),
            Function::Router | Function::Settings => Handler::Router(Router { desk: desk(), visibility: port() }),
            Function::Acceptance => Handler::Acceptance(Acceptance { desk: desk(), visibility: port() }),
            Function::AutoClose => Handler::AutoClose(AutoClose { desk: desk(), visibility: port() }),
            Function::Workspace => Handler::Workspace(Workspace {
                desk: desk(),
                files: FakeFiles::default(),
                random: FakeRandom::default(),
            }),
            Function::Outbound => Handler::Outbound(Sender::new(Ports {
                store: port(),
                queues: port(),
                visibility: port(),
                push: port(),
                messenger: port(),
                secrets: port(),
                clock: port(),
            })),
            Function::Session => {
                Handler::Session(Session::new(still(), FakeIdentity::default(), FakeRandom::default(), "*"))
            }
        };
        Self { handler, process }
    }

    async fn handle(&self, event: Event, deadline_ms: i64, bug: Option<Bug>) -> Outcome {
        match (&self.handler, event) {
            (Handler::Webhook(webhook), Event::Update(channel, body)) => {
                let mut request = Request::new(Body::from(body));
                request.headers_mut().insert(SECRET_HEADER, SECRET.parse().expect("a header"));
                let path = HashMap::from([("channel".to_owned(), vec![channel])]);
                let answer = webhook.handle(request.with_path_parameters(path)).await;
                if answer.status().is_success() { Outcome::Done } else { Outcome::Failed }
            }
            (Handler::Inbound(inbound), Event::Batch(_, batch)) if bug == Some(Bug::GroupNotStopped) => {
                let mut failed = Vec::new();
                for message in batch.records {
                    let mut alone = SqsEvent::default();
                    alone.records = vec![message];
                    if let Outcome::Again(again) = outcome(&inbound.handle(alone).await) {
                        failed.extend(again);
                    }
                }
                Outcome::Again(failed)
            }
            (Handler::Inbound(inbound), Event::Batch(_, batch)) => outcome(&inbound.handle(batch).await),
            (Handler::Router(router), Event::Batch(_, batch)) => outcome(&router.handle(batch).await),
            (Handler::Router(_), Event::Sweep) if bug == Some(Bug::WakesLostNoSweep) => Outcome::Done,
            (Handler::Router(router), Event::Sweep) => done(&router.invoke(json!({ "kind": "sweep" })).await),
            (Handler::Acceptance(_), Event::Batch(..) | Event::Timer(_)) if bug == Some(Bug::OfferNotExpired) => {
                Outcome::Done
            }
            (Handler::Acceptance(acceptance), Event::Batch(_, batch)) => outcome(&acceptance.hints(batch).await),
            (Handler::Acceptance(acceptance), Event::Timer(fires)) => done(&acceptance.timer(&fires).await),
            (Handler::Acceptance(acceptance), Event::Frame(value)) => {
                acceptance.frame(&frame(value)).await;
                Outcome::Done
            }
            (Handler::AutoClose(auto_close), Event::Batch(_, batch)) => outcome(&auto_close.hints(batch).await),
            (Handler::AutoClose(auto_close), Event::Timer(fires)) => done(&auto_close.timer(&fires).await),
            (Handler::Workspace(workspace), Event::Frame(value)) => {
                workspace.frame(&frame(value)).await;
                Outcome::Done
            }
            (Handler::Outbound(sender), Event::Batch(_, batch)) => outcome(&sender.handle(batch, deadline_ms).await),
            (Handler::Session(session), Event::Frame(value)) => {
                session.handle(value).await;
                Outcome::Done
            }
            (_, event) => panic!("{event:?} is nobody's"),
        }
    }
}
