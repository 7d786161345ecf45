//! A Telegram with bots, that fails when told to.

use std::cell::RefCell;
use std::rc::Rc;

use fakes::FakeClock;
use messengers::call::Call;
use ports::{MessengerReply, MessengerTransport};
use serde_json::{Value, json};

/// Knows every token of the right shape; the number in front of its colon is the bot's.
#[derive(Clone, Default)]
pub(crate) struct FakeTelegram(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    /// Where the (one) bot's messages go.
    url: String,
    /// The methods that were called since they were last taken.
    methods: Vec<String>,
    /// The secrets of all `setWebhook`, in order.
    secrets: Vec<String>,
    /// The next call but so many is answered so, without being processed.
    fault: Option<(usize, MessengerReply)>,
    /// `setWebhook` says yes and does nothing.
    deaf: bool,
    /// Each call takes so long by this clock, milliseconds.
    takes: Option<(FakeClock, i64)>,
}

impl FakeTelegram {
    pub(crate) fn set_url(&self, url: &str) {
        url.clone_into(&mut self.0.borrow_mut().url);
    }

    pub(crate) fn url(&self) -> String {
        self.0.borrow().url.clone()
    }

    /// The call after `after` others is answered so.
    pub(crate) fn fail(&self, after: usize, reply: MessengerReply) {
        self.0.borrow_mut().fault = Some((after, reply));
    }

    pub(crate) fn make_deaf(&self, deaf: bool) {
        self.0.borrow_mut().deaf = deaf;
    }

    /// Each call takes so many milliseconds.
    pub(crate) fn takes(&self, clock: &FakeClock, ms: i64) {
        self.0.borrow_mut().takes = Some((clock.clone(), ms));
    }

    /// The methods called since the last time.
    pub(crate) fn take_methods(&self) -> Vec<String> {
        std::mem::take(&mut self.0.borrow_mut().methods)
    }

    /// Every webhook secret that was ever given to it.
    pub(crate) fn secrets_seen(&self) -> Vec<String> {
        self.0.borrow().secrets.clone()
    }
}

fn ok(result: &Value) -> MessengerReply {
    let body = json!({ "ok": true, "result": result }).to_string().into_bytes();
    MessengerReply::Answered { status: 200, body }
}

/// Telegram's own no.
pub(crate) fn no(status: u16, description: &str) -> MessengerReply {
    let body = json!({ "ok": false, "error_code": status, "description": description }).to_string().into_bytes();
    MessengerReply::Answered { status, body }
}

impl MessengerTransport for FakeTelegram {
    async fn call(&self, token: &str, call: &Call) -> MessengerReply {
        let mut state = self.0.borrow_mut();
        state.methods.push(call.method.to_owned());
        if let Some((clock, ms)) = &state.takes {
            clock.advance(*ms);
        }
        state.secrets.extend(call.parameters()["secret_token"].as_str().map(str::to_owned));
        match state.fault.take() {
            Some((0, reply)) => return reply,
            Some((after, reply)) => state.fault = Some((after - 1, reply)),
            None => {}
        }
        let (id, _) = token.split_once(':').unwrap();
        match call.method {
            "getMe" => ok(
                &json!({ "id": id.parse::<i64>().unwrap(), "is_bot": true, "first_name": "Shop", "username": "shop_bot" }),
            ),
            "getWebhookInfo" => ok(&json!({
                "url": state.url, "pending_update_count": 3, "last_error_date": 1_767_225_000, "last_error_message": "Read timeout expired",
            })),
            "setWebhook" => {
                if !state.deaf {
                    call.parameters()["url"].as_str().unwrap().clone_into(&mut state.url);
                }
                ok(&json!(true))
            }
            "deleteWebhook" => {
                state.url.clear();
                ok(&json!(true))
            }
            other => panic!("{other}"),
        }
    }
}
