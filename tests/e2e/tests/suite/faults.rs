//! The messenger's faults: each class is handled as its meaning asks (decision 10, I6).

use domain::message::DeliveryState;
use e2e::files::Sample;
use e2e::{Bot, SOON, eventually};
use serde_json::{Value, json};
use wire::operators::Command;

use super::talking;

/// The calls of `sendMessage`: when, and with which error.
async fn tries(bot: &Bot) -> Vec<(i64, Option<u64>)> {
    let calls = bot.calls("sendMessage").await;
    calls.iter().map(|call| (call["time_ms"].as_i64().unwrap_or_default(), call["error_code"].as_u64())).collect()
}

#[tokio::test]
async fn a_429_holds_the_bot_for_as_long_as_the_messenger_asks() {
    let (world, _, anna, customer, chat) = talking().await;
    let other = world.customer(2);
    other.write("Hello").await;
    let second = anna.accept_from(&other.name()).await;
    world.bot.order_faults(&json!({"kind": "rate_limited", "retry_after": 5})).await;
    let held = anna.send(&chat.id, "first").await[0];
    let first = &world.bot.wait_for_calls("sendMessage", 1).await[0];
    let until_ms = first["time_ms"].as_i64().expect("a time") + 5_000;
    assert_eq!(first["error_code"], 429);
    // The limit is the bot's: a reply to somebody else waits too.
    let waiting = anna.send(&second.id, "second").await[0];
    anna.delivery(&chat.id, held, DeliveryState::Sent).await;
    anna.delivery(&second.id, waiting, DeliveryState::Sent).await;
    let tries = tries(&world.bot).await;
    assert_eq!(tries.len(), 3, "{tries:?}");
    assert!(
        tries[1..].iter().all(|(at_ms, error)| *at_ms >= until_ms && error.is_none()),
        "{tries:?} before {until_ms}"
    );
    assert_eq!(customer.received(1).await, ["first"]);
}

#[tokio::test]
async fn a_403_fails_the_reply_and_says_that_the_customer_has_blocked_the_bot() {
    let (world, _, anna, customer, chat) = talking().await;
    world.bot.order_faults(&json!({"kind": "blocked"})).await;
    let seq = anna.send(&chat.id, "hello?").await[0];
    let reason = anna.delivery(&chat.id, seq, DeliveryState::Failed).await;
    assert_eq!(reason.as_deref(), Some("contact_blocked"));
    let unreachable = anna.wait("the contact", |view| view.reachable.get(&customer.name()).copied()).await;
    assert!(!unreachable);
    assert_eq!(tries(&world.bot).await.len(), 1, "not tried again by itself");
}

#[tokio::test]
async fn a_5xx_is_tried_again_until_it_is_sent_once() {
    let (world, _, anna, customer, chat) = talking().await;
    world
        .bot
        .order_faults(
            &json!([{"kind": "server_error", "json": true, "status": 502}, {"kind": "server_error", "json": true}]),
        )
        .await;
    let seq = anna.send(&chat.id, "patience").await[0];
    anna.delivery(&chat.id, seq, DeliveryState::Sent).await;
    let errors: Vec<_> = tries(&world.bot).await.into_iter().map(|(_, error)| error).collect();
    assert_eq!(errors, [Some(502), Some(500), None]);
    assert_eq!(customer.received(1).await, ["patience"]);
}

#[tokio::test]
async fn a_5xx_of_somebody_between_says_nothing_of_the_reply() {
    let (world, _, anna, _, chat) = talking().await;
    // A proxy's page: the call may have been processed before the proxy gave up.
    world.bot.order_faults(&json!({"kind": "server_error", "status": 502})).await;
    let seq = anna.send(&chat.id, "perhaps").await[0];
    anna.delivery(&chat.id, seq, DeliveryState::Unknown).await;
    assert_eq!(tries(&world.bot).await.len(), 1, "not tried again by itself");
}

#[tokio::test]
async fn an_unknown_outcome_is_shown_and_sent_again_only_by_its_operator() {
    let (world, _, anna, customer, chat) = talking().await;
    world.bot.order_faults(&json!({"kind": "timeout_after_accepting"})).await;
    let seq = anna.send(&chat.id, "did you get this?").await[0];
    let reason = anna.delivery(&chat.id, seq, DeliveryState::Unknown).await;
    assert!(reason.is_some(), "it says why");
    // What follows is sent, and does not bring it along again.
    let next = anna.send(&chat.id, "the next").await[0];
    anna.delivery(&chat.id, next, DeliveryState::Sent).await;
    assert_eq!(customer.received(2).await, ["did you get this?", "the next"]);
    assert_eq!(anna.refused(Command::Resend { chat: chat.id.clone(), seq: next }).await, "not_resendable");
    anna.must(Command::Resend { chat: chat.id.clone(), seq }).await;
    anna.delivery(&chat.id, seq, DeliveryState::Sent).await;
    assert_eq!(customer.received(3).await, ["did you get this?", "the next", "did you get this?"]);
}

#[tokio::test]
async fn a_connection_refused_before_a_byte_or_closed_without_an_answer_ends_in_a_known_state() {
    let (world, _, anna, _, chat) = talking().await;
    world.bot.order_faults(&json!({"kind": "close_connection", "after_accepting": true})).await;
    let seq = anna.send(&chat.id, "cut").await[0];
    anna.delivery(&chat.id, seq, DeliveryState::Unknown).await;
    let accepted: Vec<Value> = world.bot.calls("sendMessage").await;
    assert_eq!(accepted.iter().filter(|call| call["accepted"] == true).count(), 1, "never sent twice by itself");
}

#[tokio::test]
async fn a_revoked_token_fails_the_reply_and_shows_in_the_channel_s_health() {
    let (world, _, anna, _, chat) = talking().await;
    world
        .bot
        .order_faults(&json!([{"kind": "unauthorized"}, {"kind": "unauthorized", "method": "getWebhookInfo"}]))
        .await;
    let seq = anna.send(&chat.id, "hello?").await[0];
    let reason = anna.delivery(&chat.id, seq, DeliveryState::Failed).await;
    assert_eq!(reason.as_deref(), Some("channel_unauthorized"));
    let health = world.manager.get(&format!("/api/channels/{}/health", world.channel.id)).await.json();
    assert_eq!((health["ok"].as_bool(), health["problem"].as_str()), (Some(false), Some("token_invalid")));
}

/// An answer of Telegram's own to the next call of this method.
fn stated(method: &str, code: u16, text: &str, parameters: &Value) -> Value {
    let mut body = json!({"ok": false, "error_code": code, "description": text});
    if !parameters.is_null() {
        body["parameters"] = parameters.clone();
    }
    json!({"kind": "custom", "method": method, "status": code, "body": body})
}

#[tokio::test]
async fn i6_what_telegram_refuses_for_good_fails_with_its_reason_and_is_not_tried_again() {
    let (world, _, anna, customer, chat) = talking().await;
    let reachable = |view: &e2e::View| view.reachable.get(&customer.name()).copied();
    for (at, (code, text, reason, is_contact, problem)) in [
        (400, "Bad Request: chat not found", "chat_not_found", true, None),
        (403, "Forbidden: user is deactivated", "contact_deactivated", true, None),
        (403, "Forbidden: bot can't initiate conversation with a user", "contact_not_started", true, None),
        (400, "Bad Request: message is too long", "text_too_long", false, None),
        (400, "Bad Request: something new", "bad_request", false, None),
        (409, "Conflict: terminated by other getUpdates request", "webhook_conflict", false, Some("webhook_conflict")),
    ]
    .into_iter()
    .enumerate()
    {
        let tried = tries(&world.bot).await.len();
        world.bot.order_faults(&stated("sendMessage", code, text, &Value::Null)).await;
        let seq = anna.send(&chat.id, &format!("try {at}")).await[0];
        let shown = anna.delivery(&chat.id, seq, DeliveryState::Failed).await;
        assert_eq!(shown.as_deref(), Some(reason), "{text}");
        if is_contact {
            let gone = |view: &e2e::View| (reachable(view) == Some(false)).then_some(());
            anna.wait(&format!("the customer to be unreachable after {text}"), gone).await;
        }
        let look = async || (world.ground().channel(&world.channel).await.problem.as_deref() == problem).then_some(());
        eventually(&format!("the channel's problem {problem:?} after {text}"), SOON, look).await;
        assert_eq!(tries(&world.bot).await.len(), tried + 1, "not tried again by itself: {text}");
        // What is taken says that channel and customer are well.
        let seq = anna.send(&chat.id, &format!("well {at}")).await[0];
        anna.delivery(&chat.id, seq, DeliveryState::Sent).await;
        anna.wait("the customer to be reachable", |view| (reachable(view) != Some(false)).then_some(())).await;
    }
    let look = async || world.ground().channel(&world.channel).await.problem.is_none().then_some(());
    eventually("no problem any more", SOON, look).await;
}

#[tokio::test]
async fn i6_what_telegram_takes_in_another_form_is_sent_so_at_once() {
    let (world, _, anna, customer, chat) = talking().await;
    // The address changed: the call is made once more, to the new one, which is kept.
    let moved = json!({"migrate_to_chat_id": customer.id});
    let text = "Bad Request: group chat was upgraded to a supergroup chat";
    world.bot.order_faults(&stated("sendMessage", 400, text, &moved)).await;
    let seq = anna.send(&chat.id, "where are you?").await[0];
    anna.delivery(&chat.id, seq, DeliveryState::Sent).await;
    let errors: Vec<_> = tries(&world.bot).await.into_iter().map(|(_, error)| error).collect();
    assert_eq!(errors, [Some(400), None]);
    assert_eq!(customer.received(1).await, ["where are you?"]);
    // A picture that is none to Telegram goes as a plain file.
    for (at, text) in [
        "Bad Request: IMAGE_PROCESS_FAILED",
        "Bad Request: PHOTO_INVALID_DIMENSIONS",
        "Bad Request: file of size 10485761 bytes is too big for a photo; the maximum size is 10485760 bytes",
    ]
    .into_iter()
    .enumerate()
    {
        world.bot.order_faults(&stated("sendPhoto", 400, text, &Value::Null)).await;
        let seqs = anna.send_sample(&world.http, &chat.id, &Sample::png("odd.png"), Some("odd")).await;
        anna.delivery(&chat.id, seqs[0], DeliveryState::Sent).await;
        let documents = world.bot.wait_for_calls("sendDocument", at + 1).await;
        assert_eq!((documents.len(), &documents[at]["params"]["caption"]), (at + 1, &json!("odd")), "{text}");
        assert_eq!(world.bot.calls("sendPhoto").await.len(), at + 1, "{text}");
    }
}
