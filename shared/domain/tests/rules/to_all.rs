//! The rule *to all*: everybody sees the line, the first to accept gets the chat (Q3, Q7, Q8).

use std::collections::BTreeMap;

use domain::Refusal;
use domain::chat::EventKind;
use domain::config::Rule;
use domain::operator::{Operator, Status};
use domain::routing::Pass;

use crate::support::{SUPPORT, World, agent, busy, config, id, queue, told};

#[test]
fn q3_the_line_is_not_assigned() {
    let mut world = World::new(Rule::ToAll, &["ann"]);
    world.writes("c");
    assert!(world.pass(SUPPORT).is_empty());
}

#[test]
fn q3_q8_everybody_available_is_the_audience_and_those_at_the_limit_see_nothing() {
    let config = config([queue(SUPPORT, Rule::ToAll)]);
    let mut inactive = agent("ida");
    inactive.status = Status::Inactive;
    let mut gone = agent("gil");
    gone.connections.clear();
    let mut stranger = agent("sue");
    stranger.roles.clear();
    let nobody = [busy("cid", 5), inactive, gone, stranger];
    let pass = |operators: Vec<Operator>| Pass::new(&config.queues[&id(SUPPORT)], &config, operators, 0);
    assert!(!pass(nobody.to_vec()).anybody_free());
    let pass = pass([agent("ann"), busy("bob", 4)].into_iter().chain(nobody).collect());
    let audience: BTreeMap<&str, bool> = pass.audience().map(|(operator, room)| (operator.id.as_str(), room)).collect();
    assert_eq!(audience, BTreeMap::from([("ann", true), ("bob", true), ("cid", false)]));
    assert!(pass.anybody_free());
}

#[test]
fn q3_the_first_gets_it_and_the_others_see_it_disappear() {
    let mut world = World::new(Rule::ToAll, &["ann", "bob"]);
    world.writes("c");
    let taken = world.accept("bob", "c.1").unwrap();
    assert_eq!(world.with("c.1"), Some("bob"));
    assert_eq!(taken.wakes.len(), 1, "the line has changed for those who look at it");
    assert_eq!(taken.wakes[0].queue, id(SUPPORT));
    assert_eq!(told(&taken, "bob"), ["chat", "myself"]);
    assert_eq!(world.accept("ann", "c.1"), Err(Refusal::OfferGone));
    assert_eq!(world.story("c.1"), [EventKind::Accepted]);
}

#[test]
fn q3_anything_in_the_line_may_be_picked_in_any_order() {
    let mut world = World::new(Rule::ToAll, &["ann"]);
    world.writes("a");
    world.wait(1).writes("b");
    world.accept("ann", "b.1").unwrap();
    world.accept("ann", "a.1").unwrap();
    assert_eq!(world.operator("ann").load(), 2);
}

#[test]
fn q3_every_return_to_the_line_wakes_the_queue() {
    let mut world = World::new(Rule::ToAll, &["ann"]);
    world.config.queues.insert(id("sales"), queue("sales", Rule::ToAll));
    assert_eq!(world.writes("c").wakes[0].queue, id(SUPPORT));
    world.accept("ann", "c.1").unwrap();
    assert_eq!(world.requeue("ann", "c.1", "sales").unwrap().wakes[0].queue, id("sales"));
    // Whoever gave it away may still pick it there: to all is to all.
    world.accept("ann", "c.1").unwrap();
}
