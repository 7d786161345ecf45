//! What a call says.

use std::str::FromStr;

use lambda_http::{Request, RequestExt};
use ports::Principal;
use serde::de::DeserializeOwned;
use wire::http::{BODY_BYTES_MAX, Code};

use crate::answer::Fault;

/// A call whose caller is known and may make it.
pub(crate) struct Call<'a> {
    /// What stands in the path where it varies.
    pub(crate) varies: &'a str,
    /// All of it.
    pub(crate) request: &'a Request,
    /// Who calls.
    pub(crate) principal: &'a Principal,
}

impl Call<'_> {
    /// The id in the path; what is no id is nothing's.
    pub(crate) fn id<T: FromStr>(&self) -> Result<T, Fault> {
        self.varies.parse().map_err(|_| Code::NotFound.into())
    }

    /// The body. What is wrong with it is not repeated: it may hold a token (C9).
    pub(crate) fn body<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        let body = self.request.body().as_ref();
        if body.len() > BODY_BYTES_MAX {
            return Err(Code::BodyTooLarge.into());
        }
        serde_json::from_slice(body).map_err(|_| Code::BadRequest.into())
    }

    /// The version that the caller changes, which must be named.
    pub(crate) fn version(&self) -> Result<Option<u64>, Fault> {
        let version = self.version_if_any()?;
        if version.is_none() { Err(Code::PreconditionRequired.into()) } else { Ok(version) }
    }

    /// The version that the caller changes, if it is named. What is no version of ours is nobody's.
    pub(crate) fn version_if_any(&self) -> Result<Option<u64>, Fault> {
        let Some(header) = self.request.headers().get("if-match") else { return Ok(None) };
        let tag = header.to_str().ok().map(str::trim).and_then(|tag| tag.strip_prefix('"')?.strip_suffix('"'));
        tag.and_then(|tag| tag.parse().ok()).map(Some).ok_or_else(|| Code::VersionConflict.into())
    }

    /// A parameter of the query.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        self.request.query_string_parameters_ref().and_then(|query| query.first(name)).map(str::to_owned)
    }
}
