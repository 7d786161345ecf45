//! Webhooks: what an app subscribes to, for itself and for a page.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use url::Url;

use super::error::GraphError;
use super::params::Params;
use super::state::{AppWebhook, Shared, World};
use crate::ground::random;

/// The fields of a page that apps can subscribe to.
/// developers.facebook.com/docs/graph-api/webhooks/reference/page
const FIELDS: [&str; 52] = [
    "affiliation",
    "attire",
    "awards",
    "bio",
    "birthday",
    "calls",
    "category",
    "company_overview",
    "conversations",
    "culinary_team",
    "current_location",
    "description",
    "email",
    "feature_access_list",
    "feed",
    "founded",
    "general_info",
    "group_feed",
    "hours",
    "inbox_labels",
    "leadgen",
    "location",
    "mention",
    "message_context",
    "message_deliveries",
    "message_echoes",
    "message_edits",
    "message_reactions",
    "message_reads",
    "messages",
    "messaging_account_linking",
    "messaging_checkout_updates",
    "messaging_customer_information",
    "messaging_feedback",
    "messaging_game_plays",
    "messaging_handovers",
    "messaging_in_thread_lead_form_submit",
    "messaging_integrity",
    "messaging_optins",
    "messaging_payments",
    "messaging_policy_enforcement",
    "messaging_postbacks",
    "messaging_referrals",
    "name",
    "phone",
    "picture",
    "ratings",
    "response_feedback",
    "send_cart",
    "standby",
    "videos",
    "website",
];

/// The longest verify token, in bytes.
const MAX_VERIFY_TOKEN: usize = 1000;

fn read_fields(params: &Params, name: &str) -> Result<BTreeSet<String>, GraphError> {
    let list = params.list(name).ok_or_else(|| GraphError::required(name))?;
    for (index, field) in list.iter().enumerate() {
        if !FIELDS.contains(&field.as_str()) {
            let known = FIELDS.join(", ");
            return Err(GraphError::parameter(&format!(
                "Param {name}[{index}] must be one of {{{known}}} - got \"{field}\""
            )));
        }
    }
    Ok(list.into_iter().collect())
}

/// `POST /{page}/subscribed_apps`.
pub(crate) fn subscribe_page(
    world: &mut World,
    page_id: &str,
    app_id: &str,
    params: &Params,
) -> Result<Value, GraphError> {
    let fields = read_fields(params, "subscribed_fields")?;
    let page = world.pages.get_mut(page_id).ok_or_else(|| GraphError::no_object(page_id))?;
    page.subscriptions.insert(app_id.to_owned(), fields);
    Ok(json!({"success": true}))
}

/// `GET /{page}/subscribed_apps`.
pub(crate) fn list_page(world: &World, page_id: &str) -> Result<Value, GraphError> {
    let page = world.pages.get(page_id).ok_or_else(|| GraphError::no_object(page_id))?;
    let data: Vec<Value> = page
        .subscriptions
        .iter()
        .map(|(app_id, fields)| {
            let name = world.apps.get(app_id).map(|app| app.name.as_str());
            json!({"category": "Business", "link": "https://www.facebook.com/games/", "name": name, "id": app_id,
                "subscribed_fields": fields})
        })
        .collect();
    Ok(json!({"data": data}))
}

/// `DELETE /{page}/subscribed_apps`.
pub(crate) fn unsubscribe_page(world: &mut World, page_id: &str, app_id: &str) -> Result<Value, GraphError> {
    let page = world.pages.get_mut(page_id).ok_or_else(|| GraphError::no_object(page_id))?;
    page.subscriptions.remove(app_id);
    Ok(json!({"success": true}))
}

fn check_object(params: &Params) -> Result<(), GraphError> {
    if params.need("object")? == "page" {
        return Ok(());
    }
    Err(GraphError::parameter("Param object must be one of {page}: the simulator knows no other"))
}

/// `POST /{app-id}/subscriptions`: verifies the callback, then takes it.
pub(crate) async fn subscribe_app(shared: &Arc<Shared>, app_id: &str, params: &Params) -> Result<Value, GraphError> {
    check_object(params)?;
    let url = params.need("callback_url")?;
    // The one deviation: plain HTTP is accepted, because a local webhook has no certificate.
    let url = Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or_else(|| GraphError::new(2201, "(#2201) The callback URL is not valid"))?;
    let verify_token = params.need("verify_token")?;
    if verify_token.len() > MAX_VERIFY_TOKEN {
        return Err(GraphError::parameter("Param verify_token is too long"));
    }
    let fields = match params.list("fields") {
        Some(_) => read_fields(params, "fields")?,
        None => BTreeSet::new(),
    };
    verify(shared, &url, &verify_token).await?;
    let mut world = shared.world();
    let app = world.apps.get_mut(app_id).ok_or_else(|| GraphError::no_object(app_id))?;
    // Fields add up; those that are there already stay.
    let mut all = app.webhook.take().map(|webhook| webhook.fields).unwrap_or_default();
    all.extend(fields);
    app.webhook = Some(AppWebhook { callback_url: url.to_string(), fields: all });
    Ok(json!({"success": true}))
}

/// `hub.mode`, `hub.challenge` and `hub.verify_token`: the callback must answer with the challenge.
async fn verify(shared: &Shared, url: &Url, verify_token: &str) -> Result<(), GraphError> {
    let challenge = (random() % 10_000_000_000).to_string();
    let mut asked = url.clone();
    asked
        .query_pairs_mut()
        .append_pair("hub.mode", "subscribe")
        .append_pair("hub.challenge", &challenge)
        .append_pair("hub.verify_token", verify_token);
    let failed = |why: String| {
        let message = format!("(#2200) Callback verification failed with the following errors: {why}");
        GraphError::new(2200, message)
    };
    let response = shared.http.get(asked).send().await.map_err(|error| {
        let (number, text) = if error.is_timeout() { (28, "Operation timed out") } else { (7, "Failed to connect") };
        failed(format!("curl_errno = {number}; curl_error = {text}; HTTP Status Code = 0"))
    })?;
    let status = response.status();
    if !status.is_success() {
        let reason = status.canonical_reason().unwrap_or_default();
        return Err(failed(format!("HTTP Status Code = {}; HTTP Message = {reason}", status.as_u16())));
    }
    let body = response.text().await.unwrap_or_default();
    if body.trim() == challenge { Ok(()) } else { Err(failed("the answer is not the challenge".into())) }
}

/// `GET /{app-id}/subscriptions`.
pub(crate) fn list_app(world: &World, app_id: &str) -> Result<Value, GraphError> {
    let app = world.apps.get(app_id).ok_or_else(|| GraphError::no_object(app_id))?;
    let described = app.webhook.iter().map(|webhook| {
        let fields: Vec<Value> =
            webhook.fields.iter().map(|field| json!({"name": field, "version": "v25.0"})).collect();
        json!({"object": "page", "callback_url": webhook.callback_url, "active": true, "fields": fields})
    });
    Ok(json!({"data": described.collect::<Vec<Value>>()}))
}

/// `DELETE /{app-id}/subscriptions`: some fields, or the whole.
pub(crate) fn unsubscribe_app(world: &mut World, app_id: &str, params: &Params) -> Result<Value, GraphError> {
    if params.text("object").is_some() {
        check_object(params)?;
    }
    let app = world.apps.get_mut(app_id).ok_or_else(|| GraphError::no_object(app_id))?;
    match (params.list("fields"), &mut app.webhook) {
        (Some(fields), Some(webhook)) => webhook.fields.retain(|field| !fields.contains(field)),
        (None, webhook) => *webhook = None,
        (Some(_), None) => {}
    }
    Ok(json!({"success": true}))
}
