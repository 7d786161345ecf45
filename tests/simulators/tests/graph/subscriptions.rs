//! What an app subscribes to.

use reqwest::Method;
use serde_json::{Value, json};
use simulators::graph::Options;

use crate::support::{ANNA, APP, FIELDS, PAGE, VERIFY, Webhook, app_token, stage, stage_with};

fn hook(url: &str) -> Value {
    json!({"object": "page", "callback_url": url, "verify_token": VERIFY, "fields": "messages,message_reads"})
}

#[tokio::test]
async fn an_apps_callback_is_verified_before_it_is_taken() {
    let (stage, webhook) = (stage().await, Webhook::start([]).await);
    let path = format!("{APP}/subscriptions");
    let with = |name: &str, value: Value| {
        let mut request = hook(&webhook.url);
        request[name] = value;
        request
    };
    let cases = [
        (with("object", json!("user")), "100"),
        (with("object", Value::Null), "100"),
        (with("callback_url", json!("nowhere")), "2201"),
        (with("callback_url", json!("http://127.0.0.1:1/hook")), "2200"),
        (with("verify_token", json!("wrong")), "2200"),
        (with("verify_token", Value::Null), "100"),
        (with("fields", json!("messages,gossip")), "100"),
    ];
    for (request, expected) in cases {
        assert_eq!(stage.refused(Method::POST, &path, &app_token(), &request).await, expected, "{request}");
    }
    assert_eq!(stage.refused(Method::POST, &path, &stage.token, &hook(&webhook.url)).await, "15");
    assert_eq!(stage.get(&path, &app_token()).await, json!({"data": []}));
    stage.post(&path, &app_token(), &hook(&webhook.url)).await;
    let listed = stage.get(&path, &app_token()).await["data"][0].clone();
    assert_eq!((&listed["callback_url"], &listed["active"]), (&json!(webhook.url), &json!(true)));
    assert_eq!(listed["fields"][1]["name"], "messages");
    stage.call(Method::DELETE, &format!("{path}?object=page"), &app_token(), &Value::Null).await;
    assert_eq!(stage.get(&path, &app_token()).await, json!({"data": []}));
}

#[tokio::test]
async fn a_page_is_subscribed_with_known_fields_listed_and_left() {
    let stage = stage().await;
    let path = format!("{PAGE}/subscribed_apps");
    assert_eq!(stage.refused(Method::POST, &path, &stage.token, &json!({})).await, "100");
    let unknown = json!({"subscribed_fields": ["messages", "gossip"]});
    assert_eq!(stage.refused(Method::POST, &path, &stage.token, &unknown).await, "100");
    let answer = stage.post(&format!("{path}?subscribed_fields={FIELDS}"), &stage.token, &Value::Null).await;
    assert_eq!(answer, json!({"success": true}));
    let listed = stage.get(&path, &stage.token).await["data"][0].clone();
    assert_eq!((&listed["id"], listed["subscribed_fields"].as_array().map(Vec::len)), (&json!(APP), Some(11)));
    // The app can leave with its own token, even when the page's died.
    stage.client.break_tokens("revoked", Some(PAGE)).await.expect("broken");
    let (status, answer) = stage.call(Method::DELETE, &path, &app_token(), &Value::Null).await;
    assert_eq!((status, answer), (200, json!({"success": true})));
    let page = stage.control(Method::GET, &format!("/pages/{PAGE}"), None).await;
    assert_eq!(page["subscriptions"], json!({}));
}

#[tokio::test]
async fn only_what_both_subscribed_to_is_delivered() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.post(&format!("{APP}/subscriptions"), &app_token(), &hook(&webhook.url)).await;
    let written = stage.client.write_text(PAGE, ANNA, "too early").await.expect("written");
    assert_eq!(written["deliveries"], json!([]));
    let fields = json!({"subscribed_fields": "messages,message_edits"});
    stage.post(&format!("{PAGE}/subscribed_apps"), &stage.token, &fields).await;
    let mid = stage.open().await;
    assert_eq!(webhook.next().await.text(), "hello");
    let edited = stage.client.edit(PAGE, ANNA, &mid, "hello!").await.expect("edited");
    let read = stage.client.read_all(PAGE, ANNA).await.expect("read");
    assert_eq!((&edited["deliveries"], &read["deliveries"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn an_app_that_only_fails_is_unsubscribed_by_option() {
    let stage = stage_with(Options { unsubscribe_after: Some(std::time::Duration::ZERO), ..Options::default() }).await;
    let webhook = Webhook::start([500; 20]).await;
    stage.subscribe(&webhook.url).await;
    let written = stage.client.write_text(PAGE, ANNA, "x").await.expect("written");
    let order = written["deliveries"][0].as_u64().expect("a delivery");
    stage.client.wait_for_delivery(order, crate::support::LONG).await.expect("given up");
    let page = stage.control(Method::GET, &format!("/pages/{PAGE}"), None).await;
    assert_eq!(page["subscriptions"], json!({}));
}
