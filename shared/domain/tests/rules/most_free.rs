//! The rule *most free*: who is offered a waiting chat (Q2, Q4, Q6-Q8, Q11).

use domain::chat::{Chat, DECLINERS_MAX, EventKind, REST_AFTER_DECLINES_MS, Stand};
use domain::config::{Configuration, LIMIT_MAX, Rule};
use domain::decision::{Decision, News, Timer, Write};
use domain::operator::{Operator, Status};
use domain::routing::Pass;

use crate::support::{
    MINUTE, SECOND, START, SUPPORT, World, agent, busy, config, id, in_work, operator_of, queue, route_of, told,
    waiting,
};

fn most_free() -> Configuration {
    config([queue(SUPPORT, Rule::MostFree)])
}

/// What a pass with these operators decides about one chat.
fn decide(config: &Configuration, operators: &[Operator], chat: &Chat) -> Decision {
    let queue = &config.queues[&chat.route.queue];
    Pass::new(queue, config, operators.iter().cloned(), START).next(chat)
}

/// To whom a decision offers its chat.
fn chosen(decision: &Decision) -> Option<&str> {
    decision.writes.iter().find_map(|write| match write {
        Write::Operator { after, .. } => Some(after.id.as_str()),
        _ => None,
    })
}

#[track_caller]
fn check(operators: &[Operator], chat: &Chat, expect: Option<&str>) {
    let config = most_free();
    assert_eq!(chosen(&decide(&config, operators, chat)), expect);
    // The order in which the operators were read says nothing.
    let reversed: Vec<Operator> = operators.iter().rev().cloned().collect();
    assert_eq!(chosen(&decide(&config, &reversed, chat)), expect, "read in another order");
}

fn last_took(operator: Operator, at_ms: i64) -> Operator {
    Operator { last_taken_at_ms: at_ms, ..operator }
}

fn with(mut operator: Operator, change: impl FnOnce(&mut Operator)) -> Operator {
    change(&mut operator);
    operator
}

#[test]
fn q4_the_fewest_chats_win() {
    check(&[busy("ann", 2), busy("bob", 1), busy("cid", 3)], &waiting("c.1"), Some("bob"));
    check(&[busy("ann", 1), agent("bob")], &waiting("c.1"), Some("bob"));
    // However long ago the busier one took a chat.
    check(&[last_took(busy("ann", 1), 5), last_took(agent("bob"), 9)], &waiting("c.1"), Some("bob"));
}

#[test]
fn q4_on_a_tie_who_has_gone_longest_without_a_new_chat() {
    check(&[last_took(busy("ann", 1), 900), last_took(busy("bob", 1), 800)], &waiting("c.1"), Some("bob"));
    // Who never took one has gone longest of all.
    check(&[last_took(agent("ann"), 1), agent("bob")], &waiting("c.1"), Some("bob"));
    // Full tie: always the same one.
    check(&[agent("bob"), agent("ann")], &waiting("c.1"), Some("ann"));
}

#[test]
fn q6_an_offer_counts_towards_the_load() {
    let offered = with(agent("ann"), |ann| {
        ann.offers.insert(id("other.1"));
    });
    check(&[offered, last_took(agent("bob"), 9)], &waiting("c.1"), Some("bob"));
}

#[test]
fn q7_only_who_is_a_member_active_connected_and_below_the_limit() {
    let out = [
        ("inactive", with(agent("ann"), |ann| ann.status = Status::Inactive)),
        ("not connected", with(agent("ann"), |ann| ann.connections.clear())),
        ("switched off", with(agent("ann"), |ann| ann.disabled = true)),
        ("of another role", with(agent("ann"), |ann| ann.roles = vec![id("sales")])),
        ("of no role", with(agent("ann"), |ann| ann.roles.clear())),
        ("at the limit", busy("ann", 5)),
        ("above the limit", busy("ann", 6)),
    ];
    for (why, ann) in out {
        assert_eq!(chosen(&decide(&most_free(), std::slice::from_ref(&ann), &waiting("c.1"))), None, "{why}");
        check(&[ann, last_took(busy("bob", 4), 9)], &waiting("c.1"), Some("bob"));
    }
}

#[test]
fn q2_members_by_name_and_by_role_alike() {
    let mut config = most_free();
    let support = config.queues.get_mut(&id(SUPPORT)).unwrap();
    support.users = vec![id("guest")];
    support.roles.push(id("sales"));
    let guest = with(agent("guest"), |guest| guest.roles.clear());
    let seller = with(agent("seller"), |seller| seller.roles = vec![id("sales"), id("staff")]);
    for (member, name) in [(guest, "guest"), (seller, "seller")] {
        assert_eq!(chosen(&decide(&config, &[busy("ann", 1), member], &waiting("c.1"))), Some(name));
    }
}

#[test]
fn q8_the_operators_own_limit_then_the_queues_then_the_setting() {
    // own, queue's, setting, the limit that holds
    let table = [
        (None, None, 5, 5),
        (None, None, 2, 2),
        (None, Some(3), 5, 3),
        (None, Some(7), 5, 7),
        (Some(1), Some(3), 5, 1),
        (Some(9), Some(3), 5, 9),
        (Some(9), None, 5, 9),
        (Some(0), None, 5, 0),
        (Some(LIMIT_MAX + 10), None, 5, LIMIT_MAX as usize),
    ];
    for (own, of_queue, setting, limit) in table {
        let mut config = most_free();
        config.settings.simultaneous_chats = setting;
        config.queues.get_mut(&id(SUPPORT)).unwrap().limit = of_queue;
        let row = format!("{own:?} {of_queue:?} {setting}");
        let ann = |load| with(busy("ann", load), |ann| ann.own_limit = own);
        assert_eq!(config.limit(&ann(0), config.queues.get(&id(SUPPORT))), limit, "{row}");
        assert_eq!(chosen(&decide(&config, &[ann(limit)], &waiting("c.1"))), None, "{row}: at the limit");
        if limit > 0 {
            assert_eq!(chosen(&decide(&config, &[ann(limit - 1)], &waiting("c.1"))), Some("ann"), "{row}: below it");
        }
    }
    assert_eq!(most_free().settings.simultaneous_chats, 5, "ours of the two defaults that the source names");
}

#[test]
fn q8_the_limit_is_compared_with_the_load_over_all_queues() {
    let mut world = World::new(Rule::MostFree, &["ann"]);
    world.config.settings.simultaneous_chats = 2;
    world.config.queues.insert(id("sales"), queue("sales", Rule::MostFree));
    for customer in ["a", "b", "c"] {
        world.writes(customer);
    }
    world.pass(SUPPORT);
    assert_eq!(world.operator("ann").load(), 2);
    world.accept("ann", "a.1").unwrap();
    world.requeue("ann", "a.1", "sales").unwrap();
    world.pass(SUPPORT);
    assert_eq!(world.operator("ann").load(), 2);
    world.wait(REST_AFTER_DECLINES_MS);
    assert!(world.pass("sales").is_empty(), "two chats of the one queue fill the limit in the other");
}

#[test]
fn q8_lowering_the_limit_takes_nothing_away() {
    let mut world = World::new(Rule::MostFree, &["ann"]);
    for customer in ["a", "b", "c", "d"] {
        world.writes(customer);
    }
    world.pass(SUPPORT);
    world.accept("ann", "a.1").unwrap();
    world.accept("ann", "b.1").unwrap();
    world.config.settings.simultaneous_chats = 1;
    assert!(world.pass(SUPPORT).is_empty());
    assert_eq!((world.with("a.1"), world.with("b.1")), (Some("ann"), Some("ann")));
    // What was offered before stays on offer, and may be taken: its capacity was given then.
    assert_eq!(world.offered_to("c.1"), Some("ann"));
    world.accept("ann", "c.1").unwrap();
    assert_eq!(world.operator("ann").load(), 4);
}

#[test]
fn q7_the_longest_waiting_goes_first() {
    let mut world = World::new(Rule::MostFree, &["ann"]);
    world.config.settings.simultaneous_chats = 1;
    for customer in ["z", "m", "a"] {
        world.writes(customer);
        world.wait(SECOND);
    }
    for (expect, next) in [("z.1", "m.1"), ("m.1", "a.1")] {
        world.pass(SUPPORT);
        assert_eq!(world.offered_to(expect), Some("ann"));
        world.accept("ann", expect).unwrap();
        assert!(world.pass(SUPPORT).is_empty(), "no room for {next}");
        world.close("ann", expect).unwrap();
    }
}

#[test]
fn q6_a_burst_is_spread_and_no_limit_is_exceeded() {
    let names: Vec<String> = (0..10).map(|n| format!("agent-{n}")).collect();
    let mut world = World::new(Rule::MostFree, &names.iter().map(String::as_str).collect::<Vec<_>>());
    for customer in 0..100 {
        world.writes(&format!("customer-{customer:03}"));
        world.wait(1);
    }
    let offers = world.pass(SUPPORT);
    assert_eq!(offers.len(), 50, "ten operators of five chats");
    assert!(names.iter().all(|name| world.operator(name).load() == 5), "nobody has more or less than five");
    let first: Vec<_> = offers[..10].iter().map(|offer| chosen(offer).unwrap()).collect();
    assert_eq!(first.iter().collect::<std::collections::BTreeSet<_>>().len(), 10, "one each before a second");
    assert!(world.pass(SUPPORT).is_empty(), "a second pass finds nothing more to do");
    let line = world.line(&id(SUPPORT));
    assert_eq!(line.len(), 50);
    assert!(line.iter().all(|chat| chat.id.conversation.as_str() >= "customer-050"), "the oldest were served");
}

#[test]
fn q6_who_declined_is_skipped_until_everybody_has() {
    let mut world = World::new(Rule::MostFree, &["ann", "bob"]);
    world.writes("c");
    for name in ["ann", "bob"] {
        world.pass(SUPPORT);
        assert_eq!(world.offered_to("c.1"), Some(name));
        world.decline(name, "c.1").unwrap();
    }
    let rest = &world.pass(SUPPORT)[0];
    let wake = &rest.wakes[0];
    assert!(i64::from(wake.delay_s) * SECOND > REST_AFTER_DECLINES_MS, "the wake-up comes when the rest is over");
    assert_eq!(world.story("c.1").last(), Some(&EventKind::Rested));
    world.wait(REST_AFTER_DECLINES_MS - 1);
    assert!(world.pass(SUPPORT).is_empty(), "rests for 30 s");
    world.wait(1);
    world.pass(SUPPORT);
    assert_eq!(world.offered_to("c.1"), Some("ann"), "then everybody may be asked again");
}

#[test]
fn q6_somebody_who_has_not_declined_ends_no_rest_early_and_needs_none() {
    let mut world = World::new(Rule::MostFree, &["ann", "bob"]);
    world.set_status("bob", Status::Inactive);
    world.writes("c");
    world.pass(SUPPORT);
    world.decline("ann", "c.1").unwrap();
    // Bob has not been asked yet: as soon as he may be, he is, without a rest.
    world.set_status("bob", Status::Active);
    world.pass(SUPPORT);
    assert_eq!(world.offered_to("c.1"), Some("bob"));
}

#[test]
fn q6_nobody_to_ask_is_no_decline() {
    let mut world = World::new(Rule::MostFree, &["ann"]);
    world.writes("c");
    world.pass(SUPPORT);
    world.decline("ann", "c.1").unwrap();
    world.set_status("ann", Status::Inactive);
    assert!(world.pass(SUPPORT).is_empty(), "the chat waits, it does not rest");
    assert_eq!(world.chat("c.1").route.not_before_ms, None);
}

#[test]
fn q6_when_as_many_declined_as_are_remembered_everybody_is_asked_again_after_the_rest() {
    let names: Vec<String> = (0..=DECLINERS_MAX + 2).map(|n| format!("agent-{n:02}")).collect();
    let mut world = World::new(Rule::MostFree, &names.iter().map(String::as_str).collect::<Vec<_>>());
    world.writes("c");
    for name in &names[..DECLINERS_MAX] {
        world.pass(SUPPORT);
        assert_eq!(world.offered_to("c.1"), Some(name.as_str()));
        world.decline(name, "c.1").unwrap();
    }
    world.pass(SUPPORT);
    assert_eq!(world.offered_to("c.1"), Some(names[DECLINERS_MAX].as_str()), "who has not been asked comes first");
    let last = world.decline(&names[DECLINERS_MAX], "c.1").unwrap();
    assert!(world.pass(SUPPORT).is_empty(), "nobody who declined is asked again at once");
    assert!(last.wakes.iter().any(|wake| i64::from(wake.delay_s) * SECOND > REST_AFTER_DECLINES_MS));
    world.wait(REST_AFTER_DECLINES_MS);
    world.pass(SUPPORT);
    assert_eq!(world.offered_to("c.1"), Some(names[0].as_str()));
}

#[test]
fn q6_a_chat_that_nobody_may_be_offered_holds_back_none_behind_it() {
    let mut world = World::new(Rule::MostFree, &["ann"]);
    world.writes("old");
    world.pass(SUPPORT);
    world.decline("ann", "old.1").unwrap();
    world.wait(SECOND).writes("new");
    let decisions = world.pass(SUPPORT);
    assert_eq!(decisions.len(), 2, "the one rests, the other is offered");
    assert_eq!((world.offered_to("old.1"), world.offered_to("new.1")), (None, Some("ann")));
}

#[test]
fn q7_a_chat_keeps_its_original_waiting_time_and_place() {
    let mut world = World::new(Rule::MostFree, &["ann"]);
    world.writes("old");
    world.wait(SECOND).writes("young");
    world.pass(SUPPORT);
    world.wait(5 * MINUTE);
    world.expire("old.1");
    let line = world.line(&id(SUPPORT));
    assert_eq!(line[0].id, id("old.1"));
    assert_eq!(line[0].route.waiting_since_ms, START);
}

#[test]
fn decision_7_the_reason_is_stored_with_the_offer() {
    let operators = [busy("ann", 3), last_took(busy("bob", 1), 70), last_took(busy("cid", 1), 60), busy("dan", 2)];
    let decision = decide(&most_free(), &operators, &waiting("c.1"));
    let Some(Write::Event(event)) = decision.writes.iter().find(|write| matches!(write, Write::Event(_))) else {
        panic!("no event: {decision:#?}")
    };
    let reason = event.reason.as_ref().unwrap();
    assert_eq!(reason.rule, Rule::MostFree);
    assert_eq!(reason.candidates, [(id("cid"), 1, 60), (id("bob"), 1, 70), (id("dan"), 2, 0)], "the chosen one first");
    assert_eq!((event.what, event.operator.clone()), (EventKind::Offered, Some(id("cid"))));
}

#[test]
fn q5_an_offer_runs_for_the_accept_timeout() {
    for (minutes, expires) in [(5, START + 5 * MINUTE), (1, START + MINUTE)] {
        let mut config = most_free();
        config.settings.accept_timeout_min = minutes;
        let decision = decide(&config, &[agent("ann")], &waiting("c.1"));
        let Stand::Offered { offer } = &route_of(&decision).stand else { panic!("not offered") };
        assert_eq!(offer.expires_at_ms, expires);
        let timer = Timer::OfferExpires { offer: offer.id.clone(), operator: id("ann"), at_ms: expires };
        assert_eq!(decision.timers, [timer]);
        assert_eq!(told(&decision, "ann"), ["offered"]);
        assert!(matches!(&decision.tells[0].news, News::Offered(chat) if chat.route == *route_of(&decision)));
        assert_eq!(operator_of(&decision, "ann").unwrap().load(), 1);
    }
    assert_eq!(most_free().settings.accept_timeout_min, 5);
}

#[test]
fn q11_waiting_chats_follow_a_changed_rule_and_open_offers_run_on() {
    let mut world = World::new(Rule::MostFree, &["ann"]);
    world.config.settings.simultaneous_chats = 1;
    world.writes("a");
    world.wait(1).writes("b");
    world.pass(SUPPORT);
    world.queue(SUPPORT).rule = Rule::ToAll;
    assert!(world.pass(SUPPORT).is_empty(), "a line that is for all is not assigned");
    assert_eq!(world.offered_to("a.1"), Some("ann"));
    world.accept("ann", "a.1").unwrap();
    world.close("ann", "a.1").unwrap();
    world.accept("ann", "b.1").unwrap();
    world.close("ann", "b.1").unwrap();
    world.writes("c");
    world.queue(SUPPORT).rule = Rule::MostFree;
    world.pass(SUPPORT);
    assert_eq!(world.offered_to("c.1"), Some("ann"));
}

#[test]
fn a_pass_leaves_alone_what_does_not_wait() {
    let config = most_free();
    let offered = decide(&config, &[agent("ann")], &waiting("c.1"));
    let chats =
        [waiting("c.1").on(route_of(&offered).clone()), in_work("c.1", "ann"), crate::support::closed("c.1", "ann")];
    for chat in chats {
        assert!(decide(&config, &[agent("bob")], &chat).is_nothing(), "{:?}", chat.route.stand);
    }
}
