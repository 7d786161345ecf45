//! The system settings, by their codes (P2, P3).

use serde::{Deserialize, Serialize};

use super::{Impact, Objection, invalid};
use crate::config::{ACCEPT_TIMEOUT_MIN_MAX, Configuration, LIMIT_MAX, Settings};

/// The longest text of a setting, characters.
const TEXT_CHARS_MAX: usize = 2048;
/// The longest id of Facebook's, digits.
const ID_DIGITS_MAX: usize = 20;
/// The sounds there are (W2): the product's own, and none.
const SOUNDS: [&str; 2] = ["default", "clear"];

/// A system setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingCode {
    /// Minutes until an offer runs out (Q5).
    AcceptTimeout,
    /// The most chats of an operator at once (Q8).
    SimultaneousChats,
    /// What announces a new chat or message (W2).
    NotificationSound,
    /// Where messengers find this installation (C4).
    SiteUrl,
    /// The company's OAuth server (P3).
    IdentityServerUrl,
    /// The client by which the product signs in there.
    IdentityServerClientId,
    /// Its secret; never shown (C9).
    IdentityServerClientSecret,
    /// The Facebook app whose pages' messages come here (C5).
    FacebookAppId,
    /// Its secret; never shown (C9).
    FacebookAppSecret,
}

/// A setting's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SettingValue {
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
    /// None: the default.
    Empty,
}

impl From<Option<&String>> for SettingValue {
    fn from(text: Option<&String>) -> Self {
        text.map_or(Self::Empty, |text| Self::Text(text.clone()))
    }
}

impl SettingCode {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::AcceptTimeout,
        Self::SimultaneousChats,
        Self::NotificationSound,
        Self::SiteUrl,
        Self::IdentityServerUrl,
        Self::IdentityServerClientId,
        Self::IdentityServerClientSecret,
        Self::FacebookAppId,
        Self::FacebookAppSecret,
    ];

    /// As the product's guide calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AcceptTimeout => "OmniChatOperatorAcceptChatTimeout",
            Self::SimultaneousChats => "SimultaneousChats",
            Self::NotificationSound => "OmniChatNotificationSound",
            Self::SiteUrl => "SiteUrl",
            Self::IdentityServerUrl => "IdentityServerUrl",
            Self::IdentityServerClientId => "IdentityServerClientId",
            Self::IdentityServerClientSecret => "IdentityServerClientSecret",
            Self::FacebookAppId => "FacebookAppId",
            Self::FacebookAppSecret => "FacebookAppSecret",
        }
    }

    /// The setting of this code.
    pub fn find(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|setting| setting.as_str() == code)
    }

    /// What it is for.
    pub const fn description(self) -> &'static str {
        match self {
            Self::AcceptTimeout => "Minutes that an operator has to accept a chat on offer.",
            Self::SimultaneousChats => "The most chats that an operator handles at once, over all channels and queues.",
            Self::NotificationSound => "The sound of a new chat and a new message: default, or clear for none.",
            Self::SiteUrl => "The address where messengers find this installation; empty = the API's own.",
            Self::IdentityServerUrl => "The company's OAuth server, by which calls of processes are signed in.",
            Self::IdentityServerClientId => "The client by which calls of processes are signed in.",
            Self::IdentityServerClientSecret => "The secret of that client; it is never shown.",
            Self::FacebookAppId => "The id of the Facebook app by which pages are connected.",
            Self::FacebookAppSecret => "The secret of that app; it is never shown.",
        }
    }

    /// Whether changing it needs the right `CanManageIdentity` (P3).
    pub const fn is_identity(self) -> bool {
        matches!(self, Self::IdentityServerUrl | Self::IdentityServerClientId | Self::IdentityServerClientSecret)
    }

    /// Of one that is never shown (C9): whether it is set.
    pub const fn is_set(self, settings: &Settings) -> Option<bool> {
        match self {
            Self::IdentityServerClientSecret => Some(settings.identity_server_client_secret_set),
            Self::FacebookAppSecret => Some(settings.facebook_app_secret_set),
            _ => None,
        }
    }

    /// Its value, or the default; [`SettingValue::Empty`] for one that is never shown.
    pub fn value(self, settings: &Settings) -> SettingValue {
        match self {
            Self::AcceptTimeout => SettingValue::Number(settings.accept_timeout_min.into()),
            Self::SimultaneousChats => SettingValue::Number(settings.simultaneous_chats.into()),
            Self::NotificationSound => SettingValue::Text(settings.notification_sound.clone()),
            Self::SiteUrl => settings.site_url.as_ref().into(),
            Self::IdentityServerUrl => settings.identity_server_url.as_ref().into(),
            Self::IdentityServerClientId => settings.identity_server_client_id.as_ref().into(),
            Self::FacebookAppId => settings.facebook_app_id.as_ref().into(),
            Self::IdentityServerClientSecret | Self::FacebookAppSecret => SettingValue::Empty,
        }
    }
}

fn number(value: &SettingValue, default: u32, most: u32, unit: &str) -> Result<u32, Objection> {
    let number = match value {
        SettingValue::Empty => Some(default),
        SettingValue::Number(number) => u32::try_from(*number).ok().filter(|number| (1..=most).contains(number)),
        SettingValue::Text(_) => None,
    };
    number.map_or_else(|| invalid(format!("The value is a number, 1 to {most} {unit}.")), Ok)
}

fn text(value: &SettingValue) -> Result<Option<String>, Objection> {
    match value {
        SettingValue::Empty => Ok(None),
        SettingValue::Text(text) if text.trim().is_empty() => Ok(None),
        SettingValue::Text(text) if text.chars().count() <= TEXT_CHARS_MAX && !text.chars().any(char::is_control) => {
            Ok(Some(text.trim().to_owned()))
        }
        SettingValue::Text(_) | SettingValue::Number(_) => {
            invalid(format!("The value is one line of at most {TEXT_CHARS_MAX} characters."))
        }
    }
}

/// A number as Facebook counts its things: too long for some JSON readers, and so a text.
fn digits(value: &SettingValue) -> Result<Option<String>, Objection> {
    match text(value)? {
        Some(id) if !((1..=ID_DIGITS_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit())) => {
            invalid(format!("The value is a text of 1 to {ID_DIGITS_MAX} digits."))
        }
        id => Ok(id),
    }
}

fn url(value: &SettingValue) -> Result<Option<String>, Objection> {
    match text(value)? {
        Some(url) if !valid_https_url(&url) => {
            invalid("The value is an https address of host and path, without user, query or fragment.")
        }
        url => Ok(url.map(|url| url.trim_end_matches('/').to_owned())),
    }
}

/// Whether this is an `https` address of host, maybe port, maybe path, and nothing else.
pub fn valid_https_url(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else { return false };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let labels = |host: &str| {
        host.split('.').all(|label| {
            !label.is_empty()
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
    };
    labels(host)
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == port))
        && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.~%!$&'()*+,;=:@".contains(&b))
}

/// Changes a setting; [`SettingValue::Empty`] takes the default. The secret's own text is not kept here, only that it is set.
pub fn set(config: &mut Configuration, code: SettingCode, value: &SettingValue) -> Result<Impact, Objection> {
    let default = Settings::default();
    let settings = &mut config.settings;
    let mut impact = Impact::default();
    match code {
        SettingCode::AcceptTimeout => {
            settings.accept_timeout_min = number(value, default.accept_timeout_min, ACCEPT_TIMEOUT_MIN_MAX, "minutes")?;
        }
        SettingCode::SimultaneousChats => {
            let before = settings.simultaneous_chats;
            settings.simultaneous_chats = number(value, default.simultaneous_chats, LIMIT_MAX, "chats")?;
            if settings.simultaneous_chats != before {
                impact.wake.extend(config.queues.keys().cloned());
            }
        }
        SettingCode::NotificationSound => {
            let sound = text(value)?.unwrap_or(default.notification_sound);
            if !SOUNDS.contains(&sound.as_str()) {
                return invalid("The value is \"default\" or \"clear\".");
            }
            settings.notification_sound = sound;
        }
        SettingCode::SiteUrl => settings.site_url = url(value)?,
        SettingCode::IdentityServerUrl => settings.identity_server_url = url(value)?,
        SettingCode::IdentityServerClientId => settings.identity_server_client_id = text(value)?,
        SettingCode::IdentityServerClientSecret => {
            settings.identity_server_client_secret_set = text(value)?.is_some();
        }
        SettingCode::FacebookAppId => settings.facebook_app_id = digits(value)?,
        SettingCode::FacebookAppSecret => settings.facebook_app_secret_set = text(value)?.is_some(),
    }
    config.settings.version += 1;
    config.version += 1;
    Ok(impact)
}
