//! Writing to the customer (I6, L6).

use domain::ChatId;
use domain::decision::{Decision, Write};
use domain::delivery::{self, Outcome};
use domain::message::{Author, DeliveryState};
use fakes::world::{SALES, id};
use fakes::{FaultTime, World};
use ports::StoreError;
use serde_json::{Value, json};
use wire::queues::{Outbound, OutboundKind, QueueMessage};

use crate::{command, result};

fn send(chat: &ChatId, text: &str) -> Value {
    json!({"action": "send", "chat": chat, "text": text})
}

/// The replies that the outbound function was told of, by number.
fn hinted(world: &World) -> Vec<u64> {
    let seq = |message: QueueMessage| match message {
        QueueMessage::Outbound(Outbound { what: OutboundKind::Reply { seq, .. }, .. }) => Some(seq),
        _ => None,
    };
    world.queues.take().into_iter().filter_map(seq).collect()
}

#[tokio::test]
async fn a_reply_is_stored_hinted_at_and_told_to_the_operators_other_windows() {
    let world = World::new();
    let anna = world.operator("anna");
    world.connect(&anna, "anna-2");
    let chat = world.in_work("c1", SALES, &anna);
    world.clock.advance(1_000);
    assert_eq!(result(&world, &anna, "r1", send(&chat, "hi")).await, json!({"seqs": [2]}));

    let message = world.messages(&chat).pop().unwrap();
    assert_eq!(message.author, Author::Operator { id: anna, name: "anna".to_owned() });
    assert_eq!(message.delivery.unwrap().state, DeliveryState::Queued);
    assert_eq!(world.chat(&chat).thread.last_out_at_ms, Some(world.now_ms()));
    assert_eq!(hinted(&world), [2]);
    assert_eq!(world.told("anna-2", "message").len(), 1);
    assert!(world.told("anna-1", "message").is_empty(), "this window has the answer");
}

#[tokio::test]
async fn i6_a_request_sent_again_is_one_reply_even_when_the_first_answer_was_lost() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    world.store.fail_next_commits(1, FaultTime::After, &StoreError::Unavailable("lost".to_owned()));
    assert_eq!(command(&world, &anna, "r1", send(&chat, "hi")).await, "try_again");
    for _ in 0..2 {
        assert_eq!(result(&world, &anna, "r1", send(&chat, "hi")).await, json!({"seqs": [2]}));
    }
    assert_eq!(result(&world, &anna, "r2", send(&chat, "hi")).await, json!({"seqs": [3]}), "another request");
    assert_eq!(world.words(&chat), ["hello", "hi", "hi"]);
}

#[tokio::test]
async fn a_long_text_goes_in_parts_all_of_one_transaction() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    world.reset();
    let text = format!("{}\n{}", "a".repeat(4_000), "b".repeat(4_000));
    assert_eq!(result(&world, &anna, "r1", send(&chat, &text)).await, json!({"seqs": [2, 3]}));
    assert_eq!((world.store.counts().commits, world.store.counts().items_written), (1, 3));
    let parts = world.messages(&chat);
    assert_eq!((parts[1].previous_out, parts[2].previous_out), (None, Some(2)));
    assert_eq!(hinted(&world), [2, 3]);
}

#[tokio::test]
async fn a_reply_that_cannot_be_says_why() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    let (mine, others, waiting) =
        (world.in_work("c1", SALES, &anna), world.in_work("c2", SALES, &ben), world.waiting("c3", SALES));
    let unknown: ChatId = id("nobody.1");
    for (n, (wanted, expected)) in [
        (send(&mine, ""), "text_empty"),
        (send(&mine, " \n"), "text_empty"),
        (send(&mine, &"x".repeat(16_385)), "text_too_long"),
        (send(&others, "x"), "not_your_chat"),
        (send(&waiting, "x"), "not_your_chat"),
        (send(&unknown, "x"), "chat_not_found"),
        (json!({"action": "hello"}), "chat_not_found"),
        (json!({"action": "fly"}), "unknown_action"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(command(&world, &anna, &format!("r{n}"), wanted).await, expected);
    }
    // C1: in an open chat of a channel that was switched off.
    world.configure(|config| config.channels.get_mut(&id("sales-bot")).unwrap().active = false);
    assert_eq!(command(&world, &anna, "off", send(&mine, "x")).await, "channel_inactive");
    assert!(hinted(&world).is_empty());
}

#[tokio::test]
async fn l6_a_reply_after_the_close_is_refused_and_one_before_it_stays() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    assert_eq!(command(&world, &anna, "r1", send(&chat, "bye")).await, "ok");
    world.closes(&chat, &anna);
    assert_eq!(command(&world, &anna, "r2", send(&chat, "late")).await, "chat_closed");
    // The one accepted before the close was accepted, however often it is asked.
    assert_eq!(command(&world, &anna, "r1", send(&chat, "bye")).await, "ok");
    assert_eq!(world.words(&chat), ["hello", "bye"]);
}

#[tokio::test]
async fn l6_a_close_between_the_look_and_the_commit_refuses_the_reply() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    let (rival, closing, by) = (world.clone(), chat.clone(), anna.clone());
    world.store.before_next_commit(move |_| rival.closes(&closing, &by));
    assert_eq!(command(&world, &anna, "r1", send(&chat, "late")).await, "chat_closed");
    assert_eq!(world.words(&chat), ["hello"]);
}

#[tokio::test]
async fn l7_a_message_between_the_look_and_the_commit_comes_before_the_reply() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    let rival = world.clone();
    world.store.before_next_commit(move |_| {
        rival.says("c1", SALES, "2", "quick");
    });
    assert_eq!(result(&world, &anna, "r1", send(&chat, "hi")).await, json!({"seqs": [3]}));
    assert_eq!(world.words(&chat), ["hello", "quick", "hi"]);
}

/// How the outbound function leaves a reply.
fn settle(world: &World, chat: &ChatId, outcome: &Outcome) {
    let message = world.messages(chat).pop().expect("there are messages");
    let settled = delivery::settle(&message, outcome);
    world.commit(&Decision { writes: vec![Write::Message(settled)], ..Decision::default() });
}

#[tokio::test]
async fn i6_what_failed_or_is_unknown_may_be_sent_again_and_nothing_else() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    world.replies(&chat, &anna, "r1", "hi");
    let resend = |seq: u64| json!({"action": "resend", "chat": chat, "seq": seq});
    assert_eq!(command(&world, &anna, "queued", resend(2)).await, "not_resendable");
    assert_eq!(command(&world, &anna, "theirs", resend(1)).await, "not_resendable");
    assert_eq!(command(&world, &anna, "none", resend(9)).await, "message_not_found");
    for outcome in [Outcome::Failed("blocked".to_owned()), Outcome::Unknown("timeout".to_owned())] {
        settle(&world, &chat, &outcome);
        world.clock.advance(1_000);
        assert_eq!(command(&world, &anna, &format!("{outcome:?}"), resend(2)).await, "ok");
        assert_eq!(world.messages(&chat)[1].delivery.as_ref().unwrap().state, DeliveryState::Queued);
    }
    let dedupe: Vec<_> = world.queues.take().iter().filter_map(QueueMessage::group_and_dedupe).collect();
    assert!(dedupe.len() == 2 && dedupe[0] != dedupe[1], "a wanted resend is no double: {dedupe:?}");
    settle(&world, &chat, &Outcome::Sent(Some("42".to_owned())));
    assert_eq!(command(&world, &anna, "sent", resend(2)).await, "not_resendable");
}

#[tokio::test]
async fn typing_is_shown_once_in_four_seconds() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    let chat = world.in_work("c1", SALES, &anna);
    world.queues.take();
    let typing = json!({"action": "typing", "chat": chat});
    for request in ["r1", "r2", "r3"] {
        assert_eq!(command(&world, &anna, request, typing.clone()).await, "ok");
        world.clock.advance(1_300);
    }
    assert_eq!(world.queues.take_distinct().len(), 1);
    world.clock.advance(1_300);
    assert_eq!(command(&world, &anna, "r4", typing.clone()).await, "ok");
    assert_eq!(world.queues.take_distinct().len(), 1);
    assert_eq!(command(&world, &ben, "r5", typing).await, "not_your_chat");
}
