//! Twilio's errors, in its answers and in later statuses: each class is handled as its meaning asks (I6, I9).

use domain::message::DeliveryState;
use e2e::whatsapp::{Hotline, Texter};
use serde_json::{Value, json};
use wire::operators::Command;

use super::whatsapp_kinds::talking;

/// How Twilio lets a reply fail.
enum Fault {
    /// It refuses the call: by this HTTP status, with this code.
    Refused(u16, u32),
    /// It takes the call, and tells of the failure later.
    Later(&'static str, u32),
}

use Fault::{Later, Refused};

/// A fault; the reason that the reply shows; whether the customer counts as unreachable from then on.
const FAILURES: [(Fault, &str, bool); 14] = [
    (Later("failed", 63016), "window_closed", false),
    (Later("failed", 63019), "media_not_fetched", false),
    (Later("failed", 12300), "media_not_fetched", false),
    (Later("failed", 63013), "content_refused", false),
    (Later("failed", 63024), "recipient_unknown", false),
    (Later("undelivered", 63032), "recipient_restricted", false),
    (Later("undelivered", 30_999), "not_delivered", false),
    (Refused(400, 21617), "text_too_long", false),
    (Refused(400, 21608), "trial_account", false),
    (Refused(400, 20_999), "bad_request", false),
    (Refused(403, 20_998), "forbidden", false),
    (Refused(400, 21211), "recipient_unknown", true),
    (Refused(400, 63015), "sandbox_not_joined", true),
    (Refused(400, 21610), "customer_blocked", true),
];

/// Orders a fault for the next reply to a customer.
async fn order(customer: &Texter, fault: &Fault) {
    match fault {
        Refused(status, code) => {
            let fault = json!({"kind": "refused", "code": code, "status": status, "to": customer.id});
            customer.account.order_faults(&with_call(fault)).await;
        }
        Later(status, code) => customer.order_outcome(&json!(["queued", {"status": status, "error_code": code}])).await,
    }
}

/// A fault of the calls that send.
fn with_call(mut fault: Value) -> Value {
    fault["call"] = json!("messages.create");
    fault
}

/// The errors of all calls to a customer, in order; none = it was taken.
async fn tries(customer: &Texter) -> Vec<(i64, Option<u64>)> {
    let calls = customer.calls().await;
    calls.iter().map(|call| (call["time_ms"].as_i64().unwrap_or_default(), call["code"].as_u64())).collect()
}

#[tokio::test]
async fn i9_a_reply_that_fails_says_why_once_and_the_next_one_is_sent() {
    let (_hotline, anna, customer, chat) = talking().await;
    for (at, (fault, reason, unreachable)) in FAILURES.iter().enumerate() {
        order(&customer, fault).await;
        let seq = anna.send(&chat.id, &format!("try {at}")).await[0];
        let shown = anna.delivery(&chat.id, seq, DeliveryState::Failed).await;
        assert_eq!(shown.as_deref(), Some(*reason), "case {at}");
        if *unreachable {
            let name = customer.name();
            let look = |view: &e2e::View| (view.reachable.get(&name) == Some(&false)).then_some(());
            anna.wait(&format!("the customer to be unreachable, case {at}"), look).await;
        }
    }
    assert_eq!(customer.calls().await.len(), FAILURES.len(), "none is sent again by itself");
    // The operator decides: sent again, it arrives, and the customer is reachable.
    let last = 1 + FAILURES.len() as u64;
    anna.must(Command::Resend { chat: chat.id.clone(), seq: last }).await;
    anna.delivery(&chat.id, last, DeliveryState::Delivered).await;
    let name = customer.name();
    anna.wait("the customer to be reachable", |view| (view.reachable.get(&name) == Some(&true)).then_some(())).await;
}

#[tokio::test]
async fn c9_a_refused_account_shows_on_the_channel_until_a_reply_is_taken() {
    let (hotline, anna, customer, chat) = talking().await;
    for (status, code, reason, problem) in
        [(401, 20003, "channel_unauthorized", "token_invalid"), (400, 63007, "sender_unknown", "sender_unknown")]
    {
        order(&customer, &Refused(status, code)).await;
        let seq = anna.send(&chat.id, "hello?").await[0];
        assert_eq!(anna.delivery(&chat.id, seq, DeliveryState::Failed).await.as_deref(), Some(reason));
        hotline.problem_is(Some(problem)).await;
        let seq = anna.send(&chat.id, "hello again").await[0];
        anna.delivery(&chat.id, seq, DeliveryState::Delivered).await;
        hotline.problem_is(None).await;
    }
}

#[tokio::test]
async fn i6_a_429_holds_the_number_and_the_reply_is_sent_once() {
    let (hotline, anna, customer, chat) = talking().await;
    let other = hotline.account.customer();
    other.write("Hello").await;
    let second = other.accepted_by(&anna).await;
    customer.account.order_faults(&with_call(json!({"kind": "rate_limited", "to": customer.id}))).await;
    let held = anna.send(&chat.id, "first").await[0];
    anna.delivery(&chat.id, held, DeliveryState::Delivered).await;
    let waiting = anna.send(&second.id, "second").await[0];
    anna.delivery(&second.id, waiting, DeliveryState::Delivered).await;
    let tries = tries(&customer).await;
    let [(first_ms, Some(20429)), (next_ms, None)] = tries.as_slice() else { panic!("{tries:?}") };
    assert!(next_ms - first_ms >= 4_000, "Twilio does not say for how long: {tries:?}");
    assert_eq!(customer.received_texts(1).await, ["first"]);
}

#[tokio::test]
async fn i6_an_unknown_outcome_is_shown_until_a_status_tells_or_the_operator_decides() {
    let hotline = Hotline::open().await;
    let anna = hotline.operator("Anna").await.come_online().await;
    // A 5xx may have created the message, whoever states it; so may a lost answer.
    let faults = [
        json!({"kind": "server_error", "status": 503, "json": true}),
        json!({"kind": "server_error", "status": 502}),
        json!({"kind": "close_connection", "after_accepting": true}),
        json!({"kind": "timeout_before_accepting"}),
    ];
    let mut open = Vec::new();
    for fault in &faults {
        let customer = hotline.account.customer();
        customer.write("Hello").await;
        let chat = customer.accepted_by(&anna).await;
        let mut fault = with_call(fault.clone());
        fault["to"] = json!(customer.id);
        hotline.account.order_faults(&fault).await;
        // Nobody tells what became of it.
        customer.order_outcome(&json!([])).await;
        let seq = anna.send(&chat.id, "did you get this?").await[0];
        open.push((fault, customer, chat, seq));
    }
    for (fault, customer, chat, seq) in &open {
        let reason = anna.delivery(&chat.id, *seq, DeliveryState::Unknown).await;
        assert_eq!(reason.as_deref(), Some("outcome_unknown"), "{fault}");
        assert_eq!(customer.calls().await.len(), 1, "not tried again by itself: {fault}");
    }
    // Twilio had taken one of them, and tells so in the end.
    let (_, customer, chat, seq) = &open[2];
    let sid = customer.received(1).await[0]["sid"].as_str().expect("an id").to_owned();
    let account = &hotline.account;
    account.simulator.add_statuses(&account.sid, &sid, &json!(["sent", "delivered"])).await.expect("statuses");
    anna.delivery(&chat.id, *seq, DeliveryState::Delivered).await;
    // Of another the operator decides.
    let (_, customer, chat, seq) = &open[0];
    account
        .simulator
        .ask(reqwest::Method::DELETE, &format!("/accounts/{}/outcomes", account.sid), None)
        .await
        .expect("none");
    anna.must(Command::Resend { chat: chat.id.clone(), seq: *seq }).await;
    anna.delivery(&chat.id, *seq, DeliveryState::Delivered).await;
    assert_eq!(customer.received_texts(1).await, ["did you get this?"]);
}
