//! The close timeout, through the real rows (L2, I7).

use auto_close::AutoClose;
use domain::ChatId;
use domain::chat::{EventKind, Stand};
use fakes::world::{SALES, frame, sqs};
use fakes::{FakeClock, FakePush, FakeQueues, FakeTimers, FakeVisibility, FaultTime, MemoryStore, World};
use ports::StoreError;
use runtime::Desk;
use serde_json::json;
use wire::queues::{CloseHint, QueueMessage, VERSION};
use wire::timers::Fires;

type Function = AutoClose<MemoryStore, FakeQueues, FakeTimers, FakePush, FakeClock, FakeVisibility>;

const MINUTE: i64 = 60_000;
/// The company's timeout.
const TIMEOUT: i64 = 30 * MINUTE;

fn function(world: &World) -> Function {
    let w = world.clone();
    AutoClose { desk: Desk::new(w.store, w.queues, w.timers, w.push, w.clock), visibility: w.visibility }
}

async fn fire(world: &World, chat: &ChatId) {
    let operator = world.chat(chat).operator().cloned();
    function(world).timer(&Fires::AutoClose { chat: chat.clone(), operator }).await.expect("nothing fails");
    world.check();
}

async fn hint(world: &World, chat: &ChatId) {
    let hint = QueueMessage::CloseHint(CloseHint { v: VERSION, chat: chat.clone() });
    assert!(function(world).hints(sqs(&[hint])).await.batch_item_failures.is_empty());
    world.check();
}

/// When the only timer that is armed fires, milliseconds from now.
fn armed_in(world: &World) -> Option<i64> {
    let armed = world.timers.armed();
    assert!(armed.len() <= 1, "one timer a chat: {armed:?}");
    armed.into_values().next().map(|timer| timer.at_ms - world.now_ms())
}

/// A chat that Anna took and answered just now.
fn answered(world: &World) -> ChatId {
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    world.replies(&chat, &anna, "r1", "hi");
    chat
}

#[tokio::test]
async fn l2_a_chat_closes_when_its_time_has_passed_since_the_last_reply() {
    let world = World::new();
    let chat = answered(&world);
    world.waiting("c2", SALES);
    world.clock.advance(TIMEOUT);
    fire(&world, &chat).await;
    let closed = world.chat(&chat);
    assert!(matches!(&closed.route.stand, Stand::Closed { by: None, operator: Some(_), .. }));
    assert_eq!(world.events(&chat).pop().unwrap().what, EventKind::AutoClosed);
    assert_eq!(world.told("anna-1", "chat_gone")[0]["reason"], "closed");
    // Q7: the room is looked after at once.
    let hints = world.queues.take();
    assert!(matches!(hints.as_slice(), [QueueMessage::Wake(_)]), "{hints:?}");
    let before = world.store.dump();
    fire(&world, &chat).await;
    assert_eq!(world.store.dump(), before, "a second timer changes nothing");
}

#[tokio::test]
async fn i7_never_early_a_timer_that_comes_too_soon_sets_the_next() {
    let world = World::new();
    let chat = answered(&world);
    world.clock.advance(TIMEOUT - 1);
    fire(&world, &chat).await;
    assert!(!world.chat(&chat).is_closed());
    assert_eq!(armed_in(&world), None, "the one that is armed is right");

    // The last reply is newer than the timer knew: it is set anew, to that reply's time.
    let anna = world.chat(&chat).operator().unwrap().clone();
    world.replies(&chat, &anna, "r2", "more");
    world.clock.advance(1);
    fire(&world, &chat).await;
    assert!(!world.chat(&chat).is_closed());
    assert_eq!(armed_in(&world), Some(TIMEOUT - 1));
    assert_eq!(world.events(&chat).pop().unwrap().what, EventKind::Rearmed);
    world.clock.advance(TIMEOUT - 1);
    fire(&world, &chat).await;
    assert!(world.chat(&chat).is_closed());
}

#[tokio::test]
async fn i7_a_reply_between_the_look_and_the_commit_keeps_the_chat_open() {
    let world = World::new();
    let chat = answered(&world);
    world.clock.advance(TIMEOUT);
    let (rival, in_chat) = (world.clone(), chat.clone());
    world.store.before_next_commit(move |_| {
        let anna = rival.chat(&in_chat).operator().unwrap().clone();
        rival.replies(&in_chat, &anna, "r2", "just in time");
    });
    fire(&world, &chat).await;
    assert!(!world.chat(&chat).is_closed());
    assert_eq!(armed_in(&world), Some(TIMEOUT));
}

#[tokio::test]
async fn i9_a_customers_message_between_the_look_and_the_commit_is_in_the_chat_that_closes() {
    let world = World::new();
    let chat = answered(&world);
    world.clock.advance(TIMEOUT);
    let rival = world.clone();
    world.store.before_next_commit(move |_| {
        rival.says("c1", SALES, "2", "one more thing");
    });
    fire(&world, &chat).await;
    assert!(world.chat(&chat).is_closed());
    assert_eq!(world.words(&chat), ["hello", "hi", "one more thing"]);
}

#[tokio::test]
async fn l2_without_a_reply_a_chat_does_not_close_but_is_looked_at_again() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    world.clock.advance(TIMEOUT);
    fire(&world, &chat).await;
    assert!(!world.chat(&chat).is_closed());
    assert_eq!(armed_in(&world), Some(TIMEOUT));
}

#[tokio::test]
async fn l2_taking_a_chat_over_restarts_the_clock() {
    let world = World::new();
    let chat = answered(&world);
    let (anna, ben) = (world.chat(&chat).operator().unwrap().clone(), world.operator("ben"));
    world.clock.advance(20 * MINUTE);
    world.hands_over(&chat, &anna, &ben);
    world.take(&chat, &ben);
    world.clock.advance(10 * MINUTE);
    fire(&world, &chat).await;
    assert!(!world.chat(&chat).is_closed());
    world.clock.advance(20 * MINUTE);
    fire(&world, &chat).await;
    assert!(world.chat(&chat).is_closed());
}

#[tokio::test]
async fn l2_a_queue_may_spare_chats_in_which_the_customer_spoke_last() {
    let world = World::new();
    world.configure_queue(SALES, |queue| queue.spare_unanswered = true);
    let chat = answered(&world);
    world.clock.advance(MINUTE);
    world.says("c1", SALES, "2", "and?");
    world.clock.advance(TIMEOUT);
    fire(&world, &chat).await;
    assert!(!world.chat(&chat).is_closed());
    assert_eq!(armed_in(&world), Some(TIMEOUT));
}

#[tokio::test]
async fn l2_only_a_chat_in_work_closes_by_itself() {
    let world = World::new();
    let chat = world.waiting("c1", SALES);
    world.clock.advance(10 * TIMEOUT);
    fire(&world, &chat).await;
    hint(&world, &chat).await;
    assert_eq!(world.chat(&chat).route.stand, Stand::Waiting);
}

#[tokio::test]
async fn l2_a_changed_timeout_reaches_an_open_chat_by_its_hint() {
    let world = World::new();
    let chat = answered(&world);
    let function = function(&world);
    let hint = sqs(&[QueueMessage::CloseHint(CloseHint { v: VERSION, chat: chat.clone() })]);
    function.hints(hint.clone()).await;
    world.clock.advance(MINUTE);
    // The process has just read the timeout before: the hint makes it read the new one.
    world.configure_queue(SALES, |queue| queue.auto_close_min = Some(5));
    function.hints(hint.clone()).await;
    assert_eq!(armed_in(&world), Some(4 * MINUTE));
    world.configure_queue(SALES, |queue| queue.auto_close_min = None);
    function.hints(hint.clone()).await;
    assert_eq!(world.chat(&chat).route.close_due_at_ms, None);
    world.configure_queue(SALES, |queue| queue.auto_close_min = Some(1));
    function.hints(hint).await;
    assert!(world.chat(&chat).is_closed(), "the new time had passed already");
    world.check();
}

#[tokio::test]
async fn q9_a_close_withdraws_an_open_transfer() {
    let world = World::new();
    let chat = answered(&world);
    let (anna, ben) = (world.chat(&chat).operator().unwrap().clone(), world.operator("ben"));
    world.clock.advance(TIMEOUT - MINUTE);
    world.hands_over(&chat, &anna, &ben);
    world.clock.advance(MINUTE);
    fire(&world, &chat).await;
    assert!(world.chat(&chat).is_closed());
    assert_eq!(world.told("ben-1", "offer_gone")[0]["reason"], "withdrawn");
    assert_eq!(world.person(&ben).load(), 0);
}

#[tokio::test]
async fn faults_make_whoever_called_try_again() {
    let world = World::new();
    let chat = answered(&world);
    world.clock.advance(TIMEOUT);
    let fires = Fires::AutoClose { chat: chat.clone(), operator: None };
    world.store.fail_next_commits(1, FaultTime::Before, &StoreError::Throttled);
    assert!(function(&world).timer(&fires).await.is_err());
    let hints = sqs(&[QueueMessage::CloseHint(CloseHint { v: VERSION, chat: chat.clone() })]);
    world.store.fail_next_reads(1, &StoreError::Throttled);
    assert_eq!(function(&world).hints(hints.clone()).await.batch_item_failures.len(), 1);
    let mut unreadable = hints;
    unreadable.records[0].body = None;
    assert!(function(&world).hints(unreadable).await.batch_item_failures.is_empty());
    function(&world).invoke(serde_json::to_value(&fires).unwrap()).await.unwrap();
    assert!(world.chat(&chat).is_closed());
}

#[tokio::test]
async fn what_is_not_for_this_function_is_refused() {
    let world = World::new();
    let anna = world.operator("anna");
    let stray = serde_json::to_value(frame(&anna, "r1", json!({"action": "ping"}))).unwrap();
    for event in [json!({}), json!({"kind": "sweep"}), stray] {
        assert!(function(&world).invoke(event).await.is_err());
    }
}
