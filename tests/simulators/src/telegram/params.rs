//! Parameters of a Bot API call: from the query string, a form or a JSON object, in whatever type they came.

use serde_json::{Map, Value};
use url::form_urlencoded;

use super::answer::ApiError;

/// Parameters by name. Those of the body win over those of the query string.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(Map<String, Value>);

impl Params {
    /// Reads a call's parameters. `content_type` is the request's header, lower-cased or not.
    pub(crate) fn read(query: Option<&str>, content_type: &str, body: &[u8]) -> Result<Self, ApiError> {
        let mut all = Map::new();
        insert_pairs(&mut all, query.unwrap_or_default().as_bytes());
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            _ if body.is_empty() => {}
            "application/json" => match serde_json::from_slice(body) {
                Ok(Value::Object(object)) => all.extend(object),
                Ok(_) | Err(_) => return Err(ApiError::bad_request("can't parse JSON object")),
            },
            "application/x-www-form-urlencoded" => insert_pairs(&mut all, body),
            _ => {
                return Err(ApiError::bad_request(&format!(
                    "content type \"{kind}\" is not supported by the simulator"
                )));
            }
        }
        Ok(Self(all))
    }

    /// The parameters of a JSON object.
    pub(crate) fn of(object: Map<String, Value>) -> Self {
        Self(object)
    }

    /// As JSON, for the record.
    pub(crate) fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// As text; missing, null and structured values are none.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// As a whole number.
    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.text(name)?.trim().parse().ok()
    }

    /// As a flag: `true`, `yes` and `1` in any case are true, everything else is false.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "1"))
    }

    /// As structured data: the value itself, or JSON inside a text, as forms carry it. `None` when missing or empty.
    pub(crate) fn structured(&self, name: &str) -> Option<Result<Value, serde_json::Error>> {
        match self.0.get(name)? {
            Value::Null => None,
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(serde_json::from_str(text)),
            value => Some(Ok(value.clone())),
        }
    }
}

fn insert_pairs(all: &mut Map<String, Value>, encoded: &[u8]) {
    for (name, value) in form_urlencoded::parse(encoded) {
        all.insert(name.into_owned(), Value::String(value.into_owned()));
    }
}
