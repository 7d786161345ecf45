//! The files that go through Messenger, and the CDN that serves them.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::state::{Shared, World, random_id};
use crate::files::{FileOrder, PICTURE, content, plain};

/// The largest file, in bytes: 25 MB.
pub(crate) const MAX_FILE: usize = 25 * 1024 * 1024;

/// The largest image, in bytes: 8 MB.
pub(crate) const MAX_IMAGE: usize = 8 * 1024 * 1024;

/// A file on the CDN.
#[derive(Debug)]
pub(crate) struct StoredFile {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) bytes: Bytes,
    /// Until when its URL is good, in seconds since 1970.
    pub(crate) expires_s: u64,
    pub(crate) order: FileOrder,
    pub(crate) downloads: u64,
}

/// What an `attachment_id` stands for.
#[derive(Debug, Clone)]
pub(crate) struct Attachment {
    pub(crate) page_id: String,
    pub(crate) kind: String,
    pub(crate) url: String,
}

/// Puts a file on the CDN. Returns its id and URL.
pub(crate) fn store(
    shared: &Shared,
    world: &mut World,
    name: &str,
    content_type: &str,
    bytes: Bytes,
) -> (String, String) {
    let expires_s = shared.clock.now_s() + shared.options.url_lifetime.as_secs();
    let id = random_id();
    let plain = |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' };
    let name: String = name.chars().map(plain).collect();
    let url = format!("{}/cdn/{id}/{name}?_nc_cat=1&oh=00_{}&oe={expires_s:X}", shared.url, random_id());
    let file = StoredFile {
        name,
        content_type: content_type.to_owned(),
        bytes,
        expires_s,
        order: FileOrder::default(),
        downloads: 0,
    };
    world.files.insert(id.clone(), file);
    (id, url)
}

/// As the control API shows it.
pub(crate) fn describe(id: &str, file: &StoredFile) -> Value {
    json!({
        "id": id,
        "name": file.name,
        "content_type": file.content_type,
        "size": file.bytes.len(),
        "downloads": file.downloads,
        "order": file.order,
    })
}

/// A file of this type, for attachments of which nothing but the type was told.
pub(crate) fn sample(kind: &str) -> (&'static str, &'static str, Bytes) {
    match kind {
        "image" | "sticker" => ("photo.png", "image/png", Bytes::from_static(&PICTURE)),
        "audio" => ("voice.mp4", "audio/mp4", Bytes::from_static(b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42")),
        "video" => ("video.mp4", "video/mp4", Bytes::from_static(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom")),
        _ => ("document.pdf", "application/pdf", Bytes::from_static(b"%PDF-1.4\n%%EOF\n")),
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct CdnQuery {
    oe: Option<String>,
}

/// `GET /cdn/{id}/{name}?oe=...`.
pub(crate) async fn serve(
    State(shared): State<Arc<Shared>>,
    Path((id, name)): Path<(String, String)>,
    Query(query): Query<CdnQuery>,
) -> Response<Body> {
    let (response, delay) = look(&shared, &id, &name, query.oe.as_deref());
    shared.changed();
    tokio::time::sleep(delay).await;
    response
}

/// The answer, and how much later it comes.
fn look(shared: &Shared, id: &str, name: &str, signed_until: Option<&str>) -> (Response<Body>, Duration) {
    match shared.world().files.get_mut(id).filter(|file| file.name == name) {
        None => (plain(StatusCode::NOT_FOUND, "Not Found"), Duration::ZERO),
        Some(file) => {
            file.downloads += 1;
            (answer(file, signed_until, shared.clock.now_s()), file.order.delay())
        }
    }
}

fn answer(file: &StoredFile, signed_until: Option<&str>, now_s: u64) -> Response<Body> {
    if let Some(ordered) = file.order.instead() {
        return ordered;
    }
    let signed_until = signed_until.and_then(|text| u64::from_str_radix(text, 16).ok());
    if signed_until != Some(file.expires_s) {
        return plain(StatusCode::FORBIDDEN, "Bad URL hash");
    }
    if file.order.expired || now_s >= file.expires_s {
        return plain(StatusCode::FORBIDDEN, "URL signature expired");
    }
    let content_type = file.order.content_type.as_ref().unwrap_or(&file.content_type);
    content(&file.bytes, content_type, &file.name)
}
