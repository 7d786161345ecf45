//! Fetches from messengers what came with a message, or would have: its file, its writer's name (W4).
//!
//! A message is shown as soon as it is stored; its file follows. The queue's message only says that it is time to look: the
//! stored message says whether its file is still awaited, and one conditional write ends the wait. Whatever is lost or fails on
//! the way is found again by the sweep.
//!
//! Architecture invariant: a messenger's own address of a file is stored nowhere but in its message, and told to nobody.

mod place;
mod profile;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use domain::chat::Chat;
use domain::content::Content;
use domain::decision::Decision;
use domain::delivery::listener;
use domain::file::{self, Arrival, File, FileKey, Next};
use domain::message::Message;
use domain::{ChatId, Refusal};
use messengers::files::{fetch_bytes_max, says, sniff};
use ports::files::{Download, Fetched, Files, Wanted};
use ports::records::{chat_key, decode_chat, decode_message, message_key};
use ports::timers::NoTimers;
use ports::{Clock, MessengerTransport, Push, Queues, Secrets, Store, StoreError, Visibility};
use runtime::batch::{self, Parking, Verdict, receives};
use runtime::{Desk, Fault, telemetry};
use wire::queues::{Fetch, FetchKind};

use crate::place::{Place, Trouble};

/// How long the download of one file may take, milliseconds; the function's time-out is longer.
const DOWNLOAD_MS: u64 = 30_000;

/// Where the messengers' files are looked for: the base addresses of their APIs, or simulators'.
#[derive(Clone, Debug)]
pub struct Bases {
    /// Telegram's Bot API.
    pub telegram: String,
    /// Facebook's Graph API.
    pub graph: String,
    /// Twilio's REST API.
    pub twilio: String,
}

/// What the function works with.
pub struct Ports<S, Q, V, P, M, K, F, D, C> {
    /// Messages.
    pub store: S,
    /// Where a name that was learned goes.
    pub queues: Q,
    /// When a fetch that failed comes back.
    pub visibility: V,
    /// The operators' windows.
    pub push: P,
    /// The messengers' APIs.
    pub messenger: M,
    /// The channels' tokens.
    pub secrets: K,
    /// The bucket.
    pub files: F,
    /// The messengers' files.
    pub download: D,
    /// The time.
    pub clock: C,
}

/// The function.
pub struct Fetcher<S, Q, V, P, M, K, F, D, C> {
    desk: Desk<S, Q, NoTimers, P, C>,
    visibility: V,
    messenger: M,
    secrets: K,
    files: F,
    download: D,
    bases: Bases,
}

impl<S, Q, V, P, M, K, F, D, C> Fetcher<S, Q, V, P, M, K, F, D, C>
where
    S: Store,
    Q: Queues,
    V: Visibility,
    P: Push,
    M: MessengerTransport,
    K: Secrets,
    F: Files,
    D: Download,
    C: Clock,
{
    /// A fetcher.
    pub fn new(ports: Ports<S, Q, V, P, M, K, F, D, C>, bases: Bases) -> Self {
        let Ports { store, queues, visibility, push, messenger, secrets, files, download, clock } = ports;
        let desk = Desk::new(store, queues, NoTimers, push, clock);
        Self { desk, visibility, messenger, secrets, files, download, bases }
    }

    /// Handles a batch.
    pub async fn handle(&self, event: SqsEvent) -> SqsBatchResponse {
        let parking = Parking { queues: &self.desk.queues, of: |_| None };
        batch::handle(event, &self.visibility, &parking, async |message| self.one(message).await).await
    }

    async fn one(&self, message: &SqsMessage) -> Verdict {
        // A hint that cannot be read is worth nothing: the sweep sends another.
        let Ok(hint) = batch::body::<Fetch>(message) else { return Verdict::Done };
        match &hint.what {
            FetchKind::File { chat, seq } => self.file(chat, *seq, receives(message)).await.unwrap_or_else(|fault| {
                fault.log();
                Verdict::Later(Some(file::RETRY_S))
            }),
            FetchKind::Profile { address } => self.profile(&hint, address, message).await,
        }
    }

    /// Fetches the file of a message, the `tries`-th time for this hint.
    async fn file(&self, chat: &ChatId, seq: u64, tries: u32) -> Result<Verdict, Fault> {
        let Some((chat, message)) = self.read(chat, seq).await? else { return Ok(Verdict::Done) };
        let Some(File::Pending { since_ms }) = message.file else { return Ok(Verdict::Done) };
        let source = source_of(&message);
        let next = match self.fetch(&chat, &message).await {
            Ok(arrival) => return self.settle(&chat.id, seq, source, &arrival).await,
            Err(Trouble::Final(reason)) => Next::Missing(reason),
            Err(Trouble::NotFound) => file::after_not_found(tries),
            Err(Trouble::Fault) => file::after_fault(since_ms, tries, self.desk.now_ms()),
        };
        match next {
            Next::Again(seconds) => Ok(Verdict::Later(Some(seconds))),
            Next::Swept => Ok(Verdict::Done),
            Next::Missing(reason) => {
                telemetry::count("file_missing", reason);
                self.settle(&chat.id, seq, source, &Arrival::missing(reason)).await
            }
        }
    }

    async fn read(&self, chat: &ChatId, seq: u64) -> Result<Option<(Chat, Message)>, StoreError> {
        let rows = self.desk.store.get(&[chat_key(chat), message_key(chat, seq)]).await?;
        let [Some(chat), Some(message)] = rows.as_slice() else { return Ok(None) };
        Ok(Some((decode_chat(chat)?, decode_message(message)?)))
    }

    /// Brings the file into the bucket, and says what it is.
    async fn fetch(&self, chat: &Chat, message: &Message) -> Result<Arrival, Trouble> {
        let Place { source, basic, trusted } = self.place(chat, message).await?;
        let bytes_max = fetch_bytes_max(chat.provider);
        let wanted =
            Wanted { source: &source, basic: basic.as_ref(), trusted: &trusted, bytes_max, within_ms: DOWNLOAD_MS };
        let bytes = match self.download.fetch(&wanted).await {
            Fetched::File(bytes) if bytes.is_empty() => return Err(Trouble::Final(file::EMPTY)),
            Fetched::File(bytes) => bytes,
            Fetched::TooLarge => return Err(Trouble::Final(file::TOO_LARGE)),
            Fetched::NotFound => return Err(Trouble::NotFound),
            Fetched::Refused(why) => {
                tracing::warn!(chat = %chat.id, seq = message.seq, why, "a file is where nothing is fetched from");
                return Err(Trouble::Final(file::REFUSED));
            }
            Fetched::Unreachable(why) => {
                tracing::warn!(channel = %chat.channel, why, "a file could not be fetched");
                return Err(Trouble::Fault);
            }
            // A link that has run out (Messenger), or an account that may not (Twilio).
            Fetched::Status(status @ (400..=403 | 405..=407 | 411..=428 | 431..=499)) => {
                tracing::warn!(channel = %chat.channel, status, "a file is refused");
                return Err(Trouble::Final(file::GONE));
            }
            Fetched::Status(status) => {
                tracing::warn!(channel = %chat.channel, status, "a file could not be fetched");
                return Err(Trouble::Fault);
            }
        };
        let (content_type, size_bytes) = (sniff(&bytes).content_type.to_owned(), bytes.len() as u64);
        let says = says(&message.content, &bytes);
        let key = FileKey::incoming(message);
        self.files.put(&key, &content_type, bytes).await.map_err(|error| {
            tracing::error!(%error, "bucket");
            Trouble::Fault
        })?;
        Ok(Arrival { file: File::Stored { key, content_type, size_bytes }, says })
    }

    /// Ends the wait for a file, and tells whoever has the chat.
    async fn settle(
        &self,
        chat: &ChatId,
        seq: u64,
        source: Option<String>,
        arrival: &Arrival,
    ) -> Result<Verdict, Fault> {
        let mut replaced = false;
        self.desk
            .decide(async || {
                let (chat, message) = self.read(chat, seq).await?.ok_or(Refusal::MessageNotFound)?;
                replaced = source_of(&message) != source;
                let listener = match listener(&chat, &message) {
                    Some(operator) => self.desk.operator(operator).await?,
                    None => None,
                };
                Ok::<Decision, Fault>(file::arrived(&message, source.as_deref(), arrival.clone(), listener.as_ref()))
            })
            .await?;
        // An edit brought another file while this one was on its way.
        Ok(if replaced { Verdict::Later(Some(1)) } else { Verdict::Done })
    }
}

/// Where the messenger has the file of a message, in its own words.
fn source_of(message: &Message) -> Option<String> {
    match &message.content {
        Content::Media { media } => media.source.clone(),
        _ => None,
    }
}
