//! A channel that its messenger refuses for a while (decision 10).

use domain::delivery::{CHANNEL_FAILURES_MAX, HOLD_MS, REPLY_AGE_MS_MAX};
use domain::message::DeliveryState::{Failed, Queued, Sent, Unknown};
use fakes::FaultTime;
use ports::records::Hold;
use ports::{MessengerReply, StoreError};
use serde_json::{Value, json};

use crate::support::World;

fn flood(retry_after_s: u32) -> Value {
    let said = format!("Too Many Requests: retry after {retry_after_s}");
    json!({ "ok": false, "error_code": 429, "description": said, "parameters": { "retry_after": retry_after_s } })
}

fn broken() -> Value {
    json!({ "ok": false, "error_code": 502, "description": "Bad Gateway" })
}

#[tokio::test(start_paused = true)]
async fn a_flood_holds_the_whole_channel_for_as_long_as_told() {
    let world = World::new();
    world.open_chat("beef");
    let first = &world.say("c0ffee", &["one"])[0];
    let second = &world.say("beef", &["two"])[0];
    world.messenger.answer_next(429, &flood(7));
    assert_eq!(world.deliver(first).await, Err(7));
    assert_eq!(world.state("c0ffee", 2).0, Queued);
    assert_eq!(world.hold(), Hold { failures: 1, until_ms: world.now_ms() + 7_000, ..Hold::default() });
    // Another conversation of the channel waits for what is left of it, without a call.
    world.clock.advance(2_500);
    assert_eq!(world.deliver(second).await, Err(5));
    assert_eq!(world.messenger.calls().len(), 1);
    world.clock.advance(4_500);
    assert_eq!(world.deliver(first).await, Ok(()));
    assert_eq!(world.deliver(second).await, Ok(()));
    assert_eq!((world.state("c0ffee", 2).0, world.state("beef", 2).0), (Sent, Sent));
    assert_eq!((world.texts(), world.hold()), (vec!["one".into(), "one".into(), "two".into()], Hold::default()));
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_could_not_be_kept_still_makes_its_reply_wait() {
    let world = World::new();
    let hint = &world.say("c0ffee", &["one"])[0];
    world.messenger.answer_next(429, &flood(7));
    world.store.before_next_commit(|_| {});
    world.store.before_next_commit(|_| {});
    world.store.before_next_commit(|store| store.fail_next_commits(1, FaultTime::Before, &StoreError::Throttled));
    assert_eq!(world.deliver(hint).await, Err(7));
    assert_eq!((world.state("c0ffee", 2).0, world.hold()), (Queued, Hold::default()));
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_hold_the_channel() {
    let world = World::new();
    let hint = &world.say("c0ffee", &["one"])[0];
    let mut waits = Vec::new();
    for _ in 0..CHANNEL_FAILURES_MAX {
        world.messenger.answer_next(502, &broken());
        let wait = world.deliver(hint).await.expect_err("not processed");
        waits.push(i64::from(wait));
        world.clock.advance(i64::from(wait) * 1000);
    }
    assert_eq!(waits, [1, 2, 4, 8, 16], "its own pause doubles; the hold of {HOLD_MS} ms ends before");
    assert_eq!(world.hold().failures, CHANNEL_FAILURES_MAX);
    assert_eq!(world.deliver(hint).await, Ok(()));
    assert_eq!((world.state("c0ffee", 2).0, world.hold()), (Sent, Hold::default()));
    assert_eq!(world.delivery("c0ffee", 2).attempts, CHANNEL_FAILURES_MAX + 1);
}

#[tokio::test(start_paused = true)]
async fn no_connection_is_no_hand_over() {
    let world = World::new();
    let hint = &world.say("c0ffee", &["one"])[0];
    world.messenger.reply_next(MessengerReply::NotSent("no such host".into()));
    assert_eq!(world.deliver(hint).await, Err(1));
    assert_eq!((world.state("c0ffee", 2).0, world.hold().failures), (Queued, 1));
}

#[tokio::test(start_paused = true)]
async fn a_messenger_that_hangs_is_held_before_every_reply_is_unknown() {
    let world = World::new();
    let parts: Vec<String> = (0..8).map(|n| format!("part {n}")).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let hints = world.say("c0ffee", &parts);
    let failures = usize::try_from(CHANNEL_FAILURES_MAX).unwrap();
    for hint in &hints[..failures] {
        world.messenger.reply_next(MessengerReply::Unknown("timed out".into()));
        assert_eq!(world.deliver(hint).await, Ok(()));
    }
    assert_eq!(world.deliver(&hints[failures]).await, Err(u32::try_from(HOLD_MS / 1000).unwrap()));
    assert_eq!(world.state("c0ffee", 6).0, Unknown);
    assert_eq!((world.state("c0ffee", 7).0, world.messenger.calls().len()), (Queued, failures));
}

#[tokio::test(start_paused = true)]
async fn any_answer_ends_a_row_of_failures() {
    for (status, body) in [
        (200, json!({ "ok": true, "result": { "message_id": 1 } })),
        (400, json!({ "ok": false, "error_code": 400, "description": "Bad Request: message is too long" })),
        (403, json!({ "ok": false, "error_code": 403, "description": "Forbidden: bot was blocked by the user" })),
    ] {
        let world = World::new();
        world.put_hold(&Hold { failures: 4, until_ms: 0, ..Hold::default() });
        let hint = &world.say("c0ffee", &["one"])[0];
        world.messenger.answer_next(status, &body);
        assert_eq!(world.deliver(hint).await, Ok(()));
        assert_eq!(world.hold(), Hold::default(), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn i6_a_reply_of_a_channel_held_for_hours_fails_when_it_is_too_old() {
    let world = World::new();
    world.put_hold(&Hold { failures: 1, until_ms: world.now_ms() + 24 * 3_600_000, ..Hold::default() });
    let hint = &world.say("c0ffee", &["one"])[0];
    let wait = world.deliver(hint).await.expect_err("held");
    assert_eq!(i64::from(wait) * 1000, REPLY_AGE_MS_MAX);
    world.clock.advance(REPLY_AGE_MS_MAX);
    assert_eq!(world.deliver(hint).await, Ok(()));
    assert_eq!(world.state("c0ffee", 2), (Failed, Some("expired".into())));
    assert_eq!(world.messenger.calls().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn i6_a_messenger_that_stays_broken_does_not_keep_a_reply_for_ever() {
    let world = World::new();
    let hint = &world.say("c0ffee", &["one"])[0];
    let mut deliveries = 0;
    loop {
        world.messenger.answer_next(502, &broken());
        deliveries += 1;
        let Err(wait) = world.deliver(hint).await else { break };
        world.clock.advance(i64::from(wait) * 1000);
    }
    assert_eq!(world.state("c0ffee", 2), (Failed, Some("expired".into())));
    // Fewer than what makes the queue give a message up.
    assert!(deliveries < 40, "{deliveries}");
}
