//! The cases, by subject.

mod conditions;
mod cursors;
mod indexes;
mod limits;
mod queries;
mod races;
mod reads;
mod values;
mod writes;

use ports::store::{Attributes, Condition, Key, Page, Query, Range, Row, Table, Write};
use ports::{Store, StoreError};
use serde_json::Value;

macro_rules! cases {
    ($($module:ident: $($case:ident),+;)+) => {
        /// The names of all cases.
        pub const NAMES: &[&str] = &[$($(concat!(stringify!($module), "::", stringify!($case)),)+)+];

        /// Runs a case by its name on a store that is empty.
        pub async fn run<S: Store>(name: &str, store: &S) {
            $($(if name == concat!(stringify!($module), "::", stringify!($case)) {
                return $module::$case(store).await;
            })+)+
            panic!("there is no case {name}");
        }
    };
}

cases! {
    conditions: hold_or_fail, decide_every_kind_of_write, see_the_row_before_the_commit, compare_by_kind_and_value;
    cursors: walk_a_table_page_by_page, walk_an_index_page_by_page, outlive_their_row, of_something_else_are_refused;
    indexes: are_sparse_and_hold_keys_only, order_by_number, end_at_a_number, follow_changes;
    limits: of_keys, of_names_and_values, of_reads_and_queries, of_one_commit, of_a_row;
    queries: order_by_bytes, take_a_prefix, take_a_range, stop_at_their_limit, read_what_was_just_written, bound_a_page_in_bytes;
    races: for_an_absent_row_have_one_winner, for_a_revision_lose_no_update, for_two_rows_keep_both_whole;
    reads: keep_the_order_of_keys, see_the_last_commit, take_a_hundred_keys;
    values: come_back_as_they_went, of_any_text_are_kept, of_any_key_are_kept;
    writes: put_replaces_the_whole_row, update_sets_and_removes, update_makes_a_row, delete_removes, check_writes_nothing,
        of_every_kind_happen_together, happen_all_or_none, name_every_failed_condition, span_both_tables;
}

/// The attributes of a JSON map.
fn attributes(value: Value) -> Attributes {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is not a map"),
    }
}

fn put(key: &Key, value: Value) -> Write {
    Write::Put { key: key.clone(), attributes: attributes(value), condition: None }
}

fn put_if(key: &Key, value: Value, condition: Condition) -> Write {
    Write::Put { key: key.clone(), attributes: attributes(value), condition: Some(condition) }
}

fn update(key: &Key, set: Value, remove: &[&'static str]) -> Write {
    Write::Update { key: key.clone(), set: attributes(set), remove: remove.to_vec(), condition: None }
}

fn update_if(key: &Key, set: Value, condition: Condition) -> Write {
    Write::Update { key: key.clone(), set: attributes(set), remove: vec![], condition: Some(condition) }
}

fn delete(key: &Key) -> Write {
    Write::Delete { key: key.clone(), condition: None }
}

fn delete_if(key: &Key, condition: Condition) -> Write {
    Write::Delete { key: key.clone(), condition: Some(condition) }
}

fn check(key: &Key, condition: Condition) -> Write {
    Write::Check { key: key.clone(), condition }
}

/// A row's attributes, `None` for an absent row.
async fn read<S: Store>(store: &S, key: &Key) -> Option<Value> {
    let mut rows = store.get(std::slice::from_ref(key)).await.expect("a read of one key succeeds");
    assert_eq!(rows.len(), 1, "one key has one answer");
    let row = rows.pop().flatten()?;
    assert_eq!(row.key, *key);
    Some(Value::Object(row.attributes))
}

/// Commits what must succeed.
async fn commit<S: Store>(store: &S, writes: &[Write]) {
    store.commit(writes).await.unwrap_or_else(|error| panic!("{error}: {writes:?}"));
}

/// Puts rows, however many.
async fn fill<S: Store>(store: &S, rows: impl IntoIterator<Item = (Key, Value)>) {
    let writes: Vec<Write> = rows.into_iter().map(|(key, value)| put(&key, value)).collect();
    for some in writes.chunks(50) {
        commit(store, some).await;
    }
}

/// A query of the work table for everything of a partition, in order.
fn all_of(pk: &str) -> Query {
    let (table, pk) = (Table::Work, pk.to_owned());
    Query { table, index: None, pk, range: Range::All, descending: false, limit: 100, after: None }
}

async fn page<S: Store>(store: &S, query: &Query) -> Page {
    store.query(query).await.unwrap_or_else(|error| panic!("{error}: {query:?}"))
}

fn sort_keys(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| row.key.sk.as_str()).collect()
}

fn assert_refused<T: std::fmt::Debug>(outcome: &Result<T, StoreError>, what: &str) {
    assert!(matches!(outcome, Err(StoreError::Refused(_))), "{what}: {outcome:?}");
}

/// All rows of a query, page by page: none of more than the limit, and as many pages as there is need for and one more.
async fn walk<S: Store>(store: &S, query: &Query) -> Vec<Row> {
    const PAGES_MAX: usize = 100;
    let mut query = query.clone();
    let mut rows = Vec::new();
    for _ in 0..PAGES_MAX {
        let page = page(store, &query).await;
        assert!(page.rows.len() <= query.limit as usize, "a page within its limit");
        rows.extend(page.rows);
        match page.next {
            Some(next) => query.after = Some(next),
            None => return rows,
        }
    }
    panic!("{query:?} has no end");
}
