//! Refusals of the Graph API: `{"error":{message,type,code,error_subcode,fbtrace_id}}`.
//!
//! Codes: developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes and
//! .../docs/graph-api/guides/error-handling.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::ground::random;

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GraphError {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) code: u32,
    pub(crate) subcode: Option<u32>,
    pub(crate) message: String,
    pub(crate) transient: bool,
    /// Further headers, such as those that tell how much of a limit is used.
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl GraphError {
    /// An `OAuthException`, the kind of nearly all.
    pub(crate) fn new(code: u32, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            kind: "OAuthException",
            code,
            subcode: None,
            message: message.into(),
            transient: false,
            headers: Vec::new(),
        }
    }

    /// As [`Self::new`], with a subcode.
    pub(crate) fn sub(code: u32, subcode: u32, message: impl Into<String>) -> Self {
        Self { subcode: Some(subcode), ..Self::new(code, message) }
    }

    /// 100: something is wrong with a parameter.
    pub(crate) fn parameter(message: &str) -> Self {
        Self::new(100, format!("(#100) {message}"))
    }

    pub(crate) fn required(name: &str) -> Self {
        Self::parameter(&format!("The parameter {name} is required"))
    }

    /// A refusal of the method itself rather than of the caller.
    fn method(mut self) -> Self {
        self.kind = "GraphMethodException";
        self
    }

    pub(crate) fn no_token() -> Self {
        Self::new(104, "An access token is required to request this resource.")
    }

    pub(crate) fn bad_token() -> Self {
        Self::new(190, "Invalid OAuth access token - Cannot parse access token")
    }

    pub(crate) fn expired_token() -> Self {
        Self::sub(190, 463, "Error validating access token: Session has expired.")
    }

    pub(crate) fn revoked_token() -> Self {
        let why = "Error validating access token: The session has been invalidated because the user changed their \
                   password or Facebook has changed the session for security reasons.";
        Self::sub(190, 460, why)
    }

    pub(crate) fn deauthorised() -> Self {
        Self::sub(190, 458, "Error validating access token: The user has not authorized application.")
    }

    pub(crate) fn page_token_needed() -> Self {
        Self::sub(190, 2_069_032, "A Page access token is required for this call")
    }

    pub(crate) fn proof_missing() -> Self {
        Self::new(100, "API calls from the server require an appsecret_proof argument").method()
    }

    pub(crate) fn proof_wrong() -> Self {
        Self::new(100, "Invalid appsecret_proof provided in the API argument").method()
    }

    /// 200: the token lacks a permission.
    pub(crate) fn permission(name: &str) -> Self {
        let why = format!("(#200) Requires {name} permission to manage the object");
        Self { status: 403, ..Self::new(200, why) }
    }

    /// 100/33: nothing there, or nothing that this token may see.
    pub(crate) fn no_object(id: &str) -> Self {
        let why = format!(
            "Unsupported request. Object with ID '{id}' does not exist, cannot be loaded due to missing permissions, or \
             does not support this operation"
        );
        Self::sub(100, 33, why).method()
    }

    pub(crate) fn unknown_path(path: &str) -> Self {
        Self::new(2500, format!("Unknown path components: {path}"))
    }

    pub(crate) fn no_such_recipient() -> Self {
        Self::sub(100, 2_018_001, "(#100) No matching user found")
    }

    pub(crate) fn outside_window() -> Self {
        Self::sub(10, 2_018_278, "(#10) This message is sent outside of allowed window.")
    }

    pub(crate) fn unavailable() -> Self {
        Self::sub(551, 1_545_041, "(#551) This person isn't available right now.")
    }

    pub(crate) fn other_owner() -> Self {
        let why = "(#10) Message failed to send because another app is controlling this thread now.";
        Self::sub(10, 2_018_300, why)
    }

    pub(crate) fn not_owner() -> Self {
        Self::sub(100, 2_534_037, "(#100) The app does not own the thread")
    }

    pub(crate) fn not_receiver() -> Self {
        Self::sub(100, 2_018_171, "(#100) Only the receivers of the page may call this")
    }

    /// The attachment's URL did not give the file.
    pub(crate) fn fetch_failed(why: &str) -> Self {
        Self::sub(100, 2_018_008, format!("(#100) Failed to fetch the file from the url: {why}"))
    }

    pub(crate) fn wrong_media_type(kind: &str, content_type: &str) -> Self {
        let why = format!("(#100) Upload attachment failure: {content_type} is no {kind}");
        Self::sub(100, 2_018_047, why)
    }

    pub(crate) fn too_large() -> Self {
        Self::sub(100, 2_018_109, "(#100) Attachment size exceeds allowable limit")
    }

    /// 1 or 2 with `is_transient`.
    pub(crate) fn transient(status: u16) -> Self {
        let message = "An unexpected error has occurred. Please retry your request later.";
        Self { status, transient: true, ..Self::new(2, message) }
    }

    /// A rate limit, with the headers that tell about it; `minutes` until there is room again.
    pub(crate) fn rate_limited(code: u32, page: &str, minutes: u64) -> Self {
        let why = match code {
            4 => "(#4) Application request limit reached".to_owned(),
            17 => "(#17) User request limit reached".to_owned(),
            32 => "(#32) Page request limit reached".to_owned(),
            613 => "(#613) Calls to this api have exceeded the rate limit.".to_owned(),
            _ => format!("(#{code}) There have been too many calls to this account. Wait a bit and try again."),
        };
        let app = json!({"call_count": 100, "total_cputime": 25, "total_time": 25});
        let business = json!({page: [{"type": "messenger", "call_count": 100, "total_cputime": 25, "total_time": 25,
            "estimated_time_to_regain_access": minutes}]});
        let headers = vec![("x-app-usage", app.to_string()), ("x-business-use-case-usage", business.to_string())];
        Self { headers, ..Self::new(code, why) }
    }

    pub(crate) fn body(&self) -> Value {
        let mut error = json!({"message": self.message, "type": self.kind, "code": self.code});
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = subcode.into();
        }
        if self.transient {
            error["is_transient"] = true.into();
        }
        // Facebook's are eleven characters.
        error["fbtrace_id"] = format!("A{:010x}", random() % (1 << 40)).into();
        json!({"error": error})
    }
}

/// The answer that tells what a call came to.
pub(crate) fn answer_of(outcome: &Result<Value, GraphError>) -> Answer {
    match outcome {
        Ok(result) => Answer::json(200, result),
        Err(error) => {
            let answer = Answer::json(error.status, &error.body());
            error.headers.iter().fold(answer, |answer, (name, value)| answer.with_header(name, value.clone()))
        }
    }
}
