//! The operators' WebSocket protocol; `infra/docs/api/operators.asyncapi.yaml` describes it, and a test holds the two together.
//!
//! A client sends commands, each with an `action` and a `request_id` of its own, and gets exactly one [`Answer`] with that id,
//! unless the connection is lost: then it may send the same command with the same id again, and nothing happens twice. Beside
//! answers it gets [`Event`]s: they carry state with its revision, so that applying one twice, or an old one late, does no harm
//! if the client keeps the highest revision.

use std::collections::BTreeMap;

use domain::chat::{Chat, ChatEvent, Stand};
use domain::file::FileKey;
use domain::message::Message;
use domain::operator::{Operator, Status};
use domain::{ChannelId, ChatId, OfferId, OperatorId, Provider, QueueId};
use serde::{Deserialize, Serialize};

/// The largest frame that is read, bytes: a browser cannot split frames, and the gateway closes above it.
pub const COMMAND_BYTES_MAX: usize = 32 * 1024;
/// The largest frame that is sent, bytes.
pub const FRAME_BYTES_MAX: usize = 100 * 1024;
/// The most characters of a request id.
pub const REQUEST_ID_CHARS_MAX: usize = 64;
/// How many messages a chat brings along in a sync.
pub const SYNC_MESSAGES: u32 = 50;
/// The most chats that one sync may name.
pub const SYNC_CHATS_MAX: usize = 100;
/// The most messages of one page of history.
pub const HISTORY_MAX: u32 = 50;
/// How many waiting chats the head of a *to all* line shows.
pub const LINE_HEAD: usize = 25;
/// The most characters of the name of a file.
pub const NAME_CHARS_MAX: usize = 255;
/// How long a file may be put, or read, by an address that was given out, seconds.
pub const LINK_S: u32 = 300;
/// How often a client pings, seconds.
pub const PING_S: u32 = 120;

/// A frame from a client: which request it is, and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The client's own id of it, 1 to [`REQUEST_ID_CHARS_MAX`] characters: the idempotency key.
    pub request_id: String,
    /// What.
    #[serde(flatten)]
    pub command: Command,
}

/// What a client may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Command {
    /// I am here: from now on this connection gets events. Answer: [`Welcome`].
    Hello {},
    /// I am still here. Answer: [`Myself`]; a higher `rev` than known means that something was missed: `sync`.
    Ping {},
    /// I take chats, or take none for now (W1). Answer: [`Myself`].
    Status {
        /// Which.
        status: Status,
    },
    /// Tell me what I missed. Answer: [`Synced`], after a [`Event::Chat`] with its messages for each chat in work, an
    /// [`Event::Offer`] for each open offer and an [`Event::Line`] for each *to all* queue.
    Sync {
        /// What I know, of each chat that I have.
        #[serde(default)]
        chats: Vec<Known>,
    },
    /// I take this chat. Answer: [`ChatView`].
    Accept {
        /// Which.
        chat: ChatId,
        /// By which offer; none for a chat of a *to all* line.
        #[serde(default)]
        offer: Option<OfferId>,
    },
    /// I do not take this chat (Q6). Answer: nothing further.
    Decline {
        /// Which offer.
        offer: OfferId,
    },
    /// My countdown of this offer is over: a hint. Answer: nothing further.
    Expire {
        /// Which offer.
        offer: OfferId,
    },
    /// Write to the customer. Answer: [`Sent`].
    Send {
        /// In which chat.
        chat: ChatId,
        /// What.
        text: String,
    },
    /// I want to send a file (W4): where do I put it? Answer: [`UploadSlot`].
    Upload {
        /// In which chat.
        chat: ChatId,
        /// Its name, 1 to [`NAME_CHARS_MAX`] characters.
        name: String,
        /// Its MIME type, as the client knows it; its content is looked at before it is sent.
        content_type: String,
        /// Its size, bytes.
        size_bytes: u64,
    },
    /// Send a file that I have put where [`Command::Upload`] said. Answer: [`Sent`].
    SendFile {
        /// In which chat.
        chat: ChatId,
        /// Its key, as the slot has it.
        key: FileKey,
        /// The name that the customer gets it under, 1 to [`NAME_CHARS_MAX`] characters.
        name: String,
        /// Words with it; where the messenger takes none, they go before it as a message of their own.
        #[serde(default)]
        caption: Option<String>,
    },
    /// Show me the file of a message. Answer: [`FileLink`].
    File {
        /// Of which chat.
        chat: ChatId,
        /// Which message.
        seq: u64,
    },
    /// Send again a message that failed or whose outcome is unknown. Answer: nothing further.
    Resend {
        /// In which chat.
        chat: ChatId,
        /// Which message.
        seq: u64,
    },
    /// Close a chat (L6). Answer: nothing further.
    Close {
        /// Which.
        chat: ChatId,
    },
    /// Give a chat to a colleague or to a queue (Q9). Answer: nothing further.
    Transfer {
        /// Which.
        chat: ChatId,
        /// To whom.
        to: Target,
    },
    /// Older messages. Answer: [`History`].
    History {
        /// Of which chat.
        chat: ChatId,
        /// Before which message; none = the newest.
        #[serde(default)]
        before: Option<u64>,
        /// At most so many, 1 to [`HISTORY_MAX`].
        #[serde(default)]
        limit: Option<u32>,
    },
    /// I have seen the messages up to this one. Answer: nothing further.
    Read {
        /// In which chat.
        chat: ChatId,
        /// Up to which.
        seq: u64,
    },
    /// I am writing: the customer may be shown that. Answer: nothing further.
    Typing {
        /// In which chat.
        chat: ChatId,
    },
    /// Who might take a chat over? Answer: [`Colleagues`].
    Colleagues {
        /// Which chat.
        chat: ChatId,
    },
}

/// All actions, as they stand in frames.
pub const ACTIONS: [&str; 18] = [
    "hello",
    "ping",
    "status",
    "sync",
    "accept",
    "decline",
    "expire",
    "send",
    "upload",
    "send_file",
    "file",
    "resend",
    "close",
    "transfer",
    "history",
    "read",
    "typing",
    "colleagues",
];

/// What a client knows of a chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Which.
    pub chat: ChatId,
    /// Up to which message.
    #[serde(default)]
    pub seq: u64,
    /// Up to which route revision.
    #[serde(default)]
    pub route_rev: u64,
}

/// The target of a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A colleague.
    Operator(OperatorId),
    /// A queue.
    Queue(QueueId),
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Always `answer`.
    #[serde(rename = "type")]
    pub kind: AnswerType,
    /// Of the request.
    pub request_id: String,
    /// Whether it was carried out.
    pub ok: bool,
    /// What it asked for, if it asked for anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<serde_json::Value>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// Marks an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerType {
    /// The only one.
    Answer,
}

/// Why something was not done: also the body of every error of the HTTP API (under `error`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Stable, for programs.
    pub code: String,
    /// For people.
    pub text: String,
}

impl Answer {
    /// It was done.
    pub fn yes(request_id: &str, result: Option<serde_json::Value>) -> Self {
        Self { kind: AnswerType::Answer, request_id: request_id.to_owned(), ok: true, result, error: None }
    }

    /// It was not done.
    pub fn no(request_id: &str, code: &str, text: &str) -> Self {
        let error = Some(Problem { code: code.to_owned(), text: text.to_owned() });
        Self { kind: AnswerType::Answer, request_id: request_id.to_owned(), ok: false, result: None, error }
    }
}

/// The operator, as their own windows see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Myself {
    /// Who.
    pub id: OperatorId,
    /// Their name.
    pub name: String,
    /// Their status.
    pub status: Status,
    /// How many chats they have, on offer and in work.
    pub load: usize,
    /// Their own limit, if they have one.
    pub own_limit: Option<u32>,
    /// The revision of all this.
    pub rev: u64,
}

impl From<&Operator> for Myself {
    fn from(operator: &Operator) -> Self {
        Self {
            id: operator.id.clone(),
            name: operator.name.clone(),
            status: operator.status,
            load: operator.load(),
            own_limit: operator.own_limit,
            rev: operator.rev,
        }
    }
}

/// The answer to `hello`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Who you are.
    pub operator: Myself,
    /// The queues you serve.
    pub queues: Vec<QueueView>,
    /// The sound setting (W2).
    pub notification_sound: String,
    /// Ping so often, seconds.
    pub ping_s: u32,
    /// Until when this connection may be used, milliseconds since 1970: open the next one before.
    pub auth_until_ms: i64,
}

/// A queue, as operators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueView {
    /// Which.
    pub id: QueueId,
    /// Its name.
    pub name: String,
    /// Its rule.
    pub rule: domain::config::Rule,
    /// The limit that holds for you in it (Q8).
    pub limit: usize,
}

/// The state of a chat, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// With an external bot.
    WithBot,
    /// In line.
    Waiting,
    /// On offer.
    Offered,
    /// In work.
    InWork,
    /// Closed.
    Closed,
}

/// A chat, as operators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatView {
    /// Which.
    pub id: ChatId,
    /// Its channel.
    pub channel: ChannelId,
    /// Its messenger.
    pub provider: Provider,
    /// Its queue.
    pub queue: QueueId,
    /// The customer's name.
    pub customer_name: String,
    /// Its state.
    pub state: State,
    /// With whom it is in work.
    pub operator: Option<OperatorId>,
    /// To whom it is on offer, in a transfer or by the rule.
    pub offer: Option<OfferView>,
    /// When it opened, milliseconds since 1970.
    pub opened_at_ms: i64,
    /// Since when the customer waits or waited, milliseconds since 1970.
    pub waiting_since_ms: i64,
    /// The number of the newest message.
    pub last_seq: u64,
    /// The number of the last message seen.
    pub read_seq: u64,
    /// The revision of all this but the two numbers.
    pub route_rev: u64,
}

/// An offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferView {
    /// Which.
    pub id: OfferId,
    /// To whom.
    pub operator: OperatorId,
    /// Until when, milliseconds since 1970; exact.
    pub expires_at_ms: i64,
}

impl From<&Chat> for ChatView {
    fn from(chat: &Chat) -> Self {
        let state = match chat.route.stand {
            Stand::WithBot => State::WithBot,
            Stand::Waiting => State::Waiting,
            Stand::Offered { .. } => State::Offered,
            Stand::InWork { .. } => State::InWork,
            Stand::Closed { .. } => State::Closed,
        };
        let offer = chat.offer().map(|offer| OfferView {
            id: offer.id.clone(),
            operator: offer.operator.clone(),
            expires_at_ms: offer.expires_at_ms,
        });
        Self {
            id: chat.id.clone(),
            channel: chat.channel.clone(),
            provider: chat.provider,
            queue: chat.route.queue.clone(),
            customer_name: chat.customer_name.clone(),
            state,
            operator: chat.operator().cloned(),
            offer,
            opened_at_ms: chat.opened_at_ms,
            waiting_since_ms: chat.route.waiting_since_ms,
            last_seq: chat.thread.next_seq.saturating_sub(1),
            read_seq: chat.thread.read_seq,
            route_rev: chat.route.rev,
        }
    }
}

/// The answer to `sync`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synced {
    /// You.
    pub operator: Myself,
    /// The chats in your work: drop every other one.
    pub chats: Vec<ChatId>,
    /// The offers open to you: drop every other one.
    pub offers: Vec<OfferId>,
}

/// The answer to `send`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The numbers of the messages it became.
    pub seqs: Vec<u64>,
}

/// The answer to `upload`: the one request that puts the file where it may be sent from. A client sends the file's bytes as the
/// body, whose length is as it said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadSlot {
    /// The file's key, for `send_file`.
    pub key: FileKey,
    /// Where to; it is good for this file alone.
    pub url: String,
    /// Always `PUT`.
    pub method: String,
    /// Headers that must go along as they are.
    pub headers: BTreeMap<String, String>,
    /// Until when, milliseconds since 1970.
    pub expires_at_ms: i64,
}

/// The answer to `file`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileLink {
    /// Where the file can be read, without signing in: not to be kept or passed on.
    pub url: String,
    /// Until when, milliseconds since 1970.
    pub expires_at_ms: i64,
    /// Its type, by its content.
    pub content_type: String,
}

/// The answer to `history`: messages in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Of which chat.
    pub chat: ChatId,
    /// In order.
    pub messages: Vec<Message>,
    /// Whether there are older ones.
    pub more: bool,
}

/// The answer to `colleagues`: who is available for a chat right now, the freest first, and the queues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Colleagues {
    /// Available, with room.
    pub operators: Vec<Colleague>,
    /// All queues.
    pub queues: Vec<QueueView>,
}

/// A colleague.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Colleague {
    /// Who.
    pub id: OperatorId,
    /// Their name.
    pub name: String,
    /// How many chats they have.
    pub load: usize,
}

/// What happens, pushed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// Your status or load changed.
    Operator {
        /// You.
        operator: Myself,
    },
    /// A chat is on offer to you.
    Offer {
        /// The chat; `offer` in it says until when.
        chat: ChatView,
    },
    /// An offer is no more.
    OfferGone {
        /// Which.
        offer: OfferId,
        /// Why: `accepted`, `declined`, `expired`, `withdrawn`.
        reason: String,
    },
    /// The head of the line of a *to all* queue, in place of the one before.
    Line {
        /// Which queue.
        queue: QueueId,
        /// The chats that may be accepted, longest-waiting first; none when you are at your limit.
        chats: Vec<ChatView>,
        /// As of when, milliseconds since 1970: an older one is out of date.
        at_ms: i64,
    },
    /// A chat of yours, as it is now.
    Chat {
        /// It.
        chat: ChatView,
        /// In a sync: its messages that may be new or changed, in order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        messages: Vec<Message>,
        /// In a sync: what happened to it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        events: Vec<ChatEvent>,
    },
    /// A chat is no longer yours.
    ChatGone {
        /// It.
        chat: ChatView,
        /// Why: `closed`, `transferred`, `returned`.
        reason: String,
    },
    /// A message of a chat of yours, new or changed: keep the highest `rev` of each `seq`.
    Message {
        /// It.
        message: Message,
    },
    /// What is known of a customer of yours.
    Contact {
        /// The conversation.
        conversation: domain::ConversationId,
        /// Their name.
        name: String,
        /// Whether they can be written to.
        reachable: bool,
    },
}

impl Event {
    /// What an operator's windows are told of this news.
    pub fn of(operator: &Operator, news: &domain::decision::News) -> Self {
        use domain::decision::News;
        match news {
            News::Myself => Self::Operator { operator: operator.into() },
            News::Offered(chat) => Self::Offer { chat: chat.into() },
            News::OfferGone(offer, reason) => Self::OfferGone { offer: offer.clone(), reason: (*reason).to_owned() },
            News::Chat(chat) => Self::Chat { chat: chat.into(), messages: Vec::new(), events: Vec::new() },
            News::ChatGone(chat, reason) => Self::ChatGone { chat: chat.into(), reason: (*reason).to_owned() },
            News::Message(message) => Self::Message { message: message.shown() },
            News::Contact(contact) => Self::Contact {
                conversation: contact.conversation.clone(),
                name: contact.customer.name.clone(),
                reachable: contact.reachable,
            },
        }
    }
}
