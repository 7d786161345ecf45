//! Connections come and go (Q10, W5): the grace, and catching up with nothing missing and nothing twice.

use std::time::Duration;

use domain::config::Rule;
use domain::message::DeliveryState;
use domain::operator::Status;
use e2e::View;

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

#[tokio::test]
async fn a_window_that_was_away_catches_up_with_nothing_missing_and_nothing_twice() {
    let (_world, anna, window, customer, chat) = talking().await;
    let written = customer.write_and_wait("before, to be edited").await;
    window
        .wait("both messages", |view| view.messages_of(&chat.id).last().filter(|last| last.seq == 2).map(|_| ()))
        .await;
    let seq = window.send(&chat.id, "a reply").await[0];
    window.delivery(&chat.id, seq, DeliveryState::Sent).await;
    // Cut off without a farewell; the operator goes on in another window.
    let other = anna.connect().await;
    let lost = window;
    let knew = lost.view(|view| view.messages_of(&chat.id).len());
    for at in 1..=55 {
        customer.write(&format!("while away {at}")).await;
    }
    customer.edit(written.message_id, "edited while away").await;
    let away = other.send(&chat.id, "a reply while away").await[0];
    other.delivery(&chat.id, away, DeliveryState::Sent).await;
    let whole = |view: &View| {
        let words = view.words_of(&chat.id);
        let edited = words.iter().any(|words| words == "edited while away");
        (edited && words.iter().any(|words| words == "while away 55")).then_some(())
    };
    other.wait("all of it in the other window", whole).await;

    let back = anna.reconnect(lost).await;
    let mut expected = Vec::new();
    let mut before = None;
    loop {
        let page = back.history(&chat.id, before, Some(20)).await;
        before = page.messages.first().map(|message| message.seq);
        expected.splice(0..0, page.messages);
        if !page.more {
            break;
        }
    }
    let shown: Vec<_> = back.view(|view| view.messages_of(&chat.id).into_iter().cloned().collect());
    // The first message came before the accept: this window never asked for it, and now has it too.
    let seqs: Vec<u64> = expected.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, (1..=u64::try_from(seqs.len()).unwrap_or(0)).collect::<Vec<_>>(), "numbered without a gap");
    assert!(shown.len() > knew + 50);
    assert_eq!(shown, expected[expected.len() - shown.len()..], "shown as it is stored");
    assert!(expected.len() - shown.len() <= 1, "nothing missing");
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
    let lost = window;
    other.close(&chat.id).await;
    other.accept(&third.id, Some(&offer)).await;
    let back = anna.reconnect(lost).await;
    let chats = back.view(|view| view.chats.keys().cloned().collect::<Vec<_>>());
    let mut expected = vec![second.id, third.id];
    expected.sort();
    assert_eq!(chats, expected);
    assert_eq!(back.view(|view| view.offers.len()), 0);
}
