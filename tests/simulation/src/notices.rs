//! What messengers tell of replies by themselves: echoes, receipts, statuses; late, twice, out of order, or not at all.

use domain::Provider;
use domain::message::DeliveryState;
use messengers::call::{Call, Host};
use ports::MessengerReply;
use serde_json::{Value, json};

use crate::bot::OURS;
use crate::channels::{LINES, NUMBER, place_of};
use crate::faults::Fault;
use crate::functions::{Event, Source};
use crate::messenger::{Reply, is_hand_back};
use crate::posts::{self, Post, Told};
use crate::services::Services;
use crate::simulation::Simulation;

/// Twilio tries so often (`rc=5`), then it gives up.
pub(crate) const TWILIO_TRIES_MAX: u32 = 6;
/// The most events that a call of Messenger's brings here.
const TOGETHER_MAX: usize = 3;
/// How late the parts of a story may be told, milliseconds.
const LATE_MS: [i64; 4] = [0, 200, 4_000, 40_000];

/// Something that is to be told.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    due_at_ms: i64,
    tries: u32,
    provider: Provider,
    told: Told,
    /// What is known once it is taken in.
    says: Option<(Reply, DeliveryState)>,
}

impl Services {
    /// A messenger takes a reply: its answer, and whether it gives the reply up later. What it tells by itself follows.
    pub(crate) fn take(&self, call: &Call, reply: &Reply, number: i64) -> (MessengerReply, bool) {
        let answered = |status, body: Value| MessengerReply::Answered { status, body: body.to_string().into_bytes() };
        match call.host {
            Host::Graph if is_hand_back(call) => (self.gives_back(call), false),
            Host::Graph => {
                let mid = format!("mid.r{number}");
                self.page_tells(call, reply, &mid);
                (answered(200, json!({ "recipient_id": "1", "message_id": mid })), false)
            }
            Host::Twilio | Host::TwilioMessaging => {
                let sid = format!("SMr{number}");
                let given_up = self.twilio_tells(call, reply, &sid);
                (answered(201, json!({ "sid": sid, "status": "queued", "error_code": null })), given_up)
            }
            Host::Telegram => {
                (answered(200, json!({ "ok": true, "result": { "message_id": 1_000_000 + number } })), false)
            }
        }
    }

    fn late_ms(&self) -> i64 {
        self.rng.between(0, self.rng.pick(&LATE_MS).copied().unwrap_or(0))
    }

    fn notice(&self, provider: Provider, late_ms: i64, told: &Told, says: Option<(&Reply, DeliveryState)>) {
        if self.hit(Fault::NoticeLost) {
            return;
        }
        let copies = 1 + usize::from(self.hit(Fault::NoticeDoubled));
        for _ in 0..copies {
            let due_at_ms = self.now_ms() + late_ms;
            let says = says.map(|(reply, state)| (reply.clone(), state));
            let notice = Notice { due_at_ms, tries: 0, provider, told: told.clone(), says };
            self.notices.borrow_mut().push(notice);
        }
    }

    /// Messenger: the echo, then that it was delivered and read, by name or by time.
    fn page_tells(&self, call: &Call, reply: &Reply, mid: &str) {
        let messengers::call::Body::Json(body) = &call.body else { return };
        let psid = body.pointer("/recipient/id").and_then(Value::as_str).unwrap_or_default();
        let now_ms = self.now_ms();
        let mut message = json!({ "mid": mid, "is_echo": true, "app_id": OURS.parse::<u64>().ok() });
        for name in ["metadata", "text"] {
            if let Some(value) = body.pointer(&format!("/message/{name}")) {
                message[name] = value.clone();
            }
        }
        if let Some(attachment) = body.pointer("/message/attachment") {
            message["attachments"] = json!([attachment]);
        }
        let echo = posts::echo(psid, now_ms, &message, false);
        self.notice(Provider::Messenger, self.late_ms(), &echo, Some((reply, DeliveryState::Sent)));
        if self.rng.chance(700) {
            let late_ms = self.late_ms();
            let mut delivery = json!({ "watermark": now_ms + late_ms });
            if self.rng.chance(700) {
                delivery["mids"] = json!([mid]);
            }
            let told = posts::event(psid, now_ms + late_ms, "delivery", &delivery, false);
            self.notice(Provider::Messenger, late_ms, &told, None);
        }
        if self.rng.chance(500) {
            let late_ms = self.late_ms();
            let told = posts::event(psid, now_ms + late_ms, "read", &json!({ "watermark": now_ms + late_ms }), false);
            self.notice(Provider::Messenger, late_ms, &told, None);
        }
    }

    /// Twilio: every status of its own; says whether the reply fails in the end.
    fn twilio_tells(&self, call: &Call, reply: &Reply, sid: &str) -> bool {
        let (url, to) = (call.field("StatusCallback").unwrap_or_default(), call.field("To").unwrap_or_default());
        debug_assert!(call.field("From").is_some_and(|from| from.ends_with(NUMBER)), "it is sent by the number");
        let story: &[(&str, Option<DeliveryState>)] = match self.rng.below(8) {
            0 => &[("queued", None), ("failed", Some(DeliveryState::Failed))],
            1 => &[("queued", None), ("sent", Some(DeliveryState::Sent)), ("undelivered", Some(DeliveryState::Failed))],
            2..5 => {
                &[("queued", None), ("sent", Some(DeliveryState::Sent)), ("delivered", Some(DeliveryState::Delivered))]
            }
            _ => &[
                ("queued", None),
                ("sending", None),
                ("sent", Some(DeliveryState::Sent)),
                ("delivered", Some(DeliveryState::Delivered)),
                ("read", Some(DeliveryState::Read)),
            ],
        };
        for (word, state) in story {
            let code = (*state == Some(DeliveryState::Failed)).then_some("63016");
            let told = posts::status(url, sid, to, word, code);
            self.notice(Provider::Whatsapp, self.late_ms(), &told, state.map(|state| (reply, state)));
        }
        story.iter().any(|(_, state)| *state == Some(DeliveryState::Failed))
    }
}

impl Simulation {
    /// A messenger tells something of replies, if it is time; says whether it was.
    pub(crate) fn deliver_notices(&mut self) -> bool {
        let now_ms = self.services.now_ms();
        let together = {
            let mut notices = self.services.notices.borrow_mut();
            let due: Vec<usize> = (0..notices.len()).filter(|at| notices[*at].due_at_ms <= now_ms).collect();
            let Some(first) = self.services.rng.pick(&due).copied() else { return false };
            let mut together = vec![notices.swap_remove(first)];
            while together[0].provider == Provider::Messenger && together.len() < TOGETHER_MAX {
                let more = |one: &Notice| one.due_at_ms <= now_ms && one.provider == Provider::Messenger;
                match notices.iter().position(more) {
                    Some(at) if self.services.rng.chance(400) => together.push(notices.swap_remove(at)),
                    _ => break,
                }
            }
            together
        };
        self.services
            .tell(|| format!("webhook is told {:?}", together.iter().map(|one| &one.says).collect::<Vec<_>>()));
        let told = together.iter().map(|one| one.told.clone()).collect();
        let post = Post::of(told, now_ms, 1 + self.services.rng.below(2));
        self.begin(Event::Post(post), Source::Post(Vec::new(), together));
        true
    }

    /// What became of them: they are taken in, or told again.
    pub(crate) fn end_notices(&mut self, notices: Vec<Notice>, accepted: bool) {
        let now_ms = self.services.now_ms();
        for mut notice in notices {
            let place = LINES.iter().find(|line| line.provider == notice.provider).map_or(0, |line| place_of(line.id));
            if accepted {
                if let Some((reply, state)) = notice.says.clone().filter(|_| !self.switched[place]) {
                    self.services.model.borrow_mut().told_of(&reply, state);
                }
                continue;
            }
            notice.tries += 1;
            if notice.provider == Provider::Messenger || notice.tries < TWILIO_TRIES_MAX {
                notice.due_at_ms = now_ms + 2_000;
                self.services.notices.borrow_mut().push(notice);
            }
        }
    }

    /// When the next thing is to be told.
    pub(crate) fn next_notice_ms(&self) -> Option<i64> {
        self.services.notices.borrow().iter().map(|notice| notice.due_at_ms).min()
    }
}
