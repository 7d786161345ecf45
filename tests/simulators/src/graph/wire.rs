//! The bytes of a delivery and their signatures, as Facebook makes them.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha1::Sha1;
use sha2::Sha256;

/// The JSON of a delivery: everything beyond ASCII as `\u` with lower-case digits, and `/` as `\/`.
pub(crate) fn body(value: &Value) -> String {
    let plain = value.to_string();
    let mut wire = String::with_capacity(plain.len() + plain.len() / 8);
    // Characters beyond ASCII and slashes stand only inside strings, and serde escapes neither.
    for character in plain.chars() {
        match character {
            '/' => wire.push_str("\\/"),
            _ if character.is_ascii() => wire.push(character),
            _ => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    write!(wire, "\\u{unit:04x}").expect("writing to a string does not fail");
                }
            }
        }
    }
    wire
}

/// `X-Hub-Signature-256`.
pub(crate) fn signature(app_secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hmac_sha256(app_secret, body))
}

/// `X-Hub-Signature`, the older one.
pub(crate) fn legacy_signature(app_secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(app_secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    format!("sha1={}", hex::encode(mac.finalize().into_bytes()))
}

/// `appsecret_proof` of an access token.
pub(crate) fn proof(app_secret: &str, access_token: &str) -> String {
    hmac_sha256(app_secret, access_token.as_bytes())
}

fn hmac_sha256(key: &str, data: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(data);
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bodies_are_escaped_as_facebook_escapes_them() {
        let value = json!({"text": "äöå 😀 https://example.com \"\n"});
        let expected = r#"{"text":"\u00e4\u00f6\u00e5 \ud83d\ude00 https:\/\/example.com \"\n"}"#;
        assert_eq!(body(&value), expected);
        assert_eq!(serde_json::from_str::<Value>(&body(&value)).expect("JSON"), value);
    }

    #[test]
    fn signatures_are_those_of_the_standard() {
        // RFC 4231 and RFC 2202, test case 2.
        let data = b"what do ya want for nothing?";
        let sha256 = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature("Jefe", data), sha256);
        assert_eq!(legacy_signature("Jefe", data), "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    }
}
