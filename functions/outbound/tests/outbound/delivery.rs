//! What becomes of a reply.

use domain::chat::Stand;
use domain::decision::Write;
use domain::delivery::HAND_OVER_MS_MAX;
use domain::message::DeliveryState::{Failed, Queued, Sending, Sent, Unknown};
use domain::operator::Operator;
use fakes::{Counts, FaultTime};
use ports::{MessengerReply, QueueError, SecretError, StoreError};
use serde_json::json;
use wire::queues::{OutboundKind, QueueMessage, QueueName};

use crate::support::{ADDRESS, TOKEN, World, ann, ben, event_of};

const CHAT: &str = "c0ffee";

/// What one delivery of a reply costs.
fn assert_budget(world: &World) {
    let Counts { gets, queries, commits, items_written, .. } = world.store.counts();
    assert_eq!((gets, queries, commits, items_written), (1, 0, 2, 2), "one read, two updates of one row");
    assert_eq!(world.messenger.calls().len(), 1, "one call");
    assert_eq!(world.push.posts(), 2, "one post per connection of the operator");
    assert_eq!(world.queues.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn budget_a_reply_takes_one_read_two_updates_one_call_and_a_post_per_connection() {
    let world = World::new();
    let hint = &world.say(CHAT, &["hello"])[0];
    world.reset_counts();
    assert_eq!(world.deliver(hint).await, Ok(()));
    assert_budget(&world);
    let message = world.message(CHAT, 2);
    assert_eq!((world.state(CHAT, 2), message.provider_message_id.as_deref()), ((Sent, None), Some("1001")));
    assert_eq!(message.delivery.unwrap().attempts, 1);
    let call = &world.messenger.calls()[0];
    assert_eq!((call.token.as_str(), call.call.method), (TOKEN, "sendMessage"));
    assert_eq!(*call.call.parameters(), json!({ "chat_id": ADDRESS.parse::<i64>().unwrap(), "text": "hello" }));
}

#[tokio::test(start_paused = true)]
async fn budget_is_the_same_with_ten_times_the_history() {
    let world = World::new();
    for n in 0..50 {
        for hint in world.say(CHAT, &[&format!("said before {n}")]) {
            assert_eq!(world.deliver(&hint).await, Ok(()));
        }
    }
    let hint = &world.say(CHAT, &["hello"])[0];
    world.reset_counts();
    assert_eq!(world.deliver(hint).await, Ok(()));
    assert_budget(&world);
}

#[tokio::test(start_paused = true)]
async fn i6_the_operators_windows_hear_how_it_went() {
    let world = World::new();
    let hint = &world.say(CHAT, &["hello"])[0];
    assert_eq!(world.deliver(hint).await, Ok(()));
    for window in ["a1", "a2"] {
        let frames = world.push.frames_json(window);
        assert_eq!(frames.len(), 1, "{window}");
        assert_eq!(frames[0]["type"], "message");
        assert_eq!(frames[0]["message"]["delivery"]["state"], "sent");
    }
    assert_eq!(world.push.frames("b1").len(), 0, "I8");
}

#[tokio::test(start_paused = true)]
async fn i6_each_answer_of_the_messenger_ends_as_it_should() {
    let refusal = |code: u16, said: &str| {
        let body = json!({ "ok": false, "error_code": code, "description": said });
        MessengerReply::Answered { status: code, body: body.to_string().into_bytes() }
    };
    let page = |status| MessengerReply::Answered { status, body: b"<html>".to_vec() };
    for (reply, state, reason, reachable) in [
        (refusal(403, "Forbidden: bot was blocked by the user"), Failed, Some("contact_blocked"), false),
        (refusal(400, "Bad Request: chat not found"), Failed, Some("chat_not_found"), false),
        (refusal(400, "Bad Request: message is too long"), Failed, Some("text_too_long"), true),
        (refusal(401, "Unauthorized"), Failed, Some("channel_unauthorized"), true),
        (refusal(404, "Not Found"), Failed, Some("channel_unauthorized"), true),
        (refusal(409, "Conflict"), Failed, Some("webhook_conflict"), true),
        (refusal(400, "Bad Request: message is not modified"), Sent, None, true),
        (MessengerReply::Unknown("timed out".into()), Unknown, Some("outcome_unknown"), true),
        (page(502), Unknown, Some("outcome_unknown"), true),
        (page(200), Unknown, Some("outcome_unknown"), true),
    ] {
        let world = World::new();
        let hint = &world.say(CHAT, &["hello"])[0];
        world.messenger.reply_next(reply.clone());
        assert_eq!(world.deliver(hint).await, Ok(()), "{reply:?}");
        assert_eq!(world.state(CHAT, 2), (state, reason.map(str::to_owned)), "{reply:?}");
        assert_eq!(world.contact(CHAT).reachable, reachable, "{reply:?}");
        let told: Vec<_> = world.push.frames_json("a1").iter().map(|frame| frame["type"].clone()).collect();
        let expected = if reachable { vec![json!("message")] } else { vec![json!("message"), json!("contact")] };
        assert_eq!(told, expected, "{reply:?}");
        // Whatever the end: no second hint makes it anything else.
        assert_eq!(world.deliver(hint).await, Ok(()));
        assert_eq!((world.state(CHAT, 2).0, world.messenger.calls().len()), (state, 1), "{reply:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn i6_fifty_deliveries_of_a_hint_send_once() {
    let world = World::new();
    let hint = &world.say(CHAT, &["hello"])[0];
    for _ in 0..50 {
        assert_eq!(world.deliver(hint).await, Ok(()));
    }
    assert_eq!(world.texts(), ["hello"]);
}

#[tokio::test(start_paused = true)]
async fn i6_an_operators_wish_to_send_again_is_obeyed() {
    let world = World::new();
    let hint = &world.say(CHAT, &["hello"])[0];
    world.messenger.reply_next(MessengerReply::Unknown("timed out".into()));
    assert_eq!(world.deliver(hint).await, Ok(()));
    world.clock.advance(60_000);
    let again = world.resend(CHAT, 2);
    assert_eq!(world.deliver(&again).await, Ok(()));
    assert_eq!((world.state(CHAT, 2), world.texts().len()), ((Sent, None), 2));
}

#[tokio::test(start_paused = true)]
async fn i6_an_expired_reply_fails_without_a_call() {
    let world = World::new();
    let hint = &world.say(CHAT, &["hello"])[0];
    world.clock.advance(60 * 60_000);
    assert_eq!(world.deliver(hint).await, Ok(()));
    assert_eq!(world.state(CHAT, 2), (Failed, Some("expired".into())));
    assert_eq!((world.messenger.calls().len(), world.push.posts()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn i6_what_cannot_be_sent_fails_with_its_reason() {
    let world = World::new();
    let hint = &world.say(CHAT, &["hello"])[0];
    world.secrets.fail_next(1, &SecretError::Missing);
    assert_eq!(world.deliver(hint).await, Ok(()));
    assert_eq!(world.state(CHAT, 2), (Failed, Some("channel_unauthorized".into())));
    assert_eq!(world.messenger.calls().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn decision_2_faults_of_ours_hand_the_reply_back_untouched() {
    let world = World::new();
    let hint = &world.say(CHAT, &["hello"])[0];
    world.secrets.fail_next(1, &SecretError::Unavailable("down".into()));
    assert_eq!(world.deliver(hint).await, Err(2));
    world.store.fail_next_reads(1, &StoreError::Unavailable("down".into()));
    assert_eq!(world.deliver(hint).await, Err(2));
    world.store.fail_next_commits(1, FaultTime::Before, &StoreError::Throttled);
    assert_eq!(world.deliver(hint).await, Err(1));
    assert_eq!((world.state(CHAT, 2).0, world.messenger.calls().len()), (Queued, 0));
    assert_eq!(world.deliver(hint).await, Ok(()));
    assert_eq!((world.state(CHAT, 2).0, world.texts().len()), (Sent, 1));
}

#[tokio::test(start_paused = true)]
async fn i6_an_invocation_that_is_nearly_over_hands_nothing_over() {
    let world = World::new();
    let hint = &world.say(CHAT, &["hello"])[0];
    let response = world.sender().handle(event_of(hint), world.now_ms() + 7_999).await;
    assert_eq!(response.batch_item_failures.len(), 1);
    assert_eq!((world.state(CHAT, 2).0, world.messenger.calls().len()), (Queued, 0));
}

#[tokio::test(start_paused = true)]
async fn i6_an_outcome_is_kept_although_the_store_falters() {
    for (time, error) in [
        (FaultTime::Before, StoreError::Unavailable("down".into())),
        (FaultTime::Before, StoreError::Throttled),
        (FaultTime::After, StoreError::Unavailable("a lost answer".into())),
    ] {
        let world = World::new();
        let hint = &world.say(CHAT, &["hello"])[0];
        // The first commit, of the mark `sending`, gets through.
        world.store.before_next_commit(|_| {});
        let fault = error.clone();
        world.store.before_next_commit(move |store| store.fail_next_commits(2, time, &fault));
        assert_eq!(world.deliver(hint).await, Ok(()), "{time:?}");
        assert_eq!((world.state(CHAT, 2).0, world.texts().len()), (Sent, 1), "{time:?} {error}");
        assert_eq!(world.message(CHAT, 2).provider_message_id.as_deref(), Some("1001"));
        assert_eq!(world.push.posts(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn i6_an_outcome_that_cannot_be_kept_becomes_unknown_and_is_not_sent_again() {
    let world = World::new();
    let hint = &world.say(CHAT, &["hello"])[0];
    world.store.before_next_commit(|_| {});
    world.store.before_next_commit(|store| {
        store.fail_next_commits(4, FaultTime::Before, &StoreError::Unavailable("down".into()));
    });
    assert_eq!(world.deliver(hint).await, Err(2));
    assert_eq!(world.state(CHAT, 2).0, Sending);
    world.clock.advance(2_000);
    let wait = world.deliver(hint).await.expect_err("the lease still runs");
    assert_eq!(i64::from(wait) * 1000, HAND_OVER_MS_MAX - 2_000);
    world.clock.advance(i64::from(wait) * 1000);
    assert_eq!(world.deliver(hint).await, Ok(()));
    assert_eq!(world.state(CHAT, 2), (Unknown, Some("interrupted".into())));
    assert_eq!((world.texts().len(), world.push.posts()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn i6_who_comes_back_late_with_an_outcome_corrects_what_was_taken_for_lost() {
    let world = World::new();
    let hint = &world.say(CHAT, &["hello"])[0];
    // Between the call and its outcome another process finds the lease run out and gives the reply up.
    let other = world.clone();
    world.store.before_next_commit(|_| {});
    world.store.before_next_commit(move |_| {
        let mut lost = other.message(CHAT, 2);
        lost.rev += 1;
        let delivery = lost.delivery.as_mut().unwrap();
        (delivery.state, delivery.lease_until_ms) = (Unknown, None);
        other.write(&[Write::Message(lost)]);
    });
    assert_eq!(world.deliver(hint).await, Ok(()));
    assert_eq!(world.state(CHAT, 2), (Sent, None));
}

#[tokio::test(start_paused = true)]
async fn l6_a_reply_accepted_before_the_close_is_still_sent_and_shown() {
    let world = World::new();
    let hint = &world.say(CHAT, &["hello"])[0];
    world.stand(CHAT, Stand::Closed { at_ms: world.now_ms(), by: Some(ann()), operator: Some(ann()) });
    assert_eq!(world.deliver(hint).await, Ok(()));
    assert_eq!((world.state(CHAT, 2).0, world.push.posts()), (Sent, 2));
}

#[tokio::test(start_paused = true)]
async fn i8_whoever_has_the_chat_now_hears_of_its_replies() {
    let world = World::new();
    let hint = &world.say(CHAT, &["hello"])[0];
    world.stand(CHAT, Stand::InWork { operator: ben(), transfer: None });
    world.reset_counts();
    assert_eq!(world.deliver(hint).await, Ok(()));
    assert_eq!((world.push.frames("b1").len(), world.push.frames("a1").len()), (1, 0));
    assert_eq!(world.store.counts().gets, 2, "a hint that is out of date costs one read more");
}

#[tokio::test(start_paused = true)]
async fn i8_while_nobody_has_the_chat_each_hears_of_their_own_reply() {
    let world = World::new();
    world.say(CHAT, &["of Ann's"]);
    world.stand(CHAT, Stand::InWork { operator: ben(), transfer: None });
    let hint = &world.say_as(&Operator::new(ben(), "Ben"), CHAT, &["of Ben's"])[0];
    world.stand(CHAT, Stand::Waiting);
    // The hint of the first was lost: the second takes it along.
    assert_eq!(world.deliver(hint).await, Ok(()));
    for (window, seq) in [("a1", 2), ("a2", 2), ("b1", 3)] {
        let told: Vec<_> = world.push.frames_json(window).iter().map(|frame| frame["message"]["seq"].clone()).collect();
        assert_eq!(told, [json!(seq)], "{window}");
    }
}

#[tokio::test(start_paused = true)]
async fn hints_of_another_build_are_understood() {
    let world = World::new();
    let hint = &world.say(CHAT, &["hello"])[0];
    let OutboundKind::Reply { seq, queued_at_ms, .. } = hint.what else { panic!("a reply") };
    let body = json!({
        "v": 1,
        "provider": "telegram",
        "chat": hint.chat,
        "what": { "kind": "reply", "seq": seq, "queued_at_ms": queued_at_ms, "a_new_field": 1 },
        "another": true,
    });
    assert_eq!(world.receive(&world.sender(), body.to_string(), CHAT).await, Ok(()));
    assert_eq!((world.state(CHAT, 2).0, world.push.posts()), (Sent, 2));
}

#[tokio::test(start_paused = true)]
async fn decision_6_what_is_no_hint_is_parked_with_its_reason() {
    let world = World::new();
    for body in ["", "{}", "not json", "{\"v\":1,\"provider\":\"pigeon\"}"] {
        assert_eq!(world.receive(&world.sender(), body.to_owned(), CHAT).await, Ok(()), "{body}");
        let sent = world.queues.take();
        let [QueueMessage::Parked { queue, parked }] = sent.as_slice() else { panic!("{body}: {sent:?}") };
        assert_eq!(*queue, QueueName::OutboundParked(domain::Provider::Telegram));
        assert_eq!((parked.reason.as_str(), parked.body.as_str(), parked.group.as_str()), ("unreadable", body, CHAT));
    }
    world.queues.fail_next(1, &QueueError::Unavailable("down".into()));
    assert_eq!(world.receive(&world.sender(), "{}".to_owned(), CHAT).await, Err(60), "nothing is lost");
}

#[tokio::test(start_paused = true)]
async fn a_hint_of_nothing_is_done() {
    let world = World::new();
    let mut hint = world.say(CHAT, &["hello"]).remove(0);
    if let OutboundKind::Reply { seq, .. } = &mut hint.what {
        *seq = 99;
    }
    assert_eq!(world.deliver(&hint).await, Ok(()));
    if let OutboundKind::Reply { seq, .. } = &mut hint.what {
        // The customer's own message.
        *seq = 1;
    }
    assert_eq!(world.deliver(&hint).await, Ok(()));
    assert_eq!(world.messenger.calls().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_moved_is_followed_once_and_remembered() {
    let world = World::new();
    let hint = &world.say(CHAT, &["hello"])[0];
    let said = "Bad Request: group chat was upgraded to a supergroup chat";
    let moved = json!({ "ok": false, "error_code": 400, "description": said,
        "parameters": { "migrate_to_chat_id": -100_700_i64 } });
    world.messenger.answer_next(400, &moved);
    assert_eq!(world.deliver(hint).await, Ok(()));
    let addresses: Vec<_> =
        world.messenger.calls().iter().map(|sent| sent.call.parameters()["chat_id"].clone()).collect();
    assert_eq!(addresses, [json!(700_000_001), json!(-100_700)]);
    assert_eq!((world.state(CHAT, 2).0, world.contact(CHAT).customer.address.as_str()), (Sent, "-100700"));
    // One that moves on and on is not chased.
    let hint = &world.say(CHAT, &["again"])[0];
    world.messenger.take_calls();
    world.messenger.answer_next(400, &moved);
    world.messenger.answer_next(400, &moved);
    assert_eq!(world.deliver(hint).await, Ok(()));
    assert_eq!(world.state(CHAT, 3), (Failed, Some("chat_migrated".into())));
    assert_eq!(world.messenger.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_can_be_left_out_is_left_out_once() {
    let world = World::new();
    let hint = &world.say(CHAT, &["hello"])[0];
    let mut message = world.message(CHAT, 2);
    message.rev += 1;
    message.reply_to = Some("17".into());
    world.write(&[Write::Message(message)]);
    let gone = json!({ "ok": false, "error_code": 400, "description": "Bad Request: message to be replied not found" });
    world.messenger.answer_next(400, &gone);
    assert_eq!(world.deliver(hint).await, Ok(()));
    let with_reply: Vec<_> =
        world.messenger.calls().iter().map(|sent| sent.call.parameters().get("reply_parameters").is_some()).collect();
    assert_eq!((with_reply, world.state(CHAT, 2).0), (vec![true, false], Sent));
}

#[tokio::test(start_paused = true)]
async fn a_customer_who_gets_a_reply_can_be_written_to() {
    let world = World::new();
    let hint = &world.say(CHAT, &["hello"])[0];
    let mut contact = world.contact(CHAT);
    contact.reachable = false;
    world.write(&[Write::Contact(contact)]);
    assert_eq!(world.deliver(hint).await, Ok(()));
    assert!(world.contact(CHAT).reachable);
}

#[tokio::test(start_paused = true)]
async fn a_window_that_is_gone_is_forgotten() {
    let world = World::new();
    let hint = &world.say(CHAT, &["hello"])[0];
    world.push.mark_gone("a1");
    assert_eq!(world.deliver(hint).await, Ok(()));
    assert_eq!(world.state(CHAT, 2).0, Sent);
    assert_eq!(world.push.frames("a2").len(), 1);
    let hint = &world.say(CHAT, &["again"])[0];
    world.reset_counts();
    assert_eq!(world.deliver(hint).await, Ok(()));
    assert_eq!(world.push.posts(), 1);
}
