mod channels;
mod document;
mod graph;
mod messenger;
mod operators;
mod queues;
mod rights;
mod system;
mod telegram;
mod twilio;
mod whatsapp;

use domain::config::Configuration;
use fakes::{FakeClock, FakeIdentity, FakePush, FakeQueues, FakeRandom, FakeSecrets, MemoryStore};
use lambda_http::request::RequestContext;
use lambda_http::{Body, RequestExt};
use messengers::call::{Call, Host};
use ports::records::{configuration_key, decode_configuration};
use ports::store::Row;
use ports::{Clock, MessengerReply, MessengerTransport, Principal};
use serde_json::{Value, json};
use wire::queues::{Delayed, QueueMessage};

use self::graph::FakeGraph;
use self::telegram::FakeTelegram;
use self::twilio::FakeTwilio;
use crate::{Parts, Settings};

type World = Parts<MemoryStore, FakeQueues, FakePush, FakeClock, FakeRandom, FakeIdentity, FakeSecrets, Messengers>;

/// All messengers.
#[derive(Clone, Default)]
struct Messengers {
    telegram: FakeTelegram,
    graph: FakeGraph,
    twilio: FakeTwilio,
}

impl MessengerTransport for Messengers {
    async fn call(&self, secret: &str, call: &Call) -> MessengerReply {
        match call.host {
            Host::Telegram => self.telegram.call(secret, call).await,
            Host::Graph => self.graph.answer(secret, call),
            Host::Twilio | Host::TwilioMessaging => self.twilio.answer(secret, call),
        }
    }
}

/// A bot's token, and another one of the same bot.
pub(crate) const TOKEN: &str = "123456789:AAE_fake-fake_fake-fake_fake-fake_fa";
pub(crate) const TOKEN_2: &str = "123456789:BBE_fake-fake_fake-fake_fake-fake_fb";
/// The token of another bot.
pub(crate) const OTHER_TOKEN: &str = "987654321:CCE_fake-fake_fake-fake_fake-fake_fc";

/// The function among fakes, with handles on them.
pub(crate) struct Bench {
    settings: Settings<World>,
    pub(crate) store: MemoryStore,
    pub(crate) queues: FakeQueues,
    pub(crate) push: FakePush,
    pub(crate) clock: FakeClock,
    pub(crate) identity: FakeIdentity,
    pub(crate) secrets: FakeSecrets,
    pub(crate) telegram: FakeTelegram,
    pub(crate) graph: FakeGraph,
    pub(crate) twilio: FakeTwilio,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) etag: Option<String>,
    pub(crate) allow: Option<String>,
}

impl Got {
    /// The error's code, `ok` if there is none.
    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or("ok")
    }

    pub(crate) fn text(&self) -> &str {
        self.body["error"]["text"].as_str().unwrap_or_default()
    }

    pub(crate) fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no id in {self:?}")).to_owned()
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        let (store, queues, push, clock) =
            (MemoryStore::new(), FakeQueues::default(), FakePush::default(), FakeClock::default());
        let (identity, secrets, messengers) = (FakeIdentity::default(), FakeSecrets::default(), Messengers::default());
        let settings = Settings::new(Parts {
            store: store.clone(),
            queues: queues.clone(),
            push: push.clone(),
            clock: clock.clone(),
            random: FakeRandom::default(),
            identity: identity.clone(),
            secrets: secrets.clone(),
            messengers: messengers.clone(),
            public_url: "https://api.example.com/".to_owned(),
            facebook_dialog_url: "https://www.facebook.com".to_owned(),
            allowed_origins: "https://console.example.com,http://localhost:8300".to_owned(),
        });
        let Messengers { telegram, graph, twilio } = messengers;
        let bench = Self { settings, store, queues, push, clock, identity, secrets, telegram, graph, twilio };
        bench.knows("manager", &["CanManageChats"]);
        bench.knows("identity", &["CanManageChats", "CanManageIdentity"]);
        bench.knows("other", &["CanManageChats"]);
        bench.knows("operator", &[]);
        bench
    }

    fn knows(&self, token: &str, groups: &[&str]) {
        let principal = Principal {
            subject: token.to_owned(),
            verified_email: None,
            name: None,
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            expires_at_ms: self.clock.now_ms() + 3_600_000,
        };
        self.identity.know(token, principal);
    }

    /// Calls as somebody; the headers are `(name, value)`. Whatever is answered holds no secret (C9).
    pub(crate) async fn call_as(&self, token: Option<&str>, call: &str, headers: &[(&str, &str)], body: Body) -> Got {
        let (method, target) = call.split_once(' ').unwrap();
        let mut request =
            lambda_http::http::Request::builder().method(method).uri(format!("https://api.example.com{target}"));
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(body).unwrap();
        if let Some((_, query)) = target.split_once('?') {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let mut parameters = std::collections::HashMap::<String, Vec<String>>::new();
            for (name, value) in pairs {
                parameters.entry(name.to_owned()).or_default().push(value.to_owned());
            }
            request = request.with_query_string_parameters(parameters);
        }
        let Ok(response) = self.settings.handle(request).await;
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let text = std::str::from_utf8(response.body().as_ref()).unwrap();
        self.holds_no_secret(&format!("{:?} {text}", response.headers()));
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(text).unwrap() };
        Got { status: response.status().as_u16(), body, etag: header("etag"), allow: header("allow") }
    }

    /// The schedule wakes the function with this event.
    pub(crate) async fn wake(&self, event: &Value) {
        let request = lambda_http::http::Request::builder().method("POST").uri("/events");
        let request = request.extension(RequestContext::PassThrough).body(Body::from(event.to_string())).unwrap();
        let Ok(response) = self.settings.handle(request).await;
        assert!(response.body().is_empty());
    }

    /// C9: no token, no part of one, and no webhook secret.
    pub(crate) fn holds_no_secret(&self, text: &str) {
        for token in [TOKEN, TOKEN_2, OTHER_TOKEN] {
            let (_, secret) = token.split_once(':').unwrap();
            assert!(!text.contains(secret), "C9: {text}");
        }
        for secret in self.telegram.secrets_seen() {
            assert!(!text.contains(&secret), "C9: {text}");
        }
        assert!(!text.contains("hush-hush"), "C9: {text}");
    }

    /// Calls as a chat manager.
    pub(crate) async fn call(&self, call: &str, body: Value) -> Got {
        self.call_as(Some("manager"), call, &[], Body::Text(body.to_string())).await
    }

    /// Calls as a chat manager who saw this version.
    pub(crate) async fn call_at(&self, version: u64, call: &str, body: Value) -> Got {
        let tag = format!("\"{version}\"");
        self.call_as(Some("manager"), call, &[("If-Match", &tag)], Body::Text(body.to_string())).await
    }

    pub(crate) async fn get(&self, target: &str) -> Got {
        self.call_as(Some("manager"), &format!("GET {target}"), &[], Body::Empty).await
    }

    pub(crate) fn configuration(&self) -> Configuration {
        let key = configuration_key();
        let row = self.store.row(&key).map(|attributes| Row { key, attributes });
        decode_configuration(row.as_ref()).unwrap()
    }

    /// What was told to other functions since the last time: queue (or operator) and kind, in order, each once.
    pub(crate) fn told(&self) -> Vec<String> {
        let words = self.queues.take().into_iter().map(|message| match message {
            QueueMessage::Wake(wake) => format!("wake {}", wake.queue),
            QueueMessage::Delayed { what: Delayed::Wake { queue, .. }, delay_s } => {
                format!("wake {queue} in {delay_s}")
            }
            QueueMessage::Delayed { what: Delayed::Retime { queue, .. }, .. } => format!("retime {queue}"),
            QueueMessage::Delayed { what: Delayed::Absent { operator }, .. } => format!("absent {operator}"),
            other => panic!("{other:?}"),
        });
        words.collect()
    }
}

pub(crate) fn queue(name: &str) -> Value {
    json!({ "name": name, "rule": "most_free" })
}
