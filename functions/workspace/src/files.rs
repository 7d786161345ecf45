//! Sending the customer files, and seeing theirs (W4).

use domain::content::{Content, Media, TEXT_CHARS_MAX};
use domain::file::{File, FileKey};
use domain::reply::{self, Part};
use domain::{ChatId, Provider, Refusal};
use messengers::files::{Checked, caption_utf16_max, check_claimed, check_outgoing, is_shown_inline};
use ports::files::{HEAD_BYTES, Served, Slot};
use ports::records::{chat_key, decode_chat, decode_message, decode_operator, message_key, operator_key};
use ports::{Clock, Files, Push, Queues, Random, Store, Timers};
use runtime::Fault;
use runtime::gateway::Caller;
use wire::operators::{FileLink, LINK_S, NAME_CHARS_MAX, Sent, UploadSlot};

use crate::Workspace;
use crate::talk::{parts, serves};

/// How many random bytes name an upload.
const UPLOAD_ID_BYTES: usize = 16;

/// A file that an operator is about to put.
pub(crate) struct Announced<'a> {
    pub(crate) name: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) size_bytes: u64,
}

/// A file that an operator has put, and now sends.
pub(crate) struct Upload<'a> {
    pub(crate) key: &'a FileKey,
    pub(crate) name: &'a str,
    pub(crate) caption: Option<&'a str>,
}

impl<S: Store, Q: Queues, T: Timers, P: Push, C: Clock, F: Files, R: Random> Workspace<S, Q, T, P, C, F, R> {
    /// Says where a file is to be put, if it may be sent as far as that can be known before.
    pub(crate) async fn upload(
        &self,
        caller: &Caller,
        chat: &ChatId,
        file: &Announced<'_>,
    ) -> Result<UploadSlot, Fault> {
        check_name(file.name)?;
        let provider = self.may_send(caller, chat).await?;
        let content_type = check_claimed(provider, file.size_bytes, file.content_type)?;
        let mut id = [0; UPLOAD_ID_BYTES];
        self.random.fill(&mut id);
        let key = FileKey::upload(chat, &caller.operator, &format!("{:032x}", u128::from_be_bytes(id)));
        let Slot { url, headers } = self.files.slot(&key, &content_type, file.size_bytes, LINK_S).await?;
        let (method, headers) = ("PUT".to_owned(), headers.into_iter().collect());
        Ok(UploadSlot { key, url, method, headers, expires_at_ms: self.expires_at_ms() })
    }

    /// Accepts a file as a reply: it is looked at, put where it stays, and only then accepted, all in one transaction (I6).
    pub(crate) async fn send_file(
        &self,
        caller: &Caller,
        request: &str,
        chat: &ChatId,
        upload: &Upload<'_>,
    ) -> Result<Sent, Fault> {
        check_name(upload.name)?;
        if upload.caption.is_some_and(|caption| caption.chars().count() > TEXT_CHARS_MAX) {
            return Err(Refusal::TextTooLong.into());
        }
        let (found, _) = self.desk.chat_and_operator(chat, &caller.operator).await?;
        let found = found.ok_or(Refusal::ChatNotFound)?;
        if let Some(seqs) = reply::accepted_before(&found, &caller.operator, request) {
            return Ok(Sent { seqs });
        }
        reply::may_speak(&found, &caller.operator)?;
        let kept = upload.key.sent(chat, &caller.operator, upload.name).ok_or(Refusal::FileNotFound)?;
        let object = self.files.get(upload.key, HEAD_BYTES).await?.ok_or(Refusal::FileNotFound)?;
        let checked = check_outgoing(found.provider, &object.bytes, object.size_bytes, &object.content_type)?;
        // What is sent is what was looked at: the upload's address may be used once more until it expires.
        self.files.copy(upload.key, &object.etag, &kept, &checked.content_type).await?;
        let file =
            File::Stored { key: kept, content_type: checked.content_type.clone(), size_bytes: object.size_bytes };
        self.accept(caller, request, chat, |provider| with_caption(provider, &checked, upload, &file)).await
    }

    /// Where the file of a message can be read.
    pub(crate) async fn file(&self, caller: &Caller, chat: &ChatId, seq: u64) -> Result<FileLink, Fault> {
        let keys = [chat_key(chat), operator_key(&caller.operator), message_key(chat, seq)];
        let rows = self.desk.store.get(&keys).await?;
        let [Some(found), me, message] = rows.as_slice() else { return Err(Refusal::ChatNotFound.into()) };
        let me = decode_operator(me.as_ref().ok_or(Refusal::OperatorNotFound)?)?;
        let config = self.desk.config().await?;
        reply::may_read(&decode_chat(found)?, &me, &config)?;
        let message = decode_message(message.as_ref().ok_or(Refusal::MessageNotFound)?)?;
        let (key, content_type) = match message.file {
            Some(File::Stored { key, content_type, .. }) => (key, content_type),
            Some(File::Pending { .. }) => return Err(Refusal::FileNotReady.into()),
            Some(File::Missing { .. }) | None => return Err(Refusal::FileNotFound.into()),
        };
        let name = match &message.content {
            Content::Media { media } => media.file_name.clone(),
            Content::ContactCard { name, .. } => Some(format!("{name}.vcf")),
            _ => None,
        };
        let inline = is_shown_inline(&content_type);
        let served = Served { content_type: &content_type, name: name.as_deref().unwrap_or("file"), inline };
        let url = self.files.link(&key, &served, LINK_S).await?;
        Ok(FileLink { url, expires_at_ms: self.expires_at_ms(), content_type })
    }

    /// Whether the caller may send into this chat right now; by which messenger.
    async fn may_send(&self, caller: &Caller, chat: &ChatId) -> Result<Provider, Fault> {
        let (chat, me) = self.desk.chat_and_operator(chat, &caller.operator).await?;
        let (chat, me) = (chat.ok_or(Refusal::ChatNotFound)?, me.ok_or(Refusal::OperatorNotFound)?);
        reply::may_speak(&chat, &me.id)?;
        let config = self.desk.config().await?;
        reply::may_send(&chat, serves(&config, &chat), self.desk.now_ms())?;
        Ok(chat.provider)
    }

    fn expires_at_ms(&self) -> i64 {
        self.desk.now_ms() + i64::from(LINK_S) * 1000
    }
}

/// A name that can stand in a header and in a folder.
fn check_name(name: &str) -> Result<(), Refusal> {
    let is_name = (1..=NAME_CHARS_MAX).contains(&name.chars().count())
        && !name.trim().is_empty()
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'));
    if is_name { Ok(()) } else { Err(Refusal::FileNameBad) }
}

/// The messages that a file and its words become: one, if the messenger takes the words with it; else the words go first.
fn with_caption(provider: Provider, checked: &Checked, upload: &Upload<'_>, file: &File) -> Vec<Part> {
    let words = upload.caption.filter(|words| !words.trim().is_empty());
    let goes_along = |words: &&str| words.encode_utf16().count() <= caption_utf16_max(provider, checked.kind);
    let caption = words.filter(goes_along);
    let mut all = match words {
        Some(words) if caption.is_none() => parts(provider, words),
        _ => Vec::new(),
    };
    let size_bytes = match file {
        File::Stored { size_bytes, .. } => Some(*size_bytes),
        File::Pending { .. } | File::Missing { .. } => None,
    };
    let media = Media {
        kind: checked.kind,
        file_name: Some(upload.name.to_owned()),
        mime_type: Some(checked.content_type.clone()),
        size_bytes,
        caption: caption.map(str::to_owned),
        source: None,
        album_id: None,
    };
    all.push(Part { content: Content::Media { media }, file: Some(file.clone()) });
    all
}
