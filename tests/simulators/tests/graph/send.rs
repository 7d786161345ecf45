//! The Send API, profiles and attachments.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::support::{ANNA, APP, LONG, PAGE, SECRET, Stage, Webhook, any_port, stage, stage_with, text};

#[tokio::test]
async fn a_message_is_sent_and_recorded() {
    let stage = stage().await;
    stage.open().await;
    let (status, answer) = stage.send(&text("welcome")).await;
    assert_eq!((status, &answer["recipient_id"]), (200, &json!(ANNA)));
    let mid = answer["message_id"].as_str().expect("an id");
    assert!(mid.starts_with("m_"), "{mid}");
    let sent = stage.client.wait_for_sent(Some(ANNA), 0, 1, LONG).await.expect("sent");
    let call = &sent[0];
    assert_eq!(
        (&call["version"], &call["endpoint"], &call["page_id"]),
        (&json!("v25.0"), &json!("messages"), &json!(PAGE))
    );
    assert_eq!((&call["app_id"], &call["message_id"]), (&json!(APP), &json!(mid)));
    assert_eq!(call["params"]["message"]["text"], "welcome");
    assert!(!call.to_string().contains(&stage.token), "tokens are not recorded");
    // `me` is the token's page; a form carries JSON as text; any version counts, and none.
    for path in ["v19.0/me/messages", "me/messages"] {
        let form = "recipient=%7B%22id%22%3A%222000000000000001%22%7D&messaging_type=RESPONSE&message=%7B%22text%22%3A%22x%22%7D";
        let url = format!("{}/{path}?access_token={}", stage.simulator.url(), stage.token);
        let request = stage.http.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        assert_eq!(request.send().await.expect("an answer").status(), 200);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told() {
    let stage = stage().await;
    stage.open().await;
    let with = |name: &str, value: Value| {
        let mut request = text("x");
        request[name] = value;
        request
    };
    let message = |message: Value| with("message", message);
    let attach = |attachment: Value| message(json!({"attachment": attachment}));
    let cases = [
        (json!({"messaging_type": "RESPONSE", "message": {"text": "x"}}), "100"),
        (with("recipient", json!({})), "100"),
        (with("recipient", json!({"id": 5})), "100"),
        (with("recipient", json!({"id": "999"})), "100/2018001"),
        (json!({"recipient": {"id": ANNA}, "message": {"text": "x"}}), "100"),
        (with("messaging_type", json!("SHOUT")), "100"),
        (with("messaging_type", json!("MESSAGE_TAG")), "100"),
        (json!({"recipient": {"id": ANNA}, "messaging_type": "RESPONSE"}), "100"),
        (message(json!("x")), "100"),
        (message(json!({})), "100"),
        (message(json!({"text": ""})), "100"),
        (message(json!({"text": " \n"})), "100"),
        (message(json!({"text": 5})), "100"),
        (message(json!({"text": "x".repeat(2001)})), "100"),
        (message(json!({"text": "x", "txet": "x"})), "100"),
        (message(json!({"text": "x", "metadata": {}})), "100"),
        (message(json!({"text": "x", "metadata": "x".repeat(1001)})), "100"),
        (message(json!({"text": "x", "quick_replies": [{"content_type": "text"}]})), "100"),
        (attach(json!({"type": "gif", "payload": {"url": "https://example.com/a.gif"}})), "100"),
        (attach(json!({"type": "image"})), "100"),
        (attach(json!({"type": "image", "payload": {"url": "ftp://example.com/a"}})), "100"),
        (attach(json!({"type": "image", "payload": {"attachment_id": "5"}})), "100"),
        (attach(json!({"type": "image", "payload": {"url": "http://127.0.0.1:1/a.png"}})), "100/2018008"),
        (with("sender_action", json!("typing_on")), "100/2018014"),
        (json!({"recipient": {"id": ANNA}, "sender_action": "dance"}), "100"),
        (with("reply_to", json!({"mid": "m_of_nowhere"})), "100"),
    ];
    for (request, expected) in cases {
        let refused = stage.refused(Method::POST, &format!("{PAGE}/messages"), &stage.token, &request).await;
        assert_eq!(refused, expected, "{request}");
    }
    assert_eq!(stage.send(&message(json!({"text": "ä".repeat(2000)}))).await.0, 200);
}

#[tokio::test]
async fn tokens_are_checked() {
    let stage = stage().await;
    stage.open().await;
    let path = format!("{PAGE}/messages");
    let user = stage.client.make_token(APP, None).await.expect("a token");
    let other = &stage.bot_page_token;
    assert_eq!(stage.refused(Method::POST, &path, "", &text("x")).await, "104");
    assert_eq!(stage.refused(Method::POST, &path, "nonsense", &text("x")).await, "190");
    assert_eq!(stage.refused(Method::POST, &path, &user, &text("x")).await, "190/2069032");
    assert_eq!(stage.refused(Method::POST, &path, other, &text("x")).await, "100/33");
    assert_eq!(stage.refused(Method::POST, "nowhere/at/all", &stage.token, &text("x")).await, "2500");
    let order = json!({"app_id": APP, "page_id": PAGE, "scopes": ["pages_show_list"]});
    let weak = stage.control(Method::POST, "/tokens", Some(order)).await["access_token"].clone();
    assert_eq!(stage.refused(Method::POST, &path, weak.as_str().expect("a token"), &text("x")).await, "200");
    for (how, expected) in [("expired", "190/463"), ("revoked", "190/460"), ("deauthorised", "190/458")] {
        stage.client.break_tokens(how, Some(PAGE)).await.expect("broken");
        assert_eq!(stage.refused(Method::POST, &path, &stage.token, &text("x")).await, expected);
    }
}

#[tokio::test]
async fn the_proof_is_checked_when_it_comes_and_needed_when_the_app_says_so() {
    use hmac::{Hmac, KeyInit, Mac};
    let stage = stage().await;
    stage.open().await;
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(stage.token.as_bytes());
    let right = hex::encode(mac.finalize().into_bytes());
    let path = |proof: &str| format!("{PAGE}/messages?appsecret_proof={proof}");
    stage.post(&path(&right), &stage.token, &text("x")).await;
    assert_eq!(stage.refused(Method::POST, &path("00"), &stage.token, &text("x")).await, "100");
    stage.control(Method::PUT, &format!("/apps/{APP}"), Some(json!({"require_proof": true}))).await;
    let (status, body) = stage.send(&text("x")).await;
    assert_eq!((status, &body["error"]["type"]), (400, &json!("GraphMethodException")));
    assert_eq!(body["error"]["message"], "API calls from the server require an appsecret_proof argument");
    stage.post(&path(&right), &stage.token, &text("x")).await;
}

#[tokio::test]
async fn the_window_closes_after_a_day_and_for_people_after_a_week() {
    let stage = stage().await;
    stage.open().await;
    let mut human = text("x");
    human["messaging_type"] = json!("MESSAGE_TAG");
    human["tag"] = json!("HUMAN_AGENT");
    let path = format!("{PAGE}/messages");
    let refused = async |request: &Value| stage.refused(Method::POST, &path, &stage.token, request).await;
    let hours = async |hours: u64| {
        stage.client.shift_window(PAGE, ANNA, Duration::from_secs(hours * 3600)).await.expect("shifted");
    };
    assert_eq!(refused(&human).await, "200", "the app may not");
    stage.control(Method::PUT, &format!("/apps/{APP}"), Some(json!({"human_agent": true}))).await;
    hours(23).await;
    assert_eq!(stage.send(&text("x")).await.0, 200);
    hours(25).await;
    assert_eq!(refused(&text("x")).await, "10/2018278");
    assert_eq!(stage.send(&human).await.0, 200);
    hours(8 * 24).await;
    assert_eq!(refused(&human).await, "10/2018278");
    human["tag"] = json!("ACCOUNT_UPDATE");
    assert_eq!(refused(&human).await, "100", "retired");
    stage.open().await;
    stage.client.set_blocked(PAGE, ANNA, true).await.expect("blocked");
    assert_eq!(refused(&text("x")).await, "551/1545041");
}

#[tokio::test]
async fn actions_show_in_the_conversation() {
    let stage = stage().await;
    stage.open().await;
    for action in ["typing_on", "mark_seen"] {
        let (status, answer) = stage.send(&json!({"recipient": {"id": ANNA}, "sender_action": action})).await;
        assert_eq!((status, answer), (200, json!({"recipient_id": ANNA})));
    }
    let seen = stage.client.conversation(PAGE, ANNA).await.expect("a conversation");
    assert!(seen["typing_ms"].as_u64().is_some_and(|ms| ms > 0) && seen["seen_ms"].as_u64() > Some(0), "{seen}");
    stage.send(&text("x")).await;
    let seen = stage.client.conversation(PAGE, ANNA).await.expect("a conversation");
    assert_eq!(seen["typing_ms"], 0);
}

#[tokio::test]
async fn profiles_are_told_to_the_page_that_was_written_to() {
    let stage = stage().await;
    stage.open().await;
    let profile = json!({"first_name": "Anna", "last_name": "Ek", "profile_pic": "https://example.com/anna.jpg"});
    stage.control(Method::PUT, &format!("/pages/{PAGE}/customers/{ANNA}"), Some(profile)).await;
    let told = stage.get(&format!("{ANNA}?fields=first_name,last_name,profile_pic,name"), &stage.token).await;
    let expected = json!({"id": ANNA, "first_name": "Anna", "last_name": "Ek", "name": "Anna Ek",
        "profile_pic": "https://example.com/anna.jpg"});
    assert_eq!(told, expected);
    assert_eq!(stage.refused(Method::GET, ANNA, &stage.bot_page_token, &Value::Null).await, "100/33");
    let unknown_field = format!("{ANNA}?fields=shoe_size");
    assert_eq!(stage.refused(Method::GET, &unknown_field, &stage.token, &Value::Null).await, "100");
    let order = json!({"kind": "profile_unavailable", "code": 100, "subcode": 2_018_218});
    stage.client.order_faults(&json!([{"kind": "profile_unavailable"}, order])).await.expect("ordered");
    assert_eq!(stage.refused(Method::GET, ANNA, &stage.token, &Value::Null).await, "100/33");
    assert_eq!(stage.refused(Method::GET, ANNA, &stage.token, &Value::Null).await, "100/2018218");
    stage.get(ANNA, &stage.token).await;
}

/// A file on the simulator's own CDN, as a stand-in for the product's. Returns its id and URL.
async fn file(stage: &Stage, name: &str, content_type: &str, size: usize) -> (String, String) {
    let url = format!("{}/control/files?name={name}", stage.simulator.url());
    let request = stage.http.post(url).header(CONTENT_TYPE, content_type).body(vec![7; size]);
    let made: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    (text("id"), text("url"))
}

fn attachment(kind: &str, payload: &Value) -> Value {
    let message = json!({"attachment": {"type": kind, "payload": payload}});
    json!({"recipient": {"id": ANNA}, "messaging_type": "RESPONSE", "message": message})
}

#[tokio::test]
async fn an_attachment_is_fetched_kept_and_sent_again() {
    let stage = stage().await;
    stage.open().await;
    let (id, url) = file(&stage, "cat.png", "image/png", 1000).await;
    let (status, answer) = stage.send(&attachment("image", &json!({"url": url, "is_reusable": true}))).await;
    assert_eq!(status, 200, "{answer}");
    let files = stage.control(Method::GET, "/files", None).await;
    let known = files["files"].as_array().into_iter().flatten().find(|file| file["id"] == id.as_str()).cloned();
    assert_eq!(known.expect("the file")["downloads"], 1);
    let again = attachment("image", &json!({"attachment_id": answer["attachment_id"]}));
    assert_eq!(stage.send(&again).await.0, 200);
    let seen = stage.client.conversation(PAGE, ANNA).await.expect("a conversation");
    let shown = seen["messages"][2]["attachments"][0]["payload"]["url"].as_str().expect("a URL").to_owned();
    let response = stage.http.get(&shown).send().await.expect("an answer");
    assert_eq!(response.headers()[CONTENT_TYPE], "image/png");
    assert_eq!(response.bytes().await.expect("bytes").len(), 1000);
    let as_video = attachment("video", &json!({"attachment_id": answer["attachment_id"]}));
    assert_eq!(stage.send(&as_video).await.0, 400, "the kind must be the same");
}

#[tokio::test]
async fn attachments_that_cannot_be_fetched_or_are_wrong() {
    let stage = stage().await;
    stage.open().await;
    let big = 8 * 1024 * 1024 + 1;
    let (gone, gone_url) = file(&stage, "a.png", "image/png", 10).await;
    stage.client.order_file(&gone, &json!({"status": 404})).await.expect("ordered");
    let cases = [
        ("image", gone_url, "100/2018008"),
        ("image", file(&stage, "a.pdf", "application/pdf", 10).await.1, "100/2018047"),
        ("image", file(&stage, "big.png", "image/png", big).await.1, "100/2018109"),
        ("file", file(&stage, "big.bin", "application/zip", 25 * 1024 * 1024 + 1).await.1, "100/2018109"),
    ];
    for (kind, url, expected) in cases {
        let request = attachment(kind, &json!({"url": url}));
        let refused = stage.refused(Method::POST, &format!("{PAGE}/messages"), &stage.token, &request).await;
        assert_eq!(refused, expected, "{url}");
    }
    let (_, url) = file(&stage, "big.bin", "application/zip", big).await;
    assert_eq!(stage.send(&attachment("file", &json!({"url": url}))).await.0, 200);
}

#[tokio::test]
async fn a_fetch_that_takes_too_long_fails() {
    let options = simulators::graph::Options { fetch_timeout: Duration::from_millis(50), ..Default::default() };
    let stage = stage_with(options).await;
    stage.open().await;
    // Accepts connections and never answers.
    let silent = tokio::net::TcpListener::bind(any_port()).await.expect("a free port");
    let url = format!("http://{}/a", silent.local_addr().expect("bound"));
    for (kind, expected) in [("image", "100/2018008"), ("video", "100/2018294")] {
        let request = attachment(kind, &json!({"url": url}));
        let refused = stage.refused(Method::POST, &format!("{PAGE}/messages"), &stage.token, &request).await;
        assert_eq!(refused, expected);
    }
}

#[tokio::test]
async fn a_file_can_come_with_the_request() {
    let stage = stage().await;
    stage.open().await;
    let form = |kind: &str, content_type: &str| {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"recipient\"\r\n\r\n{{\"id\":\"{ANNA}\"}}\r\n\
             --b\r\nContent-Disposition: form-data; name=\"messaging_type\"\r\n\r\nRESPONSE\r\n\
             --b\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\n\
             {{\"attachment\":{{\"type\":\"{kind}\",\"payload\":{{\"is_reusable\":true}}}}}}\r\n\
             --b\r\nContent-Disposition: form-data; name=\"filedata\"; filename=\"a.pdf\"\r\n\
             Content-Type: {content_type}\r\n\r\nthe content\r\n--b--\r\n"
        )
    };
    for (path, kind, content_type, status) in [
        ("messages", "file", "application/pdf", 200),
        ("message_attachments", "file", "application/pdf", 200),
        ("messages", "image", "application/pdf", 400),
    ] {
        let url = format!("{}/v25.0/{PAGE}/{path}", stage.simulator.url());
        let request = stage.http.post(url).bearer_auth(&stage.token);
        let request = request.header(CONTENT_TYPE, "multipart/form-data; boundary=b").body(form(kind, content_type));
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), status);
        let answer: Value = response.json().await.expect("JSON");
        assert_eq!(answer["attachment_id"].is_string(), status == 200, "{answer}");
    }
    let seen = stage.client.conversation(PAGE, ANNA).await.expect("a conversation");
    let url = seen["messages"][1]["attachments"][0]["payload"]["url"].as_str().expect("a URL").to_owned();
    let content = stage.http.get(url).send().await.expect("an answer").text().await.expect("text");
    assert_eq!(content, "the content");
}

#[tokio::test]
async fn an_echo_carries_app_and_metadata_and_delivery_and_reading_follow() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.subscribe(&webhook.url).await;
    stage.open().await;
    assert_eq!(webhook.next().await.text(), "hello");
    let mut request = text("hi");
    request["message"]["metadata"] = json!("out:7f3c");
    let mid = stage.send(&request).await.1["message_id"].clone();
    let (channel, echo) = webhook.next_event().await;
    assert_eq!((channel, &echo["sender"]["id"], &echo["recipient"]["id"]), ("messaging", &json!(PAGE), &json!(ANNA)));
    let message =
        json!({"mid": mid, "text": "hi", "is_echo": true, "app_id": 300_000_000_000_001_u64, "metadata": "out:7f3c"});
    assert_eq!(echo["message"], message);
    let (_, delivery) = webhook.next_event().await;
    assert_eq!(delivery["delivery"], json!({"mids": [mid], "watermark": echo["timestamp"]}));
    assert!(delivery.get("timestamp").is_none());
    stage.client.read_all(PAGE, ANNA).await.expect("read");
    let (_, read) = webhook.next_event().await;
    assert!(read["read"]["watermark"].as_u64() >= echo["timestamp"].as_u64(), "{read}");
    let seen = stage.client.conversation(PAGE, ANNA).await.expect("a conversation");
    assert_eq!((&seen["messages"][0]["tick"], &seen["messages"][1]["tick"]), (&json!("delivered"), &json!("read")));
}

#[tokio::test]
async fn an_echo_can_come_before_the_answer() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.subscribe(&webhook.url).await;
    stage.open().await;
    drop(webhook.next().await);
    stage.client.set_behaviour(PAGE, &json!({"echo": "before", "deliver": false})).await.expect("set");
    let request = text("hi");
    let sending = stage.send(&request);
    tokio::pin!(sending);
    let arrival = tokio::select! {
        answer = &mut sending => panic!("answered before the echo was: {answer:?}"),
        arrival = webhook.next() => arrival,
    };
    assert_eq!(arrival.event().1["message"]["is_echo"], true);
    arrival.answer(200);
    assert_eq!(sending.await.0, 200);
    stage.client.set_behaviour(PAGE, &json!({"echo": "never", "deliver": false})).await.expect("set");
    stage.send(&request).await;
    stage.open().await;
    assert_eq!(webhook.next().await.text(), "hello", "no echo");
}
