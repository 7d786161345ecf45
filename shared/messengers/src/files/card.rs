//! What a contact card says that comes as a file (WhatsApp), a vCard of any version from 2.1 to 4.0.

use calcard::vcard::{VCard, VCardProperty, VCardValue};
use calcard::{Entry, Parser};
use domain::content::{Content, MediaKind};

use crate::fields::cut;

/// The most bytes of a card that are looked at; what is larger has pictures in it, mostly, and stays a file.
const CARD_BYTES_MAX: usize = 256 * 1024;
/// The most cards of one file whose names are shown.
const CARDS_MAX: usize = 10;
/// The most characters of the names together, and of a phone number.
const NAME_CHARS_MAX: usize = 256;

/// What a message says once its file is here: a contact card, its name and first number or, of several in one file, their names.
/// `None` if the file adds nothing to what was said of it.
pub fn says(content: &Content, bytes: &[u8]) -> Option<Content> {
    match content {
        // Words that came with it would be lost.
        Content::Media { media } if media.kind == MediaKind::ContactCard && media.caption.is_none() => {
            contact_card(bytes)
        }
        _ => None,
    }
}

fn contact_card(bytes: &[u8]) -> Option<Content> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= CARD_BYTES_MAX)?;
    let cards = cards(text);
    let names: Vec<String> = cards.iter().filter_map(name).collect();
    let phone = match cards.as_slice() {
        [only] => value(only, &VCardProperty::Tel).map(number),
        _ => None,
    };
    let name = if names.is_empty() { phone.clone()? } else { cut(&names.join(", "), NAME_CHARS_MAX) };
    Some(Content::ContactCard { name, phone })
}

/// Version 4.0 writes numbers as addresses too.
fn number(tel: String) -> String {
    tel.strip_prefix("tel:").filter(|number| !number.is_empty()).map(str::to_owned).unwrap_or(tel)
}

fn cards(text: &str) -> Vec<VCard> {
    let mut parser = Parser::new(text);
    let mut cards = Vec::new();
    while cards.len() < CARDS_MAX {
        match parser.entry() {
            Entry::VCard(card) => cards.push(card),
            Entry::Eof => break,
            // What stands between two cards.
            _ => {}
        }
    }
    cards
}

/// How the person, or the company, is called: as the card shows it or, without that, by the parts of the name.
fn name(card: &VCard) -> Option<String> {
    let parts = || {
        let parts = texts(card, &VCardProperty::N);
        // Last name, first name, others.
        let order = [1, 2, 0].iter().filter_map(|&at| parts.get(at).filter(|part| !part.is_empty()).cloned());
        let name = order.collect::<Vec<_>>().join(" ");
        (!name.is_empty()).then_some(name)
    };
    value(card, &VCardProperty::Fn).or_else(parts).or_else(|| value(card, &VCardProperty::Org))
}

/// The first text of the first property of this name that has one.
fn value(card: &VCard, property: &VCardProperty) -> Option<String> {
    texts(card, property).into_iter().find(|text| !text.is_empty())
}

fn texts(card: &VCard, property: &VCardProperty) -> Vec<String> {
    let of_this = card.entries.iter().filter(|entry| entry.name == *property);
    of_this.flat_map(|entry| &entry.values).flat_map(words).collect()
}

fn words(value: &VCardValue) -> Vec<String> {
    let line = |text: &String| cut(text, NAME_CHARS_MAX).trim().to_owned();
    match value {
        VCardValue::Text(text) => vec![line(text)],
        VCardValue::Component(parts) => parts.iter().map(line).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &[&str], name: &str, phone: Option<&str>) {
        let file = format!("BEGIN:VCARD\r\n{}\r\nEND:VCARD\r\n", lines.join("\r\n"));
        let phone = phone.map(str::to_owned);
        assert_eq!(
            contact_card(file.as_bytes()),
            Some(Content::ContactCard { name: name.to_owned(), phone }),
            "{file}"
        );
    }

    #[test]
    fn c7_a_card_is_its_name_and_its_first_number() {
        check(
            &["VERSION:3.0", "N:Example;Grace;;;", "FN:Grace Example", "TEL;type=CELL;waid=4930123456:+49 30 123456"],
            "Grace Example",
            Some("+49 30 123456"),
        );
        check(
            &["VERSION:3.0", "FN:Grace", "item1.TEL;waid=49301:+49 301", "item1.X-ABLabel:Mobile", "TEL:+49 302"],
            "Grace",
            Some("+49 301"),
        );
        check(&["VERSION:4.0", "FN:Grüße\\, GmbH", "TEL;VALUE=uri:tel:+49-30-1"], "Grüße, GmbH", Some("+49-30-1"));
        check(&["VERSION:3.0", "FN:A long", "  name", "TEL:1"], "A long name", Some("1"));
        check(&["VERSION:3.0", "N:Example;Grace;B.;Dr.;"], "Grace B. Example", None);
        check(&["VERSION:3.0", "ORG:Example Ltd"], "Example Ltd", None);
        check(&["VERSION:3.0", "TEL:+49 30 1"], "+49 30 1", Some("+49 30 1"));
        check(
            &["VERSION:2.1", "FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=BCrgen", "TEL;CELL:+49 1"],
            "Jürgen",
            Some("+49 1"),
        );
    }

    #[test]
    fn c7_several_cards_in_a_file_are_all_named() {
        let card = |name: &str| format!("BEGIN:VCARD\nVERSION:3.0\nFN:{name}\nTEL:+1\nEND:VCARD\n");
        let file = ["Ann", "Ben", "Cy"].map(card).join("\n");
        let expected = Content::ContactCard { name: "Ann, Ben, Cy".to_owned(), phone: None };
        assert_eq!(contact_card(file.as_bytes()), Some(expected));
        let many = (0..99).map(|_| card(&"x".repeat(99))).collect::<String>();
        let Some(Content::ContactCard { name, .. }) = contact_card(many.as_bytes()) else { panic!("a card") };
        assert_eq!(name.chars().count(), 256);
    }

    #[test]
    fn c7_what_is_no_card_stays_a_file() {
        for bytes in [
            &b""[..],
            b"hello",
            b"\xff\xfe",
            b"BEGIN:VCARD\nVERSION:3.0\nEND:VCARD\n",
            b"BEGIN:VCALENDAR\nEND:VCALENDAR\n",
            b"BEGIN:VCARD",
            b"BEGIN:VCARD\nFN:\nTEL:\nEND:VCARD",
        ] {
            assert_eq!(contact_card(bytes), None, "{:?}", String::from_utf8_lossy(bytes));
        }
        let large = format!("BEGIN:VCARD\nFN:A\nNOTE:{}\nEND:VCARD\n", "x".repeat(CARD_BYTES_MAX));
        assert_eq!(contact_card(large.as_bytes()), None);
    }
}
