//! Passes over the line of a *most free* queue.

use std::collections::BTreeMap;

use domain::chat::{EventKind, Stand};
use domain::config::Rule;
use domain::operator::Status;
use domain::{ChatId, OperatorId, routing};
use fakes::World;
use fakes::world::{CROWD, SALES, id};
use wire::queues::{Delayed, QueueMessage};

use crate::{deliver, wake, wakes};

fn offered_to(world: &World, chat: &ChatId) -> Option<OperatorId> {
    world.chat(chat).offer().map(|offer| offer.operator.clone())
}

async fn pass(world: &World) {
    assert!(deliver(world, wake(SALES)).await);
}

#[tokio::test]
async fn q4_the_one_with_the_fewest_chats_is_offered_it_and_told_why_it_is_theirs() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    world.in_work("c1", SALES, &anna);
    let chat = world.waiting("c2", SALES);
    pass(&world).await;

    assert_eq!(offered_to(&world, &chat), Some(ben.clone()));
    let offer = world.chat(&chat).offer().unwrap().clone();
    // Q5: five minutes unless the setting says otherwise.
    assert_eq!(offer.expires_at_ms, world.now_ms() + 5 * 60_000);
    assert_eq!(world.told("ben-1", "offer")[0]["chat"]["offer"]["id"], offer.id.to_string());
    assert!(world.told("anna-1", "offer").is_empty());
    assert!(world.timers.armed().contains_key(&format!("offer-{}", offer.id)));
    let event = world.events(&chat).pop().unwrap();
    let reason = event.reason.unwrap();
    assert_eq!((event.what, reason.rule), (EventKind::Offered, Rule::MostFree));
    let loads: Vec<_> = reason.candidates.iter().map(|(who, load, _)| (who.clone(), *load)).collect();
    assert_eq!(loads, [(ben, 0), (anna, 1)]);
}

#[tokio::test]
async fn q4_a_tie_goes_to_whoever_has_gone_longest_without_taking_a_chat() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    world.in_work("c1", SALES, &ben);
    world.clock.advance(1_000);
    world.in_work("c2", SALES, &anna);
    let chat = world.waiting("c3", SALES);
    pass(&world).await;
    assert_eq!(offered_to(&world, &chat), Some(ben));
}

#[tokio::test]
async fn q7_only_members_who_are_active_connected_and_below_the_limit_are_offered_chats() {
    let world = World::new();
    let (stranger, inactive, away, full, off) = (
        world.operator("stranger"),
        world.operator("inactive"),
        world.operator("away"),
        world.operator("full"),
        world.operator("off"),
    );
    world.change_operator(&stranger, |operator| operator.roles.clear());
    world.change_operator(&inactive, |operator| operator.status = Status::Inactive);
    world.leaves(&away);
    world.change_operator(&full, |operator| operator.own_limit = Some(1));
    world.in_work("c0", SALES, &full);
    world.change_operator(&off, |operator| operator.disabled = true);
    let chat = world.waiting("c1", SALES);
    pass(&world).await;
    assert_eq!(world.chat(&chat).route.stand, Stand::Waiting);

    // Named by the queue, whatever their roles (Q2).
    world.configure_queue(SALES, |queue| queue.users = vec![stranger.clone(), id("nobody")]);
    pass(&world).await;
    assert_eq!(offered_to(&world, &chat), Some(stranger));
}

#[tokio::test]
async fn q8_the_limit_counts_chats_of_all_queues_and_the_operators_own_comes_first() {
    let world = World::new();
    let anna = world.operator("anna");
    world.configure_queue(SALES, |queue| queue.limit = Some(2));
    world.in_work("c1", CROWD, &anna);
    world.in_work("c2", CROWD, &anna);
    let chat = world.waiting("c3", SALES);
    pass(&world).await;
    assert_eq!(offered_to(&world, &chat), None, "two chats of another queue are two chats");

    world.change_operator(&anna, |operator| operator.own_limit = Some(3));
    pass(&world).await;
    assert_eq!(offered_to(&world, &chat), Some(anna));
}

#[tokio::test]
async fn i3_a_burst_of_a_hundred_chats_to_ten_operators_of_limit_five_offers_the_fifty_oldest() {
    let world = World::new();
    let names: Vec<String> = (0..10).map(|n| format!("op{n}")).collect();
    let operators: Vec<OperatorId> = names.iter().map(|name| world.operator(name)).collect();
    let chats: Vec<ChatId> = (0..100)
        .map(|n| {
            world.clock.advance(10);
            world.waiting(&format!("c{n:03}"), SALES)
        })
        .collect();
    pass(&world).await;

    let mut loads: BTreeMap<OperatorId, usize> = BTreeMap::new();
    for chat in &chats[..50] {
        *loads.entry(offered_to(&world, chat).expect("the oldest are offered")).or_default() += 1;
    }
    assert_eq!(loads, operators.iter().map(|operator| (operator.clone(), 5)).collect());
    let rest: Vec<String> = (50..100).map(|n| format!("c{n:03}")).collect();
    assert_eq!(world.line(SALES), rest, "the rest waits, oldest first");
    assert_eq!(world.timers.armed().len(), 50);
}

#[tokio::test]
async fn i5_the_longest_waiting_chat_goes_first_when_room_comes() {
    let world = World::new();
    let anna = world.operator("anna");
    world.change_operator(&anna, |operator| operator.own_limit = Some(1));
    let busy = world.in_work("c0", SALES, &anna);
    let old = world.waiting("z-old", SALES);
    world.clock.advance(5);
    let young = world.waiting("a-young", SALES);
    pass(&world).await;
    assert_eq!(world.line(SALES), ["z-old", "a-young"]);
    world.closes(&busy, &anna);
    pass(&world).await;
    assert_eq!((offered_to(&world, &old), offered_to(&world, &young)), (Some(anna), None));
}

#[tokio::test]
async fn q6_whoever_declined_is_skipped_until_all_have_then_it_rests_and_all_are_asked_again() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    let chat = world.offered("c1", &anna);
    world.declines(&chat, &anna);
    pass(&world).await;
    assert_eq!(offered_to(&world, &chat), Some(ben.clone()));
    world.declines(&chat, &ben);

    world.queues.take();
    pass(&world).await;
    assert_eq!(world.events(&chat).pop().unwrap().what, EventKind::Rested);
    let delayed = world.queues.take();
    let [QueueMessage::Delayed { delay_s: 31, what: Delayed::Wake { queue, .. } }] = delayed.as_slice() else {
        panic!("{delayed:?}")
    };
    assert_eq!(queue, &id(SALES));
    world.clock.advance(29_999);
    pass(&world).await;
    assert_eq!(offered_to(&world, &chat), None);
    // The end of the rest goes into the queue's own line of passes first.
    world.clock.advance(1_001);
    assert!(deliver(&world, delayed[0].clone()).await);
    assert_eq!(wakes(&world).len(), 1);
    pass(&world).await;
    assert_eq!(offered_to(&world, &chat), Some(anna));
}

#[tokio::test]
async fn q6_chats_that_nobody_may_be_offered_do_not_hold_back_those_behind_them() {
    let world = World::new();
    let anna = world.operator("anna");
    let declined = routing::LINE_PAGE * 2 + 3;
    for n in 0..declined {
        world.clock.advance(1);
        let chat = world.offered(&format!("c{n:03}"), &anna);
        world.declines(&chat, &anna);
    }
    let chat = world.waiting("z", SALES);
    pass(&world).await;
    assert_eq!(offered_to(&world, &chat), Some(anna));
    assert_eq!(world.line(SALES).len(), declined as usize, "they rest");
}

#[tokio::test]
async fn a_pass_that_comes_second_starts_afresh() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    let chats = ["c1", "c2"].map(|name| world.waiting(name, SALES));
    // Between the look and the commit another pass offers the first chat to the same operator.
    let (rival, taken, to) = (world.clone(), chats[0].clone(), anna.clone());
    world.store.before_next_commit(move |_| rival.offer(&taken, &to));
    pass(&world).await;
    assert_eq!((offered_to(&world, &chats[0]), offered_to(&world, &chats[1])), (Some(anna), Some(ben)));
}

#[tokio::test]
async fn a_pass_that_is_always_second_is_handed_back() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.waiting("c1", SALES);
    for _ in 0..5 {
        let (rival, who) = (world.clone(), anna.clone());
        world.store.before_next_commit(move |_| rival.change_operator(&who, |operator| operator.name.push('!')));
    }
    assert!(!deliver(&world, wake(SALES)).await);
    assert!(deliver(&world, wake(SALES)).await);
    assert_eq!(offered_to(&world, &chat), Some(anna));
}

#[tokio::test]
async fn two_passes_side_by_side_offer_every_chat_once() {
    let world = World::new();
    for name in ["anna", "ben", "cleo"] {
        world.operator(name);
    }
    for n in 0..9 {
        world.waiting(&format!("c{n}"), SALES);
    }
    let (one, other) = (crate::function(&world), crate::function(&world));
    let batch = || fakes::world::sqs(&[wake(SALES)]);
    let (one, other) = futures_util::join!(one.handle(batch()), other.handle(batch()));
    world.check();
    // Whoever was always second is handed back, and finds nothing left to do.
    if !(one.batch_item_failures.is_empty() && other.batch_item_failures.is_empty()) {
        pass(&world).await;
    }
    assert!(world.line(SALES).is_empty());
    assert!(["anna", "ben", "cleo"].iter().all(|name| world.person(&id(name)).load() == 3));
}

#[tokio::test]
async fn an_offer_to_a_window_that_is_gone_is_withdrawn_at_once() {
    let world = World::new();
    let anna = world.operator("anna");
    world.push.mark_gone("anna-1");
    let chat = world.waiting("c1", SALES);
    pass(&world).await;
    assert_eq!(world.chat(&chat).route.stand, Stand::Waiting);
    let operator = world.person(&anna);
    assert_eq!((operator.status, operator.load(), operator.connections.len()), (Status::Active, 0, 0));
    assert_eq!(world.events(&chat).pop().unwrap().what, EventKind::Withdrawn);

    // The wake-up that the withdrawal sent finds the next one.
    let ben = world.operator("ben");
    assert_eq!(wakes(&world), [(SALES.to_owned(), "c1.1.3".to_owned())]);
    pass(&world).await;
    assert_eq!(offered_to(&world, &chat), Some(ben));
}

#[tokio::test]
async fn an_offer_stays_while_one_window_is_left() {
    let world = World::new();
    let anna = world.operator("anna");
    world.connect(&anna, "anna-2");
    world.push.mark_gone("anna-1");
    let chat = world.waiting("c1", SALES);
    pass(&world).await;
    assert_eq!(offered_to(&world, &chat), Some(anna.clone()));
    assert_eq!(world.person(&anna).connections.keys().collect::<Vec<_>>(), ["anna-2"]);
    assert_eq!(world.told("anna-2", "offer").len(), 1);
}

#[tokio::test]
async fn an_offer_to_a_window_that_may_no_longer_be_used_is_withdrawn_unseen() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.waiting("c1", SALES);
    world.clock.advance(fakes::world::CONNECTION_MS);
    pass(&world).await;
    assert_eq!(world.chat(&chat).route.stand, Stand::Waiting);
    assert!(world.person(&anna).connections.is_empty());
    assert!(world.push.frames("anna-1").is_empty());
}

#[tokio::test]
async fn q11_a_rule_changed_live_holds_for_waiting_chats_and_open_offers_run_on() {
    let world = World::new();
    let anna = world.operator("anna");
    let running = world.offered("c1", &anna);
    let waiting = world.waiting("c2", SALES);
    world.configure_queue(SALES, |queue| queue.rule = Rule::ToAll);
    pass(&world).await;
    assert_eq!(offered_to(&world, &running), Some(anna));
    assert_eq!(world.chat(&waiting).route.stand, Stand::Waiting);
    assert_eq!(world.told("anna-1", "line")[0]["chats"][0]["id"], waiting.to_string());
}

#[tokio::test]
async fn a_hint_that_makes_no_sense_does_no_harm() {
    let world = World::new();
    assert!(deliver(&world, wake("no-such-queue")).await);
    let mut event = fakes::world::sqs(&[wake(SALES)]);
    event.records[0].body = Some("?".to_owned());
    assert!(crate::function(&world).handle(event).await.batch_item_failures.is_empty());
    assert!(world.queues.take().is_empty());
}
