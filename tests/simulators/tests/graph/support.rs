//! A simulator with one app and two pages, and a webhook whose answers a test decides.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Method as HttpMethod, Response};
use reqwest::Method;
use serde_json::{Value, json};
use simulators::graph::{BOT_APP_ID, Client, Handle, NewApp, NewPage, Options, Simulator};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

pub(crate) const APP: &str = "300000000000001";
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// A page without a primary receiver.
pub(crate) const PAGE: &str = "100000000000001";
/// A page whose primary receiver is the bot.
pub(crate) const BOT_PAGE: &str = "100000000000009";
pub(crate) const ANNA: &str = "2000000000000001";
pub(crate) const VERIFY: &str = "verify me";
/// Longer than anything here takes; waiting ends with the event, not with this.
pub(crate) const LONG: Duration = Duration::from_secs(5);

pub(crate) const FIELDS: &str = "messages,messaging_postbacks,messaging_referrals,messaging_optins,messaging_handovers,\
    standby,message_deliveries,message_reads,message_echoes,message_reactions,message_edits";

pub(crate) struct Stage {
    pub(crate) simulator: Handle,
    pub(crate) client: Client,
    pub(crate) http: reqwest::Client,
    /// The token of [`PAGE`], and of [`BOT_PAGE`].
    pub(crate) token: String,
    pub(crate) bot_page_token: String,
}

/// A simulator with quick retries, the app [`APP`] and both pages.
pub(crate) async fn stage() -> Stage {
    stage_with(Options::default()).await
}

/// As [`stage`], with other options.
pub(crate) async fn stage_with(options: Options) -> Stage {
    let app = NewApp { id: Some(APP.into()), secret: Some(SECRET.into()), ..NewApp::default() };
    let page = |id: &str, name: &str, primary: Option<&str>| NewPage {
        id: Some(id.into()),
        name: Some(name.into()),
        primary_app_id: primary.map(str::to_owned),
        tasks: None,
    };
    let pages = vec![page(PAGE, "Shop", None), page(BOT_PAGE, "Bot shop", Some(BOT_APP_ID))];
    let options = Options {
        retry_unit: Duration::from_millis(5),
        echo_delay: Duration::from_millis(1),
        apps: vec![app],
        pages,
        ..options
    };
    let simulator = Simulator::start_with(any_port(), options).await.expect("a free port");
    let client = simulator.client();
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let http = http.build().expect("a plain client");
    let token = client.make_token(APP, Some(PAGE)).await.expect("a token");
    let bot_page_token = client.make_token(APP, Some(BOT_PAGE)).await.expect("a token");
    Stage { simulator, client, http, token, bot_page_token }
}

pub(crate) fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

pub(crate) fn app_token() -> String {
    format!("{APP}|{SECRET}")
}

/// A text message to Anna.
pub(crate) fn text(text: &str) -> Value {
    json!({"recipient": {"id": ANNA}, "messaging_type": "RESPONSE", "message": {"text": text}})
}

impl Stage {
    /// Calls the Graph API with JSON; `path` begins after the version. Returns the status and the body.
    pub(crate) async fn call(&self, method: Method, path: &str, token: &str, params: &Value) -> (u16, Value) {
        let url = format!("{}/v25.0/{path}", self.simulator.url());
        let request = self.http.request(method, url).bearer_auth(token);
        let request = if params.is_null() { request } else { request.json(params) };
        let response = request.send().await.expect("an answer");
        (response.status().as_u16(), response.json().await.expect("a JSON answer"))
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, token, &Value::Null).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub(crate) async fn post(&self, path: &str, token: &str, params: &Value) -> Value {
        let (status, body) = self.call(Method::POST, path, token, params).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// A call that must be refused. Returns `code/subcode`.
    pub(crate) async fn refused(&self, method: Method, path: &str, token: &str, params: &Value) -> String {
        let (status, body) = self.call(method, path, token, params).await;
        assert!(status >= 400, "{path}: {body}");
        assert!(body["error"]["message"].is_string() && body["error"]["type"].is_string(), "{body}");
        assert!(body["error"]["fbtrace_id"].is_string(), "{body}");
        match body["error"]["error_subcode"].as_u64() {
            Some(subcode) => format!("{}/{subcode}", body["error"]["code"]),
            None => body["error"]["code"].to_string(),
        }
    }

    /// Sends to Anna from [`PAGE`].
    pub(crate) async fn send(&self, params: &Value) -> (u16, Value) {
        self.call(Method::POST, &format!("{PAGE}/messages"), &self.token, params).await
    }

    pub(crate) async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        self.client.ask(method, path, body.as_ref()).await.expect("the control API does it")
    }

    /// Subscribes the app's webhook, for the app and for both pages.
    pub(crate) async fn subscribe(&self, url: &str) {
        let hook = json!({"object": "page", "callback_url": url, "verify_token": VERIFY, "fields": FIELDS});
        self.post(&format!("{APP}/subscriptions"), &app_token(), &hook).await;
        for (page, token) in [(PAGE, &self.token), (BOT_PAGE, &self.bot_page_token)] {
            self.post(&format!("{page}/subscribed_apps"), token, &json!({"subscribed_fields": FIELDS})).await;
        }
    }

    /// Anna writes to [`PAGE`], so that it may write to her. Returns the `mid`.
    pub(crate) async fn open(&self) -> String {
        let written = self.client.write_text(PAGE, ANNA, "hello").await.expect("written");
        written["mid"].as_str().expect("an id").to_owned()
    }
}

/// A delivery that arrived at the webhook. It is answered when the test says so, or drops it: 200.
pub(crate) struct Arrival {
    pub(crate) signature: Option<String>,
    pub(crate) legacy_signature: Option<String>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) body: Value,
    answer: Option<oneshot::Sender<u16>>,
}

impl Arrival {
    pub(crate) fn answer(mut self, status: u16) {
        let _ = self.answer.take().expect("not answered yet").send(status);
    }

    /// The only event, and the name of the list that it is in.
    pub(crate) fn event(&self) -> (&'static str, &Value) {
        assert_eq!(self.body["object"], "page");
        let entry = &self.body["entry"][0];
        let channel = if entry["standby"].is_array() { "standby" } else { "messaging" };
        (channel, &entry[channel][0])
    }

    pub(crate) fn text(&self) -> &str {
        self.event().1["message"]["text"].as_str().unwrap_or_default()
    }
}

#[derive(Clone)]
struct Door {
    arrivals: mpsc::UnboundedSender<Arrival>,
    script: Arc<Mutex<VecDeque<u16>>>,
}

/// A webhook.
pub(crate) struct Webhook {
    pub(crate) url: String,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
}

impl Webhook {
    /// Answers as `script` says, one status an arrival; after that the test answers each arrival.
    pub(crate) async fn start(script: impl IntoIterator<Item = u16>) -> Self {
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

    /// The next arrival's event, answered 200.
    pub(crate) async fn next_event(&mut self) -> (&'static str, Value) {
        let arrival = self.next().await;
        let (channel, event) = arrival.event();
        (channel, event.clone())
    }

    pub(crate) fn is_idle(&mut self) -> bool {
        self.arrivals.try_recv().is_err()
    }
}

async fn receive(
    State(door): State<Door>,
    method: HttpMethod,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    if method == HttpMethod::GET {
        return verify(&query.unwrap_or_default());
    }
    let header = |name: &str| headers.get(name).map(|value| value.to_str().expect("ASCII").to_owned());
    let scripted = door.script.lock().expect("not poisoned").pop_front();
    let (sender, receiver) = oneshot::channel();
    let arrival = Arrival {
        signature: header("x-hub-signature-256"),
        legacy_signature: header("x-hub-signature"),
        bytes: body.to_vec(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        answer: if scripted.is_none() { Some(sender) } else { None },
    };
    let _ = door.arrivals.send(arrival);
    let status = match scripted {
        Some(status) => status,
        None => receiver.await.unwrap_or(200),
    };
    Response::builder().status(status).body(Body::empty()).expect("a response")
}

/// The check before a subscription: the challenge for the right token, else 403.
fn verify(query: &str) -> Response<Body> {
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let get = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let right = get("hub.mode").as_deref() == Some("subscribe") && get("hub.verify_token").as_deref() == Some(VERIFY);
    let (status, body) = if right { (200, get("hub.challenge").unwrap_or_default()) } else { (403, String::new()) };
    Response::builder().status(status).body(Body::from(body)).expect("a response")
}
