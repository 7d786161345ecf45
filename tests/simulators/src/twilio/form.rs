//! Parameters of a call, in order, decoded.

use serde_json::{Map, Value};
use url::form_urlencoded;

/// Names and values, as they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a query string or the body of a form.
    pub(crate) fn decode(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The first value of this name, empty ones too.
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first value of this name that isn't empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.raw(name).filter(|value| !value.is_empty())
    }

    /// All values of this name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The names that are not among `known`.
    pub(crate) fn unknown(&self, known: &[&str]) -> Vec<String> {
        self.0.iter().map(|(name, _)| name.clone()).filter(|name| !known.contains(&name.as_str())).collect()
    }

    /// As JSON, for the record; a repeated name has a list.
    pub(crate) fn to_value(&self) -> Value {
        to_object(&self.0)
    }
}

/// An object of these names; a repeated name has a list.
pub(crate) fn to_object(pairs: &[(String, String)]) -> Value {
    let mut all = Map::new();
    for (name, value) in pairs {
        let value = Value::String(value.clone());
        match all.get_mut(name) {
            None => {
                all.insert(name.clone(), value);
            }
            Some(Value::Array(list)) => list.push(value),
            Some(first) => *first = Value::Array(vec![first.clone(), value]),
        }
    }
    Value::Object(all)
}

/// The pairs as the body of a form.
pub(crate) fn encode(pairs: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
