//! Channel addresses and SIDs.

use crate::ground::random_text;

/// The sandbox's number, the same for all of Twilio's customers.
pub(crate) const SANDBOX_NUMBER: &str = "+14155238886";

/// What comes before a number in an address of WhatsApp.
const PREFIX: &str = "whatsapp:";

/// The number or user id in an address of WhatsApp.
pub(crate) fn in_whatsapp(address: &str) -> Option<&str> {
    address.strip_prefix(PREFIX)
}

/// The address of a number or user id.
pub(crate) fn whatsapp(party: &str) -> String {
    format!("{PREFIX}{party}")
}

/// `+` and 8 to 15 digits, the first not zero.
pub(crate) fn is_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (8..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// The id of a WhatsApp user who shows no number: a country, a dot, letters and digits.
pub(crate) fn is_user_id(text: &str) -> bool {
    text.split_once('.').is_some_and(|(country, rest)| {
        country.len() == 2
            && country.bytes().all(|byte| byte.is_ascii_uppercase())
            && (1..=128).contains(&rest.len())
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// A customer or number as a path of the control API names it: with or without the prefix, with or without `+`.
pub(crate) fn named(text: &str) -> Option<String> {
    let text = in_whatsapp(text).unwrap_or(text).trim();
    let number = format!("+{}", text.trim_start_matches('+'));
    if is_number(&number) { Some(number) } else { Some(text.to_owned()).filter(|text| is_user_id(text)) }
}

/// Whether `text` is a SID of this kind: two letters and 32 hexadecimal digits.
pub(crate) fn is_sid(text: &str, kind: &str) -> bool {
    text.strip_prefix(kind).is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A new SID of this kind.
pub(crate) fn new_sid(kind: &str) -> String {
    format!("{kind}{}", random_text())
}

/// An absolute URL of the web, as a receiver or a medium must have; 4000 characters at most.
pub(crate) fn is_web_url(text: &str) -> bool {
    text.len() <= 4000
        && url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_text() {
        assert!(is_number("+15005550006") && !is_number("15005550006") && !is_number("+05005550006"));
        assert!(!is_number("+1500555") && !is_number("+1500555000600000") && !is_number("+1500 5550006"));
        assert!(is_user_id("US.123") && !is_user_id("us.123") && !is_user_id("US.") && !is_user_id("US123"));
        assert_eq!(named("15005550006").as_deref(), Some("+15005550006"));
        assert_eq!(named("whatsapp:US.1a").as_deref(), Some("US.1a"));
        assert_eq!(named("Anna"), None);
        assert!(is_web_url("https://a.example/b?c#rc=1") && !is_web_url("/b") && !is_web_url("ftp://a/b"));
    }
}
