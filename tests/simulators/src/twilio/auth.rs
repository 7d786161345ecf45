//! Basic authentication: `AC...:auth token`, or `SK...:secret` of an API key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::errors::ApiError;
use super::state::World;

/// Whose credentials a call carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: String,
    /// Whether it was a key. Keys may do everything but look at accounts.
    pub(crate) with_key: bool,
}

/// Checks an Authorization header.
pub(crate) fn authenticate(world: &World, header: Option<&str>) -> Result<Caller, ApiError> {
    let (user, password) = header.and_then(decode).ok_or_else(ApiError::unauthorized)?;
    let found = world.accounts.values().find_map(|account| {
        let with_key = account.keys.get(&user) == Some(&password);
        let with_token = account.sid == user && account.auth_token == password;
        (with_key || with_token).then(|| Caller { account: account.sid.clone(), with_key })
    });
    found.ok_or_else(ApiError::unauthorized)
}

fn decode(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}
