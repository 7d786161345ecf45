//! A token, checked.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use ports::{IdentityError, Principal};
use serde::Deserialize;

/// The longest token that is looked at, bytes.
const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// By how much the issuer's clock and ours may differ, milliseconds.
const LEEWAY_MS: i64 = 30_000;

/// What a token must say.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    /// Who it is from.
    pub(super) issuer: String,
    /// Whom it is for.
    pub(super) audience: String,
}

#[derive(Deserialize)]
struct Claims {
    /// One issuer: the library would take a list that holds the right one.
    iss: String,
    sub: String,
    exp: i64,
    nbf: Option<i64>,
    token_use: Option<String>,
    email: Option<String>,
    email_verified: Option<Flag>,
    name: Option<String>,
    #[serde(rename = "cognito:groups", default)]
    groups: Vec<String>,
}

/// Some issuers write a flag as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Flag {
    Flag(bool),
    Text(String),
}

impl Flag {
    fn holds(&self) -> bool {
        match self {
            Self::Flag(flag) => *flag,
            Self::Text(text) => text == "true",
        }
    }
}

fn refused<T>(why: &'static str) -> Result<T, IdentityError> {
    Err(IdentityError::Refused(why))
}

/// The id of the key that a token says it is signed with. The algorithm is looked at first: nothing else of a token that
/// chose another one matters.
pub(super) fn key_id(token: &str) -> Result<String, IdentityError> {
    if token.len() > TOKEN_BYTES_MAX {
        return refused("too long");
    }
    // An algorithm that the library doesn't know ("none") is no header to it.
    let Ok(header) = decode_header(token) else { return refused("malformed, or of an unknown algorithm") };
    if header.alg != Algorithm::RS256 {
        return refused("of another algorithm");
    }
    header.kid.map_or_else(|| refused("names no key"), Ok)
}

/// The person of a token, if it is signed with this key and says what it must.
pub(super) fn principal(
    token: &str,
    key: &DecodingKey,
    expected: &Expected,
    now_ms: i64,
) -> Result<Principal, IdentityError> {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_required_spec_claims(&["aud", "exp", "iss", "sub"]);
    validation.set_audience(&[&expected.audience]);
    validation.set_issuer(&[&expected.issuer]);
    // By our own clock, below.
    validation.validate_exp = false;
    let claims = match decode::<Claims>(token, key, &validation) {
        Ok(token) => token.claims,
        Err(error) => return refused(why(error.kind())),
    };
    check(&claims, expected, now_ms)?;
    let verified = claims.email_verified.as_ref().is_some_and(Flag::holds);
    let email = claims.email.map(|email| email.trim().to_lowercase()).filter(|email| !email.is_empty());
    Ok(Principal {
        subject: claims.sub,
        verified_email: email.filter(|_| verified),
        name: claims.name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()),
        groups: claims.groups,
        expires_at_ms: claims.exp.saturating_mul(1000),
    })
}

fn check(claims: &Claims, expected: &Expected, now_ms: i64) -> Result<(), IdentityError> {
    if claims.iss != expected.issuer {
        return refused("of another issuer");
    }
    if claims.sub.is_empty() {
        return refused("about nobody");
    }
    if claims.exp.saturating_mul(1000).saturating_add(LEEWAY_MS) <= now_ms {
        return refused("expired");
    }
    if claims.nbf.is_some_and(|nbf| nbf.saturating_mul(1000) > now_ms.saturating_add(LEEWAY_MS)) {
        return refused("not valid yet");
    }
    if claims.token_use.as_deref().is_some_and(|token_use| token_use != "id") {
        return refused("not an ID token");
    }
    Ok(())
}

fn why(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidSignature => "wrongly signed",
        ErrorKind::InvalidIssuer => "of another issuer",
        ErrorKind::InvalidAudience => "for another audience",
        ErrorKind::InvalidAlgorithm => "of another algorithm",
        ErrorKind::MissingRequiredClaim(_) => "without a claim that it must have",
        _ => "malformed",
    }
}
