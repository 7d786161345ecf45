//! Operators at work: mostly at what is before them, sometimes at what is not.

use domain::chat::{Chat, Stand};
use domain::config::Rule;
use domain::file::FileKey;
use domain::message::DeliveryState;
use domain::operator::{Operator, Status};
use domain::{ChatId, OperatorId};
use fakes::PICTURE;
use fakes::world::{CROWD, SALES};
use serde_json::{Value, json};

use crate::habits::Asks;
use crate::model::Model;
use crate::simulation::Simulation;

/// So many of a thousand commands are about any chat at all.
const ASTRAY: u32 = 50;

/// So often, of a thousand times, who has nothing to do does nothing.
const IDLE: u32 = 800;

/// What operators send.
const FILES: [(&str, &[u8]); 3] = [("a.jpg", PICTURE), ("a.pdf", b"%PDF-1.7\n"), ("b.jpg", PICTURE)];

impl Simulation {
    /// An operator does something; if told so, whoever has a part in a chat in which something is under way.
    pub(crate) fn operator_acts(&mut self, about: Option<&ChatId>) {
        let me = self.party_of(about).or_else(|| self.busy()).unwrap_or_else(|| self.someone());
        let Some(window) = self.window_of(&me) else { return self.open_window(&me) };
        let Some(mut command) = self.command_of(&me, about) else { return self.customer_acts(None) };
        self.requests += 1;
        let mut request = format!("q{}", self.requests);
        // A client that has lost its answer asks again, with the same id.
        let at = self.services.rng.below(self.asked.len().max(1));
        if self.services.rng.chance(100)
            && let Some((who, old_request, old)) = self.asked.get(at).cloned()
            && who == me
        {
            (request, command) = (old_request, old);
        }
        self.frame(&window, &me, &request, command);
    }

    fn party_of(&self, about: Option<&ChatId>) -> Option<OperatorId> {
        let model = self.services.model.borrow();
        let chat = model.chats.get(about?)?;
        let parties: Vec<_> = chat.operator().into_iter().chain(chat.offer().map(|offer| &offer.operator)).collect();
        self.services.rng.pick(&parties).map(|one| (*one).clone())
    }

    /// Somebody who has something before them, most of the time.
    fn busy(&self) -> Option<OperatorId> {
        if self.services.rng.chance(300) {
            return None;
        }
        let model = self.services.model.borrow();
        let busy: Vec<&Operator> =
            model.operators.values().filter(|one| one.load() > 0 || one.status == Status::Inactive).collect();
        self.services.rng.pick(&busy).map(|one| one.id.clone())
    }

    pub(crate) fn window_of(&self, operator: &OperatorId) -> Option<String> {
        let windows = self.services.windows.borrow();
        let open: Vec<_> = windows
            .iter()
            .filter(|(_, one)| one.open && one.operator == *operator)
            .map(|(name, _)| name.clone())
            .collect();
        self.services.rng.pick(&open).cloned()
    }

    fn command_of(&mut self, me: &OperatorId, about: Option<&ChatId>) -> Option<Value> {
        let services = self.services.clone();
        let (rng, model) = (&services.rng, services.model.borrow());
        let view = View::of(&model, me)?;
        if view.is_idle() && rng.chance(IDLE) {
            return None;
        }
        let asks = self.habits.asks(rng, |what| view.makes_sense(what))?;
        let one = |from: &[&ChatId]| {
            if let Some(about) = about.filter(|about| from.contains(about)) {
                return Some(about.clone());
            }
            let from = if from.is_empty() || rng.chance(ASTRAY) { &view.any } else { from };
            rng.pick(from).map(|chat| (*chat).clone())
        };
        let offer_of = |chat: &ChatId| model.chats.get(chat).and_then(Chat::offer).map(|offer| offer.id.to_string());
        Some(match asks {
            Asks::Accept => {
                let chat = one(if view.offers.is_empty() { &view.waiting } else { &view.offers })?;
                let offer = offer_of(&chat).filter(|_| rng.chance(800));
                json!({ "action": "accept", "chat": chat, "offer": offer })
            }
            Asks::Decline => json!({ "action": "decline", "offer": offer_of(&one(&view.offers)?)? }),
            Asks::Expire => json!({ "action": "expire", "offer": offer_of(&one(&view.offers)?)? }),
            Asks::Send => {
                self.replies += 1;
                json!({ "action": "send", "chat": one(&view.mine)?, "text": format!("r{}", self.replies) })
            }
            Asks::Upload => {
                let (name, bytes) = FILES[rng.below(FILES.len())];
                let (chat, kind) =
                    (one(&view.mine)?, if name.ends_with("pdf") { "application/pdf" } else { "image/jpeg" });
                json!({ "action": "upload", "chat": chat, "name": name, "content_type": kind, "size_bytes": bytes.len() })
            }
            Asks::SendFile => {
                self.replies += 1;
                let (_, chat, key) = *rng.pick(&view.slots)?;
                let (name, bytes) = FILES[rng.below(FILES.len())];
                // At times it was never put, or is not what its name says.
                let kind = if rng.chance(900) && name.ends_with("pdf") { "application/pdf" } else { "image/jpeg" };
                if rng.chance(900) {
                    services.files.upload(key, kind, bytes);
                }
                let words = format!("r{}", self.replies);
                json!({ "action": "send_file", "chat": chat, "key": key, "name": name, "caption": words })
            }
            Asks::Resend => {
                let (chat, seq) = rng.pick(&view.ended)?;
                json!({ "action": "resend", "chat": chat, "seq": seq })
            }
            Asks::Close => json!({ "action": "close", "chat": one(&view.mine)? }),
            Asks::Transfer => {
                let to = if rng.chance(600) {
                    json!({ "operator": self.someone() })
                } else {
                    json!({ "queue": if rng.chance(500) { SALES } else { CROWD } })
                };
                json!({ "action": "transfer", "chat": one(&view.mine)?, "to": to })
            }
            Asks::Read => json!({ "action": "read", "chat": one(&view.mine)?, "seq": 1 + rng.below(5) }),
            Asks::Sync => json!({ "action": "sync", "chats": [] }),
            Asks::History => json!({ "action": "history", "chat": one(&view.mine)? }),
            Asks::Typing => json!({ "action": "typing", "chat": one(&view.mine)? }),
            Asks::Colleagues => json!({ "action": "colleagues", "chat": one(&view.mine)? }),
            Asks::Ping => json!({ "action": "ping" }),
            Asks::Active => json!({ "action": "status", "status": "active" }),
            Asks::Inactive => json!({ "action": "status", "status": "inactive" }),
        })
    }
}

/// What an operator has before them.
struct View<'a> {
    active: bool,
    offers: Vec<&'a ChatId>,
    mine: Vec<&'a ChatId>,
    waiting: Vec<&'a ChatId>,
    any: Vec<&'a ChatId>,
    /// Replies of theirs that did not arrive, or may not have; for want of those, any.
    ended: Vec<&'a (ChatId, u64)>,
    /// Where they may put files.
    slots: Vec<&'a (OperatorId, ChatId, FileKey)>,
}

impl<'a> View<'a> {
    fn of(model: &'a Model, me: &OperatorId) -> Option<Self> {
        let operator = model.operators.get(me)?;
        let config = model.configs.last().map(|(_, config)| config);
        let shown = |chat: &Chat| config?.queues.get(&chat.route.queue).map(|queue| queue.rule == Rule::ToAll);
        let waits = |chat: &&Chat| chat.route.stand == Stand::Waiting && shown(chat) == Some(true);
        let of_mine = || model.messages.iter().filter(|((chat, _), _)| operator.chats.contains(chat));
        let failed = of_mine().filter(|(_, message)| {
            message
                .delivery
                .as_ref()
                .is_some_and(|one| matches!(one.state, DeliveryState::Failed | DeliveryState::Unknown))
        });
        let mut ended: Vec<_> = failed.map(|(at, _)| at).collect();
        if ended.is_empty() {
            ended = of_mine().map(|(at, _)| at).take(1).collect();
        }
        Some(Self {
            active: operator.status == Status::Active,
            offers: operator.offers.iter().collect(),
            mine: operator.chats.iter().collect(),
            waiting: model.chats.values().filter(waits).map(|chat| &chat.id).collect(),
            any: model.chats.keys().rev().take(8).collect(),
            ended,
            slots: model.slots.iter().rev().filter(|(whose, ..)| whose == me).take(3).collect(),
        })
    }

    /// Whether there is nothing to do but to wait.
    fn is_idle(&self) -> bool {
        self.active && self.offers.is_empty() && self.mine.is_empty() && self.waiting.is_empty()
    }

    fn makes_sense(&self, what: Asks) -> bool {
        match what {
            Asks::Accept => !self.offers.is_empty() || !self.waiting.is_empty(),
            Asks::Decline | Asks::Expire => !self.offers.is_empty(),
            Asks::Send
            | Asks::Upload
            | Asks::Close
            | Asks::Transfer
            | Asks::Read
            | Asks::History
            | Asks::Typing
            | Asks::Colleagues => !self.mine.is_empty(),
            Asks::SendFile => !self.slots.is_empty(),
            Asks::Resend => !self.ended.is_empty(),
            Asks::Active => !self.active,
            Asks::Inactive => self.active,
            Asks::Sync | Asks::Ping => true,
        }
    }
}
