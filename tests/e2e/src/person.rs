//! Somebody who signs in: an operator, a manager, or nobody in particular.

use std::time::Duration;

use domain::OperatorId;
use domain::operator::Status;
use serde_json::json;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::ORIGIN;
use tokio_tungstenite::{connect_async, tungstenite};
use wire::http::TicketAnswer;

use crate::api::Api;
use crate::stack::Stack;
use crate::view::View;
use crate::window::{Lost, Window};

/// How long the gateway may take to open a connection.
const CONNECT_MAX: Duration = Duration::from_secs(30);

/// A person, signed in.
#[derive(Clone, Debug)]
pub struct Person {
    /// Their id as an operator.
    pub id: OperatorId,
    /// Their name.
    pub name: String,
    /// Their e-mail address.
    pub email: String,
    /// The HTTP API, called by them.
    pub api: Api,
    /// The stack.
    pub stack: Stack,
}

impl Person {
    /// A ticket for one connection.
    pub async fn ticket(&self) -> String {
        let answer: TicketAnswer = self.api.post("/api/ticket", &json!({})).await.read();
        answer.ticket
    }

    /// A new window that has connected, but not said hello.
    pub async fn knock(&self) -> Window {
        self.knock_with(View::default()).await
    }

    async fn knock_with(&self, view: View) -> Window {
        let ticket = self.ticket().await;
        let opened = open(&self.stack, &ticket, self.stack.origin.as_deref()).await;
        let socket = opened.unwrap_or_else(|error| panic!("{} could not connect: {error}", self.name));
        Window::over(&self.name, socket, view)
    }

    /// The window after its connection was lost: it still shows what it showed, and catches up.
    pub async fn reconnect(&self, lost: Lost) -> Window {
        let window = self.knock_with(lost.view).await;
        window.hello().await;
        window.sync(lost.known).await;
        window
    }

    /// A new window: connected, greeted, caught up.
    pub async fn connect(&self) -> Window {
        let window = self.knock().await;
        window.hello().await;
        window.sync(Vec::new()).await;
        window
    }

    /// A new window of somebody who takes chats.
    pub async fn come_online(&self) -> Window {
        let window = self.connect().await;
        window.set_status(Status::Active).await;
        window
    }
}

/// Opens a connection by a ticket.
pub async fn open(
    stack: &Stack,
    ticket: &str,
    origin: Option<&str>,
) -> Result<tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>, Refused> {
    let url = format!("{}?ticket={ticket}", stack.websocket_url);
    let mut request = url.into_client_request().map_err(Refused::from)?;
    if let Some(origin) = origin {
        request.headers_mut().insert(ORIGIN, HeaderValue::from_str(origin).expect("an origin fits a header"));
    }
    match tokio::time::timeout(CONNECT_MAX, connect_async(request)).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(Refused { status: None, text: format!("no answer within {CONNECT_MAX:?}") }),
    }
}

/// A connection that did not come about.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// What happened.
    pub text: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}", self.status, self.text)
    }
}

impl From<tungstenite::Error> for Refused {
    fn from(error: tungstenite::Error) -> Self {
        let status = match &error {
            tungstenite::Error::Http(answer) => Some(answer.status().as_u16()),
            _ => None,
        };
        Self { status, text: error.to_string() }
    }
}
