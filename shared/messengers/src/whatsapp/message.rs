//! Customers' messages.

use domain::content::{Content, Media, MediaKind, TEXT_CHARS_MAX};
use domain::inbound::{Customer, InboundEvent, InboundKind};

use super::form::Form;
use super::{ADDRESS_BYTES_MAX, Addressed, Outcome, PREFIX, Parsed, ignored};

/// The most files of one message that are looked at (Twilio: 10; WhatsApp sends one).
pub const MEDIA_MAX: usize = 10;
/// The most characters of a name, a title, an address or a button.
const NAME_CHARS_MAX: usize = 256;
/// The most characters of a MIME type (RFC 6838: 127 on either side of the slash).
const MIME_CHARS_MAX: usize = 255;
/// The most characters of the name of a kind of message.
const KIND_CHARS_MAX: usize = 64;
/// The longest ending of a file's name, characters.
const ENDING_CHARS_MAX: usize = 5;
/// The longest address of a file, bytes.
const URL_BYTES_MAX: usize = 2048;
/// The most characters that are kept of an advertisement.
const QUOTE_CHARS_MAX: usize = 1024;

/// Understands a customer's message. Never panics. What it makes of a form is bounded (about 150 KB of JSON), whatever the form's
/// size. It does not know whether the form is Twilio's: see [`super::authentic`].
pub fn parse(form: &Form) -> Parsed {
    let outcome = message(form).map_or_else(|why| Outcome::Ignored { why }, Outcome::Events);
    Parsed { addressed: Addressed::of_message(form), outcome }
}

fn message(form: &Form) -> Result<Vec<InboundEvent>, &'static str> {
    if form.get("MessageStatus").is_some() {
        return Err(ignored::NO_MESSAGE);
    }
    let customer = customer(form)?;
    let sid = ["MessageSid", "SmsMessageSid", "SmsSid"].iter().find_map(|name| form.sid(name));
    let sid = sid.ok_or(ignored::MALFORMED)?;
    let contents = contents(form, &sid);
    let mut events: Vec<_> = contents
        .into_iter()
        .enumerate()
        .map(|(n, content)| {
            let id = if n == 0 { sid.clone() } else { format!("{sid}#{n}") };
            event(id.clone(), &customer, said(form, id, content, n == 0))
        })
        .collect();
    // The standing changes as the customer says so: after their STOP nothing reaches them, by their START everything does.
    match form.get("OptOutType") {
        Some("STOP") => events.push(event(format!("{sid}.STOP"), &customer, InboundKind::Blocked)),
        Some("START") => events.insert(0, event(format!("{sid}.START"), &customer, InboundKind::Unblocked)),
        _ => {}
    }
    Ok(events)
}

fn event(event_id: String, customer: &Customer, what: InboundKind) -> InboundEvent {
    // Twilio does not tell when: the time of receipt is all there is.
    InboundEvent { event_id, customer: customer.clone(), at_ms: 0, standby: false, what }
}

fn said(form: &Form, message_id: String, content: Content, is_first: bool) -> InboundKind {
    InboundKind::Message {
        message_id,
        content,
        reply_to: form.sid("OriginalRepliedMessageSid").filter(|_| is_first),
        quote: advertisement(form).filter(|_| is_first),
        // WhatsApp tells that it was, and not from whom.
        forwarded_from: (form.flag("Forwarded") || form.flag("FrequentlyForwarded")).then(|| "unknown".to_owned()),
    }
}

/// The address of a person on WhatsApp, or why it is none.
pub(super) fn address_of(form: &Form, field: &str) -> Result<String, &'static str> {
    let told = form.get(field).ok_or(ignored::MALFORMED)?;
    if !told.starts_with(PREFIX) {
        return Err(ignored::NOT_WHATSAPP);
    }
    form.handle(field, ADDRESS_BYTES_MAX).filter(|address| address.len() > PREFIX.len()).ok_or(ignored::MALFORMED)
}

/// What somebody is called of whom only the address is known: the number or, where they hide it, their id.
pub(super) fn name_of(address: &str) -> String {
    address.strip_prefix(PREFIX).unwrap_or(address).to_owned()
}

fn customer(form: &Form) -> Result<Customer, &'static str> {
    let address = address_of(form, "From")?;
    let profile = form.line("ProfileName", NAME_CHARS_MAX);
    let is_stand_in = profile.is_none();
    let name = profile.unwrap_or_else(|| name_of(&address));
    Ok(Customer { address, name, is_stand_in, username: None, language: None })
}

/// What the message says: one content, or one a file.
fn contents(form: &Form, sid: &str) -> Vec<Content> {
    let files = (0..MEDIA_MAX).take_while(|n| form.get(&format!("MediaUrl{n}")).is_some()).count();
    if files > 0 {
        let album = (files > 1).then_some(sid);
        return (0..files).map(|n| Content::Media { media: media(form, n, album) }).collect();
    }
    let content = place(form)
        .or_else(|| button(form))
        .or_else(|| form.words("Body", TEXT_CHARS_MAX).map(Content::text))
        .unwrap_or_else(|| Content::Unsupported { what: unknown_kind(form) });
    vec![content]
}

fn media(form: &Form, n: usize, album: Option<&str>) -> Media {
    let mime_type = form.line(&format!("MediaContentType{n}"), MIME_CHARS_MAX);
    let kind = kind(form.get("MessageType"), mime_type.as_deref().unwrap_or_default());
    let words = form.words("Body", TEXT_CHARS_MAX).filter(|_| n == 0);
    // Where a document has no words, its name may come in their place.
    let (file_name, caption) = match words {
        Some(words) if kind == MediaKind::Document && is_file_name(&words) => (Some(words), None),
        words => (None, words),
    };
    Media {
        kind,
        file_name,
        mime_type,
        size_bytes: None,
        caption,
        source: form.handle(&format!("MediaUrl{n}"), URL_BYTES_MAX),
        album_id: album.map(str::to_owned),
    }
}

/// Whether words are the name of a file: one line that ends as such names do.
fn is_file_name(words: &str) -> bool {
    let is_ending = |ending: &str| {
        (1..=ENDING_CHARS_MAX).contains(&ending.len())
            && ending.bytes().all(|b| b.is_ascii_alphanumeric())
            && ending.bytes().any(|b| b.is_ascii_alphabetic())
    };
    let is_line = words.chars().count() <= NAME_CHARS_MAX && !words.contains(|c: char| c.is_control() || c == '/');
    is_line && words.rsplit_once('.').is_some_and(|(stem, ending)| !stem.is_empty() && is_ending(ending))
}

/// What kind of file it is, by its type; a file that was sent as a document is one.
fn kind(message_type: Option<&str>, mime_type: &str) -> MediaKind {
    let essence = mime_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match (message_type, essence.split_once('/')) {
        (Some("document"), _) => MediaKind::Document,
        (Some("contacts"), _) | (_, Some(("text", "vcard" | "x-vcard"))) => MediaKind::ContactCard,
        // WhatsApp has pictures of this type as stickers only.
        (Some("sticker"), _) | (_, Some(("image", "webp"))) => MediaKind::Sticker,
        (_, Some(("image", "gif"))) => MediaKind::Animation,
        (_, Some(("image", _))) => MediaKind::Photo,
        (_, Some(("video", _))) => MediaKind::Video,
        // What is recorded in WhatsApp is Opus in Ogg; music that is sent on mostly is not.
        (_, Some(("audio", "ogg"))) => MediaKind::Voice,
        (_, Some(("audio", _))) => MediaKind::Audio,
        _ => MediaKind::Document,
    }
}

fn place(form: &Form) -> Option<Content> {
    Some(Content::Location {
        latitude_e6: degrees_e6(form.get("Latitude")?, 90.0)?,
        longitude_e6: degrees_e6(form.get("Longitude")?, 180.0)?,
        title: form.line("Label", NAME_CHARS_MAX),
        address: form.line("Address", NAME_CHARS_MAX),
    })
}

/// Degrees as Twilio writes them, in millionths; `None` if out of range.
fn degrees_e6(told: &str, degrees_max: f64) -> Option<i64> {
    crate::fields::millionths(told.trim().parse().ok()?, degrees_max)
}

/// A pressed button, or an entry picked from a list.
fn button(form: &Form) -> Option<Content> {
    let label = ["ButtonText", "ListTitle"].iter().find_map(|name| form.line(name, NAME_CHARS_MAX));
    let is_button = ["ButtonPayload", "ListId"].iter().find_map(|name| form.line(name, NAME_CHARS_MAX));
    let label = label.or_else(|| is_button.and_then(|id| form.line("Body", NAME_CHARS_MAX).or(Some(id))))?;
    Some(Content::Button { label })
}

fn unknown_kind(form: &Form) -> String {
    let told = form.line("MessageType", KIND_CHARS_MAX).filter(|kind| kind != "text");
    told.unwrap_or_else(|| "empty".to_owned())
}

/// The advertisement that the customer answers, if they came by one: what it said, and where it stood.
fn advertisement(form: &Form) -> Option<String> {
    let parts = ["ReferralHeadline", "ReferralBody", "ReferralSourceUrl"];
    let parts: Vec<_> = parts.iter().filter_map(|name| form.line(name, QUOTE_CHARS_MAX)).collect();
    (!parts.is_empty()).then(|| parts.join("\n").chars().take(QUOTE_CHARS_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c7_a_document_s_name_is_told_from_words_about_it() {
        for name in ["invoice.pdf", "Preis ü (neu).DOCX", "a.tar.gz"] {
            assert!(is_file_name(name), "{name}");
        }
        for words in [
            "see this",
            "Look.",
            "Is it this?",
            ".pdf",
            "at example.com/x.pdf",
            "first\nsecond.pdf",
            "No. 12 of last year",
            "as in version 1.2",
        ] {
            assert!(!is_file_name(words), "{words}");
        }
    }
}
