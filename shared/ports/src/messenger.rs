//! One HTTP call of a messenger's API.

use messengers::call::Call;

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
    /// One call, with the secret that its host asks for ([`messengers::call::Host`]), answered within 5 s; one that carries a
    /// file has longer, 0.2 s a megabyte. The secret appears in no error.
    async fn call(&self, secret: &str, call: &Call) -> MessengerReply;
}

impl<T: MessengerTransport> MessengerTransport for &T {
    async fn call(&self, secret: &str, call: &Call) -> MessengerReply {
        (**self).call(secret, call).await
    }
}
