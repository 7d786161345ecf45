//! What API Gateway is answered.

use serde::Serialize;
use serde_json::{Value, json};
use wire::http::{Code, ErrorBody};

/// An HTTP answer; also what the routes of a WebSocket API expect.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    status: u16,
    body: Option<String>,
}

impl Answer {
    /// Without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, body: None }
    }

    /// With one.
    pub(crate) fn json(status: u16, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).expect("a body of plain fields has a JSON form");
        Self { status, body: Some(body) }
    }

    /// What is wrong.
    pub(crate) fn error(code: Code) -> Self {
        Self::json(code.status(), &ErrorBody::new(code, code.text()))
    }
}

impl From<Answer> for Value {
    fn from(answer: Answer) -> Self {
        match answer.body {
            None => json!({ "statusCode": answer.status }),
            Some(body) => json!({
                "statusCode": answer.status,
                "headers": { "content-type": "application/json", "cache-control": "no-store" },
                "body": body,
            }),
        }
    }
}
