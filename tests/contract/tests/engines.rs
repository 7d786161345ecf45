//! A test of each engine and case: `cargo test -p contract -- dynamodb_local` runs one engine's.
//!
//! The real engines are where `CONTRACT_MINISTACK_URL` and `CONTRACT_DYNAMODB_LOCAL_URL` say. Without its variable an engine
//! has one test instead, whose name says that it was not run; with `CONTRACT_ENGINES=all` that test fails.

use contract::Engine;
use libtest_mimic::{Arguments, Failed, Trial};

#[expect(clippy::disallowed_methods, reason = "the runner of the tests says by it where the engines are")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn main() {
    let arguments = Arguments::from_args();
    let trials = Engine::ALL.into_iter().flat_map(trials_of).collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn trials_of(engine: Engine) -> Vec<Trial> {
    let url = match engine.variable() {
        None => String::new(),
        Some(name) => match variable(name) {
            Some(url) => url,
            None => return vec![not_run(engine, name)],
        },
    };
    let trial = |case: &'static str| {
        let url = url.clone();
        Trial::test(format!("{}::{case}", engine.name()), move || run(engine, case, &url))
    };
    engine.cases().map(trial).collect()
}

fn not_run(engine: Engine, variable_name: &'static str) -> Trial {
    Trial::test(format!("{}::not_run_without_{variable_name}", engine.name()), move || {
        if variable("CONTRACT_ENGINES").as_deref() == Some("all") {
            let why = format!("CONTRACT_ENGINES=all wants every engine, and {variable_name} does not say where it is");
            return Err(Failed::from(why));
        }
        Ok(())
    })
}

fn run(engine: Engine, case: &str, url: &str) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(engine.run(case, url));
    Ok(())
}
