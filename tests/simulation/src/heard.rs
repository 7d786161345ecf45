//! What reaches windows and the messenger, held to the invariants: who may be told what (I8), whose yes counts (I4), which
//! reply goes first.

use domain::chat::Chat;
use domain::config::Rule;
use domain::delivery;
use domain::message::{Author, DeliveryState, Message};
use domain::{ChannelId, ChatId, OperatorId};
use serde_json::Value;
use wire::operators::{Answer, ChatView, Event, Sent, State, UploadSlot};

use crate::invariants::Invariant;
use crate::messenger::Reply;
use crate::model::Model;
use crate::services::Services;

/// How far a state is.
const fn rank(state: DeliveryState) -> u8 {
    match state {
        DeliveryState::Queued => 0,
        DeliveryState::Sending => 1,
        DeliveryState::Unknown => 2,
        DeliveryState::Sent => 3,
        DeliveryState::Delivered => 4,
        DeliveryState::Read => 5,
        DeliveryState::Failed => 6,
    }
}

impl Model {
    /// A frame reaches a window of this operator, from somebody who began at that time.
    pub(crate) fn pushed(&mut self, operator: &OperatorId, frame: &str, since_ms: i64) {
        let Ok(value) = serde_json::from_str::<Value>(frame) else {
            return self.fail(Invariant::Live, || format!("a frame is no JSON: {frame}"));
        };
        if value.get("type").and_then(Value::as_str) == Some("answer") {
            match serde_json::from_value::<Answer>(value) {
                Ok(answer) => self.answered(operator, &answer),
                Err(error) => self.fail(Invariant::Live, || format!("an answer cannot be read: {error}")),
            }
            return;
        }
        match serde_json::from_value::<Event>(value) {
            Ok(event) => {
                let may = self.may_hear(operator, &event, since_ms);
                self.require(Invariant::I8, may, || format!("{operator} is told {event:?}"));
                if let Event::Message { message } = &event {
                    self.untold.remove(&(message.chat.clone(), message.seq));
                }
            }
            Err(error) => self.fail(Invariant::Live, || format!("an event cannot be read: {error}: {frame}")),
        }
    }

    fn concerns(&self, chat: &ChatId, operator: &OperatorId, since_ms: i64) -> bool {
        self.concerned.get(&(chat.clone(), operator.clone())).is_some_and(|until| *until >= since_ms)
    }

    fn may_hear(&self, operator: &OperatorId, event: &Event, since_ms: i64) -> bool {
        match event {
            Event::Operator { operator: told } => told.id == *operator,
            Event::Offer { chat } | Event::Chat { chat, .. } | Event::ChatGone { chat, .. } => {
                self.concerns(&chat.id, operator, since_ms)
            }
            Event::OfferGone { offer, .. } => self.concerns(&offer.chat, operator, since_ms),
            Event::Message { message } => {
                let last = || self.held.range((message.chat.clone(), 0)..=(message.chat.clone(), u64::MAX)).next_back();
                self.concerns(&message.chat, operator, since_ms)
                    || matches!(&message.author, Author::Operator { id, .. } if id == operator)
                    || self.chats.get(&message.chat).is_some_and(Chat::is_closed)
                        && last().is_some_and(|(_, last)| last == operator)
            }
            Event::Contact { conversation, .. } => {
                self.concerned.keys().any(|(chat, one)| one == operator && chat.conversation == *conversation)
            }
            Event::Line { queue, chats, .. } => {
                let may_see = self.configs_since(since_ms).iter().any(|config| {
                    let queue = config.queues.get(queue).filter(|queue| queue.rule == Rule::ToAll);
                    queue.is_some_and(|queue| self.operators.get(operator).is_some_and(|one| queue.has(one)))
                });
                let changed = self.roles_changed.get(operator).is_some_and(|at| *at >= since_ms);
                let waited = |chat: &ChatView| {
                    chat.state == State::Waiting && self.waited.get(&chat.id).is_some_and(|until| *until >= since_ms)
                };
                (may_see || changed) && chats.iter().all(waited)
            }
        }
    }

    fn answered(&mut self, operator: &OperatorId, answer: &Answer) {
        let Some((who, action)) = self.asked.get(&answer.request_id).cloned() else { return };
        self.require(Invariant::I8, who == *operator, || format!("{operator} gets the answer to a request of {who}"));
        if !answer.ok {
            return;
        }
        let Some(result) = answer.result.clone() else { return };
        match action.as_str() {
            "accept" => match serde_json::from_value::<ChatView>(result) {
                Ok(chat) => {
                    let held = self.held.get(&(chat.id.clone(), chat.route_rev)) == Some(operator);
                    self.require(Invariant::I4, held, || {
                        format!(
                            "{operator} gets a yes for {} at revision {}, which is not theirs",
                            chat.id, chat.route_rev
                        )
                    });
                }
                Err(error) => self.fail(Invariant::Live, || format!("the answer to an accept cannot be read: {error}")),
            },
            "upload" => {
                let key = serde_json::from_value::<UploadSlot>(result).map(|slot| slot.key);
                let chat = key.as_ref().ok().and_then(|key| key.as_str().split('/').nth(1)?.parse().ok());
                if let (Ok(key), Some(chat)) = (key, chat) {
                    self.slots.push((operator.clone(), chat, key));
                }
            }
            "send" | "send_file" => {
                let sent = serde_json::from_value::<Sent>(result).map(|sent| sent.seqs).unwrap_or_default();
                let stored = sent.iter().all(|seq| {
                    self.messages.iter().any(|((_, at), message)| {
                        at == seq && matches!(&message.author, Author::Operator { id, .. } if id == operator)
                    })
                });
                self.require(Invariant::I6, stored && !sent.is_empty(), || {
                    format!("{operator} gets a yes for a reply that is not stored")
                });
            }
            _ => {}
        }
    }

    /// A reply goes to the messenger: those of its chat that came before have reached their end.
    pub(crate) fn handed_over(&mut self, reply: &Reply) {
        let (chat, seq) = reply.clone();
        if !self.messages.contains_key(reply) {
            return self.fail(Invariant::I6, || format!("{reply:?} was never accepted, and is sent"));
        }
        let early = self.messages.range((chat.clone(), 0)..(chat.clone(), seq)).find(|(at, message)| {
            !self.sent_again.contains(*at)
                && message.delivery.as_ref().is_some_and(|delivery| !delivery.state.is_final())
        });
        let early = early.map(|((_, seq), _)| *seq);
        let again = self.sent_again.contains(&(chat.clone(), seq));
        self.require(Invariant::I6, again || early.is_none(), || {
            format!("{reply:?} is sent before {early:?} of {chat}")
        });
    }

    /// A webhook has taken in that a reply is so far.
    pub(crate) fn told_of(&mut self, reply: &Reply, state: DeliveryState) {
        let told = self.told.entry(reply.clone()).or_insert(state);
        if rank(state) > rank(*told) {
            *told = state;
        }
    }

    /// What was told on this channel may still be queued, and be dropped (C1).
    pub(crate) fn forget_told(&mut self, channel: &ChannelId) {
        let chats = &self.chats;
        self.told.retain(|(chat, _), _| chats.get(chat).is_none_or(|chat| chat.channel != *channel));
    }

    /// A reply's state has changed: forward, or back to where it waits, if the messenger did not take it or its operator sends
    /// it again.
    pub(crate) fn fared(&mut self, services: &Services, before: &Message, after: &Message) {
        let (Some(was), Some(is)) = (&before.delivery, &after.delivery) else { return };
        let waits_again = is.state == DeliveryState::Queued
            && (was.state == DeliveryState::Sending
                || (is.attempts == 0 && matches!(was.state, DeliveryState::Failed | DeliveryState::Unknown)));
        let is_there = matches!(is.state, DeliveryState::Sent | DeliveryState::Delivered | DeliveryState::Read);
        let reply = (after.chat.clone(), after.seq);
        self.require(Invariant::I6, !is_there || services.messenger.borrow().may_have(&reply), || {
            format!("{reply:?} is {:?}, and its messenger never took it", is.state)
        });
        if is.state == DeliveryState::Failed && was.state != DeliveryState::Failed {
            self.note_failure(services, after);
        }
        let arrived = matches!(was.state, DeliveryState::Delivered | DeliveryState::Read);
        let forward = rank(is.state) >= rank(was.state) && !(arrived && is.state == DeliveryState::Failed);
        // Of a reply that was sent again one try may fail and another be taken or arrive.
        let another_try = was.state == DeliveryState::Failed
            && self.sent_again.contains(&(after.chat.clone(), after.seq))
            && before.provider_message_id != after.provider_message_id;
        self.require(Invariant::Status, forward || waits_again || another_try, || {
            format!("{} {} was {:?} and is {:?}", after.chat, after.seq, was.state, is.state)
        });
    }

    /// A reply has failed: whoever hears of it, and is there, is to be told.
    fn note_failure(&mut self, services: &Services, message: &Message) {
        let Some(chat) = self.chats.get(&message.chat) else { return };
        let Some(operator) = delivery::listener(chat, message).and_then(|who| self.operators.get(who)) else { return };
        let (windows, now_ms) = (services.windows.borrow(), services.now_ms());
        let is_there = operator
            .connections
            .keys()
            .any(|name| windows.get(name).is_some_and(|window| window.open && window.until_ms > now_ms));
        let stood = |at_ms: i64| at_ms < self.since_ms;
        let is_certain = stood(self.moved_ms(&chat.id)) && stood(self.changed.get(&operator.id).copied().unwrap_or(0));
        if is_there && is_certain {
            self.untold.insert((message.chat.clone(), message.seq), (operator.id.clone(), self.since_ms));
        }
    }

    /// Whether a reply is at least where its messenger said that it is.
    pub(crate) fn is_as_told(&self, reply: &Reply, state: DeliveryState) -> bool {
        // Of one that was sent again, words of its first try count for little.
        self.sent_again.contains(reply) || self.told.get(reply).is_none_or(|told| rank(state) >= rank(*told))
    }
}
