//! What a message of Messenger says.

use domain::content::{Content, Media, MediaKind, TEXT_CHARS_MAX};
use serde_json::Value;

use crate::fields::{Object, cut, degrees_e6, flag, handle, line, object, words};

/// The most attachments of one message that are taken; the app lets a person choose 30 pictures at once.
pub(super) const ATTACHMENTS_MAX: usize = 50;
/// The most characters of a title, a button or a file's name.
pub(super) const NAME_CHARS_MAX: usize = 256;
/// The most characters of the name of a kind of attachment.
const KIND_CHARS_MAX: usize = 64;
/// The longest address of a file, bytes; those of Facebook's servers have less than 1000. Half an address is of no use.
const URL_BYTES_MAX: usize = 4096;

/// Kinds of attachment that are files. A recorded voice comes as `audio`, and nothing tells it from other sounds.
const FILES: [(&str, MediaKind); 5] = [
    ("image", MediaKind::Photo),
    ("video", MediaKind::Video),
    ("audio", MediaKind::Audio),
    ("file", MediaKind::Document),
    ("sticker", MediaKind::Sticker),
];

/// Kinds of attachment that are links: to a page on the web, to something on Facebook or Instagram.
const LINKS: [&str; 6] = ["fallback", "share", "post", "reel", "ig_post", "ig_reel"];

/// What the message says: one content for its words and each of its attachments, at least one. The words are the first
/// file's caption; a link belongs to the words. What is not known becomes a placeholder.
pub(super) fn contents(mid: &str, message: &Object) -> Vec<Content> {
    let attachments = message.get("attachments").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let attachments: Vec<&Object> = attachments.iter().filter_map(Value::as_object).take(ATTACHMENTS_MAX).collect();
    let mut said = words(message, "text", TEXT_CHARS_MAX);
    let mut contents = Vec::new();
    for attachment in &attachments {
        match link(attachment) {
            Some(link) => said = Some(with_link(said, &link)),
            None => contents.push(content(attachment)),
        }
    }
    if contents.len() > 1 {
        let album_id = Some(mid.to_owned());
        contents.iter_mut().filter_map(media).for_each(|media| media.album_id.clone_from(&album_id));
    }
    if let Some(text) = said {
        match contents.first_mut().and_then(media) {
            Some(first) => first.caption = Some(text),
            None if object(message, "quick_reply").is_some() => {
                contents.insert(0, Content::Button { label: cut(&text, NAME_CHARS_MAX) });
            }
            None => contents.insert(0, Content::Text { text }),
        }
    }
    if contents.is_empty() {
        let what = if flag(message, "is_unsupported") { "unsupported" } else { "empty" };
        contents.push(Content::Unsupported { what: what.to_owned() });
    }
    contents
}

fn media(content: &mut Content) -> Option<&mut Media> {
    match content {
        Content::Media { media } => Some(media),
        _ => None,
    }
}

fn kind(attachment: &Object) -> &str {
    attachment.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// The words that a link comes to: what it is called, and where it leads. `payload` may be null, and title and address
/// beside it instead of in it.
fn link(attachment: &Object) -> Option<String> {
    if !LINKS.contains(&kind(attachment)) {
        return None;
    }
    let payload = object(attachment, "payload");
    let url = handle(attachment, "url", URL_BYTES_MAX).or_else(|| handle(payload?, "url", URL_BYTES_MAX));
    let title = title(attachment).or_else(|| line(payload?, "title", NAME_CHARS_MAX));
    let link: Vec<String> = [title, url].into_iter().flatten().collect();
    (!link.is_empty()).then(|| link.join("\n"))
}

/// What was said, with a link. Mostly the link is what was typed; Facebook's own form of it then adds nothing.
fn with_link(said: Option<String>, link: &str) -> String {
    match said {
        None => cut(link, TEXT_CHARS_MAX),
        Some(said) if said.contains("://") => said,
        Some(said) => cut(&format!("{said}\n{link}"), TEXT_CHARS_MAX),
    }
}

fn content(attachment: &Object) -> Content {
    let payload = object(attachment, "payload");
    file(attachment, payload)
        .or_else(|| place(attachment, payload?))
        .or_else(|| template(attachment, payload))
        .unwrap_or_else(|| {
            let what = line(attachment, "type", KIND_CHARS_MAX).unwrap_or_else(|| "attachment".to_owned());
            Content::Unsupported { what }
        })
}

/// A file that can be fetched. A sticker used to be an image with the sticker's number.
fn file(attachment: &Object, payload: Option<&Object>) -> Option<Content> {
    let (_, kind) = FILES.iter().find(|(name, _)| *name == kind(attachment))?;
    let source = handle(payload?, "url", URL_BYTES_MAX)?;
    let is_sticker = payload?.get("sticker_id").is_some_and(|id| !id.is_null());
    let kind = if is_sticker { MediaKind::Sticker } else { *kind };
    Some(Content::Media {
        media: Media {
            kind,
            file_name: if kind == MediaKind::Document { file_name(&source) } else { None },
            mime_type: None,
            size_bytes: None,
            caption: None,
            source: Some(source),
            album_id: None,
        },
    })
}

/// The name of a file is told by its address alone: its last part, if that has an extension.
fn file_name(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next()?;
    let last = path.rsplit_once('/')?.1;
    let name: String = unescaped(last).chars().filter(|c| !c.is_control() && !matches!(c, '/' | '\\')).collect();
    let name = cut(name.trim(), NAME_CHARS_MAX);
    name.trim_matches('.').contains('.').then_some(name)
}

/// Without percent-encoding; a sequence that is none stays.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let mut byte = [0];
        match after {
            [high, low, behind @ ..] if *first == b'%' && hex::decode_to_slice([*high, *low], &mut byte).is_ok() => {
                bytes.push(byte[0]);
                rest = behind;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A place; its longitude goes by the name of `long`.
fn place(attachment: &Object, payload: &Object) -> Option<Content> {
    let coordinates = object(payload, "coordinates")?;
    Some(Content::Location {
        latitude_e6: degrees_e6(coordinates, "lat", 90.0)?,
        longitude_e6: degrees_e6(coordinates, "long", 180.0)?,
        title: title(attachment),
        address: None,
    })
}

/// Something a bot made of several parts: its words, if it has any.
fn template(attachment: &Object, payload: Option<&Object>) -> Option<Content> {
    if kind(attachment) != "template" {
        return None;
    }
    let text = payload.and_then(|payload| words(payload, "text", TEXT_CHARS_MAX)).or_else(|| title(attachment))?;
    Some(Content::Text { text })
}

fn title(attachment: &Object) -> Option<String> {
    line(attachment, "title", NAME_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_what_its_address_ends_with() {
        let check = |url: &str, name: Option<&str>| assert_eq!(file_name(url).as_deref(), name, "{url}");
        check("https://cdn.example/v/invoice.pdf?oe=68FFFFFF", Some("invoice.pdf"));
        check("https://cdn.example/v/Rechnung%20M%C3%A4rz.pdf#x", Some("Rechnung März.pdf"));
        check("https://cdn.example/v/100%25.pdf", Some("100%.pdf"));
        check("https://cdn.example/v/100%.p%zf", Some("100%.p%zf"));
        check("https://cdn.example/v/a%2F..%2Fb%0A.pdf", Some("a..b.pdf"));
        check("https://cdn.example/v/4711", None);
        check("https://cdn.example/v/..", None);
        check("https://cdn.example/v/", None);
        check("x.pdf", None);
        check("", None);
    }
}
