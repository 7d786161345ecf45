//! Reads by key.

use ports::Store;
use ports::store::{GET_KEYS_MAX, Key};
use serde_json::json;

use super::{commit, fill, put, read, update};

pub(super) async fn keep_the_order_of_keys<S: Store>(store: &S) {
    let (a, b, config) = (Key::work("r", "a"), Key::work("r", "b"), Key::config("r", "a"));
    let absent = Key::work("r", "absent");
    commit(store, &[put(&a, json!({"n": 1})), put(&b, json!({"n": 2})), put(&config, json!({"n": 3}))]).await;
    let absent_too = Key::config("r", "b");
    let keys = [&b, &absent, &config, &a, &b, &absent, &absent_too, &config].map(Clone::clone);
    let rows = store.get(&keys).await.expect("a read succeeds");
    let numbers: Vec<_> = rows.iter().map(|row| row.as_ref().map(|row| row.attributes["n"].clone())).collect();
    let (one, two, three) = (Some(json!(1)), Some(json!(2)), Some(json!(3)));
    assert_eq!(numbers, [two.clone(), None, three.clone(), one, two, None, None, three]);
    for (row, key) in rows.iter().zip(&keys) {
        assert!(row.as_ref().is_none_or(|row| row.key == *key));
    }
    assert_eq!(store.get(&[absent.clone(), absent]).await, Ok(vec![None, None]), "one absent key, twice");
}

pub(super) async fn see_the_last_commit<S: Store>(store: &S) {
    let (a, b) = (Key::work("last", "a"), Key::work("last", "b"));
    for n in 0..20 {
        commit(store, &[update(&a, json!({"n": n}), &[]), update(&b, json!({"n": n}), &[])]).await;
        assert_eq!(read(store, &a).await, Some(json!({"n": n})));
        let rows = store.get(&[a.clone(), b.clone()]).await.expect("a read succeeds");
        assert!(rows.iter().flatten().all(|row| row.attributes["n"] == json!(n)), "{rows:?}");
    }
}

pub(super) async fn take_a_hundred_keys<S: Store>(store: &S) {
    let keys: Vec<Key> = (0..GET_KEYS_MAX).map(|n| Key::work(format!("p{}", n % 7), format!("{n}"))).collect();
    fill(store, keys.iter().enumerate().filter(|(n, _)| n % 2 == 0).map(|(n, key)| (key.clone(), json!({"n": n}))))
        .await;
    let rows = store.get(&keys).await.expect("a read of a hundred keys succeeds");
    assert_eq!(rows.len(), GET_KEYS_MAX);
    for (n, row) in rows.iter().enumerate() {
        assert_eq!(row.as_ref().map(|row| row.attributes["n"].clone()), (n % 2 == 0).then(|| json!(n)));
    }
}
