//! Twilio's WhatsApp: the Messages, Media, Senders, Verify and typing APIs, the webhooks, and the customers who write.
//!
//! All of Twilio's hosts are served at one base URL and told apart by path. Source of the behaviour: twilio.com/docs,
//! and the test vectors of Twilio's own libraries for signatures. README.md says where this differs.

mod address;
mod api;
mod auth;
mod client;
mod control;
mod conversation;
mod dates;
mod errors;
mod faults;
mod fetch;
mod form;
mod inbound;
mod kinds;
mod limits;
mod media;
mod messages;
mod overrides;
mod play;
mod progress;
mod senders;
pub mod signature;
mod state;
mod typing;
mod verify;
mod webhooks;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde::{Deserialize, Serialize};

pub use crate::client::ClientError;
pub use crate::server::StartError;
pub use client::Client;

use crate::server::{Bound, Server};
use state::Shared;

/// The customer page, whole: it loads nothing else.
const PAGE: &str = include_str!("page.html");

/// What a simulator's clockwork is set to. The defaults are Twilio's own, but for the statuses, which come quicker.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long connecting to a webhook may take, unless its URL says otherwise. Twilio: 5 s.
    pub connect_timeout: Duration,
    /// How long a webhook may take to answer, and all tries together, unless its URL says otherwise. Twilio: 15 s.
    pub read_timeout: Duration,
    /// From one status of a message to the next. Seconds in reality; here 20 ms.
    pub status_step: Duration,
    /// How long a connection is held by a time-out fault when the client doesn't give up by itself.
    pub hold: Duration,
    /// Accounts that exist from the start, beside those that the control API creates.
    pub accounts: Vec<NewAccount>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(15),
            status_step: Duration::from_millis(20),
            hold: Duration::from_mins(2),
            accounts: Vec::new(),
        }
    }
}

/// What an account may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountType {
    /// Paid for.
    #[default]
    Full,
    /// On trial: writes only to verified numbers, but for the sandbox's participants.
    Trial,
}

/// An account to create. It has the sandbox number from the start.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NewAccount {
    /// `AC` and 32 hexadecimal digits. Left out, one is made up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The primary auth token. Left out, one is made up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_token: Option<String>,
    /// The shown name. Left out: `Simulated account`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Full or on trial.
    #[serde(rename = "type")]
    pub kind: AccountType,
    /// What customers write after `join` to take part in the sandbox. Left out: `warm-otter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_code: Option<String>,
    /// Its WhatsApp senders, beside the sandbox.
    pub senders: Vec<NewSender>,
}

/// A WhatsApp sender to create.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NewSender {
    /// Its number, `+` and digits.
    pub number: String,
    /// The shown name. Left out: `Simulated sender`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its status. Left out: `ONLINE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The messaging service that it belongs to, `MG` and 32 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messaging_service_sid: Option<String>,
}

/// The Twilio simulator.
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
            .route("/cdn/{account}/{media}", get(media::cdn))
            .nest("/control", control::routes())
            .fallback(api::handle)
            .with_state(Arc::clone(&shared));
        Ok(Handle { server: bound.serve(app), shared })
    }
}

/// A running simulator. Dropping it ends the listening, the messages under way and the webhooks.
#[derive(Debug)]
pub struct Handle {
    server: Server,
    shared: Arc<Shared>,
}

impl Handle {
    /// Where it listens, `http://<address>:<port>`: the base URL of every API, and the customer page.
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
