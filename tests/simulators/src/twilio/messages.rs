//! Messages: what the API checks at once, and what a message then meets (twilio.com/docs/messaging/api/message-resource).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::AccountType;
use super::address::{in_whatsapp, is_number, is_sid, is_user_id, is_web_url, new_sid, whatsapp};
use super::api::Done;
use super::errors::ApiError;
use super::form::Form;
use super::progress::{self, Step};
use super::state::{Account, Direction, Message, Shared};
use super::{dates, kinds};

/// The longest text of a message, in UTF-16 code units.
const MAX_BODY: usize = 1600;

/// How many messages a list has if nothing is said, and at most.
const PAGE: usize = 50;
const MAX_PAGE: usize = 1000;

/// The fields of a new message.
pub(crate) const FIELDS: [&str; 25] = [
    "AddressRetention",
    "ApplicationSid",
    "Attempt",
    "Body",
    "ContentRetention",
    "ContentSid",
    "ContentVariables",
    "ForceDelivery",
    "From",
    "MaxPrice",
    "MediaUrl",
    "MessagingServiceSid",
    "PersistentAction",
    "ProvideFeedback",
    "RiskCheck",
    "ScheduleType",
    "SendAsMms",
    "SendAt",
    "ShortenUrls",
    "SmartEncoded",
    "StatusCallback",
    "Tags",
    "To",
    "TrafficType",
    "ValidityPeriod",
];

/// Takes a message, or refuses it.
pub(crate) fn create(shared: &Arc<Shared>, account: &mut Account, form: &Form) -> Result<Done, ApiError> {
    let to = form.get("To").ok_or_else(|| ApiError::refused(21604))?;
    let service = form.get("MessagingServiceSid");
    if form.get("From").is_none() && service.is_none() {
        return Err(ApiError::refused(21603));
    }
    let media_url = media_url(form)?;
    let body = text(account, form, media_url.is_some())?;
    let customer = recipient(to)?;
    let ours = sender(account, form)?;
    if let Some(url) = form.get("StatusCallback").filter(|url| !is_web_url(url)) {
        return Err(ApiError::bad(21609, format!("The 'StatusCallback' URL {url} is not a valid URL")));
    }
    if account.conversation(&ours, &customer).opted_out {
        return Err(ApiError::refused(21610));
    }
    let sandbox = account.sender(&ours).is_some_and(super::senders::Sender::is_sandbox);
    if account.kind == AccountType::Trial && !sandbox && !account.verified.contains(&customer) {
        return Err(ApiError::refused(21608));
    }
    if !account.limits.admit(&ours, Instant::now()) {
        return Err(ApiError::too_many_requests());
    }
    let kind = if media_url.is_some() { "MM" } else { "SM" };
    let mut message = Message::new(new_sid(kind), Direction::OutboundApi, &ours, &customer, shared.now_ms());
    message.body = body;
    message.media_url = media_url;
    message.content_sid = form.get("ContentSid").map(str::to_owned);
    message.status_callback = form.get("StatusCallback").map(str::to_owned);
    message.messaging_service_sid = service.map(str::to_owned);
    message.status = if service.is_some() { "accepted" } else { "queued" }.into();
    Ok(Done::new(201, &send(shared, account, message)))
}

/// Puts a message of ours on its way.
fn send(shared: &Arc<Shared>, account: &mut Account, mut message: Message) -> Value {
    let to = whatsapp(&message.customer);
    let ordered = account.outcomes.take(|order| order.fits(&to));
    let conversation = account.conversation(&message.ours, &message.customer);
    conversation.typing_until_ms = 0;
    let obstacle = conversation.obstacle(&message.ours, shared.now_ms(), message.content_sid.is_some());
    message.steps = match (ordered, obstacle) {
        (Some(order), _) => order.statuses.into(),
        (None, Some(code)) => [Step::plain("queued"), Step::failed(code)].into(),
        (None, None) => ["queued", "sent", "delivered"].map(Step::plain).into(),
    };
    let sid = message.sid.clone();
    let described = describe(account, &message);
    account.add_message(shared, message);
    progress::go_on(shared, account, &sid);
    described
}

/// Answers a customer with what a webhook had in its answer.
pub(crate) fn reply(shared: &Arc<Shared>, account: &mut Account, ours: &str, customer: &str, body: &str) {
    let mut message = Message::new(new_sid("SM"), Direction::OutboundReply, ours, customer, shared.now_ms());
    message.body = body.into();
    message.status = "queued".into();
    send(shared, account, message);
}

/// The one URL of a medium, if there is one.
fn media_url(form: &Form) -> Result<Option<String>, ApiError> {
    match form.all("MediaUrl").as_slice() {
        [] => Ok(None),
        [url] if is_web_url(url) => Ok(Some((*url).to_owned())),
        [_] => Err(ApiError::refused(21620)),
        _ => Err(ApiError::refused(21623)),
    }
}

/// What the customer will read.
fn text(account: &Account, form: &Form, has_media: bool) -> Result<String, ApiError> {
    let body = match form.get("ContentSid") {
        Some(sid) => template(account, sid, form.get("ContentVariables"))?,
        None => form.get("Body").unwrap_or_default().to_owned(),
    };
    if body.trim().is_empty() && !has_media {
        return Err(ApiError::refused(21602));
    }
    if body.encode_utf16().count() > MAX_BODY {
        return Err(ApiError::refused(21617));
    }
    Ok(body)
}

/// A template with its variables put in.
fn template(account: &Account, sid: &str, variables: Option<&str>) -> Result<String, ApiError> {
    let known = if is_sid(sid, "HX") { account.contents.get(sid) } else { None };
    let mut text = known.ok_or_else(|| ApiError::refused(21655))?.clone();
    let variables: BTreeMap<String, String> =
        serde_json::from_str(variables.unwrap_or("{}")).map_err(|_| ApiError::refused(21656))?;
    for (name, value) in variables {
        text = text.replace(&format!("{{{{{name}}}}}"), &value);
    }
    Ok(text)
}

/// The customer of a `To`.
fn recipient(to: &str) -> Result<String, ApiError> {
    let invalid = || ApiError::bad(21211, format!("Invalid 'To' Phone Number: {to}"));
    match in_whatsapp(to) {
        Some(party) if is_number(party) || is_user_id(party) => Ok(party.to_owned()),
        // The channels of SMS are none of this simulator's.
        None if is_number(to) => Err(ApiError::refused(21606)),
        _ => Err(invalid()),
    }
}

/// The number that a message goes out from.
fn sender(account: &Account, form: &Form) -> Result<String, ApiError> {
    let service = form.get("MessagingServiceSid");
    let in_service = |sid: &str| {
        let mut all = account.senders.iter();
        all.find(|sender| sender.messaging_service_sid.as_deref() == Some(sid)).map(|sender| sender.number.clone())
    };
    match (form.get("From"), service) {
        (Some(from), _) => {
            let number = in_whatsapp(from).ok_or_else(|| ApiError::refused(21910))?;
            account.sender(number).map(|sender| sender.number.clone()).ok_or_else(|| ApiError::refused(63007))
        }
        (None, Some(sid)) => in_service(sid).ok_or_else(|| ApiError::refused(21703)),
        (None, None) => Err(ApiError::refused(21603)),
    }
}

/// A message as the API shows it.
pub(crate) fn describe(account: &Account, message: &Message) -> Value {
    let uri = format!("/2010-04-01/Accounts/{}/Messages/{}", account.sid, message.sid);
    let (ours, customer) = (whatsapp(&message.ours), whatsapp(&message.customer));
    let inbound = message.direction == Direction::Inbound;
    let (from, to) = if inbound { (customer, ours) } else { (ours, customer) };
    // The sender of a messaging service is chosen a moment later.
    let from = if message.status == "accepted" { Value::Null } else { from.into() };
    let num_media = message.media.len().max(usize::from(message.media_url.is_some()));
    json!({
        "account_sid": account.sid,
        "api_version": "2010-04-01",
        "body": message.body,
        "date_created": dates::rfc2822(message.created_ms),
        "date_sent": message.sent_ms.map(dates::rfc2822),
        "date_updated": dates::rfc2822(message.updated_ms),
        "direction": message.direction,
        "error_code": message.error_code,
        "error_message": message.error_text,
        "from": from,
        "messaging_service_sid": message.messaging_service_sid,
        "num_media": num_media.to_string(),
        "num_segments": "1",
        "price": null,
        "price_unit": null,
        "sid": message.sid,
        "status": message.status,
        "subresource_uris": {"media": format!("{uri}/Media.json")},
        "to": to,
        "uri": format!("{uri}.json"),
    })
}

pub(crate) fn fetch(account: &Account, sid: &str, path: &str) -> Result<Done, ApiError> {
    let message = account.message(sid).ok_or_else(|| ApiError::not_found(path))?;
    Ok(Done::new(200, &describe(account, message)))
}

/// The messages that fit `To` and `From`, newest first.
pub(crate) fn list(account: &Account, query: &Form) -> Done {
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
    let size = number("PageSize").unwrap_or(PAGE).clamp(1, MAX_PAGE);
    let page = number("Page").unwrap_or(0);
    let fits = |described: &Value| {
        let same = |name: &str, field: &str| query.get(name).is_none_or(|wanted| described[field] == wanted);
        same("To", "to") && same("From", "from")
    };
    let all: Vec<Value> =
        account.messages.iter().rev().map(|message| describe(account, message)).filter(fits).collect();
    let shown: Vec<&Value> = all.iter().skip(page.saturating_mul(size)).take(size).collect();
    let uri = |page: usize| format!("/2010-04-01/Accounts/{}/Messages.json?PageSize={size}&Page={page}", account.sid);
    let more = page.saturating_add(1).saturating_mul(size) < all.len();
    Done::new(
        200,
        &json!({
            "messages": shown,
            "page": page,
            "page_size": size,
            "start": page.saturating_mul(size),
            "end": (page.saturating_mul(size) + shown.len()).saturating_sub(1),
            "first_page_uri": uri(0),
            "previous_page_uri": page.checked_sub(1).map(uri),
            "next_page_uri": more.then(|| uri(page + 1)),
            "uri": uri(page),
        }),
    )
}

/// The text that the customer gets to see: WhatsApp shows none under documents, voice and contacts.
pub(crate) fn shown_body<'a>(account: &Account, message: &'a Message) -> &'a str {
    let medium = message.media.first().and_then(|sid| account.media.get(sid));
    let hidden = medium.is_some_and(|media| !kinds::has_caption(&kinds::base(&media.content_type)));
    if hidden && message.direction != Direction::Inbound { "" } else { &message.body }
}
