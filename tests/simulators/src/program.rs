//! A simulator as a program of its own.

use std::error::Error;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

/// What was asked for on the command line.
#[derive(Debug)]
pub struct Arguments {
    /// `--host` (127.0.0.1) and `--port` (0: any free one).
    pub address: SocketAddr,
    /// The options of the simulator itself, `(name, value)`, in order.
    pub others: Vec<(String, String)>,
}

/// Runs a simulator's program: `start` starts it and returns its handle and URL. Prints the URL as one line of JSON,
/// then serves until it is interrupted. What `start` refuses is told together with `usage`.
pub async fn run<H>(
    name: &str,
    usage: &str,
    start: impl AsyncFnOnce(Arguments) -> Result<(H, String), Box<dyn Error>>,
) -> ExitCode {
    match serve(start).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            // Nothing is left to tell if standard error is closed.
            let _ = writeln!(std::io::stderr(), "{name}: {error}{cause}\n\n{usage}");
            ExitCode::FAILURE
        }
    }
}

async fn serve<H>(
    start: impl AsyncFnOnce(Arguments) -> Result<(H, String), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let arguments = read(std::env::args().skip(1))?;
    let (_running, url) = start(arguments).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", serde_json::json!({"url": url}))?;
    out.flush()?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}

fn read(mut arguments: impl Iterator<Item = String>) -> Result<Arguments, Box<dyn Error>> {
    let mut host = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut port = 0;
    let mut others = Vec::new();
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--host" => host = value.parse().map_err(|_| format!("{value} is not an address"))?,
            "--port" => port = value.parse().map_err(|_| format!("{value} is not a port"))?,
            _ => others.push((name, value)),
        }
    }
    Ok(Arguments { address: SocketAddr::new(host, port), others })
}
