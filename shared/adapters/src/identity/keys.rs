//! The issuer's keys.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use ports::IdentityError;
use reqwest::Client;
use tokio::sync::Mutex;

use crate::http;

/// How long keys are used before they are asked for again, milliseconds: a key that the issuer took back is trusted no longer.
const FRESH_MS: i64 = 3_600_000;
/// How long it is at least from one request for keys to the next, milliseconds, whatever tokens come.
const PAUSE_MS: i64 = 10_000;
/// How long a request for keys may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);
/// The most that is read of the keys, bytes.
const KEYS_BYTES_MAX: usize = 256 * 1024;

/// Where keys come from.
pub(super) trait KeySource {
    /// All of the issuer's keys of today, or why they can't be had.
    async fn fetch(&self) -> Result<JwkSet, String>;
}

/// The issuer's own address for them.
#[derive(Clone, Debug)]
pub(super) struct HttpKeys {
    client: Client,
    url: String,
}

impl HttpKeys {
    pub(super) fn new(url: &str) -> Self {
        Self { client: http::client(FETCH_TIMEOUT), url: url.to_owned() }
    }
}

impl KeySource for HttpKeys {
    async fn fetch(&self) -> Result<JwkSet, String> {
        let response = self.client.get(&self.url).send().await.map_err(http::explain)?;
        let status = response.status();
        if !status.is_success() {
            return Err(format!("status {status}"));
        }
        let body = http::body(response, KEYS_BYTES_MAX).await.map_err(http::explain)?;
        serde_json::from_slice(&body).map_err(|error| error.to_string())
    }
}

/// Keys by id, kept for the process; clones share them.
#[derive(Clone, Debug)]
pub(super) struct Keys<S> {
    source: S,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    keys: HashMap<String, DecodingKey>,
    /// When keys were last had, and whether they ever were.
    had_at_ms: Option<i64>,
    /// When they were last asked for.
    asked_at_ms: Option<i64>,
    /// Why the last request failed, if it did.
    failed: Option<String>,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known")
            .field("keys", &self.keys.keys())
            .field("had_at_ms", &self.had_at_ms)
            .finish_non_exhaustive()
    }
}

impl<S: KeySource> Keys<S> {
    pub(super) fn new(source: S) -> Self {
        Self { source, known: Arc::default() }
    }

    /// The key of this id. The lock is held while keys are asked for, so that many who need one ask once.
    pub(super) async fn get(&self, id: &str, now_ms: i64) -> Result<DecodingKey, IdentityError> {
        let mut known = self.known.lock().await;
        if known.should_ask(id, now_ms) {
            known.asked_at_ms = Some(now_ms);
            match self.source.fetch().await {
                Ok(set) => {
                    known.keys = usable(&set);
                    known.had_at_ms = Some(now_ms);
                    known.failed = None;
                }
                Err(error) => {
                    tracing::warn!(error, "the issuer's keys could not be had");
                    known.failed = Some(error);
                }
            }
        }
        match (known.keys.get(id), &known.failed) {
            (Some(key), _) => Ok(key.clone()),
            (None, Some(error)) => Err(IdentityError::Unavailable(error.clone())),
            (None, None) => Err(IdentityError::Refused("signed with an unknown key")),
        }
    }
}

impl Known {
    fn should_ask(&self, id: &str, now_ms: i64) -> bool {
        let since = |then_ms: Option<i64>, at_least_ms| then_ms.is_none_or(|then_ms| now_ms - then_ms >= at_least_ms);
        since(self.asked_at_ms, PAUSE_MS) && (!self.keys.contains_key(id) || since(self.had_at_ms, FRESH_MS))
    }
}

/// The keys that an RS256 signature may be checked with.
fn usable(set: &JwkSet) -> HashMap<String, DecodingKey> {
    let key = |jwk: &Jwk| {
        let id = jwk.common.key_id.clone()?;
        let for_signatures = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
        let algorithm = matches!(jwk.common.key_algorithm, None | Some(KeyAlgorithm::RS256));
        let AlgorithmParameters::RSA(_) = jwk.algorithm else { return None };
        let key = DecodingKey::from_jwk(jwk).ok()?;
        (for_signatures && algorithm).then_some((id, key))
    };
    set.keys.iter().filter_map(key).collect()
}
