//! Presence: hello, ping, status, disconnect, sign-out (W1, Q7, Q10).

use std::collections::BTreeSet;

use domain::chat::{Chat, Offer, Route, Stand, Thread};
use domain::decision::Write as Change;
use domain::operator::{CONNECTION_SILENCE_MS, Operator, Status};
use domain::{ChatId, OfferId, Provider};
use fakes::FaultTime;
use ports::records::{self, connection_key};
use ports::{Clock, PushError, StoreError};
use serde_json::json;
use wire::queues::{Delayed, QueueMessage};

use super::{Bench, anna};

async fn signed_in() -> Bench {
    let bench = Bench::new();
    bench.ticket().await;
    bench
}

fn code(answer: &serde_json::Value) -> &str {
    answer["error"]["code"].as_str().unwrap_or("ok")
}

#[tokio::test]
async fn hello_is_welcomed_with_what_the_console_needs() {
    let bench = signed_in().await;
    let answer = bench.hello("c1").await;
    let result = &answer["result"];
    assert_eq!(answer["ok"], true);
    assert_eq!((&result["operator"]["id"], &result["operator"]["status"]), (&json!("u-anna"), &json!("inactive")));
    assert_eq!((&result["ping_s"], &result["notification_sound"]), (&json!(120), &json!("default")));
    assert_eq!(result["queues"][0], json!({ "id": "q-all", "name": "q-all", "rule": "to_all", "limit": 3 }));
    assert_eq!(result["queues"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn hello_twice_is_one_connection() {
    let bench = signed_in().await;
    bench.hello("c1").await;
    let once = bench.operator().unwrap();
    assert_eq!(bench.hello("c1").await["ok"], true);
    assert_eq!(bench.operator().unwrap(), once);
    assert_eq!(once.connections.len(), 1);
    assert!(bench.store.row(&connection_key(&anna(), "c1")).is_some());
}

#[tokio::test]
async fn hello_survives_whoever_is_faster() {
    let bench = signed_in().await;
    let (one, other) = tokio::join!(bench.hello("c1"), bench.hello("c2"));
    assert!(one["ok"] == true && other["ok"] == true, "{one} {other}");
    assert_eq!(bench.operator().unwrap().connections.len(), 2);
    bench.store.fail_next_commits(1, FaultTime::Before, &StoreError::Throttled);
    assert_eq!(code(&bench.hello("c3").await), "try_again");
}

#[tokio::test]
async fn a_sixth_window_is_refused_unless_one_has_fallen_silent() {
    let bench = signed_in().await;
    for n in 1..=5 {
        assert_eq!(code(&bench.hello(&format!("c{n}")).await), "ok");
    }
    assert_eq!(code(&bench.hello("c6").await), "too_many_connections");
    bench.clock.advance(CONNECTION_SILENCE_MS);
    for n in [1, 2, 4, 5] {
        assert_eq!(code(&bench.command(&format!("c{n}"), json!({ "action": "ping" })).await), "ok");
    }
    assert_eq!(code(&bench.hello("c6").await), "too_many_connections", "silent for five minutes is not yet too long");
    bench.clock.advance(1);
    assert_eq!(code(&bench.hello("c6").await), "ok");
    let operator = bench.operator().unwrap();
    assert_eq!(operator.connections.keys().collect::<Vec<_>>(), ["c1", "c2", "c4", "c5", "c6"]);
    assert!(bench.store.row(&connection_key(&anna(), "c3")).is_none());
    assert_eq!(bench.push.closed(), ["c3"]);
    assert_eq!(code(&bench.command("c1", json!({ "action": "ping" })).await), "ok");
}

#[tokio::test]
async fn a_ping_of_nobody_is_told_to_say_hello() {
    let bench = signed_in().await;
    assert_eq!(code(&bench.command("c1", json!({ "action": "ping" })).await), "not_connected");
    assert!(bench.store.row(&connection_key(&anna(), "c1")).is_none());
    bench.hello("c1").await;
    bench.clock.advance(1000);
    assert_eq!(code(&bench.command("c1", json!({ "action": "ping" })).await), "ok");
    let seen = bench.store.row(&connection_key(&anna(), "c1")).unwrap()["seen_ms"].as_i64();
    assert_eq!(seen, Some(bench.clock.now_ms()));
    bench.disconnect("c1").await;
    assert_eq!(code(&bench.command("c1", json!({ "action": "ping" })).await), "not_connected");
}

#[tokio::test]
async fn w1_q7_who_turns_active_is_looked_after_and_sees_the_lines() {
    let bench = signed_in().await;
    bench.hello("c1").await;
    assert_eq!(bench.woken(), Vec::<String>::new(), "Inactive: nobody is looked for");
    let answer = bench.status("c1", "active").await;
    assert_eq!((&answer["result"]["status"], code(&answer)), (&json!("active"), "ok"));
    assert_eq!(
        bench.woken(),
        ["q-all"],
        "a line is told; where chats are assigned and nobody waits, there is nothing to do"
    );
    let told = bench.push.frames_json("c1").into_iter().any(|frame| frame["type"] == "operator");
    assert!(told, "the other windows hear of it");
    let rev = bench.operator().unwrap().rev;
    assert_eq!(code(&bench.status("c1", "active").await), "ok");
    assert_eq!(bench.operator().unwrap().rev, rev, "a double changes nothing");
    bench.queues.take();
    bench.hello("c2").await;
    assert_eq!(bench.woken(), ["q-all"], "Q7: connecting is a reason too");
    assert_eq!(code(&bench.status("c9", "active").await), "not_connected");
}

/// A chat on offer to Anna.
fn offer(bench: &Bench) -> ChatId {
    let chat: ChatId = "c0ffee.1".parse().unwrap();
    let offer = Offer {
        id: OfferId { chat: chat.clone(), route_rev: 2 },
        operator: anna(),
        expires_at_ms: bench.clock.now_ms() + 300_000,
    };
    let route = Route {
        rev: 2,
        queue: "q-free".parse().unwrap(),
        stand: Stand::Offered { offer },
        waiting_since_ms: 1,
        not_before_ms: None,
        decliners: Vec::new(),
        taken_at_ms: None,
        close_due_at_ms: None,
        requests: Vec::new(),
        control: None,
    };
    let thread = Thread {
        rev: 1,
        next_seq: 2,
        last_in_at_ms: Some(1),
        last_out_at_ms: None,
        last_out_seq: None,
        read_seq: 0,
        requests: Vec::new(),
    };
    let opened = Chat {
        id: chat.clone(),
        channel: "tg-1".parse().unwrap(),
        provider: Provider::Telegram,
        customer_name: "Bob".to_owned(),
        opened_at_ms: 1,
        thread,
        route,
    };
    bench.store.write(&records::rows(&[Change::OpenChat(opened)], 1)).unwrap();
    let operator = bench.operator().unwrap();
    bench.put_operator(Operator { offers: BTreeSet::from([chat.clone()]), rev: operator.rev + 1, ..operator });
    chat
}

#[tokio::test]
async fn q10_who_turns_inactive_gives_the_open_offers_back() {
    let bench = signed_in().await;
    bench.hello("c1").await;
    bench.status("c1", "active").await;
    let chat = offer(&bench);
    bench.queues.take();
    let answer = bench.status("c1", "inactive").await;
    assert_eq!((&answer["result"]["status"], &answer["result"]["load"]), (&json!("inactive"), &json!(0)));
    assert!(bench.operator().unwrap().offers.is_empty());
    assert_eq!(bench.store.row(&records::chat_key(&chat)).unwrap()["state"], "waiting");
    assert_eq!(bench.woken(), ["q-free"]);
    assert_eq!(code(&bench.status("c1", "inactive").await), "ok", "a double");
}

#[tokio::test]
async fn q10_the_status_stands_when_an_offer_cannot_be_given_back_now() {
    let bench = signed_in().await;
    bench.hello("c1").await;
    bench.status("c1", "active").await;
    offer(&bench);
    bench.store.before_next_commit(|_| {});
    bench.store.before_next_commit(|store| store.fail_next_commits(1, FaultTime::Before, &StoreError::Throttled));
    assert_eq!(code(&bench.status("c1", "inactive").await), "ok");
    let operator = bench.operator().unwrap();
    assert_eq!((operator.status, operator.offers.len()), (Status::Inactive, 1));
    assert_eq!(operator.due_at_ms(), Some(0), "the sweep looks at once");
    assert_eq!(code(&bench.status("c1", "inactive").await), "ok", "asking again finishes it");
    assert!(bench.operator().unwrap().offers.is_empty());
}

#[tokio::test]
async fn q10_the_last_window_that_goes_starts_the_grace() {
    let bench = signed_in().await;
    bench.hello("c1").await;
    bench.hello("c2").await;
    bench.status("c1", "active").await;
    bench.queues.take();
    bench.disconnect("c1").await;
    assert!(bench.operator().unwrap().is_available() && bench.queues.take().is_empty());
    bench.disconnect("c2").await;
    let operator = bench.operator().unwrap();
    assert_eq!((operator.absent_since_ms, operator.status), (Some(bench.clock.now_ms()), Status::Active));
    assert!(!operator.is_available());
    let what = Delayed::Absent { operator: anna() };
    assert_eq!(bench.queues.take(), [QueueMessage::Delayed { delay_s: 31, what }]);
    bench.disconnect("c2").await;
    assert_eq!(bench.operator().unwrap(), operator, "a double changes nothing");
}

#[tokio::test]
async fn who_is_switched_off_is_turned_away() {
    let bench = signed_in().await;
    bench.hello("c1").await;
    let operator = bench.operator().unwrap();
    bench.put_operator(operator.described("Anna", &operator.roles, None, true).unwrap());
    for answer in [bench.hello("c1").await, bench.hello("c2").await, bench.status("c1", "active").await] {
        assert_eq!(code(&answer), "operator_disabled");
    }
}

#[tokio::test]
async fn sign_out_closes_every_window() {
    let bench = signed_in().await;
    bench.hello("c1").await;
    bench.hello("c2").await;
    bench.push.fail_next(1, &PushError::Failed("down".to_owned()));
    assert_eq!(bench.call("POST /api/sign-out", Some("token")).await.0, 503);
    assert_eq!(bench.operator().unwrap().connections.len(), 2, "what was not closed stays known");
    assert_eq!(bench.call("POST /api/sign-out", Some("token")).await.0, 204);
    assert_eq!(bench.push.closed(), ["c1", "c2"]);
    assert!(bench.operator().unwrap().connections.is_empty());
    assert_eq!(bench.call("POST /api/sign-out", Some("token")).await.0, 204, "twice is once");
    bench.knows("stranger", "sub-9", None);
    assert_eq!(bench.call("POST /api/sign-out", Some("stranger")).await.0, 204);
}

#[tokio::test]
async fn a_command_of_another_function_is_not_carried_out_here() {
    let bench = signed_in().await;
    let answer = bench.command("c1", json!({ "action": "close", "chat": "c0ffee.1" })).await;
    assert_eq!(answer["ok"], false);
}
