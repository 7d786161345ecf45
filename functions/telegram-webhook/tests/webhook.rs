//! The webhook against fakes: what is let in, what is queued, what Telegram hears, what it costs.

use domain::config::Channel;
use domain::inbound::InboundKind;
use domain::{ChannelId, Provider};
use fakes::{FakeClock, FakeQueues, FakeSecrets, MemoryStore};
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, RequestExt, Response};
use messengers::telegram::SecretHash;
use ports::records::{ChannelRecord, channel_key, put_channel};
use ports::store::Write;
use ports::{Clock, QueueError, SecretError, StoreError};
use runtime::conversation::conversation_id;
use serde_json::Value;
use telegram_webhook::{BODY_BYTES_MAX, SECRET_HEADER, Webhook};
use wire::queues::{Inbound, QueueMessage, VERSION};

const SECRET: &str = "a-secret-of-no-webhook";
const TEXT: &[u8] = include_bytes!("../../../tests/fixtures/telegram/text.json");
const BUTTON: &[u8] = include_bytes!("../../../tests/fixtures/telegram/callback_query.json");
const GROUP: &[u8] = include_bytes!("../../../tests/fixtures/telegram/group_text.json");

/// The webhook of one process, and all that it works with.
struct World {
    store: MemoryStore,
    queues: FakeQueues,
    secrets: FakeSecrets,
    clock: FakeClock,
    webhook: Webhook<MemoryStore, FakeQueues, FakeSecrets, FakeClock>,
}

impl World {
    /// With the channel `shop`, active and bound to a queue.
    fn new() -> Self {
        let (store, queues) = (MemoryStore::new(), FakeQueues::default());
        let (secrets, clock) = (FakeSecrets::default(), FakeClock::default());
        let webhook = Webhook::new(store.clone(), queues.clone(), secrets.clone(), clock.clone());
        let world = Self { store, queues, secrets, clock, webhook };
        world.put(&channel("shop"), &[SECRET]);
        world
    }

    fn put(&self, channel: &Channel, secrets: &[&str]) {
        let secret_hashes = secrets.iter().map(|secret| SecretHash::of(secret).into()).collect();
        self.store
            .write(&[put_channel(&ChannelRecord { channel: channel.clone(), secret_hashes })])
            .expect("a channel is written");
    }

    async fn post(&self, channel: &str, secret: Option<&str>, body: impl Into<Body>) -> Response<Body> {
        let mut request = Request::new(body.into());
        if let Some(secret) = secret {
            request.headers_mut().insert(SECRET_HEADER, secret.parse().expect("a header"));
        }
        let path = [("channel".to_owned(), vec![channel.to_owned()])];
        self.webhook.handle(request.with_path_parameters(std::collections::HashMap::from(path))).await
    }

    /// The status of a call with the right secret.
    async fn status(&self, body: impl Into<Body>) -> u16 {
        self.post("shop", Some(SECRET), body).await.status().as_u16()
    }

    fn queued(&self) -> Vec<Inbound> {
        let queued = self.queues.take().into_iter().map(|message| match message {
            QueueMessage::Inbound(inbound) => inbound,
            other => panic!("only events are queued: {other:?}"),
        });
        queued.collect()
    }

    fn reads(&self) -> usize {
        let reads = self.store.counts().gets;
        self.store.reset_counts();
        reads
    }
}

fn channel(id: &str) -> Channel {
    Channel {
        id: id.parse().expect("an id"),
        provider: Provider::Telegram,
        name: "Shop".into(),
        active: true,
        queue: Some("q".parse().expect("an id")),
        language: None,
        account: "800000001".into(),
        account_name: None,
        problem: None,
        version: 1,
    }
}

fn error_code(answer: &Response<Body>) -> Value {
    let body: Value = serde_json::from_slice(answer.body()).expect("an error is JSON");
    body["error"]["code"].clone()
}

#[tokio::test]
async fn decision_4_an_update_is_answered_when_the_queue_has_it() {
    let world = World::new();
    let answer = world.post("shop", Some(SECRET), TEXT).await;
    assert_eq!((answer.status(), answer.body()), (StatusCode::OK, &Body::Empty));
    let queued = world.queued();
    let [Inbound { v, channel, provider, conversation, event, received_at_ms }] = queued.as_slice() else {
        panic!("one event: {queued:?}")
    };
    let shop: ChannelId = "shop".parse().unwrap();
    let stack_key = ports::Secrets::stack_key(&world.secrets).await.unwrap();
    assert_eq!((*v, channel, *provider), (VERSION, &shop, Provider::Telegram));
    assert_eq!(*conversation, conversation_id(&stack_key, &shop, "700000001"));
    assert_eq!((event.event_id.as_str(), event.at_ms), ("500000001", 1_760_000_101_000));
    assert!(matches!(event.what, InboundKind::Message { .. }));
    assert_eq!(*received_at_ms, world.clock.now_ms());
}

#[tokio::test]
async fn budget_a_warm_call_takes_one_request_to_the_queue_and_reads_nothing() {
    let world = World::new();
    assert_eq!(world.status(TEXT).await, 200);
    assert_eq!((world.reads(), world.queues.requests()), (1, 1), "the first call of a process reads the channel");
    world.queues.reset_requests();
    world.clock.advance(59_999);
    assert_eq!(world.status(TEXT).await, 200);
    let counts = world.store.counts();
    assert_eq!((counts.gets, counts.queries, counts.commits), (0, 0, 0));
    assert_eq!(world.queues.requests(), 1);
    world.clock.advance(1);
    assert_eq!(world.status(TEXT).await, 200);
    assert_eq!(world.reads(), 1, "a minute later it is read again");
}

#[tokio::test]
async fn security_what_is_not_telegrams_is_refused_alike_and_leaves_nothing() {
    let world = World::new();
    let other = Channel { provider: Provider::Messenger, ..channel("page") };
    world.put(&other, &[SECRET]);
    let wrong = world.post("shop", Some("a-wrong-secret"), TEXT).await;
    assert_eq!((wrong.status(), error_code(&wrong)), (StatusCode::UNAUTHORIZED, "not_authentic".into()));
    let long = "a".repeat(257);
    for (channel, secret) in [
        ("shop", None),
        ("shop", Some("")),
        ("shop", Some(long.as_str())),
        ("shop", Some("a-secret-of-no-webhook ")),
        ("nobody", Some(SECRET)),
        ("nobody", None),
        ("page", Some(SECRET)),
        ("not an id", Some(SECRET)),
        ("", Some(SECRET)),
        (&long, Some(SECRET)),
    ] {
        let answer = world.post(channel, secret, TEXT).await;
        assert_eq!((answer.status(), answer.headers()), (wrong.status(), wrong.headers()), "{channel:?} {secret:?}");
        assert_eq!(answer.body(), wrong.body(), "{channel:?} {secret:?}");
    }
    assert_eq!((world.queues.requests(), world.store.counts().commits), (0, 0));
    // A call without the path's parameter is no different.
    let bare = world.webhook.handle(Request::new(TEXT.into())).await;
    assert_eq!((bare.status(), bare.body()), (wrong.status(), wrong.body()));
}

#[tokio::test]
async fn security_the_body_is_not_looked_at_before_the_secret() {
    let world = World::new();
    for body in ["", "not json", "{}"] {
        assert_eq!(world.post("shop", Some("wrong"), body).await.status(), StatusCode::UNAUTHORIZED, "{body}");
    }
}

#[tokio::test]
async fn a_flood_of_forged_calls_reads_once_a_second() {
    for (channel, first) in [("shop", 1), ("nobody", 1)] {
        let world = World::new();
        for second in 0..3 {
            for _ in 0..10 {
                assert_eq!(world.post(channel, Some("wrong"), TEXT).await.status(), StatusCode::UNAUTHORIZED);
                world.clock.advance(50);
            }
            assert_eq!(world.reads(), first, "{channel}, second {second}");
            world.clock.advance(500);
        }
    }
}

#[tokio::test]
async fn a_replaced_secret_holds_within_a_second_and_the_old_one_as_long_as_it_is_accepted() {
    let world = World::new();
    assert_eq!(world.status(TEXT).await, 200);
    world.put(&channel("shop"), &["new-secret", SECRET]);
    world.clock.advance(1_000);
    assert_eq!(world.post("shop", Some("new-secret"), TEXT).await.status(), StatusCode::OK);
    assert_eq!(world.status(TEXT).await, 200);
    world.put(&channel("shop"), &["new-secret"]);
    world.clock.advance(60_000);
    assert_eq!(world.status(TEXT).await, 401);
    assert_eq!(world.post("shop", Some("new-secret"), TEXT).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_channel_connected_now_is_known_within_a_second() {
    let world = World::new();
    assert_eq!(world.post("later", Some(SECRET), TEXT).await.status(), StatusCode::UNAUTHORIZED);
    world.put(&channel("later"), &[SECRET]);
    world.clock.advance(1_000);
    assert_eq!(world.post("later", Some(SECRET), TEXT).await.status(), StatusCode::OK);
    let key = channel_key(&"later".parse().unwrap());
    world.store.write(&[Write::Delete { key, condition: None }]).unwrap();
    world.clock.advance(60_000);
    assert_eq!(world.post("later", Some(SECRET), TEXT).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn c1_a_channel_that_takes_no_part_is_answered_and_stores_nothing() {
    for change in [Channel { active: false, ..channel("shop") }, Channel { queue: None, ..channel("shop") }] {
        let world = World::new();
        world.put(&change, &[SECRET]);
        assert_eq!(world.status(TEXT).await, 200);
        assert_eq!(world.status("not json").await, 200);
        assert_eq!(world.queues.requests(), 0);
        // Switched on, it takes part within a second.
        world.put(&channel("shop"), &[SECRET]);
        world.clock.advance(1_000);
        assert_eq!(world.status(TEXT).await, 200);
        assert_eq!(world.queued().len(), 1);
    }
}

#[tokio::test]
async fn a_pressed_button_is_queued_and_its_sign_is_the_answer() {
    let world = World::new();
    let answer = world.post("shop", Some(SECRET), BUTTON).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/json");
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(body["method"], "answerCallbackQuery");
    assert_eq!(body["callback_query_id"], "3006000000000000001");
    let queued = world.queued();
    assert_eq!(queued.len(), 1);
    assert_eq!(queued[0].event.at_ms, world.clock.now_ms(), "Telegram does not tell when");
}

#[tokio::test]
async fn what_concerns_no_customer_is_answered_and_not_queued() {
    let world = World::new();
    for body in [GROUP, br#"{"update_id":1}"#, br#"{"update_id":1,"a_kind_from_the_future":{}}"#] {
        assert_eq!(world.status(body).await, 200, "{}", String::from_utf8_lossy(body));
    }
    assert_eq!(world.queues.requests(), 0);
}

#[tokio::test]
async fn what_is_no_update_is_refused_with_its_code() {
    let world = World::new();
    for (body, code) in
        [("", "not_json"), ("{\"update_id\":", "not_json"), ("[]", "no_update_id"), ("{}", "no_update_id")]
    {
        let answer = world.post("shop", Some(SECRET), body).await;
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
    assert_eq!(world.status(padded(BODY_BYTES_MAX)).await, 200);
    let answer = world.post("shop", Some(SECRET), padded(BODY_BYTES_MAX + 1)).await;
    assert_eq!((answer.status(), error_code(&answer)), (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large".into()));
    assert_eq!(world.queued().len(), 1);
}

#[tokio::test]
async fn decision_4_what_was_not_queued_is_sent_again_by_telegram() {
    for error in [QueueError::Unavailable("down".into()), QueueError::Refused("too large".into())] {
        for body in [TEXT, BUTTON] {
            let world = World::new();
            world.queues.fail_next(1, &error);
            let answer = world.post("shop", Some(SECRET), body).await;
            assert_eq!((answer.status(), error_code(&answer)), (StatusCode::SERVICE_UNAVAILABLE, "try_again".into()));
            assert_eq!(answer.headers()["retry-after"], "2");
            assert_eq!(world.status(body).await, 200);
            assert_eq!(world.queued().len(), 1);
        }
    }
    let world = World::new();
    world.secrets.fail_next(1, &SecretError::Unavailable("down".into()));
    assert_eq!(world.status(TEXT).await, 503);
    assert_eq!(world.status(TEXT).await, 200);
}

#[tokio::test]
async fn i2_the_same_update_has_the_same_dedupe_id_however_often_it_comes() {
    let world = World::new();
    for _ in 0..50 {
        assert_eq!(world.status(TEXT).await, 200);
    }
    assert_eq!(world.queues.take_distinct().len(), 1);
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_done_without_if_the_channel_is_known() {
    let world = World::new();
    let down = StoreError::Unavailable("down".into());
    world.store.fail_next_reads(1, &down);
    assert_eq!(world.status(TEXT).await, 503, "nothing is known of the channel");
    assert_eq!(world.status(TEXT).await, 200);
    world.clock.advance(60_000);
    world.reads();
    world.store.fail_next_reads(1, &down);
    assert_eq!(world.status(TEXT).await, 200);
    world.clock.advance(999);
    assert_eq!(world.status(TEXT).await, 200);
    assert_eq!(world.reads(), 1, "it is asked again after a second");
    world.clock.advance(1);
    assert_eq!(world.status(TEXT).await, 200);
    assert_eq!(world.reads(), 1);
}

#[tokio::test]
async fn c1_nothing_is_dropped_by_what_a_channel_was_before_the_store_stopped_answering() {
    let down = StoreError::Unavailable("down".into());
    for change in [Channel { active: false, ..channel("shop") }, Channel { queue: None, ..channel("shop") }] {
        // As old as the cache allows, and older.
        for age_ms in [1_000, 59_999, 60_000, 3_600_000] {
            let world = World::new();
            world.put(&change, &[SECRET]);
            assert_eq!(world.status(TEXT).await, 200);
            world.put(&channel("shop"), &[SECRET]);
            world.clock.advance(age_ms);
            world.reads();
            world.store.fail_next_reads(1, &down);
            let answer = world.post("shop", Some(SECRET), TEXT).await;
            assert_eq!((answer.status(), error_code(&answer)), (StatusCode::SERVICE_UNAVAILABLE, "try_again".into()));
            world.clock.advance(999);
            assert_eq!(world.status(TEXT).await, 503, "{age_ms}: not asked again yet");
            assert_eq!(world.post("shop", Some("wrong"), TEXT).await.status(), StatusCode::UNAUTHORIZED);
            assert_eq!((world.reads(), world.queues.requests()), (1, 0), "{age_ms}");
            world.clock.advance(1);
            assert_eq!(world.status(TEXT).await, 200);
            assert_eq!(world.queued().len(), 1, "{age_ms}");
        }
    }
}

#[tokio::test]
async fn a_flood_of_invented_channels_does_not_push_out_the_real_ones() {
    let world = World::new();
    assert_eq!(world.status(TEXT).await, 200);
    for n in 0..2_500 {
        let invented = format!("invented-{n}");
        assert_eq!(world.post(&invented, Some(SECRET), TEXT).await.status(), StatusCode::UNAUTHORIZED);
    }
    world.reads();
    assert_eq!(world.status(TEXT).await, 200);
    assert_eq!(world.reads(), 0);
}

#[tokio::test]
async fn a_body_that_comes_in_base64_is_the_same_body() {
    let world = World::new();
    let event = include_str!("events/text_base64.json");
    let request = lambda_http::request::from_str(event).expect("an event of the HTTP API");
    assert_eq!(world.webhook.handle(request).await.status(), StatusCode::OK);
    assert_eq!(world.queued().len(), 1);
}
