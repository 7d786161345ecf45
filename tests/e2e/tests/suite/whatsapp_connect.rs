//! WhatsApp numbers become channels, and are taken off again (C3, C7, C9).

use domain::settings::TRIES_MAX;
use e2e::whatsapp::{Account, Hotline, SANDBOX_NUMBER, Twilio, number};
use e2e::{SOON, eventually};
use serde_json::{Value, json};
use wire::http::{Confirming, Connected};

/// What Twilio is told beyond the address: to try again (`messengers::whatsapp`).
const RETRIES: &str = "#rc=5&rp=5xx,ct,rt";

/// A code that is not this one.
fn other_than(code: &str) -> String {
    let number: u32 = code.parse().expect("digits");
    format!("{:06}", (number + 1) % 1_000_000)
}

#[tokio::test]
async fn c7_a_number_is_connected_by_the_code_that_it_sends_to_the_confirmation_number() {
    let twilio = Twilio::enter().await;
    let account = twilio.account().await;
    let confirming: Confirming = twilio.begin_with(&account, &json!({"name": "Hotline"})).await.read();
    assert!(!confirming.sandbox && confirming.expires_at_ms > e2e::now_ms(), "{confirming:?}");
    let code = account.code().await;
    // Neither without the code, nor by another, nor by another's confirmation.
    twilio.confirm(&confirming, "").await.assert_refused(422, "code_wrong");
    twilio.confirm(&confirming, &other_than(&code)).await.assert_refused(422, "code_wrong");
    let mut other = confirming.clone();
    other.confirmation.push('x');
    twilio.confirm(&other, &code).await.assert_refused(422, "confirmation_refused");
    assert_eq!(account.receiver().await["callback_url"].as_str().unwrap_or_default(), "", "nothing is set before");
    let connected = twilio.confirm(&confirming, &code).await;
    assert_eq!(connected.status, 201);
    // C9: what was told stays here.
    assert!(!connected.text.contains(&account.token) && !connected.text.contains(&code), "{}", connected.text);
    let connected: Connected = connected.read();
    let channel = &connected.channel;
    assert_eq!((channel.name.as_str(), channel.account.as_str()), ("Hotline", account.number.as_str()));
    assert_eq!((channel.active, &channel.queue, &channel.problem), (false, &None, &None));
    assert_eq!((connected.warnings.as_slice(), connected.receiver_address), ([].as_slice(), None));
    let receiver = account.receiver().await;
    assert_eq!(receiver["callback_url"], confirming.receiver_address);
    let address = confirming.receiver_address.strip_suffix(RETRIES).expect("Twilio is asked to try again");
    assert_eq!(receiver["status_callback_url"], format!("{address}/status"));
    assert_eq!(twilio.ground.health(channel).await["ok"], true);
    // The answer may have been lost: told again, the same.
    let again: Connected = twilio.confirm(&confirming, &code).await.read();
    assert_eq!(again.channel, twilio.ground.channel(channel).await);
    let counters = account.simulator.counters(&account.sid).await.expect("counters");
    assert_eq!(counters["unknown_fields"].as_object().map_or(0, serde_json::Map::len), 0, "{counters}");
}

#[tokio::test]
async fn c7_a_confirmation_bears_so_many_wrong_codes() {
    let twilio = Twilio::enter().await;
    let account = twilio.account().await;
    let confirming: Confirming = twilio.begin(&account).await.read();
    let code = account.code().await;
    for _ in 0..TRIES_MAX {
        twilio.confirm(&confirming, &other_than(&code)).await.assert_refused(422, "code_wrong");
    }
    twilio.confirm(&confirming, &code).await.assert_refused(422, "confirmation_refused");
    // Another one begins afresh, and ends the one before.
    let next: Confirming = twilio.begin(&account).await.read();
    twilio.confirm(&confirming, &code).await.assert_refused(422, "confirmation_refused");
    let connected = twilio.confirm(&next, &account.code().await).await;
    assert_eq!(connected.status, 201, "{}", connected.text);
}

#[tokio::test]
async fn c7_what_cannot_be_connected_is_refused_with_the_reason() {
    let twilio = Twilio::enter().await;
    let account = twilio.account().await;
    for (changes, code) in [
        (json!({"auth_token": "0".repeat(32)}), "token_invalid"),
        (json!({"auth_token": "short"}), "token_invalid"),
        (json!({"account_sid": "AC1"}), "invalid_value"),
        (json!({"account_sid": format!("AC{}", "0".repeat(32))}), "token_invalid"),
        (json!({"phone_number": "12"}), "invalid_value"),
        (json!({"phone_number": number()}), "sender_not_online"),
        (json!({"confirmation_phone_number": "nobody"}), "invalid_value"),
        (json!({"confirmation_phone_number": account.number}), "invalid_value"),
        (json!({"messaging_service_sid": "MG1"}), "invalid_value"),
    ] {
        let refused = twilio.begin_with(&account, &changes).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, code), "{changes}: {}", refused.text);
    }
    account.set_sender_status("OFFLINE").await;
    let refused = twilio.begin(&account).await;
    refused.assert_refused(422, "sender_not_online");
    assert!(refused.error_text().contains("OFFLINE"), "{}", refused.error_text());
    account.set_sender_status("ONLINE").await;
    let set = async |changes: Value| account.simulator.set_account(&account.sid, &changes).await.expect("an account");
    set(json!({"status": "suspended"})).await;
    twilio.begin(&account).await.assert_refused(422, "account_inactive");
    set(json!({"status": "active"})).await;
    account.order_faults(&json!({"kind": "server_error", "call": "*", "count": 9})).await;
    twilio.begin(&account).await.assert_refused(502, "twilio_unavailable");
    assert!(account.customer_of(&account.confirmer).calls().await.is_empty(), "no code was sent");
}

#[tokio::test]
async fn c7_a_code_that_does_not_arrive_is_told_of() {
    let twilio = Twilio::enter().await;
    // Nobody has written to the number within a day: WhatsApp lets it write to nobody.
    let account = twilio.account_of(&number()).await;
    assert_does_not_arrive(&twilio, &account, "confirmation_not_sent").await;
}

/// The code is refused at once or, as Twilio tells it later, as soon as somebody says that none came.
async fn assert_does_not_arrive(twilio: &Twilio, account: &Account, code: &str) {
    let begun = twilio.begin(account).await;
    if begun.status != 202 {
        return begun.assert_refused(422, code);
    }
    let sent = account.customer_of(&account.confirmer).received(1).await;
    account.customer_of(&account.confirmer).status(sent[0]["sid"].as_str().expect("a message"), "failed").await;
    twilio.confirm(&begun.read(), "").await.assert_refused(422, code);
}

#[tokio::test]
async fn c3_a_number_belongs_to_one_channel_and_gets_other_credentials_there() {
    let twilio = Twilio::enter().await;
    let account = twilio.account().await;
    let channel = twilio.connect(&account).await;
    let taken = twilio.begin(&account).await;
    taken.assert_refused(409, "account_taken");
    assert!(taken.error_text().contains(&channel.name), "{}", taken.error_text());
    // Its token is changed at Twilio.
    let mut renewed = account.clone();
    renewed.token = "0123456789abcdef0123456789abcdef".to_owned();
    let change = json!({"auth_token": renewed.token});
    account.simulator.set_account(&account.sid, &change).await.expect("an account");
    let health = twilio.ground.health(&channel).await;
    assert_eq!((&health["ok"], &health["problem"]), (&json!(false), &json!("token_invalid")));
    twilio.reconnect(&channel, &account).await.assert_refused(422, "token_invalid");
    let again = twilio.reconnect(&channel, &renewed).await;
    assert!(again.status == 200 && !again.text.contains(&renewed.token), "{}", again.text);
    assert_eq!(twilio.ground.health(&channel).await["ok"], true);
    // An account that has another number is no account of this channel.
    let stranger = twilio.account_of(&number()).await;
    twilio.reconnect(&channel, &stranger).await.assert_refused(422, "sender_not_online");
}

#[tokio::test]
async fn c3_another_site_s_take_over_shows_and_connecting_again_ends_it() {
    let twilio = Twilio::enter().await;
    let account = twilio.account().await;
    let channel = twilio.connect(&account).await;
    let foreign = json!({"callback_url": "http://127.0.0.1:9/elsewhere"});
    account.simulator.set_receiver(&account.sid, &account.number, &foreign).await.expect("a receiver");
    let health = twilio.ground.health(&channel).await;
    assert_eq!((&health["ok"], &health["problem"]), (&json!(false), &json!("webhook_taken_over")));
    let again: Connected = twilio.reconnect(&channel, &account).await.read();
    assert_eq!(again.warnings, ["webhook_taken_over: 127.0.0.1:9"]);
    assert_eq!(twilio.ground.health(&channel).await["ok"], true);
    account.set_sender_status("OFFLINE").await;
    assert_eq!(twilio.ground.health(&channel).await["problem"], "sender_offline");
}

#[tokio::test]
async fn c3_disconnecting_undoes_the_webhook_and_leaves_another_s_alone() {
    let twilio = Twilio::enter().await;
    let account = twilio.account().await;
    let channel = twilio.connect(&account).await;
    assert_eq!(twilio.ground.disconnect(&channel).await.status, 204);
    assert_eq!(account.receiver().await["callback_url"].as_str().unwrap_or_default(), "");
    twilio.ground.disconnect(&channel).await.assert_refused(404, "not_found");
    // Connected anew, and taken over by another site: that is theirs.
    let confirming: Confirming = twilio.begin(&account).await.read();
    let again: Connected = twilio.confirm(&confirming, &account.code().await).await.read();
    let foreign = json!({"callback_url": "http://127.0.0.1:9/elsewhere"});
    account.simulator.set_receiver(&account.sid, &account.number, &foreign).await.expect("a receiver");
    assert_eq!(twilio.ground.disconnect(&again.channel).await.status, 204);
    assert_eq!(account.receiver().await["callback_url"], foreign["callback_url"]);
}

#[tokio::test]
async fn c2_a_number_with_chats_refuses_deletion_and_says_why() {
    let hotline = Hotline::open().await;
    let anna = hotline.operator("Anna").await.come_online().await;
    let customer = hotline.account.customer();
    customer.write("Hello").await;
    let chat = customer.accepted_by(&anna).await;
    anna.close(&chat.id).await;
    let refused = hotline.twilio.ground.disconnect(&hotline.channel).await;
    refused.assert_refused(409, "channel_has_chats");
    assert!(!refused.error_text().is_empty());
    assert_ne!(hotline.account.receiver().await["callback_url"], "", "the webhook stays");
}

#[tokio::test]
async fn c7_the_sandbox_is_connected_by_who_takes_part_and_its_address_is_pasted_by_hand() {
    let twilio = Twilio::enter().await;
    let mut account = twilio.account_of(&number()).await;
    account.number = SANDBOX_NUMBER.to_owned();
    // What an earlier run on this stack that was broken off may have left: the sandbox is everybody's.
    let path = format!("/api/channels/wa-{}", SANDBOX_NUMBER.trim_start_matches('+'));
    let left = twilio.ground.manager.delete(&path).await;
    assert!(matches!(left.status, 204 | 404), "{}", left.text);
    assert_does_not_arrive(&twilio, &account, "not_a_participant").await;
    account.simulator.join_sandbox(&account.sid, &account.confirmer).await.expect("joined");
    let confirming: Confirming = twilio.begin(&account).await.read();
    assert!(confirming.sandbox, "{confirming:?}");
    let connected: Connected = twilio.confirm(&confirming, &account.code().await).await.read();
    assert_eq!(connected.warnings, ["receiver_by_hand"]);
    assert_eq!(connected.receiver_address.as_deref(), Some(confirming.receiver_address.as_str()));
    let health = twilio.ground.health(&connected.channel).await;
    assert_eq!((&health["ok"], &health["receiver_address"]), (&json!(true), &json!(confirming.receiver_address)));
    // Pasted by hand, what a participant writes comes here: the channel is switched off, so it is taken and dropped (C1).
    let pasted = json!({"callback_url": confirming.receiver_address});
    account.simulator.set_receiver(&account.sid, SANDBOX_NUMBER, &pasted).await.expect("a receiver");
    let participant = account.customer_of(&account.confirmer);
    let texted = participant.write("Hello").await;
    participant.taken(&texted).await;
    let deleted = eventually("the sandbox to be let go", SOON, async || {
        let reply = twilio.ground.disconnect(&connected.channel).await;
        (reply.status == 204).then_some(reply)
    });
    deleted.await;
}
