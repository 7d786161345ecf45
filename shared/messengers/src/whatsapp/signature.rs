//! Whether a call of the webhook comes from Twilio.
//!
//! `X-Twilio-Signature` is the HMAC-SHA1 (key: the account's primary auth token), in base64, of the address that Twilio called,
//! and of every field of the form, name and value, sorted by name
//! (<https://www.twilio.com/docs/usage/webhooks/webhooks-security>).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::form::Form;

/// The parameter of the address that holds the hash of a body that is no form.
const BODY_HASH: &str = "bodySHA256";

/// What was posted.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// A form: its fields are signed.
    Form(&'a Form),
    /// Anything else: its SHA-256 stands in the address, which is signed.
    Raw(&'a [u8]),
}

/// Whether the header carries the signature of this payload and address under this auth token.
///
/// `url` is the address that Twilio was told to call, with its raw query; never one that is made of a `Host` header, which
/// anybody may set. Proxies on the way add or remove ports: a signature over the address with the other of "without port" and
/// "with one" holds, too. The comparison takes the same time whatever came. An empty token signs nothing.
pub fn authentic(auth_token: &str, url: &str, payload: Payload<'_>, header: Option<&[u8]>) -> bool {
    let Some(header) = header else { return false };
    let url = without_fragment(url);
    let is_intact = match payload {
        Payload::Form(_) => true,
        Payload::Raw(body) => has_hash_of(url, body),
    };
    let other = other_port(url);
    let signed = [Some(url), other.as_deref()].into_iter().flatten().map(|url| sign(auth_token, url, payload));
    let is_signed = signed.fold(Choice::from(0), |found, signature| found | signature.as_bytes().ct_eq(header));
    is_intact && !auth_token.is_empty() && bool::from(is_signed)
}

/// The signature over exactly this address, as the header carries it.
pub fn sign(auth_token: &str, url: &str, payload: Payload<'_>) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(auth_token.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(without_fragment(url).as_bytes());
    if let Payload::Form(form) = payload {
        let mut fields: Vec<_> = form.fields().iter().collect();
        // By name, then by value; what comes twice counts once.
        fields.sort_unstable();
        fields.dedup();
        for (name, value) in fields {
            mac.update(name.as_bytes());
            mac.update(value.as_bytes());
        }
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Twilio keeps what stands behind `#`, its own settings of the connection, to itself.
fn without_fragment(url: &str) -> &str {
    url.split('#').next().unwrap_or_default()
}

fn has_hash_of(url: &str, body: &[u8]) -> bool {
    let Some((_, query)) = url.split_once('?') else { return false };
    let Some((_, told)) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == BODY_HASH) else {
        return false;
    };
    hex::encode(Sha256::digest(body)).as_bytes().ct_eq(told.to_ascii_lowercase().as_bytes()).into()
}

/// The address without its port or, if it has none, with its scheme's default port; `None` if it is no address of the web.
fn other_port(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let default = match scheme {
        "https" => "443",
        "http" => "80",
        _ => return None,
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    // Neither the colon of `user:password@` nor one inside of `[::1]` begins a port.
    let host = authority.rsplit('@').next().unwrap_or_default();
    let port = host.rsplit_once(':').map(|(_, port)| port);
    let port = port.filter(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    Some(match port {
        Some(port) => format!("{scheme}://{}{path}", &authority[..authority.len() - port.len() - 1]),
        None => format!("{scheme}://{authority}:{default}{path}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, other: Option<&str>) {
        assert_eq!(other_port(url).as_deref(), other, "{url}");
    }

    #[test]
    fn an_address_has_a_port_or_can_do_without() {
        check("https://h/p?q=1", Some("https://h:443/p?q=1"));
        check("http://h/p?q=a:80", Some("http://h:80/p?q=a:80"));
        check("https://h:1234/p", Some("https://h/p"));
        check("https://h:443//p", Some("https://h//p"));
        check("https://user:pass@h/p", Some("https://user:pass@h:443/p"));
        check("https://user:99@h/p", Some("https://user:99@h:443/p"));
        check("https://user:pass@h:8443/p", Some("https://user:pass@h/p"));
        check("https://h", Some("https://h:443"));
        check("https://h:8?x=:9", Some("https://h?x=:9"));
        check("https://[::1]/p", Some("https://[::1]:443/p"));
        check("https://[::1]:5/p", Some("https://[::1]/p"));
        check("https://h:/p", Some("https://h::443/p"));
        check("ftp://h:21/p", None);
        check("/p", None);
        check("", None);
    }

    #[test]
    fn nothing_is_signed_without_a_token_or_a_header() {
        let form = Form::read(b"a=1").unwrap();
        let payload = Payload::Form(&form);
        let empty = sign("", "https://h/", payload);
        assert!(!authentic("", "https://h/", payload, Some(empty.as_bytes())));
        let right = sign("t", "https://h/", payload);
        assert!(authentic("t", "https://h/", payload, Some(right.as_bytes())));
        for header in [None, Some("".as_bytes()), Some(&right.as_bytes()[1..]), Some(format!("{right} ").as_bytes())] {
            assert!(!authentic("t", "https://h/", payload, header));
        }
    }

    #[test]
    fn what_stands_behind_a_hash_sign_is_not_signed() {
        let form = Form::read(b"a=1").unwrap();
        let payload = Payload::Form(&form);
        let signature = sign("t", "https://h/p?q=1", payload);
        assert!(authentic("t", "https://h/p?q=1#rc=5&rp=5xx", payload, Some(signature.as_bytes())));
        assert!(!authentic("t", "https://h/p?q=2#rc=5&rp=5xx", payload, Some(signature.as_bytes())));
    }

    #[test]
    fn the_hash_of_a_body_may_be_written_either_way() {
        let hash = hex::encode(Sha256::digest(b"{}")).to_uppercase();
        let url = format!("https://h/?bodySHA256={hash}");
        let signature = sign("t", &url, Payload::Raw(b"{}"));
        assert!(authentic("t", &url, Payload::Raw(b"{}"), Some(signature.as_bytes())));
        assert!(!authentic("t", &url, Payload::Raw(b"{} "), Some(signature.as_bytes())));
    }
}
