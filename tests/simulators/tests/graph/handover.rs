//! The hand-over between the bot, our app and the people in the page's inbox.

use reqwest::Method;
use serde_json::{Value, json};
use simulators::graph::{BOT_APP_ID, INBOX_APP_ID, NewApp};

use crate::support::{ANNA, APP, BOT_PAGE, PAGE, Stage, Webhook, stage, text};

const APP_NUMBER: u64 = 300_000_000_000_001;
const BOT_NUMBER: u64 = 300_000_000_000_002;

/// A subscribed webhook, and Anna who wrote to the bot's page: our app got it in `standby`.
async fn begin() -> (Stage, Webhook) {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.subscribe(&webhook.url).await;
    stage.client.write_text(BOT_PAGE, ANNA, "hello bot").await.expect("written");
    let (channel, event) = webhook.next_event().await;
    let expected = json!({"sender": {"id": ANNA}, "recipient": {"id": BOT_PAGE}, "timestamp": event["timestamp"],
        "message": {"mid": event["message"]["mid"], "text": "hello bot"}});
    assert_eq!((channel, &event), ("standby", &expected));
    (stage, webhook)
}

async fn post(stage: &Stage, endpoint: &str, params: Value) -> Value {
    stage.post(&format!("{BOT_PAGE}/{endpoint}"), &stage.bot_page_token, &params).await
}

async fn refused(stage: &Stage, endpoint: &str, params: Value) -> String {
    stage.refused(Method::POST, &format!("{BOT_PAGE}/{endpoint}"), &stage.bot_page_token, &params).await
}

async fn owner(stage: &Stage) -> Value {
    let path = format!("{BOT_PAGE}/thread_owner?recipient={ANNA}");
    stage.get(&path, &stage.bot_page_token).await["data"][0]["thread_owner"]["app_id"].clone()
}

#[tokio::test]
async fn while_the_bot_has_the_thread_we_stand_by() {
    let (stage, mut webhook) = begin().await;
    assert_eq!(owner(&stage).await, BOT_APP_ID);
    assert_eq!(refused(&stage, "messages", text("mine")).await, "10/2018300");
    stage.client.bot_reply(BOT_PAGE, ANNA, &json!({"text": "I am the bot"})).await.expect("sent");
    let (channel, echo) = webhook.next_event().await;
    assert_eq!((channel, &echo["message"]["text"]), ("standby", &json!("I am the bot")));
    assert_eq!((&echo["message"]["app_id"], &echo["sender"]["id"]), (&json!(BOT_NUMBER), &json!(BOT_PAGE)));
    let (channel, delivery) = webhook.next_event().await;
    assert_eq!((channel, delivery["delivery"].is_object()), ("standby", true));
    stage.client.press(BOT_PAGE, ANNA, "Get started", "GET_STARTED").await.expect("pressed");
    let (channel, event) = webhook.next_event().await;
    assert_eq!((channel, &event["postback"]["title"]), ("standby", &json!("Get started")));
    assert!(event["postback"].get("payload").is_none(), "no payload in standby");
    // The bot gets it all, too, in messaging.
    let path = format!("/deliveries?app_id={BOT_APP_ID}");
    let bots = stage.control(Method::GET, &path, None).await["deliveries"].clone();
    assert_eq!(bots[0]["body"]["entry"][0]["messaging"][0]["message"]["text"], "hello bot");
    assert_eq!(bots[0]["state"], "recorded");
}

#[tokio::test]
async fn the_bot_passes_we_answer_and_pass_back() {
    let (stage, mut webhook) = begin().await;
    stage.client.bot_pass(BOT_PAGE, ANNA, "needs a person").await.expect("passed");
    let (channel, event) = webhook.next_event().await;
    let passed =
        json!({"previous_owner_app_id": BOT_NUMBER, "new_owner_app_id": APP_NUMBER, "metadata": "needs a person"});
    assert_eq!((channel, &event["pass_thread_control"]), ("messaging", &passed));
    assert_eq!((&event["sender"]["id"], owner(&stage).await), (&json!(ANNA), json!(APP)));
    post(&stage, "messages", text("how can I help?")).await;
    let (channel, echo) = webhook.next_event().await;
    assert_eq!((channel, &echo["message"]["app_id"]), ("messaging", &json!(APP_NUMBER)));
    webhook.next_event().await;
    stage.client.write_text(BOT_PAGE, ANNA, "thanks").await.expect("written");
    assert_eq!(webhook.next_event().await.0, "messaging");
    let bot = stage.client.bot_reply(BOT_PAGE, ANNA, &json!({"text": "me again"})).await;
    assert!(bot.is_err(), "the bot has it no longer");
    let pass = json!({"recipient": {"id": ANNA}, "target_app_id": BOT_APP_ID, "metadata": "done"});
    assert_eq!(post(&stage, "pass_thread_control", pass.clone()).await, json!({"success": true}));
    assert_eq!(owner(&stage).await, BOT_APP_ID);
    assert_eq!(refused(&stage, "pass_thread_control", pass).await, "100/2534037");
    stage.client.write_text(BOT_PAGE, ANNA, "bye").await.expect("written");
    assert_eq!(webhook.next_event().await.0, "standby");
}

#[tokio::test]
async fn the_bot_takes_back_and_hears_requests() {
    let (stage, mut webhook) = begin().await;
    let to = json!({"recipient": {"id": ANNA}});
    assert_eq!(refused(&stage, "take_thread_control", to.clone()).await, "100/2018171", "only the primary takes");
    post(&stage, "request_thread_control", json!({"recipient": {"id": ANNA}, "metadata": "please"})).await;
    let path = format!("/deliveries?app_id={BOT_APP_ID}");
    let bots = stage.control(Method::GET, &path, None).await["deliveries"].clone();
    let request = json!({"requested_owner_app_id": APP_NUMBER, "metadata": "please"});
    assert_eq!(bots[1]["body"]["entry"][0]["messaging"][0]["request_thread_control"], request);
    stage.client.bot_pass(BOT_PAGE, ANNA, "").await.expect("passed");
    webhook.next_event().await;
    stage.client.bot_take(BOT_PAGE, ANNA).await.expect("taken");
    let (channel, event) = webhook.next_event().await;
    let taken = json!({"previous_owner_app_id": APP_NUMBER, "new_owner_app_id": BOT_NUMBER, "metadata": ""});
    assert_eq!((channel, &event["take_thread_control"]), ("messaging", &taken));
    assert_eq!(refused(&stage, "messages", text("late")).await, "10/2018300");
    assert_eq!(refused(&stage, "release_thread_control", to).await, "100/2534037");
}

#[tokio::test]
async fn a_released_thread_is_nobodys_until_somebody_writes() {
    let (stage, mut webhook) = begin().await;
    stage.client.bot_pass(BOT_PAGE, ANNA, "").await.expect("passed");
    webhook.next_event().await;
    let extend = json!({"recipient": {"id": ANNA}, "duration": 604_800});
    post(&stage, "extend_thread_control", extend).await;
    let too_long = json!({"recipient": {"id": ANNA}, "duration": 604_801});
    assert_eq!(refused(&stage, "extend_thread_control", too_long).await, "100");
    post(&stage, "release_thread_control", json!({"recipient": {"id": ANNA}})).await;
    assert_eq!(owner(&stage).await, Value::Null);
    post(&stage, "messages", text("still there?")).await;
    assert_eq!(owner(&stage).await, APP, "who writes into an idle thread has it");
    post(&stage, "release_thread_control", json!({"recipient": {"id": ANNA}})).await;
    stage.client.write_text(BOT_PAGE, ANNA, "anybody?").await.expect("written");
    assert_eq!(owner(&stage).await, BOT_APP_ID, "the default app's");
}

#[tokio::test]
async fn people_in_the_inbox_take_over_from_any_app() {
    let (stage, mut webhook) = begin().await;
    stage.client.bot_pass(BOT_PAGE, ANNA, "").await.expect("passed");
    webhook.next_event().await;
    let reply = json!({"app_id": INBOX_APP_ID, "text": "Olivia here"});
    stage.client.bot_reply(BOT_PAGE, ANNA, &reply).await.expect("sent");
    let (_, event) = webhook.next_event().await;
    assert_eq!(event["take_thread_control"]["new_owner_app_id"], 263_902_037_430_900_u64);
    let (channel, echo) = webhook.next_event().await;
    assert_eq!((channel, &echo["message"]["app_id"]), ("standby", &json!(263_902_037_430_900_u64)));
    assert_eq!(refused(&stage, "messages", text("x")).await, "10/2018300");
}

#[tokio::test]
async fn a_new_routing_is_told_and_what_cannot_be_is_refused() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    stage.subscribe(&webhook.url).await;
    stage.client.set_primary(PAGE, Some(BOT_APP_ID)).await.expect("set");
    let (_, event) = webhook.next_event().await;
    assert_eq!(event["app_roles"], json!({APP: ["secondary_receiver"]}));
    assert!(event.get("sender").is_none());
    assert_eq!(refused(&stage, "pass_thread_control", json!({"recipient": {"id": ANNA}})).await, "100/2018001");
    stage.client.write_text(BOT_PAGE, ANNA, "x").await.expect("written");
    let to = json!({"recipient": {"id": ANNA}});
    assert_eq!(refused(&stage, "pass_thread_control", to).await, "100");
    let other = stage.client.create_app(&NewApp::default()).await.expect("created");
    let to = json!({"recipient": {"id": ANNA}, "target_app_id": other["id"]});
    assert_eq!(refused(&stage, "pass_thread_control", to).await, "100/2018171");
    assert_eq!(refused(&stage, "thread_owner", json!({})).await, "100/33", "only GET");
}
