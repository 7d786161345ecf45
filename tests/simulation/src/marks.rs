//! Secrets that can be recognised wherever they pass (I10), and what looks for them.

use std::fmt::{self, Write as _};

use ports::store::Write;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::channels::ACCOUNT;

/// Every secret of the simulation contains this.
pub(crate) const MARK: &str = "5ecret";
/// The random bytes of a ticket begin with these, which base64url writes as the mark.
const TICKET_BEGINS: [u8; 6] = [0xe5, 0xe7, 0x2b, 0x7a, 0xd5, 0xe7];

/// The secret of the app of Facebook.
pub(crate) const APP_SECRET: &str = "5ecret-of-the-app";
/// The auth token of the account of Twilio.
pub(crate) const AUTH_TOKEN: &str = "5ecret-auth-token";

/// The secret of a channel: a token, or an account and its auth token.
pub(crate) fn channel_token(channel: &str) -> String {
    if channel.starts_with("wa-") {
        return format!("{ACCOUNT}:{AUTH_TOKEN}");
    }
    format!("8:{MARK}-token-of-{channel}")
}

/// The token of an operator's sign-in.
pub(crate) fn sign_in(operator: &str) -> String {
    format!("{MARK}-sign-in-of-{operator}")
}

/// Makes the beginning of random bytes recognisable.
pub(crate) fn mark(bytes: &mut [u8]) {
    for (byte, marked) in bytes.iter_mut().zip(TICKET_BEGINS) {
        *byte = marked;
    }
}

/// Whether a secret stands in this text.
pub(crate) fn tells(text: &str) -> bool {
    text.contains(MARK)
}

/// Whether a secret stands in this value.
pub(crate) fn shows(value: &Value) -> bool {
    match value {
        Value::String(text) => tells(text),
        Value::Array(all) => all.iter().any(shows),
        Value::Object(all) => all.iter().any(|(name, value)| tells(name) || shows(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether a secret stands in what a write stores.
pub(crate) fn stores(write: &Write) -> bool {
    let attributes = match write {
        Write::Put { attributes, .. } => attributes,
        Write::Update { set, .. } => set,
        Write::Delete { .. } | Write::Check { .. } => return false,
    };
    let key = write.key();
    tells(&key.pk) || tells(&key.sk) || attributes.iter().any(|(name, value)| tells(name) || shows(value))
}

thread_local! {
    static LOGGED: std::cell::RefCell<(u64, Option<String>)> = const { std::cell::RefCell::new((0, None)) };
}

/// How many lines were logged since the last time, and one of them that tells a secret.
pub(crate) fn logged() -> (u64, Option<String>) {
    LOGGED.take()
}

/// Reads what the functions log.
pub(crate) struct Reader;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Reader {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        LOGGED.with_borrow_mut(|(lines, telling)| {
            *lines += 1;
            if telling.is_none() && tells(&line.0) {
                *telling = Some(line.0);
            }
        });
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}
