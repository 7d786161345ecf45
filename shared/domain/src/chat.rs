//! A chat: two halves that change independently, so that appending and routing don't invalidate each other.

use serde::{Deserialize, Serialize};

use crate::decision::{Decision, Wake, Write};
use crate::ids::{ChannelId, ChatId, OfferId, OperatorId, Provider, QueueId};
use crate::operator::Operator;

/// The most client request ids that each half remembers.
pub const REQUESTS_MAX: usize = 8;
/// The most operators remembered as having declined a chat; when one more declines, it rests and everybody is asked again.
pub const DECLINERS_MAX: usize = 20;
/// After everybody has declined a chat it rests so long, milliseconds (Q6).
pub const REST_AFTER_DECLINES_MS: i64 = 30_000;

/// A chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chat {
    /// Its id.
    pub id: ChatId,
    /// Its channel.
    pub channel: ChannelId,
    /// Its messenger.
    pub provider: Provider,
    /// The customer's name when it opened.
    pub customer_name: String,
    /// When it opened, milliseconds since 1970.
    pub opened_at_ms: i64,
    /// The append half.
    pub thread: Thread,
    /// The routing half.
    pub route: Route,
}

/// The append half: moves with every message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// Counts its changes, those that add no message (a resend, how far is read) included.
    #[serde(default)]
    pub rev: u64,
    /// The number of the next message.
    pub next_seq: u64,
    /// When the customer last wrote, milliseconds since 1970.
    #[serde(default)]
    pub last_in_at_ms: Option<i64>,
    /// When an operator last wrote, milliseconds since 1970 (L2 counts from here).
    #[serde(default)]
    pub last_out_at_ms: Option<i64>,
    /// The number of the last outgoing message.
    #[serde(default)]
    pub last_out_seq: Option<u64>,
    /// The number of the last message that its operator has seen.
    #[serde(default)]
    pub read_seq: u64,
    /// The last client requests ([`request_key`]) and the numbers of the messages that they became.
    #[serde(default)]
    pub requests: Vec<(String, Vec<u64>)>,
}

/// The routing half: moves with every offer, accept, decline, transfer, close.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Counts its changes; also numbers the chat's events.
    pub rev: u64,
    /// Its queue.
    pub queue: QueueId,
    /// Where it stands.
    pub stand: Stand,
    /// Since when the customer waits, milliseconds since 1970; kept through every return to the line.
    pub waiting_since_ms: i64,
    /// Not to be offered before this, milliseconds since 1970 (Q6).
    #[serde(default)]
    pub not_before_ms: Option<i64>,
    /// Who declined it (Q6).
    #[serde(default)]
    pub decliners: Vec<OperatorId>,
    /// When it was last taken into work, or taken from the line by a bot, milliseconds since 1970; restarts the close clock
    /// (L2, L5).
    #[serde(default)]
    pub taken_at_ms: Option<i64>,
    /// For when its close timer is armed, milliseconds since 1970.
    #[serde(default)]
    pub close_due_at_ms: Option<i64>,
    /// The last client requests ([`request_key`]) that changed it.
    #[serde(default)]
    pub requests: Vec<String>,
    /// Who has the conversation in hand, once apps have taken turns at it (C6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Control>,
}

/// Who has a conversation in hand at its messenger (C6; Messenger's Handover Protocol).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// We have. When the chat closes it goes back.
    Ours {
        /// To this app; none = it is released.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
    },
    /// Another app has: what we would send is refused.
    Others {
        /// Which, where the messenger tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        app: Option<String>,
    },
}

/// Where a chat stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Stand {
    /// With an external bot, and nobody here is asked (C6, L5).
    WithBot,
    /// In its queue's line.
    Waiting,
    /// On offer to one operator.
    Offered {
        /// To whom, until when.
        offer: Offer,
    },
    /// With an operator.
    InWork {
        /// With whom.
        operator: OperatorId,
        /// On offer to another, who takes it over on accept (Q9).
        #[serde(default)]
        transfer: Option<Offer>,
    },
    /// Closed for good.
    Closed {
        /// When, milliseconds since 1970.
        at_ms: i64,
        /// By whom; nobody = by itself.
        by: Option<OperatorId>,
        /// Whose it was last.
        operator: Option<OperatorId>,
    },
}

/// An offer of a chat to one operator. It reserves capacity (Q6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Its id.
    pub id: OfferId,
    /// To whom.
    pub operator: OperatorId,
    /// Until when, milliseconds since 1970: an accept at that moment is too late.
    pub expires_at_ms: i64,
}

/// What happened to a chat's route, and why. Numbered by the route revision that it made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatEvent {
    /// Which chat.
    pub chat: ChatId,
    /// The revision it made.
    pub route_rev: u64,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// What.
    pub what: EventKind,
    /// The operator concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorId>,
    /// The operator or queue it came from or went to, where that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
    /// Why the system chose this operator (decision 7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Kinds of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Assigned by the rule.
    Offered,
    /// Taken into work.
    Accepted,
    /// Declined.
    Declined,
    /// Not taken in time (Q5).
    Expired,
    /// Taken back from an operator who left or went Inactive (Q10).
    Withdrawn,
    /// Everybody declined: rests, then everybody may be asked again (Q6).
    Rested,
    /// Offered to a colleague (Q9).
    TransferOffered,
    /// Taken over by a colleague.
    TransferAccepted,
    /// Not taken over.
    TransferEnded,
    /// Sent to another queue.
    QueueChanged,
    /// Returned to the line because its operator was away too long (Q10).
    Returned,
    /// Closed by an operator.
    Closed,
    /// Closed by itself (L2).
    AutoClosed,
    /// The close timer was set to another time.
    Rearmed,
    /// The conversation was passed to us (C6).
    HandedOver,
    /// The conversation was taken by another app (C6).
    TakenByOther,
    /// The customer's name was learned, and the chat stands where it stood (C5).
    Named,
}

/// Why an operator was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The rule.
    pub rule: crate::config::Rule,
    /// The best candidates, the chosen first: who, load, when they last took a chat.
    pub candidates: Vec<(OperatorId, usize, i64)>,
}

impl Chat {
    /// Whether it has ended.
    pub fn is_closed(&self) -> bool {
        matches!(self.route.stand, Stand::Closed { .. })
    }

    /// With whom it is in work.
    pub fn operator(&self) -> Option<&OperatorId> {
        match &self.route.stand {
            Stand::InWork { operator, .. } => Some(operator),
            _ => None,
        }
    }

    /// The open offer of it, if any: by the rule or for a transfer.
    pub fn offer(&self) -> Option<&Offer> {
        match &self.route.stand {
            Stand::Offered { offer } | Stand::InWork { transfer: Some(offer), .. } => Some(offer),
            _ => None,
        }
    }

    /// The same chat on another route.
    #[must_use]
    pub fn on(&self, route: Route) -> Self {
        Self { route, ..self.clone() }
    }

    /// When a sweep has to look at it, if ever, milliseconds since 1970.
    pub fn due_at_ms(&self) -> Option<i64> {
        let offer = self.offer().map(|offer| offer.expires_at_ms);
        let closes = self.operator().is_some() || self.route.stand == Stand::WithBot;
        let close = if closes { self.route.close_due_at_ms } else { None };
        match (offer, close) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Its next route, to be changed further.
    pub(crate) fn next_route(&self) -> Route {
        Route { rev: self.route.rev + 1, ..self.route.clone() }
    }

    /// The wake-up of its queue that its present route is a cause of.
    pub(crate) fn wake(route: &Route, id: &ChatId, delay_s: u32) -> Wake {
        Wake { queue: route.queue.clone(), cause: format!("{id}.{}", route.rev), delay_s }
    }

    /// A decision that moves it to another route, with the event that says so.
    pub(crate) fn move_to(
        &self,
        route: Route,
        what: EventKind,
        operator: Option<&OperatorId>,
        now_ms: i64,
    ) -> Decision {
        let event = ChatEvent {
            chat: self.id.clone(),
            route_rev: route.rev,
            at_ms: now_ms,
            what,
            operator: operator.cloned(),
            other: None,
            reason: None,
        };
        Decision {
            writes: vec![Write::Route { before: self.clone(), route, if_quiet: false }, Write::Event(event)],
            ..Decision::default()
        }
    }
}

/// What a chat remembers a client request by. Clients choose their ids: two operators may well choose the same one, and must
/// not be given each other's answers. An operator's id contains no dot.
pub fn request_key(operator: &OperatorId, request: &str) -> String {
    format!("{operator}.{request}")
}

impl Route {
    /// Whether this client request ([`request_key`]) was carried out already.
    pub fn remembers(&self, request: &str) -> bool {
        self.requests.iter().any(|known| known == request)
    }

    /// Remembers a client request ([`request_key`]).
    pub(crate) fn remember(&mut self, request: &str) {
        self.requests.push(request.to_owned());
        if self.requests.len() > REQUESTS_MAX {
            self.requests.remove(0);
        }
    }
}

impl Decision {
    /// Adds the change of an operator.
    pub(crate) fn change(&mut self, before: &Operator, after: &Operator) {
        self.writes.push(Write::Operator { before: Some(before.clone()), after: after.clone() });
    }

    /// Fills in the event's details.
    pub(crate) fn explain(&mut self, fill: impl FnOnce(&mut ChatEvent)) {
        for write in &mut self.writes {
            if let Write::Event(event) = write {
                fill(event);
                return;
            }
        }
    }
}
