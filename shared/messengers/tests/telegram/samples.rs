//! Every sample in `tests/fixtures/telegram` becomes exactly what is expected of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use domain::content::Content;
use domain::inbound::InboundKind;
use messengers::telegram::{Outcome, TEXT_UTF16_MAX, parse};

use crate::describe;

/// Where the samples are.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/telegram")
}

/// All samples by file name.
pub(crate) fn all() -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(folder())
        .expect("the folder of samples")
        .map(|entry| entry.expect("an entry of the folder").path())
        .map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), path))
        .filter(|(name, _)| name != "README.md")
        .map(|(name, path)| (name, fs::read(path).expect("a sample")))
        .collect()
}

#[test]
fn each_sample_becomes_what_is_expected() {
    let mut expected: BTreeMap<&str, &str> = EXPECTED.into_iter().collect();
    assert_eq!(expected.len(), EXPECTED.len(), "a file is expected twice");
    let mut wrong = Vec::new();
    for (name, body) in all() {
        let became = match parse(&body) {
            Ok(update) => describe::outcome(&update.outcome),
            Err(error) => format!("refused: {}", error.code()),
        };
        match expected.remove(name.as_str()) {
            Some(expected) if expected == became => {}
            expected => wrong.push(format!("{name}\n  became   {became}\n  expected {expected:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(expected.is_empty(), "expected, but not there: {expected:?}");
}

#[test]
fn an_event_is_named_after_its_update() {
    for (name, body) in all() {
        let Ok(update) = parse(&body) else { continue };
        if let Outcome::Event(event) | Outcome::Answer { event, .. } = update.outcome {
            assert_eq!(event.event_id, update.update_id.to_string(), "{name}");
        }
    }
}

#[test]
fn the_longest_text_arrives_whole() {
    let body = fs::read(folder().join("text_4096.json")).unwrap();
    let sent: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let Outcome::Event(event) = parse(&body).unwrap().outcome else { panic!("an event") };
    let InboundKind::Message { content: Content::Text { text }, .. } = event.what else { panic!("a text") };
    assert_eq!(text.encode_utf16().count(), TEXT_UTF16_MAX);
    assert_eq!(Some(text.as_str()), sent["message"]["text"].as_str());
}

#[test]
fn the_index_lists_each_sample() {
    let index = fs::read_to_string(folder().join("README.md")).unwrap();
    let listed: Vec<&str> = index.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next()).collect();
    let there: Vec<String> = all().into_keys().collect();
    let mut sorted: Vec<&str> = listed.into_iter().filter(|name| name.contains('.')).collect();
    sorted.sort_unstable();
    assert_eq!(sorted, there);
}

/// File, and what it must become: see `describe`. `Ada` stands for the customer of nearly all samples.
const EXPECTED: [(&str, &str); 89] = [
    (
        "animation.json",
        r#"Ada at 1760000121000: message 121 Animation id "AgACAgIAAxkBAAIan-example" name "a.mp4" type "video/mp4" size "90000""#,
    ),
    (
        "audio.json",
        r#"Ada at 1760000118000: message 118 Audio id "AgACAgIAAxkBAAIau-example" name "song.mp3" type "audio/mpeg" size "3145728" caption "listen""#,
    ),
    (
        "callback_query.json",
        r#"Ada at 0: message callback-3006000000000000001 button "Yes" re "90" / answer 3006000000000000001"#,
    ),
    (
        "callback_query_game.json",
        r#"Ada at 0: message callback-3006000000000000001 button "tetris" re "8" / answer 3006000000000000001"#,
    ),
    ("callback_query_group.json", "ignored: group"),
    (
        "callback_query_inaccessible.json",
        r#"Ada at 0: message callback-3006000000000000001 button "yes:1" re "7" / answer 3006000000000000001"#,
    ),
    ("callback_query_inline.json", "ignored: unknown_chat"),
    ("channel_post.json", "ignored: channel_post"),
    ("channel_post_edited.json", "ignored: channel_post"),
    ("contact.json", r#"Ada at 1760000129000: message 129 contact "Grace Example" phone "+15550100""#),
    ("contact_no_name.json", r#"Ada at 1760000130000: message 130 contact "+15550101" phone "+15550101""#),
    ("dice.json", "Ada at 1760000141000: message 141 unsupported dice"),
    (
        "document.json",
        r#"Ada at 1760000123000: message 123 Document id "AgACAgIAAxkBAAId-example" name "invoice №7.pdf" type "application/pdf" size "48211" caption "invoice""#,
    ),
    ("document_bare.json", r#"Ada at 1760000125000: message 125 Document id "AgACAgIAAxkBAAIbare-example""#),
    (
        "document_too_big.json",
        r#"Ada at 1760000124000: message 124 Document id "AgACAgIAAxkBAAIz-example" name "backup.zip" type "application/zip" size "31457280""#,
    ),
    (
        "edited_caption.json",
        r#"Ada at 1760000500000: edited 113 Photo id "AgACAgIAAxkBAAIpx-example" size "92000" caption "Broken box, left side""#,
    ),
    ("edited_in_group.json", "ignored: group"),
    ("edited_location.json", "Ada at 1760000600000: edited 126 location 55752000 37620000"),
    ("edited_text.json", r#"Ada at 1760000300000: edited 101 text "Hello, my order is very late""#),
    ("edited_text_same.json", r#"Ada at 1760000400000: edited 101 text "Hello, my order is very late""#),
    ("error_cut_short.txt", "refused: not_json"),
    ("error_empty_body.txt", "refused: not_json"),
    ("error_empty_object.json", "refused: no_update_id"),
    ("error_form.txt", "refused: not_json"),
    ("error_not_an_object.json", "refused: no_update_id"),
    ("error_update_id_of_another_type.json", "refused: no_update_id"),
    (
        "forwarded_channel.json",
        r#"Ada at 1760000138000: message 138 Photo id "AgACAgIAAxkBAAIfx-example" size "92000" from "Example News""#,
    ),
    ("forwarded_chat.json", r#"Ada at 1760000137000: message 137 text "fwd text" from "Example Group""#),
    ("forwarded_hidden_user.json", r#"Ada at 1760000136000: message 136 text "fwd text" from "Someone""#),
    ("forwarded_unknown_origin.json", r#"Ada at 1760000139000: message 139 text "fwd text" from "from_the_future""#),
    ("forwarded_user.json", r#"Ada at 1760000135000: message 135 text "fwd text" from "Grace Example""#),
    ("group_anonymous_admin.json", "ignored: group"),
    ("group_left_member.json", "ignored: group"),
    ("group_migrated.json", "ignored: group"),
    ("group_new_members.json", "ignored: group"),
    ("group_text.json", "ignored: group"),
    ("group_topic_created.json", "ignored: group"),
    ("kind_from_the_future.json", "ignored: unknown_kind"),
    ("kind_not_asked_for.json", "ignored: unknown_kind"),
    ("kind_null.json", "ignored: empty"),
    (
        "live_photo.json",
        r#"Ada at 1760000116000: message 116 Photo id "AgACAgIAAxkBAAIlx-example" size "92000" caption "live""#,
    ),
    ("location.json", "Ada at 1760000126000: message 126 location 55751245 -37618424"),
    ("location_out_of_range.json", "Ada at 1760000127000: message 127 unsupported location"),
    ("message_of_another_type.json", "ignored: malformed"),
    ("message_without_chat.json", "ignored: malformed"),
    ("message_without_id.json", "ignored: malformed"),
    (
        "message_without_sender.json",
        r#"700000001 "Ada Example" @ "ada_example" at 1760000153000: message 153 text "x""#,
    ),
    ("my_chat_member_blocked.json", "Ada at 1760000700000: blocked"),
    ("my_chat_member_channel.json", "ignored: channel_post"),
    ("my_chat_member_group.json", "ignored: group"),
    ("my_chat_member_restricted.json", "ignored: membership"),
    ("my_chat_member_unblocked.json", "Ada at 1760000700000: unblocked"),
    ("no_content.json", "Ada at 1760000146000: message 146 unsupported empty"),
    ("no_kind.json", "ignored: empty"),
    (
        "photo_album_item.json",
        r#"Ada at 1760000114000: message 114 Photo id "AgACAgIAAxkBAAIax-example" size "92000" album "13700000000000001""#,
    ),
    (
        "photo_caption.json",
        r#"Ada at 1760000113000: message 113 Photo id "AgACAgIAAxkBAAIpx-example" size "92000" caption "Broken box""#,
    ),
    ("photo_no_sizes.json", "Ada at 1760000115000: message 115 unsupported photo"),
    ("poll.json", "Ada at 1760000140000: message 140 unsupported poll"),
    ("reaction.json", "ignored: reaction"),
    ("reply.json", r#"Ada at 1760000131000: message 131 text "answering that" re "90""#),
    ("reply_external.json", r#"Ada at 1760000134000: message 134 text "look at this" quote "sold out""#),
    ("reply_in_topic.json", r#"Ada at 1760000133000: message 133 text "in a topic, to somebody" re "90""#),
    ("reply_quote.json", r#"Ada at 1760000132000: message 132 text "this bit" re "90" quote "my order""#),
    ("rich_message.json", "Ada at 1760000143000: message 143 unsupported rich_message"),
    ("sender_is_bot.json", "ignored: bot"),
    ("service_pinned_message.json", "ignored: service"),
    ("service_topic_created.json", "ignored: service"),
    (
        "sticker.json",
        r#"Ada at 1760000122000: message 122 Sticker id "AgACAgIAAxkBAAIst-example" size "22000" caption "👍""#,
    ),
    ("story.json", "Ada at 1760000142000: message 142 unsupported story"),
    ("text.json", r#"Ada at 1760000101000: message 101 text "Hello, my order is late""#),
    ("text_4096.json", "Ada at 1760000109000: message 109 text of 4096 bytes"),
    (
        "text_blank_name.json",
        r#"700000001 "ada_example" @ "ada_example" in "en" at 1760000104000: message 104 text "hi""#,
    ),
    (
        "text_exact.json",
        r#"Ada at 1760000106000: message 106 text "  *not bold*\n\n\tdünn & <b>fett</b> 👩\u{200d}💻🇩🇪  ""#,
    ),
    ("text_in_topic.json", r#"Ada at 1760000111000: message 111 text "in a topic""#),
    ("text_minimal_sender.json", r#"700000002 "Bo" at 1760000103000: message 103 text "hi""#),
    ("text_no_name.json", r#"700000003 "700000003" at 1760000105000: message 105 text "hi""#),
    ("text_only_nul.json", "Ada at 1760000108000: message 108 unsupported empty"),
    ("text_start_deep_link.json", r#"Ada at 1760000102000: message 102 text "/start campaign_42""#),
    ("text_via_bot.json", r#"Ada at 1760000112000: message 112 text "a picture of a cat""#),
    ("text_with_new_fields.json", r#"Ada at 1760000110000: message 110 text "still understood""#),
    ("text_with_nul.json", r#"Ada at 1760000107000: message 107 text "ab""#),
    ("unknown_chat.json", "ignored: unknown_chat"),
    ("unknown_content.json", "Ada at 1760000144000: message 144 unsupported some_future_content"),
    ("unknown_content_with_caption.json", r#"Ada at 1760000145000: message 145 Document caption "look""#),
    (
        "venue.json",
        r#"Ada at 1760000128000: message 128 location 55750000 37610000 title "Example Cafe" address "1 Test Street""#,
    ),
    (
        "video.json",
        r#"Ada at 1760000119000: message 119 Video id "AgACAgIAAxkBAAIvi-example" name "clip.mp4" type "video/mp4" size "2048000" caption "It rattles""#,
    ),
    ("video_note.json", r#"Ada at 1760000120000: message 120 VideoNote id "AgACAgIAAxkBAAIvn-example" size "640000""#),
    (
        "voice.json",
        r#"Ada at 1760000117000: message 117 Voice id "AgACAgIAAxkBAAIv-example" type "audio/ogg" size "15250""#,
    ),
    ("voice_of_another_type.json", "Ada at 1760000147000: message 147 unsupported voice"),
];
