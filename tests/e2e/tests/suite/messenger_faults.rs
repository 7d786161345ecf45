//! What Facebook refuses, and what it leaves open: each class is handled as its meaning asks, and shown (C5, I6, decision 10).

use std::time::Duration;

use domain::ChatId;
use domain::message::DeliveryState;
use domain::window::WINDOW_MS;
use e2e::files::Sample;
use e2e::messenger::{Shop, Visitor, message};
use e2e::{SOON, View, Window, eventually};
use serde_json::{Value, json};
use wire::operators::Command;

/// A shop with an operator.
async fn staffed() -> (Shop, Window) {
    let shop = Shop::open().await;
    let (_, anna) = shop.operator("Anna").await;
    (shop, anna)
}

/// A customer who wrote "Hello", and their chat, in the operator's work.
async fn greeted(shop: &Shop, anna: &Window) -> (Visitor, ChatId) {
    let visitor = shop.page.customer();
    visitor.write("Hello").await;
    let chat = visitor.accepted_by(anna).await;
    (visitor, chat.id)
}

/// A row of the table: the faults that a reply meets, one a try.
struct Row {
    faults: Vec<Value>,
    /// How the reply ends, and why.
    ends: DeliveryState,
    reason: Option<&'static str>,
    /// How often it was tried.
    tries: usize,
    /// What the channel says of itself from then on.
    problem: Option<&'static str>,
    /// Whether the customer can be written to, if that is told.
    reachable: Option<bool>,
}

fn refused(fault: Value, reason: &'static str) -> Row {
    let (faults, ends, reason) = (vec![fault], DeliveryState::Failed, Some(reason));
    Row { faults, ends, reason, tries: 1, problem: None, reachable: None }
}

fn channel(fault: Value, reason: &'static str, problem: &'static str) -> Row {
    Row { problem: Some(problem), ..refused(fault, reason) }
}

fn contact(fault: Value, reason: &'static str) -> Row {
    Row { reachable: Some(false), ..refused(fault, reason) }
}

fn tried_again(faults: Vec<Value>) -> Row {
    let tries = faults.len() + 1;
    Row { faults, ends: DeliveryState::Delivered, reason: None, tries, problem: None, reachable: None }
}

fn error(code: u32, subcode: u32) -> Value {
    json!({"kind": "graph_error", "code": code, "subcode": subcode, "message": "(#1) Somehow."})
}

/// Sends replies of one chat through the faults of each row, and compares.
async fn check(rows: &[Row]) {
    let (shop, anna) = staffed().await;
    let (visitor, chat) = greeted(&shop, &anna).await;
    let mut tries = 0;
    for row in rows {
        let met = &row.faults;
        shop.page.order_faults(met).await;
        let seq = anna.send(&chat, "hello?").await[0];
        let reason = anna.delivery(&chat, seq, row.ends).await;
        assert_eq!(reason.as_deref(), row.reason, "{met:?}");
        tries += row.tries;
        let calls = visitor.calls("messages", tries).await;
        assert_eq!(calls.len(), tries, "{met:?}: {calls:#?}");
        // It is noted after the reply, by the same function.
        let look = async || {
            (shop.facebook.ground.channel(&shop.channel).await.problem.as_deref() == row.problem).then_some(())
        };
        eventually(&format!("the channel's problem {:?} after {met:?}", row.problem), SOON, look).await;
        if let Some(reachable) = row.reachable {
            let names = [visitor.name(), visitor.stand_in()];
            let is_told = |view: &View| names.iter().any(|name| view.reachable.get(name) == Some(&reachable));
            anna.wait(&format!("the contact after {met:?}"), |view| is_told(view).then_some(())).await;
        }
        // What is taken again says that channel and customer are well.
        if row.problem.is_some() {
            let seq = anna.send(&chat, "again").await[0];
            anna.delivery(&chat, seq, DeliveryState::Delivered).await;
            tries += 1;
            let look = async || shop.facebook.ground.channel(&shop.channel).await.problem.is_none().then_some(());
            eventually(&format!("no problem some time after {met:?}"), SOON, look).await;
        }
    }
}

#[tokio::test]
async fn i6_what_facebook_refuses_for_good_fails_with_its_reason_and_is_not_tried_again() {
    let kind = |kind: &str| json!({"kind": kind});
    check(&[
        refused(kind("outside_window"), "window_closed"),
        refused(error(100, 2_018_047), "media_refused"),
        refused(error(100, 0), "bad_request"),
        contact(kind("blocked"), "contact_unavailable"),
        contact(error(10, 2_018_108), "contact_unavailable"),
        contact(error(100, 2_018_001), "chat_not_found"),
    ])
    .await;
}

#[tokio::test]
async fn c5_what_facebook_refuses_for_the_whole_page_shows_on_the_channel_until_a_reply_is_taken() {
    let kind = |kind: &str| json!({"kind": kind});
    check(&[
        channel(kind("token_expired"), "channel_unauthorized", "token_invalid"),
        channel(kind("token_revoked"), "channel_unauthorized", "token_invalid"),
        channel(kind("permission_missing"), "permission_missing", "permission_missing"),
        channel(error(10, 1_893_063), "page_restricted", "page_restricted"),
        channel(error(368, 0), "page_blocked", "page_blocked"),
    ])
    .await;
}

#[tokio::test]
async fn i6_what_facebook_cannot_do_for_now_is_tried_again_until_it_is_sent_once() {
    check(&[
        tried_again(vec![json!({"kind": "rate_limited", "code": 613})]),
        tried_again(vec![json!({"kind": "server_error", "json": true}), error(1_200, 0)]),
    ])
    .await;
}

#[tokio::test]
async fn c5_the_window_is_shown_and_what_comes_after_it_is_refused_until_the_customer_writes() {
    let (shop, anna) = staffed().await;
    let visitor = shop.page.customer();
    let before_ms = e2e::now_ms();
    visitor.write("Hello").await;
    let chat = visitor.accepted_by(&anna).await;
    let until_ms = chat.reply_until_ms.expect("Messenger takes replies for a while only");
    assert!((before_ms + WINDOW_MS..=e2e::now_ms() + WINDOW_MS).contains(&until_ms), "{until_ms}");
    let send = |text: &str| Command::Send { chat: chat.id.clone(), text: text.to_owned() };
    shop.facebook.ground.aws.set_last_word(&chat.id, e2e::now_ms() - WINDOW_MS).await;
    visitor.shift_window(Duration::from_hours(25)).await;
    assert_eq!(anna.refused(send("too late")).await, "window_closed");
    assert!(visitor.calls("messages", 0).await.is_empty(), "Facebook was not asked");
    visitor.write("still there?").await;
    message(&anna, &chat.id, "their words", |message| message.content.words() == Some("still there?")).await;
    anna.must(send("in time")).await;
    assert_eq!(visitor.received_texts(1).await, ["in time"]);
    // By Facebook's own clock it may be too late all the same.
    visitor.shift_window(Duration::from_hours(25)).await;
    let seq = anna.send(&chat.id, "by a hair").await[0];
    assert_eq!(anna.delivery(&chat.id, seq, DeliveryState::Failed).await.as_deref(), Some("window_closed"));
    assert_eq!(visitor.calls("messages", 2).await.len(), 2);
}

#[tokio::test]
async fn w4_a_file_that_facebook_cannot_fetch_is_tried_twice() {
    let (shop, anna) = staffed().await;
    for (faults, ends, reason) in
        [(1, DeliveryState::Delivered, None), (2, DeliveryState::Failed, Some("media_refused".to_owned()))]
    {
        let (visitor, chat) = greeted(&shop, &anna).await;
        shop.page.order_faults(&[json!({"kind": "fetch_failed", "count": faults})]).await;
        let seqs = anna.send_sample(&shop.facebook.ground.http, &chat, &Sample::png("roses.png"), None).await;
        assert_eq!(anna.delivery(&chat, seqs[0], ends).await, reason);
        assert_eq!(visitor.calls("messages", 2).await.len(), 2);
        anna.close(&chat).await;
    }
}

#[tokio::test]
async fn i6_a_reply_without_an_answer_is_known_by_its_echo_and_unknown_without_one() {
    let (shop, anna) = staffed().await;
    let cut = json!({"kind": "close_connection", "after_accepting": true});
    let page = json!({"kind": "server_error", "status": 502, "after_accepting": true});
    for (fault, echo) in [(&cut, "before"), (&cut, "after"), (&page, "after"), (&cut, "never"), (&page, "never")] {
        let (visitor, chat) = greeted(&shop, &anna).await;
        let behaviour = json!({"echo": echo, "deliver": false});
        shop.facebook.simulator.set_behaviour(&shop.page.id, &behaviour).await.expect("set");
        shop.page.order_faults(std::slice::from_ref(fault)).await;
        let seq = anna.send(&chat, "did you get this?").await[0];
        if echo == "never" {
            let reason = anna.delivery(&chat, seq, DeliveryState::Unknown).await;
            assert!(reason.is_some(), "it says why");
        } else {
            anna.delivery(&chat, seq, DeliveryState::Sent).await;
        }
        assert_eq!(visitor.received_texts(1).await, ["did you get this?"], "{fault} {echo}");
        assert_eq!(visitor.calls("messages", 1).await.len(), 1, "never sent twice by itself: {fault} {echo}");
        assert_eq!(anna.history(&chat, None, None).await.messages.len(), 2, "{fault} {echo}");
        anna.close(&chat).await;
    }
}
