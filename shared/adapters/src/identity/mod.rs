//! People, by ID tokens of an OpenID Connect issuer (P4).
//!
//! Source: OpenID Connect Core 1.0, 3.1.3.7; RFC 8725 (best practices for JWT); for `token_use` and `cognito:groups`,
//! Cognito's developer guide.

mod keys;
mod token;

use ports::{Identity, IdentityError, Principal};

use self::keys::{HttpKeys, KeySource, Keys};
use self::token::{Expected, key_id, principal};

/// Verifies ID tokens of one issuer for one client.
#[derive(Clone, Debug)]
pub struct OidcIdentity(Verifier<HttpKeys>);

impl OidcIdentity {
    /// With the issuer as tokens name it, where its keys are, and the client's id, which is the audience.
    pub fn new(issuer: &str, jwks_url: &str, client_id: &str) -> Self {
        Self(Verifier::new(issuer, client_id, HttpKeys::new(jwks_url)))
    }
}

impl Identity for OidcIdentity {
    async fn verify(&self, token: &str, now_ms: i64) -> Result<Principal, IdentityError> {
        self.0.verify(token, now_ms).await
    }
}

#[derive(Clone, Debug)]
struct Verifier<S> {
    expected: Expected,
    keys: Keys<S>,
}

impl<S: KeySource> Verifier<S> {
    fn new(issuer: &str, client_id: &str, source: S) -> Self {
        let expected = Expected { issuer: issuer.to_owned(), audience: client_id.to_owned() };
        Self { expected, keys: Keys::new(source) }
    }

    /// A token of a wrong shape or algorithm is refused before any key is asked for.
    async fn verify(&self, token: &str, now_ms: i64) -> Result<Principal, IdentityError> {
        let key_id = key_id(token)?;
        let key = self.keys.get(&key_id, now_ms).await?;
        principal(token, &key, &self.expected, now_ms)
    }
}

#[cfg(test)]
mod tests;
