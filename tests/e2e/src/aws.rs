//! The local AWS, where a test needs what no user can do: people who can sign in, a broken message in a queue, a count of rows.

use domain::ChatId;
use ports::records::chat_key;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::stack::{SignIn, Stack};

/// The password of people whom tests create; it is no secret, as they exist on this machine only.
const PASSWORD: &str = "Switchboard-e2e-1";

/// Services by the first part of their operations' names.
const COGNITO: &str = "AWSCognitoIdentityProviderService";
const DYNAMODB: &str = "DynamoDB_20120810";
const SQS: &str = "AmazonSQS";

/// Calls of the local AWS by its JSON protocol. The local AWS takes the caller for the account's owner and checks no signature.
#[derive(Clone, Debug)]
pub struct Aws {
    stack: Stack,
    http: reqwest::Client,
}

impl Aws {
    /// The local AWS of a stack.
    pub fn new(stack: &Stack, http: &reqwest::Client) -> Self {
        Self { stack: stack.clone(), http: http.clone() }
    }

    /// Names the region and the service; there is nothing to sign with.
    fn credential(&self, scope: &str) -> String {
        let region = &self.stack.aws_region;
        format!(
            "AWS4-HMAC-SHA256 Credential=test/20260101/{region}/{scope}/aws4_request, SignedHeaders=host, Signature=0"
        )
    }

    async fn call(&self, service: &str, operation: &str, body: &Value) -> Result<Value, String> {
        let scope = match service {
            COGNITO => "cognito-idp",
            DYNAMODB => "dynamodb",
            _ => "sqs",
        };
        let sent = self
            .http
            .post(&self.stack.aws_endpoint)
            .header(
                CONTENT_TYPE,
                if service == COGNITO { "application/x-amz-json-1.1" } else { "application/x-amz-json-1.0" },
            )
            .header("X-Amz-Target", format!("{service}.{operation}"))
            .header(AUTHORIZATION, self.credential(scope))
            .body(body.to_string())
            .send()
            .await
            .map_err(|error| format!("{operation}: {error}"))?;
        let (ok, text) = (sent.status().is_success(), sent.text().await.unwrap_or_default());
        if ok { Ok(serde_json::from_str(&text).unwrap_or_default()) } else { Err(format!("{operation}: {text}")) }
    }

    async fn must(&self, service: &str, operation: &str, body: Value) -> Value {
        self.call(service, operation, &body).await.unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// Somebody new who can sign in, with these groups. `verified` is what the issuer says of the e-mail address.
    pub async fn create_user(&self, email: &str, name: &str, groups: &[&str], verified: bool) -> SignIn {
        let pool = self.stack.output("UserPoolId");
        let attributes = json!([
            {"Name": "email", "Value": email},
            {"Name": "email_verified", "Value": verified.to_string()},
            {"Name": "name", "Value": name},
        ]);
        let user = json!({"UserPoolId": pool, "Username": email});
        let mut new = user.clone();
        new["UserAttributes"] = attributes;
        new["MessageAction"] = json!("SUPPRESS");
        self.must(COGNITO, "AdminCreateUser", new).await;
        let mut password = user.clone();
        password["Password"] = json!(PASSWORD);
        password["Permanent"] = json!(true);
        self.must(COGNITO, "AdminSetUserPassword", password).await;
        for group in groups {
            let mut member = user.clone();
            member["GroupName"] = json!(group);
            self.must(COGNITO, "AdminAddUserToGroup", member).await;
        }
        SignIn {
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
            name: name.to_owned(),
            rights: groups.iter().map(|&group| group.to_owned()).collect(),
        }
    }

    /// Signs somebody in: the tokens, by their names in Cognito's answer.
    pub async fn sign_in(&self, who: &SignIn) -> Value {
        let body = json!({
            "AuthFlow": "USER_PASSWORD_AUTH",
            "ClientId": self.stack.client_id,
            "AuthParameters": {"USERNAME": who.email, "PASSWORD": who.password},
        });
        self.must(COGNITO, "InitiateAuth", body).await["AuthenticationResult"].clone()
    }

    /// Somebody's ID token.
    pub async fn id_token(&self, who: &SignIn) -> String {
        let tokens = self.sign_in(who).await;
        tokens["IdToken"].as_str().unwrap_or_else(|| panic!("{} got no ID token", who.email)).to_owned()
    }

    /// Wakes a function (by the end of its name) with an event, as a schedule does, and waits until it is done.
    pub async fn wake(&self, function: &str, event: &Value) {
        let functions = format!("{}/2015-03-31/functions", self.stack.aws_endpoint);
        let asks = |request: reqwest::RequestBuilder| request.header(AUTHORIZATION, self.credential("lambda")).send();
        let listed = asks(self.http.get(&functions)).await.expect("an answer");
        let listed: Value = listed.json().await.expect("functions");
        let names = listed["Functions"].as_array().into_iter().flatten().filter_map(|one| one["FunctionName"].as_str());
        let name = names.into_iter().find(|name| name.ends_with(function)).expect("there is such a function");
        let wake = self.http.post(format!("{functions}/{name}/invocations")).json(event);
        let answer = asks(wake).await.expect("an answer");
        assert!(answer.status().is_success(), "{name}: {}", answer.status());
        assert!(!answer.headers().contains_key("x-amz-function-error"), "{name}: {:?}", answer.text().await);
    }

    /// How many rows a partition of the work table has.
    pub async fn count_work_rows(&self, pk: &str) -> u64 {
        let query = json!({
            "TableName": self.stack.output("WorkTable"),
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": pk}},
            "Select": "COUNT",
            "ConsistentRead": true,
        });
        self.must(DYNAMODB, "Query", query).await["Count"].as_u64().unwrap_or_default()
    }

    /// As if a chat's customer had last written at this time, milliseconds since 1970: nobody can wait for a day.
    pub async fn set_last_word(&self, chat: &ChatId, at_ms: i64) {
        let key = chat_key(chat);
        let update = json!({
            "TableName": self.stack.output("WorkTable"),
            "Key": {"pk": {"S": key.pk}, "sk": {"S": key.sk}},
            "UpdateExpression": "SET thread.last_in_at_ms = :at",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": {":at": {"N": at_ms.to_string()}},
        });
        self.must(DYNAMODB, "UpdateItem", update).await;
    }

    /// Puts a body into a FIFO queue (by the name of the template's output) as it is.
    pub async fn send_to_queue(&self, queue: &str, group: &str, body: &str) {
        let message = json!({
            "QueueUrl": self.stack.output(queue),
            "MessageBody": body,
            "MessageGroupId": group,
            "MessageDeduplicationId": crate::unique("e2e"),
        });
        self.must(SQS, "SendMessage", message).await;
    }

    /// The bodies of up to ten messages of a queue; they stay in it.
    pub async fn peek_queue(&self, queue: &str) -> Vec<String> {
        let ask = json!({"QueueUrl": self.stack.output(queue), "MaxNumberOfMessages": 10, "VisibilityTimeout": 0});
        let answer = self.must(SQS, "ReceiveMessage", ask).await;
        let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
        messages.iter().filter_map(|message| message["Body"].as_str().map(str::to_owned)).collect()
    }
}
