//! What goes back over a connection, or doesn't.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use serde_json::Value;

use crate::listener::Cut;

/// What goes back over the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// An answer with this status, content type, further headers and body.
    Body { status: u16, content_type: &'static str, headers: Vec<(&'static str, String)>, body: String },
    /// No answer: the connection stays open until the client gives up.
    Hold,
    /// No answer: the connection is closed.
    Close,
}

impl Answer {
    pub(crate) fn new(status: u16, content_type: &'static str, body: impl Into<String>) -> Self {
        Self::Body { status, content_type, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// The HTML of a proxy before the service.
    pub(crate) fn proxy_error(status: u16) -> Self {
        let reason = reason(status);
        let body = format!(
            "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n<center><h1>{status} {reason}</h1></center>\r\n\
             <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        );
        Self::new(status, "text/html", body)
    }

    /// An answer that somebody ordered: a text goes out as it is, anything else as JSON.
    pub(crate) fn ordered(status: u16, body: Option<&Value>) -> Self {
        match body {
            Some(Value::String(text)) => Self::new(status, "text/plain", text.clone()),
            Some(body) => Self::json(status, body),
            None => Self::new(status, "text/plain", ""),
        }
    }

    /// The same answer with one more header; nothing stays nothing.
    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let Self::Body { headers, .. } = &mut self {
            headers.push((name, value.into()));
        }
        self
    }

    /// Gives the answer over the connection that `cut` belongs to. Held, it is closed after `hold` at the latest.
    pub(crate) async fn send(self, cut: &Cut, hold: Duration) -> Response<Body> {
        match self {
            Self::Body { status, content_type, headers, body } => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let mut response = Response::builder().status(status).header(header::CONTENT_TYPE, content_type);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                response.body(Body::from(body)).expect("a status, fixed header names and plain values make a response")
            }
            Self::Hold => {
                // A client that gives up closes the connection, and this future is dropped with it.
                tokio::time::sleep(hold).await;
                cut.cut();
                Response::new(Body::empty())
            }
            Self::Close => {
                cut.cut();
                Response::new(Body::empty())
            }
        }
    }
}

/// The words for a server error.
pub(crate) fn reason(status: u16) -> &'static str {
    match status {
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Server Error",
    }
}
