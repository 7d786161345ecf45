//! Multipart forms, as the messengers' own servers read them.

use axum::body::Bytes;

/// A part of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// The field's name.
    pub(crate) name: String,
    /// The file's name; a part without one is a plain field. `filename*` does not count, as Telegram's server ignores it.
    pub(crate) file_name: Option<String>,
    /// As the part's header tells it; may be empty.
    pub(crate) content_type: String,
    pub(crate) bytes: Bytes,
}

/// The parts of a form; `None` if it is broken. `content_type` is the request's header.
pub(crate) fn parse(content_type: &str, body: &Bytes) -> Option<Vec<Part>> {
    let boundary = header_parameter(content_type, "boundary")?;
    split_parts(body, &boundary)?.into_iter().map(|part| read_part(body, part)).collect()
}

/// `name="value"` or `name=value` in a header, with `\"` and `\\` inside quotes.
fn header_parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (key, after) = rest.split_once('=')?;
        let (value, next) = if let Some(quoted) = after.trim_start().strip_prefix('"') {
            read_quoted(quoted)?
        } else {
            let (value, next) = after.split_once(';').unwrap_or((after, ""));
            (value.trim().to_owned(), next)
        };
        if key.trim_matches([' ', '\t', ';']).eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = next;
    }
}

/// The text up to the closing quote, and what comes after it.
fn read_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &text[at + 1..])),
            '\\' if text[at + 1..].starts_with(['"', '\\']) => value.push(chars.next()?.1),
            char => value.push(char),
        }
    }
    None
}

/// Where `needle` (not empty) begins. Skips ahead by the last byte (Horspool): a form may have tens of megabytes.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let last = needle.len() - 1;
    let mut skips = [needle.len(); 256];
    for (at, byte) in needle[..last].iter().enumerate() {
        skips[usize::from(*byte)] = last - at;
    }
    let mut at = 0;
    while let Some(window) = haystack.get(at..at + needle.len()) {
        if window == needle {
            return Some(at);
        }
        at += skips[usize::from(window[last])];
    }
    None
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

fn read_part(body: &Bytes, part: &[u8]) -> Option<Part> {
    let end = find(part, b"\r\n\r\n")?;
    let headers = std::str::from_utf8(&part[..end]).ok()?;
    let header = |wanted: &str| {
        headers.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    };
    let disposition = header("content-disposition")?;
    Some(Part {
        name: header_parameter(&disposition, "name")?,
        file_name: header_parameter(&disposition, "filename"),
        content_type: header("content-type").unwrap_or_default(),
        bytes: body.slice_ref(&part[end + 4..]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(body: &'static [u8]) -> Option<Vec<Part>> {
        parse("multipart/form-data; charset=x; boundary=\"xyz\"", &Bytes::from_static(body))
    }

    #[test]
    fn multipart_forms_are_taken_apart() {
        let parts = form(
            b"--xyz\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\n{\"id\":\"1\"}\r\n--xyz\r\n\
            content-disposition: form-data; name=file; filename=\"a; \\\"b\\\" c:\\d.png\"\r\nContent-Type: image/png\r\n\r\n\
            \x00\r\n--xy\r\n--xyz--\r\n",
        );
        let parts = parts.expect("a form");
        assert_eq!((parts[0].name.as_str(), parts[0].file_name.as_deref()), ("to", None));
        assert_eq!(parts[0].bytes.as_ref(), b"{\"id\":\"1\"}");
        assert_eq!((parts[1].name.as_str(), parts[1].content_type.as_str()), ("file", "image/png"));
        assert_eq!(parts[1].file_name.as_deref(), Some("a; \"b\" c:\\d.png"));
        assert_eq!(parts[1].bytes.as_ref(), b"\x00\r\n--xy");
        let extended =
            form(b"--xyz\r\nContent-Disposition: form-data; name=\"a\"; filename*=utf-8''b\r\n\r\n\r\n--xyz--");
        assert_eq!(extended.expect("a form")[0].file_name, None);
    }

    #[test]
    fn broken_forms_are_refused() {
        for broken in
            [&b"--xyz\r\n"[..], b"", b"--xyz\r\n\r\n\r\nx\r\n--xyz--", b"--xyz\r\nname: x\r\n\r\nx\r\n--xyz--"]
        {
            assert_eq!(form(broken), None);
        }
        assert_eq!(parse("multipart/form-data", &Bytes::from_static(b"--xyz--")), None);
    }

    #[test]
    fn bytes_are_found_wherever_they_are() {
        for (haystack, at) in [("needle", Some(0)), ("a needle", Some(2)), ("neeneedle", Some(3)), ("needl", None)] {
            assert_eq!(find(haystack.as_bytes(), b"needle"), at);
        }
    }
}
