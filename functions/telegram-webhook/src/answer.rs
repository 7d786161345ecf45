//! What Telegram hears.

use lambda_http::http::StatusCode;
use lambda_http::http::header::{CONTENT_TYPE, RETRY_AFTER};
use lambda_http::{Body, Response};
use messengers::telegram::ParseError;
use runtime::telemetry;
use serde_json::json;
use wire::operators::Problem;

/// Telegram tries again after so many seconds; left to itself it waits longer each time, up to two minutes.
const RETRY_AFTER_S: u32 = 2;

/// Why a call was not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The body is larger than [`crate::BODY_BYTES_MAX`].
    TooLarge,
    /// Nobody knows that it is Telegram's: an unknown channel, a missing or a wrong secret.
    Unauthentic,
    /// With the right secret, but no update.
    NoUpdate(ParseError),
    /// Something that it takes is out of order: Telegram keeps the update and tries again.
    TryAgain,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unauthentic => StatusCode::UNAUTHORIZED,
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
            Self::TooLarge => "An update has at most 1 MB.",
            Self::Unauthentic => "This call is not authentic.",
            Self::NoUpdate(_) => "The body is not an update of the Bot API.",
            Self::TryAgain => "The update could not be taken in right now; send it again.",
        }
    }

    /// The answer, counted: a refused call leaves no other trace.
    pub(crate) fn answer(self) -> Response<Body> {
        telemetry::count("telegram_refused", self.code());
        let error = Problem { code: self.code().to_owned(), text: self.text().to_owned() };
        let mut answer = json_answer(json!({ "error": error }).to_string());
        *answer.status_mut() = self.status();
        if self == Self::TryAgain {
            answer.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_S.into());
        }
        answer
    }
}

/// The update is in good hands; `call` is a call of the Bot API that Telegram carries out on our behalf.
pub(crate) fn taken_in(call: Option<String>) -> Response<Body> {
    call.map_or_else(|| Response::new(Body::Empty), json_answer)
}

fn json_answer(body: String) -> Response<Body> {
    let mut answer = Response::new(Body::Text(body));
    answer.headers_mut().insert(CONTENT_TYPE, lambda_http::http::HeaderValue::from_static("application/json"));
    answer
}
