//! Holds `infra/docs/api/operators.asyncapi.yaml` to the code: every command, answer, event and code is described, everything that
//! is described is there, and samples of all of them fit their schemas.

mod samples;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use domain::Refusal;
use jsonschema::Validator;
use serde_json::{Value, json};
use wire::operators::{self, Answer, Event, Request};

const DOCUMENT: &str = include_str!("../../../infra/docs/api/operators.asyncapi.yaml");

/// The codes that no rule gives: `runtime::gateway` and `runtime::desk::Fault::code` do. They stand above this crate, so that
/// their text is looked at.
const GATEWAY_CODES: [&str; 6] =
    ["bad_request", "unknown_action", "frame_too_large", "session_expired", "try_again", "internal"];
const GATEWAY: [&str; 2] = [include_str!("../../runtime/src/gateway.rs"), include_str!("../../runtime/src/desk.rs")];

struct Document {
    whole: Value,
    /// Made once a schema: making one takes far longer than using it.
    validators: RefCell<BTreeMap<String, Validator>>,
}

impl Document {
    fn read() -> Self {
        let whole = serde_yaml_ng::from_str(DOCUMENT).expect("the document is YAML");
        Self { whole, validators: RefCell::default() }
    }

    fn at(&self, pointer: &str) -> &Value {
        self.whole.pointer(pointer).unwrap_or_else(|| panic!("the document has no {pointer}"))
    }

    fn keys(&self, pointer: &str) -> BTreeSet<&str> {
        self.at(pointer).as_object().expect("an object").keys().map(String::as_str).collect()
    }

    /// Where a reference leads, as a pointer.
    fn target(reference: &Value) -> Option<&str> {
        reference.get("$ref")?.as_str()?.strip_prefix('#')
    }

    /// The schema of a message, by name.
    fn schema_of(&self, message: &str) -> &str {
        let payload = self.at(&format!("/components/messages/{message}/payload"));
        Self::target(payload).and_then(|pointer| pointer.rsplit('/').next()).expect("a payload refers to its schema")
    }

    /// The messages of one kind of operation (`receive`: commands, `send`: events): operation -> message.
    fn messages(&self, action: &str) -> BTreeMap<&str, &str> {
        let operations = self.at("/operations").as_object().expect("operations");
        let of_kind = operations.iter().filter(|(_, operation)| operation["action"] == action);
        of_kind.map(|(name, operation)| (name.as_str(), last(&operation["messages"][0]))).collect()
    }

    /// The message of each event, by its tag.
    fn tags(&self) -> BTreeMap<String, &str> {
        let tag = |message| {
            let schema = self.schema_of(message);
            let tag = self.at(&format!("/components/schemas/{schema}/properties/type/const"));
            (tag.as_str().expect("a tag").to_owned(), message)
        };
        self.messages("send").into_values().map(tag).collect()
    }

    /// A schema that takes nothing which it does not name: what the code writes and the document does not know must fail.
    fn strict(&self, schema: &str) -> Validator {
        let mut schemas = self.at("/components/schemas").clone();
        close(&mut schemas);
        let whole = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "allOf": [{ "$ref": format!("#/components/schemas/{schema}") }],
            "components": { "schemas": schemas },
        });
        jsonschema::validator_for(&whole).unwrap_or_else(|error| panic!("{schema}: {error}"))
    }

    fn check(&self, schema: &str, value: &Value) {
        let mut validators = self.validators.borrow_mut();
        let validator = validators.entry(schema.to_owned()).or_insert_with(|| self.strict(schema));
        let wrong: Vec<_> = validator.iter_errors(value).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{schema} does not take {value}: {wrong:?}");
    }
}

/// The last part of a reference.
fn last(reference: &Value) -> &str {
    Document::target(reference).and_then(|pointer| pointer.rsplit('/').next()).expect("a reference")
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("type") == Some(&json!("object")) && !fields.contains_key("additionalProperties") {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn look(document: &Document, value: &Value) {
        if let Some(pointer) = Document::target(value) {
            document.at(pointer);
        }
        match value {
            Value::Object(fields) => fields.values().for_each(|value| look(document, value)),
            Value::Array(items) => items.iter().for_each(|value| look(document, value)),
            _ => {}
        }
    }
    let document = Document::read();
    look(&document, &document.whole);
    assert_eq!(document.keys("/channels/operators/messages"), document.keys("/components/messages"));
}

#[test]
fn every_action_is_described_and_no_other() {
    let document = Document::read();
    let described: BTreeSet<_> = document.messages("receive").into_keys().collect();
    assert_eq!(described, BTreeSet::from(operators::ACTIONS));
    let sampled: BTreeSet<_> = samples::commands().iter().map(samples::action).collect();
    assert_eq!(sampled, BTreeSet::from(operators::ACTIONS), "ACTIONS and Command differ");
    for (operation, message) in document.messages("receive") {
        let schema = document.schema_of(message);
        assert_eq!(document.at(&format!("/components/schemas/{schema}/properties/action/const")), operation);
    }
}

#[test]
fn every_event_is_described_and_no_other() {
    let document = Document::read();
    let by_tag = document.tags();
    let mut sampled = BTreeSet::new();
    for event in samples::events() {
        let value = serde_json::to_value(&event).unwrap();
        let tag = value["type"].as_str().expect("an event has a type").to_owned();
        let message = by_tag.get(&tag).unwrap_or_else(|| panic!("the event {tag} is not described"));
        document.check(document.schema_of(message), &value);
        assert_eq!(serde_json::from_value::<Event>(value).unwrap(), event);
        sampled.insert(tag);
    }
    assert_eq!(sampled, by_tag.into_keys().collect());
}

#[test]
fn commands_fit_their_schemas() {
    let document = Document::read();
    for command in samples::commands() {
        let schema = document.schema_of(samples::action(&command));
        let request = Request { request_id: "r".to_owned(), command };
        let value = serde_json::to_value(&request).unwrap();
        document.check(schema, &value);
        assert_eq!(serde_json::from_value::<Request>(value).unwrap(), request);
    }
}

#[test]
fn answers_fit_their_schemas() {
    let document = Document::read();
    let mut answered = BTreeSet::new();
    for (action, result) in samples::results() {
        let replies = document.at(&format!("/operations/{action}/reply/messages"));
        let schema = document.schema_of(last(&replies[0]));
        document.check(schema, &serde_json::to_value(Answer::yes("r", result)).unwrap());
        assert_eq!(last(&replies[1]), "refused");
        answered.insert(action);
    }
    assert_eq!(answered, BTreeSet::from(operators::ACTIONS));
}

#[test]
fn every_code_is_described_and_no_other() {
    let document = Document::read();
    let codes = document.at("/components/schemas/Code/oneOf").as_array().expect("codes");
    let described: BTreeSet<_> = codes.iter().map(|code| code["const"].as_str().expect("a code")).collect();
    let rules = Refusal::ALL.map(Refusal::code);
    assert_eq!(described, rules.into_iter().chain(GATEWAY_CODES).collect());
    assert_eq!(described.len(), codes.len(), "a code is described twice");
    for code in GATEWAY_CODES {
        assert!(GATEWAY.iter().any(|source| source.contains(&format!("\"{code}\""))), "{code} is given nowhere");
    }
    for code in described {
        document.check("Refused", &serde_json::to_value(Answer::no("", code, "text")).unwrap());
    }
    let mut listed = BTreeSet::new();
    for action in operators::ACTIONS {
        let refusals = document.at(&format!("/operations/{action}/x-refusals")).as_array().expect("refusals");
        listed.extend(refusals.iter().map(|code| code.as_str().expect("a code")));
    }
    assert_eq!(listed, rules.into(), "x-refusals name each rule's code somewhere, and no other");
}

#[test]
fn bounds_are_those_of_the_code() {
    let document = Document::read();
    let schema = "/components/schemas";
    for (pointer, bound) in [
        ("/RequestId/maxLength", operators::REQUEST_ID_CHARS_MAX),
        ("/Sync/properties/chats/maxItems", operators::SYNC_CHATS_MAX),
        ("/Send/properties/text/maxLength", domain::content::TEXT_CHARS_MAX),
        ("/Content/oneOf/0/properties/text/maxLength", domain::content::TEXT_CHARS_MAX),
        ("/Sent/properties/seqs/maxItems", domain::reply::PARTS_MAX),
        ("/HistoryWanted/properties/limit/maximum", operators::HISTORY_MAX as usize),
        ("/History/properties/messages/maxItems", operators::HISTORY_MAX as usize),
        ("/LineEvent/properties/chats/maxItems", operators::LINE_HEAD),
        ("/Welcome/properties/ping_s/const", operators::PING_S as usize),
        ("/Welcome/properties/queues/maxItems", domain::config::QUEUES_MAX),
        ("/Queue/properties/limit/maximum", domain::config::LIMIT_MAX as usize),
        ("/Queue/properties/name/maxLength", domain::config::NAME_CHARS_MAX),
        ("/Myself/properties/own_limit/maximum", domain::config::LIMIT_MAX as usize),
    ] {
        assert_eq!(document.at(&format!("{schema}{pointer}")), bound, "{pointer}");
    }
    let says = document.at("/info/description").as_str().expect("a text").replace('\n', " ");
    for sentence in [
        format!("at most {} KB", operators::COMMAND_BYTES_MAX / 1024),
        format!("remembers the last {} request ids", domain::chat::REQUESTS_MAX),
        format!("the newest {}", operators::SYNC_MESSAGES),
        format!("at most {} connections", domain::operator::CONNECTIONS_MAX),
        format!("silent for {} minutes", domain::operator::CONNECTION_SILENCE_MS / 60_000),
        format!("within {} seconds", wire::http::TICKET_S),
    ] {
        assert!(says.contains(&sentence), "the introduction does not say {sentence:?}");
    }
}

#[test]
fn examples_are_read_by_the_code() {
    let document = Document::read();
    let (commands, events) = (document.messages("receive"), document.messages("send"));
    for message in document.keys("/components/messages") {
        let whole = document.at(&format!("/components/messages/{message}"));
        for example in whole.get("examples").and_then(Value::as_array).into_iter().flatten() {
            let payload = &example["payload"];
            document.check(document.schema_of(message), payload);
            let read = if commands.values().any(|name| *name == message) {
                serde_json::from_value::<Request>(payload.clone()).map(drop)
            } else if events.values().any(|name| *name == message) {
                serde_json::from_value::<Event>(payload.clone()).map(drop)
            } else {
                serde_json::from_value::<Answer>(payload.clone()).map(drop)
            };
            assert!(read.is_ok(), "the code does not read {payload}: {read:?}");
        }
    }
    for command in commands.values() {
        document.at(&format!("/components/messages/{command}/examples/0"));
    }
}

/// What the document describes: each field, each word of an enumeration, each alternative, by its place.
fn described(schema: &Value, place: &str, found: &mut BTreeSet<String>) {
    if schema.get("$ref").is_some() {
        return;
    }
    for word in schema.get("enum").and_then(Value::as_array).into_iter().flatten() {
        found.insert(format!("{place}={word}"));
    }
    for (at, alternative) in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten().enumerate() {
        found.insert(format!("{place}|{at}"));
        described(alternative, &format!("{place}|{at}"), found);
    }
    for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        found.insert(format!("{place}.{name}"));
        described(field, &format!("{place}.{name}"), found);
    }
    if let Some(items) = schema.get("items") {
        described(items, &format!("{place}[]"), found);
    }
}

/// What of it a sample shows.
fn shown(document: &Document, schema: &Value, place: &str, value: &Value, found: &mut BTreeSet<String>) {
    if let Some(pointer) = Document::target(schema) {
        let name = pointer.rsplit('/').next().expect("a name");
        return shown(document, document.at(pointer), name, value, found);
    }
    if schema.get("enum").is_some() {
        found.insert(format!("{place}={value}"));
    }
    for (at, alternative) in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten().enumerate() {
        if fits(document, alternative, value) {
            found.insert(format!("{place}|{at}"));
            shown(document, alternative, &format!("{place}|{at}"), value, found);
        }
    }
    for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if let Some(value) = value.get(name) {
            found.insert(format!("{place}.{name}"));
            shown(document, field, &format!("{place}.{name}"), value, found);
        }
    }
    match schema.get("items") {
        Some(Value::Array(fields)) => {
            for (field, value) in fields.iter().zip(value.as_array().into_iter().flatten()) {
                shown(document, field, place, value, found);
            }
        }
        Some(items) => {
            for value in value.as_array().into_iter().flatten() {
                shown(document, items, &format!("{place}[]"), value, found);
            }
        }
        None => {}
    }
}

fn fits(document: &Document, schema: &Value, value: &Value) -> bool {
    // An alternative that is a value or `null` is told by its type, without making a validator.
    if schema.get("const").is_some() || schema["type"] == "null" {
        return schema.get("const").map_or(value.is_null(), |word| word == value);
    }
    let whole = json!({ "allOf": [schema], "components": document.at("/components") });
    jsonschema::draft7::is_valid(&whole, value)
}

#[test]
fn everything_described_is_there() {
    let document = Document::read();
    let mut wanted = BTreeSet::new();
    for (name, schema) in document.at("/components/schemas").as_object().expect("schemas") {
        described(schema, name, &mut wanted);
    }
    let mut found = BTreeSet::new();
    let mut show = |message: &str, value: &Value| {
        shown(&document, document.at(&format!("/components/messages/{message}/payload")), message, value, &mut found);
    };
    for command in samples::commands() {
        let message = samples::action(&command);
        show(message, &serde_json::to_value(Request { request_id: "r".to_owned(), command }).unwrap());
    }
    for (action, result) in samples::results() {
        let reply = last(&document.at(&format!("/operations/{action}/reply/messages"))[0]).to_owned();
        show(&reply, &serde_json::to_value(Answer::yes("r", result)).unwrap());
    }
    for code in Refusal::ALL.map(Refusal::code).into_iter().chain(GATEWAY_CODES) {
        show("refused", &serde_json::to_value(Answer::no("r", code, "text")).unwrap());
    }
    for event in samples::events() {
        let value = serde_json::to_value(&event).unwrap();
        show(document.tags()[value["type"].as_str().expect("a tag")], &value);
    }
    let missing: Vec<_> = wanted.difference(&found).collect();
    assert!(missing.is_empty(), "described, but in no sample of the code: {missing:#?}");
}
