//! The channels of the company: two bots of Telegram, a page of Messenger, a number of WhatsApp; their customers' addresses.

use domain::Provider;
use domain::config::Channel;
use fakes::world::{CROWD, SALES, id};
use ports::records::{AccountRecord, account_key, put_account};
use ports::store::Write;

use crate::marks;

/// The page's id.
pub(crate) const PAGE: &str = "100000000000001";
/// The number, as Twilio writes it.
pub(crate) const NUMBER: &str = "+15550000001";
/// Twilio's account.
pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";
/// The stack's own address, which Twilio calls and signs.
pub(crate) const SITE: &str = "https://api.example.com";
/// The bases of the messengers' APIs: Telegram's, Facebook's, Twilio's.
pub(crate) const BASES: [&str; 3] =
    ["https://api.telegram.org", "https://graph.facebook.com", "https://api.twilio.com"];

/// A channel, as everybody here knows it.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) id: &'static str,
    pub(crate) provider: Provider,
    account: &'static str,
    /// How many of a hundred customers come by it.
    pub(crate) weight: u32,
}

/// All of them.
pub(crate) const LINES: [Line; 4] = [
    Line { id: "sales-bot", provider: Provider::Telegram, account: "sales-bot", weight: 35 },
    Line { id: "crowd-bot", provider: Provider::Telegram, account: "crowd-bot", weight: 20 },
    Line { id: "fb-100000000000001", provider: Provider::Messenger, account: PAGE, weight: 25 },
    Line { id: "wa-15550000001", provider: Provider::Whatsapp, account: NUMBER, weight: 20 },
];

/// The place of a channel among them.
pub(crate) fn place_of(channel: &str) -> usize {
    LINES.iter().position(|line| line.id == channel).unwrap_or(0)
}

impl Line {
    /// Where it leads: customers of the number go where the page's go, or where they are shown to all.
    pub(crate) fn channel(&self, number_to_all: bool) -> Channel {
        let to_all = self.id == "crowd-bot" || (self.provider == Provider::Whatsapp && number_to_all);
        Channel {
            id: id(self.id),
            provider: self.provider,
            name: self.id.to_owned(),
            active: true,
            queue: Some(id(if to_all { CROWD } else { SALES })),
            language: None,
            account: self.account.to_owned(),
            account_name: None,
            problem: None,
            version: 1,
        }
    }

    /// The row by which a call finds the channel, where its address does not name it.
    pub(crate) fn account_row(&self) -> Option<Write> {
        let record = AccountRecord { channel: id(self.id), service: None };
        let key = account_key(self.provider, self.account);
        (self.provider != Provider::Telegram).then(|| put_account(key, &record, false))
    }

    /// The address of a customer of this number.
    pub(crate) fn address(&self, number: i64) -> String {
        match self.provider {
            Provider::Telegram => number.to_string(),
            Provider::Messenger => format!("2000000000000{number}"),
            Provider::Whatsapp => format!("whatsapp:+1555000{number}"),
        }
    }

    /// What it is called with.
    pub(crate) fn token(&self) -> String {
        marks::channel_token(self.id)
    }

    /// The messenger's id of a customer's message.
    pub(crate) fn message_id(&self, number: u64) -> String {
        match self.provider {
            Provider::Telegram => number.to_string(),
            Provider::Messenger => format!("m_{number}"),
            Provider::Whatsapp => format!("SM{number}"),
        }
    }
}

/// Which message of a customer's has this id of the messenger's, and which part of it; none, if no customer wrote it.
pub(crate) fn message_of(id: &str) -> Option<(u64, u64)> {
    let id = ["m_", "SM", "callback-"].iter().find_map(|prefix| id.strip_prefix(prefix)).unwrap_or(id);
    let (number, part) = id.split_once('#').unwrap_or((id, "0"));
    Some((number.parse().ok()?, part.parse().ok()?))
}
