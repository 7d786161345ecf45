//! Answers and faults.

use std::future::{Future, ready};
use std::pin::Pin;

use domain::settings::Objection;
use lambda_http::{Body, IntoResponse, Response};
use ports::{SecretError, StoreError};
use serde::Serialize;
use wire::http::{Code, ErrorBody};

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    status: u16,
    body: Option<String>,
    version: Option<u64>,
    allow: Option<String>,
}

impl Answer {
    /// With a body.
    pub(crate) fn json(status: u16, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).expect("a body of plain fields has a JSON form");
        Self { status, body: Some(body), version: None, allow: None }
    }

    /// Done, and nothing to show.
    pub(crate) fn nothing() -> Self {
        Self { status: 204, body: None, version: None, allow: None }
    }

    /// What is wrong.
    pub(crate) fn error(code: Code, text: &str) -> Self {
        Self::json(code.status(), &ErrorBody::new(code, text))
    }

    /// With the version of what is shown, for `If-Match`.
    #[must_use]
    pub(crate) fn version(self, version: u64) -> Self {
        Self { version: Some(version), ..self }
    }

    /// With the methods that there are.
    #[must_use]
    pub(crate) fn allowing(self, methods: &[&str]) -> Self {
        Self { allow: Some(methods.join(", ")), ..self }
    }

    /// As HTTP.
    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::builder().status(self.status).header("cache-control", "no-store");
        if self.body.is_some() {
            response = response.header("content-type", "application/json").header("x-content-type-options", "nosniff");
        }
        if let Some(version) = self.version {
            response = response.header("etag", format!("\"{version}\""));
        }
        if let Some(allow) = self.allow {
            response = response.header("allow", allow);
        }
        response.body(self.body.map_or(Body::Empty, Body::Text)).expect("the headers are made of numbers and constants")
    }
}

/// Why a call was not carried out: what the caller hears, and what the log does.
#[derive(Debug)]
pub(crate) enum Fault {
    /// With a text of its own.
    Said(Code, String),
    /// A rule says no.
    Objection(Objection),
    /// The store could not.
    Store(StoreError),
    /// The secret store could not.
    Secret(SecretError),
}

impl From<Code> for Fault {
    fn from(code: Code) -> Self {
        Self::Said(code, code.text().to_owned())
    }
}

impl From<Objection> for Fault {
    fn from(objection: Objection) -> Self {
        Self::Objection(objection)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<SecretError> for Fault {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl Fault {
    /// Code and text for the caller: never a cause, never a value that was sent (C9).
    pub(crate) fn outward(&self) -> (Code, String) {
        let plain = |code: Code| (code, code.text().to_owned());
        match self {
            Self::Said(code, text) => (*code, text.clone()),
            Self::Objection(objection) => (code(objection), objection.to_string()),
            Self::Store(StoreError::Refused(_)) => plain(Code::Internal),
            Self::Store(_) | Self::Secret(_) => plain(Code::TryAgain),
        }
    }

    /// Logs the cause, where it is ours.
    pub(crate) fn log(&self) {
        match self {
            Self::Store(error) => tracing::error!(%error, "store"),
            Self::Secret(error) => tracing::error!(%error, "secrets"),
            Self::Said(..) | Self::Objection(_) => {}
        }
    }
}

fn code(objection: &Objection) -> Code {
    match objection {
        Objection::InvalidValue(_) => Code::InvalidValue,
        Objection::NotFound(_) => Code::NotFound,
        Objection::VersionConflict => Code::VersionConflict,
        Objection::LimitReached(..) => Code::LimitReached,
        Objection::QueueInUse(_) => Code::QueueInUse,
        Objection::RoleInUse(_) => Code::RoleInUse,
        Objection::ChannelHasChats => Code::ChannelHasChats,
        Objection::AccountTaken(_) => Code::AccountTaken,
        Objection::AccountDiffers => Code::AccountDiffers,
        Objection::SettingsMissing(_) => Code::SettingsMissing,
        Objection::SignInRefused => Code::SignInRefused,
        Objection::ConfirmationRefused => Code::ConfirmationRefused,
        Objection::CodeWrong(_) => Code::CodeWrong,
    }
}

/// An answer that goes out as it is. `lambda_http` would convert a plain response by its charset, and so bring along the tables of every
/// charset that there is: 140 KB of 3.5 MB, more than is left of the budget.
pub struct Ready(pub Response<Body>);

impl IntoResponse for Ready {
    fn into_response(self) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        Box::pin(ready(self.0))
    }
}
