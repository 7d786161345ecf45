//! An update in one line that leaves nothing out, so that an expectation can be read.

use std::fmt::Write;

use domain::content::{Content, Media};
use domain::inbound::{Customer, InboundEvent, InboundKind};
use messengers::telegram::Outcome;

/// The outcome in one line.
pub(crate) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Event(event) => describe_event(event),
        Outcome::Answer { event, callback_query_id } => {
            format!("{} / answer {callback_query_id}", describe_event(event))
        }
        Outcome::Ignored { why } => format!("ignored: {why}"),
    }
}

fn describe_event(event: &InboundEvent) -> String {
    let who = customer(&event.customer);
    let at = event.at_ms;
    match &event.what {
        InboundKind::Message { message_id, content, reply_to, quote, forwarded_from } => {
            let mut line = format!("{who} at {at}: message {message_id} {}", describe_content(content));
            optional(&mut line, "re", reply_to.as_deref());
            optional(&mut line, "quote", quote.as_deref());
            optional(&mut line, "from", forwarded_from.as_deref());
            line
        }
        InboundKind::Edited { message_id, content } => {
            format!("{who} at {at}: edited {message_id} {}", describe_content(content))
        }
        InboundKind::Blocked => format!("{who} at {at}: blocked"),
        InboundKind::Unblocked => format!("{who} at {at}: unblocked"),
        other => unreachable!("Telegram tells nothing of the kind: {other:?}"),
    }
}

/// The customer of nearly all samples goes by her first name.
fn customer(customer: &Customer) -> String {
    let mut line = format!("{} {:?}", customer.address, customer.name);
    optional(&mut line, "@", customer.username.as_deref());
    optional(&mut line, "in", customer.language.as_deref());
    if line == r#"700000001 "Ada Example" @ "ada_example" in "en""# { "Ada".to_owned() } else { line }
}

fn describe_content(content: &Content) -> String {
    match content {
        Content::Text { text } if text.len() > 100 => format!("text of {} bytes", text.len()),
        Content::Text { text } => format!("text {text:?}"),
        Content::Media { media } => describe_media(media),
        Content::Location { latitude_e6, longitude_e6, title, address } => {
            let mut line = format!("location {latitude_e6} {longitude_e6}");
            optional(&mut line, "title", title.as_deref());
            optional(&mut line, "address", address.as_deref());
            line
        }
        Content::ContactCard { name, phone } => {
            let mut line = format!("contact {name:?}");
            optional(&mut line, "phone", phone.as_deref());
            line
        }
        Content::Button { label } => format!("button {label:?}"),
        Content::HandBack { .. } => unreachable!("no customer hands a conversation back"),
        Content::Unsupported { what } => format!("unsupported {what}"),
    }
}

fn describe_media(media: &Media) -> String {
    let mut line = format!("{:?}", media.kind);
    optional(&mut line, "id", media.source.as_deref());
    optional(&mut line, "name", media.file_name.as_deref());
    optional(&mut line, "type", media.mime_type.as_deref());
    optional(&mut line, "size", media.size_bytes.map(|size| size.to_string()).as_deref());
    optional(&mut line, "caption", media.caption.as_deref());
    optional(&mut line, "album", media.album_id.as_deref());
    line
}

fn optional(line: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        write!(line, " {name} {value:?}").expect("a string takes everything");
    }
}
