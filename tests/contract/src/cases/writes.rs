//! Writes: what each makes of its row, and that a commit is all or nothing.

use ports::store::{Condition, Key};
use ports::{Store, StoreError};
use serde_json::json;

use super::{check, commit, delete, delete_if, put, put_if, read, update, update_if};

pub(super) async fn put_replaces_the_whole_row<S: Store>(store: &S) {
    let key = Key::work("put", "a");
    commit(store, &[put(&key, json!({"a": 1, "b": 2}))]).await;
    assert_eq!(read(store, &key).await, Some(json!({"a": 1, "b": 2})));
    commit(store, &[put(&key, json!({"b": 3}))]).await;
    assert_eq!(read(store, &key).await, Some(json!({"b": 3})));
    commit(store, &[put(&key, json!({}))]).await;
    assert_eq!(read(store, &key).await, Some(json!({})), "a row may be nothing but its key");
}

pub(super) async fn update_sets_and_removes<S: Store>(store: &S) {
    let (key, other) = (Key::work("update", "a"), Key::work("update", "b"));
    for beside in [false, true] {
        commit(store, &[put(&key, json!({"a": 1, "b": 2, "c": 3, "status": "open"}))]).await;
        let change = update(&key, json!({"b": [4], "d": "5", "status": "closed"}), &["a", "none"]);
        let writes = if beside { vec![change, put(&other, json!({}))] } else { vec![change] };
        commit(store, &writes).await;
        let expected = json!({"b": [4], "c": 3, "d": "5", "status": "closed"});
        assert_eq!(read(store, &key).await, Some(expected));
        let change = update(&key, json!({}), &["b", "c", "status"]);
        let writes = if beside { vec![change, put(&other, json!({}))] } else { vec![change] };
        commit(store, &writes).await;
        assert_eq!(read(store, &key).await, Some(json!({"d": "5"})));
    }
}

pub(super) async fn update_makes_a_row<S: Store>(store: &S) {
    let (alone, together, other) = (Key::work("make", "a"), Key::work("make", "b"), Key::work("make", "c"));
    commit(store, &[update(&alone, json!({"a": 1}), &["b"])]).await;
    assert_eq!(read(store, &alone).await, Some(json!({"a": 1})));
    commit(store, &[update(&together, json!({"a": 1}), &[]), put(&other, json!({}))]).await;
    assert_eq!(read(store, &together).await, Some(json!({"a": 1})));
    let removed = Key::work("make", "e");
    commit(store, &[update(&removed, json!({}), &["a"])]).await;
    assert_eq!(read(store, &removed).await, Some(json!({})), "a row comes into being even if nothing is set");
    let refused = store.commit(&[update_if(&Key::work("make", "d"), json!({"a": 1}), Condition::Exists)]).await;
    assert_eq!(refused, Err(StoreError::ConditionFailed(vec![0])));
    assert_eq!(read(store, &Key::work("make", "d")).await, None);
}

pub(super) async fn delete_removes<S: Store>(store: &S) {
    let (key, other) = (Key::work("delete", "a"), Key::work("delete", "b"));
    commit(store, &[put(&key, json!({"a": 1})), put(&other, json!({"a": 1}))]).await;
    commit(store, &[delete(&key)]).await;
    assert_eq!(read(store, &key).await, None);
    commit(store, &[delete(&key)]).await;
    commit(store, &[delete(&key), delete(&other)]).await;
    assert_eq!(read(store, &other).await, None);
}

pub(super) async fn check_writes_nothing<S: Store>(store: &S) {
    let (here, nowhere) = (Key::work("check", "a"), Key::work("check", "b"));
    commit(store, &[put(&here, json!({"a": 1}))]).await;
    commit(store, &[check(&here, Condition::Exists)]).await;
    commit(store, &[check(&nowhere, Condition::Absent), check(&here, Condition::Is("a", json!(1)))]).await;
    assert_eq!(read(store, &here).await, Some(json!({"a": 1})));
    assert_eq!(read(store, &nowhere).await, None);
}

pub(super) async fn of_every_kind_happen_together<S: Store>(store: &S) {
    let key = |name: &str| Key::work("together", name);
    commit(store, &[put(&key("updated"), json!({"n": 1})), put(&key("deleted"), json!({}))]).await;
    commit(store, &[put(&key("checked"), json!({"n": 7}))]).await;
    commit(
        store,
        &[
            put_if(&key("put"), json!({"n": 1}), Condition::Absent),
            update_if(&key("updated"), json!({"n": 2}), Condition::Is("n", json!(1))),
            delete_if(&key("deleted"), Condition::Exists),
            check(&key("checked"), Condition::Above("n", 6)),
        ],
    )
    .await;
    assert_eq!(read(store, &key("put")).await, Some(json!({"n": 1})));
    assert_eq!(read(store, &key("updated")).await, Some(json!({"n": 2})));
    assert_eq!(read(store, &key("deleted")).await, None);
    assert_eq!(read(store, &key("checked")).await, Some(json!({"n": 7})));
}

/// A chat, its message and its line: when one condition fails, wherever it stands, nothing is written.
pub(super) async fn happen_all_or_none<S: Store>(store: &S) {
    let key = |name: &str| Key::work("atomic", name);
    commit(store, &[put(&key("chat"), json!({"rev": 1})), put(&key("line"), json!({}))]).await;
    for failing in 0..4 {
        let rev = |at: usize| Condition::Is("rev", json!(if at == failing { 9 } else { 1 }));
        let exists = |at: usize| if at == failing { Condition::Absent } else { Condition::Exists };
        let absent = |at: usize| if at == failing { Condition::Exists } else { Condition::Absent };
        let writes = [
            update_if(&key("chat"), json!({"rev": 2}), rev(0)),
            put_if(&key("message"), json!({}), absent(1)),
            delete_if(&key("line"), exists(2)),
            check(&key("closed"), absent(3)),
        ];
        assert_eq!(store.commit(&writes).await, Err(StoreError::ConditionFailed(vec![failing])));
        assert_eq!(read(store, &key("chat")).await, Some(json!({"rev": 1})));
        assert_eq!(read(store, &key("message")).await, None);
        assert_eq!(read(store, &key("line")).await, Some(json!({})));
    }
}

pub(super) async fn name_every_failed_condition<S: Store>(store: &S) {
    let key = |name: &str| Key::work("failed", name);
    commit(store, &[put(&key("a"), json!({"n": 1}))]).await;
    let writes = [
        put_if(&key("a"), json!({}), Condition::Absent),
        put_if(&key("b"), json!({}), Condition::Absent),
        update_if(&key("c"), json!({"n": 1}), Condition::Exists),
        put(&key("d"), json!({})),
        check(&key("a"), Condition::Is("n", json!(2))),
    ];
    assert!(matches!(store.commit(&writes).await, Err(StoreError::Refused(_))), "two writes of one row");
    let writes = [&writes[..2], &writes[2..4], &[check(&key("e"), Condition::Exists)]].concat();
    assert_eq!(store.commit(&writes).await, Err(StoreError::ConditionFailed(vec![0, 2, 4])));
    assert_eq!(read(store, &key("d")).await, None);
}

pub(super) async fn span_both_tables<S: Store>(store: &S) {
    let (config, work) = (Key::config("same", "key"), Key::work("same", "key"));
    commit(store, &[put(&config, json!({"t": "config"})), put(&work, json!({"t": "work"}))]).await;
    assert_eq!(read(store, &config).await, Some(json!({"t": "config"})));
    assert_eq!(read(store, &work).await, Some(json!({"t": "work"})));
    let writes = [update(&work, json!({"n": 1}), &[]), check(&config, Condition::Is("t", json!("other")))];
    assert_eq!(store.commit(&writes).await, Err(StoreError::ConditionFailed(vec![1])));
    commit(store, &[delete(&config)]).await;
    assert_eq!(read(store, &config).await, None);
    assert_eq!(read(store, &work).await, Some(json!({"t": "work"})));
}
