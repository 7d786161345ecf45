//! Commits at the same time.

use futures_util::future::join_all;
use ports::store::{Condition, Key};
use ports::{Store, StoreError};
use serde_json::{Value, json};

use super::{attributes, commit, put, put_if, read, update_if};

/// How often a racer loads and decides again.
const TRIES_MAX: u32 = 1_000;

/// At most one open chat a conversation (I1): of twenty that open it at once, one does.
pub(super) async fn for_an_absent_row_have_one_winner<S: Store>(store: &S) {
    const RACERS: usize = 20;
    for with_message in [false, true] {
        let chat = Key::work("V#race", format!("C#{with_message}"));
        let open = |racer: usize| {
            let chat = chat.clone();
            async move {
                let mut writes = vec![put_if(&chat, json!({ "by": racer }), Condition::Absent)];
                if with_message {
                    writes.push(put(&Key::work("V#race", format!("M#{racer}")), json!({ "by": racer })));
                }
                loop {
                    match store.commit(&writes).await {
                        Err(StoreError::Conflict | StoreError::Throttled) => {}
                        outcome => return outcome,
                    }
                }
            }
        };
        let outcomes = join_all((0..RACERS).map(open)).await;
        let winners: Vec<usize> = (0..RACERS).filter(|&racer| outcomes[racer].is_ok()).collect();
        assert_eq!(winners.len(), 1, "{outcomes:?}");
        let lost = outcomes.iter().filter(|outcome| **outcome == Err(StoreError::ConditionFailed(vec![0]))).count();
        assert_eq!(lost, RACERS - 1, "{outcomes:?}");
        assert_eq!(read(store, &chat).await, Some(json!({ "by": winners[0] })));
        for racer in 0..RACERS {
            let message = read(store, &Key::work("V#race", format!("M#{racer}"))).await;
            assert_eq!(message.is_some(), with_message && racer == winners[0], "the message of {racer}");
        }
    }
}

fn number(row: &Value, name: &str) -> i64 {
    row[name].as_i64().expect("the row has its number")
}

/// Adds one to `n` under the revision, as often as it takes.
async fn add_one<S: Store>(store: &S, key: &Key) {
    for _ in 0..TRIES_MAX {
        let row = read(store, key).await.expect("the row is there");
        let (rev, n) = (number(&row, "rev"), number(&row, "n"));
        let write = update_if(key, json!({"rev": rev + 1, "n": n + 1}), Condition::Is("rev", json!(rev)));
        match store.commit(&[write]).await {
            Ok(()) => return,
            Err(StoreError::ConditionFailed(_) | StoreError::Conflict | StoreError::Throttled) => {}
            Err(other) => panic!("{other}"),
        }
    }
    panic!("never came through");
}

pub(super) async fn for_a_revision_lose_no_update<S: Store>(store: &S) {
    let key = Key::work("race", "counter");
    commit(store, &[put(&key, json!({"rev": 0, "n": 0}))]).await;
    join_all((0..5).map(|_| async {
        for _ in 0..10 {
            add_one(store, &key).await;
        }
    }))
    .await;
    assert_eq!(read(store, &key).await, Some(json!({"rev": 50, "n": 50})));
}

/// Takes a free place of the operator for one chat, if there is one.
async fn assign<S: Store>(store: &S, operator: &Key, chat: &Key, places: i64) -> bool {
    for _ in 0..TRIES_MAX {
        let rows = store.get(&[operator.clone(), chat.clone()]).await.expect("a read succeeds");
        let row = |at: usize| Value::Object(rows[at].as_ref().expect("the row is there").attributes.clone());
        let (rev, load) = (number(&row(0), "rev"), number(&row(0), "load"));
        if load >= places || row(1)["state"] != json!("waiting") {
            return false;
        }
        let writes = [
            update_if(operator, json!({"rev": rev + 1, "load": load + 1}), Condition::Is("rev", json!(rev))),
            update_if(chat, json!({"state": "offered"}), Condition::Is("state", json!("waiting"))),
        ];
        match store.commit(&writes).await {
            Ok(()) => return true,
            Err(StoreError::ConditionFailed(_) | StoreError::Conflict | StoreError::Throttled) => {}
            Err(other) => panic!("{other}"),
        }
    }
    panic!("never came through");
}

/// No assignment exceeds a limit (I3), and chat and operator never disagree.
pub(super) async fn for_two_rows_keep_both_whole<S: Store>(store: &S) {
    const PLACES: i64 = 3;
    let operator = Key::work("O#ann", "S");
    let chats: Vec<Key> = (0..6).map(|n| Key::work("chats", format!("{n}"))).collect();
    commit(store, &[put(&operator, json!({"rev": 0, "load": 0}))]).await;
    let waiting = attributes(json!({"state": "waiting"}));
    for chat in &chats {
        commit(store, &[put(chat, Value::Object(waiting.clone()))]).await;
    }
    let twice = chats.iter().chain(&chats);
    let outcomes = join_all(twice.map(|chat| assign(store, &operator, chat, PLACES))).await;
    assert_eq!(outcomes.iter().filter(|assigned| **assigned).count(), 3);
    let mut offered = 0;
    for chat in &chats {
        offered += i64::from(read(store, chat).await == Some(json!({"state": "offered"})));
    }
    let row = read(store, &operator).await.expect("the operator is there");
    assert_eq!((number(&row, "load"), number(&row, "rev"), offered), (PLACES, PLACES, PLACES));
}
