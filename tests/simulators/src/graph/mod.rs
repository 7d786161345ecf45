//! Facebook's Graph API for Messenger: sign-in, pages, webhooks, sending, the hand-over between apps, and the customers
//! who write to the pages.
//!
//! Source of the behaviour: developers.facebook.com/documentation/business-messaging/messenger-platform and
//! developers.facebook.com/docs/graph-api. README.md tells every deviation.

mod account;
mod api;
mod attachments;
mod client;
mod control;
mod control_people;
mod control_record;
mod conversation;
mod delivery;
mod error;
mod events;
mod faults;
mod files;
mod handover;
mod limits;
mod login;
mod params;
mod people;
mod send;
mod state;
mod subscriptions;
mod tokens;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;

pub use crate::client::ClientError;
pub use crate::server::StartError;
pub use client::Client;

use crate::server::{Bound, Server};
use state::Shared;

/// The customer page, whole: it loads nothing else.
const PAGE: &str = include_str!("page.html");

/// The app id of the built-in bot that can be a page's primary receiver.
pub const BOT_APP_ID: &str = "300000000000002";

/// The app id of the page's own inbox (Business Suite), where people of the page answer; Facebook's constant.
pub const INBOX_APP_ID: &str = "263902037430900";

/// What a simulator's clockwork is set to. The defaults are Facebook's own, but for the retries, which are quicker.
#[derive(Debug, Clone)]
pub struct Options {
    /// Unit of the delay between later tries of a delivery: the second try comes at once, the third after this, the
    /// fourth after twice this, and so on. Facebook does not publish its own; here 100 ms.
    pub retry_unit: Duration,
    /// How many tries come after the second. Facebook makes "a few more"; here 5.
    pub later_tries: u32,
    /// How long a webhook may take to answer. Facebook gives it 5 s.
    pub webhook_timeout: Duration,
    /// After how long a time of nothing but failures an app is unsubscribed from its pages. Facebook does it after
    /// an hour; here never, unless set.
    pub unsubscribe_after: Option<Duration>,
    /// How long a connection is held by a time-out fault when the client doesn't give up by itself.
    pub hold: Duration,
    /// How long the fetch of an attachment's URL may take. Facebook gives a video 75 s.
    pub fetch_timeout: Duration,
    /// How long after a send its echo and delivery events are sent off, unless ordered before the answer; 20 ms.
    pub echo_delay: Duration,
    /// How long the URL of a file that a customer sent stays good. Facebook's live for days; here 24 h.
    pub url_lifetime: Duration,
    /// Apps that exist from the start, beside the built-in bot.
    pub apps: Vec<NewApp>,
    /// Pages that exist from the start.
    pub pages: Vec<NewPage>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            retry_unit: Duration::from_millis(100),
            later_tries: 5,
            webhook_timeout: Duration::from_secs(5),
            unsubscribe_after: None,
            hold: Duration::from_mins(2),
            fetch_timeout: Duration::from_secs(75),
            echo_delay: Duration::from_millis(20),
            url_lifetime: Duration::from_hours(24),
            apps: Vec::new(),
            pages: Vec::new(),
        }
    }
}

/// An app to create.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewApp {
    /// The app's id, digits. Left out, one is made up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The app secret. Left out, one is made up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The shown name. Left out: `Simulated app`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether calls with a user or page token need `appsecret_proof`.
    pub require_proof: bool,
    /// Whether it may answer for seven days with the tag `HUMAN_AGENT`.
    pub human_agent: bool,
    /// The redirect URIs that the login takes; any, if empty.
    pub redirect_uris: Vec<String>,
}

/// A page to create.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewPage {
    /// The page's id, digits. Left out, one is made up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The shown name. Left out: `Simulated page`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The app that is the page's primary receiver, for example [`BOT_APP_ID`]; none: every app gets every message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_app_id: Option<String>,
    /// What the person who signs in may do there. Left out: everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks: Option<Vec<String>>,
}

/// The Graph API simulator.
#[derive(Debug)]
pub struct Simulator;

impl Simulator {
    /// Starts a simulator on `address` (port 0: any free one) with the default options.
    pub async fn start(address: SocketAddr) -> Result<Handle, StartError> {
        Self::start_with(address, Options::default()).await
    }

    /// Starts a simulator on `address` (port 0: any free one).
    pub async fn start_with(address: SocketAddr, options: Options) -> Result<Handle, StartError> {
        let bound = Bound::to(address).await?;
        let shared = Shared::new(options, bound.url())?;
        let app = Router::new()
            .route("/", get(|| async { Html(PAGE) }))
            .route("/cdn/{id}/{name}", get(files::serve))
            .nest("/control", control::routes())
            .fallback(api::handle)
            .with_state(Arc::clone(&shared));
        Ok(Handle { server: bound.serve(app), shared })
    }
}

/// A running simulator. Dropping it ends the listening and the deliveries.
#[derive(Debug)]
pub struct Handle {
    server: Server,
    shared: Arc<Shared>,
}

impl Handle {
    /// Where it listens, `http://<address>:<port>`: the Graph API's base URL, the login dialog's and the customer page.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// A client of this simulator's control API.
    pub fn client(&self) -> Client {
        Client::new(self.url())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.stop();
    }
}
