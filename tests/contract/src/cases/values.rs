//! Values and keys come back as they went.

use ports::Store;
use ports::store::{Condition, Key, Table};
use serde_json::{Value, json};

use super::{all_of, check, commit, page, put, read, update};

fn nested(depth: usize) -> Value {
    (1..depth).fold(json!("deep"), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({ "in": inner }) })
}

pub(super) async fn come_back_as_they_went<S: Store>(store: &S) {
    let (key, other) = (Key::work("values", "a"), Key::work("values", "b"));
    for value in [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(-1),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(9_007_199_254_740_993_i64),
        json!(1_000_000_000_000_000_000_i64),
        json!(""),
        json!("0"),
        json!("null"),
        json!([]),
        json!({}),
        json!([[], {}, "", null, 0, false]),
        json!({"a": {"b": [{"c": {"d": [1, 2, [3]]}}]}, "with space": "#:."}),
        nested(32),
    ] {
        commit(store, &[put(&key, json!({"v": value, "beside": 1}))]).await;
        assert_eq!(read(store, &key).await, Some(json!({"v": value, "beside": 1})), "put {value}");
        commit(store, &[update(&other, json!({"v": value}), &[]), put(&key, json!({}))]).await;
        assert_eq!(read(store, &other).await, Some(json!({"v": value})), "updated {value}");
        commit(store, &[check(&other, Condition::Is("v", value))]).await;
    }
}

pub(super) async fn of_any_text_are_kept<S: Store>(store: &S) {
    let key = Key::work("texts", "a");
    for text in [
        "Zażółć gęślą jaźń",
        "ёлка",
        "שלום ‏עולם",
        "日本語",
        "👩‍👩‍👧 🦀 e\u{301}",
        "\u{0} \u{1} \u{7f} \u{ffff} \u{10ffff} \u{feff}",
        "line\nline\r\n\ttab",
        r#"quotes " ' \ and </script> {{}} ${} #n0 :v0"#,
        &"long ".repeat(20_000),
    ] {
        commit(store, &[put(&key, json!({"text": text, "list": [text]}))]).await;
        assert_eq!(read(store, &key).await, Some(json!({"text": text, "list": [text]})), "{text:.40}");
    }
}

/// Names of attributes that mean something to an engine, and keys of any text.
pub(super) async fn of_any_key_are_kept<S: Store>(store: &S) {
    let words = json!({"status": 1, "name": 2, "values": 3, "size": 4, "a.b": 5, "with space": 6, "#n0": 7, ":v0": 8, "ключ": 9});
    let key = Key::work("V#ключ 🦀", "M#1#\"quoted\" \u{1}");
    commit(store, &[update(&key, words.clone(), &[])]).await;
    assert_eq!(read(store, &key).await, Some(words));
    let rows = page(store, &all_of("V#ключ 🦀")).await.rows;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].key.table, &rows[0].key), (Table::Work, &key));
    let longest = Key::work("p".repeat(2048), "s".repeat(1024));
    commit(store, &[put(&longest, json!({"n": 1}))]).await;
    assert_eq!(read(store, &longest).await, Some(json!({"n": 1})));
}
