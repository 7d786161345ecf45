//! Who has a conversation in hand: we, or an external bot or somebody in the messenger's own inbox (C6, L5).
//!
//! Messenger lets several apps take turns at one conversation. While another has it, we are told what is said (standby) and
//! what we would send is refused. What a bot handles is a chat in nobody's work and in no line; when the bot passes the
//! conversation to us, the chat goes to its queue's line; when it closes, the conversation goes back.

use crate::chat::{Chat, ChatEvent, Control, EventKind, Route, Stand};
use crate::contact::Contact;
use crate::content::Content;
use crate::decision::{Decision, News, SendHint, Wake, Write};
use crate::inbound::{Customer, Holder, InboundEvent, InboundKind};
use crate::message::{Author, Message};
use crate::operator::Operator;
use crate::receive::Incoming;
use crate::{reply, stay};

impl Incoming<'_> {
    /// Somebody else has the conversation from now on, or we have. The chat's note says so.
    pub fn control(&self, latest: Option<&Chat>, contact: Option<&Contact>, operator: Option<&Operator>) -> Decision {
        let InboundKind::Control { to } = &self.event.what else { return Decision::nothing() };
        let open = latest.filter(|chat| !chat.is_closed());
        match (to, open) {
            (Holder::Us { from }, Some(open)) => {
                let note = self.note(open, "conversation_handed_over");
                self.given_to_us(open, from.clone(), operator, note)
            }
            // The bot passes on what we never heard of (standby was off): the chat begins here.
            (Holder::Us { from }, None) => {
                let chat = self.next_chat(latest);
                let content = Content::Unsupported { what: "conversation_handed_over".to_owned() };
                let note = Message::new(chat, 1, self.now_ms, Author::System, content);
                let mut decision = self.open(latest, contact, &note);
                for write in &mut decision.writes {
                    if let Write::OpenChat(chat) = write {
                        chat.route.control = Some(Control::Ours { from: from.clone() });
                    }
                }
                decision
            }
            // Known already, and by whom it was taken perhaps better than this tells.
            (Holder::Other { app: None }, Some(open)) if matches!(open.route.control, Some(Control::Others { .. })) => {
                Decision { writes: vec![self.receipt(None)], ..Decision::default() }
            }
            (Holder::Other { app }, Some(open)) => {
                let note = self.note(open, "conversation_taken");
                let control = Control::Others { app: app.clone() };
                if open.route.stand == Stand::Waiting {
                    self.give_to_bot(open, control, note)
                } else {
                    self.pass_on(open, control, operator, note)
                }
            }
            (Holder::Other { .. }, None) => Decision { writes: vec![self.receipt(None)], ..Decision::default() },
        }
    }

    /// Another app asks for the conversation: whoever has the chat in work sees it, and closes when they are done.
    pub fn control_requested(&self, latest: Option<&Chat>, operator: Option<&Operator>) -> Decision {
        match latest.filter(|chat| !chat.is_closed()) {
            Some(open) => self.append(open, operator, self.note(open, "conversation_requested")),
            None => Decision { writes: vec![self.receipt(None)], ..Decision::default() },
        }
    }

    /// We have the conversation from now on; a message says so, or shows it.
    pub(crate) fn given_to_us(
        &self,
        open: &Chat,
        from: Option<String>,
        operator: Option<&Operator>,
        message: Message,
    ) -> Decision {
        if open.route.stand == Stand::WithBot {
            self.take_from_bot(open, from, message)
        } else {
            self.pass_on(open, Control::Ours { from }, operator, message)
        }
    }

    /// The chat goes from the bot to its queue's line, with a message that joins it.
    fn take_from_bot(&self, open: &Chat, from: Option<String>, message: Message) -> Decision {
        let mut route = open.next_route();
        route.stand = Stand::Waiting;
        route.taken_at_ms = None;
        route.close_due_at_ms = None;
        // Nobody here was waited for until now.
        route.waiting_since_ms = self.now_ms;
        route.control = Some(Control::Ours { from });
        let wake = Wake { queue: route.queue.clone(), cause: format!("{}.{}", open.id, route.rev), delay_s: 0 };
        let mut decision = self.moved(open, route, EventKind::HandedOver, None, message);
        decision.wakes.push(wake);
        decision
    }

    /// The chat leaves the line: another answers.
    fn give_to_bot(&self, open: &Chat, control: Control, note: Message) -> Decision {
        let mut route = open.next_route();
        route.stand = Stand::WithBot;
        route.control = Some(control);
        route.not_before_ms = None;
        // The silence that counts begins now: the bot has had no time yet to say anything.
        route.taken_at_ms = Some(self.now_ms);
        // Of another queue than the channel's the timeout is not known here: the sweep looks at once, and sets it.
        let is_known = route.queue == self.queue.id;
        let silence_ms = if is_known { stay::bot_silence_ms(Some(self.queue)) } else { 0 };
        route.close_due_at_ms = Some(self.now_ms + silence_ms);
        self.moved(open, route, EventKind::TakenByOther, None, note)
    }

    /// The chat stays where it is, and who has the conversation changes.
    fn pass_on(&self, open: &Chat, control: Control, operator: Option<&Operator>, note: Message) -> Decision {
        let what = match control {
            Control::Ours { .. } => EventKind::HandedOver,
            Control::Others { .. } => EventKind::TakenByOther,
        };
        let route = Route { control: Some(control), ..open.next_route() };
        self.moved(open, route, what, operator, note)
    }

    /// Both halves of the chat move at once: its route, and its thread by a message.
    fn moved(
        &self,
        open: &Chat,
        route: Route,
        what: EventKind,
        operator: Option<&Operator>,
        message: Message,
    ) -> Decision {
        let route_rev = route.rev;
        let after = Chat { thread: self.thread_after(open, &message), ..open.on(route) };
        let both = Write::Chat { before: open.clone(), after: after.clone() };
        let mut decision = self.joined(vec![both], operator, message);
        decision.writes.push(Write::Event(ChatEvent {
            chat: open.id.clone(),
            route_rev,
            at_ms: self.now_ms,
            what,
            operator: None,
            other: None,
            reason: None,
        }));
        if let Some(operator) = operator {
            decision.tell(operator, News::Chat(after));
        }
        decision
    }

    fn note(&self, open: &Chat, what: &str) -> Message {
        let content = Content::Unsupported { what: what.to_owned() };
        Message::new(open.id.clone(), open.thread.next_seq, self.now_ms, Author::System, content)
    }
}

/// What a refused message says, as if the messenger had told it by itself: another app has the conversation (C6). `None` of a
/// hand-back, which nobody waits for.
pub fn refused(message: &Message, customer: &Customer) -> Option<InboundEvent> {
    let Author::Operator { .. } = message.author else { return None };
    let handed_over_at_ms = message.delivery.as_ref().and_then(|delivery| delivery.handed_over_at_ms)?;
    Some(InboundEvent {
        event_id: format!("lost.{}.{handed_over_at_ms}", message.chat),
        customer: customer.clone(),
        at_ms: 0,
        standby: false,
        what: InboundKind::Control { to: Holder::Other { app: None } },
    })
}

/// A conversation that was given to us stays ours for so long without a word, milliseconds (Meta, "Conversation routing").
const LAPSES_MS: i64 = 24 * 3_600_000;

/// What a closed chat leaves to the next one of its conversation, which the customer's word to us opens: while that has not been
/// handed back, or else the word would have come in standby, it is ours to hand back at the next close.
pub(crate) fn still_ours(closed: &Chat, now_ms: i64) -> Option<Control> {
    match (&closed.route.control, &closed.route.stand) {
        (ours @ Some(Control::Ours { .. }), Stand::Closed { at_ms, .. }) if now_ms - at_ms < LAPSES_MS => ours.clone(),
        _ => None,
    }
}

/// Whether a hand-back of this chat is out of date, for the conversation has another chat by now: that one hands back, or its bot
/// has it. Given away now, the conversation would be lost to whoever answers in the next chat.
pub fn is_superseded(chat: &Chat, latest: &Chat) -> bool {
    latest.id.n > chat.id.n
}

/// What a close adds where the conversation was given to us: it goes back, after the last reply, and like a reply it is sent
/// once and not forgotten.
pub(crate) fn hand_back(chat: &Chat, decision: &mut Decision, now_ms: i64) {
    let Some(Control::Ours { from }) = &chat.route.control else { return };
    let content = Content::HandBack { to: from.clone() };
    let mut message = Message::new(chat.id.clone(), chat.thread.next_seq, now_ms, Author::System, content);
    message.delivery = Some(reply::queued(now_ms));
    message.previous_out = chat.thread.last_out_seq;
    decision.sends.extend(SendHint::of(chat, &message));
    for write in &mut decision.writes {
        if let Write::Route { route, .. } = write {
            let mut after = chat.on(route.clone());
            after.thread.rev += 1;
            after.thread.next_seq += 1;
            after.thread.last_out_seq = Some(message.seq);
            *write = Write::Chat { before: chat.clone(), after };
        }
    }
    decision.writes.push(Write::NewMessage(message));
}
