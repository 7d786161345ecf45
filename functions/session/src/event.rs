//! Telling events apart.

use std::collections::HashMap;

use aws_lambda_events::event::apigw::ApiGatewayWebsocketProxyRequest;
use serde::Deserialize;
use serde_json::Value;

/// What came.
pub(crate) enum Event {
    /// A call of the HTTP API (payload 2.0).
    Http(Call),
    /// May this WebSocket connection be opened?
    Authorize(Question),
    /// It was opened. Nothing is sent to it before its `hello`: until this is answered, posts to it are refused.
    Connect,
    /// A connection is gone.
    Disconnect(Box<ApiGatewayWebsocketProxyRequest>),
    /// A client's frame.
    Frame(Box<ApiGatewayWebsocketProxyRequest>),
    /// Something else.
    Unknown,
}

/// A call of the HTTP API.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Call {
    /// Method and path: `POST /api/ticket`.
    #[serde(default)]
    pub(crate) route_key: String,
    #[serde(default)]
    headers: Option<HashMap<String, String>>,
}

/// The question of a REQUEST authorizer.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Question {
    /// What is to be allowed: `arn:aws:execute-api:<region>:<account>:<api>/<stage>/$connect`.
    #[serde(default)]
    pub(crate) method_arn: String,
    #[serde(default)]
    headers: Option<HashMap<String, String>>,
    #[serde(default)]
    query_string_parameters: Option<HashMap<String, String>>,
}

fn header<'a>(headers: Option<&'a HashMap<String, String>>, wanted: &str) -> Option<&'a str> {
    headers?.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.as_str())
}

impl Call {
    /// The token that the caller brings.
    pub(crate) fn bearer(&self) -> Option<&str> {
        wire::http::bearer(header(self.headers.as_ref(), "authorization"))
    }
}

impl Question {
    /// The ticket that the caller brings.
    pub(crate) fn ticket(&self) -> Option<&str> {
        self.query_string_parameters.as_ref()?.get("ticket").map(String::as_str)
    }

    /// The web page's origin, if a browser asks.
    pub(crate) fn origin(&self) -> Option<&str> {
        header(self.headers.as_ref(), "origin")
    }
}

/// Tells what came.
pub(crate) fn read(event: Value) -> Event {
    let word = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
    if word("/type") == Some("REQUEST") {
        // A question that cannot be read is answered no.
        return Event::Authorize(serde_json::from_value(event).unwrap_or_default());
    }
    if word("/requestContext/http/method").is_some() {
        return serde_json::from_value(event).map_or(Event::Unknown, Event::Http);
    }
    let kind = word("/requestContext/eventType").map(str::to_owned);
    let route = word("/requestContext/routeKey").map(str::to_owned);
    let socket = |event| serde_json::from_value(event).ok().map(Box::new);
    match (kind.as_deref(), route.as_deref()) {
        (Some("CONNECT"), _) | (_, Some("$connect")) => Event::Connect,
        (Some("DISCONNECT"), _) | (_, Some("$disconnect")) => socket(event).map_or(Event::Unknown, Event::Disconnect),
        (Some("MESSAGE"), _) => socket(event).map_or(Event::Unknown, Event::Frame),
        _ => Event::Unknown,
    }
}
