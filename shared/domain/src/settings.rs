//! What a chat manager may change, and what is refused (Q1, Q2, Q8, C1-C3, P2-P4).
//!
//! Each function changes a [`Configuration`] as it was read, and counts its version up; whoever called it commits the whole,
//! on condition that nobody was faster, and else reads and decides again.

mod channels;
mod codes;
mod people;
mod queues;
mod setup;

use std::collections::BTreeSet;

pub use channels::{
    ACCOUNT_INACTIVE, CHANNEL_UNAUTHORIZED, ChannelDraft, PERMISSION_MISSING, SENDER_MISSING, SENDER_OFFLINE,
    TOKEN_INVALID, TOKEN_MISSING, WEBHOOK_MISSING, WEBHOOK_NOT_CONFIRMED, WEBHOOK_TAKEN_OVER, after_a_look,
    change_channel, confirm_channel, connect_again, connect_channel, connect_page, delete_channel, mark_problem,
    problem_of,
};
pub use codes::{SettingCode, SettingValue, set, valid_https_url};
pub use people::{EMAIL_CHARS_MAX, UserChange, UserDraft, change_user, lost_role, new_user};
pub use queues::{
    ABSENCE_RETURN_MIN_MAX, QueueDraft, QueueUse, RoleDraft, change_queue, change_role, create_queue, create_role,
    delete_queue, delete_role,
};

pub use setup::{
    CHOICE_MS, CONFIRMATION_MS, Confirmation, SIGN_IN_MS, SignIn, TRIES_MAX, check_return_url, missing_settings,
};

use crate::config::{Configuration, LIMIT_MAX, NAME_CHARS_MAX, ROLES_OF_ONE_MAX};
use crate::ids::{QueueId, RoleId};

/// The most names that a refusal lists.
const NAMES_MAX: usize = 5;

/// Why a change is refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    /// A value that cannot be; the text says which and why, and repeats no value.
    #[error("{0}")]
    InvalidValue(String),
    /// There is no such thing.
    #[error("There is no such {0}.")]
    NotFound(&'static str),
    /// It was changed since the caller read it.
    #[error("Somebody has changed this meanwhile; read it again.")]
    VersionConflict,
    /// As many as there may be.
    #[error("There are {1} {0} already, as many as there may be.")]
    LimitReached(&'static str, usize),
    /// The queue is used by something (C2).
    #[error("This queue is in use: {0}.")]
    QueueInUse(String),
    /// The role is used by something (C2).
    #[error("This role is in use: {0}.")]
    RoleInUse(String),
    /// The channel has chats (C2).
    #[error("A channel that has chats can't be deleted, only deactivated.")]
    ChannelHasChats,
    /// Another channel has this bot, page or number (C3).
    #[error("The channel \"{0}\" has this bot, page or number already.")]
    AccountTaken(String),
    /// The bot, page or number is another than the channel's.
    #[error("This token is of another bot; connect that one as a channel of its own.")]
    AccountDiffers,
    /// Setting up a channel needs settings that nobody set (P3).
    #[error("Set these settings first: {}.", .0.iter().map(|code| code.as_str()).collect::<Vec<_>>().join(", "))]
    SettingsMissing(Vec<SettingCode>),
    /// The sign-in to Facebook is not under way, or not any more (C5).
    #[error("This sign-in to Facebook is over, or was another person's; begin again.")]
    SignInRefused,
    /// The confirmation of a number is not under way, or not any more (C7).
    #[error("This confirmation is over, or was another person's; connect the number again to get another code.")]
    ConfirmationRefused,
    /// The code is not the one that was sent; so many tries are left (C7).
    #[error("This is not the code that was sent; tries left: {0}.")]
    CodeWrong(u32),
}

/// Whom a change concerns, beside whoever reads the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impact {
    /// Queues whose waiting chats may find somebody now (Q7), or whose rule is another (Q11).
    pub wake: BTreeSet<QueueId>,
    /// Queues whose open chats have another close time now (L2).
    pub retime: BTreeSet<QueueId>,
}

fn invalid<T>(why: impl Into<String>) -> Result<T, Objection> {
    Err(Objection::InvalidValue(why.into()))
}

/// A name: one line of 1 to [`NAME_CHARS_MAX`] characters, without blanks around it.
fn name(given: &str) -> Result<String, Objection> {
    let name = given.trim();
    if !(1..=NAME_CHARS_MAX).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return invalid(format!("A name is one line of 1 to {NAME_CHARS_MAX} characters."));
    }
    Ok(name.to_owned())
}

/// A limit, if there is one, of 1 to [`LIMIT_MAX`] chats (Q8).
fn limit(given: Option<u32>) -> Result<Option<u32>, Objection> {
    within(given, LIMIT_MAX, "A limit", "chats")
}

fn within(given: Option<u32>, most: u32, what: &str, unit: &str) -> Result<Option<u32>, Objection> {
    match given {
        Some(number) if !(1..=most).contains(&number) => invalid(format!("{what} is 1 to {most} {unit}.")),
        _ => Ok(given),
    }
}

/// Roles that there are, each once, at most [`ROLES_OF_ONE_MAX`].
fn roles(config: &Configuration, given: &[RoleId]) -> Result<Vec<RoleId>, Objection> {
    let roles = distinct(given);
    if roles.len() > ROLES_OF_ONE_MAX {
        return invalid(format!("At most {ROLES_OF_ONE_MAX} roles."));
    }
    if roles.iter().any(|role| !config.roles.contains_key(role)) {
        return invalid("One of the roles does not exist.");
    }
    Ok(roles)
}

/// Each once, in the order given.
fn distinct<T: Clone + Ord>(given: &[T]) -> Vec<T> {
    let mut seen = BTreeSet::new();
    given.iter().filter(|one| seen.insert(*one)).cloned().collect()
}

/// The version that the caller changes must be the one that is there; `None` = any.
fn check_version(expected: Option<u64>, version: u64) -> Result<(), Objection> {
    match expected {
        Some(expected) if expected != version => Err(Objection::VersionConflict),
        _ => Ok(()),
    }
}

/// Names for people: the first few, and how many more.
fn listed(names: &[String]) -> String {
    let mut text = names.iter().take(NAMES_MAX).map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    if names.len() > NAMES_MAX {
        text.push_str(" and more");
    }
    text
}

#[cfg(test)]
mod tests;
