//! How webhooks are tried, by default and as their URL asks for.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ACCOUNT, CUSTOMER, LONG, Reply, SENDER, Stage, Webhook, stage, status};

/// Sets the receiver of the customers' messages.
async fn receive_at(stage: &Stage, url: &str) {
    stage.client.set_receiver(ACCOUNT, SENDER, &json!({"callback_url": url})).await.expect("set");
}

/// The customer writes; returns the webhook once it is delivered or given up.
async fn write(stage: &Stage) -> Value {
    let written = stage.client.write_text(ACCOUNT, CUSTOMER, "x").await.expect("written");
    let order = written["order"].as_u64().expect("a position");
    stage.client.wait_for_delivery(ACCOUNT, order, LONG).await.expect("settled")
}

fn statuses(delivery: &Value) -> Vec<Value> {
    delivery["attempts"].as_array().into_iter().flatten().map(|attempt| attempt["status"].clone()).collect()
}

#[tokio::test]
async fn an_answer_is_final_by_default() {
    let codes = [500, 503, 404, 301, 200, 204];
    let (stage, webhook) = (stage().await, Webhook::start(codes.map(status)).await);
    receive_at(&stage, &webhook.url).await;
    for code in codes {
        let delivery = write(&stage).await;
        assert_eq!(statuses(&delivery), [json!(code)]);
        assert_eq!(delivery["state"], if code < 300 { "delivered" } else { "failed" });
    }
}

#[tokio::test]
async fn a_connection_that_fails_is_tried_once_more() {
    let stage = stage().await;
    receive_at(&stage, "http://127.0.0.1:1/hook").await;
    let delivery = write(&stage).await;
    assert_eq!((&delivery["state"], delivery["attempts"].as_array().map(Vec::len)), (&json!("failed"), Some(2)));
    assert_eq!(delivery["attempts"][1]["error"], "11200: no connection");
    receive_at(&stage, "http://127.0.0.1:1/hook#rc=0").await;
    assert_eq!(write(&stage).await["attempts"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn the_url_asks_for_retries() {
    let refusals = [500, 404, 503].map(status);
    let (stage, mut webhook) = (stage().await, Webhook::start(refusals.into_iter().chain([status(200)])).await);
    receive_at(&stage, &format!("{}#rc=5&rp=all", webhook.url)).await;
    let delivery = write(&stage).await;
    assert_eq!(statuses(&delivery), [500, 404, 503, 200].map(|code| json!(code)));
    let mut tokens = Vec::new();
    for _ in 0..4 {
        tokens.push(webhook.next().await.header("i-twilio-idempotency-token").map(str::to_owned));
    }
    assert!(tokens.iter().all(|token| token.is_some() && *token == tokens[0]), "one webhook, one token");

    let webhook = Webhook::start([503, 503, 404, 200].map(status)).await;
    receive_at(&stage, &format!("{}#rc=5&rp=5xx", webhook.url)).await;
    assert_eq!(statuses(&write(&stage).await), [503, 503, 404].map(|code| json!(code)));
    let webhook = Webhook::start([503, 503, 503].map(status)).await;
    receive_at(&stage, &format!("{}#rc=1&rp=4xx,5xx", webhook.url)).await;
    assert_eq!(statuses(&write(&stage).await), [503, 503].map(|code| json!(code)));
}

#[tokio::test]
async fn a_slow_answer_is_given_up() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    receive_at(&stage, &format!("{}#rt=400&rc=1&rp=rt", webhook.url)).await;
    let held = async { (webhook.next().await, webhook.next().await) };
    let (delivery, _held) = tokio::join!(write(&stage), held);
    assert_eq!(delivery["state"], "failed");
    assert_eq!(delivery["attempts"][1]["error"], "11205: no answer in time");
    // In all it is no longer than `tt`.
    receive_at(&stage, &format!("{}#rt=400&tt=400&rc=5&rp=rt", webhook.url)).await;
    let held = async { webhook.next().await };
    let (delivery, _held) = tokio::join!(write(&stage), held);
    assert_eq!(delivery["attempts"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn the_fallback_gets_what_the_receiver_failed_to_take() {
    let (stage, receiver, mut fallback) =
        (stage().await, Webhook::start([status(500)]).await, Webhook::start([status(200)]).await);
    let hooks = json!({"callback_url": format!("{}#rc=0", receiver.url), "fallback_url": fallback.url});
    stage.client.set_receiver(ACCOUNT, SENDER, &hooks).await.expect("set");
    let delivery = write(&stage).await;
    assert_eq!((&delivery["state"], statuses(&delivery)), (&json!("delivered"), vec![json!(500), json!(200)]));
    let arrival = fallback.next().await;
    assert!(arrival.is_signed_for(&fallback.url));
    assert_eq!((arrival.param("ErrorCode").as_deref(), arrival.param("ErrorUrl")), (Some("11200"), Some(receiver.url)));
}

#[tokio::test]
async fn a_receiver_by_get_has_the_fields_in_its_url() {
    let (stage, mut webhook) = (stage().await, Webhook::start([status(200)]).await);
    let hooks = json!({"callback_url": format!("{}?a=1", webhook.url), "callback_method": "GET"});
    stage.client.set_receiver(ACCOUNT, SENDER, &hooks).await.expect("set");
    write(&stage).await;
    let arrival = webhook.next().await;
    assert_eq!((arrival.method.as_str(), arrival.body.len()), ("GET", 0));
    let query = arrival.uri.query().expect("a query");
    assert!(query.starts_with("a=1&") && query.contains("&Body=x&"), "{query}");
    assert!(arrival.is_signed_for(&format!("{}?{query}", webhook.url)));
}

#[tokio::test]
async fn without_a_receiver_a_message_is_lost() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    let delivery = write(&stage).await;
    assert_eq!((&delivery["state"], &delivery["attempts"]), (&json!("no_webhook"), &json!([])));
    receive_at(&stage, &webhook.url).await;
    stage.control(Method::GET, "/deliveries?settled=true", None).await;
    assert!(webhook.is_idle(), "it never comes later");
}

#[tokio::test]
async fn an_answer_with_text_is_a_message_to_the_customer() {
    let xml = "<Response><Message>Hi &amp; welcome</Message></Response>";
    let replies = [("text/xml", xml), ("text/plain", "ok"), ("text/xml", "<Response/>"), ("application/json", "{}")];
    let replies = replies.map(|(content_type, body)| Reply { status: 200, content_type, body: body.into() });
    let (stage, webhook) = (stage().await, Webhook::start(replies).await);
    receive_at(&stage, &webhook.url).await;
    for _ in 0..3 {
        assert_eq!(write(&stage).await["attempts"][0]["warning"], json!(null));
    }
    assert_eq!(write(&stage).await["attempts"][0]["warning"], 12300);
    let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json?From=whatsapp%3A%2B15550001111");
    let (_, list) = stage.get(&path).await;
    let sent: Vec<&Value> = list["messages"].as_array().into_iter().flatten().map(|message| &message["body"]).collect();
    assert_eq!(sent, ["ok", "Hi & welcome"]);
    assert_eq!(list["messages"][0]["direction"], "outbound-reply");
}

#[tokio::test]
async fn copies_are_delivered_at_once() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    receive_at(&stage, &webhook.url).await;
    let message = json!({"body": "twice"});
    let arrivals = async {
        let held = [webhook.next().await, webhook.next().await, webhook.next().await];
        held.map(|arrival| arrival.param("MessageSid"))
    };
    let (attempts, sids) = tokio::join!(stage.client.write_copies(ACCOUNT, CUSTOMER, &message, 3), arrivals);
    assert_eq!(attempts.expect("delivered").len(), 3);
    assert!(sids.iter().all(|sid| sid.is_some() && *sid == sids[0]));
    let (again, arrival) = tokio::join!(stage.client.deliver_copies(ACCOUNT, 1, 1), webhook.take());
    assert_eq!((again.expect("delivered").len(), arrival.param("MessageSid")), (1, sids[0].clone()));
    assert!(stage.client.deliver_copies(ACCOUNT, 9, 1).await.is_err());
    assert!(stage.client.write_copies(ACCOUNT, CUSTOMER, &message, 0).await.is_err());
}

#[tokio::test]
async fn what_a_test_waits_for_is_told_when_it_comes() {
    let stage = stage().await;
    let waiting = stage.client.wait_for_messages(ACCOUNT, Some(CUSTOMER), 0, 1, LONG);
    let work = async {
        stage.open_window().await;
        stage.send("x").await
    };
    let (sent, sid) = tokio::join!(waiting, work);
    assert_eq!(sent.expect("sent")[0]["sid"], sid);
    let nothing = stage.client.wait_for_messages(ACCOUNT, None, 0, 2, Duration::from_millis(20)).await;
    assert!(nothing.is_err());
}
