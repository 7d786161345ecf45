//! Taking a chat into work: at most one ever gets a yes (Q3-Q9, I4).

use domain::chat::EventKind;
use domain::config::Rule;
use domain::decision::Decision;
use domain::operator::{Operator, Status};
use domain::{OfferId, Refusal};

use crate::support::{MINUTE, START, SUPPORT, World, freed, id, operator_of, route_of, told};

/// A chat on offer to ann; bob is there too.
fn offered() -> (World, OfferId) {
    let mut world = World::new(Rule::MostFree, &["ann", "bob"]);
    world.writes("c");
    world.pass(SUPPORT);
    let offer = world.offer("c.1").expect("the story allows it");
    assert_eq!(world.offered_to("c.1"), Some("ann"));
    (world, offer)
}

/// A chat in the line of a *to all* queue.
fn in_line() -> World {
    let mut world = World::new(Rule::ToAll, &["ann", "bob"]);
    world.writes("c");
    world
}

#[test]
fn q4_an_offer_is_taken_into_work() {
    let (mut world, offer) = offered();
    world.wait(MINUTE);
    let decision = world.decide_accept("ann", "c.1", Some(&offer)).unwrap();
    world.commit(&decision);
    assert_eq!(world.with("c.1"), Some("ann"));
    assert_eq!(route_of(&decision).taken_at_ms, Some(START + MINUTE));
    assert_eq!(world.operator("ann").last_taken_at_ms, START + MINUTE, "the next tie knows it (Q4)");
    assert_eq!(world.operator("ann").load(), 1, "the offer became the chat: no more, no less (I3)");
    assert_eq!(told(&decision, "ann"), ["offer gone: accepted", "chat", "myself"]);
    assert_eq!(world.story("c.1"), [EventKind::Offered, EventKind::Accepted]);
}

#[test]
fn i4_the_same_operator_gets_the_same_yes_in_every_window() {
    let (mut world, offer) = offered();
    world.accept("ann", "c.1").unwrap();
    for meant in [Some(&offer), None] {
        assert_eq!(world.decide_accept("ann", "c.1", meant), Ok(Decision::nothing()));
    }
    // Also after the deadline: the chat is theirs.
    world.wait(10 * MINUTE);
    assert_eq!(world.decide_accept("ann", "c.1", Some(&offer)), Ok(Decision::nothing()));
}

#[test]
fn i4_two_who_pick_at_once_one_gets_it() {
    for (first, second) in [("ann", "bob"), ("bob", "ann")] {
        let mut world = in_line();
        let one = world.decide_accept(first, "c.1", None).unwrap();
        let two = world.decide_accept(second, "c.1", None).unwrap();
        assert!(world.try_commit(&one));
        assert!(!world.try_commit(&two), "both decided on the same state: the store lets one through");
        assert_eq!(world.decide_accept(second, "c.1", None), Err(Refusal::OfferGone));
    }
}

#[test]
fn i4_accept_and_expiry_at_once_one_of_them_holds() {
    for accept_first in [true, false] {
        let (mut world, offer) = offered();
        world.wait(5 * MINUTE - 1);
        let accept = world.decide_accept("ann", "c.1", Some(&offer)).unwrap();
        world.wait(1);
        let expiry = world.decide_expire(&offer);
        let order = if accept_first { [&accept, &expiry] } else { [&expiry, &accept] };
        assert_eq!(order.map(|decision| world.try_commit(decision)), [true, false]);
        assert_eq!(world.with("c.1"), accept_first.then_some("ann"));
    }
}

#[test]
fn q5_at_the_deadline_itself_it_is_too_late() {
    let (mut world, offer) = offered();
    world.wait(5 * MINUTE - 1);
    assert!(world.decide_accept("ann", "c.1", Some(&offer)).is_ok());
    world.wait(1);
    assert_eq!(world.decide_accept("ann", "c.1", Some(&offer)), Err(Refusal::OfferExpired));
}

#[test]
fn q6_an_offer_of_before_is_no_offer() {
    let (mut world, old) = offered();
    world.decline("ann", "c.1").unwrap();
    world.pass(SUPPORT);
    world.decline("bob", "c.1").unwrap();
    world.pass(SUPPORT);
    world.wait(MINUTE).pass(SUPPORT);
    assert_eq!(world.offered_to("c.1"), Some("ann"), "again");
    assert_eq!(world.decide_accept("ann", "c.1", Some(&old)), Err(Refusal::OfferGone));
    assert!(world.decide_accept("ann", "c.1", None).is_ok(), "whatever is open");
}

#[test]
fn q4_what_is_offered_to_another_cannot_be_taken() {
    let (mut world, offer) = offered();
    for meant in [Some(&offer), None] {
        assert_eq!(world.decide_accept("bob", "c.1", meant), Err(Refusal::OfferGone));
    }
    world.accept("ann", "c.1").unwrap();
    assert_eq!(world.decide_accept("bob", "c.1", Some(&offer)), Err(Refusal::OfferGone));
}

#[test]
fn q4_what_waits_in_an_assigned_line_cannot_be_picked() {
    let mut world = World::new(Rule::MostFree, &["ann"]);
    world.writes("c");
    assert_eq!(world.accept("ann", "c.1"), Err(Refusal::NotOffered));
}

#[test]
fn l6_a_closed_chat_is_taken_by_nobody() {
    let (mut world, offer) = offered();
    world.accept("ann", "c.1").unwrap();
    world.close("ann", "c.1").unwrap();
    for who in ["ann", "bob"] {
        assert_eq!(world.decide_accept(who, "c.1", Some(&offer)), Err(Refusal::ChatClosed));
        assert_eq!(world.decide_accept(who, "c.1", None), Err(Refusal::ChatClosed));
    }
}

#[test]
fn q7_who_may_pick_from_the_line() {
    type Change = fn(&mut Operator);
    let table: [(&str, Change, Result<(), Refusal>); 7] = [
        ("anybody of the queue", |_| (), Ok(())),
        ("of another role", |ann| ann.roles = vec![id("sales")], Err(Refusal::NotInQueue)),
        ("inactive", |ann| ann.status = Status::Inactive, Err(Refusal::NotAvailable)),
        ("not connected", |ann| ann.connections.clear(), Err(Refusal::NotAvailable)),
        ("switched off", |ann| ann.disabled = true, Err(Refusal::NotAvailable)),
        ("at the limit", |ann| ann.own_limit = Some(0), Err(Refusal::AtLimit)),
        ("below an own limit", |ann| ann.own_limit = Some(1), Ok(())),
    ];
    for (who, change, expect) in table {
        let mut world = in_line();
        change(world.operators.get_mut(&id("ann")).unwrap());
        assert_eq!(world.decide_accept("ann", "c.1", None).map(|_| ()), expect, "{who}");
    }
}

#[test]
fn q3_an_offer_id_names_no_chat_of_a_line() {
    let world = in_line();
    let made_up = OfferId { chat: id("c.1"), route_rev: 1 };
    assert_eq!(world.decide_accept("ann", "c.1", Some(&made_up)), Err(Refusal::OfferGone));
}

#[test]
fn q1_a_chat_of_a_queue_that_is_no_more_cannot_be_picked() {
    let mut world = in_line();
    world.config.queues.clear();
    assert_eq!(world.decide_accept("ann", "c.1", None), Err(Refusal::QueueNotFound));
}

#[test]
fn q9_accepting_a_transfer_moves_the_chat_and_frees_the_source_at_once() {
    let (mut world, _) = offered();
    world.accept("ann", "c.1").unwrap();
    world.wait(MINUTE).transfer("ann", "c.1", "bob").unwrap();
    let taken = world.wait(MINUTE).accept("bob", "c.1").unwrap();
    assert_eq!(world.with("c.1"), Some("bob"));
    assert_eq!((world.operator("ann").load(), world.operator("bob").load()), (0, 1));
    assert_eq!(told(&taken, "ann"), ["chat gone: transferred", "myself"]);
    assert_eq!(told(&taken, "bob"), ["offer gone: accepted", "chat", "myself"]);
    assert_eq!(freed(&taken), ["ann"]);
    assert_eq!(operator_of(&taken, "ann").unwrap().last_taken_at_ms, START, "giving one away is not taking one (Q4)");
    assert_eq!(world.story("c.1").last(), Some(&EventKind::TransferAccepted));
    assert!(taken.wakes.is_empty(), "no line has changed");
}

#[test]
fn q9_the_source_does_not_lose_the_chat_by_accepting_it() {
    let (mut world, offer) = offered();
    world.accept("ann", "c.1").unwrap();
    world.transfer("ann", "c.1", "bob").unwrap();
    assert_eq!(world.decide_accept("ann", "c.1", Some(&offer)), Ok(Decision::nothing()));
    assert_eq!(world.offered_to("c.1"), Some("bob"));
}
