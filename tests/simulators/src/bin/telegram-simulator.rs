//! The Telegram simulator as a program of its own. Prints its address as one line of JSON, then serves until it is
//! interrupted.

use std::error::Error;
use std::process::ExitCode;

use simulators::program::{self, Arguments};
use simulators::telegram::{Handle, NewBot, Options, Simulator};

const USAGE: &str = "usage: telegram-simulator [--host ADDRESS] [--port N] [--bot TOKEN[,USERNAME[,NAME]]]...

  --host   address to listen on (127.0.0.1)
  --port   port to listen on (0: any free one)
  --bot    a bot that exists from the start; may be given several times
";

#[tokio::main]
async fn main() -> ExitCode {
    program::run("telegram-simulator", USAGE, start).await
}

async fn start(arguments: Arguments) -> Result<(Handle, String), Box<dyn Error>> {
    let mut options = Options::default();
    for (name, value) in &arguments.others {
        match name.as_str() {
            "--bot" => options.bots.push(read_bot(value)),
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    let simulator = Simulator::start_with(arguments.address, options).await?;
    let url = simulator.url().to_owned();
    Ok((simulator, url))
}

fn read_bot(text: &str) -> NewBot {
    let mut parts = text.splitn(3, ',').map(|part| Some(part.trim().to_owned()).filter(|part| !part.is_empty()));
    let (token, username, name) = (parts.next(), parts.next(), parts.next());
    NewBot { token: token.flatten(), username: username.flatten(), name: name.flatten() }
}
