//! The shape of a bot's token.

/// The most digits of the bot's id in front of the colon.
const ID_DIGITS_MAX: usize = 20;
/// The shortest secret that is accepted; Telegram's have 35 characters today, and nothing promises that they will.
const SECRET_CHARS_MIN: usize = 20;
/// The longest secret that is accepted.
const SECRET_CHARS_MAX: usize = 128;

/// Whether it looks like a bot's token: the bot's id, a colon, and a secret of `[A-Za-z0-9_-]`. Says nothing about whether
/// Telegram knows it; it only keeps what certainly is none (a pasted sentence, a path) out of an address.
pub fn valid_token(token: &str) -> bool {
    let Some((id, secret)) = token.split_once(':') else { return false };
    (1..=ID_DIGITS_MAX).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_digit())
        && (SECRET_CHARS_MIN..=SECRET_CHARS_MAX).contains(&secret.len())
        && secret.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(token: &str, valid: bool) {
        assert_eq!(valid_token(token), valid, "{token:?}");
    }

    #[test]
    fn the_shape_of_a_token() {
        check("123456789:AAE_fake-fake_fake-fake_fake-fake_fa", true);
        check("1:abcdefghijklmnopqrst", true);
        check("1:abcdefghijklmnopqrs", false);
        check(&format!("1:{}", "a".repeat(128)), true);
        check(&format!("1:{}", "a".repeat(129)), false);
        check(":abcdefghijklmnopqrst", false);
        check("12a:abcdefghijklmnopqrst", false);
        check("123456789012345678901:abcdefghijklmnopqrst", false);
        check("1:abcdefghijklmnopqrst/getMe", false);
        check("1:abcdefghijklmnopqrst ", false);
        check("1:abcdefghij:klmnopqrst", false);
        check("bot1:abcdefghijklmnopqrst", false);
        check("1:äbcdefghijklmnopqrst", false);
        check("", false);
    }
}
