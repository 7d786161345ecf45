//! Queues and roles (Q1, Q2, C2).

use domain::chat::{Chat, Route, Stand, Thread};
use domain::decision::Write as Change;
use domain::{Provider, QueueId};
use fakes::FaultTime;
use ports::records::{self, put_configuration};
use ports::{QueueError, StoreError};
use serde_json::{Value, json};

use super::{Bench, TOKEN, queue};

#[tokio::test]
async fn q1_a_queue_is_made_read_changed_and_deleted() {
    let bench = Bench::new();
    let made = bench.call("POST /api/queues", json!({ "name": "Sales", "rule": "to_all", "auto_close_min": 30 })).await;
    assert_eq!((made.status, made.etag.as_deref()), (201, Some("\"1\"")));
    let id = made.id();
    assert!(id.starts_with("q-") && id.len() == 18, "{id}");
    let target = format!("/api/queues/{id}");
    assert_eq!(bench.get(&target).await.body, made.body);
    assert_eq!(bench.get("/api/queues").await.body, json!({ "queues": [made.body] }));
    let changed = bench.call_at(1, &format!("PUT {target}"), queue("Leads")).await;
    assert_eq!(
        (changed.status, changed.etag.as_deref(), &changed.body["auto_close_min"]),
        (200, Some("\"2\""), &Value::Null)
    );
    assert_eq!(bench.call(&format!("DELETE {target}"), json!({})).await.status, 204);
    assert_eq!(bench.get(&target).await.status, 404);
}

#[tokio::test]
async fn a_change_names_the_version_that_was_seen() {
    let bench = Bench::new();
    let id = bench.call("POST /api/queues", queue("Sales")).await.id();
    let put = format!("PUT /api/queues/{id}");
    assert_eq!(bench.call(&put, queue("x")).await.status, 428);
    for tag in ["1", "W/\"1\"", "*", "\"2\"", "\"x\"", ""] {
        let body = lambda_http::Body::Text(queue("x").to_string());
        let got = bench.call_as(Some("manager"), &put, &[("If-Match", tag)], body).await;
        assert_eq!((got.status, got.code()), (412, "version_conflict"), "{tag}");
    }
    assert_eq!(bench.call_at(1, &put, queue("x")).await.status, 200);
    assert_eq!(bench.call_at(1, &put, queue("x")).await.status, 412);
    assert_eq!(
        bench.call_at(1, &format!("DELETE /api/queues/{id}"), json!({})).await.status,
        412,
        "where it is named, it counts"
    );
}

#[tokio::test]
async fn of_two_who_change_a_queue_at_once_one_is_told_to_read_again() {
    for _ in 0..20 {
        let bench = Bench::new();
        let put = format!("PUT /api/queues/{}", bench.call("POST /api/queues", queue("Sales")).await.id());
        let (one, other) = tokio::join!(bench.call_at(1, &put, queue("A")), bench.call_at(1, &put, queue("B")));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412]);
    }
}

#[tokio::test]
async fn changes_of_different_things_do_not_disturb_each_other() {
    let bench = Bench::new();
    let (one, other) =
        tokio::join!(bench.call("POST /api/queues", queue("A")), bench.call("POST /api/queues", queue("B")));
    assert_eq!((one.status, other.status, bench.configuration().queues.len()), (201, 201, 2));
    // Somebody is always faster: bounded, and nothing is half done.
    for _ in 0..5 {
        bench.store.before_next_commit(|store| {
            let key = ports::records::configuration_key();
            let row = ports::store::Row { attributes: store.row(&key).unwrap(), key };
            let mut config = records::decode_configuration(Some(&row)).unwrap();
            config.version += 1;
            store.write(&[put_configuration(&config)]).unwrap();
        });
    }
    assert_eq!(bench.call("POST /api/queues", queue("C")).await.code(), "try_again");
    assert_eq!(bench.call("POST /api/queues", queue("C")).await.status, 201);
    bench.store.fail_next_commits(1, FaultTime::Before, &StoreError::Conflict);
    assert_eq!(bench.call("POST /api/queues", queue("D")).await.code(), "try_again");
}

#[tokio::test]
async fn q2_a_queue_names_people_and_roles_that_exist() {
    let bench = Bench::new();
    let person = json!({ "email": "a@example.com", "name": "Anna" });
    let user = bench.call("POST /api/operators", person).await.id();
    let role = bench.call("POST /api/roles", json!({ "name": "Support" })).await.id();
    let with = |users: Value, roles: Value| json!({ "name": "S", "rule": "to_all", "users": users, "roles": roles });
    for (users, roles, status) in [
        (json!([user, user]), json!([role]), 201),
        (json!(["u-9"]), json!([]), 422),
        (json!([]), json!(["r-9"]), 422),
        (json!((0..101).map(|n| format!("u{n}")).collect::<Vec<_>>()), json!([]), 422),
        (json!(["not an id"]), json!([]), 400),
    ] {
        assert_eq!(bench.call("POST /api/queues", with(users, roles)).await.status, status);
    }
}

#[tokio::test]
async fn q7_l2_a_change_is_told_to_whom_it_concerns() {
    let bench = Bench::new();
    let id = bench.call("POST /api/queues", queue("Sales")).await.id();
    let put = format!("PUT /api/queues/{id}");
    assert!(bench.told().is_empty(), "nobody waits in a new queue");
    let mut version = 0;
    for (body, told) in [
        (queue("Leads"), vec![]),
        (json!({ "name": "L", "rule": "to_all" }), vec![format!("wake {id}"), format!("wake {id} in 3")]),
        (json!({ "name": "L", "rule": "to_all", "auto_close_min": 5 }), vec![format!("retime {id}")]),
    ] {
        version += 1;
        assert_eq!(bench.call_at(version, &put, body).await.status, 200);
        assert_eq!(bench.told(), told);
    }
    bench.queues.fail_next(3, &QueueError::Unavailable("down".to_owned()));
    assert_eq!(bench.call_at(4, &put, queue("Leads")).await.status, 200, "the change is made, whoever hears of it");
    bench.queues.fail_next(2, &QueueError::Unavailable("down".to_owned()));
    assert_eq!(bench.call_at(5, &put, json!({ "name": "L", "rule": "to_all", "auto_close_min": 5 })).await.status, 200);
    assert_eq!(bench.told().len(), 3, "it is offered again");
}

/// Puts a chat into a queue.
fn put_chat(bench: &Bench, queue: &str, stand: Stand) {
    let queue: QueueId = queue.parse().unwrap();
    let thread = Thread {
        rev: 1,
        next_seq: 2,
        last_in_at_ms: Some(1),
        last_out_at_ms: None,
        last_out_seq: None,
        read_seq: 0,
        requests: Vec::new(),
    };
    let route = Route {
        rev: 1,
        queue,
        stand,
        waiting_since_ms: 1,
        not_before_ms: None,
        decliners: Vec::new(),
        taken_at_ms: None,
        close_due_at_ms: None,
        requests: Vec::new(),
        control: None,
    };
    let chat = Chat {
        id: "c0ffee.1".parse().unwrap(),
        channel: "tg-123456789".parse().unwrap(),
        provider: Provider::Telegram,
        customer_name: "Bob".to_owned(),
        opened_at_ms: 1,
        thread,
        route,
    };
    bench.store.write(&records::rows(&[Change::OpenChat(chat)], 1)).unwrap();
}

#[tokio::test]
async fn c2_a_queue_in_use_is_not_deleted() {
    let in_work = Stand::InWork { operator: "u-1".parse().unwrap(), transfer: None };
    let closed = Stand::Closed { at_ms: 2, by: None, operator: None };
    for (stand, word) in [(Some(Stand::Waiting), "wait"), (Some(in_work), "open"), (Some(closed), ""), (None, "")] {
        let bench = Bench::new();
        let id = bench.call("POST /api/queues", queue("Sales")).await.id();
        if let Some(stand) = stand {
            put_chat(&bench, &id, stand);
        }
        let got = bench.call(&format!("DELETE /api/queues/{id}"), json!({})).await;
        if word.is_empty() {
            assert_eq!(got.status, 204);
        } else {
            assert_eq!((got.status, got.code()), (409, "queue_in_use"));
            assert!(got.text().contains(word), "{}", got.text());
        }
    }
    let bench = Bench::new();
    let id = bench.call("POST /api/queues", queue("Sales")).await.id();
    let channel = bench.call("POST /api/channels/telegram", json!({ "name": "Shop", "token": TOKEN })).await;
    let bound = json!({ "name": "Shop", "active": true, "queue": id });
    bench
        .call_at(channel.body["version"].as_u64().unwrap(), &format!("PUT /api/channels/{}", channel.id()), bound)
        .await;
    let got = bench.call(&format!("DELETE /api/queues/{id}"), json!({})).await;
    assert_eq!(got.code(), "queue_in_use");
    assert!(got.text().contains("\"Shop\""), "it names the channel: {}", got.text());
}

#[tokio::test]
async fn c2_a_role_in_use_is_not_deleted() {
    let bench = Bench::new();
    let role = bench.call("POST /api/roles", json!({ "name": "Support" })).await;
    assert_eq!((role.status, role.etag.as_deref()), (201, Some("\"1\"")));
    let id = role.id();
    let renamed = bench.call_at(1, &format!("PUT /api/roles/{id}"), json!({ "name": "Help" })).await;
    assert_eq!((renamed.status, &renamed.body["name"]), (200, &json!("Help")));
    assert_eq!(bench.get("/api/roles").await.body["roles"][0], renamed.body);
    let user = bench.call("POST /api/operators", json!({ "email": "a@b", "name": "Anna", "roles": [id] })).await;
    let delete = format!("DELETE /api/roles/{id}");
    let got = bench.call(&delete, json!({})).await;
    assert_eq!((got.status, got.code()), (409, "role_in_use"));
    assert!(got.text().contains("\"Anna\""), "{}", got.text());
    let without = json!({ "name": "Anna", "roles": [] });
    assert_eq!(bench.call_at(1, &format!("PUT /api/operators/{}", user.id()), without).await.status, 200);
    assert_eq!(bench.call(&delete, json!({})).await.status, 204);
}
