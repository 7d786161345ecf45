//! How a reply gets to its messenger: never twice by itself, never silently not (I6, decision 10).

use domain::content::Content;
use domain::delivery::{
    CHANNEL_FAILURES_MAX, HAND_OVER_MS_MAX, HOLD_MS, HOLD_MS_MAX, Outcome, REPLY_AGE_MS_MAX, SWEEP_AFTER_MS, Turn,
    due_at_ms, hold_after, retry_in_ms, settle, turn,
};
use domain::message::{Author, Delivery, DeliveryState, Message};

use crate::support::{MINUTE, SECOND, START, id};

use DeliveryState::{Failed, Queued, Sending, Sent, Unknown};

fn reply(state: DeliveryState, lease_until_ms: Option<i64>) -> Message {
    let author = Author::Operator { id: id("ann"), name: "Ann".to_owned() };
    let mut message = Message::new(id("c.1"), 2, START, author, Content::text("hello"));
    message.delivery = Some(Delivery {
        state,
        queued_at_ms: START,
        attempts: 1,
        lease_until_ms,
        handed_over_at_ms: None,
        reason: None,
    });
    message
}

/// A turn in short: what it stores, or how long it waits.
#[derive(Debug, PartialEq)]
enum Short {
    Done,
    Wait(i64),
    HandOver,
    End(DeliveryState, &'static str),
}

fn shorten(before: &Message, turn: Turn) -> Short {
    let stored = |after: Message| {
        assert_eq!(after.rev, before.rev + 1, "each step is a revision");
        assert_eq!((after.seq, &after.content), (before.seq, &before.content));
        after.delivery.expect("a reply")
    };
    match turn {
        Turn::Done => Short::Done,
        Turn::Wait(ms) => Short::Wait(ms),
        Turn::HandOver(after) => {
            let now = stored(after);
            assert_eq!((now.state, now.attempts), (Sending, before.delivery.as_ref().expect("a reply").attempts + 1));
            Short::HandOver
        }
        Turn::End(after) => {
            let now = stored(after);
            assert_eq!(now.lease_until_ms, None);
            let reason = ["interrupted", "expired"].into_iter().find(|known| Some(*known) == now.reason.as_deref());
            Short::End(now.state, reason.expect("a known reason"))
        }
    }
}

#[test]
fn i6_whose_turn_it_is() {
    let soon = START + SECOND;
    let old = START + REPLY_AGE_MS_MAX;
    // the state, until when somebody is at it, until when the channel is held, now
    let table = [
        ("queued", reply(Queued, None), 0, soon, Short::HandOver),
        ("sent", reply(Sent, None), 0, soon, Short::Done),
        ("failed", reply(Failed, None), 0, soon, Short::Done),
        ("unknown", reply(Unknown, None), 0, soon, Short::Done),
        ("being handed over", reply(Sending, Some(soon + 5)), 0, soon, Short::Wait(5)),
        ("not come back", reply(Sending, Some(soon)), 0, soon, Short::End(Unknown, "interrupted")),
        ("not come back, no lease", reply(Sending, None), 0, soon, Short::End(Unknown, "interrupted")),
        ("the channel is held", reply(Queued, None), soon + 9, soon, Short::Wait(9)),
        ("the hold is over", reply(Queued, None), soon, soon, Short::HandOver),
        ("held beyond its age", reply(Queued, None), i64::MAX, old - 7, Short::Wait(7)),
        ("just young enough", reply(Queued, None), 0, old - 1, Short::HandOver),
        ("too old", reply(Queued, None), 0, old, Short::End(Failed, "expired")),
        ("too old, held", reply(Queued, None), i64::MAX, old, Short::End(Failed, "expired")),
        // What may have arrived is never called expired.
        ("too old, not come back", reply(Sending, Some(soon)), 0, old, Short::End(Unknown, "interrupted")),
    ];
    for (what, message, hold_until_ms, now_ms, expect) in table {
        assert_eq!(shorten(&message, turn(&message, hold_until_ms, now_ms)), expect, "{what}");
    }
    assert_eq!(REPLY_AGE_MS_MAX, 60 * MINUTE, "older than an hour");
}

#[test]
fn i6_what_nobody_sends_has_no_turn() {
    let message = Message { delivery: None, ..reply(Queued, None) };
    assert_eq!(turn(&message, 0, START), Turn::Done);
    assert_eq!(due_at_ms(&message), None);
}

#[test]
fn i6_a_hand_over_is_leased_so_that_a_second_one_waits() {
    let Turn::HandOver(sending) = turn(&reply(Queued, None), 0, START) else { panic!("not handed over") };
    assert_eq!(sending.delivery.as_ref().unwrap().lease_until_ms, Some(START + HAND_OVER_MS_MAX));
    assert_eq!(turn(&sending, 0, START), Turn::Wait(HAND_OVER_MS_MAX));
}

#[test]
fn i6_how_a_hand_over_ends() {
    let sending = reply(Sending, Some(START + SECOND));
    // the outcome, the state, the reason, the provider's id
    let table = [
        (Outcome::Sent(Some("77".to_owned())), Sent, None, Some("77")),
        (Outcome::Sent(None), Sent, None, None),
        (Outcome::NotProcessed, Queued, None, None),
        (Outcome::Failed("blocked".to_owned()), Failed, Some("blocked"), None),
        (Outcome::Unknown("timeout".to_owned()), Unknown, Some("timeout"), None),
    ];
    for (outcome, state, reason, provider_id) in table {
        let after = settle(&sending, &outcome);
        let delivery = after.delivery.as_ref().unwrap();
        assert_eq!((delivery.state, delivery.reason.as_deref()), (state, reason), "{outcome:?}");
        assert_eq!((after.provider_message_id.as_deref(), after.rev), (provider_id, sending.rev + 1), "{outcome:?}");
        assert_eq!(
            (delivery.lease_until_ms, delivery.attempts, delivery.queued_at_ms),
            (None, 1, START),
            "{outcome:?}"
        );
        assert_eq!(delivery.state.is_final(), state != Queued);
    }
}

#[test]
fn decision_10_only_not_processed_is_tried_again_by_itself() {
    let sending = reply(Sending, Some(START + SECOND));
    let again = settle(&sending, &Outcome::NotProcessed);
    assert!(matches!(turn(&again, 0, START + SECOND), Turn::HandOver(_)));
    for outcome in [Outcome::Sent(None), Outcome::Failed("x".to_owned()), Outcome::Unknown("x".to_owned())] {
        assert_eq!(turn(&settle(&sending, &outcome), 0, START + SECOND), Turn::Done, "{outcome:?}");
    }
}

#[test]
fn decision_10_tries_get_further_apart_up_to_a_minute() {
    let waits: Vec<i64> = [0, 1, 2, 3, 6, 7, 8, u32::MAX].map(retry_in_ms).into();
    assert_eq!(waits, [1, 1, 2, 4, 32, 60, 60, 60].map(|seconds| seconds * SECOND));
}

#[test]
fn decision_10_a_channel_is_held_after_five_failures_or_when_the_provider_asks() {
    // failures before, what the provider asks, until when
    let table = [
        (0, None, 0),
        (CHANNEL_FAILURES_MAX - 2, None, 0),
        (CHANNEL_FAILURES_MAX - 1, None, START + HOLD_MS),
        (CHANNEL_FAILURES_MAX, None, START + 2 * HOLD_MS),
        (CHANNEL_FAILURES_MAX + 3, None, START + 16 * HOLD_MS),
        (CHANNEL_FAILURES_MAX + 4, None, START + HOLD_MS_MAX),
        (u32::MAX, None, START + HOLD_MS_MAX),
        (0, Some(3 * SECOND), START + 3 * SECOND),
        // Obeyed whatever it is; a shorter wish does not shorten our own hold.
        (0, Some(60 * MINUTE), START + 60 * MINUTE),
        (u32::MAX, Some(SECOND), START + HOLD_MS_MAX),
    ];
    for (before, asks, until) in table {
        assert_eq!(hold_after(before, asks, START), (before.saturating_add(1), until), "{before} {asks:?}");
    }
    assert_eq!(CHANNEL_FAILURES_MAX, 5);
}

#[test]
fn decision_3_the_sweep_finds_what_is_on_its_way_for_too_long() {
    let table = [
        (reply(Queued, None), Some(START + SWEEP_AFTER_MS)),
        (reply(Sending, Some(START + SECOND)), Some(START + SECOND + SWEEP_AFTER_MS)),
        (reply(Sent, None), None),
        (reply(Failed, None), None),
        (reply(Unknown, None), None),
    ];
    for (message, expect) in table {
        assert_eq!(due_at_ms(&message), expect, "{:?}", message.delivery);
    }
}
