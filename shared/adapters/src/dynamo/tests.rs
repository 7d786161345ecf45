//! What no engine does by itself: conflicts, throttling, lost answers, keys left out.

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use ports::store::Condition;
use serde_json::json;

use super::*;
use crate::test_server::{Answer, Requests, serve};

fn store(answers: Vec<Answer>) -> (DynamoStore, Requests) {
    let (url, requests) = serve(answers);
    let credentials = Credentials::builder().access_key_id("a").secret_access_key("b").provider_name("test").build();
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(credentials)
        .retry_config(RetryConfig::standard().with_max_attempts(2).with_initial_backoff(Duration::from_millis(1)))
        .build();
    (DynamoStore::new(Client::from_conf(config), "config", "work"), requests)
}

fn ok() -> Answer {
    Answer::json(200, "{}")
}

fn fails(code: &str) -> Answer {
    let body = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "why"});
    Answer::json(400, &body.to_string())
}

fn cancelled(reasons: &[&str]) -> Answer {
    let reasons: Vec<_> = reasons.iter().map(|code| json!({ "Code": code })).collect();
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    Answer::json(400, &json!({"__type": kind, "Message": "cancelled", "CancellationReasons": reasons}).to_string())
}

fn put(sk: &str) -> Write {
    Write::Put { key: Key::work("p", sk), attributes: serde_json::Map::new(), condition: Some(Condition::Absent) }
}

fn operations(requests: &Requests) -> Vec<String> {
    let operation = |request: &String| {
        let target = request.lines().find_map(|line| line.strip_prefix("x-amz-target: DynamoDB_20120810."));
        target.expect("a request names its operation").to_owned()
    };
    requests.all().iter().map(operation).collect()
}

#[tokio::test]
async fn a_transaction_in_the_way_is_tried_again() {
    let conflict = || cancelled(&["None", "TransactionConflict"]);
    let (store, requests) = store([vec![conflict(); 5], vec![ok()]].concat());
    assert_eq!(store.commit(&[put("a"), put("b")]).await, Ok(()));
    assert_eq!(operations(&requests), ["TransactWriteItems"; 6]);
}

#[tokio::test]
async fn transactions_in_the_way_are_not_tried_for_ever() {
    for (writes, answer, operation) in [
        (vec![put("a"), put("b")], cancelled(&["TransactionConflict", "None"]), "TransactWriteItems"),
        (vec![put("a")], fails("TransactionConflictException"), "PutItem"),
    ] {
        let (store, requests) = store(vec![answer; 7]);
        assert_eq!(store.commit(&writes).await, Err(StoreError::Conflict));
        assert_eq!(operations(&requests), [operation; 6]);
    }
}

#[tokio::test]
async fn a_failed_condition_is_told_at_once() {
    let (store, requests) = store(vec![cancelled(&["TransactionConflict", "ConditionalCheckFailed"])]);
    assert_eq!(store.commit(&[put("a"), put("b")]).await, Err(StoreError::ConditionFailed(vec![1])));
    assert_eq!(requests.all().len(), 1);
}

#[tokio::test]
async fn one_write_is_no_transaction() {
    let key = Key::work("p", "s");
    let update = Write::Update { key: key.clone(), set: serde_json::Map::new(), remove: vec!["a"], condition: None };
    let delete = Write::Delete { key: key.clone(), condition: None };
    let check = Write::Check { key, condition: Condition::Exists };
    let (store, requests) = store(vec![ok(); 4]);
    for write in [put("a"), update, delete, check] {
        assert_eq!(store.commit(&[write]).await, Ok(()));
    }
    assert_eq!(operations(&requests), ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"]);
}

#[tokio::test]
async fn a_lost_answer_to_one_write_leaves_its_outcome_unknown() {
    let lost = || Answer::Cut(b"");
    let (first, requests) = store(vec![lost(), fails("ConditionalCheckFailedException")]);
    let outcome = first.commit(&[put("a")]).await;
    assert!(matches!(&outcome, Err(StoreError::Unavailable(_))), "it may have been our own write: {outcome:?}");
    assert_eq!(operations(&requests), ["PutItem", "PutItem"]);
    let (second, _) = store(vec![lost(), ok()]);
    assert_eq!(second.commit(&[put("a")]).await, Ok(()));
    let (third, requests) = store(vec![lost(), lost(), ok()]);
    assert!(matches!(third.commit(&[put("a")]).await, Err(StoreError::Unavailable(_))));
    assert_eq!(requests.all().len(), 2);
}

#[tokio::test]
async fn a_lost_answer_to_a_transaction_is_asked_for_by_its_token() {
    let (store, requests) = store(vec![Answer::Cut(b""), ok()]);
    assert_eq!(store.commit(&[put("a"), put("b")]).await, Ok(()));
    let token = |request: &String| {
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        serde_json::from_str::<serde_json::Value>(body).unwrap()["ClientRequestToken"].clone()
    };
    let tokens: Vec<_> = requests.all().iter().map(token).collect();
    assert_eq!(tokens.len(), 2);
    assert!(tokens[0].is_string() && tokens[0] == tokens[1], "{tokens:?}");
}

#[tokio::test]
async fn throttling_is_handed_back() {
    let (store, requests) = store(vec![fails("ProvisionedThroughputExceededException"); 2]);
    assert_eq!(store.commit(&[put("a")]).await, Err(StoreError::Throttled));
    assert_eq!(requests.all().len(), 1, "a single write isn't repeated");
}

#[tokio::test]
async fn keys_left_out_are_asked_for_again() {
    let row = |sk: &str| json!({"pk": {"S": "p"}, "sk": {"S": sk}});
    let found = |sk: &str, left: serde_json::Value| {
        let unprocessed = if left.is_null() { json!({}) } else { json!({"work": {"Keys": [left]}}) };
        Answer::json(200, &json!({"Responses": {"work": [row(sk)]}, "UnprocessedKeys": unprocessed}).to_string())
    };
    let (first, requests) = store(vec![found("a", row("b")), found("b", json!(null))]);
    let rows = first.get(&[Key::work("p", "b"), Key::work("p", "a")]).await.unwrap();
    let found_keys: Vec<_> = rows.into_iter().flatten().map(|row| row.key.sk).collect();
    assert_eq!((found_keys, requests.all().len()), (vec!["b".to_owned(), "a".to_owned()], 2));
    let (second, requests) = store(vec![found("a", row("b")); 5]);
    assert_eq!(second.get(&[Key::work("p", "b"), Key::work("p", "a")]).await, Err(StoreError::Throttled));
    assert_eq!(requests.all().len(), 4);
}

#[tokio::test]
async fn a_table_that_the_function_does_not_have() {
    let (url, requests) = serve(vec![]);
    let config = Config::builder().behavior_version(BehaviorVersion::v2026_01_12()).endpoint_url(url).build();
    let store = DynamoStore::new(Client::from_conf(config), "config", "");
    assert!(matches!(store.get(&[Key::work("p", "s")]).await, Err(StoreError::Refused(_))));
    assert!(matches!(store.commit(&[put("a")]).await, Err(StoreError::Refused(_))));
    assert!(requests.all().is_empty());
}

/// No engine here lags, so that a read which isn't strongly consistent would pass every other test.
#[tokio::test]
async fn what_decisions_read_is_read_consistently() {
    use ports::store::{Index, Range};
    let body = |request: &String| {
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        serde_json::from_str::<serde_json::Value>(body).unwrap()
    };
    let query = |index| {
        let (table, pk) = (Table::Work, "p".to_owned());
        Query { table, index, pk, range: Range::All, descending: false, limit: 7, after: None }
    };
    let (store, requests) = store(vec![ok(); 4]);
    store.get(&[Key::work("p", "s")]).await.unwrap();
    store.get(&[Key::work("p", "s"), Key::config("p", "s")]).await.unwrap();
    store.query(&query(None)).await.unwrap();
    store.query(&query(Some(Index::Due))).await.unwrap();
    let bodies: Vec<_> = requests.all().iter().map(body).collect();
    assert_eq!(bodies[0]["ConsistentRead"], json!(true));
    assert_eq!(bodies[1]["RequestItems"]["work"]["ConsistentRead"], json!(true));
    assert_eq!(bodies[1]["RequestItems"]["config"]["ConsistentRead"], json!(true));
    assert_eq!((&bodies[2]["ConsistentRead"], &bodies[2]["Limit"]), (&json!(true), &json!(7)));
    assert_eq!(
        (&bodies[3]["ConsistentRead"], &bodies[3]["IndexName"]),
        (&json!(false), &json!("due")),
        "an index can't be"
    );
}
