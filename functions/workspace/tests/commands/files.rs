//! Files of operators and of customers (C8, W4).

use domain::content::{Content, Media, MediaKind};
use domain::decision::{Decision, Write};
use domain::file::{File, FileKey};
use domain::message::{DeliveryState, Message};
use domain::window::WINDOW_MS;
use domain::{ChatId, OperatorId, Provider};
use fakes::world::{CROWD, SALES, id};
use fakes::{FaultTime, PICTURE, World};
use ports::{FileError, StoreError};
use serde_json::{Value, json};
use wire::queues::{Outbound, OutboundKind, QueueMessage};

use crate::{command, result};

const PDF: &[u8] = b"%PDF-1.7\n";
const PROGRAM: &[u8] = b"MZ\x90\0\x03\0\0\0";

fn upload(chat: &ChatId, content_type: &str, size_bytes: u64) -> Value {
    json!({"action": "upload", "chat": chat, "name": "a.pdf", "content_type": content_type, "size_bytes": size_bytes})
}

fn send_file(chat: &ChatId, key: &str, caption: Option<&str>) -> Value {
    json!({"action": "send_file", "chat": chat, "key": key, "name": "Preis ü.pdf", "caption": caption})
}

fn file(chat: &ChatId, seq: u64) -> Value {
    json!({"action": "file", "chat": chat, "seq": seq})
}

/// The operator has put these bytes, as of this type, where a slot said.
async fn put(world: &World, who: &OperatorId, chat: &ChatId, content_type: &str, bytes: &[u8]) -> String {
    let slot = result(world, who, "slot", upload(chat, content_type, bytes.len() as u64)).await;
    let key = slot["key"].as_str().expect("a key").to_owned();
    world.files.upload(&key_of(&key), content_type, bytes);
    key
}

fn key_of(text: &str) -> FileKey {
    text.to_owned().try_into().expect("a key")
}

fn anna_talks(world: &World) -> (OperatorId, ChatId) {
    let anna = world.operator("anna");
    let chat = world.in_work("c1", SALES, &anna);
    (anna, chat)
}

#[tokio::test]
async fn w4_an_upload_is_answered_by_a_slot_for_that_file() {
    let world = World::new();
    let (anna, chat) = anna_talks(&world);
    world.reset();
    let slot = result(&world, &anna, "r1", upload(&chat, "application/x-pdf", 1234)).await;
    let key = slot["key"].as_str().unwrap();
    assert!(key.starts_with("up/c1.1/anna/") && key.len() == "up/c1.1/anna/".len() + 32, "{key}");
    assert_eq!(
        slot,
        json!({
            "key": key,
            "url": format!("https://files.test/{key}?bytes=1234&seconds=300"),
            "method": "PUT",
            "headers": {"content-type": "application/pdf"},
            "expires_at_ms": world.now_ms() + 300_000,
        })
    );
    assert_eq!((world.files.requests(), world.store.counts().commits), (0, 0), "nothing is kept of it");
    let next = result(&world, &anna, "r2", upload(&chat, "application/pdf", 1234)).await;
    assert_ne!(next["key"], slot["key"]);
}

#[tokio::test]
async fn c8_an_upload_that_cannot_be_sent_is_refused_at_once() {
    let world = World::new();
    let (anna, chat) = anna_talks(&world);
    let ben = world.operator("ben");
    let mb = 1024 * 1024;
    for (n, (who, wanted, expected)) in [
        (&anna, upload(&chat, "application/pdf", 50 * mb + 1), "file_too_large"),
        (&anna, upload(&chat, "application/pdf", 0), "file_empty"),
        (&anna, upload(&chat, "no type", 1), "file_name_bad"),
        (&ben, upload(&chat, "application/pdf", 1), "not_your_chat"),
        (&anna, upload(&id("nobody.1"), "application/pdf", 1), "chat_not_found"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(command(&world, who, &format!("r{n}"), wanted).await, expected);
    }
    for (n, name) in ["", " ", "a/b", "a\\b", "a\nb", &"x".repeat(256)].into_iter().enumerate() {
        let mut wanted = upload(&chat, "application/pdf", 1);
        wanted["name"] = json!(name);
        assert_eq!(command(&world, &anna, &format!("n{n}"), wanted).await, "file_name_bad", "{name:?}");
    }
    world.speaks(&chat, Provider::Whatsapp);
    assert_eq!(command(&world, &anna, "w1", upload(&chat, "image/gif", 1)).await, "file_kind_not_allowed");
    let text = world.answer("anna-1", "w1").error.unwrap().text;
    assert!(text.contains("jpg, jpeg, png") && text.contains("16 MB"), "{text}");
    assert_eq!(command(&world, &anna, "w2", upload(&chat, "image/png", 5 * mb + 1)).await, "file_too_large");
    let open_at_ms = world.now_ms();
    world.clock.advance(WINDOW_MS);
    assert_eq!(command(&world, &anna, "late", upload(&chat, "image/png", 1)).await, "window_closed");
    world.clock.advance(open_at_ms - world.now_ms());
    world.configure(|config| config.channels.get_mut(&id("sales-bot")).unwrap().active = false);
    assert_eq!(command(&world, &anna, "off", upload(&chat, "image/png", 1)).await, "channel_inactive");
}

#[tokio::test]
async fn w4_a_file_is_looked_at_kept_and_accepted_in_one_transaction() {
    let world = World::new();
    let (anna, chat) = anna_talks(&world);
    world.connect(&anna, "anna-2");
    let key = put(&world, &anna, &chat, "application/pdf", PDF).await;
    world.reset();
    let (before, wanted) = (world.files.requests(), send_file(&chat, &key, Some("As promised")));
    assert_eq!(result(&world, &anna, "r1", wanted.clone()).await, json!({"seqs": [2]}));
    assert_eq!((world.store.counts().commits, world.store.counts().items_written), (1, 2));
    assert_eq!(world.files.requests() - before, 2, "one look, one copy");

    let kept = format!("{}/Preis.pdf", key.replace("up/c1.1/anna/", "out/c1.1/"));
    assert_eq!(world.files.at(&kept).unwrap().bytes, PDF);
    let message = world.messages(&chat).pop().unwrap();
    let stored = File::Stored {
        key: FileKey::try_from(kept).unwrap(),
        content_type: "application/pdf".to_owned(),
        size_bytes: PDF.len() as u64,
    };
    assert_eq!(message.file, Some(stored));
    assert_eq!(message.delivery.as_ref().unwrap().state, DeliveryState::Queued);
    let Content::Media { media } = &message.content else { panic!("{message:?}") };
    assert_eq!((media.kind, media.file_name.as_deref()), (MediaKind::Document, Some("Preis ü.pdf")));
    assert_eq!(media.caption.as_deref(), Some("As promised"));
    let is_hint = |hint: &QueueMessage| {
        matches!(hint, QueueMessage::Outbound(Outbound { what: OutboundKind::Reply { seq: 2, .. }, .. }))
    };
    assert!(world.queues.take().iter().any(is_hint));
    assert_eq!(world.told("anna-2", "message").len(), 1);

    // The same request again, even after the upload is gone, is the same answer.
    world.files.fail_next(1, &FileError::Unavailable("not asked".to_owned()));
    assert_eq!(result(&world, &anna, "r1", wanted).await, json!({"seqs": [2]}));
    assert_eq!(world.messages(&chat).len(), 2);
}

#[tokio::test]
async fn c8_a_file_that_cannot_be_sent_says_why_and_nothing_is_sent() {
    let world = World::new();
    let (anna, chat) = anna_talks(&world);
    let ben = world.operator("ben");
    let bens = world.in_work("c2", SALES, &ben);
    let lie = put(&world, &anna, &chat, "image/png", PROGRAM).await;
    let empty = "up/c1.1/anna/empty";
    world.files.upload(&key_of(empty), "image/png", b"");
    let others = put(&world, &ben, &bens, "application/pdf", PDF).await;
    let good = put(&world, &anna, &chat, "application/pdf", PDF).await;
    let long = "x".repeat(16_385);
    for (n, (wanted, expected)) in [
        (send_file(&chat, &lie, None), "file_type_mismatch"),
        (send_file(&chat, empty, None), "file_empty"),
        (send_file(&chat, &others, None), "file_not_found"),
        (send_file(&chat, &others.replace("c2.1", "c1.1"), None), "file_not_found"),
        (send_file(&chat, "up/c1.1/anna/never-put", None), "file_not_found"),
        (send_file(&chat, "in/c1.1/1", None), "file_not_found"),
        (send_file(&chat, "../secrets", None), "bad_request"),
        (send_file(&chat, &good, Some(&long)), "text_too_long"),
        (send_file(&bens, &good, None), "not_your_chat"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(command(&world, &anna, &format!("r{n}"), wanted).await, expected, "{n}");
    }
    world.speaks(&chat, Provider::Whatsapp);
    let gif = put_gif(&world);
    assert_eq!(command(&world, &anna, "w", send_file(&chat, &gif, None)).await, "file_kind_not_allowed");
    assert_eq!(world.words(&chat), ["hello"]);
    assert!(world.files.keys().iter().all(|key| key.starts_with("up/")), "nothing is kept");
}

/// Put as of a type that says nothing.
fn put_gif(world: &World) -> String {
    let key = "up/c1.1/anna/gif";
    world.files.upload(&key_of(key), "application/octet-stream", b"GIF89a\x01\0\x01\0");
    key.to_owned()
}

#[tokio::test]
async fn c8_what_is_put_in_a_files_place_after_the_look_is_not_sent() {
    let world = World::new();
    let (anna, chat) = anna_talks(&world);
    let key = put(&world, &anna, &chat, "application/pdf", PDF).await;
    world.files.upload_after_read(&key_of(&key), "application/pdf", PROGRAM);
    assert_eq!(command(&world, &anna, "r1", send_file(&chat, &key, None)).await, "try_again");
    assert_eq!(command(&world, &anna, "r1", send_file(&chat, &key, None)).await, "file_type_mismatch");
    assert_eq!(world.words(&chat), ["hello"]);
}

#[tokio::test]
async fn i6_a_fault_accepts_nothing_and_the_same_request_goes_on() {
    let world = World::new();
    let (anna, chat) = anna_talks(&world);
    let key = put(&world, &anna, &chat, "application/pdf", PDF).await;
    let wanted = send_file(&chat, &key, None);
    world.files.fail_next(1, &FileError::Unavailable("down".to_owned()));
    assert_eq!(command(&world, &anna, "r1", wanted.clone()).await, "try_again");
    world.store.fail_next_commits(1, FaultTime::After, &StoreError::Unavailable("lost".to_owned()));
    assert_eq!(command(&world, &anna, "r1", wanted.clone()).await, "try_again");
    assert_eq!(result(&world, &anna, "r1", wanted).await, json!({"seqs": [2]}));
    assert_eq!(world.messages(&chat).len(), 2);
}

#[tokio::test]
async fn words_go_with_the_file_or_before_it() {
    use Provider::{Messenger, Telegram, Whatsapp};
    let long = "x".repeat(1_025);
    for (provider, content_type, bytes, caption, expected) in [
        (Telegram, "image/jpeg", PICTURE, "Look", vec!["Look"]),
        (Telegram, "image/jpeg", PICTURE, &long, vec![&*long, "(none)"]),
        (Telegram, "image/jpeg", PICTURE, " ", vec!["(none)"]),
        (Whatsapp, "image/jpeg", PICTURE, "Look", vec!["Look"]),
        (Whatsapp, "application/pdf", PDF, "Look", vec!["Look", "(none)"]),
        (Messenger, "image/jpeg", PICTURE, "Look", vec!["Look", "(none)"]),
    ] {
        let world = World::new();
        let (anna, chat) = anna_talks(&world);
        world.speaks(&chat, provider);
        let key = put(&world, &anna, &chat, content_type, bytes).await;
        assert_eq!(command(&world, &anna, "r1", send_file(&chat, &key, Some(caption))).await, "ok");
        assert_eq!(world.words(&chat)[1..], expected, "{provider:?}");
        let files: Vec<bool> = world.messages(&chat).iter().map(|message| message.file.is_some()).collect();
        assert_eq!(files.iter().filter(|&&has| has).count(), 1);
        assert_eq!(files.last(), Some(&true));
    }
}

/// The customer's message has this file.
fn has(world: &World, chat: &ChatId, name: Option<&str>, file: File) {
    let media = Media {
        kind: MediaKind::Document,
        file_name: name.map(str::to_owned),
        mime_type: None,
        size_bytes: None,
        caption: None,
        source: Some("a secret address".to_owned()),
        album_id: None,
    };
    let before = world.messages(chat).remove(0);
    let rev = before.rev + 1;
    let message = Message { rev, content: Content::Media { media }, file: Some(file), ..before };
    world.commit(&Decision { writes: vec![Write::Message(message)], ..Decision::default() });
}

fn stored(content_type: &str) -> File {
    let key = key_of("in/c1.1/1");
    File::Stored { key, content_type: content_type.to_owned(), size_bytes: 7 }
}

#[tokio::test]
async fn a_file_is_served_by_its_true_type_for_five_minutes() {
    let world = World::new();
    let (anna, chat) = anna_talks(&world);
    has(&world, &chat, None, stored("image/jpeg"));
    let link = result(&world, &anna, "r1", file(&chat, 1)).await;
    let url = "https://files.test/in/c1.1/1?as=image/jpeg&inline=file&seconds=300";
    assert_eq!(link, json!({"url": url, "expires_at_ms": world.now_ms() + 300_000, "content_type": "image/jpeg"}));
    has(&world, &chat, Some("x.html"), stored("text/html"));
    let link = result(&world, &anna, "r2", file(&chat, 1)).await;
    assert!(link["url"].as_str().unwrap().contains("as=text/html&attachment=x.html"), "{link}");
}

#[tokio::test]
async fn i8_a_file_is_for_who_may_read_its_chat() {
    let world = World::new();
    let (anna, chat) = anna_talks(&world);
    let ben = world.operator("ben");
    let open = world.waiting("c9", CROWD);
    has(&world, &chat, None, stored("image/jpeg"));
    for (n, (who, wanted, expected)) in [
        (&ben, file(&chat, 1), "chat_not_found"),
        (&anna, file(&id("nobody.1"), 1), "chat_not_found"),
        (&anna, file(&chat, 9), "message_not_found"),
        (&ben, file(&open, 1), "file_not_found"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(command(&world, who, &format!("r{n}"), wanted).await, expected);
    }
    has(&world, &chat, None, File::Pending { since_ms: world.now_ms() });
    assert_eq!(command(&world, &anna, "p", file(&chat, 1)).await, "file_not_ready");
    has(&world, &chat, None, File::Missing { reason: "file_gone".to_owned() });
    assert_eq!(command(&world, &anna, "m", file(&chat, 1)).await, "file_not_found");
}

#[tokio::test]
async fn i10_where_a_messenger_has_a_file_is_shown_to_nobody() {
    let world = World::new();
    let (anna, chat) = anna_talks(&world);
    has(&world, &chat, Some("a.pdf"), File::Pending { since_ms: world.now_ms() });
    let history = result(&world, &anna, "h", json!({"action": "history", "chat": chat})).await;
    assert_eq!(history["messages"][0]["content"]["media"]["file_name"], "a.pdf");
    assert_eq!(command(&world, &anna, "s", json!({"action": "sync"})).await, "ok");
    let frames = format!("{:?}", world.push.frames_json("anna-1"));
    assert!(frames.contains("a.pdf") && !frames.contains("secret"), "{frames}");
}
