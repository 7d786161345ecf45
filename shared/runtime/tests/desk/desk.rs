//! The desk: decisions are committed, then their hints passed on.

use domain::availability::Line;
use domain::chat::Stand;
use domain::decision::{Decision, News, Tell};
use domain::operator::Status;
use domain::{Refusal, routing};
use fakes::world::{CONNECTION_MS, CROWD, SALES, STAFF, id};
use fakes::{FakeClock, FakePush, FakeQueues, FakeTimers, FaultTime, MemoryStore, World};
use ports::{PushError, StoreError, records};
use runtime::desk::{Case, DECISIONS_MAX};
use runtime::{Desk, Fault};
use wire::queues::{Delayed, QueueMessage};

fn desk(world: &World) -> Desk<MemoryStore, FakeQueues, FakeTimers, FakePush, FakeClock> {
    let w = world.clone();
    Desk::new(w.store, w.queues, w.timers, w.push, w.clock)
}

fn woken(world: &World) -> Vec<String> {
    let queue = |message: QueueMessage| match message {
        QueueMessage::Wake(wake) => Some(wake.queue.to_string()),
        _ => None,
    };
    world.queues.take().into_iter().filter_map(queue).collect()
}

#[tokio::test]
async fn nothing_to_do_costs_nothing() {
    let world = World::new();
    world.reset();
    desk(&world).carry_out(&Decision::nothing()).await.unwrap();
    assert_eq!(world.store.counts(), fakes::Counts::default());
}

#[tokio::test]
async fn a_decision_that_came_second_is_made_anew_and_only_so_often() {
    let world = World::new();
    let anna = world.operator("anna");
    let chat = world.offered("c1", &anna);
    for (rivals, done) in [(DECISIONS_MAX, false), (DECISIONS_MAX - 1, true)] {
        for _ in 0..rivals {
            let (rival, who) = (world.clone(), anna.clone());
            world.store.before_next_commit(move |_| rival.change_operator(&who, |operator| operator.name.push('!')));
        }
        let mut decided = 0;
        let desk = desk(&world);
        let outcome = desk
            .decide(async || {
                decided += 1;
                let Case { chat, target, .. } = desk.case(&chat, Some(&anna)).await?.expect("it is there");
                Ok(routing::withdraw(&chat, &target.expect("it is on offer"), None, world.now_ms()))
            })
            .await;
        assert_eq!((outcome.is_ok(), decided), (done, DECISIONS_MAX));
        assert_eq!(world.chat(&chat).route.stand == Stand::Waiting, done);
    }
    world.check();
}

#[tokio::test]
async fn a_commit_that_may_have_happened_is_not_repeated_here() {
    let world = World::new();
    let anna = world.operator("anna");
    world.offered("c1", &anna);
    world.change_operator(&anna, |operator| operator.status = Status::Inactive);
    world.store.fail_next_commits(1, FaultTime::After, &StoreError::Unavailable("lost".to_owned()));
    let outcome = desk(&world).withdraw_all(&anna).await;
    assert_eq!(outcome.unwrap_err().code(), "try_again");
    world.check();
    assert_eq!(world.person(&anna).load(), 0);
    desk(&world).withdraw_all(&anna).await.unwrap();
}

#[test]
fn faults_have_a_code_and_a_text_that_tells_no_cause() {
    let secret = "table xyz is on fire";
    for (fault, code) in [
        (Fault::Refused(Refusal::AtLimit), "at_limit"),
        (Fault::Store(StoreError::Unavailable(secret.to_owned())), "try_again"),
        (Fault::Store(StoreError::Conflict), "try_again"),
        (Fault::Store(StoreError::Refused(secret.to_owned())), "internal"),
        (Fault::Queue(ports::QueueError::Refused(secret.to_owned())), "try_again"),
        (Fault::Files(ports::FileError::Unavailable(secret.to_owned())), "try_again"),
        (Fault::Files(ports::FileError::Changed), "try_again"),
    ] {
        assert_eq!(fault.code(), code);
        assert!(!fault.text().contains("xyz") && !fault.text().is_empty());
    }
}

#[tokio::test]
async fn a_windows_frames_keep_their_order_and_a_failure_keeps_nothing_from_others() {
    let world = World::new();
    let anna = world.operator("anna");
    world.connect(&anna, "anna-2");
    let chat = world.offered("c1", &anna);
    let operator = world.person(&anna);
    let tell = |news| Tell { operator: operator.clone(), news };
    let tells = [tell(News::Offered(world.chat(&chat))), tell(News::Myself)];
    world.push.fail_next(1, &PushError::Failed("slow".to_owned()));
    desk(&world).tell(&tells).await;
    let kinds = |connection: &str| -> Vec<String> {
        world.push.frames_json(connection).iter().map(|frame| frame["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds("anna-1"), ["operator"], "the first one was lost");
    assert_eq!(kinds("anna-2"), ["offer", "operator"]);
    assert_eq!(world.person(&anna).connections.len(), 2, "a failure is no sign of absence");
}

#[tokio::test]
async fn a_window_that_is_gone_or_may_no_longer_be_used_is_forgotten() {
    let world = World::new();
    let anna = world.operator("anna");
    world.clock.advance(CONNECTION_MS - 1);
    world.connect(&anna, "anna-2");
    world.clock.advance(1);
    world.connect(&anna, "anna-3");
    // Said hello a moment ago, as far as the teller knows; the first one's time is over by now.
    let operator = domain::operator::Operator {
        connections: [("anna-1", 0), ("anna-2", i64::MAX), ("anna-3", i64::MAX)]
            .map(|(name, until)| (name.to_owned(), until))
            .into(),
        ..world.person(&anna)
    };
    world.push.mark_gone("anna-2");
    desk(&world).tell(&[Tell { operator, news: News::Myself }]).await;
    assert_eq!(world.person(&anna).connections.keys().collect::<Vec<_>>(), ["anna-3"]);
    assert!(world.push.frames("anna-1").is_empty());
    world.check();
}

#[tokio::test]
async fn the_last_window_starts_the_grace_and_has_somebody_look_after_it() {
    let world = World::new();
    let anna = world.operator("anna");
    world.connect(&anna, "anna-2");
    let desk = desk(&world);
    assert_eq!(desk.disconnect(&anna, "anna-1").await.unwrap().unwrap().connections.len(), 1);
    assert!(world.queues.take().is_empty());
    assert!(desk.disconnect(&anna, "anna-2").await.unwrap().unwrap().connections.is_empty());
    let absent = Delayed::Absent { operator: anna.clone() };
    assert_eq!(world.queues.take(), [QueueMessage::Delayed { delay_s: 31, what: absent }]);
    assert_eq!(desk.disconnect(&anna, "anna-2").await.unwrap(), None, "it was not there");
    assert!(world.store.row(&records::connection_key(&anna, "anna-2")).is_none());
    world.check();
}

#[tokio::test]
async fn q7_whoever_has_room_wakes_the_queues_in_which_somebody_waits() {
    let world = World::new();
    let anna = world.operator("anna");
    world.waiting("c1", CROWD);
    let desk = desk(&world);
    desk.look_for_work(&[world.person(&anna)]).await;
    assert_eq!(woken(&world), [CROWD]);
    // A look that fails is taken for a yes: a pass too many does no harm.
    world.store.fail_next_reads(2, &StoreError::Throttled);
    desk.look_for_work(&[world.person(&anna)]).await;
    assert_eq!(woken(&world).len(), 2);
    world.change_operator(&anna, |operator| operator.status = Status::Inactive);
    desk.look_for_work(&[world.person(&anna)]).await;
    assert!(woken(&world).is_empty());
}

#[tokio::test]
async fn a_case_is_one_read_where_its_party_is_known_and_two_where_not() {
    let world = World::new();
    let (anna, ben) = (world.operator("anna"), world.operator("ben"));
    let chat = world.in_work("c1", SALES, &anna);
    let desk = desk(&world);
    for (likely, reads) in [(Some(&anna), 1), (Some(&ben), 2), (None, 2)] {
        world.reset();
        let case = desk.case(&chat, likely).await.unwrap().unwrap();
        assert_eq!((case.operator.map(|operator| operator.id), case.target), (Some(anna.clone()), None));
        assert_eq!(world.store.counts().gets, reads);
    }
    world.hands_over(&chat, &anna, &ben);
    let case = desk.case(&chat, Some(&anna)).await.unwrap().unwrap();
    assert_eq!(case.target.map(|operator| operator.id), Some(ben));
    assert!(desk.case(&id("nobody.1"), None).await.unwrap().is_none());
}

#[tokio::test]
async fn candidates_are_the_first_of_each_role_and_whom_the_queue_names() {
    let world = World::new();
    for n in 0..60 {
        world.operator(&format!("op{n:02}"));
    }
    let named = world.operator("named");
    world.change_operator(&named, |operator| operator.roles.clear());
    let own = world.operator("own");
    world.change_operator(&own, |operator| operator.own_limit = Some(9));
    world.configure_queue(SALES, |queue| queue.users = vec![named, id("nobody")]);
    let (desk, config) = (desk(&world), world.config());
    world.reset();
    let found = desk.candidates(&config.queues[&id(SALES)]).await.unwrap();
    assert_eq!(found.len(), routing::CANDIDATES_PAGE as usize + 2);
    assert_eq!((world.store.counts().queries, world.store.counts().gets), (2, 1));
    let everybody = desk.audience(&config.queues[&id(SALES)]).await.unwrap();
    assert_eq!(everybody.len(), 62);
    let own_line = records::order_of_the_free(&world.store, &id(STAFF), Line::Own).await.unwrap();
    assert_eq!(own_line.len(), 1);
}
