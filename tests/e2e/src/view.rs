//! What an operator's window shows: a model of the console, fed by nothing but frames.

use std::collections::{BTreeMap, BTreeSet};

use domain::message::{DeliveryState, Message};
use domain::{ChatId, OfferId, QueueId};
use wire::operators::{ChatView, Event, Myself, State, Synced, Welcome};

/// A window's knowledge. Events are applied as the protocol says: the highest revision wins, so that a repeated or a late one
/// does no harm.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The answer to `hello`.
    pub welcome: Option<Welcome>,
    /// The operator.
    pub me: Option<Myself>,
    /// The chats in work.
    pub chats: BTreeMap<ChatId, ChatView>,
    /// The open offers.
    pub offers: BTreeMap<OfferId, ChatView>,
    /// The offers that are no more, and why.
    pub offers_gone: BTreeMap<OfferId, String>,
    /// The chats that are no longer the operator's, and why.
    pub chats_gone: Vec<(ChatView, String)>,
    /// The heads of the lines, with their times.
    pub lines: BTreeMap<QueueId, (i64, Vec<ChatView>)>,
    /// The messages, by chat and number.
    pub messages: BTreeMap<(ChatId, u64), Message>,
    /// Whether customers can be written to, by their names.
    pub reachable: BTreeMap<String, bool>,
    /// Every event as it came.
    pub log: Vec<Event>,
    revisions: BTreeMap<ChatId, u64>,
}

impl View {
    /// Applies an event.
    pub fn apply(&mut self, event: &Event) {
        self.log.push(event.clone());
        match event {
            Event::Operator { operator } => self.myself(operator),
            Event::Offer { chat } => self.offer(chat),
            Event::OfferGone { offer, reason } => {
                self.offers.remove(offer);
                self.offers_gone.insert(offer.clone(), reason.clone());
            }
            Event::Line { queue, chats, at_ms } => {
                if self.lines.get(queue).is_none_or(|(known, _)| known <= at_ms) {
                    self.lines.insert(queue.clone(), (*at_ms, chats.clone()));
                }
            }
            Event::Chat { chat, messages, .. } => {
                if self.is_news(chat) {
                    self.chats.insert(chat.id.clone(), chat.clone());
                }
                for message in messages {
                    self.message(message);
                }
            }
            Event::ChatGone { chat, reason } => {
                if self.is_news(chat) {
                    self.chats.remove(&chat.id);
                }
                self.chats_gone.push((chat.clone(), reason.clone()));
            }
            Event::Message { message } => self.message(message),
            Event::Contact { name, reachable, .. } => {
                self.reachable.insert(name.clone(), *reachable);
            }
        }
    }

    /// Takes over the answer to `hello`.
    pub fn welcomed(&mut self, welcome: &Welcome) {
        self.myself(&welcome.operator);
        self.welcome = Some(welcome.clone());
    }

    /// Takes over the answer to `sync`: what it does not name is dropped.
    pub fn synced(&mut self, synced: &Synced) {
        self.myself(&synced.operator);
        let chats: BTreeSet<_> = synced.chats.iter().collect();
        let offers: BTreeSet<_> = synced.offers.iter().collect();
        self.chats.retain(|id, _| chats.contains(id));
        self.offers.retain(|id, _| offers.contains(id));
    }

    /// Takes over the chat that an `accept` brought.
    pub fn accepted(&mut self, chat: &ChatView) {
        if self.is_news(chat) && chat.state == State::InWork {
            self.chats.insert(chat.id.clone(), chat.clone());
        }
    }

    fn is_news(&mut self, chat: &ChatView) -> bool {
        let known = self.revisions.entry(chat.id.clone()).or_insert(0);
        let news = chat.route_rev >= *known;
        *known = chat.route_rev.max(*known);
        news
    }

    fn myself(&mut self, operator: &Myself) {
        if self.me.as_ref().is_none_or(|known| known.rev <= operator.rev) {
            self.me = Some(operator.clone());
        }
    }

    fn offer(&mut self, chat: &ChatView) {
        if let Some(offer) = &chat.offer
            && !self.offers_gone.contains_key(&offer.id)
        {
            self.offers.insert(offer.id.clone(), chat.clone());
        }
    }

    fn message(&mut self, message: &Message) {
        let key = (message.chat.clone(), message.seq);
        if self.messages.get(&key).is_none_or(|known| known.rev <= message.rev) {
            self.messages.insert(key, message.clone());
        }
    }

    // ------------------------------------------------------------ questions

    /// The open offer of the customer of this name.
    pub fn offer_of(&self, customer: &str) -> Option<(OfferId, ChatView)> {
        let found = self.offers.iter().find(|(_, chat)| chat.customer_name == customer);
        found.map(|(id, chat)| (id.clone(), chat.clone()))
    }

    /// The chat in work with the customer of this name.
    pub fn chat_of(&self, customer: &str) -> Option<ChatView> {
        self.chats.values().find(|chat| chat.customer_name == customer).cloned()
    }

    /// The head of a queue's line, as shown last.
    pub fn line(&self, queue: &QueueId) -> &[ChatView] {
        self.lines.get(queue).map_or(&[], |(_, chats)| chats)
    }

    /// The waiting chat of the customer of this name.
    pub fn waiting(&self, queue: &QueueId, customer: &str) -> Option<ChatView> {
        self.line(queue).iter().find(|chat| chat.customer_name == customer).cloned()
    }

    /// A chat's messages, in order.
    pub fn messages_of(&self, chat: &ChatId) -> Vec<&Message> {
        self.messages.values().filter(|message| message.chat == *chat).collect()
    }

    /// The words of a chat's messages, in order; a message without words counts as an empty one.
    pub fn words_of(&self, chat: &ChatId) -> Vec<String> {
        self.messages_of(chat).iter().map(|message| message.content.words().unwrap_or_default().to_owned()).collect()
    }

    /// How a reply fares, and why.
    pub fn delivery(&self, chat: &ChatId, seq: u64) -> Option<(DeliveryState, Option<String>)> {
        let message = self.messages.get(&(chat.clone(), seq))?;
        message.delivery.as_ref().map(|delivery| (delivery.state, delivery.reason.clone()))
    }

    /// How many chats the operator has, as last told.
    pub fn load(&self) -> usize {
        self.me.as_ref().map_or(0, |me| me.load)
    }

    /// The most chats that the operator ever had, as told.
    pub fn load_max(&self) -> usize {
        let loads = self.log.iter().filter_map(|event| match event {
            Event::Operator { operator } => Some(operator.load),
            _ => None,
        });
        loads.max().unwrap_or(0)
    }
}
