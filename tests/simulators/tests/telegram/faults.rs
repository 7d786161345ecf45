//! Faults on demand, and the limits.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{CUSTOMER, Stage, TOKEN, stage};

async fn order(stage: &Stage, fault: Value) {
    stage.client.order_faults(TOKEN, &fault).await.expect("ordered");
}

fn message() -> Value {
    json!({"chat_id": CUSTOMER, "text": "x"})
}

#[tokio::test]
async fn refusals_look_like_telegrams() {
    let stage = stage().await;
    stage.open_chat().await;
    let error = |code: u16, text: &str| json!({"ok": false, "error_code": code, "description": text});
    let mut limited = error(429, "Too Many Requests: retry after 7");
    limited["parameters"] = json!({"retry_after": 7});
    let conflict = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
    let cases = [
        (json!({"kind": "rate_limited", "retry_after": 7}), 429, limited),
        (json!({"kind": "server_error", "json": true}), 500, error(500, "Internal Server Error")),
        (json!({"kind": "server_error", "status": 502, "json": true}), 502, error(502, "Bad Gateway")),
        (json!({"kind": "blocked"}), 403, error(403, "Forbidden: bot was blocked by the user")),
        (json!({"kind": "unauthorized"}), 401, error(401, "Unauthorized")),
        (json!({"kind": "conflict"}), 409, error(409, conflict)),
        (json!({"kind": "custom", "status": 400, "body": {"ok": false, "x": 1}}), 400, json!({"ok": false, "x": 1})),
    ];
    for (fault, status, body) in cases {
        order(&stage, fault).await;
        assert_eq!(stage.call("sendMessage", &message()).await, (status, body));
    }
    stage.result("sendMessage", &message()).await;
    let counters = stage.client.counters(TOKEN).await.expect("counters");
    assert_eq!((&counters["calls"], &counters["accepted"], &counters["faults_met"]), (&json!(8), &json!(1), &json!(7)));
}

#[tokio::test]
async fn a_proxys_error_is_no_json() {
    let stage = stage().await;
    order(&stage, json!({"kind": "server_error", "status": 502})).await;
    let url = format!("{}/bot{TOKEN}/sendMessage", stage.simulator.url());
    let response = stage.http.post(url).json(&message()).send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), response.headers()["content-type"].as_bytes()), (502, &b"text/html"[..]));
    assert!(response.text().await.expect("a body").contains("502 Bad Gateway"));
}

#[tokio::test]
async fn faults_pick_their_calls_and_are_used_up() {
    let stage = stage().await;
    stage.open_chat().await;
    stage.client.write_text(TOKEN, 2, "hi").await.expect("written");
    order(&stage, json!([{"kind": "blocked", "chat_id": 2, "count": 2}, {"kind": "unauthorized", "method": "getMe"}]))
        .await;
    stage.result("sendMessage", &message()).await;
    for _ in 0..2 {
        assert_eq!(stage.call("sendMessage", &json!({"chat_id": 2, "text": "x"})).await.0, 403);
    }
    stage.result("sendMessage", &json!({"chat_id": 2, "text": "x"})).await;
    assert_eq!(stage.call("getMe", &json!({})).await.0, 401);
    stage.result("getMe", &json!({})).await;
    order(&stage, json!({"kind": "blocked", "method": "*"})).await;
    stage.control(Method::DELETE, "/faults", None).await;
    stage.result("getMe", &json!({})).await;
}

#[tokio::test]
async fn no_answer_before_or_after_the_message_was_accepted() {
    let stage = stage().await;
    stage.open_chat().await;
    let url = format!("{}/bot{TOKEN}/sendMessage", stage.simulator.url());
    let cases = [
        (json!({"kind": "timeout_after_accepting"}), true, true),
        (json!({"kind": "timeout_before_accepting"}), true, false),
        (json!({"kind": "close_connection", "after_accepting": true}), false, true),
        (json!({"kind": "close_connection"}), false, false),
    ];
    for (fault, times_out, accepted) in cases {
        let before = stage.control(Method::GET, "/calls", None).await["last"].clone();
        order(&stage, fault.clone()).await;
        let request = stage.http.post(&url).json(&message()).timeout(Duration::from_millis(150));
        let error = request.send().await.expect_err("no answer");
        assert_eq!(error.is_timeout(), times_out, "{fault}: {error:?}");
        let calls = stage.control(Method::GET, &format!("/calls?after={before}"), None).await;
        let call = &calls["calls"][0];
        assert_eq!((&call["accepted"], &call["answered"]), (&json!(accepted), &json!(false)), "{fault}");
        assert_eq!(call["message_id"].is_i64(), accepted);
        assert_eq!(call["fault"], fault["kind"]);
        let sent = stage.control(Method::GET, &format!("/sent?after={before}"), None).await;
        assert_eq!(sent["sent"].as_array().map(Vec::len), Some(usize::from(accepted)));
    }
}

#[tokio::test]
async fn a_fault_can_strike_after_the_message_was_accepted() {
    let stage = stage().await;
    stage.open_chat().await;
    order(&stage, json!({"kind": "server_error", "json": true, "after_accepting": true})).await;
    assert_eq!(stage.call("sendMessage", &message()).await.0, 500);
    let sent = stage.control(Method::GET, "/sent", None).await;
    assert_eq!((&sent["sent"][0]["accepted"], &sent["sent"][0]["error_code"]), (&json!(true), &json!(500)));
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused() {
    let stage = stage().await;
    let orders = [
        json!({"kind": "gremlins"}),
        json!({"kind": "blocked", "count": 0}),
        json!({"kind": "blocked", "chatid": 1}),
        json!({"kind": "custom"}),
        json!({"kind": "custom", "status": 42}),
        json!({"kind": "server_error", "status": 404}),
    ];
    for fault in orders {
        assert!(stage.client.order_faults(TOKEN, &fault).await.is_err(), "{fault}");
    }
}

#[tokio::test]
async fn limits_hold_once_they_are_switched_on() {
    let stage = stage().await;
    stage.open_chat().await;
    for _ in 0..3 {
        stage.result("sendMessage", &message()).await;
    }
    stage.control(Method::PUT, "/limits", Some(json!({"enabled": true, "chat_per_second": 2}))).await;
    stage.result("sendMessage", &message()).await;
    // Fifty at two a second take longer than any machine that is merely slow.
    for _ in 0..50 {
        let (status, body) = stage.call("sendMessage", &message()).await;
        if status == 429 {
            assert_eq!(body["description"], "Too Many Requests: retry after 1");
            assert_eq!(body["parameters"]["retry_after"], 1);
            return;
        }
    }
    panic!("no message was refused");
}
