//! What is refused, and what is just not.

use ports::Store;
use ports::store::{
    COMMIT_WRITES_MAX, Condition, GET_KEYS_MAX, Index, Key, QUERY_ROWS_MAX, Query, Range, Table, Write,
};
use serde_json::{Value, json};

use super::{all_of, assert_refused, attributes, check, commit, delete, page, put, put_if, read, update};

pub(super) async fn of_keys<S: Store>(store: &S) {
    for (pk, sk) in [("", "a"), ("a", ""), ("", ""), (&"p".repeat(2049), "a"), ("a", &"s".repeat(1025))] {
        let key = Key::work(pk, sk);
        let what = format!("{pk:.5} {sk:.5}");
        assert_refused(&store.get(std::slice::from_ref(&key)).await, &what);
        assert_refused(&store.get(&[key.clone(), Key::work("a", "b")]).await, &what);
        assert_refused(&store.commit(&[put(&key, json!({}))]).await, &what);
        assert_refused(&store.commit(&[delete(&key), put(&Key::work("a", "b"), json!({}))]).await, &what);
    }
    assert_refused(&store.query(&all_of("")).await, "an empty partition key");
}

pub(super) async fn of_names_and_values<S: Store>(store: &S) {
    let (key, other) = (Key::work("limits", "a"), Key::work("limits", "b"));
    let deep = (0..32).fold(json!(1), |inner, _| json!([inner]));
    for value in [
        json!({"v": 0.5}),
        json!({"v": 1.0}),
        json!({"v": u64::MAX}),
        json!({"v": [{"w": -0.5}]}),
        json!({ "v": deep }),
        json!({"": 1}),
        json!({"v": [{"": 1}]}),
        json!({"pk": "x"}),
        json!({"sk": "x"}),
        json!({"due_shard": null, "due_at": 1}),
        json!({"due_shard": ""}),
        json!({"due_shard": 1}),
        json!({"due_at": "1"}),
        json!({"due_at": null}),
        json!({"by_month": ["2026"]}),
        json!({"opened_at": {}}),
    ] {
        let what = value.to_string();
        assert_refused(&store.commit(&[put(&key, value.clone())]).await, &what);
        assert_refused(&store.commit(&[update(&key, value.clone(), &[])]).await, &what);
        assert_refused(&store.commit(&[put(&other, json!({})), put(&key, value)]).await, &what);
    }
    assert_refused(&store.commit(&[update(&key, json!({"a": 1}), &["a"])]).await, "set and removed");
    assert_refused(&store.commit(&[update(&key, json!({}), &[])]).await, "an update of nothing");
    assert_refused(&store.commit(&[update(&key, json!({}), &["pk"])]).await, "the key removed");
    assert_refused(&store.commit(&[check(&key, Condition::Is("v", json!(0.5)))]).await, "a fraction compared");
    assert_eq!(read(store, &key).await, None);
    assert_eq!(read(store, &other).await, None);
    // Only the work table has indexes.
    commit(store, &[put(&Key::config("limits", "a"), json!({"due_shard": null, "due_at": "1"}))]).await;
}

pub(super) async fn of_reads_and_queries<S: Store>(store: &S) {
    assert_refused(&store.get(&[]).await, "no key");
    let many: Vec<Key> = (0..=GET_KEYS_MAX).map(|n| Key::work("p", format!("{n}"))).collect();
    assert_refused(&store.get(&many).await, "too many keys");
    let table = |range| Query { range, ..all_of("p") };
    let index = |range| Query { index: Some(Index::Due), range, ..all_of("p") };
    for query in [
        Query { limit: 0, ..all_of("p") },
        Query { limit: QUERY_ROWS_MAX + 1, ..all_of("p") },
        Query { table: Table::Config, ..index(Range::All) },
        table(Range::AtMost(1)),
        table(Range::Prefix(String::new())),
        table(Range::Between("b".into(), "a".into())),
        table(Range::Between(String::new(), "a".into())),
        index(Range::Prefix("a".into())),
        index(Range::Between("a".into(), "b".into())),
    ] {
        assert_refused(&store.query(&query).await, &format!("{query:?}"));
    }
    assert_eq!(page(store, &Query { limit: QUERY_ROWS_MAX, ..all_of("p") }).await.rows, vec![]);
}

pub(super) async fn of_one_commit<S: Store>(store: &S) {
    let rows = |n: usize| -> Vec<Write> {
        (0..n).map(|n| put(&Key::work("many", format!("{n:03}")), json!({"n": n}))).collect()
    };
    assert_refused(&store.commit(&[]).await, "no write");
    assert_refused(&store.commit(&rows(COMMIT_WRITES_MAX + 1)).await, "too many writes");
    assert_eq!(page(store, &all_of("many")).await.rows, vec![]);
    commit(store, &rows(COMMIT_WRITES_MAX)).await;
    assert_eq!(page(store, &Query { limit: 200, ..all_of("many") }).await.rows.len(), COMMIT_WRITES_MAX);
    let key = Key::work("many", "twice");
    let absent = Condition::Absent;
    for other in
        [put(&key, json!({"n": 2})), delete(&key), check(&key, absent.clone()), update(&key, json!({"n": 2}), &[])]
    {
        let twice = [put_if(&key, json!({"n": 1}), absent.clone()), other];
        assert_refused(&store.commit(&twice).await, "two writes of one row");
    }
    assert_eq!(read(store, &key).await, None);
    let large: Vec<Write> = (0..12).map(|n| put(&Key::work("large", format!("{n}")), text(390))).collect();
    assert_refused(&store.commit(&large).await, "more than 4 MB");
    assert_eq!(read(store, &Key::work("large", "0")).await, None);
}

/// A row with a text of so many KB.
fn text(kilobytes: usize) -> Value {
    json!({ "text": "x".repeat(kilobytes * 1024) })
}

pub(super) async fn of_a_row<S: Store>(store: &S) {
    let (key, other) = (Key::work("row", "a"), Key::work("row", "b"));
    assert_refused(&store.commit(&[put(&key, text(400))]).await, "a row too large");
    assert_refused(
        &store.commit(&[put(&other, json!({})), put(&key, text(400))]).await,
        "a row too large, beside another",
    );
    assert_refused(&store.commit(&[update(&key, text(400), &[])]).await, "an update too large");
    assert_eq!(read(store, &key).await, None);
    assert_eq!(read(store, &other).await, None);
    commit(store, &[put(&key, text(390))]).await;
    let more = Write::Update {
        key: key.clone(),
        set: attributes(json!({"more": "x".repeat(20 * 1024)})),
        remove: vec![],
        condition: None,
    };
    assert_refused(&store.commit(std::slice::from_ref(&more)).await, "a row that grows too large");
    assert_refused(&store.commit(&[more, put(&other, json!({}))]).await, "a row that grows too large, beside another");
    assert_eq!(read(store, &key).await, Some(text(390)));
    assert_eq!(read(store, &other).await, None);
}
