//! Who may call, and calls that are none (P1, C9).

use lambda_http::Body;
use ports::{IdentityError, StoreError};
use serde_json::json;

use super::{Bench, queue};

#[tokio::test]
async fn p1_only_chat_managers_get_anything() {
    let bench = Bench::new();
    for route in wire::http::ROUTES.iter().filter(|route| route.managers) {
        let call = format!("{} {}", route.method, route.path.replace("{id}", "x-1").replace("{code}", "SiteUrl"));
        for (token, status, code) in [
            (None, 401, "token_refused"),
            (Some("nobody"), 401, "token_refused"),
            (Some("operator"), 403, "right_missing"),
        ] {
            let got = bench.call_as(token, &call, &[], Body::Empty).await;
            assert_eq!((got.status, got.code()), (status, code), "{call} by {token:?}");
        }
    }
    assert!(bench.store.rows().is_empty());
    bench.identity.fail_next(1, &IdentityError::Unavailable("down".to_owned()));
    assert_eq!(bench.get("/api/queues").await.code(), "try_again");
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let bench = Bench::new();
    for call in [
        "GET /api/nothing",
        "GET /",
        "GET /api/queues/",
        "POST /api/ticket",
        "POST /api/sign-out",
        "GET /api/queues/a%20b",
    ] {
        assert_eq!(bench.call(call, json!({})).await.status, 404, "{call}");
    }
    let got = bench.call("PATCH /api/queues", json!({})).await;
    assert_eq!((got.status, got.code(), got.allow.as_deref()), (405, "method_not_allowed", Some("GET, POST")));
    for target in [
        "/api/queues/q-9",
        "/api/operators/u-9",
        "/api/channels/tg-9",
        "/api/channels/tg-9/health",
        "/api/settings/Nothing",
    ] {
        assert_eq!(bench.get(target).await.code(), "not_found", "{target}");
    }
    for call in [
        "PUT /api/queues/q-9",
        "PUT /api/roles/r-9",
        "DELETE /api/queues/q-9",
        "DELETE /api/roles/r-9",
        "DELETE /api/channels/tg-9",
    ] {
        assert_eq!(bench.call_at(1, call, queue("x")).await.code(), "not_found", "{call}");
    }
}

#[tokio::test]
async fn c9_a_body_that_cannot_be_read_is_not_repeated() {
    let bench = Bench::new();
    let token = super::TOKEN;
    for body in [
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        format!("{{\"token\":[\"{token}\"]}}"),
        format!("{{\"name\":7,\"token\":\"{token}\"}}"),
        format!("\"{token}\""),
    ] {
        let got = bench.call_as(Some("manager"), "POST /api/channels/telegram", &[], Body::Text(body)).await;
        assert_eq!((got.status, got.code()), (400, "bad_request"));
    }
    let got = bench
        .call("POST /api/channels/telegram", json!({ "name": "Shop", "token": format!("{token} and more") }))
        .await;
    assert_eq!((got.status, got.code()), (422, "token_invalid"));
    let binary = Body::Binary(vec![0xff, 0xfe]);
    assert_eq!(bench.call_as(Some("manager"), "POST /api/queues", &[], binary).await.status, 400);
}

#[tokio::test]
async fn a_body_has_its_limit() {
    let bench = Bench::new();
    for (bytes, status) in [(64 * 1024, 422), (64 * 1024 + 1, 413)] {
        let empty = json!({ "name": "", "rule": "to_all" }).to_string().len();
        let body = json!({ "name": "x".repeat(bytes - empty), "rule": "to_all" });
        assert_eq!(body.to_string().len(), bytes);
        assert_eq!(bench.call("POST /api/queues", body).await.status, status, "{bytes}");
    }
}

#[tokio::test]
async fn a_fault_of_the_store_is_told_apart() {
    let bench = Bench::new();
    for (error, status, code) in [
        (StoreError::Throttled, 503, "try_again"),
        (StoreError::Unavailable("secret cause".to_owned()), 503, "try_again"),
        (StoreError::Refused("secret cause".to_owned()), 500, "internal"),
    ] {
        bench.store.fail_next_reads(1, &error);
        let got = bench.get("/api/queues").await;
        assert_eq!((got.status, got.code()), (status, code));
        assert!(!got.text().contains("secret cause"));
    }
}
