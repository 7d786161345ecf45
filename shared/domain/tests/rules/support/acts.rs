//! What people, timers and messengers do in a [`World`]: `decide_*` only decides, so that two can decide at once; the other
//! methods also commit.

use domain::chat::Chat;
use domain::config::{Queue, Rule};
use domain::content::Content;
use domain::decision::{Decision, Write};
use domain::inbound::{Customer, InboundEvent, InboundKind};
use domain::message::Message;
use domain::operator::{Operator, Status};
use domain::receive::{Incoming, message_key};
use domain::reply::{self, Replied};
use domain::routing::{self, Accept, Pass};
use domain::{ChannelId, ChatId, ConversationId, OfferId, OperatorId, Provider, QueueId, Refusal, stay, transfer};

use super::{SUPPORT, World, id, queue};

/// An event of a customer, told by the messenger at `at_ms`.
pub(crate) fn event(event_id: &str, at_ms: i64, what: InboundKind) -> InboundEvent {
    let customer = Customer {
        address: "42".to_owned(),
        name: "Customer".to_owned(),
        is_stand_in: false,
        username: None,
        language: None,
    };
    InboundEvent { event_id: event_id.to_owned(), customer, at_ms, standby: false, what }
}

/// Where an event came in: what an [`Incoming`] borrows.
pub(crate) struct Happening {
    conversation: ConversationId,
    channel: ChannelId,
    queue: Queue,
    pub(crate) provider: Provider,
    pub(crate) event: InboundEvent,
    pub(crate) now_ms: i64,
}

/// An event of this conversation, taken in at `now_ms`, in the channel `bot` of the queue [`SUPPORT`].
pub(crate) fn incoming(conversation: &str, event: InboundEvent, now_ms: i64) -> Happening {
    Happening {
        conversation: id(conversation),
        channel: id("bot"),
        queue: queue(SUPPORT, Rule::ToAll),
        provider: Provider::Telegram,
        event,
        now_ms,
    }
}

impl Happening {
    pub(crate) fn incoming(&self) -> Incoming<'_> {
        Incoming {
            conversation: &self.conversation,
            channel: &self.channel,
            provider: self.provider,
            queue: &self.queue,
            event: &self.event,
            now_ms: self.now_ms,
        }
    }
}

impl World {
    fn latest(&self, conversation: &ConversationId) -> Option<&Chat> {
        self.chats.values().filter(|chat| chat.id.conversation == *conversation).max_by_key(|chat| chat.id.n)
    }

    fn party(&self, operator: Option<&OperatorId>) -> Option<&Operator> {
        operator.map(|operator| &self.operators[operator])
    }

    fn source(&self, chat: &Chat) -> Option<&Operator> {
        self.party(chat.operator())
    }

    fn target(&self, chat: &Chat) -> Option<&Operator> {
        self.party(chat.offer().map(|offer| &offer.operator))
    }

    /// An event of a customer, decided as the function `inbound` does: an edit looks for its original by the message's key.
    pub(crate) fn decide_event(&self, conversation: &str, event: InboundEvent) -> Decision {
        let happening = Happening { provider: self.provider, ..incoming(conversation, event, self.now_ms) };
        let incoming = happening.incoming();
        let latest = self.latest(&happening.conversation);
        let contact = self.contacts.get(&happening.conversation);
        let operator = latest.and_then(|chat| self.source(chat));
        match &happening.event.what {
            InboundKind::Message { .. } => incoming.message(latest, contact, operator),
            InboundKind::Edited { message_id, .. } => {
                let key = (happening.conversation.clone(), message_key(message_id));
                match self.receipts.get(&key).cloned().flatten() {
                    Some(place) => incoming.edit(&self.messages[&place], operator),
                    None => incoming.message(latest, contact, operator),
                }
            }
            InboundKind::Blocked => incoming.reachability(false, latest, contact, operator),
            InboundKind::Unblocked => incoming.reachability(true, latest, contact, operator),
            InboundKind::Profile => incoming.profile(latest, contact, operator),
            InboundKind::Control { .. } => incoming.control(latest, contact, operator),
            InboundKind::ControlRequested { .. } => incoming.control_requested(latest, operator),
            InboundKind::Echo { reply, .. } => {
                let reply = reply.as_ref().map(|reply| &self.messages[&(reply.chat.clone(), reply.seq)]);
                incoming.echo(latest, contact, reply, operator)
            }
            InboundKind::Delivery { .. } => {
                let of_latest = |message: &&Message| latest.is_some_and(|chat| chat.id == message.chat);
                let messages: Vec<Message> = self.messages.values().filter(of_latest).cloned().collect();
                incoming.fares(&messages, |_| operator)
            }
            InboundKind::Reaction { message_id, .. } => {
                let key = (happening.conversation.clone(), message_key(message_id));
                let place = self.receipts.get(&key).cloned().flatten();
                place.map_or_else(Decision::nothing, |place| incoming.reaction(&self.messages[&place], operator))
            }
        }
    }

    /// A new message of a customer.
    pub(crate) fn decide_message(&self, conversation: &str) -> Decision {
        let number = self.receipts.len();
        let what = InboundKind::Message {
            message_id: format!("m{number}"),
            content: Content::text("hello"),
            reply_to: None,
            quote: None,
            forwarded_from: None,
        };
        self.decide_event(conversation, event(&format!("u{number}"), self.now_ms, what))
    }

    /// A customer writes.
    pub(crate) fn writes(&mut self, conversation: &str) -> Decision {
        let decision = self.decide_message(conversation);
        self.commit(&decision);
        decision
    }

    /// A pass over a queue: everything that it decides, in order.
    pub(crate) fn decide_pass(&self, queue: &str) -> Vec<Decision> {
        let queue = &self.config.queues[&id::<QueueId>(queue)];
        let mut pass = Pass::new(queue, &self.config, self.operators.values().cloned(), self.now_ms);
        let decisions = self.line(&queue.id).iter().map(|chat| pass.next(chat)).collect::<Vec<_>>();
        decisions.into_iter().filter(|decision| !decision.is_nothing()).collect()
    }

    /// A pass over a queue, committed.
    pub(crate) fn pass(&mut self, queue: &str) -> Vec<Decision> {
        let decisions = self.decide_pass(queue);
        for decision in &decisions {
            self.commit(decision);
        }
        decisions
    }

    /// An accept of a chat under this offer, or picked from the line.
    pub(crate) fn decide_accept(&self, who: &str, chat: &str, offer: Option<&OfferId>) -> Result<Decision, Refusal> {
        let (chat, operator) = (self.chat(chat), self.operator(who));
        let source = self.source(chat).filter(|source| source.id != operator.id);
        Accept { chat, operator, source, offer, config: &self.config, now_ms: self.now_ms }.decide()
    }

    /// An accept of whatever offer of the chat is open, or picked from the line.
    pub(crate) fn accept(&mut self, who: &str, chat: &str) -> Result<Decision, Refusal> {
        let decision = self.decide_accept(who, chat, self.offer(chat).as_ref())?;
        self.commit(&decision);
        Ok(decision)
    }

    pub(crate) fn decide_decline(&self, who: &str, offer: &OfferId, request: &str) -> Result<Decision, Refusal> {
        let (chat, operator) = (&self.chats[&offer.chat], self.operator(who));
        let source = self.source(chat);
        routing::decline(chat, operator, source, offer, request, self.now_ms)
    }

    /// Declines whatever offer of the chat is open.
    pub(crate) fn decline(&mut self, who: &str, chat: &str) -> Result<Decision, Refusal> {
        let offer = self.offer(chat).ok_or(Refusal::OfferGone)?;
        let request = format!("decline-{offer}");
        let decision = self.decide_decline(who, &offer, &request)?;
        self.commit(&decision);
        Ok(decision)
    }

    /// The accept timer of an offer fires, or a hint about it arrives: nothing, unless it is open and over.
    pub(crate) fn decide_expire(&self, offer: &OfferId) -> Decision {
        let chat = &self.chats[&offer.chat];
        match self.target(chat) {
            Some(target) => routing::expire(chat, target, self.source(chat), offer, self.now_ms),
            None => Decision::nothing(),
        }
    }

    /// The timer of whatever offer of the chat is open fires.
    pub(crate) fn expire(&mut self, chat: &str) -> Decision {
        let decision = self.offer(chat).map_or_else(Decision::nothing, |offer| self.decide_expire(&offer));
        self.commit(&decision);
        decision
    }

    /// Takes back the offers of somebody who has to give them up, one decision each (Q10).
    pub(crate) fn decide_withdrawals(&self, who: &str) -> Vec<Decision> {
        let operator = self.operator(who);
        if !operator.must_give_up_offers(self.now_ms) {
            return Vec::new();
        }
        let mut operator = operator.clone();
        let mut decisions = Vec::new();
        for chat in operator.offers.clone() {
            let chat = &self.chats[&chat];
            let decision = routing::withdraw(chat, &operator, self.source(chat), self.now_ms);
            if let Some(after) = super::operator_of(&decision, who) {
                operator = after.clone();
            }
            decisions.push(decision);
        }
        decisions
    }

    pub(crate) fn withdraw(&mut self, who: &str) -> Vec<Decision> {
        let decisions = self.decide_withdrawals(who);
        for decision in &decisions {
            self.commit(decision);
        }
        decisions
    }

    /// Offers the chat of somebody to a colleague; the request's id is the world's time.
    pub(crate) fn decide_transfer(&self, who: &str, chat: &str, target: &str) -> Result<Decision, Refusal> {
        let (chat, source, target) = (self.chat(chat), self.operator(who), self.operator(target));
        let request = format!("transfer-{}-{}", chat.route.rev, self.now_ms);
        transfer::to_operator(chat, source, target, &self.config, &request, self.now_ms)
    }

    pub(crate) fn transfer(&mut self, who: &str, chat: &str, target: &str) -> Result<Decision, Refusal> {
        let decision = self.decide_transfer(who, chat, target)?;
        self.commit(&decision);
        Ok(decision)
    }

    /// Puts the chat of somebody into a queue's line.
    pub(crate) fn decide_requeue(&self, who: &str, chat: &str, queue: &str) -> Result<Decision, Refusal> {
        let (chat, source) = (self.chat(chat), self.operator(who));
        let target = self.target(chat).filter(|_| chat.operator() == Some(&source.id));
        let queue = &self.config.queues[&id::<QueueId>(queue)];
        let request = format!("requeue-{}-{}", chat.route.rev, self.now_ms);
        transfer::to_queue(chat, source, target, queue, &request, self.now_ms)
    }

    pub(crate) fn requeue(&mut self, who: &str, chat: &str, queue: &str) -> Result<Decision, Refusal> {
        let decision = self.decide_requeue(who, chat, queue)?;
        self.commit(&decision);
        Ok(decision)
    }

    pub(crate) fn decide_close(&self, who: &str, chat: &str) -> Result<Decision, Refusal> {
        let (chat, operator) = (self.chat(chat), self.operator(who));
        let target = self.target(chat).filter(|_| chat.operator() == Some(&operator.id));
        stay::close_by_hand(chat, operator, target, &format!("close-{}", chat.id), self.now_ms)
    }

    pub(crate) fn close(&mut self, who: &str, chat: &str) -> Result<Decision, Refusal> {
        let decision = self.decide_close(who, chat)?;
        self.commit(&decision);
        Ok(decision)
    }

    /// The close timer of a chat fires, or a hint about it arrives.
    pub(crate) fn decide_look(&self, chat: &ChatId) -> Decision {
        let chat = &self.chats[chat];
        let queue = self.config.queues.get(&chat.route.queue);
        stay::close_by_time(chat, self.source(chat), self.target(chat), queue, self.now_ms)
    }

    pub(crate) fn look(&mut self, chat: &str) -> Decision {
        let decision = self.decide_look(&id(chat));
        self.commit(&decision);
        decision
    }

    /// Returns the chats of somebody who is away too long, one decision each (Q10).
    pub(crate) fn decide_returns(&self, who: &str) -> Vec<Decision> {
        let mut operator = self.operator(who).clone();
        let mut decisions = Vec::new();
        for chat in operator.chats.clone() {
            let chat = &self.chats[&chat];
            if stay::is_time_to_return(self.config.queues.get(&chat.route.queue), &operator, self.now_ms) {
                let decision = stay::return_to_line(chat, &operator, self.target(chat), self.now_ms);
                operator = super::operator_of(&decision, who).expect("the chat leaves its operator").clone();
                decisions.push(decision);
            }
        }
        decisions
    }

    pub(crate) fn return_chats(&mut self, who: &str) -> Vec<Decision> {
        let decisions = self.decide_returns(who);
        for decision in &decisions {
            self.commit(decision);
        }
        decisions
    }

    /// Somebody writes to the customer, in so many parts.
    pub(crate) fn decide_reply(&self, who: &str, chat: &str, parts: usize) -> Result<Replied, Refusal> {
        let (chat, operator) = (self.chat(chat), self.operator(who));
        let parts: Vec<String> = (1..=parts).map(|part| format!("part {part}")).collect();
        let request = format!("reply-{}", chat.thread.next_seq);
        reply::reply(chat, operator, true, &parts, &request, self.now_ms)
    }

    pub(crate) fn reply(&mut self, who: &str, chat: &str) -> Result<Replied, Refusal> {
        let replied = self.decide_reply(who, chat, 1)?;
        self.commit(&replied.decision);
        Ok(replied)
    }

    /// The operator changes in another way than by a chat.
    pub(crate) fn change(&mut self, who: &str, change: impl FnOnce(&Operator) -> Option<Operator>) {
        let before = self.operator(who).clone();
        if let Some(after) = change(&before) {
            let writes = vec![Write::Operator { before: Some(before), after }];
            self.commit(&Decision { writes, ..Decision::default() });
        }
    }

    pub(crate) fn set_status(&mut self, who: &str, status: Status) {
        self.change(who, |operator| operator.with_status(status));
    }

    /// The first connection comes or goes.
    pub(crate) fn connect(&mut self, who: &str) {
        let now_ms = self.now_ms;
        self.change(who, |operator| operator.with_connection(&format!("{who}-1"), i64::MAX, now_ms).ok());
    }

    pub(crate) fn disconnect(&mut self, who: &str) {
        let now_ms = self.now_ms;
        self.change(who, |operator| operator.without_connection(&format!("{who}-1"), now_ms));
    }
}
