//! A simulator with one account, a webhook whose answers a test decides, and a place for the product's media.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, Uri};
use reqwest::Method;
use serde_json::{Value, json};
use simulators::twilio::{Client, Handle, NewAccount, NewSender, Options, Simulator, signature};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use url::form_urlencoded;

pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub(crate) const TOKEN: &str = "a-simulated-auth-token";
pub(crate) const SENDER: &str = "+15550001111";
pub(crate) const SANDBOX: &str = "+14155238886";
pub(crate) const CUSTOMER: &str = "+15005550006";
/// Longer than anything here takes; waiting ends with the event, not with this.
pub(crate) const LONG: Duration = Duration::from_secs(5);

pub(crate) struct Stage {
    pub(crate) simulator: Handle,
    pub(crate) client: Client,
    pub(crate) http: reqwest::Client,
}

/// A simulator with the account [`ACCOUNT`] and its sender [`SENDER`].
pub(crate) async fn stage() -> Stage {
    let sender = NewSender { number: SENDER.into(), name: Some("Desk".into()), ..NewSender::default() };
    let account = NewAccount {
        sid: Some(ACCOUNT.into()),
        auth_token: Some(TOKEN.into()),
        senders: vec![sender],
        ..NewAccount::default()
    };
    let options = Options { status_step: Duration::from_millis(1), accounts: vec![account], ..Options::default() };
    let simulator = Simulator::start_with(any_port(), options).await.expect("a free port");
    let client = simulator.client();
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a plain client");
    Stage { simulator, client, http }
}

pub(crate) fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

pub(crate) fn encode(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// An address on WhatsApp.
pub(crate) fn whatsapp(number: &str) -> String {
    format!("whatsapp:{number}")
}

impl Stage {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.simulator.url())
    }

    /// Calls the API with these credentials. Returns the status and the body.
    pub(crate) async fn call_as(&self, who: (&str, &str), method: Method, path: &str, form: &str) -> (u16, Value) {
        let mut request = self.http.request(method, self.url(path)).basic_auth(who.0, Some(who.1));
        if !form.is_empty() {
            request = request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
        }
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.call_as((ACCOUNT, TOKEN), Method::GET, path, "").await
    }

    pub(crate) async fn post(&self, path: &str, pairs: &[(&str, &str)]) -> (u16, Value) {
        self.call_as((ACCOUNT, TOKEN), Method::POST, path, &encode(pairs)).await
    }

    /// `POST .../Messages.json` with these fields.
    pub(crate) async fn create(&self, pairs: &[(&str, &str)]) -> (u16, Value) {
        self.post(&format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json"), pairs).await
    }

    /// Sends a text to [`CUSTOMER`], who wrote before. Returns the SID.
    pub(crate) async fn send(&self, text: &str) -> String {
        self.send_with(text, &[]).await
    }

    pub(crate) async fn send_with(&self, text: &str, more: &[(&str, &str)]) -> String {
        let (from, to) = (whatsapp(SENDER), whatsapp(CUSTOMER));
        let mut pairs = vec![("From", from.as_str()), ("To", to.as_str()), ("Body", text)];
        pairs.extend(more);
        let (status, message) = self.create(&pairs).await;
        assert_eq!(status, 201, "{message}");
        message["sid"].as_str().expect("a SID").to_owned()
    }

    pub(crate) async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let path = format!("/accounts/{ACCOUNT}{path}");
        self.client.ask(method, &path, body.as_ref()).await.expect("the control API does it")
    }

    /// Sets the receivers of [`SENDER`] as in the console.
    pub(crate) async fn receive_at(&self, webhook: &Webhook) {
        let hooks = json!({"callback_url": webhook.url, "status_callback_url": webhook.url});
        self.client.set_receiver(ACCOUNT, SENDER, &hooks).await.expect("set");
    }

    /// The customer writes, without a webhook, so that a free text may follow.
    pub(crate) async fn open_window(&self) -> String {
        let written = self.client.write_text(ACCOUNT, CUSTOMER, "hello").await.expect("written");
        written["message_sid"].as_str().expect("a SID").to_owned()
    }

    pub(crate) async fn wait_for_status(&self, sid: &str, status: &str) -> Value {
        self.client.wait_for_status(ACCOUNT, sid, status, LONG).await.expect("the status")
    }
}

/// A webhook that arrived. It is answered with 204 once the test drops it.
pub(crate) struct Arrival {
    pub(crate) method: String,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Answers when it is dropped.
    answer: Option<oneshot::Sender<()>>,
}

impl Arrival {
    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    pub(crate) fn param(&self, name: &str) -> Option<String> {
        self.pairs().into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    /// Whether it is signed for this URL.
    pub(crate) fn is_signed_for(&self, url: &str) -> bool {
        self.header("x-twilio-signature") == Some(&signature::sign(TOKEN, url, &self.pairs()))
    }

    pub(crate) fn status(&self) -> String {
        self.param("MessageStatus").unwrap_or_default()
    }
}

/// An answer of the webhook.
#[derive(Clone, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
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
    /// Answers as `script` says, one entry an arrival; after that each arrival waits until the test drops it.
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
        let arrival = tokio::time::timeout(LONG, self.arrivals.recv()).await.expect("a webhook in time");
        arrival.expect("the webhook runs")
    }

    /// The next arrival, answered.
    pub(crate) async fn take(&mut self) -> Arrival {
        let mut arrival = self.next().await;
        arrival.answer = None;
        arrival
    }

    /// The statuses of the next `count` arrivals, each answered.
    pub(crate) async fn statuses(&mut self, count: usize) -> Vec<String> {
        let mut seen = Vec::new();
        for _ in 0..count {
            seen.push(self.take().await.status());
        }
        seen
    }

    pub(crate) fn is_idle(&mut self) -> bool {
        self.arrivals.try_recv().is_err()
    }
}

async fn receive(
    State(door): State<Door>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let method = method.to_string();
    let scripted = door.script.lock().expect("not poisoned").pop_front();
    let (sender, receiver) = oneshot::channel();
    let answer = if let Some(reply) = scripted {
        let _ = door.arrivals.send(Arrival { method, uri, headers, body, answer: None });
        reply
    } else {
        let _ = door.arrivals.send(Arrival { method, uri, headers, body, answer: Some(sender) });
        // Nothing is ever sent: that the sender is gone is the sign.
        let _ = receiver.await;
        status(204)
    };
    let mut response = Response::builder().status(answer.status);
    if !answer.content_type.is_empty() {
        response = response.header("content-type", answer.content_type);
    }
    response.body(Body::from(answer.body)).expect("a response")
}

/// Serves one file at every path, as the product serves its media. Returns the base URL.
pub(crate) async fn serve_file(status: u16, content_type: &'static str, bytes: Vec<u8>) -> String {
    let listener = TcpListener::bind(any_port()).await.expect("a free port");
    let url = format!("http://{}/file", listener.local_addr().expect("bound"));
    let answer = move || {
        let bytes = bytes.clone();
        async move {
            let mut response = Response::builder().status(status);
            if !content_type.is_empty() {
                response = response.header("content-type", content_type);
            }
            response.body(Body::from(bytes)).expect("a response")
        }
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    url
}
