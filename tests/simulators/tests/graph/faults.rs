//! Faults on demand, and the limits.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ANNA, PAGE, Stage, stage, text};

async fn order(stage: &Stage, fault: Value) {
    stage.client.order_faults(&fault).await.expect("ordered");
}

#[tokio::test]
async fn refusals_look_like_facebooks() {
    let stage = stage().await;
    stage.open().await;
    let cases = [
        (json!({"kind": "rate_limited"}), 400, json!(613), Value::Null),
        (json!({"kind": "rate_limited", "code": 4}), 400, json!(4), Value::Null),
        (json!({"kind": "rate_limited", "code": 613, "subcode": 2_018_338}), 400, json!(613), json!(2_018_338)),
        (json!({"kind": "server_error", "json": true, "status": 503}), 503, json!(2), Value::Null),
        (json!({"kind": "token_expired"}), 400, json!(190), json!(463)),
        (json!({"kind": "token_revoked"}), 400, json!(190), json!(460)),
        (json!({"kind": "permission_missing"}), 403, json!(200), Value::Null),
        (json!({"kind": "outside_window"}), 400, json!(10), json!(2_018_278)),
        (json!({"kind": "blocked"}), 400, json!(551), json!(1_545_041)),
        (json!({"kind": "other_owner"}), 400, json!(10), json!(2_018_300)),
        (json!({"kind": "fetch_failed"}), 400, json!(100), json!(2_018_008)),
        (json!({"kind": "graph_error", "code": 10, "subcode": 1_893_063}), 400, json!(10), json!(1_893_063)),
        (
            json!({"kind": "graph_error", "code": 1200, "is_transient": true, "status": 500}),
            500,
            json!(1200),
            Value::Null,
        ),
        (json!({"kind": "custom", "status": 400, "body": {"error": {"code": 7}}}), 400, json!(7), Value::Null),
    ];
    let count = cases.len();
    for (fault, status, code, subcode) in cases {
        order(&stage, fault.clone()).await;
        let (found, body) = stage.send(&text("x")).await;
        assert_eq!(
            (found, &body["error"]["code"], &body["error"]["error_subcode"]),
            (status, &code, &subcode),
            "{fault}"
        );
    }
    assert_eq!(stage.send(&text("x")).await.0, 200);
    let counters = stage.client.counters().await.expect("counters");
    assert_eq!((&counters["accepted"], &counters["faults_met"]), (&json!(1), &json!(count)));
    assert_eq!(counters["calls_by_endpoint"]["POST messages"], count + 1);
}

#[tokio::test]
async fn a_rate_limit_tells_how_much_is_used_and_a_server_error_whether_it_passes() {
    let stage = stage().await;
    stage.open().await;
    order(&stage, json!([{"kind": "rate_limited", "minutes": 7}, {"kind": "server_error", "json": true}])).await;
    let url = format!("{}/v25.0/{PAGE}/messages", stage.simulator.url());
    let send =
        async || stage.http.post(&url).bearer_auth(&stage.token).json(&text("x")).send().await.expect("an answer");
    let limited = send().await;
    let header = |name: &str| {
        let text = limited.headers()[name].to_str().expect("ASCII");
        serde_json::from_str::<Value>(text).expect("JSON")
    };
    assert_eq!(header("x-app-usage")["call_count"], 100);
    assert_eq!(header("x-business-use-case-usage")[PAGE][0]["estimated_time_to_regain_access"], 7);
    let body: Value = send().await.json().await.expect("JSON");
    assert_eq!(body["error"]["is_transient"], true);
    order(&stage, json!({"kind": "server_error", "status": 502})).await;
    let proxied = send().await;
    assert_eq!((proxied.status().as_u16(), proxied.headers()["content-type"].as_bytes()), (502, &b"text/html"[..]));
}

#[tokio::test]
async fn faults_pick_their_calls_and_are_used_up() {
    let stage = stage().await;
    stage.open().await;
    stage.client.write_text(PAGE, "2", "hi").await.expect("written");
    let faults = json!([
        {"kind": "blocked", "psid": "2", "count": 2},
        {"kind": "token_expired", "endpoint": "subscribed_apps", "method": "GET"},
    ]);
    order(&stage, faults).await;
    assert_eq!(stage.send(&text("x")).await.0, 200);
    let mut to_two = text("x");
    to_two["recipient"]["id"] = json!("2");
    for status in [400, 400, 200] {
        assert_eq!(stage.send(&to_two).await.0, status);
    }
    let path = format!("{PAGE}/subscribed_apps");
    stage.post(&path, &stage.token, &json!({"subscribed_fields": "messages"})).await;
    assert_eq!(stage.refused(Method::GET, &path, &stage.token, &Value::Null).await, "190/463");
    stage.get(&path, &stage.token).await;
    order(&stage, json!({"kind": "token_expired", "endpoint": "*"})).await;
    stage.control(Method::DELETE, "/faults", None).await;
    stage.get(&path, &stage.token).await;
}

#[tokio::test]
async fn no_answer_before_or_after_the_message_was_accepted() {
    let stage = stage().await;
    stage.open().await;
    let url = format!("{}/v25.0/{PAGE}/messages", stage.simulator.url());
    let cases = [
        (json!({"kind": "timeout_after_accepting"}), true, true),
        (json!({"kind": "timeout_before_accepting"}), true, false),
        (json!({"kind": "close_connection", "after_accepting": true}), false, true),
        (json!({"kind": "close_connection"}), false, false),
    ];
    for (fault, times_out, accepted) in cases {
        let before = stage.control(Method::GET, "/calls", None).await["last"].clone();
        order(&stage, fault.clone()).await;
        let request = stage.http.post(&url).bearer_auth(&stage.token).json(&text("x"));
        let error = request.timeout(Duration::from_millis(150)).send().await.expect_err("no answer");
        assert_eq!(error.is_timeout(), times_out, "{fault}: {error:?}");
        let calls = stage.control(Method::GET, &format!("/calls?after={before}"), None).await;
        let call = &calls["calls"][0];
        assert_eq!((&call["accepted"], &call["answered"]), (&json!(accepted), &json!(false)), "{fault}");
        assert_eq!((call["message_id"].is_string(), &call["fault"]), (accepted, &fault["kind"]));
        let sent = stage.control(Method::GET, &format!("/sent?after={before}"), None).await;
        assert_eq!(sent["sent"].as_array().map(Vec::len), Some(usize::from(accepted)));
    }
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused() {
    let stage = stage().await;
    let orders = [
        json!({"kind": "gremlins"}),
        json!({"kind": "blocked", "count": 0}),
        json!({"kind": "blocked", "chat_id": 1}),
        json!({"kind": "custom"}),
        json!({"kind": "graph_error"}),
        json!({"kind": "graph_error", "code": 1, "status": 200}),
        json!({"kind": "server_error", "status": 404}),
    ];
    for fault in orders {
        assert!(stage.client.order_faults(&fault).await.is_err(), "{fault}");
    }
}

#[tokio::test]
async fn limits_hold_once_they_are_switched_on() {
    let stage = stage().await;
    stage.open().await;
    stage.control(Method::PUT, &format!("/pages/{PAGE}/limits"), Some(json!({"enabled": true, "per_second": 2}))).await;
    assert_eq!(stage.send(&text("x")).await.0, 200);
    // Fifty at two a second take longer than any machine that is merely slow.
    for _ in 0..50 {
        let (status, body) = stage.send(&text("x")).await;
        if status == 400 {
            assert_eq!(body["error"]["code"], 613);
            let typing = json!({"recipient": {"id": ANNA}, "sender_action": "typing_on"});
            assert_eq!(stage.send(&typing).await.0, 200, "only messages count");
            return;
        }
    }
    panic!("no message was refused");
}
