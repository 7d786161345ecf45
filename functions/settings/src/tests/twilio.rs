//! A Twilio with one account, its senders and a sandbox, that fails when told to.

use std::cell::RefCell;
use std::rc::Rc;

use messengers::call::Call;
use ports::MessengerReply;
use serde_json::{Value, json};

/// The account of the tests, and its tokens: the first, and one after a rotation.
pub(crate) const SID: &str = "AC0123456789abcdef0123456789abcdef";
pub(crate) const AUTH: &str = "hush-hush-0123456789";
pub(crate) const AUTH_2: &str = "hush-hush-9876543210";
/// Its sender, and the number that confirms it.
pub(crate) const NUMBER: &str = "+12025550100";
pub(crate) const PHONE: &str = "+12025550199";
const SENDER: &str = "XE0123456789abcdef0123456789abcdef";
const MESSAGE: &str = "SM0123456789abcdef0123456789abcdef";

/// Twilio.
#[derive(Clone)]
pub(crate) struct FakeTwilio(Rc<RefCell<State>>);

struct State {
    /// How the account stands.
    account: &'static str,
    /// How its sender stands; none = it has none.
    sender: Option<&'static str>,
    /// Where the sender's messages go.
    callback_url: String,
    /// The codes that were sent.
    codes: Vec<String>,
    /// Why the last message did not arrive: at once (a refusal), or found out later.
    at_once: Option<i64>,
    later: Option<i64>,
    methods: Vec<String>,
    fault: Option<(usize, MessengerReply)>,
    deaf: bool,
}

impl Default for FakeTwilio {
    fn default() -> Self {
        Self(Rc::new(RefCell::new(State {
            account: "active",
            sender: Some("ONLINE"),
            callback_url: String::new(),
            codes: Vec::new(),
            at_once: None,
            later: None,
            methods: Vec::new(),
            fault: None,
            deaf: false,
        })))
    }
}

impl FakeTwilio {
    pub(crate) fn set_account(&self, status: &'static str) {
        self.0.borrow_mut().account = status;
    }

    pub(crate) fn set_sender(&self, status: Option<&'static str>) {
        self.0.borrow_mut().sender = status;
    }

    pub(crate) fn set_url(&self, url: &str) {
        url.clone_into(&mut self.0.borrow_mut().callback_url);
    }

    pub(crate) fn url(&self) -> String {
        self.0.borrow().callback_url.clone()
    }

    pub(crate) fn refuse_codes(&self, at_once: Option<i64>, later: Option<i64>) {
        let mut state = self.0.borrow_mut();
        (state.at_once, state.later) = (at_once, later);
    }

    pub(crate) fn last_code(&self) -> String {
        self.0.borrow().codes.last().cloned().unwrap_or_default()
    }

    pub(crate) fn codes(&self) -> Vec<String> {
        self.0.borrow().codes.clone()
    }

    pub(crate) fn fail(&self, after: usize, reply: MessengerReply) {
        self.0.borrow_mut().fault = Some((after, reply));
    }

    pub(crate) fn make_deaf(&self, deaf: bool) {
        self.0.borrow_mut().deaf = deaf;
    }

    pub(crate) fn take_methods(&self) -> Vec<String> {
        std::mem::take(&mut self.0.borrow_mut().methods)
    }

    pub(crate) fn answer(&self, secret: &str, call: &Call) -> MessengerReply {
        let mut state = self.0.borrow_mut();
        state.methods.push(call.method.to_owned());
        match state.fault.take() {
            Some((0, reply)) => return reply,
            Some((after, reply)) => state.fault = Some((after - 1, reply)),
            None => {}
        }
        if ![AUTH, AUTH_2].iter().any(|token| secret == format!("{SID}:{token}")) {
            return no(401, 20003, "Authenticate");
        }
        state.answer(call)
    }
}

fn ok(status: u16, answer: &Value) -> MessengerReply {
    MessengerReply::Answered { status, body: answer.to_string().into_bytes() }
}

/// Twilio's own no.
pub(crate) fn no(status: u16, code: i64, message: &str) -> MessengerReply {
    ok(status, &json!({ "code": code, "message": message, "status": status }))
}

impl State {
    fn answer(&mut self, call: &Call) -> MessengerReply {
        match call.method {
            // Twilio does show the token here.
            "account" => ok(200, &json!({ "sid": SID, "status": self.account, "type": "Trial", "auth_token": AUTH })),
            "senders" => {
                let other = json!({ "sid": SENDER, "sender_id": "whatsapp:+10000000", "status": "ONLINE" });
                // The sender is in the second part.
                let second = call.query.iter().any(|(name, _)| *name == "PageToken");
                let next = "https://messaging.example.com/v2/Channels/Senders?PageSize=20&Page=1&PageToken=PT1";
                let senders = if second { self.sender() } else { vec![other] };
                let next = (!second).then_some(next);
                ok(200, &json!({ "senders": senders, "meta": { "next_page_url": next } }))
            }
            "sender" => self.sender().first().map_or_else(|| no(404, 20404, "not found"), |sender| ok(200, sender)),
            "set_webhook" | "clear_webhook" => {
                let webhook = &call.parameters()["webhook"];
                if !self.deaf {
                    webhook["callback_url"].as_str().unwrap().clone_into(&mut self.callback_url);
                }
                ok(202, &json!({ "sid": SENDER }))
            }
            "send_code" => {
                self.codes.push(call.field("Body").unwrap().chars().take(6).collect());
                match self.at_once {
                    Some(code) => no(400, code, "no"),
                    None => ok(201, &json!({ "sid": MESSAGE, "status": "queued" })),
                }
            }
            "message" => {
                let status = if self.later.is_some() { "failed" } else { "queued" };
                ok(200, &json!({ "sid": MESSAGE, "status": status, "error_code": self.later }))
            }
            other => panic!("{other}"),
        }
    }

    fn sender(&self) -> Vec<Value> {
        let one = |status: &str| {
            json!({
                "sid": SENDER, "sender_id": format!("whatsapp:{NUMBER}"), "status": status,
                "webhook": { "callback_url": self.callback_url },
            })
        };
        self.sender.map(one).into_iter().collect()
    }
}
