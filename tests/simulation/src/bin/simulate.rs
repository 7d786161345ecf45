//! Runs the simulation: many seeds, one seed with its story, or every planted bug.
//!
//! `simulate [--seeds N] [--from S] [--steps K] [--jobs J]`, `simulate --seed S [--verbose]`, `simulate --bugs`

#![expect(clippy::print_stdout, reason = "it is a program for a terminal")]

use std::process::{Command, ExitCode};
use std::thread;

use simulation::{Bug, Fault, Invariant, Options, Report, run, seeds_needed, shrink};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Of a failing seed's story so many last lines are shown.
const STORY_LINES: usize = 40;
/// So many characters of each.
const LINE_CHARS: usize = 180;

/// What the command line asks for.
struct Arguments {
    seeds: u64,
    from: u64,
    seed: Option<u64>,
    /// How long every storm lasts; `None` = as its seed says.
    steps: Option<u64>,
    jobs: u64,
    verbose: bool,
    bugs: bool,
    bug: Option<Bug>,
}

impl Arguments {
    /// The run of a seed.
    fn options(&self, seed: u64) -> Options {
        let ordinary = Options::of(seed);
        Options { steps: self.steps.unwrap_or(ordinary.steps), bug: self.bug, ..ordinary }
    }
}

fn read(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut read =
        Arguments { seeds: 1_000, from: 0, seed: None, steps: None, jobs: 2, verbose: false, bugs: false, bug: None };
    while let Some(word) = words.next() {
        let mut text = || words.next().ok_or(format!("{word} needs a value"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("{text:?} is no number"));
        match word.as_str() {
            "--seeds" => read.seeds = number(text()?)?,
            "--from" => read.from = number(text()?)?,
            "--seed" => read.seed = Some(number(text()?)?),
            "--steps" => read.steps = Some(number(text()?)?),
            "--jobs" => read.jobs = number(text()?)?.max(1),
            "--verbose" => read.verbose = true,
            "--bugs" => read.bugs = true,
            "--bug" => {
                let key = text()?;
                read.bug = Some(*Bug::ALL.iter().find(|bug| bug.key() == key).ok_or(format!("no bug {key:?}"))?);
            }
            _ => return Err(format!("{word:?} is not known; see the head of simulate.rs")),
        }
    }
    Ok(read)
}

#[expect(clippy::disallowed_methods, reason = "it measures itself; what is simulated has a clock of its own")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

fn commit() -> String {
    let told = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    let told = told.ok().filter(|told| told.status.success()).and_then(|told| String::from_utf8(told.stdout).ok());
    told.map_or_else(|| "unknown".to_owned(), |commit| commit.trim().to_owned())
}

/// Adds what another seed came to.
fn add(sum: &mut Report, one: Report) {
    sum.steps += one.steps;
    sum.invocations += one.invocations;
    sum.messages += one.messages;
    sum.replies += one.replies;
    sum.checks.add(&one.checks);
    sum.faults.resize(Fault::ALL.len(), 0);
    for (sum, one) in sum.faults.iter_mut().zip(&one.faults) {
        *sum += one;
    }
    if sum.failure.is_none() && one.failure.is_some() {
        sum.failure = one.failure;
        sum.seed = one.seed;
    }
}

/// Every `jobs`-th seed, until one fails.
fn some(arguments: &Arguments, job: u64) -> (u64, Report) {
    let (mut done, mut sum) = (0, Report::default());
    for nth in (job..arguments.seeds).step_by(usize::try_from(arguments.jobs).unwrap_or(1)) {
        done += 1;
        add(&mut sum, run(&arguments.options(arguments.from + nth)));
        if sum.failure.is_some() {
            break;
        }
    }
    (done, sum)
}

fn many(arguments: &Arguments) -> ExitCode {
    let began = now();
    let (mut done, mut sum) = (0, Report::default());
    thread::scope(|scope| {
        let jobs: Vec<_> = (0..arguments.jobs).map(|job| scope.spawn(move || some(arguments, job))).collect();
        for job in jobs {
            let (seeds, one) = job.join().expect("a seed's panics are caught");
            done += seeds;
            add(&mut sum, one);
        }
    });
    println!("seeds {done}, from {}, commit {}", arguments.from, commit());
    println!("steps {}, invocations {}", sum.steps, sum.invocations);
    println!("customers' messages stored {}, replies delivered {}", sum.messages, sum.replies);
    for (fault, count) in Fault::ALL.iter().zip(&sum.faults) {
        println!("  {count:>10} {}", fault.words());
    }
    println!("invariants checked {}", sum.checks.sum());
    for invariant in Invariant::ALL {
        println!("  {:>10} {invariant}: {}", sum.checks.of(*invariant), invariant.words());
    }
    println!("seconds {:.1}", began.elapsed().as_secs_f64());
    if sum.failure.is_some() {
        return explain(&arguments.options(sum.seed));
    }
    println!("{done} seeds passed: no invariant was broken");
    ExitCode::SUCCESS
}

/// The story of a failing seed, shortened.
fn explain(options: &Options) -> ExitCode {
    let first = run(options);
    println!("\nFAILED: seed {}, commit {}: {}", options.seed, commit(), first.failure.unwrap_or_default());
    println!("replay: make simulate SEED={}", options.seed);
    let least = shrink(options);
    let report = run(&Options { tells: true, ..least.clone() });
    let kept = least.steps - least.skipped.len() as u64;
    println!("shrunk to {kept} steps of the storm, without {:?}, without {:?}", least.without, least.calm);
    println!("{}", report.failure.unwrap_or_default());
    for line in report.story.iter().skip(report.story.len().saturating_sub(STORY_LINES)) {
        println!("{}", line.chars().take(LINE_CHARS).collect::<String>());
    }
    ExitCode::FAILURE
}

fn one(arguments: &Arguments, seed: u64) -> ExitCode {
    let options = arguments.options(seed);
    let report = run(&Options { tells: arguments.verbose, ..options.clone() });
    for line in &report.story {
        println!("{line}");
    }
    println!("seed {seed}: {} steps, {} invariants checked", report.steps, report.checks.sum());
    if report.failure.is_some() {
        return explain(&options);
    }
    println!("no invariant was broken");
    ExitCode::SUCCESS
}

fn bugs(arguments: &Arguments) -> ExitCode {
    println!("| bug | what is wrong | seeds needed | at most | caught as |\n| --- | --- | --- | --- | --- |");
    let mut missed = 0;
    for bug in Bug::ALL {
        let (needed, caught) = match seeds_needed(*bug, arguments.from, bug.seeds_max()) {
            Some((needed, caught)) => (needed.to_string(), caught.chars().take(60).collect()),
            None => ("not caught".to_owned(), String::new()),
        };
        missed += usize::from(caught.is_empty());
        println!("| {} | {} | {needed} | {} | {caught} |", bug.key(), bug.words(), bug.seeds_max());
    }
    println!("{} bugs caught, {missed} missed", Bug::ALL.len() - missed);
    if missed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn main() -> ExitCode {
    match read(std::env::args().skip(1)) {
        Err(why) => {
            println!("{why}");
            ExitCode::from(2)
        }
        Ok(arguments) => match arguments.seed {
            _ if arguments.bugs => bugs(&arguments),
            Some(seed) => one(&arguments, seed),
            None => many(&arguments),
        },
    }
}
