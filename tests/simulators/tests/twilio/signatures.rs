//! The signature, against the vectors of Twilio's own libraries, and as it arrives.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use simulators::twilio::signature::{Port, body_sha256, sign, signed_url};

use crate::support::{ACCOUNT, CUSTOMER, SENDER, TOKEN, Webhook, stage};

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    key: String,
    url: String,
    params: Option<Vec<(String, String)>>,
    body: Option<String>,
    expected_signature: String,
    should_accept: bool,
    signed_string: Option<String>,
}

#[test]
fn every_vector_is_signed_as_twilio_signs_it() {
    let text = include_str!("../../../fixtures/twilio/signatures.json");
    let Vectors { vectors } = serde_json::from_str(text).expect("vectors");
    assert_eq!(vectors.len(), 23);
    for vector in vectors {
        let params = vector.params.unwrap_or_default();
        let hash_fits = vector
            .body
            .as_ref()
            .is_none_or(|body| vector.url.contains(&format!("bodySHA256={}", body_sha256(body.as_bytes()))));
        let urls = [Port::AsIs, Port::Stripped, Port::Added].map(|port| signed_url(&vector.url, port));
        let signed = urls.iter().find(|url| sign(&vector.key, url, &params) == vector.expected_signature);
        assert_eq!(signed.is_some() && hash_fits, vector.should_accept, "{}", vector.id);
        if let (Some(url), Some(text)) = (signed, vector.signed_string) {
            assert!(text.starts_with(url.as_str()), "{}: {url}", vector.id);
        }
    }
}

#[tokio::test]
async fn the_configured_url_is_signed_and_its_fragment_is_not_sent() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    let url = format!("{}//deep?x=a%2Fb&y", webhook.url);
    let hooks = json!({"callback_url": format!("{url}#rc=2&rp=all")});
    stage.client.set_receiver(ACCOUNT, SENDER, &hooks).await.expect("set");
    stage.client.write_text(ACCOUNT, CUSTOMER, "Zoë 🦄 + & = %").await.expect("written");
    let arrival = webhook.next().await;
    assert_eq!(arrival.uri.to_string(), "/hook//deep?x=a%2Fb&y");
    assert!(arrival.is_signed_for(&url));
    assert_eq!(arrival.param("Body").as_deref(), Some("Zoë 🦄 + & = %"));
    assert!(arrival.header("content-type").expect("a type").starts_with("application/x-www-form-urlencoded"));
    assert_eq!(arrival.header("i-twilio-idempotency-token").map(str::len), Some(32));
}

#[tokio::test]
async fn the_signature_can_leave_the_port_out_be_wrong_or_be_missing() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.receive_at(&webhook).await;
    stage.control(Method::PUT, "/signing", Some(json!({"port": "stripped"}))).await;
    stage.open_window().await;
    let arrival = webhook.next().await;
    assert!(arrival.is_signed_for(&signed_url(&webhook.url, Port::Stripped)) && !arrival.is_signed_for(&webhook.url));
    drop(arrival);
    stage.control(Method::PUT, "/signing", Some(json!({"signature": "wrong"}))).await;
    stage.open_window().await;
    let arrival = webhook.next().await;
    assert!(arrival.header("x-twilio-signature").is_some() && !arrival.is_signed_for(&webhook.url));
    drop(arrival);
    stage.control(Method::PUT, "/signing", Some(json!({"signature": "missing"}))).await;
    stage.open_window().await;
    assert_eq!(webhook.next().await.header("x-twilio-signature"), None);
    // One webhook of the test's own overrules the account's setting.
    let own = json!({"form": "Body=a%00b&To=whatsapp%3A%2B15550001111&x=2&x=1&x=2", "signature": "right"});
    stage.client.inject(ACCOUNT, &own).await.expect("injected");
    let arrival = webhook.next().await;
    assert_eq!(arrival.body, own["form"].as_str().expect("a text"), "byte by byte");
    assert!(arrival.is_signed_for(&webhook.url));
}

#[tokio::test]
async fn a_json_body_is_hashed_into_the_url() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.receive_at(&webhook).await;
    stage.control(Method::PUT, "/signing", Some(json!({"json": true}))).await;
    stage.open_window().await;
    let arrival = webhook.next().await;
    let query = format!("bodySHA256={}", body_sha256(&arrival.body));
    assert_eq!(arrival.uri.query(), Some(query.as_str()));
    assert_eq!(arrival.header("content-type"), Some("application/json"));
    let url = format!("{}?{query}", webhook.url);
    assert_eq!(arrival.header("x-twilio-signature"), Some(sign(TOKEN, &url, &[]).as_str()));
    let body: serde_json::Value = serde_json::from_slice(&arrival.body).expect("JSON");
    assert_eq!((&body["Body"], &body["From"]), (&json!("hello"), &json!(format!("whatsapp:{CUSTOMER}"))));
}
