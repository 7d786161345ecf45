//! Everything that a customer of a page can send, as its operator sees it (C5, W4, L7).

use domain::ChatId;
use domain::file::File;
use domain::message::{Author, Message};
use e2e::files::Sample;
use e2e::messenger::{Shop, Visitor, message};
use e2e::{SOON, Window, eventually};
use serde_json::{Value, json};
use wire::operators::Command;

use super::kinds::shown;

/// A shop with an operator who has a chat in work with a customer who wrote "Hello".
async fn talking() -> (Shop, Window, Visitor, ChatId) {
    let shop = Shop::open().await;
    let (_, anna) = shop.operator("Anna").await;
    let visitor = shop.page.customer();
    visitor.write("Hello").await;
    let chat = visitor.accepted_by(&anna).await;
    (shop, anna, visitor, chat.id)
}

/// What the customer does, and what it shows; nothing = it is taken, and nobody is bothered.
fn table(sticker: &str) -> Vec<(&'static str, Value, Option<&'static str>)> {
    let attached = |attachment: Value| json!({"attachments": [attachment]});
    let place = json!({"coordinates": {"lat": 52.5163, "long": 13.3777}});
    let link = json!({"url": "https://shop.example/roses", "title": "Roses"});
    vec![
        ("messages", json!({"text": "Grüße 😀\n<b>*plain*</b>"}), Some("text Grüße 😀\n<b>*plain*</b>")),
        ("messages", attached(json!({"type": "image"})), Some("media photo")),
        ("messages", attached(json!({"type": "video"})), Some("media video")),
        ("messages", attached(json!({"type": "audio"})), Some("media audio")),
        ("messages", attached(json!({"type": "file", "name": "order.pdf"})), Some("media document")),
        (
            "messages",
            attached(json!({"type": "image", "payload": {"url": sticker, "sticker_id": 369_239_263_222_822_u64}})),
            Some("media sticker"),
        ),
        (
            "messages",
            attached(json!({"type": "location", "title": "Pinned", "payload": place})),
            Some("location 52516300 13377700"),
        ),
        (
            "messages",
            attached(json!({"type": "fallback", "payload": link})),
            Some("text Roses\nhttps://shop.example/roses"),
        ),
        (
            "messages",
            attached(json!({"type": "share", "payload": link})),
            Some("text Roses\nhttps://shop.example/roses"),
        ),
        ("messages", attached(json!({"type": "hologram", "payload": {"x": 1}})), Some("unsupported hologram")),
        ("messages", json!({"is_unsupported": true}), Some("unsupported unsupported")),
        ("messages", json!({"text": "Yes", "quick_reply": {"payload": "YES"}}), Some("button Yes")),
        ("postbacks", json!({"title": "Get started", "payload": "START"}), Some("button Get started")),
        ("referrals", json!({"ref": "spring", "source": "SHORTLINK", "type": "OPEN_THREAD"}), None),
        ("messages", json!({"text": "the end"}), Some("text the end")),
    ]
}

#[tokio::test]
async fn c5_every_kind_of_message_shows_as_what_it_is() {
    let (shop, anna, visitor, chat) = talking().await;
    let (_, sticker) = shop.facebook.file(&Sample::png("like.png")).await;
    let table = table(&sticker);
    for (what, body, _) in &table {
        let done = visitor.act(what, body).await;
        visitor.taken(&done).await;
    }
    message(&anna, &chat, "the last of them", |message| message.content.words() == Some("the end")).await;
    let history = anna.history(&chat, None, None).await.messages;
    let lines: Vec<String> = history.iter().skip(1).map(shown).collect();
    let expected: Vec<&str> = table.iter().filter_map(|(.., line)| *line).collect();
    assert_eq!(lines, expected);
    assert!(history.iter().all(|message| message.author == Author::Customer), "{history:#?}");
    assert!(history.iter().all(|message| message.provider_at_ms.is_some()), "L7: Facebook's own time is kept");
    let Some(domain::content::Content::Media { media }) = history.get(5).map(|message| &message.content) else {
        panic!("{:?}", history.get(5));
    };
    assert_eq!(
        (media.file_name.as_deref(), &media.source),
        (Some("order.pdf"), &None),
        "W4: Facebook's address stays here"
    );
}

#[tokio::test]
async fn c5_edits_reactions_and_quotes_find_the_message_that_they_are_about() {
    let (_shop, anna, visitor, chat) = talking().await;
    let seq = anna.send(&chat, "Is it the red one?").await[0];
    let ours = visitor.received(1).await.remove(0);
    let ours = ours["mid"].as_str().expect("an id").to_owned();
    let simulator = &visitor.page.simulator;
    let written = visitor.act("messages", &json!({"text": "the bleu one", "reply_to": {"mid": ours}})).await;
    let shown = message(&anna, &chat, "the quote", |message| message.content.words() == Some("the bleu one")).await;
    assert_eq!(shown.reply_to.as_deref(), Some(ours.as_str()));
    simulator.edit(&visitor.page.id, &visitor.id, &written.mid, "the blue one").await.expect("edited");
    let edited = message(&anna, &chat, "the edit", |message| message.content.words() == Some("the blue one")).await;
    assert_eq!((edited.seq, edited.edited_at_ms.is_some()), (shown.seq, true));
    simulator.react(&visitor.page.id, &visitor.id, &ours, Some("love")).await.expect("reacted");
    message(&anna, &chat, "the reaction", |message| message.seq == seq && message.reaction.as_deref() == Some("❤"))
        .await;
    simulator.react(&visitor.page.id, &visitor.id, &ours, None).await.expect("taken back");
    message(&anna, &chat, "no reaction", |message| message.seq == seq && message.rev > 1 && message.reaction.is_none())
        .await;
    assert_eq!(anna.history(&chat, None, None).await.messages.len(), 3, "none of these is a message of its own");
}

#[tokio::test]
async fn w4_a_file_follows_its_message_and_its_link_gives_the_bytes_that_were_sent() {
    let (shop, anna, visitor, chat) = talking().await;
    let http = &shop.facebook.ground.http;
    for (kind, file, content_type) in [
        ("image", Sample::png("photo.png"), "image/png"),
        ("image", Sample::jpeg("photo.jpg"), "image/jpeg"),
        ("video", Sample::mp4("clip.mp4"), "video/mp4"),
        ("audio", Sample::mp3("song.mp3"), "audio/mpeg"),
        ("file", Sample::pdf("invoice.pdf"), "application/pdf"),
        // What it is said to be is not what it is.
        ("image", Sample::pdf("photo.jpg").claimed("image/jpeg"), "application/pdf"),
    ] {
        let (id, _) = shop.facebook.file(&file).await;
        let written = visitor.act("messages", &json!({"attachments": [{"type": kind, "file_id": id}]})).await;
        let shown =
            message(&anna, &chat, &file.name, |message| message.provider_message_id.as_deref() == Some(&written.mid))
                .await;
        let stored = anna.stored(&chat, shown.seq).await;
        let Some(File::Stored { content_type: by_content, size_bytes, .. }) = &stored.file else { unreachable!() };
        assert_eq!((by_content.as_str(), *size_bytes), (content_type, file.bytes.len() as u64), "{}", file.name);
        assert_eq!(anna.read_file(http, &chat, stored.seq).await, (content_type.to_owned(), file.bytes), "{kind}");
    }
    // Whoever has Facebook's address has the file.
    anna.assert_never_told(&["/cdn/", &shop.facebook.ground.stack.simulators.messenger]);
}

#[tokio::test]
async fn w4_a_file_that_cannot_be_had_says_why_and_the_conversation_goes_on() {
    let (shop, anna, visitor, chat) = talking().await;
    for (order, reason) in [
        (json!({"status": 404}), "file_gone"),
        (json!({"redirect_to": "http://169.254.169.254/latest/meta-data/"}), "file_source_refused"),
    ] {
        let (file, url) = shop.facebook.file(&Sample::png("photo.png")).await;
        shop.facebook.simulator.order_file(&file, &order).await.expect("ordered");
        let written =
            visitor.act("messages", &json!({"attachments": [{"type": "image", "payload": {"url": url}}]})).await;
        let missing = message(&anna, &chat, &format!("{reason} by {order}"), |message| {
            message.provider_message_id.as_deref() == Some(&written.mid)
                && matches!(message.file, Some(File::Missing { .. }))
        })
        .await;
        assert_eq!(missing.file, Some(File::Missing { reason: reason.to_owned() }));
        let refused = anna.refused(Command::File { chat: chat.clone(), seq: missing.seq }).await;
        assert_eq!(refused, "file_not_found");
    }
    anna.send(&chat, "Please send it again.").await;
    assert_eq!(visitor.received_texts(1).await, ["Please send it again."]);
}

#[tokio::test]
async fn w4_several_pictures_of_one_message_are_an_album() {
    let (_shop, anna, visitor, chat) = talking().await;
    let body = json!({"text": "all three", "attachments": [{"type": "image"}, {"type": "image"}, {"type": "video"}]});
    let written = visitor.act("messages", &body).await;
    let album = eventually("the album with its files", SOON, async || {
        let messages = anna.history(&chat, None, None).await.messages.split_off(1);
        let is_stored = |message: &Message| matches!(message.file, Some(File::Stored { .. }));
        (messages.len() == 3 && messages.iter().all(is_stored)).then_some(messages)
    })
    .await;
    let lines: Vec<String> = album.iter().map(shown).collect();
    assert_eq!(lines, ["media photo all three", "media photo", "media video"]);
    for item in &album {
        let domain::content::Content::Media { media } = &item.content else { panic!("{item:?}") };
        assert_eq!(media.album_id.as_deref(), Some(written.mid.as_str()));
    }
}

#[tokio::test]
async fn c5_a_name_is_learned_and_one_that_is_not_told_has_a_stand_in() {
    let shop = Shop::open().await;
    let (_, anna) = shop.operator("Anna").await;
    let ada = shop.page.customer();
    shop.page
        .ask(
            reqwest::Method::PUT,
            &format!("/customers/{}", ada.id),
            Some(&json!({"first_name": "Ada", "last_name": "Example"})),
        )
        .await;
    ada.write("Hello").await;
    let chat =
        eventually("the offer of Ada", SOON, async || anna.view(|view| view.offers.values().next().cloned())).await;
    anna.accept(&chat.id, chat.offer.as_ref().map(|offer| &offer.id)).await;
    anna.wait("the name", |view| {
        view.chats.get(&chat.id).filter(|chat| chat.customer_name == "Ada Example").map(|_| ())
    })
    .await;
    let silent = shop.page.customer();
    shop.page.order_faults(&[json!({"kind": "profile_unavailable", "psid": silent.id, "count": 9})]).await;
    silent.write("Hello").await;
    let (_, chat) = silent.offered(&anna).await;
    assert_eq!(chat.customer_name, silent.stand_in());
    silent.calls("profile", 1).await;
}
