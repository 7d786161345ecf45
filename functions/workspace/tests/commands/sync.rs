//! Catching up (W5): nothing missing, nothing of others', no frame too large.

use std::collections::BTreeMap;

use domain::decision::{Decision, Write};
use domain::message::Message;
use domain::{ChatId, OperatorId};
use fakes::World;
use fakes::world::{CROWD, SALES};
use serde_json::{Value, json};
use wire::operators::FRAME_BYTES_MAX;

use crate::result;

/// What a window has after a sync: of each chat its messages by number, at their newest revision.
async fn sync(world: &World, operator: &OperatorId, known: &[Value]) -> (Value, BTreeMap<String, BTreeMap<u64, u64>>) {
    world.push.take();
    let synced = result(world, operator, "sync", json!({"action": "sync", "chats": known})).await;
    let mut chats: BTreeMap<String, BTreeMap<u64, u64>> = BTreeMap::new();
    for frame in world.told(&format!("{operator}-1"), "chat") {
        let messages = chats.entry(frame["chat"]["id"].as_str().expect("an id").to_owned()).or_default();
        for message in frame["messages"].as_array().into_iter().flatten() {
            let number = |name: &str| message[name].as_u64().expect("a number");
            messages.insert(number("seq"), number("rev"));
        }
    }
    (synced, chats)
}

fn messages(world: &World, chat: &ChatId) -> BTreeMap<u64, u64> {
    world.messages(chat).iter().map(|message| (message.seq, message.rev)).collect()
}

#[tokio::test]
async fn w5_a_new_window_gets_its_chats_offers_and_lines_and_nothing_of_others() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    let (mine, offered, line) =
        (world.in_work("c1", SALES, &anna), world.offered("c2", &anna), world.waiting("c3", CROWD));
    world.in_work("c4", SALES, &ben);
    world.waiting("c5", SALES);
    let (synced, chats) = sync(&world, &anna, &[]).await;
    assert_eq!(chats, BTreeMap::from([(mine.to_string(), messages(&world, &mine))]));
    assert_eq!(synced["chats"], json!([mine]));
    assert_eq!(synced["offers"], json!([world.chat(&offered).offer().unwrap().id]));
    assert_eq!(synced["operator"]["load"], 2);
    assert_eq!(world.told("anna-1", "offer")[0]["chat"]["id"], offered.to_string());
    assert_eq!(world.told("anna-1", "line")[0]["chats"][0]["id"], line.to_string());
    let events = &world.told("anna-1", "chat")[0]["events"];
    assert_eq!(events.as_array().unwrap().len(), 2, "offered and accepted");
    assert!(world.push.frames("ben-1").is_empty());
}

#[tokio::test]
async fn w5_a_gap_is_closed_however_far_back_and_edits_in_the_last_page_come_along() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    for n in 2..=200 {
        world.says("c1", SALES, &n.to_string(), "x");
    }
    // The window knew the first ten, and one of the last fifty was changed since.
    let old = world.messages(&chat)[180].clone();
    let edited = Message { rev: old.rev + 1, edited_at_ms: Some(1), ..old };
    world.commit(&Decision { writes: vec![Write::Message(edited)], ..Decision::default() });
    let known = json!({"chat": chat, "seq": 10, "route_rev": world.chat(&chat).route.rev});
    let (_, chats) = sync(&world, &anna, &[known]).await;
    let got = &chats[&chat.to_string()];
    let expected: BTreeMap<u64, u64> = messages(&world, &chat).into_iter().filter(|(seq, _)| *seq > 10).collect();
    assert!(expected.iter().all(|one| got.get(one.0) == Some(one.1)), "{got:?}");
    let events = &world.told("anna-1", "chat")[0]["events"];
    assert!(events.as_array().is_none_or(Vec::is_empty), "it knew what happened");

    // Whoever knows everything still gets the last page: edits and delivery states have no number of their own.
    let (_, chats) = sync(&world, &anna, &[json!({"chat": chat, "seq": 200})]).await;
    assert_eq!(chats[&chat.to_string()].keys().copied().collect::<Vec<_>>(), (151..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn w5_no_frame_is_too_large_and_none_is_missing() {
    let world = World::new();
    let anna = world.operator("anna");
    let ben = world.operator("ben");
    let chat = world.in_work("c1", SALES, &anna);
    for n in 2..=60 {
        world.says("c1", SALES, &n.to_string(), &"語".repeat(4_096));
    }
    // A chat that has been handed to and fro has a long record of events.
    for _ in 0..15 {
        world.hands_over_and_back(&chat, &anna, &ben);
    }
    let posts_before = world.push.posts();
    let (_, chats) = sync(&world, &anna, &[json!({"chat": chat, "seq": 1})]).await;
    let got = &chats[&chat.to_string()];
    assert_eq!(
        got.keys().copied().collect::<Vec<_>>(),
        (1..=60).collect::<Vec<_>>(),
        "the gap, and the whole page it ends in"
    );
    let frames = world.push.frames("anna-1");
    assert_eq!(frames.len(), world.push.posts() - posts_before, "every frame arrived");
    assert!(frames.iter().all(|frame| frame.len() <= FRAME_BYTES_MAX));
    let events: usize =
        world.told("anna-1", "chat").iter().map(|frame| frame["events"].as_array().map_or(0, Vec::len)).sum();
    assert_eq!(events, 50);
}

#[tokio::test]
async fn q8_at_the_limit_the_line_is_empty() {
    let world = World::new();
    let anna = world.operator("anna");
    world.configure_queue(CROWD, |queue| queue.limit = Some(1));
    world.in_work("c1", CROWD, &anna);
    world.waiting("c2", CROWD);
    sync(&world, &anna, &[]).await;
    assert_eq!(world.told("anna-1", "line")[0]["chats"], json!([]));
}

#[tokio::test]
async fn a_stranger_has_nothing_to_catch_up_with() {
    let world = World::new();
    let nobody: OperatorId = "nobody".parse().unwrap();
    let code = crate::command(&world, &nobody, "sync", json!({"action": "sync"})).await;
    assert_eq!(code, "operator_not_found");
}
