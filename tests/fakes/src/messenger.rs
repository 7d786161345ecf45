//! A messenger that answers as a test says.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use messengers::call::Call;
use ports::{MessengerReply, MessengerTransport};
use serde_json::{Value, json};

/// A call that came.
#[derive(Clone, Debug, PartialEq)]
pub struct SentCall {
    /// With which token.
    pub token: String,
    /// What.
    pub call: Call,
}

/// Answers with the scripted replies, in order; without one, as Telegram does when all is well: `ok` and a message with a
/// new number (1001, 1002, …).
#[derive(Clone, Debug, Default)]
pub struct FakeMessenger(Rc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    calls: RefCell<Vec<SentCall>>,
    replies: RefCell<VecDeque<MessengerReply>>,
    messages: Cell<u32>,
}

impl FakeMessenger {
    /// The reply to the next call that has none yet.
    pub fn reply_next(&self, reply: MessengerReply) {
        self.0.replies.borrow_mut().push_back(reply);
    }

    /// The same, for an answer of this status and JSON body.
    pub fn answer_next(&self, status: u16, body: &Value) {
        self.reply_next(MessengerReply::Answered { status, body: body.to_string().into_bytes() });
    }

    /// The calls that came, in order.
    pub fn calls(&self) -> Vec<SentCall> {
        self.0.calls.borrow().clone()
    }

    /// The calls that came since the last time.
    pub fn take_calls(&self) -> Vec<SentCall> {
        self.0.calls.take()
    }

    fn all_is_well(&self) -> MessengerReply {
        let number = self.0.messages.get() + 1;
        self.0.messages.set(number);
        let body = json!({ "ok": true, "result": { "message_id": 1000 + number } });
        MessengerReply::Answered { status: 200, body: body.to_string().into_bytes() }
    }
}

impl MessengerTransport for FakeMessenger {
    async fn call(&self, token: &str, call: &Call) -> MessengerReply {
        self.0.calls.borrow_mut().push(SentCall { token: token.to_owned(), call: call.clone() });
        let scripted = self.0.replies.borrow_mut().pop_front();
        scripted.unwrap_or_else(|| self.all_is_well())
    }
}
