//! What stands between the first and the last call of a set-up that takes several: a sign-in to Facebook (C5), the
//! confirmation of a WhatsApp number (C7).
//!
//! One of a kind is under way a person: beginning another one ends it.

use serde::{Deserialize, Serialize};

use super::{Objection, SettingCode, invalid};
use crate::config::Settings;
use crate::ids::Provider;

/// How long the state of a sign-in to Facebook may be used, milliseconds.
pub const SIGN_IN_MS: i64 = 10 * 60 * 1000;
/// How long pages may be chosen after it, milliseconds.
pub const CHOICE_MS: i64 = 30 * 60 * 1000;
/// How long a confirmation code may be used, milliseconds.
pub const CONFIRMATION_MS: i64 = 10 * 60 * 1000;
/// How often a confirmation code may be tried.
pub const TRIES_MAX: u32 = 5;
/// The longest address that Facebook may be told to return to, characters.
const RETURN_URL_CHARS_MAX: usize = 1024;

/// The settings that setting up a channel of this messenger needs, and that nobody set (P3). `SiteUrl` fills itself in.
pub fn missing_settings(settings: &Settings, provider: Provider) -> Vec<SettingCode> {
    let needed = match provider {
        Provider::Messenger => vec![
            (SettingCode::FacebookAppId, settings.facebook_app_id.is_some()),
            (SettingCode::FacebookAppSecret, settings.facebook_app_secret_set),
        ],
        Provider::Telegram | Provider::Whatsapp => Vec::new(),
    };
    needed.into_iter().filter(|(_, is_set)| !is_set).map(|(code, _)| code).collect()
}

/// Whether Facebook may send the person back to this address: one of an origin that is allowed.
pub fn check_return_url(url: &str, origins: &[&str]) -> Result<(), Objection> {
    let is_plain = url.chars().count() <= RETURN_URL_CHARS_MAX
        && !url.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '#' | '\\' | '@'));
    let origin = origin_of(url);
    if is_plain && origin.is_some() && origins.iter().any(|allowed| origin_of(allowed) == origin) {
        return Ok(());
    }
    invalid("Facebook may return to an address of an allowed origin only (parameter AllowedOrigins).")
}

/// Scheme, host and port of an address, in lower case.
fn origin_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.trim().split_once("://").filter(|(scheme, _)| matches!(*scheme, "https" | "http"))?;
    let authority = rest.split(['/', '?']).next().filter(|authority| !authority.is_empty())?;
    Some(format!("{scheme}://{authority}").to_lowercase())
}

/// A sign-in to Facebook that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// SHA-256 (hex) of the state that Facebook hands back.
    pub state: String,
    /// Where Facebook returns to: the code is given for this address alone.
    pub return_url: String,
    /// Until when it may be gone on with, milliseconds since 1970.
    pub expires_at_ms: i64,
    /// Whether the code has been used. It, and so the state with another code, works once.
    pub signed_in: bool,
}

impl SignIn {
    /// The person is sent to Facebook.
    pub fn begin(state: String, return_url: String, now_ms: i64) -> Self {
        Self { state, return_url, expires_at_ms: now_ms + SIGN_IN_MS, signed_in: false }
    }

    /// Whether this state is the one that is under way.
    pub fn check(&self, state: &str, now_ms: i64) -> Result<(), Objection> {
        if self.state == state && now_ms < self.expires_at_ms { Ok(()) } else { Err(Objection::SignInRefused) }
    }

    /// The code has been used, and the pages may be chosen.
    #[must_use]
    pub fn done(self, now_ms: i64) -> Self {
        Self { signed_in: true, expires_at_ms: now_ms + CHOICE_MS, ..self }
    }
}

/// A WhatsApp number that waits for its confirmation code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// Its id.
    pub id: String,
    /// The number that becomes a channel, `+` and digits.
    pub number: String,
    /// The channel's name, if one was given.
    pub name: Option<String>,
    /// The number's Messaging Service, if it has one.
    pub service: Option<String>,
    /// A hash of the code.
    pub code: String,
    /// The provider's id of the message that carries the code, once it was sent.
    pub message: Option<String>,
    /// How often a code was tried.
    pub tries: u32,
    /// Until when it may be gone on with, milliseconds since 1970.
    pub expires_at_ms: i64,
    /// Whether the right code came: then the rest may be done as often as it takes.
    pub confirmed: bool,
}

impl Confirmation {
    /// Whether this confirmation is the one that is under way.
    pub fn check(&self, id: &str, now_ms: i64) -> Result<(), Objection> {
        if self.id == id && now_ms < self.expires_at_ms { Ok(()) } else { Err(Objection::ConfirmationRefused) }
    }

    /// A try with a code of this hash. Whoever called it stores what it left, whichever way it went, before anything else.
    pub fn attempt(&mut self, code: &str) -> Result<(), Objection> {
        if self.confirmed {
            return Ok(());
        }
        if self.tries >= TRIES_MAX {
            return Err(Objection::ConfirmationRefused);
        }
        self.tries += 1;
        self.confirmed = self.code == code;
        if self.confirmed { Ok(()) } else { Err(Objection::CodeWrong(TRIES_MAX - self.tries)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p3_a_set_up_names_every_setting_that_it_misses() {
        let mut settings = Settings::default();
        let missing = |settings: &Settings| missing_settings(settings, Provider::Messenger);
        assert_eq!(missing(&settings), [SettingCode::FacebookAppId, SettingCode::FacebookAppSecret]);
        settings.facebook_app_id = Some("1".to_owned());
        assert_eq!(missing(&settings), [SettingCode::FacebookAppSecret]);
        let text = Objection::SettingsMissing(missing(&Settings::default())).to_string();
        assert!(text.contains("FacebookAppId, FacebookAppSecret"), "{text}");
        for provider in [Provider::Telegram, Provider::Whatsapp] {
            assert_eq!(missing_settings(&Settings::default(), provider), []);
        }
    }

    #[test]
    fn c5_facebook_returns_to_an_allowed_origin_only() {
        let origins = ["https://Console.example.com/", "http://localhost:8300", "", "*"];
        for (url, good) in [
            ("https://console.example.com/channels?x=1", true),
            ("https://console.example.com", true),
            ("http://localhost:8300/", true),
            ("http://console.example.com/", false),
            ("https://console.example.com.evil.org/", false),
            ("https://console.example.com@evil.org/", false),
            ("https://evil.org\\@console.example.com/", false),
            ("https://console.example.com/#_", false),
            ("https://console.example.com:8443/", false),
            ("http://localhost/", false),
            ("//console.example.com/", false),
            ("javascript://console.example.com/", false),
            ("*", false),
            ("", false),
            (&format!("https://console.example.com/{}", "x".repeat(1024)), false),
        ] {
            assert_eq!(check_return_url(url, &origins).is_ok(), good, "{url}");
        }
    }

    #[test]
    fn c5_a_state_is_one_persons_for_ten_minutes() {
        let sign_in = SignIn::begin("a".to_owned(), "https://x.org".to_owned(), 0);
        assert_eq!(sign_in.check("a", SIGN_IN_MS - 1), Ok(()));
        assert_eq!(sign_in.check("a", SIGN_IN_MS), Err(Objection::SignInRefused));
        assert_eq!(sign_in.check("b", 0), Err(Objection::SignInRefused));
        let sign_in = sign_in.done(SIGN_IN_MS - 1);
        assert_eq!(sign_in.check("a", SIGN_IN_MS + CHOICE_MS - 2), Ok(()));
        assert_eq!(sign_in.check("a", SIGN_IN_MS + CHOICE_MS - 1), Err(Objection::SignInRefused));
    }

    #[test]
    fn c7_a_code_may_be_tried_five_times() {
        let fresh = || Confirmation {
            id: "w".to_owned(),
            number: "+1".to_owned(),
            name: None,
            service: None,
            code: "right".to_owned(),
            message: None,
            tries: 0,
            expires_at_ms: CONFIRMATION_MS,
            confirmed: false,
        };
        let mut one = fresh();
        for left in [4, 3, 2, 1] {
            assert_eq!(one.attempt("wrong"), Err(Objection::CodeWrong(left)));
        }
        assert_eq!(one.attempt("right"), Ok(()), "the fifth");
        assert_eq!(one.attempt("wrong"), Ok(()), "once confirmed, it stays so");
        let mut one = fresh();
        for _ in 0..TRIES_MAX {
            assert!(one.attempt("wrong").is_err());
        }
        assert_eq!(one.attempt("right"), Err(Objection::ConfirmationRefused));
        assert_eq!(one.check("w", CONFIRMATION_MS), Err(Objection::ConfirmationRefused));
        assert_eq!(one.check("v", 0), Err(Objection::ConfirmationRefused));
        assert_eq!(one.check("w", 0), Ok(()));
    }
}
