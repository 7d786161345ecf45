//! Fuzz targets for every parser of foreign bytes. Each is a plain function that panics when a parser does, or when what it
//! made of the bytes breaks its promise; no fuzzer is needed to run one.

mod files;
mod messenger;
mod operators;
mod queues;
mod telegram;
mod twilio;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A parser under test.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of the directory of its inputs.
    pub name: &'static str,
    /// Hands it an input.
    pub run: fn(&[u8]),
}

/// All of them: one a kind of foreign bytes. Where several parsers read a kind, the first byte says which of them gets the rest.
pub const TARGETS: [Target; 8] = [
    Target { name: "telegram_update", run: telegram::update },
    Target { name: "messenger_update", run: messenger::update },
    Target { name: "twilio_form", run: twilio::form },
    Target { name: "provider_reply", run: |data| one_of(data, &[telegram::reply, messenger::reply, twilio::reply]) },
    Target {
        name: "signature",
        run: |data| one_of(data, &[telegram::secret, messenger::signature, twilio::signature]),
    },
    Target {
        name: "operator",
        run: |data| {
            use operators::{cursor, frame, http_body, ids, token};
            one_of(data, &[frame, http_body, token, cursor, ids, telegram::split]);
        },
    },
    Target { name: "file", run: files::file },
    Target { name: "event", run: |data| one_of(data, &[queues::body, queues::timer, queues::invocation]) },
];

/// Hands an input without its first byte, a digit or not, to the parser that this byte names.
fn one_of(data: &[u8], parsers: &[fn(&[u8])]) {
    if let [which, data @ ..] = data {
        parsers[usize::from(*which) % parsers.len()](data);
    }
}

/// The target of this name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

/// Reads a value; one that can be read is written and read again, and is the same. What is written has a bound: no reader makes
/// more of the bytes than a small multiple of them.
fn reads_back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(data: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(data).ok()?;
    let text = serde_json::to_string(&value).expect("what was read can be written");
    assert!(text.len() <= 1024 + 8 * data.len(), "{} bytes became {}", data.len(), text.len());
    let again: T = serde_json::from_str(&text).expect("what was written can be read");
    assert_eq!(value, again);
    Some(value)
}
