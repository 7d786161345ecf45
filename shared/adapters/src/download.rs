//! Fetches files from messengers, and from nowhere else.
//!
//! Whoever writes to us chooses what is fetched, so an address is held to what [`Trusted`] allows before anything is
//! asked, a name is connected to only at public addresses that this very resolution gave, and each redirect is a new address.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use messengers::files::{Trusted, Way, is_public};
use ports::files::{Download, Fetched, Wanted};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::LOCATION;
use reqwest::{Client, Response, StatusCode};
use url::Url;

use crate::http;

/// How often a redirect is followed.
const REDIRECTS_MAX: u32 = 3;

/// Fetches over HTTP.
#[derive(Clone, Debug)]
pub struct HttpDownload {
    public: Client,
    simulator: Client,
}

impl Default for HttpDownload {
    fn default() -> Self {
        Self::new()
    }
}

impl HttpDownload {
    /// Connects to nothing yet.
    pub fn new() -> Self {
        let public = http::built(http::builder().dns_resolver(Arc::new(PublicNames)));
        Self { public, simulator: http::built(http::builder()) }
    }

    async fn follow(&self, wanted: &Wanted<'_>) -> Fetched {
        let mut url = wanted.source.url().clone();
        let mut basic = wanted.basic.and_then(|secret| secret.reveal().split_once(':'));
        for _ in 0..=REDIRECTS_MAX {
            let client = match self.client(wanted.trusted, &url) {
                Ok(client) => client,
                Err(why) => return Fetched::Refused(why),
            };
            let mut request = client.get(url.clone());
            if let Some((name, password)) = basic.take() {
                request = request.basic_auth(name, Some(password));
            }
            let response = match request.send().await {
                Ok(response) => response,
                Err(error) if leads_nowhere_public(&error) => return Fetched::Refused(NotPublic.to_string()),
                Err(error) => return Fetched::Unreachable(http::explain(error)),
            };
            match next(&url, &response) {
                Some(Ok(next)) => url = next,
                Some(Err(_)) => return Fetched::Refused("a redirect to what is no address".to_owned()),
                None => return read(response, wanted.bytes_max).await,
            }
        }
        Fetched::Refused("too many redirects".to_owned())
    }

    fn client(&self, trusted: &Trusted, url: &Url) -> Result<&Client, String> {
        match trusted.way(url) {
            Ok(Way::Public) => Ok(&self.public),
            Ok(Way::Simulator) => Ok(&self.simulator),
            Err(why) => Err(why.to_string()),
        }
    }
}

impl Download for HttpDownload {
    async fn fetch(&self, wanted: &Wanted<'_>) -> Fetched {
        let within = Duration::from_millis(wanted.within_ms);
        let late = |_| Fetched::Unreachable("it took too long".to_owned());
        tokio::time::timeout(within, self.follow(wanted)).await.unwrap_or_else(late)
    }
}

/// Where a redirect leads; `None` if the answer is none.
fn next(url: &Url, response: &Response) -> Option<Result<Url, url::ParseError>> {
    let location = response.headers().get(LOCATION).filter(|_| response.status().is_redirection())?;
    Some(url.join(&String::from_utf8_lossy(location.as_bytes())))
}

async fn read(mut response: Response, bytes_max: u64) -> Fetched {
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND | StatusCode::GONE => return Fetched::NotFound,
        other => return Fetched::Status(other.as_u16()),
    }
    let announced = response.content_length();
    if announced.is_some_and(|bytes| bytes > bytes_max) {
        return Fetched::TooLarge;
    }
    let mut bytes = Vec::with_capacity(announced.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0));
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if (bytes.len() + chunk.len()) as u64 > bytes_max => return Fetched::TooLarge,
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return Fetched::File(bytes),
            Err(error) => return Fetched::Unreachable(http::explain(error)),
        }
    }
}

/// Resolves names to their public addresses. The connection is made to these and to no others, so that a name which leads
/// elsewhere a moment later gains nothing.
#[derive(Debug)]
struct PublicNames;

/// A name leads to no public address.
#[derive(Debug)]
struct NotPublic;

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to no public address")
    }
}

impl Error for NotPublic {}

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let public: Vec<_> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

fn leads_nowhere_public(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests;
