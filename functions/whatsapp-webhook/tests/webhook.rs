//! The webhook against fakes: what is let in, what is queued, what Twilio hears, what it costs.

use std::collections::HashMap;

use domain::config::{Channel, Configuration, Settings};
use domain::inbound::{InboundKind, Which};
use domain::message::DeliveryState;
use domain::{ChannelId, Provider};
use fakes::{FakeClock, FakeQueues, FakeSecrets, MemoryStore};
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, RequestExt, Response};
use messengers::whatsapp::{Form, Payload, sign};
use ports::records::{ChannelRecord, account_key, put_channel, put_configuration};
use ports::store::{Attributes, Write};
use ports::{Clock, QueueError, SecretError, StoreError};
use runtime::conversation::conversation_id;
use serde_json::Value;
use whatsapp_webhook::{BODY_BYTES_MAX, SIGNATURE_HEADER, Webhook};
use wire::queues::{Inbound, QueueMessage, VERSION};

const ACCOUNT_SID: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "an auth token of no account";
const SHOP: &str = "wa-14155238886";
const SITE: &str = "https://api.example.com";
const REPLY: &str = "c0ffee.1.17";

const TEXT: &str = include_str!("../../../tests/fixtures/twilio/text.form");
const SERVICE: &str = include_str!("../../../tests/fixtures/twilio/messaging_service.form");
const SEVERAL: &str = include_str!("../../../tests/fixtures/twilio/media_several.form");
const OPT_OUT: &str = include_str!("../../../tests/fixtures/twilio/opt_out.form");
const SMS: &str = include_str!("../../../tests/fixtures/twilio/sms.form");
const WITH_NUL: &str = include_str!("../../../tests/fixtures/twilio/text_with_nul.form");
const DELIVERED: &str = include_str!("../../../tests/fixtures/twilio/status_delivered.form");
const FAILED: &str = include_str!("../../../tests/fixtures/twilio/status_failed_window.form");
const QUEUED: &str = include_str!("../../../tests/fixtures/twilio/status_queued.form");

/// The webhook of one process, and all that it works with.
struct World {
    store: MemoryStore,
    queues: FakeQueues,
    secrets: FakeSecrets,
    clock: FakeClock,
    webhook: Webhook<MemoryStore, FakeQueues, FakeSecrets, FakeClock>,
}

/// A call as Twilio makes it, to be spoiled.
#[derive(Clone)]
struct Call {
    site: String,
    path: String,
    body: String,
    token: String,
    signature: Option<String>,
}

impl Call {
    fn message(body: &str) -> Self {
        let (site, token, body) = (SITE.to_owned(), TOKEN.to_owned(), body.to_owned());
        Self { site, path: "/webhooks/whatsapp".to_owned(), body, token, signature: None }
    }

    fn status(body: &str, query: &str) -> Self {
        Self { path: format!("/webhooks/whatsapp/status{query}"), ..Self::message(body) }
    }

    fn url(&self) -> String {
        format!("{}{}", self.site, self.path)
    }

    fn request(&self) -> Request {
        let form = Form::read(self.body.as_bytes());
        let signed = form.map(|form| sign(&self.token, &self.url(), Payload::Form(&form)));
        let signature = self.signature.clone().or(signed).unwrap_or_default();
        // Whatever host the call seems to be for, the configured address counts.
        let mut request = Request::new(self.body.clone().into());
        *request.uri_mut() = format!("http://forged.example{}", self.path).parse().expect("an address");
        if !signature.is_empty() {
            request.headers_mut().insert(SIGNATURE_HEADER, signature.parse().expect("a header"));
        }
        let query = self.path.split_once("?reply=").map(|(_, reply)| vec![reply.to_owned()]);
        let query = query.map(|reply| HashMap::from([("reply".to_owned(), reply)])).unwrap_or_default();
        request.with_query_string_parameters(query)
    }
}

impl World {
    /// With the channel of the number +14155238886, active and bound to a queue.
    fn new() -> Self {
        let (store, queues, clock) = (MemoryStore::new(), FakeQueues::default(), FakeClock::default());
        let secrets = FakeSecrets::default().with_token(SHOP, &format!("{ACCOUNT_SID}:{TOKEN}"));
        let webhook = Webhook::new(store.clone(), queues.clone(), secrets.clone(), clock.clone(), SITE);
        let world = Self { store, queues, secrets, clock, webhook };
        world.put(&channel(SHOP), &["+14155238886"]);
        world
    }

    fn put(&self, channel: &Channel, accounts: &[&str]) {
        let mut writes = vec![put_channel(&ChannelRecord { channel: channel.clone(), secret_hashes: Vec::new() })];
        writes.extend(accounts.iter().map(|account| Write::Put {
            key: account_key(Provider::Whatsapp, account),
            attributes: Attributes::from_iter([("channel".to_owned(), channel.id.as_str().into())]),
            condition: None,
        }));
        self.store.write(&writes).expect("a channel is written");
    }

    fn put_site(&self, site_url: &str) {
        let settings = Settings { site_url: Some(site_url.to_owned()), ..Settings::default() };
        let configuration = Configuration { version: 1, settings, ..Configuration::default() };
        self.store.write(&[put_configuration(&configuration)]).expect("a configuration is written");
    }

    async fn call(&self, call: &Call) -> Response<Body> {
        self.webhook.handle(call.request()).await
    }

    async fn status(&self, call: &Call) -> u16 {
        self.call(call).await.status().as_u16()
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
        provider: Provider::Whatsapp,
        name: "Shop".into(),
        active: true,
        queue: Some("q".parse().expect("an id")),
        language: None,
        account: "+14155238886".into(),
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
async fn c7_a_message_is_answered_when_the_queue_has_it() {
    let world = World::new();
    let answer = world.call(&Call::message(TEXT)).await;
    assert_eq!((answer.status(), answer.body()), (StatusCode::OK, &Body::Text("<Response/>".into())));
    assert_eq!(answer.headers()["content-type"], "text/xml");
    let queued = world.queued();
    let [Inbound { v, channel, provider, conversation, event, received_at_ms }] = queued.as_slice() else {
        panic!("one event: {queued:?}")
    };
    let shop: ChannelId = SHOP.parse().unwrap();
    let stack_key = ports::Secrets::stack_key(&world.secrets).await.unwrap();
    assert_eq!((*v, channel, *provider), (VERSION, &shop, Provider::Whatsapp));
    assert_eq!(*conversation, conversation_id(&stack_key, &shop, "whatsapp:+15005550006"));
    assert_eq!(event.event_id, "SM00000000000000000000000000000001");
    assert!(matches!(event.what, InboundKind::Message { .. }));
    assert_eq!(
        (event.at_ms, *received_at_ms),
        (world.clock.now_ms(), world.clock.now_ms()),
        "Twilio does not tell when"
    );
}

#[tokio::test]
async fn c7_a_status_goes_to_the_conversation_of_its_reply() {
    for (form, state, reason, event_id) in [
        (DELIVERED, DeliveryState::Delivered, None, "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.delivered"),
        (FAILED, DeliveryState::Failed, Some("window_closed"), "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.failed"),
    ] {
        let world = World::new();
        assert_eq!(world.status(&Call::status(form, &format!("?reply={REPLY}"))).await, 200);
        let queued = world.queued();
        let [Inbound { conversation, event, .. }] = queued.as_slice() else { panic!("one event: {queued:?}") };
        assert_eq!((conversation.as_str(), event.event_id.as_str()), ("c0ffee", event_id));
        let message_id = "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned();
        let which = Which::Reply { reply: REPLY.parse().unwrap(), message_id };
        assert_eq!(event.what, InboundKind::Delivery { which, state, reason: reason.map(str::to_owned) });
    }
}

#[tokio::test]
async fn a_status_that_says_nothing_is_answered_and_not_queued() {
    let world = World::new();
    for call in [
        Call::status(QUEUED, &format!("?reply={REPLY}")),
        Call::status(DELIVERED, ""),
        Call::status(DELIVERED, "?reply="),
        Call::status(DELIVERED, "?reply=c0ffee"),
        Call::status(DELIVERED, "?reply=c0ffee.0.1"),
        Call::message(&DELIVERED.replace("From=", "Was=").replace("To=", "From=").replace("Was=", "To=")),
    ] {
        assert_eq!(world.status(&call).await, 200, "{}", call.path);
    }
    assert_eq!(world.queues.requests(), 0);
}

#[tokio::test]
async fn several_files_and_an_opt_out_are_queued_in_order_in_one_request() {
    for (form, ids) in [
        (SEVERAL, ["MM00000000000000000000000000000101", "MM00000000000000000000000000000101#1"]),
        (OPT_OUT, ["SM0000000000000000000000000000010c", "SM0000000000000000000000000000010c.STOP"]),
    ] {
        let world = World::new();
        assert_eq!(world.status(&Call::message(form)).await, 200);
        assert_eq!(world.queues.requests(), 1);
        let queued = world.queued();
        assert_eq!(ids, [queued[0].event.event_id.as_str(), queued[1].event.event_id.as_str()]);
    }
}

#[tokio::test]
async fn budget_a_warm_call_takes_one_request_to_the_queue_and_reads_nothing() {
    for call in [Call::message(TEXT), Call::status(DELIVERED, &format!("?reply={REPLY}"))] {
        let world = World::new();
        assert_eq!(world.status(&call).await, 200);
        let first = (world.reads(), world.queues.requests());
        assert_eq!(first, (3, 1), "the first call of a process reads account, channel and configuration");
        world.queues.reset_requests();
        world.clock.advance(59_999);
        assert_eq!(world.status(&call).await, 200);
        let counts = world.store.counts();
        assert_eq!((counts.gets, counts.queries, counts.commits), (0, 0, 0));
        assert_eq!(world.queues.requests(), 1);
        world.clock.advance(1);
        assert_eq!(world.status(&call).await, 200);
        assert_eq!(world.reads(), 3, "a minute later they are read again");
    }
}

#[tokio::test]
async fn security_what_is_not_twilios_is_refused_alike_and_leaves_nothing() {
    let world = World::new();
    let page = Channel { provider: Provider::Messenger, ..channel("fb-1") };
    world.put(&page, &["+14155230001"]);
    world.put(&channel("wa-14155230002"), &["+14155230002"]);
    let to = |number: &str| TEXT.replace("14155238886", number);
    let good = Call::message(TEXT);
    let wrong = world.call(&Call { token: "wrong".into(), ..good.clone() }).await;
    assert_eq!((wrong.status(), error_code(&wrong)), (StatusCode::FORBIDDEN, "not_authentic".into()));
    for (what, call) in [
        ("no signature", Call { signature: Some(String::new()), ..good.clone() }),
        ("no base64", Call { signature: Some("???".into()), ..good.clone() }),
        ("another address", Call { site: "https://forged.example".into(), ..good.clone() }),
        ("http", Call { site: "http://api.example.com".into(), ..good.clone() }),
        ("an unknown number", Call::message(&to("14155230000"))),
        ("a page's number", Call::message(&to("14155230001"))),
        ("a channel without a token", Call::message(&to("14155230002"))),
        ("another account", Call::message(&TEXT.replace(ACCOUNT_SID, "AC00000000000000000000000000000002"))),
        ("no account", Call::message(&TEXT.replace("AccountSid", "AccountSit"))),
        (
            "the token of nobody",
            Call { token: "no account has this token".into(), ..Call::message(&to("14155230000")) },
        ),
        (
            "the token of nobody, no account",
            Call {
                token: "no account has this token".into(),
                ..Call::message(&to("14155230000").replace(ACCOUNT_SID, ""))
            },
        ),
        ("nothing", Call::message("")),
        ("JSON", Call::message("{}")),
        ("too many fields", Call { signature: Some("x".into()), ..Call::message(&"a=1&".repeat(1_001)) }),
        ("a forged status", Call { token: "wrong".into(), ..Call::status(DELIVERED, &format!("?reply={REPLY}")) }),
    ] {
        let answer = world.call(&call).await;
        assert_eq!((answer.status(), answer.headers()), (wrong.status(), wrong.headers()), "{what}");
        assert_eq!(answer.body(), wrong.body(), "{what}");
    }
    assert_eq!((world.queues.requests(), world.store.counts().commits), (0, 0));
}

#[tokio::test]
async fn security_a_signature_of_one_form_or_reply_does_for_no_other() {
    let world = World::new();
    let signed = |call: &Call| {
        let form = Form::read(call.body.as_bytes()).expect("a form");
        Some(sign(TOKEN, &call.url(), Payload::Form(&form)))
    };
    let text = Call::message(TEXT);
    let status = Call::status(DELIVERED, "?reply=c0ffee.1.17");
    let (text_signature, status_signature) = (signed(&text), signed(&status));
    for call in [
        Call { signature: text_signature.clone(), ..Call::message(&TEXT.replace("late", "early")) },
        Call { signature: text_signature.clone(), ..Call::message(&format!("{TEXT}&x=")) },
        Call { signature: text_signature, ..Call::status(TEXT, "") },
        Call { signature: status_signature.clone(), ..Call::status(DELIVERED, "?reply=c0ffee.1.18") },
        Call { signature: status_signature, ..Call::status(DELIVERED, "") },
    ] {
        assert_eq!(world.status(&call).await, 403, "{}", call.path);
    }
    assert_eq!(world.queues.requests(), 0);
}

#[tokio::test]
async fn security_values_are_signed_as_they_came_and_nul_is_taken_out_afterwards() {
    let world = World::new();
    assert_eq!(world.status(&Call::message(WITH_NUL)).await, 200);
    let [Inbound { event, .. }] = &world.queued()[..] else { panic!("one event") };
    assert!(serde_json::to_string(event).unwrap().contains(r#""text":"ab""#));
}

#[tokio::test]
async fn c4_the_address_that_a_manager_set_counts_beside_the_apis_own() {
    let world = World::new();
    let set = Call { site: "https://chat.example.com".into(), ..Call::message(TEXT) };
    assert_eq!(world.status(&set).await, 403);
    world.put_site("https://chat.example.com/");
    world.clock.advance(1_000);
    assert_eq!(world.status(&set).await, 200, "within a second");
    assert_eq!(world.status(&Call::message(TEXT)).await, 200, "what was registered before");
    let with_port = Call { site: "https://chat.example.com:443".into(), ..Call::message(TEXT) };
    assert_eq!(world.status(&with_port).await, 200);
    let other = Call { site: "https://other.example.com".into(), ..Call::message(TEXT) };
    assert_eq!(world.status(&other).await, 403);
}

#[tokio::test]
async fn a_messaging_service_goes_before_its_number() {
    let world = World::new();
    let secret = ports::secrets::Secret::new(format!("{ACCOUNT_SID}:{TOKEN}"));
    ports::Secrets::put_channel_token(&world.secrets, "wa-1", &secret).await.unwrap();
    assert_eq!(world.status(&Call::message(SERVICE)).await, 200);
    assert_eq!(world.queued()[0].channel.as_str(), SHOP, "a service that is not known");
    world.put(&channel("wa-1"), &["MG00000000000000000000000000000001"]);
    world.clock.advance(60_000);
    assert_eq!(world.status(&Call::message(SERVICE)).await, 200);
    assert_eq!(world.queued()[0].channel.as_str(), "wa-1");
    assert_eq!(world.status(&Call::message(TEXT)).await, 200);
    assert_eq!(world.queued()[0].channel.as_str(), SHOP);
}

#[tokio::test]
async fn a_flood_of_forged_calls_reads_once_a_second() {
    for (body, reads) in [(TEXT.to_owned(), 3), (TEXT.replace("14155238886", "14155230000"), 2)] {
        let world = World::new();
        let call = Call { token: "wrong".into(), ..Call::message(&body) };
        for second in 0..3 {
            for _ in 0..10 {
                assert_eq!(world.status(&call).await, 403);
                world.clock.advance(50);
            }
            assert_eq!(world.reads(), reads, "second {second}");
            world.clock.advance(500);
        }
    }
}

#[tokio::test]
async fn a_number_connected_now_is_known_within_a_second() {
    let world = World::new();
    let call = Call::message(&TEXT.replace("14155238886", "14155230002"));
    assert_eq!(world.status(&call).await, 403);
    let secret = ports::secrets::Secret::new(format!("{ACCOUNT_SID}:{TOKEN}"));
    ports::Secrets::put_channel_token(&world.secrets, "wa-14155230002", &secret).await.unwrap();
    world.put(&channel("wa-14155230002"), &["+14155230002"]);
    world.clock.advance(1_000);
    assert_eq!(world.status(&call).await, 200);
    let key = account_key(Provider::Whatsapp, "+14155230002");
    world.store.write(&[Write::Delete { key, condition: None }]).unwrap();
    world.clock.advance(60_000);
    assert_eq!(world.status(&call).await, 403);
}

#[tokio::test]
async fn c1_a_channel_that_takes_no_part_is_answered_and_stores_nothing() {
    for change in [Channel { active: false, ..channel(SHOP) }, Channel { queue: None, ..channel(SHOP) }] {
        let world = World::new();
        world.put(&change, &[]);
        for call in [Call::message(TEXT), Call::status(DELIVERED, &format!("?reply={REPLY}"))] {
            assert_eq!(world.status(&call).await, 200);
        }
        assert_eq!(world.status(&Call { token: "wrong".into(), ..Call::message(TEXT) }).await, 403);
        assert_eq!(world.queues.requests(), 0);
        // Switched on, it takes part within a second.
        world.put(&channel(SHOP), &[]);
        world.clock.advance(1_000);
        assert_eq!(world.status(&Call::message(TEXT)).await, 200);
        assert_eq!(world.queued().len(), 1);
    }
}

#[tokio::test]
async fn c1_nothing_is_dropped_by_what_a_number_was_before_the_store_stopped_answering() {
    let down = StoreError::Unavailable("down".into());
    for before in [Channel { active: false, ..channel(SHOP) }, Channel { queue: None, ..channel(SHOP) }] {
        // As old as the cache allows, and older.
        for age_ms in [1_000, 59_999, 60_000, 3_600_000] {
            for call in [Call::message(TEXT), Call::status(DELIVERED, &format!("?reply={REPLY}"))] {
                let world = World::new();
                world.put(&before, &[]);
                assert_eq!(world.status(&call).await, 200, "it takes no part");
                world.put(&channel(SHOP), &[]);
                world.clock.advance(age_ms);
                // The number's row, the channel's, the address.
                world.store.fail_next_reads(3, &down);
                let answer = world.call(&call).await;
                assert_eq!(
                    (answer.status(), error_code(&answer)),
                    (StatusCode::SERVICE_UNAVAILABLE, "try_again".into())
                );
                assert_eq!(world.queues.requests(), 0, "{age_ms}");
                world.clock.advance(1_000);
                assert_eq!(world.status(&call).await, 200);
                assert_eq!(world.queued().len(), 1, "{age_ms}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_of_whatsapp_is_answered_and_not_queued() {
    let world = World::new();
    assert_eq!(world.status(&Call::message(SMS)).await, 200);
    assert_eq!(world.queues.requests(), 0);
}

#[tokio::test]
async fn limits_a_body_has_at_most_a_megabyte() {
    let world = World::new();
    let padded = |bytes: usize| {
        let head = format!("{TEXT}&Padding=");
        let padding = "x".repeat(bytes - head.len());
        Call::message(&(head + &padding))
    };
    assert_eq!(world.status(&padded(BODY_BYTES_MAX)).await, 200);
    let answer = world.call(&padded(BODY_BYTES_MAX + 1)).await;
    assert_eq!((answer.status(), error_code(&answer)), (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large".into()));
    assert_eq!(world.queued().len(), 1);
}

#[tokio::test]
async fn decision_4_what_was_not_queued_may_be_sent_again() {
    for error in [QueueError::Unavailable("down".into()), QueueError::Refused("too large".into())] {
        for call in [Call::message(TEXT), Call::status(DELIVERED, &format!("?reply={REPLY}"))] {
            let world = World::new();
            world.queues.fail_next(1, &error);
            let answer = world.call(&call).await;
            assert_eq!((answer.status(), error_code(&answer)), (StatusCode::SERVICE_UNAVAILABLE, "try_again".into()));
            assert_eq!(world.status(&call).await, 200);
            assert_eq!(world.queued().len(), 1);
        }
    }
    // The auth token, then the stack's key.
    let world = World::new();
    world.secrets.fail_next(1, &SecretError::Unavailable("down".into()));
    assert_eq!(world.status(&Call::message(TEXT)).await, 503);
    assert_eq!(world.status(&Call::message(TEXT)).await, 200);
}

#[tokio::test]
async fn i2_the_same_form_has_the_same_dedupe_id_however_often_it_comes() {
    let world = World::new();
    for _ in 0..20 {
        assert_eq!(world.status(&Call::message(TEXT)).await, 200);
        assert_eq!(world.status(&Call::status(DELIVERED, &format!("?reply={REPLY}"))).await, 200);
        assert_eq!(world.status(&Call::status(FAILED, &format!("?reply={REPLY}"))).await, 200);
    }
    assert_eq!(world.queues.take_distinct().len(), 3);
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_done_without_if_the_channel_is_known() {
    let world = World::new();
    let down = StoreError::Unavailable("down".into());
    world.store.fail_next_reads(1, &down);
    assert_eq!(world.status(&Call::message(TEXT)).await, 503, "nothing is known of the number");
    assert_eq!(world.status(&Call::message(TEXT)).await, 200);
    world.clock.advance(60_000);
    world.store.fail_next_reads(3, &down);
    assert_eq!(world.status(&Call::message(TEXT)).await, 200);
}

#[tokio::test]
async fn a_call_that_comes_in_base64_is_the_same_call() {
    let world = World::new();
    for (event, events) in [
        (include_str!("../../../tests/fixtures/events/whatsapp-webhook/message.json"), 1),
        (include_str!("../../../tests/fixtures/events/whatsapp-webhook/status.json"), 1),
    ] {
        let request = lambda_http::request::from_str(event).expect("an event of the HTTP API");
        assert_eq!(world.webhook.handle(request).await.status(), StatusCode::OK);
        assert_eq!(world.queued().len(), events);
    }
}
