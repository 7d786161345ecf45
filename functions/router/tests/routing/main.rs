//! Passes over the lines, absence and the sweep, through the real rows.

mod absence;
mod line;
mod pass;
mod sweep;

use fakes::world::{id, sqs};
use fakes::{FakeClock, FakePush, FakeQueues, FakeTimers, FakeVisibility, MemoryStore, World};
use router::Router;
use runtime::Desk;
use wire::queues::{Delayed, QueueMessage, VERSION, Wake};

type Function = Router<MemoryStore, FakeQueues, FakeTimers, FakePush, FakeClock, FakeVisibility>;

fn function(world: &World) -> Function {
    let w = world.clone();
    Router { desk: Desk::new(w.store, w.queues, w.timers, w.push, w.clock), visibility: w.visibility }
}

fn wake(queue: &str) -> QueueMessage {
    QueueMessage::Wake(Wake { v: VERSION, queue: id(queue), cause: "test".to_owned() })
}

fn absent(operator: &str) -> QueueMessage {
    QueueMessage::Delayed { delay_s: 0, what: Delayed::Absent { operator: id(operator) } }
}

/// Delivers one message; says whether it was handled.
async fn deliver(world: &World, message: QueueMessage) -> bool {
    let handled = function(world).handle(sqs(&[message])).await.batch_item_failures.is_empty();
    world.check();
    handled
}

/// The queues that were woken at once, each with its cause.
fn wakes(world: &World) -> Vec<(String, String)> {
    let wake = |message: QueueMessage| match message {
        QueueMessage::Wake(wake) => Some((wake.queue.to_string(), wake.cause)),
        _ => None,
    };
    world.queues.take().into_iter().filter_map(wake).collect()
}
