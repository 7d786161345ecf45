//! What each messenger takes (C8).

use domain::content::MediaKind;
use domain::{Provider, Refusal};

use super::sniff::{OCTET_STREAM, kind_of, sniff};

const MEGABYTE: u64 = 1024 * 1024;
/// Telegram, `sendPhoto` by multipart. Source: <https://core.telegram.org/bots/api#sending-files>.
const TELEGRAM_PHOTO_MAX: u64 = 10 * MEGABYTE;
/// Telegram, anything else by multipart.
const TELEGRAM_FILE_MAX: u64 = 50 * MEGABYTE;
/// Telegram gives bots no larger file (`getFile`).
const TELEGRAM_FETCH_MAX: u64 = 20 * MEGABYTE;
/// Messenger, an image by URL. Source: <https://developers.facebook.com/docs/messenger-platform/send-messages>.
const MESSENGER_PHOTO_MAX: u64 = 8 * MEGABYTE;
/// Messenger, anything else.
const MESSENGER_FILE_MAX: u64 = 25 * MEGABYTE;
/// WhatsApp, an image: its own limit, below Twilio's.
const WHATSAPP_PHOTO_MAX: u64 = 5 * MEGABYTE;
/// WhatsApp, anything else (C8).
const WHATSAPP_FILE_MAX: u64 = 16 * MEGABYTE;
/// The longest caption of Telegram's, UTF-16 code units.
const TELEGRAM_CAPTION_MAX: usize = 1024;
/// The longest caption of WhatsApp's (Twilio's `Body`), UTF-16 code units.
const WHATSAPP_CAPTION_MAX: usize = 1600;
/// The longest MIME type that is looked at, characters (RFC 6838: 127 on either side of the slash).
const TYPE_CHARS_MAX: usize = 255;

/// A file that may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// As what: a picture too large to go as one goes as a document where the messenger takes it so.
    pub kind: MediaKind,
    /// Its type, by its content.
    pub content_type: String,
}

/// What a messenger takes, for people.
pub const fn allowed_text(provider: Provider) -> &'static str {
    match provider {
        Provider::Telegram => "Telegram takes files up to 50 MB, pictures up to 10 MB as pictures.",
        Provider::Messenger => "Messenger takes files up to 25 MB, pictures up to 8 MB as pictures.",
        Provider::Whatsapp => {
            "WhatsApp takes pictures (jpg, jpeg, png) up to 5 MB, and audio (mp3, ogg, amr), pdf and mp4 up to 16 MB."
        }
    }
}

/// The most that is fetched of a file of a customer's, bytes.
pub const fn fetch_bytes_max(provider: Provider) -> u64 {
    match provider {
        Provider::Telegram => TELEGRAM_FETCH_MAX,
        Provider::Messenger => MESSENGER_FILE_MAX,
        Provider::Whatsapp => WHATSAPP_FILE_MAX,
    }
}

/// The longest caption that goes with such a file, UTF-16 code units; 0 = none: words go as a message of their own.
pub const fn caption_utf16_max(provider: Provider, kind: MediaKind) -> usize {
    match (provider, kind) {
        (Provider::Telegram, MediaKind::VideoNote | MediaKind::Sticker) | (Provider::Messenger, _) => 0,
        (Provider::Telegram, _) => TELEGRAM_CAPTION_MAX,
        (Provider::Whatsapp, MediaKind::Photo | MediaKind::Video) => WHATSAPP_CAPTION_MAX,
        (Provider::Whatsapp, _) => 0,
    }
}

/// Whether a browser may show a file of this type in the page: what cannot bring a script along.
pub fn is_shown_inline(content_type: &str) -> bool {
    matches!(content_type, "image/jpeg" | "image/png" | "image/gif" | "image/webp" | "application/pdf")
        || content_type.starts_with("audio/")
        || content_type.starts_with("video/")
}

/// Whether a file that is said to be so may be sent, before a byte of it is here; the type that it is to be put with.
pub fn check_claimed(provider: Provider, size_bytes: u64, claimed_type: &str) -> Result<String, Refusal> {
    if size_bytes == 0 {
        return Err(Refusal::FileEmpty);
    }
    let claimed = canonical(claimed_type).ok_or(Refusal::FileNameBad)?;
    if claimed != OCTET_STREAM {
        check(provider, &claimed, kind_of(&claimed), size_bytes)?;
    } else if size_bytes > file_max(provider) {
        return Err(Refusal::FileTooLarge(allowed_text(provider)));
    }
    // If nothing is said, its bytes will tell what it is.
    Ok(claimed)
}

/// Whether a file may be sent: by its first bytes and its size, and only if its type was not a lie.
pub fn check_outgoing(
    provider: Provider,
    head: &[u8],
    size_bytes: u64,
    claimed_type: &str,
) -> Result<Checked, Refusal> {
    if size_bytes == 0 || head.is_empty() {
        return Err(Refusal::FileEmpty);
    }
    let sniffed = sniff(head);
    let claimed = canonical(claimed_type).ok_or(Refusal::FileNameBad)?;
    let content_type =
        agreed(&claimed, sniffed.content_type).ok_or(Refusal::FileTypeMismatch(allowed_text(provider)))?;
    let kind = if content_type == sniffed.content_type { sniffed.kind } else { kind_of(&content_type) };
    let kind = check(provider, &content_type, kind, size_bytes)?;
    Ok(Checked { kind, content_type })
}

/// As what a messenger takes a file of this type and size.
fn check(provider: Provider, content_type: &str, kind: MediaKind, size_bytes: u64) -> Result<MediaKind, Refusal> {
    let text = allowed_text(provider);
    let within = |most: u64, kind: MediaKind| {
        if size_bytes <= most { Ok(kind) } else { Err(Refusal::FileTooLarge(text)) }
    };
    match (provider, content_type) {
        (Provider::Whatsapp, "image/jpeg" | "image/png") => within(WHATSAPP_PHOTO_MAX, kind),
        (Provider::Whatsapp, "audio/mpeg" | "audio/ogg" | "audio/amr" | "application/pdf" | "video/mp4") => {
            within(WHATSAPP_FILE_MAX, kind)
        }
        (Provider::Whatsapp, _) => Err(Refusal::FileKindNotAllowed(text)),
        (Provider::Telegram, _) => within(TELEGRAM_FILE_MAX, as_document_above(kind, size_bytes, TELEGRAM_PHOTO_MAX)),
        (Provider::Messenger, _) => {
            within(MESSENGER_FILE_MAX, as_document_above(kind, size_bytes, MESSENGER_PHOTO_MAX))
        }
    }
}

/// A picture above a messenger's limit for pictures goes as a document.
fn as_document_above(kind: MediaKind, size_bytes: u64, photo_max: u64) -> MediaKind {
    if kind == MediaKind::Photo && size_bytes > photo_max { MediaKind::Document } else { kind }
}

const fn file_max(provider: Provider) -> u64 {
    match provider {
        Provider::Telegram => TELEGRAM_FILE_MAX,
        Provider::Messenger => MESSENGER_FILE_MAX,
        Provider::Whatsapp => WHATSAPP_FILE_MAX,
    }
}

/// The type that is in use of those that mean the same, without parameters; none for what is no type.
fn canonical(content_type: &str) -> Option<String> {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence.is_empty() {
        return Some(OCTET_STREAM.to_owned());
    }
    let token =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    let is_type = essence.len() <= TYPE_CHARS_MAX
        && essence.split_once('/').is_some_and(|(kind, name)| token(kind) && token(name));
    let known = match essence.as_str() {
        "image/jpg" | "image/pjpeg" => "image/jpeg",
        "audio/mp3" | "audio/x-mp3" | "audio/x-mpeg" => "audio/mpeg",
        "audio/opus" | "audio/vorbis" | "application/ogg" | "audio/x-ogg" => "audio/ogg",
        "audio/m4a" | "audio/x-m4a" => "audio/mp4",
        "audio/3gpp" => "video/3gpp",
        "audio/wav" | "audio/wave" => "audio/x-wav",
        "audio/flac" => "audio/x-flac",
        "application/x-pdf" => "application/pdf",
        "application/x-zip-compressed" | "application/x-zip" => "application/zip",
        "application/x-gzip" => "application/gzip",
        "binary/octet-stream" => OCTET_STREAM,
        "application/xml" => "text/xml",
        other => other,
    };
    is_type.then(|| known.to_owned())
}

/// The type of a file whose bytes say `found`, if what was said of it is no lie: the same, or a closer word for the container.
fn agreed(claimed: &str, found: &str) -> Option<String> {
    let agreed = match (claimed, found) {
        _ if claimed == found || claimed == OCTET_STREAM => found,
        // The containers of films hold sound alone as well.
        ("audio/mp4", "video/mp4") | ("audio/webm", "video/webm") => claimed,
        ("video/x-m4v", "video/mp4") | ("video/mp4", "video/x-m4v") => found,
        // Of these only the container can be told.
        (_, "application/zip") if is_zip_inside(claimed) => claimed,
        (_, "application/msword") if claimed.starts_with("application/vnd.ms-") => claimed,
        (_, found) if found.starts_with("text/") && is_textual(claimed) => found,
        (_, OCTET_STREAM) if !is_known_by_its_bytes(claimed) => claimed,
        _ => return None,
    };
    Some(agreed.to_owned())
}

fn is_zip_inside(content_type: &str) -> bool {
    content_type.starts_with("application/vnd.openxmlformats-")
        || content_type.starts_with("application/vnd.oasis.")
        || content_type.starts_with("application/vnd.ms-")
        || matches!(
            content_type,
            "application/epub+zip" | "application/java-archive" | "application/vnd.android.package-archive"
        )
}

fn is_textual(content_type: &str) -> bool {
    content_type.starts_with("text/")
        || content_type.ends_with("+xml")
        || content_type.ends_with("+json")
        || matches!(
            content_type,
            "application/json"
                | "application/javascript"
                | "application/x-sh"
                | "application/x-yaml"
                | "application/sql"
                | "message/rfc822"
        )
}

/// Types whose files say by their bytes what they are.
fn is_known_by_its_bytes(content_type: &str) -> bool {
    is_textual(content_type)
        || is_zip_inside(content_type)
        || content_type.starts_with("image/")
        || matches!(
            content_type,
            "audio/mpeg"
                | "audio/ogg"
                | "audio/amr"
                | "audio/mp4"
                | "video/mp4"
                | "video/webm"
                | "application/pdf"
                | "application/zip"
                | "application/gzip"
                | "application/msword"
        )
}

#[cfg(test)]
mod tests;
