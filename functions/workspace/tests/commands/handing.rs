//! Closing and handing over (L6, Q9).

use domain::ChatId;
use domain::chat::{EventKind, Stand};
use domain::operator::Status;
use fakes::World;
use fakes::world::{CROWD, SALES, id};
use serde_json::{Value, json};
use wire::queues::QueueMessage;
use wire::timers::Fires;

use crate::{command, result};

fn close(chat: &ChatId) -> Value {
    json!({"action": "close", "chat": chat})
}

fn to_operator(chat: &ChatId, operator: &str) -> Value {
    json!({"action": "transfer", "chat": chat, "to": {"operator": operator}})
}

fn to_queue(chat: &ChatId, queue: &str) -> Value {
    json!({"action": "transfer", "chat": chat, "to": {"queue": queue}})
}

fn woken(world: &World) -> Vec<String> {
    let queue = |message: QueueMessage| match message {
        QueueMessage::Wake(wake) => Some(wake.queue.to_string()),
        _ => None,
    };
    world.queues.take().into_iter().filter_map(queue).collect()
}

#[tokio::test]
async fn l6_a_close_frees_its_operator_at_once_and_is_one_however_often_it_is_asked() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    world.waiting("c2", CROWD);
    for request in ["r1", "r1", "r2"] {
        assert_eq!(command(&world, &anna, request, close(&chat)).await, "ok");
    }
    assert!(matches!(world.chat(&chat).route.stand, Stand::Closed { by: Some(_), .. }));
    assert_eq!(world.person(&anna).load(), 0);
    assert_eq!(world.told("anna-1", "chat_gone").len(), 1);
    assert_eq!(woken(&world), [CROWD], "Q7: where somebody waits");
}

#[tokio::test]
async fn a_close_of_what_is_not_mine_is_refused() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    let others = world.in_work("c1", SALES, &ben);
    let offered = world.offered("c2", &anna);
    let unknown: ChatId = id("nobody.1");
    assert_eq!(command(&world, &anna, "r1", close(&others)).await, "not_your_chat");
    assert_eq!(command(&world, &anna, "r2", close(&offered)).await, "not_your_chat");
    assert_eq!(command(&world, &anna, "r3", close(&unknown)).await, "chat_not_found");
    world.closes(&others, &ben);
    assert_eq!(command(&world, &anna, "r4", close(&others)).await, "not_your_chat");
    assert_eq!(command(&world, &ben, "r5", close(&others)).await, "ok");
}

#[tokio::test]
async fn i9_a_message_between_the_look_and_the_commit_of_a_close_is_in_the_closed_chat() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    let rival = world.clone();
    world.store.before_next_commit(move |_| {
        rival.says("c1", SALES, "2", "thanks");
    });
    assert_eq!(command(&world, &anna, "r1", close(&chat)).await, "ok");
    assert_eq!((world.words(&chat), world.chats("c1").len()), (vec!["hello".to_owned(), "thanks".to_owned()], 1));
}

#[tokio::test]
async fn q9_a_chat_offered_to_a_colleague_stays_until_they_accept() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    let chat = world.in_work("c1", SALES, &anna);
    for _ in 0..2 {
        assert_eq!(command(&world, &anna, "r1", to_operator(&chat, "ben")).await, "ok", "one request, one transfer");
    }
    let Stand::InWork { operator, transfer: Some(offer) } = world.chat(&chat).route.stand else { panic!("in work") };
    assert_eq!((&operator, &offer.operator), (&anna, &ben));
    assert_eq!((world.person(&anna).load(), world.person(&ben).load()), (1, 1), "the offer reserves capacity");
    assert_eq!(world.told("ben-1", "offer")[0]["chat"]["state"], "in_work");
    let timer = world.timers.armed().into_values().next().unwrap();
    assert_eq!(timer.fires, Fires::AcceptTimeout { offer: offer.id, operator: Some(ben) });
    assert_eq!(timer.at_ms, world.now_ms() + 5 * 60_000);
}

#[tokio::test]
async fn q9_a_transfer_that_cannot_be_says_why() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    let (chat, others) = (world.in_work("c1", SALES, &anna), world.in_work("c2", SALES, &ben));
    for (n, (wanted, expected)) in [
        (to_operator(&chat, "anna"), "transfer_to_self"),
        (to_operator(&chat, "nobody"), "operator_not_found"),
        (to_operator(&others, "anna"), "not_your_chat"),
        (to_queue(&chat, "nowhere"), "queue_not_found"),
        (to_queue(&others, CROWD), "not_your_chat"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(command(&world, &anna, &format!("r{n}"), wanted).await, expected);
    }
    world.change_operator(&ben, |operator| operator.own_limit = Some(1));
    assert_eq!(command(&world, &anna, "full", to_operator(&chat, "ben")).await, "target_at_limit");
    world.change_operator(&ben, |operator| operator.status = Status::Inactive);
    assert_eq!(command(&world, &anna, "inactive", to_operator(&chat, "ben")).await, "target_unavailable");
    let cleo = world.operator("cleo");
    world.hands_over(&chat, &anna, &cleo);
    assert_eq!(command(&world, &anna, "pending", to_operator(&chat, "cleo")).await, "transfer_pending");
}

#[tokio::test]
async fn q9_a_chat_sent_to_a_queue_waits_there_with_its_age_and_frees_its_operator_at_once() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    let chat = world.in_work("c1", SALES, &anna);
    let since = world.chat(&chat).route.waiting_since_ms;
    world.hands_over(&chat, &anna, &ben);
    world.clock.advance(60_000);
    for _ in 0..2 {
        assert_eq!(command(&world, &anna, "r1", to_queue(&chat, CROWD)).await, "ok");
    }
    let route = world.chat(&chat).route;
    assert_eq!((&route.stand, &route.queue, route.waiting_since_ms), (&Stand::Waiting, &id(CROWD), since));
    assert_eq!(route.decliners.as_slice(), std::slice::from_ref(&anna), "whoever gave it away is asked last");
    assert_eq!(world.line(CROWD), ["c1"]);
    assert_eq!((world.person(&anna).load(), world.person(&ben).load()), (0, 0));
    assert_eq!(world.told("ben-1", "offer_gone")[0]["reason"], "withdrawn");
    assert_eq!(world.told("anna-1", "chat_gone")[0]["reason"], "transferred");
    let event = world.events(&chat).pop().unwrap();
    assert_eq!((event.what, event.other.as_deref()), (EventKind::QueueChanged, Some(CROWD)));
    assert_eq!(woken(&world), [CROWD]);
}

#[tokio::test]
async fn q9_colleagues_are_those_who_could_take_it_the_freest_first() {
    let world = World::new();
    let (anna, ben, cleo) = (world.operator("anna"), world.operator("ben"), world.operator("cleo"));
    let (full, inactive) = (world.operator("full"), world.operator("inactive"));
    world.change_operator(&full, |operator| operator.own_limit = Some(0));
    world.change_operator(&inactive, |operator| operator.status = Status::Inactive);
    let chat = world.in_work("c1", SALES, &anna);
    world.in_work("c2", SALES, &ben);
    // Cleo is found by the role and by name, and listed once.
    world.configure_queue(SALES, |queue| queue.users = vec![cleo.clone()]);
    let wanted = json!({"action": "colleagues", "chat": chat});
    let found = result(&world, &anna, "r1", wanted.clone()).await;
    let names: Vec<_> = found["operators"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["cleo", "ben"]);
    assert_eq!(found["queues"].as_array().unwrap().len(), 2);
    assert_eq!(command(&world, &ben, "r2", wanted).await, "not_your_chat");
}
