//! The loop over a batch (decision 6).

use std::cell::RefCell;

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use domain::OperatorId;
use fakes::world::{id, inbound, parked, sqs};
use fakes::{FakeQueues, FakeVisibility};
use ports::{QueueError, StoreError};
use runtime::batch::{PANICS_MAX, Parking, Verdict, handle};
use wire::queues::{Delayed, QueueMessage, QueueName};

/// A batch of FIFO messages of these conversations.
fn fifo(conversations: &[&str]) -> SqsEvent {
    let message = |(n, name): (usize, &&str)| QueueMessage::Inbound(inbound(name, "sales", &n.to_string(), "x"));
    sqs(&conversations.iter().enumerate().map(message).collect::<Vec<_>>())
}

#[derive(Default)]
struct Loop {
    queues: FakeQueues,
    visibility: FakeVisibility,
    /// The messages that were handled, by id.
    handled: RefCell<Vec<String>>,
}

impl Loop {
    /// Runs the batch; says which messages were handed back.
    async fn run(&self, event: SqsEvent, verdict: impl Fn(&str) -> Verdict) -> Vec<String> {
        let parking = Parking { queues: &self.queues, of: |_| Some(QueueName::InboundParked) };
        let one = async |message: &SqsMessage| {
            let id = message.message_id.clone().expect("a message of a batch has an id");
            self.handled.borrow_mut().push(id.clone());
            verdict(&id)
        };
        let response = handle(event, &self.visibility, &parking, one).await;
        response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
    }

    /// When messages come back, by receipt handle.
    fn come_back(&self) -> Vec<(String, u32)> {
        self.visibility.asked().into_iter().map(|asked| (asked.receipt_handle, asked.seconds)).collect()
    }
}

#[tokio::test]
async fn a_group_stops_at_a_transient_failure_and_others_go_on() {
    let it = Loop::default();
    let fails = |id: &str| if id == "1" { Verdict::Later(Some(7)) } else { Verdict::Done };
    let back = it.run(fifo(&["a", "b", "a", "b", "a", "b"]), fails).await;
    assert_eq!(back, ["1", "3", "5"], "in their order");
    assert_eq!(*it.handled.borrow(), ["0", "1", "2", "4"], "what follows in the group is not even tried");
    assert_eq!(it.come_back(), [("1".to_owned(), 7)]);
    assert!(it.queues.sent().is_empty());
}

#[tokio::test]
async fn poison_is_parked_with_its_reason_and_its_group_goes_on() {
    let it = Loop::default();
    let event = fifo(&["a", "a", "a"]);
    let body = event.records[1].body.clone().unwrap();
    let back = it.run(event, |id| if id == "1" { Verdict::Park("too_odd") } else { Verdict::Done }).await;
    assert!(back.is_empty());
    assert_eq!(*it.handled.borrow(), ["0", "1", "2"]);
    let parked = parked(&it.queues.sent());
    assert_eq!(parked.len(), 1);
    let parked = &parked[0];
    assert_eq!((&*parked.reason, &*parked.group, &*parked.message_id, &parked.body), ("too_odd", "a", "1", &body));
}

#[tokio::test]
async fn poison_that_cannot_be_parked_comes_back_with_its_group() {
    let it = Loop::default();
    it.queues.fail_next(1, &QueueError::Unavailable("down".to_owned()));
    let back = it.run(fifo(&["a", "a", "b"]), |id| if id == "0" { Verdict::Park("odd") } else { Verdict::Done }).await;
    assert_eq!(back, ["0", "1"], "nothing is lost, and nothing overtakes");
}

#[tokio::test]
async fn a_panic_is_caught_and_parked_after_five_receives() {
    for receives in 1..=PANICS_MAX {
        let it = Loop::default();
        let mut event = fifo(&["a", "a", "b"]);
        event.records[0].attributes.insert("ApproximateReceiveCount".to_owned(), receives.to_string());
        let back = it.run(event, |id| if id == "0" { panic!("a bug") } else { Verdict::Done }).await;
        if receives < PANICS_MAX {
            assert_eq!(back, ["0", "1"]);
            assert!(it.queues.sent().is_empty());
        } else {
            assert!(back.is_empty());
            assert_eq!(parked(&it.queues.sent())[0].reason, "panicked");
            assert_eq!(*it.handled.borrow(), ["0", "1", "2"]);
        }
    }
}

#[tokio::test]
async fn hints_are_never_parked_the_queues_own_redrive_ends_them() {
    let (queues, visibility) = (FakeQueues::default(), FakeVisibility::default());
    let parking = Parking { queues: &queues, of: |_| None };
    let mut event = fifo(&["a"]);
    event.records[0].attributes.insert("ApproximateReceiveCount".to_owned(), "99".to_owned());
    let response = handle(event, &visibility, &parking, async |_: &SqsMessage| panic!("a bug")).await;
    assert_eq!(response.batch_item_failures.len(), 1);
    assert!(queues.sent().is_empty());
}

#[tokio::test]
async fn messages_of_a_standard_queue_fail_each_for_itself() {
    let it = Loop::default();
    let absent = |operator: &str| Delayed::Absent { operator: id::<OperatorId>(operator) };
    let message = |operator| QueueMessage::Delayed { delay_s: 0, what: absent(operator) };
    let event = sqs(&[message("a"), message("b"), message("c")]);
    let back = it.run(event, |id| if id == "1" { Verdict::Later(None) } else { Verdict::Done }).await;
    assert_eq!(back, ["1"]);
    assert_eq!(it.handled.borrow().len(), 3);
    assert!(it.come_back().is_empty(), "the queue's own time-out holds");
}

#[tokio::test]
async fn a_visibility_that_cannot_be_set_changes_nothing() {
    let it = Loop::default();
    it.visibility.fail_next(1, &QueueError::Unavailable("down".to_owned()));
    assert_eq!(it.run(fifo(&["a"]), |_| Verdict::Later(Some(3))).await, ["0"]);
}

#[test]
fn what_may_pass_is_handed_back_and_what_cannot_is_parked() {
    let unavailable = || StoreError::Unavailable(String::new());
    for transient in [StoreError::Conflict, StoreError::Throttled, StoreError::ConditionFailed(vec![0]), unavailable()]
    {
        assert!(matches!(Verdict::from(transient), Verdict::Later(Some(_))));
    }
    assert_eq!(Verdict::from(StoreError::Refused(String::new())), Verdict::Park("store_refused"));
    assert!(matches!(Verdict::from(QueueError::Unavailable(String::new())), Verdict::Later(Some(_))));
    assert_eq!(Verdict::from(QueueError::Refused(String::new())), Verdict::Park("queue_refused"));
}
