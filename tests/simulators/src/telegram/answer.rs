//! How the Bot API answers: the envelope, the errors and their texts.

use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use serde_json::{Value, json};

/// What a method call came to.
#[derive(Debug, Clone)]
pub(crate) struct Success {
    /// The value of `result`.
    pub(crate) result: Value,
    /// A text that some methods add.
    pub(crate) description: Option<&'static str>,
}

impl Success {
    pub(crate) fn new(result: Value) -> Self {
        Self { result, description: None }
    }

    pub(crate) fn described(result: Value, description: &'static str) -> Self {
        Self { result, description: Some(description) }
    }
}

/// A refusal, `{"ok":false,"error_code":...,"description":...,"parameters":...}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) code: u16,
    pub(crate) description: String,
    pub(crate) retry_after: Option<u64>,
}

impl ApiError {
    pub(crate) fn new(code: u16, description: impl Into<String>) -> Self {
        Self { code, description: description.into(), retry_after: None }
    }

    /// 400 with the prefix that the server puts before its reason.
    pub(crate) fn bad_request(reason: &str) -> Self {
        Self::new(400, format!("Bad Request: {reason}"))
    }

    /// 403 with the prefix that the server puts before its reason.
    pub(crate) fn forbidden(reason: &str) -> Self {
        Self::new(403, format!("Forbidden: {reason}"))
    }

    pub(crate) fn blocked() -> Self {
        Self::forbidden("bot was blocked by the user")
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized")
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    pub(crate) fn method_not_found() -> Self {
        Self::new(404, "Not Found: method not found")
    }

    /// 429; `retry_after` in seconds.
    pub(crate) fn too_many_requests(retry_after: u64) -> Self {
        Self {
            code: 429,
            description: format!("Too Many Requests: retry after {retry_after}"),
            retry_after: Some(retry_after),
        }
    }

    fn body(&self) -> Value {
        let mut body = json!({"ok": false, "error_code": self.code, "description": self.description});
        if let Some(seconds) = self.retry_after {
            body["parameters"] = json!({"retry_after": seconds});
        }
        body
    }
}

/// What goes back over the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// An answer with this status, content type and body; `retry_after` also as a header, as the server sends it.
    Body { status: u16, content_type: &'static str, body: String, retry_after: Option<u64> },
    /// No answer: the connection stays open until the client gives up.
    Hold,
    /// No answer: the connection is closed.
    Close,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::Body { status, content_type: "application/json", body: body.to_string(), retry_after: None }
    }

    pub(crate) fn of(outcome: &Result<Success, ApiError>) -> Self {
        match outcome {
            Ok(success) => {
                let mut body = json!({"ok": true, "result": success.result});
                if let Some(description) = success.description {
                    body["description"] = description.into();
                }
                Self::json(200, &body)
            }
            Err(error) => Self::Body {
                status: error.code,
                content_type: "application/json",
                body: error.body().to_string(),
                retry_after: error.retry_after,
            },
        }
    }
}

/// The HTTP response for an answer that has a body.
pub(crate) fn response(status: u16, content_type: &str, body: String, retry_after: Option<u64>) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::builder().status(status).header(header::CONTENT_TYPE, content_type);
    if let Some(seconds) = retry_after {
        response = response.header(header::RETRY_AFTER, seconds);
    }
    response.body(Body::from(body)).expect("a status, fixed header names and plain values make a response")
}
