mod people;
mod presence;
mod tickets;

use domain::config::{Configuration, Queue, Role, Rule, User};
use domain::operator::Operator;
use domain::{OperatorId, QueueId, RoleId};
use fakes::{FakeClock, FakeIdentity, FakePush, FakeQueues, FakeRandom, MemoryStore};
use ports::records::{self, decode_operator, email_key, operator_key, put_configuration, put_subject, put_user};
use ports::store::Row;
use ports::timers::NoTimers;
use ports::{Clock, Principal};
use runtime::Desk;
use serde_json::{Value, json};
use wire::queues::QueueMessage;

use crate::Session;

/// The function among fakes, with handles on them.
pub(crate) struct Bench {
    pub(crate) session: Session<MemoryStore, FakeQueues, FakePush, FakeClock, FakeIdentity, FakeRandom>,
    pub(crate) store: MemoryStore,
    pub(crate) queues: FakeQueues,
    pub(crate) push: FakePush,
    pub(crate) clock: FakeClock,
    pub(crate) identity: FakeIdentity,
}

pub(crate) const HOUR_MS: i64 = 3600 * 1000;
const METHOD_ARN: &str = "arn:aws:execute-api:eu-west-1:123456789012:abcdef123/prod/$connect";

pub(crate) fn anna() -> OperatorId {
    "u-anna".parse().unwrap()
}

impl Bench {
    /// Anna was let in, with the role `r-1`, which serves a *to all* queue and a *most free* one.
    pub(crate) fn new() -> Self {
        let (store, queues, push) = (MemoryStore::new(), FakeQueues::default(), FakePush::default());
        let (clock, identity) = (FakeClock::default(), FakeIdentity::default());
        let desk = Desk::new(store.clone(), queues.clone(), NoTimers, push.clone(), clock.clone());
        let session =
            Session::new(desk, identity.clone(), FakeRandom::default(), "https://a.example, https://b.example/");
        let bench = Self { session, store, queues, push, clock, identity };
        bench.store.write(&[put_configuration(&configuration())]).unwrap();
        bench.let_in(&user());
        bench.knows("token", "sub-1", Some("anna@example.com"));
        bench
    }

    pub(crate) fn let_in(&self, user: &User) {
        self.store.write(&[put_user(user), put_subject(email_key(&user.email), &user.id)]).unwrap();
    }

    /// The issuer knows this token, for an hour.
    pub(crate) fn knows(&self, token: &str, subject: &str, verified_email: Option<&str>) {
        let principal = Principal {
            subject: subject.to_owned(),
            verified_email: verified_email.map(str::to_owned),
            name: None,
            groups: Vec::new(),
            expires_at_ms: self.clock.now_ms() + HOUR_MS,
        };
        self.identity.know(token, principal);
    }

    pub(crate) async fn call(&self, route: &str, token: Option<&str>) -> (i64, Value) {
        let mut headers = json!({ "content-type": "application/json" });
        if let Some(token) = token {
            headers["Authorization"] = json!(format!("Bearer {token}"));
        }
        let (method, path) = route.split_once(' ').unwrap();
        let answer = self
            .session
            .handle(json!({
                "version": "2.0", "routeKey": route, "rawPath": path, "headers": headers,
                "requestContext": { "http": { "method": method, "path": path } },
            }))
            .await;
        let body = answer["body"].as_str().map_or(Value::Null, |body| serde_json::from_str(body).unwrap());
        (answer["statusCode"].as_i64().unwrap(), body)
    }

    /// A ticket of Anna's.
    pub(crate) async fn ticket(&self) -> String {
        let (status, body) = self.call("POST /api/ticket", Some("token")).await;
        assert_eq!(status, 200, "{body}");
        body["ticket"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn authorize(&self, ticket: Option<&str>, origin: Option<&str>) -> Value {
        let mut event = json!({
            "type": "REQUEST", "methodArn": METHOD_ARN, "headers": { "Host": "x" }, "queryStringParameters": null,
            "requestContext": { "routeKey": "$connect", "eventType": "CONNECT", "connectionId": "c1" },
        });
        if let Some(ticket) = ticket {
            event["queryStringParameters"] = json!({ "ticket": ticket });
        }
        if let Some(origin) = origin {
            event["headers"]["Origin"] = json!(origin);
        }
        self.session.handle(event).await
    }

    fn socket(&self, kind: &str, route: &str, connection: &str, body: Option<&str>) -> Value {
        json!({
            "requestContext": {
                "routeKey": route, "eventType": kind, "connectionId": connection, "connectedAt": 1, "requestTimeEpoch": 1,
                "authorizer": { "operator": "u-anna", "auth_until_ms": (self.clock.now_ms() + HOUR_MS).to_string() },
            },
            "body": body,
        })
    }

    /// Sends a command on a connection of Anna's; its answer.
    pub(crate) async fn command(&self, connection: &str, command: Value) -> Value {
        let mut frame = command;
        frame["request_id"] = json!("1");
        let route = frame["action"].as_str().unwrap().to_owned();
        let event = self.socket("MESSAGE", &route, connection, Some(&frame.to_string()));
        assert_eq!(self.session.handle(event).await, json!({ "statusCode": 200 }));
        let frames = self.push.frames_json(connection);
        frames.into_iter().rfind(|frame| frame["type"] == "answer").unwrap()
    }

    pub(crate) async fn hello(&self, connection: &str) -> Value {
        self.command(connection, json!({ "action": "hello" })).await
    }

    pub(crate) async fn status(&self, connection: &str, status: &str) -> Value {
        self.command(connection, json!({ "action": "status", "status": status })).await
    }

    pub(crate) async fn disconnect(&self, connection: &str) {
        let event = self.socket("DISCONNECT", "$disconnect", connection, None);
        assert_eq!(self.session.handle(event).await, json!({ "statusCode": 200 }));
    }

    pub(crate) fn operator(&self) -> Option<Operator> {
        let key = operator_key(&anna());
        let attributes = self.store.row(&key)?;
        Some(decode_operator(&Row { key, attributes }).unwrap())
    }

    /// Changes Anna's row as somebody else would.
    pub(crate) fn put_operator(&self, after: Operator) {
        let change = domain::decision::Write::Operator { before: self.operator(), after };
        self.store.write(&records::rows(&[change], self.clock.now_ms())).unwrap();
    }

    /// The queues woken since the last time.
    pub(crate) fn woken(&self) -> Vec<String> {
        let wakes = self.queues.take_distinct();
        wakes
            .iter()
            .filter_map(|m| if let QueueMessage::Wake(wake) = m { Some(wake.queue.to_string()) } else { None })
            .collect()
    }
}

pub(crate) fn user() -> User {
    User {
        id: anna(),
        email: "anna@example.com".to_owned(),
        name: "Anna".to_owned(),
        roles: vec!["r-1".parse().unwrap()],
        own_limit: Some(3),
        disabled: false,
        subject: None,
        version: 1,
    }
}

fn configuration() -> Configuration {
    let role: RoleId = "r-1".parse().unwrap();
    let queue = |id: &str, rule| Queue {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        rule,
        auto_close_min: None,
        spare_unanswered: false,
        roles: vec![role.clone()],
        users: Vec::new(),
        limit: None,
        absence_return_min: None,
        version: 1,
    };
    let queues = [queue("q-all", Rule::ToAll), queue("q-free", Rule::MostFree)];
    let mut config = Configuration { version: 1, ..Configuration::default() };
    config.queues =
        queues.into_iter().map(|queue| (queue.id.clone(), queue)).collect::<std::collections::BTreeMap<QueueId, _>>();
    config.roles.insert(role.clone(), Role { id: role, name: "Support".to_owned(), version: 1 });
    config
}
