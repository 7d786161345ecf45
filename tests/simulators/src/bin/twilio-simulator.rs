//! The Twilio simulator as a program of its own. Prints its address as one line of JSON, then serves until it is
//! interrupted.

use std::error::Error;
use std::process::ExitCode;

use simulators::program::{self, Arguments};
use simulators::twilio::{Handle, NewAccount, NewSender, Options, Simulator};

const USAGE: &str = "usage: twilio-simulator [--host ADDRESS] [--port N] [--account SID[,TOKEN[,NUMBER]...]]...

  --host     address to listen on (127.0.0.1)
  --port     port to listen on (0: any free one)
  --account  an account that exists from the start, with its WhatsApp numbers; may be given several times
";

#[tokio::main]
async fn main() -> ExitCode {
    program::run("twilio-simulator", USAGE, start).await
}

async fn start(arguments: Arguments) -> Result<(Handle, String), Box<dyn Error>> {
    let mut options = Options::default();
    for (name, value) in &arguments.others {
        match name.as_str() {
            "--account" => options.accounts.push(read_account(value)),
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    let simulator = Simulator::start_with(arguments.address, options).await?;
    let url = simulator.url().to_owned();
    Ok((simulator, url))
}

fn read_account(text: &str) -> NewAccount {
    let mut parts = text.split(',').map(|part| Some(part.trim().to_owned()).filter(|part| !part.is_empty()));
    let (sid, auth_token) = (parts.next().flatten(), parts.next().flatten());
    let senders = parts.flatten().map(|number| NewSender { number, ..NewSender::default() }).collect();
    NewAccount { sid, auth_token, senders, ..NewAccount::default() }
}
