//! Secrets, kept where nothing prints them.

use std::fmt;

/// The name of Facebook's app secret, which signs what Facebook sends us. Its dot keeps it from ever being a channel's id.
pub const FACEBOOK_APP: &str = "facebook.app";
/// The name of the token by which Facebook's question for the webhook is recognised.
pub const FACEBOOK_VERIFY: &str = "facebook.verify";

/// A secret that can be used and not printed (C9, I10).
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps it.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The secret itself: for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Why a secret could not be had or kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is none of that name.
    #[error("no such secret")]
    Missing,
    /// The secret store did not answer.
    #[error("secret store unavailable: {0}")]
    Unavailable(String),
}

/// The secret store. Reads are cached for 60 s a process, and served stale when the store does not answer.
pub trait Secrets {
    /// The key by which conversations are named (HMAC), the same for the whole stack.
    async fn stack_key(&self) -> Result<Secret, SecretError>;
    /// The messenger's token of a channel (Messenger: the page's; WhatsApp: Twilio's `account:token`), or one of the names above.
    async fn channel_token(&self, channel: &str) -> Result<Secret, SecretError>;
    /// The same as it is now, whatever is remembered; from then on this one is. For who was refused with the one before.
    async fn channel_token_now(&self, channel: &str) -> Result<Secret, SecretError>;
    /// Keeps the token of a channel, in place of one that is there.
    async fn put_channel_token(&self, channel: &str, token: &Secret) -> Result<(), SecretError>;
    /// Forgets the token of a channel; none there is no error.
    async fn delete_channel_token(&self, channel: &str) -> Result<(), SecretError>;
}

impl<T: Secrets> Secrets for &T {
    async fn stack_key(&self) -> Result<Secret, SecretError> {
        (**self).stack_key().await
    }
    async fn channel_token(&self, channel: &str) -> Result<Secret, SecretError> {
        (**self).channel_token(channel).await
    }
    async fn channel_token_now(&self, channel: &str) -> Result<Secret, SecretError> {
        (**self).channel_token_now(channel).await
    }
    async fn put_channel_token(&self, channel: &str, token: &Secret) -> Result<(), SecretError> {
        (**self).put_channel_token(channel, token).await
    }
    async fn delete_channel_token(&self, channel: &str) -> Result<(), SecretError> {
        (**self).delete_channel_token(channel).await
    }
}
