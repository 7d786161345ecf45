//! Who may call, the account, its senders, and the Verify API.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulators::twilio::NewSender;

use crate::support::{ACCOUNT, CUSTOMER, SENDER, Stage, TOKEN, Webhook, stage, whatsapp};

fn account_path() -> String {
    format!("/2010-04-01/Accounts/{ACCOUNT}.json")
}

#[tokio::test]
async fn an_account_tells_its_state_to_who_has_its_token() {
    let stage = stage().await;
    let (status, account) = stage.get(&account_path()).await;
    assert_eq!((status, &account["status"], &account["type"]), (200, &json!("active"), &json!("Full")));
    assert_eq!(account["sid"], ACCOUNT);
    let refusal = json!({"code": 20003, "message": "Authenticate", "status": 401,
        "more_info": "https://www.twilio.com/docs/errors/20003"});
    let other = "AC00000000000000000000000000000002";
    for who in [(ACCOUNT, "wrong"), (other, TOKEN), ("", "")] {
        assert_eq!(stage.call_as(who, Method::GET, &account_path(), "").await, (401, refusal.clone()));
    }
    let foreign = format!("/2010-04-01/Accounts/{other}.json");
    assert_eq!(stage.get(&foreign).await.0, 401, "another account's path");
    let plain = stage.http.get(stage.url(&account_path())).send().await.expect("an answer");
    assert_eq!(plain.headers()["www-authenticate"], "Basic realm=\"Twilio API\"");
    stage.client.set_account(ACCOUNT, &json!({"status": "suspended", "type": "Trial"})).await.expect("set");
    let (_, account) = stage.get(&account_path()).await;
    assert_eq!((&account["status"], &account["type"]), (&json!("suspended"), &json!("Trial")));
    assert_eq!(stage.create(&[("To", "x")]).await.1["code"], 20005);
    stage.client.set_account(ACCOUNT, &json!({"auth_token": "rotated"})).await.expect("set");
    assert_eq!(stage.get(&account_path()).await.0, 401);
}

#[tokio::test]
async fn a_key_may_do_everything_but_look_at_accounts() {
    let stage = stage().await;
    let key = stage.control(Method::POST, "/keys", None).await;
    let who = (key["sid"].as_str().expect("a SID"), key["secret"].as_str().expect("a secret"));
    let senders = "/v2/Channels/Senders?Channel=whatsapp";
    assert_eq!(stage.call_as(who, Method::GET, senders, "").await.0, 200);
    assert_eq!(stage.call_as(who, Method::GET, &account_path(), "").await.0, 401);
    assert_eq!(stage.call_as((who.0, "wrong"), Method::GET, senders, "").await.0, 401);
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let stage = stage().await;
    let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages/SM00000000000000000000000000000009.json");
    let (status, body) = stage.get(&path).await;
    assert_eq!((status, &body["code"]), (404, &json!(20404)));
    assert_eq!(body["message"], format!("The requested resource {path} was not found"));
    assert_eq!(stage.get("/v1/Nothing").await.0, 404);
    let (status, body) = stage.post(&account_path(), &[]).await;
    assert_eq!((status, &body["code"]), (405, &json!(20004)));
    let stranger = stage.call_as(("a", "b"), Method::GET, "/v1/Nothing", "").await;
    assert_eq!(stranger.0, 401, "who isn't known doesn't learn what exists");
}

async fn update(stage: &Stage, sid: &str, body: &Value) -> (u16, Value) {
    let url = stage.url(&format!("/v2/Channels/Senders/{sid}"));
    let request = stage.http.post(url).basic_auth(ACCOUNT, Some(TOKEN)).json(body);
    let response = request.send().await.expect("an answer");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

#[tokio::test]
async fn senders_are_listed_page_by_page_without_the_sandbox() {
    let stage = stage().await;
    for number in ["+15550002222", "+15550003333"] {
        let sender = NewSender { number: number.into(), status: Some("OFFLINE".into()), ..NewSender::default() };
        stage.client.create_sender(ACCOUNT, &sender).await.expect("created");
    }
    assert_eq!(stage.get("/v2/Channels/Senders").await.1["code"], 20001, "Channel is a must");
    let mut path = "/v2/Channels/Senders?Channel=whatsapp&PageSize=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let (status, page) = stage.get(&path).await;
        assert_eq!((status, &page["meta"]["key"]), (200, &json!("senders")));
        seen.extend(page["senders"].as_array().cloned().expect("a list"));
        let Some(next) = page["meta"]["next_page_url"].as_str() else { break };
        path = next.strip_prefix(stage.simulator.url()).expect("the same host").to_owned();
    }
    let ids: Vec<&Value> = seen.iter().map(|sender| &sender["sender_id"]).collect();
    assert_eq!(ids, ["whatsapp:+15550001111", "whatsapp:+15550002222", "whatsapp:+15550003333"]);
    assert_eq!((&seen[0]["status"], &seen[1]["status"]), (&json!("ONLINE"), &json!("OFFLINE")));
    assert_eq!(seen[0]["webhook"]["callback_url"], "");
}

#[tokio::test]
async fn an_update_of_a_sender_changes_what_it_names() {
    let (stage, mut webhook) = (stage().await, Webhook::start([]).await);
    let sid = stage.client.account(ACCOUNT).await.expect("an account")["senders"][1]["sid"].clone();
    let sid = sid.as_str().expect("a SID");
    let hooks = json!({"callback_url": webhook.url, "callback_method": "POST", "status_callback_url": "https://a.b/c"});
    let (status, sender) = update(&stage, sid, &json!({"webhook": hooks})).await;
    assert_eq!((status, &sender["status"]), (202, &json!("ONLINE:UPDATING")));
    let later = json!({"webhook": {"status_callback_url": "", "statusCallback": "x"}, "sender": 1});
    assert_eq!(update(&stage, sid, &later).await.0, 202);
    let (_, sender) = stage.get(&format!("/v2/Channels/Senders/{sid}")).await;
    assert_eq!(sender["webhook"]["callback_url"], webhook.url, "what is not named stays");
    assert_eq!(sender["webhook"]["status_callback_url"], "");
    let counters = stage.client.counters(ACCOUNT).await.expect("counters");
    assert_eq!(counters["unknown_fields"], json!({"sender": 1, "webhook.statusCallback": 1}));
    stage.open_window().await;
    assert_eq!(webhook.next().await.param("To"), Some(whatsapp(SENDER)));

    for wrong in
        [json!({"webhook": {"callback_url": "/hook"}}), json!({"webhook": {"callback_method": "FETCH"}}), json!([])]
    {
        let (status, body) = update(&stage, sid, &wrong).await;
        assert_eq!((status, &body["code"]), (400, &json!(20001)), "{wrong}");
    }
    let sandbox = stage.client.account(ACCOUNT).await.expect("an account")["senders"][0]["sid"].clone();
    assert_eq!(update(&stage, sandbox.as_str().expect("a SID"), &json!({"webhook": hooks})).await.0, 404);
}

#[tokio::test]
async fn a_code_is_verified_once_and_not_for_long() {
    let stage = stage().await;
    let account = stage.client.account(ACCOUNT).await.expect("an account");
    let service = format!("/v2/Services/{}", account["verify_service_sid"].as_str().expect("a SID"));
    let start = async |pairs: &[(&str, &str)]| stage.post(&format!("{service}/Verifications"), pairs).await;
    let check = async |code: &str| {
        stage.post(&format!("{service}/VerificationCheck"), &[("To", CUSTOMER), ("Code", code)]).await
    };
    assert_eq!(start(&[("To", &whatsapp(CUSTOMER)), ("Channel", "whatsapp")]).await.1["code"], 60200);
    assert_eq!(start(&[("To", CUSTOMER), ("Channel", "pigeon")]).await.1["code"], 60200);
    let (status, begun) = start(&[("To", CUSTOMER), ("Channel", "whatsapp")]).await;
    assert_eq!((status, &begun["status"], &begun["valid"]), (201, &json!("pending"), &json!(false)));
    let known = stage.control(Method::GET, "/verifications", None).await;
    let code = known["verifications"][0]["code"].as_str().expect("a code").to_owned();
    let chat = async || stage.control(Method::GET, &format!("/chats/{SENDER}/{CUSTOMER}"), None).await;
    assert_eq!(chat().await["verification_code"], code, "the customer sees it");
    let (status, wrong) = check("not it").await;
    assert_eq!((status, &wrong["status"]), (200, &json!("pending")));
    let (_, right) = check(&code).await;
    assert_eq!((&right["status"], &right["valid"]), (&json!("approved"), &json!(true)));
    assert_eq!(check(&code).await.0, 404, "an approved one is gone");
    assert!(chat().await["verification_code"].is_null());

    start(&[("To", CUSTOMER), ("Channel", "whatsapp"), ("CustomCode", "4711")]).await;
    for _ in 0..5 {
        assert_eq!(check("0").await.0, 200);
    }
    assert_eq!(check("4711").await.1["code"], 60202);
    stage.client.advance(Duration::from_mins(10)).await.expect("moved");
    assert_eq!(check("4711").await.0, 404);
    assert_eq!(stage.post("/v2/Services/VA0/Verifications", &[("To", CUSTOMER)]).await.0, 404);
}
