//! Who is let in, and how they are bound (P4).

use domain::config::User;
use fakes::FaultTime;
use ports::records::{decode_user, put_user, subject_key, user_key};
use ports::store::Row;
use ports::{IdentityError, StoreError};
use serde_json::json;

use super::{Bench, anna, user};

fn stored(bench: &Bench) -> User {
    let key = user_key(&anna());
    let attributes = bench.store.row(&key).unwrap();
    decode_user(&Row { key, attributes }).unwrap()
}

#[tokio::test]
async fn p4_the_first_sign_in_binds_by_a_verified_address_only() {
    for (subject, email, status) in
        [("sub-1", Some("anna@example.com"), 200), ("sub-1", None, 403), ("sub-1", Some("anna@example.org"), 403)]
    {
        let bench = Bench::new();
        bench.knows("t", subject, email);
        let (got, body) = bench.call("POST /api/ticket", Some("t")).await;
        assert_eq!(got, status, "{email:?}: {body}");
        if status == 403 {
            assert_eq!(body["error"]["code"], "not_an_operator");
            assert!(bench.store.row(&subject_key(subject)).is_none() && stored(&bench).subject.is_none());
        } else {
            assert_eq!((stored(&bench).subject.as_deref(), stored(&bench).version), (Some("sub-1"), 2));
        }
    }
}

#[tokio::test]
async fn p4_who_is_bound_is_known_by_the_subject_whatever_the_address() {
    let bench = Bench::new();
    bench.ticket().await;
    bench.knows("moved", "sub-1", None);
    assert_eq!(bench.call("POST /api/ticket", Some("moved")).await.0, 200, "the address is no longer needed");
    bench.knows("other", "sub-2", Some("anna@example.com"));
    let (status, body) = bench.call("POST /api/ticket", Some("other")).await;
    assert_eq!((status, &body["error"]["code"]), (403, &json!("not_an_operator")), "an address binds once");
}

#[tokio::test]
async fn p4_two_first_sign_ins_at_once_bind_once() {
    for _ in 0..20 {
        let bench = Bench::new();
        let (one, other) = tokio::join!(bench.ticket(), bench.ticket());
        assert_ne!(one, other);
        assert_eq!(stored(&bench).version, 2);
        assert_eq!(bench.operator().unwrap().rev, 1);
    }
}

#[tokio::test]
async fn p4_a_token_that_is_not_accepted_says_so() {
    let bench = Bench::new();
    for token in [None, Some(""), Some("unknown")] {
        for route in ["POST /api/ticket", "POST /api/sign-out"] {
            let (status, body) = bench.call(route, token).await;
            assert_eq!((status, &body["error"]["code"]), (401, &json!("token_refused")), "{token:?}");
        }
    }
    bench.identity.fail_next(1, &IdentityError::Unavailable("down".to_owned()));
    let (status, body) = bench.call("POST /api/ticket", Some("token")).await;
    assert_eq!((status, &body["error"]["code"]), (503, &json!("try_again")));
    bench.store.fail_next_commits(1, FaultTime::Before, &StoreError::Throttled);
    assert_eq!(bench.call("POST /api/ticket", Some("token")).await.0, 503);
    assert_eq!(bench.call("POST /api/ticket", Some("token")).await.0, 200);
}

#[tokio::test]
async fn who_is_switched_off_gets_no_ticket() {
    let bench = Bench::new();
    bench.store.write(&[put_user(&User { disabled: true, version: 2, ..user() })]).unwrap();
    let (status, body) = bench.call("POST /api/ticket", Some("token")).await;
    assert_eq!((status, &body["error"]["code"]), (403, &json!("operator_disabled")));
    assert!(bench.operator().is_none());
}

#[tokio::test]
async fn q8_the_operator_is_as_the_manager_describes_them() {
    let bench = Bench::new();
    bench.ticket().await;
    let operator = bench.operator().unwrap();
    assert_eq!((operator.name.as_str(), operator.own_limit, operator.roles.len()), ("Anna", Some(3), 1));
    bench.ticket().await;
    assert_eq!(bench.operator().unwrap().rev, operator.rev, "nothing new, nothing written");
    let changed = User { name: "Anna B".to_owned(), own_limit: None, version: 3, ..stored(&bench) };
    bench.store.write(&[put_user(&changed)]).unwrap();
    bench.ticket().await;
    let operator = bench.operator().unwrap();
    assert_eq!((operator.name.as_str(), operator.own_limit), ("Anna B", None));
}

#[tokio::test]
async fn q8_a_sign_in_does_not_undo_what_a_manager_changes_meanwhile() {
    let bench = Bench::new();
    bench.ticket().await;
    let changed = User { own_limit: Some(4), version: 3, ..stored(&bench) };
    bench.store.write(&[put_user(&changed)]).unwrap();
    // The manager's next change comes between the sign-in's read and its commit.
    bench.store.before_next_commit(move |store| {
        store.write(&[put_user(&User { own_limit: Some(9), version: 4, ..changed })]).unwrap();
    });
    bench.ticket().await;
    assert_eq!(bench.operator().unwrap().own_limit, Some(9));
}
