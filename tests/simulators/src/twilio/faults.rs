//! Faults to order: what the next calls of an account run into.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::errors::{ApiError, message_of};
use crate::answer::{Answer, reason};
use crate::faults::{Counted, Effect, check_custom, check_server_error};

/// The longest that a slow answer may be ordered to take, in milliseconds.
const MAX_DELAY_MS: u64 = 60_000;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultKind {
    /// 429 with code 20429; with `retry_after`, also that header.
    RateLimited,
    /// A 5xx: `status` (500), as Twilio's JSON if `json`, else as the HTML of a proxy before it.
    ServerError,
    /// 401 with code 20003, as if the credentials had been revoked.
    Unauthorized,
    /// A refusal with `code`; its status is `status` (400).
    Refused,
    /// The call takes effect, and its answer never comes.
    TimeoutAfterAccepting,
    /// The call takes no effect, and no answer comes.
    TimeoutBeforeAccepting,
    /// The connection is closed with no answer.
    CloseConnection,
    /// The call takes effect at once; its answer comes after `delay_ms`, and status callbacks may come before it.
    SlowAnswer,
    /// `status` and `body` as ordered.
    Custom,
}

/// An order of the control API: this fault, for the next `count` calls that match.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    kind: FaultKind,
    /// Only calls with this `To`, as number or address; all, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// Only calls of this name, such as `messages.create`; `*` for every call.
    #[serde(default = "messages_create")]
    call: String,
    /// How many calls.
    #[serde(default = "one")]
    count: u32,
    /// `rate_limited`: seconds; without, the header is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// `server_error`, `refused`, `custom`: the HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// `refused`: Twilio's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<u32>,
    /// `server_error`: whether the body is Twilio's JSON.
    #[serde(default)]
    json: bool,
    /// `server_error`, `close_connection`, `custom`: whether the call takes effect all the same.
    #[serde(default)]
    after_accepting: bool,
    /// `slow_answer`: how much later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    /// `custom`: the body; a text goes out as it is, anything else as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
}

fn messages_create() -> String {
    "messages.create".into()
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
            (FaultKind::Refused, Some(status)) if !(400..=499).contains(&status) => {
                Err(format!("status {status} is not a refusal"))
            }
            (FaultKind::Refused, _) if self.code.is_none() => Err("refused needs a code".into()),
            (FaultKind::SlowAnswer, _) if self.delay_ms.is_none_or(|ms| ms > MAX_DELAY_MS) => {
                Err(format!("slow_answer needs a delay_ms of at most {MAX_DELAY_MS}"))
            }
            _ => Ok(()),
        }
    }

    /// Whether it strikes a call of this name to `to`.
    pub(crate) fn fits(&self, call: &str, to: Option<&str>) -> bool {
        let bare = |address: &str| address.trim_start_matches("whatsapp:").to_owned();
        (self.call == "*" || self.call == call)
            && self.to.as_ref().is_none_or(|wanted| to.is_some_and(|to| bare(to) == bare(wanted)))
    }

    /// The name by which the record knows it.
    pub(crate) fn name(&self) -> Value {
        json!(self.kind)
    }

    /// How much later the answer comes.
    pub(crate) fn delay(&self) -> Duration {
        match self.kind {
            FaultKind::SlowAnswer => Duration::from_millis(self.delay_ms.unwrap_or_default()),
            _ => Duration::ZERO,
        }
    }

    /// What it does to the call; nothing but a delay is `None`.
    pub(crate) fn effect(&self) -> Option<Effect> {
        let refusal = |error: ApiError| Effect::Instead(error.answer());
        Some(match self.kind {
            FaultKind::RateLimited => {
                let answer = ApiError::too_many_requests().answer();
                Effect::Instead(match self.retry_after {
                    Some(seconds) => answer.with_header("retry-after", seconds.to_string()),
                    None => answer,
                })
            }
            FaultKind::ServerError => Effect::placed(self.after_accepting, self.server_error()),
            FaultKind::Unauthorized => refusal(ApiError::unauthorized()),
            FaultKind::Refused => {
                let code = self.code.unwrap_or(20001);
                refusal(ApiError::new(self.status.unwrap_or(400), code, message_of(code)))
            }
            FaultKind::TimeoutAfterAccepting => Effect::After(Answer::Hold),
            FaultKind::TimeoutBeforeAccepting => Effect::Instead(Answer::Hold),
            FaultKind::CloseConnection => Effect::placed(self.after_accepting, Answer::Close),
            FaultKind::Custom => {
                let answer = Answer::ordered(self.status.unwrap_or(500), self.body.as_ref());
                Effect::placed(self.after_accepting, answer)
            }
            FaultKind::SlowAnswer => return None,
        })
    }

    fn server_error(&self) -> Answer {
        let status = self.status.unwrap_or(500);
        if self.json {
            return ApiError::new(status, 20500, reason(status)).answer();
        }
        Answer::proxy_error(status)
    }
}
