//! Random stories: whatever people, timers and messengers do, in whatever order and two at a time, the invariants hold.
//!
//! [`World::try_commit`] asserts them after every commit: load = chats offered or in work (I3), no assignment above the limit,
//! in work with at most one (I4), one open chat a conversation (I1), messages numbered without a gap (L7), a closed chat stays
//! closed, the waiting time stays, the route's revision grows by one, and a transaction touches one conversation, at most two
//! operators, and each row once.

use domain::OfferId;
use domain::chat::Stand;
use domain::config::{Rule, Settings};
use domain::decision::{Decision, Timer, Write};
use domain::inbound::InboundKind;
use domain::operator::{CONNECTIONS_MAX, Operator, Status};
use domain::reply::read;
use domain::routing::Pass;
use proptest::prelude::*;

use crate::support::{MINUTE, SECOND, World, agent, event, id, queue};

const OPERATORS: [&str; 4] = ["ann", "bob", "cid", "dan"];
const CUSTOMERS: [&str; 4] = ["u", "v", "w", "x"];
const QUEUES: [&str; 2] = ["support", "sales"];

type Who = usize;
type Which = usize;

/// Who does something to a chat.
#[derive(Clone, Copy, Debug)]
enum Hand {
    /// Whoever has the right to: to whom it is on offer, or who has it in work.
    Right,
    /// Anybody.
    Of(Who),
}

/// Something that happens. Operators, customers and queues are given by their place in the lists above, a chat by its customer:
/// it is their latest one.
#[derive(Clone, Debug)]
enum Act {
    CustomerWrites(Which),
    CustomerBlocks(Which, bool),
    Pass(Which),
    Accept(Hand, Which, bool),
    Decline(Hand, Which),
    OfferTimer(Which),
    OldOfferTimer(prop::sample::Index),
    Withdraw(Who),
    Transfer(Hand, Which, Who),
    Requeue(Hand, Which, Which),
    Close(Hand, Which),
    CloseTimer(Which),
    Return(Who),
    Reply(Hand, Which, usize),
    Read(Who, Which, u64),
    Status(Who, bool),
    Connect(Who, u8),
    Disconnect(Who, u8),
    SwitchOff(Who, bool),
    OwnLimit(Who, Option<u32>),
    Setting(u32),
    QueueLimit(Which, Option<u32>),
    Rule(Which, bool),
    Timeout(Which, Option<u32>, bool),
    Patience(Which, Option<u32>),
    Time(i64),
}

fn who() -> impl Strategy<Value = Who> {
    0..OPERATORS.len()
}

fn hand() -> impl Strategy<Value = Hand> {
    prop_oneof![3 => Just(Hand::Right), 1 => who().prop_map(Hand::Of)]
}

fn chat() -> impl Strategy<Value = Which> {
    0..CUSTOMERS.len()
}

fn queue_of() -> impl Strategy<Value = Which> {
    0..QUEUES.len()
}

/// What customers, operators and timers do with chats.
fn work() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => chat().prop_map(Act::CustomerWrites),
        1 => (chat(), any::<bool>()).prop_map(|(chat, yes)| Act::CustomerBlocks(chat, yes)),
        6 => queue_of().prop_map(Act::Pass),
        8 => (hand(), chat(), any::<bool>()).prop_map(|(who, chat, named)| Act::Accept(who, chat, named)),
        3 => (hand(), chat()).prop_map(|(who, chat)| Act::Decline(who, chat)),
        2 => chat().prop_map(Act::OfferTimer),
        1 => any::<prop::sample::Index>().prop_map(Act::OldOfferTimer),
        4 => (hand(), chat(), who()).prop_map(|(who, chat, target)| Act::Transfer(who, chat, target)),
        1 => (hand(), chat(), queue_of()).prop_map(|(who, chat, queue)| Act::Requeue(who, chat, queue)),
        2 => (hand(), chat()).prop_map(|(who, chat)| Act::Close(who, chat)),
        4 => chat().prop_map(Act::CloseTimer),
        5 => (hand(), chat(), 1..4_usize).prop_map(|(who, chat, parts)| Act::Reply(who, chat, parts)),
        1 => (who(), chat(), 0..9_u64).prop_map(|(who, chat, seq)| Act::Read(who, chat, seq)),
    ]
}

/// How operators come, go and are given up on.
fn presence() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => (who(), any::<bool>()).prop_map(|(who, active)| Act::Status(who, active)),
        3 => (who(), 1..4_u8).prop_map(|(who, n)| Act::Connect(who, n)),
        2 => (who(), 1..4_u8).prop_map(|(who, n)| Act::Disconnect(who, n)),
        2 => who().prop_map(Act::Withdraw),
        2 => who().prop_map(Act::Return),
    ]
}

/// What a chat manager changes.
fn settings() -> impl Strategy<Value = Act> {
    let limit = || prop::option::of(0..4_u32);
    let minutes = || prop::option::of(1..8_u32);
    prop_oneof![
        (who(), any::<bool>()).prop_map(|(who, off)| Act::SwitchOff(who, off)),
        (who(), limit()).prop_map(|(who, limit)| Act::OwnLimit(who, limit)),
        (1..4_u32).prop_map(Act::Setting),
        (queue_of(), limit()).prop_map(|(queue, limit)| Act::QueueLimit(queue, limit)),
        (queue_of(), any::<bool>()).prop_map(|(queue, to_all)| Act::Rule(queue, to_all)),
        (queue_of(), minutes(), any::<bool>()).prop_map(|(queue, min, spare)| Act::Timeout(queue, min, spare)),
        (queue_of(), minutes()).prop_map(|(queue, min)| Act::Patience(queue, min)),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let time = prop_oneof![Just(1), Just(SECOND), Just(30 * SECOND), Just(MINUTE), Just(5 * MINUTE)];
    prop_oneof![12 => work(), 3 => presence(), 1 => settings(), 3 => time.prop_map(Act::Time)]
}

/// Two acts at a time were both decided on the state before either.
fn story() -> impl Strategy<Value = Vec<(Act, Option<Act>)>> {
    prop::collection::vec((act(), prop::option::weighted(0.3, act())), 1..160)
}

fn beginning() -> World {
    let mut world = World::new(Rule::MostFree, &OPERATORS);
    world.config.settings = Settings { simultaneous_chats: 2, ..Settings::default() };
    world.queue(QUEUES[0]).auto_close_min = Some(2);
    let mut sales = queue(QUEUES[1], Rule::ToAll);
    sales.auto_close_min = Some(3);
    sales.roles = vec![id("sales")];
    world.config.queues.insert(id(QUEUES[1]), sales);
    // Two serve both queues, one the first, one the second.
    for (name, roles) in [("ann", vec!["staff", "sales"]), ("bob", vec!["staff", "sales"]), ("dan", vec!["sales"])] {
        let roles = roles.into_iter().map(id).collect();
        world.operators.insert(id(name), Operator { roles, ..agent(name) });
    }
    world
}

/// The latest chat of a customer, by name.
fn latest(world: &World, customer: Which) -> Option<String> {
    let of = |chat: &&domain::chat::Chat| chat.id.conversation.as_str() == CUSTOMERS[customer];
    world.chats.values().filter(of).map(|chat| &chat.id).max_by_key(|id| id.n).map(ToString::to_string)
}

fn change(world: &World, who: Who, change: impl FnOnce(&Operator) -> Option<Operator>) -> Vec<Decision> {
    let before = world.operator(OPERATORS[who]).clone();
    let after = change(&before);
    let write = |after| Write::Operator { before: Some(before), after };
    after.map(write).map(|write| Decision { writes: vec![write], ..Decision::default() }).into_iter().collect()
}

/// What an act decides on the present state. Refused = nothing.
fn decide(world: &World, act: &Act) -> Vec<Decision> {
    let now_ms = world.now_ms;
    match act {
        Act::Pass(queue) => world.decide_pass(QUEUES[*queue]),
        Act::Withdraw(who) => world.decide_withdrawals(OPERATORS[*who]),
        Act::Return(who) => world.decide_returns(OPERATORS[*who]),
        Act::CustomerWrites(customer) => vec![world.decide_message(CUSTOMERS[*customer])],
        Act::CustomerBlocks(customer, yes) => {
            let what = if *yes { InboundKind::Blocked } else { InboundKind::Unblocked };
            vec![world.decide_event(CUSTOMERS[*customer], event(&format!("b{}", world.receipts.len()), now_ms, what))]
        }
        Act::OldOfferTimer(index) => {
            let offers: Vec<OfferId> = world.timers.iter().filter_map(offer_of).cloned().collect();
            if offers.is_empty() { Vec::new() } else { vec![world.decide_expire(index.get(&offers))] }
        }
        Act::Status(who, active) => {
            let status = if *active { Status::Active } else { Status::Inactive };
            change(world, *who, |operator| operator.with_status(status))
        }
        Act::Connect(who, n) => {
            let name = format!("{}-{n}", OPERATORS[*who]);
            change(world, *who, |operator| operator.with_connection(&name, now_ms + 120 * MINUTE, now_ms).ok())
        }
        Act::Disconnect(who, n) => {
            change(world, *who, |operator| operator.without_connection(&format!("{}-{n}", OPERATORS[*who]), now_ms))
        }
        Act::SwitchOff(who, off) => change(world, *who, |operator| {
            operator.described(&operator.name, &operator.roles, operator.own_limit, *off)
        }),
        Act::OwnLimit(who, limit) => change(world, *who, |operator| {
            operator.described(&operator.name, &operator.roles, *limit, operator.disabled)
        }),
        _ => decide_on_chat(world, act).into_iter().collect(),
    }
}

/// Who accepts or declines.
fn taker<'a>(world: &'a World, hand: Hand, chat: &str) -> &'a str {
    match hand {
        Hand::Right => world.offered_to(chat).unwrap_or(OPERATORS[0]),
        Hand::Of(who) => OPERATORS[who],
    }
}

/// Who speaks, transfers, closes.
fn holder<'a>(world: &'a World, hand: Hand, chat: &str) -> &'a str {
    match hand {
        Hand::Right => world.with(chat).unwrap_or(OPERATORS[0]),
        Hand::Of(who) => OPERATORS[who],
    }
}

/// The acts on the latest chat of a customer.
fn decide_on_chat(world: &World, act: &Act) -> Option<Decision> {
    let chat = |customer: &Which| latest(world, *customer);
    match act {
        Act::Accept(who, of, named) => {
            let chat = chat(of)?;
            let offer = world.offer(&chat).filter(|_| *named);
            world.decide_accept(taker(world, *who, &chat), &chat, offer.as_ref()).ok()
        }
        Act::Decline(who, of) => {
            let chat = chat(of)?;
            let offer = world.offer(&chat)?;
            world.decide_decline(taker(world, *who, &chat), &offer, &format!("decline-{offer}")).ok()
        }
        Act::OfferTimer(of) => Some(world.decide_expire(&world.offer(&chat(of)?)?)),
        Act::Transfer(who, of, target) => {
            let chat = chat(of)?;
            world.decide_transfer(holder(world, *who, &chat), &chat, OPERATORS[*target]).ok()
        }
        Act::Requeue(who, of, queue) => {
            let chat = chat(of)?;
            world.decide_requeue(holder(world, *who, &chat), &chat, QUEUES[*queue]).ok()
        }
        Act::Close(who, of) => {
            let chat = chat(of)?;
            world.decide_close(holder(world, *who, &chat), &chat).ok()
        }
        Act::CloseTimer(of) => Some(world.decide_look(&id(&chat(of)?))),
        Act::Reply(who, of, parts) => {
            let chat = chat(of)?;
            world.decide_reply(holder(world, *who, &chat), &chat, *parts).ok().map(|replied| replied.decision)
        }
        Act::Read(who, of, seq) => read(world.chat(&chat(of)?), &id(OPERATORS[*who]), *seq).ok(),
        _ => None,
    }
}

fn offer_of(timer: &Timer) -> Option<&OfferId> {
    match timer {
        Timer::OfferExpires { offer, .. } => Some(offer),
        Timer::CloseDue { .. } => None,
    }
}

/// The acts that change no row of the work: the configuration, and time.
fn configure(world: &mut World, act: &Act) {
    match act {
        Act::Setting(limit) => world.config.settings.simultaneous_chats = *limit,
        Act::QueueLimit(queue, limit) => world.queue(QUEUES[*queue]).limit = *limit,
        Act::Rule(queue, to_all) => {
            world.queue(QUEUES[*queue]).rule = if *to_all { Rule::ToAll } else { Rule::MostFree };
        }
        Act::Timeout(queue, minutes, spare) => {
            let queue = world.queue(QUEUES[*queue]);
            (queue.auto_close_min, queue.spare_unanswered) = (*minutes, *spare);
        }
        Act::Patience(queue, minutes) => world.queue(QUEUES[*queue]).absence_return_min = *minutes,
        Act::Time(ms) => {
            world.wait(*ms);
        }
        _ => {}
    }
}

/// Commits what one act decided, up to what somebody else was faster at: the rest was decided on what did not come to be.
fn settle(world: &mut World, decisions: &[Decision]) {
    for decision in decisions {
        assert_close_by_time(world, decision);
        if !world.try_commit(decision) {
            return;
        }
    }
}

/// I7: no chat closes by itself before its time, without an answer, or while it is not in work.
fn assert_close_by_time(world: &World, decision: &Decision) {
    for write in &decision.writes {
        let Write::Route { before, route, if_quiet: true } = write else { continue };
        let Stand::Closed { at_ms, by: None, .. } = route.stand else {
            panic!("quiet is for closes by time: {route:?}")
        };
        assert!(before.operator().is_some());
        let last_out = before.thread.last_out_at_ms.expect("L2: without an outgoing message it does not close");
        let timeout_min = world.config.queues[&before.route.queue].auto_close_min.expect("L2: a queue with a timeout");
        let from = last_out.max(before.route.taken_at_ms.expect("who has it took it"));
        assert!(at_ms >= from + i64::from(timeout_min) * MINUTE, "I7: closed early");
    }
}

/// I5: after a pass no chat waits that somebody may be offered who has not declined it, and none rests without a reason.
fn assert_served(world: &World, queue: &str) {
    let queue = &world.config.queues[&id::<domain::QueueId>(queue)];
    if queue.rule != Rule::MostFree {
        return;
    }
    let free = |operator: &&Operator| {
        operator.is_available() && queue.has(operator) && operator.load() < world.config.limit(operator, Some(queue))
    };
    for chat in world.line(&queue.id) {
        let rests = chat.route.not_before_ms.is_some_and(|until| until > world.now_ms);
        let willing =
            world.operators.values().filter(free).find(|operator| !chat.route.decliners.contains(&operator.id));
        assert!(rests || willing.is_none(), "I5: {} waits although {willing:?} is free", chat.id);
    }
    let mut idle = Pass::new(queue, &world.config, world.operators.values().cloned(), world.now_ms);
    assert!(world.line(&queue.id).iter().all(|chat| idle.next(chat).is_nothing()), "a second pass finds nothing to do");
}

/// When faults stop: everybody gives up what they must, every timer fires, every queue is passed over; then all is served.
fn heal(world: &mut World) {
    world.wait(60 * MINUTE);
    for chat in world.chats.keys().cloned().collect::<Vec<_>>() {
        let chat = chat.to_string();
        world.expire(&chat);
        world.look(&chat);
    }
    for name in OPERATORS {
        world.withdraw(name);
        world.return_chats(name);
        assert!(!world.operator(name).must_give_up_offers(world.now_ms), "Q10: {name} still holds offers");
    }
    for queue in QUEUES {
        world.pass(queue);
        // A chat that everybody had declined rests first; the wake-up after its rest offers it.
        world.wait(31 * SECOND);
        world.pass(queue);
        assert_served(world, queue);
    }
    let late = world.chats.values().filter_map(|chat| chat.offer());
    assert!(late.clone().all(|offer| offer.expires_at_ms > world.now_ms), "Q5: an offer outlives its deadline");
    assert!(world.operators.values().all(|operator| operator.connections.len() <= CONNECTIONS_MAX));
}

proptest! {
    // 256 stories, or as many as PROPTEST_CASES says.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn i1_i3_i4_i5_i7_hold_whatever_happens(story in story()) {
        let mut world = beginning();
        for (first, second) in &story {
            let decisions: Vec<_> = std::iter::once(first).chain(second).map(|act| decide(&world, act)).collect();
            for decided in &decisions {
                settle(&mut world, decided);
            }
            if let (Act::Pass(queue), None) = (first, second) {
                assert_served(&world, QUEUES[*queue]);
            }
            for act in std::iter::once(first).chain(second) {
                configure(&mut world, act);
            }
        }
        heal(&mut world);
    }
}

/// The stories above do reach what they are about: a generator that is always refused would prove nothing.
#[test]
fn random_stories_reach_every_kind_of_event() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..200 {
        let mut world = beginning();
        for (act, _) in story().new_tree(&mut runner).expect("a story").current() {
            let decided = decide(&world, &act);
            settle(&mut world, &decided);
            configure(&mut world, &act);
        }
        seen.extend(world.events.values().map(|event| format!("{:?}", event.what)));
    }
    let all = [
        "Accepted",
        "AutoClosed",
        "Closed",
        "Declined",
        "Expired",
        "Offered",
        "QueueChanged",
        "Rearmed",
        "Rested",
        "Returned",
        "TransferAccepted",
        "TransferEnded",
        "TransferOffered",
        "Withdrawn",
    ];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), all);
}
