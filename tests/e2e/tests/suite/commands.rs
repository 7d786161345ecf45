//! Commands that cannot be carried out: each has its stable code, and changes nothing.

use domain::config::Rule;
use domain::{ChatId, OfferId};
use wire::operators::{COMMAND_BYTES_MAX, Command, Target};

use super::{staffed, talking};

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("an id")
}

/// Every command about a chat.
fn about(chat: &ChatId) -> Vec<(&'static str, Command)> {
    let chat = chat.clone();
    let queue = Target::Queue(id("nowhere"));
    vec![
        ("send", Command::Send { chat: chat.clone(), text: "x".into() }),
        ("resend", Command::Resend { chat: chat.clone(), seq: 1 }),
        ("close", Command::Close { chat: chat.clone() }),
        ("read", Command::Read { chat: chat.clone(), seq: 1 }),
        ("typing", Command::Typing { chat: chat.clone() }),
        ("colleagues", Command::Colleagues { chat: chat.clone() }),
        ("history", Command::History { chat: chat.clone(), before: None, limit: None }),
        ("accept", Command::Accept { chat: chat.clone(), offer: None }),
        ("transfer", Command::Transfer { chat, to: queue }),
    ]
}

#[tokio::test]
async fn a_chat_that_does_not_exist() {
    let (_world, _, anna) = staffed(Rule::MostFree).await;
    let nowhere: ChatId = id("c0ffee.1");
    for (what, command) in about(&nowhere) {
        let expected = if what == "transfer" { "queue_not_found" } else { "chat_not_found" };
        let code = anna.refused(command).await;
        assert!(code == expected || code == "chat_not_found", "{what}: {code}");
    }
    let offer: OfferId = id("c0ffee.1.2");
    assert_eq!(anna.refused(Command::Decline { offer: offer.clone() }).await, "chat_not_found");
    assert_eq!(anna.refused(Command::Accept { chat: nowhere, offer: Some(offer) }).await, "chat_not_found");
}

#[tokio::test]
async fn somebody_else_s_chat() {
    let (world, anna, window, _, chat) = talking().await;
    let boris = world.operator("Boris").await.come_online().await;
    for (what, command) in about(&chat.id) {
        let command = match command {
            Command::Transfer { chat, .. } => Command::Transfer { chat, to: Target::Operator(anna.id.clone()) },
            command => command,
        };
        let expected = match what {
            "history" => "chat_not_found",
            "accept" => "offer_gone",
            _ => "not_your_chat",
        };
        assert_eq!(boris.refused(command).await, expected, "{what}");
    }
    // An offer to somebody else can be neither accepted nor declined.
    boris.set_status(domain::operator::Status::Inactive).await;
    world.customer(2).write("Hello").await;
    let (offer, offered) = window.offered(&world.customer(2).name()).await;
    let accept = Command::Accept { chat: offered.id.clone(), offer: Some(offer.clone()) };
    assert_eq!(boris.refused(accept).await, "offer_gone");
    assert_eq!(boris.refused(Command::Decline { offer: offer.clone() }).await, "offer_gone");
    let older = OfferId { chat: offer.chat.clone(), route_rev: offer.route_rev + 7 };
    assert_eq!(window.refused(Command::Decline { offer: older }).await, "offer_gone");
    // Nothing of all that has changed anything.
    window.send(&chat.id, "still mine").await;
    window.accept(&offered.id, Some(&offer)).await;
}

#[tokio::test]
async fn a_closed_chat() {
    let (world, anna, window, _, chat) = talking().await;
    let boris = world.operator("Boris").await.come_online().await;
    window.close(&chat.id).await;
    for (what, command) in about(&chat.id) {
        let command = match command {
            Command::Transfer { chat, .. } => Command::Transfer { chat, to: Target::Queue(world.queue.id.clone()) },
            command => command,
        };
        match what {
            "close" | "history" => {
                window.must(command).await;
            }
            _ => assert_eq!(window.refused(command).await, "chat_closed", "{what}"),
        }
    }
    assert_eq!(boris.refused(Command::Close { chat: chat.id.clone() }).await, "not_your_chat");
    assert_eq!(anna.name, "Anna");
}

#[tokio::test]
async fn a_chat_that_is_assigned_cannot_be_picked_and_messages_have_their_rules() {
    let (world, _, anna, _, chat) = talking().await;
    anna.set_status(domain::operator::Status::Inactive).await;
    world.customer(2).write_and_wait("Hello").await;
    let boris = world.operator("Boris").await;
    let two = boris.come_online().await;
    let (_, offered) = two.offered(&world.customer(2).name()).await;
    two.set_status(domain::operator::Status::Inactive).await;
    two.wait("the withdrawal", |view| view.offers.is_empty().then_some(())).await;
    assert_eq!(two.refused(Command::Accept { chat: offered.id.clone(), offer: None }).await, "not_offered");
    let seq = anna.send(&chat.id, "a reply").await[0];
    anna.delivery(&chat.id, seq, domain::message::DeliveryState::Sent).await;
    for (seq, code) in [(1, "not_resendable"), (seq, "not_resendable"), (99, "message_not_found")] {
        assert_eq!(anna.refused(Command::Resend { chat: chat.id.clone(), seq }).await, code, "{seq}");
    }
}

#[tokio::test]
async fn frames_that_are_no_commands() {
    let (_world, _, anna) = staffed(Rule::MostFree).await;
    let large = format!("{{\"action\":\"send\",\"request_id\":\"1\",\"text\":\"{}\"}}", "x".repeat(COMMAND_BYTES_MAX));
    for (request_id, frame, code) in [
        ("", "not JSON", "bad_request"),
        ("", "[]", "bad_request"),
        ("", "{\"action\":\"sync\"}", "bad_request"),
        ("", &large, "frame_too_large"),
        ("f1", "{\"action\":\"fly\",\"request_id\":\"f1\"}", "unknown_action"),
        ("f2", "{\"request_id\":\"f2\"}", "unknown_action"),
        ("f3", "{\"action\":\"send\",\"request_id\":\"f3\"}", "bad_request"),
        ("f4", "{\"action\":\"accept\",\"request_id\":\"f4\",\"chat\":\"?\"}", "bad_request"),
        ("f5", "{\"action\":\"status\",\"request_id\":\"f5\",\"status\":\"asleep\"}", "bad_request"),
        ("f6", "{\"action\":\"close\",\"request_id\":\"f6\",\"chat\":\"c.0\"}", "bad_request"),
    ] {
        let answer = anna.ask_raw(request_id, frame).await;
        assert_eq!(answer.error.map(|error| error.code).as_deref(), Some(code), "{frame:.80}");
    }
    // The connection lives on.
    anna.must(Command::Ping {}).await;
}
