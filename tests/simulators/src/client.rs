//! Asking a control API from Rust.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

/// Why the control API could not be asked, or what it refused.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No answer, or one that isn't JSON.
    #[error("the simulator did not answer")]
    Http(#[from] reqwest::Error),
    /// A refusal, with its status and text.
    #[error("the simulator refused: {status} {text}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What it said.
        text: String,
    },
    /// What was waited for did not happen.
    #[error("waited {waited:?} in vain; the last answer was {last}")]
    TimedOut {
        /// How long was waited.
        waited: Duration,
        /// What was there at the end.
        last: Value,
    },
}

/// The way to a simulator's control API; each simulator's client puts its requests into words.
#[derive(Debug, Clone)]
pub(crate) struct ControlClient {
    url: String,
    http: reqwest::Client,
}

impl ControlClient {
    pub(crate) fn new(url: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client with fixed settings can be built");
        Self { url: url.trim_end_matches('/').to_owned(), http }
    }

    /// Asks the control API: `path` begins after `/control`.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        let mut request = self.http.request(method, self.address(path));
        if let Some(body) = body {
            request = request.json(body);
        }
        Ok(accepted(request).await?.json().await?)
    }

    /// Posts bytes of this type.
    pub(crate) async fn upload(&self, path: &str, content_type: &str, bytes: Vec<u8>) -> Result<Value, ClientError> {
        let request = self.http.post(self.address(path)).header("content-type", content_type).body(bytes);
        Ok(accepted(request).await?.json().await?)
    }

    /// Gets bytes.
    pub(crate) async fn bytes(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        Ok(accepted(self.http.get(self.address(path))).await?.bytes().await?.to_vec())
    }

    fn address(&self, path: &str) -> String {
        format!("{}/control{path}", self.url)
    }
}

async fn accepted(request: RequestBuilder) -> Result<Response, ClientError> {
    let response = request.send().await?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    Err(ClientError::Refused { status: status.as_u16(), text: response.text().await? })
}

/// The list of this name in an answer; empty if there is none.
pub(crate) fn list(answer: &Value, name: &str) -> Vec<Value> {
    answer[name].as_array().cloned().unwrap_or_default()
}
