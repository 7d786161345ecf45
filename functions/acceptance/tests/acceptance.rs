//! Accept, decline and the accept timeout, through the real rows.

use acceptance::Acceptance;
use domain::chat::{EventKind, Stand};
use domain::operator::Status;
use domain::{ChatId, OfferId, OperatorId};
use fakes::world::{CROWD, SALES, frame, id, sqs};
use fakes::{FakeClock, FakePush, FakeQueues, FakeTimers, FakeVisibility, FaultTime, MemoryStore, World};
use ports::StoreError;
use runtime::Desk;
use serde_json::{Value, json};
use wire::queues::{OfferHint, QueueMessage, VERSION};
use wire::timers::Fires;

type Function = Acceptance<MemoryStore, FakeQueues, FakeTimers, FakePush, FakeClock, FakeVisibility>;

const TIMEOUT_MS: i64 = 5 * 60_000;

fn function(world: &World) -> Function {
    let w = world.clone();
    Acceptance { desk: Desk::new(w.store, w.queues, w.timers, w.push, w.clock), visibility: w.visibility }
}

/// Has the operator send a command by their first window; says how it was answered: `ok` or an error code.
async fn command(world: &World, operator: &OperatorId, request: &str, command: Value) -> String {
    function(world).frame(&frame(operator, request, command)).await;
    world.check();
    world.outcome(&format!("{operator}-1"), request)
}

fn accept(chat: &ChatId) -> Value {
    json!({"action": "accept", "chat": chat})
}

fn offer_of(world: &World, chat: &ChatId) -> OfferId {
    world.chat(chat).offer().expect("it is on offer").id.clone()
}

fn timeout(offer: &OfferId, operator: &OperatorId) -> Fires {
    Fires::AcceptTimeout { offer: offer.clone(), operator: Some(operator.clone()) }
}

fn woken(world: &World) -> Vec<String> {
    let queue = |message: QueueMessage| match message {
        QueueMessage::Wake(wake) => Some(wake.queue.to_string()),
        _ => None,
    };
    world.queues.take().into_iter().filter_map(queue).collect()
}

#[tokio::test]
async fn an_accepted_offer_is_in_work_and_its_close_timer_is_set() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.offered("c1", &anna);
    let offer = offer_of(&world, &chat);
    world.clock.advance(TIMEOUT_MS - 1);
    let accept = json!({"action": "accept", "chat": chat, "offer": offer});
    assert_eq!(command(&world, &anna, "r1", accept).await, "ok");

    let taken = world.chat(&chat);
    assert_eq!(taken.operator(), Some(&anna));
    assert_eq!(world.answer("anna-1", "r1").result.unwrap()["state"], "in_work");
    assert_eq!(world.person(&anna).load(), 1);
    assert_eq!(world.person(&anna).last_taken_at_ms, world.now_ms());
    assert_eq!(world.told("anna-1", "offer_gone")[0]["reason"], "accepted");
    let close = world.timers.armed().into_values().next().unwrap();
    assert_eq!(close.at_ms, world.now_ms() + 30 * 60_000);
    assert_eq!(close.fires, Fires::AutoClose { chat, operator: Some(anna) });
    assert!(woken(&world).is_empty(), "nobody else sees an offer");
}

#[tokio::test]
async fn i4_the_same_operator_gets_the_same_yes_in_every_window() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.offered("c1", &anna);
    for request in ["r1", "r2", "r1"] {
        assert_eq!(command(&world, &anna, request, accept(&chat)).await, "ok");
    }
    assert_eq!(world.events(&chat).iter().filter(|event| event.what == EventKind::Accepted).count(), 1);
}

#[tokio::test]
async fn i4_whoever_comes_between_the_look_and_the_commit_is_the_one() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    let chat = world.waiting("c1", CROWD);
    let (rival, taken, by) = (world.clone(), chat.clone(), ben.clone());
    world.store.before_next_commit(move |_| rival.take(&taken, &by));
    assert_eq!(command(&world, &anna, "r1", accept(&chat)).await, "offer_gone");
    assert_eq!(world.chat(&chat).operator(), Some(&ben));
}

#[tokio::test]
async fn i4_fifty_rounds_of_two_at_once_give_one_yes_each() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    for operator in [&anna, &ben] {
        world.change_operator(operator, |operator| operator.own_limit = Some(50));
    }
    let (one, other) = (function(&world), function(&world));
    for round in 0..50 {
        let request = format!("r{round}");
        let chat = world.waiting(&format!("c{round}"), CROWD);
        let (a, b) = (frame(&anna, &request, accept(&chat)), frame(&ben, &request, accept(&chat)));
        futures_util::join!(one.frame(&a), other.frame(&b));
        let mut outcomes = [world.outcome("anna-1", &request), world.outcome("ben-1", &request)];
        outcomes.sort();
        assert_eq!(outcomes, ["offer_gone", "ok"]);
    }
    world.check();
}

#[tokio::test]
async fn q3_a_chat_taken_from_a_line_disappears_there() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.waiting("c1", CROWD);
    assert_eq!(command(&world, &anna, "r1", accept(&chat)).await, "ok");
    assert!(world.line(CROWD).is_empty());
    assert_eq!(woken(&world), [CROWD]);
}

#[tokio::test]
async fn commands_that_cannot_be_carried_out_say_why() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    let (offered, waiting, crowd) = (world.offered("c1", &ben), world.waiting("c2", SALES), world.waiting("c3", CROWD));
    let closed = world.in_work("c4", SALES, &anna);
    world.closes(&closed, &anna);
    let offer = offer_of(&world, &offered);
    let unknown: ChatId = id("nobody.1");
    for (n, (wanted, expected)) in [
        (accept(&offered), "offer_gone"),
        (json!({"action": "accept", "chat": offered, "offer": offer}), "offer_gone"),
        (json!({"action": "accept", "chat": crowd, "offer": offer}), "offer_gone"),
        (json!({"action": "decline", "offer": offer}), "offer_gone"),
        (json!({"action": "decline", "offer": "nobody.1.2"}), "chat_not_found"),
        (accept(&waiting), "not_offered"),
        (accept(&closed), "chat_closed"),
        (accept(&unknown), "chat_not_found"),
        (json!({"action": "accept", "chat": "?"}), "bad_request"),
        (json!({"action": "send", "chat": crowd, "text": "x"}), "chat_not_found"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(command(&world, &anna, &format!("r{n}"), wanted.clone()).await, expected, "{wanted}");
    }
    world.change_operator(&anna, |operator| operator.own_limit = Some(0));
    assert_eq!(command(&world, &anna, "full", accept(&crowd)).await, "at_limit");
    world.change_operator(&anna, |operator| operator.status = Status::Inactive);
    assert_eq!(command(&world, &anna, "inactive", accept(&crowd)).await, "not_available");
    world.change_operator(&anna, |operator| operator.roles.clear());
    assert_eq!(command(&world, &anna, "stranger", accept(&crowd)).await, "not_in_queue");
    assert_eq!(world.chat(&crowd).route.stand, Stand::Waiting);
}

#[tokio::test]
async fn q5_an_accept_at_the_deadline_is_too_late_and_ends_the_offer_at_once() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.offered("c1", &anna);
    world.clock.advance(TIMEOUT_MS);
    assert_eq!(command(&world, &anna, "r1", accept(&chat)).await, "offer_expired");
    assert_eq!(world.chat(&chat).route.stand, Stand::Waiting);
    assert_eq!(world.person(&anna).status, Status::Inactive);
    assert_eq!(woken(&world), [SALES]);
}

#[tokio::test]
async fn q5_an_offer_that_ran_out_makes_inactive_and_takes_the_other_offers_back() {
    let world = World::new();
    let anna = world.operator("anna");
    let first = world.offered("c1", &anna);
    world.clock.advance(60_000);
    let (second, working) = (world.offered("c2", &anna), world.in_work("c3", SALES, &anna));
    let fires = timeout(&offer_of(&world, &first), &anna);
    world.clock.advance(TIMEOUT_MS - 60_000 - 1);
    function(&world).timer(&fires).await.unwrap();
    assert!(world.chat(&first).offer().is_some(), "not before its time");

    world.clock.advance(1);
    function(&world).timer(&fires).await.unwrap();
    world.check();
    assert_eq!(world.line(SALES), ["c1", "c2"]);
    let operator = world.person(&anna);
    assert_eq!((operator.status, operator.load()), (Status::Inactive, 1));
    assert_eq!(world.chat(&working).operator(), Some(&anna));
    assert_eq!(world.events(&first).pop().unwrap().what, EventKind::Expired);
    assert_eq!(world.events(&second).pop().unwrap().what, EventKind::Withdrawn);
    assert_eq!(woken(&world), [SALES, SALES]);
    assert_eq!(world.told("anna-1", "operator").last().unwrap()["operator"]["status"], "inactive");

    // A second timer, and one of an offer that is no more, change nothing.
    let before = world.store.dump();
    function(&world).timer(&fires).await.unwrap();
    function(&world).invoke(serde_json::to_value(&fires).unwrap()).await.unwrap();
    assert_eq!(world.store.dump(), before);
}

#[tokio::test]
async fn the_sweeps_hint_and_the_windows_countdown_end_an_offer_too() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    let (first, second) = (world.offered("c1", &anna), world.offered("c2", &ben));
    let hint = QueueMessage::OfferHint(OfferHint { v: VERSION, offer: offer_of(&world, &first) });
    let expire = json!({"action": "expire", "offer": offer_of(&world, &second)});
    assert_eq!(command(&world, &ben, "early", expire.clone()).await, "ok");
    assert!(world.chat(&second).offer().is_some());

    world.clock.advance(TIMEOUT_MS);
    assert!(function(&world).hints(sqs(&[hint])).await.batch_item_failures.is_empty());
    assert_eq!(command(&world, &ben, "late", expire).await, "ok");
    assert_eq!(world.line(SALES), ["c1", "c2"]);
}

#[tokio::test]
async fn a_hint_is_handed_back_while_the_store_is_down_and_an_unreadable_one_is_dropped() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.offered("c1", &anna);
    let hint = QueueMessage::OfferHint(OfferHint { v: VERSION, offer: offer_of(&world, &chat) });
    world.clock.advance(TIMEOUT_MS);
    let mut event = sqs(&[hint.clone(), hint]);
    event.records[0].body = Some("?".to_owned());
    world.store.fail_next_reads(1, &StoreError::Unavailable("down".to_owned()));
    let failures = function(&world).hints(event).await.batch_item_failures;
    assert_eq!(failures.iter().map(|failure| failure.item_identifier.as_str()).collect::<Vec<_>>(), ["1"]);
    assert_eq!(world.visibility.asked().len(), 1);
}

#[tokio::test]
async fn q6_a_declined_chat_is_back_in_line_and_its_decliner_stays_active() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.offered("c1", &anna);
    let since = world.chat(&chat).route.waiting_since_ms;
    world.clock.advance(1_000);
    let decline = json!({"action": "decline", "offer": offer_of(&world, &chat)});
    for _ in 0..2 {
        assert_eq!(command(&world, &anna, "r1", decline.clone()).await, "ok", "the same request, the same answer");
    }
    let route = world.chat(&chat).route;
    assert_eq!(
        (&route.stand, route.waiting_since_ms, route.decliners.as_slice()),
        (&Stand::Waiting, since, [anna.clone()].as_slice())
    );
    assert_eq!((world.person(&anna).status, world.person(&anna).load()), (Status::Active, 0));
    assert_eq!(woken(&world), [SALES]);
    assert_eq!(command(&world, &anna, "r2", decline).await, "offer_gone");
}

#[tokio::test]
async fn q5_a_decline_after_the_deadline_is_an_expiry() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.offered("c1", &anna);
    let decline = json!({"action": "decline", "offer": offer_of(&world, &chat)});
    world.clock.advance(TIMEOUT_MS);
    assert_eq!(command(&world, &anna, "r1", decline).await, "offer_expired");
    assert_eq!(world.person(&anna).status, Status::Inactive);
    assert!(world.chat(&chat).route.decliners.is_empty());
}

#[tokio::test]
async fn q7_room_after_a_decline_wakes_the_other_queues_in_which_somebody_waits() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.offered("c1", &anna);
    world.waiting("c2", CROWD);
    let decline = json!({"action": "decline", "offer": offer_of(&world, &chat)});
    assert_eq!(command(&world, &anna, "r1", decline).await, "ok");
    assert_eq!(woken(&world), [SALES, CROWD]);
}

#[tokio::test]
async fn q9_an_accepted_transfer_moves_the_chat_and_frees_its_source() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    let chat = world.in_work("c1", SALES, &anna);
    world.hands_over(&chat, &anna, &ben);
    world.waiting("c2", CROWD);
    world.clock.advance(60_000);
    assert_eq!(command(&world, &ben, "r1", accept(&chat)).await, "ok");
    assert_eq!(world.chat(&chat).operator(), Some(&ben));
    assert_eq!((world.person(&anna).load(), world.person(&ben).load()), (0, 1));
    assert_eq!(world.told("anna-1", "chat_gone")[0]["reason"], "transferred");
    assert_eq!(world.events(&chat).pop().unwrap().what, EventKind::TransferAccepted);
    // L2: taking it restarts the clock.
    assert_eq!(world.chat(&chat).route.close_due_at_ms, Some(world.now_ms() + 30 * 60_000));
    assert_eq!(woken(&world), [CROWD]);
}

#[tokio::test]
async fn q9_a_transfer_that_ends_without_an_accept_leaves_the_chat_and_everybody_active() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    let (one, two) = (world.in_work("c1", SALES, &anna), world.in_work("c2", SALES, &anna));
    world.hands_over(&one, &anna, &ben);
    world.hands_over(&two, &anna, &ben);
    let decline = json!({"action": "decline", "offer": offer_of(&world, &one)});
    assert_eq!(command(&world, &ben, "r1", decline).await, "ok");
    let fires = timeout(&offer_of(&world, &two), &ben);
    world.clock.advance(TIMEOUT_MS);
    function(&world).timer(&fires).await.unwrap();
    world.check();
    for chat in [&one, &two] {
        assert_eq!(world.chat(chat).route.stand, Stand::InWork { operator: anna.clone(), transfer: None });
    }
    assert_eq!((world.person(&ben).status, world.person(&ben).load()), (Status::Active, 0));
    assert_eq!(world.told("ben-1", "offer_gone").len(), 2);
    assert_eq!(world.told("anna-1", "chat").len(), 2, "the source sees that it is over");
}

#[tokio::test]
async fn a_store_that_fails_says_try_again_and_trying_again_works() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.offered("c1", &anna);
    let down = StoreError::Unavailable("down".to_owned());
    world.store.fail_next_commits(1, FaultTime::After, &down);
    assert_eq!(command(&world, &anna, "r1", accept(&chat)).await, "try_again");
    assert_eq!(command(&world, &anna, "r1", accept(&chat)).await, "ok");
    let text = world.answers("anna-1", "r1")[0].error.clone().unwrap().text;
    assert!(!text.contains("down"), "the cause is for the log: {text}");
}

#[tokio::test]
async fn a_connection_whose_sign_in_ran_out_is_refused() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.offered("c1", &anna);
    let mut late = frame(&anna, "r1", accept(&chat));
    late.request_context.authorizer.fields.insert("auth_until_ms".to_owned(), json!(world.now_ms()));
    function(&world).frame(&late).await;
    assert_eq!(world.outcome("anna-1", "r1"), "session_expired");
    assert!(world.chat(&chat).offer().is_some());
}
