//! The sweep finds whatever hint was lost.

use domain::operator::{ABSENCE_GRACE_MS, CONNECTION_SILENCE_MS};
use domain::{Provider, delivery};
use fakes::World;
use fakes::world::{CROWD, SALES, id};
use ports::StoreError;
use ports::records::{chat_key, put_connection};
use ports::store::{Attributes, Write};
use serde_json::json;
use wire::queues::{CloseHint, Delayed, OfferHint, OutboundKind, QueueMessage, VERSION};

use crate::function;

const MINUTE: i64 = 60_000;

async fn sweep(world: &World) -> Vec<QueueMessage> {
    world.queues.take();
    function(world).invoke(json!({"kind": "sweep"})).await.expect("nothing fails");
    world.check();
    world.queues.take()
}

#[tokio::test]
async fn a_quiet_company_gives_nothing_to_do() {
    let world = World::new();
    let anna = world.operator("anna");
    world.in_work("c1", SALES, &anna);
    world.offered("c2", &anna);
    assert!(sweep(&world).await.is_empty());
}

#[tokio::test]
async fn q5_an_offer_whose_timer_was_lost() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.offered("c1", &anna);
    let offer = world.chat(&chat).offer().unwrap().clone();
    world.clock.set(offer.expires_at_ms + 14_000);
    world.connect(&anna, "anna-2");
    assert!(sweep(&world).await.is_empty(), "its own timer comes first");
    world.clock.set(offer.expires_at_ms + 15_000);
    assert_eq!(sweep(&world).await, [QueueMessage::OfferHint(OfferHint { v: VERSION, offer: offer.id })]);
}

#[tokio::test]
async fn i7_a_close_whose_timer_was_lost_and_only_that() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    world.clock.advance(30 * MINUTE - 1);
    world.says("c1", SALES, "2", "meanwhile");
    world.clock.advance(15_001);
    world.connect(&anna, "anna-2");
    let hints = sweep(&world).await;
    assert!(hints.contains(&QueueMessage::CloseHint(CloseHint { v: VERSION, chat })), "{hints:?}");
}

#[tokio::test]
async fn i6_a_reply_that_nobody_sent_is_hinted_at_once_in_ten_minutes() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    world.replies(&chat, &anna, "r1", "hi");
    world.clock.advance(delivery::SWEEP_AFTER_MS + 15_000);
    let first = sweep(&world).await;
    let [QueueMessage::Outbound(hint)] = first.as_slice() else { panic!("{first:?}") };
    assert_eq!((hint.provider, &hint.chat), (Provider::Telegram, &chat));
    assert!(matches!(&hint.what, OutboundKind::Reply { seq: 2, sweep: Some(_), .. }));
    world.clock.advance(MINUTE);
    let second = sweep(&world).await;
    assert_eq!(first[0].group_and_dedupe(), second[0].group_and_dedupe(), "FIFO queues pass on one of them");
}

#[tokio::test]
async fn i5_chats_that_wait_though_their_wake_up_was_lost() {
    let world = World::new();
    world.waiting("c1", SALES);
    let hints = sweep(&world).await;
    let [QueueMessage::Wake(wake)] = hints.as_slice() else { panic!("{hints:?}") };
    assert_eq!((&wake.queue, &wake.cause), (&id(SALES), &format!("sweep.{}", world.now_ms() / MINUTE)));
    world.waiting("c2", CROWD);
    assert_eq!(sweep(&world).await.len(), 2);
}

#[tokio::test]
async fn q10_somebody_away_with_chats_whose_grace_nobody_watched() {
    let world = World::new();
    let anna = world.operator("anna");
    world.offered("c1", &anna);
    world.leaves(&anna);
    world.clock.advance(ABSENCE_GRACE_MS + 15_000);
    let hints = sweep(&world).await;
    let absent = QueueMessage::Delayed { delay_s: 0, what: Delayed::Absent { operator: anna } };
    assert_eq!(hints, [absent]);
}

#[tokio::test]
async fn a_connection_that_fell_silent_is_given_up_and_one_that_pinged_is_not() {
    let world = World::new();
    let anna = world.operator("anna");
    world.connect(&anna, "anna-2");
    world.offered("c1", &anna);
    world.clock.advance(CONNECTION_SILENCE_MS - MINUTE);
    world.store.write(&[put_connection(&anna, "anna-2", i64::MAX, world.now_ms(), None)]).unwrap();
    world.clock.advance(MINUTE + 15_000);
    sweep(&world).await;
    assert_eq!(world.person(&anna).connections.keys().collect::<Vec<_>>(), ["anna-2"]);
    assert_eq!(world.push.closed(), ["anna-1"]);

    world.clock.advance(CONNECTION_SILENCE_MS);
    let hints = sweep(&world).await;
    assert!(world.person(&anna).connections.is_empty());
    let absent = QueueMessage::Delayed { delay_s: 31, what: Delayed::Absent { operator: anna } };
    assert!(hints.contains(&absent), "the grace begins: {hints:?}");
}

#[tokio::test]
async fn a_sign_of_life_without_its_operator_is_cleared_away() {
    let world = World::new();
    let anna = world.operator("anna");
    world.leaves(&anna);
    world.clock.advance(CONNECTION_SILENCE_MS + 15_000);
    sweep(&world).await;
    assert!(world.store.row(&ports::records::connection_key(&anna, "anna-1")).is_none());
}

#[tokio::test]
async fn one_row_that_cannot_be_read_hides_no_other() {
    let world = World::new();
    let anna = world.operator("anna");
    let (broken, fine) = (world.offered("a-broken", &anna), world.offered("b-fine", &anna));
    world.clock.advance(5 * MINUTE + 15_000);
    world.connect(&anna, "anna-2");
    let offer = world.chat(&fine).offer().unwrap().id.clone();
    let set = Attributes::from_iter([("route".to_owned(), json!("?"))]);
    world.store.write(&[Write::Update { key: chat_key(&broken), set, remove: vec![], condition: None }]).unwrap();
    function(&world).sweep().await.unwrap();
    let hints = world.queues.take();
    assert!(hints.contains(&QueueMessage::OfferHint(OfferHint { v: VERSION, offer })), "{hints:?}");
}

#[tokio::test]
async fn a_part_that_fails_is_reported_and_the_others_are_done() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.offered("c1", &anna);
    world.waiting("c2", SALES);
    world.clock.advance(5 * MINUTE + 15_000);
    world.connect(&anna, "anna-2");
    let offer = world.chat(&chat).offer().unwrap().id.clone();
    // One of the eight looks fails; whichever it is, the line is found.
    world.store.fail_next_reads(1, &StoreError::Throttled);
    assert!(function(&world).sweep().await.is_err());
    assert!(world.queues.take().iter().any(|hint| matches!(hint, QueueMessage::Wake(_))));
    function(&world).sweep().await.unwrap();
    assert!(world.queues.take().contains(&QueueMessage::OfferHint(OfferHint { v: VERSION, offer })));
}
