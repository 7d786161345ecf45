//! The functions: the product's own handlers, each in processes that live and die as Lambda's do.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::Pin;
use std::rc::Rc;

use acceptance::Acceptance;
use auto_close::AutoClose;
use aws_lambda_events::event::apigw::ApiGatewayWebsocketProxyRequest;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use domain::{ChatId, OperatorId};
use fakes::FakeIdentity;
use inbound::Inbound;
use lambda_http::{Body, Response};
use media::{Bases, Fetcher};
use outbound::{Ports, Sender};
use ports::timers::NoTimers;
use router::Router;
use runtime::Desk;
use serde_json::{Value, json};
use session::Session;
use wire::queues::QueueName;
use wire::timers::Fires;
use workspace::Workspace;

use crate::bugs::Bug;
use crate::channels::{BASES, SITE};
use crate::invariants::Invariant;
use crate::marks;
use crate::notices::Notice;
use crate::posts::Post;
use crate::services::{Port, Process, Services};

/// The secret of every webhook.
pub(crate) const SECRET: &str = "5ecret-of-webhooks";
/// The time-out of a function, milliseconds (template: 10 s to 28 s where nothing is said here).
const TIMEOUT_MS: i64 = 15_000;
/// That of `outbound`.
const TIMEOUT_OUTBOUND_MS: i64 = 25_000;
/// That of `media`.
const TIMEOUT_MEDIA_MS: i64 = 60_000;

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Function {
    /// `telegram-webhook`.
    Webhook,
    /// `messenger-webhook`.
    PageWebhook,
    /// `whatsapp-webhook`.
    FormWebhook,
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
    /// `media`.
    Media,
    /// `session`.
    Session,
    /// `settings`: its changes are made as rows, at once.
    Settings,
}

impl Function {
    fn timeout_ms(self) -> i64 {
        match self {
            Self::Outbound => TIMEOUT_OUTBOUND_MS,
            Self::Media => TIMEOUT_MEDIA_MS,
            _ => TIMEOUT_MS,
        }
    }

    /// Whether a messenger calls it.
    pub(crate) fn is_webhook(self) -> bool {
        matches!(self, Self::Webhook | Self::PageWebhook | Self::FormWebhook)
    }
}

/// What wakes a function.
#[derive(Debug)]
pub(crate) enum Event {
    /// A call of a messenger.
    Post(Post),
    /// A batch of a queue.
    Batch(QueueName, SqsEvent),
    /// A timer.
    Timer(Fires),
    /// The minute's sweep.
    Sweep,
    /// A frame or the end of a window.
    Frame(Value),
    /// An operator signs in and opens a window of this name.
    SignIn(OperatorId, String),
}

impl Event {
    /// Whose it is.
    pub(crate) fn function(&self) -> Function {
        match self {
            Self::Post(post) => post.function(),
            Self::Batch(queue, _) => match queue {
                QueueName::Inbound => Function::Inbound,
                QueueName::Routing | QueueName::Delayed => Function::Router,
                QueueName::OfferHints => Function::Acceptance,
                QueueName::CloseHints => Function::AutoClose,
                QueueName::Fetch => Function::Media,
                _ => Function::Outbound,
            },
            Self::Timer(Fires::AcceptTimeout { .. }) => Function::Acceptance,
            Self::Timer(Fires::AutoClose { .. }) => Function::AutoClose,
            Self::Sweep => Function::Router,
            Self::SignIn(..) => Function::Session,
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

    /// The chat that it is about, if that can be told from outside.
    fn about(&self) -> Option<ChatId> {
        match self {
            Self::Timer(Fires::AcceptTimeout { offer, .. }) => Some(offer.chat.clone()),
            Self::Timer(Fires::AutoClose { chat, .. }) => Some(chat.clone()),
            Self::Frame(frame) => {
                let body: Value = serde_json::from_str(frame["body"].as_str()?).ok()?;
                let of_offer = || Some(body["offer"].as_str()?.rsplit_once('.')?.0);
                body["chat"].as_str().or_else(of_offer)?.parse().ok()
            }
            Self::Post(_) | Self::Batch(..) | Self::Sweep | Self::SignIn(..) => None,
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
    Webhook(telegram_webhook::Webhook<Port, Port, Port, Port>),
    PageWebhook(messenger_webhook::Webhook<Port, Port, Port, Port>),
    FormWebhook(whatsapp_webhook::Webhook<Port, Port, Port, Port>),
    Inbound(Inbound<Port, Port, Port, Port, Port>),
    Router(Router<Port, Port, Port, Port, Port, Port>),
    Acceptance(Acceptance<Port, Port, Port, Port, Port, Port>),
    AutoClose(AutoClose<Port, Port, Port, Port, Port, Port>),
    Workspace(Workspace<Port, Port, Port, Port, Port, Port, Port>),
    Outbound(Sender<Port, Port, Port, Port, Port, Port, Port, Port>),
    Media(Fetcher<Port, Port, Port, Port, Port, Port, Port, Port, Port>),
    Session(Session<Port, Port, Port, Port, FakeIdentity, Port>),
}

/// A process of a function.
pub(crate) struct Instance {
    handler: Handler,
    process: Rc<Process>,
    services: Rc<Services>,
}

/// An invocation under way.
pub(crate) struct Live {
    pub(crate) future: Pin<Box<dyn Future<Output = Outcome>>>,
    pub(crate) instance: Rc<Instance>,
    pub(crate) deadline_ms: i64,
    /// What to do when it is over.
    pub(crate) source: Source,
    pub(crate) number: u64,
    /// The chat that it is about, as far as is known.
    pub(crate) about: Option<ChatId>,
}

/// Who woke an invocation.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// A messenger: of these customers so many updates, and notices.
    Post(Vec<(usize, usize)>, Vec<Notice>),
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
        let (function, about) = (event.function(), event.about());
        let free = self.0.borrow_mut().get_mut(&function).and_then(Vec::pop);
        let instance = free.unwrap_or_else(|| Rc::new(Instance::start(services, function)));
        let now_ms = services.now_ms();
        instance.process.since_ms.set(now_ms);
        let deadline_ms = now_ms + function.timeout_ms();
        let (bug, handling) = (services.bug, instance.clone());
        let future = Box::pin(async move { handling.handle(event, deadline_ms, bug).await });
        Live { future, instance, deadline_ms, source, number, about }
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

/// A messenger goes by the status alone. None of these calls is refused for good: each is well-formed and signed.
fn taken_in(answer: &Response<Body>) -> Outcome {
    assert!(!answer.status().is_client_error(), "a webhook refuses its messenger: {answer:?}");
    if answer.status().is_success() { Outcome::Done } else { Outcome::Failed }
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
            Function::Webhook => Handler::Webhook(telegram_webhook::Webhook::new(port(), port(), port(), port())),
            Function::PageWebhook => {
                Handler::PageWebhook(messenger_webhook::Webhook::new(port(), port(), port(), port()))
            }
            Function::FormWebhook => {
                Handler::FormWebhook(whatsapp_webhook::Webhook::new(port(), port(), port(), port(), SITE))
            }
            Function::Inbound => Handler::Inbound(Inbound { desk: still(), visibility: port() }),
            Function::Router | Function::Settings => Handler::Router(Router { desk: desk(), visibility: port() }),
            Function::Acceptance => Handler::Acceptance(Acceptance { desk: desk(), visibility: port() }),
            Function::AutoClose => Handler::AutoClose(AutoClose { desk: desk(), visibility: port() }),
            Function::Workspace => Handler::Workspace(Workspace { desk: desk(), files: port(), random: port() }),
            Function::Outbound => Handler::Outbound(Sender::new(Ports {
                store: port(),
                queues: port(),
                visibility: port(),
                push: port(),
                messenger: port(),
                secrets: port(),
                files: port(),
                clock: port(),
                public_url: SITE.to_owned(),
            })),
            Function::Media => {
                let [telegram, graph, twilio] = BASES.map(str::to_owned);
                let ports = media::Ports {
                    store: port(),
                    queues: port(),
                    visibility: port(),
                    push: port(),
                    messenger: port(),
                    secrets: port(),
                    files: port(),
                    download: port(),
                    clock: port(),
                };
                Handler::Media(Fetcher::new(ports, Bases { telegram, graph, twilio }))
            }
            Function::Session => Handler::Session(Session::new(still(), services.identity.clone(), port(), "*")),
        };
        Self { handler, process, services: services.clone() }
    }

    async fn handle(&self, event: Event, deadline_ms: i64, bug: Option<Bug>) -> Outcome {
        match (&self.handler, event) {
            (Handler::Webhook(webhook), Event::Post(post)) => taken_in(&webhook.handle(post.request()).await),
            (Handler::PageWebhook(webhook), Event::Post(post)) => taken_in(&webhook.handle(post.request()).await),
            (Handler::FormWebhook(webhook), Event::Post(post)) => taken_in(&webhook.handle(post.request()).await),
            (Handler::Media(fetcher), Event::Batch(_, batch)) => outcome(&fetcher.handle(batch).await),
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
            (Handler::Session(session), Event::SignIn(operator, window)) => {
                let call = json!({ "routeKey": "POST /api/ticket", "requestContext": { "http": { "method": "POST" } },
                    "headers": { "authorization": format!("Bearer {}", marks::sign_in(operator.as_str())) } });
                let answer = session.handle(call).await;
                let body: Value = serde_json::from_str(answer["body"].as_str().unwrap_or_default()).unwrap_or_default();
                let Some(ticket) = body["ticket"].as_str() else { return Outcome::Done };
                assert!(marks::tells(ticket), "a ticket can be recognised wherever it goes");
                let question = json!({ "type": "REQUEST", "methodArn": "arn:aws:execute-api:eu-central-1:0:api/$default/$connect",
                    "queryStringParameters": { "ticket": ticket } });
                let policy = session.handle(question).await;
                if policy["policyDocument"]["Statement"][0]["Effect"] == "Allow" {
                    self.admit(&policy, &operator, window);
                }
                Outcome::Done
            }
            (_, event) => panic!("{event:?} is nobody's"),
        }
    }

    /// The gateway opens a window with what the authorizer says of it.
    fn admit(&self, policy: &Value, operator: &OperatorId, window: String) {
        let context = &policy["context"];
        let until_ms = context["auth_until_ms"].as_str().and_then(|until| until.parse().ok()).unwrap_or(0);
        let services = &self.services;
        let theirs = context["operator"].as_str() == Some(operator.as_str());
        services.model.borrow_mut().require(Invariant::I8, theirs, || format!("{operator} is let in as {context}"));
        services.admitted.borrow_mut().push((window, operator.clone(), until_ms));
    }
}
