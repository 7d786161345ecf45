//! The Verify API: codes that prove that a number is a person's own (twilio.com/docs/verify/api).

use serde_json::{Value, json};

use super::address::{is_number, new_sid};
use super::api::{Done, Incoming};
use super::errors::ApiError;
use super::state::{Account, Shared};
use super::{dates, errors};
use crate::ground::random;

/// Fields of a start.
pub(crate) const START_FIELDS: [&str; 5] = ["To", "Channel", "CustomCode", "Locale", "CustomFriendlyName"];

/// Fields of a check.
pub(crate) const CHECK_FIELDS: [&str; 3] = ["To", "Code", "VerificationSid"];

/// How long a code holds, in milliseconds: 10 min.
const LIFETIME_MS: u64 = 10 * 60 * 1000;

/// The most checks of one code.
const MAX_CHECKS: u32 = 5;

/// A code on its way.
#[derive(Debug, Clone)]
pub(crate) struct Verification {
    pub(crate) sid: String,
    pub(crate) to: String,
    channel: String,
    pub(crate) code: String,
    status: &'static str,
    created_ms: u64,
    checks: u32,
}

impl Verification {
    /// As the API shows it, and the code, which only the control API shows.
    pub(crate) fn for_control(&self) -> Value {
        json!({"sid": self.sid, "to": self.to, "channel": self.channel, "status": self.status, "code": self.code,
            "checks": self.checks, "created_ms": self.created_ms})
    }

    fn describe(&self, account: &Account) -> Value {
        json!({
            "sid": self.sid,
            "service_sid": account.verify_service,
            "account_sid": account.sid,
            "to": self.to,
            "channel": self.channel,
            "status": self.status,
            "valid": self.status == "approved",
            "amount": null,
            "payee": null,
            "date_created": dates::iso(self.created_ms),
            "date_updated": dates::iso(self.created_ms),
        })
    }

    /// Whether the code still holds.
    pub(crate) fn is_open(&self, now_ms: u64) -> bool {
        self.status == "pending" && now_ms < self.created_ms + LIFETIME_MS
    }
}

/// What the page shows of a customer's code looks different now.
fn touch(shared: &Shared, account: &mut Account, customer: &str) {
    let numbers: Vec<String> = account.senders.iter().map(|sender| sender.number.clone()).collect();
    for number in numbers {
        account.conversation(&number, customer).version = shared.next_version();
    }
}

pub(crate) fn start(
    shared: &Shared,
    account: &mut Account,
    service: &str,
    incoming: &Incoming,
) -> Result<Done, ApiError> {
    if service != account.verify_service {
        return Err(ApiError::not_found(&incoming.path));
    }
    let form = &incoming.form;
    let to = form.get("To").unwrap_or_default();
    // Even by WhatsApp the number has no prefix here.
    if !is_number(to) {
        return Err(ApiError::bad(60200, format!("Invalid parameter `To`: {to}")));
    }
    let channel = form.get("Channel").unwrap_or_default();
    if !["whatsapp", "sms", "call", "email"].contains(&channel) {
        return Err(ApiError::bad(60200, format!("Invalid parameter `Channel`: {channel}")));
    }
    let now_ms = shared.now_ms();
    let code = form.get("CustomCode").map_or_else(|| format!("{:06}", random() % 1_000_000), str::to_owned);
    // A second start before the code expires sends the same code again.
    let open = account.verifications.iter().position(|known| known.to == to && known.is_open(now_ms));
    let index = open.unwrap_or_else(|| {
        account.verifications.push(Verification {
            sid: new_sid("VE"),
            to: to.to_owned(),
            channel: channel.to_owned(),
            code,
            status: "pending",
            created_ms: now_ms,
            checks: 0,
        });
        account.verifications.len() - 1
    });
    touch(shared, account, to);
    let mut body = account.verifications[index].describe(account);
    body["lookup"] = json!({});
    body["send_code_attempts"] =
        json!([{"time": dates::iso(now_ms), "channel": channel, "attempt_sid": new_sid("VL")}]);
    body["sna"] = Value::Null;
    body["url"] =
        format!("{}/v2/Services/{service}/Verifications/{}", shared.url, body["sid"].as_str().unwrap_or_default())
            .into();
    Ok(Done::new(201, &body))
}

pub(crate) fn check(
    shared: &Shared,
    account: &mut Account,
    service: &str,
    incoming: &Incoming,
) -> Result<Done, ApiError> {
    let not_found = || ApiError::not_found(&incoming.path);
    if service != account.verify_service {
        return Err(not_found());
    }
    let form = &incoming.form;
    let Some(code) = form.get("Code") else { return Err(ApiError::bad(60200, "Invalid parameter `Code`")) };
    let now_ms = shared.now_ms();
    let named = |known: &Verification| match form.get("VerificationSid") {
        Some(sid) => known.sid == sid,
        None => form.get("To") == Some(known.to.as_str()),
    };
    // What is approved, expired or was never begun is gone.
    let index = account.verifications.iter().position(|known| named(known) && known.is_open(now_ms));
    let index = index.ok_or_else(not_found)?;
    let verification = &mut account.verifications[index];
    verification.checks += 1;
    if verification.checks > MAX_CHECKS {
        return Err(ApiError::new(429, 60202, errors::message_of(60202)));
    }
    if verification.code == code {
        verification.status = "approved";
    }
    let verification = verification.clone();
    touch(shared, account, &verification.to);
    Ok(Done::new(200, &verification.describe(account)))
}
