//! "Somebody writes".

use fakes::FaultTime;
use ports::records::Hold;
use ports::{SecretError, StoreError};
use serde_json::json;
use wire::queues::{Outbound, OutboundKind, VERSION};

use crate::support::{World, chat_id};

fn typing(world: &World) -> Outbound {
    let what = OutboundKind::Typing { at_ms: world.now_ms() };
    Outbound { v: VERSION, provider: domain::Provider::Telegram, chat: chat_id("c0ffee"), what }
}

async fn check(world: &World, hint: &Outbound, calls: usize) {
    assert_eq!(world.deliver(hint).await, Ok(()), "it is never worth another try");
    assert_eq!(world.messenger.take_calls().len(), calls);
}

#[tokio::test]
async fn the_customer_sees_that_somebody_writes() {
    let world = World::new();
    assert_eq!(world.deliver(&typing(&world)).await, Ok(()));
    let call = &world.messenger.calls()[0].call;
    assert_eq!(
        (call.method, call.parameters()),
        ("sendChatAction", &json!({ "chat_id": 700_000_001, "action": "typing" }))
    );
    assert_eq!((world.store.counts().commits, world.push.posts()), (0, 0));
}

#[tokio::test]
async fn what_is_no_longer_true_is_not_shown() {
    let world = World::new();
    let hint = typing(&world);
    world.clock.advance(5_000);
    check(&world, &hint, 1).await;
    world.clock.advance(1);
    world.store.reset_counts();
    check(&world, &hint, 0).await;
    assert_eq!(world.store.counts().gets, 0);
}

#[tokio::test]
async fn a_held_channel_is_left_alone() {
    let world = World::new();
    world.put_hold(&Hold { failures: 1, until_ms: world.now_ms() + 1, ..Hold::default() });
    check(&world, &typing(&world), 0).await;
    world.put_hold(&Hold { failures: 1, until_ms: world.now_ms(), ..Hold::default() });
    check(&world, &typing(&world), 1).await;
}

#[tokio::test]
async fn no_fault_brings_it_back() {
    let world = World::new();
    world.store.fail_next_reads(1, &StoreError::Unavailable("down".into()));
    check(&world, &typing(&world), 0).await;
    world.secrets.fail_next(1, &SecretError::Missing);
    check(&world, &typing(&world), 0).await;
    world.messenger.answer_next(429, &json!({ "ok": false, "error_code": 429 }));
    check(&world, &typing(&world), 1).await;
    world.store.fail_next_commits(1, FaultTime::Before, &StoreError::Throttled);
    check(&world, &typing(&world), 1).await;
    assert_eq!(world.hold(), Hold::default(), "its answer is nobody's");
}

#[tokio::test]
async fn of_an_unknown_chat_nothing_is_shown() {
    let world = World::new();
    check(&world, &Outbound { chat: chat_id("beef"), ..typing(&world) }, 0).await;
}
