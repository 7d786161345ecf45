//! What becomes of a message of ours: its statuses one after the other, each told to the status callback.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::address::{new_sid, whatsapp};
use super::errors::message_of;
use super::fetch;
use super::media::Media;
use super::state::{Account, Message, Shared};
use super::webhooks::{self, Kind, Notice};
use crate::faults::Counted;

/// Statuses from the first to the last; a message's own never goes back among them.
const RANKS: [&str; 9] =
    ["accepted", "scheduled", "queued", "sending", "sent", "delivered", "read", "undelivered", "failed"];

/// The most statuses of one order.
const MAX_STEPS: usize = 100;

/// The longest that a status may be ordered to wait for, in milliseconds.
const MAX_DELAY_MS: u64 = 60_000;

/// A status to come.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "StepOrder")]
pub(crate) struct Step {
    pub(crate) status: String,
    error_code: Option<u32>,
    error_message: Option<String>,
    /// `ChannelStatusMessage` of the callback.
    channel_status_message: Option<String>,
    /// How often it is told, at once.
    copies: usize,
    /// Whether nobody is told.
    silent: bool,
    /// After the status before; a step of the simulator's if left out.
    delay_ms: Option<u64>,
}

/// How the control API writes a step: as its status, or with all that belongs to it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum StepOrder {
    Name(String),
    Full(FullStep),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FullStep {
    status: String,
    error_code: Option<u32>,
    error_message: Option<String>,
    channel_status_message: Option<String>,
    copies: Option<usize>,
    #[serde(default)]
    silent: bool,
    delay_ms: Option<u64>,
}

impl From<StepOrder> for Step {
    fn from(order: StepOrder) -> Self {
        match order {
            StepOrder::Name(status) => Self::plain(&status),
            StepOrder::Full(full) => Self {
                status: full.status,
                error_code: full.error_code,
                error_message: full.error_message,
                channel_status_message: full.channel_status_message,
                copies: full.copies.unwrap_or(1),
                silent: full.silent,
                delay_ms: full.delay_ms,
            },
        }
    }
}

impl Step {
    pub(crate) fn plain(status: &str) -> Self {
        Self {
            status: status.to_owned(),
            error_code: None,
            error_message: None,
            channel_status_message: None,
            copies: 1,
            silent: false,
            delay_ms: None,
        }
    }

    /// Whether a message comes so far only with its medium. It is queued before that, and can fail without.
    fn needs_media(&self) -> bool {
        !matches!(self.status.as_str(), "accepted" | "scheduled" | "queued" | "failed" | "undelivered" | "canceled")
    }

    pub(crate) fn failed(code: u32) -> Self {
        Self { error_code: Some(code), ..Self::plain("failed") }
    }
}

/// Whether these steps can be ordered; the text says why not.
pub(crate) fn check(steps: &[Step]) -> Result<(), String> {
    if steps.len() > MAX_STEPS {
        return Err(format!("there can be at most {MAX_STEPS} statuses"));
    }
    for step in steps {
        if step.delay_ms.is_some_and(|ms| ms > MAX_DELAY_MS) {
            return Err(format!("delay_ms must be at most {MAX_DELAY_MS}"));
        }
        crate::control::check_copies(step.copies).map_err(|_| "there must be 1 to 1000 copies".to_owned())?;
    }
    Ok(())
}

/// An order of the control API: these statuses, instead of the usual ones, for the next `count` messages that match.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutcomeOrder {
    /// Only messages to this customer, as number or address; all, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(default = "one")]
    pub(crate) count: u32,
    /// Empty: nothing ever comes.
    pub(crate) statuses: Vec<Step>,
}

fn one() -> u32 {
    1
}

impl Counted for OutcomeOrder {
    fn count_mut(&mut self) -> &mut u32 {
        &mut self.count
    }
}

impl OutcomeOrder {
    /// Whether it is for messages to this address.
    pub(crate) fn fits(&self, to: &str) -> bool {
        self.to.as_ref().is_none_or(|wanted| wanted == to || whatsapp(wanted) == to)
    }
}

/// Sees to it that the steps of a message are taken.
pub(crate) fn go_on(shared: &Arc<Shared>, account: &mut Account, sid: &str) {
    let account_sid = account.sid.clone();
    let Some(message) = account.message_mut(sid) else { return };
    if message.running || message.steps.is_empty() {
        return;
    }
    message.running = true;
    let (task_shared, sid) = (Arc::clone(shared), sid.to_owned());
    shared.spawn(async move { run(&task_shared, &account_sid, &sid).await });
}

async fn run(shared: &Arc<Shared>, account: &str, sid: &str) {
    while let Some((step, media_url)) = next(shared, account, sid) {
        let delay = step.delay_ms.map_or(shared.options.status_step, Duration::from_millis);
        tokio::time::sleep(delay).await;
        let fetched = match media_url.filter(|_| step.needs_media()) {
            Some(url) => Some(fetch::fetch(&shared.fetcher, &url).await),
            None => None,
        };
        let orders = {
            let mut world = shared.world();
            let Some(account) = world.accounts.get_mut(account) else { return };
            take(shared, account, sid, step, fetched)
        };
        shared.changed();
        if let Some((order, copies)) = orders {
            match copies {
                1 => webhooks::deliver(shared, account, order).await,
                copies => {
                    webhooks::deliver_copies(shared, account, order, copies).await;
                }
            }
        }
    }
}

/// The next step of a message, and where its medium is to be fetched if it isn't yet.
fn next(shared: &Shared, account: &str, sid: &str) -> Option<(Step, Option<String>)> {
    let mut world = shared.world();
    let message = world.accounts.get_mut(account)?.message_mut(sid)?;
    let step = message.steps.pop_front();
    message.running = step.is_some();
    step.map(|step| (step, message.media_url.clone()))
}

/// Takes a step. Returns the webhook that tells of it, and how often it does.
fn take(
    shared: &Shared,
    account: &mut Account,
    sid: &str,
    mut step: Step,
    fetched: Option<Result<(String, axum::body::Bytes), fetch::NotFetched>>,
) -> Option<(u64, usize)> {
    let now_ms = shared.now_ms();
    let message = account.message_mut(sid)?;
    match fetched {
        None => {}
        Some(Ok((content_type, bytes))) => {
            let medium = new_sid("ME");
            message.media_url = None;
            message.media.push(medium.clone());
            let media = Media {
                sid: medium.clone(),
                message_sid: sid.to_owned(),
                content_type,
                bytes,
                created_ms: now_ms,
                deleted: false,
                missing_tries: 0,
                fetches: Vec::new(),
            };
            account.media.insert(medium, media);
        }
        Some(Err(reason)) => {
            message.media_url = None;
            message.steps = VecDeque::new();
            step = Step::failed(reason.code());
        }
    }
    let message = account.message_mut(sid)?;
    advance(message, &step, now_ms);
    let message = message.clone();
    account.touch(shared, sid);
    if step.silent {
        return None;
    }
    let order = tell(shared, account, &message, &step)?;
    Some((order, step.copies))
}

/// The message's own status; a late one doesn't count.
fn advance(message: &mut Message, step: &Step, now_ms: u64) {
    let rank = |status: &str| RANKS.iter().position(|known| *known == status);
    if rank(&step.status) < rank(&message.status) {
        return;
    }
    message.status.clone_from(&step.status);
    message.updated_ms = now_ms;
    message.error_code = step.error_code;
    message.error_text = step.error_message.clone().or_else(|| step.error_code.map(|code| message_of(code).to_owned()));
    if step.status == "sent" {
        message.sent_ms = Some(now_ms);
    }
}

/// Records the webhook that tells of a step, if the message or its sender has a place for it.
fn tell(shared: &Shared, account: &mut Account, message: &Message, step: &Step) -> Option<u64> {
    let sender = account.sender(&message.ours)?;
    let hook = &sender.webhook;
    let own = message.status_callback.clone().map(|url| (url, "POST".to_owned()));
    let of_sender = || (hook.status_callback_url.clone(), hook.status_callback_method.clone());
    let (url, method) = own.unwrap_or_else(of_sender);
    if url.is_empty() {
        return None;
    }
    let to_digits: String = message.customer.chars().take(message.customer.len().saturating_sub(4)).collect();
    let mut params: Vec<(String, String)> = [
        ("ChannelPrefix", "whatsapp"),
        ("ApiVersion", "2010-04-01"),
        ("MessageStatus", &step.status),
        ("SmsSid", &message.sid),
        ("SmsStatus", &step.status),
        ("ChannelInstallSid", &sender.sid),
        ("To", &whatsapp(&message.customer)),
        ("From", &whatsapp(&message.ours)),
        ("MessageSid", &message.sid),
        ("AccountSid", &account.sid),
        ("ChannelToAddress", &format!("{to_digits}XXXX")),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let mut add = |name: &str, value: String| params.push((name.to_owned(), value));
    match step.status.as_str() {
        "delivered" | "read" => add("EventType", step.status.to_ascii_uppercase()),
        _ => {}
    }
    if let Some(code) = step.error_code {
        add("ErrorCode", code.to_string());
        let text = step.error_message.clone().unwrap_or_else(|| message_of(code).to_owned());
        add("ErrorMessage", text);
    }
    if let Some(text) = &step.channel_status_message {
        add("ChannelStatusMessage", text.clone());
    }
    if let Some(service) = &message.messaging_service_sid {
        add("MessagingServiceSid", service.clone());
    }
    let notice = Notice {
        kind: Kind::Status,
        url,
        method,
        fallback: None,
        params,
        raw: None,
        customer: Some(message.customer.clone()),
        message_sid: Some(message.sid.clone()),
    };
    Some(webhooks::record(account, notice, shared.now_ms()))
}
