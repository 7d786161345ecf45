//! What the Messages API takes, refuses and shows.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use simulators::twilio::NewSender;

use crate::support::{ACCOUNT, CUSTOMER, LONG, SANDBOX, SENDER, Webhook, stage, whatsapp};

#[tokio::test]
async fn a_message_is_taken_and_can_be_looked_up() {
    let stage = stage().await;
    stage.open_window().await;
    let (from, to) = (whatsapp(SENDER), whatsapp(CUSTOMER));
    let (status, message) = stage.create(&[("From", &from), ("To", &to), ("Body", "Hello"), ("Colour", "red")]).await;
    assert_eq!((status, &message["status"], &message["direction"]), (201, &json!("queued"), &json!("outbound-api")));
    assert_eq!((&message["from"], &message["to"], &message["body"]), (&json!(from), &json!(to), &json!("Hello")));
    assert_eq!((&message["error_code"], &message["num_media"]), (&json!(null), &json!("0")));
    let sid = message["sid"].as_str().expect("a SID");
    assert!(sid.starts_with("SM") && sid.len() == 34);
    assert_eq!(message["uri"], format!("/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}.json"));
    stage.wait_for_status(sid, "delivered").await;
    let (_, found) = stage.get(message["uri"].as_str().expect("a path")).await;
    assert_eq!((&found["status"], found["date_sent"].is_string()), (&json!("delivered"), true));
    let list = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json?To=whatsapp%3A%2B15005550006&PageSize=1");
    let (_, list) = stage.get(&list).await;
    assert_eq!((&list["messages"][0]["sid"], &list["messages"][1]), (&json!(sid), &json!(null)));
    let sent = stage.client.wait_for_messages(ACCOUNT, Some(CUSTOMER), 0, 1, LONG).await.expect("sent");
    assert_eq!((&sent[0]["params"]["Body"], &sent[0]["sid"]), (&json!("Hello"), &json!(sid)));
    assert_eq!(sent[0]["unknown_fields"], json!(["Colour"]), "unknown fields are reported");
}

#[tokio::test]
async fn what_twilio_refuses_is_refused() {
    let stage = stage().await;
    stage.open_window().await;
    let (from, to) = (whatsapp(SENDER), whatsapp(CUSTOMER));
    let long = "x".repeat(1601);
    let (from, to) = (("From", from.as_str()), ("To", to.as_str()));
    let body = ("Body", "x");
    let url = ("MediaUrl", "https://a.example/b.png");
    let cases: [(u32, &[(&str, &str)]); 16] = [
        (21604, &[from, body]),
        (21603, &[to, body]),
        (21602, &[from, to]),
        (21602, &[from, to, ("Body", "")]),
        (21617, &[from, to, ("Body", &long)]),
        (21211, &[from, ("To", "whatsapp:15005550006"), body]),
        (21211, &[from, ("To", "whatsapp:+1"), body]),
        (21211, &[from, ("To", "Anna"), body]),
        (21606, &[from, ("To", CUSTOMER), body]),
        (21910, &[("From", SENDER), to, body]),
        (63007, &[("From", "whatsapp:+15559999999"), to, body]),
        (21623, &[from, to, url, url]),
        (21620, &[from, to, ("MediaUrl", "b.png")]),
        (21609, &[from, to, body, ("StatusCallback", "/status")]),
        (21655, &[from, to, ("ContentSid", "HX00000000000000000000000000000009")]),
        (21703, &[to, body, ("MessagingServiceSid", "MG00000000000000000000000000000001")]),
    ];
    for (code, pairs) in cases {
        let (status, refusal) = stage.create(pairs).await;
        assert_eq!((status, &refusal["code"], &refusal["status"]), (400, &json!(code), &json!(400)), "{pairs:?}");
        assert_eq!(refusal["more_info"], format!("https://www.twilio.com/docs/errors/{code}"));
        assert_ne!(refusal["message"], "Unknown error", "{code}");
    }
    let counters = stage.client.counters(ACCOUNT).await.expect("counters");
    assert_eq!((&counters["calls"], &counters["accepted"]), (&json!(16), &json!(0)));
    let exactly = "x".repeat(1600);
    stage.send(&exactly).await;
}

#[tokio::test]
async fn outside_the_window_only_templates_arrive() {
    let stage = stage().await;
    stage.open_window().await;
    let inside = stage.send("in time").await;
    stage.wait_for_status(&inside, "delivered").await;
    stage.client.advance(Duration::from_hours(24)).await.expect("moved");
    let outside = stage.send("too late").await;
    let failed = stage.wait_for_status(&outside, "failed").await;
    assert_eq!(failed["error_code"], 63016);

    let template = "HX00000000000000000000000000000001";
    let path = format!("/contents/{template}");
    stage.control(Method::PUT, &path, Some(json!({"body": "Your code is {{1}}"}))).await;
    let (from, to) = (whatsapp(SENDER), whatsapp(CUSTOMER));
    let pairs = [("From", from.as_str()), ("To", &to), ("ContentSid", template)];
    let with = |variables: &'static str| [pairs.as_slice(), &[("ContentVariables", variables)]].concat();
    assert_eq!(stage.create(&with("4711")).await.1["code"], 21656);
    let (_, message) = stage.create(&with(r#"{"1": "4711"}"#)).await;
    assert_eq!(message["body"], "Your code is 4711");
    stage.wait_for_status(message["sid"].as_str().expect("a SID"), "delivered").await;
    stage.open_window().await;
    let again = stage.send("again").await;
    stage.wait_for_status(&again, "delivered").await;
}

#[tokio::test]
async fn the_sandbox_reaches_its_participants_for_three_days() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    let hooks = json!({"callback_url": webhook.url});
    stage.client.set_receiver(ACCOUNT, SANDBOX, &hooks).await.expect("set");
    let (from, to) = (whatsapp(SANDBOX), whatsapp(CUSTOMER));
    let send = async || {
        let (status, message) = stage.create(&[("From", &from), ("To", &to), ("Body", "x")]).await;
        assert_eq!(status, 201);
        message["sid"].as_str().expect("a SID").to_owned()
    };
    let write = async |text: &str| {
        let order = json!({"to": SANDBOX, "body": text});
        stage.client.write(ACCOUNT, CUSTOMER, &order).await.expect("written")
    };
    let stranger = send().await;
    assert_eq!(stage.wait_for_status(&stranger, "failed").await["error_code"], 63015);
    assert!(write("hello").await["order"].is_null(), "the sandbox keeps it to itself");
    assert!(write("join wrong-word").await["order"].is_null());
    stage.client.join_sandbox(ACCOUNT, CUSTOMER).await.expect("joined");
    let joined = send().await;
    stage.wait_for_status(&joined, "delivered").await;
    write("hello again").await;
    assert_eq!(webhook.next().await.param("Body").as_deref(), Some("hello again"));
    let chat = stage.control(Method::GET, &format!("/chats/{SANDBOX}/{CUSTOMER}"), None).await;
    let texts: Vec<&str> =
        chat["messages"].as_array().into_iter().flatten().filter_map(|message| message["body"].as_str()).collect();
    assert!(texts.iter().any(|text| text.contains("not connected")), "{texts:?}");
    assert!(texts.iter().any(|text| text.contains("all set")), "{texts:?}");
    stage.client.advance(Duration::from_hours(72)).await.expect("moved");
    let late = send().await;
    assert_eq!(stage.wait_for_status(&late, "failed").await["error_code"], 63015);
}

#[tokio::test]
async fn customers_can_stop_block_or_not_be_on_whatsapp() {
    let stage = stage().await;
    let (from, to) = (whatsapp(SENDER), whatsapp(CUSTOMER));
    let pairs = [("From", from.as_str()), ("To", &to), ("Body", "x")];
    stage.client.write_text(ACCOUNT, CUSTOMER, " stop ").await.expect("written");
    let (status, refusal) = stage.create(&pairs).await;
    assert_eq!((status, &refusal["code"]), (400, &json!(21610)));
    stage.client.write_text(ACCOUNT, CUSTOMER, "START").await.expect("written");
    let sent = stage.send("x").await;
    stage.wait_for_status(&sent, "delivered").await;
    stage.client.set_blocked(ACCOUNT, CUSTOMER, true).await.expect("blocked");
    let blocked = stage.send("x").await;
    assert_eq!(stage.wait_for_status(&blocked, "failed").await["error_code"], 63014);
    assert!(stage.client.write_text(ACCOUNT, CUSTOMER, "x").await.is_err());
    stage.client.set_blocked(ACCOUNT, CUSTOMER, false).await.expect("unblocked");
    let path = format!("/customers/{CUSTOMER}");
    stage.control(Method::PUT, &path, Some(json!({"on_whatsapp": false}))).await;
    let nobody = stage.send("x").await;
    assert_eq!(stage.wait_for_status(&nobody, "failed").await["error_code"], 63024);
}

#[tokio::test]
async fn an_account_on_trial_writes_to_verified_numbers() {
    let stage = stage().await;
    stage.open_window().await;
    stage.client.set_account(ACCOUNT, &json!({"type": "Trial"})).await.expect("set");
    let (from, to) = (whatsapp(SENDER), whatsapp(CUSTOMER));
    assert_eq!(stage.create(&[("From", &from), ("To", &to), ("Body", "x")]).await.1["code"], 21608);
    stage.client.set_account(ACCOUNT, &json!({"verified": [CUSTOMER]})).await.expect("set");
    stage.send("x").await;
}

#[tokio::test]
async fn a_messaging_service_picks_its_sender() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    let service = "MG00000000000000000000000000000001";
    let number = "+15550004444";
    let sender =
        NewSender { number: number.into(), messaging_service_sid: Some(service.into()), ..NewSender::default() };
    stage.client.create_sender(ACCOUNT, &sender).await.expect("created");
    stage.client.set_receiver(ACCOUNT, number, &json!({"callback_url": webhook.url})).await.expect("set");
    stage.client.write(ACCOUNT, CUSTOMER, &json!({"to": number, "body": "x"})).await.expect("written");
    assert_eq!(webhook.next().await.param("MessagingServiceSid").as_deref(), Some(service));
    let to = whatsapp(CUSTOMER);
    let (_, message) = stage.create(&[("MessagingServiceSid", service), ("To", &to), ("Body", "x")]).await;
    assert_eq!((&message["status"], &message["from"]), (&json!("accepted"), &json!(null)));
    let sent = stage.wait_for_status(message["sid"].as_str().expect("a SID"), "delivered").await;
    assert_eq!(sent["from"], whatsapp(number));
}

#[tokio::test]
async fn typing_shows_and_reads_the_message_it_answers() {
    let stage = stage().await;
    let inbound = stage.open_window().await;
    let typing = async |pairs: &[(&str, &str)]| stage.post("/v2/Indicators/Typing.json", pairs).await;
    let chat = async || stage.control(Method::GET, &format!("/chats/{SENDER}/{CUSTOMER}"), None).await;
    assert_eq!(chat().await["messages"][0]["tick"], "lost", "there is no receiver");
    let shown = typing(&[("messageId", &inbound), ("channel", "whatsapp")]).await;
    assert_eq!(shown, (200, json!({"success": true})));
    let seen = chat().await;
    assert_eq!(seen["messages"][0]["tick"], "read");
    assert!(seen["typing_ms"].as_u64().is_some_and(|ms| ms > 20_000));
    stage.send("answer").await;
    assert_eq!(chat().await["typing_ms"], 0, "an answer ends it");
    assert_eq!(typing(&[("messageId", &inbound)]).await.1["code"], 20001);
    assert_eq!(typing(&[("messageId", "x"), ("channel", "whatsapp")]).await.1["code"], 20001);
    let unknown = "SM00000000000000000000000000000009";
    assert_eq!(typing(&[("messageId", unknown), ("channel", "whatsapp")]).await.0, 404);
}

#[tokio::test]
async fn a_limit_can_be_switched_on() {
    let stage = stage().await;
    stage.open_window().await;
    stage.control(Method::PUT, "/limits", Some(json!({"enabled": true, "sender_per_second": 2}))).await;
    let (from, to) = (whatsapp(SENDER), whatsapp(CUSTOMER));
    // Fifty at two a second take longer than any machine that is merely slow.
    for _ in 0..50 {
        let (status, body) = stage.create(&[("From", &from), ("To", &to), ("Body", "x")]).await;
        if status == 429 {
            assert_eq!(body["code"], 20429);
            return;
        }
    }
    panic!("no message was refused");
}
