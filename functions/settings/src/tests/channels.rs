//! Channels (C1-C4, C9).

use domain::config::{Channel, Configuration};
use fakes::FaultTime;
use messengers::telegram::SecretHash;
use ports::records::{ChannelRecord, Hold, account_key, channel_key, decode_channel, put_hold};
use ports::store::{Key, Row, Write};
use ports::{MessengerReply, SecretError, StoreError};
use serde_json::{Value, json};

use super::telegram::no;
use super::{Bench, Got, OTHER_TOKEN, TOKEN, TOKEN_2, queue};
use crate::LOOK_AT_CHANNELS;

const ID: &str = "tg-123456789";
const URL: &str = "https://api.example.com/webhooks/telegram/tg-123456789";

async fn connect(bench: &Bench, token: &str) -> Got {
    bench.call("POST /api/channels/telegram", json!({ "name": "Shop", "token": token })).await
}

async fn reconnect(bench: &Bench, token: &str) -> Got {
    bench.call(&format!("POST /api/channels/{ID}/telegram"), json!({ "token": token })).await
}

fn record(bench: &Bench) -> ChannelRecord {
    let key = channel_key(&ID.parse().unwrap());
    decode_channel(&Row { attributes: bench.store.row(&key).unwrap(), key }).unwrap()
}

fn account() -> Key {
    account_key(domain::Provider::Telegram, "123456789")
}

fn accepts(bench: &Bench, secret: &str) -> bool {
    record(bench).secret_hashes.contains(&String::from(SecretHash::of(secret)))
}

/// The messenger refuses a reply for the whole channel, as the outbound function notes it.
fn refuse(bench: &Bench, code: &str) {
    let hold = Hold { problem: Some(code.to_owned()), ..Hold::default() };
    bench.store.write(&[put_hold(&ID.parse().unwrap(), &hold)]).unwrap();
}

fn channel(config: &Configuration) -> &Channel {
    &config.channels[&ID.parse().unwrap()]
}

#[tokio::test]
async fn c4_a_token_makes_a_channel_whose_messages_come_here() {
    let bench = Bench::new();
    let got = connect(&bench, TOKEN).await;
    assert_eq!((got.status, got.etag.as_deref()), (201, Some("\"2\"")), "{got:?}");
    assert_eq!(
        got.body,
        json!({
            "id": ID, "provider": "telegram", "name": "Shop", "active": false, "queue": null, "language": null,
            "account": "123456789", "account_name": "shop_bot", "problem": null, "version": 2, "warnings": [],
        })
    );
    assert_eq!(bench.telegram.take_methods(), ["getMe", "getWebhookInfo", "setWebhook", "getWebhookInfo"]);
    assert_eq!(bench.telegram.url(), URL);
    assert_eq!(bench.secrets.token(ID).as_deref(), Some(TOKEN));
    let [secret] = bench.telegram.secrets_seen().try_into().unwrap();
    assert_eq!(secret.len(), 43, "256 bits");
    assert!(accepts(&bench, &secret));
    assert_eq!(record(&bench).channel, *channel(&bench.configuration()), "the webhook reads the same");
    assert!(bench.store.row(&account()).is_some());
    bench.holds_no_secret(&bench.store.dump());
    assert_eq!(bench.get("/api/channels").await.body["channels"][0]["id"], ID);
}

#[tokio::test]
async fn c4_the_name_may_be_the_bots_own() {
    let bench = Bench::new();
    let got = bench.call("POST /api/channels/telegram", json!({ "token": format!(" {TOKEN}\n") })).await;
    assert_eq!((got.status, &got.body["name"]), (201, &json!("Shop")));
    let got = bench.call("POST /api/channels/telegram", json!({ "token": OTHER_TOKEN, "name": " " })).await;
    assert_eq!(got.code(), "invalid_value");
}

#[tokio::test]
async fn c4_the_site_url_says_where_messages_come() {
    let bench = Bench::new();
    bench.call("PUT /api/settings/SiteUrl", json!({ "value": "https://chat.example.com/prod" })).await;
    assert_eq!(connect(&bench, TOKEN).await.status, 201);
    assert_eq!(bench.telegram.url(), format!("https://chat.example.com/prod/webhooks/telegram/{ID}"));
}

#[tokio::test]
async fn c4_whatever_telegram_answers_at_each_step_is_told_and_asking_again_finishes_it() {
    let unauthorized = || no(401, "Unauthorized");
    let refused = || no(400, "Bad Request: bad webhook: HTTPS url must be provided for webhook");
    let faults: [(MessengerReply, [&str; 4]); 6] = [
        (MessengerReply::NotSent("no route".to_owned()), ["telegram_unavailable"; 4]),
        (MessengerReply::Unknown("timed out".to_owned()), ["telegram_unavailable"; 4]),
        (no(500, "Internal Server Error"), ["telegram_unavailable"; 4]),
        (no(429, "Too Many Requests: retry after 7"), ["telegram_unavailable"; 4]),
        (unauthorized(), ["token_invalid"; 4]),
        (refused(), ["telegram_unavailable", "telegram_unavailable", "webhook_not_confirmed", "telegram_unavailable"]),
    ];
    for (fault, codes) in faults {
        for (step, code) in codes.into_iter().enumerate() {
            let bench = Bench::new();
            bench.telegram.fail(step, fault.clone());
            let got = connect(&bench, TOKEN).await;
            assert_eq!(got.code(), code, "{fault:?} at step {step}");
            let shown = bench.configuration();
            if step < 2 {
                assert!(shown.channels.is_empty(), "nothing is made before Telegram knows the token");
                assert_eq!(bench.secrets.token(ID), None);
            } else {
                assert_eq!(channel(&shown).problem.as_deref(), Some("webhook_not_confirmed"));
                assert_eq!(channel(&shown).serving(), None, "C1: it takes no part");
            }
            let again = connect(&bench, TOKEN).await;
            assert_eq!((again.status, &again.body["problem"]), (201, &Value::Null), "{fault:?} at step {step}");
            assert!(accepts(&bench, bench.telegram.secrets_seen().last().unwrap()));
        }
    }
}

#[tokio::test]
async fn c4_whatever_the_stores_do_at_each_step_asking_again_finishes_it() {
    for (commit, time) in [(0, FaultTime::Before), (0, FaultTime::After), (1, FaultTime::Before), (1, FaultTime::After)]
    {
        let bench = Bench::new();
        for _ in 0..commit {
            bench.store.before_next_commit(|_| {});
        }
        bench.store.before_next_commit(move |store| {
            store.fail_next_commits(1, time, &StoreError::Unavailable("lost".to_owned()));
        });
        assert_eq!(connect(&bench, TOKEN).await.code(), "try_again");
        let again = connect(&bench, TOKEN).await;
        if (commit, time) == (1, FaultTime::After) {
            assert_eq!(again.code(), "account_taken", "it was finished, only the answer was lost");
        } else {
            assert_eq!(again.status, 201);
        }
        assert_eq!(channel(&bench.configuration()).problem, None);
        assert!(accepts(&bench, bench.telegram.secrets_seen().last().unwrap()));
    }
    let bench = Bench::new();
    bench.secrets.fail_next(1, &SecretError::Unavailable("down".to_owned()));
    assert_eq!(connect(&bench, TOKEN).await.code(), "try_again");
    assert!(bench.configuration().channels.is_empty());
    assert_eq!(connect(&bench, TOKEN).await.status, 201);
}

#[tokio::test]
async fn c4_a_webhook_that_is_not_confirmed_is_no_success() {
    let bench = Bench::new();
    bench.telegram.make_deaf(true);
    let got = connect(&bench, TOKEN).await;
    assert_eq!((got.status, got.code()), (422, "webhook_not_confirmed"));
    assert_eq!(channel(&bench.configuration()).problem.as_deref(), Some("webhook_not_confirmed"));
    bench.telegram.make_deaf(false);
    assert_eq!(connect(&bench, TOKEN).await.status, 201);
}

#[tokio::test]
async fn c3_a_bot_belongs_to_one_channel_and_the_refusal_names_it() {
    let bench = Bench::new();
    connect(&bench, TOKEN).await;
    bench.telegram.take_methods();
    let got = connect(&bench, TOKEN_2).await;
    assert_eq!((got.status, got.code()), (409, "account_taken"));
    assert!(got.text().contains("\"Shop\""), "{}", got.text());
    assert_eq!(bench.telegram.take_methods(), ["getMe"], "its webhook is left alone");
    assert_eq!(bench.secrets.token(ID).as_deref(), Some(TOKEN), "and so is its token");
    assert_eq!(connect(&bench, OTHER_TOKEN).await.status, 201);
}

#[tokio::test]
async fn c3_two_who_connect_one_bot_at_once_make_one_channel() {
    for _ in 0..10 {
        let bench = Bench::new();
        let (one, other) = tokio::join!(connect(&bench, TOKEN), connect(&bench, TOKEN));
        assert!(one.status == 201 || other.status == 201, "{one:?} {other:?}");
        assert_eq!(bench.configuration().channels.len(), 1);
        assert!(accepts(&bench, bench.telegram.secrets_seen().last().unwrap()), "whichever came last is accepted");
    }
}

#[tokio::test]
async fn c3_taking_a_bot_over_from_another_site_is_said() {
    for (url, warnings) in [
        ("", json!([])),
        (URL, json!([])),
        ("https://api.example.com.evil.org/x", json!(["webhook_taken_over: api.example.com.evil.org"])),
        ("https://bots.example.org/hook/abc", json!(["webhook_taken_over: bots.example.org"])),
    ] {
        let bench = Bench::new();
        bench.telegram.set_url(url);
        assert_eq!(connect(&bench, TOKEN).await.body["warnings"], warnings, "{url}");
        assert_eq!(bench.telegram.url(), URL);
    }
}

#[tokio::test]
async fn c4_connecting_again_rotates_the_secret_and_accepts_the_one_before() {
    let bench = Bench::new();
    connect(&bench, TOKEN).await;
    let got = reconnect(&bench, TOKEN_2).await;
    assert_eq!((got.status, &got.body["problem"]), (200, &Value::Null));
    assert_eq!(bench.secrets.token(ID).as_deref(), Some(TOKEN_2));
    reconnect(&bench, TOKEN_2).await;
    let secrets = bench.telegram.secrets_seen();
    assert_eq!([0, 1, 2].map(|n| accepts(&bench, &secrets[n])), [false, true, true]);
    assert_eq!(reconnect(&bench, OTHER_TOKEN).await.code(), "account_differs");
    assert_eq!(bench.secrets.token(ID).as_deref(), Some(TOKEN_2));
    assert_eq!(reconnect(&bench, "x").await.code(), "token_invalid");
    let got = bench.call("POST /api/channels/tg-1/telegram", json!({ "token": TOKEN })).await;
    assert_eq!(got.code(), "not_found");
}

#[tokio::test]
async fn c4_while_tries_break_off_the_secret_that_telegram_has_stays_accepted() {
    let bench = Bench::new();
    connect(&bench, TOKEN).await;
    for _ in 0..10 {
        bench.telegram.fail(2, MessengerReply::NotSent("no route".to_owned()));
        assert_eq!(reconnect(&bench, TOKEN).await.code(), "telegram_unavailable");
        assert!(accepts(&bench, &bench.telegram.secrets_seen()[0]), "nothing reached Telegram");
        assert!(record(&bench).secret_hashes.len() <= 4);
    }
    assert_eq!(reconnect(&bench, TOKEN).await.status, 200);
    assert_eq!(record(&bench).secret_hashes.len(), 2);
}

#[tokio::test]
async fn c1_a_channel_is_bound_activated_and_keeps_its_secrets() {
    let bench = Bench::new();
    let queue = bench.call("POST /api/queues", queue("Sales")).await.id();
    connect(&bench, TOKEN).await;
    let hashes = record(&bench).secret_hashes;
    let put = format!("PUT /api/channels/{ID}");
    let body = json!({ "name": "Store", "active": true, "queue": queue, "language": "ru" });
    let got = bench.call_at(2, &put, body.clone()).await;
    assert_eq!((got.status, got.etag.as_deref()), (200, Some("\"3\"")));
    let record = record(&bench);
    assert_eq!(record.channel.serving().map(ToString::to_string), Some(queue));
    assert_eq!((record.channel, record.secret_hashes), (channel(&bench.configuration()).clone(), hashes));
    assert_eq!(bench.get(&format!("/api/channels/{ID}")).await.body["language"], "ru");
    assert_eq!(bench.call(&put, body.clone()).await.status, 428);
    assert_eq!(bench.call_at(2, &put, body).await.status, 412);
    let wrong = json!({ "name": "Store", "active": true, "queue": "q-9" });
    assert_eq!(bench.call_at(3, &put, wrong).await.code(), "invalid_value");
}

fn put_chat(bench: &Bench) {
    let key = Key::work("V#c0ffee", "C#0000000001");
    let set =
        ports::store::Attributes::from_iter([("by_channel".to_owned(), json!(ID)), ("opened_at".to_owned(), json!(1))]);
    bench.store.write(&[Write::Update { key, set, remove: Vec::new(), condition: None }]).unwrap();
}

#[tokio::test]
async fn c2_a_channel_with_a_chat_is_only_deactivated() {
    let bench = Bench::new();
    connect(&bench, TOKEN).await;
    put_chat(&bench);
    let got = bench.call(&format!("DELETE /api/channels/{ID}"), json!({})).await;
    assert_eq!((got.status, got.code()), (409, "channel_has_chats"));
    assert_eq!((bench.telegram.url(), bench.secrets.token(ID).is_some()), (URL.to_owned(), true));
}

#[tokio::test]
async fn a_deleted_channel_leaves_nothing_behind() {
    let bench = Bench::new();
    connect(&bench, TOKEN).await;
    let delete = format!("DELETE /api/channels/{ID}");
    assert_eq!(bench.call_at(1, &delete, json!({})).await.status, 412);
    assert_eq!(bench.call(&delete, json!({})).await.status, 204);
    assert_eq!((bench.telegram.url(), bench.secrets.token(ID)), (String::new(), None));
    assert!(bench.store.row(&account()).is_none() && bench.store.row(&channel_key(&ID.parse().unwrap())).is_none());
    assert_eq!(bench.call(&delete, json!({})).await.status, 404);
    assert_eq!(connect(&bench, TOKEN).await.status, 201, "it may come back");
}

#[tokio::test]
async fn a_delete_that_broke_off_is_finished_by_the_next() {
    let bench = Bench::new();
    connect(&bench, TOKEN).await;
    let delete = format!("DELETE /api/channels/{ID}");
    bench.secrets.fail_next(1, &SecretError::Unavailable("down".to_owned()));
    assert_eq!(bench.call(&delete, json!({})).await.status, 503);
    assert!(bench.configuration().channels.is_empty() && bench.secrets.token(ID).is_some());
    assert_eq!(bench.call(&delete, json!({})).await.status, 204);
    assert_eq!((bench.telegram.url(), bench.secrets.token(ID)), (String::new(), None));
}

#[tokio::test]
async fn c3_the_webhook_of_another_site_is_not_deleted() {
    let bench = Bench::new();
    connect(&bench, TOKEN).await;
    bench.telegram.set_url("https://bots.example.org/x");
    assert_eq!(bench.call(&format!("DELETE /api/channels/{ID}"), json!({})).await.status, 204);
    assert_eq!(bench.telegram.url(), "https://bots.example.org/x");
    let bench = Bench::new();
    connect(&bench, TOKEN).await;
    bench.telegram.fail(0, MessengerReply::NotSent("no route".to_owned()));
    assert_eq!(
        bench.call(&format!("DELETE /api/channels/{ID}"), json!({})).await.status,
        204,
        "Telegram's outage holds nobody"
    );
}

#[tokio::test]
async fn c3_every_hour_all_channels_are_looked_at_and_say_what_was_found() {
    let bench = Bench::new();
    connect(&bench, TOKEN).await;
    connect(&bench, OTHER_TOKEN).await;
    let look = json!({ "kind": LOOK_AT_CHANNELS });
    let problems = || {
        let all = bench.configuration().channels.into_values();
        all.filter_map(|channel| channel.problem).collect::<Vec<_>>()
    };
    bench.telegram.set_url("https://bots.example.org/x");
    bench.wake(&json!({ "kind": "tidy_up" })).await;
    assert!(problems().is_empty(), "another event is nothing to it");
    // That one cannot be asked is no reason to leave out the other.
    bench.telegram.fail(0, no(502, "Bad Gateway"));
    bench.wake(&look).await;
    assert_eq!(problems(), ["webhook_taken_over"]);
    bench.wake(&look).await;
    assert_eq!(problems(), ["webhook_taken_over", "webhook_taken_over"]);
    let version = bench.configuration().version;
    bench.wake(&look).await;
    assert_eq!(bench.configuration().version, version, "what is said already is no change");
    bench.telegram.set_url("");
    bench.wake(&look).await;
    assert_eq!(problems(), ["webhook_missing", "webhook_missing"]);
    // Each of the two bots has an address of its own, and this one is the first's.
    bench.telegram.set_url(URL);
    bench.wake(&look).await;
    assert_eq!(problems(), ["webhook_taken_over"]);
    assert_eq!(channel(&bench.configuration()).problem, None);
}

#[tokio::test]
async fn c3_what_takes_too_long_is_left_for_the_next_hour() {
    let bench = Bench::new();
    connect(&bench, TOKEN).await;
    connect(&bench, OTHER_TOKEN).await;
    bench.telegram.take_methods();
    for n in 0..10 {
        connect(&bench, &format!("90000000{n}:{}", &TOKEN[10..])).await;
    }
    bench.telegram.take_methods();
    bench.telegram.takes(&bench.clock, 1_000);
    bench.wake(&json!({ "kind": LOOK_AT_CHANNELS })).await;
    assert_eq!(bench.telegram.take_methods(), ["getWebhookInfo"; 10], "ten at once, and two are left out");
}

#[tokio::test]
async fn c3_health_finds_out_who_has_the_bot() {
    let health = format!("/api/channels/{ID}/health");
    for (url, problem, host) in [
        (URL, Value::Null, json!("api.example.com")),
        ("", json!("webhook_missing"), Value::Null),
        ("https://bots.example.org/x", json!("webhook_taken_over"), json!("bots.example.org")),
    ] {
        let bench = Bench::new();
        connect(&bench, TOKEN).await;
        bench.telegram.set_url(url);
        let got = bench.get(&health).await;
        assert_eq!(
            got.body,
            json!({
                "ok": problem.is_null(), "problem": problem, "webhook_host": host, "pending_update_count": 3,
                "last_error_at_ms": 1_767_225_000_000_i64, "last_error": "Read timeout expired",
            })
        );
    }
    let bench = Bench::new();
    connect(&bench, TOKEN).await;
    bench.telegram.fail(0, no(401, "Unauthorized"));
    assert_eq!(bench.get(&health).await.body["problem"], "token_invalid");
    bench.telegram.fail(0, no(502, "Bad Gateway"));
    assert_eq!(bench.get(&health).await.code(), "telegram_unavailable");
    bench.secrets.fail_next(1, &SecretError::Missing);
    assert_eq!(bench.get(&health).await.body["problem"], "token_missing");
    assert_eq!(channel(&bench.configuration()).problem.as_deref(), Some("token_missing"), "the channel says so too");
}

#[tokio::test]
async fn c3_c5_what_a_reply_was_refused_for_is_shown_on_the_channel_until_it_is_connected_again() {
    for (refused, shown) in [
        ("channel_unauthorized", "token_invalid"),
        ("permission_missing", "permission_missing"),
        ("page_restricted", "page_restricted"),
    ] {
        let bench = Bench::new();
        connect(&bench, TOKEN).await;
        refuse(&bench, refused);
        let one = bench.get(&format!("/api/channels/{ID}")).await;
        assert_eq!((one.status, one.etag.as_deref()), (200, Some("\"2\"")), "it is no change of the channel");
        assert_eq!(one.body["problem"], shown);
        assert_eq!(bench.get("/api/channels").await.body["channels"][0]["problem"], shown);
        assert_eq!(channel(&bench.configuration()).problem, None);

        assert_eq!(reconnect(&bench, TOKEN_2).await.status, 200);
        assert_eq!(bench.get(&format!("/api/channels/{ID}")).await.body["problem"], Value::Null, "{refused}");
    }
}
