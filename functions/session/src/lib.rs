//! Sign-in, connect, presence, disconnect.
//!
//! One function for three kinds of event that API Gateway sends: calls of the HTTP API (a ticket, sign-out), the question
//! whether a WebSocket connection may be opened (the ticket is used up), and what happens on connections (connect, disconnect,
//! `hello`, `ping`, `status`). They are told apart by their shape.

mod answer;
mod event;
mod people;
mod presence;
mod tickets;

use ports::timers::NoTimers;
use ports::{Clock, Identity, Push, Queues, Random, Store};
use runtime::Desk;
use serde_json::Value;
use wire::http::{Code, Found, Operation, find};

use crate::answer::Answer;
use crate::event::Event;

/// The function: the desk, and what it needs to know who somebody is.
pub struct Session<S, Q, P, C, I, R> {
    desk: Desk<S, Q, NoTimers, P, C>,
    identity: I,
    random: R,
    origins: Vec<String>,
}

impl<S: Store, Q: Queues, P: Push, C: Clock, I: Identity, R: Random> Session<S, Q, P, C, I, R> {
    /// The function. `origins` = the web origins that may open connections, separated by commas; `*` = all.
    pub fn new(desk: Desk<S, Q, NoTimers, P, C>, identity: I, random: R, origins: &str) -> Self {
        let origins = origins.split(',').map(|origin| origin.trim().trim_end_matches('/').to_owned());
        Self { desk, identity, random, origins: origins.filter(|origin| !origin.is_empty()).collect() }
    }

    /// Handles one event; its answer is what API Gateway expects of that kind.
    pub async fn handle(&self, event: Value) -> Value {
        match event::read(event) {
            Event::Http(call) => self.call(&call).await.into(),
            Event::Authorize(question) => self.authorize(&question).await,
            Event::Connect => Answer::empty(200).into(),
            Event::Disconnect(event) => {
                self.disconnected(&event).await;
                Answer::empty(200).into()
            }
            Event::Frame(event) => {
                self.frame(&event).await;
                Answer::empty(200).into()
            }
            Event::Unknown => {
                tracing::error!("an event of a kind that this function does not know");
                Answer::error(Code::BadRequest).into()
            }
        }
    }

    async fn call(&self, call: &event::Call) -> Answer {
        let (method, path) = call.route_key.split_once(' ').unwrap_or_default();
        let Found::Route(route, _) = find(method, path) else { return Answer::error(Code::NotFound) };
        let done = match route.operation {
            Operation::Ticket => self.ticket(call).await,
            Operation::SignOut => self.sign_out(call).await,
            _ => return Answer::error(Code::NotFound),
        };
        done.unwrap_or_else(|code| {
            debug_assert!(route.errors().contains(&code), "{code:?} is not among the errors of {}", call.route_key);
            Answer::error(code)
        })
    }
}

#[cfg(test)]
mod tests;
