//! Who gets which chat, by the rule *most free* (Q4-Q8, I3, I5).

use std::time::Duration;

use domain::chat::EventKind;
use domain::config::Rule;
use e2e::world::draft;
use e2e::{Window, World};
use wire::operators::{Command, Event};

use super::{line_is, staffed};

/// Which of two windows is offered the chat of this customer, and whether it is the first.
async fn first_is_offered(first: &Window, second: &Window, customer: &str) -> bool {
    tokio::select! {
        _ = first.offered(customer) => true,
        _ = second.offered(customer) => false,
    }
}

#[tokio::test]
async fn the_freest_gets_the_chat_and_on_a_tie_who_took_none_for_longest() {
    let world = World::open(Rule::MostFree).await;
    let (anna, boris) = (world.operator("Anna").await, world.operator("Boris").await);
    let (anna, boris) = (anna.come_online().await, boris.come_online().await);
    let customers: Vec<_> = (1..=4).map(|id| world.customer(id)).collect();

    customers[0].write("first").await;
    let (one, two) =
        if first_is_offered(&anna, &boris, &customers[0].name()).await { (anna, boris) } else { (boris, anna) };
    one.accept_from(&customers[0].name()).await;
    // Fewest chats: the other one.
    customers[1].write("second").await;
    two.accept_from(&customers[1].name()).await;
    // A tie: whoever took a chat earlier.
    customers[2].write("third").await;
    one.accept_from(&customers[2].name()).await;
    customers[3].write("fourth").await;
    let last = two.accept_from(&customers[3].name()).await;

    // Each assignment says why (decision 7): the chosen one first, then the other.
    two.sync(Vec::new()).await;
    let reason = two
        .wait("the reason of the last assignment", |view| {
            view.log.iter().find_map(|event| match event {
                Event::Chat { chat, events, .. } if chat.id == last.id => {
                    events.iter().find(|event| event.what == EventKind::Offered).and_then(|event| event.reason.clone())
                }
                _ => None,
            })
        })
        .await;
    assert_eq!(reason.rule, Rule::MostFree);
    let loads: Vec<_> = reason.candidates.iter().map(|(operator, load, _)| (operator, *load)).collect();
    let me = two.view(|view| view.me.clone()).expect("known since hello");
    assert_eq!(loads.first(), Some(&(&me.id, 1)), "the freest first: {loads:?}");
    assert_eq!(loads.get(1).map(|(_, load)| *load), Some(2), "then the other: {loads:?}");
}

#[tokio::test]
async fn an_offer_counts_as_load_and_nobody_gets_more_than_the_limit() {
    let world = World::open_with(Rule::MostFree, |queue| queue.limit = Some(2)).await;
    let anna = world.operator("Anna").await.come_online().await;
    for id in 1..=2 {
        world.customer(id).write("Hello").await;
        anna.offered(&world.customer(id).name()).await;
    }
    world.customer(3).write("Hello").await;
    line_is(&world, 1).await;
    anna.wait("two offers", |view| (view.offers.len() == 2).then_some(())).await;
    assert_eq!(anna.view(|view| view.offer_of(&world.customer(3).name())), None);
    let chat = anna.accept_from(&world.customer(1).name()).await;
    anna.close(&chat.id).await;
    anna.accept_from(&world.customer(3).name()).await;
    assert!(anna.view(e2e::View::load_max) <= 2);
}

#[tokio::test]
async fn capacity_counts_over_all_queues_and_channels() {
    let world = World::open_with(Rule::MostFree, |queue| queue.limit = Some(2)).await;
    let ground = world.ground();
    let mut other = draft(Rule::MostFree);
    other.roles.push(world.role.id.clone());
    let other = ground.queue(&other).await;
    let (bot, channel) = ground.connect_bot().await;
    ground.bind(&channel, &other).await;
    world.settle().await;
    let anna = world.operator("Anna").await.come_online().await;

    let here = world.customer(1);
    here.write("in the queue with the limit").await;
    let chat = anna.accept_from(&here.name()).await;
    // Two more in the queue without one: the setting's five holds there.
    for id in [11, 12] {
        bot.customer(id).write("in the other queue").await;
        anna.accept_from(&bot.customer(id).name()).await;
    }
    // Three chats altogether: the first queue's two are reached by the sum.
    world.customer(2).write_and_wait("one more here").await;
    line_is(&world, 1).await;
    bot.customer(13).write("one more there").await;
    anna.accept_from(&bot.customer(13).name()).await;
    assert_eq!(world.line_length().await, 1, "the load is that of all queues");
    assert_eq!(anna.view(|view| view.offers.len()), 0);

    // Down to one: the waiting one comes.
    anna.close(&chat.id).await;
    for id in [11, 12] {
        let chat = anna.view(|view| view.chat_of(&bot.customer(id).name())).expect("in work");
        anna.close(&chat.id).await;
    }
    anna.accept_from(&world.customer(2).name()).await;
}

#[tokio::test]
async fn the_waiting_line_is_served_oldest_first_as_capacity_frees() {
    let world = World::open_with(Rule::MostFree, |queue| queue.limit = Some(1)).await;
    for id in 1..=4 {
        world.customer(id).write_and_wait("Hello").await;
        line_is(&world, u64::try_from(id).unwrap_or(0)).await;
    }
    // Connecting alone gives nothing to who is Inactive.
    let anna = world.operator("Anna").await.come_online().await;
    for id in 1..=4 {
        let chat = anna.accept_from(&world.customer(id).name()).await;
        assert_eq!(anna.view(|view| view.offers.len()), 0, "nobody but customer {id}");
        anna.close(&chat.id).await;
    }
    line_is(&world, 0).await;
}

#[tokio::test]
async fn a_declined_chat_goes_to_the_next_without_penalty_and_rests_when_all_have_declined() {
    let world = World::open(Rule::MostFree).await;
    let (anna, boris) = (world.operator("Anna").await, world.operator("Boris").await);
    let (anna, boris) = (anna.come_online().await, boris.come_online().await);
    let customer = world.customer(1);
    customer.write("Hello").await;
    let name = customer.name();
    let (one, two) = if first_is_offered(&anna, &boris, &name).await { (anna, boris) } else { (boris, anna) };

    let (offer, chat) = one.offered(&name).await;
    one.must(Command::Decline { offer: offer.clone() }).await;
    let reason = one.wait("the end of the offer", |view| view.offers_gone.get(&offer).cloned()).await;
    assert_eq!(reason, "declined");
    assert_eq!(one.refused(Command::Accept { chat: chat.id.clone(), offer: Some(offer.clone()) }).await, "offer_gone");
    assert_eq!(one.refused(Command::Decline { offer }).await, "offer_gone");

    let (offer, _) = two.offered(&name).await;
    two.must(Command::Decline { offer: offer.clone() }).await;
    let declined_at_ms = e2e::now_ms();
    two.wait("the end of the offer", |view| view.offers_gone.get(&offer).cloned()).await;

    // Nobody is left: after 30 s everybody may be asked again, and nobody was made Inactive.
    let bound = Duration::from_mins(2);
    let look = |view: &e2e::View| view.offer_of(&name);
    let (again, window) = tokio::select! {
        found = one.wait_within("another offer", bound, look) => (found, &one),
        found = two.wait_within("another offer", bound, look) => (found, &two),
    };
    let rested_ms = e2e::now_ms() - declined_at_ms;
    assert!(rested_ms >= 29_000, "offered again after {rested_ms} ms already");
    assert_eq!(again.1.id, chat.id);
    window.accept(&chat.id, Some(&again.0)).await;
    // The waiting time is that of the first message.
    assert_eq!(again.1.waiting_since_ms, chat.waiting_since_ms);
}

#[tokio::test]
async fn a_chat_that_nobody_may_be_offered_does_not_hold_back_those_behind_it() {
    let (world, _, anna) = staffed(Rule::MostFree).await;
    world.customer(1).write("Hello").await;
    let (offer, _) = anna.offered(&world.customer(1).name()).await;
    anna.must(Command::Decline { offer }).await;
    world.customer(2).write("Hello").await;
    anna.accept_from(&world.customer(2).name()).await;
    assert_eq!(world.line_length().await, 1, "the declined chat rests");
}

#[tokio::test]
async fn setting_oneself_inactive_gives_offers_back_without_penalty_and_keeps_chats() {
    let (world, _, anna) = staffed(Rule::MostFree).await;
    world.customer(1).write("Hello").await;
    let chat = anna.accept_from(&world.customer(1).name()).await;
    world.customer(2).write("Hello").await;
    let (offer, _) = anna.offered(&world.customer(2).name()).await;
    anna.set_status(domain::operator::Status::Inactive).await;
    let reason = anna.wait("the end of the offer", |view| view.offers_gone.get(&offer).cloned()).await;
    assert_eq!(reason, "withdrawn");
    line_is(&world, 1).await;
    anna.send(&chat.id, "still here").await;
    assert_eq!(world.customer(1).received(1).await, ["still here"]);
    let boris = world.operator("Boris").await.come_online().await;
    boris.accept_from(&world.customer(2).name()).await;
    assert_eq!(anna.view(|view| view.chats.len()), 1);
}
