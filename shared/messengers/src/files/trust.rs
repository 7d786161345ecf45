//! Where files may be fetched from.

use std::fmt;

use domain::Provider;
use url::{Host, Url};

/// Where Messenger's attachments are, and where their links may lead.
const MESSENGER_HOSTS: [&str; 3] = ["*.fbcdn.net", "*.fbsbx.com", "*.facebook.com"];
/// Where Twilio's links to media lead.
const TWILIO_HOSTS: [&str; 3] = ["*.twilio.com", "*.twiliocdn.com", "*.amazonaws.com"];
/// The longest address that is looked at, bytes.
const URL_BYTES_MAX: usize = 8 * 1024;

/// Where a file is. It may hold a secret (Telegram: the bot's token; Messenger: a signature), so it does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Source(Url);

impl Source {
    /// Reads an address.
    pub fn parse(address: &str) -> Option<Self> {
        if address.len() > URL_BYTES_MAX { None } else { Url::parse(address).ok().map(Self) }
    }

    /// The address itself: for who fetches it.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.0.host_str().unwrap_or_default())
    }
}

/// Why nothing is fetched from an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTrusted {
    /// Its scheme, port or user is not one that files are fetched with.
    #[error("not a plain https address")]
    Form,
    /// Its host is not one of the messenger's.
    #[error("not a host of the messenger's")]
    Host,
}

/// How a trusted address is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By its name, which must lead to public addresses.
    Public,
    /// As it stands: it is the simulator that the configuration names.
    Simulator,
}

/// The hosts of a messenger that files are fetched from: over HTTPS, by name, on its own port. Where the configuration puts a
/// simulator (an `http` address) in the messenger's place, its very origin too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusted {
    hosts: &'static [&'static str],
    base: Option<Url>,
}

impl Trusted {
    /// The hosts of a messenger whose API is at this base address.
    pub fn of(provider: Provider, base_url: &str) -> Self {
        let hosts: &[&str] = match provider {
            Provider::Telegram => &[],
            Provider::Messenger => &MESSENGER_HOSTS,
            Provider::Whatsapp => &TWILIO_HOSTS,
        };
        Self { hosts, base: Url::parse(base_url).ok() }
    }

    /// How this address is reached, if it is one of them.
    pub fn way(&self, url: &Url) -> Result<Way, NotTrusted> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(NotTrusted::Form);
        }
        if let Some(base) = &self.base
            && base.scheme() == "http"
            && base.origin() == url.origin()
        {
            return Ok(Way::Simulator);
        }
        if url.scheme() != "https" || url.port().is_some() {
            return Err(NotTrusted::Form);
        }
        let Some(Host::Domain(host)) = url.host() else { return Err(NotTrusted::Host) };
        let is_base = self.base.as_ref().is_some_and(|base| base.scheme() == "https" && base.host_str() == Some(host));
        if is_base || self.hosts.iter().any(|pattern| matches(pattern, host)) {
            Ok(Way::Public)
        } else {
            Err(NotTrusted::Host)
        }
    }
}

/// `*.example.com` stands for every name below `example.com`, and not for `example.com` itself.
fn matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(end) => host.len() > end.len() && host.ends_with(end),
        None => host == pattern,
    }
}

/// Where Telegram has the file of this path (`getFile`). The bot's token is a part of the address.
pub fn telegram_file(base_url: &str, token: &str, path: &str) -> Option<Source> {
    if !crate::telegram::valid_token(token) {
        return None;
    }
    let mut url = Url::parse(base_url).ok()?;
    let parts: Vec<&str> = path.split('/').collect();
    if parts.iter().any(|part| part.is_empty() || part.bytes().all(|b| b == b'.')) {
        return None;
    }
    let bot = format!("bot{token}");
    url.path_segments_mut().ok()?.pop_if_empty().extend(["file", &bot]).extend(parts);
    Some(Source(url))
}

/// A media address of Twilio's, if it is at its API and of this very account and message: the account's password goes there and
/// nowhere else.
pub fn twilio_media(base_url: &str, account: &str, message: &str, address: &str) -> Option<Source> {
    let (base, source) = (Url::parse(base_url).ok()?, Source::parse(address)?);
    let url = source.url();
    let plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    let prefix = base.path().trim_end_matches('/');
    let of_message = format!("{prefix}/2010-04-01/Accounts/{account}/Messages/{message}/Media/");
    let media = url.path().strip_prefix(&of_message)?;
    let is_sid = |sid: &str| !sid.is_empty() && sid.bytes().all(|b| b.is_ascii_alphanumeric());
    (plain && base.origin() == url.origin() && [account, message, media].into_iter().all(is_sid)).then_some(source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Provider::{Messenger, Telegram, Whatsapp};

    const GRAPH: &str = "https://graph.facebook.com";
    const SIMULATOR: &str = "http://127.0.0.1:8301/graph";

    fn check(provider: Provider, base: &str, cases: &[(&str, Result<Way, NotTrusted>)]) {
        for (address, expected) in cases {
            let source = Source::parse(address).unwrap_or_else(|| panic!("{address}"));
            assert_eq!(Trusted::of(provider, base).way(source.url()), *expected, "{address}");
        }
    }

    #[test]
    fn hosts_are_the_messengers_own_by_name_over_https() {
        let (form, host) = (Err(NotTrusted::Form), Err(NotTrusted::Host));
        check(
            Messenger,
            GRAPH,
            &[
                ("https://scontent.xx.fbcdn.net/v/t1.jpg?oh=x&oe=y", Ok(Way::Public)),
                ("https://cdn.fbsbx.com/v/t59/file.pdf", Ok(Way::Public)),
                ("https://LOOKASIDE.fbsbx.com./", host),
                ("https://LOOKASIDE.fbsbx.com/ig_messaging_cdn/?asset_id=1", Ok(Way::Public)),
                ("https://graph.facebook.com/x", Ok(Way::Public)),
                ("https://scontent.xx.fbcdn.net:443/x", Ok(Way::Public)),
                ("https://fbcdn.net/x", host),
                ("https://evilfbcdn.net/x", host),
                ("https://fbcdn.net.evil.example/x", host),
                ("https://scontent.xx.fbcdn.net.evil.example/x", host),
                ("https://157.240.1.35/x", host),
                ("https://[2a03:2880::1]/x", host),
                ("https://0x7f000001/x", host),
                ("https://localhost/x", host),
                ("https://169.254.169.254/latest/meta-data/", host),
                ("http://scontent.xx.fbcdn.net/x", form),
                ("https://scontent.xx.fbcdn.net:8443/x", form),
                ("https://user@scontent.xx.fbcdn.net/x", form),
                ("https://scontent.xx.fbcdn.net@evil.example/x", form),
                ("ftp://scontent.xx.fbcdn.net/x", form),
                ("file:///etc/passwd", form),
                ("data:text/plain,x", form),
            ],
        );
        check(
            Whatsapp,
            "https://api.twilio.com",
            &[
                ("https://api.twilio.com/2010-04-01/x", Ok(Way::Public)),
                ("https://mms.twiliocdn.com/AC1/x", Ok(Way::Public)),
                ("https://s3-external-1.amazonaws.com/media.twiliocdn.com/x", Ok(Way::Public)),
                ("https://scontent.xx.fbcdn.net/x", host),
            ],
        );
        check(
            Telegram,
            "https://api.telegram.org",
            &[("https://api.telegram.org/file/bot1:x/a", Ok(Way::Public)), ("https://cdn.telegram.org/a", host)],
        );
    }

    #[test]
    fn a_simulator_is_trusted_at_its_very_origin() {
        check(
            Messenger,
            SIMULATOR,
            &[
                ("http://127.0.0.1:8301/cdn/1", Ok(Way::Simulator)),
                ("http://127.0.0.1:8302/cdn/1", Err(NotTrusted::Form)),
                ("http://127.0.0.2:8301/cdn/1", Err(NotTrusted::Form)),
                ("http://localhost:8301/cdn/1", Err(NotTrusted::Form)),
                ("http://u@127.0.0.1:8301/cdn/1", Err(NotTrusted::Form)),
                ("https://127.0.0.1:8301/cdn/1", Err(NotTrusted::Form)),
                ("https://x.fbcdn.net/1", Ok(Way::Public)),
            ],
        );
    }

    #[test]
    fn a_telegram_file_is_below_its_bot() {
        let token = "1:abcdefghijklmnopqrstuvwxyz";
        let url = |path: &str| telegram_file("https://t.example/", token, path).map(|source| source.url().to_string());
        let at = |path: &str| Some(format!("https://t.example/file/bot{token}/{path}"));
        assert_eq!(url("photos/file_1.jpg"), at("photos/file_1.jpg"));
        assert_eq!(url("a b/?x#y%2e"), at("a%20b/%3Fx%23y%252e"));
        for bad in ["", "/a", "a/", "../getMe", "a/../../b", "a//b", "./a"] {
            assert_eq!(url(bad), None, "{bad}");
        }
        assert_eq!(telegram_file("https://t.example", "1:x/../y", "a"), None);
        let source = telegram_file("https://t.example", token, "a").unwrap();
        assert!(!format!("{source:?}").contains("abcdef"));
    }

    #[test]
    fn twilios_password_goes_to_the_media_of_the_message_alone() {
        let base = "https://api.twilio.com";
        let of = |address: &str| twilio_media(base, "AC1", "MM2", address).is_some();
        let good = "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM2/Media/ME3";
        assert!(of(good) && of(&good.replace(".com/", ".com:443/")));
        for bad in [
            "http://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM2/Media/ME3",
            "https://api.twilio.com:8443/2010-04-01/Accounts/AC1/Messages/MM2/Media/ME3",
            "https://mms.twilio.com/2010-04-01/Accounts/AC1/Messages/MM2/Media/ME3",
            "https://api.twilio.com.evil.example/2010-04-01/Accounts/AC1/Messages/MM2/Media/ME3",
            "https://api.twilio.com@evil.example/2010-04-01/Accounts/AC1/Messages/MM2/Media/ME3",
            "https://u:p@api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM2/Media/ME3",
            "https://api.twilio.com/2010-04-01/Accounts/AC9/Messages/MM2/Media/ME3",
            "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM9/Media/ME3",
            "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM2/Media/",
            "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM2/Media/ME3/x",
            "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM2/Media/..",
            "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM2/Media/ME3?x",
            "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM2.json",
            "not an address",
        ] {
            assert!(!of(bad), "{bad}");
        }
        let simulated = "http://127.0.0.1:1/twilio/2010-04-01/Accounts/AC1/Messages/MM2/Media/ME3";
        assert!(twilio_media("http://127.0.0.1:1/twilio/", "AC1", "MM2", simulated).is_some());
        assert!(twilio_media("http://127.0.0.1:2/twilio", "AC1", "MM2", simulated).is_none());
        assert!(
            twilio_media(base, "", "MM2", "https://api.twilio.com/2010-04-01/Accounts//Messages/MM2/Media/ME3")
                .is_none()
        );
    }
}
