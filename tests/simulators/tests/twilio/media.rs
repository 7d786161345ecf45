//! Media that customers send: behind credentials, then on a CDN that must not get them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{ACCOUNT, CUSTOMER, SENDER, Stage, TOKEN, Webhook, stage};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\x00\x01\x02";

/// The customer sends a file; returns its URL.
async fn arrive(stage: &Stage, webhook: &mut Webhook, media: Value) -> String {
    stage.receive_at(webhook).await;
    stage.client.write(ACCOUNT, CUSTOMER, &json!({"media": media, "body": "Broken box"})).await.expect("written");
    let arrival = webhook.take().await;
    assert_eq!(arrival.param("NumMedia").as_deref(), Some("1"));
    assert_eq!(arrival.param("MediaContentType0").as_deref(), Some("image/png"));
    arrival.param("MediaUrl0").expect("a URL")
}

async fn known(stage: &Stage) -> Value {
    stage.client.media(ACCOUNT).await.expect("media").remove(0)
}

#[tokio::test]
async fn the_api_redirects_to_a_cdn_that_wants_no_credentials() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    let media = json!({"content_type": "image/png", "base64": STANDARD.encode(PNG), "missing_tries": 2});
    let url = arrive(&stage, &mut webhook, media).await;
    assert!(url.starts_with(&stage.url(&format!("/2010-04-01/Accounts/{ACCOUNT}/Messages/MM"))), "{url}");
    let ask = async |url: &str, with: bool| {
        let request = stage.http.get(url);
        let request = if with { request.basic_auth(ACCOUNT, Some(TOKEN)) } else { request };
        request.send().await.expect("an answer")
    };
    assert_eq!(ask(&url, false).await.status(), 401);
    for _ in 0..2 {
        assert_eq!(ask(&url, true).await.status(), 404, "not there yet");
    }
    let redirect = ask(&url, true).await;
    assert_eq!(redirect.status(), 307);
    let place = redirect.headers()["location"].to_str().expect("ASCII").to_owned();
    let file = ask(&place, false).await;
    assert_eq!((file.status().as_u16(), file.headers()["content-type"].as_bytes()), (200, &b"image/png"[..]));
    assert_eq!(file.bytes().await.expect("bytes"), PNG);
    assert_eq!(known(&stage).await["leaked_authorization"], false);
    ask(&place, true).await;
    let media = known(&stage).await;
    assert_eq!(media["leaked_authorization"], true);
    let statuses: Vec<&Value> =
        media["fetches"].as_array().into_iter().flatten().map(|fetch| &fetch["status"]).collect();
    assert_eq!(statuses, [404, 404, 307, 200, 200]);

    let delete = stage.http.delete(&url).basic_auth(ACCOUNT, Some(TOKEN)).send().await.expect("an answer");
    assert_eq!(delete.status(), 204);
    assert_eq!((ask(&url, true).await.status().as_u16(), ask(&place, false).await.status().as_u16()), (404, 404));
}

#[tokio::test]
async fn media_are_listed_and_described() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    let url = arrive(&stage, &mut webhook, json!({"content_type": "image/png", "text": "x"})).await;
    let path = url.strip_prefix(stage.simulator.url()).expect("the simulator's").to_owned();
    let (status, info) = stage.get(&format!("{path}.json")).await;
    assert_eq!((status, &info["content_type"], &info["account_sid"]), (200, &json!("image/png"), &json!(ACCOUNT)));
    let list = path.rsplit_once('/').expect("a path").0.to_owned() + ".json";
    assert_eq!(stage.get(&list).await.1["media_list"][0]["sid"], info["sid"]);
    let wrong = path.replace("/Messages/MM", "/Messages/MMf");
    assert_eq!(stage.get(&wrong).await.0, 404, "the message must be the medium's");
}

#[tokio::test]
async fn a_document_has_its_name_as_text_and_others_have_their_kind() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.receive_at(&webhook).await;
    let kinds = [
        ("application/pdf", "document", "invoice.pdf"),
        ("audio/ogg", "audio", ""),
        ("video/mp4", "video", ""),
        ("image/webp", "sticker", ""),
        ("text/vcard", "contacts", ""),
    ];
    for (content_type, kind, body) in kinds {
        let media = json!({"content_type": content_type, "size": 10, "file_name": "invoice.pdf"});
        stage.client.write(ACCOUNT, CUSTOMER, &json!({"media": media})).await.expect("written");
        let arrival = webhook.take().await;
        assert_eq!(arrival.param("MessageType").as_deref(), Some(kind));
        assert_eq!(arrival.param("Body").as_deref(), Some(body));
    }
    let contact = json!({"contact": {"name": "Zoë", "phone": "+15005550007"}});
    stage.client.write(ACCOUNT, CUSTOMER, &contact).await.expect("written");
    assert_eq!(webhook.take().await.param("MediaContentType0").as_deref(), Some("text/vcard"));
    let wrong = json!({"media": {"content_type": "image/png"}});
    assert!(stage.client.write(ACCOUNT, CUSTOMER, &wrong).await.is_err());
    let too_large = json!({"media": {"content_type": "image/png", "size": 16 * 1024 * 1024 + 1}});
    assert!(stage.client.write(ACCOUNT, CUSTOMER, &too_large).await.is_err());
}

#[tokio::test]
async fn a_large_file_can_be_uploaded_and_is_shown_on_the_page() {
    let stage = stage().await;
    let bytes = vec![7_u8; 3 * 1024 * 1024];
    let media = json!({"content_type": "video/mp4", "base64": STANDARD.encode(&bytes)});
    stage.client.write(ACCOUNT, CUSTOMER, &json!({"media": media})).await.expect("written");
    let chat = stage.control(Method::GET, &format!("/chats/{SENDER}/{CUSTOMER}"), None).await;
    let shown = &chat["messages"][0]["media"][0];
    assert_eq!(shown["size"], bytes.len());
    let path = format!("/control/accounts/{ACCOUNT}/media/{}", shown["sid"].as_str().expect("a SID"));
    let file = stage.http.get(stage.url(&path)).send().await.expect("an answer");
    assert_eq!(file.bytes().await.expect("bytes").len(), bytes.len());
}
