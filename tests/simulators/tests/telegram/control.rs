//! What a test can make customers do, and see.

use reqwest::Method;
use serde_json::{Value, json};
use simulators::telegram::ClientError;

use crate::support::{CUSTOMER, LONG, TOKEN, Webhook, stage, status};

#[tokio::test]
async fn content_of_every_kind_is_laid_over_a_well_formed_message() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.set_webhook(&webhook.url).await;
    let photo = json!({
        "photo": [{"file_id": "f", "file_unique_id": "u", "width": 90, "height": 67, "file_size": 1200}],
        "caption": "Broken box",
        "from": {"first_name": "Synt", "last_name": "Hetic", "username": "synt_hetic"},
    });
    let written = stage.client.write(TOKEN, CUSTOMER, &photo).await.expect("written");
    let message = webhook.next().await.update["message"].clone();
    assert_eq!(message["photo"], photo["photo"]);
    assert_eq!(message["caption"], "Broken box");
    assert_eq!(message["message_id"], written["message_id"]);
    assert_eq!((&message["from"]["id"], &message["from"]["is_bot"]), (&json!(CUSTOMER), &json!(false)));
    assert_eq!((&message["from"]["last_name"], &message["chat"]["last_name"]), (&json!("Hetic"), &json!("Hetic")));
    assert_eq!(message["chat"]["type"], "private");
    assert!(message["date"].is_u64() && message.get("text").is_none());
    stage.client.write_text(TOKEN, CUSTOMER, "later").await.expect("written");
    assert_eq!(webhook.next().await.update["message"]["from"]["username"], "synt_hetic", "names are kept");
}

#[tokio::test]
async fn edits_blocks_and_buttons_become_updates() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.set_webhook(&webhook.url).await;
    let written = stage.client.write_text(TOKEN, CUSTOMER, "tpyo").await.expect("written");
    let original = webhook.next().await.update["message"].clone();
    let edit = json!({"message_id": written["message_id"], "text": "typo"});
    stage.client.edit(TOKEN, CUSTOMER, &edit).await.expect("edited");
    let edited = webhook.next().await.update["edited_message"].clone();
    assert_eq!((&edited["text"], &edited["message_id"]), (&json!("typo"), &original["message_id"]));
    assert!(edited["edit_date"].as_u64() >= edited["date"].as_u64() && edited["date"] == original["date"]);

    let sent = stage.result("sendMessage", &json!({"chat_id": CUSTOMER, "text": "Choose"})).await;
    let press = json!({"message_id": sent["message_id"], "data": "yes:1"});
    let pressed = stage.control(Method::POST, &format!("/customers/{CUSTOMER}/callbacks"), Some(press)).await;
    let query = webhook.next().await.update["callback_query"].clone();
    assert_eq!((&query["id"], &query["data"]), (&pressed["callback_query_id"], &json!("yes:1")));
    assert_eq!(query["message"]["text"], "Choose");

    for (blocked, old, new) in [(true, "member", "kicked"), (false, "kicked", "member")] {
        stage.client.set_blocked(TOKEN, CUSTOMER, blocked).await.expect("done");
        let change = webhook.next().await.update["my_chat_member"].clone();
        assert_eq!(
            (&change["old_chat_member"]["status"], &change["new_chat_member"]["status"]),
            (&json!(old), &json!(new))
        );
        let (status, _) = stage.call("sendMessage", &json!({"chat_id": CUSTOMER, "text": "x"})).await;
        assert_eq!(status, if blocked { 403 } else { 200 });
        if blocked {
            let refused = stage.client.write_text(TOKEN, CUSTOMER, "x").await;
            assert!(matches!(refused, Err(ClientError::Refused { status: 409, .. })), "{refused:?}");
        }
    }
    let idle = stage.client.set_blocked(TOKEN, CUSTOMER, false).await.expect("done");
    assert_eq!(idle["queued"], false, "nothing changed");
}

#[tokio::test]
async fn an_update_of_ones_own_is_delivered_as_it_is() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.set_webhook(&webhook.url).await;
    let unknown = json!({"update_id": 7, "a_kind_of_tomorrow": {"what": ["ever"]}});
    stage.client.inject(TOKEN, &unknown).await.expect("queued");
    assert_eq!(webhook.next().await.update, unknown);
    let group = json!({"message": {"message_id": 3, "chat": {"id": -100, "type": "supergroup"}, "text": "hi"}});
    let queued = stage.client.inject(TOKEN, &group).await.expect("queued");
    let update = webhook.next().await.update.clone();
    assert_eq!((&update["update_id"], &update["message"]), (&queued["update_id"], &group["message"]));
    stage.result("sendMessage", &json!({"chat_id": -100, "text": "to the group"})).await;
}

#[tokio::test]
async fn the_same_update_fifty_times_at_once() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.set_webhook(&webhook.url).await;
    let path = format!("/customers/{CUSTOMER}/messages?copies=50");
    let (stage, path) = (&stage, path.as_str());
    let order = stage.control(Method::POST, path, Some(json!({"text": "many"})));
    let receive = async {
        let mut arrivals = Vec::new();
        for _ in 0..50 {
            arrivals.push(webhook.next().await);
        }
        // All fifty are there and none is answered: they came at once.
        let first = arrivals[0].update.clone();
        for arrival in arrivals {
            assert_eq!(arrival.update, first);
            arrival.answer(status(200));
        }
        first
    };
    let (written, update) = tokio::join!(order, receive);
    assert_eq!(update["update_id"], written["update_id"]);
    assert_eq!(written["attempts"].as_array().map(Vec::len), Some(50));

    let update_id = written["update_id"].as_i64().expect("an id");
    let copies = stage.client.deliver_copies(TOKEN, update_id, 2);
    let receive = async {
        webhook.next().await.answer(status(200));
        webhook.next().await.answer(status(500));
    };
    let (copies, ()) = tokio::join!(copies, receive);
    let mut statuses: Vec<Value> = copies.expect("delivered").iter().map(|copy| copy["status"].clone()).collect();
    statuses.sort_by_key(Value::as_u64);
    assert_eq!(statuses, [json!(200), json!(500)]);
    let counters = stage.client.counters(TOKEN).await.expect("counters");
    assert_eq!(counters["deliveries"]["attempts"], 52);
}

#[tokio::test]
async fn waiting_ends_with_the_event() {
    let stage = stage().await;
    stage.open_chat().await;
    let waiting = stage.client.wait_for_messages(TOKEN, Some(CUSTOMER), 0, 2, LONG);
    let sending = async {
        for text in ["a", "b"] {
            stage.result("sendMessage", &json!({"chat_id": CUSTOMER, "text": text})).await;
        }
    };
    let (sent, ()) = tokio::join!(waiting, sending);
    let texts: Vec<Value> = sent.expect("sent").iter().map(|call| call["params"]["text"].clone()).collect();
    assert_eq!(texts, [json!("a"), json!("b")]);
    let in_vain = stage.client.wait_for_messages(TOKEN, None, 2, 1, std::time::Duration::from_millis(10)).await;
    assert!(matches!(in_vain, Err(ClientError::TimedOut { .. })));
}

#[tokio::test]
async fn the_page_follows_a_conversation() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    let page = stage.http.get(stage.simulator.url()).send().await.expect("the page").text().await.expect("HTML");
    assert!(page.starts_with("<!doctype html>") && !page.contains("src="), "one file, nothing else is loaded");

    stage.set_webhook(&webhook.url).await;
    let chat = format!("/chats/{CUSTOMER}");
    let empty = stage.control(Method::GET, &chat, None).await;
    assert_eq!((&empty["version"], &empty["messages"]), (&json!(0), &json!([])));
    stage.client.write_text(TOKEN, CUSTOMER, "hello").await.expect("written");
    let arrival = webhook.next().await;
    let seen = stage.control(Method::GET, &format!("{chat}?version=0&wait_ms=5000"), None).await;
    assert_eq!((&seen["messages"][0]["text"], &seen["messages"][0]["tick"]), (&json!("hello"), &json!("pending")));
    let next = format!("{chat}?version={}&wait_ms=5000", seen["version"]);
    arrival.answer(status(200));
    let seen = stage.control(Method::GET, &next, None).await;
    assert_eq!(seen["messages"][0]["tick"], "delivered");
    let next = format!("{chat}?version={}&wait_ms=5000", seen["version"]);
    stage.result("sendMessage", &json!({"chat_id": CUSTOMER, "text": "welcome"})).await;
    let seen = stage.control(Method::GET, &next, None).await;
    assert_eq!((&seen["messages"][1]["text"], &seen["messages"][1]["from_bot"]), (&json!("welcome"), &json!(true)));
}

#[tokio::test]
async fn what_does_not_exist_is_told() {
    let stage = stage().await;
    let cases = [
        (Method::GET, "/bots/1:no/sent".to_owned(), None, 404),
        (Method::POST, format!("/bots/{TOKEN}/customers/9/block"), None, 404),
        (Method::POST, format!("/bots/{TOKEN}/customers/9/edits"), Some(json!({"message_id": 1})), 404),
        (Method::POST, format!("/bots/{TOKEN}/customers/9/messages?copies=0"), Some(json!({})), 400),
        (Method::POST, format!("/bots/{TOKEN}/customers/9/messages?copies=2"), Some(json!({})), 409),
        (Method::POST, format!("/bots/{TOKEN}/updates/9/copies"), Some(json!({"count": 2})), 409),
        (Method::GET, format!("/bots/{TOKEN}/sent?aftre=1"), None, 400),
        (Method::POST, "/bots".to_owned(), Some(json!({"token": "no token"})), 409),
    ];
    for (method, path, body, expected) in cases {
        let answer = stage.client.ask(method, &path, body.as_ref()).await;
        assert!(matches!(answer, Err(ClientError::Refused { status, .. }) if status == expected), "{path}: {answer:?}");
    }
}
