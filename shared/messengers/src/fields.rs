//! Reading of fields that may be missing, of another type, or far too long.
//!
//! Every string that leaves is free of NUL (some stores refuse it) and has a bound, so that an update of any size becomes
//! an event of at most about 120 KB of JSON.

use serde_json::{Map, Value};

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// The field, if it is an object.
pub(crate) fn object<'a>(of: &'a Object, field: &str) -> Option<&'a Object> {
    of.get(field)?.as_object()
}

/// The field, if it is a whole number.
pub(crate) fn integer(of: &Object, field: &str) -> Option<i64> {
    of.get(field)?.as_i64()
}

/// Whether the field is `true`.
pub(crate) fn flag(of: &Object, field: &str) -> bool {
    of.get(field).and_then(Value::as_bool) == Some(true)
}

/// The field as written, without NUL, cut at `chars_max` characters; `None` if nothing is left.
pub(crate) fn words(of: &Object, field: &str, chars_max: usize) -> Option<String> {
    let words = cut(of.get(field)?.as_str()?, chars_max);
    (!words.is_empty()).then_some(words)
}

/// As [`words`], without white space at its ends: for names.
pub(crate) fn line(of: &Object, field: &str, chars_max: usize) -> Option<String> {
    let line = cut(of.get(field)?.as_str()?.trim(), chars_max);
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// The field if it is a handle of the provider: one that is too long is dropped, for half a handle is of no use.
pub(crate) fn handle(of: &Object, field: &str, bytes_max: usize) -> Option<String> {
    let handle = of.get(field)?.as_str()?;
    let whole = !handle.is_empty() && handle.len() <= bytes_max && !handle.contains('\0');
    whole.then(|| handle.to_owned())
}

/// First and last name as one, cut at `chars_max` characters; `None` if both are blank.
pub(crate) fn full_name(of: &Object, chars_max: usize) -> Option<String> {
    let parts = [line(of, "first_name", chars_max), line(of, "last_name", chars_max)];
    let name = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    (!name.is_empty()).then(|| cut(&name, chars_max).trim_end().to_owned())
}

/// Without NUL, at most `chars_max` characters.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    text.chars().filter(|c| *c != '\0').take(chars_max).collect()
}

/// Degrees, rounded to a millionth (0.1 m); `None` if out of range.
pub(crate) fn degrees_e6(location: &Object, field: &str, degrees_max: f64) -> Option<i64> {
    millionths(location.get(field)?.as_f64()?, degrees_max)
}

/// The same of degrees that were read elsewhere.
pub(crate) fn millionths(degrees: f64, degrees_max: f64) -> Option<i64> {
    if degrees.is_nan() || degrees.abs() > degrees_max {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, reason = "at most 180 million, and already whole")]
    let millionths = (degrees * 1e6).round() as i64;
    Some(millionths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &Value) -> Object {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn a_field_of_another_type_is_missing() {
        let o = of(&serde_json::json!({"a": 5, "b": "x", "c": [], "d": {}, "e": null, "f": 1.5}));
        for field in ["a", "c", "d", "e", "f", "nowhere"] {
            assert_eq!(words(&o, field, 9), None, "{field}");
            assert_eq!(handle(&o, field, 9), None, "{field}");
        }
        for field in ["b", "c", "d", "e", "f", "nowhere"] {
            assert_eq!(integer(&o, field), None, "{field}");
        }
        assert!(!flag(&o, "a") && object(&o, "b").is_none());
    }

    #[test]
    fn strings_are_bounded_and_free_of_nul() {
        let o =
            of(&serde_json::json!({"a": " \0äö\0ü ", "b": "\0", "c": "  ", "first_name": " A ", "last_name": "\0B"}));
        assert_eq!(words(&o, "a", 3).as_deref(), Some(" äö"));
        assert_eq!(line(&o, "a", 9).as_deref(), Some("äöü"));
        assert_eq!(handle(&o, "a", 99), None);
        assert_eq!(words(&o, "b", 9), None);
        assert_eq!(words(&o, "c", 9).as_deref(), Some("  "));
        assert_eq!(line(&o, "c", 9), None);
        assert_eq!(full_name(&o, 9).as_deref(), Some("A B"));
        assert_eq!(full_name(&o, 2).as_deref(), Some("A"));
    }
}
