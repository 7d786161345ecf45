//! The file of a reply, as its messenger takes it: Telegram the bytes, the others an address that they fetch.

use domain::Provider;
use domain::content::Content;
use domain::file::File;
use domain::message::Message;
use ports::files::Served;
use ports::{FileError, Files};

use crate::call::Attachment;

/// The largest file that is sent, bytes (Telegram: 50 MB by upload; the others less).
const FILE_BYTES_MAX: u64 = 50 * 1024 * 1024;
/// For how long a messenger may fetch a file, seconds: Twilio queues a message for up to four hours.
const LINK_S: u32 = 4 * 3600;

/// Why there is no file to send.
pub(crate) enum NoFile {
    /// For good, with this code.
    Never(&'static str),
    /// The bucket does not answer.
    NotNow(String),
}

/// The file of this reply; none, where it has none.
pub(crate) async fn of(files: &impl Files, provider: Provider, message: &Message) -> Result<Attachment, NoFile> {
    let Content::Media { media } = &message.content else { return Ok(Attachment::None) };
    let Some(File::Stored { key, content_type, .. }) = &message.file else { return Err(NoFile::Never("file_missing")) };
    if provider == Provider::Telegram {
        return match files.get(key, FILE_BYTES_MAX).await {
            Ok(Some(object)) => Ok(Attachment::Bytes(object.bytes, content_type.clone())),
            Ok(None) => Err(NoFile::Never("file_missing")),
            Err(error) => Err(not_now(&error)),
        };
    }
    let name = media.file_name.as_deref().unwrap_or("file");
    let served = Served { content_type, name, inline: true };
    match files.link(key, &served, LINK_S).await {
        Ok(link) => Ok(Attachment::Link(link)),
        Err(error) => Err(not_now(&error)),
    }
}

fn not_now(error: &FileError) -> NoFile {
    NoFile::NotNow(error.to_string())
}
