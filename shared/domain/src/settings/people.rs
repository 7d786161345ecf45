//! People.

use serde::{Deserialize, Serialize};

use super::{Objection, check_version, invalid, limit, name, roles};
use crate::config::{Configuration, User};
use crate::ids::{OperatorId, RoleId};

/// The most characters of an e-mail address (RFC 5321: a path has at most 256 with its brackets).
pub const EMAIL_CHARS_MAX: usize = 254;

/// Somebody whom a manager lets in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserDraft {
    /// See [`User::email`]; upper case becomes lower case.
    pub email: String,
    /// See [`User::name`].
    pub name: String,
    /// See [`User::roles`]; at most [`crate::config::ROLES_OF_ONE_MAX`].
    #[serde(default)]
    pub roles: Vec<RoleId>,
    /// See [`User::own_limit`]; 1 to [`crate::config::LIMIT_MAX`].
    #[serde(default)]
    pub own_limit: Option<u32>,
}

/// What a manager may change of somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserChange {
    /// See [`User::name`].
    pub name: String,
    /// See [`User::roles`].
    #[serde(default)]
    pub roles: Vec<RoleId>,
    /// See [`User::own_limit`].
    #[serde(default)]
    pub own_limit: Option<u32>,
    /// See [`User::disabled`].
    #[serde(default)]
    pub disabled: bool,
}

/// An address that mail could go to; whether it does, the issuer finds out (P4).
fn email(given: &str) -> Result<String, Objection> {
    let email = given.trim().to_lowercase();
    let plain = email.chars().count() <= EMAIL_CHARS_MAX && !email.chars().any(|c| c.is_whitespace() || c.is_control());
    match email.rsplit_once('@') {
        Some((local, domain)) if plain && !local.is_empty() && !domain.is_empty() => Ok(email),
        _ => invalid("This is not an e-mail address."),
    }
}

/// Somebody new.
pub fn new_user(config: &Configuration, id: OperatorId, draft: &UserDraft) -> Result<User, Objection> {
    Ok(User {
        id,
        email: email(&draft.email)?,
        name: name(&draft.name)?,
        roles: roles(config, &draft.roles)?,
        own_limit: limit(draft.own_limit)?,
        disabled: false,
        subject: None,
        version: 1,
    })
}

/// Changes somebody, from the version that the manager saw.
pub fn change_user(
    config: &Configuration,
    before: &User,
    expected: Option<u64>,
    change: &UserChange,
) -> Result<User, Objection> {
    check_version(expected, before.version)?;
    Ok(User {
        name: name(&change.name)?,
        roles: roles(config, &change.roles)?,
        own_limit: limit(change.own_limit)?,
        disabled: change.disabled,
        version: before.version + 1,
        ..before.clone()
    })
}

/// Whether somebody has a role no more: what their windows show is then too much (I8).
pub fn lost_role(before: &User, after: &User) -> bool {
    before.roles.iter().any(|role| !after.roles.contains(role))
}
