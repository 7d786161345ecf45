//! How every control API answers, refuses and waits.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::ground::Ground;

/// The longest wait of one request, in milliseconds.
const MAX_WAIT_MS: u64 = 60_000;

/// The most copies of one delivery.
pub(crate) const MAX_COPIES: usize = 1000;

/// A refusal of the control API, `{"error": text}`.
#[derive(Debug)]
pub(crate) struct Problem(StatusCode, String);

impl Problem {
    /// 400.
    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, text.into())
    }

    /// 404.
    pub(crate) fn unknown(text: impl Into<String>) -> Self {
        Self(StatusCode::NOT_FOUND, text.into())
    }

    /// 409.
    pub(crate) fn conflict(text: impl Into<String>) -> Self {
        Self(StatusCode::CONFLICT, text.into())
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

/// What a request of the control API comes to.
pub(crate) type Answer = Result<Json<Value>, Problem>;

/// The JSON body of such a request.
pub(crate) type Body<T> = Result<Json<T>, JsonRejection>;

/// Looks until `look` finds what it wants, at the latest after `wait_ms`. Returns what it saw last.
pub(crate) async fn wait_for<T>(
    ground: &Ground,
    wait_ms: u64,
    look: impl Fn() -> Result<(T, bool), Problem>,
) -> Result<T, Problem> {
    let deadline = Instant::now() + Duration::from_millis(wait_ms.min(MAX_WAIT_MS));
    let mut changes = ground.changes.subscribe();
    loop {
        changes.borrow_and_update();
        let (seen, found) = look()?;
        if found {
            return Ok(seen);
        }
        if !matches!(timeout_at(deadline, changes.changed()).await, Ok(Ok(()))) {
            return Ok(seen);
        }
    }
}

/// Whether `count` copies can be ordered.
pub(crate) fn check_copies(count: usize) -> Result<(), Problem> {
    if count == 0 || count > MAX_COPIES {
        return Err(Problem::bad(format!("there can be 1 to {MAX_COPIES} copies")));
    }
    Ok(())
}

/// One order, or a list of them.
pub(crate) fn one_or_many<T: DeserializeOwned>(body: Value) -> Result<Vec<T>, Problem> {
    let list = if body.is_array() { body } else { Value::Array(vec![body]) };
    serde_json::from_value(list).map_err(|error| Problem::bad(error.to_string()))
}
