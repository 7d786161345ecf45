//! What a token may look up: itself, its person's pages, permissions, a page, a customer's profile.

use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::conversation::Conversation;
use super::error::GraphError;
use super::params::Params;
use super::state::{PERSON_ID, PERSON_NAME, Page, World};
use super::tokens::{self, Caller, TokenStanding};

/// How many pages one answer of `me/accounts` has unless asked otherwise, and at most.
const PAGE_SIZE: usize = 25;
const MAX_PAGE_SIZE: usize = 100;

/// The permission without which `me/accounts` is empty.
const SHOW_LIST: &str = "pages_show_list";

/// The fields of a node that were asked for, or the usual ones.
fn select(node: &Value, kind: &str, params: &Params, usual: &[&str], hidden: &[&str]) -> Result<Value, GraphError> {
    let wanted = params.list("fields").unwrap_or_else(|| usual.iter().map(|&name| name.to_owned()).collect());
    let mut chosen = Map::new();
    for name in wanted {
        match node.get(&name) {
            Some(Value::Null) => {}
            Some(value) => {
                chosen.insert(name, value.clone());
            }
            None if hidden.contains(&name.as_str()) => {}
            None => {
                let why = format!("Tried accessing nonexisting field ({name}) on node type ({kind})");
                return Err(GraphError::parameter(&why));
            }
        }
    }
    chosen.insert("id".into(), node["id"].clone());
    Ok(Value::Object(chosen))
}

/// `GET /me`: the page of a page token, the person of a user token.
pub(crate) fn me(world: &World, caller: &Caller, params: &Params) -> Result<Value, GraphError> {
    if let Some(page_id) = caller.page_id() {
        return page(world, page_id, params);
    }
    caller.user()?;
    select(&json!({"id": PERSON_ID, "name": PERSON_NAME}), "User", params, &["id", "name"], &["email"])
}

/// `GET /{page}`.
pub(crate) fn page(world: &World, page_id: &str, params: &Params) -> Result<Value, GraphError> {
    let page = world.pages.get(page_id).ok_or_else(|| GraphError::no_object(page_id))?;
    let node = json!({
        "id": page.id,
        "name": page.name,
        "category": "Local business",
        "link": format!("https://www.facebook.com/{}", page.id),
        "messaging_feature_status": {"hop_v2": page.primary.is_some(), "msgr_multi_app": true, "ig_multi_app": false},
    });
    select(&node, "Page", params, &["id", "name"], &["picture", "username"])
}

/// `GET /me/permissions`.
pub(crate) fn permissions(caller: &Caller) -> Result<Value, GraphError> {
    let grant = &caller.user()?.grant;
    let row = |scope: &String, status: &str| json!({"permission": scope, "status": status});
    let granted = grant.granted.iter().map(|scope| row(scope, "granted"));
    let declined = grant.declined.iter().map(|scope| row(scope, "declined"));
    Ok(json!({"data": granted.chain(declined).collect::<Vec<Value>>()}))
}

/// `DELETE /me/permissions`: the person removes the app. All its tokens of that person die.
pub(crate) fn deauthorise(world: &mut World, caller: &Caller) -> Result<Value, GraphError> {
    let user = caller.user()?;
    for token in world.tokens.values_mut() {
        if token.app_id == user.app_id && token.grant.person_id == user.grant.person_id {
            token.standing = TokenStanding::Deauthorised;
        }
    }
    Ok(json!({"success": true}))
}

/// `GET /me/accounts`. `here` is the address that was called, for the link to the next part.
pub(crate) fn accounts(world: &mut World, caller: &Caller, params: &Params, here: &str) -> Result<Value, GraphError> {
    let user = caller.user()?.clone();
    let size = match params.text("limit") {
        None => PAGE_SIZE,
        Some(text) => text
            .parse()
            .ok()
            .filter(|size| (1..=MAX_PAGE_SIZE).contains(size))
            .ok_or_else(|| GraphError::parameter("Param limit must be 1 to 100"))?,
    };
    let after = params.text("after").unwrap_or_default();
    let visible = user.grant.granted.iter().any(|scope| scope == SHOW_LIST);
    let granted = |id: &&String| visible && user.grant.pages.contains(*id) && id.as_str() > after.as_str();
    let rest: Vec<String> = world.pages.keys().filter(granted).cloned().collect();
    let ids = &rest[..rest.len().min(size)];
    let mut data = Vec::new();
    for id in ids {
        let token = tokens::issue_page(world, &user, id);
        let page = &world.pages[id];
        let node = json!({"id": id, "name": page.name, "access_token": token, "tasks": page.tasks,
            "category": "Local business"});
        data.push(select(&node, "Page", params, &["access_token", "category", "name", "tasks"], &["picture", "link"])?);
    }
    let mut answer = json!({"data": data});
    if let (Some(first), Some(last)) = (ids.first(), ids.last()) {
        answer["paging"] = json!({"cursors": {"before": first, "after": last}});
        if rest.len() > ids.len() {
            let mut query = form_urlencoded::Serializer::new(String::new());
            let kept = params.names().filter(|name| *name != "after" && *name != "appsecret_proof");
            for (name, value) in kept.filter_map(|name| Some((name, params.text(name)?))) {
                query.append_pair(name, &value);
            }
            let query = query.append_pair("after", last).finish();
            answer["paging"]["next"] = format!("{here}?{query}").into();
        }
    }
    Ok(answer)
}

/// `GET /debug_token`, by the app whose token is asked about.
pub(crate) fn debug_token(world: &World, caller: &Caller, params: &Params, now_s: u64) -> Result<Value, GraphError> {
    let input = params.need("input_token")?;
    let told = tokens::describe(world, &input, now_s);
    if told["app_id"].as_str().is_some_and(|app| app != caller.app_id()) {
        let why = "(#100) The App_id in the input_token did not match the Viewing App";
        return Err(GraphError::new(100, why));
    }
    Ok(json!({"data": told}))
}

/// `GET /{PSID}`: a customer's profile, for the page that the customer wrote to.
pub(crate) fn profile(page: &Page, psid: &str, params: &Params) -> Result<Value, GraphError> {
    let wrote = |known: &&Conversation| known.last_customer_ms.is_some();
    let known = page.conversations.get(psid).filter(wrote).ok_or_else(|| GraphError::no_object(psid))?;
    let node = json!({
        "id": psid,
        "name": format!("{} {}", known.first_name, known.last_name).trim_end(),
        "first_name": known.first_name,
        "last_name": known.last_name,
        "profile_pic": known.profile_pic,
    });
    // These need permissions of their own, and are left out without them.
    let hidden = ["locale", "timezone", "gender"];
    select(&node, "User", params, &["first_name", "last_name", "profile_pic"], &hidden)
}
