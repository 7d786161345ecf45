//! The faults: function processes killed without warning, and the consumers of all queues stopped, killed and started.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use e2e::{Stack, eventually};
use tokio::time::sleep;

use crate::cloud::{Cloud, functions};
use crate::ledger::Ledger;
use crate::plan::{KILL_GAP_MS, Plan};
use crate::say;

/// What the environment of a function's process says: whose process it is, and of which local AWS.
const FUNCTION: &str = "AWS_LAMBDA_FUNCTION_NAME=";
const ENDPOINT: &str = "AWS_ENDPOINT_URL=";
/// The consumers stop when this part of all messages has been accepted, and start again after this many more of it.
const STOP_AFTER: (usize, usize) = (1, 2);
const START_AFTER: (usize, usize) = (6, 10);
/// How long customers may take for their part of it.
const PART_MAX: Duration = Duration::from_mins(5);

/// The processes of a stack's functions.
pub(crate) fn processes(stack: &Stack) -> BTreeMap<String, Vec<u32>> {
    let mut found = BTreeMap::<String, Vec<u32>>::new();
    let entries = fs::read_dir("/proc").unwrap_or_else(|error| panic!("processes are found in /proc: {error}"));
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process that has ended meanwhile, or is somebody else's, is none of ours.
        let Ok(environment) = fs::read(entry.path().join("environ")) else { continue };
        let environment = String::from_utf8_lossy(&environment).into_owned();
        let value = |name: &str| environment.split('\0').find_map(|line| line.strip_prefix(name));
        if let (Some(function), true) = (value(FUNCTION), value(ENDPOINT) == Some(&stack.aws_endpoint)) {
            found.entry(function.to_owned()).or_default().push(pid);
        }
    }
    found
}

/// Ends a process as a crash would. Whether there was one to end.
fn kill(pid: u32) -> bool {
    Command::new("kill").args(["-KILL", &pid.to_string()]).status().is_ok_and(|status| status.success())
}

fn strike(ledger: &Ledger, function: &str, pid: u32) {
    if kill(pid) {
        *ledger.kills.borrow_mut().entry(function.to_owned()).or_default() += 1;
    }
}

/// Kills processes one after the other: a function at random, and of it a process at random.
pub(crate) async fn kill_at_random(plan: Plan, stack: Stack, ledger: Rc<Ledger>) {
    let mut dice = plan.dice(1);
    for _ in 0..plan.kills {
        sleep(Duration::from_millis(dice.between(KILL_GAP_MS.0, KILL_GAP_MS.1))).await;
        let running: Vec<_> = processes(&stack).into_iter().collect();
        if let Some((function, pids)) = dice.pick(&running)
            && let Some(pid) = dice.pick(pids)
        {
            strike(&ledger, function, *pid);
        }
    }
}

/// Stops everything that takes from queues, in the middle of its work, while customers write on; then starts it again.
pub(crate) async fn restart_consumers(plan: Plan, stack: Stack, cloud: Cloud, ledger: Rc<Ledger>) {
    let part = |(of, all): (usize, usize)| plan.messages * of / all;
    let until = async |what: &str, count: usize| {
        eventually(what, PART_MAX, async || (ledger.accepted.get() >= count).then_some(())).await;
    };
    until("half of the messages to be accepted", part(STOP_AFTER)).await;
    let mappings = cloud.mappings().await;
    cloud.switch(&mappings, false).await;
    let consumers: BTreeSet<String> = functions(&mappings);
    let mut ended = 0;
    for (function, pids) in processes(&stack) {
        for pid in pids.into_iter().filter(|_| consumers.contains(&function)) {
            strike(&ledger, &function, pid);
            ended += 1;
        }
    }
    say(&format!("consumers stopped: {} mappings, {ended} processes killed", mappings.len()));
    until("messages to be accepted with no consumer", part(START_AFTER)).await;
    cloud.switch(&mappings, true).await;
    say(&format!("consumers started; {} messages accepted so far", ledger.accepted.get()));
}
