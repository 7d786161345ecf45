//! How the API refuses: `{"code","message","more_info","status"}`, and the texts (twilio.com/docs/api/errors).

use serde_json::{Value, json};

use crate::answer::Answer;

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Twilio's own number.
    pub(crate) code: u32,
    pub(crate) message: String,
}

impl ApiError {
    pub(crate) fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// 400 with the usual text of `code`.
    pub(crate) fn refused(code: u32) -> Self {
        Self::new(400, code, message_of(code))
    }

    /// 400 with a text of its own.
    pub(crate) fn bad(code: u32, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, 20003, "Authenticate")
    }

    /// 404; `path` is the one asked for.
    pub(crate) fn not_found(path: &str) -> Self {
        Self::new(404, 20404, format!("The requested resource {path} was not found"))
    }

    /// 429, the usual text.
    pub(crate) fn too_many_requests() -> Self {
        Self::new(429, 20429, message_of(20429))
    }

    pub(crate) fn answer(&self) -> Answer {
        let body = json!({
            "code": self.code,
            "message": self.message,
            "more_info": more_info(self.code),
            "status": self.status,
        });
        let answer = Answer::json(self.status, &body);
        if self.status == 401 { answer.with_header("www-authenticate", "Basic realm=\"Twilio API\"") } else { answer }
    }
}

/// Where Twilio explains a code.
pub(crate) fn more_info(code: u32) -> String {
    format!("https://www.twilio.com/docs/errors/{code}")
}

/// The code in a refusal's body, if it is one of Twilio's.
pub(crate) fn code_in(body: &str) -> Option<(u64, String)> {
    let body: Value = serde_json::from_str(body).ok()?;
    Some((body["code"].as_u64()?, body["message"].as_str().unwrap_or_default().to_owned()))
}

/// Twilio's words for a code, of a refusal or of a message that failed later.
pub(crate) fn message_of(code: u32) -> &'static str {
    match code {
        12300 => "Invalid Content-Type",
        20001 | 60200 => "Invalid parameter",
        20003 => "Authenticate",
        20005 => "Account is not active",
        20429 => "Too Many Requests",
        20500 => "Internal Server Error",
        21211 => "Invalid 'To' Phone Number",
        21602 => "Message body is required.",
        21603 => "A 'From' phone number is required.",
        21604 => "A 'To' phone number is required.",
        21606 => {
            "The 'From' phone number provided is not a valid message-capable Twilio phone number for this destination."
        }
        21608 => {
            "The number is unverified. Trial accounts cannot send messages to unverified numbers; verify it at \
             twilio.com/user/account/phone-numbers/verified, or purchase a Twilio number to send messages to unverified \
             numbers"
        }
        21610 => "Attempt to send to unsubscribed recipient",
        21617 => "The concatenated message body exceeds the 1600 character limit",
        21620 => "Invalid media URL(s)",
        21623 => "Number of media files exceeds allowed limit",
        21655 => "The ContentSid is Invalid",
        21656 => "The ContentVariables Parameter is invalid",
        21701 => "The Messaging Service does not exist",
        21703 => "The Messaging Service does not contain any phone numbers",
        21910 => "Invalid From and To pair. From and To should be of the same channel",
        60202 => "Max check attempts reached",
        63003 => "Channel could not find To address",
        63005 => "Channel did not accept given content. Please see Channel specific error message for more information",
        63007 => "Twilio could not find a Channel with the specified From address",
        63013 => "Channel policy violation",
        63014 => "Message failed to be delivered to user because it was blocked by a user action",
        63015 => "Channel Sandbox can only send messages to phone numbers that have joined the Sandbox",
        63016 => {
            "Failed to send freeform message because you are outside the allowed window. If you are using WhatsApp, \
             please use a Message Template."
        }
        63018 => "Rate limit exceeded for Channel",
        63019 => "Media failed to download",
        63024 => "Invalid message recipient",
        63034 => "Media size exceeds the limit",
        _ => "Unknown error",
    }
}
