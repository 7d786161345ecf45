//! The methods: what they take, what they refuse and in which words.

use serde_json::{Value, json};
use simulators::telegram::NewBot;

use crate::support::{CUSTOMER, Stage, TOKEN, stage};

#[tokio::test]
async fn get_me_tells_the_bot_and_a_method_name_counts_in_any_case() {
    let stage = stage().await;
    let me = stage.result("getMe", &json!({})).await;
    assert_eq!(me["id"], 800_000_001);
    assert_eq!((&me["is_bot"], &me["first_name"], &me["username"]), (&json!(true), &json!("Desk"), &json!("desk_bot")));
    assert_eq!(stage.result("GETME", &json!({})).await, me);
}

#[tokio::test]
async fn tokens_and_methods_that_do_not_exist() {
    let stage = stage().await;
    let cases = [
        ("123456:AAno-bot-has-this-token-of-35-characters", "getMe", 401, "Unauthorized"),
        ("no-token", "getMe", 404, "Not Found"),
        ("1:short", "getMe", 404, "Not Found"),
        (TOKEN, "sendCarrierPigeon", 404, "Not Found: method not found"),
    ];
    for (token, method, status, description) in cases {
        let answer = stage.call_as(token, method, &json!({})).await;
        assert_eq!(answer, (status, json!({"ok": false, "error_code": status, "description": description})));
    }
    let nowhere = stage.http.get(format!("{}/elsewhere", stage.simulator.url())).send().await.expect("an answer");
    assert_eq!(nowhere.status(), 404);
}

async fn refused(stage: &Stage, method: &str, cases: &[(Value, u16, &str)]) {
    for (params, status, description) in cases {
        let (got, body) = stage.call(method, params).await;
        let expected = json!({"ok": false, "error_code": status, "description": description});
        assert_eq!((got, &body), (*status, &expected), "{method} {params:.200}");
    }
}

#[tokio::test]
async fn send_message_refuses_with_the_servers_words() {
    let stage = stage().await;
    stage.open_chat().await;
    stage.control(reqwest::Method::PUT, "/customers/5", Some(json!({"first_name": "Shy"}))).await;
    stage.client.write_text(TOKEN, 6, "bye").await.expect("written");
    stage.client.set_blocked(TOKEN, 6, true).await.expect("blocked");
    let group = json!({"message": {"chat": {"id": -5, "type": "group"}, "message_id": 1, "text": "x"}});
    stage.client.inject(TOKEN, &group).await.expect("queued");
    let kicked =
        json!({"my_chat_member": {"chat": {"id": -5, "type": "group"}, "new_chat_member": {"status": "kicked"}}});
    stage.client.inject(TOKEN, &kicked).await.expect("queued");

    let to = |chat: i64, text: &str| json!({"chat_id": chat, "text": text});
    // 2048 characters outside the basic plane are 4096 UTF-16 units.
    let too_long_in_units = "😀".repeat(2049);
    let cases = [
        (json!({"text": "x"}), 400, "Bad Request: chat_id is empty"),
        (json!({"chat_id": CUSTOMER}), 400, "Bad Request: message text is empty"),
        (to(CUSTOMER, ""), 400, "Bad Request: message text is empty"),
        (to(CUSTOMER, " \n\t "), 400, "Bad Request: text must be non-empty"),
        (to(CUSTOMER, &"a".repeat(4097)), 400, "Bad Request: message is too long"),
        (to(CUSTOMER, &too_long_in_units), 400, "Bad Request: message is too long"),
        (to(99, "x"), 400, "Bad Request: chat not found"),
        (json!({"chat_id": "@somebody", "text": "x"}), 400, "Bad Request: chat not found"),
        (to(5, "x"), 403, "Forbidden: bot can't initiate conversation with a user"),
        (to(6, "x"), 403, "Forbidden: bot was blocked by the user"),
        (to(-5, "x"), 403, "Forbidden: bot was kicked from the group chat"),
        (to(800_000_001, "x"), 403, "Forbidden: bot can't send messages to bots"),
        (json!({"chat_id": CUSTOMER, "text": "x", "parse_mode": "BBCode"}), 400, "Bad Request: unsupported parse_mode"),
        (
            json!({"chat_id": CUSTOMER, "text": "x", "reply_markup": "[1]"}),
            400,
            "Bad Request: object expected as reply markup",
        ),
        (
            json!({"chat_id": CUSTOMER, "text": "x", "reply_parameters": {"message_id": 1000}}),
            400,
            "Bad Request: message to be replied not found",
        ),
    ];
    refused(&stage, "sendMessage", &cases).await;
}

#[tokio::test]
async fn send_message_makes_the_message() {
    let stage = stage().await;
    let first = stage.open_chat().await;
    for text in ["a".repeat(4096), "😀".repeat(2048)] {
        let message = stage.result("sendMessage", &json!({"chat_id": CUSTOMER, "text": text})).await;
        assert_eq!(message["text"], text);
    }
    let params = json!({
        "chat_id": CUSTOMER.to_string(),
        "text": "  trimmed\n",
        "reply_parameters": {"message_id": first},
        "reply_markup": {"inline_keyboard": [[{"text": "Yes", "callback_data": "yes"}]]},
    });
    let message = stage.result("sendMessage", &params).await;
    assert_eq!(message["message_id"], first + 3);
    assert_eq!(message["text"], "trimmed");
    assert_eq!(message["from"]["username"], "desk_bot");
    assert_eq!((&message["chat"]["id"], &message["chat"]["type"]), (&json!(CUSTOMER), &json!("private")));
    assert_eq!(message["reply_to_message"]["text"], "hello");
    assert_eq!(message["reply_markup"]["inline_keyboard"][0][0]["text"], "Yes");
    let lenient = json!({
        "chat_id": CUSTOMER,
        "text": "x",
        "reply_parameters": {"message_id": 1000, "allow_sending_without_reply": true},
    });
    assert!(stage.result("sendMessage", &lenient).await.get("reply_to_message").is_none());
}

#[tokio::test]
async fn parameters_come_as_query_form_or_json() {
    let stage = stage().await;
    stage.open_chat().await;
    let url = format!("{}/bot{TOKEN}/sendMessage", stage.simulator.url());
    let form = "application/x-www-form-urlencoded";
    let requests = [
        ("query", stage.http.get(format!("{url}?chat_id={CUSTOMER}&text=a%20b"))),
        ("form", stage.http.post(&url).header("content-type", form).body(format!("chat_id={CUSTOMER}&text=a+b"))),
        ("both", stage.http.post(format!("{url}?chat_id={CUSTOMER}&text=c")).json(&json!({"text": "a b"}))),
        ("JSON", stage.http.post(&url).json(&json!({"chat_id": CUSTOMER, "text": "a b"}))),
    ];
    for (name, request) in requests {
        let body: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(body["result"]["text"], "a b", "{name}: {body}");
    }
    let broken = stage.http.post(&url).header("content-type", "application/json").body("{").send().await;
    assert_eq!(broken.expect("an answer").status(), 400);
}

#[tokio::test]
async fn chat_actions_and_answers_to_buttons() {
    let stage = stage().await;
    stage.open_chat().await;
    let typing = json!({"chat_id": CUSTOMER, "action": "typing"});
    assert_eq!(stage.result("sendChatAction", &typing).await, true);
    let view = stage.control(reqwest::Method::GET, &format!("/chats/{CUSTOMER}"), None).await;
    assert!(view["typing_ms"].as_u64().is_some_and(|left| left > 0 && left <= 5000), "{view}");
    let cases = [
        (json!({"chat_id": CUSTOMER, "action": "juggle"}), 400, "Bad Request: wrong parameter action in request"),
        (json!({"chat_id": 99, "action": "typing"}), 400, "Bad Request: chat not found"),
    ];
    refused(&stage, "sendChatAction", &cases).await;

    let sent = stage.result("sendMessage", &json!({"chat_id": CUSTOMER, "text": "Choose"})).await;
    let press = json!({"message_id": sent["message_id"], "data": "yes:1"});
    let pressed = stage.control(reqwest::Method::POST, &format!("/customers/{CUSTOMER}/callbacks"), Some(press)).await;
    let answer = json!({"callback_query_id": pressed["callback_query_id"]});
    assert_eq!(stage.result("answerCallbackQuery", &answer).await, true);
    let too_old = "Bad Request: query is too old and response timeout expired or query ID is invalid";
    let too_long = json!({"callback_query_id": "1", "text": "x".repeat(201)});
    let cases = [(answer, 400, too_old), (too_long, 400, "Bad Request: MESSAGE_TOO_LONG")];
    refused(&stage, "answerCallbackQuery", &cases).await;
}

#[tokio::test]
async fn set_webhook_checks_what_it_is_given() {
    let stage = stage().await;
    let hook = |secret: &str| json!({"url": "http://127.0.0.1:9/hook", "secret_token": secret});
    let unallowed = "Bad Request: secret token contains unallowed characters";
    let ports = "Bad Request: bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443";
    let cases = [
        (hook("a b"), 400, unallowed),
        (hook("a.b"), 400, unallowed),
        (hook("naïve"), 400, unallowed),
        (hook(&"a".repeat(257)), 400, "Bad Request: secret token is too long"),
        (json!({"url": "no url"}), 400, "Bad Request: invalid webhook URL specified"),
        (json!({"url": "https://example.com:3000/hook"}), 400, ports),
        (
            json!({"url": "ftp://example.com"}),
            400,
            "Bad Request: bad webhook: An HTTPS URL must be provided for webhook",
        ),
    ];
    refused(&stage, "setWebhook", &cases).await;
    for good in ["a", &"Z".repeat(256), "A-Za-z0-9_-"] {
        stage.result("setWebhook", &hook(good)).await;
    }
}

#[tokio::test]
async fn the_webhook_is_set_kept_told_and_deleted() {
    let stage = stage().await;
    let nothing = json!({"url": "", "has_custom_certificate": false, "pending_update_count": 0});
    assert_eq!(stage.result("getWebhookInfo", &json!({})).await, nothing);

    let url = "https://example.com/hook";
    let (_, set) =
        stage.call("setWebhook", &json!({"url": url, "allowed_updates": "[\"message\", \"poll\", \"fax\"]"})).await;
    assert_eq!(set, json!({"ok": true, "result": true, "description": "Webhook was set"}));
    let info = stage.result("getWebhookInfo", &json!({})).await;
    assert_eq!(info["allowed_updates"], json!(["message", "poll"]), "unknown kinds are dropped");
    assert_eq!(info["max_connections"], 40);

    let (_, again) = stage.call("setWebhook", &json!({"url": url})).await;
    assert_eq!(again["description"], "Webhook is already set", "allowed_updates left out are kept");
    stage.result("setWebhook", &json!({"url": url, "max_connections": 1000, "allowed_updates": []})).await;
    let info = stage.result("getWebhookInfo", &json!({})).await;
    assert_eq!((&info["max_connections"], info.get("allowed_updates")), (&json!(100), None));

    let (_, deleted) = stage.call("deleteWebhook", &json!({})).await;
    assert_eq!(deleted["description"], "Webhook was deleted");
    assert_eq!(stage.call("deleteWebhook", &json!({})).await.1["description"], "Webhook is already deleted");
    assert_eq!(stage.result("getWebhookInfo", &json!({})).await["url"], "");
}

#[tokio::test]
async fn bots_are_apart() {
    let stage = stage().await;
    stage.open_chat().await;
    let other = stage.client.create_bot(&NewBot::default()).await.expect("created");
    let (status, body) = stage.call_as(&other, "sendMessage", &json!({"chat_id": CUSTOMER, "text": "x"})).await;
    assert_eq!((status, &body["description"]), (400, &json!("Bad Request: chat not found")));
    assert_ne!(stage.call_as(&other, "getMe", &json!({})).await.1["result"]["id"], 800_000_001);
    let twice = NewBot { username: Some("desk_bot".into()), ..NewBot::default() };
    assert!(stage.client.create_bot(&twice).await.is_err(), "a username is taken once");
}
