//! What Twilio hears.

use lambda_http::http::header::CONTENT_TYPE;
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Response};
use runtime::telemetry;
use serde_json::json;
use wire::operators::Problem;

/// "Nothing to say to the customer", in Twilio's own language.
const NOTHING_TO_SAY: &str = "<Response/>";

/// Why a call was not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The body is larger than [`crate::BODY_BYTES_MAX`].
    TooLarge,
    /// Nobody knows that it is Twilio's: an unknown number, another account, a missing or a wrong signature.
    Unauthentic,
    /// Something that it takes is out of order: Twilio tries again, if its address says so.
    TryAgain,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unauthentic => StatusCode::FORBIDDEN,
            Self::TryAgain => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "body_too_large",
            Self::Unauthentic => "not_authentic",
            Self::TryAgain => "try_again",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::TooLarge => "A form has at most 1 MB.",
            Self::Unauthentic => "This call is not authentic.",
            Self::TryAgain => "The form could not be taken in right now; send it again.",
        }
    }

    /// The answer, counted: a refused call leaves no other trace.
    pub(crate) fn answer(self) -> Response<Body> {
        telemetry::count("whatsapp_refused", self.code());
        let error = Problem { code: self.code().to_owned(), text: self.text().to_owned() };
        let mut answer = with_type("application/json", json!({ "error": error }).to_string());
        *answer.status_mut() = self.status();
        answer
    }
}

/// The form is in good hands.
pub(crate) fn taken_in() -> Response<Body> {
    with_type("text/xml", NOTHING_TO_SAY.to_owned())
}

fn with_type(content_type: &'static str, body: String) -> Response<Body> {
    let mut answer = Response::new(Body::Text(body));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
