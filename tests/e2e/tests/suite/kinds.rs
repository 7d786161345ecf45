//! Every kind of Telegram's updates in tests/fixtures/telegram, as its operator sees it.

use std::fs;
use std::path::Path;

use domain::content::Content;
use domain::message::{Author, Message};
use e2e::{SOON, eventually};
use serde_json::{Value, json};

use super::staffed;

/// The fixtures that show, in the order in which they are delivered, and what they show; `edit:` changes an earlier one. All
/// others are answered 2xx and show nothing.
const SHOWN: [(&str, &str); 50] = [
    ("text", "text Hello, my order is late"),
    ("text_start_deep_link", "text /start"),
    ("text_blank_name", "text hi"),
    ("text_exact", "text   *not bold*"),
    ("text_with_nul", "text"),
    ("text_only_nul", "unsupported"),
    ("text_4096", "text"),
    ("text_with_new_fields", "text"),
    ("text_in_topic", "text"),
    ("text_via_bot", "text"),
    ("photo_caption", "media photo Broken box"),
    ("photo_album_item", "media photo"),
    ("photo_no_sizes", "unsupported photo"),
    ("live_photo", "media photo live"),
    ("voice", "media voice"),
    ("audio", "media audio listen"),
    ("video", "media video"),
    ("video_note", "media video_note"),
    ("animation", "media animation"),
    ("sticker", "media sticker 👍"),
    ("document", "media document invoice"),
    ("document_too_big", "media document"),
    ("document_bare", "media document"),
    ("location", "location 55751245 -37618424"),
    ("location_out_of_range", "unsupported location"),
    ("venue", "location"),
    ("contact", "contact Grace Example"),
    ("contact_no_name", "contact +15550101"),
    ("reply", "text answering that"),
    ("reply_quote", "text this bit"),
    ("reply_in_topic", "text in a topic, to somebody"),
    ("reply_external", "text look at this"),
    ("forwarded_user", "text fwd text"),
    ("forwarded_hidden_user", "text fwd text"),
    ("forwarded_chat", "text fwd text"),
    ("forwarded_channel", "media photo"),
    ("forwarded_unknown_origin", "text fwd text"),
    ("poll", "unsupported poll"),
    ("dice", "unsupported dice"),
    ("story", "unsupported story"),
    ("rich_message", "unsupported rich_message"),
    ("unknown_content", "unsupported"),
    ("unknown_content_with_caption", "media document"),
    ("no_content", "unsupported empty"),
    ("voice_of_another_type", "unsupported voice"),
    ("message_without_sender", "text x"),
    ("callback_query", "button Yes"),
    ("callback_query_inaccessible", "button yes:1"),
    ("callback_query_game", "button tetris"),
    ("my_chat_member_blocked", "note customer_blocked"),
];

/// Texts of other customers, and the names that these go by.
const OTHERS: [(&str, &str); 2] = [("text_minimal_sender", "Bo"), ("text_no_name", "700000003")];

/// Edits of what was shown before: file, the file whose message changes, what it shows then.
const EDITS: [(&str, &str, &str); 4] = [
    ("edited_text", "text", "text Hello, my order is very late"),
    ("edited_text_same", "text", "text Hello, my order is very late"),
    ("edited_caption", "photo_caption", "media photo Broken box, left side"),
    ("edited_location", "location", "location 55752000 37620000"),
];

/// A fixture as an update to be delivered, with an id of its own.
fn fixture(name: &str, at: usize) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/telegram").join(format!("{name}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut update: Value = serde_json::from_str(&text).expect("a fixture is JSON");
    // An id of its own, also for each press of a button: else they would be doubles of each other.
    update["update_id"] = json!(900_000_000 + at);
    if update["callback_query"]["id"].is_string() {
        update["callback_query"]["id"] = json!(format!("30060000000000{at:05}"));
    }
    update
}

/// What a message shows, in a line.
pub(super) fn shown(message: &Message) -> String {
    let kind = |content: &Content| json!(content)["media"]["kind"].as_str().unwrap_or_default().to_owned();
    let line = match &message.content {
        Content::Text { text } => format!("text {text}"),
        Content::Media { media } => {
            format!("media {} {}", kind(&message.content), media.caption.as_deref().unwrap_or_default())
        }
        Content::Location { latitude_e6, longitude_e6, .. } => format!("location {latitude_e6} {longitude_e6}"),
        Content::ContactCard { name, .. } => format!("contact {name}"),
        Content::Button { label } => format!("button {label}"),
        Content::HandBack { to } => format!("hand back {to:?}"),
        Content::Unsupported { what } if message.author == Author::System => format!("note {what}"),
        Content::Unsupported { what } => format!("unsupported {what}"),
    };
    line.trim_end().to_owned()
}

/// Every fixture that is an update and not among the shown ones.
fn ignored() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/telegram");
    let files = fs::read_dir(folder).expect("the fixtures").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = files
        .filter_map(|name| name.to_string_lossy().strip_suffix(".json").map(str::to_owned))
        .filter(|name| !name.starts_with("error_") && name != "my_chat_member_unblocked")
        .filter(|name| !OTHERS.iter().any(|(known, _)| known == name))
        .filter(|name| !SHOWN.iter().any(|(known, _)| known == name) && !EDITS.iter().any(|(known, ..)| known == name))
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn every_kind_of_update_shows_as_it_should() {
    let (world, _, anna) = staffed(domain::config::Rule::MostFree).await;
    let names = SHOWN.iter().map(|(name, _)| (*name).to_owned());
    let others = OTHERS.iter().map(|(name, _)| (*name).to_owned());
    let all: Vec<String> =
        names.chain(others).chain(EDITS.iter().map(|(name, ..)| (*name).to_owned())).chain(ignored()).collect();
    for (at, name) in all.iter().enumerate() {
        let delivery = world.bot.inject(&fixture(name, at)).await;
        assert_eq!(delivery["attempts"][0]["status"], 200, "{name}: {delivery}");
    }
    // The mark at the end: in order after all that was delivered before.
    world.bot.inject(&fixture("my_chat_member_unblocked", all.len())).await;
    let (_, chat) = anna.offered("Ada Example").await;
    for (_, name) in OTHERS {
        anna.offered(name).await;
    }
    let messages = eventually("the last of them", SOON, async || {
        let newest = anna.history(&chat.id, None, None).await;
        let last = newest.messages.last().is_some_and(|last| shown(last) == "note customer_unblocked");
        if !last {
            return None;
        }
        let before = newest.messages.first().map(|message| message.seq);
        let mut all = anna.history(&chat.id, before, None).await.messages;
        all.extend(newest.messages);
        Some(all)
    })
    .await;

    let mut expected: Vec<(&str, &str)> = SHOWN.to_vec();
    expected.push(("my_chat_member_unblocked", "note customer_unblocked"));
    for (_, of, becomes) in EDITS {
        let changed = expected.iter_mut().find(|(name, _)| *name == of).expect("an edit of something shown");
        changed.1 = becomes;
    }
    let lines: Vec<String> = messages.iter().map(shown).collect();
    for (at, (name, begins)) in expected.iter().enumerate() {
        let line = lines.get(at).map_or("nothing", String::as_str);
        assert!(line.starts_with(begins), "{name} shows {line:?} and not {begins:?}");
    }
    assert_eq!(lines.len(), expected.len(), "nothing else: {:#?}", &lines[expected.len().min(lines.len())..]);

    let of = |name: &str| {
        let at = expected.iter().position(|(known, _)| *known == name).expect("shown");
        &messages[at]
    };
    assert_eq!(of("reply").reply_to.as_deref(), Some("90"));
    assert_eq!(of("reply_quote").quote.as_deref(), Some("my order"));
    assert_eq!(of("forwarded_user").forwarded_from.as_deref(), Some("Grace Example"));
    assert_eq!(of("text").rev, 2, "an edit that changes nothing is none");
    assert_eq!(of("text_4096").content.words().map(str::len), Some(4096));
    assert!(world.bot.calls("answerCallbackQuery").await.len() >= 3, "a pressed button is answered");
}
