//! The name of a customer, where their messenger does not tell it with their messages.

use aws_lambda_events::event::sqs::SqsMessage;
use domain::Provider;
use domain::inbound::{Customer, InboundEvent, InboundKind};
use messengers::call::{Call, Host};
use ports::files::{Download, Files};
use ports::{Clock, MessengerReply, MessengerTransport, Push, Queues, Secrets, Store, Visibility};
use runtime::batch::{Verdict, receives};
use runtime::telemetry;
use serde_json::Value;
use wire::queues::{Fetch, Inbound, QueueMessage, VERSION};

use crate::Fetcher;
use crate::place::Trouble;

/// How often a name is asked for, for one hint: the next message of the customer asks again.
const TRIES_MAX: u32 = 4;
/// The first wait before it is asked for again, seconds; it doubles with each try.
const RETRY_S: u32 = 5;
/// The most characters of a name that are kept.
const NAME_CHARS_MAX: usize = 256;

impl<S, Q, V, P, M, K, F, D, C> Fetcher<S, Q, V, P, M, K, F, D, C>
where
    S: Store,
    Q: Queues,
    V: Visibility,
    P: Push,
    M: MessengerTransport,
    K: Secrets,
    F: Files,
    D: Download,
    C: Clock,
{
    /// Asks for the customer's name and hands what it learns to the inbound function, in their conversation's own order.
    pub(crate) async fn profile(&self, hint: &Fetch, address: &str, message: &SqsMessage) -> Verdict {
        let tries = receives(message);
        match self.ask(hint, address).await {
            Ok(Some(name)) => self.learned(hint, address, &name, message).await,
            Ok(None) | Err(Trouble::Final(_) | Trouble::NotFound) => {
                telemetry::count("profile_unknown", "refused");
                Verdict::Done
            }
            Err(Trouble::Fault) if tries < TRIES_MAX => Verdict::Later(Some(RETRY_S << tries.saturating_sub(1))),
            Err(Trouble::Fault) => {
                telemetry::count("profile_unknown", "unreachable");
                Verdict::Done
            }
        }
    }

    async fn ask(&self, hint: &Fetch, address: &str) -> Result<Option<String>, Trouble> {
        let Some(call) = profile_call(hint.provider, address) else { return Ok(None) };
        let token = self.secret(&hint.channel).await?;
        match self.messenger.call(token.reveal(), &call).await {
            MessengerReply::Answered { status, body } => read_profile(status, &body),
            MessengerReply::NotSent(why) | MessengerReply::Unknown(why) => {
                tracing::warn!(channel = %hint.channel, why, "profile");
                Err(Trouble::Fault)
            }
        }
    }

    async fn learned(&self, hint: &Fetch, address: &str, name: &str, message: &SqsMessage) -> Verdict {
        let customer = Customer {
            address: address.to_owned(),
            name: name.to_owned(),
            is_stand_in: false,
            username: None,
            language: None,
        };
        // The same hint, received again, is the same event; a later one may bring another name.
        let event_id = format!("profile-{}", message.message_id.as_deref().unwrap_or("none"));
        let event = InboundEvent { event_id, customer, at_ms: 0, standby: false, what: InboundKind::Profile };
        let inbound = Inbound {
            v: VERSION,
            channel: hint.channel.clone(),
            provider: hint.provider,
            conversation: hint.conversation.clone(),
            event,
            received_at_ms: self.desk.now_ms(),
        };
        match self.desk.queues.send(&[QueueMessage::Inbound(inbound)]).await {
            Ok(()) => Verdict::Done,
            Err(error) => Verdict::from(error),
        }
    }
}

/// The call that asks for a customer's name; the other messengers tell it with every message.
fn profile_call(provider: Provider, address: &str) -> Option<Call> {
    let is_id = !address.is_empty() && address.bytes().all(|b| b.is_ascii_digit());
    let fields = vec![("fields", "first_name,last_name,name".to_owned())];
    (provider == Provider::Messenger && is_id).then(|| Call::get(Host::Graph, "profile", address, fields))
}

/// The name in the answer: some customers have none that we may see.
fn read_profile(status: u16, body: &[u8]) -> Result<Option<String>, Trouble> {
    match status {
        200 => {}
        429 | 500.. => return Err(Trouble::Fault),
        _ => return Ok(None),
    }
    let profile: Value = serde_json::from_slice(body).map_err(|_| Trouble::Fault)?;
    let field = |name: &str| profile[name].as_str().map(str::trim).filter(|text| !text.is_empty());
    let whole = field("name").map(str::to_owned);
    let parts: Vec<&str> = [field("first_name"), field("last_name")].into_iter().flatten().collect();
    let name = whole.or_else(|| (!parts.is_empty()).then(|| parts.join(" ")));
    Ok(name.map(|name| name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect()))
}
