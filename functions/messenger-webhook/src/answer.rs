//! What Facebook hears.

use lambda_http::http::StatusCode;
use lambda_http::http::header::{CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use lambda_http::{Body, Response};
use messengers::messenger::ParseError;
use runtime::telemetry;
use serde_json::json;
use wire::operators::Problem;

/// Why a call was not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The body is larger than [`crate::BODY_BYTES_MAX`].
    TooLarge,
    /// Nobody knows that it is Facebook's: a missing or a wrong signature, a wrong verify token.
    Unauthentic,
    /// With the right signature, but no call of the webhook.
    NoUpdate(ParseError),
    /// Something that it takes is out of order: Facebook tries again.
    TryAgain,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unauthentic => StatusCode::FORBIDDEN,
            Self::NoUpdate(_) => StatusCode::BAD_REQUEST,
            Self::TryAgain => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "body_too_large",
            Self::Unauthentic => "not_authentic",
            Self::NoUpdate(error) => error.code(),
            Self::TryAgain => "try_again",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::TooLarge => "A call has at most 1 MB.",
            Self::Unauthentic => "This call is not authentic.",
            Self::NoUpdate(_) => "The body is not one that Facebook posts to a webhook.",
            Self::TryAgain => "The call could not be taken in right now; send it again.",
        }
    }

    /// The answer, counted: a refused call leaves no other trace.
    pub(crate) fn answer(self) -> Response<Body> {
        telemetry::count("messenger_refused", self.code());
        let error = Problem { code: self.code().to_owned(), text: self.text().to_owned() };
        let body = json!({ "error": error }).to_string();
        answer(self.status(), "application/json", body)
    }
}

/// Plain text: what Facebook wants to hear.
pub(crate) fn text(words: String) -> Response<Body> {
    answer(StatusCode::OK, "text/plain", words)
}

/// What is repeated of a question must not be taken for a page by a browser.
fn answer(status: StatusCode, content_type: &'static str, body: String) -> Response<Body> {
    let mut answer = Response::new(Body::Text(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}
