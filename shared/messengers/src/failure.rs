//! Why a messenger did not do what it was asked to, in the words of every messenger.

use std::fmt;

/// The most characters of [`Failure::detail`] that are kept: it goes to the log and to an administrator's screen.
pub const DETAIL_CHARS_MAX: usize = 300;

/// The longest hold that is obeyed, in seconds (a day): a provider's slip of the pen must not silence a channel for ever.
pub const HOLD_SECONDS_MAX: u32 = 86_400;

/// What a failure means for the message, the contact and the channel: the sender decides by nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureClass {
    /// Not processed. The whole channel must be silent for so long, then the same call again.
    Hold {
        /// Seconds, 1 to [`HOLD_SECONDS_MAX`].
        retry_after_s: u32,
    },
    /// Not processed, the provider has a problem: the same call again after a back-off.
    Retry,
    /// Not processed, the conversation moved: the same call once more, to the new address, which is to be kept.
    RetryMigrated {
        /// The address that replaces the old one.
        chat_id: String,
    },
    /// Not processed, because of something that can be left out, or that a second try mostly mends: once more, without reply
    /// and without formatting.
    RetryPlain,
    /// Never will be processed as it is: the message has failed, everything else is well.
    PermanentMessage,
    /// Not processed: another app of the page has the conversation in hand. Never by itself again; the conversation is theirs.
    OwnedByOther,
    /// The contact cannot be reached until they do something about it.
    PermanentContact,
    /// The channel as a whole is refused: an administrator has to mend it.
    PermanentChannel,
    /// The provider is set up against us (e.g. somebody else reads the same bot): an administrator has to mend it.
    Configuration,
    /// What was asked for is already so: counts as done.
    SuccessNoop,
    /// Nobody can tell whether it was processed: it must not be sent again by itself.
    Unknown,
}

impl FailureClass {
    /// Whether the provider is known not to have processed the call, so that sending again cannot double a message.
    pub fn may_send_again(&self) -> bool {
        match self {
            Self::Hold { .. } | Self::Retry | Self::RetryMigrated { .. } | Self::RetryPlain => true,
            Self::PermanentMessage
            | Self::OwnedByOther
            | Self::PermanentContact
            | Self::PermanentChannel
            | Self::Configuration
            | Self::SuccessNoop
            | Self::Unknown => false,
        }
    }
}

/// A call that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What to do about it.
    pub class: FailureClass,
    /// What happened, as a stable word: operators, tests and metrics go by it.
    pub code: &'static str,
    /// What the provider said, for the log and the administrator; at most [`DETAIL_CHARS_MAX`] characters, one line, and
    /// nothing in it looks like a secret.
    pub detail: String,
}

impl Failure {
    /// A failure; `detail` is cut to its bound and cleaned of control characters and of anything shaped like a token.
    pub fn new(class: FailureClass, code: &'static str, detail: &str) -> Self {
        Self { class, code, detail: clean(detail) }
    }

    /// No byte of the call left this machine (no name, no connection): safe to send again.
    pub fn not_sent(detail: &str) -> Self {
        Self::new(FailureClass::Retry, "provider_unreachable", detail)
    }

    /// The call left and no answer came back (time-out, connection lost).
    pub fn outcome_unknown(detail: &str) -> Self {
        Self::new(FailureClass::Unknown, "outcome_unknown", detail)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Failure {}

/// The shortest run of token characters after a colon that is taken for a secret.
const SECRET_CHARS_MIN: usize = 20;

/// One line, bounded, without secrets. Secrets go first, so that the cut cannot leave half of one.
fn clean(detail: &str) -> String {
    without_tokens(detail)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(DETAIL_CHARS_MAX)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// Replaces `digits:secret` (Telegram's tokens, as in `/bot123:AAE…/`) by `<token>`.
fn without_tokens(text: &str) -> String {
    let token_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':');
    let mut clean = String::with_capacity(text.len());
    for piece in text.split_inclusive(|c: char| !token_char(c)) {
        let word = piece.trim_end_matches(|c: char| !token_char(c));
        match word.split_once(':') {
            Some((before, secret)) if before.ends_with(|c: char| c.is_ascii_digit()) && is_secret(secret) => {
                clean.push_str(before.trim_end_matches(|c: char| c.is_ascii_digit()));
                clean.push_str("<token>");
                clean.push_str(&piece[word.len()..]);
            }
            _ => clean.push_str(piece),
        }
    }
    clean
}

fn is_secret(word: &str) -> bool {
    word.len() >= SECRET_CHARS_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_detail(given: &str, kept: &str) {
        assert_eq!(Failure::not_sent(given).detail, kept);
    }

    #[test]
    fn a_detail_is_one_bounded_line() {
        check_detail("Bad Request: chat not found", "Bad Request: chat not found");
        check_detail(" a\nb\0c ", "a b c");
        check_detail(&"ä".repeat(1000), &"ä".repeat(DETAIL_CHARS_MAX));
    }

    #[test]
    fn a_detail_holds_no_token() {
        let token = "123456:AAEhBP0av28FAaKE_fake-fake_fake-12345";
        check_detail(&format!("POST https://h/bot{token}/getMe failed"), "POST https://h/bot<token>/getMe failed");
        check_detail(token, "<token>");
        check_detail(&format!("({token})"), "(<token>)");
        check_detail(&format!("{}{token}", "x ".repeat(140)), &format!("{}<token>", "x ".repeat(140)));
        check_detail("connect to 10.0.0.1:443 timed out", "connect to 10.0.0.1:443 timed out");
    }

    #[test]
    fn only_what_was_not_processed_may_be_sent_again() {
        assert!(Failure::not_sent("").class.may_send_again());
        assert!(!Failure::outcome_unknown("").class.may_send_again());
    }
}
