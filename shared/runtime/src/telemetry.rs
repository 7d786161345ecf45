//! Logs: JSON lines on standard output, few of them, and never a customer's words or a secret.
//!
//! A metric is a log line with the target `metric`: CloudWatch metric filters count it by name, so that counting costs no call.

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging; `RUST_LOG` says how much (`info`, or `info,router=debug`), `info` if it says nothing that can be read.
pub fn start() {
    // Levels by target only: the full filter language brings a regular-expression engine into every function's zip.
    let wanted = crate::config::find("RUST_LOG").and_then(|text| text.parse::<Targets>().ok());
    let filter = wanted.unwrap_or_else(|| Targets::new().with_default(tracing::Level::INFO));
    let lines = tracing_subscriber::fmt::layer().json().without_time().with_current_span(false);
    // A second start (tests in one process) keeps the first.
    let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
}

/// Counts something once under a stable name.
pub fn count(name: &'static str, why: &str) {
    tracing::info!(target: "metric", metric = name, why, count = 1);
}
