//! Operators who are away, and queues whose timeout changed.

use domain::chat::{EventKind, Stand};
use domain::operator::{ABSENCE_GRACE_MS, Status};
use fakes::World;
use fakes::world::{SALES, id};
use wire::queues::{Delayed, QueueMessage};

use crate::{absent, deliver, wakes};

#[tokio::test]
async fn q10_offers_of_somebody_away_go_back_after_the_grace_without_penalty() {
    let world = World::new();
    let anna = world.operator("anna");
    let (offered, working) = (world.offered("c1", &anna), world.in_work("c2", SALES, &anna));
    world.leaves(&anna);
    world.clock.advance(ABSENCE_GRACE_MS - 1);
    assert!(deliver(&world, absent("anna")).await);
    assert!(world.chat(&offered).offer().is_some(), "the grace is not over");

    world.clock.advance(1);
    assert!(deliver(&world, absent("anna")).await);
    assert_eq!(world.chat(&offered).route.stand, Stand::Waiting);
    assert_eq!(world.person(&anna).status, Status::Active);
    assert_eq!(wakes(&world).len(), 1);
    assert_eq!(world.chat(&working).operator(), Some(&anna), "chats in work stay");
}

#[tokio::test]
async fn q10_whoever_is_back_keeps_everything() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.offered("c1", &anna);
    world.leaves(&anna);
    world.clock.advance(ABSENCE_GRACE_MS);
    world.connect(&anna, "anna-2");
    assert!(deliver(&world, absent("anna")).await);
    assert!(world.chat(&chat).offer().is_some());
}

#[tokio::test]
async fn q10_chats_in_work_return_to_the_line_where_the_queue_says_so_with_their_age() {
    let world = World::new();
    let anna = world.operator("anna");
    world.configure_queue(SALES, |queue| queue.absence_return_min = Some(10));
    let chat = world.in_work("c1", SALES, &anna);
    let since = world.chat(&chat).route.waiting_since_ms;
    world.leaves(&anna);
    world.clock.advance(10 * 60_000 - 1);
    assert!(deliver(&world, absent("anna")).await);
    assert!(world.chat(&chat).operator().is_some());

    world.clock.advance(1);
    assert!(deliver(&world, absent("anna")).await);
    let returned = world.chat(&chat);
    assert_eq!((&returned.route.stand, returned.route.waiting_since_ms), (&Stand::Waiting, since));
    assert_eq!(world.events(&chat).pop().unwrap().what, EventKind::Returned);
    assert_eq!(wakes(&world), [(SALES.to_owned(), format!("{chat}.{}", returned.route.rev))]);
}

#[tokio::test]
async fn a_chat_whose_transfer_was_open_returns_and_its_target_is_freed() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    world.configure_queue(SALES, |queue| queue.absence_return_min = Some(1));
    let chat = world.in_work("c1", SALES, &anna);
    world.hands_over(&chat, &anna, &ben);
    world.leaves(&anna);
    world.clock.advance(60_000);
    assert!(deliver(&world, absent("anna")).await);
    assert_eq!(world.chat(&chat).route.stand, Stand::Waiting);
    assert_eq!(world.told("ben-1", "offer_gone")[0]["reason"], "withdrawn");
}

#[tokio::test]
async fn whoever_is_switched_off_loses_offers_and_chats_at_once() {
    let world = World::new();
    let anna = world.operator("anna");
    let chats = [world.offered("c1", &anna), world.in_work("c2", SALES, &anna)];
    world.change_operator(&anna, |operator| operator.disabled = true);
    assert!(deliver(&world, absent("anna")).await);
    assert!(chats.iter().all(|chat| world.chat(chat).route.stand == Stand::Waiting));
    assert_eq!(world.person(&anna).load(), 0);
}

#[tokio::test]
async fn l2_a_changed_timeout_reaches_every_open_chat_of_the_queue_page_by_page() {
    let world = World::new();
    let anna = world.operator("anna");
    world.change_operator(&anna, |operator| operator.own_limit = Some(50));
    for n in 0..130 {
        world.waiting(&format!("c{n:03}"), SALES);
    }
    let closed = world.in_work("closed", SALES, &anna);
    world.closes(&closed, &anna);
    let retime = Delayed::Retime { queue: id(SALES), after: None };
    let mut todo = vec![QueueMessage::Delayed { delay_s: 0, what: retime }];
    let (mut pages, mut hints) = (0, 0);
    while let Some(message) = todo.pop() {
        pages += 1;
        assert!(deliver(&world, message).await);
        for message in world.queues.take() {
            match message {
                QueueMessage::CloseHint(_) => hints += 1,
                more => todo.push(more),
            }
        }
    }
    assert_eq!((pages, hints), (2, 130));
}
