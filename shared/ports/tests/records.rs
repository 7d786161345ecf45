//! The rows of the work table: their order, their guards, and what finds them.

use domain::availability::Line;
use domain::chat::{Chat, Thread};
use domain::config::ROLES_OF_ONE_MAX;
use domain::decision::{Decision, Write as Change};
use domain::operator::{ABSENCE_GRACE_MS, Operator};
use domain::{ChatId, OperatorId, reply, routing};
use fakes::world::{CROWD, SALES, STAFF, id};
use fakes::{MemoryStore, World};
use ports::StoreError;
use ports::records::{self, DUE_SHARDS, Due, Hold};
use ports::store::{Attributes, COMMIT_WRITES_MAX, Condition, Write};
use serde_json::json;

/// Which of these changes' rows failed their conditions.
fn failed(world: &World, changes: &[Change]) -> Vec<usize> {
    match world.store.write(&records::rows(changes, world.now_ms())) {
        Ok(()) => Vec::new(),
        Err(StoreError::ConditionFailed(at)) => at,
        Err(error) => panic!("{error}"),
    }
}

fn names(chats: &[Chat]) -> Vec<&str> {
    chats.iter().map(|chat| chat.id.conversation.as_str()).collect()
}

#[tokio::test]
async fn a_line_is_in_order_of_waiting_and_comes_in_pages() {
    let world = World::new();
    for name in ["d", "b", "c", "a"] {
        world.waiting(name, SALES);
        world.clock.advance(1);
    }
    world.waiting("other", CROWD);
    let queue = id(SALES);
    let (first, next) = records::line(&world.store, &queue, 3, None).await.unwrap();
    let (second, end) = records::line(&world.store, &queue, 3, next).await.unwrap();
    assert_eq!((names(&first), names(&second)), (vec!["d", "b", "c"], vec!["a"]));
    assert!(end.is_none());
    let head = records::line_head(&world.store, &queue).await.unwrap();
    assert_eq!(head.unwrap().id.conversation.as_str(), "d");
    assert!(records::line_head(&world.store, &id("nowhere")).await.unwrap().is_none());
}

#[tokio::test]
async fn q4_the_free_stand_by_load_then_by_when_they_last_took_a_chat() {
    let world = World::new();
    let anna = world.operator("anna");
    world.change_operator(&anna, |operator| operator.chats = (1..=10).map(|n| id(&format!("x{n}.1"))).collect());
    for (name, load, last) in [("ben", 9, 5), ("cleo", 2, 50), ("dora", 2, 7)] {
        world.change_operator(&world.operator(name), |operator| {
            operator.chats = (1..=load).map(|n| id(&format!("{name}{n}.1"))).collect();
            operator.last_taken_at_ms = last;
        });
    }
    let (full, room) = (world.operator("full"), world.operator("room"));
    world.change_operator(&full, |operator| operator.own_limit = Some(0));
    world.change_operator(&room, |operator| operator.own_limit = Some(1));
    let order = async |line| -> Vec<String> {
        let found = records::order_of_the_free(&world.store, &id(STAFF), line).await.unwrap();
        found.into_iter().map(|operator| operator.id.to_string()).collect()
    };
    assert_eq!(order(Line::Common).await, ["dora", "cleo", "ben", "anna"]);
    assert_eq!(order(Line::Own).await, ["room"]);
    world.leaves(&anna);
    assert_eq!(order(Line::Common).await.len(), 3, "who leaves leaves the order");
}

#[tokio::test]
async fn the_latest_chat_is_the_tenth_and_not_the_ninth() {
    let world = World::new();
    let anna = world.operator("anna");
    for n in 1..=10 {
        let chat = world.says("c1", SALES, &n.to_string(), "x");
        if n < 10 {
            world.offer(&chat, &anna);
            world.take(&chat, &anna);
            world.closes(&chat, &anna);
        }
    }
    let latest = records::latest_chat(&world.store, &id("c1")).await.unwrap().unwrap();
    assert_eq!(latest.id.n, 10);
    assert!(records::latest_chat(&world.store, &id("c2")).await.unwrap().is_none());
}

#[tokio::test]
async fn history_is_of_one_chat_newest_first_up_to_a_message() {
    let world = World::new();
    let anna = world.operator("anna");
    let first = world.in_work("c1", SALES, &anna);
    for n in 2..=12 {
        world.says("c1", SALES, &n.to_string(), "x");
    }
    world.closes(&first, &anna);
    world.says("c1", SALES, "next", "another chat");
    let page = async |before, limit| -> (Vec<u64>, bool) {
        let (messages, more) = records::history(&world.store, &first, before, limit).await.unwrap();
        (messages.iter().map(|message| message.seq).collect(), more)
    };
    assert_eq!(page(None, 3).await, (vec![12, 11, 10], true));
    assert_eq!(page(Some(10), 100).await, ((1..=9).rev().collect(), false));
    assert_eq!(page(Some(1), 5).await, (vec![], false));
    assert_eq!(page(Some(0), 5).await, (vec![], false));
    let events = records::event_rows(&world.store, &first, 2, 10).await.unwrap();
    assert_eq!(events.iter().map(|event| event.route_rev).collect::<Vec<_>>(), [3, 4]);
}

#[tokio::test]
async fn the_due_index_holds_what_a_sweep_must_find_and_nothing_else() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    let due = async || {
        let mut found = Vec::new();
        for shard in 0..DUE_SHARDS {
            found.extend(records::due(&world.store, shard, i64::MAX, 200).await.unwrap());
        }
        found.retain(|due| !matches!(due, Due::Connection(..)));
        found.sort_by_key(|due| format!("{due:?}"));
        found
    };
    world.waiting("c0", SALES);
    assert!(due().await.is_empty());
    let chat = world.offered("c1", &anna);
    assert_eq!(due().await, [Due::Chat(chat.clone())]);
    world.take(&chat, &anna);
    world.replies(&chat, &anna, "r1", "hi");
    assert_eq!(due().await, [Due::Chat(chat.clone()), Due::Message(chat.clone(), 2)]);
    world.leaves(&anna);
    world.leaves(&ben);
    assert_eq!(due().await.len(), 3, "whoever has nothing may be away");
    world.closes(&chat, &anna);
    assert_eq!(due().await, [Due::Message(chat.clone(), 2)]);

    // By time: an offer is due at its deadline, an absence at the end of the grace.
    let carl = world.operator("carl");
    let offered = world.offered("c2", &carl);
    world.leaves(&carl);
    let shards = (0..DUE_SHARDS)
        .map(async |shard| records::due(&world.store, shard, world.now_ms() + ABSENCE_GRACE_MS, 200).await);
    let mut found = Vec::new();
    for shard in shards {
        found.extend(shard.await.unwrap());
    }
    assert_eq!(found, [Due::Operator(carl)]);
    assert_eq!(world.chat(&offered).due_at_ms(), Some(world.now_ms() + 5 * 60_000));
}

#[tokio::test]
async fn connections_are_due_when_they_have_been_silent_for_too_long() {
    let world = World::new();
    let anna = world.operator("anna");
    let mut found = Vec::new();
    for shard in 0..DUE_SHARDS {
        found.extend(records::due(&world.store, shard, world.now_ms() + 300_000, 10).await.unwrap());
    }
    assert_eq!(found, [Due::Connection(anna, "anna-1".to_owned())]);
}

#[tokio::test]
async fn open_chats_of_a_queue_are_found_page_by_page_and_closed_ones_are_not() {
    let world = World::new();
    let anna = world.operator("anna");
    let closed = world.in_work("closed", SALES, &anna);
    world.closes(&closed, &anna);
    for n in 0..5 {
        world.waiting(&format!("c{n}"), SALES);
    }
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let (chats, next) = records::open_chats_of_queue(&world.store, &id(SALES), 2, after).await.unwrap();
        found.extend(chats);
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, (0..5).map(|n| id(&format!("c{n}.1"))).collect::<Vec<ChatId>>());
}

#[test]
fn every_write_is_guarded_by_what_it_was_decided_on() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    let (stale, operator) = (world.chat(&chat), world.person(&anna));
    let thread = |from_seq, speaker: Option<&str>| Change::Thread {
        chat: chat.clone(),
        from_seq,
        thread: Thread { rev: from_seq, next_seq: from_seq + 1, ..stale.thread.clone() },
        speaker: speaker.map(id),
    };
    // I1, I2: what is there is not opened, stored or taken in again.
    assert_eq!(failed(&world, &[Change::OpenChat(stale.clone())]), [0]);
    assert_eq!(failed(&world, &[Change::NewMessage(world.messages(&chat)[0].clone())]), [0]);
    let receipt = Change::Receipt { conversation: id("c1"), key: "m:1".to_owned(), message: None };
    assert_eq!(failed(&world, &[receipt]), [0]);
    // L7: the next message is the next one; I6: only who has the chat speaks.
    assert_eq!(failed(&world, &[thread(1, None)]), [0]);
    assert_eq!(failed(&world, &[thread(2, Some("ben"))]), [0]);
    // I4: a route moves on from the one that was seen, and all or nothing is written.
    let declined =
        Decision { writes: vec![Change::Operator { before: None, after: operator.clone() }], ..Decision::default() };
    assert_eq!(failed(&world, &declined.writes), [0]);
    let stale_operator = Operator { rev: operator.rev - 1, ..operator.clone() };
    let change = Change::Operator { before: Some(stale_operator), after: operator };
    assert_eq!(failed(&world, &[thread(2, None), change]), [1]);
    let message = world.messages(&chat)[0].clone();
    assert_eq!(failed(&world, &[Change::Message(message)]), [0], "a message changes from the revision before");

    world.closes(&chat, &anna);
    assert_eq!(failed(&world, &[thread(2, None)]), [0], "I9: nothing joins a closed chat");
    let move_on = Change::Route { before: stale.clone(), route: stale.route.clone(), if_quiet: false };
    assert_eq!(failed(&world, &[move_on]), [0]);
    world.check();
}

#[test]
fn i7_a_close_by_time_is_also_guarded_by_the_last_message() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    let seen = world.chat(&chat);
    world.replies(&chat, &anna, "r1", "hi");
    let route = domain::chat::Route { rev: seen.route.rev + 1, ..seen.route.clone() };
    let quiet = |if_quiet| Change::Route { before: seen.clone(), route: route.clone(), if_quiet };
    assert_eq!(failed(&world, &[quiet(true)]), [0]);
    assert_eq!(failed(&world, &[quiet(false)]), Vec::<usize>::new());
}

#[test]
fn the_largest_transaction_is_far_from_the_limit() {
    let world = World::new();
    let people: Vec<OperatorId> = ["anna", "ben"].iter().map(|name| world.operator(name)).collect();
    for operator in &people {
        world.change_operator(operator, |operator| {
            operator.roles.extend((1..ROLES_OF_ONE_MAX).map(|n| id(&format!("role{n}"))));
        });
    }
    let chat = world.in_work("c1", SALES, &people[0]);
    world.hands_over(&chat, &people[0], &people[1]);
    world.clock.advance(1);
    let accept = routing::Accept {
        chat: &world.chat(&chat),
        operator: &world.person(&people[1]),
        source: Some(&world.person(&people[0])),
        offer: None,
        config: &world.config(),
        now_ms: world.now_ms(),
    };
    let rows = records::rows(&accept.decide().unwrap().writes, world.now_ms());
    // Chat, event, and two people, each with an old and a new place a role.
    assert_eq!(rows.len(), 2 + 2 * (1 + 2 * ROLES_OF_ONE_MAX));
    assert!(rows.len() <= COMMIT_WRITES_MAX);
    let parts = vec!["x".repeat(4_096); reply::PARTS_MAX];
    let replied =
        reply::reply(&world.chat(&chat), &world.person(&people[0]), true, &parts, "r1", world.now_ms()).unwrap();
    assert_eq!(records::rows(&replied.decision.writes, 0).len(), 1 + reply::PARTS_MAX);
}

#[test]
fn a_row_that_cannot_be_read_is_named_and_not_quoted() {
    let world = World::new();
    let chat = world.waiting("c1", SALES);
    let key = records::message_key(&chat, 1);
    let mut row = ports::store::Row { key: key.clone(), attributes: world.store.row(&key).unwrap() };
    row.attributes["message"]["content"] = json!("my secret is 42");
    let error = records::decode_message(&row).unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)));
    let text = error.to_string();
    assert!(text.contains("V#c1") && !text.contains("secret"), "{text}");
}

#[test]
fn chats_are_listed_by_the_month_in_which_they_opened() {
    let world = World::new();
    for (at_ms, month) in [
        (0, "197001"),
        (951_868_799_999, "200002"),
        (951_868_800_000, "200003"),
        (1_735_689_599_999, "202412"),
        (1_735_689_600_000, "202501"),
        (1_772_323_199_999, "202602"),
        (1_772_323_200_000, "202603"),
    ] {
        world.clock.set(at_ms);
        let chat = world.waiting(&format!("c{at_ms}"), SALES);
        let by_month = world.store.row(&records::chat_key(&chat)).unwrap()["by_month"].clone();
        assert_eq!(by_month.as_str().unwrap().split('#').next(), Some(month), "{at_ms}");
    }
}

#[test]
fn a_receipt_goes_by_itself_after_thirty_days() {
    let world = World::new();
    world.waiting("c1", SALES);
    let row = world.store.row(&records::receipt_key(&id("c1"), "m:1")).unwrap();
    assert_eq!(row["expires"], world.now_ms() / 1000 + 30 * 24 * 3600);
}

#[test]
fn a_configuration_replaces_the_version_before_it_and_no_other() {
    let world = World::new();
    let mut config = world.config();
    config.version += 2;
    assert!(world.store.write(&[records::put_configuration(&config)]).is_err());
    config.version -= 1;
    assert!(world.store.write(&[records::put_configuration(&config)]).is_ok());
    config.version = 1;
    assert!(world.store.write(&[records::put_configuration(&config)]).is_err());
}

#[test]
fn a_hold_reads_back_as_written() {
    let store = MemoryStore::new();
    let hold = Hold { failures: 5, until_ms: 42, problem: Some("token_invalid".to_owned()) };
    store.write(&[records::put_hold(&id("bot"), &hold)]).unwrap();
    let key = records::hold_key(&id("bot"));
    let row = ports::store::Row { attributes: store.row(&key).unwrap(), key };
    assert_eq!(records::decode_hold(&row).unwrap(), hold);
}

#[test]
fn tickets_are_guarded_and_read_back() {
    let store = MemoryStore::new();
    let ticket = records::TicketRecord { operator: id("anna"), auth_until_ms: 9_000, expires_at_ms: 30_000 };
    let put = records::put_ticket("hash", &ticket);
    store.write(std::slice::from_ref(&put)).unwrap();
    assert!(store.write(&[put]).is_err());
    let key = records::ticket_key("hash");
    let row = ports::store::Row { attributes: store.row(&key).unwrap(), key: key.clone() };
    assert_eq!(records::decode_ticket(&row).unwrap(), ticket);
    // Consumed once, and only while it may be used.
    let consume =
        |now_ms| Write::Delete { key: key.clone(), condition: Some(Condition::Above("expires_at_ms", now_ms)) };
    assert!(store.write(&[consume(30_000)]).is_err());
    assert!(store.write(&[consume(29_999)]).is_ok());
    assert!(store.write(&[consume(0)]).is_err());
    assert_eq!(store.row(&key), None::<Attributes>);
}
