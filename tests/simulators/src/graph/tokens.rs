//! Access tokens: who calls, for which app, and what they may.

use serde_json::{Value, json};

use super::error::GraphError;
use super::params::Params;
use super::state::{App, Page, World};
use super::wire;
use crate::ground::random_text;

/// How long a user token from a login lives, in seconds.
const SHORT_LIFE_S: u64 = 5400;

/// How long a long-lived user token lives, in seconds: 60 days.
const LONG_LIFE_S: u64 = 60 * 24 * 3600;

/// How long a code of the login lives, in seconds.
pub(crate) const CODE_LIFE_S: u64 = 600;

/// What a login can ask for.
pub(crate) const SCOPES: [&str; 9] = [
    "public_profile",
    "email",
    "pages_show_list",
    "pages_messaging",
    "pages_manage_metadata",
    "pages_read_engagement",
    "pages_read_user_content",
    "pages_utility_messaging",
    "business_management",
];

/// A code that the login gave out.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) app_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) grant: Grant,
    pub(crate) made_s: u64,
    pub(crate) used: bool,
}

/// What a person allowed an app.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) person_id: String,
    pub(crate) pages: Vec<String>,
    pub(crate) granted: Vec<String>,
    pub(crate) declined: Vec<String>,
}

/// Whether a token is good, but for its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenStanding {
    Good,
    /// Expired by order.
    Expired,
    /// The person changed their password.
    Revoked,
    /// The person removed the app.
    Deauthorised,
}

/// A user's or a page's access token.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) app_id: String,
    /// The page, for a page's token.
    pub(crate) page_id: Option<String>,
    pub(crate) grant: Grant,
    pub(crate) issued_s: u64,
    /// 0: never.
    pub(crate) expires_s: u64,
    pub(crate) standing: TokenStanding,
}

impl Token {
    pub(crate) fn check(&self, now_s: u64) -> Result<(), GraphError> {
        match self.standing {
            TokenStanding::Good if self.expires_s != 0 && now_s >= self.expires_s => Err(GraphError::expired_token()),
            TokenStanding::Good => Ok(()),
            TokenStanding::Expired => Err(GraphError::expired_token()),
            TokenStanding::Revoked => Err(GraphError::revoked_token()),
            TokenStanding::Deauthorised => Err(GraphError::deauthorised()),
        }
    }

    pub(crate) fn is_long_lived(&self) -> bool {
        self.expires_s == 0 || self.expires_s - self.issued_s > SHORT_LIFE_S
    }
}

/// Who calls.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    App { app_id: String },
    User { token: Token },
    Page { token: Token, page_id: String },
}

impl Caller {
    pub(crate) fn app_id(&self) -> &str {
        match self {
            Self::App { app_id } => app_id,
            Self::User { token } | Self::Page { token, .. } => &token.app_id,
        }
    }

    pub(crate) fn page_id(&self) -> Option<&str> {
        match self {
            Self::Page { page_id, .. } => Some(page_id),
            Self::App { .. } | Self::User { .. } => None,
        }
    }

    /// A user's token.
    pub(crate) fn user(&self) -> Result<&Token, GraphError> {
        match self {
            Self::User { token } => Ok(token),
            Self::App { .. } | Self::Page { .. } => Err(GraphError::new(
                2500,
                "An active access token must be used to query information about the current user.",
            )),
        }
    }

    /// The app, if the token is its own.
    pub(crate) fn app(&self) -> Result<&str, GraphError> {
        match self {
            Self::App { app_id } => Ok(app_id),
            Self::User { .. } | Self::Page { .. } => {
                Err(GraphError::new(15, "(#15) This method must be called with an app access_token."))
            }
        }
    }

    /// The page that `id` names (`me` or its own id), if the token is that page's and has this permission.
    pub(crate) fn page(&self, id: &str, permission: &str) -> Result<&str, GraphError> {
        let Self::Page { token, page_id } = self else { return Err(GraphError::page_token_needed()) };
        if id != "me" && id != page_id {
            return Err(GraphError::no_object(id));
        }
        if !token.grant.granted.iter().any(|scope| scope == permission) {
            return Err(GraphError::permission(permission));
        }
        Ok(page_id)
    }
}

/// The token of a request: a parameter, or the header `Authorization`.
pub(crate) fn presented(params: &Params, authorization: Option<&str>) -> Option<String> {
    let in_header = || {
        let (scheme, token) = authorization?.split_once(' ')?;
        let known = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("oauth");
        known.then(|| token.trim().to_owned())
    };
    params.text("access_token").or_else(in_header).filter(|token| !token.is_empty())
}

/// Who presents this token, if it is good and proven.
pub(crate) fn authenticate(
    world: &World,
    presented: Option<&str>,
    proof: Option<&str>,
    now_s: u64,
) -> Result<Caller, GraphError> {
    let text = presented.ok_or_else(GraphError::no_token)?;
    if let Some(app) = app_of(world, text) {
        check_proof(app, text, proof, false)?;
        return Ok(Caller::App { app_id: app.id.clone() });
    }
    let token = world.tokens.get(text).ok_or_else(GraphError::bad_token)?;
    token.check(now_s)?;
    let app = world.apps.get(&token.app_id).ok_or_else(GraphError::bad_token)?;
    check_proof(app, text, proof, app.require_proof)?;
    let token = token.clone();
    Ok(match token.page_id.clone() {
        Some(page_id) => Caller::Page { token, page_id },
        None => Caller::User { token },
    })
}

/// The app of an app token, `<app id>|<app secret>`.
fn app_of<'a>(world: &'a World, token: &str) -> Option<&'a App> {
    let (id, secret) = token.split_once('|')?;
    world.apps.get(id).filter(|app| app.secret == secret)
}

fn check_proof(app: &App, token: &str, proof: Option<&str>, required: bool) -> Result<(), GraphError> {
    match proof {
        Some(given) if given == wire::proof(&app.secret, token) => Ok(()),
        Some(_) => Err(GraphError::proof_wrong()),
        None if required => Err(GraphError::proof_missing()),
        None => Ok(()),
    }
}

/// Makes a user token of what a person allowed.
pub(crate) fn issue_user(world: &mut World, app_id: &str, grant: &Grant, now_s: u64, long: bool) -> (String, u64) {
    let life = if long { LONG_LIFE_S } else { SHORT_LIFE_S };
    let token = Token {
        app_id: app_id.to_owned(),
        page_id: None,
        grant: grant.clone(),
        issued_s: now_s,
        expires_s: now_s + life,
        standing: TokenStanding::Good,
    };
    (store(world, token), life)
}

/// The page's token that belongs to a user token: always the same for the same grant and life.
pub(crate) fn issue_page(world: &mut World, user: &Token, page_id: &str) -> String {
    let expires_s = if user.is_long_lived() { 0 } else { user.expires_s };
    let same = |token: &&Token| {
        token.page_id.as_deref() == Some(page_id)
            && token.app_id == user.app_id
            && token.grant.person_id == user.grant.person_id
            && token.grant.granted == user.grant.granted
            && token.expires_s == expires_s
            && token.standing == TokenStanding::Good
    };
    if let Some((text, _)) = world.tokens.iter().find(|(_, token)| same(token)) {
        return text.clone();
    }
    store(world, Token { page_id: Some(page_id.to_owned()), expires_s, ..user.clone() })
}

fn store(world: &mut World, token: Token) -> String {
    let text = format!("EAAS{}{}", random_text(), random_text());
    world.tokens.insert(text.clone(), token);
    text
}

/// What `debug_token` tells about a token.
pub(crate) fn describe(world: &World, text: &str, now_s: u64) -> Value {
    if let Some(app) = app_of(world, text) {
        return json!({"app_id": app.id, "type": "APP", "application": app.name, "is_valid": true, "scopes": []});
    }
    let Some(token) = world.tokens.get(text) else {
        let error = json!({"code": 190, "message": "Invalid OAuth access token - Cannot parse access token"});
        return json!({"error": error, "is_valid": false, "scopes": []});
    };
    let page_scopes = |scope: &&String| scope.starts_with("pages_");
    let granular: Vec<Value> = token
        .grant
        .granted
        .iter()
        .filter(page_scopes)
        .map(|scope| json!({"scope": scope, "target_ids": token.grant.pages}))
        .collect();
    let mut told = json!({
        "app_id": token.app_id,
        "type": if token.page_id.is_some() { "PAGE" } else { "USER" },
        "application": world.apps.get(&token.app_id).map(|app| app.name.as_str()),
        "data_access_expires_at": token.issued_s + 90 * 24 * 3600,
        "expires_at": token.expires_s,
        "is_valid": true,
        "issued_at": token.issued_s,
        "scopes": token.grant.granted,
        "granular_scopes": granular,
        "user_id": token.grant.person_id,
    });
    if let Some(page) = &token.page_id {
        told["profile_id"] = page.clone().into();
    }
    if let Err(error) = token.check(now_s) {
        told["is_valid"] = false.into();
        told["error"] = json!({"code": error.code, "message": error.message, "subcode": error.subcode});
    }
    told
}

/// Whether the person who signs in may use a page's messages.
pub(crate) fn may_message(page: &Page) -> bool {
    page.tasks.iter().any(|task| task == "MESSAGING")
}
