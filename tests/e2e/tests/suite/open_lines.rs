//! The rule *to all* (Q3, Q8, I4): everybody sees a chat, the first to accept gets it.

use domain::config::Rule;
use e2e::World;
use futures_util::future::join_all;
use wire::operators::{ChatView, Command};

use super::staffed;

/// Rounds of two accepting at once, so many in one batch: all of a batch fit the head of a line.
const ROUNDS: i64 = 50;
const BATCH: i64 = 10;

#[tokio::test]
async fn everybody_sees_a_chat_and_the_first_to_accept_gets_it() {
    let (world, anna, one) = staffed(Rule::ToAll).await;
    let two = world.operator("Boris").await.come_online().await;
    let away = world.operator("Clara").await.connect().await;
    let customer = world.customer(1);
    customer.write("Hello").await;
    let (queue, name) = (&world.queue.id, customer.name());
    let chat = one.wait("the line", |view| view.waiting(queue, &name)).await;
    two.wait("the line", |view| view.waiting(queue, &name)).await;
    assert!(away.view(|view| view.line(queue).is_empty()), "who is Inactive sees no new chats");
    assert_eq!(away.refused(Command::Accept { chat: chat.id.clone(), offer: None }).await, "not_available");

    let mine = one.accept(&chat.id, None).await;
    assert_eq!(mine.operator, Some(anna.id.clone()));
    two.wait("it to disappear", |view| view.waiting(queue, &name).is_none().then_some(())).await;
    assert_eq!(two.refused(Command::Accept { chat: chat.id.clone(), offer: None }).await, "offer_gone");
    // The same operator in another window gets the same yes (I4).
    let other_window = anna.connect().await;
    assert_eq!(other_window.accept(&chat.id, None).await.route_rev, mine.route_rev);
}

#[tokio::test]
async fn of_two_who_accept_at_once_exactly_one_gets_a_yes() {
    let world = World::open_with(Rule::ToAll, |queue| queue.limit = Some(50)).await;
    let (anna, boris) = (world.operator("Anna").await, world.operator("Boris").await);
    let (anna, boris) = (anna.come_online().await, boris.come_online().await);
    let queue = &world.queue.id;
    let (mut yes_of_anna, mut yes_of_boris) = (0, 0);
    for batch in 0..ROUNDS / BATCH {
        let customers: Vec<_> = (1..=BATCH).map(|at| world.customer(batch * BATCH + at)).collect();
        join_all(customers.iter().map(|customer| customer.write("Hello"))).await;
        let whole = |view: &e2e::View| -> Option<Vec<ChatView>> {
            customers.iter().map(|customer| view.waiting(queue, &customer.name())).collect()
        };
        let chats = anna.wait("all of the batch in line", whole).await;
        boris.wait("all of the batch in line", whole).await;
        for chat in &chats {
            let accept = Command::Accept { chat: chat.id.clone(), offer: None };
            let (one, two) = tokio::join!(anna.ask(accept.clone()), boris.ask(accept));
            assert_eq!(u8::from(one.ok) + u8::from(two.ok), 1, "exactly one yes: {one:?} {two:?}");
            yes_of_anna += i64::from(one.ok);
            yes_of_boris += i64::from(two.ok);
            let refused = if one.ok { two } else { one };
            assert_eq!(refused.error.map(|error| error.code).as_deref(), Some("offer_gone"));
        }
        for window in [&anna, &boris] {
            window.wait("the batch to disappear", |view| view.line(queue).is_empty().then_some(())).await;
        }
    }
    assert_eq!(yes_of_anna + yes_of_boris, ROUNDS);
    // Who got a yes has the chat, and only they (I3, I4).
    for (window, count) in [(&anna, yes_of_anna), (&boris, yes_of_boris)] {
        let synced = window.sync(Vec::new()).await;
        assert_eq!(i64::try_from(synced.chats.len()).ok(), Some(count));
        assert_eq!(i64::try_from(synced.operator.load).ok(), Some(count));
    }
}

#[tokio::test]
async fn at_the_limit_an_operator_sees_no_new_chats_until_one_ends() {
    let world = World::open_with(Rule::ToAll, |queue| queue.limit = Some(1)).await;
    let anna = world.operator("Anna").await.come_online().await;
    let queue = &world.queue.id;
    let (first, second) = (world.customer(1), world.customer(2));
    first.write_and_wait("Hello").await;
    let chat = anna.wait("the line", |view| view.waiting(queue, &first.name())).await;
    second.write_and_wait("Hello").await;
    let next = anna.wait("the line", |view| view.waiting(queue, &second.name())).await;
    assert_eq!(anna.view(|view| view.line(queue)[0].id.clone()), chat.id, "the oldest first");
    anna.accept(&chat.id, None).await;
    anna.wait("an empty line", |view| view.line(queue).is_empty().then_some(())).await;
    assert_eq!(anna.refused(Command::Accept { chat: next.id.clone(), offer: None }).await, "at_limit");
    anna.close(&chat.id).await;
    anna.wait("the line again", |view| view.waiting(queue, &second.name())).await;
    anna.accept(&next.id, None).await;
}

#[tokio::test]
async fn a_line_shows_its_head_only_and_history_of_a_waiting_chat_may_be_read() {
    let (world, _, anna) = staffed(Rule::ToAll).await;
    let customer = world.customer(1);
    customer.write_and_wait("Is anybody there?").await;
    let queue = &world.queue.id;
    let chat = anna.wait("the line", |view| view.waiting(queue, &customer.name())).await;
    let history = anna.history(&chat.id, None, None).await;
    assert_eq!(history.messages.len(), 1);
    // Who does not serve the queue does not learn that the chat exists (I8).
    let stranger = world.person("Stranger", &[], None).await.come_online().await;
    let ask = Command::History { chat: chat.id.clone(), before: None, limit: None };
    assert_eq!(stranger.refused(ask).await, "chat_not_found");
    assert_eq!(stranger.refused(Command::Accept { chat: chat.id, offer: None }).await, "not_in_queue");
    assert!(stranger.view(|view| view.lines.is_empty()));
}
