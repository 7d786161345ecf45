//! Files: the bucket that fails at times, and what the messengers have of customers' files.

use domain::content::Content;
use domain::file::{self, File, FileKey};
use domain::message::{Author, Message};
use fakes::PICTURE;
use ports::files::{Download, Fetched, Object, Served, Slot, Wanted};
use ports::{FileError, Files};

use crate::bugs::Bug;
use crate::channels::{ACCOUNT, LINES};
use crate::faults::Fault;
use crate::invariants::Invariant;
use crate::model::Model;
use crate::rng::Rng;
use crate::services::{Port, Services};

/// What the messenger does with a file, by the last letter of its name.
const FATES: [(char, u32); 4] = [('k', 70), ('w', 10), ('g', 12), ('l', 8)];

/// The name of a customer's file, which says what becomes of it.
pub(crate) fn new_name(rng: &Rng, customer: i64, number: u64, part: u64) -> String {
    format!("f{customer}x{number}x{part}{}", rng.weighted(&FATES, |_| true).unwrap_or('k'))
}

/// Where WhatsApp's customers' files are.
pub(crate) fn twilio_address(message: &str, name: &str) -> String {
    format!("https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/{message}/Media/{name}")
}

/// The name in what a messenger says of where a file is.
pub(crate) fn name_of(source: &str) -> &str {
    source.rsplit('/').next().unwrap_or_default().trim_end_matches(".jpg")
}

fn fate_of(name: &str) -> char {
    name.chars().next_back().unwrap_or('k')
}

/// The name of a customer's contact card that comes as a file: it is also the name on the card.
pub(crate) fn new_card(rng: &Rng, customer: i64, number: u64) -> String {
    format!("v{}", new_name(rng, customer, number, 0))
}

/// Whether a file of this name is a contact card.
pub(crate) fn is_card(name: &str) -> bool {
    name.starts_with('v')
}

/// What is in a file of this name.
pub(crate) fn bytes_of(name: &str) -> Vec<u8> {
    if is_card(name) {
        return format!("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{name}\r\nTEL:+15550000002\r\nEND:VCARD\r\n").into_bytes();
    }
    [PICTURE, name.as_bytes()].concat()
}

/// Telegram's word of where a file is: its path, or why there is none.
pub(crate) fn telegram_path(file_id: &str) -> Result<String, &'static str> {
    match fate_of(file_id) {
        'g' => Err("Bad Request: wrong file_id or the file is temporarily unavailable"),
        'l' => Err("Bad Request: file is too big"),
        _ => Ok(format!("photos/{file_id}.jpg")),
    }
}

impl Services {
    /// Whether the bucket has the file that a message is said to have there.
    pub(crate) fn has_file_of(&self, message: &Message) -> bool {
        let Some(File::Stored { key, .. }) = &message.file else { return true };
        let object = self.files.at(key.as_str());
        match message.author {
            Author::Customer => {
                let name = source_of(message).map(name_of).unwrap_or_default();
                object.is_some_and(|object| object.bytes == bytes_of(name))
            }
            _ => object.is_some(),
        }
    }
}

impl Port {
    fn bucket_fault(&self) -> Result<(), FileError> {
        if self.hit(Fault::BucketDown) { Err(FileError::Unavailable("simulated".to_owned())) } else { Ok(()) }
    }
}

impl Files for Port {
    async fn put(&self, key: &FileKey, content_type: &str, bytes: Vec<u8>) -> Result<(), FileError> {
        self.turn().await;
        if let Err(error) = self.bucket_fault() {
            return if self.services.bug == Some(Bug::BucketUnheard) { Ok(()) } else { Err(error) };
        }
        self.services.files.put(key, content_type, bytes).await?;
        self.turn().await;
        self.bucket_fault()
    }

    async fn get(&self, key: &FileKey, bytes_max: u64) -> Result<Option<Object>, FileError> {
        self.turn().await;
        self.bucket_fault()?;
        self.services.files.get(key, bytes_max).await
    }

    async fn copy(&self, from: &FileKey, etag: &str, to: &FileKey, content_type: &str) -> Result<(), FileError> {
        self.turn().await;
        self.bucket_fault()?;
        self.services.files.copy(from, etag, to, content_type).await?;
        self.turn().await;
        self.bucket_fault()
    }

    async fn delete(&self, key: &FileKey) -> Result<(), FileError> {
        self.turn().await;
        self.bucket_fault()?;
        self.services.files.delete(key).await
    }

    async fn link(&self, key: &FileKey, served: &Served<'_>, seconds: u32) -> Result<String, FileError> {
        self.services.files.link(key, served, seconds).await
    }

    async fn slot(&self, key: &FileKey, content_type: &str, size_bytes: u64, seconds: u32) -> Result<Slot, FileError> {
        self.services.files.slot(key, content_type, size_bytes, seconds).await
    }
}

impl Download for Port {
    async fn fetch(&self, wanted: &Wanted<'_>) -> Fetched {
        self.turn().await;
        let name = name_of(wanted.source.url().path()).to_owned();
        let is_theirs = wanted.trusted.way(wanted.source.url()).is_ok();
        let asked = wanted.basic.map(|secret| secret.reveal().to_owned());
        let known = asked.is_none_or(|asked| {
            wanted.source.url().host_str() == Some("api.twilio.com") && LINES.iter().any(|line| line.token() == asked)
        });
        self.services.no_secret(!known || !is_theirs, || format!("a download of {name} from elsewhere"));
        self.services.tell(|| format!("    {name} is fetched"));
        if self.hit(Fault::DownloadFailed) {
            return match self.services.rng.below(3) {
                0 => Fetched::Unreachable("simulated".to_owned()),
                1 => Fetched::Status(503),
                _ => Fetched::Status(429),
            };
        }
        let fetched = match fate_of(&name) {
            'g' => Fetched::NotFound,
            'l' => Fetched::TooLarge,
            'w' if self.services.seen.borrow_mut().insert(name.clone()) => Fetched::NotFound,
            _ => Fetched::File(bytes_of(&name)),
        };
        self.turn().await;
        fetched
    }
}

fn source_of(message: &Message) -> Option<&str> {
    match &message.content {
        Content::Media { media } => media.source.as_deref(),
        // Once its file is here, a card says who is on it, which is its file's name here.
        Content::ContactCard { name, .. } => Some(name),
        _ => None,
    }
}

impl Model {
    /// A message's file has come to its end: it is in the bucket, and the very one, or missing for a true reason.
    pub(crate) fn file_written(&mut self, services: &Services, before: Option<&Message>, message: &Message) {
        let is_news = before.is_none_or(|before| before.file != message.file);
        let Some(file) = message.file.as_ref().filter(|_| is_news) else { return };
        services.tell(|| format!("    the file of {} {} is {file:?}", message.chat, message.seq));
        let holds = match file {
            File::Pending { .. } => message.author == Author::Customer,
            File::Stored { .. } => services.has_file_of(message),
            File::Missing { reason } => {
                let fate = source_of(message).map(name_of).map_or('k', fate_of);
                match reason.as_str() {
                    file::NOT_FETCHED => true,
                    file::GONE => matches!(fate, 'g' | 'w'),
                    file::TOO_LARGE => fate == 'l',
                    _ => false,
                }
            }
        };
        self.require(Invariant::Files, holds, || {
            format!("the file of {} {} is {file:?}, from {:?}", message.chat, message.seq, source_of(message))
        });
    }

    /// Files that are still awaited.
    pub(crate) fn awaited(&self) -> Vec<String> {
        let awaited = self.messages.values().filter(|one| matches!(one.file, Some(File::Pending { .. })));
        awaited.map(|one| format!("{} {}", one.chat, one.seq)).collect()
    }
}
