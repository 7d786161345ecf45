//! The login dialog, and what its code is exchanged for.

use serde::Deserialize;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::error::GraphError;
use super::params::Params;
use super::state::{App, PERSON_ID, PERSON_NAME, World};
use super::tokens::{self, CODE_LIFE_S, Code, Grant, SCOPES};
use crate::answer::Answer;
use crate::ground::random_text;

/// What an app asks for at the dialog.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Ask {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    #[serde(default)]
    pub(crate) state: String,
    /// With commas or spaces.
    #[serde(default)]
    pub(crate) scope: String,
    pub(crate) response_type: Option<String>,
    pub(crate) auth_type: Option<String>,
}

/// What the person decides.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Decision {
    /// All pages, if left out.
    pub(crate) pages: Option<Vec<String>>,
    /// Scopes that were asked for and are not given.
    pub(crate) declined: Vec<String>,
    /// Nothing is given at all.
    pub(crate) deny: bool,
}

impl Ask {
    /// What a query string or a form asks for; the text says what is missing.
    pub(crate) fn of(pairs: &[(String, String)]) -> Result<Self, String> {
        let get = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let need = |name: &str| get(name).filter(|value| !value.is_empty());
        Ok(Self {
            client_id: need("client_id")
                .ok_or("Invalid App ID: The provided app ID does not look like a valid app ID.")?,
            redirect_uri: need("redirect_uri").ok_or("The redirect_uri URL must be absolute")?,
            state: get("state").unwrap_or_default(),
            scope: get("scope").unwrap_or_default(),
            response_type: get("response_type"),
            auth_type: get("auth_type"),
        })
    }

    /// The scopes, with the one that everybody gives.
    fn scopes(&self) -> Vec<String> {
        let mut scopes = vec!["public_profile".to_owned()];
        for scope in self.scope.split([',', ' ']).filter(|scope| !scope.is_empty()) {
            if !scopes.iter().any(|known| known == scope) {
                scopes.push(scope.to_owned());
            }
        }
        scopes
    }

    /// The app, if the dialog would open; the text is what it shows if not.
    fn check<'a>(&self, world: &'a World) -> Result<&'a App, String> {
        let app = world.apps.get(&self.client_id);
        let app = app.ok_or("Invalid App ID: The provided app ID does not look like a valid app ID.")?;
        let url = Url::parse(&self.redirect_uri).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        if url.is_none() {
            return Err("The redirect_uri URL must be absolute".into());
        }
        if !app.redirect_uris.is_empty() && !app.redirect_uris.contains(&self.redirect_uri) {
            return Err("URL blocked: This redirect failed because the redirect URI is not white-listed in the app's \
                        client OAuth settings."
                .into());
        }
        if self.response_type.as_deref().is_some_and(|kind| kind != "code") {
            return Err("The simulator knows no response_type but code".into());
        }
        if self.auth_type.as_deref().is_some_and(|kind| !["rerequest", "reauthorize", "reauthenticate"].contains(&kind))
        {
            return Err("auth_type must be rerequest, reauthorize or reauthenticate".into());
        }
        let unknown: Vec<String> =
            self.scopes().into_iter().filter(|scope| !SCOPES.contains(&scope.as_str())).collect();
        if unknown.is_empty() { Ok(app) } else { Err(format!("Invalid Scopes: {}", unknown.join(", "))) }
    }
}

/// Ends the dialog: the address to which it sends the browser back.
pub(crate) fn decide(world: &mut World, ask: &Ask, decision: &Decision, now_s: u64) -> Result<String, String> {
    ask.check(world)?;
    let mut url = Url::parse(&ask.redirect_uri).map_err(|_| "The redirect_uri URL must be absolute")?;
    if decision.deny {
        url.query_pairs_mut()
            .append_pair("error", "access_denied")
            .append_pair("error_code", "200")
            .append_pair("error_description", "Permissions error")
            .append_pair("error_reason", "user_denied")
            .append_pair("state", &ask.state);
    } else {
        let pages = match &decision.pages {
            Some(pages) => pages.clone(),
            None => world.pages.keys().cloned().collect(),
        };
        if let Some(unknown) = pages.iter().find(|id| !world.pages.contains_key(*id)) {
            return Err(format!("there is no page {unknown}"));
        }
        let (declined, granted) = ask.scopes().into_iter().partition(|scope| decision.declined.contains(scope));
        let grant = Grant { person_id: PERSON_ID.into(), pages, granted, declined };
        let code = format!("AQ{}{}", random_text(), random_text());
        let redirect_uri = ask.redirect_uri.clone();
        let app_id = ask.client_id.clone();
        world.codes.insert(code.clone(), Code { app_id, redirect_uri, grant, made_s: now_s, used: false });
        url.query_pairs_mut().append_pair("code", &code).append_pair("state", &ask.state);
    }
    // Facebook appends this, whatever the app makes of it.
    url.set_fragment(Some("_=_"));
    Ok(url.into())
}

/// The dialog as a page.
pub(crate) fn show(world: &World, query: &str) -> Answer {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let asked = Ask::of(&pairs);
    let app = match &asked {
        Ok(ask) => ask.check(world),
        Err(text) => Err(text.clone()),
    };
    match (&asked, app) {
        (Ok(ask), Ok(app)) => html(200, &form(world, app, ask, &pairs)),
        (_, Err(text)) => html(400, &format!("<h1>Something went wrong</h1><p role=\"alert\">{}</p>", escape(&text))),
        (Err(text), Ok(_)) => html(400, &format!("<p role=\"alert\">{}</p>", escape(text))),
    }
}

/// The dialog's form, sent.
pub(crate) fn submit(world: &mut World, body: &[u8], now_s: u64) -> Answer {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    let all = |name: &str| pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect();
    let granted: Vec<String> = all("granted");
    let done = Ask::of(&pairs).and_then(|ask| {
        let required = |scope: &String| scope == "public_profile" || granted.contains(scope);
        let declined = ask.scopes().into_iter().filter(|scope| !required(scope)).collect();
        let deny = pairs.iter().any(|(key, value)| key == "action" && value == "cancel");
        decide(world, &ask, &Decision { pages: Some(all("page")), declined, deny }, now_s)
    });
    match done {
        Ok(location) => Answer::new(302, "text/html", "").with_header("location", location),
        Err(text) => html(400, &format!("<h1>Something went wrong</h1><p role=\"alert\">{}</p>", escape(&text))),
    }
}

fn form(world: &World, app: &App, ask: &Ask, pairs: &[(String, String)]) -> String {
    let field = |(name, value): &(String, String)| {
        format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value))
    };
    let hidden = pairs.iter().map(field).collect::<Vec<String>>().concat();
    let check = |name: &str, value: &str, label: &str| {
        let (value, label) = (escape(value), escape(label));
        format!("<label><input type=\"checkbox\" name=\"{name}\" value=\"{value}\" checked> {label}</label>")
    };
    let pages: String = world.pages.values().map(|page| check("page", &page.id, &page.name)).collect();
    let pages = if pages.is_empty() { "<p>You have no pages.</p>".to_owned() } else { pages };
    let optional = ask.scopes().into_iter().filter(|scope| scope != "public_profile");
    let scopes: String = optional.map(|scope| check("granted", &scope, &scope)).collect();
    format!(
        "<h1>{app} would like to use your pages</h1><form method=\"post\">{hidden}\
         <fieldset><legend>Pages</legend>{pages}</fieldset>\
         <fieldset><legend>{app} may</legend>{scopes}</fieldset>\
         <p><button name=\"action\" value=\"continue\" class=\"main\">Continue as {person}</button> \
         <button name=\"action\" value=\"cancel\">Cancel</button></p></form>",
        app = escape(&app.name),
        person = escape(PERSON_NAME),
    )
}

fn html(status: u16, content: &str) -> Answer {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>Log in (simulated)</title><link rel=\"icon\" href=\"data:,\">\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:30rem;margin:2rem auto;padding:0 1rem;color:#1c2b33;\
         background:#fff}}h1{{font-size:1.3rem}}fieldset{{border:1px solid #ccd3db;border-radius:.5rem;margin:0 0 1rem;\
         padding:.6rem 1rem}}label{{display:block;padding:.25rem 0}}button{{font:inherit;padding:.5rem 1rem;\
         border-radius:.5rem;border:1px solid #8a96a3;background:#fff;color:inherit;cursor:pointer}}\
         .main{{background:#0a5fd6;border-color:#0a5fd6;color:#fff}}:focus-visible{{outline:2px solid #0a5fd6;\
         outline-offset:2px}}@media(prefers-color-scheme:dark){{body{{background:#18191a;color:#e4e6eb}}button{{background:\
         #3a3b3c}}}}</style></head><body><p>Facebook, simulated</p>{content}</body></html>"
    );
    Answer::new(status, "text/html; charset=utf-8", page)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// `GET` or `POST /oauth/access_token`.
pub(crate) fn exchange(world: &mut World, params: &Params, now_s: u64) -> Result<Value, GraphError> {
    let app_id = params.text("client_id").filter(|id| !id.is_empty());
    let app_id = app_id.ok_or_else(|| GraphError::new(101, "Missing client_id parameter."))?;
    let unknown = "Error validating application. Cannot get application info due to a system error.";
    let app = world.apps.get(&app_id).ok_or_else(|| GraphError::new(101, unknown))?;
    if params.text("client_secret").as_deref() != Some(app.secret.as_str()) {
        return Err(GraphError::new(1, "Error validating client secret."));
    }
    let secret = app.secret.clone();
    match params.text("grant_type").as_deref() {
        None | Some("authorization_code") => exchange_code(world, &app_id, params, now_s),
        Some("fb_exchange_token") => {
            let text = params.need("fb_exchange_token")?;
            let token = world.tokens.get(&text).filter(|token| token.app_id == app_id && token.page_id.is_none());
            let token = token.ok_or_else(GraphError::bad_token)?;
            token.check(now_s)?;
            let grant = token.grant.clone();
            let (token, life) = tokens::issue_user(world, &app_id, &grant, now_s, true);
            Ok(json!({"access_token": token, "token_type": "bearer", "expires_in": life}))
        }
        Some("client_credentials") => Ok(json!({"access_token": format!("{app_id}|{secret}"), "token_type": "bearer"})),
        Some(_) => Err(GraphError::new(1, "Invalid grant_type")),
    }
}

fn exchange_code(world: &mut World, app_id: &str, params: &Params, now_s: u64) -> Result<Value, GraphError> {
    let redirect_uri = params.text("redirect_uri").filter(|uri| !uri.is_empty());
    let redirect_uri = redirect_uri.ok_or_else(|| GraphError::new(191, "Missing redirect_uri parameter."))?;
    let text = params.text("code").filter(|code| !code.is_empty());
    let text = text.ok_or_else(|| GraphError::new(1, "Missing authorization code"))?;
    let code = world.codes.get_mut(&text).filter(|code| code.app_id == app_id);
    let code = code.ok_or_else(|| GraphError::sub(100, 36_009, "Invalid verification code format."))?;
    if code.used {
        return Err(GraphError::sub(100, 36_009, "This authorization code has been used."));
    }
    if code.redirect_uri != redirect_uri {
        let why = "Error validating verification code. Please make sure your redirect_uri is identical to the one you \
                   used in the OAuth dialog request";
        return Err(GraphError::sub(100, 36_008, why));
    }
    if now_s > code.made_s + CODE_LIFE_S {
        return Err(GraphError::sub(100, 36_007, "This authorization code has expired."));
    }
    code.used = true;
    let grant = code.grant.clone();
    let (token, life) = tokens::issue_user(world, app_id, &grant, now_s, false);
    Ok(json!({"access_token": token, "token_type": "bearer", "expires_in": life}))
}
