//! Tickets: a WebSocket is opened with one, never with the token itself, since addresses end up in logs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ports::records::{TicketRecord, decode_ticket, put_ticket, ticket_key};
use ports::store::{Condition, Write};
use ports::{Clock, Identity, Push, Queues, Random, Store, StoreError};
use runtime::gateway::{CONTEXT_AUTH_UNTIL, CONTEXT_OPERATOR};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wire::http::{CONNECTION_MS_MAX, Code, OperatorName, TICKET_S, TicketAnswer};

use crate::Session;
use crate::answer::Answer;
use crate::event::{Call, Question};
use crate::people::fault;

/// The random bytes of a ticket; as many characters make [`TICKET_CHARS`].
const TICKET_BYTES: usize = 32;
/// The characters of a ticket: base64url without padding.
const TICKET_CHARS: usize = 43;

fn hash(ticket: &str) -> String {
    hex::encode(Sha256::digest(ticket))
}

impl<S: Store, Q: Queues, P: Push, C: Clock, I: Identity, R: Random> Session<S, Q, P, C, I, R> {
    /// `POST /api/ticket`.
    pub(crate) async fn ticket(&self, call: &Call) -> Result<Answer, Code> {
        let principal = self.principal(call).await?;
        let user = self.bind(&principal).await?;
        let operator = self.synced(&user.id).await?;
        let now = self.desk.now_ms();
        let mut bytes = [0; TICKET_BYTES];
        self.random.fill(&mut bytes);
        let ticket = URL_SAFE_NO_PAD.encode(bytes);
        let record = TicketRecord {
            operator: operator.id.clone(),
            auth_until_ms: principal.expires_at_ms.min(now + CONNECTION_MS_MAX),
            expires_at_ms: now + TICKET_S * 1000,
        };
        self.desk.store.commit(&[put_ticket(&hash(&ticket), &record)]).await.map_err(|error| fault(&error))?;
        let operator = OperatorName { id: operator.id, name: operator.name };
        Ok(Answer::json(200, &TicketAnswer { ticket, expires_in_s: TICKET_S, operator }))
    }

    /// Whether a connection may be opened. Anything wrong is a no, never an error: that would reach the client as a fault of ours.
    pub(crate) async fn authorize(&self, question: &Question) -> Value {
        match self.admit(question).await {
            Ok(ticket) => policy(question, "Allow", Some(&ticket)),
            Err(why) => {
                runtime::telemetry::count("connect_refused", why);
                policy(question, "Deny", None)
            }
        }
    }

    async fn admit(&self, question: &Question) -> Result<TicketRecord, &'static str> {
        if !question.origin().is_none_or(|origin| self.allows(origin)) {
            return Err("origin");
        }
        let ticket = question.ticket().filter(|ticket| ticket.len() == TICKET_CHARS).ok_or("no_ticket")?;
        self.consume(&hash(ticket)).await
    }

    fn allows(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(origin))
    }

    /// Uses a ticket up: one delete, which succeeds once, and only while the ticket holds.
    async fn consume(&self, hash: &str) -> Result<TicketRecord, &'static str> {
        let unavailable = |error: StoreError| {
            tracing::error!(%error, "store");
            "unavailable"
        };
        let key = ticket_key(hash);
        let rows = self.desk.store.get(std::slice::from_ref(&key)).await.map_err(unavailable)?;
        let ticket = rows.first().and_then(Option::as_ref).ok_or("unknown_ticket")?;
        let ticket = decode_ticket(ticket).map_err(unavailable)?;
        let now = self.desk.now_ms();
        if ticket.auth_until_ms <= now {
            return Err("session_expired");
        }
        let condition = Condition::All(vec![Condition::Exists, Condition::Above("expires_at_ms", now)]);
        match self.desk.store.commit(&[Write::Delete { key, condition: Some(condition) }]).await {
            Ok(()) => Ok(ticket),
            Err(StoreError::ConditionFailed(_)) => Err("used_or_expired_ticket"),
            Err(error) => Err(unavailable(error)),
        }
    }
}

/// The answer of an authorizer: a policy for the API that was asked about. Context values are texts.
fn policy(question: &Question, effect: &str, ticket: Option<&TicketRecord>) -> Value {
    let api = question.method_arn.split('/').next().filter(|api| !api.is_empty());
    let resource = api.map_or_else(|| "*".to_owned(), |api| format!("{api}/*"));
    // Without a resource of its own nothing is allowed: a policy for everything would be one too many.
    let effect = if api.is_none() { "Deny" } else { effect };
    let mut answer = json!({
        "principalId": ticket.map_or("nobody", |ticket| ticket.operator.as_str()),
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{ "Action": "execute-api:Invoke", "Effect": effect, "Resource": resource }],
        },
    });
    if let Some(ticket) = ticket {
        answer["context"] =
            json!({ CONTEXT_OPERATOR: ticket.operator, CONTEXT_AUTH_UNTIL: ticket.auth_until_ms.to_string() });
    }
    answer
}
