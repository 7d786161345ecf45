//! Published signatures and questions, in `tests/fixtures/signatures/messenger.json`, each with its source.

use std::fs;
use std::path::PathBuf;

use messengers::messenger::{authentic, lines, verify};
use serde_json::Value;

fn vectors(of: impl Fn(&Value) -> bool) -> Vec<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/signatures/messenger.json");
    let all: Value = serde_json::from_slice(&fs::read(path).expect("the vectors")).expect("JSON");
    all["vectors"].as_array().expect("a list").iter().filter(|vector| of(vector)).cloned().collect()
}

fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field].as_str().unwrap_or_else(|| panic!("{vector} has no {field}"))
}

#[test]
fn security_only_the_new_header_with_the_right_signature_is_authentic() {
    let vectors = vectors(|vector| vector["body"].is_string());
    assert_eq!(vectors.len(), 8);
    for vector in vectors {
        let (header, body) = (text(&vector, "expected_signature"), text(&vector, "body").as_bytes());
        // The legacy signatures are right, and yet are not taken: see `authentic`.
        let is_new = text(&vector, "header") == "X-Hub-Signature-256";
        let expected = is_new && vector["should_accept"] == true;
        assert_eq!(authentic(Some(header.as_bytes()), body, [text(&vector, "key")]), expected, "{}", vector["id"]);
        assert!(!authentic(Some(header.as_bytes()), body, lines("another")), "{}", vector["id"]);
        let longer = [body, b" "].concat();
        assert!(!authentic(Some(header.as_bytes()), &longer, [text(&vector, "key")]), "{}", vector["id"]);
    }
}

#[test]
fn security_the_signature_is_of_the_bytes_as_they_came() {
    let vector = vectors(|vector| vector["id"] == "fb-10").remove(0);
    let (header, body, key) = (text(&vector, "expected_signature"), text(&vector, "body"), text(&vector, "key"));
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/messenger");
    let wire = fs::read(folder.join("raw_escaped_wire_body.json")).expect("a sample");
    assert_eq!(wire, body.as_bytes());
    assert!(authentic(Some(header.as_bytes()), &wire, [key]));
    let rewritten = serde_json::from_slice::<Value>(&wire).expect("JSON").to_string();
    assert!(!authentic(Some(header.as_bytes()), rewritten.as_bytes(), [key]));
}

#[test]
fn security_a_question_is_answered_only_with_the_right_token() {
    let vectors = vectors(|vector| vector["query"].is_object());
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let query = |name: &str| vector["query"][name].as_str();
        let (mode, token, challenge) = (query("hub.mode"), query("hub.verify_token"), query("hub.challenge"));
        let answer = verify(mode, token, challenge, lines(text(&vector, "configured_verify_token")));
        assert_eq!(answer, vector["expected_body"].as_str(), "{}", vector["id"]);
        assert_eq!(vector["expected_status"], if answer.is_some() { 200 } else { 403 });
    }
}
