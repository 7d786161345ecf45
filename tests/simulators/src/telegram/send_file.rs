//! Sending a file: `sendPhoto`, `sendDocument` and the like.

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::answer::{ApiError, Success};
use super::files::Upload;
use super::kinds::{Kind, picture_size};
use super::params::Params;
use super::send::{self, Extras};
use super::state::{Bot, Shared};

/// The longest caption, in UTF-16 code units.
const MAX_CAPTION: usize = 1024;

/// What a call may tell about its file beside the file.
const TOLD: [&str; 6] = ["duration", "width", "height", "length", "performer", "title"];

/// What is sent.
enum Content<'a> {
    New(&'a Upload),
    Known(String),
}

/// A method that sends a file.
pub(crate) fn send(shared: &Shared, bot: &mut Bot, kind: Kind, params: &Params) -> Result<Success, ApiError> {
    let content = content(bot, kind, params)?;
    let caption = caption(kind, params)?;
    let markup = send::reply_markup(params)?;
    let chat_id = send::writable_chat(bot, params)?;
    if let Content::New(upload) = &content {
        check_bytes(kind, upload)?;
    }
    let reply_to = send::replied_message(bot, params, chat_id)?;
    bot.limits.admit(chat_id, Instant::now()).map_err(ApiError::too_many_requests)?;
    let file_id = match content {
        Content::New(upload) => bot.files.store(upload.clone(), None, true).file_id.clone(),
        Content::Known(id) => id,
    };
    let mut fields = bot.files.message_fields(kind, &file_id, told(kind, params));
    if !caption.is_empty() {
        fields.insert("caption".into(), caption.into());
    }
    send::post(shared, bot, params, chat_id, Extras { reply_to, markup }, fields)
}

/// Whether a parameter is the address of a file rather than an id.
pub(crate) fn is_url(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.starts_with("http://") || text.starts_with("https://")
}

/// The file that came in the request: the part of the field's name, or the one that `attach://` names.
pub(crate) fn upload(params: &Params, kind: Kind) -> Option<&Upload> {
    match params.text(kind.field()) {
        Some(text) => params.file(text.strip_prefix("attach://")?),
        None => params.file(kind.field()),
    }
}

fn content<'a>(bot: &Bot, kind: Kind, params: &'a Params) -> Result<Content<'a>, ApiError> {
    if let Some(upload) = upload(params, kind) {
        if upload.bytes.len() > kind.max_upload() {
            return Err(ApiError::too_large());
        }
        return Ok(Content::New(upload));
    }
    match (&params.fetched, params.text(kind.field()).filter(|text| !text.is_empty())) {
        (_, None) => Err(ApiError::bad_request(&format!("there is no {} in the request", kind.field()))),
        (Some(fetched), _) => fetched.as_ref().map(Content::New).map_err(Clone::clone),
        (None, Some(text)) if is_url(&text) => Err(ApiError::bad_request("failed to get HTTP URL content")),
        (None, Some(id)) => {
            let wrong = || ApiError::bad_request("wrong file identifier/HTTP URL specified");
            let file = bot.files.get(&id).ok_or_else(wrong)?;
            let first = file.kind.unwrap_or(kind);
            if (first == Kind::Photo) != (kind == Kind::Photo) {
                return Err(ApiError::bad_request(&format!("can't use file of type {first:?} as {kind:?}")));
            }
            Ok(Content::Known(id))
        }
    }
}

/// The caption, trimmed; empty if there is none.
fn caption(kind: Kind, params: &Params) -> Result<String, ApiError> {
    if !kind.has_caption() {
        return Ok(String::new());
    }
    send::check_parse_mode(params)?;
    let caption = params.text("caption").unwrap_or_default().trim().to_owned();
    if caption.encode_utf16().count() > MAX_CAPTION {
        return Err(ApiError::bad_request("message caption is too long"));
    }
    Ok(caption)
}

fn check_bytes(kind: Kind, upload: &Upload) -> Result<(), ApiError> {
    if upload.bytes.is_empty() {
        return Err(ApiError::bad_request("file must be non-empty"));
    }
    if kind == Kind::Photo && picture_size(&upload.bytes).is_none() {
        return Err(ApiError::bad_request("IMAGE_PROCESS_FAILED"));
    }
    Ok(())
}

/// What the call tells about its file, as fields of the message. A picture is measured.
fn told(kind: Kind, params: &Params) -> Map<String, Value> {
    let fits = |name: &str| match kind {
        Kind::Photo | Kind::Sticker | Kind::Document => false,
        Kind::Video | Kind::Animation => matches!(name, "duration" | "width" | "height"),
        Kind::VideoNote => matches!(name, "duration" | "length"),
        Kind::Audio => matches!(name, "duration" | "performer" | "title"),
        Kind::Voice => name == "duration",
    };
    let value = |name: &str| {
        let number = params.integer(name).map(Value::from);
        if matches!(name, "performer" | "title") { params.text(name).map(Value::from) } else { number }
    };
    TOLD.into_iter().filter(|name| fits(name)).filter_map(|name| Some((name.to_owned(), value(name)?))).collect()
}
