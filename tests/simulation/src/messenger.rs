//! The messengers as they are called: 429, 5xx, connections that fail, answers that never come; each in its own form.

use std::collections::BTreeMap;

use domain::inbound::ReplyRef;
use domain::message::{Delivery, DeliveryState};
use domain::{ChatId, Provider};
use messengers::call::{Body, Call, Host};
use ports::{MessengerReply, MessengerTransport};
use serde_json::{Value, json};

use crate::bugs::Bug;
use crate::channels::LINES;
use crate::faults::Fault;
use crate::files::telegram_path;
use crate::invariants::Invariant;
use crate::marks;
use crate::refusals::Why;
use crate::services::{Port, Services};

/// A reply, by its chat and its number there.
pub(crate) type Reply = (ChatId, u64);

/// What the messengers know of one reply.
#[derive(Debug, Default)]
struct Known {
    /// How often the messenger took it since its operator last sent it.
    taken: u32,
    /// How often before.
    before: u32,
    /// Taken, and given up: the customer never gets it.
    given_up: bool,
    /// Refused for good, and what the product calls it.
    refused: Option<Why>,
    /// It may have been a call of another reply's: nothing is certain.
    blurred: bool,
    /// A call was made of which the caller has not heard that it was not processed.
    open: bool,
}

/// The messengers.
#[derive(Debug, Default)]
pub(crate) struct Messenger {
    known: BTreeMap<Reply, Known>,
    number: i64,
    /// How many replies the messengers took.
    pub(crate) delivered: u64,
}

/// The words of a reply to Telegram, which gives no name of ours back.
fn words(call: &Call) -> Option<&str> {
    match &call.body {
        Body::Json(body) => body.get("text").and_then(Value::as_str),
        Body::File { .. } => call.field("caption"),
        _ => None,
    }
}

/// Which reply a call sends; none, if it sends none.
fn reply_of(services: &Services, call: &Call) -> Option<Result<Reply, String>> {
    let named = |name: Option<&str>| {
        let reply: Option<ReplyRef> = name.and_then(|name| name.parse().ok());
        reply.map(|reply| (reply.chat, reply.seq)).ok_or_else(|| format!("a reply without a name: {name:?}"))
    };
    match (call.host, call.method) {
        (Host::Telegram, "sendChatAction") => None,
        (Host::Graph, _) if is_hand_back(call) => hand_backs_of(services, call, true).into_iter().next().map(Ok),
        (Host::Telegram, method) if method.starts_with("send") => {
            let words = words(call).unwrap_or_default();
            Some(services.model.borrow().replies.get(words).cloned().ok_or_else(|| words.to_owned()))
        }
        (Host::Graph, "messages") => {
            let message = parameters(call)?.get("message")?;
            Some(named(message.get("metadata").and_then(Value::as_str)))
        }
        (Host::Twilio, "Messages") => {
            let callback = call.field("StatusCallback").unwrap_or_default();
            let name = callback.split_once("?reply=").map(|(_, rest)| rest.split('#').next().unwrap_or_default());
            Some(named(name))
        }
        _ => None,
    }
}

/// Whether a call gives a conversation back.
pub(crate) fn is_hand_back(call: &Call) -> bool {
    matches!(call.method, "pass_thread_control" | "release_thread_control")
}

/// The hand-backs that a call may be; with `surely`, the one that it is.
fn hand_backs_of(services: &Services, call: &Call, surely: bool) -> Vec<Reply> {
    let (address, addresses) = (address_of(call), services.addresses.borrow());
    let is_theirs = |chat: &ChatId| addresses.get(&chat.conversation) == address.as_ref();
    let found = services.model.borrow().hand_backs_of(is_theirs);
    if surely && found.len() > 1 { Vec::new() } else { found }
}

fn parameters(call: &Call) -> Option<&Value> {
    match &call.body {
        Body::Json(body) => Some(body),
        _ => None,
    }
}

/// To whom a reply goes.
pub(crate) fn address_of(call: &Call) -> Option<String> {
    match call.host {
        Host::Telegram => match parameters(call) {
            Some(body) => body.get("chat_id").map(ToString::to_string),
            None => call.field("chat_id").map(str::to_owned),
        },
        Host::Graph => parameters(call)?.pointer("/recipient/id")?.as_str().map(str::to_owned),
        Host::Twilio | Host::TwilioMessaging => call.field("To").map(str::to_owned),
    }
}

pub(crate) fn answered(status: u16, body: &Value) -> MessengerReply {
    MessengerReply::Answered { status, body: body.to_string().into_bytes() }
}

/// "Too many requests".
fn too_many(host: Host) -> MessengerReply {
    match host {
        Host::Telegram => answered(
            429,
            &json!({ "ok": false, "error_code": 429, "description": "Too Many Requests: retry after 2", "parameters": { "retry_after": 2 } }),
        ),
        Host::Graph => answered(
            400,
            &json!({ "error": { "message": "Calls to this api have exceeded the rate limit.", "type": "OAuthException", "code": 613 } }),
        ),
        Host::Twilio | Host::TwilioMessaging => {
            answered(429, &json!({ "code": 20429, "message": "Too Many Requests", "status": 429 }))
        }
    }
}

/// Something is out of order there.
fn broken(host: Host) -> MessengerReply {
    match host {
        Host::Telegram => answered(502, &json!({ "ok": false, "error_code": 502, "description": "Bad Gateway" })),
        Host::Graph => answered(
            500,
            &json!({ "error": { "message": "Service temporarily unavailable", "type": "OAuthException", "is_transient": true, "code": 2 } }),
        ),
        Host::Twilio | Host::TwilioMessaging => {
            answered(500, &json!({ "code": 20500, "message": "Internal Server Error", "status": 500 }))
        }
    }
}

fn unknown() -> MessengerReply {
    MessengerReply::Unknown("simulated".to_owned())
}

impl Messenger {
    /// A call arrives, or does not.
    fn called(&mut self, services: &Services, call: &Call, reply: Option<&Reply>) -> MessengerReply {
        self.number += 1;
        let Some(reply) = reply else { return self.asked(services, call) };
        services.tell(|| format!("    messenger is given {reply:?}"));
        services.model.borrow_mut().handed_over(reply);
        let known = self.known.entry(reply.clone()).or_default();
        if known.open {
            services.model.borrow_mut().fail(Invariant::I6, || format!("{reply:?} was handed over again by itself"));
        }
        if let Some(why) = known.refused {
            let words = || format!("{reply:?} was refused for good ({why}), and is handed over again by itself");
            services.model.borrow_mut().fail(Invariant::I6, words);
        }
        known.open = true;
        if services.hit(Fault::NotSent) {
            return MessengerReply::NotSent("simulated".to_owned());
        }
        if services.hit(Fault::Messenger429) {
            return too_many(call.host);
        }
        // Of a 5xx of Twilio's nobody knows whether it made the message.
        let breaks = services.hit(Fault::Messenger5xx);
        if breaks && (call.host != Host::Twilio || services.rng.chance(500)) {
            return broken(call.host);
        }
        if services.hit(Fault::HangsLost) {
            return unknown();
        }
        if let Some((refusal, why)) = services.refuses(call).filter(|_| !breaks) {
            services.tell(|| format!("    it is refused: {why}"));
            known.refused = Some(why);
            return refusal;
        }
        known.taken += 1;
        self.delivered += u64::from(!is_hand_back(call));
        if known.taken > 1 {
            services.model.borrow_mut().fail(Invariant::I6, || format!("{reply:?} was delivered twice"));
        }
        let (ok, given_up) = services.take(call, reply, self.number);
        known.given_up = given_up;
        if breaks {
            return broken(call.host);
        }
        if services.hit(Fault::HangsDelivered) { unknown() } else { ok }
    }

    /// Whatever sends nothing: files, profiles, "is typing".
    fn asked(&self, services: &Services, call: &Call) -> MessengerReply {
        let file = (call.method == "getFile").then(|| parameters(call)?.get("file_id")?.as_str()).flatten();
        if file.is_some() || call.method == "profile" {
            if services.hit(Fault::Messenger429) {
                return too_many(call.host);
            }
            if services.hit(Fault::Messenger5xx) {
                return broken(call.host);
            }
            if services.hit(Fault::HangsLost) {
                return unknown();
            }
        }
        match (call.host, file.map(telegram_path)) {
            (_, Some(Ok(path))) => {
                answered(200, &json!({ "ok": true, "result": { "file_id": file, "file_path": path } }))
            }
            (_, Some(Err(why))) => answered(400, &json!({ "ok": false, "error_code": 400, "description": why })),
            (Host::Telegram, None) => answered(200, &json!({ "ok": true, "result": { "message_id": self.number } })),
            (Host::Graph, None) if is_hand_back(call) => match services.refuses(call) {
                Some((refusal, _)) => refusal,
                None => services.gives_back(call),
            },
            (Host::Graph, None) if call.method == "profile" => {
                answered(200, &json!({ "name": format!("N{}", call.path) }))
            }
            (Host::Graph, None) => answered(200, &json!({ "recipient_id": "1" })),
            (_, None) => answered(200, &json!({ "success": true })),
        }
    }

    /// The caller hears the answer.
    fn heard(&mut self, host: Host, reply: &Reply, answer: &MessengerReply) {
        let not_processed = match answer {
            MessengerReply::NotSent(_) => true,
            MessengerReply::Answered { status, .. } => *status >= 400 && (host != Host::Twilio || *status < 500),
            MessengerReply::Unknown(_) => false,
        };
        if let Some(known) = self.known.get_mut(reply) {
            known.open = known.open && !not_processed;
        }
    }

    /// A call may have been any of these.
    fn blur(&mut self, replies: &[Reply]) {
        for reply in replies {
            self.known.entry(reply.clone()).or_default().blurred = true;
        }
    }

    fn is_refused(&self, reply: &Reply) -> bool {
        self.known.get(reply).is_some_and(|known| known.refused.is_some())
    }

    /// Its operator sends it again.
    pub(crate) fn sent_again(&mut self, reply: &Reply) {
        if let Some(known) = self.known.get_mut(reply) {
            *known = Known { before: known.before + known.taken, ..Known::default() };
        }
    }

    /// Whether the messenger may have a reply.
    pub(crate) fn may_have(&self, reply: &Reply) -> bool {
        self.known.get(reply).is_some_and(|known| known.taken + known.before > 0 || known.blurred)
    }

    /// Whether a reply may end so: it is where it is said to be.
    pub(crate) fn may_end(&self, reply: &Reply, delivery: &Delivery) -> Result<(), String> {
        let none = Known::default();
        let known = self.known.get(reply).unwrap_or(&none);
        // One that was sent again may be told of by its first try.
        let taken = known.taken == 1 || (known.taken == 0 && known.before > 0);
        let reason = delivery.reason.as_deref();
        let is_true = match delivery.state {
            _ if known.blurred => true,
            DeliveryState::Sent => taken,
            DeliveryState::Delivered | DeliveryState::Read => taken && (!known.given_up || known.before > 0),
            DeliveryState::Failed if known.refused.is_some() => reason == known.refused,
            DeliveryState::Failed => known.taken == 0 || known.given_up,
            DeliveryState::Unknown => true,
            DeliveryState::Queued | DeliveryState::Sending => false,
        };
        if is_true { Ok(()) } else { Err(format!("{known:?}")) }
    }
}

impl Services {
    /// The page's bot has the conversation again.
    pub(crate) fn gives_back(&self, call: &Call) -> MessengerReply {
        let psid = address_of(call).unwrap_or_default();
        self.tell(|| format!("    the conversation with {psid} goes back"));
        self.threads.borrow_mut().give_to_bot(&psid);
        answered(200, &json!({ "success": true }))
    }

    /// A call goes to the channel's own messenger with the channel's own secret, and has none in it.
    fn check_call(&self, token: &str, call: &Call) -> Option<&'static crate::channels::Line> {
        let told = match &call.body {
            Body::Empty => false,
            Body::Json(body) => marks::shows(body),
            Body::Form(fields) | Body::File { fields, .. } => fields.iter().any(|(_, value)| marks::tells(value)),
        };
        let told = told || marks::tells(&call.path) || call.query.iter().any(|(_, value)| marks::tells(value));
        self.no_secret(told, || format!("a call: {call:?}"));
        let provider = match call.host {
            Host::Telegram => Provider::Telegram,
            Host::Graph => Provider::Messenger,
            Host::Twilio | Host::TwilioMessaging => Provider::Whatsapp,
        };
        let line = LINES.iter().find(|line| line.provider == provider && line.token() == token);
        self.no_secret(line.is_none(), || format!("a call that is made with another's token: {call:?}"));
        line
    }

    /// I8: a reply goes to the customer of its chat.
    fn check_address(&self, call: &Call, reply: &Reply) {
        let address = address_of(call);
        let is_theirs = self.addresses.borrow().get(&reply.0.conversation) == address.as_ref();
        let mut model = self.model.borrow_mut();
        model.require(Invariant::I8, is_theirs, || format!("{reply:?} goes to {address:?}"));
    }
}

impl MessengerTransport for Port {
    async fn call(&self, token: &str, call: &Call) -> MessengerReply {
        self.turn().await;
        self.services.check_call(token, call);
        if self.services.bug == Some(Bug::TokenLogged) {
            tracing::warn!(token, "call");
        }
        let reply = match reply_of(&self.services, call) {
            None => None,
            Some(Ok(reply)) => {
                self.services.check_address(call, &reply);
                Some(reply)
            }
            Some(Err(words)) => {
                let mut model = self.services.model.borrow_mut();
                model.fail(Invariant::I6, || format!("{words:?} was never accepted, and is sent"));
                None
            }
        };
        if is_hand_back(call) {
            if self.services.bug == Some(Bug::HandBackLost) {
                return answered(200, &json!({ "success": true }));
            }
            if let Some((chat, _)) = &reply {
                self.services.model.borrow_mut().check_hand_back(chat, self.process.since_ms.get());
            } else {
                let may_be = hand_backs_of(&self.services, call, false);
                self.services.messenger.borrow_mut().blur(&may_be);
            }
        }
        let answer = self.services.messenger.borrow_mut().called(&self.services, call, reply.as_ref());
        let is_refused = reply.as_ref().is_some_and(|reply| self.services.messenger.borrow().is_refused(reply));
        self.turn().await;
        match answer {
            MessengerReply::Unknown(why) if self.services.bug == Some(Bug::SentTwice) => MessengerReply::NotSent(why),
            _ if is_refused && self.services.bug == Some(Bug::RefusalRetried) => {
                MessengerReply::NotSent("simulated".to_owned())
            }
            answer => {
                if let Some(reply) = &reply {
                    self.services.messenger.borrow_mut().heard(call.host, reply, &answer);
                }
                answer
            }
        }
    }
}
