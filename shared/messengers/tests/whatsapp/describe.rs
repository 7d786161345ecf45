//! A form in a few words that leave nothing out, so that an expectation can be read.

use std::fmt::Write;

use domain::content::{Content, Media};
use domain::inbound::{Customer, InboundEvent, InboundKind, Which};
use messengers::whatsapp::Outcome;

/// The outcome, an event a line.
pub(crate) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Events(events) => events.iter().map(event).collect::<Vec<_>>().join("\n"),
        Outcome::Ignored { why } => format!("ignored: {why}"),
    }
}

fn event(event: &InboundEvent) -> String {
    assert!((event.at_ms, event.standby) == (0, false), "Twilio tells neither");
    let who = customer(&event.customer);
    let id = shortened(&event.event_id);
    match &event.what {
        InboundKind::Message { message_id, content, reply_to, quote, forwarded_from } => {
            assert_eq!(*message_id, event.event_id);
            let mut line = format!("{id} {who}: {}", describe_content(content));
            optional(&mut line, "re", reply_to.as_deref().map(shortened).as_deref());
            optional(&mut line, "quote", quote.as_deref());
            optional(&mut line, "from", forwarded_from.as_deref());
            line
        }
        InboundKind::Blocked => format!("{id} {who}: blocked"),
        InboundKind::Unblocked => format!("{id} {who}: unblocked"),
        InboundKind::Delivery { which: Which::Reply { reply, message_id }, state, reason } => {
            let mut line = format!("{id} {who}: {reply} as {} {state:?}", shortened(message_id));
            optional(&mut line, "reason", reason.as_deref());
            line
        }
        other => unreachable!("Twilio tells nothing of the kind: {other:?}"),
    }
}

/// The customer of nearly all samples goes by her first name; in statuses, by her number.
fn customer(customer: &Customer) -> String {
    assert_eq!((&customer.username, &customer.language), (&None, &None), "Twilio tells neither");
    let stands_in = if customer.is_stand_in { " (stand-in)" } else { "" };
    let line = format!("{} {:?}{stands_in}", customer.address, customer.name);
    match line.as_str() {
        r#"whatsapp:+15005550006 "Synt Hetic""# => "Synt".to_owned(),
        r#"whatsapp:+15005550006 "+15005550006" (stand-in)"# => "+15005550006".to_owned(),
        _ => line,
    }
}

/// Ids without the zeros in their middle.
fn shortened(id: &str) -> String {
    let zeros = "0".repeat(20);
    id.split_once(&zeros)
        .map_or_else(|| id.to_owned(), |(start, end)| format!("{start}-{}", end.trim_start_matches('0')))
}

fn describe_content(content: &Content) -> String {
    match content {
        Content::Text { text } => format!("text {text:?}"),
        Content::Media { media } => describe_media(media),
        Content::Location { latitude_e6, longitude_e6, title, address } => {
            let mut line = format!("location {latitude_e6} {longitude_e6}");
            optional(&mut line, "title", title.as_deref());
            optional(&mut line, "address", address.as_deref());
            line
        }
        Content::Button { label } => format!("button {label:?}"),
        Content::HandBack { .. } => unreachable!("no customer hands a conversation back"),
        Content::Unsupported { what } => format!("unsupported {what}"),
        Content::ContactCard { .. } => unreachable!("a card is a file"),
    }
}

fn describe_media(media: &Media) -> String {
    assert_eq!(media.size_bytes, None, "Twilio does not tell");
    let mut line = format!("{:?}", media.kind);
    let source = media.source.as_deref().map(|source| shortened(source.rsplit('/').next().unwrap_or_default()));
    optional(&mut line, "at", source.as_deref());
    optional(&mut line, "name", media.file_name.as_deref());
    optional(&mut line, "type", media.mime_type.as_deref());
    optional(&mut line, "caption", media.caption.as_deref());
    optional(&mut line, "album", media.album_id.as_deref().map(shortened).as_deref());
    line
}

fn optional(line: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        write!(line, " {name} {value:?}").expect("a string takes everything");
    }
}
