//! Files that a simulator serves, and orders of how it answers for them.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde::{Deserialize, Serialize};

/// The longest that a slow answer may be ordered to take, in milliseconds.
const MAX_DELAY_MS: u64 = 60_000;

/// A small picture, 16 by 16 pixels.
pub(crate) const PICTURE: [u8; 79] = [
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 0x10, 0, 0, 0,
    0x10, 8, 2, 0, 0, 0, 0x90, 0x91, 0x68, 0x36, 0, 0, 0, 0x16, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0xa8, 0x58,
    0x75, 0x87, 0x24, 0xc4, 0x30, 0xaa, 0x61, 0x54, 0xc3, 0xf0, 0xd5, 0, 0, 0xbc, 0xc4, 0xfe, 0x10, 0x1f, 0, 0x88,
    0x0c, 0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

/// What was ordered about a file: how its address answers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FileOrder {
    /// As if the URL's time were over.
    pub(crate) expired: bool,
    /// 302 to this address.
    pub(crate) redirect_to: Option<String>,
    /// This status, with an empty body.
    pub(crate) status: Option<u16>,
    /// This content type, whatever the file is.
    pub(crate) content_type: Option<String>,
    /// The answer comes so much later.
    pub(crate) delay_ms: u64,
}

impl FileOrder {
    /// Whether an order makes sense; the text says what doesn't.
    pub(crate) fn check(&self) -> Result<(), String> {
        if let Some(status) = self.status.filter(|status| !(200..=599).contains(status)) {
            return Err(format!("status {status} is not a final HTTP status"));
        }
        if self.delay_ms > MAX_DELAY_MS {
            return Err(format!("delay_ms is at most {MAX_DELAY_MS}"));
        }
        for text in [&self.redirect_to, &self.content_type].into_iter().flatten() {
            HeaderValue::from_str(text).map_err(|_| format!("{text:?} can't be sent in a header"))?;
        }
        Ok(())
    }

    /// How much later the answer comes.
    pub(crate) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    /// The answer in the file's place, if one was ordered.
    pub(crate) fn instead(&self) -> Option<Response<Body>> {
        if let Some(target) = &self.redirect_to {
            let response = Response::builder().status(StatusCode::FOUND).header(header::LOCATION, target);
            return Some(
                response.body(Body::empty()).unwrap_or_else(|_| plain(StatusCode::BAD_GATEWAY, "Bad redirect")),
            );
        }
        self.status.and_then(|status| StatusCode::from_u16(status).ok()).map(|status| plain(status, ""))
    }
}

/// The file itself, to be saved under `name` (ASCII without quotes).
pub(crate) fn content(bytes: &Bytes, content_type: &str, name: &str) -> Response<Body> {
    let response = Response::builder()
        .header(header::CONTENT_TYPE, content_type)
        .header(header::CONTENT_LENGTH, bytes.len())
        .header(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""));
    let body = Body::from(bytes.clone());
    response.body(body).unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "Bad content type"))
}

/// A short text.
pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, "text/plain");
    response.body(Body::from(text)).expect("a status and a fixed header make a response")
}
