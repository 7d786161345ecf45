//! What a messenger tells of messages that are there already: how replies fare, what was written from our side, reactions;
//! and of who the customer is.

use crate::chat::{Chat, ChatEvent, EventKind, Stand};
use crate::contact::Contact;
use crate::decision::{Decision, News, Write};
use crate::delivery;
use crate::ids::OperatorId;
use crate::inbound::{InboundKind, Which};
use crate::message::{Author, DeliveryState, Message};
use crate::operator::Operator;
use crate::receive::Incoming;

/// The most messages that one word of the messenger's is applied to: the newest, or those that it names.
pub const TOLD_OF_MAX: u32 = 50;

/// Who is to hear what the messenger tells of a message by itself: of what the customer said whoever has the chat now, of a
/// reply whoever hears how it fares (I8).
pub fn listener<'a>(chat: &'a Chat, message: &'a Message) -> Option<&'a OperatorId> {
    match message.author {
        Author::Customer => chat.operator(),
        _ => delivery::listener(chat, message),
    }
}

/// Whether one of these ids of the provider's is this message's.
pub fn is_named(message: &Message, ids: &[&String]) -> bool {
    message.provider_message_id.as_ref().is_some_and(|own| ids.contains(&own))
}

impl Incoming<'_> {
    /// How replies fare. `messages` are those that the event may mean, all of one chat; `listener` says who hears of one: while
    /// nobody has the chat, whoever wrote it. It can be told twice, late and in any order: a later state stands.
    pub fn fares<'o>(&self, messages: &[Message], listener: impl Fn(&Message) -> Option<&'o Operator>) -> Decision {
        let InboundKind::Delivery { which, state, reason } = &self.event.what else { return Decision::nothing() };
        let mut decision = Decision::default();
        for message in messages {
            let (is_meant, message_id) = match which {
                Which::Reply { message_id, .. } => (true, Some(message_id.as_str())),
                Which::Messages(_) => (true, None),
                Which::UpTo(watermark_ms) => (delivery::is_before(message, *watermark_ms), None),
            };
            let after = delivery::progress(message, *state, reason.as_deref(), message_id).filter(|_| is_meant);
            change(&mut decision, after, listener(message));
        }
        decision
    }

    /// Something was written to the customer from our side. `reply` is the reply of ours that it is: now it is known to have
    /// arrived, whatever its own answer said (decision 10). What others wrote joins the open chat; in standby it opens one.
    pub fn echo(
        &self,
        latest: Option<&Chat>,
        contact: Option<&Contact>,
        reply: Option<&Message>,
        listener: Option<&Operator>,
    ) -> Decision {
        let InboundKind::Echo { message_id, .. } = &self.event.what else { return Decision::nothing() };
        if let Some(reply) = reply {
            let mut decision = Decision { writes: vec![self.receipt(Some(reply))], ..Decision::default() };
            let after = delivery::progress(reply, DeliveryState::Sent, None, Some(message_id));
            let after = after.map(|after| Message { provider_at_ms: self.provider_at_ms(), ..after });
            change(&mut decision, after, listener);
            return decision;
        }
        match latest.filter(|chat| !chat.is_closed()) {
            Some(open) => self.append(open, listener, self.message_in(&open.id, open.thread.next_seq)),
            None if self.event.standby => self.open(latest, contact, &self.message_in(&self.next_chat(latest), 1)),
            // Somebody wrote in the messenger's own inbox to a customer who asks nothing: no chat of ours.
            None => Decision { writes: vec![self.receipt(None)], ..Decision::default() },
        }
    }

    /// The customer reacted to a message, or took it back.
    pub fn reaction(&self, message: &Message, listener: Option<&Operator>) -> Decision {
        let InboundKind::Reaction { reaction, .. } = &self.event.what else { return Decision::nothing() };
        let mut decision = Decision { writes: vec![self.receipt(None)], ..Decision::default() };
        let is_news = message.reaction != *reaction;
        let after = Message { reaction: reaction.clone(), rev: message.rev + 1, ..message.clone() };
        change(&mut decision, is_news.then_some(after), listener);
        decision
    }

    /// The customer's name was asked for and learned: the contact and the open chat have it from now on.
    pub fn profile(&self, latest: Option<&Chat>, contact: Option<&Contact>, operator: Option<&Operator>) -> Decision {
        let name = &self.event.customer.name;
        let Some(contact) = contact.filter(|contact| contact.customer.is_stand_in) else { return Decision::nothing() };
        let mut known = contact.clone();
        known.customer.name.clone_from(name);
        known.customer.is_stand_in = false;
        let mut decision = Decision { writes: vec![Write::Contact(known.clone())], ..Decision::default() };
        if let Some(open) = latest.filter(|chat| !chat.is_closed()) {
            // The name is a part of what the route's revision counts: whoever moves the chat meanwhile, and would tell its
            // operator the old name, looks again.
            let named = Chat { customer_name: name.clone(), ..open.on(open.next_route()) };
            let event = ChatEvent {
                chat: open.id.clone(),
                route_rev: named.route.rev,
                at_ms: self.now_ms,
                what: EventKind::Named,
                operator: None,
                other: None,
                reason: None,
            };
            decision.writes.extend([Write::Named(named.clone()), Write::Event(event)]);
            if let Some(operator) = operator {
                decision.tell(operator, News::Contact(known));
                if let Stand::InWork { .. } = open.route.stand {
                    decision.tell(operator, News::Chat(named));
                }
            }
        }
        decision
    }
}

fn change(decision: &mut Decision, after: Option<Message>, listener: Option<&Operator>) {
    let Some(after) = after else { return };
    if let Some(listener) = listener {
        decision.tell(listener, News::Message(after.clone()));
    }
    decision.writes.push(Write::Message(after));
}
