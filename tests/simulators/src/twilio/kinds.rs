//! Kinds of media: which WhatsApp takes, how large, and whether bytes are what their Content-Type says
//! (twilio.com/docs/whatsapp/guidance-whatsapp-media-messages).

/// The largest file, in bytes.
pub(crate) const MAX_MEDIA: usize = 16 * 1024 * 1024;

/// The largest image, in bytes.
pub(crate) const MAX_IMAGE: usize = 5 * 1024 * 1024;

const WORD: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const SLIDES: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";
const SHEET: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// A media type without parameters, in lower case.
pub(crate) fn base(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The most bytes of a file of this type.
pub(crate) fn limit(base: &str) -> usize {
    if base.starts_with("image/") { MAX_IMAGE } else { MAX_MEDIA }
}

/// The `MessageType` of a message with a file of this type.
pub(crate) fn message_type(base: &str) -> &'static str {
    match base.split('/').next().unwrap_or_default() {
        "image" if base == "image/webp" => "sticker",
        "image" => "image",
        "audio" => "audio",
        "video" => "video",
        _ if is_vcard(base) => "contacts",
        _ => "document",
    }
}

/// Whether WhatsApp shows a text under a file of this type.
pub(crate) fn has_caption(base: &str) -> bool {
    matches!(message_type(base), "image" | "video")
}

pub(crate) fn is_vcard(base: &str) -> bool {
    matches!(base, "text/vcard" | "text/x-vcard" | "text/directory")
}

/// Whether WhatsApp takes files of this type.
pub(crate) fn is_accepted(base: &str) -> bool {
    is_vcard(base) || magic(base).is_some()
}

/// Whether the bytes begin as a file of this type does.
pub(crate) fn matches(base: &str, bytes: &[u8]) -> bool {
    if is_vcard(base) {
        return bytes.trim_ascii_start().starts_with(b"BEGIN:VCARD");
    }
    magic(base).is_some_and(|begins| begins(bytes))
}

fn magic(base: &str) -> Option<fn(&[u8]) -> bool> {
    let begins: fn(&[u8]) -> bool = match base {
        "image/jpeg" | "image/jpg" => |bytes| bytes.starts_with(&[0xFF, 0xD8, 0xFF]),
        "image/png" => |bytes| bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
        "image/webp" => |bytes| bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP"),
        "audio/ogg" => |bytes| bytes.starts_with(b"OggS"),
        "audio/amr" => |bytes| bytes.starts_with(b"#!AMR"),
        "audio/aac" => |bytes| matches!(bytes, [0xFF, second, ..] if second & 0xF6 == 0xF0),
        "audio/mpeg" => {
            |bytes| bytes.starts_with(b"ID3") || matches!(bytes, [0xFF, second, ..] if second & 0xE6 > 0xE0)
        }
        "audio/3gpp" | "video/mp4" => |bytes| bytes.get(4..8) == Some(b"ftyp"),
        "application/pdf" => |bytes| bytes.starts_with(b"%PDF-"),
        "application/msword" => |bytes| bytes.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]),
        WORD | SLIDES | SHEET => |bytes| bytes.starts_with(b"PK\x03\x04"),
        _ => return None,
    };
    Some(begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_held_to_their_type() {
        assert_eq!(base("Image/JPEG; charset=x"), "image/jpeg");
        assert!(matches("image/jpeg", b"\xFF\xD8\xFF\xE0") && !matches("image/png", b"\xFF\xD8\xFF\xE0"));
        assert!(matches("audio/mpeg", b"\xFF\xFB\x90") && matches("audio/mpeg", b"ID3\x04"));
        assert!(matches("audio/aac", b"\xFF\xF1\x50") && !matches("audio/mpeg", b"\xFF\xD8\xFF"));
        assert!(matches("video/mp4", b"\0\0\0\x18ftypisom") && matches("text/vcard", b"\nBEGIN:VCARD"));
        assert!(!matches("application/pdf", b"<html>") && !is_accepted("text/html") && is_accepted("text/vcard"));
        assert_eq!((limit("image/png"), limit("video/mp4")), (MAX_IMAGE, MAX_MEDIA));
        assert_eq!((message_type("image/webp"), message_type("text/x-vcard")), ("sticker", "contacts"));
    }
}
