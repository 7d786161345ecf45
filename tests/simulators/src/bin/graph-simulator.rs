//! The Graph API simulator as a program of its own. Prints its address as one line of JSON, then serves until it is
//! interrupted.

use std::error::Error;
use std::process::ExitCode;

use simulators::graph::{BOT_APP_ID, Handle, NewApp, NewPage, Options, Simulator};
use simulators::program::{self, Arguments};

const USAGE: &str =
    "usage: graph-simulator [--host ADDRESS] [--port N] [--app ID,SECRET[,NAME]]... [--page ID[,NAME[,bot]]]...

  --host   address to listen on (127.0.0.1)
  --port   port to listen on (0: any free one)
  --app    an app that exists from the start; may be given several times
  --page   a page that exists from the start; with `bot` the built-in bot is its primary receiver
";

#[tokio::main]
async fn main() -> ExitCode {
    program::run("graph-simulator", USAGE, start).await
}

async fn start(arguments: Arguments) -> Result<(Handle, String), Box<dyn Error>> {
    let mut options = Options::default();
    for (name, value) in &arguments.others {
        match name.as_str() {
            "--app" => options.apps.push(read_app(value)),
            "--page" => options.pages.push(read_page(value)?),
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    let simulator = Simulator::start_with(arguments.address, options).await?;
    let url = simulator.url().to_owned();
    Ok((simulator, url))
}

fn parts(text: &str) -> impl Iterator<Item = Option<String>> {
    text.splitn(3, ',').map(|part| Some(part.trim().to_owned()).filter(|part| !part.is_empty()))
}

fn read_app(text: &str) -> NewApp {
    let mut parts = parts(text);
    let (id, secret, name) = (parts.next().flatten(), parts.next().flatten(), parts.next().flatten());
    NewApp { id, secret, name, ..NewApp::default() }
}

fn read_page(text: &str) -> Result<NewPage, Box<dyn Error>> {
    let mut parts = parts(text);
    let (id, name, routing) = (parts.next().flatten(), parts.next().flatten(), parts.next().flatten());
    let primary_app_id = match routing.as_deref() {
        None => None,
        Some("bot") => Some(BOT_APP_ID.to_owned()),
        Some(other) => return Err(format!("{other} is no routing: leave it out, or `bot`").into()),
    };
    Ok(NewPage { id, name, primary_app_id, tasks: None })
}
