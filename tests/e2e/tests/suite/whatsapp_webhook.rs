//! The webhook of all numbers: who may call it, and what comes more than once (C1, C7, I5).

use domain::message::DeliveryState;
use e2e::whatsapp::{Hotline, Texter, number};
use serde_json::{Value, json};

use super::whatsapp_kinds::talking;

/// A customer's message as somebody would forge it.
fn forged(customer: &Texter, account_sid: &str) -> Value {
    json!({
        "MessageSid": format!("SM{}", "0".repeat(32)),
        "AccountSid": account_sid,
        "From": format!("whatsapp:{}", customer.id),
        "To": format!("whatsapp:{}", customer.account.number),
        "ProfileName": customer.name(),
        "Body": "forged",
    })
}

/// The status that a webhook of the test's own was answered with.
async fn injected(customer: &Texter, through: &str, order: &Value) -> Value {
    let simulator = &customer.account.simulator;
    let answer = simulator.inject(through, order).await.unwrap_or_else(|error| panic!("{error}"));
    let order = answer["order"].as_u64().expect("an order");
    let delivery = simulator.wait_for_delivery(through, order, e2e::SOON).await;
    let delivery = delivery.unwrap_or_else(|error| panic!("{error}"));
    delivery["attempts"][0]["status"].clone()
}

#[tokio::test]
async fn i5_who_is_not_twilio_is_refused_and_leaves_no_trace() {
    let (hotline, anna, customer, chat) = talking().await;
    let account = &hotline.account;
    let seq = anna.send(&chat.id, "Hello").await[0];
    anna.delivery(&chat.id, seq, DeliveryState::Delivered).await;
    for signature in ["wrong", "missing"] {
        let order = json!({"params": forged(&customer, &account.sid), "signature": signature});
        assert_eq!(injected(&customer, &account.sid, &order).await, 403, "{signature}");
    }
    // A status, for a reply that there is.
    let mut read = forged(&customer, &account.sid);
    read["MessageStatus"] = json!("read");
    read["From"] = json!(format!("whatsapp:{}", account.number));
    read["To"] = json!(format!("whatsapp:{}", customer.id));
    let order = json!({"params": read, "kind": "status", "signature": "wrong"});
    assert_eq!(injected(&customer, &account.sid, &order).await, 403);
    // Another account, that signs with its own token: it may neither speak for our number nor for one that nobody has.
    let stranger = hotline.twilio.account_of(&number()).await;
    let receiver = json!({"callback_url": account.receiver().await["callback_url"]});
    stranger.simulator.set_receiver(&stranger.sid, &stranger.number, &receiver).await.expect("a receiver");
    for account_sid in [&account.sid, &stranger.sid] {
        let order = json!({"params": forged(&customer, account_sid), "to": stranger.number});
        assert_eq!(injected(&customer, &stranger.sid, &order).await, 403);
    }
    let unknown = json!({"params": forged(&stranger.customer_of(&customer.id), &stranger.sid), "to": stranger.number});
    assert_eq!(injected(&customer, &stranger.sid, &unknown).await, 403);
    // What is Twilio's is taken, and is all that there is.
    let texted = customer.write("the real one").await;
    customer.taken(&texted).await;
    anna.wait("the message", |view| view.words_of(&chat.id).contains(&"the real one".into()).then_some(())).await;
    let history = anna.history(&chat.id, None, None).await;
    let words: Vec<_> = history.messages.iter().filter_map(|message| message.content.words()).collect();
    assert_eq!(words, ["Hello", "Hello", "the real one"]);
    assert_eq!(history.messages[1].delivery.as_ref().map(|delivery| delivery.state), Some(DeliveryState::Delivered));
}

#[tokio::test]
async fn i5_what_comes_many_times_is_one_message() {
    let (hotline, anna, customer, chat) = talking().await;
    let account = &hotline.account;
    let message = json!({"body": "once", "to": account.number, "profile_name": customer.name()});
    let attempts = account.simulator.write_copies(&account.sid, &customer.id, &message, 8).await.expect("copies");
    assert!(attempts.iter().all(|attempt| attempt["status"] == 200), "{attempts:#?}");
    let texted = customer.write("twice").await;
    customer.taken(&texted).await;
    account.simulator.deliver_copies(&account.sid, texted.order, 4).await.expect("copies");
    let texted = customer.write("the end").await;
    customer.taken(&texted).await;
    anna.wait("the end", |view| view.words_of(&chat.id).contains(&"the end".into()).then_some(())).await;
    assert_eq!(anna.view(|view| view.words_of(&chat.id)), ["once", "twice", "the end"]);
    assert_eq!(anna.history(&chat.id, None, None).await.messages.len(), 4);
}

#[tokio::test]
async fn c1_a_channel_that_is_switched_off_takes_messages_and_stores_none() {
    let hotline = Hotline::open().await;
    let anna = hotline.operator("Anna").await.come_online().await;
    let ground = &hotline.twilio.ground;
    let path = format!("/api/channels/{}", hotline.channel.id);
    let switch = async |active: bool| {
        let now = hotline.channel_now().await;
        let body = json!({"name": now.name, "active": active, "queue": hotline.queue.id, "language": "en"});
        assert_eq!(ground.manager.put(&path, now.version, &body).await.status, 200);
        hotline.settle().await;
    };
    switch(false).await;
    let customer = hotline.account.customer();
    let texted = customer.write("to nobody").await;
    customer.taken(&texted).await;
    switch(true).await;
    let texted = customer.write("to somebody").await;
    customer.taken(&texted).await;
    let chat = customer.accepted_by(&anna).await;
    let history = anna.history(&chat.id, None, None).await;
    let words: Vec<_> = history.messages.iter().filter_map(|message| message.content.words()).collect();
    assert_eq!(words, ["to somebody"]);
}
