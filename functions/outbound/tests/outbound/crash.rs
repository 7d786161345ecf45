//! The function dies, or is failed, at every call that it makes: the customer gets a reply at most once, and the reply
//! reaches an end (I6).

use std::panic::AssertUnwindSafe;

use domain::message::DeliveryState::{Failed, Sent, Unknown};
use futures_util::FutureExt;
use outbound::{Ports, Sender};
use ports::MessengerReply;
use serde_json::json;
use wire::queues::Outbound;

use crate::support::World;
use crate::trip::{On, Trip, Wire};

const CHAT: &str = "c0ffee";
/// How often a hint is delivered before it counts as stuck; a queue does so more often.
const DELIVERIES_MAX: u32 = 40;

/// What the messenger says, in order, before it takes whatever comes.
#[derive(Clone, Debug)]
struct Script {
    replies: Vec<MessengerReply>,
    /// How many of these say that nothing was processed.
    not_processed: usize,
}

fn answered(status: u16, said: &str, parameters: &serde_json::Value) -> MessengerReply {
    let body = json!({ "ok": false, "error_code": status, "description": said, "parameters": parameters });
    MessengerReply::Answered { status, body: body.to_string().into_bytes() }
}

fn scripts() -> Vec<Script> {
    let flood = answered(429, "Too Many Requests", &json!({ "retry_after": 3 }));
    let broken = answered(500, "Internal Server Error", &json!(null));
    let moved = answered(400, "Bad Request: upgraded", &json!({ "migrate_to_chat_id": -100 }));
    let blocked = answered(403, "Forbidden: bot was blocked by the user", &json!(null));
    let timed_out = MessengerReply::Unknown("timed out".into());
    let not_sent = MessengerReply::NotSent("no route".into());
    let script = |replies: &[&MessengerReply], not_processed| Script {
        replies: replies.iter().map(|reply| (*reply).clone()).collect(),
        not_processed,
    };
    vec![
        script(&[], 0),
        script(&[&flood], 1),
        script(&[&broken, &broken], 2),
        script(&[&moved], 1),
        script(&[&not_sent], 1),
        script(&[&timed_out], 0),
        script(&[&blocked], 1),
        script(&[&flood, &timed_out], 1),
    ]
}

/// Delivers the hint until it is done with; each delivery is another process, and the wire trips in one of them.
async fn deliver_until_done(world: &World, hint: &Outbound, wire: &Wire) {
    for _ in 0..DELIVERIES_MAX {
        let on = |wire: &Wire| wire.clone();
        let sender = Sender::new(Ports {
            store: On(world.store.clone(), on(wire)),
            queues: On(world.queues.clone(), on(wire)),
            visibility: On(world.visibility.clone(), on(wire)),
            push: On(world.push.clone(), on(wire)),
            messenger: On(world.messenger.clone(), on(wire)),
            secrets: On(world.secrets.clone(), on(wire)),
            files: world.files.clone(),
            public_url: String::new(),
            clock: world.clock.clone(),
        });
        let delivery = AssertUnwindSafe(world.deliver_to(&sender, hint)).catch_unwind().await;
        match delivery {
            Ok(Ok(())) => return,
            Ok(Err(seconds)) => world.clock.advance(i64::from(seconds) * 1000),
            Err(_) => world.clock.advance(60_000),
        }
    }
    panic!("the hint is stuck: {:?}", world.state(CHAT, 2));
}

/// Returns whether the wire was long enough to trip.
async fn check(script: &Script, call: u32, trip: Trip) -> bool {
    let world = World::new();
    let hint = world.say(CHAT, &["hello"]).remove(0);
    for reply in &script.replies {
        world.messenger.reply_next(reply.clone());
    }
    let wire = Wire::at(call, trip);
    deliver_until_done(&world, &hint, &wire).await;
    let story = format!("{script:?}, call {call} {trip:?}: {:?} after {:?}", world.state(CHAT, 2), world.texts());
    let (state, reason) = world.state(CHAT, 2);
    assert!(matches!(state, Sent | Failed | Unknown), "{story}");
    assert_eq!(state == Sent, reason.is_none(), "{story}");
    let calls = world.messenger.calls().len();
    assert!(calls <= script.not_processed + 1, "sent twice: {story}");
    assert!(state != Sent || calls > 0, "nothing was sent: {story}");
    // Whoever looks again finds nothing to do.
    assert_eq!(world.deliver(&hint).await, Ok(()), "{story}");
    assert_eq!((world.state(CHAT, 2).0, world.messenger.calls().len()), (state, calls), "{story}");
    wire.has_tripped()
}

#[tokio::test(start_paused = true)]
async fn i6_wherever_the_function_stops_a_reply_is_sent_at_most_once_and_reaches_its_end() {
    for script in scripts() {
        for trip in Trip::ALL {
            let mut call = 1;
            while check(&script, call, trip).await {
                call += 1;
                assert!(call < 100, "it never stops calling");
            }
            assert!(call > 6, "a reply makes at least six calls; {call} were tried");
        }
    }
}
