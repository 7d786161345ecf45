//! WhatsApp through Twilio: forms in, requests out, answers understood.
//!
//! Sources: <https://www.twilio.com/docs/messaging/guides/webhook-request>, <https://www.twilio.com/docs/whatsapp>,
//! <https://www.twilio.com/docs/usage/webhooks/webhooks-security> and <https://www.twilio.com/docs/api/errors>.
//!
//! A customer's address is what Twilio calls them, `whatsapp:+15005550006`; those who hide their number have
//! `whatsapp:` and an id instead. The account of a channel is its number, `+` and digits, or the Messaging Service (`MG…`) that
//! the number belongs to.

mod address;
pub mod connect;
mod errors;
mod form;
mod message;
mod reply;
mod request;
mod signature;
mod status;

use domain::inbound::InboundEvent;

pub use address::{REPLY_PARAMETER, STATUS_PATH, WEBHOOK_PATH, status_url, webhook_url};
pub use errors::reason;
pub use form::{FIELDS_MAX, Form};
pub use message::{MEDIA_MAX, parse};
pub use reply::{HOLD_SECONDS, read_reply};
pub use request::{TEXT_UTF16_MAX, send_media, send_text, split_text, typing};
pub use signature::{Payload, authentic, sign};
pub use status::parse_status;

/// What stands in front of every address of WhatsApp.
const PREFIX: &str = "whatsapp:";
/// The longest id of Twilio's, characters; today's have 34.
const SID_CHARS_MAX: usize = 48;
/// The longest address of a customer or number of a channel, bytes.
const ADDRESS_BYTES_MAX: usize = 128;

/// What a form of Twilio's says, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// To whom.
    pub addressed: Addressed,
    /// What.
    pub outcome: Outcome,
}

/// Which Twilio account wrote a form, and which of our channels it is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addressed {
    /// Twilio's account (`AC…`). Nothing but a claim until the signature was checked with this account's token.
    pub account_sid: Option<String>,
    /// The accounts by which the channel is found, the one that goes first in front: the Messaging Service, then the number.
    pub accounts: Vec<String>,
}

impl Addressed {
    /// Of a customer's message: it was sent to our number.
    pub fn of_message(form: &Form) -> Self {
        Self::of(form, "To")
    }

    /// Of the status of a reply: it was sent by our number.
    pub fn of_status(form: &Form) -> Self {
        Self::of(form, "From")
    }

    fn of(form: &Form, number: &str) -> Self {
        let number = form.handle(number, ADDRESS_BYTES_MAX);
        let number = number.map(|number| number.strip_prefix(PREFIX).unwrap_or(&number).to_owned());
        let accounts = form.sid("MessagingServiceSid").into_iter().chain(number.filter(|number| !number.is_empty()));
        Self { account_sid: form.sid("AccountSid"), accounts: accounts.collect() }
    }
}

/// What a form means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// These things happened, in this order; at least one.
    Events(Vec<InboundEvent>),
    /// Nothing that we go by: to be counted, and answered 2xx.
    Ignored {
        /// Why: one of [`ignored`], for the metric.
        why: &'static str,
    },
}

/// The reasons for which a form is ignored: stable words.
pub mod ignored {
    /// The sender, or whom a reply went to, is not on WhatsApp (an SMS by mistake).
    pub const NOT_WHATSAPP: &str = "not_whatsapp";
    /// It lacks what every such form has (its id, its sender).
    pub const MALFORMED: &str = "malformed";
    /// The status of a reply, where messages are expected.
    pub const NO_MESSAGE: &str = "no_message";
    /// A status on the way, before Twilio has handed the reply over to WhatsApp.
    pub const ON_THE_WAY: &str = "on_the_way";
    /// A status that is new to us.
    pub const UNKNOWN_STATUS: &str = "unknown_status";
    /// The status of something that is no reply of ours, as its address names none.
    pub const NO_REPLY: &str = "no_reply";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(form: &str, accounts: &[&str], status_accounts: &[&str]) {
        let form = Form::read(form.as_bytes()).expect("a form");
        assert_eq!(Addressed::of_message(&form).accounts, accounts);
        assert_eq!(Addressed::of_status(&form).accounts, status_accounts);
        assert_eq!(Addressed::of_status(&form).account_sid.as_deref(), Some("AC1"));
    }

    #[test]
    fn a_messaging_service_goes_before_its_number() {
        let both = "To=whatsapp%3A%2B1415&From=whatsapp%3A%2B1500&AccountSid=AC1";
        check(both, &["+1415"], &["+1500"]);
        check(&format!("{both}&MessagingServiceSid=MG1"), &["MG1", "+1415"], &["MG1", "+1500"]);
        check("To=%2B1415&From=&AccountSid=AC1&MessagingServiceSid=", &["+1415"], &[]);
        check("To=whatsapp%3A&From=a%00b&AccountSid=AC1&MessagingServiceSid=M%23G", &[], &[]);
    }
}
