//! What happens after whole minutes: offers that run out (Q5, Q9, Q10), chats that close by themselves (L2, L3, I7).

use std::time::Duration;

use domain::ChatId;
use domain::config::Rule;
use domain::operator::Status;
use e2e::{View, Window, World};
use wire::operators::{Command, Target};

use super::{EXPIRY_BOUND, staffed, talking, until};

/// The shortest timeouts there are.
const MINUTE_MS: i64 = 60_000;
/// How late a chat may close, with a lost timer and a busy machine.
const CLOSE_BOUND: Duration = Duration::from_mins(4);

#[tokio::test]
async fn an_offer_not_taken_in_time_makes_inactive_and_goes_to_the_next() {
    let world = World::open(Rule::MostFree).await;
    let anna = world.operator("Anna").await.come_online().await;
    let (first, second) = (world.customer(1), world.customer(2));
    first.write("Hello").await;
    let (offer, chat) = anna.offered(&first.name()).await;
    second.write("Hello").await;
    let (other, _) = anna.offered(&second.name()).await;
    let boris = world.operator("Boris").await.come_online().await;

    let gone = |view: &View| view.offers_gone.get(&offer).cloned();
    let reason = anna.wait_within("the offer to run out", EXPIRY_BOUND, gone).await;
    let expires_at_ms = chat.offer.as_ref().expect("on offer").expires_at_ms;
    assert!(e2e::now_ms() >= expires_at_ms, "not before its time");
    assert_eq!(reason, "expired");
    anna.wait("to be Inactive", |view| view.me.as_ref().filter(|me| me.status == Status::Inactive).map(|_| ())).await;
    // The operator's other offer goes with it, and both go to the next.
    let reason = anna.wait("the other offer to go", |view| view.offers_gone.get(&other).cloned()).await;
    assert!(["withdrawn", "expired"].contains(&reason.as_str()), "{reason}");
    let again = boris.accept_from(&first.name()).await;
    assert_eq!((again.id.clone(), again.waiting_since_ms), (chat.id.clone(), chat.waiting_since_ms));
    boris.accept_from(&second.name()).await;
    assert_eq!(anna.refused(Command::Accept { chat: chat.id, offer: Some(offer) }).await, "offer_gone");

    // Inactive until set to Active by hand: reconnecting changes nothing.
    let third = world.customer(3);
    third.write("Hello").await;
    boris.accept_from(&third.name()).await;
    assert_eq!(anna.view(|view| view.offer_of(&third.name())), None);
    anna.set_status(Status::Active).await;
    world.customer(4).write("Hello").await;
    anna.accept_from(&world.customer(4).name()).await;
}

#[tokio::test]
async fn an_accept_after_the_deadline_is_refused() {
    let (world, _, anna) = staffed(Rule::MostFree).await;
    world.customer(1).write("Hello").await;
    let (offer, chat) = anna.offered(&world.customer(1).name()).await;
    until(chat.offer.as_ref().expect("on offer").expires_at_ms).await;
    let code = anna.refused(Command::Accept { chat: chat.id.clone(), offer: Some(offer.clone()) }).await;
    // The timer may have been there first.
    assert!(["offer_expired", "offer_gone"].contains(&code.as_str()), "{code}");
    // Whoever came too late sees the offer go, and is Inactive; the chat waits for somebody else.
    anna.wait("the offer to go", |view| view.offers_gone.get(&offer).cloned()).await;
    let boris = world.operator("Boris").await.come_online().await;
    assert_eq!(boris.accept_from(&world.customer(1).name()).await.id, chat.id);
    assert!(anna.sync(Vec::new()).await.chats.is_empty());
}

#[tokio::test]
async fn a_transfer_that_nobody_answers_stays_with_its_operator_and_makes_nobody_inactive() {
    let (world, _, anna, _, chat) = talking().await;
    let boris = world.operator("Boris").await;
    let two = boris.come_online().await;
    anna.transfer(&chat.id, Target::Operator(boris.id.clone())).await;
    let offered = two.wait("the transfer", |view| view.offers.values().next().cloned()).await;
    let offer = offered.offer.expect("on offer");
    // The countdown of the target's window ends, and says so.
    until(offer.expires_at_ms).await;
    two.must(Command::Expire { offer: offer.id.clone() }).await;
    let gone = |view: &View| view.offers_gone.get(&offer.id).cloned();
    assert_eq!(two.wait_within("the transfer to run out", EXPIRY_BOUND, gone).await, "expired");
    let back = |view: &View| view.chats.get(&chat.id).filter(|chat| chat.offer.is_none()).map(|_| ());
    anna.wait("the transfer to end", back).await;
    for window in [&anna, &two] {
        assert_eq!(window.sync(Vec::new()).await.operator.status, Status::Active);
    }
    anna.send(&chat.id, "still mine").await;
}

/// Waits until a chat has closed by itself; the moment at which the window heard of it, milliseconds since 1970.
async fn closes(window: &Window, chat: &ChatId) -> i64 {
    let closed = |view: &View| view.chats_gone.iter().find(|(gone, _)| gone.id == *chat).map(|(_, why)| why.clone());
    assert_eq!(window.wait_within("the chat to close", CLOSE_BOUND, closed).await, "closed");
    e2e::now_ms()
}

#[tokio::test]
async fn a_chat_closes_a_timeout_after_the_last_reply_and_the_next_message_opens_a_new_one() {
    let world = World::open_with(Rule::MostFree, |queue| queue.auto_close_min = Some(1)).await;
    let anna = world.operator("Anna").await.come_online().await;
    let (once, twice, never) = (world.customer(1), world.customer(2), world.customer(3));
    for customer in [&once, &twice, &never] {
        customer.write("Hello").await;
    }
    let mut chats = Vec::new();
    for customer in [&once, &twice, &never] {
        chats.push(anna.accept_from(&customer.name()).await.id);
    }
    // The clock counts from the last outgoing message: the first chat has one, the second a later one, the third none.
    let first_ms = e2e::now_ms();
    anna.send(&chats[0], "One moment").await;
    anna.send(&chats[1], "One moment").await;
    once.write("The customer's own words do not count").await;
    until(first_ms + 25_000).await;
    let second_ms = e2e::now_ms();
    anna.send(&chats[1], "Still looking").await;

    let closed_ms = closes(&anna, &chats[0]).await;
    assert!(closed_ms >= first_ms + MINUTE_MS, "closed {} ms too early", first_ms + MINUTE_MS - closed_ms);
    assert!(second_ms + MINUTE_MS < closed_ms || anna.view(|view| view.chats.contains_key(&chats[1])));
    // Armed once, at the accept; when that time came, a later reply was there, and it was armed anew.
    let closed_ms = closes(&anna, &chats[1]).await;
    assert!(closed_ms >= second_ms + MINUTE_MS, "closed {} ms too early", second_ms + MINUTE_MS - closed_ms);
    assert!(anna.view(|view| view.chats.contains_key(&chats[2])), "without an outgoing message nothing closes");
    assert_eq!(anna.refused(Command::Send { chat: chats[0].clone(), text: "late".into() }).await, "chat_closed");

    once.write("Me again").await;
    let next = anna.accept_from(&once.name()).await;
    assert_eq!((next.id.conversation.clone(), next.id.n), (chats[0].conversation.clone(), chats[0].n + 1));
    let words = anna.history(&next.id, None, None).await;
    assert_eq!(words.messages.len(), 1, "a new chat begins with the message that opened it");
}

#[tokio::test]
async fn a_changed_timeout_reaches_open_chats() {
    let (mut world, _, anna, _, chat) = talking().await;
    anna.send(&chat.id, "One moment").await;
    let replied_ms = e2e::now_ms();
    world.change_queue(|queue| queue.auto_close_min = Some(1)).await;
    let closed_ms = closes(&anna, &chat.id).await;
    assert!(closed_ms >= replied_ms + MINUTE_MS - 1_000, "closed {} ms too early", replied_ms + MINUTE_MS - closed_ms);
}

#[tokio::test]
async fn after_the_queue_s_patience_the_chats_of_an_absent_operator_return_to_the_line() {
    let world = World::open_with(Rule::MostFree, |queue| queue.absence_return_min = Some(1)).await;
    let anna = world.operator("Anna").await.come_online().await;
    let customer = world.customer(1);
    customer.write("Hello").await;
    let chat = anna.accept_from(&customer.name()).await;
    let boris = world.operator("Boris").await.come_online().await;
    let left_ms = e2e::now_ms();
    anna.leave().await;
    let bound = Duration::from_mins(5);
    let (offer, again) = boris.wait_within("the chat to return", bound, |view| view.offer_of(&customer.name())).await;
    assert!(e2e::now_ms() >= left_ms + MINUTE_MS, "returned before a minute of absence");
    assert_eq!((&again.id, again.waiting_since_ms), (&chat.id, chat.waiting_since_ms));
    boris.accept(&again.id, Some(&offer)).await;
}
