//! What the smaller fakes record and refuse.

use messengers::call::{Call, Host};
use ports::push::FRAME_BYTES_MAX;
use ports::{
    Clock, Identity, IdentityError, MessengerReply, MessengerTransport, Principal, Push, PushError, QueueError, Queues,
    Random, SecretError, Secrets, TimerError, Timers, Visibility,
};
use serde_json::json;
use wire::queues::{QueueMessage, Wake};
use wire::timers::{Fires, Timer};

use super::*;

fn wake(cause: usize) -> QueueMessage {
    QueueMessage::Wake(Wake { v: 1, queue: "q".parse().unwrap(), cause: cause.to_string() })
}

#[tokio::test]
async fn queues_record_and_count_batches() {
    let queues = FakeQueues::default();
    let messages: Vec<_> = (0..11).map(wake).collect();
    queues.clone().send(&messages).await.unwrap();
    queues.send(&messages[..1]).await.unwrap();
    assert_eq!(queues.requests(), 3);
    assert_eq!(queues.sent().len(), 12);
    assert_eq!(queues.take_distinct(), messages);
    assert_eq!(queues.take(), vec![]);
    let down = QueueError::Unavailable("down".into());
    queues.fail_next(1, &down);
    assert_eq!(queues.send(&messages).await, Err(down));
    assert_eq!(queues.take(), vec![]);
    let visibility = FakeVisibility::default();
    visibility.come_back_in("arn", "handle", 30).await.unwrap();
    assert_eq!(visibility.asked()[0].seconds, 30);
    assert!(visibility.come_back_in("arn", "handle", 43_201).await.is_err());
}

#[tokio::test]
async fn connections_are_there_until_they_are_not() {
    let push = FakePush::default();
    push.post("a", "{\"n\":1}").await.unwrap();
    push.mark_gone("b");
    assert_eq!(push.post("b", "{}").await, Err(PushError::Gone));
    assert!(matches!(push.post("a", &"x".repeat(FRAME_BYTES_MAX + 1)).await, Err(PushError::Failed(_))));
    push.close("a").await.unwrap();
    push.close("a").await.unwrap();
    assert_eq!(push.post("a", "{}").await, Err(PushError::Gone));
    assert_eq!((push.posts(), push.closed()), (4, vec!["a".to_owned()]));
    assert_eq!(push.take(), [("a".to_owned(), json!({"n": 1}))]);
    assert!(push.frames_json("a").is_empty());
}

#[tokio::test]
async fn timers_are_there_until_they_are_due() {
    let timers = FakeTimers::default();
    let timer =
        |at_ms, chat: &str| Timer { at_ms, fires: Fires::AutoClose { chat: chat.parse().unwrap(), operator: None } };
    timers.arm(&timer(2_000, "c.2")).await.unwrap();
    timers.arm(&timer(1_001, "c.1")).await.unwrap();
    timers.arm(&timer(1_002, "c.1")).await.unwrap();
    assert_eq!((timers.armed().len(), timers.requests()), (2, 3));
    assert_eq!(timers.take_due(1_999), vec![]);
    assert_eq!(timers.take_due(2_000), [timer(1_001, "c.1"), timer(2_000, "c.2")]);
    assert!(timers.armed().is_empty());
    let too_long = timer(0, &format!("{}.1", "c".repeat(64)));
    assert!(matches!(timers.arm(&too_long).await, Err(TimerError(_))));
}

#[tokio::test]
async fn a_messenger_answers_as_it_is_told() {
    let messenger = FakeMessenger::default();
    messenger.answer_next(429, &json!({"ok": false}));
    messenger.reply_next(MessengerReply::Unknown("cut".into()));
    let call = Call::json(Host::Telegram, "sendMessage", "sendMessage", json!({}));
    let answered = |status, body: &str| MessengerReply::Answered { status, body: body.as_bytes().to_vec() };
    assert_eq!(messenger.call("t", &call).await, answered(429, "{\"ok\":false}"));
    assert_eq!(messenger.call("t", &call).await, MessengerReply::Unknown("cut".into()));
    assert_eq!(messenger.call("t", &call).await, answered(200, "{\"ok\":true,\"result\":{\"message_id\":1001}}"));
    assert_eq!(messenger.calls().len(), 3);
    assert_eq!(messenger.take_calls()[0], SentCall { token: "t".into(), call });
}

#[tokio::test]
async fn people_and_secrets_are_known() {
    let identity = FakeIdentity::default();
    let (name, groups) = (None, vec![]);
    let ann = Principal { subject: "ann".into(), verified_email: None, name, groups, expires_at_ms: 10 };
    identity.know("token", ann.clone());
    assert_eq!(identity.verify("token", 9).await, Ok(ann));
    assert_eq!(identity.verify("token", 10).await, Err(IdentityError::Refused("expired")));
    assert_eq!(identity.verify("other", 9).await, Err(IdentityError::Refused("unknown token")));
    let secrets = FakeSecrets::default().with_token("ch1", "secret");
    assert_eq!(secrets.channel_token("ch1").await.unwrap().reveal(), "secret");
    secrets.delete_channel_token("ch1").await.unwrap();
    assert_eq!(secrets.channel_token("ch1").await, Err(SecretError::Missing));
    assert_eq!((secrets.token("ch1"), secrets.stack_key().await.is_ok()), (None, true));
}

#[test]
fn time_and_chance_are_the_tests_own() {
    let clock = FakeClock::at(5);
    clock.clone().advance(2);
    assert_eq!(clock.now_ms(), 7);
    let fill = |random: &FakeRandom| {
        let mut bytes = [0; 12];
        random.fill(&mut bytes);
        bytes
    };
    let random = FakeRandom::default();
    let first = fill(&random);
    assert_eq!(first, fill(&FakeRandom::default()), "the same in every run");
    assert_ne!(first, fill(&random));
    assert_ne!(first, fill(&FakeRandom::seeded(1)));
}
