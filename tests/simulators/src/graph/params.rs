//! Parameters of a Graph API call: from the query string, a form, a JSON object or the parts of a multipart form.

use serde_json::{Map, Value};
use url::form_urlencoded;

use super::error::GraphError;

/// A file in a multipart form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilePart {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) bytes: Vec<u8>,
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
        let boundary = header_parameter(content_type, "boundary").ok_or_else(broken)?;
        for part in split_parts(body, &boundary).ok_or_else(broken)? {
            let (name, file) = read_part(part).ok_or_else(broken)?;
            if file.name.is_empty() {
                let text = String::from_utf8(file.bytes).map_err(|_| broken())?;
                self.fields.insert(name, Value::String(text));
            } else if name == "filedata" {
                self.file = Some(file);
            } else {
                return Err(GraphError::parameter(&format!("Files come as filedata, not as {name}")));
            }
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

/// `name="value"` or `name=value` in a header.
fn header_parameter(header: &str, name: &str) -> Option<String> {
    header.split(';').skip(1).find_map(|part| {
        let (key, value) = part.trim().split_once('=')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim_matches('"').to_owned())
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The parts between the boundaries, each with its headers.
fn split_parts<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<&'a [u8]>> {
    let first = format!("--{boundary}");
    let between = format!("\r\n--{boundary}");
    let mut rest = body.get(find(body, first.as_bytes())? + first.len()..)?;
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        rest = rest.strip_prefix(b"\r\n")?;
        let end = find(rest, between.as_bytes())?;
        parts.push(&rest[..end]);
        rest = &rest[end + between.len()..];
    }
    Some(parts)
}

/// A part's name and content; the file's name is empty for a plain field.
fn read_part(part: &[u8]) -> Option<(String, FilePart)> {
    let end = find(part, b"\r\n\r\n")?;
    let headers = std::str::from_utf8(&part[..end]).ok()?;
    let header = |wanted: &str| {
        headers.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    };
    let disposition = header("content-disposition")?;
    let file = FilePart {
        name: header_parameter(&disposition, "filename").unwrap_or_default(),
        content_type: header("content-type").unwrap_or_default(),
        bytes: part[end + 4..].to_vec(),
    };
    Some((header_parameter(&disposition, "name")?, file))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn multipart_forms_are_taken_apart() {
        let body = b"--xyz\r\nContent-Disposition: form-data; name=\"recipient\"\r\n\r\n{\"id\":\"1\"}\r\n--xyz\r\n\
            Content-Disposition: form-data; name=\"filedata\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\
            \x00\r\n--no\r\n--xyz--\r\n";
        let params = Params::read(None, "multipart/form-data; boundary=\"xyz\"", body).expect("a form");
        assert_eq!(params.structured("recipient"), Some(json!({"id": "1"})));
        let file = params.file.expect("a file");
        assert_eq!((file.name.as_str(), file.content_type.as_str()), ("a.png", "image/png"));
        assert_eq!(file.bytes, b"\x00\r\n--no");
        for broken in [&b"--xyz\r\n"[..], b"", b"--xyz\r\n\r\n\r\nx\r\n--xyz--"] {
            let read = Params::read(None, "multipart/form-data; boundary=xyz", broken);
            assert_eq!(read.is_err(), !broken.is_empty());
        }
    }
}
