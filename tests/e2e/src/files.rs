//! Files: made for a test, put where the system says, and read again by the links that it gives (W4).

use domain::ChatId;
use domain::content::MediaKind;
use domain::file::{File, FileKey};
use domain::message::Message;
use reqwest::Method;
use serde_json::json;
use wire::operators::{Command, FileLink, Sent, UploadSlot};

use crate::window::Window;

/// A file, no two alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Its name.
    pub name: String,
    /// Its type, as somebody says it is.
    pub content_type: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Sample {
    /// A file that begins so; what follows is its own.
    pub fn new(name: &str, content_type: &str, head: &[u8]) -> Self {
        let bytes = [head, crate::unique(" sample").as_bytes()].concat();
        Self { name: name.to_owned(), content_type: content_type.to_owned(), bytes }
    }

    /// A picture of 16 by 16 pixels, as far as its header goes.
    pub fn png(name: &str) -> Self {
        Self::new(
            name,
            "image/png",
            b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0\x90\x91\x68\x36",
        )
    }

    /// A photo.
    pub fn jpeg(name: &str) -> Self {
        Self::new(name, "image/jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0")
    }

    /// A sticker.
    pub fn webp(name: &str) -> Self {
        Self::new(name, "image/webp", b"RIFF\x40\0\0\0WEBPVP8 ")
    }

    /// A document.
    pub fn pdf(name: &str) -> Self {
        Self::new(name, "application/pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    }

    /// A film.
    pub fn mp4(name: &str) -> Self {
        Self::new(name, "video/mp4", b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41")
    }

    /// A voice message.
    pub fn voice(name: &str) -> Self {
        Self::new(
            name,
            "audio/ogg",
            b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01\x01\0\0\x80\xbb\0\0\0\0\0",
        )
    }

    /// A piece of music.
    pub fn mp3(name: &str) -> Self {
        Self::new(name, "audio/mpeg", b"ID3\x04\0\0\0\0\0\0")
    }

    /// A soundless loop.
    pub fn gif(name: &str) -> Self {
        Self::new(name, "image/gif", b"GIF89a\x01\0\x01\0")
    }

    /// The same file, said to be of this type.
    #[must_use]
    pub fn claimed(mut self, content_type: &str) -> Self {
        content_type.clone_into(&mut self.content_type);
        self
    }

    /// The same file, longer.
    #[must_use]
    pub fn padded(mut self, bytes: usize) -> Self {
        self.bytes.resize(bytes, b' ');
        self
    }
}

/// What a message says of its media: as what it shows, its words.
pub fn media(message: &Message) -> (MediaKind, Option<&str>) {
    match &message.content {
        domain::content::Content::Media { media } => (media.kind, media.caption.as_deref()),
        other => panic!("a file was expected, not {other:?}"),
    }
}

impl Window {
    /// The command that asks where this file is to be put.
    pub fn upload_command(chat: &ChatId, file: &Sample) -> Command {
        Command::Upload {
            chat: chat.clone(),
            name: file.name.clone(),
            content_type: file.content_type.clone(),
            size_bytes: file.bytes.len() as u64,
        }
    }

    /// The command that sends a file that has been put.
    pub fn send_file_command(chat: &ChatId, key: &FileKey, name: &str, caption: Option<&str>) -> Command {
        Command::SendFile {
            chat: chat.clone(),
            key: key.clone(),
            name: name.to_owned(),
            caption: caption.map(str::to_owned),
        }
    }

    /// Asks where a file is to be put.
    pub async fn slot(&self, chat: &ChatId, file: &Sample) -> UploadSlot {
        let slot = self.must(Self::upload_command(chat, file)).await;
        serde_json::from_value(slot.clone()).unwrap_or_else(|error| panic!("{error}: {slot}"))
    }

    /// Puts a file where the system says, as a browser would.
    pub async fn upload(&self, http: &reqwest::Client, chat: &ChatId, file: &Sample) -> FileKey {
        let slot = self.slot(chat, file).await;
        let status = put(http, &slot, &file.bytes).await;
        assert_eq!(status, 200, "{slot:?}");
        slot.key
    }

    /// Uploads a file and sends it; the numbers of the messages it became.
    pub async fn send_sample(
        &self,
        http: &reqwest::Client,
        chat: &ChatId,
        file: &Sample,
        caption: Option<&str>,
    ) -> Vec<u64> {
        let key = self.upload(http, chat, file).await;
        let sent = self.must(Self::send_file_command(chat, &key, &file.name, caption)).await;
        let sent: Sent = serde_json::from_value(sent).expect("the numbers of messages");
        sent.seqs
    }

    /// The link to a message's file.
    pub async fn file_link(&self, chat: &ChatId, seq: u64) -> FileLink {
        let link = self.must(Command::File { chat: chat.clone(), seq }).await;
        serde_json::from_value(link.clone()).unwrap_or_else(|error| panic!("{error}: {link}"))
    }

    /// The file of a message: what is told of its type, and its bytes as the link gives them.
    pub async fn read_file(&self, http: &reqwest::Client, chat: &ChatId, seq: u64) -> (String, Vec<u8>) {
        let link = self.file_link(chat, seq).await;
        let answer = http.get(&link.url).send().await.unwrap_or_else(|error| panic!("{link:?}: {error}"));
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.unwrap_or_else(|error| panic!("{link:?}: {error}"));
        assert_eq!(status, 200, "{link:?}: {}", String::from_utf8_lossy(&bytes));
        (link.content_type, bytes.to_vec())
    }

    /// Waits until a customer's message has this number and its file is no longer awaited; the message.
    pub async fn settled(&self, chat: &ChatId, seq: u64) -> Message {
        self.wait(&format!("the file of message {seq}"), |view| {
            let message = view.messages.get(&(chat.clone(), seq))?;
            (!matches!(message.file, Some(File::Pending { .. }) | None)).then(|| message.clone())
        })
        .await
    }

    /// Waits until a customer's message has its file; the message.
    pub async fn stored(&self, chat: &ChatId, seq: u64) -> Message {
        let message = self.settled(chat, seq).await;
        assert!(matches!(message.file, Some(File::Stored { .. })), "{message:?}");
        message
    }

    /// Waits until a customer's message is known to have no file; why.
    pub async fn missing(&self, chat: &ChatId, seq: u64) -> String {
        match self.settled(chat, seq).await.file {
            Some(File::Missing { reason }) => reason,
            other => panic!("a missing file was expected, not {other:?}"),
        }
    }

    /// Asserts that no frame of this window so far had one of these words in it: addresses and tokens of the messenger's.
    pub fn assert_never_told(&self, words: &[&str]) {
        let told = self.view(|view| json!(view.log).to_string());
        for word in words {
            assert!(!word.is_empty() && !told.contains(word), "a window was told {word}");
        }
    }
}

/// Puts bytes where a slot says; the status.
pub async fn put(http: &reqwest::Client, slot: &UploadSlot, bytes: &[u8]) -> u16 {
    let method = Method::from_bytes(slot.method.as_bytes()).expect("a method");
    let request = slot
        .headers
        .iter()
        .fold(http.request(method, &slot.url), |request, (name, value)| request.header(name.as_str(), value.as_str()));
    let answer = request.body(bytes.to_vec()).send().await.unwrap_or_else(|error| panic!("{slot:?}: {error}"));
    answer.status().as_u16()
}
