//! Tokens made by hand, with a key of the moment.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::LazyLock;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use serde_json::{Value, json};

use super::*;

const NOW_MS: i64 = 1_767_225_600_000;
const NOW_S: i64 = NOW_MS / 1000;
const ISSUER: &str = "https://issuer.example/pool";
const CLIENT: &str = "client-1";

static KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());
static OTHER_KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn signed(key: &KeyPair, header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let algorithm = if header["alg"] == "RS512" { &RSA_PKCS1_SHA512 } else { &RSA_PKCS1_SHA256 };
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(algorithm, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn header() -> Value {
    json!({"alg": "RS256", "typ": "JWT", "kid": "k1"})
}

/// The claims of a good token, with some of them changed (`null`: left out).
fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": CLIENT, "sub": "person-1", "exp": NOW_S + 3600, "iat": NOW_S, "token_use": "id",
        "email": "Ann@Example.com", "email_verified": true, "name": "Ann", "cognito:groups": ["CanManageChats"],
    });
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

fn token(changes: &Value) -> String {
    signed(&KEY, &header(), &claims(changes))
}

fn jwk(key: &KeyPair, id: &str) -> Value {
    let public = key.public_key();
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let modulus = encode(public.modulus().big_endian_without_leading_zero());
    let exponent = encode(public.exponent().big_endian_without_leading_zero());
    json!({"kty": "RSA", "kid": id, "use": "sig", "alg": "RS256", "n": modulus, "e": exponent})
}

/// An issuer whose keys a test changes, and that counts how often it was asked.
#[derive(Clone, Debug)]
struct Issuer {
    keys: Rc<RefCell<Result<Value, String>>>,
    asked: Rc<Cell<u32>>,
}

impl Issuer {
    fn with(keys: &[Value]) -> Self {
        Self { keys: Rc::new(RefCell::new(Ok(json!({ "keys": keys })))), asked: Rc::default() }
    }

    fn set(&self, keys: &[Value]) {
        *self.keys.borrow_mut() = Ok(json!({ "keys": keys }));
    }

    fn fail(&self) {
        *self.keys.borrow_mut() = Err("no answer".into());
    }
}

impl KeySource for Issuer {
    async fn fetch(&self) -> Result<JwkSet, String> {
        self.asked.set(self.asked.get() + 1);
        self.keys.borrow().clone().map(|keys| serde_json::from_value(keys).unwrap())
    }
}

fn verifier(issuer: &Issuer) -> Verifier<Issuer> {
    Verifier::new(ISSUER, CLIENT, issuer.clone())
}

async fn verify(token: &str) -> Result<Principal, IdentityError> {
    verifier(&Issuer::with(&[jwk(&KEY, "k1")])).verify(token, NOW_MS).await
}

#[tokio::test]
async fn a_good_token_tells_who_it_is() {
    let ann = Principal {
        subject: "person-1".into(),
        verified_email: Some("ann@example.com".into()),
        name: Some("Ann".into()),
        groups: vec!["CanManageChats".into()],
        expires_at_ms: NOW_MS + 3_600_000,
    };
    assert_eq!(verify(&token(&json!({}))).await, Ok(ann.clone()));
    let same = |principal| assert_eq!(principal, Ok(ann.clone()));
    same(verify(&token(&json!({"aud": [CLIENT]}))).await);
    same(verify(&token(&json!({"token_use": null}))).await);
    same(verify(&token(&json!({"email_verified": "true"}))).await);
    let sparse = verify(&token(&json!({"name": " ", "cognito:groups": null}))).await.unwrap();
    assert_eq!((sparse.name, sparse.groups), (None, vec![]));
}

#[tokio::test]
async fn an_address_counts_only_if_the_issuer_verified_it() {
    for unverified in [json!(false), json!("false"), json!("yes"), Value::Null] {
        let principal = verify(&token(&json!({"email_verified": unverified}))).await.unwrap();
        assert_eq!(principal.verified_email, None, "{unverified}");
    }
    assert_eq!(verify(&token(&json!({"email": null}))).await.unwrap().verified_email, None);
}

#[tokio::test]
async fn claims_that_are_wrong_are_refused() {
    for (changes, why) in [
        (json!({"iss": "https://issuer.example/other"}), "of another issuer"),
        (json!({"iss": [ISSUER, "https://evil.example"]}), "malformed"),
        (json!({"iss": null}), "malformed"),
        (json!({"aud": "client-2"}), "for another audience"),
        (json!({"aud": null}), "without a claim that it must have"),
        (json!({"token_use": "access"}), "not an ID token"),
        (json!({"sub": null}), "malformed"),
        (json!({"sub": ""}), "about nobody"),
        (json!({"exp": null}), "malformed"),
        (json!({"exp": "never"}), "malformed"),
        (json!({"exp": NOW_S - 30}), "expired"),
        (json!({"exp": 0}), "expired"),
        (json!({"exp": -1}), "without a claim that it must have"),
        (json!({"nbf": NOW_S + 31}), "not valid yet"),
    ] {
        assert_eq!(verify(&token(&changes)).await, Err(IdentityError::Refused(why)), "{changes}");
    }
}

#[tokio::test]
async fn clocks_may_differ_a_little() {
    assert!(verify(&token(&json!({"exp": NOW_S - 29}))).await.is_ok());
    assert!(verify(&token(&json!({"nbf": NOW_S + 30}))).await.is_ok());
}

#[tokio::test]
async fn signatures_that_are_wrong_are_refused() {
    let good = token(&json!({}));
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (head, _) = message.split_once('.').unwrap();
    let admin = part(&claims(&json!({"cognito:groups": ["CanManageIdentity"]})));
    let head_of = |header: Value| part(&header);
    let public = KEY.public_key().as_ref();
    let hs256 = format!("{}.{}", head_of(json!({"alg": "HS256", "kid": "k1"})), part(&claims(&json!({}))));
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, public), hs256.as_bytes());
    let none = format!("{}.{}", head_of(json!({"alg": "none", "kid": "k1"})), part(&claims(&json!({}))));
    let other_alg = signed(&KEY, &json!({"alg": "RS512", "kid": "k1"}), &claims(&json!({})));
    let no_key = signed(&KEY, &json!({"alg": "RS256"}), &claims(&json!({})));
    let unknown_key = signed(&KEY, &json!({"alg": "RS256", "kid": "k2"}), &claims(&json!({})));
    let malformed = "malformed, or of an unknown algorithm";
    for (token, why) in [
        (signed(&OTHER_KEY, &header(), &claims(&json!({}))), "wrongly signed"),
        (format!("{head}.{admin}.{signature}"), "wrongly signed"),
        (format!("{message}."), "wrongly signed"),
        (format!("{none}."), malformed),
        (format!("{none}.{signature}"), malformed),
        (format!("{hs256}.{}", URL_SAFE_NO_PAD.encode(mac.as_ref())), "of another algorithm"),
        (other_alg, "of another algorithm"),
        (no_key, "names no key"),
        (unknown_key, "signed with an unknown key"),
        (message.to_owned(), malformed),
        (String::new(), malformed),
        ("a.b.c".into(), malformed),
        (format!("{good}{}", "A".repeat(16 * 1024)), "too long"),
    ] {
        assert_eq!(verify(&token).await, Err(IdentityError::Refused(why)), "{token:.80}");
    }
}

#[tokio::test]
async fn keys_that_are_not_for_this_are_not_used() {
    let good = token(&json!({}));
    for (name, value) in [("use", json!("enc")), ("alg", json!("RS512")), ("kid", json!("k9"))] {
        let mut key = jwk(&KEY, "k1");
        key[name] = value;
        let refused = verifier(&Issuer::with(&[key])).verify(&good, NOW_MS).await;
        assert_eq!(refused, Err(IdentityError::Refused("signed with an unknown key")), "{name}");
    }
    let mut plain = jwk(&KEY, "k1");
    plain.as_object_mut().unwrap().retain(|name, _| name != "use" && name != "alg");
    assert!(verifier(&Issuer::with(&[plain])).verify(&good, NOW_MS).await.is_ok());
}

#[tokio::test]
async fn keys_are_asked_for_once_and_again_for_a_new_one() {
    let issuer = Issuer::with(&[jwk(&KEY, "k1")]);
    let verifier = verifier(&issuer);
    let old = token(&json!({}));
    let new = signed(&OTHER_KEY, &json!({"alg": "RS256", "kid": "k2"}), &claims(&json!({})));
    for _ in 0..3 {
        assert!(verifier.verify(&old, NOW_MS).await.is_ok());
    }
    assert_eq!(issuer.asked.get(), 1);
    issuer.set(&[jwk(&KEY, "k1"), jwk(&OTHER_KEY, "k2")]);
    let too_soon = verifier.verify(&new, NOW_MS + 9_999).await;
    assert_eq!(too_soon, Err(IdentityError::Refused("signed with an unknown key")));
    assert_eq!(issuer.asked.get(), 1, "a flood of unknown keys asks the issuer no more often");
    assert!(verifier.verify(&new, NOW_MS + 10_000).await.is_ok());
    assert_eq!(issuer.asked.get(), 2);
}

#[tokio::test]
async fn a_key_that_was_taken_back_is_trusted_for_an_hour_at_most() {
    let issuer = Issuer::with(&[jwk(&KEY, "k1")]);
    let verifier = verifier(&issuer);
    let token = token(&json!({"exp": NOW_S + 10_000}));
    assert!(verifier.verify(&token, NOW_MS).await.is_ok());
    issuer.set(&[]);
    assert!(verifier.verify(&token, NOW_MS + 3_599_999).await.is_ok());
    let refused = verifier.verify(&token, NOW_MS + 3_600_000).await;
    assert_eq!(refused, Err(IdentityError::Refused("signed with an unknown key")));
}

#[tokio::test]
async fn an_issuer_that_does_not_answer() {
    let issuer = Issuer::with(&[]);
    issuer.fail();
    let verifier = verifier(&issuer);
    let token = token(&json!({"exp": NOW_S + 10_000}));
    let unavailable = Err(IdentityError::Unavailable("no answer".into()));
    assert_eq!(verifier.verify(&token, NOW_MS).await, unavailable);
    assert_eq!(verifier.verify(&token, NOW_MS + 5_000).await, unavailable);
    assert_eq!(issuer.asked.get(), 1, "not asked again at once");
    issuer.set(&[jwk(&KEY, "k1")]);
    assert!(verifier.verify(&token, NOW_MS + 10_000).await.is_ok());
    issuer.fail();
    assert!(verifier.verify(&token, NOW_MS + 5_000_000).await.is_ok(), "known keys are used on");
    assert_eq!(issuer.asked.get(), 3);
}
