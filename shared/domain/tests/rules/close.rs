//! How a chat ends: by itself, when the time has come and never before it, or by hand (L2, L6, I7).

use domain::Refusal;
use domain::chat::{Chat, EventKind, Stand};
use domain::config::{Queue, Rule};
use domain::decision::{Decision, Timer, Write};
use domain::stay::{close_by_hand, close_by_time, is_time_to_close};

use crate::support::{
    MINUTE, SECOND, START, SUPPORT, World, agent, busy, closed, freed, id, in_work, offer, queue, route_of, told,
    waiting,
};

/// What a look at a chat's clock comes to. Times are minutes since [`START`].
#[derive(Debug, PartialEq)]
enum Look {
    Nothing,
    Again(i64),
    Never,
    Closes,
}

/// A chat in work with ann. Times are minutes since [`START`].
#[derive(Clone, Copy)]
struct Clock {
    /// The queue's timeout.
    timeout: Option<u32>,
    spare_unanswered: bool,
    taken: i64,
    last_in: i64,
    last_out: Option<i64>,
    /// For when the timer is set.
    armed: Option<i64>,
}

/// Taken at 0, with a timeout of 10 minutes, and nothing said by the operator.
const SILENT: Clock =
    Clock { timeout: Some(10), spare_unanswered: false, taken: 0, last_in: 0, last_out: None, armed: Some(10) };
/// The same with an answer at 0.
const ANSWERED: Clock = Clock { last_out: Some(0), ..SILENT };

fn ms(minute: i64) -> i64 {
    START + minute * MINUTE
}

fn of(clock: Clock) -> (Chat, Queue) {
    let mut chat = in_work("c.1", "ann");
    chat.thread.last_in_at_ms = Some(ms(clock.last_in));
    chat.thread.last_out_at_ms = clock.last_out.map(ms);
    chat.route.taken_at_ms = Some(ms(clock.taken));
    chat.route.close_due_at_ms = clock.armed.map(ms);
    let mut queue = queue(SUPPORT, Rule::MostFree);
    queue.auto_close_min = clock.timeout;
    queue.spare_unanswered = clock.spare_unanswered;
    (chat, queue)
}

fn look_at_ms(clock: Clock, now_ms: i64) -> Look {
    let (chat, queue) = of(clock);
    let decision = close_by_time(&chat, Some(&busy("ann", 1)), None, Some(&queue), now_ms);
    let look = if decision.is_nothing() {
        Look::Nothing
    } else {
        let route = route_of(&decision);
        match (&route.stand, route.close_due_at_ms) {
            (Stand::Closed { .. }, _) => Look::Closes,
            (stand, due) => {
                assert_eq!(*stand, chat.route.stand, "only the timer moves");
                let at = decision.timers.iter().map(|timer| match timer {
                    Timer::CloseDue { at_ms, .. } => *at_ms,
                    other @ Timer::OfferExpires { .. } => panic!("not asked for: {other:?}"),
                });
                assert_eq!(at.collect::<Vec<_>>(), Vec::from_iter(due), "one timer, for when the state says");
                due.map_or(Look::Never, |due| Look::Again((due - START) / MINUTE))
            }
        }
    };
    assert_eq!(is_time_to_close(&chat, Some(&queue), now_ms), look == Look::Closes);
    look
}

#[track_caller]
fn check(clock: Clock, now: i64, expect: &Look) {
    assert_eq!(look_at_ms(clock, ms(now)), *expect, "at minute {now}");
}

#[test]
fn l2_it_closes_when_the_timeout_has_passed_since_the_last_outgoing_message() {
    check(ANSWERED, 10, &Look::Closes);
    assert_eq!(look_at_ms(ANSWERED, ms(10) - 1), Look::Nothing, "I7: not a millisecond early");
    check(ANSWERED, 11, &Look::Closes);
    // What the customer writes does not count, unless the queue spares it.
    check(Clock { last_in: 9, ..ANSWERED }, 10, &Look::Closes);
}

#[test]
fn l2_without_an_outgoing_message_it_does_not_close() {
    for now in [10, 11, 1000] {
        check(SILENT, now, &Look::Again(now + 10));
    }
    // The answer comes between two looks: it is found in time.
    let answered = Clock { last_out: Some(11), armed: Some(20), ..SILENT };
    check(answered, 20, &Look::Again(21));
    check(Clock { armed: Some(21), ..answered }, 21, &Look::Closes);
}

#[test]
fn decision_9_the_timer_moves_when_it_fires_not_with_every_message() {
    let spoken = Clock { last_out: Some(7), ..SILENT };
    check(spoken, 10, &Look::Again(17));
    check(Clock { armed: Some(17), ..spoken }, 17, &Look::Closes);
    check(Clock { armed: Some(17), last_out: Some(16), ..spoken }, 17, &Look::Again(26));
}

#[test]
fn l2_taking_it_restarts_the_clock() {
    let taken_over = Clock { taken: 5, last_out: Some(0), armed: Some(15), ..SILENT };
    check(taken_over, 10, &Look::Nothing);
    check(taken_over, 15, &Look::Closes);
    check(Clock { armed: Some(10), ..taken_over }, 10, &Look::Again(15));
    // A message before the chat was taken still makes it one that has been answered; after, it counts from the message.
    check(Clock { last_out: Some(6), ..taken_over }, 15, &Look::Again(16));
}

#[test]
fn l2_a_queue_may_spare_chats_in_which_the_customer_spoke_last() {
    let asked = Clock { spare_unanswered: true, last_in: 1, ..ANSWERED };
    for now in [10, 50] {
        check(asked, now, &Look::Again(now + 10));
    }
    check(Clock { last_out: Some(12), armed: Some(20), ..asked }, 20, &Look::Again(22));
    check(Clock { last_out: Some(12), armed: Some(22), ..asked }, 22, &Look::Closes);
    check(Clock { spare_unanswered: false, ..asked }, 10, &Look::Closes);
    check(Clock { last_in: 0, ..asked }, 10, &Look::Closes); // in the same moment: answered
}

#[test]
fn l2_a_changed_timeout_reaches_open_chats() {
    // longer: the timer fires, and goes on
    check(Clock { timeout: Some(30), ..ANSWERED }, 3, &Look::Nothing);
    check(Clock { timeout: Some(30), ..ANSWERED }, 10, &Look::Again(30));
    // shorter: a hint about the change sets it anew, or finds it over
    check(Clock { timeout: Some(5), ..ANSWERED }, 3, &Look::Again(5));
    check(Clock { timeout: Some(5), ..ANSWERED }, 6, &Look::Closes);
    check(Clock { timeout: Some(5), ..SILENT }, 3, &Look::Again(8));
    // removed
    check(Clock { timeout: None, ..ANSWERED }, 3, &Look::Never);
    check(Clock { timeout: None, ..ANSWERED }, 10, &Look::Never);
    check(Clock { timeout: None, armed: None, ..ANSWERED }, 1000, &Look::Nothing);
    // added
    check(Clock { armed: None, ..ANSWERED }, 3, &Look::Again(10));
    check(Clock { armed: None, ..ANSWERED }, 10, &Look::Closes);
    check(Clock { armed: None, ..SILENT }, 3, &Look::Again(13));
}

#[test]
fn l2_a_queue_that_is_no_more_closes_nothing() {
    let (chat, _) = of(ANSWERED);
    let decision = close_by_time(&chat, Some(&busy("ann", 1)), None, None, ms(1000));
    assert_eq!((route_of(&decision).close_due_at_ms, chat.is_closed()), (None, false));
}

#[test]
fn decision_3_early_doubled_and_lost_timers() {
    check(ANSWERED, 9, &Look::Nothing); // early
    check(SILENT, 9, &Look::Nothing);
    check(Clock { armed: Some(20), ..SILENT }, 10, &Look::Nothing); // doubled: the first one has set the next
    check(ANSWERED, 500, &Look::Closes); // lost, found by the sweep
    check(SILENT, 500, &Look::Again(510));
    let (chat, _) = of(SILENT);
    assert_eq!(chat.due_at_ms(), Some(ms(10)), "what the sweep finds it by");
}

#[test]
fn l2_only_a_chat_in_work_closes_by_itself() {
    let (_, queue) = of(ANSWERED);
    let offered = {
        let mut chat = waiting("c.1");
        chat.route.stand = Stand::Offered { offer: offer(&chat.id, 2, "ann", ms(5)) };
        chat
    };
    for mut chat in [waiting("c.1"), offered, closed("c.1", "ann")] {
        chat.thread.last_out_at_ms = Some(START);
        chat.route.close_due_at_ms = Some(ms(10));
        let decision = close_by_time(&chat, Some(&agent("ann")), None, Some(&queue), ms(1000));
        assert!(decision.is_nothing(), "{:?}", chat.route.stand);
        assert!(!is_time_to_close(&chat, Some(&queue), ms(1000)));
    }
}

/// Ann has `c.1` in work, in a queue with a timeout of 10 minutes.
fn world() -> World {
    let mut world = World::new(Rule::MostFree, &["ann", "bob"]);
    world.queue(SUPPORT).auto_close_min = Some(10);
    world.writes("c");
    world.pass(SUPPORT);
    world.accept("ann", "c.1").expect("the story allows it");
    world
}

#[test]
fn l2_taking_a_chat_sets_its_timer() {
    let world = world();
    let timer = Timer::CloseDue { chat: id("c.1"), operator: id("ann"), at_ms: ms(10) };
    assert_eq!(world.timers.last(), Some(&timer));
    assert_eq!(world.chat("c.1").route.close_due_at_ms, Some(ms(10)));
    let mut unhurried = World::new(Rule::ToAll, &["ann"]);
    unhurried.writes("c");
    assert!(unhurried.accept("ann", "c.1").unwrap().timers.is_empty(), "empty = chats never close by themselves (Q1)");
}

#[test]
fn l2_a_close_by_time_frees_its_operator_and_says_by_whom() {
    let mut world = world();
    world.reply("ann", "c.1").unwrap();
    world.wait(10 * MINUTE);
    let decision = world.look("c.1");
    let stand = Stand::Closed { at_ms: ms(10), by: None, operator: Some(id("ann")) };
    assert_eq!(world.chat("c.1").route.stand, stand);
    assert_eq!((freed(&decision), world.operator("ann").load()), (vec!["ann"], 0));
    assert_eq!(told(&decision, "ann"), ["chat gone: closed", "myself"]);
    assert_eq!(world.story("c.1").last(), Some(&EventKind::AutoClosed));
    assert_eq!(world.chat("c.1").due_at_ms(), None);
}

#[test]
fn i7_a_close_by_time_does_not_overtake_a_message() {
    for from_operator in [true, false] {
        let mut world = world();
        world.reply("ann", "c.1").unwrap();
        world.wait(10 * MINUTE);
        let close = world.decide_look(&id("c.1"));
        assert_eq!(quiet(&close), [true]);
        if from_operator {
            world.reply("ann", "c.1").unwrap();
        } else {
            world.writes("c");
        }
        assert!(!world.try_commit(&close), "decided on what is no longer so");
        let again = world.look("c.1");
        assert_eq!(world.chat("c.1").is_closed(), !from_operator, "{again:?}");
    }
}

#[test]
fn i7_only_a_close_by_time_waits_for_quiet() {
    let mut world = world();
    assert_eq!(quiet(&world.decide_close("ann", "c.1").unwrap()), [false], "by hand it closes at once (L6)");
    world.wait(10 * MINUTE);
    assert_eq!(quiet(&world.decide_look(&id("c.1"))), [false], "a timer set anew needs no quiet");
    for decision in [world.decide_transfer("ann", "c.1", "bob"), world.decide_requeue("ann", "c.1", SUPPORT)] {
        assert_eq!(quiet(&decision.unwrap()), [false]);
    }
}

fn quiet(decision: &Decision) -> Vec<bool> {
    let routes = decision.writes.iter().filter_map(|write| match write {
        Write::Route { if_quiet, .. } => Some(*if_quiet),
        _ => None,
    });
    routes.collect()
}

#[test]
fn q9_a_close_by_time_withdraws_a_transfer() {
    let mut world = world();
    world.reply("ann", "c.1").unwrap();
    world.wait(9 * MINUTE).transfer("ann", "c.1", "bob").unwrap();
    world.wait(MINUTE);
    let decision = world.look("c.1");
    assert_eq!(told(&decision, "bob"), ["offer gone: withdrawn", "myself"]);
    assert_eq!((world.operator("ann").load(), world.operator("bob").load()), (0, 0));
}

#[test]
fn decision_3_the_sweep_finds_the_earlier_of_offer_and_close() {
    let mut world = world();
    world.transfer("ann", "c.1", "bob").unwrap();
    assert_eq!(world.chat("c.1").due_at_ms(), Some(ms(5)), "the offer ends before the chat may have to close");
    world.wait(5 * MINUTE).expire("c.1");
    assert_eq!(world.chat("c.1").due_at_ms(), Some(ms(10)));
    world.wait(2 * MINUTE).transfer("ann", "c.1", "bob").unwrap();
    assert_eq!(world.chat("c.1").due_at_ms(), Some(ms(10)), "the close is due before the offer ends");
}

#[test]
fn q9_l2_a_transfer_that_is_accepted_restarts_the_clock() {
    let mut world = world();
    world.reply("ann", "c.1").unwrap();
    world.wait(8 * MINUTE).transfer("ann", "c.1", "bob").unwrap();
    world.wait(MINUTE).accept("bob", "c.1").unwrap();
    world.wait(MINUTE).look("c.1");
    assert_eq!(world.with("c.1"), Some("bob"), "ten minutes after the last message, one after it was taken");
    world.wait(9 * MINUTE).look("c.1");
    assert!(world.chat("c.1").is_closed());
}

#[test]
fn decision_3_without_the_operators_row_a_close_waits() {
    let (chat, queue) = of(ANSWERED);
    assert!(close_by_time(&chat, None, None, Some(&queue), ms(10)).is_nothing());
}

#[test]
fn l6_by_hand_it_closes_at_once_and_frees_capacity() {
    let mut world = world();
    let decision = world.wait(SECOND).close("ann", "c.1").unwrap();
    let stand = Stand::Closed { at_ms: START + SECOND, by: Some(id("ann")), operator: Some(id("ann")) };
    assert_eq!(world.chat("c.1").route.stand, stand);
    assert_eq!((freed(&decision), world.operator("ann").load()), (vec!["ann"], 0));
    assert_eq!(told(&decision, "ann"), ["chat gone: closed", "myself"]);
    assert_eq!(world.story("c.1").last(), Some(&EventKind::Closed));
}

#[test]
fn decision_5_closing_again_is_the_same_yes() {
    let mut world = world();
    world.close("ann", "c.1").unwrap();
    for request in ["close-c.1", "another"] {
        let again = close_by_hand(world.chat("c.1"), world.operator("ann"), None, request, world.now_ms);
        assert_eq!(again, Ok(Decision::nothing()), "{request}");
    }
}

#[test]
fn l6_who_may_close() {
    let by_itself = {
        let mut chat = closed("c.1", "ann");
        chat.route.stand = Stand::Closed { at_ms: START, by: None, operator: Some(id("ann")) };
        chat
    };
    let table = [
        ("hers", in_work("c.1", "ann"), None),
        ("another's", in_work("c.1", "bob"), Some(Refusal::NotYourChat)),
        ("in line", waiting("c.1"), Some(Refusal::NotYourChat)),
        ("hers, closed by itself", by_itself, Some(Refusal::ChatClosed)),
        ("another's, closed", closed("c.1", "bob"), Some(Refusal::NotYourChat)),
    ];
    for (what, chat, expect) in table {
        assert_eq!(close_by_hand(&chat, &agent("ann"), None, "r", START).err(), expect, "{what}");
    }
}

#[test]
fn l6_a_reply_accepted_before_the_close_stays_and_one_after_it_is_refused() {
    let mut world = world();
    let early = world.decide_reply("ann", "c.1", 1).unwrap();
    let close = world.decide_close("ann", "c.1").unwrap();
    assert!(world.try_commit(&early.decision));
    assert!(world.try_commit(&close), "a close by hand does not wait for quiet");
    assert_eq!(world.messages.len(), 2);
    assert_eq!(world.decide_reply("ann", "c.1", 1), Err(Refusal::ChatClosed));
}
