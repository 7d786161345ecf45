//! How the Bot API answers: the envelope, the errors and their texts.

use serde_json::{Value, json};

use crate::answer::Answer;

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

    pub(crate) fn too_large() -> Self {
        Self::new(413, "Request Entity Too Large")
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

/// The answer that tells what a call came to. `retry_after` is also a header, as the server sends it.
pub(crate) fn answer_of(outcome: &Result<Success, ApiError>) -> Answer {
    match outcome {
        Ok(success) => {
            let mut body = json!({"ok": true, "result": success.result});
            if let Some(description) = success.description {
                body["description"] = description.into();
            }
            Answer::json(200, &body)
        }
        Err(error) => {
            let answer = Answer::json(error.code, &error.body());
            match error.retry_after {
                Some(seconds) => answer.with_header("retry-after", seconds.to_string()),
                None => answer,
            }
        }
    }
}
