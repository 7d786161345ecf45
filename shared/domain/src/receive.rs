//! What a customer's event does (L1, L3, L7, I1, I2, I9).

use crate::chat::{Chat, Control, Route, Stand, Thread};
use crate::config::Queue;
use crate::contact::Contact;
use crate::content::{Content, Media};
use crate::decision::{Decision, Fetch, FetchHint, News, Wake, Write};
use crate::file::File;
use crate::ids::{ChannelId, ChatId, ConversationId, Provider};
use crate::inbound::{InboundEvent, InboundKind};
use crate::message::{Author, Message};
use crate::operator::Operator;
use crate::{handover, stay};

/// An event and where it came in.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// The conversation.
    pub conversation: &'a ConversationId,
    /// Its channel.
    pub channel: &'a ChannelId,
    /// Its messenger.
    pub provider: Provider,
    /// The queue that new chats of the channel go to.
    pub queue: &'a Queue,
    /// What happened.
    pub event: &'a InboundEvent,
    /// Now, milliseconds since 1970.
    pub now_ms: i64,
}

/// The key of the receipt of a message, which is also how an edit finds it: by the provider's own id of the message, so that
/// the same message is the same whatever update brings it.
pub fn message_key(message_id: &str) -> String {
    format!("m:{message_id}")
}

/// The key of the receipt of this event.
pub fn receipt_key(event: &InboundEvent) -> String {
    match &event.what {
        InboundKind::Message { message_id, .. } | InboundKind::Echo { message_id, .. } => message_key(message_id),
        _ => format!("e:{}", event.event_id),
    }
}

impl Incoming<'_> {
    /// The chat's first message opens it (L1, L3): the contact is written when new or changed. What an external bot handles
    /// opens a chat that nobody is asked to take (C6, L5).
    pub fn open(&self, closed: Option<&Chat>, contact: Option<&Contact>, message: &Message) -> Decision {
        debug_assert!(closed.is_none_or(Chat::is_closed), "I1: a next chat only after the last one has closed");
        let refreshed = match contact {
            Some(contact) => contact.refreshed(&self.event.customer),
            None => Some(self.new_contact()),
        };
        let customer = refreshed.as_ref().or(contact).map_or(&self.event.customer, |contact| &contact.customer);
        let by_bot = self.event.standby;
        let chat = Chat {
            id: message.chat.clone(),
            channel: self.channel.clone(),
            provider: self.provider,
            customer_name: customer.name.clone(),
            opened_at_ms: self.now_ms,
            thread: Thread {
                rev: 1,
                next_seq: 2,
                last_in_at_ms: (message.author == Author::Customer).then_some(self.now_ms),
                last_out_at_ms: None,
                last_out_seq: None,
                read_seq: 0,
                requests: Vec::new(),
            },
            route: Route {
                rev: 1,
                queue: self.queue.id.clone(),
                stand: if by_bot { Stand::WithBot } else { Stand::Waiting },
                waiting_since_ms: self.now_ms,
                not_before_ms: None,
                decliners: Vec::new(),
                taken_at_ms: None,
                close_due_at_ms: by_bot.then(|| self.now_ms + stay::bot_silence_ms(Some(self.queue))),
                requests: Vec::new(),
                control: if by_bot {
                    Some(Control::Others { app: None })
                } else {
                    closed.and_then(|closed| handover::still_ours(closed, self.now_ms))
                },
            },
        };
        let mut decision = Decision::default();
        if !by_bot {
            decision.wakes.push(Wake { queue: self.queue.id.clone(), cause: format!("{}.1", chat.id), delay_s: 0 });
        }
        decision.fetches.extend(self.file_of(message));
        if customer.is_stand_in && self.provider.has_profiles() {
            decision.fetches.push(self.fetch(Fetch::Profile { address: customer.address.clone() }));
        }
        let mut writes = vec![Write::OpenChat(chat), Write::NewMessage(message.clone()), self.receipt(Some(message))];
        writes.extend(self.receipt_of_original(message));
        writes.extend(refreshed.map(Write::Contact));
        Decision { writes, ..decision }
    }

    /// A later message joins the open chat (L1); whoever has it in work hears of it.
    pub fn append(&self, open: &Chat, operator: Option<&Operator>, message: Message) -> Decision {
        let thread = self.thread_after(open, &message);
        let advance = Write::Thread { chat: open.id.clone(), from_seq: open.thread.next_seq, thread, speaker: None };
        self.joined(vec![advance], operator, message)
    }

    /// The chat's thread with one more message.
    pub(crate) fn thread_after(&self, open: &Chat, message: &Message) -> Thread {
        let mut thread = open.thread.clone();
        thread.rev += 1;
        thread.next_seq += 1;
        match message.author {
            Author::Customer => thread.last_in_at_ms = Some(self.now_ms),
            Author::External { .. } => thread.last_out_at_ms = Some(self.now_ms),
            Author::Operator { .. } | Author::System => {}
        }
        thread
    }

    /// A message that joins a chat, whose own change is the first of the writes.
    pub(crate) fn joined(&self, chat: Vec<Write>, operator: Option<&Operator>, message: Message) -> Decision {
        let mut decision = Decision { writes: chat, ..Decision::default() };
        decision.writes.extend([Write::NewMessage(message.clone()), self.receipt(Some(&message))]);
        decision.fetches.extend(self.file_of(&message));
        decision.writes.extend(self.receipt_of_original(&message));
        if let Some(operator) = operator {
            decision.tell(operator, News::Message(message));
        }
        decision
    }

    /// A message of the customer. The contact is looked at only when a chat opens.
    pub fn message(&self, latest: Option<&Chat>, contact: Option<&Contact>, operator: Option<&Operator>) -> Decision {
        match latest {
            Some(open) if !open.is_closed() => {
                let message = self.message_in(&open.id, open.thread.next_seq);
                // Outside standby it is ours, even if nobody said so: control lapses by itself after a day (C6).
                match open.route.control {
                    Some(Control::Others { .. }) if !self.event.standby => {
                        self.given_to_us(open, None, operator, message)
                    }
                    _ => self.append(open, operator, message),
                }
            }
            closed => self.open(closed, contact, &self.message_in(&self.next_chat(closed), 1)),
        }
    }

    /// An edit. `original` is the message it changes, with the chat it is in; an edit of a message that never came is a message.
    pub fn edit(&self, original: &Message, operator: Option<&Operator>) -> Decision {
        let InboundKind::Edited { content, .. } = &self.event.what else { return Decision::nothing() };
        let mut decision = Decision { writes: vec![self.receipt(None)], ..Decision::default() };
        // Telegram announces edits that change nothing one can see.
        if let Some(content) = edited(&original.content, content) {
            let mut message = original.clone();
            message.content = content;
            message.edited_at_ms = Some(self.edited_at_ms());
            message.rev += 1;
            if source_of(&message.content) != source_of(&original.content) {
                message.file = self.pending(&message.content);
                decision.fetches.extend(self.file_of(&message));
            }
            decision.writes.push(Write::Message(message.clone()));
            if let Some(operator) = operator {
                decision.tell(operator, News::Message(message));
            }
        }
        decision
    }

    /// The customer blocked us, or let us write again: the contact says so, and an open chat gets a note.
    pub fn reachability(
        &self,
        reachable: bool,
        latest: Option<&Chat>,
        contact: Option<&Contact>,
        operator: Option<&Operator>,
    ) -> Decision {
        let open = latest.filter(|chat| !chat.is_closed());
        let contact = contact.map(|contact| Contact { reachable, ..contact.clone() });
        let mut decision = match open {
            None => Decision { writes: vec![self.receipt(None)], ..Decision::default() },
            Some(open) => {
                let what = if reachable { "customer_unblocked" } else { "customer_blocked" };
                let content = Content::Unsupported { what: what.to_owned() };
                let note = Message::new(open.id.clone(), open.thread.next_seq, self.now_ms, Author::System, content);
                self.append(open, operator, note)
            }
        };
        if let (Some(contact), Some(operator)) = (&contact, operator) {
            decision.tell(operator, News::Contact(contact.clone()));
        }
        decision.writes.extend(contact.map(Write::Contact));
        decision
    }

    pub(crate) fn next_chat(&self, closed: Option<&Chat>) -> ChatId {
        ChatId { conversation: self.conversation.clone(), n: closed.map_or(1, |chat| chat.id.n + 1) }
    }

    fn new_contact(&self) -> Contact {
        Contact {
            conversation: self.conversation.clone(),
            channel: self.channel.clone(),
            customer: self.event.customer.clone(),
            reachable: true,
            since_ms: self.now_ms,
        }
    }

    /// An edit of a message that never came stands for it: the next edit finds it by the message's own key, and so does the
    /// message, should it come after all (I2).
    fn receipt_of_original(&self, message: &Message) -> Option<Write> {
        let InboundKind::Edited { message_id, .. } = &self.event.what else { return None };
        let place = Some((message.chat.clone(), message.seq));
        Some(Write::Receipt { conversation: self.conversation.clone(), key: message_key(message_id), message: place })
    }

    pub(crate) fn receipt(&self, message: Option<&Message>) -> Write {
        Write::Receipt {
            conversation: self.conversation.clone(),
            key: receipt_key(self.event),
            message: message
                .filter(|message| message.author != Author::System)
                .map(|message| (message.chat.clone(), message.seq)),
        }
    }

    pub(crate) fn message_in(&self, chat: &ChatId, seq: u64) -> Message {
        let blank = |content: &Content| Message::new(chat.clone(), seq, self.now_ms, Author::Customer, content.clone());
        let mut message = match &self.event.what {
            InboundKind::Message { message_id, content, reply_to, quote, forwarded_from } => Message {
                provider_message_id: Some(message_id.clone()),
                reply_to: reply_to.clone(),
                quote: quote.clone(),
                forwarded_from: forwarded_from.clone(),
                ..blank(content)
            },
            InboundKind::Edited { message_id, content } => Message {
                provider_message_id: Some(message_id.clone()),
                edited_at_ms: Some(self.edited_at_ms()),
                ..blank(content)
            },
            InboundKind::Echo { message_id, content, app, .. } => Message {
                author: Author::External { app: app.clone() },
                provider_message_id: Some(message_id.clone()),
                ..blank(content)
            },
            _ => unreachable!("only messages, edits and echoes say anything"),
        };
        message.provider_at_ms = self.provider_at_ms();
        message.file = self.pending(&message.content);
        message
    }

    /// The file of what was said, if it has one that can be fetched.
    fn pending(&self, content: &Content) -> Option<File> {
        source_of(content).map(|_| File::Pending { since_ms: self.now_ms })
    }

    fn file_of(&self, message: &Message) -> Option<FetchHint> {
        let is_pending = matches!(message.file, Some(File::Pending { .. }));
        is_pending.then(|| self.fetch(Fetch::File { chat: message.chat.clone(), seq: message.seq }))
    }

    fn fetch(&self, what: Fetch) -> FetchHint {
        let (channel, conversation) = (self.channel.clone(), self.conversation.clone());
        FetchHint { provider: self.provider, channel, conversation, what }
    }

    fn edited_at_ms(&self) -> i64 {
        self.provider_at_ms().unwrap_or(self.now_ms)
    }

    /// When it happened by the provider's clock, where the provider tells ([`InboundEvent::at_ms`]).
    pub(crate) fn provider_at_ms(&self) -> Option<i64> {
        (self.event.at_ms != 0).then_some(self.event.at_ms)
    }
}

fn source_of(content: &Content) -> Option<&String> {
    match content {
        Content::Media { media: Media { source, .. } } => source.as_ref(),
        _ => None,
    }
}

/// The content after an edit; `None` when nothing changed. An edit may bring a caption alone: the file stays (chatwoot#10760).
fn edited(before: &Content, after: &Content) -> Option<Content> {
    let merged = match (before, after) {
        (Content::Media { media }, Content::Text { text }) => {
            let mut media = media.clone();
            media.caption = Some(text.clone());
            Content::Media { media }
        }
        (_, after) => after.clone(),
    };
    (merged != *before).then_some(merged)
}
