//! The file of a message: fetched from the customer's messenger, or uploaded by an operator, kept in the stack's bucket (W4).

use serde::{Deserialize, Serialize};

use crate::chat::Chat;
use crate::content::Content;
use crate::decision::{Decision, Fetch, FetchHint, News, Write};
use crate::ids::{ChatId, OperatorId};
use crate::message::Message;
use crate::operator::Operator;

/// A file that could not be fetched for so long is missing ([`NOT_FETCHED`]), milliseconds.
pub const FETCH_AGE_MS_MAX: i64 = 60 * 60_000;
/// The sweep looks at a file that is being fetched for so long, milliseconds; from then on it asks once a minute.
pub const SWEEP_AFTER_MS: i64 = 5 * 60_000;
/// The first wait before a fetch is tried again, seconds; it doubles with each try.
pub const RETRY_S: u32 = 2;
/// The waits before a file that its messenger does not have (yet) is looked for again, seconds; after them it is missing.
pub const NOT_FOUND_RETRIES_S: [u32; 2] = [1, 3];

/// Why a file is missing: it could not be fetched in time.
pub const NOT_FETCHED: &str = "not_fetched";
/// Why a file is missing: it is larger than what is fetched.
pub const TOO_LARGE: &str = "file_too_large";
/// Why a file is missing: the messenger does not have it, or has no longer.
pub const GONE: &str = "file_gone";
/// Why a file is missing: it is said to be where nothing is fetched from.
pub const REFUSED: &str = "file_source_refused";
/// Why a file is missing: it has no byte.
pub const EMPTY: &str = "file_empty";
/// Why a file is missing: the messenger refuses the channel.
pub const CHANNEL_REFUSED: &str = "channel_refused";

/// How far the file of a message is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum File {
    /// It is being fetched.
    Pending {
        /// Since when, milliseconds since 1970.
        since_ms: i64,
    },
    /// It is in the bucket.
    Stored {
        /// Its key there.
        key: FileKey,
        /// Its type by its content, a MIME type; never the one that somebody claimed.
        content_type: String,
        /// Its size, bytes.
        size_bytes: u64,
    },
    /// It cannot be had.
    Missing {
        /// Why, by a stable code.
        reason: String,
    },
}

/// The most characters of a key.
pub const KEY_CHARS_MAX: usize = 256;

/// A key of the bucket that files are kept in: segments of `[A-Za-z0-9._-]`, none of them only dots, joined by `/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileKey(String);

impl FileKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for FileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for FileKey {
    type Error = crate::ids::NotAnId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_segment = |segment: &str| {
            segment.bytes().any(|b| b != b'.')
                && segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        if text.len() <= KEY_CHARS_MAX && text.split('/').all(is_segment) {
            Ok(Self(text))
        } else {
            Err(crate::ids::NotAnId)
        }
    }
}

impl From<FileKey> for String {
    fn from(key: FileKey) -> Self {
        key.0
    }
}

impl FileKey {
    /// Where the file of a customer's message is kept, as the message is at this revision: an edit may bring another file, and
    /// whoever still fetches the one before must not put it in its place.
    pub fn incoming(message: &Message) -> Self {
        Self(format!("in/{}/{}.{}", message.chat, message.seq, message.rev))
    }

    /// Where an operator may put a file for a chat, until it is sent. `id` is of `[A-Za-z0-9_-]`.
    pub fn upload(chat: &ChatId, operator: &OperatorId, id: &str) -> Self {
        Self(format!("up/{chat}/{operator}/{id}"))
    }

    /// Where a file that an operator uploaded for this chat is kept once it is sent under this name; `None` if this is no key of
    /// such an upload. Messenger and WhatsApp call a file by the end of the address that they fetch it from.
    pub fn sent(&self, chat: &ChatId, operator: &OperatorId, name: &str) -> Option<Self> {
        let id = self.0.strip_prefix(&format!("up/{chat}/{operator}/"))?;
        (!id.contains('/')).then(|| Self(format!("out/{chat}/{id}/{}", plain(name))))
    }
}

/// The most characters of a name in a key, without and with its ending.
const STEM_CHARS_MAX: usize = 60;
const ENDING_CHARS_MAX: usize = 12;

/// The name of a file with what can stand in a key: `[A-Za-z0-9_-]`, and one `.` before its ending.
fn plain(name: &str) -> String {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let (stem, ending) = (words(stem, STEM_CHARS_MAX), words(ending, ENDING_CHARS_MAX));
    let stem = if stem.is_empty() { "file" } else { &stem };
    if ending.is_empty() { stem.to_owned() } else { format!("{stem}.{ending}") }
}

/// What of it may stand in a key, the rest between as one `_`.
fn words(text: &str, chars_max: usize) -> String {
    let may_stand = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let words = text.split(|c| !may_stand(c)).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_");
    words.chars().take(chars_max).collect()
}

/// The hint to fetch the file of a message; `None` for one that needs none.
pub fn hint(chat: &Chat, message: &Message) -> Option<FetchHint> {
    matches!(message.file, Some(File::Pending { .. })).then(|| FetchHint {
        provider: chat.provider,
        channel: chat.channel.clone(),
        conversation: chat.id.conversation.clone(),
        what: Fetch::File { chat: chat.id.clone(), seq: message.seq },
    })
}

/// When the sweep has to look at the message's file, if ever, milliseconds since 1970.
pub fn due_at_ms(message: &Message) -> Option<i64> {
    match message.file {
        Some(File::Pending { since_ms }) => Some(since_ms + SWEEP_AFTER_MS),
        _ => None,
    }
}

/// What a failed fetch comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is tried again after so many seconds.
    Again(u32),
    /// It is tried again when the sweep asks for it.
    Swept,
    /// The file is missing, for this reason.
    Missing(&'static str),
}

/// After the messenger, or the bucket, could not be reached, the `tries`-th time (from 1) for one hint.
pub fn after_fault(since_ms: i64, tries: u32, now_ms: i64) -> Next {
    if now_ms - since_ms >= FETCH_AGE_MS_MAX {
        Next::Missing(NOT_FETCHED)
    } else if now_ms - since_ms >= SWEEP_AFTER_MS {
        Next::Swept
    } else {
        Next::Again(RETRY_S << tries.saturating_sub(1).min(7))
    }
}

/// After the messenger said that it does not have the file, the `tries`-th time (from 1) for one hint: a file may be told of
/// before it can be had.
pub fn after_not_found(tries: u32) -> Next {
    let waits = usize::try_from(tries.saturating_sub(1)).ok().and_then(|done| NOT_FOUND_RETRIES_S.get(done));
    waits.map_or(Next::Missing(GONE), |&seconds| Next::Again(seconds))
}

/// What a wait for a file ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The file as it is now: stored or missing, never pending.
    pub file: File,
    /// What the message says by what is in the file, where that is more than that there is one: a contact card.
    pub says: Option<Content>,
}

impl Arrival {
    /// The file cannot be had, for this reason.
    pub fn missing(reason: &str) -> Self {
        Self { file: File::Missing { reason: reason.to_owned() }, says: None }
    }
}

/// The wait for the file of a message, which is at `source`, is over. Nothing, if it is not awaited (any more), or the message
/// has another file by now.
pub fn arrived(message: &Message, source: Option<&str>, arrival: Arrival, listener: Option<&Operator>) -> Decision {
    let Arrival { file, says } = arrival;
    debug_assert!(!matches!(file, File::Pending { .. }), "it has reached its end");
    let same = matches!(&message.content, Content::Media { media } if media.source.as_deref() == source);
    if !same || !matches!(message.file, Some(File::Pending { .. })) {
        return Decision::nothing();
    }
    let mut next = message.clone();
    next.rev += 1;
    next.file = Some(file);
    if let Some(content) = says {
        next.content = content;
    }
    let mut decision = Decision { writes: vec![Write::Message(next.clone())], ..Decision::default() };
    if let Some(listener) = listener {
        decision.tell(listener, News::Message(next));
    }
    decision
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{Media, MediaKind};
    use crate::message::Author;

    const NOW: i64 = 1_767_225_600_000;
    const MINUTE: i64 = 60_000;

    fn chat() -> ChatId {
        "c0ffee.1".parse().unwrap()
    }

    fn ann() -> OperatorId {
        "ann".parse().unwrap()
    }

    fn media(source: &str) -> Content {
        let media = Media {
            kind: MediaKind::Photo,
            file_name: None,
            mime_type: None,
            size_bytes: None,
            caption: None,
            source: Some(source.to_owned()),
            album_id: None,
        };
        Content::Media { media }
    }

    fn pending() -> Message {
        let mut message = Message::new(chat(), 3, NOW, Author::Customer, media("AgAC"));
        message.file = Some(File::Pending { since_ms: NOW });
        message
    }

    fn kept() -> File {
        File::Stored { key: FileKey::incoming(&pending()), content_type: "image/jpeg".to_owned(), size_bytes: 7 }
    }

    #[test]
    fn keys_name_chat_and_message_or_who_uploaded_what_for_which() {
        assert_eq!(FileKey::incoming(&pending()).as_str(), "in/c0ffee.1/3.1");
        let upload = FileKey::upload(&chat(), &ann(), "x_-9");
        assert_eq!(upload.as_str(), "up/c0ffee.1/ann/x_-9");
        assert_eq!(upload.sent(&chat(), &ann(), "a.pdf").unwrap().as_str(), "out/c0ffee.1/x_-9/a.pdf");
        for key in [FileKey::incoming(&pending()), upload.clone(), upload.sent(&chat(), &ann(), "a.pdf").unwrap()] {
            assert_eq!(FileKey::try_from(key.to_string()), Ok(key));
        }
        let longest = FileKey::upload(
            &format!("{}.4294967295", "c".repeat(64)).parse().unwrap(),
            &"o".repeat(64).parse().unwrap(),
            &"x".repeat(32),
        );
        assert!(FileKey::try_from(longest.to_string()).is_ok(), "the longest ids make a key");
        let upload = FileKey::upload(&chat(), &ann(), &"x".repeat(32));
        let sent = upload.sent(&chat(), &ann(), &format!("{}.{}", "n".repeat(999), "e".repeat(99))).unwrap();
        assert!(FileKey::try_from(sent.to_string()).is_ok(), "the longest names too");
    }

    #[test]
    fn w4_a_file_is_kept_under_a_name_that_its_customer_can_read() {
        for (name, plainly) in [
            ("invoice-4711.pdf", "invoice-4711.pdf"),
            ("Preis ü (neu).PDF", "Preis_neu.PDF"),
            ("Счёт.pdf", "file.pdf"),
            ("архив", "file"),
            ("a.tar.gz", "a_tar.gz"),
            (".htaccess", "file.htaccess"),
            ("...", "file"),
            ("..", "file"),
            ("100%_done?.png", "100_done.png"),
            ("a. ", "a"),
        ] {
            assert_eq!(plain(name), plainly, "{name}");
        }
    }

    #[test]
    fn i8_an_upload_is_its_operators_for_its_chat() {
        let upload = FileKey::upload(&chat(), &ann(), "x");
        assert_eq!(upload.sent(&chat(), &"ben".parse().unwrap(), "a"), None);
        assert_eq!(upload.sent(&"c0ffee.2".parse().unwrap(), &ann(), "a"), None);
        for other in ["in/c0ffee.1/3", "out/c0ffee.1/x", "up/c0ffee.1/ann", "up/c0ffee.1/ann/x/y", "up/c0ffee.11/ann/x"]
        {
            assert_eq!(FileKey::try_from(other.to_owned()).unwrap().sent(&chat(), &ann(), "a"), None, "{other}");
        }
    }

    #[test]
    fn a_fetch_is_tried_again_ever_later_then_by_the_sweep_then_never() {
        let after = |age_ms: i64, tries: u32| after_fault(NOW, tries, NOW + age_ms);
        let waits: Vec<Next> = (1..=9).map(|tries| after(0, tries)).collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 256].map(Next::Again));
        assert_eq!(after(5 * MINUTE - 1, 1), Next::Again(2));
        assert_eq!(after(5 * MINUTE, 1), Next::Swept);
        assert_eq!(after(60 * MINUTE - 1, 9), Next::Swept);
        assert_eq!(after(60 * MINUTE, 1), Next::Missing("not_fetched"));
        let waits: Vec<Next> = (0..=4).map(after_not_found).collect();
        let gone = Next::Missing("file_gone");
        assert_eq!(waits, [Next::Again(1), Next::Again(1), Next::Again(3), gone, gone]);
    }

    #[test]
    fn the_sweep_looks_at_files_that_are_awaited() {
        let mut message = pending();
        assert_eq!(due_at_ms(&message), Some(NOW + SWEEP_AFTER_MS));
        for file in [None, Some(kept()), Some(File::Missing { reason: GONE.to_owned() })] {
            message.file = file;
            assert_eq!(due_at_ms(&message), None);
        }
    }

    #[test]
    fn an_awaited_file_arrives_once() {
        let operator = Operator::new(ann(), "Ann");
        let here = || Arrival { file: kept(), says: None };
        let decision = arrived(&pending(), Some("AgAC"), here(), Some(&operator));
        let [Write::Message(after)] = decision.writes.as_slice() else { panic!("{decision:?}") };
        assert_eq!((after.rev, &after.file, &after.content), (2, &Some(kept()), &pending().content));
        assert!(matches!(decision.tells.as_slice(), [tell] if tell.news == News::Message(after.clone())));
        assert!(arrived(after, Some("AgAC"), here(), None).is_nothing(), "it is here already");
        assert!(arrived(after, Some("AgAC"), Arrival::missing(GONE), None).is_nothing(), "it is here already");
        assert!(arrived(&pending(), Some("another"), here(), None).is_nothing(), "an edit brought another file");
        let decision = arrived(&pending(), Some("AgAC"), Arrival::missing(GONE), None);
        let [Write::Message(after)] = decision.writes.as_slice() else { panic!("{decision:?}") };
        assert_eq!(after.file, Some(File::Missing { reason: "file_gone".to_owned() }));
        assert!(decision.tells.is_empty());
    }

    #[test]
    fn w4_what_a_file_says_takes_the_place_of_what_was_said_of_it() {
        let card = Content::ContactCard { name: "Grace".to_owned(), phone: None };
        let arrival = Arrival { file: kept(), says: Some(card.clone()) };
        let decision = arrived(&pending(), Some("AgAC"), arrival.clone(), None);
        let [Write::Message(after)] = decision.writes.as_slice() else { panic!("{decision:?}") };
        assert_eq!((&after.content, &after.file), (&card, &Some(kept())), "the file stays to be opened");
        assert!(arrived(after, Some("AgAC"), arrival, None).is_nothing());
    }

    #[test]
    fn keys_take_what_they_are_and_nothing_else() {
        for good in ["a", "in/abc.1/5", "up/abc.1/op-1/x_y", &"x".repeat(256)] {
            assert!(FileKey::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", "/", "a/", "/a", "a//b", "a/../b", "..", "a b", "a\\b", "ä", "a?b", &"x".repeat(257)] {
            assert!(FileKey::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
