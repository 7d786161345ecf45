//! Conditions: each kind, true and false.

use ports::store::{Condition, Key, Write};
use ports::{Store, StoreError};
use serde_json::{Value, json};

use super::{check, commit, delete_if, put, put_if, read, update_if};

/// The row that conditions are tried on.
fn row() -> Value {
    json!({
        "n": 5, "negative": -3, "large": i64::MAX, "text": "open", "empty": "", "yes": true, "nothing": null,
        "list": [1, "a", {"b": []}], "map": {"a": 1, "b": {"c": "d"}},
    })
}

/// A condition, and whether it holds of [`row`] and of an absent row.
fn table() -> Vec<(Condition, bool, bool)> {
    use Condition::{Above, Absent, AbsentOrAtMost, All, Exists, Is, IsNot};
    vec![
        (Absent, false, true),
        (Exists, true, false),
        (Is("n", json!(5)), true, false),
        (Is("n", json!(6)), false, false),
        (Is("none", json!(5)), false, false),
        (Is("large", json!(i64::MAX)), true, false),
        (Is("large", json!(i64::MAX - 1)), false, false),
        (Is("text", json!("open")), true, false),
        (Is("text", json!("Open")), false, false),
        (Is("empty", json!("")), true, false),
        (Is("yes", json!(true)), true, false),
        (Is("yes", json!(false)), false, false),
        (IsNot("n", json!(5)), false, true),
        (IsNot("n", json!(6)), true, true),
        (IsNot("none", json!(5)), true, true),
        (Above("n", 4), true, false),
        (Above("n", 5), false, false),
        (Above("negative", -4), true, false),
        (Above("negative", -3), false, false),
        (Above("none", i64::MIN), false, false),
        (Above("large", i64::MAX - 1), true, false),
        (AbsentOrAtMost("n", 5), true, true),
        (AbsentOrAtMost("n", 4), false, true),
        (AbsentOrAtMost("none", i64::MIN), true, true),
        (All(vec![]), true, true),
        (All(vec![Exists, Is("n", json!(5))]), true, false),
        (All(vec![Exists, Is("n", json!(6))]), false, false),
        (All(vec![IsNot("n", json!(1)), AbsentOrAtMost("none", 0)]), true, true),
        (All(vec![All(vec![Exists, Above("n", 1)]), Is("text", json!("open"))]), true, false),
        (All(vec![All(vec![Exists, Above("n", 9)]), Is("text", json!("open"))]), false, false),
        // Precedence: both parts of an alternative belong together.
        (All(vec![AbsentOrAtMost("none", 0), Is("text", json!("closed"))]), false, false),
    ]
}

pub(super) async fn hold_or_fail<S: Store>(store: &S) {
    let (here, nowhere, beside) = (Key::work("c", "here"), Key::work("c", "nowhere"), Key::work("c", "beside"));
    commit(store, &[put(&here, row())]).await;
    for (condition, on_row, on_absent) in table() {
        for (key, holds) in [(&here, on_row), (&nowhere, on_absent)] {
            let alone = store.commit(&[check(key, condition.clone())]).await;
            let expected = if holds { Ok(()) } else { Err(StoreError::ConditionFailed(vec![0])) };
            assert_eq!(alone, expected, "{condition:?} of {key:?}");
            let together = store.commit(&[put(&beside, json!({"n": 1})), check(key, condition.clone())]).await;
            let expected = if holds { Ok(()) } else { Err(StoreError::ConditionFailed(vec![1])) };
            assert_eq!(together, expected, "{condition:?} of {key:?} beside another write");
        }
    }
    assert_eq!(read(store, &here).await, Some(row()));
    assert_eq!(read(store, &nowhere).await, None);
}

pub(super) async fn compare_by_kind_and_value<S: Store>(store: &S) {
    use Condition::{Above, AbsentOrAtMost, Is, IsNot};
    let key = Key::work("c", "kinds");
    commit(store, &[put(&key, row())]).await;
    for (condition, holds) in [
        (Is("n", json!("5")), false),
        (Is("yes", json!("true")), false),
        (Is("empty", json!(null)), false),
        (Is("nothing", json!(null)), true),
        (Is("nothing", json!("")), false),
        (Is("none", json!(null)), false),
        (IsNot("n", json!("5")), true),
        (IsNot("nothing", json!(null)), false),
        (IsNot("none", json!(null)), true),
        (Is("list", json!([1, "a", {"b": []}])), true),
        (Is("list", json!(["a", 1, {"b": []}])), false),
        (Is("map", json!({"b": {"c": "d"}, "a": 1})), true),
        (Is("map", json!({"a": 1})), false),
        (Above("text", 0), false),
        (Above("nothing", 0), false),
        (AbsentOrAtMost("text", 0), false),
        (AbsentOrAtMost("nothing", 0), false),
    ] {
        let expected = if holds { Ok(()) } else { Err(StoreError::ConditionFailed(vec![0])) };
        assert_eq!(store.commit(&[check(&key, condition.clone())]).await, expected, "{condition:?}");
    }
}

/// A kind of write, on a row under a condition, and what it makes of the row.
type Kind = (&'static str, fn(&Key, Condition) -> Write, fn(Option<Value>) -> Option<Value>);

const KINDS: [Kind; 4] = [
    ("put", |key, condition| put_if(key, json!({"put": 1}), condition), |_| Some(json!({"put": 1}))),
    (
        "update",
        |key, condition| update_if(key, json!({"updated": 1}), condition),
        |before| {
            let mut row = before.unwrap_or(json!({}));
            row["updated"] = json!(1);
            Some(row)
        },
    ),
    ("delete", delete_if, |_| None),
    ("check", check, |before| before),
];

pub(super) async fn decide_every_kind_of_write<S: Store>(store: &S) {
    let conditions = [
        (Condition::Absent, false, true),
        (Condition::Exists, true, false),
        (Condition::Is("text", json!("open")), true, false),
        (Condition::IsNot("text", json!("open")), false, true),
    ];
    let mut number = 0;
    for (condition, on_row, on_absent) in conditions {
        for (kind, write, after) in KINDS {
            for (before, holds) in [(Some(row()), on_row), (None, on_absent)] {
                for beside in [false, true] {
                    number += 1;
                    let key = Key::work("k", format!("{number}"));
                    let other = Key::work("k", format!("{number} beside"));
                    if let Some(row) = &before {
                        commit(store, &[put(&key, row.clone())]).await;
                    }
                    let mut writes = vec![write(&key, condition.clone())];
                    if beside {
                        writes.push(put(&other, json!({})));
                    }
                    let what = format!("{kind} if {condition:?}, row {}, beside {beside}", before.is_some());
                    let expected = if holds { Ok(()) } else { Err(StoreError::ConditionFailed(vec![0])) };
                    assert_eq!(store.commit(&writes).await, expected, "{what}");
                    let expected = if holds { after(before.clone()) } else { before.clone() };
                    assert_eq!(read(store, &key).await, expected, "{what}");
                    assert_eq!(read(store, &other).await.is_some(), beside && holds, "{what}");
                }
            }
        }
    }
}

pub(super) async fn see_the_row_before_the_commit<S: Store>(store: &S) {
    let (a, b) = (Key::work("before", "a"), Key::work("before", "b"));
    commit(store, &[put(&a, json!({"n": 1}))]).await;
    commit(store, &[update_if(&a, json!({"n": 2}), Condition::Is("n", json!(1)))]).await;
    let writes =
        [update_if(&a, json!({"n": 3}), Condition::Is("n", json!(3))), put_if(&b, json!({}), Condition::Absent)];
    assert_eq!(store.commit(&writes).await, Err(StoreError::ConditionFailed(vec![0])));
    assert_eq!(read(store, &a).await, Some(json!({"n": 2})));
}
