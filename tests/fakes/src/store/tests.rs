//! What the store in memory can do beyond its contract (which `tests/contract` checks).

use ports::store::{Condition, Key, Query, Range, Table, Write};
use ports::{Store, StoreError};
use serde_json::{Value, json};

use super::*;

fn key() -> Key {
    Key::work("p", "s")
}

fn put(value: Value) -> Write {
    let Value::Object(attributes) = value else { panic!("it is a map") };
    Write::Put { key: key(), attributes, condition: None }
}

fn number(store: &MemoryStore) -> Option<i64> {
    store.row(&key()).and_then(|row| row["n"].as_i64())
}

#[tokio::test]
async fn requests_are_counted() {
    let store = MemoryStore::new();
    let handle = store.clone();
    store.commit(&[put(json!({"n": 1}))]).await.unwrap();
    let check = Write::Check { key: Key::work("p", "absent"), condition: Condition::Exists };
    store.commit(&[put(json!({"n": 2})), check]).await.unwrap_err();
    store.get(&[key(), key(), key()]).await.unwrap();
    let (table, pk, range) = (Table::Work, "p".to_owned(), Range::All);
    let query = Query { table, index: None, pk, range, descending: false, limit: 1, after: None };
    store.query(&query).await.unwrap();
    let counts = Counts { gets: 1, keys_read: 3, queries: 1, commits: 2, items_written: 3, largest_commit: 2 };
    assert_eq!(handle.counts(), counts);
    handle.reset_counts();
    assert_eq!(store.counts(), Counts::default());
}

#[tokio::test]
async fn a_commit_fails_before_or_after_it_was_applied() {
    let store = MemoryStore::new();
    let unknown = StoreError::Unavailable("lost".into());
    store.fail_next_commits(1, FaultTime::Before, &StoreError::Throttled);
    store.fail_next_commits(1, FaultTime::After, &unknown);
    assert_eq!(store.commit(&[put(json!({"n": 1}))]).await, Err(StoreError::Throttled));
    assert_eq!(number(&store), None);
    assert_eq!(store.commit(&[put(json!({"n": 2}))]).await, Err(unknown));
    assert_eq!(number(&store), Some(2));
    assert_eq!(store.commit(&[put(json!({"n": 3}))]).await, Ok(()));
}

#[tokio::test]
async fn a_read_fails_on_demand() {
    let store = MemoryStore::new();
    store.fail_next_reads(1, &StoreError::Throttled);
    assert_eq!(store.get(&[key()]).await, Err(StoreError::Throttled));
    assert_eq!(store.get(&[key()]).await, Ok(vec![None]));
}

#[tokio::test]
async fn a_write_gets_in_between() {
    let store = MemoryStore::new();
    store.before_next_commit(|store| store.write(&[put(json!({"n": 1}))]).unwrap());
    let first = Write::Put { key: key(), attributes: Attributes::new(), condition: Some(Condition::Absent) };
    assert_eq!(store.commit(std::slice::from_ref(&first)).await, Err(StoreError::ConditionFailed(vec![0])));
    assert_eq!(number(&store), Some(1));
    assert_eq!(store.dump(), "Work p s {\"n\":1}\n");
}
