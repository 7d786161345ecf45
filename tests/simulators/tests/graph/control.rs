//! What customers can be made to do, files, and the page.

use reqwest::Method;
use serde_json::{Value, json};
use simulators::graph::ClientError;

use crate::support::{ANNA, LONG, PAGE, Stage, Webhook, stage, text};

async fn begin() -> (Stage, Webhook) {
    let (stage, webhook) = (stage().await, Webhook::start([]).await);
    stage.subscribe(&webhook.url).await;
    (stage, webhook)
}

#[tokio::test]
async fn content_of_every_kind() {
    let (stage, mut webhook) = begin().await;
    let location = json!({"type": "location", "title": "Here", "url": "https://www.facebook.com/l.php?u=x",
        "payload": {"coordinates": {"lat": 55.75, "long": 37.61}}});
    let fallback = json!({"type": "fallback", "title": "Example", "url": "https://example.com/p", "payload": null});
    let sticker = json!({"type": "image", "payload": {"url": "https://example.com/like.png", "sticker_id": 369}});
    for (message, field) in [
        (json!({"attachments": [location]}), "attachments"),
        (json!({"text": "https://example.com/p", "attachments": [fallback]}), "attachments"),
        (json!({"attachments": [sticker]}), "attachments"),
        (json!({"text": "Green", "quick_reply": {"payload": "COLOR_GREEN"}}), "quick_reply"),
        (json!({"text": "yes", "reply_to": {"mid": "m_1"}}), "reply_to"),
        (json!({"is_unsupported": true}), "is_unsupported"),
    ] {
        let written = stage.client.write(PAGE, ANNA, &message).await.expect("written");
        let (_, event) = webhook.next_event().await;
        assert_eq!((&event["message"]["mid"], &event["message"][field]), (&written["mid"], &message[field]));
    }
    let early =
        json!({"text": "late", "timestamp": 1_760_000_000_000_u64, "from": {"first_name": "Anna", "last_name": "Ek"}});
    stage.client.write(PAGE, ANNA, &early).await.expect("written");
    let (_, event) = webhook.next_event().await;
    assert_eq!((&event["timestamp"], event["message"].get("from")), (&json!(1_760_000_000_000_u64), None));
    assert_eq!(stage.client.conversation(PAGE, ANNA).await.expect("a conversation")["last_name"], "Ek");
}

#[tokio::test]
async fn files_are_served_until_their_time_is_over() {
    let (stage, mut webhook) = begin().await;
    let attachments = json!([{"type": "image"}, {"type": "file", "name": "bill 1.pdf", "text": "the bill"},
        {"type": "audio", "size": 5000, "content_type": "audio/mpeg"}]);
    stage.client.write(PAGE, ANNA, &json!({"attachments": attachments})).await.expect("written");
    let (_, event) = webhook.next_event().await;
    let url =
        |index: usize| event["message"]["attachments"][index]["payload"]["url"].as_str().expect("a URL").to_owned();
    let get = async |url: &str| stage.http.get(url).send().await.expect("an answer");
    assert_eq!(get(&url(0)).await.headers()["content-type"], "image/png");
    assert!(url(1).contains("/bill_1.pdf?"), "{}", url(1));
    assert_eq!(get(&url(1)).await.text().await.expect("text"), "the bill");
    let audio = get(&url(2)).await;
    assert_eq!((audio.headers()["content-type"].as_bytes(), audio.content_length()), (&b"audio/mpeg"[..], Some(5000)));
    let plain = url(1).split('?').next().expect("a path").to_owned();
    assert_eq!(get(&plain).await.status(), 403, "unsigned");
    assert_eq!(get(&format!("{}/cdn/1/x?oe=1", stage.simulator.url())).await.status(), 404);

    let id = plain.rsplit('/').nth(1).expect("an id").to_owned();
    stage.client.order_file(&id, &json!({"redirect_to": "http://169.254.169.254/latest"})).await.expect("ordered");
    let redirected = get(&url(1)).await;
    assert_eq!(
        (redirected.status().as_u16(), redirected.headers()["location"].as_bytes()),
        (302, &b"http://169.254.169.254/latest"[..])
    );
    stage.client.order_file(&id, &json!({"expired": true})).await.expect("ordered");
    let expired = get(&url(1)).await;
    assert_eq!(
        (expired.status().as_u16(), expired.text().await.expect("text")),
        (403, "URL signature expired".to_owned())
    );
    stage.client.order_file(&id, &json!({"content_type": "text/html"})).await.expect("ordered");
    assert_eq!(get(&url(1)).await.headers()["content-type"], "text/html");
    assert_eq!(stage.client.counters().await.expect("counters")["downloads"], 7);
}

#[tokio::test]
async fn edits_reactions_buttons_and_arrivals_become_events() {
    let (stage, mut webhook) = begin().await;
    let mid = stage.open().await;
    webhook.next_event().await;
    stage.client.edit(PAGE, ANNA, &mid, "hello!").await.expect("edited");
    let (_, event) = webhook.next_event().await;
    assert_eq!(event["message_edit"], json!({"mid": mid, "text": "hello!", "num_edit": 1}));
    let act = async |what: &str, body: Value| {
        stage.control(Method::POST, &format!("/pages/{PAGE}/customers/{ANNA}/{what}"), Some(body)).await
    };
    stage.client.react(PAGE, ANNA, &mid, Some("love")).await.expect("done");
    let (_, event) = webhook.next_event().await;
    assert_eq!(event["reaction"], json!({"reaction": "love", "emoji": "❤", "action": "react", "mid": mid}));
    stage.client.react(PAGE, ANNA, &mid, None).await.expect("done");
    assert_eq!(webhook.next_event().await.1["reaction"], json!({"action": "unreact", "mid": mid}));
    stage.client.press(PAGE, ANNA, "Get started", "GET_STARTED").await.expect("done");
    assert_eq!(webhook.next_event().await.1["postback"]["payload"], "GET_STARTED");
    act("referrals", json!({"ref": "promo1", "source": "SHORTLINK", "type": "OPEN_THREAD"})).await;
    assert_eq!(webhook.next_event().await.1["referral"]["ref"], "promo1");
    act("optins", json!({"ref": "plugin"})).await;
    assert_eq!(webhook.next_event().await.1["optin"], json!({"ref": "plugin"}));
    for _ in 1..5 {
        stage.client.edit(PAGE, ANNA, &mid, "again").await.expect("edited");
        webhook.next_event().await;
    }
    let sixth = stage.client.edit(PAGE, ANNA, &mid, "again").await;
    assert!(matches!(sixth, Err(ClientError::Refused { status: 409, .. })), "{sixth:?}");
}

#[tokio::test]
async fn waiting_ends_with_the_event() {
    let stage = stage().await;
    stage.open().await;
    let waiting = stage.client.wait_for_sent(Some(ANNA), 0, 2, LONG);
    let sending = async {
        for word in ["a", "b"] {
            stage.send(&text(word)).await;
        }
    };
    let (sent, ()) = tokio::join!(waiting, sending);
    let texts: Vec<Value> = sent.expect("sent").iter().map(|call| call["params"]["message"]["text"].clone()).collect();
    assert_eq!(texts, [json!("a"), json!("b")]);
    let in_vain = stage.client.wait_for_sent(None, 2, 1, std::time::Duration::from_millis(10)).await;
    assert!(matches!(in_vain, Err(ClientError::TimedOut { .. })));
}

#[tokio::test]
async fn the_page_follows_a_conversation() {
    let (stage, mut webhook) = begin().await;
    let page = stage.http.get(stage.simulator.url()).send().await.expect("the page").text().await.expect("HTML");
    assert!(page.starts_with("<!doctype html>") && !page.contains("src=\""), "one file, nothing else is loaded");
    let chat = format!("/pages/{PAGE}/customers/{ANNA}");
    let empty = stage.control(Method::GET, &chat, None).await;
    assert_eq!((&empty["version"], &empty["messages"]), (&json!(0), &json!([])));
    stage.open().await;
    let arrival = webhook.next().await;
    let seen = stage.control(Method::GET, &format!("{chat}?version=0&wait_ms=5000"), None).await;
    assert_eq!((&seen["messages"][0]["text"], &seen["messages"][0]["tick"]), (&json!("hello"), &json!("pending")));
    let next = format!("{chat}?version={}&wait_ms=5000", seen["version"]);
    arrival.answer(200);
    let seen = stage.control(Method::GET, &next, None).await;
    assert_eq!(seen["messages"][0]["tick"], "delivered");
    let next = format!("{chat}?version={}&wait_ms=5000", seen["version"]);
    stage.send(&text("welcome")).await;
    let seen = stage.control(Method::GET, &next, None).await;
    assert_eq!((&seen["messages"][1]["text"], &seen["messages"][1]["from_page"]), (&json!("welcome"), &json!(true)));
}

#[tokio::test]
async fn what_does_not_exist_is_told() {
    let stage = stage().await;
    let customer = |psid: &str, what: &str| format!("/pages/{PAGE}/customers/{psid}/{what}");
    let cases = [
        (Method::GET, "/pages/1".to_owned(), None, 404),
        (Method::POST, "/pages/1/customers/2/messages".to_owned(), Some(json!({"text": "x"})), 404),
        (Method::POST, customer("anna", "messages"), Some(json!({"text": "x"})), 400),
        (Method::POST, customer("9", "messages?copies=0"), Some(json!({})), 400),
        (
            Method::POST,
            customer("9", "messages"),
            Some(json!({"attachments": [{"type": "image", "file_id": "1"}]})),
            404,
        ),
        (Method::POST, customer("9", "edits"), Some(json!({"mid": "m_1", "text": "x"})), 404),
        (Method::POST, customer("9", "block"), None, 404),
        (Method::POST, customer("9", "replies"), Some(json!({"text": "x"})), 404),
        (Method::POST, format!("/pages/{PAGE}/events"), Some(json!({"event": {}})), 409),
        (Method::POST, "/deliveries/7/copies".to_owned(), Some(json!({"count": 1})), 404),
        (Method::GET, "/sent?aftre=1".to_owned(), None, 400),
        (Method::POST, "/pages".to_owned(), Some(json!({"id": "page"})), 409),
        (Method::POST, "/pages".to_owned(), Some(json!({"id": PAGE})), 409),
    ];
    for (method, path, body, expected) in cases {
        let answer = stage.client.ask(method, &path, body.as_ref()).await;
        assert!(matches!(answer, Err(ClientError::Refused { status, .. }) if status == expected), "{path}: {answer:?}");
    }
}
