//! Listening: the same for every simulator.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::listener::{Cut, CuttableListener};

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address could not be bound.
    #[error("the simulator cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Something that should exist from the start was not acceptable.
    #[error("what should exist from the start cannot be created: {0}")]
    Options(String),
    /// No HTTP client for the deliveries.
    #[error("no HTTP client for the deliveries")]
    Http(#[from] reqwest::Error),
}

/// A bound address that nobody serves yet. The simulator's URL is known before its handlers are made.
#[derive(Debug)]
pub(crate) struct Bound {
    listener: TcpListener,
    url: String,
}

impl Bound {
    /// Binds `address` (port 0: any free one).
    pub(crate) async fn to(address: SocketAddr) -> Result<Self, StartError> {
        let listen = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let url = format!("http://{}", listener.local_addr().map_err(listen)?);
        Ok(Self { listener, url })
    }

    /// `http://<address>:<port>`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Serves until the [`Server`] is dropped. Handlers get the switch of their connection as `ConnectInfo<Cut>`.
    pub(crate) fn serve(self, app: Router) -> Server {
        let service = app.into_make_service_with_connect_info::<Cut>();
        let listener = CuttableListener::new(self.listener);
        let task = tokio::spawn(async move {
            // Serving ends only with the task: accepting retries its own failures.
            let _ = axum::serve(listener, service).await;
        });
        tracing::info!(url = self.url, "simulator listens");
        Server { url: self.url, task }
    }
}

/// A server that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    url: String,
    task: JoinHandle<()>,
}

impl Server {
    /// `http://<address>:<port>`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
