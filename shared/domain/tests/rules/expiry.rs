//! The accept timeout: not answering has a price, being early or late has none (Q5, Q9, Q10).

use domain::OfferId;
use domain::chat::EventKind;
use domain::config::Rule;
use domain::operator::Status;

use crate::support::{MINUTE, START, SUPPORT, World, freed, id, route_of, told};

fn offered() -> World {
    let mut world = World::new(Rule::MostFree, &["ann", "bob"]);
    world.writes("c");
    world.pass(SUPPORT);
    assert_eq!(world.offered_to("c.1"), Some("ann"));
    world
}

#[test]
fn q5_who_lets_it_run_out_turns_inactive_and_the_next_is_asked() {
    let mut world = offered();
    world.wait(5 * MINUTE);
    let expired = world.expire("c.1");
    assert_eq!(world.operator("ann").status, Status::Inactive);
    assert_eq!(world.operator("ann").load(), 0);
    assert_eq!(told(&expired, "ann"), ["offer gone: expired", "myself"]);
    assert_eq!(expired.wakes[0].queue, id(SUPPORT));
    assert_eq!(route_of(&expired).waiting_since_ms, START);
    world.pass(SUPPORT);
    assert_eq!(world.offered_to("c.1"), Some("bob"));
    assert_eq!(world.story("c.1"), [EventKind::Offered, EventKind::Expired, EventKind::Offered]);
}

#[test]
fn q5_only_the_operator_sets_it_back() {
    let mut world = offered();
    world.set_status("bob", Status::Inactive);
    world.wait(5 * MINUTE).expire("c.1");
    world.wait(60 * MINUTE);
    world.disconnect("ann");
    world.connect("ann");
    assert!(world.pass(SUPPORT).is_empty(), "neither time nor a new connection sets it back");
    world.set_status("ann", Status::Active);
    world.pass(SUPPORT);
    assert_eq!(world.offered_to("c.1"), Some("ann"), "who let it run out has not declined it");
}

#[test]
fn q10_the_other_open_offers_are_withdrawn_too_without_a_further_penalty() {
    let mut world = World::new(Rule::MostFree, &["ann"]);
    world.writes("a");
    world.pass(SUPPORT);
    world.wait(MINUTE).writes("b");
    world.pass(SUPPORT);
    world.wait(4 * MINUTE);
    world.expire("a.1");
    assert!(world.operator("ann").must_give_up_offers(world.now_ms));
    assert_eq!(world.operator("ann").due_at_ms(), Some(0), "a sweep would find it too");
    assert_eq!(world.withdraw("ann").len(), 1);
    assert_eq!(world.operator("ann").load(), 0);
    assert_eq!(world.story("b.1"), [EventKind::Offered, EventKind::Withdrawn]);
    assert!(world.chat("b.1").route.decliners.is_empty(), "a withdrawal is no decline");
}

#[test]
fn decision_3_early_doubled_and_late_timers_change_nothing() {
    let mut world = offered();
    let offer = world.offer("c.1").unwrap();
    world.wait(5 * MINUTE - 1);
    assert!(world.decide_expire(&offer).is_nothing(), "early");
    world.wait(1);
    world.expire("c.1");
    assert!(world.decide_expire(&offer).is_nothing(), "doubled");
    world.pass(SUPPORT);
    world.wait(10 * MINUTE);
    assert!(world.decide_expire(&offer).is_nothing(), "of an offer before this one");
    let unknown = OfferId { route_rev: 99, ..offer };
    assert!(world.decide_expire(&unknown).is_nothing());
}

#[test]
fn decision_3_a_timer_after_the_accept_or_the_decline_changes_nothing() {
    for accepted in [true, false] {
        let mut world = offered();
        let offer = world.offer("c.1").unwrap();
        if accepted { world.accept("ann", "c.1") } else { world.decline("ann", "c.1") }.unwrap();
        world.wait(5 * MINUTE);
        assert!(world.decide_expire(&offer).is_nothing());
        assert_eq!(world.operator("ann").status, Status::Active);
    }
}

#[test]
fn q9_a_transfer_that_runs_out_leaves_the_source_and_everybodys_status() {
    let mut world = offered();
    world.accept("ann", "c.1").unwrap();
    world.transfer("ann", "c.1", "bob").unwrap();
    world.wait(5 * MINUTE);
    let expired = world.expire("c.1");
    assert_eq!((world.with("c.1"), world.offered_to("c.1")), (Some("ann"), None));
    for name in ["ann", "bob"] {
        assert_eq!(world.operator(name).status, Status::Active, "{name}");
    }
    assert_eq!(world.operator("bob").load(), 0);
    assert_eq!(freed(&expired), ["bob"]);
    assert_eq!(
        (told(&expired, "ann"), told(&expired, "bob")[0].as_str()),
        (vec!["chat".to_owned()], "offer gone: expired")
    );
    assert_eq!(world.story("c.1").last(), Some(&EventKind::TransferEnded));
}

#[test]
fn q5_the_offer_is_what_the_sweep_finds_when_its_timer_was_lost() {
    let mut world = offered();
    assert_eq!(world.chat("c.1").due_at_ms(), Some(START + 5 * MINUTE));
    world.accept("ann", "c.1").unwrap();
    assert_eq!(world.chat("c.1").due_at_ms(), None, "no close timeout, no offer: nothing is due");
    world.transfer("ann", "c.1", "bob").unwrap();
    assert_eq!(world.chat("c.1").due_at_ms(), Some(START + 5 * MINUTE));
}
