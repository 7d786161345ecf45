//! The files that go through Messenger, and the CDN that serves them.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{Response, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::state::{Shared, World, random_id};

/// The largest file, in bytes: 25 MB.
pub(crate) const MAX_FILE: usize = 25 * 1024 * 1024;

/// The largest image, in bytes: 8 MB.
pub(crate) const MAX_IMAGE: usize = 8 * 1024 * 1024;

/// A small picture, for attachments of which nothing but the type was told.
const PICTURE: [u8; 79] = [
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 0x10, 0, 0, 0,
    0x10, 8, 2, 0, 0, 0, 0x90, 0x91, 0x68, 0x36, 0, 0, 0, 0x16, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0xa8, 0x58,
    0x75, 0x87, 0x24, 0xc4, 0x30, 0xaa, 0x61, 0x54, 0xc3, 0xf0, 0xd5, 0, 0, 0xbc, 0xc4, 0xfe, 0x10, 0x1f, 0, 0x88,
    0x0c, 0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

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

/// What was ordered about a file: how the CDN answers for it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FileOrder {
    /// As if the URL's time were over.
    pub(crate) expired: bool,
    /// 302 to this address.
    pub(crate) redirect_to: Option<String>,
    /// This status, with an empty body.
    pub(crate) status: Option<u16>,
    /// This content type, whatever the file is.
    pub(crate) content_type: Option<String>,
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
    let now_s = shared.clock.now_s();
    let mut world = shared.world();
    let response = match world.files.get_mut(&id).filter(|file| file.name == name) {
        None => plain(StatusCode::NOT_FOUND, "Not Found"),
        Some(file) => {
            file.downloads += 1;
            answer(file, query.oe.as_deref(), now_s)
        }
    };
    drop(world);
    shared.changed();
    response
}

fn answer(file: &StoredFile, signed_until: Option<&str>, now_s: u64) -> Response<Body> {
    if let Some(target) = &file.order.redirect_to {
        let response = Response::builder().status(StatusCode::FOUND).header(header::LOCATION, target);
        return response.body(Body::empty()).unwrap_or_else(|_| plain(StatusCode::BAD_GATEWAY, "Bad redirect"));
    }
    if let Some(status) = file.order.status.and_then(|status| StatusCode::from_u16(status).ok()) {
        return plain(status, "");
    }
    let signed_until = signed_until.and_then(|text| u64::from_str_radix(text, 16).ok());
    if signed_until != Some(file.expires_s) {
        return plain(StatusCode::FORBIDDEN, "Bad URL hash");
    }
    if file.order.expired || now_s >= file.expires_s {
        return plain(StatusCode::FORBIDDEN, "URL signature expired");
    }
    let content_type = file.order.content_type.as_ref().unwrap_or(&file.content_type);
    let response = Response::builder()
        .header(header::CONTENT_TYPE, content_type)
        .header(header::CONTENT_LENGTH, file.bytes.len())
        .header(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", file.name));
    let body = Body::from(file.bytes.clone());
    response.body(body).unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "Bad content type"))
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, "text/plain");
    response.body(Body::from(text)).expect("a status and a fixed header make a response")
}
