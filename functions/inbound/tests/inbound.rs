//! The flow of a customer's event through the real rows.

use domain::chat::Stand;
use domain::content::Content;
use domain::decision::{Decision, Write};
use domain::delivery::{Outcome, Turn, settle, turn};
use domain::inbound::{InboundKind, ReplyRef, Which};
use domain::message::{Author, DeliveryState};
use domain::{ChatId, transfer};
use fakes::world::{CROWD, SALES, id, inbound, message, parked, sqs};
use fakes::{FakeClock, FakePush, FakeQueues, FakeVisibility, FaultTime, MemoryStore, World};
use inbound::Inbound;
use ports::StoreError;
use ports::timers::NoTimers;
use runtime::Desk;
use wire::queues::{Inbound as Body, QueueMessage};

type Function = Inbound<MemoryStore, FakeQueues, FakePush, FakeClock, FakeVisibility>;

fn function(world: &World) -> Function {
    let w = world.clone();
    Inbound { desk: Desk::new(w.store, w.queues, NoTimers, w.push, w.clock), visibility: w.visibility }
}

/// Delivers these in one batch; says which were handed back.
async fn deliver(function: &Function, bodies: &[Body]) -> Vec<String> {
    let messages: Vec<QueueMessage> = bodies.iter().cloned().map(QueueMessage::Inbound).collect();
    let failures = function.handle(sqs(&messages)).await.batch_item_failures;
    failures.into_iter().map(|failure| failure.item_identifier).collect()
}

async fn take_in(world: &World, body: Body) {
    assert!(deliver(&function(world), &[body]).await.is_empty());
    world.check();
}

fn edited(body: &Body, update: &str, text: &str) -> Body {
    let InboundKind::Message { message_id, .. } = &body.event.what else { panic!("a message is edited") };
    let mut edit = body.clone();
    update.clone_into(&mut edit.event.event_id);
    edit.event.at_ms += 60_000;
    edit.event.what = InboundKind::Edited { message_id: message_id.clone(), content: Content::text(text) };
    edit
}

fn reachability(conversation: &str, update: &str, what: InboundKind) -> Body {
    let mut body = inbound(conversation, SALES, "0", "");
    update.clone_into(&mut body.event.event_id);
    body.event.what = what;
    body
}

#[tokio::test]
async fn l1_a_first_message_opens_a_chat_in_its_queues_line_and_wakes_the_router() {
    let world = World::new();
    take_in(&world, inbound("c1", SALES, "7", "hello")).await;

    let chat = world.latest_chat("c1").unwrap();
    assert_eq!((chat.id.n, &chat.route.queue, &chat.route.stand), (1, &id(SALES), &Stand::Waiting));
    assert_eq!(chat.customer_name, "Customer c1");
    assert_eq!(world.line(SALES), ["c1"]);
    let message = &world.messages(&chat.id)[0];
    assert_eq!((message.seq, &message.author), (1, &Author::Customer));
    // L7: the provider's own time is kept beside the time of acceptance.
    assert_eq!((message.at_ms, message.provider_at_ms), (world.now_ms(), Some(1_767_225_000_000)));
    assert!(world.contact("c1").unwrap().reachable);
    let wakes = world.queues.take();
    let [QueueMessage::Wake(wake)] = wakes.as_slice() else { panic!("{wakes:?}") };
    assert_eq!((&wake.queue, wake.cause.as_str()), (&id(SALES), "c1.1.1"));
}

#[tokio::test]
async fn l1_a_later_message_joins_the_open_chat_and_its_operator_is_told() {
    let world = World::new();
    let anna = world.operator("anna");
    world.connect(&anna, "anna-2");
    let chat = world.in_work("c1", SALES, &anna);
    take_in(&world, inbound("c1", SALES, "2", "still there?")).await;

    assert_eq!(world.words(&chat), ["hello", "still there?"]);
    for connection in ["anna-1", "anna-2"] {
        let told = world.told(connection, "message");
        assert_eq!(told.len(), 1);
        assert_eq!(
            (&told[0]["message"]["seq"], &told[0]["message"]["content"]["text"]),
            (&2.into(), &"still there?".into())
        );
    }
    assert!(world.queues.take().is_empty(), "a chat in work needs no router");
}

#[tokio::test]
async fn l3_a_message_after_the_close_opens_the_next_chat() {
    let world = World::new();
    let anna = world.operator("anna");
    let first = world.in_work("c1", SALES, &anna);
    world.closes(&first, &anna);
    let mut body = inbound("c1", SALES, "2", "once more");
    body.event.customer.name = "New Name".to_owned();
    take_in(&world, body).await;

    let chats = world.chats("c1");
    assert_eq!((chats.len(), chats[1].id.n, &chats[1].route.stand), (2, 2, &Stand::Waiting));
    assert_eq!(world.words(&chats[1].id), ["once more"]);
    assert_eq!(world.contact("c1").unwrap().customer.name, "New Name");
    assert!(world.told("anna-1", "message").is_empty(), "I8: the next chat is nobody's yet");
}

#[tokio::test]
async fn l7_an_edit_changes_the_message_wherever_it_is_and_keeps_its_number() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    let hello = inbound("c1", SALES, "1", "hello");
    take_in(&world, edited(&hello, "u2", "hello there")).await;

    let message = &world.messages(&chat)[0];
    assert_eq!((message.seq, message.rev, message.content.words()), (1, 2, Some("hello there")));
    assert_eq!(message.edited_at_ms, Some(1_767_225_060_000));
    assert_eq!(world.told("anna-1", "message")[0]["message"]["rev"], 2);

    // Twice the same edit, and one that changes nothing, leave it as it is.
    take_in(&world, edited(&hello, "u2", "hello there")).await;
    take_in(&world, edited(&hello, "u3", "hello there")).await;
    assert_eq!(world.messages(&chat)[0].rev, 2);

    // It is found in a closed chat too: there it is changed, and nobody is told.
    world.closes(&chat, &anna);
    take_in(&world, inbound("c1", SALES, "2", "again")).await;
    take_in(&world, edited(&hello, "u4", "bye")).await;
    assert_eq!(world.words(&chat), ["bye"]);
    assert_eq!(world.told("anna-1", "message").len(), 1);
}

#[tokio::test]
async fn an_edit_of_a_message_that_never_came_is_a_message() {
    let world = World::new();
    take_in(&world, edited(&inbound("c1", SALES, "9", "lost"), "u1", "found")).await;
    assert_eq!(world.words(&world.latest_chat("c1").unwrap().id), ["found"]);
}

#[tokio::test]
async fn a_customer_who_blocks_is_marked_and_an_open_chat_gets_a_note() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    take_in(&world, reachability("c1", "u2", InboundKind::Blocked)).await;
    assert!(!world.contact("c1").unwrap().reachable);
    assert_eq!(world.messages(&chat)[1].author, Author::System);
    assert_eq!(world.told("anna-1", "contact")[0]["reachable"], false);

    take_in(&world, reachability("c1", "u3", InboundKind::Unblocked)).await;
    assert!(world.contact("c1").unwrap().reachable);
    assert_eq!(world.messages(&chat).len(), 3);

    // Of a stranger, or after the close, it opens nothing.
    world.closes(&chat, &anna);
    take_in(&world, reachability("c1", "u4", InboundKind::Blocked)).await;
    take_in(&world, reachability("c2", "u5", InboundKind::Blocked)).await;
    assert_eq!((world.chats("c1").len(), world.chats("c2").len()), (1, 0));
}

#[tokio::test]
async fn c1_a_channel_that_does_not_take_part_stores_nothing() {
    let world = World::new();
    world.configure(|config| config.channels.get_mut(&id("sales-bot")).unwrap().active = false);
    world.configure(|config| config.channels.get_mut(&id("crowd-bot")).unwrap().queue = None);
    take_in(&world, inbound("c1", SALES, "1", "hello")).await;
    take_in(&world, inbound("c2", CROWD, "1", "hello")).await;
    assert!(world.chats("c1").is_empty() && world.chats("c2").is_empty());
    assert!(world.queues.take().is_empty());
}

#[tokio::test]
async fn i2_fifty_deliveries_leave_one_message() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    let body = inbound("c1", SALES, "2", "once");
    // Ten processes, five deliveries each, at the same time: each step of one lets the others go first.
    let deliveries = (0..10).map(async |_| {
        let function = function(&world);
        let mut handed_back = 0;
        for _ in 0..5 {
            handed_back += deliver(&function, std::slice::from_ref(&body)).await.len();
        }
        handed_back
    });
    let handed_back: usize = futures_util::future::join_all(deliveries).await.iter().sum();
    assert_eq!(handed_back, 0);
    assert_eq!(world.words(&chat), ["hello", "once"]);
    assert_eq!(world.told("anna-1", "message").len(), 1);
    world.check();
}

#[tokio::test]
async fn i2_a_stored_message_whose_teller_died_is_told_by_the_redelivery() {
    let world = World::new();
    let anna = world.operator("anna");
    world.in_work("c1", SALES, &anna);
    world.says("c1", SALES, "2", "stored, not told");
    let mut event = sqs(&[]);
    let mut again = message(0, &QueueMessage::Inbound(inbound("c1", SALES, "2", "stored, not told")));
    again.attributes.insert("ApproximateReceiveCount".to_owned(), "2".to_owned());
    event.records.push(again);
    assert!(function(&world).handle(event).await.batch_item_failures.is_empty());
    assert_eq!(world.told("anna-1", "message").len(), 1);
    world.check();
}

#[tokio::test]
async fn i1_of_two_first_messages_at_once_one_opens_the_chat_and_the_other_joins_it() {
    let world = World::new();
    let rival = world.clone();
    world.store.before_next_commit(move |_| {
        rival.says("c1", SALES, "1", "first");
    });
    take_in(&world, inbound("c1", SALES, "2", "second")).await;
    assert_eq!(world.chats("c1").len(), 1);
    assert_eq!(world.words(&world.latest_chat("c1").unwrap().id), ["first", "second"]);
    assert_eq!(world.line(SALES), ["c1"]);
}

#[tokio::test]
async fn i1_a_hundred_rounds_of_two_first_messages_open_a_hundred_chats() {
    let world = World::new();
    let (one, other) = (function(&world), function(&world));
    for round in 0..100 {
        let conversation = format!("c{round}");
        let (a, b) = ([inbound(&conversation, SALES, "1", "a")], [inbound(&conversation, SALES, "2", "b")]);
        let (a, b) = futures_util::join!(deliver(&one, &a), deliver(&other, &b));
        assert!(a.is_empty() && b.is_empty());
        assert_eq!(world.chats(&conversation).len(), 1);
    }
    world.check();
}

#[tokio::test]
async fn i9_a_message_whose_chat_closes_under_it_opens_the_next_one() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    let (rival, closing) = (world.clone(), chat.clone());
    world.store.before_next_commit(move |_| rival.closes(&closing, &anna));
    take_in(&world, inbound("c1", SALES, "2", "wait")).await;
    assert_eq!(world.words(&chat), ["hello"]);
    let next = world.latest_chat("c1").unwrap();
    assert_eq!((next.id.n, world.words(&next.id)), (2, vec!["wait".to_owned()]));
    assert_eq!(world.line(SALES), ["c1"]);
}

#[tokio::test]
async fn i9_a_message_before_the_close_is_in_the_closed_chat() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    take_in(&world, inbound("c1", SALES, "2", "thanks")).await;
    world.closes(&chat, &anna);
    world.check();
    assert_eq!(world.chats("c1").len(), 1);
    assert_eq!(world.words(&chat), ["hello", "thanks"]);
}

#[tokio::test]
async fn a_body_that_is_none_is_parked_with_its_reason_and_its_conversation_goes_on() {
    let world = World::new();
    let mut event = sqs(&[
        QueueMessage::Inbound(inbound("c1", SALES, "1", "before")),
        QueueMessage::Inbound(inbound("c1", SALES, "2", "poison")),
        QueueMessage::Inbound(inbound("c1", SALES, "3", "after")),
    ]);
    event.records[1].body = Some("{\"v\":1}".to_owned());
    assert!(function(&world).handle(event).await.batch_item_failures.is_empty());
    assert_eq!(world.words(&world.latest_chat("c1").unwrap().id), ["before", "after"]);
    let parked = parked(&world.queues.take());
    assert_eq!(parked.len(), 1);
    assert_eq!(
        (parked[0].reason.as_str(), parked[0].group.as_str(), parked[0].body.as_str()),
        ("unreadable", "c1", "{\"v\":1}")
    );
}

#[tokio::test]
async fn a_store_that_fails_hands_the_conversation_back_in_order_and_others_go_on() {
    let world = World::new();
    let bodies = [inbound("c1", SALES, "1", "a"), inbound("c2", SALES, "1", "b"), inbound("c1", SALES, "2", "c")];
    world.store.fail_next_commits(1, FaultTime::Before, &StoreError::Throttled);
    let function = function(&world);
    assert_eq!(deliver(&function, &bodies).await, ["0", "2"]);
    assert!(world.chats("c1").is_empty());
    assert_eq!(world.chats("c2").len(), 1);
    assert!(deliver(&function, &[bodies[0].clone(), bodies[2].clone()]).await.is_empty());
    assert_eq!(world.words(&world.latest_chat("c1").unwrap().id), ["a", "c"]);
    world.check();
}

#[tokio::test]
async fn a_lost_wake_up_is_no_reason_to_hand_a_message_back() {
    let world = World::new();
    world.queues.fail_next(1, &ports::QueueError::Unavailable("down".to_owned()));
    take_in(&world, inbound("c1", SALES, "1", "hello")).await;
    assert_eq!(world.line(SALES), ["c1"], "the sweep will find it");
}

/// The messenger has this reply.
fn is_sent(world: &World, chat: &ChatId, seq: u64) {
    let message = world.messages(chat).into_iter().find(|message| message.seq == seq).expect("a reply");
    let Turn::HandOver(sending) = turn(&message, 0, world.now_ms()) else { panic!("it waits") };
    let sent = settle(&sending, &Outcome::Sent(Some(format!("mid{seq}"))));
    for message in [sending, sent] {
        world.commit(&Decision { writes: vec![Write::Message(message)], ..Decision::default() });
    }
}

/// Of two replies one has been echoed, which wrote the receipt that names it; the other's echo is still on its way.
#[tokio::test]
async fn c5_what_is_told_of_a_reply_before_its_echo_is_not_lost() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    let told_of = |event_id: &str, what: InboundKind| reachability("c1", event_id, what);
    let [one, two, three] = ["r1", "r2", "r3"].map(|request| world.replies(&chat, &anna, request, request)[0]);
    for seq in [one, two, three] {
        is_sent(&world, &chat, seq);
    }
    let reply = Some(ReplyRef { chat: chat.clone(), seq: one });
    let (message_id, content) = (format!("mid{one}"), Content::text("r1"));
    take_in(&world, told_of("echo", InboundKind::Echo { message_id, content, reply, app: None })).await;
    let which = Which::Messages(vec![format!("mid{one}"), format!("mid{two}")]);
    let delivered = InboundKind::Delivery { which, state: DeliveryState::Delivered, reason: None };
    take_in(&world, told_of("delivered", delivered)).await;
    let state = |seq: u64| {
        let message = world.messages(&chat).into_iter().find(|message| message.seq == seq);
        message.and_then(|message| message.delivery).map(|delivery| delivery.state)
    };
    let (delivered, sent) = (Some(DeliveryState::Delivered), Some(DeliveryState::Sent));
    assert_eq!([one, two, three].map(state), [delivered, delivered, sent]);
}

/// A word about a reply of the chat before and about something that is nobody's here: the reply is found all the same.
#[tokio::test]
async fn c5_what_is_told_of_a_closed_chats_reply_is_not_lost_beside_what_is_unknown() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    let seq = world.replies(&chat, &anna, "r1", "bye")[0];
    is_sent(&world, &chat, seq);
    let reply = Some(ReplyRef { chat: chat.clone(), seq });
    let (message_id, content) = (format!("mid{seq}"), Content::text("bye"));
    let echo = InboundKind::Echo { message_id, content, reply, app: None };
    take_in(&world, reachability("c1", "echo", echo)).await;
    world.closes(&chat, &anna);
    take_in(&world, inbound("c1", SALES, "9", "one more thing")).await;
    assert_ne!(world.latest_chat("c1").unwrap().id, chat);
    let which = Which::Messages(vec![format!("mid{seq}"), "nobody's".to_owned()]);
    let delivered = InboundKind::Delivery { which, state: DeliveryState::Delivered, reason: None };
    take_in(&world, reachability("c1", "delivered", delivered)).await;
    let message = world.messages(&chat).into_iter().find(|message| message.seq == seq).unwrap();
    assert_eq!(message.delivery.unwrap().state, DeliveryState::Delivered);
}

#[tokio::test]
async fn i8_while_nobody_has_the_chat_each_hears_how_their_own_reply_fares() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    let chat = world.in_work("c1", SALES, &anna);
    let of_anna = world.replies(&chat, &anna, "r1", "of Anna's")[0];
    world.hands_over(&chat, &anna, &ben);
    world.take(&chat, &ben);
    let of_ben = world.replies(&chat, &ben, "r2", "of Ben's")[0];
    is_sent(&world, &chat, of_anna);
    is_sent(&world, &chat, of_ben);
    let queue = world.config().queues[&id(SALES)].clone();
    let back = transfer::to_queue(&world.chat(&chat), &world.person(&ben), None, &queue, "back", world.now_ms());
    world.commit(&back.expect("may"));
    let mut read = inbound("c1", SALES, "0", "");
    "read".clone_into(&mut read.event.event_id);
    let (which, state, reason) = (Which::UpTo(world.now_ms()), DeliveryState::Read, None);
    read.event.what = InboundKind::Delivery { which, state, reason };
    take_in(&world, read).await;
    for (window, seq) in [("anna-1", of_anna), ("ben-1", of_ben)] {
        let told: Vec<_> = world.told(window, "message").iter().map(|frame| frame["message"]["seq"].clone()).collect();
        assert_eq!(told, [seq], "{window}");
    }
}
