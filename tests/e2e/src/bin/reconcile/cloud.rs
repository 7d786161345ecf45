//! The local AWS below the stack: the whole work table, queues by their counts, event source mappings switched off and on.

use std::collections::BTreeSet;

use e2e::Stack;
use ports::store::{Key, Row};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Map, Value, json};

/// The ends of the template's outputs that name queues.
const QUEUE_OUTPUT: &str = "QueueUrl";
const DEAD_LETTER_OUTPUT: &str = "DeadLetterQueueUrl";
/// The counts of a queue: to be had, being worked on, put off.
const COUNTS: [&str; 3] =
    ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"];

/// An event source mapping: what takes from a queue and calls a function.
#[derive(Clone, Debug)]
pub(crate) struct Mapping {
    /// Its id.
    pub(crate) id: String,
    /// The function that it calls.
    pub(crate) function: String,
}

/// The local AWS.
#[derive(Clone, Debug)]
pub(crate) struct Cloud {
    stack: Stack,
    http: reqwest::Client,
}

impl Cloud {
    /// The local AWS of a stack.
    pub(crate) fn new(stack: &Stack, http: &reqwest::Client) -> Self {
        Self { stack: stack.clone(), http: http.clone() }
    }

    async fn call(&self, service: &str, method: Method, path: &str, target: &str, body: &Value) -> Value {
        // The local AWS takes the caller for the account's owner and checks no signature.
        let credential = format!(
            "AWS4-HMAC-SHA256 Credential=test/20260101/{}/{service}/aws4_request, SignedHeaders=host, Signature=0",
            self.stack.aws_region
        );
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.stack.aws_endpoint))
            .header(AUTHORIZATION, credential)
            .header(CONTENT_TYPE, "application/x-amz-json-1.0");
        if !target.is_empty() {
            request = request.header("X-Amz-Target", target);
        }
        if method != Method::GET {
            request = request.body(body.to_string());
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{service} {path}{target}: {error}"));
        let (ok, text) = (answer.status().is_success(), answer.text().await.unwrap_or_default());
        assert!(ok, "{service} {path}{target}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{service} {path}{target}: {error}: {text}"))
    }

    /// Every row of the work table, read consistently page by page.
    pub(crate) async fn work_rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut ask = json!({"TableName": self.stack.output("WorkTable"), "ConsistentRead": true});
        loop {
            let page = self.call("dynamodb", Method::POST, "/", "DynamoDB_20120810.Scan", &ask).await;
            rows.extend(page["Items"].as_array().into_iter().flatten().filter_map(row));
            match &page["LastEvaluatedKey"] {
                Value::Null => return rows,
                last => ask["ExclusiveStartKey"] = last.clone(),
            }
        }
    }

    /// How many messages all queues hold, taken or not, without what has been parked.
    pub(crate) async fn queued(&self) -> u64 {
        let mut sum = 0;
        for url in self.queue_urls(false) {
            sum += self.count(&url, &COUNTS).await;
        }
        sum
    }

    /// What has been parked: the name of a dead-letter queue and the messages in it, where there are any.
    pub(crate) async fn parked(&self) -> Vec<(String, Value)> {
        let mut found = Vec::new();
        for url in self.queue_urls(true) {
            if self.count(&url, &COUNTS).await > 0 {
                let ask = json!({"QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0,
                    "MessageAttributeNames": ["All"]});
                let answer = self.call("sqs", Method::POST, "/", "AmazonSQS.ReceiveMessage", &ask).await;
                found.push((url, answer["Messages"].clone()));
            }
        }
        found
    }

    fn queue_urls(&self, parked: bool) -> Vec<String> {
        let outputs = self.stack.outputs.iter().filter(|(name, _)| name.ends_with(QUEUE_OUTPUT));
        outputs.filter(|(name, _)| name.ends_with(DEAD_LETTER_OUTPUT) == parked).map(|(_, url)| url.clone()).collect()
    }

    async fn count(&self, url: &str, names: &[&str]) -> u64 {
        let ask = json!({"QueueUrl": url, "AttributeNames": names});
        let answer = self.call("sqs", Method::POST, "/", "AmazonSQS.GetQueueAttributes", &ask).await;
        let number = |name: &&str| answer["Attributes"][name].as_str().and_then(|text| text.parse::<u64>().ok());
        names.iter().filter_map(number).sum()
    }

    /// The mappings between queues and functions.
    pub(crate) async fn mappings(&self) -> Vec<Mapping> {
        let answer = self.call("lambda", Method::GET, "/2015-03-31/event-source-mappings/", "", &Value::Null).await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mapping = |value: &Value| Mapping {
            id: text(&value["UUID"]),
            function: text(&value["FunctionArn"]).rsplit(':').next().unwrap_or_default().to_owned(),
        };
        answer["EventSourceMappings"].as_array().into_iter().flatten().map(mapping).collect()
    }

    /// Switches mappings on or off.
    pub(crate) async fn switch(&self, mappings: &[Mapping], enabled: bool) {
        for Mapping { id, .. } in mappings {
            let path = format!("/2015-03-31/event-source-mappings/{id}");
            self.call("lambda", Method::PUT, &path, "", &json!({"Enabled": enabled})).await;
        }
    }
}

/// The functions that mappings call.
pub(crate) fn functions(mappings: &[Mapping]) -> BTreeSet<String> {
    mappings.iter().map(|mapping| mapping.function.clone()).collect()
}

fn row(item: &Value) -> Option<Row> {
    let mut attributes: Map<String, Value> =
        item.as_object()?.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
    let mut take = |name: &str| attributes.remove(name)?.as_str().map(str::to_owned);
    let key = Key::work(take("pk")?, take("sk")?);
    Some(Row { key, attributes })
}

/// A value without the names of its types, as the system writes them (`adapters::dynamo`): texts, whole numbers, lists, maps.
fn plain(typed: &Value) -> Value {
    let Some((kind, value)) = typed.as_object().and_then(|object| object.iter().next()) else { return Value::Null };
    match (kind.as_str(), value) {
        ("N", Value::String(digits)) => digits.parse::<i64>().map_or(Value::Null, Value::from),
        ("L", Value::Array(items)) => items.iter().map(plain).collect(),
        ("M", Value::Object(map)) => map.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
        ("NULL", _) => Value::Null,
        _ => value.clone(),
    }
}
