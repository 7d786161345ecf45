//! A Facebook with an app, people and pages, that fails when told to.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use messengers::call::{Body, Call};
use ports::MessengerReply;
use serde_json::{Value, json};

/// The app of the tests. Every secret here has "hush-hush" in it, so that none can get into an answer unseen.
pub(crate) const APP: &str = "1234567890";
pub(crate) const APP_SECRET: &str = "hush-hush-app-secret";
/// The code that the dialog gives.
pub(crate) const CODE: &str = "hush-hush-code";
const SHORT: &str = "hush-hush-short";
const LONG: &str = "hush-hush-long";
/// Where the tests' console is.
pub(crate) const RETURN_URL: &str = "https://console.example.com/channels";

/// Facebook.
#[derive(Clone, Default)]
pub(crate) struct FakeGraph(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    /// Name and tasks of a page, by its id.
    pages: BTreeMap<String, (String, Vec<String>)>,
    /// What the person allowed.
    scopes: Vec<String>,
    /// Whether the code has been used.
    code_used: bool,
    /// How often a token was given out: pages' tokens are new ones each time.
    tokens: usize,
    /// Where the app's webhook goes, and with which verify token.
    webhook: Option<(String, String)>,
    /// The pages that the app is told of.
    subscribed: Vec<String>,
    methods: Vec<String>,
    /// The next call but so many is answered so, without being processed.
    fault: Option<(usize, MessengerReply)>,
    /// Calls of this name are answered so, as long as it stands.
    standing: Option<(&'static str, MessengerReply)>,
    /// What is not as it should be.
    moods: BTreeSet<Mood>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mood {
    /// Subscriptions are agreed to, and nothing is done.
    Deaf,
    /// All tokens are refused.
    Revoked,
    /// Conversation routing is on.
    Routed,
}

impl FakeGraph {
    fn be(&self, mood: Mood, so: bool) {
        let moods = &mut self.0.borrow_mut().moods;
        if so {
            moods.insert(mood)
        } else {
            moods.remove(&mood)
        };
    }

    pub(crate) fn page(&self, id: &str, name: &str, tasks: &[&str]) {
        let tasks = tasks.iter().map(|task| (*task).to_owned()).collect();
        self.0.borrow_mut().pages.insert(id.to_owned(), (name.to_owned(), tasks));
    }

    pub(crate) fn allow(&self, scopes: &[&str]) {
        self.0.borrow_mut().scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    }

    /// Another person signs in, with a code of the same text.
    pub(crate) fn new_code(&self) {
        self.0.borrow_mut().code_used = false;
    }

    pub(crate) fn fail(&self, after: usize, reply: MessengerReply) {
        self.0.borrow_mut().fault = Some((after, reply));
    }

    pub(crate) fn stand(&self, standing: Option<(&'static str, MessengerReply)>) {
        self.0.borrow_mut().standing = standing;
    }

    pub(crate) fn make_deaf(&self, deaf: bool) {
        self.be(Mood::Deaf, deaf);
    }

    pub(crate) fn revoke(&self, revoked: bool) {
        self.be(Mood::Revoked, revoked);
    }

    pub(crate) fn route(&self) {
        self.be(Mood::Routed, true);
    }

    pub(crate) fn set_webhook(&self, url: &str) {
        self.0.borrow_mut().webhook = (!url.is_empty()).then(|| (url.to_owned(), "theirs".to_owned()));
    }

    /// Where the app's webhook goes, and with which verify token.
    pub(crate) fn webhook(&self) -> Option<(String, String)> {
        self.0.borrow().webhook.clone()
    }

    pub(crate) fn unsubscribe(&self, page: &str) {
        self.0.borrow_mut().subscribed.retain(|one| one != page);
    }

    pub(crate) fn subscribed(&self) -> Vec<String> {
        self.0.borrow().subscribed.clone()
    }

    pub(crate) fn take_methods(&self) -> Vec<String> {
        std::mem::take(&mut self.0.borrow_mut().methods)
    }

    pub(crate) fn answer(&self, token: &str, call: &Call) -> MessengerReply {
        let mut state = self.0.borrow_mut();
        state.methods.push(call.method.to_owned());
        match state.fault.take() {
            Some((0, reply)) => return reply,
            Some((after, reply)) => state.fault = Some((after - 1, reply)),
            None => {}
        }
        if let Some((_, reply)) = state.standing.as_ref().filter(|(method, _)| *method == call.method) {
            return reply.clone();
        }
        state.answer(token, call)
    }
}

fn ok(answer: &Value) -> MessengerReply {
    MessengerReply::Answered { status: 200, body: answer.to_string().into_bytes() }
}

/// Facebook's own no.
pub(crate) fn no(status: u16, code: i64, message: &str) -> MessengerReply {
    let body =
        json!({ "error": { "message": message, "type": "OAuthException", "code": code } }).to_string().into_bytes();
    MessengerReply::Answered { status, body }
}

/// The value of a query's parameter.
fn query<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    call.query.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
}

impl State {
    fn is(&self, mood: Mood) -> bool {
        self.moods.contains(&mood)
    }

    fn answer(&mut self, token: &str, call: &Call) -> MessengerReply {
        let app_token = format!("{APP}|{APP_SECRET}");
        if !matches!(call.method, "exchange_code" | "exchange_token") {
            let by_app = matches!(call.method, "debug_token" | "app_subscriptions" | "subscribe_app");
            let proof = query(call, "appsecret_proof").or(call.field("appsecret_proof"));
            let good = if by_app { token == app_token } else { token.contains("hush-hush") && proof.is_some() };
            if !good || (self.is(Mood::Revoked) && !by_app) {
                return no(400, 190, &format!("Error validating access token {token}"));
            }
        }
        let page = call.path.split('/').next().unwrap_or_default().to_owned();
        match call.method {
            "exchange_code" => self.exchange_code(call),
            "exchange_token" => ok(&json!({ "access_token": LONG, "expires_in": 5_184_000 })),
            "accounts" => self.accounts(call),
            "debug_token" => self.debug(query(call, "input_token").unwrap()),
            "app_subscriptions" => {
                let fields: Vec<_> =
                    messengers::messenger::connect::FIELDS.iter().map(|name| json!({ "name": name })).collect();
                let one =
                    |url: &str| json!({ "object": "page", "callback_url": url, "active": true, "fields": fields });
                ok(&json!({ "data": self.webhook.iter().map(|(url, _)| one(url)).collect::<Vec<_>>() }))
            }
            "subscribe_app" => {
                if !self.is(Mood::Deaf) {
                    let field = |name: &str| call.field(name).unwrap().to_owned();
                    self.webhook = Some((field("callback_url"), field("verify_token")));
                }
                ok(&json!({ "success": true }))
            }
            "subscribe_page" => {
                if !self.is(Mood::Deaf) && !self.subscribed.contains(&page) {
                    self.subscribed.push(page);
                }
                ok(&json!({ "success": true }))
            }
            "subscribed_apps" => {
                let app = json!({ "id": APP, "subscribed_fields": messengers::messenger::connect::FIELDS });
                ok(&json!({ "data": if self.subscribed.contains(&page) { vec![app] } else { vec![] } }))
            }
            "unsubscribe_page" => {
                self.subscribed.retain(|one| *one != page);
                ok(&json!({ "success": true }))
            }
            "feature_status" => {
                ok(&json!({ "id": page, "messaging_feature_status": { "hop_v2": self.is(Mood::Routed) } }))
            }
            other => panic!("{other}"),
        }
    }

    fn exchange_code(&mut self, call: &Call) -> MessengerReply {
        assert!(matches!(call.body, Body::Form(_)) && call.query.is_empty(), "no secret in an address");
        if call.field("client_secret") != Some(APP_SECRET) {
            return no(400, 1, "Error validating client secret.");
        }
        if self.code_used || call.field("code") != Some(CODE) || call.field("redirect_uri") != Some(RETURN_URL) {
            return no(400, 100, "This authorization code has been used.");
        }
        self.code_used = true;
        ok(&json!({ "access_token": SHORT, "expires_in": 5_000 }))
    }

    /// Two pages a part.
    fn accounts(&mut self, call: &Call) -> MessengerReply {
        let after = query(call, "after").unwrap_or_default().to_owned();
        self.tokens += 1;
        let rest: Vec<_> = self.pages.iter().filter(|(id, _)| **id > after).collect();
        let data: Vec<Value> = rest
            .iter()
            .take(2)
            .map(|(id, (name, tasks))| {
                let token = format!("hush-hush-page-{id}-{}", self.tokens);
                json!({ "id": id, "name": name, "tasks": tasks, "access_token": token })
            })
            .collect();
        let mut answer = json!({ "data": data });
        if rest.len() > 2 {
            answer["paging"] = json!({ "cursors": { "after": rest[1].0 }, "next": "https://graph.example.com/next" });
        }
        ok(&answer)
    }

    fn debug(&self, token: &str) -> MessengerReply {
        let valid = token.contains("hush-hush") && !self.is(Mood::Revoked);
        ok(&json!({ "data": { "app_id": APP, "is_valid": valid, "scopes": self.scopes } }))
    }
}
