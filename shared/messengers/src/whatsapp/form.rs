//! Forms (`application/x-www-form-urlencoded`), as Twilio posts them.

/// The most fields of a form; Twilio's have about thirty.
pub const FIELDS_MAX: usize = 1_000;

/// A form, decoded: every field in the order in which it came, values exactly as they are.
#[derive(Clone, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

/// Shows names only: the values are a customer's words.
impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Form {
    /// Reads a body; `None` if it has more than [`FIELDS_MAX`] fields. Everything else is a form of some kind.
    pub fn read(body: &[u8]) -> Option<Self> {
        let fields: Vec<_> =
            form_urlencoded::parse(body).take(FIELDS_MAX + 1).map(|(n, v)| (n.into(), v.into())).collect();
        (fields.len() <= FIELDS_MAX).then_some(Self(fields))
    }

    /// The fields.
    pub fn fields(&self) -> &[(String, String)] {
        &self.0
    }

    /// The first value of a field, as it came.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// As written, without NUL (some stores refuse it), cut at `chars_max` characters; `None` if nothing is left.
    pub(super) fn words(&self, name: &str, chars_max: usize) -> Option<String> {
        let words: String = self.get(name)?.chars().filter(|c| *c != '\0').take(chars_max).collect();
        (!words.is_empty()).then_some(words)
    }

    /// As [`Self::words`], without white space at its ends: for names.
    pub(super) fn line(&self, name: &str, chars_max: usize) -> Option<String> {
        let line: String = self.get(name)?.trim().chars().filter(|c| *c != '\0').take(chars_max).collect();
        let line = line.trim();
        (!line.is_empty()).then(|| line.to_owned())
    }

    /// A handle of Twilio's: one that is too long is dropped, for half a handle is of no use; so is one with white
    /// space or control characters in it.
    pub(super) fn handle(&self, name: &str, bytes_max: usize) -> Option<String> {
        let handle = self.get(name)?;
        let is_one_word = !handle.contains(|c: char| c.is_whitespace() || c.is_control());
        (is_one_word && !handle.is_empty() && handle.len() <= bytes_max).then(|| handle.to_owned())
    }

    /// An id of Twilio's: letters and digits.
    pub(super) fn sid(&self, name: &str) -> Option<String> {
        self.handle(name, super::SID_CHARS_MAX).filter(|sid| sid.bytes().all(|b| b.is_ascii_alphanumeric()))
    }

    /// Whether the field says `true`.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_as_they_were_written() {
        let form = Form::read("a=1&b=+x%20y+&a=2&c&d=&e=%D0%BF%F0%9F%91%8B&f=%ff&=g&&h=1=2".as_bytes()).unwrap();
        let fields = [
            ("a", "1"),
            ("b", " x y "),
            ("a", "2"),
            ("c", ""),
            ("d", ""),
            ("e", "п👋"),
            ("f", "\u{fffd}"),
            ("", "g"),
            ("h", "1=2"),
        ];
        assert_eq!(form.fields(), fields.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(form.get("a"), Some("1"));
        assert!(!format!("{form:?}").contains("x y"), "{form:?}");
    }

    #[test]
    fn limits_a_form_has_so_many_fields() {
        assert!(Form::read("a=1&".repeat(FIELDS_MAX).as_bytes()).is_some());
        assert!(Form::read("a=1&".repeat(FIELDS_MAX + 1).as_bytes()).is_none());
        assert_eq!(Form::read(b"").unwrap().fields(), []);
    }

    #[test]
    fn strings_are_bounded_and_free_of_nul() {
        let form = Form::read(b"a=+%00xy%00z+&b=%00&c=++&d=SM12&e=S-M&f=true").unwrap();
        assert_eq!(form.words("a", 3).as_deref(), Some(" xy"));
        assert_eq!(form.line("a", 9).as_deref(), Some("xyz"));
        assert_eq!((form.words("b", 9), form.line("c", 9)), (None, None));
        assert_eq!(form.words("c", 9).as_deref(), Some("  "));
        assert_eq!((form.handle("a", 9), form.handle("d", 3), form.handle("nowhere", 9)), (None, None, None));
        assert_eq!((form.sid("d").as_deref(), form.sid("e")), (Some("SM12"), None));
        assert!(form.flag("f") && !form.flag("d"));
    }
}
