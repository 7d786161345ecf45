//! Parameters of a Graph API call: from the query string, a form, a JSON object or the parts of a multipart form.

use axum::body::Bytes;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::error::GraphError;
use crate::multipart;

/// A file in a multipart form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilePart {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) bytes: Bytes,
}

/// Parameters by name. Those of the body win over those of the query string.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params {
    fields: Map<String, Value>,
    /// The part `filedata`.
    pub(crate) file: Option<FilePart>,
}

impl Params {
    /// Reads a call's parameters. `content_type` is the request's header.
    pub(crate) fn read(query: Option<&str>, content_type: &str, body: &[u8]) -> Result<Self, GraphError> {
        let mut params = Self::default();
        params.insert_pairs(query.unwrap_or_default().as_bytes());
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            _ if body.is_empty() => {}
            "application/json" => match serde_json::from_slice(body) {
                Ok(Value::Object(object)) => params.fields.extend(object),
                Ok(_) | Err(_) => return Err(GraphError::parameter("The request's body is not a JSON object")),
            },
            "application/x-www-form-urlencoded" => params.insert_pairs(body),
            "multipart/form-data" => params.insert_parts(content_type, body)?,
            _ => return Err(GraphError::parameter(&format!("Content type \"{kind}\" is not supported"))),
        }
        Ok(params)
    }

    fn insert_pairs(&mut self, encoded: &[u8]) {
        for (name, value) in form_urlencoded::parse(encoded) {
            self.fields.insert(name.into_owned(), Value::String(value.into_owned()));
        }
    }

    fn insert_parts(&mut self, content_type: &str, body: &[u8]) -> Result<(), GraphError> {
        let broken = || GraphError::parameter("The multipart body is broken");
        for part in multipart::parse(content_type, &Bytes::copy_from_slice(body)).ok_or_else(broken)? {
            let Some(name) = part.file_name.filter(|name| !name.is_empty()) else {
                let text = String::from_utf8(part.bytes.to_vec()).map_err(|_| broken())?;
                self.fields.insert(part.name, Value::String(text));
                continue;
            };
            if part.name != "filedata" {
                return Err(GraphError::parameter(&format!("Files come as filedata, not as {}", part.name)));
            }
            self.file = Some(FilePart { name, content_type: part.content_type, bytes: part.bytes });
        }
        Ok(())
    }

    /// As JSON, for the record: without what signs the caller in.
    pub(crate) fn to_record(&self) -> Value {
        let secret = ["access_token", "appsecret_proof", "client_secret", "fb_exchange_token", "input_token"];
        let shown = self.fields.iter().filter(|(name, _)| !secret.contains(&name.as_str()));
        Value::Object(shown.map(|(name, value)| (name.clone(), unfold(value))).collect())
    }

    /// As text; missing, null and structured values are none.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.fields.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// As text that must be there.
    pub(crate) fn need(&self, name: &str) -> Result<String, GraphError> {
        self.text(name).filter(|text| !text.is_empty()).ok_or_else(|| GraphError::required(name))
    }

    /// A list: an array, JSON of one, or a text with commas. `None` when missing or empty.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<String>> {
        let list: Vec<String> = match unfold(self.fields.get(name)?) {
            Value::Array(items) => items.iter().map(|item| item.as_str().unwrap_or_default().to_owned()).collect(),
            Value::String(text) => text.split(',').map(|item| item.trim().to_owned()).collect(),
            _ => return None,
        };
        if list.iter().all(String::is_empty) { None } else { Some(list) }
    }

    /// As structured data: the value itself, or JSON inside a text, as forms carry it. `None` when missing.
    pub(crate) fn structured(&self, name: &str) -> Option<Value> {
        self.fields.get(name).filter(|value| !value.is_null()).map(unfold)
    }

    /// The names of all parameters.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }
}

/// JSON objects and lists inside a text are meant as such.
fn unfold(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with(['{', '[']) => {
            serde_json::from_str(text).unwrap_or_else(|_| value.clone())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_comes_as_filedata() {
        let body = b"--xyz\r\nContent-Disposition: form-data; name=\"recipient\"\r\n\r\n{\"id\":\"1\"}\r\n--xyz\r\n\
            Content-Disposition: form-data; name=\"filedata\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\
            x\r\n--xyz--\r\n";
        let params = Params::read(None, "multipart/form-data; boundary=\"xyz\"", body).expect("a form");
        assert_eq!(params.structured("recipient"), Some(json!({"id": "1"})));
        let file = params.file.expect("a file");
        assert_eq!((file.name.as_str(), file.content_type.as_str()), ("a.png", "image/png"));
        assert_eq!(file.bytes.as_ref(), b"x");
        let elsewhere = String::from_utf8_lossy(body).replace("filedata", "data");
        assert!(Params::read(None, "multipart/form-data; boundary=xyz", elsewhere.as_bytes()).is_err());
        assert!(Params::read(None, "multipart/form-data; boundary=xyz", b"--xyz\r\n").is_err());
    }
}
