//! What each operation costs, in requests, and that it costs the same in a company ten times as large.
//!
//! The configuration is warm: it is read once in seconds, whatever happens.

use domain::config::LIMIT_MAX;
use domain::{ChatId, OperatorId};
use fakes::world::{CROWD, SALES, World, id, inbound};
use flows::{Act, Stack};
use serde_json::json;
use wire::queues::{QueueMessage, VERSION, Wake};
use wire::timers::Fires;

const MINUTE: i64 = 60_000;

/// Requests by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cost {
    gets: usize,
    queries: usize,
    commits: usize,
    /// Writes of the largest commit.
    items: usize,
    sends: usize,
    timers: usize,
    posts: usize,
}

/// What this costs in a company of this many times the size.
async fn cost_at(scale: usize, begin: impl Fn(&World, usize) -> Act) -> Cost {
    let world = World::new();
    let act = begin(&world, scale);
    let stack = Stack::new(&world);
    stack.warm().await;
    world.reset();
    assert!(stack.act(&act, 1).await, "{act:?}");
    let counts = world.store.counts();
    world.check();
    Cost {
        gets: counts.gets,
        queries: counts.queries,
        commits: counts.commits,
        items: counts.largest_commit,
        sends: world.queues.requests(),
        timers: world.timers.requests(),
        posts: world.push.posts(),
    }
}

/// Asserts what it costs, now and with ten times of everything.
async fn costs(begin: impl Fn(&World, usize) -> Act, expected: Cost) {
    for scale in [1, 10] {
        assert_eq!(cost_at(scale, &begin).await, expected, "at {scale} times the size");
    }
}

fn anna() -> OperatorId {
    id("anna")
}

/// Others at work, with chats of their own, chats that wait in both lines, and closed ones.
fn crowd(world: &World, scale: usize) {
    world.configure(|config| config.settings.simultaneous_chats = LIMIT_MAX);
    for n in 0..4 * scale {
        let other = world.operator(&format!("other{n}"));
        for m in 0..3 {
            world.in_work(&format!("busy-{n}-{m}"), SALES, &other);
        }
        world.waiting(&format!("wait-s-{n}"), SALES);
        world.waiting(&format!("wait-c-{n}"), CROWD);
    }
}

/// A customer with closed chats before this one, and a long history in it.
fn history(world: &World, scale: usize, operator: &OperatorId) -> ChatId {
    for n in 0..2 * scale {
        let chat = world.says("c1", SALES, &format!("old-{n}"), "x");
        world.offer(&chat, operator);
        world.take(&chat, operator);
        world.closes(&chat, operator);
    }
    let chat = world.says("c1", SALES, "1", "x");
    for n in 0..10 * scale {
        world.says("c1", SALES, &format!("new-{n}"), "x");
    }
    chat
}

/// Anna, with two windows, has the chat in work.
fn at_work(world: &World, scale: usize) -> ChatId {
    world.operator("anna");
    world.connect(&anna(), "anna-2");
    crowd(world, scale);
    let chat = history(world, scale, &anna());
    world.offer(&chat, &anna());
    world.take(&chat, &anna());
    world.clock.advance(1_000);
    chat
}

/// The chat is on offer to Anna, who has two windows.
fn on_offer(world: &World, scale: usize) -> ChatId {
    world.operator("anna");
    world.connect(&anna(), "anna-2");
    crowd(world, scale);
    let chat = history(world, scale, &anna());
    world.offer(&chat, &anna());
    world.clock.advance(1_000);
    chat
}

fn says(conversation: &str) -> Act {
    Act::Message(QueueMessage::Inbound(inbound(conversation, SALES, "now", "hello")))
}

fn wake(queue: &str) -> Act {
    Act::Message(QueueMessage::Wake(Wake { v: VERSION, queue: id(queue), cause: "now".to_owned() }))
}

#[tokio::test]
async fn a_message_of_an_active_chat_2_reads_a_transaction_of_3_items_a_post_per_window() {
    let begin = |world: &World, scale| {
        at_work(world, scale);
        says("c1")
    };
    costs(begin, Cost { gets: 1, queries: 1, commits: 1, items: 3, posts: 2, ..Cost::default() }).await;
}

#[tokio::test]
async fn a_new_chat_2_reads_a_transaction_of_5_items_a_send() {
    let stranger = |world: &World, scale| {
        crowd(world, scale);
        says("c1")
    };
    let expected = Cost { gets: 1, queries: 1, commits: 1, items: 5, sends: 1, ..Cost::default() };
    costs(stranger, expected).await;
    // A known customer's contact is not written again.
    let known = |world: &World, scale| {
        let chat = at_work(world, scale);
        world.closes(&chat, &anna());
        says("c1")
    };
    costs(known, Cost { items: 4, ..expected }).await;
}

/// A company in which three have room for one chat each.
fn three_free(world: &World, others: usize, waiting: usize) -> Act {
    world.configure(|config| config.settings.simultaneous_chats = 1);
    for n in 0..others {
        let other = world.operator(&format!("other{n}"));
        world.in_work(&format!("busy-{n}"), SALES, &other);
    }
    for name in ["anna", "ben", "cleo"] {
        world.operator(name);
    }
    for n in 0..waiting {
        world.waiting(&format!("wait-{n:03}"), SALES);
    }
    wake(SALES)
}

#[tokio::test]
async fn a_pass_1_look_at_the_line_2_a_role_and_a_transaction_a_timer_and_a_post_per_chat() {
    // Chat, waiting row, event, operator, the operator's old and new place.
    let expected = Cost { queries: 3, commits: 3, items: 6, timers: 3, posts: 3, ..Cost::default() };
    costs(|world, scale| three_free(world, 5 * scale, 5 * scale), expected).await;
}

#[tokio::test]
async fn a_pass_costs_the_same_with_ten_times_the_free() {
    let begin = |world: &World, scale| {
        for n in 0..6 * scale {
            world.operator(&format!("free{n}"));
        }
        for n in 0..3 {
            world.waiting(&format!("wait-{n}"), SALES);
        }
        wake(SALES)
    };
    costs(begin, Cost { queries: 3, commits: 3, items: 6, timers: 3, posts: 3, ..Cost::default() }).await;
}

#[tokio::test]
async fn a_pass_with_nobody_free_or_nobody_waiting_only_looks() {
    let nobody_free = |world: &World, scale| {
        world.configure(|config| config.settings.simultaneous_chats = 1);
        for n in 0..5 * scale {
            let other = world.operator(&format!("other{n}"));
            world.in_work(&format!("busy-{n}"), SALES, &other);
            world.waiting(&format!("wait-{n}"), SALES);
        }
        wake(SALES)
    };
    costs(nobody_free, Cost { queries: 3, ..Cost::default() }).await;
    let nobody_waiting = |world: &World, scale| {
        (0..5 * scale).for_each(|n| drop(world.operator(&format!("free{n}"))));
        wake(SALES)
    };
    costs(nobody_waiting, Cost { queries: 1, ..Cost::default() }).await;
}

#[tokio::test]
async fn a_pass_costs_two_queries_for_each_role_and_one_batch_for_people_named() {
    let begin = |world: &World, scale| {
        world.configure_queue(SALES, |queue| {
            queue.roles.extend([id("second"), id("third")]);
            queue.users = (0..9 * scale).map(|n| id(&format!("named{n}"))).collect();
        });
        world.waiting("c1", SALES);
        wake(SALES)
    };
    costs(begin, Cost { queries: 1 + 2 * 3, gets: 1, ..Cost::default() }).await;
}

#[tokio::test]
async fn showing_a_line_costs_its_audience_in_pages() {
    for (people, pages) in [(10, 1), (100, 1), (201, 2)] {
        let begin = |world: &World, _| {
            (0..people).for_each(|n| drop(world.operator(&format!("op{n}"))));
            (0..40).for_each(|n| drop(world.waiting(&format!("wait-{n}"), CROWD)));
            wake(CROWD)
        };
        // One read and one write to take the turn; the line; the role's two orders.
        let expected = Cost { gets: 1, queries: 2 + pages, commits: 1, items: 1, posts: people, ..Cost::default() };
        assert_eq!(cost_at(1, begin).await, expected);
    }
}

#[tokio::test]
async fn an_accept_1_read_1_transaction_posts_and_the_close_timer() {
    let begin = |world: &World, scale| {
        let chat = on_offer(world, scale);
        Act::Command(anna(), json!({"action": "accept", "chat": chat}))
    };
    // To both windows: the offer is gone, the chat, the operator. And the answer.
    let posts = 2 * 3 + 1;
    costs(begin, Cost { gets: 1, commits: 1, items: 5, timers: 1, posts, ..Cost::default() }).await;
}

#[tokio::test]
async fn an_accept_from_a_line_also_has_it_shown_anew() {
    let begin = |world: &World, scale| {
        world.operator("anna");
        crowd(world, scale);
        let chat = world.waiting("c1", CROWD);
        Act::Command(anna(), json!({"action": "accept", "chat": chat}))
    };
    let expected = Cost { gets: 1, commits: 1, items: 6, sends: 1, timers: 1, posts: 3, ..Cost::default() };
    costs(begin, expected).await;
}

#[tokio::test]
async fn a_decline_1_read_1_transaction_a_wake_up_and_a_look_at_the_other_queue() {
    let begin = |world: &World, scale| {
        let chat = on_offer(world, scale);
        let offer = world.chat(&chat).offer().unwrap().id.clone();
        Act::Command(anna(), json!({"action": "decline", "offer": offer}))
    };
    let expected = Cost { gets: 1, queries: 1, commits: 1, items: 6, sends: 2, posts: 2 * 2 + 1, ..Cost::default() };
    costs(begin, expected).await;
}

#[tokio::test]
async fn an_expiry_1_read_1_transaction_a_wake_up() {
    let begin = |world: &World, scale| {
        let chat = on_offer(world, scale);
        let offer = world.chat(&chat).offer().unwrap().clone();
        world.clock.advance(5 * MINUTE);
        Act::Timer(Fires::AcceptTimeout { offer: offer.id, operator: Some(anna()) })
    };
    let expected = Cost { gets: 1, commits: 1, items: 5, sends: 1, posts: 2 * 2, ..Cost::default() };
    costs(begin, expected).await;
}

#[tokio::test]
async fn a_close_1_read_1_transaction_and_a_look_at_each_queue_served() {
    let begin = |world: &World, scale| {
        let chat = at_work(world, scale);
        Act::Command(anna(), json!({"action": "close", "chat": chat}))
    };
    let posts = 2 * 2 + 1;
    let expected = Cost { gets: 1, queries: 2, commits: 1, items: 5, sends: 1, posts, ..Cost::default() };
    costs(begin, expected).await;
}

#[tokio::test]
async fn a_close_by_time_costs_what_a_close_costs() {
    let begin = |world: &World, scale| {
        let chat = at_work(world, scale);
        world.replies(&chat, &anna(), "r1", "hi");
        world.clock.advance(30 * MINUTE);
        Act::Timer(Fires::AutoClose { chat, operator: Some(anna()) })
    };
    let expected = Cost { gets: 1, queries: 2, commits: 1, items: 5, sends: 1, posts: 2 * 2, ..Cost::default() };
    costs(begin, expected).await;
}

#[tokio::test]
async fn a_close_timer_set_anew_1_read_1_transaction_1_timer() {
    let begin = |world: &World, scale| {
        let chat = at_work(world, scale);
        world.clock.advance(10 * MINUTE);
        world.replies(&chat, &anna(), "r1", "hi");
        world.clock.advance(20 * MINUTE);
        Act::Timer(Fires::AutoClose { chat, operator: Some(anna()) })
    };
    costs(begin, Cost { gets: 1, commits: 1, items: 2, timers: 1, ..Cost::default() }).await;
}

#[tokio::test]
async fn a_reply_1_read_1_transaction_of_2_items_1_send_1_answer() {
    let begin = |world: &World, scale| {
        let chat = at_work(world, scale);
        Act::Command(anna(), json!({"action": "send", "chat": chat, "text": "hi"}))
    };
    // One post to the operator's other window.
    let posts = 1 + 1;
    costs(begin, Cost { gets: 1, commits: 1, items: 2, sends: 1, posts, ..Cost::default() }).await;
}

#[tokio::test]
async fn a_transfer_and_its_accept_read_the_colleague_too() {
    let begin = |world: &World, scale| {
        let chat = at_work(world, scale);
        Act::Command(anna(), json!({"action": "transfer", "chat": chat, "to": {"operator": "other0"}}))
    };
    let expected = Cost { gets: 2, commits: 1, items: 5, timers: 1, posts: 2 + 2 + 1, ..Cost::default() };
    costs(begin, expected).await;
    let begin = |world: &World, scale| {
        let chat = at_work(world, scale);
        world.hands_over(&chat, &anna(), &id("other0"));
        Act::Command(id("other0"), json!({"action": "accept", "chat": chat}))
    };
    let expected = Cost { gets: 2, queries: 2, commits: 1, items: 8, sends: 1, timers: 1, posts: 3 + 2 * 2 + 1 };
    costs(begin, expected).await;
}

#[tokio::test]
async fn a_sweep_that_finds_nothing_1_look_a_shard_and_1_a_queue() {
    let begin = |world: &World, scale| {
        for n in 0..4 * scale {
            let other = world.operator(&format!("other{n}"));
            world.in_work(&format!("busy-{n}"), SALES, &other);
        }
        Act::Sweep
    };
    let queries = ports::records::DUE_SHARDS as usize + 2;
    costs(begin, Cost { queries, ..Cost::default() }).await;
}
