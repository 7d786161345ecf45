//! Every sample in `tests/fixtures/messenger` becomes exactly what is expected of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use messengers::messenger::parse;

use crate::describe;

/// Where the samples are.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/messenger")
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
    let mut expected: BTreeMap<&str, &[&str]> = EXPECTED.into_iter().collect();
    assert_eq!(expected.len(), EXPECTED.len(), "a file is expected twice");
    let mut wrong = Vec::new();
    for (name, body) in all() {
        let became = match parse(&body) {
            Ok(parsed) => describe::parsed(&parsed),
            Err(error) => vec![format!("refused: {}", error.code())],
        };
        match expected.remove(name.as_str()) {
            Some(expected) if expected == became => {}
            expected => wrong.push(format!("{name}\n  became   {became:#?}\n  expected {expected:#?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(expected.is_empty(), "expected, but not there: {expected:?}");
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

/// File, and what it must become, a line for each event: see `describe`. `Ada` stands for the customer of nearly all
/// samples, `m0001` for the id of a message, `+` for 1 760 000 000 000 ms.
const EXPECTED: [(&str, &[&str]); 77] = [
    ("app_roles_secondary.json", &["ignored: app_roles"]),
    (
        "attachment_unknown.json",
        &[r#"Ada at +100000: message m0111 text "what is it""#, "Ada at +100000: message m0111#1 unsupported hologram"],
    ),
    ("audio.json", &[r#"Ada at +5000: message m0005 Audio at "https://cdn.fbsbx.example/v/a.mp4?oe=68FFFFFF""#]),
    (
        "batch_two_pages.json",
        &[
            r#"Ada at +40000: message m0024 text "one""#,
            r#"2000000000000002 "Messenger …0002" at +41000: message m0025 text "two""#,
            r#"page 100000000000009: 2000000000000077 "Messenger …0077" at +42000: message m0026 text "other page""#,
            r#"Ada at +43000 in standby: message m0027 text "in standby""#,
        ],
    ),
    ("changes_test_event.json", &[r#"Ada at +100000: message m0122 text "test_message""#, "ignored: change"]),
    ("deleted_or_unsupported.json", &["Ada at +48000: message m0030 unsupported unsupported"]),
    ("delivery.json", &["Ada at +23120: Delivered m0017 [sha256.c4c76a2842389f14a9f7a6a8b8bb7309]"]),
    ("delivery_empty.json", &["ignored: malformed"]),
    (
        "delivery_many.json",
        &["Ada at +100120: Delivered up to 1760000100000 [delivered.2000000000000001.1760000100000]"],
    ),
    (
        "echo_attachment.json",
        &[
            r#"Ada at +22000: echo m0020 Photo at "https://scontent.xx.fbcdn.example/v/t1/o.jpg?_nc_cat=1&oh=00_syn&oe=68FFFFFF" app "300000000000002""#,
        ],
    ),
    ("echo_inbox.json", &[r#"Ada at +100000: echo m0119 text "Hi from the inbox""#]),
    ("echo_other_app.json", &[r#"Ada at +20000: echo m0018 text "Hi from the bot" app "300000000000002""#]),
    ("echo_own_app.json", &[r#"Ada at +19000: echo m0017 text "Hi from the agent" app "300000000000001""#]),
    (
        "echo_own_reply.json",
        &[r#"Ada at +100000: echo m0118 text "Hi from the agent" reply "c0ffee.2.17" app "300000000000001""#],
    ),
    ("entries_missing.json", &["ignored: empty"]),
    ("entry_without_id.json", &["ignored: malformed"]),
    ("error_cut_short.txt", &["refused: not_json"]),
    ("error_empty_body.txt", &["refused: not_json"]),
    ("error_form.txt", &["refused: not_json"]),
    ("error_no_object.json", &["refused: no_object"]),
    ("error_not_an_object.json", &["refused: no_object"]),
    ("fallback_empty.json", &["Ada at +100000: message m0109 unsupported fallback"]),
    ("fallback_link.json", &[r#"Ada at +11000: message m0011 text "https://example.com/p""#]),
    ("fallback_without_text.json", &[r#"Ada at +100000: message m0108 text "Example\nhttps://example.com/p""#]),
    ("fallback_wrapped_link.json", &[r#"Ada at +100000: message m0107 text "look: https://example.com/p""#]),
    (
        "file.json",
        &[
            r#"Ada at +7000: message m0007 Document at "https://cdn.fbsbx.example/v/invoice.pdf?oe=68FFFFFF" name "invoice.pdf""#,
        ],
    ),
    (
        "file_name_escaped.json",
        &[
            r#"Ada at +100000: message m0103 Document at "https://cdn.fbsbx.example/v/Rechnung%20M%C3%A4rz.pdf?oe=1" name "Rechnung März.pdf""#,
        ],
    ),
    (
        "file_without_url.json",
        &[r#"Ada at +100000: message m0104 text "see this""#, "Ada at +100000: message m0104#1 unsupported file"],
    ),
    (
        "image_with_text.json",
        &[
            r#"Ada at +100000: message m0101 Photo at "https://cdn.fbsbx.example/v/a.jpg?oe=1" caption "broken, both" album "m0101""#,
            r#"Ada at +100000: message m0101#1 Video at "https://cdn.fbsbx.example/v/b.mp4?oe=1" album "m0101""#,
        ],
    ),
    (
        "images_several.json",
        &[
            r#"Ada at +4000: message m0004 Photo at "https://scontent.xx.fbcdn.example/v/t1/a.jpg?_nc_cat=1&oh=00_syn&oe=68FFFFFF" album "m0004""#,
            r#"Ada at +4000: message m0004#1 Photo at "https://scontent.xx.fbcdn.example/v/t1/b.jpg?_nc_cat=1&oh=00_syn&oe=68FFFFFF" album "m0004""#,
        ],
    ),
    ("instagram_object.json", &["ignored: other_object"]),
    ("location.json", &[r#"Ada at +10000: message m0010 location 55751244 37618423 title "Synt's Location""#]),
    ("location_out_of_range.json", &["Ada at +100000: message m0106 unsupported location"]),
    ("message_deleted.json", &["ignored: deleted"]),
    ("message_edit.json", &[r#"Ada at +28000: edited m0001 text "Hello (edited)" [edit.1.m0001]"#]),
    ("message_edit_without_text.json", &["ignored: malformed"]),
    ("message_empty.json", &["Ada at +100000: message m0112 unsupported empty"]),
    ("message_ids_as_numbers.json", &[r#"Ada at +100000: message m0114 text "x""#]),
    (
        "message_long_mid.json",
        &[
            r#"Ada at +100000: message m_Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9- Photo at "https://cdn.fbsbx.example/v/a.jpg" album "m_Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-" [sha256.d89d5db146a4f3bbdc50c6468e65e48a]"#,
            r#"Ada at +100000: message m_Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-#1 Photo at "https://cdn.fbsbx.example/v/b.jpg" album "m_Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-Ab9-" [sha256.d8281a1b0a3fb1340834ca26025620c7]"#,
        ],
    ),
    ("message_of_another_type.json", &["ignored: malformed", "ignored: malformed", "ignored: malformed"]),
    ("message_with_nul.json", &[r#"Ada at +100000: message m0117 text "ab""#]),
    ("message_with_referral.json", &[r#"Ada at +100000: message m0116 text "is it still there?""#]),
    ("message_without_mid.json", &["ignored: malformed"]),
    ("message_without_sender.json", &["ignored: malformed"]),
    ("message_without_timestamp.json", &[r#"Ada at +100120: message m0115 text "x""#]),
    ("optin.json", &["ignored: optin"]),
    (
        "out_of_order.json",
        &[r#"Ada at +39000: message m0029 text "first""#, r#"Ada at +44000: message m0028 text "second""#],
    ),
    (
        "pass_thread_control_from_bot.json",
        &[r#"Ada at +100000: control to us from Some("300000000000002") [pass.2000000000000001.1760000100000]"#],
    ),
    (
        "pass_thread_control_from_idle.json",
        &["Ada at +35000: control to us from None [pass.2000000000000001.1760000035000]"],
    ),
    (
        "pass_thread_control_swapped_ids.json",
        &["Ada at +36000: control to us from None [pass.2000000000000001.1760000036000]"],
    ),
    ("postback.json", &[r#"Ada at +14000: message m0014 button "Get started""#]),
    (
        "postback_without_mid.json",
        &[r#"Ada at +100000: message postback.2000000000000001.1760000100000 button "Prices""#],
    ),
    ("quick_reply.json", &[r#"Ada at +13000: message m0013 button "Green""#]),
    (
        "raw_escaped_wire_body.json",
        &[r#"Ada at 1700000000000: message m_synthetic_1 text "äöå 😀 https://example.com""#],
    ),
    (
        "reaction.json",
        &[r#"Ada at +26000: reaction Some("❤\u{fe0f}") to m0017 [sha256.8a4fae3b793274b06a28c409998d9287]"#],
    ),
    ("reaction_of_page.json", &["ignored: by_page"]),
    ("reaction_taken_back.json", &["Ada at +100000: reaction None to m0017 [sha256.1722bad8d40fcac600bebef0bae12894]"]),
    ("read.json", &["Ada at +25000: Read up to 1760000024900 [read.2000000000000001.1760000024900]"]),
    (
        "reel_with_text.json",
        &[r#"Ada at +100000: message m0110 text "like this one\nReel\nhttps://www.instagram.example/reel/1""#],
    ),
    ("referral_ad.json", &["ignored: referral"]),
    ("referral_shortlink.json", &["ignored: referral"]),
    (
        "request_thread_control.json",
        &["Ada at +38000: control requested by 263902037430900 [request.2000000000000001.1760000038000]"],
    ),
    ("request_thread_control_of_nobody.json", &["ignored: malformed"]),
    ("standby_echo.json", &[r#"Ada at +31000 in standby: echo m0023 text "I am the bot" app "300000000000002""#]),
    (
        "standby_pass_thread_control.json",
        &[
            r#"Ada at +100000 in standby: control to other Some("300000000000002") [pass.2000000000000001.1760000100000]"#,
        ],
    ),
    ("standby_postback.json", &[r#"Ada at +100000 in standby: message m0121 button "Prices""#]),
    (
        "standby_read_delivery.json",
        &[
            "Ada at +32000 in standby: Read up to 1760000031000 [read.2000000000000001.1760000031000]",
            "Ada at +33120 in standby: Delivered up to 1760000032000 [delivered.2000000000000001.1760000032000]",
        ],
    ),
    ("standby_text.json", &[r#"Ada at +29000 in standby: message m0021 text "talking to the bot""#]),
    (
        "sticker_like_old.json",
        &[r#"Ada at +8000: message m0008 Sticker at "https://scontent.xx.fbcdn.example/like.png""#],
    ),
    (
        "sticker_new.json",
        &[r#"Ada at +28300000000: message m0105 Sticker at "https://scontent.xx.fbcdn.example/s.png""#],
    ),
    (
        "take_thread_control.json",
        &[r#"Ada at +100000: control to other Some("263902037430900") [take.2000000000000001.1760000100000]"#],
    ),
    ("template_echo.json", &[r#"Ada at +51000: echo m0031 text "Choose" app "300000000000002""#]),
    ("template_without_words.json", &[r#"Ada at +100000: echo m0120 unsupported template app "300000000000002""#]),
    ("text.json", &[r#"Ada at +1000: message m0001 text "Hello""#]),
    ("text_reply_to.json", &[r#"Ada at +2000: message m0002 text "yes that one" re "m0001""#]),
    ("unknown_event.json", &["ignored: unknown_kind"]),
    ("video.json", &[r#"Ada at +100000: message m0102 Video at "https://cdn.fbsbx.example/v/v.mp4?oe=1""#]),
];
