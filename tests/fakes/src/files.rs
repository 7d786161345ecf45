//! A bucket, and messengers' files, that a test looks into.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use domain::file::FileKey;
use messengers::files::{Source, Trusted};
use ports::files::{Download, Fetched, FileError, Files, Object, Served, Slot, Wanted};

use crate::faults::Faults;

/// A bucket in memory. An object's etag counts how many were put before it.
#[derive(Clone, Debug, Default)]
pub struct FakeFiles(Rc<Bucket>);

#[derive(Debug, Default)]
struct Bucket {
    objects: RefCell<BTreeMap<String, Object>>,
    puts: Cell<u32>,
    requests: Cell<usize>,
    faults: Faults<FileError>,
    next_read: RefCell<Option<(FileKey, Object)>>,
}

impl FakeFiles {
    /// The next `n` requests end with this, and nothing is done.
    pub fn fail_next(&self, n: usize, error: &FileError) {
        self.0.faults.add(n, error);
    }

    /// Somebody puts an object, as a browser does by a slot.
    pub fn upload(&self, key: &FileKey, content_type: &str, bytes: &[u8]) {
        let object = self.object(content_type, bytes.to_vec());
        self.0.objects.borrow_mut().insert(key.to_string(), object);
    }

    /// Somebody puts another object right after this key is read the next time.
    pub fn upload_after_read(&self, key: &FileKey, content_type: &str, bytes: &[u8]) {
        let object = self.object(content_type, bytes.to_vec());
        *self.0.next_read.borrow_mut() = Some((key.clone(), object));
    }

    /// An object as it is.
    pub fn at(&self, key: &str) -> Option<Object> {
        self.0.objects.borrow().get(key).cloned()
    }

    /// All keys, in order.
    pub fn keys(&self) -> Vec<String> {
        self.0.objects.borrow().keys().cloned().collect()
    }

    /// How many requests came; signing is none.
    pub fn requests(&self) -> usize {
        self.0.requests.get()
    }

    fn object(&self, content_type: &str, bytes: Vec<u8>) -> Object {
        self.0.puts.set(self.0.puts.get() + 1);
        let etag = format!("\"{}\"", self.0.puts.get());
        Object { size_bytes: bytes.len() as u64, bytes, content_type: content_type.to_owned(), etag }
    }

    fn request(&self) -> Result<(), FileError> {
        self.0.requests.set(self.0.requests.get() + 1);
        self.0.faults.check()
    }
}

impl Files for FakeFiles {
    async fn put(&self, key: &FileKey, content_type: &str, bytes: Vec<u8>) -> Result<(), FileError> {
        self.request()?;
        self.upload(key, content_type, &bytes);
        Ok(())
    }

    async fn get(&self, key: &FileKey, bytes_max: u64) -> Result<Option<Object>, FileError> {
        self.request()?;
        let found = self.at(key.as_str()).map(|mut object| {
            object.bytes.truncate(usize::try_from(bytes_max).unwrap_or(usize::MAX));
            object
        });
        let due = self.0.next_read.borrow_mut().take_if(|(next, _)| next == key);
        if let Some((key, object)) = due {
            self.0.objects.borrow_mut().insert(key.to_string(), object);
        }
        Ok(found)
    }

    async fn copy(&self, from: &FileKey, etag: &str, to: &FileKey, content_type: &str) -> Result<(), FileError> {
        self.request()?;
        let object = self.at(from.as_str()).filter(|object| object.etag == etag).ok_or(FileError::Changed)?;
        let copy = Object { content_type: content_type.to_owned(), ..object };
        self.0.objects.borrow_mut().insert(to.to_string(), copy);
        Ok(())
    }

    async fn delete(&self, key: &FileKey) -> Result<(), FileError> {
        self.request()?;
        self.0.objects.borrow_mut().remove(key.as_str());
        Ok(())
    }

    async fn link(&self, key: &FileKey, served: &Served<'_>, seconds: u32) -> Result<String, FileError> {
        let Served { content_type, name, inline } = served;
        let how = if *inline { "inline" } else { "attachment" };
        Ok(format!("https://files.test/{key}?as={content_type}&{how}={name}&seconds={seconds}"))
    }

    async fn slot(&self, key: &FileKey, content_type: &str, size_bytes: u64, seconds: u32) -> Result<Slot, FileError> {
        let url = format!("https://files.test/{key}?bytes={size_bytes}&seconds={seconds}");
        Ok(Slot { url, headers: vec![("content-type".to_owned(), content_type.to_owned())] })
    }
}

/// What somebody wanted to fetch.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchedFrom {
    /// From where.
    pub source: Source,
    /// With which name and password.
    pub basic: Option<String>,
    /// Trusting whom.
    pub trusted: Trusted,
    /// At most so many bytes.
    pub bytes_max: u64,
}

/// Files of messengers: answers with what was scripted, in order; without a script, with a small picture.
#[derive(Clone, Debug, Default)]
pub struct FakeDownload(Rc<Messengers>);

#[derive(Debug, Default)]
struct Messengers {
    wanted: RefCell<Vec<FetchedFrom>>,
    answers: RefCell<VecDeque<Fetched>>,
}

/// The picture that comes where nothing else was scripted.
pub const PICTURE: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0";

impl FakeDownload {
    /// What comes of the next fetch that has no answer yet.
    pub fn answer_next(&self, fetched: Fetched) {
        self.0.answers.borrow_mut().push_back(fetched);
    }

    /// What was wanted, in order.
    pub fn wanted(&self) -> Vec<FetchedFrom> {
        self.0.wanted.borrow().clone()
    }
}

impl Download for FakeDownload {
    async fn fetch(&self, wanted: &Wanted<'_>) -> Fetched {
        self.0.wanted.borrow_mut().push(FetchedFrom {
            source: wanted.source.clone(),
            basic: wanted.basic.map(|secret| secret.reveal().to_owned()),
            trusted: wanted.trusted.clone(),
            bytes_max: wanted.bytes_max,
        });
        let scripted = self.0.answers.borrow_mut().pop_front();
        scripted.unwrap_or_else(|| Fetched::File(PICTURE.to_vec()))
    }
}
