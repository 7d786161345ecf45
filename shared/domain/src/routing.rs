//! Who gets a chat: distribution, accept, decline, expiry, withdrawal (Q3-Q8, Q10, Q11).

use std::collections::BTreeMap;

use crate::chat::{Chat, DECLINERS_MAX, EventKind, Offer, REST_AFTER_DECLINES_MS, Reason, Route, Stand, request_key};
use crate::config::{Configuration, Queue, Rule};
use crate::decision::{Decision, News, Timer};
use crate::ids::{OfferId, OperatorId};
use crate::operator::{Operator, Status};
use crate::refusal::Refusal;
use crate::stay;

/// How many waiting chats a pass looks at in one page.
pub const LINE_PAGE: u32 = 25;
/// How many operators of a role a pass looks at: enough that, whoever declined, the freest one for each chat of a page is
/// among them ([`LINE_PAGE`] + [`DECLINERS_MAX`]).
pub const CANDIDATES_PAGE: u32 = 45;
/// How many candidates the stored reason names.
const REASON_CANDIDATES_MAX: usize = 3;
/// When a chat that rests is looked at again, seconds: just after its rest.
const REST_WAKE_S: u32 = 31;
const _: () = assert!(REST_WAKE_S as i64 * 1000 > REST_AFTER_DECLINES_MS);

/// What a pass over a page of a queue's line is decided on. The operators change in it as chats are assigned.
#[derive(Debug)]
pub struct Pass<'a> {
    queue: &'a Queue,
    config: &'a Configuration,
    candidates: BTreeMap<OperatorId, Operator>,
    now_ms: i64,
}

impl<'a> Pass<'a> {
    /// A pass with these operators, as read; who may not be offered chats of the queue is left out (Q7).
    pub fn new(
        queue: &'a Queue,
        config: &'a Configuration,
        operators: impl IntoIterator<Item = Operator>,
        now_ms: i64,
    ) -> Self {
        let candidates = operators
            .into_iter()
            .filter(|operator| operator.is_available() && queue.has(operator))
            .map(|operator| (operator.id.clone(), operator))
            .collect();
        Self { queue, config, candidates, now_ms }
    }

    fn has_room(&self, operator: &Operator) -> bool {
        operator.load() < self.config.limit(operator, Some(self.queue))
    }

    /// Whether anybody has room for another chat.
    pub fn anybody_free(&self) -> bool {
        self.candidates.values().any(|operator| self.has_room(operator))
    }

    /// The operators who see the line of a *to all* queue: everybody available, with whether there is room (Q3, Q8).
    pub fn audience(&self) -> impl Iterator<Item = (&Operator, bool)> {
        self.candidates.values().map(|operator| (operator, self.has_room(operator)))
    }

    /// The freest first: fewest chats, then longest without taking one (Q4), then by id.
    fn free(&self) -> Vec<&Operator> {
        let mut free: Vec<&Operator> = self.candidates.values().filter(|operator| self.has_room(operator)).collect();
        free.sort_by_key(|operator| (operator.load(), operator.last_taken_at_ms, operator.id.clone()));
        free
    }

    /// What to do about the next chat of the line: an offer, a rest, or nothing. Call in the order of the line.
    pub fn next(&mut self, chat: &Chat) -> Decision {
        let resting = chat.route.not_before_ms.is_some_and(|not_before| not_before > self.now_ms);
        if self.queue.rule != Rule::MostFree || resting || chat.route.stand != Stand::Waiting {
            return Decision::nothing();
        }
        let free = self.free();
        let mut willing = free.iter().filter(|operator| !chat.route.decliners.contains(&operator.id)).copied();
        let Some(chosen) = willing.next() else {
            return if free.is_empty() || chat.route.decliners.is_empty() {
                Decision::nothing()
            } else {
                rest(chat, self.now_ms)
            };
        };
        let candidates = std::iter::once(chosen)
            .chain(willing)
            .take(REASON_CANDIDATES_MAX)
            .map(|operator| (operator.id.clone(), operator.load(), operator.last_taken_at_ms))
            .collect();
        let chosen = chosen.clone();
        let reason = Reason { rule: self.queue.rule, candidates };
        let decision = offer(chat, &chosen, reason, self.config.settings.accept_timeout_ms(), self.now_ms);
        self.candidates.insert(chosen.id.clone(), chosen.with_offer(&chat.id));
        decision
    }
}

fn offer(chat: &Chat, operator: &Operator, reason: Reason, timeout_ms: i64, now_ms: i64) -> Decision {
    let mut route = chat.next_route();
    let id = OfferId { chat: chat.id.clone(), route_rev: route.rev };
    let expires_at_ms = now_ms + timeout_ms;
    route.stand = Stand::Offered { offer: Offer { id: id.clone(), operator: operator.id.clone(), expires_at_ms } };
    route.not_before_ms = None;
    let after = operator.with_offer(&chat.id);
    let mut decision = chat.move_to(route.clone(), EventKind::Offered, Some(&operator.id), now_ms);
    decision.explain(|event| event.reason = Some(reason));
    decision.change(operator, &after);
    decision.timers.push(Timer::OfferExpires { offer: id, operator: operator.id.clone(), at_ms: expires_at_ms });
    decision.tell(&after, News::Offered(chat.on(route)));
    decision
}

/// Everybody who could be asked has declined: the chat rests, then everybody may be asked again (Q6).
fn rest(chat: &Chat, now_ms: i64) -> Decision {
    let mut route = chat.next_route();
    begin_rest(&mut route, now_ms);
    let mut decision = chat.move_to(route.clone(), EventKind::Rested, None, now_ms);
    decision.wakes.push(Chat::wake(&route, &chat.id, REST_WAKE_S));
    decision
}

fn begin_rest(route: &mut Route, now_ms: i64) {
    route.decliners.clear();
    route.not_before_ms = Some(now_ms + REST_AFTER_DECLINES_MS);
}

/// The parties of an accept.
#[derive(Clone, Copy, Debug)]
pub struct Accept<'a> {
    /// The chat.
    pub chat: &'a Chat,
    /// Who accepts.
    pub operator: &'a Operator,
    /// Who has it in work, where it is a transfer.
    pub source: Option<&'a Operator>,
    /// The offer meant; none = a chat picked from the line of a *to all* queue.
    pub offer: Option<&'a OfferId>,
    /// The configuration.
    pub config: &'a Configuration,
    /// Now, milliseconds since 1970.
    pub now_ms: i64,
}

impl Accept<'_> {
    /// Accepts. Nothing to do = it is theirs already: the same operator gets the same yes in every window (I4).
    pub fn decide(&self) -> Result<Decision, Refusal> {
        let me = &self.operator.id;
        match &self.chat.route.stand {
            Stand::InWork { operator, .. } if operator == me => Ok(Decision::nothing()),
            Stand::Closed { .. } => Err(Refusal::ChatClosed),
            Stand::WithBot => Err(Refusal::ChatNotFound),
            Stand::Offered { offer } | Stand::InWork { transfer: Some(offer), .. } => {
                self.check_offer(offer)?;
                Ok(self.take())
            }
            Stand::InWork { .. } => Err(Refusal::OfferGone),
            Stand::Waiting => {
                self.check_pick()?;
                Ok(self.take())
            }
        }
    }

    fn check_offer(&self, open: &Offer) -> Result<(), Refusal> {
        if open.operator != self.operator.id || self.offer.is_some_and(|meant| *meant != open.id) {
            return Err(Refusal::OfferGone);
        }
        if self.now_ms >= open.expires_at_ms { Err(Refusal::OfferExpired) } else { Ok(()) }
    }

    fn check_pick(&self) -> Result<(), Refusal> {
        if self.offer.is_some() {
            return Err(Refusal::OfferGone);
        }
        let queue = self.config.queues.get(&self.chat.route.queue).ok_or(Refusal::QueueNotFound)?;
        if !queue.has(self.operator) {
            return Err(Refusal::NotInQueue);
        }
        if queue.rule != Rule::ToAll {
            return Err(Refusal::NotOffered);
        }
        if !self.operator.is_available() {
            return Err(Refusal::NotAvailable);
        }
        let room = self.operator.load() < self.config.limit(self.operator, Some(queue));
        if room { Ok(()) } else { Err(Refusal::AtLimit) }
    }

    fn take(&self) -> Decision {
        let Self { chat, operator, now_ms, .. } = *self;
        let mut route = chat.next_route();
        let what = if chat.operator().is_some() { EventKind::TransferAccepted } else { EventKind::Accepted };
        route.stand = Stand::InWork { operator: operator.id.clone(), transfer: None };
        route.taken_at_ms = Some(now_ms);
        route.not_before_ms = None;
        route.decliners.clear();
        let timer = stay::arm(&mut route, &chat.id, &operator.id, self.config.queues.get(&chat.route.queue), now_ms);
        let after = operator.with_chat(&chat.id, now_ms);
        let mut decision = chat.move_to(route.clone(), what, Some(&operator.id), now_ms);
        decision.change(operator, &after);
        decision.timers.extend(timer);
        let taken = chat.on(route.clone());
        if let Some(offer) = chat.offer() {
            decision.tell(&after, News::OfferGone(offer.id.clone(), "accepted"));
        }
        decision.tell(&after, News::Chat(taken.clone()));
        decision.tell(&after, News::Myself);
        if let Some(source) = self.source {
            let freed = source.without_chat(&chat.id);
            decision.change(source, &freed);
            decision.tell(&freed, News::ChatGone(taken, "transferred"));
            decision.tell(&freed, News::Myself);
            decision.freed.push(freed);
        }
        if chat.route.stand == Stand::Waiting {
            // Picked from a line that others are looking at: it disappears there (Q3).
            decision.wakes.push(Chat::wake(&route, &chat.id, 0));
        }
        decision
    }
}

/// How an offer ends without an accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The operator does not want it.
    Declined,
    /// The time to accept has passed.
    Expired,
    /// The operator left or went Inactive.
    Withdrawn,
}

impl End {
    fn word(self) -> &'static str {
        match self {
            Self::Declined => "declined",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }

    fn event(self, transfer: bool) -> EventKind {
        match self {
            _ if transfer => EventKind::TransferEnded,
            Self::Declined => EventKind::Declined,
            Self::Expired => EventKind::Expired,
            Self::Withdrawn => EventKind::Withdrawn,
        }
    }
}

/// Declines an offer (Q6). Nothing to do = this request was carried out before.
pub fn decline(
    chat: &Chat,
    operator: &Operator,
    source: Option<&Operator>,
    offer: &OfferId,
    request: &str,
    now_ms: i64,
) -> Result<Decision, Refusal> {
    let request = request_key(&operator.id, request);
    if chat.route.remembers(&request) {
        return Ok(Decision::nothing());
    }
    match chat.offer() {
        Some(open) if open.operator == operator.id && open.id == *offer => {
            if now_ms >= open.expires_at_ms {
                return Err(Refusal::OfferExpired);
            }
            Ok(end_offer(chat, operator, source, End::Declined, Some(&request), now_ms))
        }
        _ => Err(Refusal::OfferGone),
    }
}

/// Ends an offer whose time has passed (Q5); nothing to do if it is not this one that is open, or not yet.
pub fn expire(chat: &Chat, operator: &Operator, source: Option<&Operator>, offer: &OfferId, now_ms: i64) -> Decision {
    match chat.offer() {
        Some(open) if open.id == *offer && open.operator == operator.id && now_ms >= open.expires_at_ms => {
            end_offer(chat, operator, source, End::Expired, None, now_ms)
        }
        _ => Decision::nothing(),
    }
}

/// Takes an offer back from an operator who left or went Inactive, without penalty (Q10); nothing to do if none is open.
pub fn withdraw(chat: &Chat, operator: &Operator, source: Option<&Operator>, now_ms: i64) -> Decision {
    match chat.offer() {
        Some(open) if open.operator == operator.id => end_offer(chat, operator, source, End::Withdrawn, None, now_ms),
        _ => Decision::nothing(),
    }
}

fn end_offer(
    chat: &Chat,
    operator: &Operator,
    source: Option<&Operator>,
    end: End,
    request: Option<&str>,
    now_ms: i64,
) -> Decision {
    let Some(open) = chat.offer() else { return Decision::nothing() };
    let transfer = chat.operator().is_some();
    let mut route = chat.next_route();
    if let Some(request) = request {
        route.remember(request);
    }
    let mut after = operator.without_offer(&chat.id);
    if let Some(with) = chat.operator() {
        // The source keeps the chat, and nobody turns Inactive (Q9).
        route.stand = Stand::InWork { operator: with.clone(), transfer: None };
    } else {
        back_to_line(&mut route);
        match end {
            End::Declined => {
                remember_decliner(&mut route, &operator.id);
                if route.decliners.len() > DECLINERS_MAX {
                    begin_rest(&mut route, now_ms);
                }
            }
            End::Expired => after.status = Status::Inactive,
            End::Withdrawn => {}
        }
    }
    let mut decision = chat.move_to(route.clone(), end.event(transfer), Some(&operator.id), now_ms);
    if transfer {
        decision.explain(|event| event.other = Some(end.word().to_owned()));
    } else {
        let delay_s = if route.not_before_ms.is_some() { REST_WAKE_S } else { 0 };
        decision.wakes.push(Chat::wake(&route, &chat.id, delay_s));
    }
    decision.change(operator, &after);
    decision.tell(&after, News::OfferGone(open.id.clone(), end.word()));
    decision.tell(&after, News::Myself);
    if let Some(source) = source {
        decision.tell(source, News::Chat(chat.on(route)));
    }
    decision.freed.push(after);
    decision
}

/// Puts a route back into its queue's line, at its original place.
pub(crate) fn back_to_line(route: &mut Route) {
    route.stand = Stand::Waiting;
    route.taken_at_ms = None;
    route.close_due_at_ms = None;
    route.not_before_ms = None;
}

/// Remembers who did not want the chat.
pub(crate) fn remember_decliner(route: &mut Route, operator: &OperatorId) {
    if !route.decliners.contains(operator) {
        route.decliners.push(operator.clone());
    }
}
