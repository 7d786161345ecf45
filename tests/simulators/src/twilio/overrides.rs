//! Connection overrides: what a receiver's URL says after `#` about time-outs and retries
//! (twilio.com/docs/usage/webhooks/webhooks-connection-overrides).

use std::time::Duration;

use url::form_urlencoded;

use super::Options;

/// The most retries that can be asked for.
const MAX_RETRIES: u32 = 5;

/// Bounds of every time-out but the one for connecting, in milliseconds.
const TIMEOUT_MS: std::ops::RangeInclusive<u64> = 100..=15_000;

/// Bounds of the time-out for connecting, in milliseconds.
const CONNECT_TIMEOUT_MS: std::ops::RangeInclusive<u64> = 100..=10_000;

/// How a webhook is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overrides {
    /// `rc`: how many tries may follow the first.
    pub(crate) retries: u32,
    /// `rp`: after what.
    pub(crate) policy: Policy,
    /// `ct`: to connect.
    pub(crate) connect: Duration,
    /// `rt`: from the request to its answer.
    pub(crate) read: Duration,
    /// `tt`: for all tries together.
    pub(crate) total: Duration,
}

/// What is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four independent reasons, named in a list by the URL")]
pub(crate) struct Policy {
    connect: bool,
    read: bool,
    client_errors: bool,
    server_errors: bool,
}

/// Why a try failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection.
    Connect,
    /// A connection, and no whole answer.
    Read,
    /// An answer that isn't 2xx.
    Status(u16),
}

impl Policy {
    const CONNECT_ONLY: Self = Self { connect: true, read: false, client_errors: false, server_errors: false };

    fn read(text: &str) -> Self {
        let has = |name: &str| text.split(',').any(|part| part.trim() == name || part.trim() == "all");
        Self { connect: has("ct"), read: has("rt"), client_errors: has("4xx"), server_errors: has("5xx") }
    }

    /// Whether this failure is one to try again after.
    pub(crate) fn covers(self, failure: Failure) -> bool {
        match failure {
            Failure::Connect => self.connect,
            Failure::Read => self.read,
            Failure::Status(400..=499) => self.client_errors,
            Failure::Status(500..=599) => self.server_errors,
            Failure::Status(_) => false,
        }
    }
}

impl Overrides {
    /// What `url` asks for. What it leaves out, or sets to something out of bounds, is as the options have it.
    pub(crate) fn of(url: &str, options: &Options) -> Self {
        let mut all = Self {
            retries: 1,
            policy: Policy::CONNECT_ONLY,
            connect: options.connect_timeout,
            read: options.read_timeout,
            total: options.read_timeout,
        };
        let fragment = url.split_once('#').map_or("", |(_, fragment)| fragment);
        for (name, value) in form_urlencoded::parse(fragment.as_bytes()) {
            let within = |bounds: std::ops::RangeInclusive<u64>| {
                value.parse().ok().filter(|number| bounds.contains(number)).map(Duration::from_millis)
            };
            match name.as_ref() {
                "rc" => all.retries = value.parse().ok().filter(|count| *count <= MAX_RETRIES).unwrap_or(all.retries),
                "rp" => all.policy = Policy::read(&value),
                "ct" => all.connect = within(CONNECT_TIMEOUT_MS).unwrap_or(all.connect),
                "rt" => all.read = within(TIMEOUT_MS).unwrap_or(all.read),
                "tt" => all.total = within(TIMEOUT_MS).unwrap_or(all.total),
                _ => {}
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fragment_overrides_within_bounds() {
        let options = Options::default();
        let plain = Overrides::of("https://a/b?rc=5", &options);
        assert_eq!((plain.retries, plain.connect, plain.read), (1, Duration::from_secs(5), Duration::from_secs(15)));
        assert!(plain.policy.covers(Failure::Connect) && !plain.policy.covers(Failure::Read));
        assert!(!plain.policy.covers(Failure::Status(503)) && !plain.policy.covers(Failure::Status(404)));

        let some = Overrides::of("https://a/b#rc=5&rp=5xx,rt&ct=200&rt=300&tt=900", &options);
        assert_eq!((some.retries, some.connect.as_millis(), some.read.as_millis()), (5, 200, 300));
        assert_eq!(some.total.as_millis(), 900);
        assert!(!some.policy.covers(Failure::Connect) && some.policy.covers(Failure::Read));
        assert!(some.policy.covers(Failure::Status(500)) && !some.policy.covers(Failure::Status(400)));

        let all = Overrides::of("https://a/b#rc=9&rp=all&ct=1&tt=99999", &options);
        assert_eq!((all.retries, all.connect, all.total), (plain.retries, plain.connect, plain.total));
        assert!(all.policy.covers(Failure::Status(404)) && all.policy.covers(Failure::Connect));
        assert!(!all.policy.covers(Failure::Status(301)));
    }
}
