//! How long a chat stays open, and how it ends (L2, L6, Q10).

use crate::chat::{Chat, EventKind, Route, Stand, request_key};
use crate::config::Queue;
use crate::decision::{Decision, News, Timer, Write};
use crate::handover::hand_back;
use crate::ids::{ChatId, OperatorId};
use crate::operator::Operator;
use crate::refusal::Refusal;
use crate::routing::{back_to_line, remember_decliner};

fn timeout_ms(queue: Option<&Queue>) -> Option<i64> {
    queue.and_then(|queue| queue.auto_close_min).map(|minutes| i64::from(minutes) * 60_000)
}

/// Sets the close timer of a chat that is taken now: one timer a chat, moved lazily.
pub(crate) fn arm(
    route: &mut Route,
    chat: &ChatId,
    operator: &OperatorId,
    queue: Option<&Queue>,
    now_ms: i64,
) -> Option<Timer> {
    route.close_due_at_ms = timeout_ms(queue).map(|timeout| now_ms + timeout);
    route.close_due_at_ms.map(|at_ms| Timer::CloseDue { chat: chat.clone(), operator: operator.clone(), at_ms })
}

/// A chat with a bot closes after so long without a word of either side, where its queue says nothing (L5), milliseconds.
pub const BOT_SILENCE_MS: i64 = 24 * 3_600_000;

/// After how long without a word a chat with a bot closes (L5), milliseconds: since the last of either side, or since the bot
/// took it.
pub fn bot_silence_ms(queue: Option<&Queue>) -> i64 {
    timeout_ms(queue).unwrap_or(BOT_SILENCE_MS)
}

/// What the time says of a chat that a bot has (L5). The sweep alone looks: nobody waits for it.
fn verdict_with_bot(chat: &Chat, queue: Option<&Queue>, now_ms: i64) -> Verdict {
    let thread = &chat.thread;
    let last = thread.last_in_at_ms.max(thread.last_out_at_ms).unwrap_or(chat.opened_at_ms);
    let due = last.max(chat.route.taken_at_ms.unwrap_or(0)) + bot_silence_ms(queue);
    if now_ms >= due {
        Verdict::Close
    } else if chat.route.close_due_at_ms.is_some_and(|at| at > now_ms && at <= due) {
        Verdict::Leave
    } else {
        Verdict::LookAgain(Some(due))
    }
}

/// What the time says of a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Its timer is right as it is.
    Leave,
    /// Look again then; never, if none.
    LookAgain(Option<i64>),
    /// It is time.
    Close,
}

fn verdict(chat: &Chat, queue: Option<&Queue>, now_ms: i64) -> Verdict {
    if chat.route.stand == Stand::WithBot {
        return verdict_with_bot(chat, queue, now_ms);
    }
    let armed = chat.route.close_due_at_ms;
    let Some(timeout) = timeout_ms(queue) else {
        return if armed.is_some() { Verdict::LookAgain(None) } else { Verdict::Leave };
    };
    let thread = &chat.thread;
    let spared = queue.is_some_and(|queue| queue.spare_unanswered) && thread.last_in_at_ms > thread.last_out_at_ms;
    // Without an outgoing message there is nothing to count from (L2): the first one will be found in time, since it is never
    // more than one timeout until the next look.
    let due = match thread.last_out_at_ms {
        Some(last_out) if !spared => last_out.max(chat.route.taken_at_ms.unwrap_or(0)) + timeout,
        _ => now_ms + timeout,
    };
    if now_ms >= due {
        Verdict::Close
    } else if armed.is_some_and(|at| at > now_ms && at <= due) {
        Verdict::Leave
    } else {
        Verdict::LookAgain(Some(due))
    }
}

/// Whether the chat's operator, and the target of an open transfer, are needed to decide [`close_by_time`].
pub fn is_time_to_close(chat: &Chat, queue: Option<&Queue>, now_ms: i64) -> bool {
    let closes = chat.operator().is_some() || chat.route.stand == Stand::WithBot;
    closes && verdict(chat, queue, now_ms) == Verdict::Close
}

/// What a close timer does when it fires: closes, sets itself anew, or nothing.
pub fn close_by_time(
    chat: &Chat,
    operator: Option<&Operator>,
    target: Option<&Operator>,
    queue: Option<&Queue>,
    now_ms: i64,
) -> Decision {
    let with = chat.operator();
    if with.is_none() && chat.route.stand != Stand::WithBot {
        return Decision::nothing();
    }
    match verdict(chat, queue, now_ms) {
        Verdict::Leave => Decision::nothing(),
        Verdict::LookAgain(at) => {
            let mut route = chat.next_route();
            route.close_due_at_ms = at;
            let mut decision = chat.move_to(route, EventKind::Rearmed, None, now_ms);
            decision.timers.extend(at.zip(with).map(|(at_ms, with)| Timer::CloseDue {
                chat: chat.id.clone(),
                operator: with.clone(),
                at_ms,
            }));
            decision
        }
        Verdict::Close if with.is_none() => end_with_bot(chat, now_ms),
        Verdict::Close => match operator {
            Some(operator) => end(chat, operator, target, None, None, now_ms),
            None => Decision::nothing(),
        },
    }
}

/// An operator closes a chat of theirs (L6). Nothing to do = they had closed it already.
pub fn close_by_hand(
    chat: &Chat,
    operator: &Operator,
    target: Option<&Operator>,
    request: &str,
    now_ms: i64,
) -> Result<Decision, Refusal> {
    match &chat.route.stand {
        Stand::InWork { operator: with, .. } if *with == operator.id => {
            Ok(end(chat, operator, target, Some(operator), Some(request), now_ms))
        }
        Stand::Closed { by: Some(by), .. } if *by == operator.id => Ok(Decision::nothing()),
        Stand::Closed { operator: Some(last), .. } if *last == operator.id => Err(Refusal::ChatClosed),
        _ => Err(Refusal::NotYourChat),
    }
}

fn end(
    chat: &Chat,
    operator: &Operator,
    target: Option<&Operator>,
    by: Option<&Operator>,
    request: Option<&str>,
    now_ms: i64,
) -> Decision {
    let mut route = chat.next_route();
    route.stand = Stand::Closed { at_ms: now_ms, by: by.map(|by| by.id.clone()), operator: Some(operator.id.clone()) };
    route.close_due_at_ms = None;
    if let Some(request) = request {
        route.remember(&request_key(&operator.id, request));
    }
    let what = if by.is_some() { EventKind::Closed } else { EventKind::AutoClosed };
    let mut decision = leave(chat, operator, target, route, what, "closed", now_ms);
    if by.is_none() {
        only_if_quiet(&mut decision);
    }
    hand_back(chat, &mut decision, now_ms);
    decision
}

fn only_if_quiet(decision: &mut Decision) {
    for write in &mut decision.writes {
        if let Write::Route { if_quiet, .. } = write {
            *if_quiet = true;
        }
    }
}

/// A chat that nobody here ever had closes with an empty Operator field (L5); the bot keeps the conversation.
fn end_with_bot(chat: &Chat, now_ms: i64) -> Decision {
    let mut route = chat.next_route();
    route.stand = Stand::Closed { at_ms: now_ms, by: None, operator: None };
    route.close_due_at_ms = None;
    let mut decision = chat.move_to(route, EventKind::AutoClosed, None, now_ms);
    only_if_quiet(&mut decision);
    decision
}

/// Returns the chat of an operator who has been away for too long to the line (Q10).
pub fn return_to_line(chat: &Chat, operator: &Operator, target: Option<&Operator>, now_ms: i64) -> Decision {
    if chat.operator() != Some(&operator.id) {
        return Decision::nothing();
    }
    let mut route = chat.next_route();
    back_to_line(&mut route);
    route.decliners.clear();
    let wake = Chat::wake(&route, &chat.id, 0);
    let mut decision = leave(chat, operator, target, route, EventKind::Returned, "returned", now_ms);
    decision.wakes.push(wake);
    decision
}

/// The longest until the absence of an operator with chats in work is looked at again, milliseconds: a queue's patience may
/// be set meanwhile.
pub const ABSENCE_LOOK_MS_MAX: i64 = 10 * 60_000;

/// When to look again at the absence of an operator whose chats are in these queues, milliseconds since 1970.
pub fn look_again_at_ms<'a>(
    queues: impl IntoIterator<Item = Option<&'a Queue>>,
    operator: &Operator,
    now_ms: i64,
) -> i64 {
    let since = operator.absent_since_ms.unwrap_or(now_ms);
    let returns = queues
        .into_iter()
        .filter_map(|queue| queue?.absence_return_min)
        .map(|minutes| since + i64::from(minutes) * 60_000);
    returns.filter(|at| *at > now_ms).min().unwrap_or(i64::MAX).min(now_ms + ABSENCE_LOOK_MS_MAX)
}

/// Whether the absence of its operator has lasted long enough for the chat to return to the line (Q10); a chat whose
/// operator's account was switched off returns at once.
pub fn is_time_to_return(queue: Option<&Queue>, operator: &Operator, now_ms: i64) -> bool {
    if operator.disabled {
        return true;
    }
    let minutes = queue.and_then(|queue| queue.absence_return_min);
    match (minutes, operator.absent_since_ms) {
        (Some(minutes), Some(since)) => {
            operator.connections.is_empty() && now_ms - since >= i64::from(minutes) * 60_000
        }
        _ => false,
    }
}

/// The chat leaves its operator, and whoever it was on offer to.
pub(crate) fn leave(
    chat: &Chat,
    operator: &Operator,
    target: Option<&Operator>,
    route: Route,
    what: EventKind,
    word: &'static str,
    now_ms: i64,
) -> Decision {
    let mut decision = chat.move_to(route.clone(), what, Some(&operator.id), now_ms);
    let after = operator.without_chat(&chat.id);
    decision.change(operator, &after);
    decision.tell(&after, News::ChatGone(chat.on(route), word));
    decision.tell(&after, News::Myself);
    decision.freed.push(after);
    if let (Some(offer), Some(target)) = (chat.offer(), target) {
        let after = target.without_offer(&chat.id);
        decision.change(target, &after);
        decision.tell(&after, News::OfferGone(offer.id.clone(), "withdrawn"));
        decision.tell(&after, News::Myself);
        decision.freed.push(after);
    }
    decision
}

/// The operator gives the chat to a queue's line: whoever gave it away is asked last (Q9).
pub(crate) fn to_line_of(route: &mut Route, queue: &Queue, giver: &Operator) {
    back_to_line(route);
    route.queue = queue.id.clone();
    route.decliners.clear();
    remember_decliner(route, &giver.id);
}
