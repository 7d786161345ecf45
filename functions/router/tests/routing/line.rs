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
