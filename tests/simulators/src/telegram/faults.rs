//! Faults to order: what the next calls of a bot run into.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{ApiError, answer_of};
use crate::answer::{Answer, reason};
use crate::faults::{Counted, Effect, check_custom, check_server_error};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultKind {
    /// 429 with `retry_after` seconds.
    RateLimited,
    /// A 5xx: `status` (500), as the server's JSON if `json`, else as the HTML of a proxy before it.
    ServerError,
    /// 403, as if the customer had blocked the bot.
    Blocked,
    /// 401, as if the token had been revoked.
    Unauthorized,
    /// 409, as if another server used the token.
    Conflict,
    /// The call takes effect, and its answer never comes.
    TimeoutAfterAccepting,
    /// The call takes no effect, and no answer comes.
    TimeoutBeforeAccepting,
    /// The connection is closed with no answer.
    CloseConnection,
    /// `status` and `body` as ordered.
    Custom,
}

/// An order of the control API: this fault, for the next `count` calls that match.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    kind: FaultKind,
    /// Only calls for this chat; all, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chat_id: Option<i64>,
    /// Only calls of this method; `*` for every method.
    #[serde(default = "send_message")]
    method: String,
    /// How many calls.
    #[serde(default = "one")]
    count: u32,
    /// `rate_limited`: seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// `server_error`, `custom`: the HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// `server_error`: whether the body is the server's JSON.
    #[serde(default)]
    json: bool,
    /// `server_error`, `close_connection`: whether the call takes effect all the same.
    #[serde(default)]
    after_accepting: bool,
    /// `custom`: the body; a text goes out as it is, anything else as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
}

fn send_message() -> String {
    "sendMessage".into()
}

fn one() -> u32 {
    1
}

impl Counted for Fault {
    fn count_mut(&mut self) -> &mut u32 {
        &mut self.count
    }
}

impl Fault {
    /// Whether an order makes sense; the text says what doesn't.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.count == 0 {
            return Err("count must be at least 1".into());
        }
        match (self.kind, self.status) {
            (FaultKind::ServerError, Some(status)) => check_server_error(status),
            (FaultKind::Custom, status) => check_custom(status),
            _ => Ok(()),
        }
    }

    /// Whether it strikes a call of `method` (any case) for `chat`.
    pub(crate) fn fits(&self, method: &str, chat: Option<i64>) -> bool {
        (self.method == "*" || self.method.eq_ignore_ascii_case(method))
            && (self.chat_id.is_none() || self.chat_id == chat)
    }

    /// The name by which the record knows it.
    pub(crate) fn name(&self) -> Value {
        json!(self.kind)
    }

    pub(crate) fn effect(&self) -> Effect {
        let refusal = |error: ApiError| Effect::Instead(answer_of(&Err(error)));
        match self.kind {
            FaultKind::RateLimited => refusal(ApiError::too_many_requests(self.retry_after.unwrap_or(1))),
            FaultKind::ServerError => Effect::placed(self.after_accepting, self.server_error()),
            FaultKind::Blocked => refusal(ApiError::blocked()),
            FaultKind::Unauthorized => refusal(ApiError::unauthorized()),
            FaultKind::Conflict => refusal(ApiError::new(
                409,
                "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
            )),
            FaultKind::TimeoutAfterAccepting => Effect::After(Answer::Hold),
            FaultKind::TimeoutBeforeAccepting => Effect::Instead(Answer::Hold),
            FaultKind::CloseConnection => Effect::placed(self.after_accepting, Answer::Close),
            FaultKind::Custom => {
                let answer = Answer::ordered(self.status.unwrap_or(500), self.body.as_ref());
                Effect::placed(self.after_accepting, answer)
            }
        }
    }

    fn server_error(&self) -> Answer {
        let status = self.status.unwrap_or(500);
        if self.json {
            return answer_of(&Err(ApiError::new(status, reason(status))));
        }
        Answer::proxy_error(status)
    }
}
