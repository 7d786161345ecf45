//! The signatures of Twilio's own libraries, in `tests/fixtures/twilio/signatures.json`: each is taken for what it is.

use std::fs;

use messengers::whatsapp::{Form, Payload, authentic, sign};
use serde::Deserialize;

use crate::samples::{self, folder};

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    #[serde(rename = "description")]
    what: String,
    #[serde(rename = "key")]
    token: String,
    url: String,
    #[serde(rename = "params")]
    form: Option<Vec<(String, String)>>,
    body: Option<String>,
    #[serde(rename = "expected_signature")]
    signature: String,
    #[serde(rename = "should_accept")]
    authentic: bool,
}

fn encoded(fields: &[(String, String)]) -> Form {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Form::read(body.as_bytes()).expect("a form")
}

#[test]
fn each_signature_of_twilios_libraries_is_taken_for_what_it_is() {
    let text = fs::read_to_string(folder().join("signatures.json")).expect("the vectors");
    let Vectors { vectors } = serde_json::from_str(&text).expect("the vectors");
    assert_eq!(vectors.len(), 23);
    assert!(vectors.iter().any(|vector| !vector.authentic));
    for Vector { what, token, url, form, body, signature, authentic: expected } in vectors {
        let form = form.map(|fields| encoded(&fields));
        let payload = match (&form, &body) {
            (Some(form), None) => Payload::Form(form),
            (None, Some(body)) => Payload::Raw(body.as_bytes()),
            _ => panic!("{what}: a form or a body"),
        };
        let check =
            |token: &str, url: &str, signature: &str| authentic(token, url, payload, Some(signature.as_bytes()));
        assert_eq!(check(&token, &url, &signature), expected, "{what}");
        assert!(!check("54321", &url, &signature), "{what}, with another token");
        assert!(!check(&token, &url.replace("mycompany", "yourcompany"), &signature), "{what}, with another host");
        assert!(!check(&token, &url, &signature.to_lowercase()), "{what}, in lower case");
        assert!(!check(&token, &url, ""), "{what}, without a signature");
    }
}

#[test]
fn security_whatever_is_changed_in_a_form_shows() {
    const URL: &str = "https://chat.example.com/webhooks/whatsapp";
    for (name, body) in samples::all() {
        let form = Form::read(body).expect("a form");
        let signature = sign("token", URL, Payload::Form(&form));
        let is_authentic = |form: &Form| authentic("token", URL, Payload::Form(form), Some(signature.as_bytes()));
        assert!(is_authentic(&form), "{name}");
        let fields = form.fields();
        // The order in which fields come is not signed.
        let mut turned = fields.to_vec();
        turned.reverse();
        assert!(is_authentic(&encoded(&turned)), "{name}");
        for n in 0..fields.len() {
            let mut changed = fields.to_vec();
            changed[n].1.push(' ');
            assert!(!is_authentic(&encoded(&changed)), "{name}: {} with a space", fields[n].0);
            let mut shorter = fields.to_vec();
            shorter.remove(n);
            assert!(!is_authentic(&encoded(&shorter)), "{name}: without {}", fields[n].0);
        }
    }
}

#[test]
fn the_signature_is_over_the_values_as_they_were_before_nul_is_taken_out() {
    let form = Form::read(b"Body=a%00b").unwrap();
    let stripped = Form::read(b"Body=ab").unwrap();
    let signature = sign("token", "https://h/", Payload::Form(&form));
    assert_ne!(signature, sign("token", "https://h/", Payload::Form(&stripped)));
}
