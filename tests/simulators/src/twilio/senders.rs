//! Senders: the account's WhatsApp numbers and where their webhooks go (twilio.com/docs/whatsapp/api/senders).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::NewSender;
use super::address::{SANDBOX_NUMBER, is_web_url, new_sid, whatsapp};
use super::api::{Done, Incoming};
use super::errors::ApiError;
use super::form::Form;
use super::state::{Account, Shared};

/// The most senders on a page.
const MAX_PAGE: usize = 1000;

/// How many there are on a page if nothing is said.
const PAGE: usize = 50;

/// Fields of an update.
const FIELDS: [&str; 4] = ["configuration", "profile", "properties", "webhook"];

/// Fields of its `webhook`.
const WEBHOOK_FIELDS: [&str; 6] = [
    "callback_url",
    "callback_method",
    "fallback_url",
    "fallback_method",
    "status_callback_url",
    "status_callback_method",
];

/// A WhatsApp sender, or the sandbox.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    pub(crate) sid: String,
    pub(crate) number: String,
    name: String,
    pub(crate) status: String,
    pub(crate) messaging_service_sid: Option<String>,
    pub(crate) webhook: Webhook,
    /// Until when its status reads `ONLINE:UPDATING`.
    updating_until_ms: u64,
}

/// Where webhooks of a sender go; what is not set is empty.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Webhook {
    pub(crate) callback_url: String,
    pub(crate) callback_method: String,
    pub(crate) fallback_url: String,
    pub(crate) fallback_method: String,
    pub(crate) status_callback_url: String,
    pub(crate) status_callback_method: String,
}

impl Webhook {
    fn field(&mut self, name: &str) -> Option<&mut String> {
        Some(match name {
            "callback_url" => &mut self.callback_url,
            "callback_method" => &mut self.callback_method,
            "fallback_url" => &mut self.fallback_url,
            "fallback_method" => &mut self.fallback_method,
            "status_callback_url" => &mut self.status_callback_url,
            "status_callback_method" => &mut self.status_callback_method,
            _ => return None,
        })
    }

    /// Sets the fields that `changes` has; the others stay. An empty text or null clears one.
    pub(crate) fn merge(&mut self, changes: &Map<String, Value>) -> Result<(), String> {
        let mut merged = self.clone();
        for (name, value) in changes {
            let Some(field) = merged.field(name) else { continue };
            let text = match value {
                Value::Null => "",
                Value::String(text) => text.as_str(),
                _ => return Err(format!("webhook.{name} must be a string")),
            };
            let well_formed = if name.ends_with("_url") { is_web_url(text) } else { matches!(text, "GET" | "POST") };
            if !text.is_empty() && !well_formed {
                return Err(format!("webhook.{name} is not valid"));
            }
            text.clone_into(field);
        }
        *self = merged;
        Ok(())
    }
}

impl Sender {
    pub(crate) fn new(new: &NewSender) -> Self {
        Self {
            sid: new_sid("XE"),
            number: new.number.clone(),
            name: new.name.clone().unwrap_or_else(|| "Simulated sender".into()),
            status: new.status.clone().unwrap_or_else(|| "ONLINE".into()),
            messaging_service_sid: new.messaging_service_sid.clone(),
            webhook: Webhook::default(),
            updating_until_ms: 0,
        }
    }

    pub(crate) fn sandbox() -> Self {
        let number = SANDBOX_NUMBER.to_owned();
        Self::new(&NewSender { number, name: Some("Twilio Sandbox".into()), ..NewSender::default() })
    }

    pub(crate) fn is_sandbox(&self) -> bool {
        self.number == SANDBOX_NUMBER
    }

    /// As the API shows it.
    pub(crate) fn describe(&self, shared: &Shared) -> Value {
        let updating = self.status == "ONLINE" && shared.now_ms() < self.updating_until_ms;
        json!({
            "sid": self.sid,
            "sender_id": whatsapp(&self.number),
            "status": if updating { "ONLINE:UPDATING" } else { self.status.as_str() },
            "configuration": {"waba_id": "100000000000001"},
            "profile": {"name": self.name},
            "properties": {"quality_rating": "HIGH", "messaging_limit": "1K Customers/24hr"},
            "webhook": self.webhook,
            "offline_reasons": null,
            "url": format!("{}/v2/Channels/Senders/{}", shared.url, self.sid),
        })
    }
}

/// The account's senders, page by page. The sandbox is not among them.
pub(crate) fn list(shared: &Shared, account: &Account, query: &Form) -> Result<Done, ApiError> {
    if query.get("Channel") != Some("whatsapp") {
        return Err(ApiError::bad(20001, "Invalid parameter: Channel is required"));
    }
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
    let size = number("PageSize").unwrap_or(PAGE).clamp(1, MAX_PAGE);
    let page = number("Page").unwrap_or(0);
    let all: Vec<&Sender> = account.senders.iter().filter(|sender| !sender.is_sandbox()).collect();
    let shown: Vec<Value> =
        all.iter().skip(page.saturating_mul(size)).take(size).map(|sender| sender.describe(shared)).collect();
    let url = |page: usize| {
        let token = if page == 0 { String::new() } else { format!("&PageToken=PT{page}") };
        format!("{}/v2/Channels/Senders?Channel=whatsapp&PageSize={size}&Page={page}{token}", shared.url)
    };
    let more = page.saturating_add(1).saturating_mul(size) < all.len();
    let body = json!({
        "meta": {
            "page": page,
            "page_size": size,
            "first_page_url": url(0),
            "previous_page_url": page.checked_sub(1).map(url),
            "url": url(page),
            "next_page_url": more.then(|| url(page + 1)),
            "key": "senders",
        },
        "senders": shown,
    });
    Ok(Done::new(200, &body))
}

pub(crate) fn fetch(shared: &Shared, account: &Account, sid: &str, path: &str) -> Result<Done, ApiError> {
    let found = account.senders.iter().find(|sender| sender.sid == sid && !sender.is_sandbox());
    Ok(Done::new(200, &found.ok_or_else(|| ApiError::not_found(path))?.describe(shared)))
}

pub(crate) fn update(shared: &Shared, account: &mut Account, sid: &str, incoming: &Incoming) -> Result<Done, ApiError> {
    let found = account.senders.iter_mut().find(|sender| sender.sid == sid && !sender.is_sandbox());
    let sender = found.ok_or_else(|| ApiError::not_found(&incoming.path))?;
    let Some(Value::Object(body)) = &incoming.json else {
        return Err(ApiError::bad(20001, "Invalid parameter: the body must be a JSON object"));
    };
    match body.get("webhook") {
        None | Some(Value::Null) => {}
        Some(Value::Object(changes)) => {
            let refused = |text: String| ApiError::bad(20001, format!("Invalid parameter: {text}"));
            sender.webhook.merge(changes).map_err(refused)?;
        }
        Some(_) => return Err(ApiError::bad(20001, "Invalid parameter: webhook must be an object")),
    }
    let settles = u64::try_from(shared.options.status_step.as_millis()).unwrap_or(u64::MAX);
    sender.updating_until_ms = shared.now_ms().saturating_add(settles);
    Ok(Done::new(202, &sender.describe(shared)))
}

/// The names in an update that Twilio doesn't know.
pub(crate) fn unknown_fields(json: &Value) -> Vec<String> {
    let names = |value: &Value, known: &[&str], prefix: &str| -> Vec<String> {
        let all = value.as_object().into_iter().flat_map(Map::keys);
        all.filter(|name| !known.contains(&name.as_str())).map(|name| format!("{prefix}{name}")).collect()
    };
    let mut unknown = names(json, &FIELDS, "");
    unknown.extend(names(&json["webhook"], &WEBHOOK_FIELDS, "webhook."));
    unknown
}
