//! WhatsApp numbers through Twilio (C1, C3, C7, C9).

use domain::Provider;
use fakes::FaultTime;
use lambda_http::Body;
use ports::records::{account_key, channel_key};
use ports::{MessengerReply, SecretError, StoreError};
use serde_json::{Value, json};

use super::twilio::{AUTH, AUTH_2, NUMBER, PHONE, SID, no};
use super::{Bench, Got, queue};

const ID: &str = "wa-12025550100";
const URL: &str = "https://api.example.com/webhooks/whatsapp";
/// The same, as Twilio is to have it: so that it tries again.
const RECEIVER: &str = "https://api.example.com/webhooks/whatsapp#rc=5&rp=5xx,ct,rt";
const SANDBOX: &str = "+14155238886";
const MG: &str = "MG0123456789abcdef0123456789abcdef";

fn body(change: &Value) -> Value {
    let mut body = json!({
        "phone_number": NUMBER, "confirmation_phone_number": PHONE, "account_sid": SID, "auth_token": AUTH,
        "name": "Shop",
    });
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    body
}

async fn begin_with(bench: &Bench, change: &Value) -> Got {
    bench.call("POST /api/channels/whatsapp", body(change)).await
}

/// The id of a confirmation whose code is on its way.
async fn begin(bench: &Bench, change: &Value) -> String {
    let got = begin_with(bench, change).await;
    assert_eq!(got.status, 202, "{got:?}");
    got.body["confirmation"].as_str().unwrap().to_owned()
}

async fn confirm(bench: &Bench, confirmation: &str, code: &str) -> Got {
    let body = json!({ "confirmation": confirmation, "code": code });
    bench.call("POST /api/channels/whatsapp/confirm", body).await
}

async fn connect(bench: &Bench) -> Got {
    let confirmation = begin(bench, &json!({})).await;
    confirm(bench, &confirmation, &bench.twilio.last_code()).await
}

fn problem(bench: &Bench) -> Option<String> {
    bench.configuration().channels[&ID.parse().unwrap()].problem.clone()
}

#[tokio::test]
async fn c7_a_number_is_verified_confirmed_and_connected() {
    let bench = Bench::new();
    let got = begin_with(&bench, &json!({ "phone_number": "+1 (202) 555-0100" })).await;
    let confirmation = got.body["confirmation"].as_str().unwrap().to_owned();
    assert_eq!((got.status, &got.body["sandbox"]), (202, &json!(false)));
    assert_eq!(got.body["receiver_address"], RECEIVER);
    assert_eq!(bench.twilio.take_methods(), ["account", "senders", "senders", "send_code", "message"]);
    assert!(bench.configuration().channels.is_empty(), "nothing is made before the number is confirmed");
    let code = bench.twilio.last_code();
    assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()), "{code}");
    assert!(!bench.store.dump().contains(&code), "the code is stored as its hash");
    let got = confirm(&bench, &confirmation, &format!(" {code} ")).await;
    assert_eq!((got.status, got.etag.as_deref()), (201, Some("\"2\"")), "{got:?}");
    assert_eq!(
        got.body,
        json!({
            "id": ID, "provider": "whatsapp", "name": "Shop", "active": false, "queue": null, "language": null,
            "account": NUMBER, "account_name": NUMBER, "problem": null, "version": 2, "warnings": [],
        })
    );
    assert_eq!(bench.twilio.take_methods(), ["senders", "senders", "set_webhook", "sender"]);
    assert_eq!(bench.twilio.url(), RECEIVER);
    assert_eq!(bench.secrets.token(ID), Some(format!("{SID}:{AUTH}")));
    assert_eq!(bench.secrets.names("twilio."), [""; 0], "the token is in one place only");
    assert!(bench.store.row(&account_key(Provider::Whatsapp, NUMBER)).is_some());
    bench.holds_no_secret(&bench.store.dump());
    let again = confirm(&bench, &confirmation, &code).await;
    assert_eq!((again.status, again.body), (201, got.body), "an answer that was lost is given again");
}

#[tokio::test]
async fn c7_what_cannot_be_is_refused_before_twilio_is_asked() {
    let bench = Bench::new();
    for (change, code) in [
        (json!({ "phone_number": "12025550100" }), "invalid_value"),
        (json!({ "confirmation_phone_number": "+1202" }), "invalid_value"),
        (json!({ "confirmation_phone_number": NUMBER }), "invalid_value"),
        (json!({ "account_sid": "AC1" }), "invalid_value"),
        (json!({ "auth_token": "short" }), "token_invalid"),
        (json!({ "name": " " }), "invalid_value"),
        (json!({ "messaging_service_sid": "MG1" }), "invalid_value"),
        (json!({ "auth_token": 7 }), "bad_request"),
    ] {
        assert_eq!(begin_with(&bench, &change).await.code(), code, "{change}");
    }
    assert_eq!(bench.twilio.take_methods(), [""; 0]);
    assert!(bench.store.rows().is_empty() && bench.secrets.names("").is_empty());
}

#[tokio::test]
async fn c7_account_and_number_are_verified() {
    let bench = Bench::new();
    let wrong = json!({ "auth_token": "hush-hush-other-other" });
    assert_eq!(begin_with(&bench, &wrong).await.code(), "token_invalid");
    bench.twilio.set_account("suspended");
    assert_eq!(begin_with(&bench, &json!({})).await.code(), "account_inactive");
    bench.twilio.set_account("active");
    for (status, words) in [(Some("OFFLINE"), "OFFLINE"), (None, "no WhatsApp sender")] {
        bench.twilio.set_sender(status);
        let got = begin_with(&bench, &json!({})).await;
        assert_eq!(got.code(), "sender_not_online");
        assert!(got.text().contains(words), "{}", got.text());
    }
    assert!(bench.twilio.codes().is_empty() && bench.store.rows().is_empty(), "no code is sent, nothing kept");
    bench.twilio.set_sender(Some("ONLINE:UPDATING"));
    begin(&bench, &json!({})).await;
}

#[tokio::test]
async fn c7_whatever_twilio_answers_while_verifying_asking_again_begins_anew() {
    for (fault, codes) in [
        (MessengerReply::NotSent("no route".to_owned()), ["twilio_unavailable"; 4]),
        (MessengerReply::Unknown("timed out".to_owned()), ["twilio_unavailable"; 4]),
        (no(500, 20500, "Internal"), ["twilio_unavailable"; 4]),
        (no(429, 20429, "Too Many Requests"), ["twilio_unavailable"; 4]),
        (no(401, 20003, "Authenticate"), ["token_invalid"; 4]),
        (
            no(400, 21211, "Invalid 'To' Phone Number"),
            ["twilio_unavailable", "twilio_unavailable", "twilio_unavailable", "confirmation_not_sent"],
        ),
    ] {
        for (step, code) in codes.into_iter().enumerate() {
            let bench = Bench::new();
            bench.twilio.fail(step, fault.clone());
            assert_eq!(begin_with(&bench, &json!({})).await.code(), code, "{fault:?} at step {step}");
            assert_eq!(connect(&bench).await.status, 201, "{fault:?} at step {step}");
            assert_eq!(bench.secrets.names("twilio."), [""; 0]);
        }
    }
}

#[tokio::test]
async fn c7_a_code_that_does_not_arrive_is_told_why() {
    for (number, code, words) in [
        (63015, "not_a_participant", "join <code>"),
        (63016, "confirmation_not_sent", "within a day"),
        (21608, "confirmation_not_sent", "trial account"),
        (63003, "confirmation_not_sent", "63003"),
    ] {
        let bench = Bench::new();
        for (at_once, later) in [(Some(number), None), (None, Some(number))] {
            bench.twilio.refuse_codes(at_once, later);
            let got = begin_with(&bench, &json!({})).await;
            assert_eq!((got.status, got.code()), (422, code));
            assert!(got.text().contains(words), "{}", got.text());
        }
        // It turns out only when the manager, who got no code, tries one.
        bench.twilio.refuse_codes(None, None);
        let confirmation = begin(&bench, &json!({})).await;
        bench.twilio.refuse_codes(None, Some(number));
        assert_eq!(confirm(&bench, &confirmation, "guess").await.code(), code);
        for _ in 0..9 {
            assert_eq!(confirm(&bench, &confirmation, " ").await.code(), code, "asking is no try");
        }
        bench.twilio.refuse_codes(None, None);
        let got = confirm(&bench, &confirmation, "").await;
        assert!(got.text().contains("tries left: 4"), "{}", got.text());
    }
}

#[tokio::test]
async fn c7_a_code_is_one_persons_for_ten_minutes_and_five_tries() {
    let bench = Bench::new();
    let confirmation = begin(&bench, &json!({})).await;
    let code = bench.twilio.last_code();
    assert_eq!(confirm(&bench, "c-other", &code).await.code(), "confirmation_refused");
    let body = Body::Text(json!({ "confirmation": confirmation, "code": code }).to_string());
    let got = bench.call_as(Some("other"), "POST /api/channels/whatsapp/confirm", &[], body).await;
    assert_eq!(got.code(), "confirmation_refused", "another person's");
    for left in [4, 3, 2, 1, 0] {
        let got = confirm(&bench, &confirmation, "no").await;
        assert_eq!(got.code(), "code_wrong");
        assert!(got.text().contains(&format!("tries left: {left}")), "{}", got.text());
    }
    assert_eq!(confirm(&bench, &confirmation, &code).await.code(), "confirmation_refused");
    let older = begin(&bench, &json!({})).await;
    let code = bench.twilio.last_code();
    bench.clock.advance(10 * 60 * 1000);
    assert_eq!(confirm(&bench, &older, &code).await.code(), "confirmation_refused");
    let confirmation = begin(&bench, &json!({})).await;
    assert_eq!(bench.secrets.names("twilio.").len(), 1, "of earlier confirmations no token stays");
    assert_eq!(confirm(&bench, &older, &bench.twilio.last_code()).await.code(), "confirmation_refused");
    assert_eq!(confirm(&bench, &confirmation, &bench.twilio.last_code()).await.status, 201);
}

#[tokio::test]
async fn c7_tries_at_once_are_counted_each() {
    let bench = Bench::new();
    let confirmation = begin(&bench, &json!({})).await;
    let tries = (0..4).map(|_| confirm(&bench, &confirmation, "no")).collect::<Vec<_>>();
    let mut heard = Vec::new();
    for got in futures_of(tries).await {
        heard.push(got.code().to_owned());
    }
    let counted = heard.iter().filter(|code| *code == "code_wrong").count();
    assert!(heard.iter().all(|code| code == "code_wrong" || code == "try_again"), "{heard:?}");
    for _ in counted..5 {
        assert_eq!(confirm(&bench, &confirmation, "no").await.code(), "code_wrong");
    }
    assert_eq!(confirm(&bench, &confirmation, "no").await.code(), "confirmation_refused");
}

/// Two and two at once.
async fn futures_of(tries: Vec<impl Future<Output = Got>>) -> Vec<Got> {
    let mut tries = tries.into_iter();
    let (Some(a), Some(b), Some(c), Some(d)) = (tries.next(), tries.next(), tries.next(), tries.next()) else {
        panic!("four tries");
    };
    let (a, b, c, d) = tokio::join!(a, b, c, d);
    vec![a, b, c, d]
}

#[tokio::test]
async fn c7_wherever_connecting_breaks_off_the_same_call_goes_on() {
    let refused = || no(400, 20001, "Invalid parameter");
    let faults: [(MessengerReply, [&str; 4]); 5] = [
        (MessengerReply::NotSent("no route".to_owned()), ["twilio_unavailable"; 4]),
        (MessengerReply::Unknown("timed out".to_owned()), ["twilio_unavailable"; 4]),
        (no(500, 20500, "Internal"), ["twilio_unavailable"; 4]),
        (no(401, 20003, "Authenticate"), ["token_invalid"; 4]),
        (refused(), ["twilio_unavailable", "twilio_unavailable", "webhook_not_confirmed", "webhook_not_confirmed"]),
    ];
    for (fault, codes) in faults {
        for (step, code) in codes.into_iter().enumerate() {
            let bench = Bench::new();
            let confirmation = begin(&bench, &json!({})).await;
            let right = bench.twilio.last_code();
            bench.twilio.fail(step, fault.clone());
            assert_eq!(confirm(&bench, &confirmation, &right).await.code(), code, "{fault:?} at step {step}");
            if step < 2 {
                assert!(bench.configuration().channels.is_empty() && bench.secrets.token(ID).is_none());
            } else {
                assert_eq!(problem(&bench).as_deref(), Some("webhook_not_confirmed"));
            }
            let again = confirm(&bench, &confirmation, &right).await;
            assert_eq!((again.status, &again.body["problem"]), (201, &Value::Null), "{fault:?} at step {step}");
        }
    }
}

#[tokio::test]
async fn c7_whatever_the_stores_do_at_each_step_asking_again_finishes_it() {
    // The try, the channel, the confirmation by Twilio.
    for (commit, time) in (0..3).flat_map(|n| [(n, FaultTime::Before), (n, FaultTime::After)]) {
        let bench = Bench::new();
        let confirmation = begin(&bench, &json!({})).await;
        let right = bench.twilio.last_code();
        for _ in 0..commit {
            bench.store.before_next_commit(|_| {});
        }
        bench.store.before_next_commit(move |store| {
            store.fail_next_commits(1, time, &StoreError::Unavailable("lost".to_owned()));
        });
        assert_eq!(confirm(&bench, &confirmation, &right).await.code(), "try_again", "{commit} {time:?}");
        assert_eq!(confirm(&bench, &confirmation, &right).await.status, 201, "{commit} {time:?}");
        assert_eq!(problem(&bench), None);
        assert_eq!(bench.secrets.names("twilio."), [""; 0]);
    }
    // The account's token read, put, and the confirmation's forgotten.
    for step in 0..3 {
        let bench = Bench::new();
        let confirmation = begin(&bench, &json!({})).await;
        let right = bench.twilio.last_code();
        bench.secrets.fail_after(step, &SecretError::Unavailable("down".to_owned()));
        assert_eq!(confirm(&bench, &confirmation, &right).await.code(), "try_again", "step {step}");
        assert_eq!(confirm(&bench, &confirmation, &right).await.status, 201, "step {step}");
        assert_eq!(bench.secrets.names("twilio."), [""; 0]);
    }
    // Beginning: the first commit, the token put, the second commit.
    for (commit, time) in (0..2).flat_map(|n| [(n, FaultTime::Before), (n, FaultTime::After)]) {
        let bench = Bench::new();
        for _ in 0..commit {
            bench.store.before_next_commit(|_| {});
        }
        bench.store.before_next_commit(move |store| {
            store.fail_next_commits(1, time, &StoreError::Unavailable("lost".to_owned()));
        });
        assert_eq!(begin_with(&bench, &json!({})).await.code(), "try_again");
        assert_eq!(connect(&bench).await.status, 201);
        assert_eq!(bench.secrets.names("twilio."), [""; 0]);
    }
}

#[tokio::test]
async fn c7_a_receiver_that_is_not_confirmed_is_no_success() {
    let bench = Bench::new();
    let confirmation = begin(&bench, &json!({})).await;
    let code = bench.twilio.last_code();
    bench.twilio.make_deaf(true);
    let got = confirm(&bench, &confirmation, &code).await;
    assert_eq!((got.status, got.code()), (422, "webhook_not_confirmed"));
    bench.twilio.make_deaf(false);
    assert_eq!(confirm(&bench, &confirmation, &code).await.status, 201);
}

#[tokio::test]
async fn c7_in_the_sandbox_the_address_is_shown_to_be_pasted() {
    let bench = Bench::new();
    bench.call("PUT /api/settings/SiteUrl", json!({ "value": "https://chat.example.com/prod" })).await;
    let url = "https://chat.example.com/prod/webhooks/whatsapp#rc=5&rp=5xx,ct,rt";
    let got = begin_with(&bench, &json!({ "phone_number": SANDBOX })).await;
    assert_eq!((&got.body["sandbox"], &got.body["receiver_address"]), (&json!(true), &json!(url)));
    let confirmation = got.body["confirmation"].as_str().unwrap().to_owned();
    let code = bench.twilio.last_code();
    let got = confirm(&bench, &confirmation, &code).await;
    assert_eq!((&got.body["id"], &got.body["problem"]), (&json!("wa-14155238886"), &Value::Null));
    assert_eq!((&got.body["receiver_address"], &got.body["warnings"]), (&json!(url), &json!(["receiver_by_hand"])));
    assert_eq!(bench.twilio.take_methods(), ["account", "send_code", "message"], "nothing is set");
    assert_eq!(confirm(&bench, &confirmation, &code).await.body, got.body);
    let health = bench.get("/api/channels/wa-14155238886/health").await.body;
    assert_eq!((&health["ok"], &health["receiver_address"]), (&json!(true), &json!(url)));
    assert_eq!(bench.call("DELETE /api/channels/wa-14155238886", json!({})).await.status, 204);
    assert_eq!(bench.twilio.url(), "");
}

#[tokio::test]
async fn c3_a_number_and_a_messaging_service_belong_to_one_channel() {
    let bench = Bench::new();
    let service = |change: Value| {
        let mut all = json!({ "messaging_service_sid": MG });
        all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        all
    };
    let confirmation = begin(&bench, &service(json!({}))).await;
    let got = confirm(&bench, &confirmation, &bench.twilio.last_code()).await;
    assert_eq!(got.body["receiver_address"], RECEIVER, "the service has a receiver of its own");
    bench.twilio.take_methods();
    let got = begin_with(&bench, &json!({})).await;
    assert_eq!((got.status, got.code()), (409, "account_taken"));
    assert!(got.text().contains("\"Shop\""), "{}", got.text());
    let got = begin_with(&bench, &service(json!({ "phone_number": SANDBOX }))).await;
    assert_eq!((got.code(), got.text().contains("\"Shop\"")), ("account_taken", true));
    assert_eq!(bench.twilio.take_methods(), [""; 0], "no code is sent");
    assert!(bench.store.row(&account_key(Provider::Whatsapp, MG)).is_some());
    let again = json!({ "account_sid": SID, "auth_token": AUTH_2 });
    bench.call(&format!("POST /api/channels/{ID}/whatsapp"), again).await;
    assert_eq!(bench.call(&format!("DELETE /api/channels/{ID}"), json!({})).await.status, 204);
    assert!(bench.store.row(&account_key(Provider::Whatsapp, MG)).is_none(), "its row goes with the number's");
    let confirmation = begin(&bench, &service(json!({ "phone_number": SANDBOX }))).await;
    assert_eq!(confirm(&bench, &confirmation, &bench.twilio.last_code()).await.status, 201);
}

#[tokio::test]
async fn c3_of_two_who_connect_one_service_at_once_one_is_refused() {
    for number in [NUMBER, SANDBOX] {
        let bench = Bench::new();
        let service = |number: &str| json!({ "messaging_service_sid": MG, "phone_number": number });
        let mine = begin(&bench, &service(SANDBOX)).await;
        let my_code = bench.twilio.last_code();
        let body = Body::Text(body(&service(number)).to_string());
        let theirs = bench.call_as(Some("other"), "POST /api/channels/whatsapp", &[], body).await;
        let confirmation = json!({ "confirmation": theirs.body["confirmation"], "code": bench.twilio.last_code() });
        let body = Body::Text(confirmation.to_string());
        let (one, other) = tokio::join!(
            confirm(&bench, &mine, &my_code),
            bench.call_as(Some("other"), "POST /api/channels/whatsapp/confirm", &[], body),
        );
        let statuses = [one.status, other.status];
        if number == NUMBER {
            assert!(statuses == [201, 409] || statuses == [409, 201], "{one:?} {other:?}");
        } else {
            assert!(statuses.contains(&201), "of the same number either may finish what the other began");
        }
        assert_eq!(bench.configuration().channels.len(), 1);
        assert!(bench.configuration().channels.values().all(|channel| channel.problem.is_none()));
    }
}

#[tokio::test]
async fn c7_an_unfinished_number_may_be_tried_without_its_service() {
    let bench = Bench::new();
    let confirmation = begin(&bench, &json!({ "messaging_service_sid": MG })).await;
    bench.twilio.make_deaf(true);
    assert_eq!(confirm(&bench, &confirmation, &bench.twilio.last_code()).await.code(), "webhook_not_confirmed");
    bench.twilio.make_deaf(false);
    assert_eq!(connect(&bench).await.status, 201);
    assert!(bench.store.row(&account_key(Provider::Whatsapp, MG)).is_none());
}

#[tokio::test]
async fn c7_a_number_is_connected_again_with_its_new_token() {
    let bench = Bench::new();
    let queue = bench.call("POST /api/queues", queue("Sales")).await.id();
    connect(&bench).await;
    let draft = json!({ "name": "Store", "active": true, "queue": queue });
    bench.call_at(2, &format!("PUT /api/channels/{ID}"), draft).await;
    let again = async |token: &str| {
        let body = json!({ "account_sid": SID, "auth_token": token });
        bench.call(&format!("POST /api/channels/{ID}/whatsapp"), body).await
    };
    let got = again(AUTH_2).await;
    assert_eq!((got.status, &got.body["name"], &got.body["active"]), (200, &json!("Store"), &json!(true)));
    assert_eq!(bench.secrets.token(ID), Some(format!("{SID}:{AUTH_2}")));
    assert_eq!(again("hush-hush-other-other").await.code(), "token_invalid");
    assert_eq!(bench.secrets.token(ID), Some(format!("{SID}:{AUTH_2}")), "what works is kept");
    bench.twilio.set_sender(None);
    assert_eq!(again(AUTH).await.code(), "sender_not_online");
    let body = json!({ "account_sid": SID, "auth_token": AUTH });
    assert_eq!(bench.call("POST /api/channels/wa-1/whatsapp", body).await.code(), "not_found");
    for step in 0..6 {
        let bench = Bench::new();
        connect(&bench).await;
        bench.twilio.fail(step, MessengerReply::Unknown("timed out".to_owned()));
        let body = || json!({ "account_sid": SID, "auth_token": AUTH_2 });
        let call = format!("POST /api/channels/{ID}/whatsapp");
        assert_eq!(bench.call(&call, body()).await.code(), "twilio_unavailable", "step {step}");
        assert_eq!(bench.call(&call, body()).await.status, 200, "step {step}");
    }
}

#[tokio::test]
async fn c3_taking_a_number_over_from_another_site_is_said() {
    for (url, warnings) in [
        ("", json!([])),
        (URL, json!([])),
        ("https://bots.example.org/hook", json!(["webhook_taken_over: bots.example.org"])),
    ] {
        let bench = Bench::new();
        bench.twilio.set_url(url);
        assert_eq!(connect(&bench).await.body["warnings"], warnings, "{url}");
    }
}

#[tokio::test]
async fn a_deleted_number_leaves_nothing_behind() {
    let bench = Bench::new();
    connect(&bench).await;
    let delete = format!("DELETE /api/channels/{ID}");
    assert_eq!(bench.call(&delete, json!({})).await.status, 204);
    assert_eq!((bench.twilio.url(), bench.secrets.token(ID)), (String::new(), None));
    assert!(bench.store.row(&account_key(Provider::Whatsapp, NUMBER)).is_none());
    assert!(bench.store.row(&channel_key(&ID.parse().unwrap())).is_none());
    assert_eq!(bench.call(&delete, json!({})).await.status, 404);
    assert_eq!(connect(&bench).await.status, 201, "it may come back");
    bench.secrets.fail_next(1, &SecretError::Unavailable("down".to_owned()));
    assert_eq!(bench.call(&delete, json!({})).await.status, 503);
    assert_eq!(bench.call(&delete, json!({})).await.status, 204);
    assert_eq!(bench.twilio.url(), "");
    connect(&bench).await;
    bench.twilio.set_url("https://bots.example.org/x");
    assert_eq!(bench.call(&delete, json!({})).await.status, 204);
    assert_eq!(bench.twilio.url(), "https://bots.example.org/x", "C3: another site's is left alone");
}

#[tokio::test]
async fn c3_health_finds_out_what_is_wrong_with_a_number() {
    let bench = Bench::new();
    connect(&bench).await;
    let health = async || bench.get(&format!("/api/channels/{ID}/health")).await.body;
    let well = json!({
        "ok": true, "problem": null, "webhook_host": "api.example.com", "pending_update_count": 0,
        "last_error_at_ms": null, "last_error": null,
    });
    assert_eq!(health().await, well);
    for (url, problem, host) in [
        ("", json!("webhook_missing"), Value::Null),
        ("https://bots.example.org/x", json!("webhook_taken_over"), json!("bots.example.org")),
    ] {
        bench.twilio.set_url(url);
        let got = health().await;
        assert_eq!((&got["problem"], &got["webhook_host"]), (&problem, &host));
    }
    for (sender, problem) in [(Some("OFFLINE"), "sender_offline"), (None, "sender_missing")] {
        bench.twilio.set_sender(sender);
        assert_eq!(health().await["problem"], problem);
    }
    bench.twilio.set_account("closed");
    assert_eq!(health().await["problem"], "account_inactive");
    bench.twilio.fail(0, no(401, 20003, "Authenticate"));
    assert_eq!(health().await["problem"], "token_invalid");
    assert_eq!(problem(&bench).as_deref(), Some("token_invalid"), "it is said of the channel from then on");
    bench.twilio.set_account("active");
    bench.twilio.set_sender(Some("ONLINE"));
    bench.twilio.set_url(URL);
    assert_eq!(health().await["ok"], true);
    assert_eq!(problem(&bench), None);
    bench.twilio.fail(0, no(503, 20503, "Unavailable"));
    assert_eq!(bench.get(&format!("/api/channels/{ID}/health")).await.code(), "twilio_unavailable");
}
