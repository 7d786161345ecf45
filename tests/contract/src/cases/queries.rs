//! Queries of a table.

use ports::Store;
use ports::store::{Key, Query, Range, Table};
use serde_json::json;

use super::{all_of, commit, delete, fill, page, put, sort_keys, walk};

/// Sort keys in the order of their bytes (UTF-8), which isn't the order of an alphabet nor of UTF-16.
const BY_BYTES: [&str; 12] = ["\u{1}", "!", "10", "2", "A", "B#1", "a", "a#", "aa", "é", "\u{ffff}", "\u{10000}"];

async fn letters<S: Store>(store: &S, pk: &str) {
    fill(store, BY_BYTES.iter().rev().map(|sk| (Key::work(pk, *sk), json!({"sk_again": sk})))).await;
    // Neighbours, which no query of the partition may see.
    let neighbours = [Key::work(format!("{pk}2"), "a"), Key::work("0", "a"), Key::config(pk, "a")];
    fill(store, neighbours.map(|key| (key, json!({})))).await;
}

pub(super) async fn order_by_bytes<S: Store>(store: &S) {
    letters(store, "p").await;
    let mut query = all_of("p");
    let found = page(store, &query).await;
    assert_eq!(sort_keys(&found.rows), BY_BYTES);
    assert_eq!(found.next, None, "there is surely no more");
    for row in &found.rows {
        assert_eq!((row.key.table, row.key.pk.as_str()), (Table::Work, "p"));
        assert_eq!(row.attributes["sk_again"], json!(row.key.sk), "a row is whole");
    }
    query.descending = true;
    let mut backwards = BY_BYTES;
    backwards.reverse();
    assert_eq!(sort_keys(&page(store, &query).await.rows), backwards);
    query.pk = "nothing".into();
    let nothing = page(store, &query).await;
    assert_eq!((nothing.rows, nothing.next), (vec![], None));
    query.table = Table::Config;
    query.pk = "p".into();
    assert_eq!(sort_keys(&page(store, &query).await.rows), ["a"]);
}

async fn in_range<S: Store>(store: &S, range: Range, expected: &[&str]) {
    let mut query = Query { range, ..all_of("p") };
    assert_eq!(sort_keys(&page(store, &query).await.rows), expected, "{:?}", query.range);
    query.descending = true;
    let mut backwards = expected.to_vec();
    backwards.reverse();
    assert_eq!(sort_keys(&page(store, &query).await.rows), backwards, "{:?}", query.range);
}

pub(super) async fn take_a_prefix<S: Store>(store: &S) {
    letters(store, "p").await;
    for (prefix, expected) in [
        ("a", &["a", "a#", "aa"][..]),
        ("a#", &["a#"]),
        ("B#", &["B#1"]),
        ("é", &["é"]),
        ("1", &["10"]),
        ("aaa", &[]),
        ("z", &[]),
    ] {
        in_range(store, Range::Prefix(prefix.into()), expected).await;
    }
}

pub(super) async fn take_a_range<S: Store>(store: &S) {
    letters(store, "p").await;
    for (from, to, expected) in [
        ("A", "a", &["A", "B#1", "a"][..]),
        ("a", "a", &["a"]),
        ("a", "a~", &["a", "a#", "aa"]),
        ("B", "C", &["B#1"]),
        ("é", "\u{10ffff}", &["é", "\u{ffff}", "\u{10000}"]),
        ("b", "c", &[]),
        ("\u{1}", "\u{10ffff}", &BY_BYTES),
    ] {
        in_range(store, Range::Between(from.into(), to.into()), expected).await;
    }
}

pub(super) async fn stop_at_their_limit<S: Store>(store: &S) {
    fill(store, (0..5).map(|n| (Key::work("limit", format!("{n}")), json!({})))).await;
    for (limit, descending, expected) in [
        (1, false, &["0"][..]),
        (3, false, &["0", "1", "2"]),
        (3, true, &["4", "3", "2"]),
        (5, false, &["0", "1", "2", "3", "4"]),
        (200, false, &["0", "1", "2", "3", "4"]),
    ] {
        let query = Query { limit, descending, ..all_of("limit") };
        let found = page(store, &query).await;
        assert_eq!(sort_keys(&found.rows), expected, "limit {limit}");
        assert!(limit >= 5 || found.next.is_some(), "there is more behind {limit}");
        assert!(limit <= 5 || found.next.is_none(), "there is surely no more behind {limit}");
    }
}

pub(super) async fn read_what_was_just_written<S: Store>(store: &S) {
    for n in 0..20_usize {
        let key = Key::work("fresh", format!("{n:02}"));
        commit(store, &[put(&key, json!({"n": n})), put(&Key::work("fresh other", "a"), json!({"n": n}))]).await;
        let found = page(store, &all_of("fresh")).await;
        assert_eq!(found.rows.len(), 1, "the last one's was removed");
        assert_eq!(found.rows[0].attributes["n"], json!(n));
        commit(store, &[delete(&key)]).await;
        assert_eq!(page(store, &all_of("fresh")).await.rows, vec![]);
    }
}

/// A page also ends after about 1 MB: whoever wants all goes on until there is no next.
pub(super) async fn bound_a_page_in_bytes<S: Store>(store: &S) {
    let large = "x".repeat(350 * 1024);
    for n in 0..5 {
        commit(store, &[put(&Key::work("large", format!("{n}")), json!({ "text": large }))]).await;
    }
    let first = page(store, &all_of("large")).await;
    assert!((1..5).contains(&first.rows.len()), "{} rows of 350 KB", first.rows.len());
    assert!(first.next.is_some());
    assert_eq!(sort_keys(&walk(store, &all_of("large")).await), ["0", "1", "2", "3", "4"]);
}
