//! The file of a message: fetched from the customer's messenger, or uploaded by an operator, kept in the stack's bucket (W4).

use serde::{Deserialize, Serialize};

/// How far the file of a message is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum File {
    /// It is being fetched.
    Pending {
        /// Since when, milliseconds since 1970.
        since_ms: i64,
    },
    /// It is in the bucket.
    Stored {
        /// Its key there.
        key: FileKey,
        /// Its type by its content, a MIME type; never the one that somebody claimed.
        content_type: String,
        /// Its size, bytes.
        size_bytes: u64,
    },
    /// It cannot be had.
    Missing {
        /// Why, by a stable code.
        reason: String,
    },
}

/// The most characters of a key.
pub const KEY_CHARS_MAX: usize = 256;

/// A key of the bucket that files are kept in: segments of `[A-Za-z0-9._-]`, none of them only dots, joined by `/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileKey(String);

impl FileKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for FileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for FileKey {
    type Error = crate::ids::NotAnId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_segment = |segment: &str| {
            segment.bytes().any(|b| b != b'.')
                && segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        if text.len() <= KEY_CHARS_MAX && text.split('/').all(is_segment) {
            Ok(Self(text))
        } else {
            Err(crate::ids::NotAnId)
        }
    }
}

impl From<FileKey> for String {
    fn from(key: FileKey) -> Self {
        key.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_take_what_they_are_and_nothing_else() {
        for good in ["a", "in/abc.1/5", "up/abc.1/op-1/x_y", &"x".repeat(256)] {
            assert!(FileKey::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", "/", "a/", "/a", "a//b", "a/../b", "..", "a b", "a\\b", "ä", "a?b", &"x".repeat(257)] {
            assert!(FileKey::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
