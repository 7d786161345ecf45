//! Telegram: the Bot API, the webhook deliveries and the customers who write to the bots.
//!
//! Source of the behaviour: core.telegram.org/bots/api, and the open-source Bot API server (tdlib/telegram-bot-api)
//! for texts of errors and the schedule of webhook deliveries.

mod answer;
mod api;
mod client;
mod control;
mod control_files;
mod conversation;
mod delivery;
mod faults;
mod fetch;
mod files;
mod kinds;
mod limits;
mod params;
mod send;
mod send_file;
mod state;
mod updates;
mod webhook;

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

/// What a simulator's clockwork is set to. The defaults are Telegram's own, but for the retries, which are quicker.
#[derive(Debug, Clone)]
pub struct Options {
    /// Unit of the delay between tries of a delivery: the second try comes at once, the third after twice this, the
    /// fourth after four times this, and so on. Telegram's unit is 1 s; here 100 ms.
    pub retry_unit: Duration,
    /// The longest delay between two tries. Telegram's is 60 to 120 s; here 12 s.
    pub retry_cap: Duration,
    /// How long a webhook may take to answer. Telegram gives it 60 s.
    pub webhook_timeout: Duration,
    /// How long an undelivered update is kept. Telegram keeps it 24 h.
    pub update_lifetime: Duration,
    /// How long a connection is held by a time-out fault when the client doesn't give up by itself.
    pub hold: Duration,
    /// Bots that exist from the start, beside those that the control API creates.
    pub bots: Vec<NewBot>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            retry_unit: Duration::from_millis(100),
            retry_cap: Duration::from_secs(12),
            webhook_timeout: Duration::from_mins(1),
            update_lifetime: Duration::from_hours(24),
            hold: Duration::from_mins(2),
            bots: Vec::new(),
        }
    }
}

/// A bot to create.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewBot {
    /// The bot's token, `<bot id>:<secret part>`. Left out, one is made up.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub token: Option<String>,
    /// The bot's shown name. Left out: `Simulated bot`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// The bot's username, without `@`. Left out: `simulated_<id>_bot`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub username: Option<String>,
}

/// The Telegram simulator.
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
            .nest("/control", control::routes())
            .route("/file/{bot}/{*path}", get(files::serve))
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
    /// Where it listens, `http://<address>:<port>`: the Bot API's base URL, and the customer page.
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
