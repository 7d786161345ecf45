//! What a file is, by its first bytes and nothing else.

use domain::content::MediaKind;

/// The type of what cannot be told.
pub const OCTET_STREAM: &str = "application/octet-stream";
/// The type of words.
const PLAIN_TEXT: &str = "text/plain";
/// The type of contact cards (RFC 6350).
pub(super) const CARD: &str = "text/vcard";

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sniffed {
    /// Its MIME type, of those in use where there are several; [`OCTET_STREAM`] if it cannot be told.
    pub content_type: &'static str,
    /// What a messenger would call it.
    pub kind: MediaKind,
}

/// Looks at the beginning of a file: a few kilobytes tell all that can be told.
pub fn sniff(head: &[u8]) -> Sniffed {
    let found = infer::get(head).map(|found| found.mime_type());
    let content_type = match found {
        // Voices of messengers: what tells them from other sound is the kind.
        Some("audio/opus") => "audio/ogg",
        Some("audio/m4a") => "audio/mp4",
        Some(known) => known,
        None if is_3gp(head) => "video/3gpp",
        None if is_text(head) => {
            if is_card(head) {
                CARD
            } else {
                PLAIN_TEXT
            }
        }
        None => OCTET_STREAM,
    };
    let kind = if found == Some("audio/opus") { MediaKind::Voice } else { kind_of(content_type) };
    Sniffed { content_type, kind }
}

/// What a messenger would call a file of this type. A picture is one only if browsers and messengers show it as one.
pub(super) fn kind_of(content_type: &str) -> MediaKind {
    match content_type {
        "image/jpeg" | "image/png" | "image/webp" => MediaKind::Photo,
        "image/gif" => MediaKind::Animation,
        _ if content_type.starts_with("video/") => MediaKind::Video,
        _ if content_type.starts_with("audio/") => MediaKind::Audio,
        _ => MediaKind::Document,
    }
}

/// The film format of old telephones, which `infer` does not know.
fn is_3gp(head: &[u8]) -> bool {
    head.get(4..10).is_some_and(|brand| brand == b"ftyp3g")
}

/// Whether it reads as words: UTF-8, cut off anywhere, without control characters but those that lay out a text.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && !text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}'))
}

/// Whether the text begins as a contact card does; what writes them puts blank lines, or a byte order mark, before it.
fn is_card(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start();
    text.get(..11).is_some_and(|start| start.eq_ignore_ascii_case(b"BEGIN:VCARD"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use MediaKind::{Animation, Audio, Document, Photo, Video, Voice};

    fn check(head: &[u8], content_type: &str, kind: MediaKind) {
        assert_eq!(sniff(head), Sniffed { content_type: sniff(head).content_type, kind }, "{content_type}");
        assert_eq!(sniff(head).content_type, content_type);
    }

    #[test]
    fn files_are_known_by_their_bytes() {
        check(b"\xff\xd8\xff\xe0\0\x10JFIF\0", "image/jpeg", Photo);
        check(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png", Photo);
        check(b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp", Photo);
        check(b"GIF89a\x01\0\x01\0", "image/gif", Animation);
        check(b"II*\0\x08\0\0\0\0\0\0\0", "image/tiff", Document);
        check(b"ID3\x04\0\0\0\0\0\0", "audio/mpeg", Audio);
        check(b"\xff\xfb\x90\x64\0\0", "audio/mpeg", Audio);
        check(b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x1e\x01vorbis\0\0", "audio/ogg", Audio);
        check(b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01\x01", "audio/ogg", Voice);
        check(b"#!AMR\n\x3c\x91\x17\x16\xbe\x66", "audio/amr", Audio);
        check(b"\0\0\0\x20ftypM4A \0\0\0\0", "audio/mp4", Audio);
        check(b"\0\0\0\x20ftypisom\0\0\x02\0", "video/mp4", Video);
        check(b"\0\0\0\x18ftypmp42\0\0\0\0", "video/mp4", Video);
        check(b"\0\0\0\x14ftypqt  \0\0\0\0", "video/quicktime", Video);
        check(b"\0\0\0\x18ftyp3gp5\0\0\0\0", "video/3gpp", Video);
        let mut webm =
            b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm".to_vec();
        webm.resize(300, 0);
        check(&webm, "video/webm", Video);
        check(b"%PDF-1.7\n", "application/pdf", Document);
        check(b"PK\x03\x04\x14\0\0\0\x08\0", "application/zip", Document);
        check(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "application/msword", Document);
        check(b"MZ\x90\0\x03\0\0\0", "application/vnd.microsoft.portable-executable", Document);
        check(b"<!DOCTYPE html><script>", "text/html", Document);
        check(b"<?xml version=\"1.0\"?><svg>", "text/xml", Document);
        check(b"BEGIN:VCARD\r\nVERSION:3.0\r\n", "text/vcard", Document);
        check(b"\xef\xbb\xbf\nbegin:vcard\n", "text/vcard", Document);
        check(b"Subject: BEGIN:VCARD\n", "text/plain", Document);
    }

    #[test]
    fn what_nothing_marks_is_words_or_bytes() {
        check("Grüße,\r\n\tÄ".as_bytes(), "text/plain", Document);
        check(&"Ä".as_bytes()[..1], OCTET_STREAM, Document);
        check(&"aÄ".as_bytes()[..2], "text/plain", Document);
        check(b"a\xffb", OCTET_STREAM, Document);
        check(b"a\0b", OCTET_STREAM, Document);
        check(b"a\x1bb", OCTET_STREAM, Document);
        check(b"\x01\x02", OCTET_STREAM, Document);
        check(b"", OCTET_STREAM, Document);
        check(b"\xff\xd8", OCTET_STREAM, Document);
    }
}
