//! Taking turns with an external bot, or with somebody in the messenger's own inbox (C6, L5).

use domain::chat::{Control, EventKind, Stand};
use domain::config::Rule;
use domain::content::Content;
use domain::decision::{Decision, Write};
use domain::inbound::{Holder, InboundEvent, InboundKind};
use domain::message::{Author, DeliveryState, Message};
use domain::stay::BOT_SILENCE_MS;
use domain::{Provider, Refusal, handover};

use crate::support::{MINUTE, SECOND, START, SUPPORT, World, event, id, told};

const BOT: &str = "1234567890";

fn says(n: u32, standby: bool) -> InboundEvent {
    let what = InboundKind::Message {
        message_id: format!("m{n}"),
        content: Content::text(format!("words {n}")),
        reply_to: None,
        quote: None,
        forwarded_from: None,
    };
    InboundEvent { standby, ..event(&format!("e{n}"), START, what) }
}

fn echoes(n: u32, standby: bool) -> InboundEvent {
    let what = InboundKind::Echo {
        message_id: format!("m{n}"),
        content: Content::text(format!("answer {n}")),
        reply: None,
        app: Some(BOT.to_owned()),
    };
    InboundEvent { standby, ..event(&format!("e{n}"), START, what) }
}

fn passes(n: u32, from: Option<&str>) -> InboundEvent {
    let to = Holder::Us { from: from.map(str::to_owned) };
    event(&format!("e{n}"), START, InboundKind::Control { to })
}

fn takes(n: u32) -> InboundEvent {
    event(&format!("e{n}"), START, InboundKind::Control { to: Holder::Other { app: Some(BOT.to_owned()) } })
}

fn world() -> World {
    let mut world = World::new(Rule::MostFree, &["ann", "bob"]);
    world.provider = Provider::Messenger;
    world
}

fn take(world: &mut World, event: InboundEvent) -> Decision {
    let decision = world.decide_event("c", event);
    world.commit(&decision);
    decision
}

/// A chat that a bot has: the customer wrote, the bot answered.
fn with_bot() -> World {
    let mut world = world();
    take(&mut world, says(1, true));
    take(&mut world, echoes(2, true));
    world
}

fn message<'a>(world: &'a World, chat: &str, seq: u64) -> &'a Message {
    &world.messages[&(id(chat), seq)]
}

fn note(what: &str) -> Content {
    Content::Unsupported { what: what.to_owned() }
}

#[test]
fn l5_what_a_bot_handles_is_a_chat_of_nobody_that_nobody_is_asked_to_take() {
    let mut world = world();
    let opened = take(&mut world, says(1, true));
    assert!(opened.wakes.is_empty() && opened.tells.is_empty() && opened.timers.is_empty());
    let answered = take(&mut world, echoes(2, true));
    assert!(answered.wakes.is_empty() && answered.tells.is_empty());
    let chat = world.chat("c.1");
    assert_eq!((&chat.route.stand, chat.operator()), (&Stand::WithBot, None));
    assert!(world.line(&id(SUPPORT)).is_empty());
    assert_eq!(message(&world, "c.1", 2).author, Author::External { app: Some(BOT.to_owned()) });
    assert_eq!(world.accept("ann", "c.1").unwrap_err(), Refusal::ChatNotFound, "it cannot be picked");
}

#[test]
fn l5_a_bot_that_writes_first_opens_the_chat_too() {
    let mut world = world();
    take(&mut world, echoes(1, true));
    let chat = world.chat("c.1");
    assert_eq!((&chat.route.stand, chat.thread.last_in_at_ms), (&Stand::WithBot, None));
}

#[test]
fn l5_it_closes_after_the_queues_timeout_or_a_day_without_a_word_of_either_side() {
    for (timeout_min, silence_ms) in [(None, BOT_SILENCE_MS), (Some(10), 10 * MINUTE)] {
        let mut world = with_bot();
        world.queue(SUPPORT).auto_close_min = timeout_min;
        world.wait(silence_ms - 1).look("c.1");
        assert!(!world.chat("c.1").is_closed(), "{timeout_min:?}: not early");
        take(&mut world, says(3, true));
        world.wait(1).look("c.1");
        assert!(!world.chat("c.1").is_closed(), "{timeout_min:?}: the customer wrote a moment ago");
        take(&mut world, echoes(4, true));
        world.wait(silence_ms - 1).look("c.1");
        assert!(!world.chat("c.1").is_closed(), "{timeout_min:?}: the bot did");
        let closed = world.wait(1).look("c.1");
        assert_eq!(world.chat("c.1").route.stand, Stand::Closed { at_ms: world.now_ms, by: None, operator: None });
        assert!(closed.sends.is_empty(), "the bot keeps the conversation");
    }
}

#[test]
fn l5_what_a_bot_takes_from_the_line_has_its_silence_from_then_on() {
    let mut world = with_bot();
    take(&mut world, passes(3, Some(BOT)));
    world.wait(30 * MINUTE);
    take(&mut world, takes(4));
    assert_eq!(world.chat("c.1").due_at_ms(), Some(world.now_ms + BOT_SILENCE_MS));
    world.wait(BOT_SILENCE_MS - 1).look("c.1");
    assert!(!world.chat("c.1").is_closed(), "the bot had no time yet to answer");
    world.wait(1).look("c.1");
    assert!(world.chat("c.1").is_closed());
}

#[test]
fn l5_what_a_bot_takes_from_another_queue_closes_by_that_queues_timeout() {
    let mut world = passed_on();
    let mut sales = world.queue(SUPPORT).clone();
    (sales.id, sales.auto_close_min) = (id("sales"), Some(10));
    world.config.queues.insert(id("sales"), sales);
    let with = world.with("c.1").unwrap().to_owned();
    world.requeue(&with, "c.1", "sales").unwrap();
    take(&mut world, takes(4));
    assert_eq!(world.chat("c.1").due_at_ms(), Some(world.now_ms), "the next sweep looks");
    world.look("c.1");
    assert_eq!(world.chat("c.1").due_at_ms(), Some(world.now_ms + 10 * MINUTE));
    world.wait(10 * MINUTE).look("c.1");
    assert!(world.chat("c.1").is_closed());
}

#[test]
fn i7_a_word_that_comes_while_it_closes_keeps_it_open() {
    let mut world = with_bot();
    world.wait(BOT_SILENCE_MS);
    let close = world.decide_look(&id("c.1"));
    take(&mut world, says(3, true));
    assert!(!world.try_commit(&close));
}

#[test]
fn l5_the_sweep_finds_it_and_no_timer_is_set() {
    let mut world = with_bot();
    let due = world.chat("c.1").due_at_ms();
    assert_eq!(due, Some(START + BOT_SILENCE_MS));
    take(&mut world, says(3, true));
    let again = world.wait(BOT_SILENCE_MS - SECOND).look("c.1");
    assert!(again.timers.is_empty());
    assert!(world.chat("c.1").due_at_ms() > Some(world.now_ms), "it is looked at again later");
}

#[test]
fn c6_when_the_bot_passes_control_the_chat_goes_to_its_queue() {
    let mut world = with_bot();
    let passed = world.wait(MINUTE).decide_event("c", passes(3, Some(BOT)));
    world.commit(&passed);
    assert_eq!(passed.wakes.len(), 1);
    let route = &world.chat("c.1").route;
    assert_eq!((&route.stand, route.waiting_since_ms), (&Stand::Waiting, START + MINUTE), "waited for since now");
    assert_eq!(route.control, Some(Control::Ours { from: Some(BOT.to_owned()) }));
    assert_eq!(world.story("c.1"), [EventKind::HandedOver]);
    assert_eq!(message(&world, "c.1", 3).content, note("conversation_handed_over"));
    world.pass(SUPPORT);
    world.accept("ann", "c.1").unwrap();
    world.reply("ann", "c.1").unwrap();
}

#[test]
fn c6_the_same_word_twice_changes_nothing() {
    for first in [passes(3, Some(BOT)), takes(3), says(3, true), echoes(3, true)] {
        let mut world = with_bot();
        take(&mut world, first.clone());
        let again = world.decide_event("c", first);
        assert!(!world.try_commit(&again));
    }
}

#[test]
fn c6_a_bot_may_pass_what_was_never_heard_of() {
    let mut world = world();
    let opened = take(&mut world, passes(1, Some(BOT)));
    assert_eq!(opened.wakes.len(), 1);
    let route = &world.chat("c.1").route;
    assert_eq!((&route.stand, &route.control), (&Stand::Waiting, &Some(Control::Ours { from: Some(BOT.to_owned()) })));
    assert_eq!(message(&world, "c.1", 1).author, Author::System);
}

#[test]
fn c6_what_comes_outside_standby_is_ours_even_if_nobody_said_so() {
    let mut world = with_bot();
    let said = take(&mut world, says(3, false));
    assert_eq!(said.wakes.len(), 1);
    let route = &world.chat("c.1").route;
    assert_eq!((&route.stand, &route.control), (&Stand::Waiting, &Some(Control::Ours { from: None })));
    assert_eq!(message(&world, "c.1", 3).content, Content::text("words 3"));
}

/// The chat of a bot that was passed on and is in work with ann.
fn passed_on() -> World {
    let mut world = with_bot();
    take(&mut world, passes(3, Some(BOT)));
    world.pass(SUPPORT);
    let offered = world.offered_to("c.1").expect("somebody is free").to_owned();
    world.accept(&offered, "c.1").expect("the offer is open");
    assert_eq!(world.with("c.1"), Some("ann"));
    world
}

fn handed_back(decision: &Decision) -> Option<&Message> {
    decision.writes.iter().find_map(|write| match write {
        Write::NewMessage(message) if matches!(message.content, Content::HandBack { .. }) => Some(message),
        _ => None,
    })
}

#[test]
fn c6_the_close_hands_the_conversation_back_after_the_last_reply() {
    let mut world = passed_on();
    let replied = world.reply("ann", "c.1").unwrap();
    let closed = world.close("ann", "c.1").unwrap();
    let back = handed_back(&closed).expect("it goes back");
    assert_eq!(back.content, Content::HandBack { to: Some(BOT.to_owned()) });
    assert_eq!((back.previous_out, &back.author), (Some(replied.seqs[0]), &Author::System));
    assert_eq!(back.delivery.as_ref().unwrap().state, DeliveryState::Queued);
    assert_eq!(closed.sends.iter().map(|hint| hint.seq).collect::<Vec<_>>(), [back.seq]);
    // What the customer says next goes to the bot again, in a chat of its own.
    take(&mut world, says(9, true));
    assert_eq!(world.chat("c.2").route.stand, Stand::WithBot);
}

#[test]
fn c6_a_close_by_time_hands_back_too_and_an_ordinary_chat_has_nobody_to_go_back_to() {
    let mut world = passed_on();
    world.queue(SUPPORT).auto_close_min = Some(1);
    world.reply("ann", "c.1").unwrap();
    let closed = world.wait(MINUTE).look("c.1");
    assert!(world.chat("c.1").is_closed() && handed_back(&closed).is_some());
    let mut world = self::world();
    take(&mut world, says(1, false));
    world.pass(SUPPORT);
    world.accept("ann", "c.1").unwrap();
    assert_eq!(handed_back(&world.close("ann", "c.1").unwrap()), None);
}

#[test]
fn l6_a_message_that_comes_while_it_is_handed_back_makes_the_close_be_decided_anew() {
    let mut world = passed_on();
    let close = world.decide_close("ann", "c.1").unwrap();
    take(&mut world, says(9, false));
    assert!(!world.try_commit(&close), "the number is taken");
    world.close("ann", "c.1").unwrap();
}

#[test]
fn c6_who_writes_to_us_before_the_conversation_went_back_is_handed_back_by_the_next_chat() {
    let mut world = passed_on();
    let first = handed_back(&world.close("ann", "c.1").unwrap()).cloned().unwrap();
    let old = world.chat("c.1").clone();
    assert!(!handover::is_superseded(&old, &old));
    take(&mut world, says(7, false));
    let ours = Some(Control::Ours { from: Some(BOT.to_owned()) });
    assert_eq!(world.chat("c.2").route.control, ours);
    assert!(handover::is_superseded(&old, world.chat("c.2")), "{first:?} would give the new chat's customer away");
    world.pass(SUPPORT);
    let offered = world.offered_to("c.2").expect("somebody is free").to_owned();
    world.accept(&offered, "c.2").expect("the offer is open");
    let back = handed_back(&world.close(&offered, "c.2").unwrap()).cloned().unwrap();
    assert_eq!(back.content, Content::HandBack { to: Some(BOT.to_owned()) });
    // Long after, it has lapsed; and what the bot has already is the bot's.
    world.now_ms += 24 * 60 * MINUTE;
    take(&mut world, says(8, false));
    assert_eq!(world.chat("c.3").route.control, None);
    let mut world = passed_on();
    world.close("ann", "c.1").unwrap();
    take(&mut world, says(9, true));
    assert_eq!(world.chat("c.2").route.stand, Stand::WithBot);
}

#[test]
fn c6_while_another_has_the_conversation_nothing_is_sent() {
    let mut world = passed_on();
    let taken = take(&mut world, takes(4));
    assert_eq!(told(&taken, "ann"), ["message 4", "chat"]);
    assert_eq!(world.with("c.1"), Some("ann"), "the chat stays with its operator");
    assert_eq!(world.reply("ann", "c.1").unwrap_err(), Refusal::OwnedByOther);
    let said = take(&mut world, says(5, true));
    assert_eq!(told(&said, "ann"), ["message 5"], "who still sees what is said");
    let back = take(&mut world, says(6, false));
    assert_eq!(told(&back, "ann"), ["message 6", "chat"]);
    world.reply("ann", "c.1").unwrap();
    take(&mut world, takes(7));
    assert_eq!(handed_back(&world.close("ann", "c.1").unwrap()), None, "it is not ours to give");
}

#[test]
fn c6_a_refused_reply_says_that_another_has_the_conversation_once() {
    let mut world = passed_on();
    world.reply("ann", "c.1").unwrap();
    let customer = world.contacts[&id("c")].customer.clone();
    let reply = message(&world, "c.1", 4).clone();
    assert_eq!(handover::refused(&reply, &customer), None, "it has not been handed over");
    let mut sending = reply.clone();
    sending.delivery.as_mut().unwrap().handed_over_at_ms = Some(START);
    let refused = handover::refused(&sending, &customer).unwrap();
    assert_eq!(refused.event_id, format!("lost.c.1.{START}"));
    let told_of = take(&mut world, refused);
    assert_eq!(told(&told_of, "ann"), ["message 5", "chat"]);
    assert_eq!(world.reply("ann", "c.1").unwrap_err(), Refusal::OwnedByOther);
    sending.delivery.as_mut().unwrap().handed_over_at_ms = Some(START + 1);
    let again = take(&mut world, handover::refused(&sending, &customer).unwrap());
    assert!(told(&again, "ann").is_empty() && again.writes.len() == 1, "that is known");
    take(&mut world, says(9, false));
    world.reply("ann", "c.1").unwrap();
    let theirs = Message { author: Author::System, ..sending };
    assert_eq!(handover::refused(&theirs, &customer), None, "nobody waits for a hand-back");
}

#[test]
fn c6_a_chat_that_waits_leaves_the_line_when_another_takes_the_conversation() {
    let mut world = with_bot();
    take(&mut world, passes(3, Some(BOT)));
    take(&mut world, takes(4));
    assert_eq!(world.chat("c.1").route.stand, Stand::WithBot);
    assert!(world.line(&id(SUPPORT)).is_empty());
    assert_eq!(world.story("c.1"), [EventKind::HandedOver, EventKind::TakenByOther]);
    take(&mut world, passes(5, Some(BOT)));
    assert_eq!(world.chat("c.1").route.stand, Stand::Waiting);
}

#[test]
fn c6_another_app_may_ask_and_whoever_has_the_chat_sees_it() {
    let asks = |n: u32| event(&format!("e{n}"), START, InboundKind::ControlRequested { app: BOT.to_owned() });
    let mut world = passed_on();
    let asked = take(&mut world, asks(4));
    assert_eq!(told(&asked, "ann"), ["message 4"]);
    assert_eq!(message(&world, "c.1", 4).content, note("conversation_requested"));
    world.close("ann", "c.1").unwrap();
    take(&mut world, asks(5));
    take(&mut world, takes(6));
    assert_eq!(world.chats.len(), 1, "without an open chat there is nobody to tell");
}
