//! An operator's row: status, connections, load, and the places in the orders of the free (W1, Q4, Q6-Q8, Q10, I3).

use domain::Refusal;
use domain::availability::{Line, Place, places};
use domain::config::{Queue, ROLES_OF_ONE_MAX, Rule};
use domain::operator::{ABSENCE_GRACE_MS, CONNECTIONS_MAX, Operator, Status};

use crate::support::{SECOND, STAFF, START, SUPPORT, agent, busy, config, id, queue};

fn with(mut operator: Operator, change: impl FnOnce(&mut Operator)) -> Operator {
    change(&mut operator);
    operator
}

#[test]
fn i3_the_load_is_the_size_of_a_union_of_two_sets() {
    let mut ann = agent("ann");
    assert_eq!(ann.load(), 0);
    for (change, load) in [("offer a.1", 1), ("offer a.1", 1), ("chat a.1", 1), ("offer b.1", 2), ("chat c.1", 3)] {
        ann = match change.split_once(' ').unwrap() {
            ("offer", chat) => ann.with_offer(&id(chat)),
            (_, chat) => ann.with_chat(&id(chat), START),
        };
        assert_eq!(ann.load(), load, "{change}");
    }
    // The same chat in both is one chat.
    assert_eq!(ann.with_offer(&id("a.1")).load(), 3);
    assert_eq!(ann.with_offer(&id("a.1")).without_chat(&id("a.1")).load(), 2);
    assert_eq!(ann.without_offer(&id("a.1")).load(), 3, "what is in work stays");
    assert_eq!(ann.without_chat(&id("unknown.1")).load(), 3);
}

#[test]
fn q4_only_taking_a_chat_dates_the_last_one_taken() {
    let ann = agent("ann");
    assert_eq!(ann.last_taken_at_ms, 0);
    assert_eq!(ann.with_offer(&id("a.1")).last_taken_at_ms, 0);
    let took = ann.with_chat(&id("a.1"), START);
    assert_eq!(took.last_taken_at_ms, START);
    assert_eq!(took.without_chat(&id("a.1")).last_taken_at_ms, START);
}

#[test]
fn every_change_of_the_row_is_a_revision() {
    let ann = busy("ann", 1);
    let changes = [
        ann.with_offer(&id("a.1")),
        ann.without_offer(&id("a.1")),
        ann.with_chat(&id("a.1"), START),
        ann.without_chat(&id("a.1")),
        ann.with_status(Status::Inactive).unwrap(),
        ann.with_connection("new", i64::MAX, START).unwrap(),
        ann.without_connection("ann-1", START).unwrap(),
        ann.described("Ann", &[], None, false).unwrap(),
    ];
    assert!(changes.iter().all(|after| after.rev == ann.rev + 1));
}

#[test]
fn w1_the_status_as_it_is_is_no_change() {
    let ann = agent("ann");
    assert_eq!(ann.with_status(Status::Active), None);
    let inactive = ann.with_status(Status::Inactive).unwrap();
    assert_eq!((inactive.status, inactive.is_available()), (Status::Inactive, false));
    assert_eq!(inactive.with_status(Status::Inactive), None);
    assert_eq!(Operator::new(id("new"), "New").status, Status::Inactive, "nobody takes chats unasked");
}

#[test]
fn q7_a_connection_makes_present_and_five_are_the_most() {
    let mut ann = with(agent("ann"), |ann| {
        ann.connections.clear();
        ann.absent_since_ms = Some(START);
    });
    assert!(!ann.is_available());
    for n in 1..=CONNECTIONS_MAX {
        ann = ann.with_connection(&format!("c{n}"), START + 10 * SECOND, START).unwrap();
    }
    assert_eq!((ann.is_available(), ann.absent_since_ms, ann.connections.len()), (true, None, 5));
    assert_eq!(ann.with_connection("c6", i64::MAX, START), Err(Refusal::TooManyConnections));
    // The same one again is no further one, and may have a new end.
    let again = ann.with_connection("c5", START + 20 * SECOND, START).unwrap();
    assert_eq!((again.connections.len(), again.connections["c5"]), (5, START + 20 * SECOND));
    // Those whose right to be used has ended don't count.
    let later = again.with_connection("c6", i64::MAX, START + 10 * SECOND).unwrap();
    assert_eq!(later.connections.keys().collect::<Vec<_>>(), ["c5", "c6"]);
}

#[test]
fn q7_an_account_that_is_off_does_not_connect() {
    let off = with(agent("ann"), |ann| ann.disabled = true);
    assert_eq!(off.with_connection("new", i64::MAX, START), Err(Refusal::OperatorDisabled));
    assert!(!off.is_available());
}

#[test]
fn q10_only_the_last_connection_that_goes_starts_the_absence() {
    let ann = agent("ann").with_connection("second", i64::MAX, START).unwrap();
    let one = ann.without_connection("ann-1", START + 1).unwrap();
    assert_eq!((one.absent_since_ms, one.is_available()), (None, true));
    let none = one.without_connection("second", START + 2).unwrap();
    assert_eq!((none.absent_since_ms, none.is_available()), (Some(START + 2), false));
    assert_eq!(none.without_connection("second", START + 3), None, "told twice that it went: no change");
    assert!(!none.is_absent(START + 1 + ABSENCE_GRACE_MS));
    assert!(none.is_absent(START + 2 + ABSENCE_GRACE_MS));
}

#[test]
fn q10_when_a_sweep_has_to_look() {
    let offered = |operator: Operator| operator.with_offer(&id("a.1"));
    let inactive = |operator: Operator| with(operator, |operator| operator.status = Status::Inactive);
    let off = |operator: Operator| with(operator, |operator| operator.disabled = true);
    let gone = |operator: Operator| operator.without_connection("ann-1", START).unwrap();
    let grace = Some(START + ABSENCE_GRACE_MS);
    // the operator, when, whether offers go back at START
    let table = [
        ("there, nothing open", agent("ann"), None, false),
        ("there, an offer open", offered(agent("ann")), None, false),
        ("there, chats in work", busy("ann", 1), None, false),
        ("inactive, chats in work", inactive(busy("ann", 1)), None, false),
        ("inactive, an offer open", inactive(offered(agent("ann"))), Some(0), true),
        ("gone, nothing open", gone(agent("ann")), None, false),
        ("gone, an offer open", gone(offered(agent("ann"))), grace, false),
        ("gone, chats in work", gone(busy("ann", 1)), grace, false),
        ("gone and inactive, an offer open", gone(inactive(offered(agent("ann")))), Some(0), true),
        ("off, nothing open", off(agent("ann")), None, false),
        ("off, an offer open", off(offered(agent("ann"))), Some(0), true),
        ("off, chats in work", off(busy("ann", 1)), Some(0), false),
        (
            "never there, an offer open",
            with(offered(agent("ann")), |ann| ann.connections.clear()),
            Some(ABSENCE_GRACE_MS),
            true,
        ),
    ];
    for (what, operator, due, gives_up) in table {
        assert_eq!(operator.due_at_ms(), due, "{what}");
        assert_eq!(operator.must_give_up_offers(START), gives_up, "{what}");
    }
}

#[test]
fn q10_an_absence_that_was_looked_at_is_looked_at_again_at_its_time() {
    let gone = busy("ann", 1).without_connection("ann-1", START).unwrap();
    let looked_at = gone.looked_at(START + SECOND).unwrap();
    assert_eq!(looked_at.look_again_at_ms, Some(START + SECOND));
    assert_eq!(looked_at, Operator { look_again_at_ms: Some(START + SECOND), rev: gone.rev + 1, ..gone.clone() });
    assert_eq!(looked_at.due_at_ms(), Some(START + SECOND), "and not before");
    assert_eq!(looked_at.looked_at(START + SECOND), None, "set already: no change");
    // An offer does not wait for that look; whoever comes back is looked at as if they had never gone.
    assert_eq!(looked_at.with_offer(&id("a.1")).due_at_ms(), Some(START + ABSENCE_GRACE_MS));
    assert_eq!(looked_at.with_connection("new", i64::MAX, START).unwrap().look_again_at_ms, None);
}

#[test]
fn q2_the_queues_that_somebody_serves() {
    let config = config([queue("night", Rule::ToAll), queue(SUPPORT, Rule::ToAll), {
        let roles = vec![id("sales")];
        Queue { roles, users: vec![id("bob")], ..queue("sales", Rule::MostFree) }
    }]);
    let serves =
        |name: &str| -> Vec<String> { config.queues_of(&agent(name)).map(|queue| queue.id.to_string()).collect() };
    assert_eq!(serves("ann"), ["night", SUPPORT]);
    assert_eq!(serves("bob"), ["night", "sales", SUPPORT]);
}

#[test]
fn q2_as_the_chat_manager_describes_them() {
    let ann = agent("ann");
    assert_eq!(ann.described("ANN", &[id(STAFF)], None, false), None, "nothing new");
    let after = ann.described("Ann", &[id("sales")], Some(2), true).unwrap();
    assert_eq!((after.name.as_str(), after.own_limit, after.disabled), ("Ann", Some(2), true));
    assert_eq!(
        (after.roles, after.status, after.connections),
        (vec![id("sales")], Status::Active, ann.connections.clone())
    );
    let many: Vec<_> = (0..ROLES_OF_ONE_MAX + 5).map(|n| id(&format!("role-{n}"))).collect();
    assert_eq!(ann.described("ANN", &many, None, false).unwrap().roles.len(), ROLES_OF_ONE_MAX);
}

#[test]
fn q8_the_places_in_the_orders_of_the_free() {
    let place = |role: &str, line, load| Place { role: id(role), line, load, last_taken_at_ms: 0, operator: id("ann") };
    let own = |load, limit| with(busy("ann", load), |ann| ann.own_limit = Some(limit));
    let two_roles = with(agent("ann"), |ann| ann.roles = vec![id(STAFF), id("sales"), id(STAFF)]);
    let table = [
        ("available", agent("ann"), vec![place(STAFF, Line::Common, 0)]),
        ("one a role", two_roles, vec![place("sales", Line::Common, 0), place(STAFF, Line::Common, 0)]),
        // A limit that is not their own is compared by the reader: a changed setting rewrites no row.
        ("at any common limit", busy("ann", 5), vec![place(STAFF, Line::Common, 5)]),
        ("below an own limit", own(1, 2), vec![place(STAFF, Line::Own, 1)]),
        ("at an own limit", own(2, 2), vec![]),
        ("inactive", with(agent("ann"), |ann| ann.status = Status::Inactive), vec![]),
        ("gone", with(agent("ann"), |ann| ann.connections.clear()), vec![]),
        ("off", with(agent("ann"), |ann| ann.disabled = true), vec![]),
        ("without a role", with(agent("ann"), |ann| ann.roles.clear()), vec![]),
    ];
    for (what, operator, expect) in table {
        assert_eq!(places(&operator), expect, "{what}");
    }
}

#[test]
fn q4_the_order_of_places_is_the_order_of_the_free() {
    let place = |load, last_taken_at_ms, name: &str| Place {
        role: id(STAFF),
        line: Line::Common,
        load,
        last_taken_at_ms,
        operator: id(name),
    };
    let mut order =
        [place(2, 0, "dan"), place(1, 9, "cid"), place(1, 5, "bob"), place(0, 99, "ann"), place(1, 5, "abe")];
    order.sort();
    let names: Vec<&str> = order.iter().map(|place| place.operator.as_str()).collect();
    assert_eq!(names, ["ann", "abe", "bob", "cid", "dan"]);
}

#[test]
fn i3_a_connection_in_the_place_of_silent_ones_is_one_change() {
    let mut ann = agent("ann");
    ann.connections = (1..=5).map(|n| (format!("a{n}"), i64::MAX)).collect();
    assert_eq!(ann.with_connection("b", i64::MAX, START), Err(Refusal::TooManyConnections));
    let silent = ["a1".to_owned(), "a2".to_owned()];
    let after = ann.with_connection_for("b", i64::MAX, &silent, START).unwrap();
    assert_eq!(after.rev, ann.rev + 1);
    assert_eq!(after.connections.keys().collect::<Vec<_>>(), ["a3", "a4", "a5", "b"]);
    assert_eq!(
        ann.with_connection_for("b", i64::MAX, &[], START),
        Err(Refusal::TooManyConnections),
        "nobody is silent"
    );
}
