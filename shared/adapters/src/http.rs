//! The HTTP client for everything that isn't the SDK's.

use std::error::Error;
use std::time::Duration;

use reqwest::{Client, ClientBuilder, Response, redirect};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a connection is kept for the next call. A function's process is frozen between invocations, and a connection
/// that the other side closed meanwhile would swallow the next call with its outcome unknown; so only calls of one burst
/// share one.
const KEPT_FOR: Duration = Duration::from_secs(4);

/// A client whose calls take at most so long, from the connection to the end of the answer. Redirects are answers like any
/// other, and proxies of the environment aren't asked.
pub(crate) fn client(timeout: Duration) -> Client {
    built(builder().timeout(timeout))
}

/// The same without a time-out of its own, to be made to more than measure.
pub(crate) fn builder() -> ClientBuilder {
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(KEPT_FOR)
        .redirect(redirect::Policy::none())
        .no_proxy()
}

pub(crate) fn built(builder: ClientBuilder) -> Client {
    builder.build().expect("the system has a store of certificates")
}

/// The body, cut at so many bytes.
pub(crate) async fn body(mut response: Response, bytes_max: usize) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = bytes_max - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == bytes_max {
            break;
        }
    }
    Ok(body)
}

/// What went wrong, with its causes and without the URL, which may hold a secret.
pub(crate) fn explain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
