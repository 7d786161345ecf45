//! Faults on demand.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ACCOUNT, CUSTOMER, SENDER, Stage, TOKEN, Webhook, encode, stage, whatsapp};

async fn order(stage: &Stage, fault: Value) {
    stage.client.order_faults(ACCOUNT, &fault).await.expect("ordered");
}

async fn send(stage: &Stage) -> (u16, Value) {
    stage.create(&[("From", &whatsapp(SENDER)), ("To", &whatsapp(CUSTOMER)), ("Body", "x")]).await
}

fn request(stage: &Stage) -> reqwest::RequestBuilder {
    let url = stage.url(&format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json"));
    let body = encode(&[("From", &whatsapp(SENDER)), ("To", &whatsapp(CUSTOMER)), ("Body", "x")]);
    let request = stage.http.post(url).basic_auth(ACCOUNT, Some(TOKEN));
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

#[tokio::test]
async fn refusals_look_like_twilios() {
    let stage = stage().await;
    stage.open_window().await;
    let error = |status: u16, code: u32, text: &str| {
        json!({"code": code, "message": text, "status": status,
            "more_info": format!("https://www.twilio.com/docs/errors/{code}")})
    };
    let cases = [
        (json!({"kind": "rate_limited"}), 429, error(429, 20429, "Too Many Requests")),
        (json!({"kind": "server_error", "status": 503, "json": true}), 503, error(503, 20500, "Service Unavailable")),
        (json!({"kind": "unauthorized"}), 401, error(401, 20003, "Authenticate")),
        (json!({"kind": "refused", "code": 63018}), 400, error(400, 63018, "Rate limit exceeded for Channel")),
        (json!({"kind": "custom", "status": 418, "body": {"x": 1}}), 418, json!({"x": 1})),
    ];
    for (fault, status, body) in cases {
        order(&stage, fault).await;
        assert_eq!(send(&stage).await, (status, body));
    }
    assert_eq!(send(&stage).await.0, 201);
    let counters = stage.client.counters(ACCOUNT).await.expect("counters");
    assert_eq!((&counters["accepted"], &counters["faults_met"]), (&json!(1), &json!(5)));
    order(&stage, json!({"kind": "rate_limited", "retry_after": 3})).await;
    assert_eq!(request(&stage).send().await.expect("an answer").headers()["retry-after"], "3");
    order(&stage, json!({"kind": "server_error", "status": 502})).await;
    let proxy = request(&stage).send().await.expect("an answer");
    assert_eq!((proxy.status().as_u16(), proxy.headers()["content-type"].as_bytes()), (502, &b"text/html"[..]));
}

#[tokio::test]
async fn faults_pick_their_calls_and_are_used_up() {
    let stage = stage().await;
    stage.open_window().await;
    let account = format!("/2010-04-01/Accounts/{ACCOUNT}.json");
    let faults = json!([
        {"kind": "unauthorized", "to": "+15005550009"},
        {"kind": "refused", "code": 63013, "to": CUSTOMER, "count": 2},
        {"kind": "unauthorized", "call": "account.fetch"},
    ]);
    order(&stage, faults).await;
    assert_eq!(send(&stage).await.1["code"], 63013);
    assert_eq!(send(&stage).await.1["code"], 63013);
    assert_eq!(send(&stage).await.0, 201);
    assert_eq!(stage.get(&account).await.0, 401);
    assert_eq!(stage.get(&account).await.0, 200);
    order(&stage, json!({"kind": "rate_limited", "call": "*"})).await;
    stage.control(Method::DELETE, "/faults", None).await;
    assert_eq!(stage.get(&account).await.0, 200);
}

#[tokio::test]
async fn no_answer_before_or_after_the_message_was_taken() {
    let stage = stage().await;
    stage.open_window().await;
    let cases = [
        (json!({"kind": "timeout_after_accepting"}), true, true),
        (json!({"kind": "timeout_before_accepting"}), true, false),
        (json!({"kind": "close_connection", "after_accepting": true}), false, true),
        (json!({"kind": "close_connection"}), false, false),
    ];
    for (fault, times_out, accepted) in cases {
        let before = stage.control(Method::GET, "/calls", None).await["last"].clone();
        order(&stage, fault.clone()).await;
        let error = request(&stage).timeout(Duration::from_millis(300)).send().await.expect_err("no answer");
        assert_eq!(error.is_timeout(), times_out, "{fault}: {error:?}");
        let calls = stage.control(Method::GET, &format!("/calls?after={before}"), None).await;
        let call = &calls["calls"][0];
        assert_eq!((&call["accepted"], &call["answered"]), (&json!(accepted), &json!(false)), "{fault}");
        assert_eq!((call["sid"].is_string(), &call["fault"]), (accepted, &fault["kind"]));
        let sent = stage.control(Method::GET, &format!("/sent?after={before}"), None).await;
        assert_eq!(sent["sent"].as_array().map(Vec::len), Some(usize::from(accepted)));
    }
    order(&stage, json!({"kind": "server_error", "json": true, "after_accepting": true})).await;
    assert_eq!(send(&stage).await.0, 500);
    let calls = stage.control(Method::GET, "/sent", None).await;
    let last = calls["sent"].as_array().and_then(|sent| sent.last()).cloned().expect("a call");
    assert_eq!((&last["accepted"], &last["status"]), (&json!(true), &json!(500)));
}

#[tokio::test]
async fn a_callback_can_come_before_the_answer() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.open_window().await;
    let hooks = json!({"status_callback_url": webhook.url});
    stage.client.set_receiver(ACCOUNT, SENDER, &hooks).await.expect("set");
    order(&stage, json!({"kind": "slow_answer", "delay_ms": 60_000})).await;
    let asking = request(&stage).send();
    tokio::select! {
        _ = asking => panic!("the answer came first"),
        statuses = webhook.statuses(3) => assert_eq!(statuses, ["queued", "sent", "delivered"]),
    }
    order(&stage, json!({"kind": "slow_answer", "delay_ms": 1})).await;
    assert_eq!(send(&stage).await.0, 201);
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused() {
    let stage = stage().await;
    let orders = [
        json!({"kind": "gremlins"}),
        json!({"kind": "unauthorized", "count": 0}),
        json!({"kind": "unauthorized", "chat_id": 1}),
        json!({"kind": "custom"}),
        json!({"kind": "refused"}),
        json!({"kind": "refused", "code": 1, "status": 500}),
        json!({"kind": "server_error", "status": 404}),
        json!({"kind": "slow_answer"}),
    ];
    for fault in orders {
        assert!(stage.client.order_faults(ACCOUNT, &fault).await.is_err(), "{fault}");
    }
}
