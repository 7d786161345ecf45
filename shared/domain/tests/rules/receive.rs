//! What a customer's events do (L1, L3, L7, I1, I2, I9).

use domain::config::Rule;
use domain::contact::Contact;
use domain::content::{Content, Media, MediaKind};
use domain::decision::{News, Write};
use domain::inbound::{InboundEvent, InboundKind};
use domain::message::{Author, Message};
use domain::receive::{message_key, receipt_key};

use crate::support::{SECOND, START, SUPPORT, World, event, id, in_work, incoming, told};

fn says(event_id: &str, message_id: &str, content: Content) -> InboundEvent {
    let what = InboundKind::Message {
        message_id: message_id.to_owned(),
        content,
        reply_to: Some("before".to_owned()),
        quote: Some("quoted".to_owned()),
        forwarded_from: Some("somebody".to_owned()),
    };
    event(event_id, START - SECOND, what)
}

fn edits(event_id: &str, message_id: &str, content: Content) -> InboundEvent {
    event(event_id, START + SECOND, InboundKind::Edited { message_id: message_id.to_owned(), content })
}

fn photo(file: &str, caption: Option<&str>) -> Content {
    let media = Media {
        kind: MediaKind::Photo,
        file_name: None,
        mime_type: None,
        size_bytes: Some(1000),
        caption: caption.map(str::to_owned),
        source: Some(file.to_owned()),
        album_id: None,
    };
    Content::Media { media }
}

fn world() -> World {
    World::new(Rule::ToAll, &["ann"])
}

fn take(world: &mut World, event: InboundEvent) {
    let decision = world.decide_event("c", event);
    world.commit(&decision);
}

fn message<'a>(world: &'a World, chat: &str, seq: u64) -> &'a Message {
    &world.messages[&(id(chat), seq)]
}

#[test]
fn l1_the_first_message_opens_a_chat_in_the_channels_queue() {
    let mut world = world();
    let opened = world.writes("c");
    let chat = world.chat("c.1");
    assert_eq!((chat.route.queue.clone(), chat.route.waiting_since_ms, chat.opened_at_ms), (id(SUPPORT), START, START));
    assert_eq!((chat.thread.next_seq, chat.thread.last_in_at_ms, chat.thread.last_out_at_ms), (2, Some(START), None));
    assert_eq!(opened.wakes.len(), 1);
    assert_eq!(opened.writes.len(), 4, "chat, message, receipt, contact (budget: 5 items with the waiting row)");
}

#[test]
fn l1_later_messages_join_the_open_chat_wherever_it_stands() {
    let mut world = World::new(Rule::MostFree, &["ann"]);
    world.writes("c");
    assert!(world.writes("c").tells.is_empty(), "while it waits nobody hears of it");
    world.pass(SUPPORT);
    world.writes("c");
    world.accept("ann", "c.1").unwrap();
    let joined = world.wait(SECOND).writes("c");
    assert_eq!(told(&joined, "ann"), ["message 4"], "whoever has it in work does");
    assert_eq!(joined.writes.len(), 3, "thread, message, receipt: the budget of a stored message");
    assert_eq!(world.chats.len(), 1);
    assert_eq!(world.chat("c.1").thread.last_in_at_ms, Some(START + SECOND));
    assert!(joined.wakes.is_empty());
}

#[test]
fn l3_after_the_close_the_next_message_opens_a_new_chat() {
    let mut world = world();
    world.writes("c");
    world.accept("ann", "c.1").unwrap();
    world.close("ann", "c.1").unwrap();
    world.wait(SECOND).writes("c");
    assert_eq!(world.chat("c.2").route.waiting_since_ms, START + SECOND, "as new");
    assert!(world.chat("c.1").is_closed());
    world.accept("ann", "c.2").unwrap();
}

#[test]
fn i1_two_first_messages_at_once_open_one_chat() {
    let mut world = world();
    let one = world.decide_event("c", says("u1", "m1", Content::text("one")));
    let two = world.decide_event("c", says("u2", "m2", Content::text("two")));
    assert!(world.try_commit(&one));
    assert!(!world.try_commit(&two));
    take(&mut world, says("u2", "m2", Content::text("two")));
    assert_eq!((world.chats.len(), world.messages.len()), (1, 2));
}

#[test]
fn i2_the_same_message_twice_is_stored_once() {
    let mut world = world();
    take(&mut world, says("u1", "m1", Content::text("one")));
    // Decided anew on what is there now, also under another event id: the receipt is the message's own.
    for event_id in ["u1", "u9"] {
        let again = world.decide_event("c", says(event_id, "m1", Content::text("one")));
        assert!(!world.try_commit(&again));
    }
    assert_eq!(world.messages.len(), 1);
}

#[test]
fn i9_a_message_that_comes_while_the_chat_closes_joins_it_or_opens_the_next() {
    for message_first in [true, false] {
        let mut world = world();
        world.writes("c");
        world.accept("ann", "c.1").unwrap();
        let close = world.decide_close("ann", "c.1").unwrap();
        let message = world.decide_message("c");
        if message_first {
            assert!(world.try_commit(&message) && world.try_commit(&close));
            assert_eq!(world.chats.len(), 1);
        } else {
            assert!(world.try_commit(&close) && !world.try_commit(&message));
            world.writes("c");
            assert_eq!(world.chats.len(), 2);
        }
        assert_eq!(world.messages.len(), 2);
    }
}

#[test]
fn l7_numbers_are_given_in_the_order_of_acceptance_and_the_providers_time_is_kept() {
    let mut world = world();
    take(&mut world, says("u1", "m1", Content::text("one")));
    let stored = message(&world, "c.1", 1);
    assert_eq!((stored.at_ms, stored.provider_at_ms), (START, Some(START - SECOND)));
    assert_eq!((stored.author.clone(), stored.rev, stored.delivery.clone()), (Author::Customer, 1, None));
    assert_eq!(stored.provider_message_id.as_deref(), Some("m1"));
    assert_eq!(stored.reply_to.as_deref(), Some("before"));
    assert_eq!(stored.quote.as_deref(), Some("quoted"));
    assert_eq!(stored.forwarded_from.as_deref(), Some("somebody"));
}

#[test]
fn l7_where_the_provider_tells_no_time_none_is_shown() {
    let mut world = world();
    let mut untimed = says("u1", "m1", Content::Button { label: "Yes".to_owned() });
    untimed.at_ms = 0;
    take(&mut world, untimed);
    assert_eq!((message(&world, "c.1", 1).at_ms, message(&world, "c.1", 1).provider_at_ms), (START, None));
    let mut edited = edits("u2", "m1", Content::text("No"));
    edited.at_ms = 0;
    take(&mut world, edited);
    assert_eq!(message(&world, "c.1", 1).edited_at_ms, Some(START), "the time of receipt is all there is");
}

#[test]
fn l4_an_edit_changes_the_message_in_its_place() {
    // before, as edited, after (none = nothing one can see)
    let table = [
        (Content::text("one"), Content::text("two"), Some(Content::text("two"))),
        (Content::text("one"), Content::text("one"), None),
        (photo("f", None), photo("f", Some("new")), Some(photo("f", Some("new")))),
        (photo("f", Some("old")), photo("f", None), Some(photo("f", None))),
        (photo("f", Some("old")), photo("g", Some("old")), Some(photo("g", Some("old")))),
        // A caption alone: the file stays.
        (photo("f", Some("old")), Content::text("new"), Some(photo("f", Some("new")))),
        (photo("f", Some("old")), Content::text("old"), None),
        (Content::text("one"), photo("f", None), Some(photo("f", None))),
    ];
    for (before, edit, after) in table {
        let mut world = world();
        take(&mut world, says("u1", "m1", before.clone()));
        world.accept("ann", "c.1").unwrap();
        let next_seq = world.chat("c.1").thread.next_seq;
        let decision = world.decide_event("c", edits("u2", "m1", edit));
        world.commit(&decision);
        let stored = message(&world, "c.1", 1);
        assert_eq!(stored.content, after.clone().unwrap_or(before));
        let (rev, edited_at, tells) = if after.is_some() { (2, Some(START + SECOND), 1) } else { (1, None, 0) };
        assert_eq!((stored.rev, stored.edited_at_ms, decision.tells.len()), (rev, edited_at, tells));
        assert_eq!(world.chat("c.1").thread.next_seq, next_seq, "an edit is no new message");
        assert!(world.receipts.contains_key(&(id("c"), "e:u2".to_owned())), "taken in, whatever it changed (I2)");
        let again = world.decide_event("c", edits("u2", "m1", Content::text("x")));
        assert!(!world.try_commit(&again), "the same event again changes nothing");
    }
}

#[test]
fn l4_an_edit_reaches_a_message_of_a_closed_chat_and_opens_none() {
    let mut world = world();
    take(&mut world, says("u1", "m1", Content::text("one")));
    world.accept("ann", "c.1").unwrap();
    world.close("ann", "c.1").unwrap();
    take(&mut world, edits("u2", "m1", Content::text("two")));
    assert_eq!(message(&world, "c.1", 1).content, Content::text("two"));
    assert_eq!(world.chats.len(), 1);
}

#[test]
fn i2_an_edit_of_a_message_that_never_came_is_a_message_once() {
    let mut world = world();
    take(&mut world, edits("u1", "m1", Content::text("one")));
    let stored = message(&world, "c.1", 1);
    assert_eq!((stored.content.clone(), stored.edited_at_ms), (Content::text("one"), Some(START + SECOND)));
    let told = (stored.provider_message_id.as_deref(), stored.provider_at_ms);
    assert_eq!(told, (Some("m1"), Some(START + SECOND)), "as of the message itself");
    // It has come now: the next edit finds it, and should it come itself, it is known.
    take(&mut world, edits("u2", "m1", Content::text("two")));
    assert_eq!(message(&world, "c.1", 1).content, Content::text("two"));
    assert_eq!(world.messages.len(), 1);
    let late = world.decide_event("c", says("u0", "m1", Content::text("zero")));
    assert!(!world.try_commit(&late));
}

#[test]
fn i2_the_keys_of_receipts() {
    assert_eq!(receipt_key(&says("u1", "m1", Content::text("x"))), message_key("m1"));
    assert_eq!(receipt_key(&edits("u1", "m1", Content::text("x"))), "e:u1");
    assert_eq!(receipt_key(&event("u1", START, InboundKind::Blocked)), "e:u1");
    // A provider's ids of messages and of events may be the same: the keys are not.
    assert_ne!(message_key("1"), receipt_key(&event("1", START, InboundKind::Unblocked)));
}

#[test]
fn l4_blocking_marks_the_contact_and_notes_it_in_the_open_chat() {
    for (what, note, reachable) in
        [(InboundKind::Blocked, "customer_blocked", false), (InboundKind::Unblocked, "customer_unblocked", true)]
    {
        let mut world = world();
        world.writes("c");
        world.accept("ann", "c.1").unwrap();
        world.wait(SECOND);
        let decision = world.decide_event("c", event("u1", START, what));
        world.commit(&decision);
        assert_eq!(world.contacts[&id("c")].reachable, reachable);
        let stored = message(&world, "c.1", 2);
        assert_eq!(stored.content, Content::Unsupported { what: note.to_owned() });
        assert_eq!((stored.author.clone(), stored.delivery.clone()), (Author::System, None), "never sent to anybody");
        assert_eq!(world.chat("c.1").thread.last_in_at_ms, Some(START), "the customer has said nothing (L2)");
        assert_eq!(told(&decision, "ann"), ["message 2", "contact"]);
        let receipt = &world.receipts[&(id("c"), "e:u1".to_owned())];
        assert_eq!(*receipt, None, "no message of the customer came of it");
    }
}

#[test]
fn l3_blocking_opens_no_chat() {
    let mut world = world();
    take(&mut world, event("u1", START, InboundKind::Blocked));
    assert_eq!((world.chats.len(), world.contacts.len(), world.receipts.len()), (0, 0, 1), "not even a contact");
    world.writes("c");
    world.accept("ann", "c.1").unwrap();
    world.close("ann", "c.1").unwrap();
    take(&mut world, event("u2", START, InboundKind::Blocked));
    assert_eq!((world.chats.len(), world.messages.len()), (1, 1));
    assert!(!world.contacts[&id("c")].reachable);
}

#[test]
fn l3_the_contact_is_refreshed_when_a_chat_opens() {
    let known = |name: &str, reachable| {
        let mut customer = says("u", "m", Content::text("x")).customer;
        customer.name = name.to_owned();
        Contact { conversation: id("c"), channel: id("bot"), customer, reachable, since_ms: 1 }
    };
    // the contact as known, whether it is written
    let table = [
        ("new", None, true),
        ("unchanged", Some(known("Customer", true)), false),
        ("renamed", Some(known("Old name", true)), true),
        ("who writes can be written to", Some(known("Customer", false)), true),
    ];
    for (what, contact, expect) in table {
        let happening = incoming("c", says("u1", "m1", Content::text("x")), START);
        let decision = happening.incoming().message(None, contact.as_ref(), None);
        let written = decision.writes.iter().find_map(|write| match write {
            Write::Contact(contact) => Some(contact),
            _ => None,
        });
        assert_eq!(written.is_some(), expect, "{what}");
        if let Some(written) = written {
            let since = if contact.is_some() { 1 } else { START };
            assert_eq!(*written, Contact { since_ms: since, ..known("Customer", true) }, "{what}");
        }
    }
    let happening = incoming("c", says("u1", "m1", Content::text("x")), START);
    let joined = happening.incoming().message(Some(&in_work("c.1", "ann")), None, None);
    assert!(!joined.writes.iter().any(|write| matches!(write, Write::Contact(_))), "an open chat needs no look at it");
}

#[test]
fn l1_what_is_told_is_what_is_stored() {
    let mut world = world();
    world.writes("c");
    world.accept("ann", "c.1").unwrap();
    let decision = world.writes("c");
    let News::Message(told) = &decision.tells[0].news else { panic!("{decision:?}") };
    assert_eq!(told, message(&world, "c.1", 2));
}
