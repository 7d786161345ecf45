//! What messengers tell of messages that are there: states of replies, echoes, reactions, files, names (I2, I6, W4).

use domain::Provider;
use domain::chat::EventKind;
use domain::config::Rule;
use domain::content::{Content, Media, MediaKind};
use domain::decision::{Decision, Fetch, Write};
use domain::delivery::{Outcome, is_before, progress, yields_to};
use domain::file::File;
use domain::inbound::{InboundEvent, InboundKind, ReplyRef, Which};
use domain::message::{Author, Delivery, DeliveryState, Message};

use crate::support::{SECOND, START, SUPPORT, World, event, id, told};

use DeliveryState::{Delivered, Failed, Queued, Read, Sending, Sent, Unknown};

fn reply_in(state: DeliveryState) -> Message {
    let author = Author::Operator { id: id("ann"), name: "Ann".to_owned() };
    let mut message = Message::new(id("c.1"), 2, START, author, Content::text("hello"));
    message.delivery = Some(Delivery {
        state,
        queued_at_ms: START,
        attempts: 1,
        lease_until_ms: (state == Sending).then_some(START + SECOND),
        handed_over_at_ms: Some(START),
        reason: (state == Unknown).then(|| "interrupted".to_owned()),
    });
    message
}

#[test]
fn i6_states_move_forwards_only_in_whatever_order_they_are_told() {
    // From each state (a row): what is left after being told Sent, Delivered, Read, Failed.
    for (before, after) in [
        (Queued, [Sent, Delivered, Read, Failed]),
        (Sending, [Sent, Delivered, Read, Failed]),
        (Unknown, [Sent, Delivered, Read, Failed]),
        (Sent, [Sent, Delivered, Read, Failed]),
        (Delivered, [Delivered, Delivered, Read, Delivered]),
        (Read, [Read, Read, Read, Read]),
        (Failed, [Failed, Failed, Failed, Failed]),
    ] {
        for (told, expected) in [Sent, Delivered, Read, Failed].into_iter().zip(after) {
            let message = reply_in(before);
            let next = progress(&message, told, Some("63016"), None);
            let state = next.as_ref().map_or(before, |next| next.delivery.as_ref().unwrap().state);
            assert_eq!(state, expected, "{before:?} told {told:?}");
            if let Some(next) = next {
                let delivery = next.delivery.unwrap();
                assert_eq!((next.rev, delivery.lease_until_ms), (message.rev + 1, None));
                assert_eq!(delivery.reason.as_deref(), Some("63016"));
            }
        }
    }
}

#[test]
fn a_reply_learns_the_messengers_id_of_it_once() {
    let named = progress(&reply_in(Sent), Sent, None, Some("wamid")).expect("its id is news");
    assert_eq!(named.provider_message_id.as_deref(), Some("wamid"));
    assert_eq!(progress(&named, Sent, None, Some("another")), None);
    let note = Message::new(id("c.1"), 1, START, Author::System, Content::text("x"));
    assert_eq!(progress(&note, Read, None, None), None, "what nobody sends fares nowhere");
}

/// A reply that was handed over, and is known to the messenger by this id.
fn known_as(state: DeliveryState, message_id: Option<&str>) -> Message {
    Message { provider_message_id: message_id.map(str::to_owned), ..reply_in(state) }
}

#[test]
fn i6_of_a_reply_that_was_sent_again_one_try_that_failed_says_nothing_of_another_and_one_that_arrived_does() {
    let (mine, other) = (Some("SM2"), Some("SM1"));
    for (before, known, told, expected) in [
        (Sent, mine, Failed, Sent),
        (Unknown, mine, Failed, Unknown),
        (Sent, mine, Delivered, Delivered),
        (Failed, mine, Read, Read),
        // It is on its way, and may still fail.
        (Failed, mine, Sent, Failed),
        // Refused at once, it has no id: who has one is another try.
        (Failed, None, Delivered, Delivered),
        (Delivered, mine, Failed, Delivered),
    ] {
        let next = progress(&known_as(before, known), told, None, other);
        let state = next.map_or(before, |next| next.delivery.unwrap().state);
        assert_eq!(state, expected, "{before:?} of {known:?} told {told:?} of {other:?}");
    }
    for told in [Sent, Delivered, Read] {
        assert_eq!(progress(&known_as(Failed, mine), told, None, mine), None, "the same try has failed: {told:?}");
    }
    // Sent again, and not handed over since.
    let mut again = known_as(Queued, None);
    again.delivery.as_mut().unwrap().handed_over_at_ms = None;
    assert_eq!(progress(&again, Failed, Some("window_closed"), other), None);
}

#[test]
fn i6_what_came_of_a_hand_over_stands_over_the_failure_of_an_earlier_try() {
    let sent = |id: &str| Outcome::Sent(Some(id.to_owned()));
    for (state, known, outcome, yields) in [
        (Failed, Some("SM1"), sent("SM2"), true),
        (Failed, Some("SM2"), sent("SM2"), false),
        (Failed, None, sent("SM2"), false),
        (Failed, Some("SM1"), Outcome::Unknown("timed_out".to_owned()), false),
        (Sending, None, Outcome::Failed("refused".to_owned()), true),
        (Unknown, None, sent("SM2"), true),
        (Queued, None, sent("SM2"), false),
        (Delivered, Some("SM1"), sent("SM2"), false),
    ] {
        assert_eq!(yields_to(&known_as(state, known), &outcome), yields, "{state:?} {known:?} {outcome:?}");
    }
}

#[test]
fn i6_a_watermark_counts_for_what_was_with_the_messenger_by_then() {
    for (state, watermark_ms, counts) in [
        (Sent, START, true),
        (Sent, START - 1, false),
        (Delivered, START, true),
        (Queued, START + SECOND, false),
        (Sending, START + SECOND, false),
        (Unknown, START + SECOND, false),
        (Failed, START + SECOND, false),
    ] {
        assert_eq!(is_before(&reply_in(state), watermark_ms), counts, "{state:?} {watermark_ms}");
    }
}

fn world() -> World {
    let mut world = World::new(Rule::ToAll, &["ann"]);
    world.writes("c");
    world.accept("ann", "c.1").expect("the offer is open");
    world.reply("ann", "c.1").expect("the chat is in work");
    world.reply("ann", "c.1").expect("the chat is in work");
    world
}

/// Both replies, seq 2 and 3, are at the messenger.
fn sent() -> World {
    let mut world = world();
    for seq in [2, 3] {
        let message = world.messages.get_mut(&(id("c.1"), seq)).expect("a reply");
        let delivery = message.delivery.as_mut().expect("it is a reply");
        (delivery.state, delivery.handed_over_at_ms) =
            (Sent, Some(START + i64::try_from(seq).expect("a small number") * SECOND));
    }
    world
}

fn take(world: &mut World, event: InboundEvent) -> Decision {
    let decision = world.decide_event("c", event);
    if !decision.is_nothing() {
        world.commit(&decision);
    }
    decision
}

fn fares(which: Which, state: DeliveryState) -> InboundEvent {
    event("d1", START, InboundKind::Delivery { which, state, reason: None })
}

fn echo(n: u32, reply: Option<u64>) -> InboundEvent {
    let reply = reply.map(|seq| ReplyRef { chat: id("c.1"), seq });
    let (message_id, content) = (format!("mid{n}"), Content::text("part 1"));
    event(&format!("e{n}"), START + SECOND, InboundKind::Echo { message_id, content, reply, app: None })
}

fn states(world: &World) -> Vec<DeliveryState> {
    world.messages.values().filter_map(|message| Some(message.delivery.as_ref()?.state)).collect()
}

#[test]
fn i6_a_read_watermark_marks_every_reply_before_it_and_their_operator_sees_it() {
    let mut world = sent();
    let read = take(&mut world, fares(Which::UpTo(START + 2 * SECOND), Read));
    assert_eq!((states(&world), told(&read, "ann")), (vec![Read, Sent], vec!["message 2".to_owned()]));
    let again = take(&mut world, fares(Which::UpTo(START + 2 * SECOND), Read));
    assert!(again.is_nothing(), "told twice it is no news");
    take(&mut world, fares(Which::UpTo(START + 3 * SECOND), Delivered));
    assert_eq!(states(&world), [Read, Delivered], "and a lower one takes nothing back");
}

#[test]
fn i6_an_echo_shows_that_a_reply_arrived_whatever_its_own_answer_said() {
    let mut world = world();
    world.messages.get_mut(&(id("c.1"), 2)).unwrap().delivery.as_mut().unwrap().state = Unknown;
    let echoed = take(&mut world, echo(1, Some(2)));
    assert_eq!((states(&world), told(&echoed, "ann")), (vec![Sent, Queued], vec!["message 2".to_owned()]));
    let message = &world.messages[&(id("c.1"), 2)];
    assert_eq!((message.provider_message_id.as_deref(), message.provider_at_ms), (Some("mid1"), Some(START + SECOND)));
    assert_eq!(world.messages.len(), 3, "it is no message of its own: no loop");
    assert!(!world.try_commit(&world.decide_event("c", echo(1, Some(2)))), "twice is once");
}

#[test]
fn c6_what_somebody_else_writes_joins_the_open_chat_and_restarts_its_close_clock() {
    let mut world = world();
    world.wait(SECOND);
    let echoed = take(&mut world, echo(1, None));
    assert_eq!(told(&echoed, "ann"), ["message 4"]);
    let chat = world.chat("c.1");
    assert_eq!((chat.thread.last_out_at_ms, chat.thread.last_out_seq), (Some(START + SECOND), Some(3)));
    world.close("ann", "c.1").unwrap();
    take(&mut world, echo(2, None));
    assert_eq!((world.chats.len(), world.messages.len()), (1, 4), "no chat is opened by us");
}

#[test]
fn a_reaction_is_shown_at_its_message_until_it_is_taken_back() {
    let mut world = world();
    let react = |n: u32, message_id: &str, reaction: Option<&str>| {
        let (message_id, reaction) = (message_id.to_owned(), reaction.map(str::to_owned));
        event(&format!("r{n}"), START, InboundKind::Reaction { message_id, reaction })
    };
    take(&mut world, echo(1, Some(2)));
    let reacted = take(&mut world, react(1, "mid1", Some("❤")));
    assert_eq!(told(&reacted, "ann"), ["message 2"]);
    assert_eq!(world.messages[&(id("c.1"), 2)].reaction.as_deref(), Some("❤"));
    take(&mut world, react(2, "mid1", None));
    assert_eq!(world.messages[&(id("c.1"), 2)].reaction, None);
    assert!(take(&mut world, react(3, "unheard-of", Some("❤"))).is_nothing());
}

fn photo(source: Option<&str>) -> Content {
    let media = Media {
        kind: MediaKind::Photo,
        file_name: None,
        mime_type: None,
        size_bytes: None,
        caption: None,
        source: source.map(str::to_owned),
        album_id: None,
    };
    Content::Media { media }
}

fn sends(n: u32, content: Content) -> InboundEvent {
    let what = InboundKind::Message {
        message_id: format!("f{n}"),
        content,
        reply_to: None,
        quote: None,
        forwarded_from: None,
    };
    event(&format!("f{n}"), START, what)
}

#[test]
fn w4_a_message_shows_at_once_and_its_file_is_fetched() {
    let fetched =
        |decision: &Decision| -> Vec<Fetch> { decision.fetches.iter().map(|hint| hint.what.clone()).collect() };
    let mut world = World::new(Rule::ToAll, &["ann"]);
    for (n, seq) in [(1, 1), (2, 2)] {
        let said = take(&mut world, sends(n, photo(Some("handle"))));
        assert_eq!(fetched(&said), [Fetch::File { chat: id("c.1"), seq }]);
        assert_eq!(world.messages[&(id("c.1"), seq)].file, Some(File::Pending { since_ms: START }));
    }
    let said = take(&mut world, sends(3, photo(None)));
    assert_eq!((fetched(&said), &world.messages[&(id("c.1"), 3)].file), (vec![], &None), "nothing to fetch it by");
    for (n, source, again) in [(1, "handle", false), (2, "another", true)] {
        let what = InboundKind::Edited { message_id: format!("f{n}"), content: photo(Some(source)) };
        let edited = take(&mut world, event(&format!("x{n}"), START, what));
        assert_eq!(!edited.fetches.is_empty(), again, "{source}: an edit may bring another file");
    }
    let shown = world.messages[&(id("c.1"), 1)].shown();
    assert_eq!(shown.content, photo(None), "the messenger's own address is for the backend alone");
}

#[test]
fn c5_a_name_that_is_not_told_is_asked_for_once_and_kept() {
    let stranger = |n: u32| {
        let mut event = sends(n, Content::text("hello"));
        event.customer.name = "Messenger 42".to_owned();
        event.customer.is_stand_in = true;
        event
    };
    let mut elsewhere = World::new(Rule::ToAll, &["ann"]);
    elsewhere.provider = Provider::Whatsapp;
    assert!(take(&mut elsewhere, stranger(1)).fetches.is_empty(), "WhatsApp has nobody to ask");
    let mut world = World::new(Rule::ToAll, &["ann"]);
    world.provider = Provider::Messenger;
    let opened = take(&mut world, stranger(1));
    let asked: Vec<_> = opened.fetches.iter().map(|hint| hint.what.clone()).collect();
    assert_eq!(asked, [Fetch::Profile { address: "42".to_owned() }]);
    assert_eq!(world.chat("c.1").customer_name, "Messenger 42");
    world.accept("ann", "c.1").unwrap();
    let mut profile = event("p1", START, InboundKind::Profile);
    profile.customer.name = "Ada Example".to_owned();
    let named = take(&mut world, profile.clone());
    assert_eq!(told(&named, "ann"), ["contact", "chat"]);
    assert_eq!(world.chat("c.1").customer_name, "Ada Example");
    assert!(take(&mut world, profile).is_nothing(), "a known name is kept");
    world.close("ann", "c.1").unwrap();
    let opened = take(&mut world, stranger(2));
    assert!(opened.fetches.is_empty());
    assert_eq!(world.chat("c.2").customer_name, "Ada Example", "a stand-in takes no known name's place");
    assert_eq!(world.line(&id(SUPPORT)).len(), 1);
}

#[test]
fn l7_a_name_that_comes_while_the_chat_moves_is_written_to_the_chat_as_it_is() {
    let mut world = World::new(Rule::ToAll, &["ann"]);
    let mut said = sends(1, Content::text("hello"));
    said.customer.is_stand_in = true;
    take(&mut world, said);
    let mut profile = event("p1", START, InboundKind::Profile);
    profile.customer.name = "Ada".to_owned();
    let named = world.decide_event("c", profile);
    assert!(named.writes.iter().any(|write| matches!(write, Write::Named(_))));
    world.accept("ann", "c.1").unwrap();
    assert!(!world.try_commit(&named), "or the line would have it again");
}

#[test]
fn c5_whoever_takes_a_chat_while_its_name_comes_looks_again() {
    let mut world = World::new(Rule::ToAll, &["ann"]);
    let mut said = sends(1, Content::text("hello"));
    said.customer.is_stand_in = true;
    take(&mut world, said);
    let taken = world.decide_accept("ann", "c.1", None).unwrap();
    let mut profile = event("p1", START, InboundKind::Profile);
    profile.customer.name = "Ada".to_owned();
    take(&mut world, profile);
    assert!(!world.try_commit(&taken), "or ann would be told the stand-in, and nothing after it");
    world.accept("ann", "c.1").unwrap();
    assert_eq!(world.chat("c.1").customer_name, "Ada");
    assert_eq!(world.story("c.1"), [EventKind::Named, EventKind::Accepted]);
}
