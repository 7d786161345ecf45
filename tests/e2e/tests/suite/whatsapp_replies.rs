//! Replies on WhatsApp: words and files out, statuses back, the session window (C7, C8, I9).

use domain::message::DeliveryState;
use domain::window::WINDOW_MS;
use e2e::files::{Sample, put};
use e2e::whatsapp::Texter;
use e2e::{SOON, Window, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use wire::operators::{ChatView, Command, Event};

use super::whatsapp_kinds::talking;

/// WhatsApp's longest text, UTF-16 units.
const WHATSAPP_TEXT_MAX: usize = 1600;
const MEGABYTE: u64 = 1024 * 1024;

/// How a reply fared, as the window was told, one step after the other.
fn steps(window: &Window, chat: &ChatView, seq: u64) -> Vec<DeliveryState> {
    let mut steps: Vec<DeliveryState> = window.view(|view| {
        let of_reply = view.log.iter().filter_map(|event| match event {
            Event::Message { message } if message.chat == chat.id && message.seq == seq => message.delivery.as_ref(),
            _ => None,
        });
        of_reply.map(|delivery| delivery.state).collect()
    });
    steps.dedup();
    steps
}

/// Twilio's id of the `count`-th message to a customer, the only ones.
async fn sid(customer: &Texter, count: usize) -> String {
    customer.received(count).await[count - 1]["sid"].as_str().expect("a message has an id").to_owned()
}

#[tokio::test]
async fn c7_a_reply_goes_out_as_twilio_wants_it_and_its_statuses_come_back_to_read() {
    let (hotline, anna, customer, chat) = talking().await;
    let text = "Grüß Gott & 100 % 👋\nauf zwei Zeilen";
    let seq = anna.send(&chat.id, text).await[0];
    anna.delivery(&chat.id, seq, DeliveryState::Delivered).await;
    customer.read().await;
    anna.delivery(&chat.id, seq, DeliveryState::Read).await;
    let states = steps(&anna, &chat, seq);
    let rank = |state: &DeliveryState| {
        use DeliveryState::{Delivered, Queued, Read, Sending, Sent};
        [Queued, Sending, Sent, Delivered, Read].iter().position(|known| known == state)
    };
    assert!(states.iter().all(|state| rank(state).is_some()) && states.is_sorted_by_key(rank), "{states:?}");
    let call = &customer.received(1).await[0];
    let params = &call["params"];
    assert_eq!(params["Body"], text);
    assert_eq!(params["From"], format!("whatsapp:{}", hotline.account.number));
    assert_eq!(params["To"], format!("whatsapp:{}", customer.id));
    let callback = params["StatusCallback"].as_str().unwrap_or_default();
    let expected = format!("/webhooks/whatsapp/status?reply={}.{seq}#rc=5&rp=5xx,ct,rt", chat.id);
    assert!(callback.ends_with(&expected), "{callback}");
    assert!(call["unknown_fields"].is_null(), "{call}");
}

#[tokio::test]
async fn l7_a_long_text_arrives_in_its_order_in_parts_that_whatsapp_takes() {
    let (_hotline, anna, customer, chat) = talking().await;
    let words: Vec<String> = (0..500).map(|at| format!("word{at}")).collect();
    let seqs = anna.send(&chat.id, &words.join(" ")).await;
    let last = anna.send(&chat.id, "the end").await[0];
    let parts = customer.received_texts(seqs.len() + 1).await;
    assert!(parts.iter().all(|part| part.encode_utf16().count() <= WHATSAPP_TEXT_MAX));
    let received: Vec<&str> = parts.iter().flat_map(|part| part.split_whitespace()).collect();
    assert_eq!(received, words.iter().map(String::as_str).chain(["the", "end"]).collect::<Vec<_>>());
    anna.delivery(&chat.id, last, DeliveryState::Delivered).await;
}

#[tokio::test]
async fn i9_statuses_doubled_and_out_of_order_go_by_their_rank() {
    let (hotline, anna, customer, chat) = talking().await;
    let doubled = |status: &str| json!({"status": status, "copies": 3});
    let orders = [
        (json!([doubled("sent"), doubled("delivered"), doubled("read")]), DeliveryState::Read),
        (json!(["read", "delivered", "sent", "queued"]), DeliveryState::Read),
        (json!(["delivered", doubled("sent"), "sending"]), DeliveryState::Delivered),
        (json!([doubled("sent"), "something_new"]), DeliveryState::Sent),
    ];
    for (at, (statuses, state)) in orders.iter().enumerate() {
        customer.order_outcome(statuses).await;
        let seq = anna.send(&chat.id, &format!("reply {at}")).await[0];
        anna.delivery(&chat.id, seq, *state).await;
        // All of them are told, and taken.
        let sid = sid(&customer, at + 1).await;
        let told = statuses.as_array().map_or(0, Vec::len);
        eventually("all statuses to be told", SOON, async || {
            let webhooks = hotline.account.webhooks(&sid).await;
            let done = webhooks
                .iter()
                .filter(|webhook| matches!(webhook["state"].as_str(), Some("delivered" | "copied")))
                .count();
            (done >= told).then_some(())
        })
        .await;
        // A mark behind them: what was told before has been taken in.
        let mark = format!("mark {at}");
        customer.write(&mark).await;
        anna.wait("the mark", |view| view.words_of(&chat.id).contains(&mark).then_some(())).await;
        let now = anna.view(|view| view.delivery(&chat.id, seq));
        assert_eq!(now.map(|(state, _)| state), Some(*state), "{statuses}");
    }
}

#[tokio::test]
async fn w4_every_kind_of_file_that_whatsapp_takes_goes_out_by_a_link_that_twilio_can_fetch() {
    let (hotline, anna, customer, chat) = talking().await;
    let account = &hotline.account;
    let amr = Sample::new("memo.amr", "audio/amr", b"#!AMR\n\x3c\x91\x17\x16\xbe\x66");
    let files = [
        (Sample::jpeg("photo.jpg").claimed("image/jpg"), Some("here you are")),
        (Sample::pdf("invoice.pdf"), None),
        (Sample::png("screen.png"), None),
        (Sample::mp4("film.mp4"), Some("the film")),
        (Sample::mp3("song.mp3"), None),
        (Sample::voice("voice.ogg"), None),
        (amr, None),
    ];
    for (at, (file, caption)) in files.iter().enumerate() {
        let seqs = anna.send_sample(hotline.http(), &chat.id, file, *caption).await;
        assert_eq!(seqs.len(), 1, "{}", file.name);
        anna.delivery(&chat.id, seqs[0], DeliveryState::Delivered).await;
        let call = customer.received(at + 1).await.pop().expect("a message");
        assert_eq!(call["params"]["Body"], json!(caption), "{}", file.name);
        let link = call["params"]["MediaUrl"].as_str().expect("an address");
        let (path, _) = link.split_once('?').expect("it is signed");
        assert!(path.ends_with(&format!("/{}", file.name)), "WhatsApp calls it by the end of its address: {path}");
        let sid = call["sid"].as_str().expect("an id");
        let media = account.simulator.media(&account.sid).await.expect("media");
        let fetched = media.iter().find(|media| media["message_sid"] == sid).expect("the file was fetched");
        let url = format!(
            "{}/control/accounts/{}/media/{}",
            hotline.twilio.ground.stack.simulators.whatsapp,
            account.sid,
            fetched["sid"].as_str().unwrap_or_default()
        );
        let bytes = hotline.http().get(&url).send().await.expect("an answer").bytes().await.expect("bytes");
        assert_eq!(bytes, file.bytes, "{}", file.name);
        assert_eq!(anna.read_file(hotline.http(), &chat.id, seqs[0]).await.1, file.bytes, "{}", file.name);
    }
    // A document takes no words along: they go before it.
    let seqs = anna.send_sample(hotline.http(), &chat.id, &Sample::pdf("last.pdf"), Some("the last one")).await;
    assert_eq!(seqs.len(), 2);
    let sent = customer.received(files.len() + 2).await;
    let (words, document) = (&sent[files.len()]["params"], &sent[files.len() + 1]["params"]);
    assert_eq!(
        (&words["Body"], &words["MediaUrl"], &document["Body"]),
        (&json!("the last one"), &Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn c8_what_whatsapp_does_not_take_is_refused_before_anything_is_sent() {
    let (hotline, anna, customer, chat) = talking().await;
    let docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    for (content_type, size_bytes, code) in [
        ("image/webp", 10, "file_kind_not_allowed"),
        ("image/gif", 10, "file_kind_not_allowed"),
        ("text/plain", 10, "file_kind_not_allowed"),
        ("application/zip", 10, "file_kind_not_allowed"),
        ("video/quicktime", 10, "file_kind_not_allowed"),
        (docx, 10, "file_kind_not_allowed"),
        ("image/png", 5 * MEGABYTE + 1, "file_too_large"),
        ("image/jpg", 5 * MEGABYTE + 1, "file_too_large"),
        ("application/pdf", 16 * MEGABYTE + 1, "file_too_large"),
        ("video/mp4", 16 * MEGABYTE + 1, "file_too_large"),
        ("audio/ogg", 16 * MEGABYTE + 1, "file_too_large"),
        ("", 16 * MEGABYTE + 1, "file_too_large"),
    ] {
        let (chat, name, content_type) = (chat.id.clone(), "file".to_owned(), content_type.to_owned());
        let answer = anna.ask(Command::Upload { chat, name, content_type: content_type.clone(), size_bytes }).await;
        let error = answer.error.unwrap_or_else(|| panic!("{content_type} was not refused"));
        assert_eq!(error.code, code, "{content_type}");
        assert!(error.text.contains("WhatsApp takes pictures (jpg, jpeg, png)"), "{}", error.text);
    }
    // What is only seen by its bytes: a lie, a kind that nobody named, a picture larger than it was said to be.
    let zip = Sample::new("archive.zip", "application/octet-stream", b"PK\x03\x04\x14\0\0\0\x08\0");
    let large = usize::try_from(5 * MEGABYTE + 1).expect("a size");
    let large = Sample::png("large.png").claimed("application/octet-stream").padded(large);
    for (file, code) in [
        (Sample::mp3("song.pdf").claimed("application/pdf"), "file_type_mismatch"),
        (Sample::new("run.png", "image/png", b"MZ\x90\0\x03\0\0\0"), "file_type_mismatch"),
        (zip, "file_kind_not_allowed"),
        (large, "file_too_large"),
    ] {
        let slot = anna.slot(&chat.id, &file).await;
        assert_eq!(put(hotline.http(), &slot, &file.bytes).await, 200);
        let send = Window::send_file_command(&chat.id, &slot.key, &file.name, Some("look"));
        assert_eq!(anna.refused(send).await, code, "{}", file.name);
    }
    let seqs = anna.send_sample(hotline.http(), &chat.id, &Sample::png("good.png"), None).await;
    anna.delivery(&chat.id, seqs[0], DeliveryState::Delivered).await;
    assert_eq!(customer.calls().await.len(), 1, "nothing else was handed over");
}

#[tokio::test]
async fn c7_the_session_window_is_shown_and_refused_once_it_is_over() {
    let (hotline, anna, customer, chat) = talking().await;
    let last_word_ms = chat.reply_until_ms.expect("WhatsApp has a window") - WINDOW_MS;
    assert!((0..=60_000).contains(&(e2e::now_ms() - last_word_ms)), "{chat:?}");
    // A day and a moment later.
    hotline.set_last_word(&chat.id, e2e::now_ms() - WINDOW_MS - 1_000).await;
    let send = Command::Send { chat: chat.id.clone(), text: "too late?".into() };
    assert_eq!(anna.refused(send.clone()).await, "window_closed");
    let upload = Window::upload_command(&chat.id, &Sample::png("late.png"));
    assert_eq!(anna.refused(upload).await, "window_closed");
    // Their next word opens it, and tells the window so.
    customer.write("I'm back").await;
    anna.wait("the message", |view| view.words_of(&chat.id).contains(&"I'm back".into()).then_some(())).await;
    anna.must(send).await;
    assert_eq!(customer.received_texts(1).await, ["too late?"]);
    assert_eq!(customer.calls().await.len(), 1, "what was refused was never handed over");
}

#[tokio::test]
async fn c7_typing_shows_at_the_customer_s() {
    let (hotline, anna, customer, chat) = talking().await;
    let texted = customer.write("Anybody there?").await;
    anna.wait("the message", |view| view.words_of(&chat.id).contains(&"Anybody there?".into()).then_some(())).await;
    anna.must(Command::Typing { chat: chat.id.clone() }).await;
    let path = format!("/calls?call=typing&count=1&wait_ms={}", SOON.as_millis());
    let calls = hotline.account.ask(Method::GET, &path, None).await;
    assert_eq!(calls["calls"][0]["params"]["messageId"], texted.sid, "{calls}");
    assert_eq!(calls["calls"][0]["accepted"], true, "{calls}");
}
