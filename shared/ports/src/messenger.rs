//! One HTTP call of a messenger's API.

use serde_json::Value;

/// A call, rendered by the messenger's own module.
#[derive(Clone, Debug, PartialEq)]
pub struct MessengerCall {
    /// The method (Telegram: `sendMessage`).
    pub method: &'static str,
    /// Its JSON body.
    pub body: Value,
}

/// What became of a call, as far as it can be known from here.
#[derive(Clone, Debug, PartialEq)]
pub enum MessengerReply {
    /// An answer came.
    Answered {
        /// HTTP status.
        status: u16,
        /// Its body, cut at 64 KB.
        body: Vec<u8>,
    },
    /// No byte of the call reached the provider (no name, no connection): it was surely not processed.
    NotSent(String),
    /// The call went out and no answer came back: it may or may not have been processed.
    Unknown(String),
}

/// Calls messengers.
pub trait MessengerTransport {
    /// One POST to the provider with the channel's token, answered within 5 s. The token appears in no error.
    async fn call(&self, token: &str, call: &MessengerCall) -> MessengerReply;
}

impl<T: MessengerTransport> MessengerTransport for &T {
    async fn call(&self, token: &str, call: &MessengerCall) -> MessengerReply {
        (**self).call(token, call).await
    }
}
