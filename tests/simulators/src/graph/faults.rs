//! Faults to order: what the next calls run into.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::{GraphError, answer_of};
use crate::answer::Answer;
use crate::faults::{Counted, Effect, check_custom, check_server_error};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultKind {
    /// `code` (613) with the headers that tell about limits; `minutes` (1) until there is room again.
    RateLimited,
    /// A 5xx: `status` (500), as Facebook's JSON with `is_transient` if `json`, else as the HTML of a proxy.
    ServerError,
    /// 190/463.
    TokenExpired,
    /// 190/460: as if the person had changed the password.
    TokenRevoked,
    /// 200: a permission is missing.
    PermissionMissing,
    /// 10/2018278.
    OutsideWindow,
    /// 551/1545041.
    Blocked,
    /// 10/2018300.
    OtherOwner,
    /// 100/2018008: the attachment's URL could not be fetched.
    FetchFailed,
    /// A customer's profile is not to be had: `code` 100 with `subcode` 33, or another code.
    ProfileUnavailable,
    /// A refusal of `code`, `subcode`, `message`, `status` (400) and `is_transient`.
    GraphError,
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
    /// Only calls of this endpoint, as the record names it; `*` for every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    /// Only calls with this HTTP method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    psid: Option<String>,
    /// How many calls.
    #[serde(default = "one")]
    count: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subcode: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(default)]
    is_transient: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minutes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default)]
    json: bool,
    /// `server_error`, `close_connection`, `graph_error`, `custom`: whether the call takes effect all the same.
    #[serde(default)]
    after_accepting: bool,
    /// `custom`: the body; a text goes out as it is, anything else as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
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
            (FaultKind::GraphError, _) if self.code.is_none() => Err("graph_error needs a code".into()),
            (FaultKind::GraphError, Some(status)) if !(400..=599).contains(&status) => {
                Err(format!("status {status} is no refusal"))
            }
            _ => Ok(()),
        }
    }

    /// The name by which the record knows it.
    pub(crate) fn name(&self) -> Value {
        json!(self.kind)
    }

    /// Whether it strikes such a call. Left out, the endpoint is the one that the kind is about.
    pub(crate) fn fits(&self, method: &str, endpoint: &str, page_id: Option<&str>, psid: Option<&str>) -> bool {
        let usual = if self.kind == FaultKind::ProfileUnavailable { "profile" } else { "messages" };
        let wanted = self.endpoint.as_deref().unwrap_or(usual);
        let same = |wanted: &Option<String>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
        (wanted == "*" || wanted == endpoint)
            && self.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && same(&self.page_id, page_id)
            && same(&self.psid, psid)
    }

    /// What it does to a call about this page.
    pub(crate) fn effect(&self, page_id: Option<&str>) -> Effect {
        let refusal = |error: GraphError| Effect::Instead(answer_of(&Err(error)));
        match self.kind {
            FaultKind::RateLimited => {
                let page = page_id.unwrap_or("0");
                let error = GraphError::rate_limited(self.code.unwrap_or(613), page, self.minutes.unwrap_or(1));
                refusal(GraphError { subcode: self.subcode, ..error })
            }
            FaultKind::ServerError => Effect::placed(self.after_accepting, self.server_error()),
            FaultKind::TokenExpired => refusal(GraphError::expired_token()),
            FaultKind::TokenRevoked => refusal(GraphError::revoked_token()),
            FaultKind::PermissionMissing => refusal(GraphError::permission("pages_messaging")),
            FaultKind::OutsideWindow => refusal(GraphError::outside_window()),
            FaultKind::Blocked => refusal(GraphError::unavailable()),
            FaultKind::OtherOwner => refusal(GraphError::other_owner()),
            FaultKind::FetchFailed => refusal(GraphError::fetch_failed("HTTP status 404")),
            FaultKind::ProfileUnavailable => refusal(self.profile_error()),
            FaultKind::GraphError => Effect::placed(self.after_accepting, answer_of(&Err(self.graph_error()))),
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
        if self.json { answer_of(&Err(GraphError::transient(status))) } else { Answer::proxy_error(status) }
    }

    fn profile_error(&self) -> GraphError {
        match self.code {
            None => GraphError::no_object(self.psid.as_deref().unwrap_or("0")),
            Some(code) => GraphError { subcode: self.subcode, ..self.named(code, "Profile is not available") },
        }
    }

    fn graph_error(&self) -> GraphError {
        let error = self.named(self.code.unwrap_or(1), "An unknown error has occurred.");
        let status = self.status.unwrap_or(400);
        GraphError { subcode: self.subcode, transient: self.is_transient, status, ..error }
    }

    fn named(&self, code: u32, usual: &str) -> GraphError {
        let text = self.message.clone().unwrap_or_else(|| format!("(#{code}) {usual}"));
        GraphError::new(code, text)
    }
}
