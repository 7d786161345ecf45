//! The addresses that Twilio is told to call: made in one place, since what it signs is the address that it was given.

use domain::inbound::ReplyRef;

/// The path of customers' messages, below the public address.
pub const WEBHOOK_PATH: &str = "/webhooks/whatsapp";
/// The path of the statuses of replies, below the public address.
pub const STATUS_PATH: &str = "/webhooks/whatsapp/status";
/// The parameter of a status's address that names the reply.
pub const REPLY_PARAMETER: &str = "reply";

/// Left to itself, Twilio tries once more and only if it could not connect; so it tries up to five times, also after an answer
/// 5xx and a lost one, within 15 seconds in all
/// (<https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides>).
pub(super) const RETRIES: &str = "#rc=5&rp=5xx,ct,rt";

/// Where customers' messages go; `site` is the public address, with or without a slash at its end.
pub fn webhook_url(site: &str) -> String {
    format!("{}{WEBHOOK_PATH}{RETRIES}", site.trim_end_matches('/'))
}

/// Where the statuses of a reply go (`StatusCallback`): the address names the reply, as Twilio gives back nothing else of ours.
pub fn status_url(site: &str, reply: &ReplyRef) -> String {
    format!("{}{STATUS_PATH}?{REPLY_PARAMETER}={reply}{RETRIES}", site.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stand_below_the_public_one() {
        let reply: ReplyRef = "c0ffee.1.17".parse().unwrap();
        for site in ["https://chat.example.com", "https://chat.example.com/"] {
            assert_eq!(webhook_url(site), "https://chat.example.com/webhooks/whatsapp#rc=5&rp=5xx,ct,rt");
            let status = "https://chat.example.com/webhooks/whatsapp/status?reply=c0ffee.1.17#rc=5&rp=5xx,ct,rt";
            assert_eq!(status_url(site, &reply), status);
        }
    }
}
