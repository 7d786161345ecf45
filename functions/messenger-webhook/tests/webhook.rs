//! The webhook against fakes: what is let in, what is queued, what Facebook hears, what it costs.

use std::collections::HashMap;

use domain::config::Channel;
use domain::inbound::InboundKind;
use domain::{ChannelId, Provider};
use fakes::{FakeClock, FakeQueues, FakeSecrets, MemoryStore};
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Request, RequestExt, Response};
use messenger_webhook::{BODY_BYTES_MAX, RECEIVED, SIGNATURE_HEADER, Webhook};
use messengers::messenger::sign;
use ports::records::{ChannelRecord, account_key, channel_key, put_channel};
use ports::secrets::{FACEBOOK_APP, FACEBOOK_VERIFY, Secret};
use ports::store::{Attributes, Write};
use ports::{Clock, QueueError, SecretError, Secrets, StoreError};
use runtime::conversation::conversation_id;
use serde_json::{Value, json};
use wire::queues::{Inbound, QueueMessage, VERSION};

const SECRET: &str = "an-app-secret-of-no-app";
const VERIFY: &str = "a-verify-token";
const PAGE: &str = "100000000000001";
const OTHER_PAGE: &str = "100000000000009";
const TEXT: &[u8] = include_bytes!("../../../tests/fixtures/messenger/text.json");
const IMAGES: &[u8] = include_bytes!("../../../tests/fixtures/messenger/images_several.json");
const TWO_PAGES: &[u8] = include_bytes!("../../../tests/fixtures/messenger/batch_two_pages.json");
const OUT_OF_ORDER: &[u8] = include_bytes!("../../../tests/fixtures/messenger/out_of_order.json");
const ESCAPED: &[u8] = include_bytes!("../../../tests/fixtures/messenger/raw_escaped_wire_body.json");
const REFERRAL: &[u8] = include_bytes!("../../../tests/fixtures/messenger/referral_ad.json");
const INSTAGRAM: &[u8] = include_bytes!("../../../tests/fixtures/messenger/instagram_object.json");

/// The webhook of one process, and all that it works with.
struct World {
    store: MemoryStore,
    queues: FakeQueues,
    secrets: FakeSecrets,
    clock: FakeClock,
    webhook: Webhook<MemoryStore, FakeQueues, FakeSecrets, FakeClock>,
}

impl World {
    /// With the page of nearly all samples, active and bound to a queue.
    fn new() -> Self {
        Self::with(Some(&channel(PAGE)))
    }

    fn with(channel: Option<&Channel>) -> Self {
        let (store, queues) = (MemoryStore::new(), FakeQueues::default());
        let secrets = FakeSecrets::default().with_token(FACEBOOK_APP, SECRET).with_token(FACEBOOK_VERIFY, VERIFY);
        let clock = FakeClock::default();
        let webhook = Webhook::new(store.clone(), queues.clone(), secrets.clone(), clock.clone());
        let world = Self { store, queues, secrets, clock, webhook };
        if let Some(channel) = channel {
            world.connect(channel);
        }
        world
    }

    fn connect(&self, channel: &Channel) {
        let attributes = Attributes::from_iter([("channel".to_owned(), json!(channel.id))]);
        let key = account_key(channel.provider, &channel.account);
        let record = ChannelRecord { channel: channel.clone(), secret_hashes: vec![] };
        let account = Write::Put { key, attributes, condition: None };
        self.store.write(&[account, put_channel(&record)]).expect("a channel is written");
    }

    async fn post(&self, signature: Option<&str>, body: impl Into<Body>) -> Response<Body> {
        let mut request = Request::new(body.into());
        *request.method_mut() = Method::POST;
        if let Some(signature) = signature {
            request.headers_mut().insert(SIGNATURE_HEADER, signature.parse().expect("a header"));
        }
        self.webhook.handle(request).await
    }

    async fn signed(&self, body: &[u8]) -> Response<Body> {
        self.post(Some(&sign(SECRET, body)), body).await
    }

    /// The status of a call with the right signature.
    async fn status(&self, body: &[u8]) -> u16 {
        self.signed(body).await.status().as_u16()
    }

    async fn ask(&self, query: &[(&str, &str)]) -> Response<Body> {
        let query = query.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]));
        let request = Request::new(Body::Empty).with_query_string_parameters(query.collect::<HashMap<_, _>>());
        self.webhook.handle(request).await
    }

    fn queued(&self) -> Vec<Inbound> {
        let queued = self.queues.take().into_iter().map(|message| match message {
            QueueMessage::Inbound(inbound) => inbound,
            other => panic!("only events are queued: {other:?}"),
        });
        queued.collect()
    }

    fn ids(&self) -> Vec<String> {
        self.queued().into_iter().map(|inbound| inbound.event.event_id).collect()
    }

    fn reads(&self) -> usize {
        let reads = self.store.counts().gets;
        self.store.reset_counts();
        reads
    }
}

fn channel(page: &str) -> Channel {
    Channel {
        id: format!("fb-{page}").parse().expect("an id"),
        provider: Provider::Messenger,
        name: "Shop".into(),
        active: true,
        queue: Some("q".parse().expect("an id")),
        language: None,
        account: page.into(),
        account_name: None,
        problem: None,
        version: 1,
    }
}

/// A call with so many texts of one customer.
fn texts(count: i64) -> Vec<u8> {
    let text = |n: i64| {
        json!({
            "sender": {"id": "2000000000000001"}, "recipient": {"id": PAGE}, "timestamp": 1_760_000_000_000 + n,
            "message": {"mid": format!("m_{n}"), "text": "x"},
        })
    };
    let messaging: Vec<Value> = (0..count).map(text).collect();
    json!({"object": "page", "entry": [{"id": PAGE, "time": 1, "messaging": messaging}]}).to_string().into_bytes()
}

fn error_code(answer: &Response<Body>) -> Value {
    let body: Value = serde_json::from_slice(answer.body()).expect("an error is JSON");
    body["error"]["code"].clone()
}

#[tokio::test]
async fn decision_4_a_call_is_answered_when_the_queue_has_its_events() {
    let world = World::new();
    let answer = world.signed(TEXT).await;
    assert_eq!((answer.status(), answer.body()), (StatusCode::OK, &Body::Text(RECEIVED.into())));
    assert_eq!(answer.headers()["content-type"], "text/plain");
    let queued = world.queued();
    let [Inbound { v, channel, provider, conversation, event, received_at_ms }] = queued.as_slice() else {
        panic!("one event: {queued:?}")
    };
    let id: ChannelId = "fb-100000000000001".parse().unwrap();
    let stack_key = world.secrets.stack_key().await.unwrap();
    assert_eq!((*v, channel, *provider), (VERSION, &id, Provider::Messenger));
    assert_eq!(*conversation, conversation_id(&stack_key, &id, "2000000000000001"));
    assert_eq!(event.at_ms, 1_760_000_001_000);
    assert!(event.customer.is_stand_in && matches!(event.what, InboundKind::Message { .. }));
    assert_eq!(*received_at_ms, world.clock.now_ms());
}

#[tokio::test]
async fn budget_a_warm_call_takes_one_request_for_ten_events_and_reads_nothing() {
    let world = World::new();
    assert_eq!(world.status(TEXT).await, 200);
    assert_eq!((world.reads(), world.queues.requests()), (2, 1), "the first call of a process reads page and channel");
    world.clock.advance(59_999);
    for (events, requests) in [(1, 1), (10, 1), (11, 2), (100, 10)] {
        world.queues.reset_requests();
        assert_eq!(world.status(&texts(events)).await, 200);
        assert_eq!(world.queues.requests(), requests, "{events}");
    }
    let counts = world.store.counts();
    assert_eq!((counts.gets, counts.queries, counts.commits), (0, 0, 0));
    world.clock.advance(1);
    assert_eq!(world.status(TEXT).await, 200);
    assert_eq!(world.reads(), 2, "a minute later they are read again");
}

#[tokio::test]
async fn budget_a_page_is_looked_up_once_a_call() {
    let world = World::new();
    world.connect(&channel(OTHER_PAGE));
    assert_eq!(world.status(TWO_PAGES).await, 200);
    assert_eq!((world.reads(), world.queues.requests()), (4, 1));
}

#[tokio::test]
async fn security_what_is_not_facebooks_is_refused_alike_and_leaves_nothing() {
    let world = World::new();
    let wrong = world.post(Some(&sign("another secret", TEXT)), TEXT).await;
    assert_eq!((wrong.status(), error_code(&wrong)), (StatusCode::FORBIDDEN, "not_authentic".into()));
    let (right, of_other) = (sign(SECRET, TEXT), sign(SECRET, IMAGES));
    let digits = right.trim_start_matches("sha256=").to_owned();
    for signature in [
        None,
        Some(""),
        Some("sha256="),
        Some(of_other.as_str()),
        Some(digits.as_str()),
        Some(&format!("{right}0")),
        Some(&"a".repeat(10_000)),
    ] {
        let answer = world.post(signature, TEXT).await;
        assert_eq!((answer.status(), answer.headers(), answer.body()), (wrong.status(), wrong.headers(), wrong.body()));
    }
    let counts = world.store.counts();
    assert_eq!((counts.gets, counts.queries, counts.commits, world.queues.requests()), (0, 0, 0, 0));
}

#[tokio::test]
async fn security_the_older_signature_alone_is_not_enough() {
    let world = World::new();
    let mut request = Request::new(TEXT.into());
    *request.method_mut() = Method::POST;
    request.headers_mut().insert("X-Hub-Signature", "sha1=0d814d436b45c33ef664a317ff4b8dc2d3d8fe2a".parse().unwrap());
    assert_eq!(world.webhook.handle(request).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn security_the_body_is_not_looked_at_before_its_signature() {
    let world = World::new();
    for body in ["", "not json", "{}"] {
        assert_eq!(world.post(Some("sha256=00"), body).await.status(), StatusCode::FORBIDDEN, "{body}");
        assert_eq!(world.status(body.as_bytes()).await, 400, "{body}");
    }
}

#[tokio::test]
async fn security_the_signature_is_of_the_bytes_as_they_came() {
    let world = World::new();
    assert_eq!(world.status(ESCAPED).await, 200);
    let rewritten = serde_json::from_slice::<Value>(ESCAPED).unwrap().to_string();
    assert_eq!(world.post(Some(&sign(SECRET, ESCAPED)), rewritten).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_replaced_secret_holds_within_a_second_and_the_old_one_as_long_as_it_is_kept() {
    let world = World::new();
    assert_eq!(world.status(TEXT).await, 200);
    world.secrets.put_channel_token(FACEBOOK_APP, &Secret::new(format!("new-secret\n{SECRET}"))).await.unwrap();
    world.clock.advance(1_000);
    for secret in ["new-secret", SECRET] {
        assert_eq!(world.post(Some(&sign(secret, TEXT)), TEXT).await.status(), StatusCode::OK);
    }
    world.secrets.put_channel_token(FACEBOOK_APP, &Secret::new("new-secret")).await.unwrap();
    world.clock.advance(1_000);
    assert_eq!(world.status(TEXT).await, 403);
    world.secrets.delete_channel_token(FACEBOOK_APP).await.unwrap();
    world.clock.advance(1_000);
    assert_eq!(world.post(Some(&sign("new-secret", TEXT)), TEXT).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(world.post(Some(&sign("", TEXT)), TEXT).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn security_facebooks_question_is_answered_with_its_challenge() {
    let world = World::new();
    let right = [("hub.mode", "subscribe"), ("hub.verify_token", VERIFY), ("hub.challenge", "1158201444")];
    let answer = world.ask(&right).await;
    assert_eq!((answer.status(), answer.body()), (StatusCode::OK, &Body::Text("1158201444".into())));
    assert_eq!(
        (&answer.headers()["content-type"], &answer.headers()["x-content-type-options"]),
        (&"text/plain".parse().unwrap(), &"nosniff".parse().unwrap())
    );
    for (at, wrong) in [(0, "unsubscribe"), (0, ""), (1, "a-verify-toke"), (1, ""), (1, SECRET), (2, "")] {
        let mut query = right;
        query[at].1 = wrong;
        let answer = world.ask(&query).await;
        assert_eq!(
            (answer.status(), error_code(&answer)),
            (StatusCode::FORBIDDEN, "not_authentic".into()),
            "{query:?}"
        );
    }
    assert_eq!(world.ask(&[]).await.status(), StatusCode::FORBIDDEN);
    world.secrets.delete_channel_token(FACEBOOK_VERIFY).await.unwrap();
    world.clock.advance(1_000);
    assert_eq!(world.ask(&right).await.status(), StatusCode::FORBIDDEN);
    assert_eq!((world.reads(), world.queues.requests()), (0, 0));
}

#[tokio::test]
async fn c1_a_page_that_takes_no_part_is_answered_and_stores_nothing() {
    for change in [Channel { active: false, ..channel(PAGE) }, Channel { queue: None, ..channel(PAGE) }] {
        let world = World::new();
        world.connect(&change);
        assert_eq!(world.status(TEXT).await, 200);
        assert_eq!(world.queues.requests(), 0);
        // Switched on, it takes part within a second.
        world.connect(&channel(PAGE));
        world.clock.advance(1_000);
        assert_eq!(world.status(TEXT).await, 200);
        assert_eq!(world.queued().len(), 1);
    }
}

#[tokio::test]
async fn of_several_pages_those_that_take_part_are_served() {
    let world = World::new();
    assert_eq!(world.status(TWO_PAGES).await, 200);
    let queued = world.queued();
    assert_eq!(queued.len(), 3, "the other page is unknown");
    assert!(queued.iter().all(|inbound| inbound.channel.as_str() == "fb-100000000000001"));
    assert_eq!(queued.iter().map(|inbound| inbound.event.standby).collect::<Vec<_>>(), [false, false, true]);
    world.connect(&channel(OTHER_PAGE));
    world.clock.advance(1_000);
    assert_eq!(world.status(TWO_PAGES).await, 200);
    assert_eq!(world.queued().len(), 4);
}

#[tokio::test]
async fn c3_a_page_is_served_only_by_the_channel_that_has_it() {
    for change in
        [Channel { provider: Provider::Telegram, ..channel(PAGE) }, Channel { account: "7".into(), ..channel(PAGE) }]
    {
        let world = World::new();
        let record = ChannelRecord { channel: change, secret_hashes: vec![] };
        world.store.write(&[put_channel(&record)]).unwrap();
        assert_eq!(world.status(TEXT).await, 200);
        assert_eq!(world.queues.requests(), 0);
    }
    let world = World::new();
    world.store.write(&[Write::Delete { key: channel_key(&channel(PAGE).id), condition: None }]).unwrap();
    assert_eq!(world.status(TEXT).await, 200);
    assert_eq!(world.queues.requests(), 0);
}

#[tokio::test]
async fn an_unknown_page_is_read_once_a_second() {
    let world = World::new();
    let body = String::from_utf8(TEXT.to_vec()).unwrap().replace(PAGE, OTHER_PAGE);
    for second in 0..3 {
        for _ in 0..10 {
            assert_eq!(world.status(body.as_bytes()).await, 200);
            world.clock.advance(50);
        }
        assert_eq!(world.reads(), 1, "second {second}");
        world.clock.advance(500);
    }
}

#[tokio::test]
async fn i2_events_of_a_conversation_keep_the_order_of_their_time() {
    let world = World::new();
    assert_eq!(world.status(OUT_OF_ORDER).await, 200);
    let times: Vec<i64> = world.queued().iter().map(|inbound| inbound.event.at_ms).collect();
    assert_eq!(times, [1_760_000_039_000, 1_760_000_044_000]);
    assert_eq!(world.status(&texts(35)).await, 200);
    assert_eq!(world.ids(), (0..35).map(|n| format!("m_{n}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn i2_the_same_event_has_the_same_dedupe_id_however_often_it_comes() {
    let world = World::new();
    for _ in 0..20 {
        assert_eq!(world.status(TEXT).await, 200);
        assert_eq!(world.status(IMAGES).await, 200);
    }
    assert_eq!(world.queues.take_distinct().len(), 3);
}

#[tokio::test]
async fn what_concerns_no_customer_is_answered_and_not_queued() {
    let world = World::new();
    for body in [REFERRAL, INSTAGRAM, br#"{"object":"page"}"#, br#"{"object":"page","entry":[{"id":"1","future":[]}]}"#]
    {
        assert_eq!(world.status(body).await, 200, "{}", String::from_utf8_lossy(body));
    }
    assert_eq!((world.reads(), world.queues.requests()), (0, 0));
}

#[tokio::test]
async fn what_is_no_call_of_the_webhook_is_refused_with_its_code() {
    let world = World::new();
    for (body, code) in [("", "not_json"), ("{\"object\":", "not_json"), ("[]", "no_object"), ("{}", "no_object")] {
        let answer = world.signed(body.as_bytes()).await;
        assert_eq!((answer.status(), error_code(&answer)), (StatusCode::BAD_REQUEST, code.into()), "{body:?}");
    }
}

#[tokio::test]
async fn limits_a_body_has_at_most_a_megabyte() {
    let world = World::new();
    let padded = |bytes: usize| {
        let mut body = TEXT.to_vec();
        body.resize(bytes, b' ');
        body
    };
    assert_eq!(world.status(&padded(BODY_BYTES_MAX)).await, 200);
    let answer = world.signed(&padded(BODY_BYTES_MAX + 1)).await;
    assert_eq!((answer.status(), error_code(&answer)), (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large".into()));
    assert_eq!(world.queued().len(), 1);
}

#[tokio::test]
async fn decision_4_what_was_not_queued_is_sent_again_by_facebook() {
    for error in [QueueError::Unavailable("down".into()), QueueError::Refused("too large".into())] {
        let world = World::new();
        world.queues.fail_next(1, &error);
        let answer = world.signed(TWO_PAGES).await;
        assert_eq!((answer.status(), error_code(&answer)), (StatusCode::SERVICE_UNAVAILABLE, "try_again".into()));
        assert_eq!(world.status(TWO_PAGES).await, 200);
        assert_eq!(world.queued().len(), 3);
    }
    // The app's secret first, then the stack's key.
    for calls in [1, 2] {
        let world = World::new();
        if calls == 2 {
            assert_eq!(world.status(REFERRAL).await, 200);
        }
        world.secrets.fail_next(1, &SecretError::Unavailable("down".into()));
        assert_eq!(world.status(TEXT).await, 503);
        assert_eq!(world.status(TEXT).await, 200);
        assert_eq!(world.queued().len(), 1);
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_done_without_if_the_page_is_known() {
    let world = World::new();
    let down = StoreError::Unavailable("down".into());
    world.store.fail_next_reads(1, &down);
    assert_eq!(world.status(TEXT).await, 503, "nothing is known of the page");
    assert_eq!(world.status(TEXT).await, 200);
    world.clock.advance(60_000);
    world.store.fail_next_reads(1, &down);
    assert_eq!(world.status(TEXT).await, 200);
    assert_eq!(world.queued().len(), 2);
}

#[tokio::test]
async fn c1_nothing_is_dropped_by_what_a_page_was_before_the_store_stopped_answering() {
    let down = StoreError::Unavailable("down".into());
    let (off, unbound) = (Channel { active: false, ..channel(PAGE) }, Channel { queue: None, ..channel(PAGE) });
    for before in [Some(off), Some(unbound), None] {
        // As old as the cache allows, and older.
        for age_ms in [1_000, 59_999, 60_000, 3_600_000] {
            let world = World::with(before.as_ref());
            assert_eq!(world.status(TEXT).await, 200, "it takes no part");
            world.connect(&channel(PAGE));
            world.clock.advance(age_ms);
            world.store.fail_next_reads(1, &down);
            let answer = world.signed(TEXT).await;
            assert_eq!((answer.status(), error_code(&answer)), (StatusCode::SERVICE_UNAVAILABLE, json!("try_again")));
            assert_eq!(world.queues.requests(), 0, "{before:?} {age_ms}");
            world.clock.advance(1_000);
            assert_eq!(world.status(TEXT).await, 200);
            assert_eq!(world.queued().len(), 1, "{before:?} {age_ms}");
        }
    }
}

#[tokio::test]
async fn an_event_without_a_time_has_that_of_its_receipt() {
    let world = World::new();
    let event = json!({"sender": {"id": "2"}, "recipient": {"id": PAGE}, "message": {"mid": "m", "text": "x"}});
    let body = json!({"object": "page", "entry": [{"id": PAGE, "messaging": [event]}]}).to_string();
    assert_eq!(world.status(body.as_bytes()).await, 200);
    assert_eq!(world.queued()[0].event.at_ms, world.clock.now_ms());
}

/// An event of the HTTP API as API Gateway hands it over.
fn from_gateway(event: &Value) -> Request {
    lambda_http::request::from_str(&event.to_string()).expect("an event of the HTTP API")
}

fn sample(name: &str) -> Value {
    let path = format!("{}/../../tests/fixtures/events/messenger-webhook/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).expect("a sample")).expect("JSON")
}

#[tokio::test]
async fn a_body_that_comes_in_base64_is_the_same_body() {
    let world = World::new();
    let mut event = sample("update");
    let body = event["body"].as_str().expect("a body").to_owned();
    event["headers"]["x-hub-signature-256"] = sign(SECRET, body.as_bytes()).into();
    assert_eq!(world.webhook.handle(from_gateway(&event)).await.status(), StatusCode::OK);
    let (plain, base64) = (world.queued(), include_str!("body.base64").trim());
    event["body"] = base64.into();
    event["isBase64Encoded"] = true.into();
    assert_eq!(world.webhook.handle(from_gateway(&event)).await.status(), StatusCode::OK);
    assert_eq!((world.queued(), plain.len()), (plain, 1));
}

#[tokio::test]
async fn a_question_is_read_as_the_gateway_hands_it_over() {
    let world = World::new();
    let event = sample("verify");
    assert_eq!(world.webhook.handle(from_gateway(&event)).await.status(), StatusCode::FORBIDDEN);
    let asked = event["queryStringParameters"]["hub.verify_token"].as_str().expect("a token");
    world.secrets.put_channel_token(FACEBOOK_VERIFY, &Secret::new(asked)).await.unwrap();
    world.clock.advance(1_000);
    let answer = world.webhook.handle(from_gateway(&event)).await;
    assert_eq!((answer.status(), answer.body()), (StatusCode::OK, &Body::Text("1158201444".into())));
}
