//! What goes out to a customer of a page, and how it fares: in order, once, to the word "read" (C5, I6, L7, W4).

use domain::ChatId;
use domain::content::MediaKind;
use domain::message::{Author, DeliveryState};
use e2e::files::{Sample, media, put};
use e2e::messenger::{APP_ID, Shop, Visitor, message};
use e2e::{SOON, Window, eventually};
use serde_json::json;
use simulators::graph::{BOT_APP_ID, INBOX_APP_ID};
use wire::operators::Command;

/// Messenger's longest text, characters.
const TEXT_MAX: usize = 2000;

/// A shop with an operator who has a chat in work with a customer who wrote "Hello".
async fn talking() -> (Shop, Window, Visitor, ChatId) {
    let shop = Shop::open().await;
    behave(&shop, "after").await;
    let (_, anna) = shop.operator("Anna").await;
    let (visitor, chat) = greeted(&shop, &anna).await;
    (shop, anna, visitor, chat)
}

/// When the page's messages are echoed. What becomes of them is up to the test: nothing is delivered by itself.
async fn behave(shop: &Shop, echo: &str) {
    let behaviour = json!({"echo": echo, "deliver": false, "read": false});
    shop.facebook.simulator.set_behaviour(&shop.page.id, &behaviour).await.expect("set");
}

/// A customer who wrote "Hello", and their chat, in the operator's work.
async fn greeted(shop: &Shop, anna: &Window) -> (Visitor, ChatId) {
    let visitor = shop.page.customer();
    visitor.write("Hello").await;
    let chat = visitor.accepted_by(anna).await;
    (visitor, chat.id)
}

#[tokio::test]
async fn l7_replies_arrive_in_their_order_as_facebook_wants_them() {
    let (_shop, anna, visitor, chat) = talking().await;
    let texts: Vec<String> = (1..=8).map(|at| format!("reply {at}")).collect();
    let mut seqs = Vec::new();
    for text in &texts {
        seqs.extend(anna.send(&chat, text).await);
    }
    assert_eq!(visitor.received_texts(texts.len()).await, texts);
    for seq in &seqs {
        anna.delivery(&chat, *seq, DeliveryState::Sent).await;
    }
    let calls = visitor.calls("messages", texts.len()).await;
    assert_eq!(calls.len(), texts.len(), "each once: {calls:#?}");
    for (call, (text, seq)) in calls.iter().zip(texts.iter().zip(&seqs)) {
        let params = &call["params"];
        assert_eq!((&call["method"], &call["version"]), (&json!("POST"), &json!("v25.0")), "{call}");
        assert_eq!(params["recipient"], json!({"id": visitor.id}), "{call}");
        assert_eq!(params["messaging_type"], "RESPONSE", "{call}");
        assert_eq!(params["message"], json!({"text": text, "metadata": format!("{chat}.{seq}")}), "{call}");
    }
}

#[tokio::test]
async fn l7_a_long_text_is_split_at_a_sensible_place() {
    let (_shop, anna, visitor, chat) = talking().await;
    let words: Vec<String> = (0..800).map(|at| format!("wörd{at}")).collect();
    let seqs = anna.send(&chat, &words.join(" ")).await;
    assert!(seqs.len() > 2, "{seqs:?}");
    let parts = visitor.received_texts(seqs.len()).await;
    assert!(parts.iter().all(|part| part.chars().count() <= TEXT_MAX));
    let received: Vec<&str> = parts.iter().flat_map(|part| part.split_whitespace()).collect();
    assert_eq!(received, words, "no word is cut or lost");
}

#[tokio::test]
async fn i6_a_reply_is_sent_then_delivered_then_read_up_to_the_watermark() {
    let (_shop, anna, visitor, chat) = talking().await;
    let one = anna.send(&chat, "one").await[0];
    anna.delivery(&chat, one, DeliveryState::Sent).await;
    let two = anna.send(&chat, "two").await[0];
    anna.delivery(&chat, two, DeliveryState::Sent).await;
    visitor.act("delivered", &json!({})).await;
    anna.delivery(&chat, one, DeliveryState::Delivered).await;
    anna.delivery(&chat, two, DeliveryState::Delivered).await;
    let watermark = visitor.received(2).await[0]["time_ms"].clone();
    visitor.act("read", &json!({"watermark": watermark})).await;
    anna.delivery(&chat, one, DeliveryState::Read).await;
    // What was told before comes again, and late: nothing goes back.
    let again = visitor.act("delivered", &json!({"watermark": watermark})).await;
    visitor.taken(&again).await;
    visitor.write("seen").await;
    message(&anna, &chat, "the next message", |message| message.content.words() == Some("seen")).await;
    let states = anna.view(|view| [one, two].map(|seq| view.delivery(&chat, seq).map(|(state, _)| state)));
    assert_eq!(states, [Some(DeliveryState::Read), Some(DeliveryState::Delivered)]);
    visitor.act("read", &json!({})).await;
    anna.delivery(&chat, two, DeliveryState::Read).await;
}

#[tokio::test]
async fn c5_an_echo_of_ours_is_never_a_message_whenever_it_comes() {
    let shop = Shop::open().await;
    let (_, anna) = shop.operator("Anna").await;
    for echo in ["before", "after", "never"] {
        behave(&shop, echo).await;
        let (visitor, chat) = greeted(&shop, &anna).await;
        let seq = anna.send(&chat, "hi there").await[0];
        anna.delivery(&chat, seq, DeliveryState::Sent).await;
        visitor.received(1).await;
        let deliveries = async || {
            let path = format!("/deliveries?psid={}&app_id={APP_ID}&settled=true&wait_ms=10000", visitor.id);
            let answer = visitor.page.simulator.ask(reqwest::Method::GET, &path, None).await.expect("deliveries");
            let count = if echo == "never" { 1 } else { 2 };
            (answer["deliveries"].as_array().map(Vec::len) == Some(count)).then_some(())
        };
        eventually(&format!("an echo {echo}"), SOON, deliveries).await;
        visitor.write("thanks").await;
        message(&anna, &chat, "the next message", |message| message.content.words() == Some("thanks")).await;
        let history = anna.history(&chat, None, None).await.messages;
        let words: Vec<_> = history.iter().filter_map(|message| message.content.words()).collect();
        assert_eq!(words, ["Hello", "hi there", "thanks"], "echo {echo}");
        let mid = visitor.received(1).await[0]["mid"].clone();
        assert_eq!(json!(history[1].provider_message_id), mid, "echo {echo}");
        assert_eq!(visitor.calls("messages", 1).await.len(), 1, "echo {echo}: sent once");
    }
}

#[tokio::test]
async fn c5_what_others_write_from_the_page_is_shown_as_theirs() {
    let (_shop, anna, visitor, chat) = talking().await;
    for (app, text) in [(BOT_APP_ID, "I am a bot"), (INBOX_APP_ID, "I am Paul, in the page's inbox")] {
        visitor.answered(&json!({"text": text, "app_id": app})).await;
        let shown = message(&anna, &chat, text, |message| message.content.words() == Some(text)).await;
        assert_eq!(shown.author, Author::External { app: Some(app.to_owned()) });
        assert_eq!(shown.delivery, None, "it is none of our replies");
    }
    assert_eq!(visitor.received(2).await.len(), 2, "nothing of it is sent again");
    assert!(visitor.calls("messages", 0).await.is_empty());
}

#[tokio::test]
async fn w4_a_photo_and_a_pdf_go_out_with_their_words() {
    let (shop, anna, visitor, chat) = talking().await;
    let http = &shop.facebook.ground.http;
    let mut received = 0;
    for (file, kind) in [(Sample::png("roses.png"), "image"), (Sample::pdf("invoice.pdf"), "file")] {
        let seqs = anna.send_sample(http, &chat, &file, Some("As promised.")).await;
        assert_eq!(seqs.len(), 2, "Messenger takes no words with a file: they go before it");
        for seq in &seqs {
            anna.delivery(&chat, *seq, DeliveryState::Sent).await;
        }
        received += 2;
        let messages = visitor.received(received).await;
        let [words, sent] = &messages[received - 2..] else { panic!("{messages:#?}") };
        assert_eq!(words["text"], "As promised.");
        assert_eq!(sent["attachments"][0]["type"], kind, "{sent}");
        // Facebook has fetched it from us.
        let url = sent["attachments"][0]["payload"]["url"].as_str().expect("an address");
        assert_eq!(shop.facebook.download(url).await, (file.content_type.clone(), file.bytes.clone()));
        let shown = anna.history(&chat, None, Some(1)).await.messages.remove(0);
        assert_eq!(media(&shown), (if kind == "image" { MediaKind::Photo } else { MediaKind::Document }, None));
        assert_eq!(anna.read_file(http, &chat, seqs[1]).await, (file.content_type, file.bytes));
    }
    let calls = visitor.calls("messages", 4).await;
    assert_eq!(calls.len(), 4);
    for (call, kind, name) in [(&calls[1], "image", "roses.png"), (&calls[3], "file", "invoice.pdf")] {
        let message = &call["params"]["message"];
        let attachment = &message["attachment"];
        let (path, _) =
            attachment["payload"]["url"].as_str().and_then(|url| url.split_once('?')).expect("a signed link");
        assert!(path.ends_with(&format!("/{name}")), "Messenger calls it by the end of its address: {path}");
        assert_eq!(
            (&attachment["type"], &attachment["payload"]["is_reusable"]),
            (&json!(kind), &json!(false)),
            "{call}"
        );
        assert!(message.get("text").is_none() && message["metadata"].is_string(), "{call}");
    }
}

#[tokio::test]
async fn w4_every_kind_of_file_goes_out_as_what_it_is() {
    let (shop, anna, visitor, chat) = talking().await;
    let http = &shop.facebook.ground.http;
    let files = [
        (Sample::jpeg("rose.jpg"), "image"),
        (Sample::gif("loop.gif"), "image"),
        (Sample::mp4("film.mp4"), "video"),
        (Sample::mp3("song.mp3"), "audio"),
        (Sample::voice("voice.ogg"), "audio"),
        (Sample::new("page.html", "text/html", b"<!DOCTYPE html>"), "file"),
    ];
    for (at, (file, kind)) in files.iter().enumerate() {
        let seqs = anna.send_sample(http, &chat, file, None).await;
        anna.delivery(&chat, seqs[0], DeliveryState::Sent).await;
        let sent = visitor.received(at + 1).await.pop().expect("a message");
        assert_eq!(sent["attachments"][0]["type"], *kind, "{}: {sent}", file.name);
        let url = sent["attachments"][0]["payload"]["url"].as_str().expect("an address");
        assert_eq!(shop.facebook.download(url).await.1, file.bytes, "{}", file.name);
    }
}

#[tokio::test]
async fn c8_what_may_not_be_sent_is_refused_before_anything_is_sent_and_the_conversation_goes_on() {
    let (shop, anna, visitor, chat) = talking().await;
    let http = &shop.facebook.ground.http;
    let limit = 25 * 1024 * 1024;
    for (name, content_type, size_bytes, code) in [
        ("film.mp4", "video/mp4", limit + 1, "file_too_large"),
        ("thing", "", limit + 1, "file_too_large"),
        ("empty.png", "image/png", 0, "file_empty"),
        ("a.png", "picture", 10, "file_name_bad"),
    ] {
        let (chat, name, content_type) = (chat.clone(), name.to_owned(), content_type.to_owned());
        let answer = anna.ask(Command::Upload { chat, name, content_type, size_bytes }).await;
        let error = answer.error.expect("it is refused");
        assert_eq!(error.code, code, "{}", error.text);
        assert!(code != "file_too_large" || error.text.contains("25 MB"), "{}", error.text);
    }
    for liar in [Sample::pdf("photo.png").claimed("image/png"), Sample::png("invoice.pdf").claimed("application/pdf")] {
        let slot = anna.slot(&chat, &liar).await;
        assert_eq!(put(http, &slot, &liar.bytes).await, 200);
        let send = Window::send_file_command(&chat, &slot.key, &liar.name, None);
        assert_eq!(anna.refused(send).await, "file_type_mismatch", "{liar:?}");
    }
    // A picture larger than Messenger shows one is a file.
    let large = Sample::png("large.png").padded(8 * 1024 * 1024 + 1);
    let seqs = anna.send_sample(http, &chat, &large, None).await;
    anna.delivery(&chat, seqs[0], DeliveryState::Sent).await;
    assert_eq!(visitor.received(1).await[0]["attachments"][0]["type"], "file");
    assert_eq!(visitor.calls("messages", 1).await.len(), 1, "nothing else was handed over");
}

#[tokio::test]
async fn c5_typing_shows_at_the_customer_s() {
    let (_shop, anna, visitor, chat) = talking().await;
    anna.must(Command::Typing { chat }).await;
    let calls = visitor.calls("messages", 1).await;
    assert_eq!(calls[0]["params"]["sender_action"], "typing_on");
    assert!(calls[0]["params"].get("message").is_none(), "{}", calls[0]);
    let look = async || (visitor.conversation().await["typing_ms"].as_u64()? > 0).then_some(());
    eventually("the customer to see it", SOON, look).await;
}
