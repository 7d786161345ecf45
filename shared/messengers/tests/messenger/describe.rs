//! A call of the webhook in lines that leave nothing out, so that an expectation can be read.

use std::fmt::Write;

use domain::content::{Content, Media};
use domain::inbound::{Holder, InboundEvent, InboundKind, Which};
use messengers::messenger::{PageEvent, Parsed};

/// The page and the customer of nearly all samples.
const PAGE: &str = "100000000000001";
const ADA: &str = "2000000000000001";

/// A line for each event, and for each that is ignored.
pub(crate) fn parsed(parsed: &Parsed) -> Vec<String> {
    let ignored = parsed.ignored.iter().map(|why| format!("ignored: {why}"));
    parsed.events.iter().map(describe_event).chain(ignored).collect()
}

fn describe_event(PageEvent { page, event }: &PageEvent) -> String {
    let mut line = String::new();
    if page != PAGE {
        write!(line, "page {page}: ").expect("a string takes everything");
    }
    let at = event.at_ms.checked_sub(1_760_000_000_000).filter(|at| *at >= 0);
    let at = at.map_or_else(|| event.at_ms.to_string(), |at| format!("+{at}"));
    let standby = if event.standby { " in standby" } else { "" };
    write!(line, "{} at {at}{standby}: {} ", customer(event), what(&event.what)).expect("a string takes everything");
    // The id of nearly all messages and echoes is that of the message.
    let id = match &event.what {
        InboundKind::Message { message_id, .. } | InboundKind::Echo { message_id, .. } => message_id.as_str(),
        _ => "",
    };
    if event.event_id != id {
        write!(line, "[{}]", event.event_id).expect("a string takes everything");
    }
    short(line.trim_end())
}

fn customer(event: &InboundEvent) -> String {
    let customer = &event.customer;
    assert!(customer.is_stand_in && customer.username.is_none() && customer.language.is_none());
    let line = format!("{} {:?}", customer.address, customer.name);
    if line == format!("{ADA} \"Messenger …0001\"") { "Ada".to_owned() } else { line }
}

/// Ids of messages by their numbers.
fn short(line: &str) -> String {
    line.replace("_AbCdEfGhIjKlMnOpQrStUvWxYz-_", "").replace("m_Synthetic", "m")
}

fn what(what: &InboundKind) -> String {
    match what {
        InboundKind::Message { message_id, content, reply_to, quote, forwarded_from } => {
            assert!(quote.is_none() && forwarded_from.is_none(), "Messenger tells neither");
            let mut line = format!("message {message_id} {}", describe_content(content));
            optional(&mut line, "re", reply_to.as_deref());
            line
        }
        InboundKind::Edited { message_id, content } => format!("edited {message_id} {}", describe_content(content)),
        InboundKind::Echo { message_id, content, reply, app } => {
            let mut line = format!("echo {message_id} {}", describe_content(content));
            optional(&mut line, "reply", reply.as_ref().map(ToString::to_string).as_deref());
            optional(&mut line, "app", app.as_deref());
            line
        }
        InboundKind::Delivery { which, state, reason } => {
            assert_eq!(*reason, None);
            match which {
                Which::UpTo(ms) => format!("{state:?} up to {ms}"),
                Which::Messages(ids) => format!("{state:?} {}", ids.join(" ")),
                Which::Reply { .. } => unreachable!("Messenger names no reply of ours in a receipt"),
            }
        }
        InboundKind::Reaction { message_id, reaction } => format!("reaction {reaction:?} to {message_id}"),
        InboundKind::Control { to: Holder::Us { from } } => format!("control to us from {from:?}"),
        InboundKind::Control { to: Holder::Other { app } } => format!("control to other {app:?}"),
        InboundKind::ControlRequested { app } => format!("control requested by {app}"),
        InboundKind::Blocked | InboundKind::Unblocked | InboundKind::Profile => {
            unreachable!("Messenger tells nothing of the kind: {what:?}")
        }
    }
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
        Content::ContactCard { .. } => unreachable!("Messenger has no contact cards"),
        Content::Button { label } => format!("button {label:?}"),
        Content::HandBack { .. } => unreachable!("no customer hands a conversation back"),
        Content::Unsupported { what } => format!("unsupported {what}"),
    }
}

fn describe_media(media: &Media) -> String {
    assert!(media.mime_type.is_none() && media.size_bytes.is_none(), "Messenger tells neither");
    let mut line = format!("{:?}", media.kind);
    optional(&mut line, "at", media.source.as_deref());
    optional(&mut line, "name", media.file_name.as_deref());
    optional(&mut line, "caption", media.caption.as_deref());
    optional(&mut line, "album", media.album_id.as_deref());
    line
}

fn optional(line: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        write!(line, " {name} {value:?}").expect("a string takes everything");
    }
}
