//! Many at once: a burst of new chats, and two first messages at the same instant (I1-I3, I5).

use std::collections::BTreeSet;
use std::time::Duration;

use domain::ChatId;
use domain::config::Rule;
use e2e::customer::SECRET_HEADER;
use e2e::{SOON, Window, World, eventually};
use futures_util::future::join_all;
use serde_json::json;

/// The burst.
const CHATS: usize = 100;
const OPERATORS: usize = 10;
const LIMIT: usize = 5;
/// How long the burst may take to be distributed, on a machine of two cores that runs other tests beside.
const BURST_BOUND: Duration = Duration::from_secs(55);
/// Customers whose two first messages come at once; so many of them at a time.
const NEW_CUSTOMERS: i64 = 100;
const AT_A_TIME: i64 = 10;

#[tokio::test]
async fn a_burst_is_offered_up_to_the_limits_and_the_rest_waits_oldest_first() {
    let world = World::open(Rule::MostFree).await;
    let people = join_all((0..OPERATORS).map(|at| {
        let world = &world;
        async move { world.operator(&format!("Operator{at}")).await.come_online().await }
    }))
    .await;

    let customers: Vec<_> = (1..=100).map(|id| world.customer(id)).collect();
    join_all(customers.iter().map(|customer| customer.write("Hello"))).await;
    let expected = u64::try_from(CHATS - OPERATORS * LIMIT).unwrap_or(0);
    let all_are_in = async || {
        let waiting = world.line_length().await;
        let offered: usize = people.iter().map(|window| window.view(|view| view.offers.len())).sum();
        (waiting == expected && offered == OPERATORS * LIMIT).then_some(())
    };
    eventually("50 offers and 50 chats in line", BURST_BOUND, all_are_in).await;

    // Taken, so that no offer runs out; then nobody has or ever had more than the limit.
    join_all(people.iter().map(accept_all)).await;
    let mut taken = BTreeSet::new();
    for window in &people {
        let synced = window.sync(Vec::new()).await;
        assert_eq!((synced.chats.len(), synced.operator.load), (LIMIT, LIMIT));
        assert_eq!(window.view(e2e::View::load_max), LIMIT);
        taken.extend(synced.chats);
    }
    assert_eq!(taken.len(), OPERATORS * LIMIT, "no chat is with two");
    assert_eq!(world.line_length().await, expected);

    // One after the other gets free: the longest-waiting comes next, each time.
    let mut served: Vec<(i64, ChatId)> = Vec::new();
    for window in &people {
        let chat = window.view(|view| view.chats.keys().next().cloned()).expect("in work");
        window.close(&chat).await;
        let next = window.wait("the next of the line", |view| view.offers.values().next().cloned()).await;
        let offer = next.offer.clone().expect("on offer").id;
        window.accept(&next.id, Some(&offer)).await;
        served.push((next.waiting_since_ms, next.id));
    }
    assert!(served.is_sorted_by_key(|(since, _)| *since), "oldest first: {served:?}");
    // Those behind them are younger, also when several are served at once.
    let youngest = served.last().map(|(since, _)| *since).expect("served");
    let more = world.operator_with("Last", Some(10)).await.come_online().await;
    let behind = more.wait("the next ten", |view| (view.offers.len() == 10).then(|| view.offers.clone())).await;
    assert!(behind.values().all(|chat| chat.waiting_since_ms >= youngest), "somebody was passed over");
    assert_eq!(world.line_length().await, expected - 20);
}

async fn accept_all(window: &Window) {
    let offers = window.view(|view| view.offers.clone());
    for (offer, chat) in offers {
        window.accept(&chat.id, Some(&offer)).await;
    }
}

#[tokio::test]
async fn two_first_messages_at_the_same_instant_open_one_chat() {
    let world = World::open(Rule::MostFree).await;
    let (anna, boris) = (world.operator_with("Anna", Some(50)).await, world.operator_with("Boris", Some(50)).await);
    let (anna, boris) = (anna.come_online().await, boris.come_online().await);
    let webhook = world.bot.webhook().await;
    // The simulator keeps a chat's updates in order, one after the other: only direct calls meet at the webhook.
    let post = async |customer: i64, at: i64| {
        let user = json!({"id": customer, "is_bot": false, "first_name": format!("Customer {customer}")});
        let chat = json!({"id": customer, "type": "private", "first_name": format!("Customer {customer}")});
        let id = customer * 10 + at;
        let message =
            json!({"message_id": id, "date": 1_760_000_000, "from": user, "chat": chat, "text": format!("{at}")});
        let update = json!({"update_id": id, "message": message});
        let call = world.http.post(&webhook.url).header(SECRET_HEADER, &webhook.secret).json(&update).send();
        assert_eq!(call.await.expect("an answer").status(), 200);
    };
    for first in (1..=NEW_CUSTOMERS).step_by(10) {
        let both = (first..first + AT_A_TIME).flat_map(|customer| [post(customer, 1), post(customer, 2)]);
        join_all(both).await;
        // Taken as they come, so that no offer runs out.
        let count = usize::try_from(first + AT_A_TIME - 1).unwrap_or(0);
        eventually("every chat to be offered", SOON, async || {
            accept_all(&anna).await;
            accept_all(&boris).await;
            let taken = anna.view(|view| view.chats.len()) + boris.view(|view| view.chats.len());
            (taken >= count).then_some(())
        })
        .await;
    }
    let mut customers = BTreeSet::new();
    for window in [&anna, &boris] {
        let chats: Vec<_> = window.view(|view| view.chats.values().cloned().collect());
        for chat in chats {
            assert_eq!(chat.id.n, 1, "the first chat of its customer");
            assert!(customers.insert(chat.customer_name.clone()), "{} has two chats", chat.customer_name);
            let both = async || {
                let history = window.history(&chat.id, None, None).await;
                (history.messages.len() == 2).then_some(history)
            };
            eventually("both messages in the chat", SOON, both).await;
        }
    }
    assert_eq!(customers.len(), 100);
    assert_eq!(world.line_length().await, 0);
}
