//! Queues and roles.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Impact, Objection, check_version, distinct, invalid, limit, listed, name, roles, within};
use crate::config::{AUTO_CLOSE_MIN_MAX, Configuration, QUEUES_MAX, Queue, ROLES_MAX, Role, Rule, USERS_OF_QUEUE_MAX};
use crate::ids::{OperatorId, QueueId, RoleId};

/// The longest absence after which chats return to the line, minutes: a day (Q10).
pub const ABSENCE_RETURN_MIN_MAX: u32 = 24 * 60;

/// A queue as a manager wants it (Q1, Q2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueDraft {
    /// See [`Queue::name`].
    pub name: String,
    /// See [`Queue::rule`].
    pub rule: Rule,
    /// See [`Queue::auto_close_min`]; 1 to [`AUTO_CLOSE_MIN_MAX`].
    #[serde(default)]
    pub auto_close_min: Option<u32>,
    /// See [`Queue::spare_unanswered`].
    #[serde(default)]
    pub spare_unanswered: bool,
    /// See [`Queue::roles`]; at most [`crate::config::ROLES_OF_ONE_MAX`].
    #[serde(default)]
    pub roles: Vec<RoleId>,
    /// See [`Queue::users`]; at most [`USERS_OF_QUEUE_MAX`].
    #[serde(default)]
    pub users: Vec<OperatorId>,
    /// See [`Queue::limit`]; 1 to [`crate::config::LIMIT_MAX`].
    #[serde(default)]
    pub limit: Option<u32>,
    /// See [`Queue::absence_return_min`]; 1 to [`ABSENCE_RETURN_MIN_MAX`].
    #[serde(default)]
    pub absence_return_min: Option<u32>,
}

fn drafted(
    config: &Configuration,
    draft: &QueueDraft,
    known: &BTreeSet<OperatorId>,
    id: QueueId,
    version: u64,
) -> Result<Queue, Objection> {
    let users = distinct(&draft.users);
    if users.len() > USERS_OF_QUEUE_MAX {
        return invalid(format!("A queue names at most {USERS_OF_QUEUE_MAX} people; use roles for more."));
    }
    if users.iter().any(|user| !known.contains(user)) {
        return invalid("One of the people does not exist.");
    }
    Ok(Queue {
        id,
        name: name(&draft.name)?,
        rule: draft.rule,
        auto_close_min: within(draft.auto_close_min, AUTO_CLOSE_MIN_MAX, "The time to close", "minutes")?,
        spare_unanswered: draft.spare_unanswered,
        roles: roles(config, &draft.roles)?,
        users,
        limit: limit(draft.limit)?,
        absence_return_min: within(draft.absence_return_min, ABSENCE_RETURN_MIN_MAX, "The absence", "minutes")?,
        version,
    })
}

/// A new queue; `known` = those of the draft's people who exist.
pub fn create_queue(
    config: &mut Configuration,
    id: QueueId,
    draft: &QueueDraft,
    known: &BTreeSet<OperatorId>,
) -> Result<Queue, Objection> {
    if config.queues.len() >= QUEUES_MAX {
        return Err(Objection::LimitReached("queues", QUEUES_MAX));
    }
    let queue = drafted(config, draft, known, id, 1)?;
    config.queues.insert(queue.id.clone(), queue.clone());
    config.version += 1;
    Ok(queue)
}

/// Changes a queue: whole, from the version that the manager saw.
pub fn change_queue(
    config: &mut Configuration,
    id: &QueueId,
    expected: Option<u64>,
    draft: &QueueDraft,
    known: &BTreeSet<OperatorId>,
) -> Result<(Queue, Impact), Objection> {
    let before = config.queues.get(id).ok_or(Objection::NotFound("queue"))?;
    check_version(expected, before.version)?;
    let after = drafted(config, draft, known, id.clone(), before.version + 1)?;
    let mut impact = Impact::default();
    let routing = |queue: &Queue| (queue.rule, queue.limit, queue.roles.clone(), queue.users.clone());
    if routing(before) != routing(&after) {
        impact.wake.insert(id.clone());
    }
    if (before.auto_close_min, before.spare_unanswered) != (after.auto_close_min, after.spare_unanswered) {
        impact.retime.insert(id.clone());
    }
    config.queues.insert(id.clone(), after.clone());
    config.version += 1;
    Ok((after, impact))
}

/// What chats a queue has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueUse {
    /// Somebody waits in its line.
    pub waiting: bool,
    /// A chat of it is open.
    pub open: bool,
}

/// Deletes a queue that nothing uses (C2).
pub fn delete_queue(
    config: &mut Configuration,
    id: &QueueId,
    expected: Option<u64>,
    chats: QueueUse,
) -> Result<(), Objection> {
    let queue = config.queues.get(id).ok_or(Objection::NotFound("queue"))?;
    check_version(expected, queue.version)?;
    let channels: Vec<String> = config
        .channels
        .values()
        .filter(|channel| channel.queue.as_ref() == Some(id))
        .map(|channel| channel.name.clone())
        .collect();
    let mut uses = Vec::new();
    if !channels.is_empty() {
        uses.push(format!("the chats of {} come to it", listed(&channels)));
    }
    if chats.waiting {
        uses.push("chats wait in it".to_owned());
    } else if chats.open {
        uses.push("chats of it are open".to_owned());
    }
    if !uses.is_empty() {
        return Err(Objection::QueueInUse(uses.join("; ")));
    }
    config.queues.remove(id);
    config.version += 1;
    Ok(())
}

/// A role as a manager wants it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleDraft {
    /// See [`Role::name`].
    pub name: String,
}

/// A new role.
pub fn create_role(config: &mut Configuration, id: RoleId, draft: &RoleDraft) -> Result<Role, Objection> {
    if config.roles.len() >= ROLES_MAX {
        return Err(Objection::LimitReached("roles", ROLES_MAX));
    }
    let role = Role { id, name: name(&draft.name)?, version: 1 };
    config.roles.insert(role.id.clone(), role.clone());
    config.version += 1;
    Ok(role)
}

/// Renames a role.
pub fn change_role(
    config: &mut Configuration,
    id: &RoleId,
    expected: Option<u64>,
    draft: &RoleDraft,
) -> Result<Role, Objection> {
    let role = config.roles.get_mut(id).ok_or(Objection::NotFound("role"))?;
    check_version(expected, role.version)?;
    role.name = name(&draft.name)?;
    role.version += 1;
    config.version += 1;
    Ok(role.clone())
}

/// Deletes a role that neither a queue nor a person has (C2); `holders` = the names of people who have it.
///
/// Somebody who is given the role in the very moment of its end keeps the id of a role that nothing names: it has no effect.
pub fn delete_role(
    config: &mut Configuration,
    id: &RoleId,
    expected: Option<u64>,
    holders: &[String],
) -> Result<(), Objection> {
    let role = config.roles.get(id).ok_or(Objection::NotFound("role"))?;
    check_version(expected, role.version)?;
    let queues: Vec<String> =
        config.queues.values().filter(|queue| queue.roles.contains(id)).map(|queue| queue.name.clone()).collect();
    let mut uses = Vec::new();
    if !queues.is_empty() {
        uses.push(format!("queues {}", listed(&queues)));
    }
    if !holders.is_empty() {
        uses.push(format!("people {}", listed(holders)));
    }
    if !uses.is_empty() {
        return Err(Objection::RoleInUse(uses.join("; ")));
    }
    config.roles.remove(id);
    config.version += 1;
    Ok(())
}
