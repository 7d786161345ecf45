//! Logs: JSON lines on standard output, few of them, and never a customer's words or a secret.
//!
//! A metric is a log line with the target `metric`: CloudWatch metric filters count it by name, so that counting costs no call.

use tracing_subscriber::EnvFilter;

/// Starts logging; `RUST_LOG` says how much, `info` if it says nothing.
pub fn start() {
    let filter = EnvFilter::try_new(crate::config::find("RUST_LOG").unwrap_or_else(|| "info".to_owned()))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    // A second start (tests in one process) keeps the first.
    let _ = tracing_subscriber::fmt().json().with_env_filter(filter).without_time().with_current_span(false).try_init();
}

/// Counts something once under a stable name.
pub fn count(name: &'static str, why: &str) {
    tracing::info!(target: "metric", metric = name, why, count = 1);
}
