//! Channels (C1-C3).

use serde::{Deserialize, Serialize};

use super::{Objection, check_version, invalid, name};
use crate::config::{CHANNELS_MAX, Channel, Configuration, NAME_CHARS_MAX};
use crate::ids::{ChannelId, Provider, QueueId};

/// [`Channel::problem`] of a channel whose messenger has not confirmed yet that messages come here: connecting it is under
/// way, or broke off, and may be taken up again.
pub const WEBHOOK_NOT_CONFIRMED: &str = "webhook_not_confirmed";
/// [`Channel::problem`] of a channel whose token was revoked, or has run out: connecting it again mends it.
pub const TOKEN_INVALID: &str = "token_invalid";
/// [`Channel::problem`] of a page that was connected with less than full permission (C5).
pub const PERMISSION_MISSING: &str = "permission_missing";
/// [`Channel::problem`] of a channel whose messages go to another site (C3).
pub const WEBHOOK_TAKEN_OVER: &str = "webhook_taken_over";
/// [`Channel::problem`] of a channel whose messages go nowhere.
pub const WEBHOOK_MISSING: &str = "webhook_missing";
/// [`Channel::problem`] of a channel whose token is not kept (any more).
pub const TOKEN_MISSING: &str = "token_missing";
/// [`Channel::problem`] of a number whose Twilio account is suspended or closed.
pub const ACCOUNT_INACTIVE: &str = "account_inactive";
/// [`Channel::problem`] of a number that its Twilio account does not have (any more) as a sender.
pub const SENDER_MISSING: &str = "sender_missing";
/// [`Channel::problem`] of a number that WhatsApp does not have online.
pub const SENDER_OFFLINE: &str = "sender_offline";
/// What a look at a channel's health finds, and takes back when it finds it no more.
const FOUND_BY_A_LOOK: [&str; 7] = [
    TOKEN_INVALID,
    TOKEN_MISSING,
    WEBHOOK_TAKEN_OVER,
    WEBHOOK_MISSING,
    ACCOUNT_INACTIVE,
    SENDER_MISSING,
    SENDER_OFFLINE,
];
/// The reason of a reply that was refused because of its channel's token.
pub const CHANNEL_UNAUTHORIZED: &str = "channel_unauthorized";
/// The longest language tag, characters (RFC 5646 asks for 35).
const LANGUAGE_CHARS_MAX: usize = 35;

/// What a manager may change of a channel (C1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelDraft {
    /// See [`Channel::name`].
    pub name: String,
    /// See [`Channel::active`].
    pub active: bool,
    /// See [`Channel::queue`].
    #[serde(default)]
    pub queue: Option<QueueId>,
    /// See [`Channel::language`].
    #[serde(default)]
    pub language: Option<String>,
}

/// A channel for this bot, page or number: a new one, inactive and unbound; or the one that an earlier try left unfinished.
/// One channel has it at a time (C3).
///
/// The id is made of the account, so that a try that broke off before anything was stored leaves nothing of another name.
pub fn connect_channel(
    config: &mut Configuration,
    provider: Provider,
    id: ChannelId,
    account: &str,
    account_name: &str,
    given_name: Option<&str>,
) -> Result<Channel, Objection> {
    let name = match given_name {
        Some(given) => name(given)?,
        None => account_name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect(),
    };
    let having = config.channels.values().find(|channel| channel.provider == provider && channel.account == account);
    let version = match having {
        None if config.channels.len() >= CHANNELS_MAX => return Err(Objection::LimitReached("channels", CHANNELS_MAX)),
        None => 0,
        Some(channel) if is_unfinished(channel) => channel.version,
        Some(channel) => return Err(Objection::AccountTaken(channel.name.clone())),
    };
    let channel = Channel {
        id: having.map_or(id, |channel| channel.id.clone()),
        provider,
        name,
        active: false,
        queue: None,
        language: having.and_then(|channel| channel.language.clone()),
        account: account.to_owned(),
        account_name: Some(account_name.to_owned()),
        problem: Some(WEBHOOK_NOT_CONFIRMED.to_owned()),
        version: version + 1,
    };
    Ok(put(config, channel))
}

fn is_unfinished(channel: &Channel) -> bool {
    channel.problem.as_deref() == Some(WEBHOOK_NOT_CONFIRMED) && !channel.active && channel.queue.is_none()
}

fn put(config: &mut Configuration, channel: Channel) -> Channel {
    config.channels.insert(channel.id.clone(), channel.clone());
    config.version += 1;
    channel
}

fn find<'a>(config: &'a Configuration, id: &ChannelId) -> Result<&'a Channel, Objection> {
    config.channels.get(id).ok_or(Objection::NotFound("channel"))
}

/// The channel's bot is connected again, with the same token or another one of the same bot.
pub fn connect_again(
    config: &mut Configuration,
    id: &ChannelId,
    account: &str,
    account_name: &str,
) -> Result<Channel, Objection> {
    let before = find(config, id)?;
    if before.account != account {
        return Err(Objection::AccountDiffers);
    }
    let channel = Channel {
        account_name: Some(account_name.to_owned()),
        problem: Some(WEBHOOK_NOT_CONFIRMED.to_owned()),
        version: before.version + 1,
        ..before.clone()
    };
    Ok(put(config, channel))
}

/// A channel for this page: a new one named after it, or the one that there is, connected again (C5).
pub fn connect_page(
    config: &mut Configuration,
    id: &ChannelId,
    page: &str,
    page_name: &str,
) -> Result<Channel, Objection> {
    if config.channels.contains_key(id) {
        return connect_again(config, id, page, page_name);
    }
    connect_channel(config, Provider::Messenger, id.clone(), page, page_name, None)
}

/// What the channel is to say of itself after a look at its health found this (C3); `None` = what it says already. A permission
/// that its page's person lacks is found out whole only by connecting it again, so no look takes that back; and what is not
/// the channel's own (a setting that is missing) is not said of it.
pub fn after_a_look<'a>(channel: &Channel, found: Option<&'a str>) -> Option<Option<&'a str>> {
    let said = channel.problem.as_deref();
    let is_told = match found {
        Some(found) => found == PERMISSION_MISSING || FOUND_BY_A_LOOK.contains(&found),
        None => said.is_some_and(|said| FOUND_BY_A_LOOK.contains(&said)),
    };
    (is_told && said != found).then_some(found)
}

/// Says, or takes back, what stands in the way of a channel's working; `None` if that is said already. While connecting it
/// is under way ([`WEBHOOK_NOT_CONFIRMED`]) that alone is to be said. What was found is that of the channel as it was
/// `looked_at`: of one that has changed since nothing is known ([`Objection::VersionConflict`]).
pub fn mark_problem(
    config: &mut Configuration,
    looked_at: &Channel,
    problem: Option<&str>,
) -> Result<Option<Channel>, Objection> {
    let before = find(config, &looked_at.id)?;
    check_version(Some(looked_at.version), before.version)?;
    if before.problem.as_deref() == problem || before.problem.as_deref() == Some(WEBHOOK_NOT_CONFIRMED) {
        return Ok(None);
    }
    let channel = Channel { problem: problem.map(str::to_owned), version: before.version + 1, ..before.clone() };
    Ok(Some(put(config, channel)))
}

/// What is said to stand in the way of a channel's working: what connecting it or its health found out, else why its messenger
/// last refused a reply for the whole channel (`refused`; codes as replies have them).
pub fn problem_of(channel: &Channel, refused: Option<&str>) -> Option<String> {
    let refused = refused.map(|code| if code == CHANNEL_UNAUTHORIZED { TOKEN_INVALID } else { code });
    channel.problem.as_deref().or(refused).map(str::to_owned)
}

/// The messenger has confirmed that messages come here; `problem` = what stands in the way nevertheless.
pub fn confirm_channel(
    config: &mut Configuration,
    id: &ChannelId,
    problem: Option<&str>,
) -> Result<Channel, Objection> {
    let before = find(config, id)?;
    let channel = Channel { problem: problem.map(str::to_owned), version: before.version + 1, ..before.clone() };
    Ok(put(config, channel))
}

/// Changes a channel, from the version that the manager saw.
pub fn change_channel(
    config: &mut Configuration,
    id: &ChannelId,
    expected: Option<u64>,
    draft: &ChannelDraft,
) -> Result<Channel, Objection> {
    let before = find(config, id)?;
    check_version(expected, before.version)?;
    if draft.queue.as_ref().is_some_and(|queue| !config.queues.contains_key(queue)) {
        return invalid("The queue does not exist.");
    }
    let channel = Channel {
        name: name(&draft.name)?,
        active: draft.active,
        queue: draft.queue.clone(),
        language: draft.language.as_deref().map(language).transpose()?,
        version: before.version + 1,
        ..before.clone()
    };
    Ok(put(config, channel))
}

/// A language tag: subtags of letters and digits, the first of 2 or 3 letters (RFC 5646, without its registry).
fn language(tag: &str) -> Result<String, Objection> {
    let mut subtags = tag.split('-');
    let primary = subtags
        .next()
        .is_some_and(|first| (2..=3).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_alphabetic()));
    let others = subtags.all(|sub| (1..=8).contains(&sub.len()) && sub.bytes().all(|b| b.is_ascii_alphanumeric()));
    if primary && others && tag.len() <= LANGUAGE_CHARS_MAX {
        return Ok(tag.to_owned());
    }
    invalid("A language is a tag such as \"ru\" or \"en-GB\".")
}

/// Deletes a channel that never had a chat (C2).
pub fn delete_channel(
    config: &mut Configuration,
    id: &ChannelId,
    expected: Option<u64>,
    has_chats: bool,
) -> Result<Channel, Objection> {
    let channel = find(config, id)?.clone();
    check_version(expected, channel.version)?;
    if has_chats {
        return Err(Objection::ChannelHasChats);
    }
    config.channels.remove(id);
    config.version += 1;
    Ok(channel)
}
