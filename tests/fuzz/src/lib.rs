//! Fuzz targets for every parser of foreign bytes. Each is a plain function that panics when a parser does, or when what it
//! made of the bytes breaks its promise; no fuzzer is needed to run one.

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

/// All of them.
pub const TARGETS: [Target; 18] = [
    Target { name: "telegram_update", run: telegram::update },
    Target { name: "telegram_reply", run: telegram::reply },
    Target { name: "telegram_secret", run: telegram::secret },
    Target { name: "messenger_update", run: messenger::update },
    Target { name: "messenger_reply", run: messenger::reply },
    Target { name: "messenger_signature", run: messenger::signature },
    Target { name: "split_text", run: telegram::split },
    Target { name: "twilio_form", run: twilio::form },
    Target { name: "twilio_signature", run: twilio::signature },
    Target { name: "twilio_reply", run: twilio::reply },
    Target { name: "frame", run: operators::frame },
    Target { name: "http_body", run: operators::http_body },
    Target { name: "token", run: operators::token },
    Target { name: "cursor", run: operators::cursor },
    Target { name: "ids", run: operators::ids },
    Target { name: "queue_body", run: queues::body },
    Target { name: "timer", run: queues::timer },
    Target { name: "invocation", run: queues::invocation },
];

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
