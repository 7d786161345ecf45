//! Declining an offer (Q6).

use domain::chat::{EventKind, REQUESTS_MAX, request_key};
use domain::config::Rule;
use domain::decision::Decision;
use domain::operator::Status;
use domain::{OfferId, Refusal, transfer};

use crate::support::{MINUTE, START, SUPPORT, World, agent, freed, id, in_work, queue, route_of, told};

fn offered() -> (World, OfferId) {
    let mut world = World::new(Rule::MostFree, &["ann", "bob"]);
    world.writes("c");
    world.pass(SUPPORT);
    let offer = world.offer("c.1").expect("the story allows it");
    (world, offer)
}

#[test]
fn q6_it_goes_to_the_next_and_nobody_turns_inactive() {
    let (mut world, _) = offered();
    let declined = world.decline("ann", "c.1").unwrap();
    assert_eq!(world.operator("ann").status, Status::Active);
    assert_eq!(world.operator("ann").load(), 0);
    assert_eq!(world.operator("ann").last_taken_at_ms, 0, "declining is not taking");
    assert_eq!(told(&declined, "ann"), ["offer gone: declined", "myself"]);
    assert_eq!((freed(&declined), declined.wakes[0].queue.clone()), (vec!["ann"], id(SUPPORT)));
    assert_eq!(route_of(&declined).waiting_since_ms, START);
    world.pass(SUPPORT);
    assert_eq!(world.offered_to("c.1"), Some("bob"));
    assert_eq!(world.story("c.1"), [EventKind::Offered, EventKind::Declined, EventKind::Offered]);
}

#[test]
fn q6_who_declined_one_chat_is_offered_others() {
    let (mut world, _) = offered();
    world.decline("ann", "c.1").unwrap();
    world.pass(SUPPORT);
    world.wait(1).writes("other");
    world.pass(SUPPORT);
    assert_eq!(world.offered_to("other.1"), Some("ann"));
}

#[test]
fn q6_an_accept_ends_the_memory_of_who_declined() {
    let (mut world, _) = offered();
    world.decline("ann", "c.1").unwrap();
    world.pass(SUPPORT);
    assert_eq!(world.chat("c.1").route.decliners, [id("ann")]);
    world.accept("bob", "c.1").unwrap();
    assert!(world.chat("c.1").route.decliners.is_empty());
}

#[test]
fn decision_5_the_same_request_again_does_nothing_more() {
    let (mut world, offer) = offered();
    let once = world.decide_decline("ann", &offer, "r1").unwrap();
    world.commit(&once);
    assert_eq!(world.decide_decline("ann", &offer, "r1"), Ok(Decision::nothing()));
    assert_eq!(world.decide_decline("ann", &offer, "r2"), Err(Refusal::OfferGone), "another request finds it gone");
    // Also when the chat has gone on meanwhile.
    world.pass(SUPPORT);
    assert_eq!(world.decide_decline("ann", &offer, "r1"), Ok(Decision::nothing()));
    assert_eq!(world.offered_to("c.1"), Some("bob"));
}

#[test]
fn decision_5_the_last_eight_requests_are_remembered() {
    let mut route = in_work("c.1", "ann").route;
    for n in 0..=REQUESTS_MAX {
        let chat = in_work("c.1", "ann").on(route);
        let closed =
            transfer::to_queue(&chat, &agent("ann"), None, &queue(SUPPORT, Rule::ToAll), &n.to_string(), START);
        route = route_of(&closed.unwrap()).clone();
        route.stand = chat.route.stand;
    }
    let remembered: Vec<bool> =
        (0..=REQUESTS_MAX).map(|n| route.remembers(&request_key(&id("ann"), &n.to_string()))).collect();
    assert_eq!(remembered, [false, true, true, true, true, true, true, true, true], "the memory is bounded");
}

#[test]
fn decision_5_a_request_is_its_operators_own() {
    // Clients choose their ids: two may well choose the same one.
    let (mut world, offer) = offered();
    let anns = world.decide_decline("ann", &offer, "1").unwrap();
    world.commit(&anns);
    world.pass(SUPPORT);
    let bobs = world.decide_decline("bob", &world.offer("c.1").unwrap(), "1").unwrap();
    assert!(!bobs.is_nothing(), "bob's first request is not ann's");
}

#[test]
fn q6_only_ones_own_open_offer_can_be_declined() {
    let (mut world, offer) = offered();
    let other = OfferId { route_rev: offer.route_rev + 1, ..offer.clone() };
    assert_eq!(world.decide_decline("bob", &offer, "r"), Err(Refusal::OfferGone));
    assert_eq!(world.decide_decline("ann", &other, "r"), Err(Refusal::OfferGone));
    world.accept("ann", "c.1").unwrap();
    assert_eq!(world.decide_decline("ann", &offer, "r"), Err(Refusal::OfferGone));
    world.close("ann", "c.1").unwrap();
    assert_eq!(world.decide_decline("ann", &offer, "r"), Err(Refusal::OfferGone));
}

#[test]
fn q5_at_the_deadline_it_is_no_decline_any_more() {
    // Otherwise a decline in the last moment would spare the operator what not answering costs.
    let (mut world, offer) = offered();
    world.wait(5 * MINUTE - 1);
    assert!(world.decide_decline("ann", &offer, "r").is_ok());
    world.wait(1);
    assert_eq!(world.decide_decline("ann", &offer, "r"), Err(Refusal::OfferExpired));
}

#[test]
fn q9_a_declined_transfer_leaves_the_chat_with_its_source() {
    let (mut world, _) = offered();
    world.accept("ann", "c.1").unwrap();
    world.transfer("ann", "c.1", "bob").unwrap();
    let declined = world.decline("bob", "c.1").unwrap();
    assert_eq!((world.with("c.1"), world.offered_to("c.1")), (Some("ann"), None));
    assert_eq!((world.operator("ann").load(), world.operator("bob").load()), (1, 0));
    assert_eq!(
        (told(&declined, "ann"), told(&declined, "bob")),
        (vec!["chat".to_owned()], vec!["offer gone: declined".into(), "myself".into()])
    );
    assert!(declined.wakes.is_empty(), "it did not come to any line");
    assert!(world.chat("c.1").route.decliners.is_empty(), "and nobody of the line declined it");
}
