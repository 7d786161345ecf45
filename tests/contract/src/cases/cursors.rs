//! Pages.

use ports::Store;
use ports::store::{Cursor, Index, Key, Query, Range, Table};
use serde_json::json;

use super::indexes::all_of_index;
use super::{all_of, assert_refused, commit, delete, fill, page, sort_keys, walk};

async fn numbers<S: Store>(store: &S, pk: &str, rows: usize) {
    let row = |n| (Key::work(pk, format!("{n:03}")), json!({"by_queue": pk, "opened_at": n / 2, "n": n}));
    fill(store, (0..rows).map(row)).await;
}

pub(super) async fn walk_a_table_page_by_page<S: Store>(store: &S) {
    numbers(store, "walk", 23).await;
    let expected: Vec<String> = (0..23).map(|n| format!("{n:03}")).collect();
    for limit in [1, 2, 7, 22, 23, 24] {
        for descending in [false, true] {
            let rows = walk(store, &Query { limit, descending, ..all_of("walk") }).await;
            let mut found = sort_keys(&rows);
            if descending {
                found.reverse();
            }
            assert_eq!(found, expected, "limit {limit}, descending {descending}");
        }
    }
    for (range, expected) in [
        (Range::Prefix("01".into()), &expected[10..20]),
        (Range::Between("005".into(), "011".into()), &expected[5..=11]),
    ] {
        let rows = walk(store, &Query { limit: 3, range, ..all_of("walk") }).await;
        assert_eq!(sort_keys(&rows), expected);
    }
}

/// Rows with one number in the index are told apart by their keys: none is left out, none comes twice.
pub(super) async fn walk_an_index_page_by_page<S: Store>(store: &S) {
    numbers(store, "walk", 11).await;
    let expected: Vec<String> = (0..11).map(|n| format!("{n:03}")).collect();
    for limit in [1, 2, 3, 10, 11, 12] {
        for descending in [false, true] {
            let query = Query { limit, descending, ..all_of_index(Index::ByQueue, "walk") };
            let rows = walk(store, &query).await;
            let opened: Vec<_> = rows.iter().map(|row| row.attributes["opened_at"].as_i64()).collect();
            assert!(if descending { opened.is_sorted_by(|a, b| a >= b) } else { opened.is_sorted() }, "{opened:?}");
            let mut found = sort_keys(&rows);
            found.sort_unstable();
            assert_eq!(found, expected, "limit {limit}, descending {descending}");
        }
    }
    let query = Query { limit: 2, range: Range::AtMost(2), ..all_of_index(Index::ByQueue, "walk") };
    let rows = walk(store, &query).await;
    let mut found = sort_keys(&rows);
    found.sort_unstable();
    assert_eq!(found, expected[..6]);
}

/// A cursor is a place, not a row.
pub(super) async fn outlive_their_row<S: Store>(store: &S) {
    numbers(store, "gone", 5).await;
    let first = page(store, &Query { limit: 2, ..all_of("gone") }).await;
    assert_eq!(sort_keys(&first.rows), ["000", "001"]);
    commit(store, &[delete(&Key::work("gone", "001")), delete(&Key::work("gone", "002"))]).await;
    let second = page(store, &Query { limit: 2, after: first.next, ..all_of("gone") }).await;
    assert_eq!(sort_keys(&second.rows), ["003", "004"]);
}

pub(super) async fn of_something_else_are_refused<S: Store>(store: &S) {
    numbers(store, "mine", 5).await;
    numbers(store, "theirs", 5).await;
    let table = Query { limit: 2, ..all_of("mine") };
    let index = Query { limit: 2, ..all_of_index(Index::ByQueue, "mine") };
    let of_table = page(store, &table).await.next;
    let of_index = page(store, &index).await.next;
    let other_partition = page(store, &Query { limit: 2, ..all_of("theirs") }).await.next;
    let other_of_index = page(store, &Query { limit: 2, ..all_of_index(Index::ByQueue, "theirs") }).await.next;
    let bad = |text: &str| Some(Cursor(text.to_owned()));
    for after in [&of_index, &other_partition, &other_of_index] {
        assert!(after.is_some());
        assert_refused(&store.query(&Query { after: after.clone(), ..table.clone() }).await, "table");
    }
    for after in [&of_table, &other_partition, &other_of_index] {
        assert_refused(&store.query(&Query { after: after.clone(), ..index.clone() }).await, "index");
    }
    for text in ["", "null", "e30", "not a cursor", "🦀", "AAAA", &"A".repeat(100_000)] {
        assert_refused(&store.query(&Query { after: bad(text), ..table.clone() }).await, text);
        assert_refused(&store.query(&Query { after: bad(text), ..index.clone() }).await, text);
    }
    let outside = Query { range: Range::Prefix("9".into()), after: of_table.clone(), ..table.clone() };
    assert_refused(&store.query(&outside).await, "a place outside the range");
    let outside = Query { range: Range::AtMost(-1), after: of_index.clone(), ..index.clone() };
    assert_refused(&store.query(&outside).await, "a place above the range");
    let other_index = Query { index: Some(Index::ByMonth), after: of_index, ..index };
    assert_refused(&store.query(&other_index).await, "a place of another index");
    let config = Query { table: Table::Config, after: of_table, ..table };
    assert_eq!(page(store, &config).await.rows, vec![], "a place of another table is a place all the same");
}
