//! The id of a conversation: an HMAC, so that no phone number stands in a key.

use domain::{ChannelId, ConversationId};
use hmac::{Hmac, KeyInit, Mac};
use ports::secrets::Secret;
use sha2::Sha256;

/// The conversation of this customer on this channel: the first 128 bits of an HMAC-SHA-256 under the stack's key, in hex.
pub fn conversation_id(stack_key: &Secret, channel: &ChannelId, address: &str) -> ConversationId {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(stack_key.reveal().as_bytes()).expect("HMAC takes a key of any length");
    mac.update(channel.as_str().as_bytes());
    mac.update(b"\0");
    mac.update(address.as_bytes());
    let digest = mac.finalize().into_bytes();
    hex::encode(&digest[..16]).parse().expect("hex digits make an id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_customer_on_two_channels_has_two_conversations() {
        let key = Secret::new("k");
        let (a, b) = ("a".parse().unwrap(), "ab".parse().unwrap());
        let ids = [conversation_id(&key, &a, "bc"), conversation_id(&key, &b, "c"), conversation_id(&key, &a, "bd")];
        assert_eq!(ids[0], conversation_id(&key, &a, "bc"));
        assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2]);
        assert_eq!(ids[0].as_str().len(), 32);
    }
}
