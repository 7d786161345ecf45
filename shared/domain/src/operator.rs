//! An operator: status, connections, load (W1, Q6-Q8, Q10).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::config::ROLES_OF_ONE_MAX;
use crate::ids::{ChatId, OperatorId, RoleId};
use crate::refusal::Refusal;

/// The most connections of one operator at once (windows, devices).
pub const CONNECTIONS_MAX: usize = 5;
/// How long after the last connection went an operator counts as absent, milliseconds (Q10).
pub const ABSENCE_GRACE_MS: i64 = 30_000;
/// A connection that did not ping for so long is gone, milliseconds; the console pings every two minutes.
pub const CONNECTION_SILENCE_MS: i64 = 5 * 60_000;

/// The status an operator sets (W1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Takes chats.
    Active,
    /// Takes none: by their own hand, or because an offer ran out (Q5).
    Inactive,
}

/// An operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// Who.
    pub id: OperatorId,
    /// The name customers and colleagues see.
    pub name: String,
    /// Counts the changes of this row; every decision names the one it was made on.
    pub rev: u64,
    /// As they set it.
    pub status: Status,
    /// Whether the account has been switched off.
    #[serde(default)]
    pub disabled: bool,
    /// Their roles, at most [`ROLES_OF_ONE_MAX`].
    #[serde(default)]
    pub roles: Vec<RoleId>,
    /// The most chats they handle at once, where it differs from the queue's and the setting's (Q8).
    #[serde(default)]
    pub own_limit: Option<u32>,
    /// Their connections, and until when each may be used (milliseconds since 1970).
    #[serde(default)]
    pub connections: BTreeMap<String, i64>,
    /// Chats on offer to them.
    #[serde(default)]
    pub offers: BTreeSet<ChatId>,
    /// Chats in their work.
    #[serde(default)]
    pub chats: BTreeSet<ChatId>,
    /// When they last took a chat into work, milliseconds since 1970; 0 = never (Q4).
    #[serde(default)]
    pub last_taken_at_ms: i64,
    /// Since when they have no connection, milliseconds since 1970.
    #[serde(default)]
    pub absent_since_ms: Option<i64>,
    /// When to look again what their absence means for their chats, milliseconds since 1970; none = it has not been looked at.
    #[serde(default)]
    pub look_again_at_ms: Option<i64>,
}

impl Operator {
    /// Somebody who never signed in: Inactive, nowhere.
    pub fn new(id: OperatorId, name: impl Into<String>) -> Self {
        Self {
            id,
            name: name.into(),
            rev: 0,
            status: Status::Inactive,
            disabled: false,
            roles: Vec::new(),
            own_limit: None,
            connections: BTreeMap::new(),
            offers: BTreeSet::new(),
            chats: BTreeSet::new(),
            last_taken_at_ms: 0,
            absent_since_ms: None,
            look_again_at_ms: None,
        }
    }

    /// How many chats they have, on offer or in work (I3): the size of two sets, so it cannot drift.
    pub fn load(&self) -> usize {
        self.offers.union(&self.chats).count()
    }

    /// Whether they may be offered chats at all, whatever their load (Q7).
    pub fn is_available(&self) -> bool {
        !self.disabled && self.status == Status::Active && !self.connections.is_empty()
    }

    /// Whether their open offers have to go back to the line (Q10).
    pub fn must_give_up_offers(&self, now_ms: i64) -> bool {
        !self.offers.is_empty() && (self.disabled || self.status == Status::Inactive || self.is_absent(now_ms))
    }

    /// Whether their last connection has been gone for longer than the grace (Q10).
    pub fn is_absent(&self, now_ms: i64) -> bool {
        self.connections.is_empty() && self.absent_since_ms.is_none_or(|since| now_ms - since >= ABSENCE_GRACE_MS)
    }

    /// When a sweep has to look at them, if ever: unavailable with offers open, or absent with chats in work.
    pub fn due_at_ms(&self) -> Option<i64> {
        if self.disabled && self.load() > 0 {
            return Some(0);
        }
        if !self.offers.is_empty() && self.status == Status::Inactive {
            return Some(0);
        }
        if self.connections.is_empty() && self.load() > 0 {
            let grace_ends = self.absent_since_ms.unwrap_or(0) + ABSENCE_GRACE_MS;
            return if self.offers.is_empty() { self.look_again_at_ms.or(Some(grace_ends)) } else { Some(grace_ends) };
        }
        None
    }

    /// With their absence looked at, and the next look set; `None` when it is set already.
    #[must_use]
    pub fn looked_at(&self, look_again_at_ms: i64) -> Option<Self> {
        let look_again_at_ms = Some(look_again_at_ms);
        (self.look_again_at_ms != look_again_at_ms).then(|| Self { look_again_at_ms, ..self.next() })
    }

    fn next(&self) -> Self {
        Self { rev: self.rev + 1, ..self.clone() }
    }

    /// With another status; `None` when it is that already.
    pub fn with_status(&self, status: Status) -> Option<Self> {
        (self.status != status).then(|| Self { status, ..self.next() })
    }

    /// With another connection, known to be good until `auth_until_ms`.
    pub fn with_connection(&self, connection: &str, auth_until_ms: i64, now_ms: i64) -> Result<Self, Refusal> {
        if self.disabled {
            return Err(Refusal::OperatorDisabled);
        }
        let mut next = self.next();
        // A connection whose right to be used has ended does not count, and is forgotten here.
        next.connections.retain(|_, until| *until > now_ms);
        if next.connections.len() >= CONNECTIONS_MAX && !next.connections.contains_key(connection) {
            return Err(Refusal::TooManyConnections);
        }
        next.connections.insert(connection.to_owned(), auth_until_ms);
        next.absent_since_ms = None;
        next.look_again_at_ms = None;
        Ok(next)
    }

    /// With a connection in the place of silent ones: one change, and one revision, however many there were.
    pub fn with_connection_for(
        &self,
        connection: &str,
        auth_until_ms: i64,
        silent: &[String],
        now_ms: i64,
    ) -> Result<Self, Refusal> {
        let mut rest = self.clone();
        rest.connections.retain(|name, _| !silent.contains(name));
        rest.with_connection(connection, auth_until_ms, now_ms)
    }

    /// Without a connection; `None` when it was not there.
    pub fn without_connection(&self, connection: &str, now_ms: i64) -> Option<Self> {
        let mut next = self.next();
        next.connections.remove(connection)?;
        if next.connections.is_empty() {
            next.absent_since_ms = Some(now_ms);
            next.look_again_at_ms = None;
        }
        Some(next)
    }

    /// With a chat on offer: it counts at once (Q6).
    #[must_use]
    pub fn with_offer(&self, chat: &ChatId) -> Self {
        let mut next = self.next();
        next.offers.insert(chat.clone());
        next
    }

    /// Without an offer.
    #[must_use]
    pub fn without_offer(&self, chat: &ChatId) -> Self {
        let mut next = self.next();
        next.offers.remove(chat);
        next
    }

    /// With a chat in work, taken now; an offer of it is used up.
    #[must_use]
    pub fn with_chat(&self, chat: &ChatId, now_ms: i64) -> Self {
        let mut next = self.next();
        next.offers.remove(chat);
        next.chats.insert(chat.clone());
        next.last_taken_at_ms = now_ms;
        next
    }

    /// Without a chat: neither in work nor on offer.
    #[must_use]
    pub fn without_chat(&self, chat: &ChatId) -> Self {
        let mut next = self.next();
        next.offers.remove(chat);
        next.chats.remove(chat);
        next
    }

    /// As the chat manager describes them; `None` when nothing is new.
    pub fn described(&self, name: &str, roles: &[RoleId], own_limit: Option<u32>, disabled: bool) -> Option<Self> {
        let roles: Vec<RoleId> = roles.iter().take(ROLES_OF_ONE_MAX).cloned().collect();
        if self.name == name && self.roles == roles && self.own_limit == own_limit && self.disabled == disabled {
            return None;
        }
        Some(Self { name: name.to_owned(), roles, own_limit, disabled, ..self.next() })
    }
}
