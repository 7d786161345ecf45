//! Connections come and go (Q10, W5): the grace, and catching up with nothing missing and nothing twice.

use std::time::Duration;

use domain::ChatId;
use domain::config::Rule;
use domain::message::{DeliveryState, Message};
use domain::operator::Status;
use e2e::{View, Window};
use serde_json::json;

use super::{staffed, talking, until};

/// Q10's grace.
const GRACE_MS: i64 = 30_000;

#[tokio::test]
async fn offers_of_who_is_gone_for_half_a_minute_go_to_the_next_without_penalty() {
    let (world, anna, window) = staffed(Rule::MostFree).await;
    let customer = world.customer(1);
    customer.write("Hello").await;
    let (_, chat) = window.offered(&customer.name()).await;
    let boris = world.operator("Boris").await.come_online().await;
    let left_ms = e2e::now_ms();
    window.leave().await;
    let bound = Duration::from_mins(3);
    let (offer, again) = boris.wait_within("the withdrawn offer", bound, |view| view.offer_of(&customer.name())).await;
    let after_ms = e2e::now_ms() - left_ms;
    assert!(after_ms >= GRACE_MS, "withdrawn after {after_ms} ms already");
    assert_eq!(again.id, chat.id);
    boris.accept(&again.id, Some(&offer)).await;
    let back = anna.connect().await;
    let me = back.view(|view| view.me.clone()).expect("known since hello");
    assert_eq!((me.status, me.load), (Status::Active, 0), "without penalty");
}

#[tokio::test]
async fn who_comes_back_within_the_grace_keeps_their_offers() {
    let (world, anna, window) = staffed(Rule::MostFree).await;
    let customer = world.customer(1);
    customer.write("Hello").await;
    let (offer, chat) = window.offered(&customer.name()).await;
    let left_ms = e2e::now_ms();
    window.leave().await;
    let back = anna.connect().await;
    assert_eq!(back.view(|view| view.offer_of(&customer.name())).map(|(id, _)| id), Some(offer.clone()));
    // Past the grace, with the router's look at it: still there.
    until(left_ms + GRACE_MS + 5_000).await;
    assert!(back.view(|view| view.offers.contains_key(&offer) && view.offers_gone.is_empty()));
    back.accept(&chat.id, Some(&offer)).await;
}

/// All messages of a chat, as they are stored.
async fn stored(window: &Window, chat: &ChatId) -> Vec<Message> {
    let mut all = Vec::new();
    let mut before = None;
    loop {
        let page = window.history(chat, before, Some(20)).await;
        before = page.messages.first().map(|message| message.seq);
        all.splice(0..0, page.messages);
        if !page.more {
            return all;
        }
    }
}

/// Waits until the window shows a message of these words.
async fn shows(window: &Window, words: &str) {
    let found =
        |view: &View| view.messages.values().any(|message| message.content.words() == Some(words)).then_some(());
    window.wait(words, found).await;
}

#[tokio::test]
async fn a_window_that_was_away_catches_up_with_messages_edits_and_delivery_states() {
    let (world, anna, window, customer, chat) = talking().await;
    window.sync(Vec::new()).await;
    let written = customer.write("to be edited").await;
    shows(&window, "to be edited").await;
    // A reply whose delivery ends while the window is away: the bot is held for a moment.
    world.bot.order_faults(&json!({"kind": "rate_limited", "retry_after": 4})).await;
    let seq = window.send(&chat.id, "a reply").await[0];
    world.bot.wait_for_calls("sendMessage", 1).await;
    let other = anna.connect().await;
    let lost = window.cut();
    assert_eq!(lost.known.len(), 1);
    for at in 1..=20 {
        customer.write(&format!("while away {at}")).await;
    }
    customer.edit(written.message_id, "edited while away").await;
    let away = other.send(&chat.id, "a reply while away").await[0];
    for seq in [seq, away] {
        other.delivery(&chat.id, seq, DeliveryState::Sent).await;
    }
    shows(&other, "while away 20").await;
    shows(&other, "edited while away").await;

    let back = anna.reconnect(lost).await;
    let shown: Vec<_> = back.view(|view| view.messages_of(&chat.id).into_iter().cloned().collect());
    assert_eq!(shown, stored(&back, &chat.id).await, "nothing missing, nothing twice, nothing outdated");
    assert_eq!(shown.len(), 24);
}

#[tokio::test]
async fn a_gap_longer_than_a_page_is_closed_without_a_hole() {
    let (_world, anna, window, customer, chat) = talking().await;
    window.sync(Vec::new()).await;
    let other = anna.connect().await;
    let lost = window.cut();
    for at in 1..=120 {
        customer.write(&format!("while away {at}")).await;
    }
    shows(&other, "while away 120").await;
    let back = anna.reconnect(lost).await;
    let seqs: Vec<u64> = back.view(|view| view.messages_of(&chat.id).iter().map(|message| message.seq).collect());
    assert_eq!(seqs, (1..=121).collect::<Vec<_>>());
}

#[tokio::test]
async fn after_a_reconnect_what_ended_meanwhile_is_gone() {
    let (world, anna, window, _, chat) = talking().await;
    let other = anna.connect().await;
    world.customer(2).write("Hello").await;
    let second = other.accept_from(&world.customer(2).name()).await;
    world.customer(3).write("Hello").await;
    let (offer, third) = window.offered(&world.customer(3).name()).await;
    window.wait("both chats", |view| (view.chats.len() == 2).then_some(())).await;
    let lost = window.cut();
    other.close(&chat.id).await;
    other.accept(&third.id, Some(&offer)).await;
    let back = anna.reconnect(lost).await;
    let chats = back.view(|view| view.chats.keys().cloned().collect::<Vec<_>>());
    let mut expected = vec![second.id, third.id];
    expected.sort();
    assert_eq!(chats, expected);
    assert_eq!(back.view(|view| view.offers.len()), 0);
}
