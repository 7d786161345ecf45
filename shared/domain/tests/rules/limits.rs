//! The limits that the requirements or other systems name, as values: a slip in one breaks no rule's logic.

use domain::config::{
    ACCEPT_TIMEOUT_MIN_DEFAULT, ACCEPT_TIMEOUT_MIN_MAX, AUTO_CLOSE_MIN_MAX, Channel, LIMIT_MAX,
    SIMULTANEOUS_CHATS_DEFAULT,
};
use domain::delivery::{HAND_OVER_MS_MAX, HOLD_MS_MAX, REPLY_AGE_MS_MAX};
use domain::operator::{ABSENCE_GRACE_MS, CONNECTION_SILENCE_MS};
use domain::stay::ABSENCE_LOOK_MS_MAX;
use domain::{Provider, QueueId};

use crate::support::{MINUTE, SECOND, SUPPORT, id};

#[test]
fn limits_are_what_is_written_of_them() {
    let table = [
        ("Q5 accept timeout, minutes", i64::from(ACCEPT_TIMEOUT_MIN_DEFAULT), 5),
        ("Q5 longest accept timeout, minutes: a day", i64::from(ACCEPT_TIMEOUT_MIN_MAX), 1_440),
        ("L2 longest time to close, minutes: 60 days", i64::from(AUTO_CLOSE_MIN_MAX), 86_400),
        ("Q8 chats at once", i64::from(SIMULTANEOUS_CHATS_DEFAULT), 5),
        ("Q8 chats at once, at most", i64::from(LIMIT_MAX), 50),
        ("Q10 grace of a lost connection", ABSENCE_GRACE_MS, 30 * SECOND),
        ("Q10 silence of a connection: more than two pings", CONNECTION_SILENCE_MS, 5 * MINUTE),
        ("Q10 the longest between two looks at an absence", ABSENCE_LOOK_MS_MAX, 10 * MINUTE),
        ("decision 10 age of a reply", REPLY_AGE_MS_MAX, 60 * MINUTE),
        ("decision 10 a hand-over", HAND_OVER_MS_MAX, 30 * SECOND),
        ("decision 10 longest hold of our own", HOLD_MS_MAX, 5 * MINUTE),
    ];
    for (what, limit, expect) in table {
        assert_eq!(limit, expect, "{what}");
    }
}

#[test]
fn c1_a_channel_serves_its_queue_while_it_is_active() {
    let serving = |active: bool, queue: Option<QueueId>| {
        let channel = Channel {
            id: id("bot"),
            provider: Provider::Telegram,
            name: "Shop".to_owned(),
            active,
            queue,
            language: None,
            account: "7".to_owned(),
            account_name: None,
            problem: None,
            version: 1,
        };
        channel.serving().cloned()
    };
    assert_eq!(serving(true, Some(id(SUPPORT))), Some(id(SUPPORT)));
    assert_eq!(serving(true, None), None);
    assert_eq!(serving(false, Some(id(SUPPORT))), None);
}
