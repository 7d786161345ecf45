//! System settings (P2, P3, C4, C9).

use lambda_http::Body;
use ports::SecretError;
use serde_json::{Value, json};

use super::{Bench, Got, queue};
use crate::system::IDENTITY_SECRET;

async fn put(bench: &Bench, token: &str, code: &str, value: Value) -> Got {
    let body = Body::Text(json!({ "value": value }).to_string());
    bench.call_as(Some(token), &format!("PUT /api/settings/{code}"), &[], body).await
}

#[tokio::test]
async fn p2_all_settings_are_listed_with_their_defaults() {
    let bench = Bench::new();
    let settings = bench.get("/api/settings").await.body["settings"].clone();
    let brief: Vec<_> = settings
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (s["code"].clone(), s["value"].clone(), s["set"].clone()))
        .collect();
    let expected = [
        ("OmniChatOperatorAcceptChatTimeout", json!(5), Value::Null),
        ("SimultaneousChats", json!(5), Value::Null),
        ("OmniChatNotificationSound", json!("default"), Value::Null),
        ("SiteUrl", json!("https://api.example.com"), Value::Null),
        ("IdentityServerUrl", Value::Null, Value::Null),
        ("IdentityServerClientId", Value::Null, Value::Null),
        ("IdentityServerClientSecret", Value::Null, json!(false)),
        ("FacebookAppId", Value::Null, Value::Null),
        ("FacebookAppSecret", Value::Null, json!(false)),
    ];
    assert_eq!(brief, expected.map(|(code, value, set)| (json!(code), value, set)));
    assert!(settings.as_array().unwrap().iter().all(|s| !s["description"].as_str().unwrap().is_empty()));
}

#[tokio::test]
async fn c4_the_site_url_fills_itself_in_and_may_be_set() {
    let bench = Bench::new();
    for (value, holds) in [
        (json!("https://chat.example.com/"), "https://chat.example.com"),
        (Value::Null, "https://api.example.com"),
        (json!(""), "https://api.example.com"),
    ] {
        assert_eq!(put(&bench, "manager", "SiteUrl", value).await.body["value"], holds);
        assert_eq!(bench.get("/api/settings/SiteUrl").await.body["value"], holds);
    }
    let got = put(&bench, "manager", "SiteUrl", json!("http://chat.example.com")).await;
    assert_eq!((got.status, got.code()), (422, "invalid_value"));
}

#[tokio::test]
async fn q8_another_common_limit_wakes_every_queue() {
    let bench = Bench::new();
    let id = bench.call("POST /api/queues", queue("Sales")).await.id();
    assert_eq!(put(&bench, "manager", "SimultaneousChats", json!(7)).await.body["value"], 7);
    assert_eq!(bench.told(), [format!("wake {id}"), format!("wake {id} in 3")]);
    for value in [json!(0), json!(51), json!("7")] {
        assert_eq!(put(&bench, "manager", "SimultaneousChats", value).await.code(), "invalid_value");
    }
    assert_eq!(put(&bench, "manager", "SimultaneousChats", json!(1.5)).await.code(), "bad_request");
    assert_eq!(bench.configuration().settings.simultaneous_chats, 7);
}

#[tokio::test]
async fn p3_the_identity_settings_need_a_right_of_their_own() {
    let bench = Bench::new();
    for (code, value) in [
        ("IdentityServerUrl", "https://id.example.com"),
        ("IdentityServerClientId", "chats"),
        ("IdentityServerClientSecret", "hush-hush"),
    ] {
        assert_eq!(put(&bench, "manager", code, json!(value)).await.code(), "right_missing");
        assert_eq!(put(&bench, "identity", code, json!(value)).await.status, 200);
    }
    assert_eq!(bench.get("/api/settings/IdentityServerUrl").await.body["value"], "https://id.example.com");
}

#[tokio::test]
async fn c9_the_identity_secret_is_kept_apart_and_never_shown() {
    let bench = Bench::new();
    let code = "IdentityServerClientSecret";
    bench.secrets.fail_next(1, &SecretError::Unavailable("down".to_owned()));
    assert_eq!(put(&bench, "identity", code, json!("hush-hush")).await.status, 503);
    assert!(!bench.configuration().settings.identity_server_client_secret_set, "what is not kept is not said to be");
    let got = put(&bench, "identity", code, json!("hush-hush")).await;
    assert_eq!((&got.body["value"], &got.body["set"]), (&Value::Null, &json!(true)));
    assert_eq!(bench.secrets.token(IDENTITY_SECRET).as_deref(), Some("hush-hush"));
    bench.holds_no_secret(&bench.store.dump());
    assert_eq!(bench.get(&format!("/api/settings/{code}")).await.body["set"], true);
    assert_eq!(put(&bench, "identity", code, Value::Null).await.body["set"], false);
    assert_eq!(bench.secrets.token(IDENTITY_SECRET), None);
    // No call about channels reaches it: its name is no channel's.
    assert_eq!(bench.call(&format!("DELETE /api/channels/{IDENTITY_SECRET}"), json!({})).await.status, 404);
    assert!(IDENTITY_SECRET.parse::<domain::ChannelId>().is_err());
}
