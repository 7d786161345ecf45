//! What operators' and managers' clients send us.

use domain::{ChatId, OfferId, OperatorId, QueueId};
use jsonwebtoken::decode_header;
use jsonwebtoken::jwk::JwkSet;
use ports::rules::Place;
use ports::store::{Cursor, Index, Query, Range, Table};
use runtime::gateway::read;
use wire::http::{ConnectTelegram, Found, ReconnectTelegram, SettingBody, bearer, find};
use wire::operators::{COMMAND_BYTES_MAX, REQUEST_ID_CHARS_MAX};

/// A frame becomes a command or a refusal that says which request it was.
pub(crate) fn frame(data: &[u8]) {
    let frame = String::from_utf8_lossy(data);
    match read(&frame) {
        Ok(request) => {
            assert!(frame.len() <= COMMAND_BYTES_MAX);
            assert!((1..=REQUEST_ID_CHARS_MAX).contains(&request.request_id.chars().count()));
            let text = serde_json::to_string(&request).expect("a request has a JSON form");
            assert_eq!(request, read(&text).expect("what was written can be read"));
        }
        Err(malformed) => {
            assert!(malformed.request_id.chars().count() <= REQUEST_ID_CHARS_MAX);
            assert!(!malformed.code.is_empty() && !malformed.text.is_empty());
        }
    }
}

/// The first line is method and path, the rest is the body, for whatever takes one.
pub(crate) fn http_body(data: &[u8]) {
    let line = data.iter().position(|b| *b == b'\n').unwrap_or(data.len());
    let head = String::from_utf8_lossy(&data[..line]);
    let (method, path) = head.split_once(' ').unwrap_or(("PUT", &head));
    match find(method, path) {
        Found::Route(route, varies) => assert!(route.method == method && path.contains(varies)),
        Found::OtherMethods(methods) => assert!(!methods.is_empty() && !methods.contains(&method)),
        Found::Nothing => {}
    }
    let body = data.get(line + 1..).unwrap_or_default();
    // As the settings function reads them: none may print a secret.
    let _ = serde_json::from_slice::<domain::settings::QueueDraft>(body);
    let _ = serde_json::from_slice::<domain::settings::RoleDraft>(body);
    let _ = serde_json::from_slice::<domain::settings::UserDraft>(body);
    let _ = serde_json::from_slice::<domain::settings::ChannelDraft>(body);
    let _ = serde_json::from_slice::<SettingBody>(body);
    if let Ok(connect) = serde_json::from_slice::<ConnectTelegram>(body) {
        let valid = messengers::telegram::valid_token(&connect.token);
        assert!(!valid || connect.token.is_ascii(), "a token becomes part of an address");
    }
    let _ = serde_json::from_slice::<ReconnectTelegram>(body);
}

/// What is looked at of a token before its signature, and the issuer's keys.
pub(crate) fn token(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let token = bearer(Some(&text));
    assert!(token.is_none_or(|token| !token.is_empty() && token.len() < text.len()));
    let _ = decode_header(token.unwrap_or(&text));
    let _ = serde_json::from_slice::<JwkSet>(data);
}

/// A cursor of a stranger's is refused; one that is taken is written as it was meant.
pub(crate) fn cursor(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    for (index, range) in [
        (None, Range::All),
        (None, Range::Prefix("C#".to_owned())),
        (Some(Index::ByQueue), Range::All),
        (Some(Index::Due), Range::AtMost(1_000_000)),
    ] {
        let after = Some(Cursor(text.clone()));
        let pk = "V#c0ffee".to_owned();
        let query = Query { table: Table::Work, index, pk, range, descending: false, limit: 25, after };
        if let Ok(Some(place)) = Place::after(&query) {
            assert!(!place.pk().is_empty() && !place.sk().is_empty());
            assert_eq!(place.number().is_some(), index.is_some());
            let again = Query { after: Some(place.to_cursor()), ..query };
            assert_eq!(Place::after(&again).ok().flatten(), Some(place));
        }
    }
}

/// What is an id is written as it was read, and is short.
pub(crate) fn ids(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(id) = text.parse::<OperatorId>() {
        assert_eq!(id.to_string(), text);
        assert!(text.len() <= 64 && text.parse::<QueueId>().is_ok());
    }
    if let Ok(id) = text.parse::<ChatId>() {
        assert!(id.to_string() == text && id.n > 0);
    }
    if let Ok(id) = text.parse::<OfferId>() {
        assert_eq!(id.to_string(), text);
    }
}
