//! What customers' and operators' files are by their bytes, and what the card in one says.

use domain::Provider;
use domain::content::{Content, Media, MediaKind};
use messengers::files::{check_outgoing, says, sniff};

/// A file: its kind for an operator's upload, and as the contact card that a customer may have sent.
pub(crate) fn file(data: &[u8]) {
    let sniffed = sniff(data);
    for provider in [Provider::Telegram, Provider::Messenger, Provider::Whatsapp] {
        if let Ok(checked) = check_outgoing(provider, data, data.len() as u64, sniffed.content_type) {
            assert_eq!(checked.content_type, sniffed.content_type, "nobody lied");
        }
    }
    let media = |kind| Media {
        kind,
        file_name: None,
        mime_type: Some("text/vcard".to_owned()),
        size_bytes: None,
        caption: None,
        source: None,
        album_id: None,
    };
    assert_eq!(says(&Content::Media { media: media(MediaKind::Document) }, data), None);
    match says(&Content::Media { media: media(MediaKind::ContactCard) }, data) {
        None => {}
        Some(Content::ContactCard { name, phone }) => {
            let is_line = |text: &str| !text.is_empty() && !text.contains('\0') && text.chars().count() <= 256;
            assert!(is_line(&name) && phone.as_deref().is_none_or(is_line), "{name:?} {phone:?}");
        }
        Some(other) => panic!("a card says {other:?}"),
    }
}
