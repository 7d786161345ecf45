//! Who somebody is, by a token of the stack's issuer (P4).

/// A person, as a verified token describes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The issuer's unchanging id of the person (`sub`).
    pub subject: String,
    /// Their e-mail address, in lower case, only if the issuer says that it is verified.
    pub verified_email: Option<String>,
    /// The name to show.
    pub name: Option<String>,
    /// The issuer's groups they are in; rights are groups (`CanManageChats`, `CanManageIdentity`).
    pub groups: Vec<String>,
    /// Until when the token holds, milliseconds since 1970.
    pub expires_at_ms: i64,
}

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Malformed, wrongly signed, expired, of another issuer, audience or use. The text is for the log and holds no part of the token.
    #[error("token refused: {0}")]
    Refused(&'static str),
    /// The issuer's keys could not be had.
    #[error("issuer unavailable: {0}")]
    Unavailable(String),
}

/// Verifies tokens.
pub trait Identity {
    /// The person of this ID token: allowed algorithm (RS256), signature by the issuer's keys, issuer, audience, expiry, token use.
    async fn verify(&self, token: &str, now_ms: i64) -> Result<Principal, IdentityError>;
}

impl<T: Identity> Identity for &T {
    async fn verify(&self, token: &str, now_ms: i64) -> Result<Principal, IdentityError> {
        (**self).verify(token, now_ms).await
    }
}
