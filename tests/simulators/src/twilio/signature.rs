//! `X-Twilio-Signature`, as Twilio computes it (twilio.com/docs/usage/webhooks/webhooks-security).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// What the signed URL says about the port. Twilio signs the configured URL, but some of its products are known to add
/// the scheme's default port to it, and some to leave the port out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Port {
    /// As the URL has it.
    #[default]
    AsIs,
    /// Without any.
    Stripped,
    /// With the scheme's default port where the URL has none.
    Added,
}

/// Base64 of the HMAC-SHA1, by `auth_token`, of `url` and every name with its value, sorted by name in byte order.
/// The values of a repeated name are sorted, and equal ones count once.
pub fn sign(auth_token: &str, url: &str, params: &[(String, String)]) -> String {
    let mut sorted: Vec<&(String, String)> = params.iter().collect();
    sorted.sort();
    sorted.dedup();
    let mut mac = Hmac::<Sha1>::new_from_slice(auth_token.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(url.as_bytes());
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The value of `bodySHA256`: the body's SHA-256 in hexadecimal.
pub fn body_sha256(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

/// The text of `url` that is signed: without fragment, and with the port as `port` says. All else stays as it is
/// written, because the signature is one of bytes.
pub fn signed_url(url: &str, port: Port) -> String {
    let url = without_fragment(url);
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let host_from = authority.rfind('@').map_or(0, |at| at + 1);
    let colon = authority[host_from..].rfind(':').map(|at| host_from + at);
    // A colon inside the brackets of an IPv6 address is none before a port.
    let colon = colon.filter(|at| authority[at + 1..].bytes().all(|byte| byte.is_ascii_digit()));
    let default = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
    match (port, colon) {
        (Port::Stripped, Some(at)) => format!("{scheme}://{}{tail}", &authority[..at]),
        (Port::Added, None) => format!("{scheme}://{authority}:{default}{tail}"),
        _ => url.to_owned(),
    }
}

/// A URL as it is requested: what comes after `#` is for Twilio only.
pub(crate) fn without_fragment(url: &str) -> &str {
    url.split_once('#').map_or(url, |(url, _)| url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_port_of_a_signed_url_moves() {
        let url = "https://u:p@[::1]:8443//a%2Fb?x=1:2#rc=3";
        assert_eq!(signed_url(url, Port::AsIs), "https://u:p@[::1]:8443//a%2Fb?x=1:2");
        assert_eq!(signed_url(url, Port::Stripped), "https://u:p@[::1]//a%2Fb?x=1:2");
        assert_eq!(signed_url("https://[::1]?a", Port::Added), "https://[::1]:443?a");
        assert_eq!(signed_url("http://u:p@host", Port::Added), "http://u:p@host:80");
        assert_eq!(signed_url("http://u:p@host", Port::Stripped), "http://u:p@host");
    }
}
