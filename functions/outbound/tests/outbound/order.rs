//! Replies reach the customer in the order in which they were accepted (L7), whatever becomes of their hints.

use domain::message::DeliveryState::{Failed, Queued, Sending, Sent, Unknown};
use ports::MessengerReply;
use serde_json::json;

use crate::support::World;

const CHAT: &str = "c0ffee";

#[tokio::test(start_paused = true)]
async fn l7_the_parts_of_a_reply_go_in_their_order() {
    let world = World::new();
    let hints = world.say(CHAT, &["one", "two", "three"]);
    for hint in &hints {
        world.reset_counts();
        assert_eq!(world.deliver(hint).await, Ok(()));
        assert_eq!(world.store.counts().gets, 1, "a predecessor that is out of the way costs no read");
    }
    assert_eq!(world.state(CHAT, 4).0, Sent);
}

#[tokio::test(start_paused = true)]
async fn l7_what_a_lost_hint_left_behind_goes_first() {
    let world = World::new();
    let hints = world.say(CHAT, &["one", "two", "three"]);
    assert_eq!(world.deliver(&hints[2]).await, Ok(()));
    assert_eq!(world.texts(), ["one", "two", "three"]);
    for hint in &hints {
        assert_eq!(world.deliver(hint).await, Ok(()));
    }
    assert_eq!(world.texts().len(), 3, "late hints find nothing to do");
}

#[tokio::test(start_paused = true)]
async fn l7_a_reply_waits_behind_one_that_waits() {
    let world = World::new();
    let hints = world.say(CHAT, &["one", "two"]);
    let flood = json!({ "ok": false, "error_code": 429, "parameters": { "retry_after": 3 } });
    world.messenger.answer_next(429, &flood);
    assert_eq!(world.deliver(&hints[1]).await, Err(3));
    assert_eq!((world.texts(), world.state(CHAT, 3).0), (vec!["one".to_owned()], Queued));
    world.clock.advance(3_000);
    assert_eq!(world.deliver(&hints[1]).await, Ok(()));
    assert_eq!(world.texts(), ["one", "one", "two"]);
}

#[tokio::test(start_paused = true)]
async fn l7_a_reply_waits_until_it_is_known_that_the_one_before_is_lost() {
    let world = World::new();
    let hints = world.say(CHAT, &["one", "two"]);
    let mut one = world.message(CHAT, 2);
    one.rev += 1;
    let delivery = one.delivery.as_mut().unwrap();
    (delivery.state, delivery.lease_until_ms) = (Sending, Some(world.now_ms() + 20_000));
    world.write(&[domain::decision::Write::Message(one)]);
    assert_eq!(world.deliver(&hints[1]).await, Err(20));
    world.clock.advance(20_000);
    assert_eq!(world.deliver(&hints[1]).await, Ok(()));
    assert_eq!((world.state(CHAT, 2).0, world.state(CHAT, 3).0), (Unknown, Sent));
    assert_eq!(world.texts(), ["two"]);
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_fails_stops_nobody() {
    let world = World::new();
    let hints = world.say(CHAT, &["one", "two"]);
    let body = json!({ "ok": false, "error_code": 400, "description": "Bad Request: something" });
    world.messenger.answer_next(400, &body);
    assert_eq!(world.deliver(&hints[1]).await, Ok(()));
    assert_eq!((world.state(CHAT, 2).0, world.state(CHAT, 3).0), (Failed, Sent));
}

#[tokio::test(start_paused = true)]
async fn the_look_for_predecessors_is_bounded() {
    let world = World::new();
    let mut hints = Vec::new();
    for n in 0..30 {
        hints.extend(world.say(CHAT, &[&n.to_string()]));
    }
    world.reset_counts();
    assert_eq!(world.deliver(hints.last().unwrap()).await, Ok(()));
    let sent: Vec<String> = (9..30).map(|n| n.to_string()).collect();
    assert_eq!((world.texts(), world.store.counts().gets), (sent, 20));
}

#[tokio::test(start_paused = true)]
async fn l7_a_predecessor_of_unknown_outcome_is_out_of_the_way() {
    let world = World::new();
    let hints = world.say(CHAT, &["one", "two"]);
    world.messenger.reply_next(MessengerReply::Unknown("timed out".into()));
    assert_eq!(world.deliver(&hints[1]).await, Ok(()));
    assert_eq!((world.state(CHAT, 2).0, world.state(CHAT, 3).0), (Unknown, Sent));
}
