//! What a chat manager sets: queues, channels, roles, people, system settings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{ChannelId, OperatorId, Provider, QueueId, RoleId};
use crate::operator::Operator;

/// `OmniChatOperatorAcceptChatTimeout` when nobody set it, minutes (Q5).
pub const ACCEPT_TIMEOUT_MIN_DEFAULT: u32 = 5;
/// The longest accept timeout, minutes.
pub const ACCEPT_TIMEOUT_MIN_MAX: u32 = 24 * 60;
/// `SimultaneousChats` when nobody set it (Q8).
pub const SIMULTANEOUS_CHATS_DEFAULT: u32 = 5;
/// The most chats an operator may ever have at once: a set in one row holds them.
pub const LIMIT_MAX: u32 = 50;
/// The longest auto-close timeout, minutes: 60 days.
pub const AUTO_CLOSE_MIN_MAX: u32 = 60 * 24 * 60;
/// The most queues of an installation.
pub const QUEUES_MAX: usize = 200;
/// The most channels of an installation.
pub const CHANNELS_MAX: usize = 200;
/// The most roles of an installation.
pub const ROLES_MAX: usize = 200;
/// The most roles of one person, and of one queue.
pub const ROLES_OF_ONE_MAX: usize = 10;
/// The most people whom one queue names itself.
pub const USERS_OF_QUEUE_MAX: usize = 100;
/// The most characters of a name.
pub const NAME_CHARS_MAX: usize = 100;

/// How a queue distributes its chats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Every eligible operator sees a new chat; the first to accept gets it (Q3).
    ToAll,
    /// The eligible operator with the fewest chats is offered it (Q4).
    MostFree,
}

/// A queue (Q1, Q2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Its id.
    pub id: QueueId,
    /// Its name.
    pub name: String,
    /// Its rule.
    pub rule: Rule,
    /// Minutes after the last outgoing message at which a chat in work closes by itself; none = never (L2).
    #[serde(default)]
    pub auto_close_min: Option<u32>,
    /// Whether auto-close spares a chat in which the customer spoke last (L2).
    #[serde(default)]
    pub spare_unanswered: bool,
    /// The roles whose people serve it.
    #[serde(default)]
    pub roles: Vec<RoleId>,
    /// The people who serve it by name.
    #[serde(default)]
    pub users: Vec<OperatorId>,
    /// The most chats an operator without a limit of their own handles at once, where it differs from the setting (Q8).
    #[serde(default)]
    pub limit: Option<u32>,
    /// Minutes of an operator's absence after which their chats return to the line; none = never (Q10).
    #[serde(default)]
    pub absence_return_min: Option<u32>,
    /// Counts its changes.
    #[serde(default)]
    pub version: u64,
}

impl Queue {
    /// Whether this operator serves it (Q2).
    pub fn has(&self, operator: &Operator) -> bool {
        self.users.contains(&operator.id) || self.roles.iter().any(|role| operator.roles.contains(role))
    }
}

/// A channel (C1). Its token is not here: it is in the secret store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Its id; also the last part of its webhook's address.
    pub id: ChannelId,
    /// Its messenger.
    pub provider: Provider,
    /// Its name.
    pub name: String,
    /// Whether it takes part.
    pub active: bool,
    /// The queue its chats go to.
    #[serde(default)]
    pub queue: Option<QueueId>,
    /// The language of its customers (IETF tag); it selects the quick replies.
    #[serde(default)]
    pub language: Option<String>,
    /// The provider's id of the bot, page or number: one channel has it (C3).
    pub account: String,
    /// The provider's public name of it (Telegram: the bot's username).
    #[serde(default)]
    pub account_name: Option<String>,
    /// What stands in the way of its working, by a stable code.
    #[serde(default)]
    pub problem: Option<String>,
    /// Counts its changes.
    #[serde(default)]
    pub version: u64,
}

impl Channel {
    /// The queue its messages go to, if it takes part at all (C1).
    pub fn serving(&self) -> Option<&QueueId> {
        if self.active { self.queue.as_ref() } else { None }
    }
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// Its name.
    pub name: String,
    /// Counts its changes.
    #[serde(default)]
    pub version: u64,
}

/// A person whom a chat manager has let in: the operator of the same id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Their id, chosen by Switchboard.
    pub id: OperatorId,
    /// Their e-mail address, in lower case; who signs in with it verified is this person (P4).
    pub email: String,
    /// Their name, as customers and colleagues see it.
    pub name: String,
    /// Their roles.
    #[serde(default)]
    pub roles: Vec<RoleId>,
    /// The most chats they handle at once, where it differs (Q8).
    #[serde(default)]
    pub own_limit: Option<u32>,
    /// Whether the account is switched off.
    #[serde(default)]
    pub disabled: bool,
    /// The issuer's id of them, once they have signed in.
    #[serde(default)]
    pub subject: Option<String>,
    /// Counts its changes.
    #[serde(default)]
    pub version: u64,
}

/// The system settings, by their codes (P2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// `OmniChatOperatorAcceptChatTimeout`, minutes, 1 to [`ACCEPT_TIMEOUT_MIN_MAX`].
    pub accept_timeout_min: u32,
    /// `SimultaneousChats`, 1 to [`LIMIT_MAX`].
    pub simultaneous_chats: u32,
    /// `SiteUrl`; none = the API's own address (C4).
    #[serde(default)]
    pub site_url: Option<String>,
    /// `OmniChatNotificationSound`: `default`, `clear`, or the id of one uploaded.
    pub notification_sound: String,
    /// `IdentityServerUrl` (P3).
    #[serde(default)]
    pub identity_server_url: Option<String>,
    /// `IdentityServerClientId` (P3).
    #[serde(default)]
    pub identity_server_client_id: Option<String>,
    /// Whether `IdentityServerClientSecret` is set; the secret itself is in the secret store (C9).
    #[serde(default)]
    pub identity_server_client_secret_set: bool,
    /// `FacebookAppId` (C5).
    #[serde(default)]
    pub facebook_app_id: Option<String>,
    /// Whether `FacebookAppSecret` is set; the secret itself is in the secret store (C9).
    #[serde(default)]
    pub facebook_app_secret_set: bool,
    /// Counts their changes.
    #[serde(default)]
    pub version: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            accept_timeout_min: ACCEPT_TIMEOUT_MIN_DEFAULT,
            simultaneous_chats: SIMULTANEOUS_CHATS_DEFAULT,
            site_url: None,
            notification_sound: "default".to_owned(),
            identity_server_url: None,
            identity_server_client_id: None,
            identity_server_client_secret_set: false,
            facebook_app_id: None,
            facebook_app_secret_set: false,
            version: 0,
        }
    }
}

impl Settings {
    /// The accept timeout, milliseconds.
    pub fn accept_timeout_ms(&self) -> i64 {
        i64::from(self.accept_timeout_min) * 60_000
    }
}

/// Everything that routing has to know, read as one row and cached for seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// Counts every change of any part.
    pub version: u64,
    /// The system settings.
    pub settings: Settings,
    /// The queues.
    pub queues: BTreeMap<QueueId, Queue>,
    /// The channels.
    pub channels: BTreeMap<ChannelId, Channel>,
    /// The roles.
    pub roles: BTreeMap<RoleId, Role>,
}

impl Configuration {
    /// The queues that this operator serves.
    pub fn queues_of<'a>(&'a self, operator: &'a Operator) -> impl Iterator<Item = &'a Queue> {
        self.queues.values().filter(|queue| queue.has(operator))
    }

    /// The most chats this operator may have when taking one of this queue (Q8): their own limit, else the queue's, else the setting.
    pub fn limit(&self, operator: &Operator, queue: Option<&Queue>) -> usize {
        let limit =
            operator.own_limit.or(queue.and_then(|queue| queue.limit)).unwrap_or(self.settings.simultaneous_chats);
        usize::try_from(limit.min(LIMIT_MAX)).unwrap_or(usize::MAX)
    }
}
