//! Files: kept in the stack's bucket, fetched from messengers (W4).

use domain::file::FileKey;
use messengers::files::{Source, Trusted};

use crate::secrets::Secret;

/// How much of a file is looked at to know what it is, bytes.
pub const HEAD_BYTES: u64 = 8 * 1024;

/// Why a file could not be kept, read or moved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The object is not what it was when it was looked at: somebody has put another in its place.
    #[error("the object has changed")]
    Changed,
    /// The bucket did not answer, or not with what was asked for; it may be tried again.
    #[error("bucket unavailable: {0}")]
    Unavailable(String),
}

/// An object of the bucket, or its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The bytes asked for.
    pub bytes: Vec<u8>,
    /// The size of the whole object, bytes.
    pub size_bytes: u64,
    /// The type that it was put with; who put it may have lied.
    pub content_type: String,
    /// Names these very bytes: another upload under the same key has another.
    pub etag: String,
}

/// How a browser is to take a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served<'a> {
    /// As this type, whatever the object says.
    pub content_type: &'a str,
    /// Under this name.
    pub name: &'a str,
    /// Shown in the page, or saved.
    pub inline: bool,
}

/// A request that a browser may make by itself, until it expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Where to.
    pub url: String,
    /// Headers that must go along as they are.
    pub headers: Vec<(String, String)>,
}

/// The bucket. Keys come from [`FileKey`], so none of them leads anywhere else.
pub trait Files {
    /// Keeps an object, in place of one that is there.
    async fn put(&self, key: &FileKey, content_type: &str, bytes: Vec<u8>) -> Result<(), FileError>;

    /// An object's first bytes, at most so many (at least 1); none if there is no such object.
    async fn get(&self, key: &FileKey, bytes_max: u64) -> Result<Option<Object>, FileError>;

    /// Copies an object, as of this type, if it still is the one with this etag ([`FileError::Changed`] if not).
    async fn copy(&self, from: &FileKey, etag: &str, to: &FileKey, content_type: &str) -> Result<(), FileError>;

    /// Removes an object; an absent one is no error.
    async fn delete(&self, key: &FileKey) -> Result<(), FileError>;

    /// An address by which anybody may read the object for so many seconds from now, served as said. No request is made.
    async fn link(&self, key: &FileKey, served: &Served<'_>, seconds: u32) -> Result<String, FileError>;

    /// A PUT by which anybody may put an object of exactly this type and size for so many seconds from now. No request is made.
    async fn slot(&self, key: &FileKey, content_type: &str, size_bytes: u64, seconds: u32) -> Result<Slot, FileError>;
}

impl<T: Files> Files for &T {
    async fn put(&self, key: &FileKey, content_type: &str, bytes: Vec<u8>) -> Result<(), FileError> {
        (**self).put(key, content_type, bytes).await
    }
    async fn get(&self, key: &FileKey, bytes_max: u64) -> Result<Option<Object>, FileError> {
        (**self).get(key, bytes_max).await
    }
    async fn copy(&self, from: &FileKey, etag: &str, to: &FileKey, content_type: &str) -> Result<(), FileError> {
        (**self).copy(from, etag, to, content_type).await
    }
    async fn delete(&self, key: &FileKey) -> Result<(), FileError> {
        (**self).delete(key).await
    }
    async fn link(&self, key: &FileKey, served: &Served<'_>, seconds: u32) -> Result<String, FileError> {
        (**self).link(key, served, seconds).await
    }
    async fn slot(&self, key: &FileKey, content_type: &str, size_bytes: u64, seconds: u32) -> Result<Slot, FileError> {
        (**self).slot(key, content_type, size_bytes, seconds).await
    }
}

/// What to fetch from a messenger.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted<'a> {
    /// Where it is; it may hold a secret, and appears in no error.
    pub source: &'a Source,
    /// `name:password` of HTTP's basic authentication, for the first request alone: a redirect is followed without it.
    pub basic: Option<&'a Secret>,
    /// Where the source and its redirects may lead.
    pub trusted: &'a Trusted,
    /// The most that is taken, bytes.
    pub bytes_max: u64,
    /// The longest that it may take, milliseconds.
    pub within_ms: u64,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The file.
    File(Vec<u8>),
    /// It is larger than what is taken.
    TooLarge,
    /// It is not there; it may come yet.
    NotFound,
    /// It is, or leads, where nothing is fetched from: a host that is not trusted, an address that is not public, too many
    /// redirects.
    Refused(String),
    /// Nobody answered, or not to the end; it may be tried again.
    Unreachable(String),
    /// Another answer.
    Status(u16),
}

/// Fetches files from messengers. Implementations promise: nothing is connected to but a public address ([`messengers::files::is_public`])
/// that a trusted name was resolved to, or the origin of a simulator that [`Trusted`] names; each redirect is held to the same.
pub trait Download {
    /// Fetches one file.
    async fn fetch(&self, wanted: &Wanted<'_>) -> Fetched;
}

impl<T: Download> Download for &T {
    async fn fetch(&self, wanted: &Wanted<'_>) -> Fetched {
        (**self).fetch(wanted).await
    }
}
