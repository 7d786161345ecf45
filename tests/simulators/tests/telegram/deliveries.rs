//! Deliveries: order, retries, settings.

use reqwest::Method;
use serde_json::json;
use simulators::telegram::Options;

use crate::support::{CUSTOMER, LONG, Reply, SECRET, TOKEN, Webhook, stage, stage_with, status};

#[tokio::test]
async fn a_delivery_carries_the_secret_and_ids_go_up() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.set_webhook(&webhook.url).await;
    let mut last = 0;
    for text in ["one", "two", "three"] {
        let written = stage.client.write_text(TOKEN, CUSTOMER, text).await.expect("written");
        let arrival = webhook.next().await;
        assert_eq!(arrival.secret.as_deref(), Some(SECRET));
        assert_eq!(arrival.text(), text);
        assert_eq!(arrival.update["update_id"], written["update_id"]);
        assert_eq!(arrival.update["message"]["from"]["id"], CUSTOMER);
        let id = arrival.update["update_id"].as_i64().expect("an id");
        assert!(id > last, "{id} after {last}");
        last = id;
    }
}

#[tokio::test]
async fn a_webhook_without_a_secret_gets_no_header() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.result("setWebhook", &json!({"url": webhook.url})).await;
    stage.open_chat().await;
    assert_eq!(webhook.next().await.secret, None);
}

#[tokio::test]
async fn a_chat_waits_for_its_answer_and_other_chats_do_not() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.set_webhook(&webhook.url).await;
    stage.client.write_text(TOKEN, 1, "first").await.expect("written");
    let first = webhook.next().await;
    stage.client.write_text(TOKEN, 1, "second").await.expect("written");
    stage.client.write_text(TOKEN, 2, "elsewhere").await.expect("written");
    assert_eq!(webhook.next().await.text(), "elsewhere", "the second message of chat 1 waits");
    // Refused twice, it still comes before the second.
    first.answer(status(500));
    let again = webhook.next().await;
    assert_eq!(again.text(), "first");
    again.answer(status(503));
    let again = webhook.next().await;
    assert_eq!(again.text(), "first");
    assert!(webhook.is_idle());
    again.answer(status(204));
    assert_eq!(webhook.next().await.text(), "second");
}

#[tokio::test]
async fn every_answer_but_2xx_is_tried_again_and_told() {
    let refusals = [301, 400, 401, 404, 410, 429, 500, 502];
    let (stage, mut webhook) = (stage().await, Webhook::start(refusals.map(status)).await);
    stage.set_webhook(&webhook.url).await;
    let written = stage.client.write_text(TOKEN, CUSTOMER, "x").await.expect("written");
    for _ in refusals {
        webhook.next().await;
    }
    let last = webhook.next().await;
    let info = stage.result("getWebhookInfo", &json!({})).await;
    assert_eq!(info["pending_update_count"], 1);
    assert_eq!(info["last_error_message"], "Wrong response from the webhook: 502 Bad Gateway");
    assert!(info["last_error_date"].as_u64().is_some_and(|date| date > 1_700_000_000));
    last.answer(status(200));
    let update_id = written["update_id"].as_i64().expect("an id");
    let delivery = stage.client.wait_for_delivery(TOKEN, update_id, LONG).await.expect("delivered");
    let statuses: Vec<_> =
        delivery["attempts"].as_array().into_iter().flatten().map(|try_| try_["status"].clone()).collect();
    assert_eq!(statuses, [301, 400, 401, 404, 410, 429, 500, 502, 200].map(|code| json!(code)));
    let starts: Vec<u64> =
        delivery["attempts"].as_array().into_iter().flatten().filter_map(|try_| try_["time_ms"].as_u64()).collect();
    // The third try waits two units of 5 ms, the eighth 128 units.
    assert!(starts[2] - starts[1] >= 10 && starts[7] - starts[6] >= 320, "delays double: {starts:?}");
    assert_eq!(stage.result("getWebhookInfo", &json!({})).await["pending_update_count"], 0);
}

#[tokio::test]
async fn retry_after_is_obeyed() {
    let asked = Reply { status: 503, retry_after: Some(1), body: String::new() };
    let (stage, mut webhook) = (stage().await, Webhook::start([asked]).await);
    stage.set_webhook(&webhook.url).await;
    let written = stage.client.write_text(TOKEN, CUSTOMER, "x").await.expect("written");
    webhook.next().await;
    webhook.next().await.answer(status(200));
    let update_id = written["update_id"].as_i64().expect("an id");
    let delivery = stage.client.wait_for_delivery(TOKEN, update_id, LONG).await.expect("delivered");
    let start = |index: usize| delivery["attempts"][index]["time_ms"].as_u64().expect("a time");
    assert!(start(1) - start(0) >= 1000, "{delivery}");
}

#[tokio::test]
async fn updates_wait_for_a_webhook_and_move_to_a_new_one() {
    let (stage, mut old, mut new) = (stage().await, Webhook::start([]).await, Webhook::start([]).await);
    for text in ["a", "b"] {
        stage.client.write_text(TOKEN, CUSTOMER, text).await.expect("written");
    }
    assert_eq!(stage.result("getWebhookInfo", &json!({})).await["pending_update_count"], 2);
    stage.set_webhook(&old.url).await;
    let unanswered = old.next().await;
    assert_eq!(unanswered.text(), "a");
    stage.set_webhook(&new.url).await;
    assert_eq!(new.next().await.text(), "a", "not answered at the old address");
    assert_eq!(new.next().await.text(), "b");
    drop(unanswered);
    assert!(old.is_idle());
}

#[tokio::test]
async fn pending_updates_are_dropped_on_request() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.client.write_text(TOKEN, CUSTOMER, "old").await.expect("written");
    stage.result("setWebhook", &json!({"url": webhook.url, "drop_pending_updates": true})).await;
    stage.client.write_text(TOKEN, CUSTOMER, "new").await.expect("written");
    assert_eq!(webhook.next().await.text(), "new");
}

#[tokio::test]
async fn kinds_that_are_not_allowed_are_never_delivered() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    let settings = json!({"url": webhook.url, "allowed_updates": ["message"]});
    stage.result("setWebhook", &settings).await;
    let written = stage.client.write_text(TOKEN, CUSTOMER, "a").await.expect("written");
    assert_eq!(webhook.next().await.text(), "a");
    let edit = json!({"message_id": written["message_id"], "text": "b"});
    let edited = stage.client.edit(TOKEN, CUSTOMER, &edit).await.expect("edited");
    assert_eq!(edited["queued"], false);
    stage.client.write_text(TOKEN, CUSTOMER, "c").await.expect("written");
    assert_eq!(webhook.next().await.text(), "c");
}

#[tokio::test]
async fn max_connections_bounds_what_runs_at_once() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.result("setWebhook", &json!({"url": webhook.url, "max_connections": 2})).await;
    for customer in 1..=5 {
        stage.client.write_text(TOKEN, customer, "x").await.expect("written");
    }
    let (first, second) = (webhook.next().await, webhook.next().await);
    let in_flight = |found: &serde_json::Value| {
        let states = found["deliveries"].as_array().into_iter().flatten();
        states.filter(|delivery| delivery["state"] == "in_flight").count()
    };
    assert_eq!(in_flight(&stage.control(Method::GET, "/deliveries", None).await), 2);
    first.answer(status(200));
    let third = webhook.next().await;
    assert_eq!(in_flight(&stage.control(Method::GET, "/deliveries", None).await), 2);
    drop((second, third));
}

#[tokio::test]
async fn a_method_in_the_answer_is_called() {
    let call = json!({"method": "sendMessage", "chat_id": CUSTOMER, "text": "at once"}).to_string();
    let forbidden = json!({"method": "deleteWebhook"}).to_string();
    let replies = [call, forbidden].map(|body| Reply { status: 200, retry_after: None, body });
    let (stage, mut webhook) = (stage().await, Webhook::start(replies).await);
    stage.set_webhook(&webhook.url).await;
    stage.open_chat().await;
    let sent = stage.client.wait_for_messages(TOKEN, Some(CUSTOMER), 0, 1, LONG).await.expect("sent");
    assert_eq!((&sent[0]["params"]["text"], &sent[0]["in_webhook_answer"]), (&json!("at once"), &json!(true)));
    stage.open_chat().await;
    webhook.next().await;
    webhook.next().await;
    stage.open_chat().await;
    webhook.next().await;
    assert_eq!(stage.result("getWebhookInfo", &json!({})).await["url"], webhook.url);
}

#[tokio::test]
async fn a_webhook_that_cannot_be_reached_is_tried_again() {
    let stage = stage().await;
    stage.result("setWebhook", &json!({"url": "http://127.0.0.1:1/hook"})).await;
    stage.open_chat().await;
    let tried = stage.control(Method::GET, "/deliveries?attempts=3&wait_ms=5000", None).await;
    assert_eq!(tried["deliveries"][0]["attempts"][2]["error"], "Connection refused");
    assert_eq!(tried["pending"], 1);
}

#[tokio::test]
async fn an_update_that_is_too_old_is_given_up_and_the_next_one_comes() {
    let lifetime = std::time::Duration::from_millis(100);
    let stage = stage_with(Options { update_lifetime: lifetime, ..Options::default() }).await;
    let mut webhook = Webhook::start([]).await;
    stage.set_webhook(&webhook.url).await;
    let written = stage.client.write_text(TOKEN, CUSTOMER, "poison").await.expect("written");
    let update_id = written["update_id"].as_i64().expect("an id");
    let refuse = async {
        loop {
            let arrival = webhook.next().await;
            let poison = arrival.text() == "poison";
            arrival.answer(status(if poison { 500 } else { 200 }));
            if !poison {
                break;
            }
        }
    };
    let follow = async {
        let given_up = stage.client.wait_for_delivery(TOKEN, update_id, LONG).await.expect("given up");
        assert_eq!(given_up["state"], "expired");
        stage.client.write_text(TOKEN, CUSTOMER, "next").await.expect("written");
    };
    tokio::join!(refuse, follow);
}
