//! The login dialog, tokens and what they show.

use reqwest::Method;
use serde_json::{Value, json};
use simulators::graph::{ClientError, NewPage};

use crate::support::{APP, BOT_PAGE, PAGE, SECRET, Stage, app_token, stage};

const REDIRECT: &str = "https://example.com/connect/facebook?x=1";
const SCOPE: &str = "pages_show_list,pages_messaging,pages_manage_metadata";

fn ask() -> Value {
    json!({"client_id": APP, "redirect_uri": REDIRECT, "state": "s t", "scope": SCOPE})
}

fn query(location: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(location).expect("a URL");
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

async fn exchange(stage: &Stage, params: &[(&str, &str)]) -> (u16, Value) {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
    stage.call(Method::GET, &format!("oauth/access_token?{query}"), "", &Value::Null).await
}

async fn redeem(stage: &Stage, code: &str) -> (u16, Value) {
    let params = [("client_id", APP), ("client_secret", SECRET), ("redirect_uri", REDIRECT), ("code", code)];
    exchange(stage, &params).await
}

/// A user's token of a login with this decision.
async fn sign_in(stage: &Stage, decision: &Value) -> String {
    let location = stage.client.sign_in(&ask(), decision).await.expect("signed in");
    let (status, answer) = redeem(stage, &query(&location, "code").expect("a code")).await;
    assert_eq!(status, 200, "{answer}");
    answer["access_token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn the_dialog_is_a_page_with_a_form_and_sends_the_browser_back() {
    let stage = stage().await;
    let dialog = format!("{}/v25.0/dialog/oauth", stage.simulator.url());
    let asked = format!(
        "client_id={APP}&redirect_uri=https%3A%2F%2Fexample.com%2Fback&state=%3Cs%3E&scope={SCOPE}&response_type=code&auth_type=rerequest"
    );
    let response = stage.http.get(format!("{dialog}?{asked}")).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let page = response.text().await.expect("HTML");
    for part in ["Continue as Olivia Admin", "Bot shop", "pages_messaging", "value=\"&lt;s&gt;\""] {
        assert!(page.contains(part), "{part} in {page}");
    }
    for (choice, name, value) in [
        (format!("action=continue&page={PAGE}&granted=pages_show_list"), "state", "<s>"),
        ("action=cancel".to_owned(), "error", "access_denied"),
    ] {
        let form = stage.http.post(&dialog).header("content-type", "application/x-www-form-urlencoded");
        let response = form.body(format!("{asked}&{choice}")).send().await.expect("an answer");
        assert_eq!(response.status(), 302);
        let location = response.headers()["location"].to_str().expect("ASCII").to_owned();
        assert!(location.starts_with("https://example.com/back?") && location.ends_with("#_=_"), "{location}");
        assert_eq!(query(&location, name).as_deref(), Some(value));
    }
    for wrong in ["client_id=1", "redirect_uri=back", "scope=everything", "response_type=token"] {
        let name = wrong.split_once('=').expect("a pair").0;
        let kept: Vec<&str> = asked.split('&').filter(|pair| !pair.starts_with(name)).collect();
        let url = format!("{dialog}?{}&{wrong}", kept.join("&"));
        assert_eq!(stage.http.get(url).send().await.expect("an answer").status(), 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_code_is_good_once_for_its_app_and_address() {
    let stage = stage().await;
    let location = stage.client.sign_in(&ask(), &json!({})).await.expect("signed in");
    assert_eq!(query(&location, "state").as_deref(), Some("s t"));
    assert_eq!(query(&location, "x").as_deref(), Some("1"));
    let code = query(&location, "code").expect("a code");
    let cases = [
        (vec![("client_secret", SECRET), ("redirect_uri", REDIRECT), ("code", code.as_str())], 101, None),
        (vec![("client_id", APP), ("client_secret", "no"), ("redirect_uri", REDIRECT), ("code", &code)], 1, None),
        (vec![("client_id", APP), ("client_secret", SECRET), ("code", &code)], 191, None),
        (
            vec![("client_id", APP), ("client_secret", SECRET), ("redirect_uri", "https://x.y"), ("code", &code)],
            100,
            Some(36_008),
        ),
        (
            vec![("client_id", APP), ("client_secret", SECRET), ("redirect_uri", REDIRECT), ("code", "AQ")],
            100,
            Some(36_009),
        ),
    ];
    for (params, code, subcode) in cases {
        let (status, body) = exchange(&stage, &params).await;
        assert_eq!((status, &body["error"]["code"]), (400, &json!(code)), "{params:?}: {body}");
        assert_eq!(body["error"]["error_subcode"].as_u64(), subcode);
    }
    let (status, answer) = redeem(&stage, &code).await;
    assert_eq!((status, &answer["token_type"], &answer["expires_in"]), (200, &json!("bearer"), &json!(5400)));
    let (status, body) = redeem(&stage, &code).await;
    assert_eq!((status, &body["error"]["error_subcode"]), (400, &json!(36_009)));
    let denied = stage.client.sign_in(&ask(), &json!({"deny": true})).await.expect("denied");
    assert_eq!(query(&denied, "error").as_deref(), Some("access_denied"));
    assert_eq!(query(&denied, "code"), None);
    let wrong = stage.client.sign_in(&json!({"client_id": "1", "redirect_uri": REDIRECT}), &json!({})).await;
    assert!(matches!(wrong, Err(ClientError::Refused { status: 409, .. })));
}

#[tokio::test]
async fn a_long_lived_token_gives_page_tokens_that_never_expire() {
    let stage = stage().await;
    let short = sign_in(&stage, &json!({"pages": [PAGE]})).await;
    let params = [
        ("grant_type", "fb_exchange_token"),
        ("client_id", APP),
        ("client_secret", SECRET),
        ("fb_exchange_token", short.as_str()),
    ];
    let (status, answer) = exchange(&stage, &params).await;
    assert_eq!((status, &answer["expires_in"]), (200, &json!(5_184_000)));
    let long = answer["access_token"].as_str().expect("a token").to_owned();
    let accounts = stage.get("me/accounts", &long).await;
    assert_eq!(accounts["data"].as_array().map(Vec::len), Some(1), "only what was granted: {accounts}");
    let page = &accounts["data"][0];
    assert_eq!((&page["id"], &page["name"]), (&json!(PAGE), &json!("Shop")));
    assert!(page["tasks"].as_array().is_some_and(|tasks| tasks.contains(&json!("MESSAGING"))));
    let token = page["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(stage.get("me/accounts", &long).await["data"][0]["access_token"], token.as_str(), "the same again");
    let told = stage.get(&format!("debug_token?input_token={token}"), &app_token()).await["data"].clone();
    assert_eq!((&told["type"], &told["is_valid"], &told["expires_at"]), (&json!("PAGE"), &json!(true), &json!(0)));
    assert_eq!((&told["app_id"], &told["profile_id"]), (&json!(APP), &json!(PAGE)));
    assert!(told["scopes"].as_array().is_some_and(|scopes| scopes.contains(&json!("pages_messaging"))));
    stage.client.break_tokens("expired", Some(PAGE)).await.expect("broken");
    let told = stage.get(&format!("debug_token?input_token={token}"), &app_token()).await["data"].clone();
    assert_eq!((&told["is_valid"], &told["error"]["subcode"]), (&json!(false), &json!(463)));
    let told = stage.get("debug_token?input_token=nonsense", &app_token()).await["data"].clone();
    assert_eq!(told["is_valid"], false);
    let me = stage.get("me?fields=id,name", &long).await;
    assert_eq!(me["name"], "Olivia Admin");
    stage.call(Method::DELETE, "me/permissions", &long, &Value::Null).await;
    assert_eq!(stage.refused(Method::GET, "me", &long, &Value::Null).await, "190/458");
}

#[tokio::test]
async fn what_was_declined_is_missing() {
    let stage = stage().await;
    let token = sign_in(&stage, &json!({"declined": ["pages_messaging"]})).await;
    let permissions = stage.get("me/permissions", &token).await;
    let status = |name: &str| {
        let rows = permissions["data"].as_array().into_iter().flatten();
        rows.clone().find(|row| row["permission"] == name).map(|row| row["status"].clone())
    };
    assert_eq!(status("pages_messaging"), Some(json!("declined")));
    assert_eq!(status("pages_show_list"), Some(json!("granted")));
    let token = sign_in(&stage, &json!({"declined": ["pages_show_list"]})).await;
    assert_eq!(stage.get("me/accounts", &token).await, json!({"data": []}));
}

#[tokio::test]
async fn many_pages_come_in_parts() {
    let stage = stage().await;
    for number in 0..4 {
        let page = NewPage { id: Some(format!("10000000000010{number}")), ..NewPage::default() };
        stage.client.create_page(&page).await.expect("created");
    }
    let token = sign_in(&stage, &json!({})).await;
    let mut ids = Vec::new();
    let mut part = stage.get("me/accounts?limit=4&fields=id", &token).await;
    loop {
        ids.extend(part["data"].as_array().into_iter().flatten().map(|page| page["id"].clone()));
        assert!(part["paging"]["cursors"]["after"].is_string());
        let Some(next) = part["paging"]["next"].as_str() else { break };
        let url = next.to_owned();
        // The link carries the token only if the call did so too: it came in a header.
        let response = stage.http.get(url).bearer_auth(&token).send().await.expect("an answer");
        part = response.json().await.expect("JSON");
    }
    assert_eq!(ids.len(), 6, "{ids:?}");
    assert_eq!(ids.iter().filter(|id| **id == json!(BOT_PAGE)).count(), 1);
    assert_eq!(stage.refused(Method::GET, "me/accounts?limit=0", &token, &Value::Null).await, "100");
}

#[tokio::test]
async fn a_page_token_tells_the_page_and_its_routing() {
    let stage = stage().await;
    let fields = "me?fields=messaging_feature_status,name,id";
    for (token, id, name, routed) in
        [(&stage.token, PAGE, "Shop", false), (&stage.bot_page_token, BOT_PAGE, "Bot shop", true)]
    {
        let me = stage.get(fields, token).await;
        assert_eq!((&me["id"], &me["name"]), (&json!(id), &json!(name)));
        assert_eq!(me["messaging_feature_status"]["hop_v2"], routed);
    }
    assert_eq!(stage.refused(Method::GET, "me?fields=mood", &stage.token, &Value::Null).await, "100");
    assert_eq!(stage.refused(Method::GET, "me/accounts", &stage.token, &Value::Null).await, "2500");
}
