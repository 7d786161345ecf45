//! What Facebook, or somebody who claims to be it, sends us.

use messengers::failure::Failure;
use messengers::messenger::{authentic, lines, parse, read_profile, read_reply, sign, verify};

use crate::telegram;

/// The longest dedupe key, bytes: with the longest channel id and a dot before it, it makes the 128 that a queue takes.
const KEY_BYTES_MAX: usize = 63;
/// The most characters of a name.
const NAME_CHARS_MAX: usize = 256;

/// Every event is bounded, has a key that a queue takes, and comes in the order of its time.
pub(crate) fn update(data: &[u8]) {
    let Ok(parsed) = parse(data) else { return };
    assert!(parsed.ignored.iter().all(|why| !why.is_empty()));
    assert!(!parsed.events.is_empty() || !parsed.ignored.is_empty(), "what came is an event or is ignored");
    assert!(parsed.events.is_sorted_by_key(|event| event.event.at_ms));
    for event in parsed.events {
        telegram::check(&event.event);
        let key = event.event.event_id;
        assert!(key.len() <= KEY_BYTES_MAX && key.bytes().all(|b| b.is_ascii_graphic()), "{key}");
        for id in [event.page, event.event.customer.address] {
            assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)), "{id} becomes part of a path");
        }
    }
}

/// The first line is the header, the rest is the body: only its own signature is authentic. The whole, as a verify token, is the
/// right one only if it is one of those kept.
pub(crate) fn signature(data: &[u8]) {
    const SECRETS: &str = "the-new-secret\nthe-old-secret";
    let line = data.iter().position(|b| *b == b'\n').unwrap_or(data.len());
    let (header, body) = (&data[..line], data.get(line + 1..).unwrap_or_default());
    let is_right = |secret: &str| {
        let digits = header.strip_prefix(b"sha256=").map(<[u8]>::to_ascii_lowercase);
        digits.is_some_and(|digits| sign(secret, body).as_bytes()[7..] == digits)
    };
    assert_eq!(authentic(Some(header), body, lines(SECRETS)), lines(SECRETS).any(is_right));
    assert!(!authentic(Some(header), body, []));
    let token = String::from_utf8_lossy(data);
    let answered = verify(Some("subscribe"), Some(&token), Some("challenge"), lines(SECRETS));
    assert_eq!(answered.is_some(), lines(SECRETS).any(|kept| kept == token));
}

/// The first two bytes are the status.
pub(crate) fn reply(data: &[u8]) {
    let [high, low, body @ ..] = data else { return };
    let status = u16::from_be_bytes([*high, *low]);
    match read_reply(status, body) {
        Ok(id) => assert!(id.is_none_or(|id| !id.is_empty())),
        Err(failure) => check(&failure),
    }
    match read_profile(status, body) {
        Ok(name) => {
            assert!(name.is_none_or(|name| !name.trim().is_empty() && name.chars().count() <= NAME_CHARS_MAX));
        }
        Err(failure) => check(&failure),
    }
}

fn check(failure: &Failure) {
    assert!(!failure.code.is_empty());
    assert!(failure.detail.chars().count() <= messengers::failure::DETAIL_CHARS_MAX, "{}", failure.detail);
}
