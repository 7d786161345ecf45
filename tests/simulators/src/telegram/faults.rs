//! Faults to order: what the next calls of a bot run into.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{Answer, ApiError};

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

/// What a fault does to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The call takes no effect; this is its answer.
    Instead(Answer),
    /// The call takes effect; this is its answer.
    After(Answer),
}

impl Fault {
    /// Whether an order makes sense; the text says what doesn't.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.count == 0 {
            return Err("count must be at least 1".into());
        }
        match (self.kind, self.status) {
            (FaultKind::ServerError, Some(status)) if !(500..=599).contains(&status) => {
                Err(format!("status {status} is not a server error"))
            }
            (FaultKind::Custom, None) => Err("custom needs a status".into()),
            (FaultKind::Custom, Some(status)) if !(200..=599).contains(&status) => {
                Err(format!("status {status} is not a final HTTP status"))
            }
            _ => Ok(()),
        }
    }

    /// The name by which the record knows it.
    pub(crate) fn name(&self) -> Value {
        json!(self.kind)
    }

    pub(crate) fn effect(&self) -> Effect {
        let refusal = |error: ApiError| Effect::Instead(Answer::of(&Err(error)));
        match self.kind {
            FaultKind::RateLimited => refusal(ApiError::too_many_requests(self.retry_after.unwrap_or(1))),
            FaultKind::ServerError => self.placed(self.server_error()),
            FaultKind::Blocked => refusal(ApiError::blocked()),
            FaultKind::Unauthorized => refusal(ApiError::unauthorized()),
            FaultKind::Conflict => refusal(ApiError::new(
                409,
                "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
            )),
            FaultKind::TimeoutAfterAccepting => Effect::After(Answer::Hold),
            FaultKind::TimeoutBeforeAccepting => Effect::Instead(Answer::Hold),
            FaultKind::CloseConnection => self.placed(Answer::Close),
            FaultKind::Custom => self.placed(self.custom()),
        }
    }

    fn placed(&self, answer: Answer) -> Effect {
        if self.after_accepting { Effect::After(answer) } else { Effect::Instead(answer) }
    }

    fn server_error(&self) -> Answer {
        let status = self.status.unwrap_or(500);
        let reason = match status {
            500 => "Internal Server Error",
            502 => "Bad Gateway",
            503 => "Service Unavailable",
            504 => "Gateway Timeout",
            _ => "Server Error",
        };
        if self.json {
            return Answer::of(&Err(ApiError::new(status, reason)));
        }
        let body = format!(
            "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n<center><h1>{status} {reason}</h1></center>\r\n\
             <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        );
        Answer::Body { status, content_type: "text/html", body, retry_after: None }
    }

    fn custom(&self) -> Answer {
        let status = self.status.unwrap_or(500);
        match &self.body {
            Some(Value::String(text)) => {
                Answer::Body { status, content_type: "text/plain", body: text.clone(), retry_after: None }
            }
            Some(body) => Answer::json(status, body),
            None => Answer::Body { status, content_type: "text/plain", body: String::new(), retry_after: None },
        }
    }
}

/// The faults in wait, oldest first.
#[derive(Debug, Default)]
pub(crate) struct FaultQueue(VecDeque<Fault>);

impl FaultQueue {
    pub(crate) fn push(&mut self, fault: Fault) {
        self.0.push_back(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn list(&self) -> Vec<&Fault> {
        self.0.iter().collect()
    }

    /// The oldest fault for a call of `method` (any case) for `chat`; one of its count is used up.
    pub(crate) fn take(&mut self, method: &str, chat: Option<i64>) -> Option<Fault> {
        let matches = |fault: &Fault| {
            (fault.method == "*" || fault.method.eq_ignore_ascii_case(method))
                && (fault.chat_id.is_none() || fault.chat_id == chat)
        };
        let index = self.0.iter().position(matches)?;
        let fault = &mut self.0[index];
        let taken = fault.clone();
        fault.count -= 1;
        if fault.count == 0 {
            self.0.remove(index);
        }
        Some(taken)
    }
}
