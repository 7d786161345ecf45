//! A call of a messenger's API, as data: rendered here, made by an adapter.

use std::fmt;

use serde_json::Value;

/// Whose API is called, and so how the secret goes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// Telegram's Bot API. The bot's token is a part of the path: the call's own path goes behind it.
    Telegram,
    /// Facebook's Graph API; the call's path goes behind the version. The token, if there is one, is a bearer's.
    Graph,
    /// Twilio's REST API (`api.twilio.com`). The secret is `name:password` of HTTP's basic authentication.
    Twilio,
    /// Twilio's messaging API (`messaging.twilio.com`), with the same secret.
    TwilioMessaging,
}

/// The HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads.
    Get,
    /// Does something.
    Post,
    /// Undoes something.
    Delete,
}

/// What goes along.
#[derive(Clone, PartialEq)]
pub enum Body {
    /// Nothing.
    Empty,
    /// JSON.
    Json(Value),
    /// A form (`application/x-www-form-urlencoded`), in this order.
    Form(Vec<(String, String)>),
    /// A form with a file (`multipart/form-data`).
    File {
        /// The fields beside it.
        fields: Vec<(String, String)>,
        /// The file.
        file: FilePart,
    },
}

/// A file that goes along.
#[derive(Clone, PartialEq)]
pub struct FilePart {
    /// The field that it is.
    pub field: &'static str,
    /// Its name.
    pub name: String,
    /// Its MIME type.
    pub content_type: String,
    /// The file itself.
    pub bytes: Vec<u8>,
}

/// One call.
#[derive(Clone, PartialEq)]
pub struct Call {
    /// Whose API.
    pub host: Host,
    /// The name of what is called, without anybody's id: for logs and tests (Telegram: `sendMessage`; Graph: `messages`).
    pub method: &'static str,
    /// How.
    pub verb: Verb,
    /// Where, below the host's own base; no slash in front, every segment percent-encoded where it needs be.
    pub path: String,
    /// The query's parameters, not yet encoded.
    pub query: Vec<(&'static str, String)>,
    /// What goes along.
    pub body: Body,
}

/// Shows names only: the values are a customer's conversation, or a secret.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query: Vec<&str> = self.query.iter().map(|(name, _)| *name).collect();
        let mut shown = f.debug_struct("Call");
        shown.field("host", &self.host).field("method", &self.method).field("verb", &self.verb);
        shown.field("query", &query).field("body", &self.body).finish_non_exhaustive()
    }
}

/// Shows names only, as [`Call`] does.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |fields: &[(String, String)]| fields.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Json(value) => {
                let names: Vec<&String> = value.as_object().into_iter().flat_map(serde_json::Map::keys).collect();
                f.debug_tuple("Json").field(&names).finish()
            }
            Self::Form(fields) => f.debug_tuple("Form").field(&names(fields)).finish(),
            Self::File { fields, file } => {
                f.debug_tuple("File").field(&names(fields)).field(&file.field).field(&file.bytes.len()).finish()
            }
        }
    }
}

impl Call {
    /// A POST of JSON.
    pub fn json(host: Host, method: &'static str, path: impl Into<String>, body: Value) -> Self {
        Self { host, method, verb: Verb::Post, path: path.into(), query: Vec::new(), body: Body::Json(body) }
    }

    /// A GET.
    pub fn get(host: Host, method: &'static str, path: impl Into<String>, query: Vec<(&'static str, String)>) -> Self {
        Self { host, method, verb: Verb::Get, path: path.into(), query, body: Body::Empty }
    }

    /// A POST of a form.
    pub fn form(host: Host, method: &'static str, path: impl Into<String>, fields: Vec<(String, String)>) -> Self {
        Self { host, method, verb: Verb::Post, path: path.into(), query: Vec::new(), body: Body::Form(fields) }
    }

    /// A DELETE.
    pub fn delete(
        host: Host,
        method: &'static str,
        path: impl Into<String>,
        query: Vec<(&'static str, String)>,
    ) -> Self {
        Self { host, method, verb: Verb::Delete, path: path.into(), query, body: Body::Empty }
    }

    /// The parameters of a JSON body; null where there is none.
    pub fn parameters(&self) -> &Value {
        match &self.body {
            Body::Json(value) => value,
            Body::Empty | Body::Form(_) | Body::File { .. } => &Value::Null,
        }
    }

    /// The first value of a field of a form.
    pub fn field(&self, name: &str) -> Option<&str> {
        match &self.body {
            Body::Form(fields) | Body::File { fields, .. } => {
                fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
            }
            Body::Empty | Body::Json(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn i10_a_call_prints_no_value() {
        let file = FilePart {
            field: "document",
            name: "hush.pdf".into(),
            content_type: "application/pdf".into(),
            bytes: b"hush".into(),
        };
        let form = || vec![("Body".to_owned(), "hush".to_owned())];
        for body in
            [Body::Empty, Body::Json(json!({"text": "hush"})), Body::Form(form()), Body::File { fields: form(), file }]
        {
            let (path, query) = ("hush/x".to_owned(), vec![("secret", "hush".to_owned())]);
            let call = Call { host: Host::Graph, method: "m", verb: Verb::Get, path, query, body };
            assert!(!format!("{call:?}").contains("hush"), "{call:?}");
        }
    }
}
