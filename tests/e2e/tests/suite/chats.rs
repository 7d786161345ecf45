//! The life of a chat: messages, edits, the customer who blocks, the close by hand (L1, L3, L6, L7).

use domain::message::Author;
use e2e::View;
use wire::operators::Command;

use super::talking;

#[tokio::test]
async fn messages_of_an_open_chat_join_it_in_order() {
    let (_world, _, anna, customer, chat) = talking().await;
    for at in 1..=5 {
        customer.write(&format!("message {at}")).await;
    }
    anna.wait("five messages", |view| (view.messages_of(&chat.id).len() >= 5).then_some(())).await;
    let history = anna.history(&chat.id, None, None).await;
    let words: Vec<_> = history.messages.iter().filter_map(|message| message.content.words()).collect();
    assert_eq!(words, ["Hello", "message 1", "message 2", "message 3", "message 4", "message 5"]);
    assert!(history.messages.iter().all(|message| message.provider_at_ms.is_some()), "the provider's time is kept");
    assert!(history.messages.is_sorted_by_key(|message| message.seq));
    // Pages: the newest first, in order within each.
    let page = anna.history(&chat.id, None, Some(2)).await;
    assert_eq!((page.messages[0].seq, page.messages[1].seq, page.more), (5, 6, true));
    let page = anna.history(&chat.id, Some(3), Some(2)).await;
    assert_eq!((page.messages[0].seq, page.messages[1].seq, page.more), (1, 2, false));
}

#[tokio::test]
async fn a_closed_chat_takes_no_reply_and_the_next_message_opens_another() {
    let (_world, anna, window, customer, chat) = talking().await;
    let seqs = window.send(&chat.id, "accepted before the close").await;
    window.close(&chat.id).await;
    let why = window.wait("the chat to go", |view| view.chats_gone.first().map(|(_, why)| why.clone())).await;
    assert_eq!(why, "closed");
    // Closing again is done already; writing is refused; what was accepted before is sent and shown.
    window.close(&chat.id).await;
    assert_eq!(window.refused(Command::Send { chat: chat.id.clone(), text: "after".into() }).await, "chat_closed");
    assert_eq!(customer.received(1).await, ["accepted before the close"]);
    window.delivery(&chat.id, seqs[0], domain::message::DeliveryState::Sent).await;
    assert_eq!(window.sync(Vec::new()).await.operator.load, 0, "capacity is free at once");

    customer.write("Hello again").await;
    let next = window.accept_from(&customer.name()).await;
    assert_eq!((next.id.n, &next.id.conversation), (2, &chat.id.conversation));
    assert_eq!(next.operator, Some(anna.id));
    // The earlier chat can still be read by whose it was.
    assert_eq!(window.history(&chat.id, None, None).await.messages.len(), 2);
}

#[tokio::test]
async fn an_edit_changes_the_message_in_its_place() {
    let (_world, _, anna, customer, chat) = talking().await;
    let written = customer.write("I want to sell").await;
    anna.wait("the message", |view| view.words_of(&chat.id).contains(&"I want to sell".into()).then_some(())).await;
    customer.edit(written.message_id, "I want to buy").await;
    let edited =
        |view: &View| view.messages.values().find(|message| message.content.words() == Some("I want to buy")).cloned();
    let message = anna.wait("the edit", edited).await;
    assert_eq!((message.seq, message.rev), (2, 2));
    assert!(message.edited_at_ms.is_some());
    assert_eq!(anna.history(&chat.id, None, None).await.messages.len(), 2);
}

#[tokio::test]
async fn a_customer_who_blocks_the_bot_is_shown_as_unreachable_until_they_unblock_it() {
    let (_world, _, anna, customer, chat) = talking().await;
    let told = |view: &View, count: usize, reachable: bool| {
        let notes = view.messages.values().filter(|message| message.author == Author::System).count();
        (notes == count && view.reachable.get(&customer.name()) == Some(&reachable)).then_some(())
    };
    customer.set_blocked(true).await;
    anna.wait("the note", |view| told(view, 1, false)).await;
    let seq = anna.send(&chat.id, "can you read this?").await[0];
    let reason = anna.delivery(&chat.id, seq, domain::message::DeliveryState::Failed).await;
    assert_eq!(reason.as_deref(), Some("contact_blocked"));
    customer.set_blocked(false).await;
    anna.wait("the second note", |view| told(view, 2, true)).await;
    anna.must(Command::Resend { chat: chat.id.clone(), seq }).await;
    anna.delivery(&chat.id, seq, domain::message::DeliveryState::Sent).await;
    assert_eq!(customer.received(1).await, ["can you read this?"]);
}
