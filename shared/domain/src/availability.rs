//! Where an operator stands in the order of the free: rows that exist only while they may be offered chats.

use crate::ids::{OperatorId, RoleId};
use crate::operator::Operator;

/// Which limit rules over an operator; the two kinds stand in lines of their own, so that a changed setting rewrites no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Line {
    /// The queue's or the setting's: the reader compares the load.
    Common,
    /// Their own: they stand in line only while below it.
    Own,
}

/// A place in a role's order of the free: fewest chats first, then longest without taking one (Q4).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Whose order.
    pub role: RoleId,
    /// Which line of it.
    pub line: Line,
    /// Load, for the order.
    pub load: usize,
    /// When they last took a chat, for the order.
    pub last_taken_at_ms: i64,
    /// Who.
    pub operator: OperatorId,
}

/// The places an operator holds: one a role while available, none otherwise.
pub fn places(operator: &Operator) -> Vec<Place> {
    if !operator.is_available() {
        return Vec::new();
    }
    let load = operator.load();
    let line = match operator.own_limit {
        None => Line::Common,
        Some(limit) if load < limit as usize => Line::Own,
        Some(_) => return Vec::new(),
    };
    let mut places: Vec<Place> = operator
        .roles
        .iter()
        .map(|role| Place {
            role: role.clone(),
            line,
            load,
            last_taken_at_ms: operator.last_taken_at_ms,
            operator: operator.id.clone(),
        })
        .collect();
    places.sort();
    places.dedup();
    places
}
