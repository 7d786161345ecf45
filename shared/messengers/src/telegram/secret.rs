//! Whether a call of the webhook comes from Telegram.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The longest webhook secret, in bytes (`setWebhook`: 1-256 characters of `[A-Za-z0-9_-]`). Longer headers are refused
/// unread.
pub const SECRET_BYTES_MAX: usize = 256;

/// SHA-256 of a webhook's secret: the only form in which it is stored. The secret is long and random, so that its hash
/// tells nothing about it. Serialized as 64 lowercase hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of a secret.
    pub fn of(secret: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(secret).into())
    }
}

impl From<SecretHash> for String {
    fn from(hash: SecretHash) -> Self {
        hex::encode(hash.0)
    }
}

impl TryFrom<String> for SecretHash {
    type Error = hex::FromHexError;

    fn try_from(digits: String) -> Result<Self, Self::Error> {
        let mut hash = [0; 32];
        hex::decode_to_slice(digits, &mut hash)?;
        Ok(Self(hash))
    }
}

/// Whether the header `X-Telegram-Bot-Api-Secret-Token` carries one of the accepted secrets (two during a rotation).
///
/// What came is hashed and compared with every accepted hash in constant time, so that neither how much of it was right
/// nor which secret it was shows in the time it takes. A missing, empty or over-long header is never authentic; nor is
/// anything when nothing is accepted.
pub fn authentic(header: Option<&[u8]>, accepted: &[SecretHash]) -> bool {
    let Some(header) = header.filter(|header| (1..=SECRET_BYTES_MAX).contains(&header.len())) else { return false };
    let came = SecretHash::of(header);
    accepted.iter().fold(Choice::from(0), |found, hash| found | hash.0.ct_eq(&came.0)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_accepted_secret_is_authentic() {
        let (old, new) = (SecretHash::of("old-secret"), SecretHash::of("new-secret"));
        let check = |header: Option<&[u8]>, accepted: &[SecretHash], authentic_: bool| {
            assert_eq!(authentic(header, accepted), authentic_, "{header:?}");
        };
        check(Some(b"old-secret"), &[old], true);
        check(Some(b"old-secret"), &[new, old], true);
        check(Some(b"new-secret"), &[new, old], true);
        check(Some(b"old-secret"), &[new], false);
        check(Some(b"old-secre"), &[old], false);
        check(Some(b"old-secret "), &[old], false);
        check(Some(b"OLD-SECRET"), &[old], false);
        check(Some(b"old-secret"), &[], false);
        check(None, &[old], false);
        check(Some(b""), &[old], false);
    }

    #[test]
    fn an_empty_or_overlong_secret_is_refused_even_if_its_hash_is_accepted() {
        let longest = vec![b'a'; SECRET_BYTES_MAX];
        let too_long = vec![b'a'; SECRET_BYTES_MAX + 1];
        assert!(authentic(Some(&longest), &[SecretHash::of(&longest)]));
        assert!(!authentic(Some(&too_long), &[SecretHash::of(&too_long)]));
        assert!(!authentic(Some(b""), &[SecretHash::of("")]));
    }

    #[test]
    fn a_hash_is_stored_as_hexadecimal_digits() {
        let digits = "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"";
        assert_eq!(serde_json::to_string(&SecretHash::of("abc")).unwrap(), digits, "FIPS 180-2, appendix B.1");
        assert_eq!(serde_json::from_str::<SecretHash>(digits).unwrap(), SecretHash::of("abc"));
        for wrong in ["\"\"", "\"ba78\"", "\"zz7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"", "7"] {
            assert!(serde_json::from_str::<SecretHash>(wrong).is_err(), "{wrong}");
        }
    }
}
