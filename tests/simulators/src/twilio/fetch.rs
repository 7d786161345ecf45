//! Fetching what a message's `MediaUrl` names, as Twilio does after it took the message.

use axum::body::Bytes;
use reqwest::header::CONTENT_TYPE;

use super::kinds;

/// Why a medium can't be sent, as the code of a failed message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotFetched {
    /// It could not be fetched.
    Download,
    /// Its Content-Type is missing, not one that WhatsApp takes, or not what the bytes are.
    ContentType,
    /// It is too large.
    TooLarge,
}

impl NotFetched {
    pub(crate) fn code(self) -> u32 {
        match self {
            Self::Download => 63019,
            Self::ContentType => 12300,
            Self::TooLarge => 63034,
        }
    }
}

/// Fetches a medium: its Content-Type as it came, and its bytes.
pub(crate) async fn fetch(client: &reqwest::Client, url: &str) -> Result<(String, Bytes), NotFetched> {
    let mut response = client.get(url).send().await.map_err(|_| NotFetched::Download)?;
    if !response.status().is_success() {
        return Err(NotFetched::Download);
    }
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.ok_or(NotFetched::ContentType)?.to_owned();
    let base = kinds::base(&content_type);
    if !kinds::is_accepted(&base) {
        return Err(NotFetched::ContentType);
    }
    let limit = kinds::limit(&base);
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| NotFetched::Download)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > limit {
            return Err(NotFetched::TooLarge);
        }
    }
    if kinds::matches(&base, &bytes) { Ok((content_type, bytes.into())) } else { Err(NotFetched::ContentType) }
}
