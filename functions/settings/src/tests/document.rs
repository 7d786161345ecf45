//! The document of the API says what the code does: every address, every error, every field.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use wire::http::{Code, ROUTES};

use super::graph::{APP, APP_SECRET, CODE, RETURN_URL};
use super::twilio::{AUTH, PHONE, SID};
use super::{Bench, TOKEN};

fn document() -> Value {
    serde_json::from_str(include_str!("../../../../infra/docs/api/settings.openapi.json")).unwrap()
}

/// What may go wrong in one operation of the document: its codes, and the statuses that it answers.
fn documented(operation: &Value) -> (BTreeSet<String>, BTreeSet<u16>) {
    let codes = operation["x-error-codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned());
    let statuses = operation["responses"].as_object().unwrap().keys().map(|status| status.parse().unwrap());
    (codes.collect(), statuses.filter(|status| *status >= 400).collect())
}

/// The same, by the code.
fn in_code(errors: &[Code]) -> (BTreeSet<String>, BTreeSet<u16>) {
    (errors.iter().map(|code| code.as_str().to_owned()).collect(), errors.iter().map(|code| code.status()).collect())
}

#[test]
fn every_address_is_documented_with_its_errors_and_no_other() {
    let document = document();
    let mut left: BTreeSet<(String, String)> = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        left.extend(item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
    }
    for route in ROUTES {
        let operation = &document["paths"][route.path][route.method.to_lowercase()];
        let name = format!("{} {}", route.method, route.path);
        assert!(left.remove(&(route.method.to_owned(), route.path.to_owned())), "{name} is not documented");
        assert_eq!(documented(operation), in_code(&route.errors()), "{name}");
        assert_eq!(operation["requestBody"].is_object(), route.body, "{name}");
    }
    assert!(left.is_empty(), "documented, but not there: {left:?}");
}

/// What a reference refers to.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let Some(reference) = value["$ref"].as_str() else { return value };
    let there = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
    there.unwrap_or_else(|| panic!("{reference} is not there"))
}

/// The fields of a schema, its parts' included.
fn fields(document: &Value, schema: &Value) -> BTreeSet<String> {
    let schema = resolved(document, schema);
    if let Some(parts) = schema["allOf"].as_array() {
        return parts.iter().flat_map(|part| fields(document, part)).collect();
    }
    schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

/// Follows every reference of the document.
fn check_references(document: &Value, value: &Value) {
    resolved(document, value);
    match value {
        Value::Object(fields) => fields.values().for_each(|field| check_references(document, field)),
        Value::Array(items) => items.iter().for_each(|item| check_references(document, item)),
        _ => {}
    }
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document = document();
    check_references(&document, &document);
}

/// Holds an answer against the schema of its operation.
fn check_answer(document: &Value, path: &str, method: &str, got: &super::Got) {
    let response = resolved(document, &document["paths"][path][method]["responses"][got.status.to_string()]);
    assert!(response.is_object(), "{method} {path} answered {}", got.status);
    let schema = &response["content"]["application/json"]["schema"];
    let documented = fields(document, schema);
    let answered: BTreeSet<String> = got.body.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    assert!(answered.is_subset(&documented), "{method} {path}: {answered:?} in {documented:?}");
    assert!(got.body.is_null() || !answered.is_empty(), "{method} {path}");
}

/// The calls that connect pages and numbers.
async fn check_set_ups(bench: &Bench, document: &Value) {
    let call = async |path: &str, body: Value| {
        let got = bench.call(&format!("POST {path}"), body).await;
        check_answer(document, path, "post", &got);
        got.body
    };
    let item = |answered: &Value, schema: &str| {
        let shown: BTreeSet<String> = answered.as_object().unwrap().keys().cloned().collect();
        assert_eq!(shown, fields(document, &document["components"]["schemas"][schema]), "{schema}");
    };
    call("/api/channels/messenger/sign-in", json!({ "return_url": RETURN_URL })).await;
    bench.call("PUT /api/settings/FacebookAppId", json!({ "value": APP })).await;
    bench.call("PUT /api/settings/FacebookAppSecret", json!({ "value": APP_SECRET })).await;
    bench.graph.page("71", "Flowers", &["MANAGE"]);
    let dialog = call("/api/channels/messenger/sign-in", json!({ "return_url": RETURN_URL })).await;
    let pages = call("/api/channels/messenger/pages", json!({ "code": CODE, "state": dialog["state"] })).await;
    item(&pages["pages"][0], "Page");
    let body = json!({ "state": dialog["state"], "pages": ["71", "9"] });
    let connected = call("/api/channels/messenger", body).await;
    item(&connected["pages"][0], "ConnectedPage");
    item(&connected["pages"][0]["channel"], "Channel");
    item(&connected["pages"][1], "ConnectedPage");
    let body = json!({
        "phone_number": "+14155238886", "confirmation_phone_number": PHONE, "account_sid": SID, "auth_token": AUTH,
    });
    let confirming = call("/api/channels/whatsapp", body).await;
    let body = json!({ "confirmation": confirming["confirmation"], "code": bench.twilio.last_code() });
    let number = call("/api/channels/whatsapp/confirm", body).await;
    item(&number, "Connected");
    for id in ["fb-71", "wa-14155238886"] {
        let got = bench.get(&format!("/api/channels/{id}/health")).await;
        check_answer(document, "/api/channels/{id}/health", "get", &got);
    }
}

#[tokio::test]
async fn answers_have_the_documented_fields() {
    let (bench, document) = (Bench::new(), document());
    let role = bench.call("POST /api/roles", json!({ "name": "Support" })).await;
    check_answer(&document, "/api/roles", "post", &role);
    let queue = bench.call("POST /api/queues", json!({ "name": "S", "rule": "to_all", "roles": [role.id()] })).await;
    check_answer(&document, "/api/queues", "post", &queue);
    let person = bench.call("POST /api/operators", json!({ "email": "a@b", "name": "A" })).await;
    check_answer(&document, "/api/operators", "post", &person);
    let channel = bench.call("POST /api/channels/telegram", json!({ "token": TOKEN })).await;
    check_answer(&document, "/api/channels/telegram", "post", &channel);
    check_set_ups(&bench, &document).await;
    for (path, target) in [
        ("/api/queues", "/api/queues".to_owned()),
        ("/api/queues/{id}", format!("/api/queues/{}", queue.id())),
        ("/api/roles", "/api/roles".to_owned()),
        ("/api/operators", "/api/operators".to_owned()),
        ("/api/operators/{id}", format!("/api/operators/{}", person.id())),
        ("/api/channels", "/api/channels".to_owned()),
        ("/api/channels/{id}", format!("/api/channels/{}", channel.id())),
        ("/api/channels/{id}/health", format!("/api/channels/{}/health", channel.id())),
        ("/api/settings", "/api/settings".to_owned()),
        ("/api/settings/{code}", "/api/settings/IdentityServerClientSecret".to_owned()),
        ("/api/queues/{id}", "/api/queues/none".to_owned()),
    ] {
        check_answer(&document, path, "get", &bench.get(&target).await);
    }
    for (list, item) in [
        ("queues", "Queue"),
        ("roles", "Role"),
        ("operators", "Operator"),
        ("channels", "Channel"),
        ("settings", "Setting"),
    ] {
        let answered = bench.get(&format!("/api/{list}")).await.body[list][0].clone();
        let mut shown: BTreeSet<String> = answered.as_object().unwrap().keys().cloned().collect();
        // Only a setting that is never shown says whether it is set.
        if list == "settings" {
            shown.insert("set".to_owned());
        }
        assert_eq!(shown, fields(&document, &document["components"]["schemas"][item]), "{item}");
    }
}
