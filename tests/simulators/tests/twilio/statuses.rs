//! Status callbacks: the usual ones, and those that a test orders.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ACCOUNT, CUSTOMER, SENDER, Stage, Webhook, serve_file, stage, whatsapp};

async fn ready() -> (Stage, Webhook) {
    let (stage, webhook) = (stage().await, Webhook::start([]).await);
    stage.open_window().await;
    let hooks = json!({"status_callback_url": webhook.url});
    stage.client.set_receiver(ACCOUNT, SENDER, &hooks).await.expect("set");
    (stage, webhook)
}

async fn order(stage: &Stage, statuses: Value) {
    stage.client.order_outcomes(ACCOUNT, &json!({"statuses": statuses})).await.expect("ordered");
}

#[tokio::test]
async fn a_message_is_queued_sent_delivered_and_read() {
    let (stage, mut webhook) = ready().await;
    let sid = stage.send("x").await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let arrival = webhook.take().await;
        assert!(arrival.is_signed_for(&webhook.url));
        seen.push(arrival);
    }
    let all: Vec<String> = seen.iter().map(super::support::Arrival::status).collect();
    assert_eq!(all, ["queued", "sent", "delivered"]);
    let last = &seen[2];
    assert_eq!(last.param("MessageSid").as_deref(), Some(sid.as_str()));
    assert_eq!((last.param("To"), last.param("From")), (Some(whatsapp(CUSTOMER)), Some(whatsapp(SENDER))));
    assert_eq!(last.param("EventType").as_deref(), Some("DELIVERED"));
    assert_eq!(last.param("AccountSid").as_deref(), Some(ACCOUNT));
    assert_eq!((last.param("ErrorCode"), last.param("ChannelPrefix").as_deref()), (None, Some("whatsapp")));
    stage.wait_for_status(&sid, "delivered").await;
    let read = stage.client.read(ACCOUNT, CUSTOMER, None).await.expect("read");
    assert_eq!(read["read"], json!([sid]));
    let arrival = webhook.next().await;
    assert_eq!((arrival.status().as_str(), arrival.param("EventType").as_deref()), ("read", Some("READ")));
}

#[tokio::test]
async fn a_messages_own_callback_goes_first() {
    let (stage, mut webhook) = ready().await;
    let mut own = Webhook::start([]).await;
    let url = format!("{}?id=7#rc=0", own.url);
    stage.send_with("x", &[("StatusCallback", &url)]).await;
    let arrival = own.next().await;
    assert!(arrival.is_signed_for(&format!("{}?id=7", own.url)));
    assert!(webhook.is_idle());
}

#[tokio::test]
async fn statuses_come_as_ordered_and_the_message_never_goes_back() {
    let (stage, mut webhook) = ready().await;
    order(&stage, json!(["sent", {"status": "delivered", "copies": 3}, "read", "sent", "queued"])).await;
    let sid = stage.send("x").await;
    let expected = ["sent", "delivered", "delivered", "delivered", "read", "sent", "queued"];
    assert_eq!(webhook.statuses(7).await, expected);
    assert_eq!(stage.wait_for_status(&sid, "read").await["error_code"], json!(null));
    // The order is used up.
    stage.send("y").await;
    assert_eq!(webhook.statuses(3).await, ["queued", "sent", "delivered"]);
}

#[tokio::test]
async fn a_message_fails_as_ordered() {
    let (stage, mut webhook) = ready().await;
    let undelivered = json!({"status": "undelivered", "error_code": 63016, "channel_status_message": "outside window"});
    order(&stage, json!([undelivered])).await;
    let sid = stage.send("x").await;
    let arrival = webhook.take().await;
    assert_eq!(arrival.param("ErrorCode").as_deref(), Some("63016"));
    assert_eq!(arrival.param("ChannelStatusMessage").as_deref(), Some("outside window"));
    assert!(arrival.param("ErrorMessage").expect("a text").starts_with("Failed to send freeform"));
    assert_eq!(stage.wait_for_status(&sid, "undelivered").await["error_code"], 63016);
    // Not a status that anybody knows.
    order(&stage, json!(["partially_delivered"])).await;
    stage.send("y").await;
    assert_eq!(webhook.statuses(1).await, ["partially_delivered"]);
}

#[tokio::test]
async fn callbacks_can_be_missing_and_come_later_by_hand() {
    let (stage, mut webhook) = ready().await;
    let elsewhere = json!({"to": "+15550009999", "statuses": ["failed"]});
    stage.client.order_outcomes(ACCOUNT, &elsewhere).await.expect("ordered");
    order(&stage, json!([{"status": "sent", "silent": true}])).await;
    let sid = stage.send("x").await;
    stage.wait_for_status(&sid, "sent").await;
    order(&stage, json!([])).await;
    let silent = stage.send("y").await;
    assert!(webhook.is_idle());
    stage.client.add_statuses(ACCOUNT, &silent, &json!(["delivered"])).await.expect("added");
    let arrival = webhook.next().await;
    assert_eq!((arrival.status().as_str(), arrival.param("MessageSid")), ("delivered", Some(silent)));
    let waiting = stage.control(Method::GET, "/outcomes", None).await;
    assert_eq!(waiting["outcomes"][0]["to"], "+15550009999", "only for its customer");
}

#[tokio::test]
async fn orders_of_statuses_that_make_no_sense_are_refused() {
    let stage = stage().await;
    for wrong in [
        json!({"statuses": [{"status": "sent", "copies": 0}]}),
        json!({"statuses": ["sent"], "count": 0}),
        json!({"statuses": [{"state": "sent"}]}),
        json!({"statuses": [{"status": "sent", "delay_ms": 600_000}]}),
        json!({}),
    ] {
        assert!(stage.client.order_outcomes(ACCOUNT, &wrong).await.is_err(), "{wrong}");
    }
    let inbound = stage.open_window().await;
    assert!(stage.client.add_statuses(ACCOUNT, &inbound, &json!(["read"])).await.is_err(), "not ours");
}

#[tokio::test]
async fn media_are_fetched_after_the_message_was_taken() {
    let (stage, mut webhook) = ready().await;
    let png = b"\x89PNG\r\n\x1a\n and so on".to_vec();
    let mut large_png = png.clone();
    large_png.resize(5 * 1024 * 1024 + 1, 0);
    let cases = [
        (200, "image/png", png.clone(), "delivered", json!(null)),
        (200, "image/png", large_png, "failed", json!(63034)),
        (403, "image/png", png.clone(), "failed", json!(63019)),
        (200, "image/jpeg", png.clone(), "failed", json!(12300)),
        (200, "text/html", b"<html>".to_vec(), "failed", json!(12300)),
        (200, "", png, "failed", json!(12300)),
    ];
    for (status, content_type, bytes, outcome, code) in cases {
        let url = serve_file(status, content_type, bytes.clone()).await;
        let sid = stage.send_with("caption", &[("MediaUrl", &url)]).await;
        assert!(sid.starts_with("MM"));
        let expected: &[&str] =
            if outcome == "failed" { &["queued", "failed"] } else { &["queued", "sent", "delivered"] };
        assert_eq!(webhook.statuses(expected.len()).await, expected);
        let message = stage.wait_for_status(&sid, outcome).await;
        assert_eq!(
            (&message["error_code"], &message["num_media"]),
            (&code, &json!(if code.is_null() { "1" } else { "0" }))
        );
    }
    // What fails for another reason isn't fetched at all.
    order(&stage, json!([{"status": "failed", "error_code": 63013}])).await;
    let refused = stage.send_with("", &[("MediaUrl", "http://127.0.0.1:1/x.png")]).await;
    assert_eq!(webhook.statuses(1).await, ["failed"]);
    assert_eq!(stage.wait_for_status(&refused, "failed").await["error_code"], 63013);
    let nowhere = stage.send_with("", &[("MediaUrl", "http://127.0.0.1:1/x.png")]).await;
    assert_eq!(webhook.statuses(2).await, ["queued", "failed"]);
    assert_eq!(stage.wait_for_status(&nowhere, "failed").await["error_code"], 63019);
}
