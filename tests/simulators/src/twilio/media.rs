//! Media of messages: behind Basic authentication at the API, which redirects to a CDN that wants none
//! (twilio.com/docs/messaging/api/media-resource).

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};

use super::api::Done;
use super::dates;
use super::errors::ApiError;
use super::state::{Account, Shared};
use crate::answer::Answer;

/// A file of a message.
#[derive(Debug, Clone)]
pub(crate) struct Media {
    pub(crate) sid: String,
    pub(crate) message_sid: String,
    pub(crate) content_type: String,
    pub(crate) bytes: Bytes,
    pub(crate) created_ms: u64,
    pub(crate) deleted: bool,
    /// How many more tries find nothing, as right after a message's arrival.
    pub(crate) missing_tries: u32,
    /// Who asked for it.
    pub(crate) fetches: Vec<Fetch>,
}

/// A request for a file.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Fetch {
    /// When, in milliseconds since 1970.
    time_ms: u64,
    /// `api` or `cdn`.
    via: &'static str,
    /// The HTTP status.
    status: u16,
    /// Whether it carried credentials: a must at the API, a leak at the CDN.
    authorization: bool,
}

impl Media {
    /// As the control API shows it.
    pub(crate) fn for_control(&self) -> Value {
        json!({
            "sid": self.sid,
            "message_sid": self.message_sid,
            "content_type": self.content_type,
            "size": self.bytes.len(),
            "deleted": self.deleted,
            "missing_tries": self.missing_tries,
            "fetches": self.fetches,
            "leaked_authorization": self.fetches.iter().any(|fetch| fetch.via == "cdn" && fetch.authorization),
        })
    }

    fn describe(&self, account: &str) -> Value {
        let parent = &self.message_sid;
        json!({
            "sid": self.sid,
            "account_sid": account,
            "parent_sid": parent,
            "content_type": self.content_type,
            "date_created": dates::rfc2822(self.created_ms),
            "date_updated": dates::rfc2822(self.created_ms),
            "uri": format!("/2010-04-01/Accounts/{account}/Messages/{parent}/Media/{}.json", self.sid),
        })
    }
}

fn find<'a>(account: &'a mut Account, message: &str, medium: &str, path: &str) -> Result<&'a mut Media, ApiError> {
    let found = account.media.get_mut(medium).filter(|media| media.message_sid == message && !media.deleted);
    found.ok_or_else(|| ApiError::not_found(path))
}

pub(crate) fn list(account: &Account, message: &str, path: &str) -> Result<Done, ApiError> {
    let found = account.message(message).ok_or_else(|| ApiError::not_found(path))?;
    let media = found.media.iter().filter_map(|sid| account.media.get(sid)).filter(|media| !media.deleted);
    let list: Vec<Value> = media.map(|media| media.describe(&account.sid)).collect();
    let body = json!({"media_list": list, "page": 0, "page_size": 50, "next_page_uri": null, "uri": path});
    Ok(Done::new(200, &body))
}

pub(crate) fn info(account: &mut Account, message: &str, medium: &str, path: &str) -> Result<Done, ApiError> {
    let sid = account.sid.clone();
    Ok(Done::new(200, &find(account, message, medium, path)?.describe(&sid)))
}

/// Sends who asks on to the CDN.
pub(crate) fn fetch(
    shared: &Shared,
    account: &mut Account,
    message: &str,
    medium: &str,
    path: &str,
) -> Result<Done, ApiError> {
    let place = format!("{}/cdn/{}/{medium}", shared.url, account.sid);
    let media = find(account, message, medium, path)?;
    let missing = media.missing_tries > 0;
    media.missing_tries = media.missing_tries.saturating_sub(1);
    let status = if missing { 404 } else { 307 };
    media.fetches.push(Fetch { time_ms: shared.now_ms(), via: "api", status, authorization: true });
    if missing {
        return Err(ApiError::not_found(path));
    }
    let answer = Answer::new(status, "text/plain", "").with_header("location", place);
    Ok(Done { answer, sid: Some(medium.to_owned()) })
}

pub(crate) fn delete(account: &mut Account, message: &str, medium: &str, path: &str) -> Result<Done, ApiError> {
    let media = find(account, message, medium, path)?;
    media.deleted = true;
    media.bytes = Bytes::new();
    Ok(Done { answer: Answer::new(204, "application/json", ""), sid: Some(medium.to_owned()) })
}

/// `GET /cdn/{account}/{media}`: the file itself, and a note whether credentials came along.
pub(crate) async fn cdn(
    State(shared): State<Arc<Shared>>,
    Path((account, medium)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response<Body> {
    let time_ms = shared.now_ms();
    let mut world = shared.world();
    let found = world.accounts.get_mut(&account).and_then(|account| account.media.get_mut(&medium));
    let response = match found {
        None => plain(StatusCode::NOT_FOUND),
        Some(media) => {
            let status = if media.deleted { StatusCode::NOT_FOUND } else { StatusCode::OK };
            let authorization = headers.contains_key(header::AUTHORIZATION);
            media.fetches.push(Fetch { time_ms, via: "cdn", status: status.as_u16(), authorization });
            if media.deleted { plain(status) } else { file(media) }
        }
    };
    drop(world);
    shared.changed();
    response
}

/// The file as an HTTP answer.
pub(crate) fn file(media: &Media) -> Response<Body> {
    let response = Response::builder().header(header::CONTENT_TYPE, &media.content_type);
    // A Content-Type that can't be a header was ordered by a test; the file comes without one then.
    response.body(Body::from(media.bytes.clone())).unwrap_or_else(|_| Response::new(Body::from(media.bytes.clone())))
}

fn plain(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
