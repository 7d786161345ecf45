//! For how long a customer may be written to (C5, C7).

use domain::chat::Chat;
use domain::message::DeliveryState;
use domain::window::{WINDOW_MS, is_closed, reply_until_ms};
use domain::{Provider, Refusal, reply};

use crate::support::{SECOND, START, agent, id, in_work};

fn chat(provider: Provider, last_in_at_ms: Option<i64>) -> Chat {
    let mut chat = Chat { provider, ..in_work("c.1", "ann") };
    chat.thread.last_in_at_ms = last_in_at_ms;
    chat
}

#[test]
fn c5_c7_the_window_ends_a_day_after_the_customers_last_words() {
    for (provider, last_in, until) in [
        (Provider::Telegram, Some(START), None),
        (Provider::Messenger, Some(START + SECOND), Some(START + SECOND + WINDOW_MS)),
        (Provider::Whatsapp, Some(START + SECOND), Some(START + SECOND + WINDOW_MS)),
        // A chat that a bot handed over without a word of the customer's counts from its opening.
        (Provider::Messenger, None, Some(START + WINDOW_MS)),
    ] {
        let chat = chat(provider, last_in);
        assert_eq!(reply_until_ms(&chat), until, "{provider:?} {last_in:?}");
        if let Some(until) = until {
            assert!(!is_closed(&chat, until - 1));
            assert!(is_closed(&chat, until));
        }
    }
    assert_eq!(WINDOW_MS, 86_400_000);
}

#[test]
fn c5_c7_nothing_is_accepted_or_sent_again_after_it() {
    let ann = agent("ann");
    let chat = chat(Provider::Whatsapp, Some(START));
    let say = |now_ms| reply::reply(&chat, &ann, true, &["hello".to_owned()], "r1", now_ms);
    let accepted = say(START + WINDOW_MS - 1).expect("the window is open");
    assert_eq!(say(START + WINDOW_MS), Err(Refusal::WindowClosed));
    let message = accepted.decision.writes.iter().find_map(|write| match write {
        domain::decision::Write::NewMessage(message) => Some(message.clone()),
        _ => None,
    });
    let mut message = message.expect("a message");
    message.delivery.as_mut().expect("a reply").state = DeliveryState::Failed;
    let again = |now_ms| reply::resend(&chat, &message, &ann, true, now_ms).err();
    assert_eq!((again(START + WINDOW_MS - 1), again(START + WINDOW_MS)), (None, Some(Refusal::WindowClosed)));
    assert_eq!(id::<domain::ChatId>("c.1"), chat.id);
}
