//! What reaches the webhook: authentic or not, well-formed or not, once or fifty times.

use domain::config::Rule;
use e2e::customer::{SECRET_HEADER, list};
use e2e::{SOON, World, eventually};
use reqwest::Method;
use serde_json::{Value, json};

use super::{staffed, talking};

const COPIES: usize = 50;
/// The largest body that the webhook reads, bytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Posts a body to a webhook; the status.
async fn post(world: &World, url: &str, secret: Option<&str>, body: impl Into<reqwest::Body>) -> u16 {
    let mut call = world.http.post(url).header("Content-Type", "application/json").body(body);
    if let Some(secret) = secret {
        call = call.header(SECRET_HEADER, secret);
    }
    call.send().await.expect("an answer").status().as_u16()
}

/// A text of customer 1, as Telegram would bring it.
fn update(id: i64, text: &str) -> String {
    let user = json!({"id": 1, "is_bot": false, "first_name": "Customer 1"});
    let chat = json!({"id": 1, "type": "private", "first_name": "Customer 1"});
    let message = json!({"message_id": id, "date": 1_760_000_000, "from": user, "chat": chat, "text": text});
    json!({"update_id": id, "message": message}).to_string()
}

#[tokio::test]
async fn fifty_deliveries_of_one_update_at_once_are_one_message() {
    let (_world, _, anna, customer, chat) = talking().await;
    let path = format!("/customers/{}/messages?copies={COPIES}", customer.id);
    let answer = customer.bot.ask(Method::POST, &path, Some(&json!({"text": "fifty times"}))).await;
    let attempts = list(&answer, "attempts");
    assert_eq!(attempts.len(), COPIES);
    assert!(attempts.iter().all(|attempt| attempt["status"] == 200), "{attempts:?}");
    customer.write("after them").await;
    anna.wait("the next message", |view| view.words_of(&chat.id).contains(&"after them".into()).then_some(())).await;
    let words: Vec<_> = anna
        .history(&chat.id, None, None)
        .await
        .messages
        .iter()
        .filter_map(|message| message.content.words().map(str::to_owned))
        .collect();
    assert_eq!(words, ["Hello", "fifty times", "after them"]);
}

#[tokio::test]
async fn fifty_deliveries_of_a_first_message_open_one_chat() {
    let (world, _, anna) = staffed(Rule::MostFree).await;
    let path = format!("/customers/1/messages?copies={COPIES}");
    world.bot.ask(Method::POST, &path, Some(&json!({"text": "Hello"}))).await;
    let chat = anna.accept_from(&world.customer(1).name()).await;
    world.customer(1).write("after them").await;
    let both = async || {
        let history = anna.history(&chat.id, None, None).await;
        (history.messages.last()?.content.words() == Some("after them")).then_some(history.messages.len())
    };
    assert_eq!(eventually("the next message", SOON, both).await, 2);
    assert_eq!(chat.id.n, 1);
}

#[tokio::test]
async fn a_forged_or_missing_secret_is_401_and_leaves_nothing() {
    let (world, _, anna) = staffed(Rule::MostFree).await;
    let webhook = world.bot.webhook().await;
    let other = webhook.url.replace(world.channel.id.as_str(), "tg-1");
    let nearly = format!("{}x", &webhook.secret[..webhook.secret.len() - 1]);
    for (url, secret) in [
        (&webhook.url, None),
        (&webhook.url, Some("")),
        (&webhook.url, Some("forged")),
        (&webhook.url, Some(nearly.as_str())),
        (&other, Some(webhook.secret.as_str())),
    ] {
        assert_eq!(post(&world, url, secret, update(1, "forged")).await, 401, "{url} {secret:?}");
        // Neither is a body looked at before its sender is known.
        assert_eq!(post(&world, url, secret, "not JSON").await, 401, "{url} {secret:?}");
    }
    assert_eq!(post(&world, &webhook.url, Some(&webhook.secret), update(2, "authentic")).await, 200);
    let chat = anna.accept_from("Customer 1").await;
    let history = anna.history(&chat.id, None, None).await;
    assert_eq!(history.messages.len(), 1, "nothing of the forged ones was stored");
    assert_eq!(history.messages[0].content.words(), Some("authentic"));
}

#[tokio::test]
async fn a_body_that_is_no_update_gets_a_clear_status_and_stalls_nothing() {
    let (world, _, anna) = staffed(Rule::MostFree).await;
    let webhook = world.bot.webhook().await;
    let secret = Some(webhook.secret.as_str());
    for body in ["", "not JSON", "{\"update_id\": 1", "[]", "{}", "a=1&b=2", "{\"update_id\": \"one\"}"] {
        assert_eq!(post(&world, &webhook.url, secret, body).await, 400, "{body}");
    }
    let large = json!({"update_id": 1, "message": {"text": "x".repeat(BODY_BYTES_MAX)}}).to_string();
    assert_eq!(post(&world, &webhook.url, secret, large).await, 413);
    assert_eq!(post(&world, &webhook.url, secret, update(2, "authentic")).await, 200);
    anna.offered("Customer 1").await;
}

#[tokio::test]
async fn an_unknown_kind_of_update_is_answered_2xx_and_the_next_one_arrives() {
    let (world, _, anna) = staffed(Rule::MostFree).await;
    let user = json!({"id": 1, "is_bot": false, "first_name": "Customer 1"});
    for (kind, payload) in [
        ("kind_from_the_future", json!({"from": user, "chat": {"id": 1, "type": "private"}})),
        ("message_reaction", json!({"chat": {"id": 1, "type": "private"}, "message_id": 1, "user": user})),
        ("message", Value::Null),
        ("message", json!({"what": "is this?"})),
    ] {
        let delivery = world.bot.inject(&json!({kind: payload})).await;
        assert_eq!(delivery["attempts"][0]["status"], 200, "{kind}: {delivery}");
    }
    world.customer(1).write("Hello").await;
    let chat = anna.accept_from("Customer 1").await;
    assert_eq!(anna.history(&chat.id, None, None).await.messages.len(), 1);
}

#[tokio::test]
async fn a_poison_message_is_parked_with_its_reason_and_its_conversation_goes_on() {
    let (world, _, anna, customer, chat) = talking().await;
    let poison = format!("{{\"poison\": \"{}\"", e2e::unique("poison"));
    world.aws.send_to_queue("InboundQueueUrl", chat.id.conversation.as_str(), &poison).await;
    customer.write("after the poison").await;
    anna.wait("the next message", |view| view.words_of(&chat.id).contains(&"after the poison".into()).then_some(()))
        .await;
    let parked = eventually("the poison to be parked", SOON, async || {
        let bodies = world.aws.peek_queue("InboundDeadLetterQueueUrl").await;
        bodies
            .iter()
            .filter_map(|body| serde_json::from_str::<Value>(body).ok())
            .find(|parked| parked["body"] == poison)
    })
    .await;
    assert_eq!(parked["reason"], "unreadable");
}

#[tokio::test]
async fn an_unbound_or_inactive_channel_answers_2xx_and_stores_nothing() {
    let world = World::open(Rule::MostFree).await;
    let (bot, channel) = world.ground().connect_bot().await;
    let customer = bot.customer(1);
    let lost = customer.write("to nobody").await;
    assert_eq!(bot.delivery(lost.update_id).await["attempts"][0]["status"], 200);
    world.ground().bind(&channel, &world.queue).await;
    world.settle().await;
    customer.write("to somebody").await;
    let anna = world.operator("Anna").await.come_online().await;
    let chat = anna.accept_from(&customer.name()).await;
    let history = anna.history(&chat.id, None, None).await;
    assert_eq!(history.messages.len(), 1);
    assert_eq!(history.messages[0].content.words(), Some("to somebody"));
}
