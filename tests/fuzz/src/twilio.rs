//! What Twilio, or somebody who claims to be it, sends us.

use domain::inbound::ReplyRef;
use messengers::whatsapp::{
    Addressed, FIELDS_MAX, Form, MEDIA_MAX, Outcome, Payload, authentic, parse, parse_status, read_reply, sign,
};

use crate::telegram::check;

const TOKEN: &str = "an-auth-token";

/// A message, and a status of a reply and of none.
pub(crate) fn form(data: &[u8]) {
    let Some(form) = Form::read(data) else { return };
    assert!(form.fields().len() <= FIELDS_MAX);
    let reply: ReplyRef = "c0ffee.1.2".parse().expect("a reply");
    for parsed in [parse(&form), parse_status(&form, Some(&reply)), parse_status(&form, None)] {
        let Addressed { account_sid, accounts } = parsed.addressed;
        assert!(accounts.len() <= 2 && accounts.iter().chain(&account_sid).all(|account| !account.is_empty()));
        match parsed.outcome {
            Outcome::Ignored { why } => assert!(!why.is_empty()),
            Outcome::Events(events) => {
                assert!((1..=MEDIA_MAX + 1).contains(&events.len()));
                events.iter().for_each(check);
                let ids: std::collections::HashSet<_> = events.iter().map(|event| &event.event_id).collect();
                assert_eq!(ids.len(), events.len(), "each event has an id of its own");
                assert!(ids.iter().all(|id| id.len() <= 63), "it has room in a dedupe id, with its channel");
            }
        }
    }
}

/// The header, the address and the body, a line each: nothing is authentic that was not signed, and everything that was.
pub(crate) fn signature(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == b'\n');
    let (Some(header), Some(url), Some(body)) = (parts.next(), parts.next(), parts.next()) else { return };
    let url = String::from_utf8_lossy(url);
    let Some(form) = Form::read(body) else { return };
    for payload in [Payload::Form(&form), Payload::Raw(body)] {
        let signed = sign(TOKEN, &url, payload);
        let is_authentic = |token: &str, header: &[u8]| authentic(token, &url, payload, Some(header));
        assert!(!is_authentic("another", signed.as_bytes()) && !is_authentic("", header));
        assert!(!is_authentic(TOKEN, &signed.as_bytes()[1..]));
        if matches!(payload, Payload::Form(_)) {
            assert!(is_authentic(TOKEN, signed.as_bytes()));
        }
        if is_authentic(TOKEN, header) {
            assert_eq!(header.len(), signed.len());
        }
    }
}

/// The first two bytes are the status.
pub(crate) fn reply(data: &[u8]) {
    let [high, low, body @ ..] = data else { return };
    let status = u16::from_be_bytes([*high, *low]);
    match read_reply(status, body) {
        Ok(sid) => {
            assert!((200..300).contains(&status));
            assert!(sid.is_none_or(|sid| !sid.is_empty() && sid.bytes().all(|b| b.is_ascii_alphanumeric())));
        }
        Err(failure) => {
            assert!(!failure.code.is_empty());
            assert!(status < 500 || !failure.class.may_send_again(), "a 5xx may have been processed");
            assert!(failure.detail.chars().count() <= messengers::failure::DETAIL_CHARS_MAX, "{}", failure.detail);
        }
    }
}
