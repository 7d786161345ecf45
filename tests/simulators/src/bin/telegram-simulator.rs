//! The Telegram simulator as a program of its own. Prints its address as one line of JSON, then serves until it is
//! interrupted.

use std::error::Error;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use simulators::telegram::{NewBot, Options, Simulator};

const USAGE: &str = "usage: telegram-simulator [--host ADDRESS] [--port N] [--bot TOKEN[,USERNAME[,NAME]]]...

  --host   address to listen on (127.0.0.1)
  --port   port to listen on (0: any free one)
  --bot    a bot that exists from the start; may be given several times
";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match serve(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            // Nothing is left to tell if standard error is closed.
            let _ = writeln!(std::io::stderr(), "telegram-simulator: {error}{cause}\n\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let (address, options) = read(arguments)?;
    let simulator = Simulator::start_with(address, options).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", serde_json::json!({"url": simulator.url()}))?;
    out.flush()?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}

fn read(arguments: &[String]) -> Result<(SocketAddr, Options), Box<dyn Error>> {
    let mut host = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut port = 0;
    let mut options = Options::default();
    let mut rest = arguments.iter();
    while let Some(name) = rest.next() {
        let value = rest.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--host" => host = value.parse().map_err(|_| format!("{value} is not an address"))?,
            "--port" => port = value.parse().map_err(|_| format!("{value} is not a port"))?,
            "--bot" => options.bots.push(read_bot(value)),
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    Ok((SocketAddr::new(host, port), options))
}

fn read_bot(text: &str) -> NewBot {
    let mut parts = text.splitn(3, ',').map(|part| Some(part.trim().to_owned()).filter(|part| !part.is_empty()));
    let (token, username, name) = (parts.next(), parts.next(), parts.next());
    NewBot { token: token.flatten(), username: username.flatten(), name: name.flatten() }
}
