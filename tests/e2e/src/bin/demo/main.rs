//! The demonstration: a shop that has a bot on Telegram, a page on Messenger and a number on WhatsApp, operators who answer whoever
//! writes, and one conversation on each to begin with.
//!
//! `demo` plays the conversations, prints where everything is, and keeps the operators online until Ctrl-C. `demo --once` ends
//! after them; its exit code says whether it went well.

mod agent;
mod callers;
mod doors;
mod shop;
mod story;

use std::io::Write as _;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use e2e::Stack;
use e2e::world::Ground;
use futures_util::FutureExt as _;

const USAGE: &str = "usage: demo [--once]      SWITCHBOARD_STACK names the description of a running stack";

/// Prints a line with the time (UTC) and whom or what it is about.
pub(crate) fn say(who: &str, text: &str) {
    let time = jiff::Timestamp::now().strftime("%H:%M:%S%.3f").to_string();
    print(&format!("{time}  {who:<14} {text}"));
}

/// Prints a line at once, also into a pipe.
pub(crate) fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nothing is left to tell if standard output is closed.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn complain(line: &str) {
    // As above.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let once = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--once"] => true,
        _ => {
            complain(USAGE);
            return ExitCode::from(2);
        }
    };
    // The harness asserts; to whoever watches the demonstration the reason alone is of interest.
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.payload_as_str().unwrap_or("something is wrong");
        complain(&format!("demo: {text}"));
    }));
    let stack = match Stack::read() {
        Ok(stack) => stack,
        Err(problem) => {
            complain(&format!("demo: {problem}"));
            return ExitCode::FAILURE;
        }
    };
    // Operators work side by side on this one thread.
    let local = tokio::task::LocalSet::new();
    match local.run_until(AssertUnwindSafe(Box::pin(run(stack, once))).catch_unwind()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

async fn run(stack: Stack, once: bool) {
    let ground = Ground::of(stack).await;
    let shop = shop::open(&ground).await;
    let mut agents = agent::bring_online(&ground, &shop).await;
    story::play(&shop.doors).await;
    if once {
        return;
    }
    print(&shop.addresses(&ground.stack));
    let ended = tokio::select! {
        ended = agents.join_next() => ended.is_some(),
        _ = tokio::signal::ctrl_c() => false,
    };
    assert!(!ended, "an operator could not be kept online");
    print("\nthe demonstration has ended; `make down` stops the system");
}
