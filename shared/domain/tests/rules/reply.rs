//! What an operator writes, and who may read what (L2, L6, L7, I6, I8).

use domain::chat::{Chat, REQUESTS_MAX, Stand};
use domain::config::Rule;
use domain::decision::{Decision, SendHint, Write};
use domain::message::{Author, DeliveryState, Message};
use domain::reply::{PARTS_MAX, Replied, may_read, may_speak, read, reply, resend};
use domain::{Refusal, delivery};

use crate::support::{SECOND, START, SUPPORT, World, agent, closed, config, id, in_work, offer, queue, told, waiting};

fn parts(count: usize) -> Vec<String> {
    (1..=count).map(|part| format!("part {part}")).collect()
}

/// Ann has `c.1` in work.
fn world() -> World {
    let mut world = World::new(Rule::ToAll, &["ann", "bob"]);
    world.writes("c");
    world.accept("ann", "c.1").expect("the story allows it");
    world
}

/// Ann writes under this request id.
fn write(world: &mut World, request: &str) -> Replied {
    let replied = reply(world.chat("c.1"), world.operator("ann"), true, &parts(1), request, world.now_ms)
        .expect("the story allows it");
    world.commit(&replied.decision);
    replied
}

#[test]
fn l7_a_reply_is_split_into_parts_one_item_each() {
    let mut world = world();
    world.wait(SECOND);
    let Replied { seqs, decision } = world.decide_reply("ann", "c.1", 3).unwrap();
    world.commit(&decision);
    assert_eq!(seqs, [2, 3, 4]);
    let stored: Vec<&Message> = world.messages.values().skip(1).collect();
    let author = Author::Operator { id: id("ann"), name: "ANN".to_owned() };
    for (message, part) in stored.iter().zip(parts(3)) {
        assert_eq!(
            (message.content.words(), &message.author, message.at_ms),
            (Some(part.as_str()), &author, START + SECOND)
        );
        let delivery = message.delivery.as_ref().unwrap();
        assert_eq!(
            (delivery.state, delivery.queued_at_ms, delivery.attempts),
            (DeliveryState::Queued, START + SECOND, 0)
        );
    }
    assert_eq!(told(&decision, "ann"), ["message 2", "message 3", "message 4"]);
    let thread = &world.chat("c.1").thread;
    assert_eq!((thread.last_out_at_ms, thread.last_out_seq, thread.read_seq), (Some(START + SECOND), Some(4), 4));
    assert_eq!(thread.last_in_at_ms, Some(START));
}

#[test]
fn i6_each_outgoing_message_names_the_one_before_it() {
    let mut world = world();
    let first = world.decide_reply("ann", "c.1", 2).unwrap();
    world.commit(&first.decision);
    world.writes("c");
    let second = world.reply("ann", "c.1").unwrap();
    let chain: Vec<_> = world.messages.values().map(|message| (message.seq, message.previous_out)).collect();
    assert_eq!(chain, [(1, None), (2, None), (3, Some(2)), (4, None), (5, Some(3))], "the customer's are not in it");
    let hint = &second.decision.sends[0];
    assert_eq!((hint.seq, hint.previous, hint.operator.clone()), (5, Some(3), Some(id("ann"))));
    assert_eq!(first.decision.sends.iter().map(|hint| hint.seq).collect::<Vec<_>>(), [2, 3], "in their order");
}

#[test]
fn decision_5_the_last_requests_are_remembered_and_do_nothing_again() {
    let mut world = world();
    let all: Vec<String> = (0..=REQUESTS_MAX).map(|n| format!("r{n}")).collect();
    let seqs: Vec<Vec<u64>> = all.iter().map(|request| write(&mut world, request).seqs).collect();
    let (chat, ann) = (world.chat("c.1"), world.operator("ann"));
    for (request, seqs) in all.iter().zip(&seqs).skip(1) {
        let again = reply(chat, ann, true, &parts(1), request, START);
        assert_eq!(again, Ok(Replied { seqs: seqs.clone(), decision: Decision::nothing() }), "{request}");
    }
    let forgotten = reply(chat, ann, true, &parts(1), &all[0], START).unwrap();
    assert!(!forgotten.decision.is_nothing(), "the ninth before is forgotten: the memory is bounded");
    assert_eq!(REQUESTS_MAX, 8);
}

#[test]
fn l6_a_request_that_was_accepted_is_answered_so_also_after_the_close() {
    let mut world = world();
    let replied = write(&mut world, "r");
    world.close("ann", "c.1").unwrap();
    let again = reply(world.chat("c.1"), world.operator("ann"), false, &parts(1), "r", START);
    assert_eq!(again, Ok(Replied { seqs: replied.seqs, decision: Decision::nothing() }));
}

#[test]
fn i6_a_request_is_its_operators_own() {
    // Clients choose their ids. Were bob's first request taken for ann's, his words would be lost with a yes.
    let mut world = world();
    write(&mut world, "1");
    world.transfer("ann", "c.1", "bob").unwrap();
    world.accept("bob", "c.1").unwrap();
    let bobs = reply(world.chat("c.1"), world.operator("bob"), true, &parts(1), "1", START).unwrap();
    assert_eq!(bobs.seqs, [3]);
    assert!(!bobs.decision.is_nothing());
}

#[test]
fn l6_who_may_speak() {
    let mut offered = waiting("c.1");
    offered.route.stand = Stand::Offered { offer: offer(&id("c.1"), 2, "ann", i64::MAX) };
    let mut transfer = in_work("c.1", "bob");
    transfer.route.stand = Stand::InWork { operator: id("bob"), transfer: Some(offer(&id("c.1"), 4, "ann", i64::MAX)) };
    let mut by_itself = closed("c.1", "ann");
    by_itself.route.stand = Stand::Closed { at_ms: START, by: None, operator: Some(id("ann")) };
    let table = [
        ("in her work", in_work("c.1", "ann"), Ok(())),
        ("in another's", in_work("c.1", "bob"), Err(Refusal::NotYourChat)),
        ("waiting", waiting("c.1"), Err(Refusal::NotYourChat)),
        ("on offer to her", offered, Err(Refusal::NotYourChat)),
        ("on offer to her by a transfer", transfer, Err(Refusal::NotYourChat)),
        ("hers, closed", closed("c.1", "ann"), Err(Refusal::ChatClosed)),
        ("hers, closed by itself", by_itself, Err(Refusal::ChatClosed)),
        ("another's, closed", closed("c.1", "bob"), Err(Refusal::NotYourChat)),
    ];
    for (what, chat, expect) in table {
        assert_eq!(may_speak(&chat, &id("ann")), expect, "{what}");
        let replied = reply(&chat, &agent("ann"), true, &parts(1), "r", START);
        assert_eq!(replied.map(|_| ()), expect, "{what}");
    }
}

#[test]
fn i8_who_may_read() {
    let config = config([queue(SUPPORT, Rule::ToAll), queue("assigned", Rule::MostFree)]);
    let mut assigned = waiting("c.1");
    assigned.route.queue = id("assigned");
    let mut offered = assigned.clone();
    offered.route.stand = Stand::Offered { offer: offer(&id("c.1"), 2, "ann", i64::MAX) };
    let mut transfer = in_work("c.1", "bob");
    transfer.route.stand = Stand::InWork { operator: id("bob"), transfer: Some(offer(&id("c.1"), 4, "ann", i64::MAX)) };
    let table = [
        ("in her work", in_work("c.1", "ann"), true, false),
        ("hers until it closed", closed("c.1", "ann"), true, false),
        ("waiting for all", waiting("c.1"), true, true),
        ("waiting to be assigned", assigned, false, false),
        ("on offer to her", offered, true, false),
        ("on offer to her by a transfer", transfer, true, false),
        ("in another's", in_work("c.1", "cid"), false, false),
    ];
    let mut stranger = agent("ann");
    stranger.roles.clear();
    for (what, chat, ann, dan) in table {
        let may = |yes: bool| if yes { Ok(()) } else { Err(Refusal::ChatNotFound) };
        assert_eq!(may_read(&chat, &agent("ann"), &config), may(ann), "{what}");
        assert_eq!(may_read(&chat, &agent("dan"), &config), may(dan), "{what}: somebody else");
    }
    assert_eq!(may_read(&waiting("c.1"), &stranger, &config), Err(Refusal::ChatNotFound), "outside the queue");
}

#[test]
fn c1_what_cannot_be_sent_is_refused() {
    let table = [
        ("a channel that is off", false, 1, Err(Refusal::ChannelInactive)),
        ("nothing", true, 0, Err(Refusal::TextEmpty)),
        ("as many parts as there may be", true, PARTS_MAX, Ok(())),
        ("more", true, PARTS_MAX + 1, Err(Refusal::TextTooLong)),
    ];
    for (what, serves, count, expect) in table {
        let replied = reply(&in_work("c.1", "ann"), &agent("ann"), serves, &parts(count), "r", START);
        assert_eq!(replied.map(|_| ()), expect, "{what}");
    }
}

#[test]
fn i2_two_replies_at_once_get_a_number_each() {
    let mut world = world();
    let one = world.decide_reply("ann", "c.1", 1).unwrap().decision;
    let two = world.decide_message("c");
    assert!(world.try_commit(&one));
    assert!(!world.try_commit(&two), "decided for the same number: it is decided anew");
    world.writes("c");
    assert_eq!(world.messages.len(), 3);
}

fn reply_in(state: DeliveryState) -> (Chat, Message) {
    let chat = in_work("c.1", "ann");
    let replied = reply(&chat, &agent("ann"), true, &parts(1), "r", START).expect("the story allows it");
    let Some(Write::NewMessage(message)) = replied.decision.writes.get(1) else { panic!("{replied:?}") };
    let mut message = message.clone();
    let delivery = message.delivery.as_mut().expect("a reply");
    delivery.state = state;
    delivery.attempts = 3;
    delivery.reason = Some("why".to_owned());
    (chat, message)
}

#[test]
fn decision_10_only_what_failed_or_may_not_have_arrived_is_sent_again() {
    use DeliveryState::{Failed, Queued, Sending, Sent, Unknown};
    for (state, may) in [(Failed, true), (Unknown, true), (Queued, false), (Sending, false), (Sent, false)] {
        let (chat, mut message) = reply_in(state);
        message.provider_message_id = Some("SM1".to_owned());
        let decided = resend(&chat, &message, &agent("ann"), true, START + SECOND);
        assert_eq!(decided.as_ref().err(), (!may).then_some(&Refusal::NotResendable), "{state:?}");
        let Ok(decision) = decided else { continue };
        let [Write::Thread { from_seq, thread, speaker, .. }, Write::Message(again)] = decision.writes.as_slice()
        else {
            panic!("{decision:?}")
        };
        // L2: it counts as a reply of now. L6: it is refused if the chat closes, or leaves its operator, meanwhile.
        assert_eq!((*from_seq, thread.next_seq), (chat.thread.next_seq, chat.thread.next_seq));
        assert_eq!(thread.rev, chat.thread.rev + 1, "I7: a close by time that was decided before must not overtake it");
        assert_eq!((thread.last_out_at_ms, speaker), (Some(START + SECOND), &Some(id("ann"))));
        assert_eq!((again.rev, again.seq, &again.content), (message.rev + 1, message.seq, &message.content));
        let delivery = again.delivery.as_ref().unwrap();
        assert_eq!((delivery.state, delivery.queued_at_ms, delivery.attempts), (Queued, START + SECOND, 0));
        assert_eq!((&delivery.reason, &again.provider_message_id), (&None, &None), "each try has an id of its own");
        let hint = SendHint::of(&chat, again).unwrap();
        assert_eq!(decision.sends, std::slice::from_ref(&hint));
        assert_ne!(hint.queued_at_ms, message.delivery.as_ref().unwrap().queued_at_ms, "a wanted resend is no double");
    }
}

#[test]
fn c1_l6_a_resend_is_refused_like_a_reply() {
    let (chat, failed) = reply_in(DeliveryState::Failed);
    let customers = Message { delivery: None, ..failed.clone() };
    assert_eq!(resend(&chat, &failed, &agent("ann"), false, START), Err(Refusal::ChannelInactive));
    assert_eq!(resend(&chat, &failed, &agent("bob"), true, START), Err(Refusal::NotYourChat));
    assert_eq!(resend(&closed("c.1", "ann"), &failed, &agent("ann"), true, START), Err(Refusal::ChatClosed));
    assert_eq!(resend(&chat, &customers, &agent("ann"), true, START), Err(Refusal::NotResendable));
}

#[test]
fn w5_how_far_an_operator_has_read_only_grows() {
    let mut world = world();
    for _ in 0..3 {
        world.writes("c");
    }
    for (seq, after) in [(2, 2), (1, 2), (2, 2), (4, 4), (99, 4)] {
        let decision = read(world.chat("c.1"), &id("ann"), seq).unwrap();
        let news = after > world.chat("c.1").thread.read_seq;
        assert_eq!(decision.is_nothing(), !news, "what is no news is not written: {seq}");
        world.commit(&decision);
        assert_eq!(world.chat("c.1").thread.read_seq, after, "after {seq}");
    }
    assert_eq!(read(world.chat("c.1"), &id("bob"), 1), Err(Refusal::NotYourChat));
}

#[test]
fn i6_who_hears_how_a_reply_fares() {
    let (chat, message) = reply_in(DeliveryState::Sent);
    let table = [
        ("who has it in work", in_work("c.1", "bob"), Some("bob")),
        ("who had it when it closed", closed("c.1", "bob"), Some("bob")),
        ("while nobody has it, who wrote it", waiting("c.1"), Some("ann")),
    ];
    for (who, chat, expect) in table {
        assert_eq!(delivery::listener(&chat, &message).map(domain::OperatorId::as_str), expect, "{who}");
    }
    let customers = Message { author: Author::Customer, delivery: None, ..message };
    assert_eq!(delivery::listener(&waiting("c.1"), &customers), None);
    assert_eq!(SendHint::of(&chat, &customers), None, "nobody sends a customer's words");
}
