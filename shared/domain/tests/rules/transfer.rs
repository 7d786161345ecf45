//! Giving a chat to a colleague or to another queue (Q9).

use domain::Refusal;
use domain::chat::{Chat, EventKind, REST_AFTER_DECLINES_MS, Stand};
use domain::config::Rule;
use domain::decision::{Decision, Timer};
use domain::operator::{Operator, Status};
use domain::transfer;

use crate::support::{
    MINUTE, SECOND, START, SUPPORT, World, agent, busy, closed, config, freed, id, in_work, queue, told,
};

/// Ann has `c.1` in work; bob and cid are there too.
fn world() -> World {
    let mut world = World::new(Rule::MostFree, &["ann"]);
    world.config.queues.insert(id("sales"), queue("sales", Rule::MostFree));
    world.queue(SUPPORT).auto_close_min = Some(10);
    world.writes("c");
    world.pass(SUPPORT);
    world.accept("ann", "c.1").expect("the story allows it");
    for name in ["bob", "cid"] {
        world.operators.insert(id(name), agent(name));
    }
    world
}

#[test]
fn q9_the_source_keeps_the_chat_until_the_accept_and_the_target_is_reserved() {
    let mut world = world();
    let offered = world.wait(SECOND).transfer("ann", "c.1", "bob").unwrap();
    assert_eq!((world.with("c.1"), world.offered_to("c.1")), (Some("ann"), Some("bob")));
    assert_eq!((world.operator("ann").load(), world.operator("bob").load()), (1, 1));
    assert_eq!(
        (told(&offered, "bob"), told(&offered, "ann")),
        (vec!["offered".to_owned(), "myself".into()], vec!["chat".into()])
    );
    let expires = START + SECOND + 5 * MINUTE;
    let timer = Timer::OfferExpires { offer: world.offer("c.1").unwrap(), operator: id("bob"), at_ms: expires };
    assert_eq!(offered.timers, [timer], "the same timeout as of any offer");
    assert!(world.reply("ann", "c.1").is_ok(), "the source goes on speaking");
    assert_eq!(world.decide_reply("bob", "c.1", 1), Err(Refusal::NotYourChat), "the target does not yet");
    assert_eq!(world.story("c.1").last(), Some(&EventKind::TransferOffered));
}

#[test]
fn q9_to_whom_it_may_be_offered() {
    type Change = fn(&mut Operator);
    let table: [(&str, Change, Option<Refusal>); 6] = [
        ("available", |_| (), None),
        ("inactive", |bob| bob.status = Status::Inactive, Some(Refusal::TargetUnavailable)),
        ("not connected", |bob| bob.connections.clear(), Some(Refusal::TargetUnavailable)),
        ("switched off", |bob| bob.disabled = true, Some(Refusal::TargetUnavailable)),
        ("at the own limit", |bob| bob.own_limit = Some(0), Some(Refusal::TargetAtLimit)),
        ("at the limit", |bob| *bob = busy("bob", 5), Some(Refusal::TargetAtLimit)),
    ];
    let config = config([queue(SUPPORT, Rule::MostFree)]);
    for (who, change, expect) in table {
        let mut bob = agent("bob");
        change(&mut bob);
        let decided = transfer::to_operator(&in_work("c.1", "ann"), &busy("ann", 5), &bob, &config, "r", START);
        assert_eq!(decided.err(), expect, "{who}");
    }
}

#[test]
fn q9_the_limit_is_that_of_the_chats_queue() {
    let mut config = config([queue(SUPPORT, Rule::MostFree)]);
    config.queues.get_mut(&id(SUPPORT)).unwrap().limit = Some(1);
    let decide = |bob| transfer::to_operator(&in_work("c.1", "ann"), &agent("ann"), &bob, &config, "r", START);
    assert!(decide(agent("bob")).is_ok());
    assert_eq!(decide(busy("bob", 1)), Err(Refusal::TargetAtLimit));
}

#[test]
fn q9_who_may_transfer_what() {
    let config = config([queue(SUPPORT, Rule::MostFree)]);
    let (ann, bob) = (agent("ann"), agent("bob"));
    let to_queue =
        |chat: &Chat, who: &Operator| transfer::to_queue(chat, who, None, &config.queues[&id(SUPPORT)], "r", START);
    let to_operator =
        |chat: &Chat, who: &Operator, target: &Operator| transfer::to_operator(chat, who, target, &config, "r", START);
    let table = [
        ("another's", in_work("c.1", "bob"), Refusal::NotYourChat),
        ("nobody's", crate::support::waiting("c.1"), Refusal::NotYourChat),
        ("closed", closed("c.1", "ann"), Refusal::ChatClosed),
        ("another's closed", closed("c.1", "bob"), Refusal::NotYourChat),
    ];
    for (what, chat, refusal) in table {
        assert_eq!(to_queue(&chat, &ann), Err(refusal), "{what}");
        assert_eq!(to_operator(&chat, &ann, &bob), Err(refusal), "{what}");
    }
    assert_eq!(to_operator(&in_work("c.1", "ann"), &ann, &ann), Err(Refusal::TransferToSelf));
}

#[test]
fn q9_one_transfer_at_a_time() {
    let mut world = world();
    world.transfer("ann", "c.1", "bob").unwrap();
    world.wait(1);
    for target in ["bob", "cid"] {
        assert_eq!(world.decide_transfer("ann", "c.1", target), Err(Refusal::TransferPending), "{target}");
    }
    world.decline("bob", "c.1").unwrap();
    world.wait(1).transfer("ann", "c.1", "cid").unwrap();
    assert_eq!(world.offered_to("c.1"), Some("cid"));
}

#[test]
fn q9_a_close_withdraws_the_offer() {
    let mut world = world();
    world.transfer("ann", "c.1", "bob").unwrap();
    let offer = world.offer("c.1").unwrap();
    let closed = world.close("ann", "c.1").unwrap();
    assert_eq!(told(&closed, "bob"), ["offer gone: withdrawn", "myself"]);
    assert_eq!(freed(&closed), ["ann", "bob"]);
    assert_eq!(world.operator("bob").load(), 0);
    assert_eq!(world.decide_accept("bob", "c.1", Some(&offer)), Err(Refusal::ChatClosed));
}

#[test]
fn q9_accept_and_close_at_once_one_of_them_holds() {
    for accept_first in [true, false] {
        let mut world = world();
        world.transfer("ann", "c.1", "bob").unwrap();
        let accept = world.decide_accept("bob", "c.1", None).unwrap();
        let close = world.decide_close("ann", "c.1").unwrap();
        let order = if accept_first { [&accept, &close] } else { [&close, &accept] };
        assert_eq!(order.map(|decision| world.try_commit(decision)), [true, false]);
        assert_eq!(world.with("c.1"), accept_first.then_some("bob"));
        if accept_first {
            assert_eq!(world.decide_close("ann", "c.1"), Err(Refusal::NotYourChat));
        }
    }
}

#[test]
fn q9_to_a_queue_the_source_is_free_at_once_and_the_chat_keeps_its_age() {
    let mut world = world();
    world.wait(MINUTE);
    let moved = world.requeue("ann", "c.1", "sales").unwrap();
    let chat = world.chat("c.1");
    assert_eq!((chat.route.queue.clone(), chat.route.stand.clone()), (id("sales"), Stand::Waiting));
    assert_eq!(chat.route.waiting_since_ms, START);
    assert_eq!((chat.route.taken_at_ms, chat.route.close_due_at_ms), (None, None), "in line nothing closes it (L2)");
    assert_eq!(world.operator("ann").load(), 0);
    assert_eq!(told(&moved, "ann"), ["chat gone: transferred", "myself"]);
    assert_eq!((moved.wakes[0].queue.clone(), freed(&moved)), (id("sales"), vec!["ann"]));
    assert_eq!(world.story("c.1").last(), Some(&EventKind::QueueChanged));
}

#[test]
fn q9_who_gave_it_away_is_asked_last() {
    let mut world = world();
    // By the rule alone she would be the first: the others took a chat later.
    for name in ["bob", "cid"] {
        world.operators.get_mut(&id(name)).unwrap().last_taken_at_ms = START + 1;
    }
    world.requeue("ann", "c.1", "sales").unwrap();
    for name in ["bob", "cid"] {
        world.pass("sales");
        assert_eq!(world.offered_to("c.1"), Some(name));
        world.decline(name, "c.1").unwrap();
    }
    world.pass("sales");
    world.wait(REST_AFTER_DECLINES_MS);
    world.set_status("bob", Status::Inactive);
    world.set_status("cid", Status::Inactive);
    world.pass("sales");
    assert_eq!(world.offered_to("c.1"), Some("ann"), "but rather than nobody, she is");
}

#[test]
fn q9_to_a_queue_while_it_is_on_offer_withdraws_the_offer() {
    let mut world = world();
    world.transfer("ann", "c.1", "bob").unwrap();
    let moved = world.wait(1).requeue("ann", "c.1", "sales").unwrap();
    assert_eq!(told(&moved, "bob"), ["offer gone: withdrawn", "myself"]);
    assert_eq!((world.operator("ann").load(), world.operator("bob").load()), (0, 0));
}

#[test]
fn decision_5_the_same_request_again_does_nothing_more() {
    let config = config([queue(SUPPORT, Rule::MostFree), queue("sales", Rule::MostFree)]);
    let (ann, bob) = (agent("ann"), agent("bob"));
    let chat = in_work("c.1", "ann");
    let once = transfer::to_operator(&chat, &ann, &bob, &config, "r1", START).unwrap();
    let offered = chat.on(crate::support::route_of(&once).clone());
    assert_eq!(transfer::to_operator(&offered, &ann, &bob, &config, "r1", START), Ok(Decision::nothing()));
    let sales = &config.queues[&id("sales")];
    let once = transfer::to_queue(&chat, &ann, None, sales, "r2", START).unwrap();
    let moved = chat.on(crate::support::route_of(&once).clone());
    assert_eq!(transfer::to_queue(&moved, &ann, None, sales, "r2", START), Ok(Decision::nothing()));
    // The same words of somebody else are another request.
    assert_eq!(transfer::to_queue(&moved, &bob, None, sales, "r2", START), Err(Refusal::NotYourChat));
    assert_eq!(transfer::to_operator(&moved, &bob, &ann, &config, "r2", START), Err(Refusal::NotYourChat));
}

#[test]
fn q9_a_reply_and_a_transfer_do_not_disturb_each_other() {
    // Decision 6: appending and routing are two halves, with a revision each.
    let mut world = world();
    let reply = world.decide_reply("ann", "c.1", 1).unwrap();
    let offer = world.decide_transfer("ann", "c.1", "bob").unwrap();
    assert!(world.try_commit(&offer));
    assert!(world.try_commit(&reply.decision));
    // Once the target has it, a reply of the source that was decided before is refused.
    let late = world.decide_reply("ann", "c.1", 1).unwrap();
    world.accept("bob", "c.1").unwrap();
    assert!(!world.try_commit(&late.decision));
    assert_eq!(world.decide_reply("ann", "c.1", 1), Err(Refusal::NotYourChat));
}
