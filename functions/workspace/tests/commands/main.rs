//! The commands of the operators' workspace, through the real rows.

mod files;
mod handing;
mod reading;
mod sync;
mod talking;

use domain::OperatorId;
use fakes::world::frame;
use fakes::{FakeClock, FakeFiles, FakePush, FakeQueues, FakeRandom, FakeTimers, MemoryStore, World};
use runtime::Desk;
use serde_json::Value;
use workspace::Workspace;

type Function = Workspace<MemoryStore, FakeQueues, FakeTimers, FakePush, FakeClock, FakeFiles, FakeRandom>;

fn function(world: &World) -> Function {
    let w = world.clone();
    let desk = Desk::new(w.store, w.queues, w.timers, w.push, w.clock);
    Workspace { desk, files: w.files, random: w.random }
}

/// Has the operator send a command by their first window; says how it was answered: `ok` or an error code.
async fn command(world: &World, operator: &OperatorId, request: &str, command: Value) -> String {
    function(world).frame(&frame(operator, request, command)).await;
    world.check();
    world.outcome(&format!("{operator}-1"), request)
}

/// The result of a command that was carried out.
async fn result(world: &World, operator: &OperatorId, request: &str, wanted: Value) -> Value {
    assert_eq!(command(world, operator, request, wanted).await, "ok");
    world.answer(&format!("{operator}-1"), request).result.expect("it asked for something")
}
