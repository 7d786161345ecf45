//! Kinds of files in messages: the method and the field of each, its limits, and what tells a picture.

/// The largest photo of an upload, in bytes.
const MAX_PHOTO: usize = 10 * 1024 * 1024;

/// The largest other file of an upload, in bytes.
pub(crate) const MAX_FILE: usize = 50 * 1024 * 1024;

/// The largest photo by URL, in bytes.
const MAX_PHOTO_BY_URL: usize = 5 * 1024 * 1024;

/// The largest other file by URL, in bytes.
const MAX_FILE_BY_URL: usize = 20 * 1024 * 1024;

/// As what a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Photo,
    Video,
    VideoNote,
    Animation,
    Audio,
    Voice,
    Sticker,
    Document,
}

impl Kind {
    /// In the order in which a message's fields tell its kind: an animation is a document too.
    pub(crate) const ALL: [Self; 8] = [
        Self::Photo,
        Self::Video,
        Self::VideoNote,
        Self::Animation,
        Self::Audio,
        Self::Voice,
        Self::Sticker,
        Self::Document,
    ];

    /// The field of `Message`, and the parameter of the method.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::Photo => "photo",
            Self::Video => "video",
            Self::VideoNote => "video_note",
            Self::Animation => "animation",
            Self::Audio => "audio",
            Self::Voice => "voice",
            Self::Sticker => "sticker",
            Self::Document => "document",
        }
    }

    /// What the method sends, `sendPhoto` in any case; none for other methods.
    pub(crate) fn of_method(method: &str) -> Option<Self> {
        let name = method.to_ascii_lowercase();
        let wanted = name.strip_prefix("send")?;
        Self::ALL.into_iter().find(|kind| kind.field().replace('_', "") == wanted)
    }

    /// The folder of such files in a `file_path`.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Photo => "photos",
            Self::Video => "videos",
            Self::VideoNote => "video_notes",
            Self::Animation => "animations",
            Self::Audio => "music",
            Self::Voice => "voice",
            Self::Sticker => "stickers",
            Self::Document => "documents",
        }
    }

    /// Whether a text shows under it.
    pub(crate) fn has_caption(self) -> bool {
        !matches!(self, Self::VideoNote | Self::Sticker)
    }

    /// The most bytes of an upload.
    pub(crate) fn max_upload(self) -> usize {
        if self == Self::Photo { MAX_PHOTO } else { MAX_FILE }
    }

    /// The most bytes of a file that is told by its URL.
    pub(crate) fn max_by_url(self) -> usize {
        if self == Self::Photo { MAX_PHOTO_BY_URL } else { MAX_FILE_BY_URL }
    }

    /// Whether a file of this type (without parameters) can be sent by URL.
    pub(crate) fn takes_by_url(self, base: &str) -> bool {
        match self {
            Self::Photo | Self::Sticker => base.starts_with("image/"),
            Self::Video | Self::VideoNote => base == "video/mp4",
            Self::Animation => matches!(base, "image/gif" | "video/mp4"),
            Self::Audio => matches!(base, "audio/mpeg" | "audio/mp4" | "audio/x-m4a"),
            Self::Voice => matches!(base, "audio/ogg" | "audio/mpeg" | "audio/mp4" | "audio/x-m4a"),
            Self::Document => matches!(base, "image/gif" | "application/pdf" | "application/zip"),
        }
    }
}

/// Extensions and types. Telegram tells a file's type by the extension of its name.
const TYPES: [(&str, &str); 24] = [
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("png", "image/png"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("mp4", "video/mp4"),
    ("mov", "video/quicktime"),
    ("webm", "video/webm"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("mp3", "audio/mpeg"),
    ("m4a", "audio/mp4"),
    ("wav", "audio/x-wav"),
    ("pdf", "application/pdf"),
    ("zip", "application/zip"),
    ("json", "application/json"),
    ("txt", "text/plain"),
    ("csv", "text/csv"),
    ("html", "text/html"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("svg", "image/svg+xml"),
];

/// The type of a file with this name; `declared` (or none) if the extension is not known.
pub(crate) fn type_of(name: &str, declared: &str) -> String {
    let known = extension_of(name).and_then(|wanted| TYPES.into_iter().find(|(extension, _)| *extension == wanted));
    match known {
        Some((_, content_type)) => content_type.to_owned(),
        None if declared.is_empty() => "application/octet-stream".into(),
        None => base(declared),
    }
}

/// The extension in a `file_path`: the name's, else the usual one of the type.
pub(crate) fn extension(name: &str, content_type: &str) -> Option<String> {
    let usual = || TYPES.into_iter().find(|(_, known)| *known == base(content_type)).map(|(usual, _)| usual.to_owned());
    extension_of(name).or_else(usual)
}

fn extension_of(name: &str) -> Option<String> {
    let (_, extension) = name.rsplit_once('.')?;
    let good = (1..=8).contains(&extension.len()) && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    good.then(|| extension.to_ascii_lowercase())
}

/// A media type without parameters, in lower case.
pub(crate) fn base(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Width and height of a picture, in pixels; none if the bytes are no picture. Only a PNG is measured.
pub(crate) fn picture_size(bytes: &[u8]) -> Option<(u32, u32)> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        return Some((number(16)?, number(20)?));
    }
    let other = bytes.starts_with(&[0xFF, 0xD8, 0xFF])
        || bytes.starts_with(b"GIF8")
        || bytes.starts_with(b"BM")
        || (bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP"));
    other.then_some((1280, 960))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::PICTURE;

    #[test]
    fn methods_types_and_pictures_are_told_apart() {
        assert_eq!(Kind::of_method("sendVideoNote"), Some(Kind::VideoNote));
        assert_eq!(Kind::of_method("SENDPHOTO"), Some(Kind::Photo));
        assert_eq!((Kind::of_method("sendMessage"), Kind::of_method("send")), (None, None));
        assert_eq!(type_of("a.b.PNG", "text/plain"), "image/png");
        assert_eq!(type_of("a", "Audio/OGG; codecs=opus"), "audio/ogg");
        assert_eq!(type_of("a", ""), "application/octet-stream");
        assert_eq!(extension("voice", "audio/ogg").as_deref(), Some("oga"));
        assert_eq!(extension("../x.p/f", "a/b"), None);
        assert_eq!(picture_size(&PICTURE), Some((16, 16)));
        assert_eq!((picture_size(b"<html>"), picture_size(b"\x89PNG\r\n\x1a\n")), (None, None));
        assert_eq!(picture_size(b"\xFF\xD8\xFF\xE0"), Some((1280, 960)));
    }
}
