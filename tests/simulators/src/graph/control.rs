//! The control API, `/control`: a test creates apps and pages, signs people in, orders faults.
//! What customers do is in `control_people`, what happened in `control_record`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::delivery::{self, Mode, Signature};
use super::faults::Fault;
use super::files::{self, MAX_FILE};
use super::limits::LimitSettings;
use super::login::{self, Ask, Decision};
use super::state::{App, Behaviour, PERSON_ID, Page, Shared, TASKS, World};
use super::tokens::{self, Grant, SCOPES, TokenStanding};
use super::{NewApp, NewPage, control_people, control_record, handover};
use crate::control::{Answer, Body, Problem, check_copies, one_or_many};
use crate::files::FileOrder;

pub(crate) type Control = State<Arc<Shared>>;

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/apps", get(list_apps).post(create_app))
        .route("/apps/{app}", put(change_app))
        .route("/apps/{app}/holding", put(hold))
        .route("/apps/{app}/raw", post(send_raw))
        .route("/pages", get(list_pages).post(create_page))
        .route("/pages/{page}", get(show_page).put(change_page))
        .route("/pages/{page}/behaviour", put(set_behaviour))
        .route("/pages/{page}/limits", put(set_limits))
        .route("/pages/{page}/primary", put(set_primary))
        .route("/pages/{page}/subscriptions/{app}", delete(unsubscribe))
        .nest("/pages/{page}", control_people::routes())
        .route("/login", post(sign_in))
        .route("/tokens", post(make_token))
        .route("/tokens/break", post(break_tokens))
        .route("/files", get(list_files).post(upload).layer(DefaultBodyLimit::max(2 * MAX_FILE)))
        .route("/files/{id}", put(order_file))
        .merge(control_record::routes())
        .route("/faults", get(list_faults).post(order_faults).delete(clear_faults))
}

/// Works on the world and tells those who wait.
pub(crate) fn change<T>(shared: &Shared, work: impl FnOnce(&mut World) -> Result<T, Problem>) -> Result<T, Problem> {
    let result = work(&mut shared.world());
    shared.changed();
    result
}

fn page_of<'a>(world: &'a mut World, id: &str) -> Result<&'a mut Page, Problem> {
    world.pages.get_mut(id).ok_or_else(|| Problem::unknown(format!("there is no page {id}")))
}

fn app_of<'a>(world: &'a mut World, id: &str) -> Result<&'a mut App, Problem> {
    world.apps.get_mut(id).ok_or_else(|| Problem::unknown(format!("there is no app {id}")))
}

fn describe_app(app: &App) -> Value {
    json!({
        "id": app.id,
        "secret": app.secret,
        "name": app.name,
        "require_proof": app.require_proof,
        "human_agent": app.human_agent,
        "built_in": app.built_in,
        "holding": app.holding.as_ref().map(Vec::len),
        "webhook": app.webhook.as_ref().map(|hook| json!({"callback_url": hook.callback_url, "fields": hook.fields})),
    })
}

fn describe_page(page: &Page) -> Value {
    json!({
        "id": page.id,
        "name": page.name,
        "primary_app_id": page.primary,
        "tasks": page.tasks,
        "behaviour": page.behaviour,
        "subscriptions": page.subscriptions,
    })
}

async fn list_apps(State(shared): Control) -> Json<Value> {
    let apps: Vec<Value> = shared.world().apps.values().map(describe_app).collect();
    Json(json!({"apps": apps}))
}

async fn create_app(State(shared): Control, body: Body<NewApp>) -> Answer {
    let Json(new) = body?;
    change(&shared, |world| world.create_app(&new).map(describe_app).map(Json).map_err(Problem::conflict))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AppChange {
    require_proof: Option<bool>,
    human_agent: Option<bool>,
    secret: Option<String>,
}

async fn change_app(State(shared): Control, Path(id): Path<String>, body: Body<AppChange>) -> Answer {
    let Json(wanted) = body?;
    change(&shared, |world| {
        let app = app_of(world, &id)?;
        app.require_proof = wanted.require_proof.unwrap_or(app.require_proof);
        app.human_agent = wanted.human_agent.unwrap_or(app.human_agent);
        if let Some(secret) = wanted.secret {
            app.secret = secret;
        }
        Ok(Json(describe_app(app)))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Holding {
    hold: bool,
    /// Whether what was held goes in as few deliveries as there can be.
    #[serde(default)]
    together: bool,
}

async fn hold(State(shared): Control, Path(id): Path<String>, body: Body<Holding>) -> Answer {
    let Json(order) = body?;
    change(&shared, |world| {
        let app = app_of(world, &id)?;
        if order.hold {
            app.holding.get_or_insert_default();
            return Ok(Json(json!({"deliveries": []})));
        }
        Ok(Json(json!({"deliveries": delivery::release(&shared, world, &id, order.together)})))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawQuery {
    copies: Option<usize>,
    #[serde(default)]
    signature: Signature,
}

async fn send_raw(
    State(shared): Control,
    Path(id): Path<String>,
    Query(query): Query<RawQuery>,
    body: Body<Value>,
) -> Answer {
    let Json(body) = body?;
    query.copies.map_or(Ok(()), check_copies)?;
    let mode = if query.copies.is_some() { Mode::Copies } else { Mode::Queued };
    let order = change(&shared, |world| {
        if app_of(world, &id)?.webhook.is_none() {
            return Err(Problem::conflict("the app has no webhook"));
        }
        Ok(delivery::submit_raw(&shared, world, &id, body, query.signature, mode))
    })?;
    let mut answer = json!({"order": order});
    if let Some(count) = query.copies {
        answer["attempts"] = json!(delivery::deliver_copies(&shared, order, count).await);
    }
    Ok(Json(answer))
}

async fn list_pages(State(shared): Control) -> Json<Value> {
    let pages: Vec<Value> = shared.world().pages.values().map(describe_page).collect();
    Json(json!({"pages": pages}))
}

async fn create_page(State(shared): Control, body: Body<NewPage>) -> Answer {
    let Json(new) = body?;
    change(&shared, |world| world.create_page(&new).map(describe_page).map(Json).map_err(Problem::conflict))
}

async fn show_page(State(shared): Control, Path(id): Path<String>) -> Answer {
    change(&shared, |world| Ok(Json(describe_page(page_of(world, &id)?))))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PageChange {
    name: Option<String>,
    tasks: Option<Vec<String>>,
}

async fn change_page(State(shared): Control, Path(id): Path<String>, body: Body<PageChange>) -> Answer {
    let Json(wanted) = body?;
    change(&shared, |world| {
        let page = page_of(world, &id)?;
        if let Some(tasks) = wanted.tasks {
            if let Some(unknown) = tasks.iter().find(|task| !TASKS.contains(&task.as_str())) {
                return Err(Problem::bad(format!("there is no task {unknown}")));
            }
            page.tasks = tasks;
        }
        if let Some(name) = wanted.name {
            page.name = name;
        }
        Ok(Json(describe_page(page)))
    })
}

async fn set_behaviour(State(shared): Control, Path(id): Path<String>, body: Body<Behaviour>) -> Answer {
    let Json(behaviour) = body?;
    change(&shared, |world| {
        page_of(world, &id)?.behaviour = behaviour;
        Ok(Json(json!(behaviour)))
    })
}

async fn set_limits(State(shared): Control, Path(id): Path<String>, body: Body<LimitSettings>) -> Answer {
    let Json(settings) = body?;
    change(&shared, |world| {
        page_of(world, &id)?.limits.settings = settings;
        Ok(Json(json!(settings)))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Primary {
    app_id: Option<String>,
}

async fn set_primary(State(shared): Control, Path(id): Path<String>, body: Body<Primary>) -> Answer {
    let Json(Primary { app_id }) = body?;
    change(&shared, |world| {
        page_of(world, &id)?;
        if let Some(app_id) = &app_id {
            app_of(world, app_id)?;
        }
        handover::set_primary(&shared, world, &id, app_id.as_deref());
        Ok(Json(describe_page(page_of(world, &id)?)))
    })
}

async fn unsubscribe(State(shared): Control, Path((id, app)): Path<(String, String)>) -> Answer {
    change(&shared, |world| {
        let page = page_of(world, &id)?;
        page.subscriptions.remove(&app);
        Ok(Json(describe_page(page)))
    })
}

#[derive(Debug, Deserialize)]
struct SignIn {
    #[serde(flatten)]
    ask: Ask,
    #[serde(default)]
    decision: Decision,
}

async fn sign_in(State(shared): Control, body: Body<SignIn>) -> Answer {
    let Json(SignIn { ask, decision }) = body?;
    change(&shared, |world| {
        let location = login::decide(world, &ask, &decision, shared.clock.now_s()).map_err(Problem::conflict)?;
        Ok(Json(json!({"location": location})))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    app_id: String,
    /// The page, for a page's token; else it is the person's.
    page_id: Option<String>,
    /// All, if left out.
    scopes: Option<Vec<String>>,
    /// Whether it lives for 60 days, as a page's token for ever.
    #[serde(default = "yes")]
    long_lived: bool,
}

fn yes() -> bool {
    true
}

async fn make_token(State(shared): Control, body: Body<NewToken>) -> Answer {
    let Json(new) = body?;
    let now_s = shared.clock.now_s();
    change(&shared, |world| {
        app_of(world, &new.app_id)?;
        let granted = new.scopes.unwrap_or_else(|| SCOPES.map(str::to_owned).to_vec());
        let pages = world.pages.keys().cloned().collect();
        let grant = Grant { person_id: PERSON_ID.into(), pages, granted, declined: Vec::new() };
        let (user, _) = tokens::issue_user(world, &new.app_id, &grant, now_s, new.long_lived);
        let Some(page_id) = new.page_id else { return Ok(Json(json!({"access_token": user}))) };
        page_of(world, &page_id)?;
        let user = world.tokens[&user].clone();
        Ok(Json(json!({"access_token": tokens::issue_page(world, &user, &page_id)})))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Breaking {
    /// `expired`, `revoked` or `deauthorised`.
    how: String,
    access_token: Option<String>,
    app_id: Option<String>,
    page_id: Option<String>,
}

async fn break_tokens(State(shared): Control, body: Body<Breaking>) -> Answer {
    let Json(order) = body?;
    let standing = match order.how.as_str() {
        "expired" => TokenStanding::Expired,
        "revoked" => TokenStanding::Revoked,
        "deauthorised" => TokenStanding::Deauthorised,
        _ => return Err(Problem::bad("how is expired, revoked or deauthorised")),
    };
    change(&shared, |world| {
        let mut broken = 0;
        for (text, token) in &mut world.tokens {
            let meant = order.access_token.as_ref().is_none_or(|wanted| wanted == text)
                && order.app_id.as_ref().is_none_or(|wanted| *wanted == token.app_id)
                && (order.page_id.is_none() || order.page_id == token.page_id);
            if meant {
                token.standing = standing;
                broken += 1;
            }
        }
        Ok(Json(json!({"tokens": broken})))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UploadQuery {
    #[serde(default = "file_name")]
    name: String,
}

fn file_name() -> String {
    "file".into()
}

async fn upload(State(shared): Control, Query(query): Query<UploadQuery>, headers: HeaderMap, body: Bytes) -> Answer {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or("application/octet-stream");
    change(&shared, |world| {
        let (id, url) = files::store(&shared, world, &query.name, content_type, body);
        Ok(Json(json!({"id": id, "url": url})))
    })
}

async fn list_files(State(shared): Control) -> Json<Value> {
    let files: Vec<Value> = shared.world().files.iter().map(|(id, file)| files::describe(id, file)).collect();
    Json(json!({"files": files}))
}

async fn order_file(State(shared): Control, Path(id): Path<String>, body: Body<FileOrder>) -> Answer {
    let Json(order) = body?;
    order.check().map_err(Problem::bad)?;
    change(&shared, |world| {
        let file = world.files.get_mut(&id).ok_or_else(|| Problem::unknown(format!("there is no file {id}")))?;
        file.order = order;
        Ok(Json(files::describe(&id, file)))
    })
}

async fn list_faults(State(shared): Control) -> Json<Value> {
    Json(json!({"faults": shared.world().faults.list()}))
}

async fn order_faults(State(shared): Control, body: Body<Value>) -> Answer {
    let Json(body) = body?;
    let faults: Vec<Fault> = one_or_many(body)?;
    for fault in &faults {
        fault.check().map_err(Problem::bad)?;
    }
    change(&shared, |world| {
        for fault in faults {
            world.faults.push(fault);
        }
        Ok(Json(json!({"faults": world.faults.list()})))
    })
}

async fn clear_faults(State(shared): Control) -> Answer {
    change(&shared, |world| {
        world.faults.clear();
        Ok(Json(json!({"faults": []})))
    })
}
