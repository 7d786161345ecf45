//! The HTTP API, typed.

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use wire::http::SettingView;

use crate::wait::{SOON, eventually};

/// Calls of the HTTP API by one caller.
#[derive(Clone, Debug)]
pub struct Api {
    url: String,
    http: reqwest::Client,
    token: Option<String>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The `ETag` header.
    pub etag: Option<String>,
    /// The body as it came.
    pub text: String,
}

impl Reply {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The error's code; empty if it is no error.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The error's text; empty if it is no error.
    pub fn error_text(&self) -> String {
        self.json()["error"]["text"].as_str().unwrap_or_default().to_owned()
    }

    /// The body of a success.
    pub fn read<T: DeserializeOwned>(&self) -> T {
        assert!((200..300).contains(&self.status), "a success was expected, not {} {}", self.status, self.text);
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Asserts a refusal by status and code.
    pub fn assert_refused(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{}", self.text);
    }
}

impl Api {
    /// The API, called with this token; none = without one.
    pub fn new(url: &str, http: &reqwest::Client, token: Option<String>) -> Self {
        Self { url: url.trim_end_matches('/').to_owned(), http: http.clone(), token }
    }

    /// One call, as it is: `path` begins with `/`.
    pub async fn call(&self, method: Method, path: &str, body: Option<String>, if_match: Option<&str>) -> Reply {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(version) = if_match {
            request = request.header(IF_MATCH, version);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let etag = answer.headers().get(ETAG).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Reply { status: answer.status().as_u16(), etag, text: answer.text().await.unwrap_or_default() }
    }

    /// A call that is made again while the system asks for that (503), as any client would.
    async fn patient(&self, method: Method, path: &str, body: Option<&Value>, version: Option<u64>) -> Reply {
        let if_match = version.map(|version| format!("\"{version}\""));
        eventually(&format!("an answer to {method} {path}"), SOON, async || {
            let reply = self.call(method.clone(), path, body.map(Value::to_string), if_match.as_deref()).await;
            (reply.status != 503).then_some(reply)
        })
        .await
    }

    /// Reads something.
    pub async fn get(&self, path: &str) -> Reply {
        self.patient(Method::GET, path, None, None).await
    }

    /// Posts something.
    pub async fn post(&self, path: &str, body: &impl Serialize) -> Reply {
        let body = serde_json::to_value(body).expect("a body has a JSON form");
        self.patient(Method::POST, path, Some(&body), None).await
    }

    /// Changes something as a whole, from the version that the caller saw.
    pub async fn put(&self, path: &str, version: u64, body: &impl Serialize) -> Reply {
        let body = serde_json::to_value(body).expect("a body has a JSON form");
        self.patient(Method::PUT, path, Some(&body), Some(version)).await
    }

    /// Deletes something.
    pub async fn delete(&self, path: &str) -> Reply {
        self.patient(Method::DELETE, path, None, None).await
    }

    /// Sets a system setting, unless it has that value.
    pub async fn set(&self, code: &str, value: &Value) {
        let path = format!("/api/settings/{code}");
        let now: SettingView = self.get(&path).await.read();
        if json!(now.value) == *value {
            return;
        }
        let reply = self.patient(Method::PUT, &path, Some(&json!({"value": value})), None).await;
        assert!(reply.status < 300, "{code}: {} {}", reply.status, reply.text);
    }
}
