//! A frame of an operator's connection: who sent it, what it asks for, and the answer.

use aws_lambda_events::event::apigw::ApiGatewayWebsocketProxyRequest;
use domain::{OperatorId, Refusal};
use ports::Push;
use serde::Serialize;
use wire::operators::{Answer, COMMAND_BYTES_MAX, Command, REQUEST_ID_CHARS_MAX, Request};

use crate::desk::Fault;

/// The authorizer's context keys: who the connection belongs to, and until when it may be used (milliseconds since 1970).
pub const CONTEXT_OPERATOR: &str = "operator";
/// See [`CONTEXT_OPERATOR`].
pub const CONTEXT_AUTH_UNTIL: &str = "auth_until_ms";

/// Who sent a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The connection it came by.
    pub connection: String,
    /// Who.
    pub operator: OperatorId,
    /// Until when the connection may be used, milliseconds since 1970.
    pub auth_until_ms: i64,
}

/// Who sent this frame, as the authorizer found when the connection opened.
pub fn caller(event: &ApiGatewayWebsocketProxyRequest) -> Option<Caller> {
    let fields = &event.request_context.authorizer.fields;
    let text = |name: &str| match fields.get(name)? {
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    Some(Caller {
        connection: event.request_context.connection_id.clone()?,
        operator: text(CONTEXT_OPERATOR)?.parse().ok()?,
        auth_until_ms: text(CONTEXT_AUTH_UNTIL)?.parse().ok()?,
    })
}

/// A request that is not one, with whatever id could be read of it.
#[derive(Debug)]
pub struct Malformed {
    /// The id, if one could be read; else empty.
    pub request_id: String,
    /// What is wrong, by a stable code.
    pub code: &'static str,
    /// The same for a person.
    pub text: &'static str,
}

/// Reads a frame as it came.
pub fn read(frame: &str) -> Result<Request, Malformed> {
    let malformed = |request_id: &str, code, text| Malformed { request_id: request_id.to_owned(), code, text };
    if frame.len() > COMMAND_BYTES_MAX {
        return Err(malformed("", "frame_too_large", "A command has at most 32 KB."));
    }
    let value: serde_json::Value =
        serde_json::from_str(frame).map_err(|_| malformed("", "bad_request", "A command is a JSON object."))?;
    let id = value.get("request_id").and_then(|id| id.as_str()).unwrap_or_default().to_owned();
    if id.is_empty() || id.chars().count() > REQUEST_ID_CHARS_MAX {
        return Err(malformed("", "bad_request", "A command has a request_id of 1 to 64 characters."));
    }
    let action = value.get("action").and_then(|action| action.as_str()).unwrap_or_default();
    if !wire::operators::ACTIONS.contains(&action) {
        return Err(malformed(&id, "unknown_action", "There is no such action."));
    }
    serde_json::from_value(value)
        .map_err(|_| malformed(&id, "bad_request", "The command's fields are not what its action needs."))
}

/// Answers one frame: reads it, has it carried out, posts the answer. An error means that the frame should fail as a whole,
/// so that the client, hearing nothing, asks again.
pub async fn answer<P: Push>(
    push: &P,
    event: &ApiGatewayWebsocketProxyRequest,
    now_ms: i64,
    carry_out: impl AsyncFnOnce(&Caller, &str, Command) -> Result<Option<serde_json::Value>, Fault>,
) {
    let Some(caller) = caller(event) else {
        tracing::warn!("a frame of a connection that nobody vouched for");
        return;
    };
    let answer = match read(event.body.as_deref().unwrap_or_default()) {
        Err(malformed) => Answer::no(&malformed.request_id, malformed.code, malformed.text),
        Ok(request) if now_ms >= caller.auth_until_ms => {
            Answer::no(&request.request_id, "session_expired", "Your sign-in has run out; connect again.")
        }
        Ok(request) => match carry_out(&caller, &request.request_id, request.command).await {
            Ok(result) => Answer::yes(&request.request_id, result),
            Err(fault) => {
                fault.log();
                Answer::no(&request.request_id, fault.code(), &fault.text())
            }
        },
    };
    let frame = serde_json::to_string(&answer).expect("an answer of plain fields has a JSON form");
    if let Err(error) = push.post(&caller.connection, &frame).await {
        tracing::info!(%error, "an answer did not reach its connection");
    }
}

/// A result, as answers carry it.
pub fn result<T: Serialize>(value: &T) -> Option<serde_json::Value> {
    Some(serde_json::to_value(value).expect("a result of plain fields has a JSON form"))
}

/// For a command that this function does not carry out: the gateway routes it elsewhere.
pub fn not_here() -> Fault {
    Fault::Refused(Refusal::ChatNotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_that_are_no_commands_get_a_stable_code() {
        let long = format!("{{\"request_id\":\"{}\"}}", "x".repeat(65));
        let huge = "x".repeat(COMMAND_BYTES_MAX + 1);
        for (frame, id, code) in [
            ("", "", "bad_request"),
            ("[]", "", "bad_request"),
            ("{\"action\":\"ping\"}", "", "bad_request"),
            (&long, "", "bad_request"),
            (&huge, "", "frame_too_large"),
            ("{\"request_id\":\"1\",\"action\":\"fly\"}", "1", "unknown_action"),
            ("{\"request_id\":\"1\",\"action\":\"send\"}", "1", "bad_request"),
            ("{\"request_id\":\"1\",\"action\":\"close\",\"chat\":\"?\"}", "1", "bad_request"),
        ] {
            let malformed = read(frame).unwrap_err();
            assert_eq!(
                (malformed.request_id.as_str(), malformed.code),
                (id, code),
                "{}",
                &frame[..frame.len().min(80)]
            );
        }
        let request =
            read("{\"request_id\":\"1\",\"action\":\"status\",\"status\":\"active\",\"new_field\":1}").unwrap();
        assert_eq!(request.command, Command::Status { status: domain::operator::Status::Active });
    }
}
