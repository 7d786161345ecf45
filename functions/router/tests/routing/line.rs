//! The line of a *to all* queue, as it is shown.

use domain::ChatId;
use domain::operator::Status;
use fakes::World;
use fakes::world::CROWD;
use serde_json::Value;
use wire::operators::LINE_HEAD;
use wire::queues::QueueMessage;

use crate::{deliver, wake, wakes};

async fn pass(world: &World) {
    assert!(deliver(world, wake(CROWD)).await);
}

fn shown(world: &World, connection: &str) -> Vec<Vec<String>> {
    let id = |chat: &Value| chat["id"].as_str().expect("a chat has an id").to_owned();
    let chats = |event: &Value| event["chats"].as_array().expect("a line has chats").iter().map(id).collect();
    world.told(connection, "line").iter().map(chats).collect()
}

fn ids(chats: &[ChatId]) -> Vec<String> {
    chats.iter().map(ChatId::to_string).collect()
}

#[tokio::test]
async fn q3_everybody_available_sees_the_line_oldest_first() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    world.connect(&anna, "anna-2");
    world.change_operator(&ben, |operator| operator.status = Status::Inactive);
    let old = world.waiting("z", CROWD);
    world.clock.advance(1);
    let young = world.waiting("a", CROWD);
    pass(&world).await;
    for connection in ["anna-1", "anna-2"] {
        assert_eq!(shown(&world, connection), [ids(&[old.clone(), young.clone()])]);
    }
    assert!(shown(&world, "ben-1").is_empty());
    assert_eq!(world.told("anna-1", "line")[0]["at_ms"], world.now_ms());
}

#[tokio::test]
async fn q8_whoever_is_at_the_limit_sees_an_empty_line() {
    let world = World::new();
    let anna = world.operator("anna");
    world.operator("ben");
    world.configure_queue(CROWD, |queue| queue.limit = Some(1));
    world.in_work("c0", CROWD, &anna);
    let chat = world.waiting("c1", CROWD);
    pass(&world).await;
    assert_eq!(shown(&world, "anna-1"), [Vec::<String>::new()]);
    assert_eq!(shown(&world, "ben-1"), [ids(&[chat])]);
}

#[tokio::test]
async fn the_head_of_a_long_line_is_shown() {
    let world = World::new();
    world.operator("anna");
    for n in 0..LINE_HEAD + 15 {
        world.waiting(&format!("c{n:02}"), CROWD);
    }
    pass(&world).await;
    assert_eq!(shown(&world, "anna-1")[0].len(), LINE_HEAD);
}

#[tokio::test]
async fn q3_a_large_staff_sees_it_to_the_last() {
    let world = World::new();
    let names: Vec<String> = (0..250).map(|n| format!("op{n:03}")).collect();
    for name in &names {
        world.operator(name);
    }
    world.waiting("c1", CROWD);
    pass(&world).await;
    assert!(names.iter().all(|name| shown(&world, &format!("{name}-1")).len() == 1));
}

#[tokio::test]
async fn a_line_is_shown_once_a_second_and_somebody_comes_back_for_what_came_between() {
    let world = World::new();
    world.operator("anna");
    world.waiting("c1", CROWD);
    pass(&world).await;
    world.clock.advance(400);
    world.waiting("c2", CROWD);
    pass(&world).await;
    let back = world.queues.take();
    let [QueueMessage::Delayed { delay_s: 1, .. }] = back.as_slice() else { panic!("{back:?}") };
    world.clock.advance(400);
    world.waiting("c3", CROWD);
    pass(&world).await;
    assert!(world.queues.take().is_empty(), "somebody comes back already");
    assert_eq!(shown(&world, "anna-1").len(), 1);

    world.clock.advance(600);
    assert!(deliver(&world, back[0].clone()).await);
    assert_eq!(wakes(&world).len(), 1);
    pass(&world).await;
    assert_eq!(shown(&world, "anna-1").iter().map(Vec::len).collect::<Vec<_>>(), [1, 3]);
}

#[tokio::test]
async fn a_come_back_that_was_lost_is_asked_for_again() {
    let world = World::new();
    world.operator("anna");
    world.waiting("c1", CROWD);
    pass(&world).await;
    world.clock.advance(400);
    // The come-back cannot be sent: the pass is handed back, and later shows the line itself.
    world.queues.fail_next(1, &ports::QueueError::Unavailable("down".to_owned()));
    assert!(!deliver(&world, wake(CROWD)).await);
    world.clock.advance(1_000);
    pass(&world).await;
    assert_eq!(shown(&world, "anna-1").len(), 2);
}

/// The wake-up that a delayed one becomes when its wait is over, as the router itself sends it.
async fn come_back(world: &World, delayed: &QueueMessage) -> QueueMessage {
    assert!(deliver(world, delayed.clone()).await);
    let [wake] = world.queues.take().try_into().expect("it becomes one wake-up");
    wake
}

/// Two come-backs in one second on the clock: a FIFO queue drops the second of two with one dedupe id.
#[tokio::test]
async fn q3_two_come_backs_of_one_second_are_told_apart() {
    let world = World::new();
    world.operator("anna");
    let to_next_second = 1_000 - world.now_ms().rem_euclid(1_000);
    world.clock.advance(to_next_second + 400);
    pass(&world).await;
    world.clock.advance(700);
    pass(&world).await;
    let [first] = world.queues.take().try_into().expect("the first is asked back");
    // Another wake-up comes when the line may be shown again, before the first comes back.
    world.clock.advance(400);
    pass(&world).await;
    world.clock.advance(200);
    world.waiting("c1", CROWD);
    pass(&world).await;
    let [second] = world.queues.take().try_into().expect("the second is asked back");
    let (first, second) = (come_back(&world, &first).await, come_back(&world, &second).await);
    assert_ne!(first.group_and_dedupe(), second.group_and_dedupe());
}

#[tokio::test]
async fn q3_whoever_was_to_come_back_shows_the_line_whatever_the_clock_says() {
    let world = World::new();
    world.operator("anna");
    pass(&world).await;
    world.clock.advance(10);
    world.waiting("c1", CROWD);
    pass(&world).await;
    let [back] = world.queues.take().try_into().expect("somebody is asked back");
    let back = come_back(&world, &back).await;
    // This process's clock is behind the one that showed the line: by its time no second has passed.
    world.clock.advance(900);
    assert!(deliver(&world, back).await);
    assert_eq!(shown(&world, "anna-1").iter().map(Vec::len).collect::<Vec<_>>(), [0, 1]);
}

#[tokio::test]
async fn of_two_passes_at_once_one_shows_the_line() {
    let world = World::new();
    world.operator("anna");
    world.waiting("c1", CROWD);
    let (one, other) = (crate::function(&world), crate::function(&world));
    let batch = || fakes::world::sqs(&[wake(CROWD)]);
    futures_util::join!(one.handle(batch()), other.handle(batch()));
    assert_eq!(shown(&world, "anna-1").len(), 1);
    assert_eq!(world.queues.take().len(), 1, "the other has somebody come back");
}

#[tokio::test]
async fn a_window_that_is_gone_is_forgotten() {
    let world = World::new();
    let anna = world.operator("anna");
    world.push.mark_gone("anna-1");
    world.waiting("c1", CROWD);
    pass(&world).await;
    assert!(world.person(&anna).connections.is_empty());
    assert_eq!(world.person(&anna).absent_since_ms, Some(world.now_ms()));
}
