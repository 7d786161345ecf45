//! Files on Telegram, both ways, through the bucket (W4, C8, I10).

use domain::content::MediaKind;
use domain::file::File;
use domain::message::DeliveryState;
use e2e::files::{Sample, media, put};
use e2e::{Bot, Customer, SOON, Window, World};
use reqwest::Method;
use serde_json::{Value, json};
use wire::operators::{Command, UploadSlot};

use super::talking;

/// A file at the messenger, for a customer to send.
async fn at_the_messenger(bot: &Bot, file: &Sample) -> String {
    let made = bot.simulator.upload_file(&bot.token, &file.name, &file.content_type, file.bytes.clone()).await;
    made.unwrap_or_else(|error| panic!("a file: {error}"))
}

/// The customer sends a file as something, with these words or none.
async fn write_file(customer: &Customer, kind: &str, id: &str, caption: Option<&str>) {
    let written = customer.bot.simulator.write_file(&customer.bot.token, customer.id, kind, id, caption).await;
    written.unwrap_or_else(|error| panic!("{kind}: {error}"));
}

/// I10: neither the messenger's addresses nor the bot's token.
fn assert_kept_back(world: &World, window: &Window) {
    window.assert_never_told(&[&world.bot.token, &world.stack.simulators.telegram, "/file/bot", "\"source\""]);
}

/// What the messenger has got by this method: the only call of it.
async fn sent(bot: &Bot, method: &str, customer: &Customer) -> Value {
    let calls = bot.simulator.wait_for_sent(&bot.token, method, Some(customer.id), 0, 1, SOON).await;
    let calls = calls.unwrap_or_else(|error| panic!("{method}: {error}"));
    assert_eq!(calls.len(), 1, "{calls:#?}");
    calls[0].clone()
}

#[tokio::test]
async fn w4_every_kind_of_file_comes_in_as_what_it_is() {
    let (world, _, anna, customer, chat) = talking().await;
    let kinds = [
        ("photo", Sample::png("box.png"), Some("the broken box"), MediaKind::Photo),
        ("document", Sample::pdf("invoice.pdf"), Some("the invoice"), MediaKind::Document),
        ("video", Sample::mp4("film.mp4"), Some("the film"), MediaKind::Video),
        ("video_note", Sample::mp4("note.mp4"), None, MediaKind::VideoNote),
        ("animation", Sample::mp4("loop.mp4"), None, MediaKind::Animation),
        ("voice", Sample::voice("voice.oga"), None, MediaKind::Voice),
        ("audio", Sample::mp3("song.mp3"), Some("the song"), MediaKind::Audio),
        ("sticker", Sample::webp("thumb.webp"), None, MediaKind::Sticker),
    ];
    for (kind, file, caption, _) in &kinds {
        let id = at_the_messenger(&world.bot, file).await;
        write_file(&customer, kind, &id, *caption).await;
    }
    for (at, (kind, file, caption, shown)) in kinds.iter().enumerate() {
        let seq = 2 + at as u64;
        let message = anna.stored(&chat.id, seq).await;
        assert_eq!(media(&message), (*shown, *caption), "{kind}");
        let Some(File::Stored { content_type, size_bytes, .. }) = &message.file else { panic!("{message:?}") };
        assert_eq!(
            (content_type.as_str(), *size_bytes),
            (file.content_type.as_str(), file.bytes.len() as u64),
            "{kind}"
        );
        let (content_type, bytes) = anna.read_file(&world.http, &chat.id, seq).await;
        assert_eq!((content_type, &bytes), (file.content_type.clone(), &file.bytes), "{kind}");
    }
    assert_kept_back(&world, &anna);
    let history = json!(anna.history(&chat.id, None, None).await).to_string();
    assert!(!history.contains(&world.bot.token) && !history.contains("\"source\""), "{history}");
}

#[tokio::test]
async fn w4_the_items_of_an_album_are_of_one_album_and_its_words_are_the_first_one_s() {
    let (world, _, anna, customer, chat) = talking().await;
    let files = [Sample::png("one.png"), Sample::png("two.png"), Sample::mp4("three.mp4")];
    for (at, (kind, file)) in ["photo", "photo", "video"].iter().zip(&files).enumerate() {
        let id = at_the_messenger(&world.bot, file).await;
        let mut message = json!({*kind: {"file_id": id}, "media_group_id": "13000000000000001"});
        if at == 0 {
            message["caption"] = json!("all three");
        }
        customer.write_message(&message).await;
    }
    let mut words = Vec::new();
    for (at, file) in files.iter().enumerate() {
        let seq = 2 + at as u64;
        let message = anna.stored(&chat.id, seq).await;
        let domain::content::Content::Media { media } = &message.content else { panic!("{message:?}") };
        assert_eq!(media.album_id.as_deref(), Some("13000000000000001"));
        words.push(media.caption.clone().unwrap_or_default());
        assert_eq!(anna.read_file(&world.http, &chat.id, seq).await.1, file.bytes);
    }
    assert_eq!(words, ["all three", "", ""]);
}

#[tokio::test]
async fn w4_a_message_shows_at_once_and_its_file_follows() {
    let (world, _, anna, customer, chat) = talking().await;
    let file = Sample::png("slow.png");
    let id = at_the_messenger(&world.bot, &file).await;
    let order = async |order: Value| {
        let ordered = world.bot.simulator.order_file(&world.bot.token, &id, &order).await;
        ordered.unwrap_or_else(|error| panic!("{error}"));
    };
    // 503: it is not to be had yet.
    order(json!({"status": 503})).await;
    write_file(&customer, "photo", &id, Some("soon")).await;
    let pending = anna
        .wait("the message", |view| view.messages.get(&(chat.id.clone(), 2)).map(|message| message.file.clone()))
        .await;
    assert!(matches!(pending, Some(File::Pending { .. })), "{pending:?}");
    let link = Command::File { chat: chat.id.clone(), seq: 2 };
    assert_eq!(anna.refused(link).await, "file_not_ready");
    order(json!({})).await;
    assert_eq!(media(&anna.stored(&chat.id, 2).await), (MediaKind::Photo, Some("soon")));
    assert_eq!(anna.read_file(&world.http, &chat.id, 2).await.1, file.bytes);
}

#[tokio::test]
async fn w4_a_link_is_for_a_while_and_for_who_may_see_the_chat() {
    let (world, _, anna, customer, chat) = talking().await;
    let id = at_the_messenger(&world.bot, &Sample::new("page.html", "text/html", b"<!DOCTYPE html><script>")).await;
    write_file(&customer, "document", &id, None).await;
    anna.stored(&chat.id, 2).await;
    let link = anna.file_link(&chat.id, 2).await;
    assert_eq!(link.content_type, "text/html");
    let left_ms = link.expires_at_ms - e2e::now_ms();
    assert!((0..=i64::from(wire::operators::LINK_S) * 1000).contains(&left_ms), "{left_ms}");
    // What could bring a script along is never shown in the page.
    let answer = world.http.get(&link.url).send().await.expect("an answer");
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert!(header("content-disposition").starts_with("attachment; filename=\"page.html\""), "{:?}", answer.headers());
    let stranger = world.person("Olga", &[], None).await.connect().await;
    let ask = |seq| Command::File { chat: chat.id.clone(), seq };
    assert_ne!(stranger.refused(ask(2)).await, "");
    assert_eq!(anna.refused(ask(1)).await, "file_not_found", "words have no file");
    assert_eq!(anna.refused(ask(99)).await, "message_not_found");
}

#[tokio::test]
async fn w4_a_photo_and_a_document_go_out_as_files() {
    let (world, _, anna, customer, chat) = talking().await;
    let (photo, invoice) = (Sample::jpeg("Grüße.jpg"), Sample::pdf("invoice 7.pdf"));
    for (method, field, file, caption) in
        [("sendPhoto", "photo", &photo, "here you are"), ("sendDocument", "document", &invoice, "and the invoice")]
    {
        let seqs = anna.send_sample(&world.http, &chat.id, file, Some(caption)).await;
        assert_eq!(seqs.len(), 1);
        anna.delivery(&chat.id, seqs[0], DeliveryState::Sent).await;
        let call = sent(&world.bot, method, &customer).await;
        assert_eq!(call["params"]["caption"], caption);
        assert!(!call["result"][field].is_null(), "{call}");
        let got = &call["file"];
        assert_eq!((&got["name"], &got["size"]), (&json!(file.name), &json!(file.bytes.len())), "{call}");
        let id = got["file_id"].as_str().expect("a file");
        let bytes = world.bot.simulator.read_file(&world.bot.token, id).await.expect("its bytes");
        assert_eq!(bytes, file.bytes);
        // The operator's other windows, and who reads on later, can open it too.
        assert_eq!(anna.read_file(&world.http, &chat.id, seqs[0]).await, (file.content_type.clone(), bytes));
    }
    assert_kept_back(&world, &anna);
}

#[tokio::test]
async fn w4_every_kind_of_file_goes_out_as_what_it_is() {
    let (world, _, anna, customer, chat) = talking().await;
    for (method, field, file) in [
        ("sendVideo", "video", Sample::mp4("film.mp4")),
        ("sendAudio", "audio", Sample::mp3("song.mp3")),
        ("sendVoice", "voice", Sample::voice("voice.ogg")),
        ("sendAnimation", "animation", Sample::gif("loop.gif")),
        ("sendDocument", "document", Sample::new("card.vcf", "text/vcard", b"BEGIN:VCARD\r\nVERSION:3.0\r\n")),
    ] {
        let seqs = anna.send_sample(&world.http, &chat.id, &file, Some("here")).await;
        assert_eq!(seqs.len(), 1, "{method} takes words along");
        anna.delivery(&chat.id, seqs[0], DeliveryState::Sent).await;
        let call = sent(&world.bot, method, &customer).await;
        assert_eq!((&call["params"]["caption"], call["result"][field].is_null()), (&json!("here"), false), "{call}");
        let id = call["file"]["file_id"].as_str().expect("a file");
        assert_eq!(world.bot.simulator.read_file(&world.bot.token, id).await.expect("its bytes"), file.bytes);
    }
}

#[tokio::test]
async fn w4_words_too_long_for_a_caption_go_before_the_file() {
    let (world, _, anna, customer, chat) = talking().await;
    let words = "word ".repeat(250).trim().to_owned();
    let seqs = anna.send_sample(&world.http, &chat.id, &Sample::pdf("long.pdf"), Some(&words)).await;
    assert_eq!(seqs.len(), 2);
    anna.delivery(&chat.id, seqs[1], DeliveryState::Sent).await;
    assert_eq!(customer.received(1).await, [words]);
    let call = sent(&world.bot, "sendDocument", &customer).await;
    assert!(call["params"]["caption"].is_null(), "{call}");
    let first = &world.bot.calls("sendMessage").await[0];
    assert!(first["order"].as_u64() < call["order"].as_u64(), "{first} {call}");
}

#[tokio::test]
async fn c8_what_may_not_be_sent_is_refused_before_anything_is_sent_and_the_conversation_goes_on() {
    let (world, anna_herself, anna, customer, chat) = talking().await;
    let say = |name: &str, content_type: &str, size_bytes| Command::Upload {
        chat: chat.id.clone(),
        name: name.to_owned(),
        content_type: content_type.to_owned(),
        size_bytes,
    };
    // Too large, nothing, no name, no type: known before a byte is here.
    for (name, content_type, size_bytes, code) in [
        ("film.mp4", "video/mp4", 50 * 1024 * 1024 + 1, "file_too_large"),
        ("thing", "", 50 * 1024 * 1024 + 1, "file_too_large"),
        ("empty.png", "image/png", 0, "file_empty"),
        ("", "image/png", 10, "file_name_bad"),
        ("../etc", "image/png", 10, "file_name_bad"),
        ("a.png", "picture", 10, "file_name_bad"),
    ] {
        assert_eq!(anna.refused(say(name, content_type, size_bytes)).await, code, "{name}");
    }
    // Lying about its type: known by its bytes.
    let send = |slot: &UploadSlot| Window::send_file_command(&chat.id, &slot.key, "photo.png", None);
    for liar in [Sample::pdf("photo.png").claimed("image/png"), Sample::png("invoice.pdf").claimed("application/pdf")] {
        let slot = anna.slot(&chat.id, &liar).await;
        assert_eq!(anna.refused(send(&slot)).await, "file_not_found", "nothing has been put there");
        assert_eq!(put(&world.http, &slot, &liar.bytes).await, 200);
        assert_eq!(anna.refused(send(&slot)).await, "file_type_mismatch", "{liar:?}");
    }
    // Somebody else's upload, and what is no upload at all.
    let slot = anna.slot(&chat.id, &Sample::png("mine.png")).await;
    let foreign = slot.key.to_string().replace(anna_herself.id.as_str(), "somebody");
    for key in [foreign, format!("in/{}/1", chat.id), "up/x".to_owned()] {
        let key = key.try_into().expect("a key");
        let send = Window::send_file_command(&chat.id, &key, "x.png", None);
        assert_eq!(anna.refused(send).await, "file_not_found");
    }
    let good = Sample::png("good.png");
    let seqs = anna.send_sample(&world.http, &chat.id, &good, None).await;
    anna.delivery(&chat.id, seqs[0], DeliveryState::Sent).await;
    anna.send(&chat.id, "that was it").await;
    assert_eq!(customer.received(1).await, ["that was it"]);
    let calls = world.bot.ask(Method::GET, "/calls", None).await["calls"].as_array().cloned().unwrap_or_default();
    let sending = |call: &&Value| call["method"].as_str().is_some_and(|method| method.starts_with("send"));
    let sending: Vec<_> = calls.iter().filter(sending).map(|call| call["method"].clone()).collect();
    assert_eq!(sending, ["sendPhoto", "sendMessage"], "nothing else was handed over");
}

#[tokio::test]
async fn w4_a_file_that_cannot_be_had_shows_why_and_the_conversation_goes_on() {
    let (world, _, anna, customer, chat) = talking().await;
    let bot = &world.bot;
    let orders = [
        (json!({"status": 404}), "file_gone"),
        (json!({"status": 403}), "file_gone"),
        (json!({"redirect_to": "http://169.254.169.254/latest/meta-data/"}), "file_source_refused"),
        (json!({"redirect_to": "https://127.0.0.1/"}), "file_source_refused"),
        (json!({"redirect_to": world.stack.aws_endpoint}), "file_source_refused"),
    ];
    for (order, _) in &orders {
        let id = at_the_messenger(bot, &Sample::png("never.png")).await;
        bot.simulator.order_file(&bot.token, &id, order).await.unwrap_or_else(|error| panic!("{error}"));
        write_file(&customer, "photo", &id, Some("look")).await;
    }
    // Larger than a bot may have, and without a byte.
    let large =
        bot.simulator.upload_file(&bot.token, "large.pdf", "application/pdf", vec![b'x'; 21 * 1024 * 1024]).await;
    write_file(&customer, "document", &large.expect("a file"), None).await;
    let empty = bot.simulator.upload_file(&bot.token, "empty.txt", "text/plain", Vec::new()).await;
    write_file(&customer, "document", &empty.expect("a file"), None).await;
    customer.write("never mind").await;
    let reasons = orders.iter().map(|(_, reason)| *reason).chain(["file_too_large", "file_empty"]);
    for (at, reason) in reasons.enumerate() {
        let seq = 2 + at as u64;
        assert_eq!(anna.missing(&chat.id, seq).await, reason, "message {seq}");
        let link = Command::File { chat: chat.id.clone(), seq };
        assert_eq!(anna.refused(link).await, "file_not_found");
    }
    anna.wait("the words", |view| view.words_of(&chat.id).contains(&"never mind".into()).then_some(())).await;
    anna.send(&chat.id, "never mind either").await;
    assert_eq!(customer.received(1).await, ["never mind either"]);
    assert_kept_back(&world, &anna);
}
