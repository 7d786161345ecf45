//! Replies: in order, once, split where they are too long (I6, L7).

use domain::message::DeliveryState;
use e2e::SOON;
use wire::operators::{Command, Sent};

use super::talking;

/// Telegram's longest text, UTF-16 units.
const TELEGRAM_TEXT_MAX: usize = 4096;

#[tokio::test]
async fn replies_arrive_in_their_order() {
    let (_world, _, anna, customer, chat) = talking().await;
    let texts: Vec<String> = (1..=12).map(|at| format!("reply {at}")).collect();
    let mut last = 0;
    for text in &texts {
        last = anna.send(&chat.id, text).await[0];
    }
    assert_eq!(customer.received(texts.len()).await, texts);
    anna.delivery(&chat.id, last, DeliveryState::Sent).await;
}

#[tokio::test]
async fn a_long_text_is_split_at_a_sensible_place() {
    let (_world, _, anna, customer, chat) = talking().await;
    let words: Vec<String> = (0..1200).map(|at| format!("word{at}")).collect();
    let text = words.join(" ");
    assert!(text.len() > 2 * TELEGRAM_TEXT_MAX);
    let seqs = anna.send(&chat.id, &text).await;
    assert_eq!(seqs.len(), text.len().div_ceil(TELEGRAM_TEXT_MAX));
    let parts = customer.received(seqs.len()).await;
    assert!(parts.iter().all(|part| part.encode_utf16().count() <= TELEGRAM_TEXT_MAX));
    let received: Vec<&str> = parts.iter().flat_map(|part| part.split_whitespace()).collect();
    assert_eq!(received, words, "no word is cut or lost");
    for seq in seqs {
        anna.delivery(&chat.id, seq, DeliveryState::Sent).await;
    }
}

#[tokio::test]
async fn the_same_request_twice_is_one_message() {
    let (_world, _, anna, customer, chat) = talking().await;
    let command = Command::Send { chat: chat.id.clone(), text: "only once".into() };
    let one = anna.ask_as("same-request", command.clone()).await;
    let two = anna.ask_as("same-request", command.clone()).await;
    assert!(one.ok && two.ok, "{one:?} {two:?}");
    assert_eq!(one.result, two.result, "the same answer");
    let sent: Sent = serde_json::from_value(one.result.expect("a result")).expect("sent");
    anna.delivery(&chat.id, sent.seqs[0], DeliveryState::Sent).await;
    anna.send(&chat.id, "the next").await;
    assert_eq!(customer.received(2).await, ["only once", "the next"]);
    assert_eq!(anna.history(&chat.id, None, None).await.messages.len(), 3);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused() {
    let (_world, _, anna, _, chat) = talking().await;
    let send = |text: String| Command::Send { chat: chat.id.clone(), text };
    assert_eq!(anna.refused(send(String::new())).await, "text_empty");
    assert_eq!(anna.refused(send(" \n\t ".into())).await, "text_empty");
    assert_eq!(anna.refused(send("x".repeat(domain::content::TEXT_CHARS_MAX + 1))).await, "text_too_long");
}

#[tokio::test]
async fn typing_shows_at_the_customer_s() {
    let (world, _, anna, customer, chat) = talking().await;
    anna.must(Command::Typing { chat: chat.id.clone() }).await;
    let calls = world.bot.wait_for_calls("sendChatAction", 1).await;
    assert_eq!(calls[0]["params"]["action"], "typing");
    assert_eq!(calls[0]["chat_id"], customer.id);
}

#[tokio::test]
async fn a_switched_off_channel_keeps_its_chats_and_refuses_replies() {
    let (mut world, _, anna, customer, chat) = talking().await;
    world.change_channel(|channel| channel.active = false).await;
    world.settle().await;
    let send = Command::Send { chat: chat.id.clone(), text: "hello?".into() };
    assert_eq!(anna.refused(send.clone()).await, "channel_inactive");
    assert_eq!(anna.sync(Vec::new()).await.chats, std::slice::from_ref(&chat.id), "the chat stays");
    // C1: what the customer writes meanwhile is answered 2xx, and not stored.
    world.settle().await;
    let lost = customer.write("to nobody").await;
    world.bot.delivery(lost.update_id).await;
    // Not switched on while the message is still on its way: it would arrive at a channel that takes part.
    world.settle().await;
    world.change_channel(|channel| channel.active = true).await;
    world.settle().await;
    customer.write("to somebody").await;
    anna.wait_within("the next message", SOON, |view| {
        view.words_of(&chat.id).contains(&"to somebody".into()).then_some(())
    })
    .await;
    anna.must(send).await;
    let history = anna.history(&chat.id, None, None).await;
    let words: Vec<_> = history.messages.iter().filter_map(|message| message.content.words()).collect();
    assert_eq!(words, ["Hello", "to somebody", "hello?"]);
}
