//! Giving a chat to a colleague or to another queue (Q9).

use crate::chat::{Chat, EventKind, Offer, Stand, request_key};
use crate::config::{Configuration, Queue};
use crate::decision::{Decision, News, Timer};
use crate::ids::OfferId;
use crate::operator::Operator;
use crate::refusal::Refusal;
use crate::reply::may_speak;
use crate::stay;

/// Offers the chat to a colleague: it stays with its operator until they accept. Nothing to do = this request was carried out before.
pub fn to_operator(
    chat: &Chat,
    source: &Operator,
    target: &Operator,
    config: &Configuration,
    request: &str,
    now_ms: i64,
) -> Result<Decision, Refusal> {
    let request = request_key(&source.id, request);
    if chat.route.remembers(&request) {
        return Ok(Decision::nothing());
    }
    may_speak(chat, &source.id)?;
    if chat.offer().is_some() {
        return Err(Refusal::TransferPending);
    }
    if source.id == target.id {
        return Err(Refusal::TransferToSelf);
    }
    if !target.is_available() {
        return Err(Refusal::TargetUnavailable);
    }
    if target.load() >= config.limit(target, config.queues.get(&chat.route.queue)) {
        return Err(Refusal::TargetAtLimit);
    }
    let mut route = chat.next_route();
    route.remember(&request);
    let id = OfferId { chat: chat.id.clone(), route_rev: route.rev };
    let expires_at_ms = now_ms + config.settings.accept_timeout_ms();
    let offer = Offer { id: id.clone(), operator: target.id.clone(), expires_at_ms };
    route.stand = Stand::InWork { operator: source.id.clone(), transfer: Some(offer) };
    let offered = chat.on(route.clone());
    let after = target.with_offer(&chat.id);
    let mut decision = chat.move_to(route, EventKind::TransferOffered, Some(&source.id), now_ms);
    decision.explain(|event| event.other = Some(target.id.to_string()));
    decision.change(target, &after);
    decision.timers.push(Timer::OfferExpires { offer: id, operator: target.id.clone(), at_ms: expires_at_ms });
    decision.tell(&after, News::Offered(offered.clone()));
    decision.tell(&after, News::Myself);
    decision.tell(source, News::Chat(offered));
    Ok(decision)
}

/// Puts the chat into another queue's line, with its original age; its operator is free at once. `target` is who it was on
/// offer to. Nothing to do = this request was carried out before.
pub fn to_queue(
    chat: &Chat,
    source: &Operator,
    target: Option<&Operator>,
    queue: &Queue,
    request: &str,
    now_ms: i64,
) -> Result<Decision, Refusal> {
    let request = request_key(&source.id, request);
    if chat.route.remembers(&request) {
        return Ok(Decision::nothing());
    }
    may_speak(chat, &source.id)?;
    let mut route = chat.next_route();
    route.remember(&request);
    stay::to_line_of(&mut route, queue, source);
    let wake = Chat::wake(&route, &chat.id, 0);
    let mut decision = stay::leave(chat, source, target, route, EventKind::QueueChanged, "transferred", now_ms);
    decision.explain(|event| event.other = Some(queue.id.to_string()));
    decision.wakes.push(wake);
    Ok(decision)
}
