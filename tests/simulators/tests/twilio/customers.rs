//! What a test can make customers do, held to the stored samples' fields.

use serde_json::{Value, json};

use crate::support::{ACCOUNT, CUSTOMER, SENDER, Stage, Webhook, stage, whatsapp};

async fn ready() -> (Stage, Webhook) {
    let (stage, webhook) = (stage().await, Webhook::start([]).await);
    stage.receive_at(&webhook).await;
    (stage, webhook)
}

/// The customer writes; returns what arrives, as an object.
async fn arrive(stage: &Stage, webhook: &mut Webhook, who: &str, message: Value) -> Value {
    stage.client.write(ACCOUNT, who, &message).await.expect("written");
    let arrival = webhook.take().await;
    assert!(arrival.is_signed_for(&webhook.url));
    let pairs = arrival.pairs().into_iter().map(|(name, value)| (name, Value::String(value)));
    Value::Object(pairs.collect())
}

#[tokio::test]
async fn a_text_has_the_fields_of_twilios_webhook() {
    let (stage, mut webhook) = ready().await;
    let message = json!({"body": "  hi there \n", "profile_name": "Zoë 🦄 & Co"});
    let text = arrive(&stage, &mut webhook, CUSTOMER, message).await;
    let sid = text["MessageSid"].as_str().expect("a SID").to_owned();
    let metadata = r#"{"data":{"context":{"ProfileName":"Zoë 🦄 & Co","WaId":"15005550006"}},"type":"whatsapp"}"#;
    let expected = json!({
        "SmsMessageSid": sid, "SmsSid": sid, "MessageSid": sid, "NumMedia": "0", "ProfileName": "Zoë 🦄 & Co",
        "MessageType": "text", "WaId": "15005550006", "SmsStatus": "received", "Body": "  hi there \n",
        "To": whatsapp(SENDER), "NumSegments": "1", "ReferralNumMedia": "0", "AccountSid": ACCOUNT,
        "ChannelMetadata": metadata, "From": whatsapp(CUSTOMER), "ApiVersion": "2010-04-01",
    });
    assert_eq!(text, expected);
    let next = arrive(&stage, &mut webhook, "15005550006", json!({"body": "x"})).await;
    assert_eq!(next["ProfileName"], "Zoë 🦄 & Co", "names are kept");
}

#[tokio::test]
async fn every_kind_of_content_has_its_fields() {
    let (stage, mut webhook) = ready().await;
    let ours = stage.send("question").await;
    webhook.statuses(2).await;
    let cases = [
        (
            json!({"location": {"latitude": 55.751_244, "longitude": 37.618_423, "address": "1 Test St", "label": "Cafe"}}),
            json!({"MessageType": "location", "Latitude": "55.751244", "Longitude": "37.618423", "Address": "1 Test St", "Label": "Cafe"}),
        ),
        (
            json!({"button": {"text": "Yes", "payload": "yes:1"}}),
            json!({"MessageType": "button", "Body": "Yes", "ButtonText": "Yes", "ButtonPayload": "yes:1"}),
        ),
        (
            json!({"list": {"id": "opt_a", "title": "Option A"}}),
            json!({"MessageType": "interactive", "Body": "Option A", "ListId": "opt_a", "ListTitle": "Option A"}),
        ),
        (
            json!({"body": "that one", "reply_to": ours}),
            json!({"OriginalRepliedMessageSid": ours, "OriginalRepliedMessageSender": whatsapp(SENDER)}),
        ),
        (
            json!({"body": "x", "referral": {"SourceType": "ad", "CtwaClid": "AR1"}, "forwarded": true, "frequently_forwarded": false}),
            json!({"ReferralSourceType": "ad", "ReferralCtwaClid": "AR1", "Forwarded": "true", "FrequentlyForwarded": "false"}),
        ),
        (json!({"body": "start"}), json!({"OptOutType": "START", "Body": "start"})),
        (
            json!({"body": "x", "fields": {"MessageType": "order", "NewField": "1"}}),
            json!({"MessageType": "order", "NewField": "1"}),
        ),
    ];
    for (message, expected) in cases {
        let form = arrive(&stage, &mut webhook, CUSTOMER, message.clone()).await;
        for (name, value) in expected.as_object().expect("an object") {
            assert_eq!(&form[name], value, "{message}");
        }
    }
    let form = arrive(&stage, &mut webhook, CUSTOMER, json!({"body": "x", "fields": {"ProfileName": null}})).await;
    assert!(form.get("ProfileName").is_none());
}

#[tokio::test]
async fn a_customer_without_a_number_can_be_answered() {
    let (stage, mut webhook) = ready().await;
    let form = arrive(&stage, &mut webhook, "US.13491208655302741918", json!({"body": "hi"})).await;
    assert_eq!(form["From"], "whatsapp:US.13491208655302741918");
    assert_eq!(form["ExternalUserId"], "US.13491208655302741918");
    assert!(form.get("WaId").is_none() && !form["ChannelMetadata"].as_str().expect("a text").contains("WaId"));
    let (from, to) = (whatsapp(SENDER), "whatsapp:US.13491208655302741918");
    let (status, message) = stage.create(&[("From", &from), ("To", to), ("Body", "hello")]).await;
    assert_eq!(status, 201);
    assert_eq!(webhook.statuses(3).await, ["queued", "sent", "delivered"]);
    stage.wait_for_status(message["sid"].as_str().expect("a SID"), "delivered").await;
}

#[tokio::test]
async fn a_webhook_of_ones_own_is_signed_and_delivered() {
    let (stage, mut webhook) = ready().await;
    let sms = json!({"params": {"From": "+15005550006", "To": "+14155238886", "Body": "sms by mistake", "Digits": ["2", "1"]}, "to": SENDER});
    stage.client.inject(ACCOUNT, &sms).await.expect("injected");
    let arrival = webhook.take().await;
    assert!(arrival.is_signed_for(&webhook.url));
    let digits: Vec<String> =
        arrival.pairs().into_iter().filter(|(name, _)| name == "Digits").map(|(_, value)| value).collect();
    assert_eq!(digits, ["2", "1"]);
    let late = json!({"kind": "status", "form": "MessageStatus=sent&MessageSid=SM1&From=whatsapp%3A%2B15550001111"});
    stage.client.inject(ACCOUNT, &late).await.expect("injected");
    assert_eq!(webhook.take().await.status(), "sent");
    for wrong in [json!({}), json!({"params": {}, "form": ""}), json!({"form": "", "to": "+15559999999"})] {
        assert!(stage.client.inject(ACCOUNT, &wrong).await.is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn customers_have_numbers_and_accounts_are_told_apart() {
    let stage = stage().await;
    assert!(stage.client.write_text(ACCOUNT, "Anna", "x").await.is_err());
    assert!(stage.client.write_text("AC0", CUSTOMER, "x").await.is_err());
    let other = stage.client.create_account(&simulators::twilio::NewAccount::default()).await.expect("created");
    let sid = other["sid"].as_str().expect("a SID");
    assert_eq!(other["senders"].as_array().map(Vec::len), Some(1), "the sandbox");
    assert!(stage.client.write(sid, CUSTOMER, &json!({"to": SENDER, "body": "x"})).await.is_err());
    let again = simulators::twilio::NewAccount { sid: Some(sid.into()), ..Default::default() };
    assert!(stage.client.create_account(&again).await.is_err());
    let bad = simulators::twilio::NewAccount { sid: Some("AC1".into()), ..Default::default() };
    assert!(stage.client.create_account(&bad).await.is_err());
}
