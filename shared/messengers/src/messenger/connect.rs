//! Connecting pages: the sign-in dialog, tokens, pages and what they permit, subscriptions of an app and of a page.
//!
//! Secrets stand in bodies and headers, which nobody logs, and in no address, but for `input_token` of `debug_token`, which
//! takes it nowhere else; and no [`Call`] prints any.

use std::fmt;

use serde_json::{Map, Value};

use crate::call::{Call, GRAPH_VERSION, Host};
use crate::failure::{Failure, FailureClass, HOLD_SECONDS_MAX};

/// What the dialog asks for. Without the last one, pages of a business portfolio may be missing; all else works.
pub const SCOPES: [&str; 4] = ["pages_show_list", "pages_messaging", "pages_manage_metadata", "business_management"];
/// The scopes without which a page does not work as a channel.
const SCOPES_NEEDED: [&str; 2] = ["pages_messaging", "pages_manage_metadata"];
/// What the person who signs in must be allowed to do on the page.
const TASKS_NEEDED: [&str; 2] = ["MANAGE", "MESSAGING"];
/// What the app, and each page, tells us of.
pub const FIELDS: [&str; 10] = [
    "messages",
    "messaging_postbacks",
    "messaging_referrals",
    "messaging_handovers",
    "standby",
    "message_deliveries",
    "message_reads",
    "message_echoes",
    "message_reactions",
    "message_edits",
];
/// How many pages one answer of [`accounts`] lists: well below the size to which answers are cut.
const ACCOUNTS_A_CALL: u32 = 50;
/// How long a channel is held if Facebook says "too many requests", seconds: it does not say for how long.
const HOLD_SECONDS: u32 = 60;
/// The most characters of a name.
const NAME_CHARS_MAX: usize = 200;
/// The longest id, digits.
const ID_DIGITS_MAX: usize = 20;

/// The address of the dialog in which a person signs in and chooses pages.
pub fn dialog_url(base: &str, app_id: &str, return_url: &str, state: &str) -> String {
    let scope = SCOPES.join(",");
    let query = [("client_id", app_id), ("redirect_uri", return_url), ("state", state), ("scope", &scope)];
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let base = base.trim_end_matches('/');
    format!("{base}/{GRAPH_VERSION}/dialog/oauth?response_type=code&{}", query.join("&"))
}

/// Percent-encoded, but for what RFC 3986 reserves to nobody.
fn encoded(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    value.bytes().map(one).collect()
}

fn form(method: &'static str, path: String, fields: &[(&str, &str)]) -> Call {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Call::form(Host::Graph, method, path, fields)
}

/// The person's token for the code that the dialog gave. A code works once, and for the address that it was given for.
pub fn exchange_code(app_id: &str, app_secret: &str, return_url: &str, code: &str) -> Call {
    let fields = [("client_id", app_id), ("client_secret", app_secret), ("redirect_uri", return_url), ("code", code)];
    form("exchange_code", "oauth/access_token".to_owned(), &fields)
}

/// A token that holds for about 60 days, for one that holds for an hour; pages' tokens got with it do not run out.
pub fn exchange_token(app_id: &str, app_secret: &str, token: &str) -> Call {
    let fields = [
        ("grant_type", "fb_exchange_token"),
        ("client_id", app_id),
        ("client_secret", app_secret),
        ("fb_exchange_token", token),
    ];
    form("exchange_token", "oauth/access_token".to_owned(), &fields)
}

/// The token of an exchange.
pub fn read_token(answer: &Value) -> Option<String> {
    answer["access_token"].as_str().filter(|token| !token.is_empty()).map(str::to_owned)
}

/// The pages of the person whose token is called with, from a place on.
pub fn accounts(after: Option<&str>) -> Call {
    let mut query = vec![("fields", "id,name,access_token,tasks".to_owned()), ("limit", ACCOUNTS_A_CALL.to_string())];
    query.extend(after.map(|after| ("after", after.to_owned())));
    Call::get(Host::Graph, "accounts", "me/accounts", query)
}

/// A page of the person's.
#[derive(Clone, PartialEq, Eq)]
pub struct Page {
    /// Facebook's number of it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its token.
    pub token: String,
    /// What the person may do on it.
    pub tasks: Vec<String>,
}

/// Without the token.
impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("id", &self.id).field("tasks", &self.tasks).finish_non_exhaustive()
    }
}

/// The pages of an answer to [`accounts`], and where the next part begins. One without id or token is left out: nothing can
/// be done with it.
pub fn read_accounts(answer: &Value) -> (Vec<Page>, Option<String>) {
    let pages = list(&answer["data"]).filter_map(page).collect();
    let next = answer["paging"]["next"].is_string().then(|| answer["paging"]["cursors"]["after"].as_str());
    (pages, next.flatten().map(str::to_owned))
}

fn page(page: &Value) -> Option<Page> {
    let id = page["id"].as_str().filter(|id| is_id(id))?.to_owned();
    let name: String = page["name"].as_str().unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
    let name: String = name.trim().chars().take(NAME_CHARS_MAX).collect();
    let name = if name.is_empty() { id.clone() } else { name };
    Some(Page { name, token: read_token(page)?, tasks: texts(&page["tasks"]), id })
}

/// Whether this may be an id of Facebook's.
pub fn is_id(text: &str) -> bool {
    (1..=ID_DIGITS_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn texts(value: &Value) -> Vec<String> {
    list(value).filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What a token is worth; called with the app's own (`id|secret`).
pub fn debug_token(token: &str) -> Call {
    Call::get(Host::Graph, "debug_token", "debug_token", vec![("input_token", token.to_owned())])
}

/// What a token is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    /// Whether it holds.
    pub is_valid: bool,
    /// What it permits.
    pub scopes: Vec<String>,
    /// Scopes that hold for some pages only, with these.
    granular: Vec<(String, Vec<String>)>,
}

impl TokenInfo {
    /// Reads the answer to [`debug_token`].
    pub fn read(answer: &Value) -> Option<Self> {
        let data = answer["data"].as_object()?;
        let of = |name: &str| data.get(name).unwrap_or(&Value::Null);
        let granular = list(of("granular_scopes")).filter_map(|one| {
            let pages = texts(one.get("target_ids")?);
            Some((one["scope"].as_str()?.to_owned(), pages))
        });
        let is_valid = of("is_valid").as_bool() == Some(true);
        Some(Self { is_valid, scopes: texts(of("scopes")), granular: granular.collect() })
    }

    /// The scopes that a page needs and lacks.
    pub fn lacks(&self, page: &str) -> Vec<String> {
        let holds = |scope: &str| {
            let limited = self.granular.iter().find(|(name, _)| name == scope);
            let reaches = limited.is_none_or(|(_, pages)| pages.iter().any(|one| one == page));
            reaches && self.scopes.iter().any(|one| one == scope)
        };
        SCOPES_NEEDED.into_iter().filter(|scope| !holds(scope)).map(str::to_owned).collect()
    }
}

/// Everything that a page needs and lacks: tasks of the person, scopes of the token.
pub fn lacking(page: &Page, token: &TokenInfo) -> Vec<String> {
    let tasks = TASKS_NEEDED.into_iter().filter(|task| !page.tasks.iter().any(|one| one == task));
    tasks.map(str::to_owned).chain(token.lacks(&page.id)).collect()
}

/// Where an app's webhooks go; called with the app's own token.
pub fn app_subscriptions(app_id: &str) -> Call {
    Call::get(Host::Graph, "app_subscriptions", format!("{app_id}/subscriptions"), Vec::new())
}

/// Has an app's webhooks of pages sent to this address. Facebook asks there for the verify token before it answers.
pub fn subscribe_app(app_id: &str, callback_url: &str, verify_token: &str) -> Call {
    let fields = FIELDS.join(",");
    let fields = [
        ("object", "page"),
        ("callback_url", callback_url),
        ("verify_token", verify_token),
        ("fields", &fields),
        ("include_values", "true"),
    ];
    form("subscribe_app", format!("{app_id}/subscriptions"), &fields)
}

/// An app's webhook of pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppWebhook {
    /// Where it goes.
    pub callback_url: String,
    /// Whether it goes there, with all of [`FIELDS`].
    pub is_whole: bool,
}

impl AppWebhook {
    /// Reads the answer to [`app_subscriptions`]; `None` if there is none.
    pub fn read(answer: &Value) -> Option<Self> {
        let pages = list(&answer["data"]).find(|one| one["object"] == "page")?;
        let names: Vec<&str> = list(&pages["fields"]).filter_map(|one| one["name"].as_str().or(one.as_str())).collect();
        let is_whole = pages["active"] == true && FIELDS.iter().all(|field| names.contains(field));
        Some(Self { callback_url: pages["callback_url"].as_str().unwrap_or_default().to_owned(), is_whole })
    }
}

/// Has the app told of a page, whose token is called with.
pub fn subscribe_page(page: &str) -> Call {
    form("subscribe_page", format!("{page}/subscribed_apps"), &[("subscribed_fields", &FIELDS.join(","))])
}

/// Which apps are told of a page.
pub fn subscribed_apps(page: &str) -> Call {
    Call::get(Host::Graph, "subscribed_apps", format!("{page}/subscribed_apps"), Vec::new())
}

/// Has the app told of a page no more.
pub fn unsubscribe_page(page: &str) -> Call {
    Call::delete(Host::Graph, "unsubscribe_page", format!("{page}/subscribed_apps"), Vec::new())
}

/// Whether this app is told of everything of the page, by the answer to [`subscribed_apps`].
pub fn is_subscribed(answer: &Value, app_id: &str) -> bool {
    list(&answer["data"]).filter(|app| app["id"] == app_id).any(|app| {
        let fields = texts(&app["subscribed_fields"]);
        FIELDS.iter().all(|field| fields.iter().any(|one| one == field))
    })
}

/// How messages of the page are shared out among apps (C6).
pub fn feature_status(page: &str) -> Call {
    let query = vec![("fields", "messaging_feature_status".to_owned())];
    Call::get(Host::Graph, "feature_status", page.to_owned(), query)
}

/// Whether another app may be the page's primary receiver: conversation routing (formerly Handover Protocol) is on.
pub fn is_routed(answer: &Value) -> bool {
    answer["messaging_feature_status"]["hop_v2"] == true
}

/// [`Failure::code`] of a token that was revoked, ran out, or never was one.
pub const TOKEN_INVALID: &str = "token_invalid";
/// [`Failure::code`] of something that the token does not permit.
pub const PERMISSION_MISSING: &str = "permission_missing";
/// [`Failure::code`] of an app id or app secret that Facebook does not take.
pub const APP_REFUSED: &str = "app_refused";

/// Understands an answer to any of the calls here: the fields of its object, or why not.
pub fn read_answer(http_status: u16, body: &[u8]) -> Result<Value, Failure> {
    let answer: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    match answer["error"].as_object() {
        Some(error) => Err(stated(http_status, error)),
        None if (200..300).contains(&http_status) && answer.is_object() => Ok(answer),
        None => Err(Failure::outcome_unknown(&format!("HTTP {http_status} without an answer of Facebook's"))),
    }
}

fn stated(http_status: u16, error: &Map<String, Value>) -> Failure {
    let code = error.get("code").and_then(Value::as_i64).unwrap_or_default();
    let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
    let transient = error.get("is_transient") == Some(&Value::Bool(true));
    let hold = FailureClass::Hold { retry_after_s: HOLD_SECONDS.min(HOLD_SECONDS_MAX) };
    let (class, word) = match code {
        4 | 17 | 32 | 613 => (hold, "rate_limited"),
        102 | 190 => (FailureClass::PermanentChannel, TOKEN_INVALID),
        101 => (FailureClass::Configuration, APP_REFUSED),
        // A wrong app secret has the code of "something went wrong".
        1 if message.contains("client secret") => (FailureClass::Configuration, APP_REFUSED),
        1 | 2 => (FailureClass::Retry, "provider_unavailable"),
        3 | 10 | 200..=299 => (FailureClass::PermanentChannel, PERMISSION_MISSING),
        _ if transient || http_status >= 500 => (FailureClass::Retry, "provider_unavailable"),
        _ => (FailureClass::PermanentMessage, "refused"),
    };
    Failure::new(class, word, &format!("{} ({code})", without_tokens(message)))
}

/// The shortest word that may be a token: Facebook quotes malformed ones.
const TOKEN_CHARS_MIN: usize = 24;

fn without_tokens(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let longest = word.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-' | '|')).map(str::len);
        if longest.max().unwrap_or(0) >= TOKEN_CHARS_MIN { "<...>" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Verb;
    use crate::messenger::with_proof;
    use serde_json::json;

    #[test]
    fn c5_the_dialog_asks_for_what_pages_need() {
        assert_eq!(
            dialog_url("https://www.facebook.com/", "123", "https://x.org/a?b=c d", "st-_~"),
            "https://www.facebook.com/v25.0/dialog/oauth?response_type=code&client_id=123\
             &redirect_uri=https%3A%2F%2Fx.org%2Fa%3Fb%3Dc%20d&state=st-_~\
             &scope=pages_show_list%2Cpages_messaging%2Cpages_manage_metadata%2Cbusiness_management"
        );
    }

    #[test]
    fn i10_secrets_are_in_no_address_and_no_print() {
        let calls = [
            exchange_code("1", "hush", "https://x.org", "hush"),
            exchange_token("1", "hush", "hush"),
            subscribe_app("1", "https://x.org", "hush"),
            with_proof(subscribe_page("7"), "hush", "hush"),
            with_proof(accounts(None), "hush", "hush"),
        ];
        for call in calls {
            assert!(!call.path.contains("hush") && call.query.iter().all(|(_, value)| !value.contains("hush")));
            assert!(!format!("{call:?}").contains("hush"), "{call:?}");
        }
        let page = Page { id: "7".into(), name: "x".into(), token: "hush".into(), tasks: vec![] };
        assert!(!format!("{page:?}{:?}", debug_token("hush")).contains("hush"));
    }

    #[test]
    fn a_proof_is_the_hmac_of_the_token_by_the_secret() {
        let proof = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
        let words = "The quick brown fox jumps over the lazy dog";
        let call = with_proof(accounts(Some("c")), "key", words);
        assert_eq!(call.query.last(), Some(&("appsecret_proof", proof.to_owned())));
        assert_eq!(with_proof(subscribe_page("7"), "key", words).field("appsecret_proof"), Some(proof));
    }

    #[test]
    fn the_calls_go_where_they_should() {
        let fields = FIELDS.join(",");
        let call = subscribe_page("7");
        assert_eq!((call.verb, call.path.as_str()), (Verb::Post, "7/subscribed_apps"));
        assert_eq!(call.field("subscribed_fields"), Some(fields.as_str()));
        let call = subscribe_app("1", "https://x.org/w", "v");
        assert_eq!((call.path.as_str(), call.field("object")), ("1/subscriptions", Some("page")));
        assert_eq!((call.field("callback_url"), call.field("verify_token")), (Some("https://x.org/w"), Some("v")));
        assert_eq!(unsubscribe_page("7").verb, Verb::Delete);
        assert_eq!(accounts(Some("c")).query.last(), Some(&("after", "c".to_owned())));
        assert_eq!(exchange_token("1", "s", "t").field("fb_exchange_token"), Some("t"));
    }

    #[test]
    fn c5_pages_are_read_part_by_part() {
        let answer = json!({
            "data": [
                {"id": "7", "name": " Fl\now ", "access_token": "t", "tasks": ["MESSAGING"]},
                {"id": "8", "access_token": "t"},
                {"id": "9", "name": "no token"},
                {"id": "x/y", "access_token": "t"},
                7,
            ],
            "paging": {"cursors": {"after": "c"}, "next": "https://graph…"},
        });
        let (pages, next) = read_accounts(&answer);
        let brief: Vec<_> = pages.iter().map(|page| (page.id.as_str(), page.name.as_str())).collect();
        assert_eq!((brief, next.as_deref()), (vec![("7", "Flow"), ("8", "8")], Some("c")));
        let last = json!({"data": [], "paging": {"cursors": {"after": "c"}}});
        assert_eq!(read_accounts(&last), (vec![], None));
        assert_eq!(read_accounts(&json!({})), (vec![], None));
    }

    #[test]
    fn c5_what_a_page_lacks_is_named() {
        let info = |scopes: Value, granular: Value| {
            TokenInfo::read(&json!({"data": {"is_valid": true, "scopes": scopes, "granular_scopes": granular}}))
                .unwrap()
        };
        let page = |tasks: &[&str]| Page {
            id: "7".into(),
            name: "x".into(),
            token: "t".into(),
            tasks: tasks.iter().map(|task| (*task).to_owned()).collect(),
        };
        let all = json!(["pages_messaging", "pages_manage_metadata"]);
        let whole = info(all.clone(), json!([]));
        assert_eq!(lacking(&page(&["MANAGE", "MESSAGING", "ANALYZE"]), &whole), [""; 0]);
        assert_eq!(lacking(&page(&["MANAGE"]), &whole), ["MESSAGING"]);
        assert_eq!(lacking(&page(&[]), &whole), ["MANAGE", "MESSAGING"]);
        let declined = info(json!(["pages_messaging"]), Value::Null);
        assert_eq!(declined.lacks("7"), ["pages_manage_metadata"]);
        let other = json!([
            {"scope": "pages_messaging", "target_ids": ["8"]},
            {"scope": "pages_manage_metadata"},
        ]);
        assert_eq!(info(all, other).lacks("7"), ["pages_messaging"]);
        assert_eq!(TokenInfo::read(&json!({})), None);
        let dead = TokenInfo::read(&json!({"data": {"is_valid": false, "scopes": []}})).unwrap();
        assert!(!dead.is_valid);
    }

    #[test]
    fn c5_subscriptions_are_whole_or_not() {
        let names = |skip: usize| FIELDS.iter().skip(skip).collect::<Vec<_>>();
        let app = |active: bool, skip: usize| {
            let fields: Vec<Value> = names(skip).iter().map(|name| json!({"name": name, "version": "v25.0"})).collect();
            let page = json!({"object": "page", "callback_url": "https://x.org", "active": active, "fields": fields});
            AppWebhook::read(&json!({"data": [{"object": "user", "callback_url": "https://y.org"}, page]}))
        };
        let read = |is_whole| Some(AppWebhook { callback_url: "https://x.org".into(), is_whole });
        assert_eq!((app(true, 0), app(false, 0), app(true, 1)), (read(true), read(false), read(false)));
        assert_eq!(AppWebhook::read(&json!({"data": []})), None);
        let page = |id: &str, skip: usize| json!({"data": [{"id": id, "subscribed_fields": names(skip)}]});
        assert!(is_subscribed(&page("1", 0), "1"));
        assert!(!is_subscribed(&page("1", 1), "1") && !is_subscribed(&page("2", 0), "1"));
        assert!(is_routed(&json!({"messaging_feature_status": {"hop_v2": true}})));
        assert!(!is_routed(&json!({"id": "7"})));
    }

    #[test]
    fn refusals_are_told_apart() {
        let code = |status: u16, error: Value| read_answer(status, json!({ "error": error }).to_string().as_bytes());
        for (status, error, word) in [
            (400, json!({"code": 190, "error_subcode": 463}), TOKEN_INVALID),
            (400, json!({"code": 102}), TOKEN_INVALID),
            (403, json!({"code": 10}), PERMISSION_MISSING),
            (403, json!({"code": 200}), PERMISSION_MISSING),
            (400, json!({"code": 101}), APP_REFUSED),
            (400, json!({"code": 1, "message": "Error validating client secret."}), APP_REFUSED),
            (400, json!({"code": 1}), "provider_unavailable"),
            (500, json!({"code": 100}), "provider_unavailable"),
            (400, json!({"code": 100, "is_transient": true}), "provider_unavailable"),
            (400, json!({"code": 4}), "rate_limited"),
            (400, json!({"code": 100, "error_subcode": 36009}), "refused"),
            (400, json!({}), "refused"),
        ] {
            assert_eq!(code(status, error.clone()).unwrap_err().code, word, "{error}");
        }
        for (status, body) in [(502, "<html>"), (200, "<html>"), (200, "[]"), (404, "{}")] {
            assert_eq!(read_answer(status, body.as_bytes()).unwrap_err().code, "outcome_unknown", "{body}");
        }
        assert_eq!(read_answer(200, b"{\"success\":true}"), Ok(json!({"success": true})));
        let quoted =
            code(400, json!({"code": 190, "message": "Malformed access token EAABsbCS1iHgBAKZCZDhush5678 (x)"}));
        assert_eq!(quoted.unwrap_err().detail, "Malformed access token <...> (x) (190)");
    }
}
