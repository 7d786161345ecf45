//! Everything that a customer can send on WhatsApp, as its operator sees it (C7, W4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ChatId;
use domain::content::MediaKind;
use domain::file::File;
use domain::message::{DeliveryState, Message};
use e2e::Window;
use e2e::files::{Sample, media};
use e2e::whatsapp::{Hotline, Texter};
use serde_json::{Value, json};
use wire::operators::ChatView;

use super::kinds::shown;

/// A hotline with one operator, online, who has a chat in work with a customer.
pub(super) async fn talking() -> (Hotline, Window, Texter, ChatView) {
    let hotline = Hotline::open().await;
    let anna = hotline.operator("Anna").await.come_online().await;
    let customer = hotline.account.customer();
    customer.write("Hello").await;
    let chat = customer.accepted_by(&anna).await;
    (hotline, anna, customer, chat)
}

/// A file in a customer's message.
fn attached(file: &Sample) -> Value {
    json!({"content_type": file.content_type, "base64": STANDARD.encode(&file.bytes), "file_name": file.name})
}

/// Waits for a message.
async fn message(window: &Window, chat: &ChatId, seq: u64) -> Message {
    window.wait(&format!("message {seq}"), |view| view.messages.get(&(chat.clone(), seq)).cloned()).await
}

#[tokio::test]
async fn c7_every_kind_of_message_shows_as_what_it_is() {
    let (_hotline, anna, customer, chat) = talking().await;
    let history = anna.history(&chat.id, None, None).await;
    let first = history.messages[0].provider_message_id.clone().expect("an id");
    let place = json!({"latitude": 52.520_008, "longitude": -13.404_954, "label": "Alex", "address": "Berlin"});
    let advertisement = json!({"Headline": "Chat with us", "Body": "Now", "SourceUrl": "https://example.com/ad"});
    let kinds = [
        (json!({"body": "  Grüße 👋\nzwei & drei = 5%"}), "text   Grüße 👋\nzwei & drei = 5%"),
        (json!({"location": place}), "location 52520008 -13404954"),
        (json!({"button": {"text": "Yes, please", "payload": "yes:1"}}), "button Yes, please"),
        (json!({"list": {"id": "slot-2", "title": "Tuesday at ten"}}), "button Tuesday at ten"),
        (json!({"body": "answering that", "reply_to": first}), "text answering that"),
        (json!({"body": "handed on", "forwarded": true}), "text handed on"),
        (json!({"body": "I saw this", "referral": advertisement}), "text I saw this"),
        (json!({"fields": {"MessageType": "poll", "NewField": "x"}}), "unsupported poll"),
    ];
    for (what, _) in &kinds {
        // Webhooks wait for no other: the next is not written before this one is here.
        let texted = customer.write_message(what).await;
        customer.taken(&texted).await;
    }
    let mut all = Vec::new();
    for (at, (what, line)) in kinds.iter().enumerate() {
        let message = message(&anna, &chat.id, 2 + at as u64).await;
        assert_eq!(shown(&message), *line, "{what}");
        all.push(message);
    }
    let place = json!(all[1].content);
    assert_eq!((&place["title"], &place["address"]), (&json!("Alex"), &json!("Berlin")));
    assert_eq!(all[4].reply_to.as_deref(), Some(first.as_str()));
    assert_eq!(all[5].forwarded_from.as_deref(), Some("unknown"));
    assert_eq!(all[6].quote.as_deref(), Some("Chat with us\nNow\nhttps://example.com/ad"));
}

#[tokio::test]
async fn c7_a_contact_card_shows_who_is_on_it_and_can_be_opened() {
    let (hotline, anna, customer, chat) = talking().await;
    let texted = customer.write_message(&json!({"contact": {"name": "Grace Ünal", "phone": "+4930123456"}})).await;
    customer.taken(&texted).await;
    let card = anna.stored(&chat.id, 2).await;
    assert_eq!(json!(card.content), json!({"kind": "contact_card", "name": "Grace Ünal", "phone": "+4930123456"}));
    let (content_type, bytes) = anna.read_file(hotline.http(), &chat.id, 2).await;
    assert_eq!(content_type, "text/vcard");
    assert!(bytes.starts_with(b"BEGIN:VCARD\r\n"));
}

#[tokio::test]
async fn w4_every_kind_of_file_comes_in_and_none_of_twilio_s_addresses_with_it() {
    let (hotline, anna, customer, chat) = talking().await;
    let kinds = [
        (Sample::jpeg("box.jpg"), Some("the broken box"), MediaKind::Photo),
        (Sample::png("screen.png"), None, MediaKind::Photo),
        (Sample::mp4("film.mp4"), Some("the film"), MediaKind::Video),
        (Sample::voice("voice.ogg").claimed("audio/ogg; codecs=opus"), None, MediaKind::Voice),
        (Sample::mp3("song.mp3"), None, MediaKind::Audio),
        (Sample::webp("thumb.webp"), None, MediaKind::Sticker),
        (Sample::pdf("invoice.pdf"), None, MediaKind::Document),
    ];
    for (at, (file, caption, _)) in kinds.iter().enumerate() {
        let mut what = json!({"media": attached(file)});
        if let Some(caption) = caption {
            what["body"] = json!(caption);
        }
        // A file may be told of before it can be had.
        what["media"]["missing_tries"] = json!(usize::from(at == 0));
        let texted = customer.write_message(&what).await;
        customer.taken(&texted).await;
    }
    for (at, (file, caption, kind)) in kinds.iter().enumerate() {
        let seq = 2 + at as u64;
        let message = anna.stored(&chat.id, seq).await;
        assert_eq!(media(&message), (*kind, *caption), "{}", file.name);
        if *kind == MediaKind::Document {
            assert_eq!(json!(message.content)["media"]["file_name"], file.name, "its name came in place of words");
        }
        let Some(File::Stored { content_type, .. }) = &message.file else { panic!("{message:?}") };
        assert!(file.content_type.starts_with(content_type.as_str()), "{} is no {content_type}", file.name);
        assert_eq!(anna.read_file(hotline.http(), &chat.id, seq).await.1, file.bytes, "{}", file.name);
    }
    let account = &hotline.account;
    let kept = account.simulator.media(&account.sid).await.expect("media");
    assert_eq!(kept.len(), kinds.len());
    assert!(kept.iter().all(|media| media["leaked_authorization"] == false), "{kept:#?}");
    anna.assert_never_told(&[
        &account.token,
        &hotline.twilio.ground.stack.simulators.whatsapp,
        "/Media/",
        "\"source\"",
    ]);
}

#[tokio::test]
async fn w4_a_file_that_twilio_does_not_have_shows_so_and_the_conversation_goes_on() {
    let (_hotline, anna, customer, chat) = talking().await;
    let mut never = json!({"media": attached(&Sample::png("never.png"))});
    never["media"]["missing_tries"] = json!(99);
    let texted = customer.write_message(&never).await;
    customer.taken(&texted).await;
    // Said to be on another host than Twilio's: nothing is fetched there, least of all with the account's token.
    let elsewhere =
        json!({"media": attached(&Sample::png("x.png")), "fields": {"MediaUrl0": "http://169.254.169.254/x"}});
    let texted = customer.write_message(&elsewhere).await;
    customer.taken(&texted).await;
    customer.write("never mind").await;
    assert_eq!(anna.missing(&chat.id, 2).await, "file_gone");
    assert_eq!(anna.missing(&chat.id, 3).await, "file_source_refused");
    assert_eq!(shown(&message(&anna, &chat.id, 4).await), "text never mind");
    anna.send(&chat.id, "never mind either").await;
    assert_eq!(customer.received_texts(1).await, ["never mind either"]);
}

#[tokio::test]
async fn c7_who_opts_out_is_shown_as_such_and_reached_again_when_they_opt_in() {
    let (_hotline, anna, customer, chat) = talking().await;
    let stop = customer.write("STOP").await;
    customer.taken(&stop).await;
    let reachable = async |reachable: bool| {
        let name = customer.name();
        let look = |view: &e2e::View| (view.reachable.get(&name) == Some(&reachable)).then_some(());
        anna.wait(&format!("the customer to be reachable: {reachable}"), look).await;
    };
    reachable(false).await;
    let seq = anna.send(&chat.id, "Are you sure?").await[0];
    assert_eq!(anna.delivery(&chat.id, seq, DeliveryState::Failed).await.as_deref(), Some("customer_blocked"));
    let start = customer.write("START").await;
    customer.taken(&start).await;
    reachable(true).await;
    let seq = anna.send(&chat.id, "Welcome back").await[0];
    anna.delivery(&chat.id, seq, DeliveryState::Delivered).await;
    let lines: Vec<String> = anna.view(|view| view.messages_of(&chat.id).into_iter().map(shown).collect());
    for line in ["text STOP", "note customer_blocked", "text START", "note customer_unblocked"] {
        assert!(lines.iter().any(|shown| shown == line), "{line}: {lines:?}");
    }
}

#[tokio::test]
async fn c7_a_customer_who_shows_no_number_is_answered_by_their_id() {
    let (hotline, anna, ..) = talking().await;
    let customer = hotline.account.customer_of(&e2e::unique("US.").replace('-', ""));
    customer.write("You can't see my number").await;
    let chat = customer.accepted_by(&anna).await;
    let seq = anna.send(&chat.id, "Nor do I need to").await[0];
    anna.delivery(&chat.id, seq, DeliveryState::Delivered).await;
    let sent = customer.received(1).await;
    assert_eq!(sent[0]["params"]["To"], format!("whatsapp:{}", customer.id));
}
