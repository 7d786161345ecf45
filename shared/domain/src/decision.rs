//! What a decision asks for: one atomic set of writes, and hints to whoever may care.
//!
//! Writes are committed together or not at all. Everything else is a hint: it may be lost, late or doubled, and whoever
//! receives it reads state again.

use crate::chat::{Chat, ChatEvent, Route, Thread};
use crate::contact::Contact;
use crate::ids::{ChannelId, ChatId, ConversationId, OfferId, OperatorId, Provider, QueueId};
use crate::message::Message;
use crate::operator::Operator;

/// One write, in the product's own words; `ports::records` knows the rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// A new chat, which must not be there (I1).
    OpenChat(Chat),
    /// A chat's thread moves on; it must still be at `from_seq` and at the revision before `thread.rev`, the chat not closed
    /// and, if an operator speaks, in their work.
    Thread {
        /// Which chat.
        chat: ChatId,
        /// The number the next message had when the decision was made.
        from_seq: u64,
        /// How it is to be.
        thread: Thread,
        /// Who must have the chat in work.
        speaker: Option<OperatorId>,
    },
    /// A chat's route moves on from the revision before `route.rev`; brings its waiting row along.
    Route {
        /// The chat as it was.
        before: Chat,
        /// Its route as it is to be.
        route: Route,
        /// Whether nothing may have been said, or sent again, in between (a close by time must not overtake a reply, I7).
        if_quiet: bool,
    },
    /// Both halves of a chat move on, each from the revision that it had; the chat must not be closed.
    Chat {
        /// As it was.
        before: Chat,
        /// As it is to be.
        after: Chat,
    },
    /// A chat's customer has a name now; its route moves on, to nowhere else, from the revision before `route.rev`.
    Named(Chat),
    /// An operator changes from the one to the other; brings the places in the orders of the free along. A new one has no before.
    Operator {
        /// As read.
        before: Option<Operator>,
        /// As it is to be.
        after: Operator,
    },
    /// A message that must not be there yet.
    NewMessage(Message),
    /// A message changes; it must be at the revision before `rev`.
    Message(Message),
    /// A provider's event has been taken in; it must not be there (I2).
    Receipt {
        /// Whose event.
        conversation: ConversationId,
        /// Its dedupe key.
        key: String,
        /// The message it became.
        message: Option<(ChatId, u64)>,
    },
    /// What the messenger tells of a customer.
    Contact(Contact),
    /// What happened to a chat, and why.
    Event(ChatEvent),
}

/// A reason to distribute a queue's chats again; the cause makes doubles recognisable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wake {
    /// Which queue.
    pub queue: QueueId,
    /// What changed: chat and route revision, operator and revision.
    pub cause: String,
    /// Not before so many seconds from now.
    pub delay_s: u32,
}

/// Something to look at again later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timer {
    /// An offer runs out.
    OfferExpires {
        /// Which.
        offer: OfferId,
        /// To whom it was made.
        operator: OperatorId,
        /// When, milliseconds since 1970.
        at_ms: i64,
    },
    /// A chat may have to close.
    CloseDue {
        /// Which.
        chat: ChatId,
        /// Who has it in work.
        operator: OperatorId,
        /// When, milliseconds since 1970.
        at_ms: i64,
    },
}

/// Something an operator's windows should show.
#[derive(Clone, Debug, PartialEq)]
pub struct Tell {
    /// Whom, with the connections as known.
    pub operator: Operator,
    /// What.
    pub news: News,
}

/// What there is to show. Each carries state with its revision, so that it can be applied twice.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// The operator's own status and load.
    Myself,
    /// A chat is on offer.
    Offered(Chat),
    /// An offer is no more; the word says why: `accepted`, `declined`, `expired`, `withdrawn`.
    OfferGone(OfferId, &'static str),
    /// A chat in work, as it is now.
    Chat(Chat),
    /// A chat is no longer in the operator's work; the word says why: `closed`, `transferred`, `returned`.
    ChatGone(Chat, &'static str),
    /// A message, new or changed.
    Message(Message),
    /// A customer's reachability or name changed.
    Contact(Contact),
}

/// A reply waits for its messenger. All but the first four fields only save the sender a second read: they may be out of date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendHint {
    /// Which messenger.
    pub provider: Provider,
    /// Which chat.
    pub chat: ChatId,
    /// Which message.
    pub seq: u64,
    /// Which try of the operator's it is, so that a wanted resend is no double.
    pub queued_at_ms: i64,
    /// On which channel.
    pub channel: ChannelId,
    /// Who is to hear how it fares.
    pub operator: Option<OperatorId>,
    /// The outgoing message before it in the chat.
    pub previous: Option<u64>,
}

impl SendHint {
    /// The hint for a reply, by how it and its chat stand; `None` for a message that nobody sends.
    pub fn of(chat: &Chat, message: &Message) -> Option<Self> {
        Some(Self {
            provider: chat.provider,
            chat: message.chat.clone(),
            seq: message.seq,
            queued_at_ms: message.delivery.as_ref()?.queued_at_ms,
            channel: chat.channel.clone(),
            operator: crate::delivery::listener(chat, message).cloned(),
            previous: message.previous_out,
        })
    }
}

/// Something to be fetched from a messenger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchHint {
    /// Which messenger.
    pub provider: Provider,
    /// On which channel.
    pub channel: ChannelId,
    /// In which conversation.
    pub conversation: ConversationId,
    /// What.
    pub what: Fetch,
}

/// What to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// The file of a message.
    File {
        /// Of which chat.
        chat: ChatId,
        /// Which message.
        seq: u64,
    },
    /// The customer's name.
    Profile {
        /// Their address at the messenger.
        address: String,
    },
}

/// A decision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// To be committed, all or none.
    pub writes: Vec<Write>,
    /// Then to be armed.
    pub timers: Vec<Timer>,
    /// Then to be woken.
    pub wakes: Vec<Wake>,
    /// Then to be sent on.
    pub sends: Vec<SendHint>,
    /// Then to be fetched.
    pub fetches: Vec<FetchHint>,
    /// Then to be told.
    pub tells: Vec<Tell>,
    /// Operators who have room now: the heads of the queues they serve deserve a look (Q7).
    pub freed: Vec<Operator>,
}

impl Decision {
    /// Nothing to do.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Whether there is nothing to commit.
    pub fn is_nothing(&self) -> bool {
        self.writes.is_empty()
    }

    /// Tells somebody something.
    pub fn tell(&mut self, operator: &Operator, news: News) {
        self.tells.push(Tell { operator: operator.clone(), news });
    }
}
