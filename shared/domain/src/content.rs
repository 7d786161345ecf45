//! What a message says: the same shape for every messenger, and for both directions.

use serde::{Deserialize, Serialize};

/// The most characters (Unicode scalar values) of one text that is stored; a provider's own limit is usually lower.
pub const TEXT_CHARS_MAX: usize = 16_384;

/// The content of one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// Words.
    Text {
        /// As written, never empty.
        text: String,
    },
    /// A file of some kind. The file itself, once it is here, is the message's ([`crate::file::File`]).
    Media {
        /// What it is.
        media: Media,
    },
    /// A place.
    Location {
        /// Degrees north, times one million.
        latitude_e6: i64,
        /// Degrees east, times one million.
        longitude_e6: i64,
        /// The name of the venue, if it has one.
        title: Option<String>,
        /// The address of the venue, if it has one.
        address: Option<String>,
    },
    /// Somebody's contact card.
    ContactCard {
        /// The name on the card.
        name: String,
        /// The phone number as given.
        phone: Option<String>,
    },
    /// The customer pressed a button of an earlier message.
    Button {
        /// What the button says or, where the provider does not tell, what it carries.
        label: String,
    },
    /// The conversation is given back to the app that had it, or to nobody in particular (C6): what an outgoing message of the
    /// system's own is for.
    HandBack {
        /// To which app; none = whoever is next.
        to: Option<String>,
    },
    /// Something that cannot be shown: it happened, and says what it was.
    Unsupported {
        /// The provider's own word for it, e.g. `poll`.
        what: String,
    },
}

/// A file in a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// What it is.
    pub kind: MediaKind,
    /// The name it was sent under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// Its type as the provider gives it; not trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Its size in bytes as the provider gives it; not trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// The words sent with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// Where the provider has it (Telegram: its `file_id`; Messenger, Twilio: an address), by which it is fetched. For the
    /// backend alone: [`crate::message::Message::shown`] leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The provider's id of the album that it belongs to: items arrive one by one and are never waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub album_id: Option<String>,
}

/// The kinds of file that messengers know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// A still picture.
    Photo,
    /// A moving picture with sound.
    Video,
    /// A short round video (Telegram `video_note`).
    VideoNote,
    /// A soundless loop (GIF).
    Animation,
    /// Music or another sound file.
    Audio,
    /// A recorded voice.
    Voice,
    /// A sticker.
    Sticker,
    /// Somebody's contact card that comes as a file (WhatsApp): once it is here, the message is a [`Content::ContactCard`].
    ContactCard,
    /// Any other file.
    Document,
}

impl Content {
    /// A text message.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// The words in it, if it has any: the text, or the caption.
    pub fn words(&self) -> Option<&str> {
        match self {
            Self::Text { text } => Some(text),
            Self::Media { media } => media.caption.as_deref(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_the_text_or_the_caption() {
        let photo = |caption: Option<&str>| {
            let (file_name, mime_type, size_bytes, source, album_id) = (None, None, None, None, None);
            let caption = caption.map(str::to_owned);
            let kind = MediaKind::Photo;
            let media = Media { kind, file_name, mime_type, size_bytes, caption, source, album_id };
            Content::Media { media }
        };
        let table = [
            (Content::text("hello"), Some("hello")),
            (photo(Some("look")), Some("look")),
            (photo(None), None),
            (Content::Button { label: "Yes".to_owned() }, None),
        ];
        for (content, words) in table {
            assert_eq!(content.words(), words, "{content:?}");
        }
    }
}
