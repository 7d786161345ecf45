//! People (P4, Q2, Q8, Q10).

use std::collections::BTreeMap;

use domain::decision::Write as Change;
use domain::operator::{Operator, Status};
use fakes::FaultTime;
use ports::records::{self, decode_operator, operator_key};
use ports::store::Row;
use ports::{PushError, StoreError};
use serde_json::{Value, json};

use super::{Bench, queue};

async fn anna(bench: &Bench, roles: &[&str]) -> String {
    let got =
        bench.call("POST /api/operators", json!({ "email": "Anna@Example.com", "name": "Anna", "roles": roles })).await;
    assert_eq!(got.status, 201, "{got:?}");
    got.id()
}

fn stored(bench: &Bench, id: &str) -> Option<Operator> {
    let key = operator_key(&id.parse().unwrap());
    let attributes = bench.store.row(&key)?;
    Some(decode_operator(&Row { key, attributes }).unwrap())
}

/// Anna has signed in, is Active, and has a window.
fn online(bench: &Bench, id: &str, roles: &[&str]) {
    let operator = Operator {
        rev: 1,
        status: Status::Active,
        roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
        connections: BTreeMap::from([("c1".to_owned(), i64::MAX)]),
        ..Operator::new(id.parse().unwrap(), "Anna")
    };
    bench.store.write(&records::rows(&[Change::Operator { before: None, after: operator }], 1)).unwrap();
}

fn places(bench: &Bench) -> Vec<String> {
    bench.store.rows().into_iter().map(|row| row.key.pk).filter(|pk| pk.starts_with("A#")).collect()
}

#[tokio::test]
async fn p4_an_address_lets_one_person_in() {
    let bench = Bench::new();
    let id = anna(&bench, &[]).await;
    assert_eq!(bench.get(&format!("/api/operators/{id}")).await.body["email"], "anna@example.com");
    let again = bench.call("POST /api/operators", json!({ "email": "anna@example.COM", "name": "Other" })).await;
    assert_eq!((again.status, again.code()), (409, "email_taken"));
    for _ in 0..10 {
        let bench = Bench::new();
        let person = || json!({ "email": "a@b", "name": "A" });
        let (one, other) =
            tokio::join!(bench.call("POST /api/operators", person()), bench.call("POST /api/operators", person()));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
    }
    for bad in [
        json!({ "email": "x", "name": "A" }),
        json!({ "email": "a@c", "name": "" }),
        json!({ "email": "a@c", "name": "A", "own_limit": 51 }),
    ] {
        assert_eq!(bench.call("POST /api/operators", bad).await.code(), "invalid_value");
    }
}

#[tokio::test]
async fn people_are_listed_in_pages() {
    let bench = Bench::new();
    for n in 0..5 {
        bench.call("POST /api/operators", json!({ "email": format!("p{n}@b"), "name": "P" })).await;
    }
    let (mut seen, mut next) = (Vec::new(), String::new());
    for _ in 0..4 {
        let page = bench.get(&format!("/api/operators?limit=2{next}")).await.body;
        seen.extend(
            page["operators"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page["next"].as_str() else { break };
        next = format!("&after={cursor}");
    }
    seen.sort();
    assert_eq!(seen, ["p0@b", "p1@b", "p2@b", "p3@b", "p4@b"]);
    for query in ["limit=0", "limit=101", "limit=x", "after=garbage"] {
        assert_eq!(bench.get(&format!("/api/operators?{query}")).await.code(), "bad_request", "{query}");
    }
}

#[tokio::test]
async fn q8_q2_a_changed_person_is_a_changed_operator_at_once() {
    let bench = Bench::new();
    let role = bench.call("POST /api/roles", json!({ "name": "Support" })).await.id();
    let queue = bench.call("POST /api/queues", json!({ "name": "S", "rule": "to_all", "roles": [role] })).await.id();
    let id = anna(&bench, &[]).await;
    online(&bench, &id, &[]);
    let put = format!("PUT /api/operators/{id}");
    let got = bench.call_at(1, &put, json!({ "name": "Anna B", "roles": [role], "own_limit": 2 })).await;
    assert_eq!((got.status, got.etag.as_deref()), (200, Some("\"2\"")));
    let operator = stored(&bench, &id).unwrap();
    assert_eq!((operator.name.as_str(), operator.own_limit, operator.rev), ("Anna B", Some(2), 2));
    assert_eq!(places(&bench), [format!("A#{role}#L")], "the place in the order of the free comes along");
    assert_eq!(bench.told(), [format!("wake {queue}")]);
    assert!(bench.push.closed().is_empty());
    let got = bench.call_at(2, &put, json!({ "name": "Anna B", "roles": ["r-9"] })).await;
    assert_eq!(got.code(), "invalid_value");
    assert_eq!(bench.call(&put, json!({ "name": "A" })).await.status, 428);
    assert_eq!(bench.call_at(1, &put, json!({ "name": "A" })).await.status, 412);
}

#[tokio::test]
async fn somebody_who_never_signed_in_has_no_operator_row_yet() {
    let bench = Bench::new();
    let id = anna(&bench, &[]).await;
    let got = bench.call_at(1, &format!("PUT /api/operators/{id}"), json!({ "name": "Anna", "disabled": true })).await;
    assert_eq!((got.status, &got.body["disabled"]), (200, &json!(true)));
    assert!(stored(&bench, &id).is_none() && bench.told().is_empty());
}

#[tokio::test]
async fn whoever_is_switched_off_has_no_window_and_no_place() {
    let bench = Bench::new();
    let role = bench.call("POST /api/roles", json!({ "name": "Support" })).await.id();
    let id = anna(&bench, &[&role]).await;
    online(&bench, &id, &[&role]);
    assert_eq!(places(&bench).len(), 1);
    let off = json!({ "name": "Anna", "roles": [role], "disabled": true });
    bench.push.fail_next(1, &PushError::Failed("down".to_owned()));
    assert_eq!(bench.call_at(1, &format!("PUT /api/operators/{id}"), off.clone()).await.status, 200);
    assert!(places(&bench).is_empty());
    assert_eq!(bench.told(), [format!("absent {id}")], "offers and chats go back to the line");
    assert!(bench.push.closed().is_empty());
    assert_eq!(bench.call_at(2, &format!("PUT /api/operators/{id}"), off).await.status, 200);
    assert_eq!(bench.push.closed(), ["c1"], "what was not closed is closed the next time");
}

#[tokio::test]
async fn i8_a_lost_role_closes_the_windows_that_showed_it() {
    let bench = Bench::new();
    let role = bench.call("POST /api/roles", json!({ "name": "Support" })).await.id();
    let id = anna(&bench, &[&role]).await;
    online(&bench, &id, &[&role]);
    bench.call_at(1, &format!("PUT /api/operators/{id}"), json!({ "name": "Anna", "roles": [] })).await;
    assert_eq!(bench.push.closed(), ["c1"]);
    assert!(places(&bench).is_empty());
}

#[tokio::test]
async fn person_and_operator_change_together_or_not_at_all() {
    let bench = Bench::new();
    let id = anna(&bench, &[]).await;
    online(&bench, &id, &[]);
    let put = format!("PUT /api/operators/{id}");
    bench.store.fail_next_commits(1, FaultTime::Before, &StoreError::Throttled);
    assert_eq!(bench.call_at(1, &put, json!({ "name": "B" })).await.status, 503);
    assert_eq!(stored(&bench, &id).unwrap().name, "Anna");
    // An offer comes between the read and the commit: the change is made on what is there then.
    let operator = stored(&bench, &id).unwrap();
    let offered = operator.with_offer(&"c0ffee.1".parse().unwrap());
    bench.store.before_next_commit(move |store| {
        store.write(&records::rows(&[Change::Operator { before: Some(operator), after: offered }], 1)).unwrap();
    });
    assert_eq!(bench.call_at(1, &put, json!({ "name": "B" })).await.status, 200);
    let operator = stored(&bench, &id).unwrap();
    assert_eq!((operator.name.as_str(), operator.offers.len(), operator.rev), ("B", 1, 3));
    // A role is deleted between the read and the commit.
    let role = bench.call("POST /api/roles", json!({ "name": "Support" })).await.id();
    let gone = bench.configuration();
    bench.store.before_next_commit(move |store| {
        let mut config = gone;
        config.roles.clear();
        config.version += 1;
        store.write(&[records::put_configuration(&config)]).unwrap();
    });
    assert_eq!(bench.call_at(2, &put, json!({ "name": "B", "roles": [role] })).await.code(), "invalid_value");
}

#[tokio::test]
async fn q7_a_queue_that_names_somebody_is_looked_at_when_their_limit_is_raised() {
    let bench = Bench::new();
    let id = anna(&bench, &[]).await;
    let mut named = queue("S");
    named["users"] = json!([id]);
    let queue = bench.call("POST /api/queues", named).await.id();
    online(&bench, &id, &[]);
    let limits: [Value; 2] = [json!(7), Value::Null];
    for (version, limit) in (1..).zip(limits) {
        bench
            .call_at(version, &format!("PUT /api/operators/{id}"), json!({ "name": "Anna", "own_limit": limit }))
            .await;
        assert_eq!(bench.told(), [format!("wake {queue}")]);
    }
}
