//! The control API's files: what customers upload, what the bot sent, and how downloads answer.

use axum::body::{Body as HttpBody, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, Response, header};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

use super::control::{Control, change, read};
use super::files::Upload;
use super::state::Shared;
use crate::control::{Answer, Body, Problem};
use crate::files::FileOrder;

/// The largest file that a customer can be made to send, in bytes. Telegram's is 2 GB; `size` lets a file seem larger.
const MAX_CUSTOMER_FILE: usize = 64 * 1024 * 1024;

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/files", get(list).post(upload).layer(DefaultBodyLimit::max(MAX_CUSTOMER_FILE)))
        .route("/files/{id}", get(content).put(order))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UploadQuery {
    #[serde(default = "file_name")]
    name: String,
    /// The type; the request's own, if left out.
    content_type: Option<String>,
    /// The size that messages tell, in bytes; the real one, if left out.
    size: Option<u64>,
}

fn file_name() -> String {
    "file".into()
}

fn unknown(id: &str) -> Problem {
    Problem::unknown(format!("there is no file {id}"))
}

async fn upload(
    State(shared): Control,
    Path(token): Path<String>,
    Query(query): Query<UploadQuery>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let content_type = query.content_type.or(declared).unwrap_or_default();
    let upload = Upload::new(query.name, content_type, body);
    change(&shared, &token, |bot| Ok(Json(bot.files.store(upload, query.size, false).describe(&shared.url, &token))))
}

async fn list(State(shared): Control, Path(token): Path<String>) -> Answer {
    read(&shared, &token, |bot| {
        let files: Vec<Value> = bot.files.all().map(|file| file.describe(&shared.url, &token)).collect();
        Ok(Json(json!({"files": files})))
    })
}

async fn content(
    State(shared): Control,
    Path((token, id)): Path<(String, String)>,
) -> Result<Response<HttpBody>, Problem> {
    let raw = read(&shared, &token, |bot| Ok(bot.files.get(&id).ok_or_else(|| unknown(&id))?.raw()));
    let (content_type, bytes) = raw?;
    // Whatever a bot or a customer sent does not act as a part of the page.
    let response = Response::builder()
        .header(header::CONTENT_TYPE, content_type)
        .header(header::CONTENT_SECURITY_POLICY, "sandbox")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    response.body(HttpBody::from(bytes)).map_err(|_| Problem::bad("the file's type can't be sent in a header"))
}

async fn order(State(shared): Control, Path((token, id)): Path<(String, String)>, body: Body<FileOrder>) -> Answer {
    let Json(order) = body?;
    order.check().map_err(Problem::bad)?;
    change(&shared, &token, |bot| {
        let file = bot.files.get_mut(&id).ok_or_else(|| unknown(&id))?;
        file.order = order;
        Ok(Json(file.describe(&shared.url, &token)))
    })
}
