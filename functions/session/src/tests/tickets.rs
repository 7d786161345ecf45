//! Tickets, and what opens a connection.

use fakes::FaultTime;
use ports::StoreError;
use ports::store::Table;
use serde_json::{Value, json};

use super::{Bench, HOUR_MS};

fn effect(policy: &Value) -> &str {
    policy["policyDocument"]["Statement"][0]["Effect"].as_str().unwrap()
}

#[tokio::test]
async fn p4_a_ticket_opens_one_connection_of_its_operator() {
    let bench = Bench::new();
    let (status, body) = bench.call("POST /api/ticket", Some("token")).await;
    assert_eq!(
        (status, &body["expires_in_s"], &body["operator"]),
        (200, &json!(30), &json!({ "id": "u-anna", "name": "Anna" }))
    );
    let ticket = body["ticket"].as_str().unwrap();
    assert_eq!(ticket.len(), 43);
    assert!(!bench.store.dump().contains(ticket), "only its hash is stored");
    let policy = bench.authorize(Some(ticket), None).await;
    let auth_until = (1_767_225_600_000_i64 + HOUR_MS).to_string();
    assert_eq!(
        policy,
        json!({
            "principalId": "u-anna",
            "policyDocument": { "Version": "2012-10-17", "Statement": [{
                "Action": "execute-api:Invoke", "Effect": "Allow",
                "Resource": "arn:aws:execute-api:eu-west-1:123456789012:abcdef123/*",
            }] },
            "context": { "operator": "u-anna", "auth_until_ms": auth_until },
        })
    );
    assert_eq!(effect(&bench.authorize(Some(ticket), None).await), "Deny", "it opens one");
}

#[tokio::test]
async fn of_two_who_use_a_ticket_at_once_one_gets_in() {
    for _ in 0..20 {
        let bench = Bench::new();
        let ticket = bench.ticket().await;
        let (one, other) = tokio::join!(bench.authorize(Some(&ticket), None), bench.authorize(Some(&ticket), None));
        let mut effects = [effect(&one), effect(&other)];
        effects.sort_unstable();
        assert_eq!(effects, ["Allow", "Deny"]);
    }
}

#[tokio::test]
async fn a_ticket_ends_with_its_time_or_with_the_sign_in() {
    for (wait_ms, allowed) in [(0, true), (29_999, true), (30_000, false), (HOUR_MS, false)] {
        let bench = Bench::new();
        let ticket = bench.ticket().await;
        bench.clock.advance(wait_ms);
        let policy = bench.authorize(Some(&ticket), None).await;
        assert_eq!(effect(&policy), if allowed { "Allow" } else { "Deny" }, "after {wait_ms} ms");
    }
    let bench = Bench::new();
    bench.clock.advance(HOUR_MS - 1);
    let ticket = bench.ticket().await;
    bench.clock.advance(1);
    assert_eq!(effect(&bench.authorize(Some(&ticket), None).await), "Deny", "the token has expired meanwhile");
}

#[tokio::test]
async fn whatever_is_no_ticket_is_denied_and_nothing_is_thrown() {
    let bench = Bench::new();
    let ticket = bench.ticket().await;
    let forged = "A".repeat(43);
    for wrong in [None, Some(""), Some("x"), Some(forged.as_str()), Some(&ticket[..42]), Some(&"x".repeat(5000))] {
        let policy = bench.authorize(wrong, None).await;
        assert_eq!((effect(&policy), &policy["context"]), ("Deny", &Value::Null), "{wrong:?}");
    }
    for event in [json!({ "type": "REQUEST" }), json!({ "type": "REQUEST", "methodArn": 7, "headers": [] })] {
        assert_eq!(effect(&bench.session.handle(event).await), "Deny");
    }
    bench.store.fail_next_reads(1, &StoreError::Throttled);
    assert_eq!(effect(&bench.authorize(Some(&ticket), None).await), "Deny", "a fault is no yes");
    bench.store.fail_next_commits(1, FaultTime::After, &StoreError::Unavailable("lost".to_owned()));
    assert_eq!(effect(&bench.authorize(Some(&ticket), None).await), "Deny", "an unknown outcome is no yes");
}

#[tokio::test]
async fn only_pages_of_the_allowed_origins_open_connections() {
    for (origin, allowed) in [
        (None, true),
        (Some("https://a.example"), true),
        (Some("https://B.example"), true),
        (Some("https://a.example.evil.org"), false),
        (Some("http://a.example"), false),
        (Some("https://a.example:444"), false),
        (Some("null"), false),
        (Some(""), false),
    ] {
        let bench = Bench::new();
        let ticket = bench.ticket().await;
        let policy = bench.authorize(Some(&ticket), origin).await;
        assert_eq!(effect(&policy), if allowed { "Allow" } else { "Deny" }, "{origin:?}");
        if !allowed {
            assert_eq!(effect(&bench.authorize(Some(&ticket), None).await), "Allow", "a wrong page does not use it up");
        }
    }
}

#[tokio::test]
async fn a_connection_lasts_no_longer_than_two_hours() {
    let bench = Bench::new();
    let expires_at_ms = 1_767_225_600_000 + 10 * HOUR_MS;
    let principal = ports::Principal {
        subject: "sub-1".to_owned(),
        verified_email: Some("anna@example.com".to_owned()),
        name: None,
        groups: Vec::new(),
        expires_at_ms,
    };
    bench.identity.know("token", principal);
    let ticket = bench.ticket().await;
    let policy = bench.authorize(Some(&ticket), None).await;
    assert_eq!(policy["context"]["auth_until_ms"], json!((1_767_225_600_000 + 2 * HOUR_MS).to_string()));
}

#[tokio::test]
async fn an_event_of_another_kind_and_an_address_of_others_are_no_fault() {
    let bench = Bench::new();
    for event in [json!({}), json!(null), json!({ "requestContext": { "eventType": "MESSAGE" } })] {
        assert_eq!(bench.session.handle(event).await["statusCode"], 400);
    }
    assert_eq!(bench.call("GET /api/queues", Some("token")).await.0, 404);
    assert_eq!(bench.call("GET /api/ticket", Some("token")).await.0, 404);
    let connect = json!({ "requestContext": { "eventType": "CONNECT", "routeKey": "$connect" } });
    assert_eq!(bench.session.handle(connect).await, json!({ "statusCode": 200 }));
    assert!(bench.store.rows().iter().all(|row| row.key.table == Table::Config), "nothing was done");
}
