//! Whether a call of the webhook comes from Facebook.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The most secrets, or tokens, that are accepted at once: the present one, the one before, and room for a mistake.
pub const LINES_MAX: usize = 4;
/// The longest challenge that is answered, bytes; Facebook's are numbers of ten digits.
pub const CHALLENGE_BYTES_MAX: usize = 256;

/// What stands in front of the digits.
const PREFIX: &[u8] = b"sha256=";

/// The secrets in what is kept under one name: one a line, so that during a rotation the old one still counts. The first is
/// the present one. At most [`LINES_MAX`]; blank lines are none.
pub fn lines(kept: &str) -> impl Iterator<Item = &str> {
    kept.lines().map(str::trim).filter(|line| !line.is_empty()).take(LINES_MAX)
}

/// Whether the header `X-Hub-Signature-256` signs this body with one of these app secrets. `body` is the bytes as they came:
/// Facebook escapes characters (`\u00e4`, `\/`) that no writer of JSON would write again so.
///
/// Compared in constant time with what every secret makes of the body. A missing or malformed header is never authentic;
/// nor is anything when there is no secret.
///
/// The older header `X-Hub-Signature` (SHA-1) is not looked at. Facebook sends both with every call, so a call with the
/// older one alone is none that it makes today; to accept it would let a forger choose the weaker of two locks.
pub fn authentic<'a>(header: Option<&[u8]>, body: &[u8], app_secrets: impl IntoIterator<Item = &'a str>) -> bool {
    let mut came = [0; 32];
    let digits = header.and_then(|header| header.strip_prefix(PREFIX));
    if digits.is_none_or(|digits| hex::decode_to_slice(digits, &mut came).is_err()) {
        return false;
    }
    let right =
        app_secrets.into_iter().filter(|secret| !secret.is_empty()).map(|secret| mac(secret, body).ct_eq(&came));
    right.fold(Choice::from(0), |found, right| found | right).into()
}

/// The header with which Facebook signs a body: for whoever stands in for it.
pub fn sign(app_secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hex::encode(mac(app_secret, body)))
}

/// HMAC-SHA-256.
pub(super) fn mac(secret: &str, body: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    mac.finalize().into_bytes().into()
}

/// What to answer (200, as plain text) when Facebook asks whether the webhook is ours: the challenge. `None` if it is not
/// Facebook that asks, or not for that; then the answer is 403.
///
/// `mode`, `token`, `challenge` are the parameters `hub.mode`, `hub.verify_token`, `hub.challenge`; `accepted` are the
/// verify tokens, compared in constant time by their hashes.
pub fn verify<'a, 'b>(
    mode: Option<&str>,
    token: Option<&str>,
    challenge: Option<&'a str>,
    accepted: impl IntoIterator<Item = &'b str>,
) -> Option<&'a str> {
    let came = Sha256::digest(token.unwrap_or_default());
    let right = accepted.into_iter().filter(|token| !token.is_empty()).map(|token| Sha256::digest(token).ct_eq(&came));
    let is_ours = bool::from(right.fold(Choice::from(0), |found, right| found | right));
    let answered = challenge.filter(|challenge| (1..=CHALLENGE_BYTES_MAX).contains(&challenge.len()));
    answered.filter(|_| is_ours && mode == Some("subscribe"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_lines() {
        let check = |kept: &str, expected: &[&str]| assert_eq!(lines(kept).collect::<Vec<_>>(), expected, "{kept:?}");
        check("one", &["one"]);
        check("new\nold\n", &["new", "old"]);
        check(" new \r\n\n old", &["new", "old"]);
        check(" \n", &[]);
        check("1\n2\n3\n4\n5", &["1", "2", "3", "4"]);
    }

    #[test]
    fn any_secret_of_several_counts() {
        let header = sign("old", b"body");
        let check = |secrets: &str, right| {
            assert_eq!(authentic(Some(header.as_bytes()), b"body", lines(secrets)), right, "{secrets:?}");
        };
        check("old", true);
        check("new\nold", true);
        check("new", false);
        check("", false);
        let nothing = sign("", b"body");
        assert!(!authentic(Some(nothing.as_bytes()), b"body", [""]), "an empty secret is none");
    }

    #[test]
    fn a_header_is_the_prefix_and_64_digits() {
        let digits = hex::encode(mac("s", b"body"));
        let check = |header: &str, right| {
            assert_eq!(authentic(Some(header.as_bytes()), b"body", ["s"]), right, "{header:?}");
        };
        check(&format!("sha256={digits}"), true);
        check(&format!("sha256={}", digits.to_uppercase()), true);
        check(&digits, false);
        check(&format!("SHA256={digits}"), false);
        check(&format!("sha256= {digits}"), false);
        check(&format!("sha256={digits} "), false);
        check(&format!("sha256={digits}00"), false);
        check(&format!("sha256={}", &digits[..62]), false);
        check(&format!("sha1={}", &digits[..40]), false);
        check("sha256=", false);
        check("", false);
        assert!(!authentic(None, b"body", ["s"]));
    }

    #[test]
    fn a_challenge_is_answered_only_to_who_knows_the_token() {
        let check = |mode, token, challenge, accepted: &[&str], answer: Option<&str>| {
            assert_eq!(verify(mode, token, challenge, accepted.iter().copied()), answer, "{mode:?} {token:?}");
        };
        let (subscribe, hallo) = (Some("subscribe"), Some("hallo"));
        check(subscribe, Some("new"), hallo, &["new", "old"], hallo);
        check(subscribe, Some("old"), hallo, &["new", "old"], hallo);
        check(subscribe, Some("other"), hallo, &["new", "old"], None);
        check(subscribe, Some(""), hallo, &[""], None);
        check(subscribe, None, hallo, &["new"], None);
        check(subscribe, Some("new"), hallo, &[], None);
        check(None, Some("new"), hallo, &["new"], None);
        check(Some("unsubscribe"), Some("new"), hallo, &["new"], None);
        check(subscribe, Some("new"), None, &["new"], None);
        check(subscribe, Some("new"), Some(""), &["new"], None);
        check(subscribe, Some("new"), Some(&"1".repeat(257)), &["new"], None);
    }
}
