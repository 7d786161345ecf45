//! Attachments that the page sends: what a request may say about them, and the fetch of their URLs.

use std::time::Duration;

use axum::body::Bytes;
use serde_json::{Value, json};
use url::Url;

use super::error::GraphError;
use super::files::{self, Attachment, MAX_FILE, MAX_IMAGE};
use super::params::Params;
use super::state::{Shared, World, random_id};

/// What can be attached.
const KINDS: [&str; 5] = ["audio", "file", "image", "template", "video"];

/// An attachment as asked for.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) kind: String,
    pub(crate) source: Source,
    /// Whether the answer gets an `attachment_id`.
    pub(crate) reusable: bool,
}

/// Where an attachment's content comes from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Url(Url),
    Known(String),
    /// The request itself.
    Upload(Upload),
    /// A template has no file.
    Template(Value),
}

/// A file's content.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) bytes: Bytes,
}

/// Reads `message.attachment`.
pub(crate) fn read(attachment: &Value, params: &Params) -> Result<Wanted, GraphError> {
    let object =
        attachment.as_object().ok_or_else(|| GraphError::parameter("Param message[attachment] must be an object"))?;
    if let Some(unknown) = object.keys().find(|key| !["type", "payload"].contains(&key.as_str())) {
        return Err(GraphError::parameter(&format!(
            "Invalid keys \"{unknown}\" were found in param \"message[attachment]\""
        )));
    }
    let kind = attachment["type"].as_str().unwrap_or_default();
    if !KINDS.contains(&kind) {
        let known = KINDS.map(str::to_ascii_uppercase).join(", ");
        return Err(GraphError::parameter(&format!("Param message[attachment][type] must be one of {{{known}}}")));
    }
    let payload = &attachment["payload"];
    let reusable = match &payload["is_reusable"] {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        _ => return Err(GraphError::parameter("Param message[attachment][payload][is_reusable] must be a boolean")),
    };
    let source = source(kind, payload, params)?;
    Ok(Wanted { kind: kind.to_owned(), source, reusable })
}

fn source(kind: &str, payload: &Value, params: &Params) -> Result<Source, GraphError> {
    if kind == "template" {
        if payload["template_type"].as_str().is_none() {
            return Err(GraphError::parameter("Param message[attachment][payload][template_type] is required"));
        }
        return Ok(Source::Template(payload.clone()));
    }
    match (&payload["url"], &payload["attachment_id"], &params.file) {
        (Value::String(text), Value::Null, None) => {
            let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            let bad = || GraphError::parameter("Param message[attachment][payload][url] should represent a valid URL");
            Ok(Source::Url(url.ok_or_else(bad)?))
        }
        (Value::Null, Value::String(id), None) => Ok(Source::Known(id.clone())),
        (Value::Null, Value::Number(id), None) => Ok(Source::Known(id.to_string())),
        (Value::Null, Value::Null, Some(file)) => {
            let content =
                Upload { name: file.name.clone(), content_type: file.content_type.clone(), bytes: file.bytes.clone() };
            check(kind, &content.content_type, content.bytes.len())?;
            Ok(Source::Upload(content))
        }
        (Value::Null, Value::Null, None) => {
            Err(GraphError::parameter("Message cannot be empty, must provide valid attachment or text"))
        }
        _ => Err(GraphError::parameter("An attachment has one of url, attachment_id and filedata")),
    }
}

/// Whether content of this type and size can go as this kind.
fn check(kind: &str, content_type: &str, size: usize) -> Result<(), GraphError> {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let fits = match kind {
        "image" => essence.starts_with("image/"),
        // A voice message is MP4 as well, and servers often call that a video.
        "audio" => essence.starts_with("audio/") || essence == "video/mp4",
        "video" => essence.starts_with("video/"),
        _ => true,
    };
    if !fits {
        return Err(GraphError::wrong_media_type(kind, &essence));
    }
    if size > most(kind) { Err(GraphError::too_large()) } else { Ok(()) }
}

fn most(kind: &str) -> usize {
    if kind == "image" { MAX_IMAGE } else { MAX_FILE }
}

/// Fetches the content of an attachment that is told by its URL, and makes it one that is there.
pub(crate) async fn fetch(shared: &Shared, wanted: &mut Wanted) -> Result<(), GraphError> {
    let Source::Url(url) = &wanted.source else { return Ok(()) };
    let content = download(shared, url, &wanted.kind).await?;
    wanted.source = Source::Upload(content);
    Ok(())
}

async fn download(shared: &Shared, url: &Url, kind: &str) -> Result<Upload, GraphError> {
    let failed = |error: reqwest::Error| {
        if error.is_timeout() && kind == "video" {
            let seconds = shared.options.fetch_timeout.max(Duration::from_secs(1)).as_secs();
            return GraphError::sub(100, 2_018_294, format!("(#100) Video upload timed out after {seconds} seconds"));
        }
        GraphError::fetch_failed(if error.is_timeout() { "timeout" } else { "no answer" })
    };
    let mut response = shared.fetcher.get(url.clone()).send().await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(GraphError::fetch_failed(&format!("HTTP status {}", response.status().as_u16())));
    }
    let header = response.headers().get("content-type").and_then(|value| value.to_str().ok());
    let content_type = header.unwrap_or("application/octet-stream").to_owned();
    check(kind, &content_type, 0)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > most(kind) {
            return Err(GraphError::too_large());
        }
    }
    let last = url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
    let name = if last.is_empty() { "attachment" } else { last };
    Ok(Upload { name: name.to_owned(), content_type, bytes: Bytes::from(bytes) })
}

/// Takes an attachment that is there into the world. Returns it as events carry it, and its id if it has one.
pub(crate) fn place(
    shared: &Shared,
    world: &mut World,
    page_id: &str,
    wanted: &Wanted,
) -> Result<(Value, Option<String>), GraphError> {
    let (url, id) = match &wanted.source {
        Source::Template(payload) => return Ok((json!({"type": wanted.kind, "payload": payload}), None)),
        Source::Url(_) => return Err(GraphError::fetch_failed("nothing was fetched")),
        Source::Known(id) => {
            let known = world.attachments.get(id).filter(|known| known.page_id == page_id && known.kind == wanted.kind);
            let unknown = || GraphError::parameter("Invalid attachment_id: there is no such attachment of this page");
            (known.ok_or_else(unknown)?.url.clone(), Some(id.clone()))
        }
        Source::Upload(content) => {
            let (_, url) = files::store(shared, world, &content.name, &content.content_type, content.bytes.clone());
            let id = wanted.reusable.then(|| remember(world, page_id, &wanted.kind, &url));
            (url, id)
        }
    };
    Ok((json!({"type": wanted.kind, "payload": {"url": url}}), id))
}

fn remember(world: &mut World, page_id: &str, kind: &str, url: &str) -> String {
    let id = random_id();
    let attachment = Attachment { page_id: page_id.to_owned(), kind: kind.to_owned(), url: url.to_owned() };
    world.attachments.insert(id.clone(), attachment);
    id
}
