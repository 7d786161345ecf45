//! The name of a customer, where their messenger does not tell it with their messages.

use aws_lambda_events::event::sqs::SqsMessage;
use domain::Provider;
use domain::inbound::{Customer, InboundEvent, InboundKind};
use messengers::failure::{Failure, FailureClass};
use messengers::messenger;
use ports::files::{Download, Files};
use ports::secrets::FACEBOOK_APP;
use ports::{Clock, MessengerReply, MessengerTransport, Push, Queues, Secrets, Store, Visibility};
use runtime::batch::{Verdict, receives};
use runtime::telemetry;
use wire::queues::{Fetch, Inbound, QueueMessage, VERSION};

use crate::Fetcher;
use crate::place::Trouble;

/// How often a name is asked for, for one hint: the next message of the customer asks again.
const TRIES_MAX: u32 = 4;
/// The first wait before it is asked for again, seconds; it doubles with each try.
const RETRY_S: u32 = 5;

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
        if !has_profile(hint.provider, address) {
            return Ok(None);
        }
        let token = self.secret(hint.channel.as_str()).await?;
        let app_secret = match self.secret(FACEBOOK_APP).await {
            Ok(secret) => Some(secret),
            // Without a proof the call is as good, unless Facebook was told to take none.
            Err(Trouble::Final(_) | Trouble::NotFound) => None,
            Err(Trouble::Fault) => return Err(Trouble::Fault),
        };
        let proof_by = app_secret.as_ref().map_or("", |secret| secret.reveal());
        let call = messenger::with_proof(messenger::profile(address), proof_by, token.reveal());
        match self.messenger.call(token.reveal(), &call).await {
            MessengerReply::Answered { status, body } => messenger::read_profile(status, &body).map_err(|failure| {
                tracing::warn!(channel = %hint.channel, code = failure.code, detail = failure.detail, "profile");
                trouble(&failure)
            }),
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

/// Whether the customer's name can be asked for: their address becomes a part of the call's.
fn has_profile(provider: Provider, address: &str) -> bool {
    provider.has_profiles() && !address.is_empty() && address.bytes().all(|b| b.is_ascii_digit())
}

/// Asking does nothing, so an unknown outcome is asked for again.
fn trouble(failure: &Failure) -> Trouble {
    match failure.class {
        FailureClass::Hold { .. } | FailureClass::Retry | FailureClass::Unknown => Trouble::Fault,
        _ => Trouble::NotFound,
    }
}
