//! A bot and the operators take turns at a conversation (C6, L5).

use domain::ChatId;
use domain::content::Content;
use domain::message::{Author, DeliveryState, Message};
use e2e::messenger::{APP_ID, Shop, Visitor, message};
use e2e::{SOON, Window, eventually};
use serde_json::json;
use simulators::graph::{BOT_APP_ID, INBOX_APP_ID};
use wire::operators::{ChatView, Command};

use super::kinds::shown;

/// Who says what, in a line.
fn said(message: &Message) -> String {
    let who = match &message.author {
        Author::Customer => "customer",
        Author::Operator { .. } => "operator",
        Author::External { app } if app.as_deref() == Some(BOT_APP_ID) => "bot",
        Author::External { .. } => "external",
        Author::System => "system",
    };
    format!("{who}: {}", shown(message))
}

/// The whole chat, line by line.
async fn script(anna: &Window, chat: &ChatId) -> Vec<String> {
    anna.history(chat, None, None).await.messages.iter().map(said).collect()
}

/// The customer writes while the bot has the conversation.
async fn write_to_bot(visitor: &Visitor, text: &str) {
    let done = visitor.write(text).await;
    visitor.taken(&done).await;
}

/// The bot hands over.
async fn pass(visitor: &Visitor) {
    visitor.page.simulator.bot_pass(&visitor.page.id, &visitor.id, "a person, please").await.expect("passed");
}

/// A chat that the bot has handed over, in the operator's work.
async fn handed_over() -> (Shop, Window, Visitor, ChatView) {
    let shop = Shop::open_with_bot().await;
    let (_, anna) = shop.operator("Anna").await;
    let visitor = shop.page.customer();
    write_to_bot(&visitor, "Hello").await;
    pass(&visitor).await;
    let chat = visitor.accepted_by(&anna).await;
    (shop, anna, visitor, chat)
}

/// Whether a chat was recorded before anybody was asked to take it: else it waits from its first moment.
fn was_with_bot(chat: &ChatView) -> bool {
    chat.opened_at_ms < chat.waiting_since_ms
}

/// Waits until the operator's chat is with another app, or with us again.
async fn is_with_other(anna: &Window, chat: &ChatId, other: bool) {
    let what = format!("the conversation to be {}", if other { "with another" } else { "ours" });
    anna.wait(&what, |view| view.chats.get(chat).filter(|chat| chat.is_with_other == other).map(|_| ())).await;
}

#[tokio::test]
async fn c6_a_bot_hands_over_and_gets_the_conversation_back() {
    let shop = Shop::open_with_bot().await;
    let (_, anna) = shop.operator("Anna").await;
    let visitor = shop.page.customer();
    write_to_bot(&visitor, "Hello").await;
    visitor.answered(&json!({"text": "I am a bot. What is it about?"})).await;
    write_to_bot(&visitor, "My order. A person, please!").await;
    let passed_at_ms = e2e::now_ms();
    pass(&visitor).await;
    visitor.owned_by(Some(APP_ID)).await;
    let chat = visitor.accepted_by(&anna).await;
    // L5: it was recorded all along, and nobody was asked before.
    assert!(was_with_bot(&chat) && passed_at_ms <= chat.waiting_since_ms, "{chat:?}");
    assert!(!chat.is_with_other);
    let before = [
        "customer: text Hello",
        "bot: text I am a bot. What is it about?",
        "customer: text My order. A person, please!",
        "system: note conversation_handed_over",
    ];
    assert_eq!(script(&anna, &chat.id).await, before);
    let seq = anna.send(&chat.id, "Here is a person.").await[0];
    anna.delivery(&chat.id, seq, DeliveryState::Delivered).await;
    assert_eq!(visitor.received_texts(2).await[1], "Here is a person.");
    anna.close(&chat.id).await;
    visitor.owned_by(Some(BOT_APP_ID)).await;
    let calls = visitor.calls("pass_thread_control", 1).await;
    assert_eq!(calls.len(), 1, "{calls:#?}");
    assert_eq!(calls[0]["params"]["target_app_id"], BOT_APP_ID, "{}", calls[0]);
    assert_eq!(calls[0]["params"]["recipient"], json!({"id": visitor.id}), "{}", calls[0]);

    // The next turn is a chat of its own, again the bot's first.
    write_to_bot(&visitor, "Me again").await;
    let again_at_ms = e2e::now_ms();
    pass(&visitor).await;
    let (offer, next) = visitor.offered(&anna).await;
    assert_eq!((next.id.n, &next.id.conversation), (2, &chat.id.conversation));
    assert!(was_with_bot(&next) && again_at_ms <= next.waiting_since_ms, "{next:?}");
    anna.accept(&next.id, Some(&offer)).await;
    let second = ["customer: text Me again", "system: note conversation_handed_over"];
    assert_eq!(script(&anna, &next.id).await, second);
}

#[tokio::test]
async fn c6_what_nobody_passed_on_is_let_go_of() {
    let shop = Shop::open_with_bot().await;
    let (_, anna) = shop.operator("Anna").await;
    let visitor = shop.page.customer();
    write_to_bot(&visitor, "Hello").await;
    // The conversation lies idle, so that there is no previous owner.
    visitor.act("handover", &json!({"move": "release"})).await;
    pass(&visitor).await;
    let chat = visitor.accepted_by(&anna).await;
    anna.close(&chat.id).await;
    visitor.owned_by(None).await;
    assert_eq!(visitor.calls("release_thread_control", 1).await.len(), 1);
    assert!(visitor.calls("pass_thread_control", 0).await.is_empty());
}

#[tokio::test]
async fn c6_what_the_bot_takes_back_cannot_be_answered_until_it_is_passed_on_again() {
    let (_shop, anna, visitor, chat) = handed_over().await;
    visitor.page.simulator.bot_take(&visitor.page.id, &visitor.id).await.expect("taken");
    is_with_other(&anna, &chat.id, true).await;
    let send = |text: &str| Command::Send { chat: chat.id.clone(), text: text.to_owned() };
    assert_eq!(anna.refused(send("hello?")).await, "owned_by_other");
    visitor.answered(&json!({"text": "It is me, the bot"})).await;
    message(&anna, &chat.id, "the bot's words", |message| said(message) == "bot: text It is me, the bot").await;
    pass(&visitor).await;
    is_with_other(&anna, &chat.id, false).await;
    let seq = anna.send(&chat.id, "Here I am again.").await[0];
    anna.delivery(&chat.id, seq, DeliveryState::Delivered).await;
    let expected = [
        "customer: text Hello",
        "system: note conversation_handed_over",
        "system: note conversation_taken",
        "bot: text It is me, the bot",
        "system: note conversation_handed_over",
        "operator: text Here I am again.",
    ];
    assert_eq!(script(&anna, &chat.id).await, expected);
    assert_eq!(visitor.calls("messages", 1).await.len(), 1, "the refused one was never sent");
}

#[tokio::test]
async fn c6_somebody_in_the_page_s_inbox_takes_over() {
    let (_shop, anna, visitor, chat) = handed_over().await;
    visitor.answered(&json!({"text": "Paul here", "app_id": INBOX_APP_ID})).await;
    is_with_other(&anna, &chat.id, true).await;
    let shown = message(&anna, &chat.id, "their words", |message| message.content.words() == Some("Paul here")).await;
    assert_eq!(shown.author, Author::External { app: Some(INBOX_APP_ID.to_owned()) });
    let send = Command::Send { chat: chat.id.clone(), text: "hello?".to_owned() };
    assert_eq!(anna.refused(send).await, "owned_by_other");
}

#[tokio::test]
async fn c6_the_bot_may_ask_for_the_conversation_and_gets_it_when_the_chat_closes() {
    let (_shop, anna, visitor, chat) = handed_over().await;
    visitor.act("handover", &json!({"move": "request", "metadata": "mine?"})).await;
    message(&anna, &chat.id, "the request", |message| said(message) == "system: note conversation_requested").await;
    let seq = anna.send(&chat.id, "In a moment.").await[0];
    anna.delivery(&chat.id, seq, DeliveryState::Delivered).await;
    anna.close(&chat.id).await;
    visitor.owned_by(Some(BOT_APP_ID)).await;
    assert_eq!(visitor.calls("pass_thread_control", 1).await.len(), 1);
}

#[tokio::test]
async fn c6_a_chat_in_line_leaves_it_while_another_has_the_conversation() {
    let shop = Shop::open_with_bot().await;
    let visitor = shop.page.customer();
    let aws = &shop.facebook.ground.aws;
    let line_is = async |length: u64| {
        let look = async || (aws.count_work_rows(&format!("W#{}", shop.queue.id)).await == length).then_some(());
        eventually(&format!("a line of {length}"), SOON, look).await;
    };
    write_to_bot(&visitor, "Hello").await;
    pass(&visitor).await;
    line_is(1).await;
    visitor.page.simulator.bot_take(&visitor.page.id, &visitor.id).await.expect("taken");
    line_is(0).await;
    pass(&visitor).await;
    line_is(1).await;
    let (_, anna) = shop.operator("Anna").await;
    let chat = visitor.accepted_by(&anna).await;
    assert_eq!((chat.id.n, chat.is_with_other), (1, false));
}

#[tokio::test]
async fn c6_a_reply_that_facebook_refuses_as_another_s_fails_and_shows_whose_the_conversation_is() {
    let (shop, anna, visitor, chat) = handed_over().await;
    // Another has taken the conversation, and the word of it is still on its way.
    shop.page.order_faults(&[json!({"kind": "other_owner"})]).await;
    let seq = anna.send(&chat.id, "hello?").await[0];
    let reason = anna.delivery(&chat.id, seq, DeliveryState::Failed).await;
    assert_eq!(reason.as_deref(), Some("owned_by_other"));
    is_with_other(&anna, &chat.id, true).await;
    let send = Command::Send { chat: chat.id.clone(), text: "and now?".to_owned() };
    assert_eq!(anna.refused(send).await, "owned_by_other");
    // What the customer writes to us, and not in standby, is ours to answer.
    visitor.write("Are you there?").await;
    is_with_other(&anna, &chat.id, false).await;
    let next = anna.send(&chat.id, "Yes.").await[0];
    anna.delivery(&chat.id, next, DeliveryState::Delivered).await;
    let calls = visitor.calls("messages", 2).await;
    assert_eq!((calls.len(), &calls[0]["subcode"]), (2, &json!(2_018_300)), "{calls:#?}");
    let history = anna.history(&chat.id, None, None).await.messages;
    let expected = ["operator: text hello?", "system: note conversation_taken", "customer: text Are you there?"];
    assert_eq!(history[2..5].iter().map(said).collect::<Vec<_>>(), expected);
    assert!(!history.iter().any(|message| matches!(message.content, Content::HandBack { .. })), "{history:#?}");
}
