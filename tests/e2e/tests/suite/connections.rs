//! Signing in and connecting (DESIGN, security): tokens, tickets, connections.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::config::{Rule, User};
use domain::operator::CONNECTIONS_MAX;
use e2e::person::open;
use e2e::{Api, World};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use wire::http::UserChange;
use wire::operators::Command;

use super::{staffed, talking};

#[tokio::test]
async fn a_ticket_opens_one_connection_and_a_forged_one_none() {
    let (_world, anna, _) = staffed(Rule::MostFree).await;
    let origin = anna.stack.origin.clone();
    let ticket = anna.ticket().await;
    assert_eq!(ticket.len(), 43);
    // At once: exactly one of five gets in.
    let opened = join_all((0..5).map(|_| open(&anna.stack, &ticket, origin.as_deref()))).await;
    assert_eq!(opened.iter().filter(|one| one.is_ok()).count(), 1);
    assert!(opened.iter().all(|one| one.as_ref().err().is_none_or(|error| error.status == Some(403))));
    let again = open(&anna.stack, &ticket, origin.as_deref()).await;
    assert_eq!(again.err().and_then(|error| error.status), Some(403));
    for forged in ["x".repeat(43), "x".to_owned(), anna.ticket().await[1..].to_owned()] {
        let refused = open(&anna.stack, &forged, origin.as_deref()).await;
        assert_eq!(refused.err().and_then(|error| error.status), Some(403), "{forged}");
    }
    let nothing = open(&anna.stack, "", origin.as_deref()).await;
    assert!(nothing.is_err_and(|error| matches!(error.status, Some(401 | 403))));
    // From a page elsewhere: refused, and the ticket is not used up by that.
    let ticket = anna.ticket().await;
    let elsewhere = open(&anna.stack, &ticket, Some("https://evil.example")).await;
    assert_eq!(elsewhere.err().and_then(|error| error.status), Some(403));
    assert!(open(&anna.stack, &ticket, origin.as_deref()).await.is_ok());
}

#[tokio::test]
async fn an_operator_has_five_connections_at_most() {
    let (_world, anna, first) = staffed(Rule::MostFree).await;
    let mut windows = vec![first];
    while windows.len() < CONNECTIONS_MAX {
        windows.push(anna.connect().await);
    }
    let sixth = anna.knock().await;
    assert_eq!(sixth.refused(Command::Hello {}).await, "too_many_connections");
    // Without a hello it counts for nothing, and may do nothing that needs one.
    let status = domain::operator::Status::Active;
    assert_eq!(sixth.refused(Command::Status { status }).await, "not_connected");
    assert_eq!(sixth.refused(Command::Ping {}).await, "not_connected");
    windows.pop().expect("five").leave().await;
    let hello = async || sixth.ask(Command::Hello {}).await.ok.then_some(());
    e2e::eventually("room for another connection", e2e::SOON, hello).await;
    // All of them hear of what happens.
    windows[0].set_status(domain::operator::Status::Inactive).await;
    for window in windows.iter().chain([&sixth]) {
        let inactive = domain::operator::Status::Inactive;
        window.wait("the status", |view| view.me.as_ref().filter(|me| me.status == inactive).map(|_| ())).await;
    }
}

/// A token with other claims, or another algorithm, and the signature of the first.
fn tampered(token: &str, header: Option<&str>, claims: impl FnOnce(&mut serde_json::Value)) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let decoded = URL_SAFE_NO_PAD.decode(parts[1]).expect("base64url");
    let mut payload = serde_json::from_slice(&decoded).expect("claims");
    claims(&mut payload);
    let header = header.map_or_else(|| parts[0].to_owned(), |header| URL_SAFE_NO_PAD.encode(header));
    format!("{header}.{}.{}", URL_SAFE_NO_PAD.encode(payload.to_string()), parts[2])
}

#[tokio::test]
async fn only_a_valid_id_token_of_the_issuer_is_accepted() {
    let world = World::open(Rule::MostFree).await;
    let who = world.new_sign_in("Anna", &["CanManageChats"]).await;
    let tokens = world.aws.sign_in(&who).await;
    let id_token = tokens["IdToken"].as_str().expect("an ID token").to_owned();
    let status = async |token: Option<String>| {
        let api = Api::new(&world.stack.api_url, &world.http, token);
        let reply = api.call(Method::GET, "/api/queues", None, None).await;
        (reply.status, reply.code())
    };
    assert_eq!(status(Some(id_token.clone())).await.0, 200);
    let access = tokens["AccessToken"].as_str().expect("an access token").to_owned();
    let past = e2e::now_ms() / 1000 - 60;
    for (what, token) in [
        ("none", None),
        ("no token", Some("x".to_owned())),
        ("an access token", Some(access)),
        ("a changed expiry", Some(tampered(&id_token, None, |claims| claims["exp"] = json!(past)))),
        (
            "other groups",
            Some(tampered(&id_token, None, |claims| claims["cognito:groups"] = json!(["CanManageIdentity"]))),
        ),
        ("no algorithm", Some(tampered(&id_token, Some("{\"alg\":\"none\"}"), |_| ()))),
        ("a cut signature", Some(id_token[..id_token.len() - 8].to_owned())),
    ] {
        assert_eq!(status(token).await, (401, "token_refused".to_owned()), "{what}");
    }
}

#[tokio::test]
async fn only_who_was_let_in_by_a_verified_address_is_an_operator() {
    let world = World::open(Rule::MostFree).await;
    let ground = world.ground();
    let stranger = world.new_sign_in("Stranger", &[]).await;
    let nobody = ground.sign_in(&stranger, "nobody".parse().expect("an id")).await;
    nobody.api.post("/api/ticket", &json!({})).await.assert_refused(403, "not_an_operator");
    // Let in, but by an address that the issuer has not verified (P4).
    let email = format!("{}@e2e.switchboard.local", e2e::unique("unverified"));
    let unverified = world.aws.create_user(&email, "Unverified", &[], false).await;
    let unverified = ground.let_in(&unverified, &[], None).await;
    unverified.api.post("/api/ticket", &json!({})).await.assert_refused(403, "not_an_operator");
}

#[tokio::test]
async fn signing_out_closes_all_windows() {
    let (_world, anna, one) = staffed(Rule::MostFree).await;
    let two = anna.connect().await;
    let reply = anna.api.post("/api/sign-out", &json!({})).await;
    assert_eq!(reply.status, 204, "{}", reply.text);
    one.wait_closed().await;
    two.wait_closed().await;
    // A token that still holds opens a new one.
    anna.connect().await;
}

#[tokio::test]
async fn a_disabled_operator_is_cut_off_and_their_chats_return_to_the_line() {
    let (world, anna, window, customer, chat) = talking().await;
    world.customer(2).write("Hello").await;
    window.offered(&world.customer(2).name()).await;
    let user: User = world.manager.get(&format!("/api/operators/{}", anna.id)).await.read();
    let boris = world.operator("Boris").await.come_online().await;
    let change = UserChange { name: user.name, roles: user.roles, own_limit: user.own_limit, disabled: true };
    let path = format!("/api/operators/{}", anna.id);
    let _: User = world.manager.put(&path, user.version, &change).await.read();
    window.wait_closed().await;
    anna.api.post("/api/ticket", &json!({})).await.assert_refused(403, "operator_disabled");
    let bound = std::time::Duration::from_mins(3);
    for customer in [&customer, &world.customer(2)] {
        let name = customer.name();
        let look = |view: &e2e::View| view.offer_of(&name);
        let (offer, offered) = boris.wait_within("the chats of the one cut off", bound, look).await;
        boris.accept(&offered.id, Some(&offer)).await;
    }
    assert!(boris.view(|view| view.chats.contains_key(&chat.id)));
}
