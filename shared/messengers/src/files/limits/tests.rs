use super::*;
use MediaKind::{Animation, Audio, Document, Photo, Video, Voice};
use Provider::{Messenger, Telegram, Whatsapp};

const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
const GIF: &[u8] = b"GIF89a\x01\0\x01\0";
const WEBP: &[u8] = b"RIFF\x10\0\0\0WEBPVP8 ";
const MP3: &[u8] = b"ID3\x04\0\0\0\0\0\0";
const OPUS: &[u8] = b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01\x01";
const AMR: &[u8] = b"#!AMR\n\x3c\x91\x17\x16\xbe\x66";
const M4A: &[u8] = b"\0\0\0\x20ftypM4A \0\0\0\0";
const MP4: &[u8] = b"\0\0\0\x20ftypisom\0\0\x02\0";
const MOV: &[u8] = b"\0\0\0\x14ftypqt  \0\0\0\0";
const PDF: &[u8] = b"%PDF-1.7\n";
const ZIP: &[u8] = b"PK\x03\x04\x14\0\0\0\x08\0";
const DOC: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0";
const EXE: &[u8] = b"MZ\x90\0\x03\0\0\0";
const HTML: &[u8] = b"<html><script>";
const WORDS: &[u8] = b"a,b\n1,2\n";
const NOISE: &[u8] = b"\x01\x02\x03\xff";
const MB: u64 = 1024 * 1024;

/// `kind type`, or the code of the refusal.
fn outcome(result: Result<Checked, Refusal>) -> String {
    result.map_or_else(|no| no.code().to_owned(), |ok| format!("{:?} {}", ok.kind, ok.content_type))
}

fn check_all(provider: Provider, cases: &[(&[u8], u64, &str, &str)]) {
    for (head, size, claimed, expected) in cases {
        assert_eq!(outcome(check_outgoing(provider, head, *size, claimed)), *expected, "{provider:?} {claimed} {size}");
    }
}

#[test]
fn c8_whatsapp_takes_these_and_no_others() {
    check_all(
        Whatsapp,
        &[
            (JPEG, 1, "image/jpeg", "Photo image/jpeg"),
            (JPEG, 5 * MB, "image/jpg", "Photo image/jpeg"),
            (JPEG, 5 * MB + 1, "image/jpeg", "file_too_large"),
            (PNG, 5 * MB, "image/png", "Photo image/png"),
            (PNG, 5 * MB + 1, "image/png", "file_too_large"),
            (MP3, 16 * MB, "audio/mpeg", "Audio audio/mpeg"),
            (MP3, 16 * MB + 1, "audio/mp3", "file_too_large"),
            (OPUS, 16 * MB, "audio/ogg; codecs=opus", "Voice audio/ogg"),
            (OPUS, 16 * MB + 1, "audio/ogg", "file_too_large"),
            (AMR, 16 * MB, "audio/amr", "Audio audio/amr"),
            (AMR, 16 * MB + 1, "audio/amr", "file_too_large"),
            (PDF, 16 * MB, "application/pdf", "Document application/pdf"),
            (PDF, 16 * MB + 1, "application/pdf", "file_too_large"),
            (MP4, 16 * MB, "video/mp4", "Video video/mp4"),
            (MP4, 16 * MB + 1, "video/mp4", "file_too_large"),
            (GIF, 1, "image/gif", "file_kind_not_allowed"),
            (WEBP, 1, "image/webp", "file_kind_not_allowed"),
            (M4A, 1, "audio/mp4", "file_kind_not_allowed"),
            (MP4, 1, "audio/mp4", "file_kind_not_allowed"),
            (MOV, 1, "video/quicktime", "file_kind_not_allowed"),
            (DOC, 1, "application/msword", "file_kind_not_allowed"),
            (ZIP, 1, "application/zip", "file_kind_not_allowed"),
            (EXE, 1, "", "file_kind_not_allowed"),
            (WORDS, 1, "text/plain", "file_kind_not_allowed"),
            (NOISE, 1, "application/octet-stream", "file_kind_not_allowed"),
            (PDF, 0, "application/pdf", "file_empty"),
            (b"", 1, "application/pdf", "file_empty"),
        ],
    );
}

#[test]
fn telegram_takes_anything_up_to_its_size() {
    check_all(
        Telegram,
        &[
            (JPEG, 10 * MB, "image/jpeg", "Photo image/jpeg"),
            (JPEG, 10 * MB + 1, "image/jpeg", "Document image/jpeg"),
            (PNG, 50 * MB, "image/png", "Document image/png"),
            (PNG, 50 * MB + 1, "image/png", "file_too_large"),
            (GIF, 50 * MB, "image/gif", "Animation image/gif"),
            (OPUS, 50 * MB, "audio/ogg", "Voice audio/ogg"),
            (MP3, 50 * MB, "audio/mpeg", "Audio audio/mpeg"),
            (M4A, 50 * MB, "audio/x-m4a", "Audio audio/mp4"),
            (MP4, 50 * MB, "video/mp4", "Video video/mp4"),
            (MP4, 50 * MB + 1, "video/mp4", "file_too_large"),
            (EXE, 1, "application/octet-stream", "Document application/vnd.microsoft.portable-executable"),
            (NOISE, 1, "application/x-own", "Document application/x-own"),
            (NOISE, 0, "application/x-own", "file_empty"),
        ],
    );
}

#[test]
fn messenger_takes_anything_up_to_its_size() {
    check_all(
        Messenger,
        &[
            (JPEG, 8 * MB, "image/jpeg", "Photo image/jpeg"),
            (JPEG, 8 * MB + 1, "image/jpeg", "Document image/jpeg"),
            (JPEG, 25 * MB, "image/jpeg", "Document image/jpeg"),
            (JPEG, 25 * MB + 1, "image/jpeg", "file_too_large"),
            (PDF, 25 * MB, "application/pdf", "Document application/pdf"),
            (PDF, 25 * MB + 1, "application/pdf", "file_too_large"),
            (MP4, 25 * MB, "video/mp4", "Video video/mp4"),
        ],
    );
}

#[test]
fn a_lie_is_refused_and_a_closer_word_is_none() {
    let lie = "file_type_mismatch";
    check_all(
        Telegram,
        &[
            (EXE, 1, "image/jpeg", lie),
            (HTML, 1, "image/png", lie),
            (PNG, 1, "image/jpeg", lie),
            (PDF, 1, "image/jpeg", lie),
            (JPEG, 1, "application/pdf", lie),
            (ZIP, 1, "application/pdf", lie),
            (NOISE, 1, "application/pdf", lie),
            (NOISE, 1, "image/heic", lie),
            (NOISE, 1, "text/plain", lie),
            (EXE, 1, "application/x-own", lie),
            (MP3, 1, "video/mp4", lie),
            (M4A, 1, "video/mp4", lie),
            (WORDS, 1, "application/vnd.ms-excel", lie),
            (b"PK", 1, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", lie),
            (MP4, 1, "audio/mp4", "Audio audio/mp4"),
            (WORDS, 1, "text/csv", "Document text/plain"),
            (WORDS, 1, "application/json", "Document text/plain"),
            (HTML, 1, "text/plain", "Document text/html"),
            (DOC, 1, "application/vnd.ms-excel", "Document application/vnd.ms-excel"),
            (ZIP, 1, "application/vnd.oasis.opendocument.text", "Document application/vnd.oasis.opendocument.text"),
            (ZIP, 1, "application/x-zip-compressed", "Document application/zip"),
            (PDF, 1, "Application/PDF ; x=y", "Document application/pdf"),
            (PDF, 1, "", "Document application/pdf"),
            (PDF, 1, "no type", "file_name_bad"),
            (PDF, 1, "a/b/c", "file_name_bad"),
            (PDF, 1, "application/\r\nx", "file_name_bad"),
        ],
    );
    check_all(Whatsapp, &[(EXE, 1, "image/jpeg", lie), (MP3, 1, "application/pdf", lie), (GIF, 1, "image/jpeg", lie)]);
}

#[test]
fn what_is_said_of_a_file_is_looked_at_before_it_comes() {
    for (provider, size, claimed, expected) in [
        (Whatsapp, 5 * MB, "image/png", "ok"),
        (Whatsapp, 5 * MB + 1, "image/png", "file_too_large"),
        (Whatsapp, 1, "image/gif", "file_kind_not_allowed"),
        (Whatsapp, 16 * MB, "", "ok"),
        (Whatsapp, 16 * MB + 1, "application/octet-stream", "file_too_large"),
        (Whatsapp, 0, "image/png", "file_empty"),
        (Telegram, 50 * MB, "application/x-own", "ok"),
        (Telegram, 50 * MB + 1, "", "file_too_large"),
        (Messenger, 25 * MB, "image/jpeg", "ok"),
        (Messenger, 25 * MB + 1, "video/mp4", "file_too_large"),
        (Messenger, 1, "nonsense", "file_name_bad"),
    ] {
        let result = check_claimed(provider, size, claimed);
        assert_eq!(result.map_or_else(Refusal::code, |_| "ok"), expected, "{provider:?} {size} {claimed}");
    }
}

#[test]
fn a_file_is_put_with_the_type_in_use() {
    for (claimed, put) in [
        ("image/jpg", "image/jpeg"),
        ("Audio/OGG; codecs=opus", "audio/ogg"),
        ("", OCTET_STREAM),
        ("binary/octet-stream", OCTET_STREAM),
        ("text/plain;\r\nx: y", "text/plain"),
    ] {
        assert_eq!(check_claimed(Telegram, 1, claimed).as_deref(), Ok(put));
    }
}

#[test]
fn a_refusal_says_what_is_allowed() {
    let text = check_claimed(Whatsapp, 1, "image/gif").unwrap_err().to_string();
    for word in ["jpg, jpeg, png", "mp3, ogg, amr", "pdf", "mp4", "16 MB", "5 MB"] {
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn words_go_along_where_they_can() {
    let all = [Photo, Video, Animation, Audio, Voice, Document];
    assert_eq!(all.map(|kind| caption_utf16_max(Telegram, kind)), [1024; 6]);
    assert_eq!(all.map(|kind| caption_utf16_max(Messenger, kind)), [0; 6]);
    assert_eq!(all.map(|kind| caption_utf16_max(Whatsapp, kind)), [1600, 1600, 0, 0, 0, 0]);
}

#[test]
fn only_what_brings_no_script_is_shown_in_the_page() {
    for shown in ["image/jpeg", "image/png", "image/gif", "image/webp", "audio/ogg", "video/mp4", "application/pdf"] {
        assert!(is_shown_inline(shown), "{shown}");
    }
    for saved in ["text/html", "image/svg+xml", "text/xml", "text/plain", "application/zip", OCTET_STREAM, ""] {
        assert!(!is_shown_inline(saved), "{saved}");
    }
}
