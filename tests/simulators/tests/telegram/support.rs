//! A simulator with one bot, and a webhook whose answers a test decides.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response};
use reqwest::Method;
use serde_json::{Value, json};
use simulators::telegram::{Client, Handle, NewBot, Options, Simulator};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

pub(crate) const TOKEN: &str = "800000001:AAsimulated-token-of-thirty-five-chars";
pub(crate) const SECRET: &str = "a_Secret-1";
pub(crate) const CUSTOMER: i64 = 700_000_001;
/// Longer than anything here takes; waiting ends with the event, not with this.
pub(crate) const LONG: Duration = Duration::from_secs(5);

pub(crate) struct Stage {
    pub(crate) simulator: Handle,
    pub(crate) client: Client,
    pub(crate) http: reqwest::Client,
}

/// A simulator with quick retries and the bot [`TOKEN`].
pub(crate) async fn stage() -> Stage {
    stage_with(Options::default()).await
}

/// As [`stage`], with other options.
pub(crate) async fn stage_with(options: Options) -> Stage {
    let bot = NewBot { token: Some(TOKEN.into()), name: Some("Desk".into()), username: Some("desk_bot".into()) };
    let options = Options { retry_unit: Duration::from_millis(5), bots: vec![bot], ..options };
    let simulator = Simulator::start_with(any_port(), options).await.expect("a free port");
    let client = simulator.client();
    let http = reqwest::Client::builder().no_proxy().build().expect("a plain client");
    Stage { simulator, client, http }
}

pub(crate) fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

impl Stage {
    /// Calls a Bot API method with JSON. Returns the status and the body.
    pub(crate) async fn call(&self, method: &str, params: &Value) -> (u16, Value) {
        self.call_as(TOKEN, method, params).await
    }

    pub(crate) async fn call_as(&self, token: &str, method: &str, params: &Value) -> (u16, Value) {
        let url = format!("{}/bot{token}/{method}", self.simulator.url());
        let response = self.http.post(url).json(params).send().await.expect("an answer");
        (response.status().as_u16(), response.json().await.expect("a JSON answer"))
    }

    /// As [`Self::call`], for calls that must succeed. Returns `result`.
    pub(crate) async fn result(&self, method: &str, params: &Value) -> Value {
        let (status, body) = self.call(method, params).await;
        assert_eq!((status, &body["ok"]), (200, &json!(true)), "{method}: {body}");
        body["result"].clone()
    }

    pub(crate) async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let path = format!("/bots/{TOKEN}{path}");
        self.client.ask(method, &path, body.as_ref()).await.expect("the control API does it")
    }

    pub(crate) async fn set_webhook(&self, url: &str) {
        self.result("setWebhook", &json!({"url": url, "secret_token": SECRET})).await;
    }

    /// A customer writes, without a webhook, so that the bot may write to them.
    pub(crate) async fn open_chat(&self) -> i64 {
        let written = self.client.write_text(TOKEN, CUSTOMER, "hello").await.expect("written");
        written["message_id"].as_i64().expect("an id")
    }
}

/// A delivery that arrived at the webhook. It is answered when the test says so, or drops it: 200.
pub(crate) struct Arrival {
    pub(crate) secret: Option<String>,
    pub(crate) update: Value,
    answer: Option<oneshot::Sender<Reply>>,
}

impl Arrival {
    pub(crate) fn answer(mut self, reply: Reply) {
        let _ = self.answer.take().expect("not answered yet").send(reply);
    }

    pub(crate) fn text(&self) -> &str {
        self.update["message"]["text"].as_str().unwrap_or_default()
    }
}

/// An answer of the webhook.
#[derive(Clone, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: String,
}

pub(crate) fn status(status: u16) -> Reply {
    Reply { status, ..Reply::default() }
}

#[derive(Clone)]
struct Door {
    arrivals: mpsc::UnboundedSender<Arrival>,
    script: Arc<Mutex<VecDeque<Reply>>>,
}

/// A webhook.
pub(crate) struct Webhook {
    pub(crate) url: String,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
}

impl Webhook {
    /// Answers as `script` says, one entry an arrival; after that the test answers each arrival.
    pub(crate) async fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind(any_port()).await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("bound"));
        let (sender, arrivals) = mpsc::unbounded_channel();
        let door = Door { arrivals: sender, script: Arc::new(Mutex::new(script.into_iter().collect())) };
        let app = Router::new().fallback(receive).with_state(door);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, arrivals }
    }

    pub(crate) async fn next(&mut self) -> Arrival {
        let arrival = tokio::time::timeout(LONG, self.arrivals.recv()).await.expect("a delivery in time");
        arrival.expect("the webhook runs")
    }

    pub(crate) fn is_idle(&mut self) -> bool {
        self.arrivals.try_recv().is_err()
    }
}

async fn receive(State(door): State<Door>, headers: HeaderMap, body: String) -> Response<Body> {
    let secret = headers.get("x-telegram-bot-api-secret-token").map(|value| value.to_str().expect("ASCII").to_owned());
    let update = serde_json::from_str(&body).expect("deliveries are JSON");
    let scripted = door.script.lock().expect("not poisoned").pop_front();
    let (sender, receiver) = oneshot::channel();
    let answer = if let Some(reply) = scripted.clone() {
        drop(sender);
        let _ = door.arrivals.send(Arrival { secret, update, answer: None });
        reply
    } else {
        let _ = door.arrivals.send(Arrival { secret, update, answer: Some(sender) });
        receiver.await.unwrap_or_else(|_| status(200))
    };
    let mut response = Response::builder().status(answer.status);
    if let Some(seconds) = answer.retry_after {
        response = response.header("retry-after", seconds);
    }
    response.body(Body::from(answer.body)).expect("a response")
}
