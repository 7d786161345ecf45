//! Facebook pages (C1, C3, C5, C9, P3).

use fakes::FaultTime;
use lambda_http::Body;
use ports::records::{ChannelRecord, account_key, channel_key, decode_channel};
use ports::secrets::{FACEBOOK_APP, FACEBOOK_VERIFY};
use ports::store::Row;
use ports::{MessengerReply, SecretError, StoreError};
use serde_json::{Value, json};

use super::graph::{APP, APP_SECRET, CODE, RETURN_URL, no};
use super::{Bench, Got, queue};

const ALL: [&str; 3] = ["pages_show_list", "pages_messaging", "pages_manage_metadata"];
const WEBHOOK: &str = "https://api.example.com/webhooks/messenger";

/// A bench whose Facebook app is set, with three pages.
async fn bench() -> Bench {
    let bench = Bench::new();
    bench.call("PUT /api/settings/FacebookAppId", json!({ "value": APP })).await;
    bench.call("PUT /api/settings/FacebookAppSecret", json!({ "value": APP_SECRET })).await;
    for (id, name) in [("71", "Flowers"), ("72", "Roses"), ("73", "Tulips")] {
        bench.graph.page(id, name, &["MANAGE", "MESSAGING"]);
    }
    bench.graph.allow(&ALL);
    bench
}

async fn sign_in(bench: &Bench) -> String {
    let got = bench.call("POST /api/channels/messenger/sign-in", json!({ "return_url": RETURN_URL })).await;
    assert_eq!(got.status, 200, "{got:?}");
    got.body["state"].as_str().unwrap().to_owned()
}

async fn pages(bench: &Bench, state: &str) -> Got {
    bench.call("POST /api/channels/messenger/pages", json!({ "code": CODE, "state": state })).await
}

async fn signed_in(bench: &Bench) -> String {
    bench.graph.new_code();
    let state = sign_in(bench).await;
    assert_eq!(pages(bench, &state).await.status, 200);
    state
}

async fn connect(bench: &Bench, state: &str, pages: &[&str]) -> Got {
    bench.call("POST /api/channels/messenger", json!({ "state": state, "pages": pages })).await
}

/// The code of the first page's error, `ok` if it has none; or the whole answer's.
fn first(got: &Got) -> String {
    match &got.body["pages"][0]["error"]["code"] {
        Value::String(code) => code.clone(),
        _ => got.code().to_owned(),
    }
}

fn problem(bench: &Bench, id: &str) -> Option<String> {
    bench.configuration().channels[&id.parse().unwrap()].problem.clone()
}

fn record(bench: &Bench, id: &str) -> ChannelRecord {
    let key = channel_key(&id.parse().unwrap());
    decode_channel(&Row { attributes: bench.store.row(&key).unwrap(), key }).unwrap()
}

#[tokio::test]
async fn c5_pages_are_chosen_and_become_channels() {
    let bench = bench().await;
    let got = bench.call("POST /api/channels/messenger/sign-in", json!({ "return_url": RETURN_URL })).await;
    let (url, state) = (got.body["url"].as_str().unwrap(), got.body["state"].as_str().unwrap());
    assert!(url.starts_with("https://www.facebook.com/v25.0/dialog/oauth?"), "{url}");
    assert!(url.contains(&format!("client_id={APP}&")) && url.contains(&format!("state={state}&")), "{url}");
    assert_eq!(state.len(), 43, "256 bits");
    assert!(!bench.store.dump().contains(state), "the state is stored as its hash");
    let got = pages(&bench, state).await;
    let page = |id: &str, name: &str| json!({ "id": id, "name": name, "lacks": [], "channel": null });
    assert_eq!(got.body["pages"], json!([page("71", "Flowers"), page("72", "Roses"), page("73", "Tulips")]));
    assert_eq!(got.body["more"], false);
    let calls = ["exchange_code", "exchange_token", "debug_token", "accounts", "accounts"];
    assert_eq!(bench.graph.take_methods(), calls);
    let got = connect(&bench, state, &["72", "71", "72"]).await;
    assert_eq!((got.status, &got.body["warnings"]), (200, &json!([])));
    assert_eq!(
        got.body["pages"][0],
        json!({
            "page": "72", "error": null, "channel": {
                "id": "fb-72", "provider": "messenger", "name": "Roses", "active": false, "queue": null,
                "language": null, "account": "72", "account_name": "Roses", "problem": null, "version": 2,
            },
        })
    );
    assert_eq!((first(&got).as_str(), got.body["pages"].as_array().unwrap().len()), ("ok", 2));
    assert_eq!(bench.graph.subscribed(), ["72", "71"]);
    let (url, verify) = bench.graph.webhook().unwrap();
    assert_eq!((url.as_str(), verify.len()), (WEBHOOK, 43));
    assert_eq!(bench.secrets.token(FACEBOOK_VERIFY), Some(verify));
    assert!(bench.secrets.token("fb-72").unwrap().starts_with("hush-hush-page-72-"));
    assert!(bench.store.row(&account_key(domain::Provider::Messenger, "72")).is_some());
    assert_eq!(record(&bench, "fb-72").channel, bench.configuration().channels[&"fb-72".parse().unwrap()]);
    bench.holds_no_secret(&bench.store.dump());
}

#[tokio::test]
async fn p3_a_set_up_names_every_setting_that_is_missing() {
    let bench = Bench::new();
    let calls = [
        ("POST /api/channels/messenger/sign-in", json!({ "return_url": RETURN_URL })),
        ("POST /api/channels/messenger/pages", json!({ "code": CODE, "state": "x" })),
        ("POST /api/channels/messenger", json!({ "state": "x", "pages": ["71"] })),
    ];
    for (call, body) in &calls {
        let got = bench.call(call, body.clone()).await;
        assert_eq!((got.status, got.code()), (409, "settings_missing"), "{call}");
        assert!(got.text().contains("FacebookAppId, FacebookAppSecret"), "{}", got.text());
    }
    bench.call("PUT /api/settings/FacebookAppId", json!({ "value": APP })).await;
    let got = bench.call(calls[0].0, calls[0].1.clone()).await;
    assert!(got.text().contains(": FacebookAppSecret."), "{}", got.text());
    let got = bench.call("PUT /api/settings/FacebookAppSecret", json!({ "value": APP_SECRET })).await;
    assert_eq!((&got.body["value"], &got.body["set"]), (&Value::Null, &json!(true)), "C9");
    assert_eq!(bench.secrets.token(FACEBOOK_APP).as_deref(), Some(APP_SECRET));
    assert_eq!(bench.call(calls[0].0, calls[0].1.clone()).await.status, 200);
    bench.call("PUT /api/settings/FacebookAppSecret", json!({ "value": null })).await;
    assert_eq!(bench.secrets.token(FACEBOOK_APP), None);
    assert_eq!(bench.call(calls[0].0, calls[0].1.clone()).await.code(), "settings_missing");
}

#[tokio::test]
async fn c5_facebook_returns_to_an_allowed_origin_only() {
    let bench = bench().await;
    for (url, status) in [
        (RETURN_URL, 200),
        ("http://localhost:8300/", 200),
        ("https://api.example.com/console", 200),
        ("https://console.example.com.evil.org/", 422),
        ("https://evil.org/", 422),
    ] {
        let got = bench.call("POST /api/channels/messenger/sign-in", json!({ "return_url": url })).await;
        assert_eq!(got.status, status, "{url}");
    }
}

#[tokio::test]
async fn c5_a_state_is_one_persons_once_and_for_ten_minutes() {
    let bench = bench().await;
    let state = sign_in(&bench).await;
    for wrong in ["", "x", &"y".repeat(43)] {
        assert_eq!(pages(&bench, wrong).await.code(), "sign_in_refused");
    }
    let body = || Body::Text(json!({ "code": CODE, "state": state }).to_string());
    let got = bench.call_as(Some("other"), "POST /api/channels/messenger/pages", &[], body()).await;
    assert_eq!(got.code(), "sign_in_refused", "another person's");
    assert_eq!(connect(&bench, &state, &["71"]).await.code(), "sign_in_refused", "not signed in yet");
    bench.clock.advance(10 * 60 * 1000);
    assert_eq!(pages(&bench, &state).await.code(), "sign_in_refused");
    assert_eq!(bench.graph.take_methods(), [""; 0], "the code is not used up");
    let state = sign_in(&bench).await;
    assert_eq!(pages(&bench, &state).await.status, 200);
    bench.graph.take_methods();
    let again = bench.call("POST /api/channels/messenger/pages", json!({ "code": "theirs", "state": state })).await;
    assert_eq!(again.status, 200, "the list may be asked for again");
    assert!(!bench.graph.take_methods().contains(&"exchange_code".to_owned()), "and no other code is taken");
    let newer = signed_in(&bench).await;
    assert_eq!(connect(&bench, &state, &["71"]).await.code(), "sign_in_refused", "the last sign-in holds");
    bench.clock.advance(30 * 60 * 1000);
    assert_eq!(connect(&bench, &newer, &["71"]).await.code(), "sign_in_refused");
}

#[tokio::test]
async fn c9_of_earlier_sign_ins_no_token_stays() {
    let bench = bench().await;
    for _ in 0..3 {
        signed_in(&bench).await;
        assert_eq!(bench.secrets.names("facebook.sign-in-").len(), 1);
    }
    sign_in(&bench).await;
    assert_eq!(bench.secrets.names("facebook.sign-in-"), [""; 0]);
}

#[tokio::test]
async fn c5_wherever_the_sign_in_breaks_off_the_same_call_goes_on() {
    let bad = || MessengerReply::Unknown("timed out".to_owned());
    // Before the code is used up, and after what it gave is kept.
    for step in 0..5 {
        let bench = bench().await;
        let state = sign_in(&bench).await;
        bench.graph.fail(step, bad());
        assert_eq!(pages(&bench, &state).await.code(), "facebook_unavailable", "step {step}");
        assert_eq!(pages(&bench, &state).await.body["pages"].as_array().unwrap().len(), 3, "step {step}");
    }
    // The secret store: the app's secret, the token that may be there, both tokens put.
    for step in 0..4 {
        let bench = bench().await;
        let state = sign_in(&bench).await;
        bench.secrets.fail_after(step, &SecretError::Unavailable("down".to_owned()));
        assert_eq!(pages(&bench, &state).await.code(), "try_again", "step {step}");
        let again = pages(&bench, &state).await;
        if step == 2 {
            assert_eq!(again.code(), "sign_in_refused", "the code is used up, and what it gave was lost");
            bench.graph.new_code();
        }
        assert_eq!(pages(&bench, &state).await.status, 200, "step {step}");
    }
    for time in [FaultTime::Before, FaultTime::After] {
        let bench = bench().await;
        let state = sign_in(&bench).await;
        bench.store.fail_next_commits(1, time, &StoreError::Unavailable("lost".to_owned()));
        assert_eq!(pages(&bench, &state).await.code(), "try_again");
        assert_eq!(pages(&bench, &state).await.status, 200);
    }
}

#[tokio::test]
async fn c5_what_facebook_says_to_the_sign_in_is_told() {
    for (reply, code) in [
        (no(400, 100, "This authorization code has expired."), "sign_in_refused"),
        (no(400, 1, "Error validating client secret."), "invalid_value"),
        (no(400, 101, "Error validating application."), "invalid_value"),
        (no(400, 4, "Application request limit reached"), "facebook_unavailable"),
        (no(500, 2, "Service temporarily unavailable"), "facebook_unavailable"),
    ] {
        let bench = bench().await;
        let state = sign_in(&bench).await;
        bench.graph.fail(0, reply);
        assert_eq!(pages(&bench, &state).await.code(), code);
    }
    let bench = bench().await;
    let state = sign_in(&bench).await;
    bench.graph.fail(3, no(400, 190, "Error validating access token"));
    assert_eq!(pages(&bench, &state).await.code(), "sign_in_refused");
}

#[tokio::test]
async fn c5_wherever_connecting_breaks_off_the_same_call_goes_on() {
    // debug_token, accounts (2), the app's webhook (3), the page's (2).
    let steps = 8;
    let faults: [(MessengerReply, &str); 4] = [
        (MessengerReply::NotSent("no route".to_owned()), "facebook_unavailable"),
        (MessengerReply::Unknown("timed out".to_owned()), "facebook_unavailable"),
        (no(500, 2, "Service temporarily unavailable"), "facebook_unavailable"),
        (no(429, 4, "too many"), "facebook_unavailable"),
    ];
    for (fault, code) in faults {
        for step in 0..steps {
            let bench = bench().await;
            let state = signed_in(&bench).await;
            bench.graph.take_methods();
            bench.graph.fail(step, fault.clone());
            let got = connect(&bench, &state, &["71"]).await;
            assert_eq!(first(&got), code, "{fault:?} at step {step}");
            if step < 6 {
                assert!(bench.configuration().channels.is_empty(), "step {step}");
                assert_eq!(bench.secrets.token("fb-71"), None, "step {step}");
            } else {
                assert_eq!(problem(&bench, "fb-71").as_deref(), Some("webhook_not_confirmed"), "step {step}");
            }
            let again = connect(&bench, &state, &["71"]).await;
            assert_eq!((first(&again).as_str(), problem(&bench, "fb-71")), ("ok", None), "step {step}");
        }
        let bench = bench().await;
        let state = signed_in(&bench).await;
        bench.graph.take_methods();
        connect(&bench, &state, &["71"]).await;
        assert_eq!(bench.graph.take_methods().len(), steps, "every step had its fault");
    }
}

#[tokio::test]
async fn c5_whatever_the_stores_do_at_each_step_asking_again_finishes_it() {
    for (commit, time) in [(0, FaultTime::Before), (0, FaultTime::After), (1, FaultTime::Before), (1, FaultTime::After)]
    {
        let bench = bench().await;
        let state = signed_in(&bench).await;
        for _ in 0..commit {
            bench.store.before_next_commit(|_| {});
        }
        bench.store.before_next_commit(move |store| {
            store.fail_next_commits(1, time, &StoreError::Unavailable("lost".to_owned()));
        });
        assert_eq!(first(&connect(&bench, &state, &["71"]).await), "try_again");
        assert_eq!(first(&connect(&bench, &state, &["71"]).await), "ok");
        assert_eq!(problem(&bench, "fb-71"), None);
    }
    // The app's secret, the person's token, the verify token read and put, the page's token put.
    for step in 0..5 {
        let bench = bench().await;
        let state = signed_in(&bench).await;
        bench.secrets.fail_after(step, &SecretError::Unavailable("down".to_owned()));
        assert_eq!(first(&connect(&bench, &state, &["71"]).await), "try_again", "step {step}");
        assert_eq!(first(&connect(&bench, &state, &["71"]).await), "ok", "step {step}");
        let (_, verify) = bench.graph.webhook().unwrap();
        assert_eq!(bench.secrets.token(FACEBOOK_VERIFY), Some(verify));
    }
}

#[tokio::test]
async fn c5_a_page_that_fails_holds_no_other_up() {
    let bench = bench().await;
    let state = signed_in(&bench).await;
    bench.graph.take_methods();
    bench.graph.fail(6, MessengerReply::Unknown("timed out".to_owned()));
    let got = connect(&bench, &state, &["71", "99", "72"]).await;
    let codes: Vec<_> = (0..3).map(|n| got.body["pages"][n]["error"]["code"].clone()).collect();
    assert_eq!(codes, [json!("facebook_unavailable"), json!("not_found"), Value::Null], "{got:?}");
    assert_eq!(bench.configuration().channels.len(), 2);
    for wrong in [json!([]), json!(["x"]), json!((0..11).map(|n| n.to_string()).collect::<Vec<_>>())] {
        let body = json!({ "state": state, "pages": wrong });
        assert_eq!(bench.call("POST /api/channels/messenger", body).await.code(), "invalid_value");
    }
}

#[tokio::test]
async fn c5_what_takes_too_long_is_left_for_the_next_call() {
    let bench = bench().await;
    let state = signed_in(&bench).await;
    let clock = bench.clock.clone();
    bench.store.before_next_commit(move |_| clock.advance(12_001));
    let got = connect(&bench, &state, &["71", "72"]).await;
    assert_eq!((first(&got).as_str(), &got.body["pages"][1]["error"]["code"]), ("ok", &json!("try_again")));
    let got = connect(&bench, &state, &["71", "72"]).await;
    assert_eq!((first(&got).as_str(), &got.body["pages"][1]["error"]), ("ok", &Value::Null));
}

#[tokio::test]
async fn c5_a_webhook_that_is_not_confirmed_is_no_success() {
    let bench = bench().await;
    let state = signed_in(&bench).await;
    bench.graph.make_deaf(true);
    let got = connect(&bench, &state, &["71"]).await;
    assert_eq!((got.status, got.code()), (422, "webhook_not_confirmed"), "the app's");
    bench.graph.set_webhook(WEBHOOK);
    assert_eq!(first(&connect(&bench, &state, &["71"]).await), "webhook_not_confirmed", "the page's");
    assert_eq!(problem(&bench, "fb-71").as_deref(), Some("webhook_not_confirmed"));
    bench.graph.make_deaf(false);
    assert_eq!(first(&connect(&bench, &state, &["71"]).await), "ok");
    bench.graph.set_webhook("");
    bench.graph.stand(Some(("subscribe_app", no(400, 2200, "Callback verification failed"))));
    let got = connect(&bench, &state, &["71"]).await;
    assert!(got.text().contains("Callback verification failed"), "{}", got.text());
}

#[tokio::test]
async fn c5_less_than_full_permission_is_a_problem_of_the_channel() {
    let bench = bench().await;
    bench.graph.page("74", "Weeds", &["MANAGE"]);
    let state = signed_in(&bench).await;
    assert_eq!(pages(&bench, &state).await.body["pages"][3]["lacks"], json!(["MESSAGING"]));
    let got = connect(&bench, &state, &["74"]).await;
    assert_eq!(got.body["pages"][0]["channel"]["problem"], "permission_missing");
    bench.graph.allow(&ALL[..2]);
    let state = signed_in(&bench).await;
    assert_eq!(pages(&bench, &state).await.body["pages"][0]["lacks"], json!(["pages_manage_metadata"]));
    bench.graph.stand(Some(("subscribe_page", no(403, 200, "Requires pages_manage_metadata"))));
    let got = connect(&bench, &state, &["71"]).await;
    assert_eq!(first(&got), "permission_missing");
    assert_eq!(problem(&bench, "fb-71").as_deref(), Some("webhook_not_confirmed"));
    bench.graph.stand(None);
    bench.graph.allow(&ALL);
    bench.graph.page("74", "Weeds", &["MANAGE", "MESSAGING"]);
    connect(&bench, &state, &["71", "74"]).await;
    assert_eq!((problem(&bench, "fb-71"), problem(&bench, "fb-74")), (None, None));
}

#[tokio::test]
async fn c5_connecting_a_page_again_gives_its_channel_a_fresh_token() {
    let bench = bench().await;
    let queue = bench.call("POST /api/queues", queue("Sales")).await.id();
    let state = signed_in(&bench).await;
    connect(&bench, &state, &["71"]).await;
    let token = bench.secrets.token("fb-71");
    let body = json!({ "name": "Shop", "active": true, "queue": queue });
    bench.call_at(2, "PUT /api/channels/fb-71", body).await;
    let listed = pages(&bench, &state).await;
    assert_eq!(listed.body["pages"][0]["channel"], json!({ "id": "fb-71", "name": "Shop" }), "C3");
    let got = connect(&bench, &state, &["71"]).await;
    let channel = &got.body["pages"][0]["channel"];
    assert_eq!(
        (&channel["name"], &channel["active"], &channel["queue"]),
        (&json!("Shop"), &json!(true), &json!(queue))
    );
    assert_ne!(bench.secrets.token("fb-71"), token);
    assert_eq!(bench.configuration().channels.len(), 1);
}

#[tokio::test]
async fn c3_two_who_connect_one_page_at_once_make_one_channel() {
    let bench = bench().await;
    let state = signed_in(&bench).await;
    for _ in 0..5 {
        let (one, other) = tokio::join!(connect(&bench, &state, &["71"]), connect(&bench, &state, &["71"]));
        assert_eq!((first(&one).as_str(), first(&other).as_str()), ("ok", "ok"));
        assert_eq!((bench.configuration().channels.len(), problem(&bench, "fb-71")), (1, None));
        let kept = bench.secrets.token("fb-71").unwrap();
        assert!(kept.starts_with("hush-hush-page-71-"), "either works");
        assert_eq!(bench.call("DELETE /api/channels/fb-71", json!({})).await.status, 204);
    }
}

#[tokio::test]
async fn c3_taking_the_apps_webhook_over_is_said() {
    for (before, warnings) in [
        ("", json!([])),
        (WEBHOOK, json!([])),
        ("https://api.example.com/old/webhooks/messenger", json!([])),
        ("https://bots.example.org/hook", json!(["webhook_taken_over: bots.example.org"])),
    ] {
        let bench = bench().await;
        let state = signed_in(&bench).await;
        bench.graph.set_webhook(before);
        assert_eq!(connect(&bench, &state, &["71"]).await.body["warnings"], warnings, "{before}");
        assert_eq!(bench.graph.webhook().unwrap().0, WEBHOOK);
    }
}

#[tokio::test]
async fn a_deleted_page_leaves_nothing_behind() {
    let bench = bench().await;
    let state = signed_in(&bench).await;
    connect(&bench, &state, &["71", "72"]).await;
    assert_eq!(bench.call("DELETE /api/channels/fb-71", json!({})).await.status, 204);
    assert_eq!((bench.graph.subscribed(), bench.secrets.token("fb-71")), (vec!["72".to_owned()], None));
    assert!(bench.store.row(&account_key(domain::Provider::Messenger, "71")).is_none());
    assert!(bench.store.row(&channel_key(&"fb-71".parse().unwrap())).is_none());
    assert_eq!(bench.call("DELETE /api/channels/fb-71", json!({})).await.status, 404);
    assert_eq!(first(&connect(&bench, &state, &["71"]).await), "ok", "it may come back");
    // Broken off between the rows and the token.
    bench.secrets.fail_next(1, &SecretError::Unavailable("down".to_owned()));
    assert_eq!(bench.call("DELETE /api/channels/fb-71", json!({})).await.status, 503);
    assert_eq!(bench.call("DELETE /api/channels/fb-71", json!({})).await.status, 204);
    assert_eq!(bench.graph.subscribed(), ["72"]);
    // The app's webhook is another installation's now: so is the subscription.
    bench.graph.set_webhook("https://bots.example.org/hook");
    assert_eq!(bench.call("DELETE /api/channels/fb-72", json!({})).await.status, 204);
    assert_eq!(bench.graph.subscribed(), ["72"]);
    // Facebook's outage, or missing settings, hold nobody.
    connect(&bench, &state, &["71"]).await;
    bench.call("PUT /api/settings/FacebookAppId", json!({ "value": null })).await;
    assert_eq!(bench.call("DELETE /api/channels/fb-71", json!({})).await.status, 204);
    assert_eq!(bench.secrets.token("fb-71"), None);
}

#[tokio::test]
async fn c3_health_finds_out_what_is_wrong_with_a_page() {
    let bench = bench().await;
    let state = signed_in(&bench).await;
    connect(&bench, &state, &["71"]).await;
    let health = async || bench.get("/api/channels/fb-71/health").await.body;
    let well = json!({
        "ok": true, "problem": null, "webhook_host": "api.example.com", "pending_update_count": 0,
        "last_error_at_ms": null, "last_error": null, "routed": false,
    });
    assert_eq!(health().await, well);
    bench.graph.route();
    assert_eq!(health().await["routed"], true, "C6");
    bench.graph.set_webhook("https://bots.example.org/x");
    let got = health().await;
    assert_eq!((&got["problem"], &got["webhook_host"]), (&json!("webhook_taken_over"), &json!("bots.example.org")));
    bench.graph.set_webhook("");
    assert_eq!(health().await["problem"], "webhook_missing");
    bench.graph.set_webhook(WEBHOOK);
    bench.graph.unsubscribe("71");
    assert_eq!(health().await["problem"], "webhook_missing");
    bench.graph.allow(&ALL[..1]);
    let got = health().await;
    assert_eq!(got["lacks"], json!(["pages_messaging", "pages_manage_metadata"]));
    assert_eq!(problem(&bench, "fb-71").as_deref(), Some("permission_missing"), "C5: shown as the channel's problem");
    connect(&bench, &state, &["71"]).await;
    bench.graph.allow(&ALL);
    connect(&bench, &state, &["71"]).await;
    bench.graph.revoke(true);
    assert_eq!(health().await["problem"], "token_invalid");
    let version = bench.configuration().version;
    assert_eq!(problem(&bench, "fb-71").as_deref(), Some("token_invalid"));
    assert_eq!(record(&bench, "fb-71").channel.problem.as_deref(), Some("token_invalid"), "the webhook reads the same");
    health().await;
    assert_eq!(bench.configuration().version, version, "what is said already is not said again");
    bench.graph.revoke(false);
    assert_eq!(health().await["ok"], true);
    assert_eq!(problem(&bench, "fb-71"), None);
    bench.graph.fail(0, no(400, 100, "The App_id in the input_token did not match the Viewing App"));
    assert_eq!(health().await["problem"], "token_invalid", "FacebookAppId is another one");
    bench.graph.fail(0, MessengerReply::NotSent("no route".to_owned()));
    assert_eq!(bench.get("/api/channels/fb-71/health").await.code(), "facebook_unavailable");
    bench.call("PUT /api/settings/FacebookAppSecret", json!({ "value": null })).await;
    assert_eq!(health().await["problem"], "settings_missing");
}
