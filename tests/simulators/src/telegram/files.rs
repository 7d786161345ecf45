//! The files of a bot: those that it sent and those that its customers sent; `getFile` and the download.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, State};
use axum::http::Response;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::answer::{ApiError, Success, answer_of};
use super::kinds::{self, Kind};
use super::params::Params;
use super::state::{Bot, Shared};
use crate::files::{FileOrder, PICTURE, content};
use crate::ground::{random, random_text};
use crate::listener::Cut;

/// The largest file that a bot may download, in bytes.
const MAX_DOWNLOAD: u64 = 20 * 1024 * 1024;

/// How long a `file_path` is good, in milliseconds.
const LINK_MS: u64 = 60 * 60 * 1000;

/// The content type of every download, whatever the file is.
const DOWNLOAD_TYPE: &str = "application/octet-stream";

/// A file's content, as it was handed in.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub(crate) name: String,
    /// As declared; may be empty.
    pub(crate) content_type: String,
    pub(crate) bytes: Bytes,
    /// SHA-256 of the bytes, in hexadecimal.
    pub(crate) sha256: String,
}

impl Upload {
    pub(crate) fn new(name: String, content_type: String, bytes: Bytes) -> Self {
        let sha256 = hex::encode(Sha256::digest(&bytes));
        Self { name, content_type, bytes, sha256 }
    }

    /// As the control API shows it.
    pub(crate) fn describe(&self) -> Value {
        json!({
            "name": self.name,
            "content_type": self.content_type,
            "size": self.bytes.len(),
            "sha256": self.sha256,
        })
    }
}

/// A file that has an id.
#[derive(Debug)]
pub(crate) struct StoredFile {
    pub(crate) file_id: String,
    unique_id: String,
    number: usize,
    /// As what it was first sent.
    pub(crate) kind: Option<Kind>,
    pub(crate) upload: Upload,
    /// The size that messages and `getFile` tell, in bytes.
    size: u64,
    /// Id of the small version of a photo.
    thumbnail: Option<String>,
    /// Until when its path is good, in milliseconds since 1970; 0 before the first `getFile`.
    link_until_ms: u64,
    pub(crate) order: FileOrder,
    downloads: u64,
    from_bot: bool,
}

impl StoredFile {
    fn path(&self) -> String {
        let folder = self.kind.unwrap_or(Kind::Document).folder();
        let extension = kinds::extension(&self.upload.name, &self.upload.content_type);
        let extension = extension.map(|extension| format!(".{extension}")).unwrap_or_default();
        format!("{folder}/file_{}{extension}", self.number)
    }

    fn mime_type(&self) -> String {
        kinds::type_of(&self.upload.name, &self.upload.content_type)
    }

    /// As the control API shows it; `url` is the simulator's.
    pub(crate) fn describe(&self, url: &str, token: &str) -> Value {
        let mut shown = self.upload.describe();
        shown["file_id"] = json!(self.file_id);
        shown["kind"] = json!(self.kind.map(Kind::field));
        shown["told_size"] = json!(self.size);
        shown["from_bot"] = json!(self.from_bot);
        shown["downloads"] = json!(self.downloads);
        shown["order"] = json!(self.order);
        shown["url"] = json!(format!("{url}/control/bots/{token}/files/{}", self.file_id));
        shown
    }

    /// The file for the control API and the page: as what it really is.
    pub(crate) fn raw(&self) -> (String, Bytes) {
        (self.mime_type(), self.upload.bytes.clone())
    }

    /// Its fields in a message, as of the object that tells of such a file.
    fn fields(&self, kind: Kind) -> Value {
        let mut fields = json!({"file_id": self.file_id, "file_unique_id": self.unique_id, "file_size": self.size});
        let (width, height) = kinds::picture_size(&self.upload.bytes).unwrap_or((640, 360));
        let mut add = |more: Value| {
            if let (Value::Object(fields), Value::Object(more)) = (&mut fields, more) {
                fields.extend(more);
            }
        };
        match kind {
            Kind::Photo => add(json!({"width": width, "height": height})),
            Kind::Video | Kind::Animation => add(json!({"width": width, "height": height, "duration": 5})),
            Kind::VideoNote => add(json!({"length": 240, "duration": 5})),
            Kind::Audio | Kind::Voice => add(json!({"duration": 5})),
            Kind::Sticker => add(json!({
                "type": "regular", "width": width, "height": height, "is_animated": false, "is_video": false,
            })),
            Kind::Document => {}
        }
        if matches!(kind, Kind::Video | Kind::Animation | Kind::Audio | Kind::Document) {
            add(json!({"file_name": self.upload.name, "mime_type": self.mime_type()}));
        }
        if kind == Kind::Voice {
            add(json!({"mime_type": self.mime_type()}));
        }
        fields
    }
}

/// The files of a bot, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Files(BTreeMap<String, StoredFile>);

impl Files {
    /// Takes a file in. `size` is what is told about it, in bytes; its own, if left out.
    pub(crate) fn store(&mut self, upload: Upload, size: Option<u64>, from_bot: bool) -> &StoredFile {
        let file_id = format!("BQACAgIAAx{}", random_text());
        let size = size.unwrap_or(upload.bytes.len() as u64);
        let file = StoredFile {
            file_id: file_id.clone(),
            unique_id: format!("AgAD{:011x}", random() >> 20),
            number: self.0.len(),
            kind: None,
            upload,
            size,
            thumbnail: None,
            link_until_ms: 0,
            order: FileOrder::default(),
            downloads: 0,
            from_bot,
        };
        self.0.entry(file_id).or_insert(file)
    }

    pub(crate) fn get(&self, file_id: &str) -> Option<&StoredFile> {
        self.0.get(file_id)
    }

    pub(crate) fn get_mut(&mut self, file_id: &str) -> Option<&mut StoredFile> {
        self.0.get_mut(file_id)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &StoredFile> {
        self.0.values()
    }

    /// The fields of a message with this file: `told` is laid over what is known of it.
    pub(crate) fn message_fields(&mut self, kind: Kind, file_id: &str, told: Map<String, Value>) -> Map<String, Value> {
        let Some(file) = self.0.get_mut(file_id) else { return Map::new() };
        file.kind.get_or_insert(kind);
        let mut fields = file.fields(kind);
        if let Value::Object(fields) = &mut fields {
            fields.extend(told);
        }
        let mut message = Map::new();
        if kind == Kind::Photo {
            let small = self.thumbnail(file_id);
            fields = Value::Array(small.into_iter().chain([fields]).collect());
        }
        if kind == Kind::Animation {
            // For clients that know no animations.
            message.insert(Kind::Document.field().into(), fields.clone());
        }
        message.insert(kind.field().into(), fields);
        message
    }

    /// The small size of a photo: a file of its own, so that who takes the wrong size is found out. None for photos
    /// that are no larger.
    fn thumbnail(&mut self, file_id: &str) -> Option<Value> {
        let photo = self.0.get(file_id)?;
        if photo.upload.bytes.len() <= PICTURE.len() {
            return None;
        }
        let (known, from_bot) = (photo.thumbnail.clone(), photo.from_bot);
        let id = known.unwrap_or_else(|| {
            let upload = Upload::new("small.png".into(), "image/png".into(), Bytes::from_static(&PICTURE));
            self.store(upload, None, from_bot).file_id.clone()
        });
        self.0.get_mut(file_id)?.thumbnail = Some(id.clone());
        let small = self.0.get_mut(&id)?;
        small.kind = Some(Kind::Photo);
        Some(small.fields(Kind::Photo))
    }

    /// Fills in what a customer's message says about files: a file's id, as a text or in an object with fields of
    /// its own, becomes all that a message tells. Objects that tell more than an id of ours stay as they are.
    pub(crate) fn complete(&mut self, content: &mut Map<String, Value>) -> Result<(), String> {
        for kind in Kind::ALL {
            let carried = match content.get(kind.field()) {
                Some(Value::Array(sizes)) if sizes.len() == 1 => sizes.first(),
                other => other,
            };
            let (file_id, told) = match carried {
                Some(Value::String(id)) if self.get(id).is_none() => return Err(format!("there is no file {id}")),
                Some(Value::String(id)) => (id.clone(), Map::new()),
                Some(Value::Object(object)) if !object.contains_key("file_unique_id") => {
                    let Some(id) = object.get("file_id").and_then(Value::as_str) else { continue };
                    (id.to_owned(), object.clone())
                }
                _ => continue,
            };
            if self.get(&file_id).is_some() {
                content.extend(self.message_fields(kind, &file_id, told));
            }
        }
        Ok(())
    }
}

/// The id of the file that a message carries; of a photo, the largest size.
pub(crate) fn file_id_of(message: &Value) -> Option<&str> {
    let carried = Kind::ALL.into_iter().find_map(|kind| message.get(kind.field()))?;
    let file = carried.as_array().and_then(|sizes| sizes.last()).unwrap_or(carried);
    file["file_id"].as_str()
}

/// The method `getFile`.
pub(crate) fn get_file(shared: &Shared, bot: &mut Bot, params: &Params) -> Result<Success, ApiError> {
    let file_id = params.text("file_id").filter(|id| !id.is_empty());
    let file_id = file_id.ok_or_else(|| ApiError::bad_request("file_id not specified"))?;
    let unknown = || ApiError::bad_request("wrong file_id or the file is temporarily unavailable");
    let file = bot.files.get_mut(&file_id).ok_or_else(unknown)?;
    if file.size.max(file.upload.bytes.len() as u64) > MAX_DOWNLOAD {
        return Err(ApiError::bad_request("file is too big"));
    }
    file.link_until_ms = shared.clock.now_ms() + LINK_MS;
    file.order.expired = false;
    Ok(Success::new(json!({
        "file_id": file.file_id,
        "file_unique_id": file.unique_id,
        "file_size": file.size,
        "file_path": file.path(),
    })))
}

/// `GET /file/bot<token>/<file_path>`.
pub(crate) async fn serve(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    Path((bot, path)): Path<(String, String)>,
) -> Response<Body> {
    let token = bot.strip_prefix("bot").unwrap_or_default();
    let found = look(&shared, token, &path);
    shared.changed();
    let Some((response, delay)) = found else {
        return answer_of(&Err(ApiError::not_found())).send(&cut, shared.options.hold).await;
    };
    tokio::time::sleep(delay).await;
    response
}

/// The answer and how much later it comes; none if nothing is there.
fn look(shared: &Shared, token: &str, path: &str) -> Option<(Response<Body>, Duration)> {
    let mut world = shared.world();
    let bot = world.bots.get_mut(token)?;
    // A path is only known to who called getFile.
    let file = bot.files.0.values_mut().find(|file| file.link_until_ms > 0 && file.path() == path)?;
    file.downloads += 1;
    let delay = file.order.delay();
    if let Some(ordered) = file.order.instead() {
        return Some((ordered, delay));
    }
    if file.order.expired || shared.clock.now_ms() >= file.link_until_ms {
        return None;
    }
    let content_type = file.order.content_type.as_deref().unwrap_or(DOWNLOAD_TYPE);
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    Some((content(&file.upload.bytes, content_type, name), delay))
}
