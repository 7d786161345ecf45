//! What reaches the webhook of all pages: Facebook's or not, once or twenty times, of several pages at once (I2, I5, C1).

use domain::ChatId;
use e2e::messenger::{APP_ID, Page, Shop, Visitor, message};
use e2e::{SOON, Window, eventually};
use reqwest::Method;
use serde_json::{Value, json};

const COPIES: usize = 20;

/// A text of a customer, as Facebook would bring it.
fn event(visitor: &Visitor, mid: &str, text: &str) -> Value {
    json!({
        "sender": {"id": visitor.id}, "recipient": {"id": visitor.page.id}, "timestamp": e2e::now_ms(),
        "message": {"mid": mid, "text": text},
    })
}

/// One entry of a call.
fn entry(page: &Page, events: &[Value]) -> Value {
    json!({"id": page.id, "time": e2e::now_ms(), "messaging": events})
}

/// Has a body posted to the app's webhook, once; the status that it was answered with.
async fn posted(shop: &Shop, body: &Value, signature: &str) -> Value {
    let path = format!("/apps/{APP_ID}/raw?signature={signature}&copies=1");
    let answer = shop.facebook.simulator.ask(Method::POST, &path, Some(body)).await;
    answer.unwrap_or_else(|error| panic!("{path}: {error}"))["attempts"][0]["status"].clone()
}

/// The words of a chat, all of them, once these have come.
async fn words_up_to(anna: &Window, chat: &ChatId, last: &str) -> Vec<String> {
    message(anna, chat, last, |message| message.content.words() == Some(last)).await;
    let history = anna.history(chat, None, None).await.messages;
    history.iter().map(|message| message.content.words().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn i5_who_is_not_facebook_is_refused_and_leaves_no_trace() {
    let shop = Shop::open().await;
    let (_, anna) = shop.operator("Anna").await;
    let visitor = shop.page.customer();
    visitor.write("Hello").await;
    let chat = visitor.accepted_by(&anna).await;
    let body = json!({"object": "page", "entry": [entry(&shop.page, &[event(&visitor, "m_forged", "forged")])]});
    for signature in ["wrong", "legacy_only", "none"] {
        assert_eq!(posted(&shop, &body, signature).await, 403, "{signature}");
        // Neither is a body looked at before its sender is known.
        assert_eq!(posted(&shop, &json!("not JSON"), signature).await, 403, "{signature}");
    }
    let webhook = shop.facebook.app().await["webhook"]["callback_url"].as_str().expect("an address").to_owned();
    let question = format!("{webhook}?hub.mode=subscribe&hub.challenge=42&hub.verify_token=guessed");
    let answer = shop.facebook.ground.http.get(question).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 403);
    assert_eq!(posted(&shop, &json!("not JSON"), "valid").await, 400);
    assert_eq!(posted(&shop, &json!({"object": "page", "entry": []}), "valid").await, 200);
    visitor.write("authentic").await;
    assert_eq!(words_up_to(&anna, &chat.id, "authentic").await, ["Hello", "authentic"]);
}

#[tokio::test]
async fn i2_twenty_deliveries_of_one_message_at_once_are_one_message() {
    let shop = Shop::open().await;
    let (_, anna) = shop.operator("Anna").await;
    let visitor = shop.page.customer();
    // The first one opens the chat, the second joins it.
    let mut chat = None;
    for text in ["Hello", "twenty times"] {
        let path = format!("/customers/{}/messages?copies={COPIES}", visitor.id);
        let answer = shop.page.ask(Method::POST, &path, Some(&json!({"text": text}))).await;
        let attempts = answer["attempts"].as_array().expect("attempts");
        assert_eq!(attempts.len(), COPIES);
        // A busy machine may need longer than Facebook waits.
        let is_taken = |attempt: &Value| attempt["status"] == 200 || attempt["error"] == "timeout";
        assert!(attempts.iter().all(is_taken), "{attempts:?}");
        if chat.is_none() {
            chat = Some(visitor.accepted_by(&anna).await);
        }
    }
    let chat = chat.expect("a chat").id;
    visitor.write("after them").await;
    assert_eq!(words_up_to(&anna, &chat, "after them").await, ["Hello", "twenty times", "after them"]);
    assert_eq!(chat.n, 1);
}

#[tokio::test]
async fn c5_a_call_with_events_of_several_pages_reaches_each() {
    let shop = Shop::open().await;
    let other = shop.facebook.page(&e2e::unique("Page"), None).await;
    let channel = shop.facebook.connect_page(&other).await;
    shop.facebook.ground.bind(&channel, &shop.queue).await;
    shop.settle().await;
    let (_, anna) = shop.operator("Anna").await;
    let (one, two, three) = (shop.page.customer(), shop.page.customer(), other.customer());
    let stranger = Page { id: "1".to_owned(), ..other.clone() };
    let body = json!({"object": "page", "entry": [
        entry(&shop.page, &[event(&one, "m_1", "first"), event(&two, "m_2", "hi"), event(&one, "m_3", "second")]),
        entry(&stranger, &[event(&stranger.customer(), "m_4", "of a page that nobody has")]),
        entry(&other, &[json!({"sender": {"id": three.id}, "recipient": {"id": other.id}, "from_the_future": {}})]),
        entry(&other, &[event(&three, "m_5", "to the other page")]),
    ]});
    let order = shop.facebook.simulator.send_raw(APP_ID, &body, "valid").await.expect("sent");
    let delivery = shop.facebook.simulator.wait_for_delivery(order, SOON).await.expect("answered");
    assert_eq!(delivery["attempts"][0]["status"], 200, "{delivery}");
    for (visitor, page, words) in [
        (&one, &shop.channel.id, vec!["first", "second"]),
        (&two, &shop.channel.id, vec!["hi"]),
        (&three, &channel.id, vec!["to the other page"]),
    ] {
        let chat = visitor.accepted_by(&anna).await;
        assert_eq!(chat.channel, *page);
        eventually(&format!("{words:?}, and no more"), SOON, async || {
            let history = anna.history(&chat.id, None, None).await.messages;
            let said: Vec<_> = history.iter().filter_map(|message| message.content.words()).collect();
            assert!(words.starts_with(&said), "{said:?}");
            (said == words).then_some(())
        })
        .await;
    }
    // Another product of Facebook's, by the same app.
    assert_eq!(posted(&shop, &json!({"object": "instagram", "entry": [{"id": "1"}]}), "valid").await, 200);
}
