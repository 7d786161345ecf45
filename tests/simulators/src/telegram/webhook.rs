//! A bot's webhook: what setWebhook accepts and what getWebhookInfo tells.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use url::Url;

use super::answer::{ApiError, Success};
use super::params::Params;

/// The kinds of updates; those marked false come only when asked for. core.telegram.org/bots/api#update
const KINDS: [(&str, bool); 23] = [
    ("message", true),
    ("edited_message", true),
    ("channel_post", true),
    ("edited_channel_post", true),
    ("business_connection", true),
    ("business_message", true),
    ("edited_business_message", true),
    ("deleted_business_messages", true),
    ("message_reaction", false),
    ("message_reaction_count", false),
    ("inline_query", true),
    ("chosen_inline_result", true),
    ("callback_query", true),
    ("shipping_query", true),
    ("pre_checkout_query", true),
    ("purchased_paid_media", true),
    ("poll", true),
    ("poll_answer", true),
    ("my_chat_member", true),
    ("chat_member", false),
    ("chat_join_request", true),
    ("chat_boost", true),
    ("removed_chat_boost", true),
];

/// Ports that Telegram connects to by HTTPS.
const PORTS: [u16; 4] = [80, 88, 443, 8443];

/// Where the deliveries go.
#[derive(Debug)]
pub(crate) struct Webhook {
    /// Empty: there is none, and updates wait.
    pub(crate) url: String,
    /// Empty: no header is sent.
    pub(crate) secret_token: String,
    max_connections: usize,
    /// `None`: every kind that comes unasked.
    allowed_updates: Option<Vec<String>>,
    /// When the last failure was (seconds since 1970), and its text.
    pub(crate) last_error: Option<(u64, String)>,
    /// As many deliveries as may run at once.
    pub(crate) permits: Arc<Semaphore>,
    /// Counts the settings: deliveries under way or asleep begin anew when it moves.
    pub(crate) generation: watch::Sender<u64>,
}

const DEFAULT_CONNECTIONS: usize = 40;

impl Default for Webhook {
    fn default() -> Self {
        Self {
            url: String::new(),
            secret_token: String::new(),
            max_connections: DEFAULT_CONNECTIONS,
            allowed_updates: None,
            last_error: None,
            permits: Arc::new(Semaphore::new(DEFAULT_CONNECTIONS)),
            generation: watch::Sender::new(0),
        }
    }
}

impl Webhook {
    /// Whether an update of this kind is wanted.
    pub(crate) fn allows(&self, kind: &str) -> bool {
        match &self.allowed_updates {
            Some(allowed) => allowed.iter().any(|name| name == kind),
            None => KINDS.iter().any(|(name, unasked)| *name == kind && *unasked),
        }
    }

    /// setWebhook. With an empty url it is deleteWebhook.
    pub(crate) fn set(&mut self, params: &Params) -> Result<Success, ApiError> {
        let url = params.text("url").unwrap_or_default();
        if url.is_empty() {
            return Ok(self.delete());
        }
        check_url(&url)?;
        let secret_token = params.text("secret_token").unwrap_or_default();
        check_secret(&secret_token)?;
        let allowed_updates = self.read_allowed(params);
        let wanted = params.integer("max_connections").unwrap_or(0);
        let max_connections = match usize::try_from(wanted) {
            Ok(0) | Err(_) => DEFAULT_CONNECTIONS,
            Ok(number) => number.min(100),
        };
        let same = self.url == url
            && self.secret_token == secret_token
            && self.max_connections == max_connections
            && self.allowed_updates == allowed_updates;
        if same {
            return Ok(Success::described(Value::Bool(true), "Webhook is already set"));
        }
        self.url = url;
        self.secret_token = secret_token;
        self.max_connections = max_connections;
        self.allowed_updates = allowed_updates;
        self.last_error = None;
        self.restart();
        Ok(Success::described(Value::Bool(true), "Webhook was set"))
    }

    /// deleteWebhook.
    pub(crate) fn delete(&mut self) -> Success {
        if self.url.is_empty() {
            return Success::described(Value::Bool(true), "Webhook is already deleted");
        }
        self.url.clear();
        self.secret_token.clear();
        self.last_error = None;
        self.restart();
        Success::described(Value::Bool(true), "Webhook was deleted")
    }

    /// Makes every delivery look at the settings again.
    pub(crate) fn restart(&mut self) {
        self.permits = Arc::new(Semaphore::new(self.max_connections));
        self.generation.send_modify(|count| *count += 1);
    }

    /// getWebhookInfo.
    pub(crate) fn info(&self, pending: usize) -> Value {
        let mut info = json!({"url": self.url, "has_custom_certificate": false, "pending_update_count": pending});
        if let Some((date, message)) = &self.last_error {
            info["last_error_date"] = json!(date);
            info["last_error_message"] = json!(message);
        }
        if !self.url.is_empty() {
            info["max_connections"] = json!(self.max_connections);
        }
        if let Some(allowed) = &self.allowed_updates {
            info["allowed_updates"] = json!(allowed);
        }
        info
    }

    /// Left out: as before. Empty, or nothing known in it: the default. Unknown names are dropped, as Telegram does.
    fn read_allowed(&self, params: &Params) -> Option<Vec<String>> {
        let Some(given) = params.structured("allowed_updates") else { return self.allowed_updates.clone() };
        let names: Vec<String> = given.ok().and_then(|names| serde_json::from_value(names).ok()).unwrap_or_default();
        let known: Vec<String> = KINDS
            .iter()
            .filter(|(kind, _)| names.iter().any(|name| name.eq_ignore_ascii_case(kind)))
            .map(|(kind, _)| (*kind).to_owned())
            .collect();
        if known.is_empty() { None } else { Some(known) }
    }
}

/// The one deviation: plain HTTP is accepted, on any port, because a local webhook has no certificate.
fn check_url(text: &str) -> Result<(), ApiError> {
    let url = Url::parse(text).map_err(|_| ApiError::bad_request("invalid webhook URL specified"))?;
    match url.scheme() {
        "http" => Ok(()),
        "https" if url.port_or_known_default().is_some_and(|port| PORTS.contains(&port)) => Ok(()),
        "https" => Err(ApiError::bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")),
        _ => Err(ApiError::bad_request("bad webhook: An HTTPS URL must be provided for webhook")),
    }
}

fn check_secret(secret: &str) -> Result<(), ApiError> {
    if secret.len() > 256 {
        return Err(ApiError::bad_request("secret token is too long"));
    }
    if secret.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        Ok(())
    } else {
        Err(ApiError::bad_request("secret token contains unallowed characters"))
    }
}
