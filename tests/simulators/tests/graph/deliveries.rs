//! Deliveries: bytes, signatures, retries, batches.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use simulators::graph::Options;

use crate::support::{ANNA, APP, Arrival, BOT_PAGE, LONG, PAGE, SECRET, Webhook, stage, stage_with};

const BEN: &str = "2000000000000002";

fn signature(arrival: &Arrival) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(&arrival.bytes);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn a_delivery_is_escaped_and_signed_over_its_bytes() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.subscribe(&webhook.url).await;
    stage.client.write_text(PAGE, ANNA, "äöå 😀 https://example.com").await.expect("written");
    let arrival = webhook.next().await;
    let bytes = String::from_utf8(arrival.bytes.clone()).expect("ASCII");
    assert!(bytes.contains(r#""text":"\u00e4\u00f6\u00e5 \ud83d\ude00 https:\/\/example.com""#), "{bytes}");
    assert_eq!(arrival.signature, Some(signature(&arrival)));
    assert!(arrival.legacy_signature.as_deref().is_some_and(|text| text.starts_with("sha1=")));
    assert_eq!(arrival.text(), "äöå 😀 https://example.com");
    let entry = &arrival.body["entry"][0];
    assert_eq!((&entry["id"], entry["time"].is_u64()), (&json!(PAGE), true));
    let (_, event) = arrival.event();
    assert_eq!((&event["sender"]["id"], &event["recipient"]["id"]), (&json!(ANNA), &json!(PAGE)));
    assert!(event["timestamp"].is_u64());
}

#[tokio::test]
async fn a_customers_events_wait_for_each_other_and_others_do_not() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.subscribe(&webhook.url).await;
    stage.client.write_text(PAGE, ANNA, "first").await.expect("written");
    let first = webhook.next().await;
    stage.client.write_text(PAGE, ANNA, "second").await.expect("written");
    stage.client.write_text(PAGE, BEN, "elsewhere").await.expect("written");
    assert_eq!(webhook.next().await.text(), "elsewhere", "Anna's second message waits");
    first.answer(500);
    let again = webhook.next().await;
    assert_eq!(again.text(), "first", "at once again");
    again.answer(500);
    // It failed twice: those behind it go on, and it comes again later.
    let mut texts = vec![webhook.next().await.text().to_owned(), webhook.next().await.text().to_owned()];
    texts.sort();
    assert_eq!(texts, ["first", "second"]);
}

#[tokio::test]
async fn a_refused_delivery_is_tried_a_few_times_with_growing_delays() {
    let (stage, mut webhook) = (stage().await, Webhook::start([500, 404, 301, 503, 429, 410, 400]).await);
    stage.subscribe(&webhook.url).await;
    let written = stage.client.write_text(PAGE, ANNA, "x").await.expect("written");
    let order = written["deliveries"][0].as_u64().expect("a delivery");
    let delivery = stage.client.wait_for_delivery(order, LONG).await.expect("given up");
    assert_eq!(delivery["state"], "given_up");
    let attempts = delivery["attempts"].as_array().expect("tries");
    let statuses: Vec<Value> = attempts.iter().map(|attempt| attempt["status"].clone()).collect();
    assert_eq!(statuses, [500, 404, 301, 503, 429, 410, 400].map(|status| json!(status)));
    let start = |index: usize| attempts[index]["time_ms"].as_u64().expect("a time");
    // The third try waits 5 ms, the seventh 80 ms.
    assert!(start(2) - start(1) >= 4 && start(6) - start(5) >= 79, "{attempts:?}");
    for _ in 0..7 {
        webhook.next().await;
    }
    assert!(webhook.is_idle());
    let counters = stage.client.counters().await.expect("counters");
    assert_eq!(
        (&counters["deliveries"]["given_up"], &counters["deliveries"]["failed_attempts"]),
        (&json!(1), &json!(7))
    );
    let seen = stage.client.conversation(PAGE, ANNA).await.expect("a conversation");
    assert_eq!(seen["messages"][0]["tick"], "lost");
}

#[tokio::test]
async fn an_answer_that_takes_too_long_counts_as_none() {
    let stage = stage_with(Options { webhook_timeout: Duration::from_millis(100), ..Options::default() }).await;
    let mut webhook = Webhook::start([]).await;
    stage.subscribe(&webhook.url).await;
    let written = stage.client.write_text(PAGE, ANNA, "x").await.expect("written");
    let slow = webhook.next().await;
    let again = webhook.next().await;
    assert_eq!(again.text(), "x");
    again.answer(200);
    let order = written["deliveries"][0].as_u64().expect("a delivery");
    let delivery = stage.client.wait_for_delivery(order, LONG).await.expect("delivered");
    assert_eq!((&delivery["state"], &delivery["attempts"][0]["error"]), (&json!("delivered"), &json!("timeout")));
    drop(slow);
}

#[tokio::test]
async fn what_was_held_back_goes_in_one_delivery() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.subscribe(&webhook.url).await;
    stage.client.hold(APP).await.expect("held");
    for (page, psid, text) in [(PAGE, ANNA, "one"), (PAGE, BEN, "two"), (BOT_PAGE, ANNA, "three"), (PAGE, ANNA, "four")]
    {
        stage.client.write_text(page, psid, text).await.expect("written");
    }
    let released = stage.client.release_together(APP).await.expect("released");
    assert_eq!(released["deliveries"].as_array().map(Vec::len), Some(1));
    let arrival = webhook.next().await;
    let entry = |index: usize| &arrival.body["entry"][index];
    assert_eq!((&entry(0)["id"], &entry(0)["messaging"][1]["message"]["text"]), (&json!(PAGE), &json!("two")));
    assert_eq!((&entry(1)["id"], &entry(1)["standby"][0]["message"]["text"]), (&json!(BOT_PAGE), &json!("three")));
    assert_eq!((&entry(2)["id"], &entry(2)["messaging"][0]["message"]["text"]), (&json!(PAGE), &json!("four")));
    assert_eq!(arrival.signature, Some(signature(&arrival)));
    arrival.answer(200);
    stage.client.write_text(PAGE, ANNA, "five").await.expect("written");
    assert_eq!(webhook.next().await.text(), "five", "no longer held");
}

#[tokio::test]
async fn the_same_delivery_many_times_at_once() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.subscribe(&webhook.url).await;
    let path = format!("/pages/{PAGE}/customers/{ANNA}/messages?copies=20");
    let order = stage.control(Method::POST, &path, Some(json!({"text": "many"})));
    let receive = async {
        let mut arrivals = Vec::new();
        for _ in 0..20 {
            arrivals.push(webhook.next().await);
        }
        // All are there and none is answered: they came at once.
        let first = arrivals[0].bytes.clone();
        for arrival in arrivals {
            assert_eq!(arrival.bytes, first);
            arrival.answer(200);
        }
    };
    let (written, ()) = tokio::join!(order, receive);
    assert_eq!(written["attempts"].as_array().map(Vec::len), Some(20));
    let delivery = written["deliveries"][0].as_u64().expect("a delivery");
    let copies = stage.client.deliver_copies(delivery, 2);
    let receive = async {
        webhook.next().await.answer(200);
        webhook.next().await.answer(500);
    };
    let (copies, ()) = tokio::join!(copies, receive);
    assert_eq!(copies.expect("delivered").len(), 2);
}

#[tokio::test]
async fn bodies_and_signatures_of_ones_own() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.subscribe(&webhook.url).await;
    let instagram = json!({"object": "instagram", "entry": []});
    for (kind, has_new, has_old) in
        [("valid", true, true), ("wrong", true, true), ("legacy_only", false, true), ("none", false, false)]
    {
        stage.client.send_raw(APP, &instagram, kind).await.expect("sent");
        let arrival = webhook.next().await;
        assert_eq!(arrival.body, instagram);
        assert_eq!((arrival.signature.is_some(), arrival.legacy_signature.is_some()), (has_new, has_old), "{kind}");
        assert_eq!(arrival.signature == Some(signature(&arrival)), kind == "valid");
    }
    stage.client.send_raw(APP, &json!("no JSON"), "valid").await.expect("sent");
    let arrival = webhook.next().await;
    assert_eq!((arrival.bytes.as_slice(), &arrival.signature), (&b"no JSON"[..], &Some(signature(&arrival))));
    let unknown = json!({"recipient": {"id": PAGE}, "some_future_event": {"a": 1}});
    stage.client.inject(PAGE, "standby", &unknown).await.expect("queued");
    assert_eq!(webhook.next_event().await, ("standby", unknown));
}
