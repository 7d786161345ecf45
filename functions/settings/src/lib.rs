//! The HTTP API of Chat settings (P1): queues, roles, people, channels, system settings.
//!
//! Each call reads what it changes anew, has `domain::settings` decide, and commits the whole on condition that nobody was
//! faster; if somebody was, it reads and decides again. `If-Match` names the version of the one thing that the manager saw.
//! Wake-ups follow a commit; they are hints, and the sweep finds what a lost one would have said.

mod answer;
mod change;
mod channels;
mod facebook;
mod operators;
mod queues;
mod request;
mod roles;
mod setup;
mod system;
mod telegram;
mod twilio;
mod world;

use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt, Response};
use ports::{Clock, Identity, IdentityError, Principal};
use serde_json::Value;
use wire::http::{CAN_MANAGE_CHATS, Code, Found, Operation, Route, find};

pub use crate::answer::Ready;
use crate::answer::{Answer, Fault};
use crate::request::Call;
pub use crate::world::{Parts, World};

/// The kind of the event by which the schedule has all channels looked at.
pub const LOOK_AT_CHANNELS: &str = "look_at_channels";

/// The function.
pub struct Settings<W> {
    world: W,
}

impl<W: World> Settings<W> {
    /// The function, in its world.
    pub fn new(world: W) -> Self {
        Self { world }
    }

    /// Answers one call. There is no error: everything has an answer.
    pub async fn handle(&self, request: Request) -> Result<Response<Body>, std::convert::Infallible> {
        // Not by the API's gateway: the schedule has woken the function, whatever the event looks like inside.
        if let Some(RequestContext::PassThrough) = request.request_context_ref() {
            self.woken(request.body()).await;
            return Ok(Response::default());
        }
        let method = request.method().as_str().to_owned();
        let path = request.uri().path().to_owned();
        Ok(match find(&method, &path) {
            Found::Route(route, varies) if route.managers => {
                let answer = self.answer(route, varies, &request).await;
                answer.unwrap_or_else(|fault| refused(route, &fault))
            }
            Found::OtherMethods(methods) => {
                Answer::error(Code::MethodNotAllowed, Code::MethodNotAllowed.text()).allowing(&methods)
            }
            Found::Route(..) | Found::Nothing => Answer::error(Code::NotFound, Code::NotFound.text()),
        }
        .into_response())
    }

    /// The schedule's event. The next one does what this one failed to do.
    async fn woken(&self, event: &[u8]) {
        let kind = serde_json::from_slice(event).ok().and_then(|event: Value| Some(event["kind"].as_str()?.to_owned()));
        if kind.as_deref() == Some(LOOK_AT_CHANNELS) {
            self.look_at_all().await.unwrap_or_else(|fault| fault.log());
        } else {
            tracing::error!("an event of an unknown kind");
        }
    }

    async fn answer(&self, route: &Route, varies: &str, request: &Request) -> Result<Answer, Fault> {
        let principal = self.manager(request).await?;
        let call = Call { varies, request, principal: &principal };
        match route.operation {
            Operation::Ticket | Operation::SignOut => Err(Code::NotFound.into()),
            Operation::ListQueues => self.list_queues().await,
            Operation::CreateQueue => self.create_queue(&call).await,
            Operation::GetQueue => self.get_queue(&call).await,
            Operation::PutQueue => self.put_queue(&call).await,
            Operation::DeleteQueue => self.delete_queue(&call).await,
            Operation::ListRoles => self.list_roles().await,
            Operation::CreateRole => self.create_role(&call).await,
            Operation::PutRole => self.put_role(&call).await,
            Operation::DeleteRole => self.delete_role(&call).await,
            Operation::ListOperators => self.list_operators(&call).await,
            Operation::CreateOperator => self.create_operator(&call).await,
            Operation::GetOperator => self.get_operator(&call).await,
            Operation::PutOperator => self.put_operator(&call).await,
            Operation::ListChannels => self.list_channels().await,
            Operation::ConnectTelegram => self.connect_telegram(&call).await,
            Operation::ReconnectTelegram => self.reconnect_telegram(&call).await,
            Operation::SignInMessenger => self.sign_in_messenger(&call).await,
            Operation::ListPages => self.list_pages(&call).await,
            Operation::ConnectMessenger => self.connect_messenger(&call).await,
            Operation::ConnectWhatsapp => self.connect_whatsapp(&call).await,
            Operation::ConfirmWhatsapp => self.confirm_whatsapp(&call).await,
            Operation::ReconnectWhatsapp => self.reconnect_whatsapp(&call).await,
            Operation::GetChannel => self.get_channel(&call).await,
            Operation::PutChannel => self.put_channel(&call).await,
            Operation::DeleteChannel => self.delete_channel(&call).await,
            Operation::ChannelHealth => self.channel_health(&call).await,
            Operation::ListSettings => self.list_settings().await,
            Operation::GetSetting => self.get_setting(&call).await,
            Operation::PutSetting => self.put_setting(&call).await,
        }
    }

    /// Who calls: somebody with the right to manage chats (P1).
    async fn manager(&self, request: &Request) -> Result<Principal, Fault> {
        let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let token = wire::http::bearer(header).ok_or(Code::TokenRefused)?;
        let principal =
            self.world.identity().verify(token, self.world.clock().now_ms()).await.map_err(|error| match error {
                IdentityError::Refused(why) => {
                    runtime::telemetry::count("token_refused", why);
                    Code::TokenRefused
                }
                IdentityError::Unavailable(_) => {
                    tracing::error!(%error, "identity");
                    Code::TryAgain
                }
            })?;
        if principal.groups.iter().any(|group| group == CAN_MANAGE_CHATS) {
            Ok(principal)
        } else {
            Err(Code::RightMissing.into())
        }
    }
}

fn refused(route: &Route, fault: &Fault) -> Answer {
    fault.log();
    let (code, text) = fault.outward();
    debug_assert!(
        route.errors().contains(&code),
        "{code:?} is not among the errors of {} {}",
        route.method,
        route.path
    );
    Answer::error(code, &text)
}

#[cfg(test)]
mod tests;
