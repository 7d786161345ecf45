//! Who is away or Inactive gets nothing new, and gives back what is open (Q10).

use domain::Refusal;
use domain::chat::EventKind;
use domain::config::{Queue, Rule};
use domain::operator::{ABSENCE_GRACE_MS, Status};
use domain::routing;
use domain::stay::{is_time_to_return, look_again_at_ms};

use crate::support::{MINUTE, START, SUPPORT, World, agent, freed, id, in_work, queue, told};

/// Ann has the chat `a.1` in work, and `b.1` is on offer to her.
fn world() -> World {
    let mut world = World::new(Rule::MostFree, &["ann"]);
    world.writes("a");
    world.pass(SUPPORT);
    world.accept("ann", "a.1").expect("the story allows it");
    world.wait(1).writes("b");
    world.pass(SUPPORT);
    assert_eq!(world.offered_to("b.1"), Some("ann"));
    world
}

#[test]
fn q10_inactive_by_hand_gives_offers_back_at_once_and_keeps_chats() {
    let mut world = world();
    world.set_status("ann", Status::Inactive);
    let withdrawn = &world.withdraw("ann")[0];
    assert_eq!(told(withdrawn, "ann"), ["offer gone: withdrawn", "myself"]);
    assert_eq!(withdrawn.wakes[0].queue, id(SUPPORT));
    assert_eq!((world.with("a.1"), world.offered_to("b.1")), (Some("ann"), None));
    assert_eq!(world.story("b.1"), [EventKind::Offered, EventKind::Withdrawn]);
    world.writes("c");
    assert!(world.pass(SUPPORT).is_empty(), "no new offers");
}

#[test]
fn q10_a_withdrawal_carries_no_penalty() {
    let mut world = world();
    world.disconnect("ann");
    world.wait(ABSENCE_GRACE_MS);
    world.withdraw("ann");
    assert_eq!(world.operator("ann").status, Status::Active, "the status stays as it was set");
    assert!(world.chat("b.1").route.decliners.is_empty());
    world.connect("ann");
    world.pass(SUPPORT);
    assert_eq!(world.offered_to("b.1"), Some("ann"), "back, she may be offered it again");
}

#[test]
fn q10_a_lost_connection_has_a_grace_of_30_s() {
    let mut world = world();
    world.disconnect("ann");
    world.writes("c");
    assert!(world.pass(SUPPORT).is_empty(), "no new offers without a connection (Q7)");
    assert_eq!(world.operator("ann").due_at_ms(), Some(START + 1 + ABSENCE_GRACE_MS));
    world.wait(ABSENCE_GRACE_MS - 1);
    assert!(world.withdraw("ann").is_empty(), "a page that reloads loses nothing");
    world.wait(1);
    assert_eq!(world.withdraw("ann").len(), 1);
    assert_eq!(ABSENCE_GRACE_MS, 30_000);
}

#[test]
fn q10_who_comes_back_in_time_keeps_everything() {
    let mut world = world();
    world.disconnect("ann");
    world.wait(ABSENCE_GRACE_MS - 1);
    world.connect("ann");
    world.wait(ABSENCE_GRACE_MS);
    assert!(world.withdraw("ann").is_empty());
    assert_eq!((world.offered_to("b.1"), world.operator("ann").absent_since_ms), (Some("ann"), None));
}

#[test]
fn q10_the_grace_counts_from_the_last_connection() {
    let mut world = world();
    let now_ms = world.now_ms;
    world.change("ann", |ann| ann.with_connection("second", i64::MAX, now_ms).ok());
    world.disconnect("ann");
    world.wait(ABSENCE_GRACE_MS);
    assert!(world.withdraw("ann").is_empty(), "one window is left");
}

#[test]
fn q9_q10_a_transfer_offered_to_somebody_who_leaves_ends() {
    let mut world = world();
    world.operators.insert(id("bob"), agent("bob"));
    world.transfer("ann", "a.1", "bob").unwrap();
    world.set_status("bob", Status::Inactive);
    world.withdraw("bob");
    assert_eq!((world.with("a.1"), world.offered_to("a.1")), (Some("ann"), None));
    assert_eq!(world.operator("bob").load(), 0);
}

#[test]
fn q10_whether_chats_in_work_return() {
    let gone = |since| {
        let mut ann = agent("ann");
        ann.connections.clear();
        ann.absent_since_ms = since;
        ann
    };
    let mut inactive = agent("ann");
    inactive.status = Status::Inactive;
    let mut switched_off = agent("ann");
    switched_off.disabled = true;
    // the queue's patience (minutes), the operator, minutes since START, whether the chat returns
    let table = [
        ("off by default", None, gone(Some(START)), 10_000, false),
        ("not yet", Some(10), gone(Some(START)), 9, false),
        ("exactly then", Some(10), gone(Some(START)), 10, true),
        ("connected", Some(10), agent("ann"), 10_000, false),
        ("inactive but there", Some(10), inactive, 10_000, false),
        ("switched off", None, switched_off, 0, true),
    ];
    for (what, patience, operator, minutes, expect) in table {
        let mut queue = queue(SUPPORT, Rule::MostFree);
        queue.absence_return_min = patience;
        assert_eq!(is_time_to_return(Some(&queue), &operator, START + minutes * MINUTE), expect, "{what}");
    }
    assert!(!is_time_to_return(None, &gone(Some(START)), i64::MAX), "a queue that is no more asks for nothing");
}

#[test]
fn q10_when_the_absence_is_looked_at_again() {
    // the queues' patience (minutes; none = they ask for nothing), minutes of absence so far, minutes until the next look
    let table: [(&str, &[Option<u32>], i64, i64); 7] = [
        ("nobody asks: a setting may change meanwhile", &[None], 0, 10),
        ("no queue at all", &[], 0, 10),
        ("at the end of the patience", &[Some(3)], 0, 3),
        ("the shortest of several", &[Some(8), None, Some(3)], 0, 3),
        ("what has passed already counts", &[Some(8)], 5, 3),
        ("what is over needs no further look", &[Some(3), Some(8)], 3, 5),
        ("but never later than in ten minutes", &[Some(60)], 5, 10),
    ];
    let mut ann = agent("ann");
    ann.connections.clear();
    ann.absent_since_ms = Some(START);
    for (what, patience, gone, next) in table {
        let with_patience = |minutes: &Option<u32>| {
            minutes.map(|minutes| Queue { absence_return_min: Some(minutes), ..queue(SUPPORT, Rule::MostFree) })
        };
        let queues: Vec<Option<Queue>> = patience.iter().map(with_patience).collect();
        let now_ms = START + gone * MINUTE;
        let look = look_again_at_ms(queues.iter().map(Option::as_ref), &ann, now_ms);
        assert_eq!(look, now_ms + next * MINUTE, "{what}");
    }
}

#[test]
fn q10_only_ones_own_offer_is_withdrawn() {
    let mut world = world();
    world.operators.insert(id("bob"), agent("bob"));
    let withdrawn = routing::withdraw(world.chat("b.1"), world.operator("bob"), None, START);
    assert!(withdrawn.is_nothing(), "it is on offer to ann");
    assert!(routing::withdraw(world.chat("a.1"), world.operator("ann"), None, START).is_nothing(), "no offer at all");
}

#[test]
fn q10_a_chat_returns_with_its_original_age() {
    let mut world = world();
    world.operators.insert(id("bob"), agent("bob"));
    world.queue(SUPPORT).absence_return_min = Some(10);
    world.disconnect("ann");
    world.wait(10 * MINUTE);
    world.withdraw("ann");
    let returned = &world.return_chats("ann")[0];
    assert_eq!(told(returned, "ann"), ["chat gone: returned", "myself"]);
    assert_eq!((freed(returned), returned.wakes[0].queue.clone()), (vec!["ann"], id(SUPPORT)));
    assert_eq!(world.line(&id(SUPPORT))[0].id, id("a.1"), "before those who came later");
    assert_eq!(world.chat("a.1").route.waiting_since_ms, START);
    assert_eq!(world.chat("a.1").route.taken_at_ms, None);
    world.pass(SUPPORT);
    assert_eq!(world.offered_to("a.1"), Some("bob"));
    assert_eq!(world.decide_reply("ann", "a.1", 1), Err(Refusal::NotYourChat));
}

#[test]
fn q9_q10_a_chat_that_returns_during_a_transfer_withdraws_the_offer() {
    let mut world = world();
    world.operators.insert(id("bob"), agent("bob"));
    world.queue(SUPPORT).absence_return_min = Some(1);
    world.transfer("ann", "a.1", "bob").unwrap();
    world.disconnect("ann");
    world.wait(MINUTE);
    let returned = &world.return_chats("ann")[0];
    assert_eq!(told(returned, "bob"), ["offer gone: withdrawn", "myself"]);
    assert_eq!((world.operator("ann").chats.len(), world.operator("bob").load()), (0, 0));
}

#[test]
fn q10_only_ones_own_chat_returns() {
    let decision = domain::stay::return_to_line(&in_work("c.1", "bob"), &agent("ann"), None, START);
    assert!(decision.is_nothing());
}
