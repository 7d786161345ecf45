//! Parameters of a Bot API call: from the query string, a form, the parts of a multipart form or a JSON object, in
//! whatever type they came.

use std::collections::BTreeMap;

use axum::body::Bytes;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::answer::ApiError;
use super::files::Upload;
use super::kinds::MAX_FILE;
use crate::multipart;

/// Parameters by name. Those of the body win over those of the query string.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params {
    fields: Map<String, Value>,
    /// The files of a multipart form, by the names of their parts.
    files: BTreeMap<String, Upload>,
    /// What came of the address that the call gives for its file.
    pub(crate) fetched: Option<Result<Upload, ApiError>>,
}

impl Params {
    /// Reads a call's parameters. `content_type` is the request's header, lower-cased or not.
    pub(crate) fn read(query: Option<&str>, content_type: &str, body: &Bytes) -> Result<Self, ApiError> {
        let (mut all, mut files) = (Map::new(), BTreeMap::new());
        insert_pairs(&mut all, query.unwrap_or_default().as_bytes());
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            _ if body.is_empty() => {}
            "application/json" => match serde_json::from_slice(body) {
                Ok(Value::Object(object)) => all.extend(object),
                Ok(_) | Err(_) => return Err(ApiError::bad_request("can't parse JSON object")),
            },
            "application/x-www-form-urlencoded" => insert_pairs(&mut all, body),
            "multipart/form-data" => insert_parts(&mut all, &mut files, content_type, body)?,
            _ => {
                return Err(ApiError::bad_request(&format!(
                    "content type \"{kind}\" is not supported by the simulator"
                )));
            }
        }
        Ok(Self { fields: all, files, fetched: None })
    }

    /// The parameters of a JSON object.
    pub(crate) fn of(object: Map<String, Value>) -> Self {
        Self { fields: object, ..Self::default() }
    }

    /// As JSON, for the record. Files are described.
    pub(crate) fn to_value(&self) -> Value {
        let mut fields = self.fields.clone();
        fields.extend(self.files.iter().map(|(name, file)| (name.clone(), file.describe())));
        Value::Object(fields)
    }

    /// The file of the part with this name.
    pub(crate) fn file(&self, name: &str) -> Option<&Upload> {
        self.files.get(name)
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
        match self.fields.get(name)? {
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

fn insert_parts(
    all: &mut Map<String, Value>,
    files: &mut BTreeMap<String, Upload>,
    content_type: &str,
    body: &Bytes,
) -> Result<(), ApiError> {
    let broken = || ApiError::bad_request("can't parse form data");
    for part in multipart::parse(content_type, body).ok_or_else(broken)? {
        let name = percent_decoded(&part.name);
        match part.file_name {
            Some(_) if part.bytes.len() > MAX_FILE => return Err(ApiError::too_large()),
            Some(file) => {
                files.insert(name, Upload::new(percent_decoded(&file), part.content_type, part.bytes));
            }
            None => {
                let text = String::from_utf8(part.bytes.to_vec())
                    .map_err(|_| ApiError::bad_request("strings must be encoded in UTF-8"))?;
                all.insert(name, Value::String(text));
            }
        }
    }
    Ok(())
}

/// Names of parts and files may be percent-encoded; `+` is no space in them.
fn percent_decoded(name: &str) -> String {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let (bytes, mut decoded, mut at) = (name.as_bytes(), Vec::new(), 0);
    while let Some(byte) = bytes.get(at) {
        let code = match (byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => u8::try_from(high * 16 + low).ok(),
            _ => None,
        };
        decoded.push(code.unwrap_or(*byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_decoded_once() {
        assert_eq!(percent_decoded("a%20b+c%2525%.%4"), "a b+c%25%.%4");
        assert_eq!(percent_decoded("Fl%C3%A4che ü"), "Fläche ü");
    }
}
