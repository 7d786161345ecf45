//! Indexes. They may lag: what is expected of one is awaited, for a bounded time.

use std::time::Duration;

use ports::Store;
use ports::store::{Index, Key, Query, Range, Row};
use serde_json::{Value, json};

use super::{all_of, commit, delete, fill, page, put, sort_keys, update};

/// How often an index is looked at until it shows what is expected, with [`PAUSE`] between: on the engines of today once.
const LOOKS_MAX: u32 = 100;
const PAUSE: Duration = Duration::from_millis(50);

pub(super) fn all_of_index(index: Index, pk: &str) -> Query {
    Query { index: Some(index), ..all_of(pk) }
}

/// Waits until a query of an index gives these sort keys, in order.
async fn shows<S: Store>(store: &S, query: &Query, expected: &[&str]) -> Vec<Row> {
    let mut rows = Vec::new();
    for _ in 0..LOOKS_MAX {
        rows = page(store, query).await.rows;
        if sort_keys(&rows) == expected {
            return rows;
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("{query:?} shows {:?}, not {expected:?}", sort_keys(&rows));
}

pub(super) async fn are_sparse_and_hold_keys_only<S: Store>(store: &S) {
    for index in Index::ALL {
        let pk = format!("of {}", index.name());
        let row = |sk: &str, value: Value| (Key::work(pk.as_str(), sk), value);
        let rows = [
            row("in", json!({index.partition(): "p", index.sort(): 7, "text": "secret"})),
            row("no sort", json!({index.partition(): "p", "text": "x"})),
            row("no partition", json!({index.sort(): 7})),
            row("neither", json!({"text": "x"})),
            row("other", json!({index.partition(): "q", index.sort(): 7})),
        ];
        fill(store, rows).await;
        let rows = shows(store, &all_of_index(index, "p"), &["in"]).await;
        assert_eq!(rows[0].key, Key::work(pk.as_str(), "in"));
        let own = json!({index.partition(): "p", index.sort(): 7});
        assert_eq!(Value::Object(rows[0].attributes.clone()), own, "{index:?} holds keys only");
        shows(store, &all_of_index(index, "nothing"), &[]).await;
    }
}

pub(super) async fn order_by_number<S: Store>(store: &S) {
    let numbers =
        [("a", 10), ("b", 9), ("c", -1), ("d", 0), ("e", i64::MAX), ("f", i64::MIN), ("g", 1_767_225_600_000)];
    // Of one index, but of many partitions of the table.
    let row = |(sk, n)| (Key::work(format!("V#{sk}"), sk), json!({"by_operator": "op#open", "opened_at": n}));
    fill(store, numbers.map(row)).await;
    let query = all_of_index(Index::ByOperator, "op#open");
    let rows = shows(store, &query, &["f", "c", "d", "b", "a", "g", "e"]).await;
    assert!(rows.iter().all(|row| row.key.pk == format!("V#{}", row.key.sk)));
    let query = Query { descending: true, limit: 3, ..query };
    shows(store, &query, &["e", "g", "a"]).await;
}

pub(super) async fn end_at_a_number<S: Store>(store: &S) {
    let row = |(sk, n): (&str, i64)| (Key::work("due", sk), json!({"due_shard": "3", "due_at": n}));
    fill(store, [("a", 100), ("b", 200), ("c", 300)].map(row)).await;
    for (most, expected) in [(99, &[][..]), (100, &["a"]), (250, &["a", "b"]), (300, &["a", "b", "c"]), (-1, &[])] {
        let query = Query { range: Range::AtMost(most), ..all_of_index(Index::Due, "3") };
        shows(store, &query, expected).await;
    }
}

pub(super) async fn follow_changes<S: Store>(store: &S) {
    let key = Key::work("chat", "1");
    let shard = all_of_index(Index::Due, "1");
    let other_shard = all_of_index(Index::Due, "2");
    let queue = all_of_index(Index::ByQueue, "q");
    commit(store, &[put(&key, json!({"due_shard": "1", "due_at": 5, "by_queue": "q", "opened_at": 1}))]).await;
    shows(store, &shard, &["1"]).await;
    commit(store, &[update(&key, json!({"due_at": 9}), &[])]).await;
    let not_yet = Query { range: Range::AtMost(8), ..shard.clone() };
    shows(store, &not_yet, &[]).await;
    commit(store, &[update(&key, json!({"due_shard": "2"}), &[])]).await;
    shows(store, &other_shard, &["1"]).await;
    shows(store, &shard, &[]).await;
    commit(store, &[update(&key, json!({"n": 1}), &["due_shard", "due_at"])]).await;
    shows(store, &other_shard, &[]).await;
    shows(store, &queue, &["1"]).await;
    commit(store, &[delete(&key)]).await;
    shows(store, &queue, &[]).await;
}
