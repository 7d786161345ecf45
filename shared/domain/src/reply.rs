//! What an operator writes (L2, L6, L7, I6).

use crate::chat::{Chat, Control, REQUESTS_MAX, Stand, Thread, request_key};
use crate::config::{Configuration, Rule};
use crate::content::Content;
use crate::decision::{Decision, News, SendHint, Write};
use crate::file::File;
use crate::ids::OperatorId;
use crate::message::{Author, Delivery, DeliveryState, Message};
use crate::operator::Operator;
use crate::refusal::Refusal;
use crate::window;

/// The most parts that one reply is split into.
pub const PARTS_MAX: usize = 16;

/// A reply that was accepted, now or by an earlier sending of the same request.
#[derive(Clone, Debug, PartialEq)]
pub struct Replied {
    /// The numbers of its messages, in order.
    pub seqs: Vec<u64>,
    /// What is to be done; nothing, if it had been accepted before.
    pub decision: Decision,
}

/// One message of a reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it says.
    pub content: Content,
    /// Its file, stored.
    pub file: Option<File>,
}

impl From<String> for Part {
    fn from(text: String) -> Self {
        Self { content: Content::text(text), file: None }
    }
}

/// The numbers of the messages that this request became, if it was accepted before.
pub fn accepted_before(chat: &Chat, operator: &OperatorId, request: &str) -> Option<Vec<u64>> {
    let request = request_key(operator, request);
    chat.thread.requests.iter().find(|(known, _)| *known == request).map(|(_, seqs)| seqs.clone())
}

/// Whether this operator may speak in this chat.
pub fn may_speak(chat: &Chat, operator: &OperatorId) -> Result<(), Refusal> {
    match &chat.route.stand {
        Stand::InWork { operator: with, .. } if with == operator => Ok(()),
        // To whom it never belonged, a closed chat is not known.
        Stand::Closed { operator: last, by, .. }
            if last.as_ref() == Some(operator) || by.as_ref() == Some(operator) =>
        {
            Err(Refusal::ChatClosed)
        }
        _ => Err(Refusal::NotYourChat),
    }
}

/// Whether this operator may read this chat (I8): theirs, theirs until it closed, on offer to them, or waiting in a *to all*
/// line that they serve.
pub fn may_read(chat: &Chat, operator: &Operator, config: &Configuration) -> Result<(), Refusal> {
    let queue = config.queues.get(&chat.route.queue);
    let allowed = match &chat.route.stand {
        Stand::InWork { operator: with, .. } if *with == operator.id => true,
        Stand::Closed { operator: last, .. } => last.as_ref() == Some(&operator.id),
        Stand::Waiting => queue.is_some_and(|queue| queue.rule == Rule::ToAll && queue.has(operator)),
        _ => chat.offer().is_some_and(|offer| offer.operator == operator.id),
    };
    // Whoever may not read it does not learn that it exists.
    if allowed { Ok(()) } else { Err(Refusal::ChatNotFound) }
}

/// Whether anything can go to the customer of this chat now (C1, C5-C7).
pub fn may_send(chat: &Chat, channel_serves: bool, now_ms: i64) -> Result<(), Refusal> {
    if !channel_serves {
        return Err(Refusal::ChannelInactive);
    }
    if matches!(chat.route.control, Some(Control::Others { .. })) {
        return Err(Refusal::OwnedByOther);
    }
    if window::is_closed(chat, now_ms) { Err(Refusal::WindowClosed) } else { Ok(()) }
}

/// A reply, split into the parts that the messenger takes.
pub fn reply<P: Clone + Into<Part>>(
    chat: &Chat,
    operator: &Operator,
    channel_serves: bool,
    parts: &[P],
    request: &str,
    now_ms: i64,
) -> Result<Replied, Refusal> {
    if let Some(seqs) = accepted_before(chat, &operator.id, request) {
        return Ok(Replied { seqs, decision: Decision::nothing() });
    }
    let request = request_key(&operator.id, request);
    may_speak(chat, &operator.id)?;
    may_send(chat, channel_serves, now_ms)?;
    if parts.is_empty() {
        return Err(Refusal::TextEmpty);
    }
    if parts.len() > PARTS_MAX {
        return Err(Refusal::TextTooLong);
    }
    let mut thread = chat.thread.clone();
    let mut decision = Decision::default();
    let mut seqs = Vec::new();
    for part in parts {
        let Part { content, file } = part.clone().into();
        let author = Author::Operator { id: operator.id.clone(), name: operator.name.clone() };
        let mut message = Message::new(chat.id.clone(), thread.next_seq, now_ms, author, content);
        message.file = file;
        message.delivery = Some(queued(now_ms));
        message.previous_out = thread.last_out_seq;
        thread.last_out_seq = Some(message.seq);
        thread.next_seq += 1;
        seqs.push(message.seq);
        decision.sends.extend(SendHint::of(chat, &message));
        decision.tell(operator, News::Message(message.clone()));
        decision.writes.push(Write::NewMessage(message));
    }
    thread.rev += 1;
    thread.last_out_at_ms = Some(now_ms);
    thread.read_seq = thread.next_seq - 1;
    thread.requests.push((request, seqs.clone()));
    if thread.requests.len() > REQUESTS_MAX {
        thread.requests.remove(0);
    }
    let from_seq = chat.thread.next_seq;
    decision
        .writes
        .insert(0, Write::Thread { chat: chat.id.clone(), from_seq, thread, speaker: Some(operator.id.clone()) });
    Ok(Replied { seqs, decision })
}

/// An operator sends again what failed, or what may not have arrived (decision 10).
pub fn resend(
    chat: &Chat,
    message: &Message,
    operator: &Operator,
    channel_serves: bool,
    now_ms: i64,
) -> Result<Decision, Refusal> {
    may_speak(chat, &operator.id)?;
    may_send(chat, channel_serves, now_ms)?;
    let resendable = message
        .delivery
        .as_ref()
        .is_some_and(|delivery| matches!(delivery.state, DeliveryState::Failed | DeliveryState::Unknown));
    if !resendable {
        return Err(Refusal::NotResendable);
    }
    let mut message = message.clone();
    message.rev += 1;
    message.delivery = Some(queued(now_ms));
    // The messenger gives each try an id of its own.
    message.provider_message_id = None;
    let mut decision = Decision::default();
    decision.sends.extend(SendHint::of(chat, &message));
    decision.tell(operator, News::Message(message.clone()));
    // It counts as a reply of now (L2), and is refused like one if the chat closes or moves on meanwhile (L6).
    let rev = chat.thread.rev + 1;
    let thread = Thread { rev, last_out_at_ms: Some(now_ms), ..chat.thread.clone() };
    let (chat, from_seq, speaker) = (chat.id.clone(), chat.thread.next_seq, Some(operator.id.clone()));
    decision.writes.push(Write::Thread { chat, from_seq, thread, speaker });
    decision.writes.push(Write::Message(message));
    Ok(decision)
}

/// The operator has seen the messages up to this one; `None` when that is no news.
pub fn read(chat: &Chat, operator: &OperatorId, seq: u64) -> Result<Decision, Refusal> {
    may_speak(chat, operator)?;
    let seq = seq.min(chat.thread.next_seq.saturating_sub(1));
    if seq <= chat.thread.read_seq {
        return Ok(Decision::nothing());
    }
    let mut thread = chat.thread.clone();
    thread.rev += 1;
    thread.read_seq = seq;
    let write = Write::Thread {
        chat: chat.id.clone(),
        from_seq: chat.thread.next_seq,
        thread,
        speaker: Some(operator.clone()),
    };
    Ok(Decision { writes: vec![write], ..Decision::default() })
}

pub(crate) fn queued(now_ms: i64) -> Delivery {
    Delivery {
        state: DeliveryState::Queued,
        queued_at_ms: now_ms,
        attempts: 0,
        lease_until_ms: None,
        handed_over_at_ms: None,
        reason: None,
    }
}
