//! Every sample in `tests/fixtures/twilio` becomes exactly what is expected of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use messengers::whatsapp::{Form, parse, parse_status};

use crate::describe;

/// Where the samples are.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/twilio")
}

/// All samples by file name.
pub(crate) fn all() -> &'static BTreeMap<String, Vec<u8>> {
    static ALL: LazyLock<BTreeMap<String, Vec<u8>>> = LazyLock::new(|| {
        fs::read_dir(folder())
            .expect("the folder of samples")
            .map(|entry| entry.expect("an entry of the folder").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "form"))
            .map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), path))
            .map(|(name, path)| (name, fs::read(path).expect("a sample")))
            .collect()
    });
    &ALL
}

/// What a sample becomes; statuses are told by their name, as Twilio tells them by their address.
fn became(name: &str, body: &[u8]) -> String {
    let form = Form::read(body).expect("a form");
    let reply = "c0ffee.1.2".parse().expect("a reply");
    let parsed = if name.starts_with("status_") { parse_status(&form, Some(&reply)) } else { parse(&form) };
    let account = parsed.addressed.account_sid.unwrap_or_default();
    let is_known = matches!(account.as_str(), "" | "AC00000000000000000000000000000001");
    assert!(is_known, "{name}: {account}");
    let to = parsed.addressed.accounts.join(", ");
    let to = if to == "+14155238886" { String::new() } else { format!("to [{to}] ") };
    format!("{to}{}", describe::outcome(&parsed.outcome))
}

#[test]
fn each_sample_becomes_what_is_expected() {
    let mut expected: BTreeMap<&str, &str> = EXPECTED.into_iter().collect();
    assert_eq!(expected.len(), EXPECTED.len(), "a file is expected twice");
    let mut wrong = Vec::new();
    for (name, body) in all() {
        let became = became(name, body);
        match expected.remove(name.as_str()) {
            Some(expected) if expected == became => {}
            expected => wrong.push(format!("{name}\n  became   {became}\n  expected {expected:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(expected.is_empty(), "expected, but not there: {expected:?}");
}

#[test]
fn a_status_that_names_no_reply_is_ignored_and_a_status_is_no_message() {
    for (name, body) in all() {
        let form = Form::read(body).expect("a form");
        if name.starts_with("status_") {
            let outcome = describe::outcome(&parse_status(&form, None).outcome);
            assert!(outcome.starts_with("ignored: "), "{name}: {outcome}");
        }
        if form.get("MessageStatus").is_some() {
            let outcome = describe::outcome(&parse(&form).outcome);
            assert!(outcome.starts_with("ignored: "), "{name}: {outcome}");
        }
    }
}

#[test]
fn the_index_lists_each_sample() {
    let index = fs::read_to_string(folder().join("README.md")).unwrap();
    let listed: Vec<&str> = index.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next()).collect();
    let there: Vec<&str> = all().keys().map(String::as_str).collect();
    let mut sorted: Vec<&str> = listed.into_iter().filter(|name| name.contains(".form")).collect();
    sorted.sort_unstable();
    assert_eq!(sorted, there);
}

/// File, and what it must become: see `describe`. `Synt` stands for the customer of nearly all samples.
const EXPECTED: [(&str, &str); 64] = [
    ("audio.form", r#"MM-102 Synt: Audio at "ME-1" type "audio/mpeg""#),
    ("button.form", r#"SM-109 Synt: button "Yes, please" re "SMdddddddddddddddddddddddddddddddd""#),
    ("button_without_text.form", r#"SM-10a Synt: button "yes:1""#),
    ("contact_card.form", r#"MM-8 Synt: ContactCard at "ME-1" type "text/vcard""#),
    ("document.form", r#"MM-5 Synt: Document at "ME-1" name "invoice.pdf" type "application/pdf""#),
    ("emoji.form", r#"SM-e whatsapp:+15005550006 "Zoë 🦄 & Co": text "привет 👋 + & = %""#),
    ("empty.form", "SM-115 Synt: unsupported empty"),
    ("forwarded.form", r#"SM-11 Synt: text "fwd" from "unknown""#),
    ("frequently_forwarded.form", r#"SM-111 Synt: text "fwd" from "unknown""#),
    ("help.form", r#"SM-10d Synt: text "HELP""#),
    ("image_as_document.form", r#"MM-106 Synt: Document at "ME-1" name "scan.png" type "image/png""#),
    ("image_caption.form", r#"MM-2 Synt: Photo at "ME-1" type "image/jpeg" caption "Broken box""#),
    ("kind_from_the_future.form", "SM-117 Synt: unsupported hologram"),
    ("list_reply.form", r#"SM-a Synt: button "Option A" re "SMffffffffffffffffffffffffffffffff""#),
    ("list_reply_bare.form", r#"SM-10b Synt: button "Option B""#),
    ("location.form", r#"SM-7 Synt: location 55751244 37618423 title "Synthetic Cafe" address "1 Test St""#),
    ("location_bare.form", "SM-113 Synt: location -33856784 151213108"),
    ("location_out_of_range.form", "SM-114 Synt: unsupported location"),
    ("media_of_no_type.form", r#"MM-107 Synt: Document at "ME-1""#),
    (
        "media_several.form",
        "MM-101 Synt: Photo at \"ME-1\" type \"image/jpeg\" caption \"All of them\" album \"MM-101\"\n\
         MM-101#1 Synt: Photo at \"ME-2\" type \"image/png\" album \"MM-101\"\n\
         MM-101#2 Synt: Video at \"ME-3\" type \"video/mp4\" album \"MM-101\"",
    ),
    ("media_without_address.form", "MM-108 Synt: unsupported image"),
    (
        "messaging_service.form",
        r#"to [MG00000000000000000000000000000001, +14155238886] SM-112 Synt: text "Hello, my order is late""#,
    ),
    ("new_fields.form", r#"SM-118 Synt: text "still understood""#),
    ("no_id.form", "ignored: malformed"),
    ("no_profile_name.form", r#"SM-110 +15005550006: text "Hello, my order is late""#),
    ("no_sender.form", "ignored: malformed"),
    ("not_a_form.form", "to [] ignored: malformed"),
    ("nothing.form", "to [] ignored: malformed"),
    ("old_id.form", r#"SM-1 Synt: text "Hello, my order is late""#),
    ("only_nul.form", "SM-116 Synt: unsupported empty"),
    (
        "opt_in.form",
        "SM-d.START Synt: unblocked\n\
         SM-d Synt: text \"START\"",
    ),
    (
        "opt_out.form",
        "SM-10c Synt: text \"STOP\"\n\
         SM-10c.STOP Synt: blocked",
    ),
    ("referral.form", r#"SM-10 Synt: text "Is it available?" quote "Ad\nAd text\nhttps://fb.me/x""#),
    ("repeated_field.form", r#"SM-16 Synt: text "hi""#),
    ("reply.form", r#"SM-b Synt: text "that one" re "SMeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee""#),
    ("sender_blank.form", "ignored: malformed"),
    (
        "sender_without_number.form",
        r#"SM-10e whatsapp:US.13491208655302741918 "Synt Hetic": text "Hello, my order is late""#,
    ),
    (
        "sender_without_number_or_name.form",
        r#"SM-10f whatsapp:US.13491208655302741918 "US.13491208655302741918" (stand-in): text "Hello, my order is late""#,
    ),
    ("sms.form", "ignored: not_whatsapp"),
    ("status_accepted.form", "ignored: on_the_way"),
    (
        "status_delivered.form",
        "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.delivered +15005550006: c0ffee.1.2 as SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa Delivered",
    ),
    (
        "status_failed_blocked.form",
        r#"SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.undelivered +15005550006: c0ffee.1.2 as SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa Failed reason "customer_blocked""#,
    ),
    (
        "status_failed_media.form",
        r#"SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.failed +15005550006: c0ffee.1.2 as SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa Failed reason "media_not_fetched""#,
    ),
    (
        "status_failed_no_code.form",
        r#"SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.failed +15005550006: c0ffee.1.2 as SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa Failed reason "not_delivered""#,
    ),
    (
        "status_failed_unknown_code.form",
        r#"SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.failed +15005550006: c0ffee.1.2 as SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa Failed reason "not_delivered""#,
    ),
    (
        "status_failed_unreadable_code.form",
        r#"SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.failed +15005550006: c0ffee.1.2 as SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa Failed reason "not_delivered""#,
    ),
    (
        "status_failed_window.form",
        r#"SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.failed +15005550006: c0ffee.1.2 as SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa Failed reason "window_closed""#,
    ),
    ("status_from_the_future.form", "ignored: unknown_status"),
    (
        "status_of_messaging_service.form",
        "to [MG00000000000000000000000000000001, +14155238886] SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.delivered +15005550006: c0ffee.1.2 as SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa Delivered",
    ),
    ("status_of_sms.form", "ignored: not_whatsapp"),
    ("status_queued.form", "ignored: on_the_way"),
    (
        "status_read.form",
        "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.read +15005550006: c0ffee.1.2 as SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa Read",
    ),
    ("status_sending.form", "ignored: on_the_way"),
    (
        "status_sent.form",
        "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.sent +15005550006: c0ffee.1.2 as SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa Sent",
    ),
    (
        "status_undelivered.form",
        r#"SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.undelivered +15005550006: c0ffee.1.2 as SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa Failed reason "window_closed""#,
    ),
    ("status_without_id.form", "ignored: malformed"),
    ("status_without_status.form", "ignored: malformed"),
    ("sticker.form", r#"MM-105 Synt: Sticker at "ME-1" type "image/webp""#),
    ("text.form", r#"SM-1 Synt: text "Hello, my order is late""#),
    ("text_exact.form", r#"SM-13 Synt: text "  hi there \n""#),
    ("text_with_nul.form", r#"SM-14 Synt: text "ab""#),
    ("video.form", r#"MM-104 Synt: Video at "ME-1" type "video/mp4" caption "It rattles""#),
    ("voice.form", r#"MM-4 Synt: Voice at "ME-1" type "audio/ogg""#),
    ("voice_with_codec.form", r#"MM-103 Synt: Voice at "ME-1" type "audio/ogg; codecs=opus""#),
];
