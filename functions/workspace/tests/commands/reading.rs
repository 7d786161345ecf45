//! Reading what was written, and by whom it may be read (I8).

use domain::{ChatId, OperatorId};
use fakes::World;
use fakes::world::{CROWD, SALES};
use serde_json::{Value, json};

use crate::{command, result};

fn history(chat: &ChatId) -> Value {
    json!({"action": "history", "chat": chat})
}

fn seqs(page: &Value) -> Vec<u64> {
    let messages = page["messages"].as_array().expect("a page has messages");
    messages.iter().map(|message| message["seq"].as_u64().expect("a number")).collect()
}

#[tokio::test]
async fn history_comes_in_pages_in_order_without_gap() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    for n in 2..=120 {
        world.says("c1", SALES, &n.to_string(), "x");
    }
    let newest = result(&world, &anna, "r1", history(&chat)).await;
    assert_eq!((seqs(&newest), &newest["more"]), ((71..=120).collect(), &json!(true)));
    let mut wanted = history(&chat);
    wanted["before"] = json!(71);
    wanted["limit"] = json!(70);
    let page = result(&world, &anna, "r2", wanted.clone()).await;
    assert_eq!(seqs(&page), (21..=70).collect::<Vec<_>>(), "never more than a page");
    wanted["before"] = json!(21);
    let last = result(&world, &anna, "r3", wanted.clone()).await;
    assert_eq!((seqs(&last), &last["more"]), ((1..=20).collect(), &json!(false)));
    wanted["before"] = json!(1);
    assert_eq!(seqs(&result(&world, &anna, "r4", wanted).await), Vec::<u64>::new());
}

#[tokio::test]
async fn a_page_of_long_messages_is_cut_to_fit_a_frame() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    for n in 2..=20 {
        world.says("c1", SALES, &n.to_string(), &"ü".repeat(4_096));
    }
    let mut wanted = history(&chat);
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        pages += 1;
        let page = result(&world, &anna, &format!("r{pages}"), wanted.clone()).await;
        let mut earlier = seqs(&page);
        wanted["before"] = json!(earlier[0]);
        earlier.extend(seen);
        seen = earlier;
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(seen, (1..=20).collect::<Vec<_>>());
    assert!(pages > 1);
    let longest = world.push.frames("anna-1").iter().map(String::len).max().unwrap();
    assert!(longest <= wire::operators::FRAME_BYTES_MAX, "{longest}");
}

async fn may_read(world: &World, operator: &OperatorId, chat: &ChatId) -> bool {
    let request = format!("{}-{chat}", world.push.posts());
    match command(world, operator, &request, history(chat)).await.as_str() {
        "ok" => true,
        "chat_not_found" => false,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn i8_a_chat_is_read_by_those_whose_it_is_and_nobody_else_learns_of_it() {
    let world = World::new();
    let (anna, ben, stranger) = (world.operator("anna"), world.operator("ben"), world.operator("stranger"));
    world.change_operator(&stranger, |operator| operator.roles.clear());
    let mine = world.in_work("c1", SALES, &anna);
    assert!(may_read(&world, &anna, &mine).await);
    assert!(!may_read(&world, &ben, &mine).await);

    // Offered to Ben in a transfer: both, until it is over.
    world.hands_over(&mine, &anna, &ben);
    assert!(may_read(&world, &anna, &mine).await && may_read(&world, &ben, &mine).await);
    world.take(&mine, &ben);
    assert!(!may_read(&world, &anna, &mine).await && may_read(&world, &ben, &mine).await);
    world.closes(&mine, &ben);
    assert!(!may_read(&world, &anna, &mine).await && may_read(&world, &ben, &mine).await);

    let offered = world.offered("c2", &anna);
    assert!(may_read(&world, &anna, &offered).await && !may_read(&world, &ben, &offered).await);

    // A line that is shown to all can be read by those who serve it, one that is not by nobody.
    let (crowd, sales) = (world.waiting("c3", CROWD), world.waiting("c4", SALES));
    assert!(may_read(&world, &ben, &crowd).await && !may_read(&world, &stranger, &crowd).await);
    assert!(!may_read(&world, &ben, &sales).await);
    let nobody: ChatId = "nobody.1".parse().unwrap();
    assert!(!may_read(&world, &anna, &nobody).await, "what is not there is answered the same");
}

#[tokio::test]
async fn how_far_an_operator_has_read_only_grows_and_ends_at_the_last_message() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    let chat = world.in_work("c1", SALES, &anna);
    world.says("c1", SALES, "2", "x");
    for (request, seq, expected) in [("r1", 1, 1), ("r2", 99, 2), ("r3", 1, 2)] {
        assert_eq!(command(&world, &anna, request, json!({"action": "read", "chat": chat, "seq": seq})).await, "ok");
        assert_eq!(world.chat(&chat).thread.read_seq, expected);
    }
    let wanted = json!({"action": "read", "chat": chat, "seq": 2});
    assert_eq!(command(&world, &ben, "r4", wanted).await, "not_your_chat");
}
