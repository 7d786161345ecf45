//! The reconciliation: a load of customers and operators on a deployed stack, whose function processes are killed at random and
//! whose consumers are restarted in the middle; afterwards every message is accounted for.
//!
//! Accepted = stored once = shown once; a reply accepted = sent once, or marked unknown or failed with the reason; operators'
//! loads and places agree with their chats; nobody waits while somebody is free; nothing is parked. Prints its figures, and
//! ends with 1 if any of this does not hold. It kills every function of the stack: nobody else should use it meanwhile.

mod account;
mod books;
mod cloud;
mod customers;
mod faults;
mod ledger;
mod operators;
mod plan;

use std::io::Write as _;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use domain::config::Rule;
use domain::message::Message;
use e2e::{Bot, World, now_ms};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::account::{Account, Shown};
use crate::books::{Books, Scope};
use crate::cloud::Cloud;
use crate::ledger::Ledger;
use crate::operators::Operator;
use crate::plan::{LIMIT, Plan, REST_MAX, SILENT_EACH, USAGE};

/// How often a look is taken whether all is at rest: it reads the whole table.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Prints a line with the time (UTC) at once, also into a pipe.
fn say(text: &str) {
    let time = jiff::Timestamp::now().strftime("%H:%M:%S").to_string();
    let mut out = std::io::stdout().lock();
    // Nothing is left to tell if standard output is closed.
    let _ = writeln!(out, "{time}  {text}").and_then(|()| out.flush());
}

fn complain(line: &str) {
    // As above.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let plan = match Plan::read(std::env::args().skip(1)) {
        Ok(plan) => plan,
        Err(problem) => {
            complain(&format!("reconcile: {problem}\n{USAGE}"));
            return ExitCode::from(2);
        }
    };
    // The harness asserts; the reason alone is of interest.
    std::panic::set_hook(Box::new(|panic| {
        complain(&format!("reconcile: {}", panic.payload_as_str().unwrap_or("something is wrong")));
    }));
    let local = tokio::task::LocalSet::new();
    match local.run_until(AssertUnwindSafe(run(plan)).catch_unwind()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

/// The parts of a run.
struct Run {
    plan: Plan,
    world: World,
    bots: Vec<Bot>,
    cloud: Cloud,
    ledger: Rc<Ledger>,
    scope: Scope,
}

/// Whether every message was accounted for.
async fn run(plan: Plan) -> bool {
    let began_ms = now_ms();
    say(&format!("{plan:?}"));
    let (run, operators) = open(plan).await;
    let operators: Vec<_> = operators.into_iter().map(|operator| spawn_local(operator.work())).collect();
    load(&run).await;
    say("all messages are accepted and all faults over; waiting for rest");
    let restless = rest(&run).await;
    run.ledger.over.set(true);
    let operators = join_all(operators.into_iter().map(joined)).await;
    let mut account = reconcile(&run, &operators).await;
    account.wrong.extend(restless);
    let seconds = u64::try_from((now_ms() - began_ms) / 1000).unwrap_or(0);
    say(&format!("the account of {}:\n{}", run.ledger.mark, account.table(&run.ledger, seconds)));
    account.balances()
}

/// A queue, two bots that lead to it, and operators online.
async fn open(plan: Plan) -> (Run, Vec<Operator>) {
    let world = World::open(Rule::MostFree).await;
    let ground = world.ground();
    ground.manager.set("SimultaneousChats", &json!(LIMIT)).await;
    let (second, channel) = ground.connect_bot().await;
    let channel = ground.bind(&channel, &world.queue).await;
    world.settle().await;
    let ledger = Rc::new(Ledger::new(plan.operators));
    let people = (0..plan.operators).map(async |index| {
        let person = world.operator(&format!("Operator{index}")).await;
        Operator::come_online(&plan, person, index, Rc::clone(&ledger)).await
    });
    let operators = join_all(people).await;
    let scope = Scope {
        mark: ledger.mark.clone(),
        queue: world.queue.id.clone(),
        channels: vec![world.channel.id.clone(), channel.id],
        operators: operators.iter().map(|operator| operator.person.id.clone()).collect(),
    };
    let cloud = Cloud::new(&world.stack, &world.http);
    let bots = vec![world.bot.clone(), second];
    say(&format!("{} operators online, {} bots connected", operators.len(), bots.len()));
    (Run { plan, world, bots, cloud, ledger, scope }, operators)
}

async fn joined<T>(task: JoinHandle<T>) -> T {
    task.await.unwrap_or_else(|error| panic!("a part of the run broke: {error}"))
}

/// The load and the faults, side by side, to the end of both.
async fn load(run: &Run) {
    let (plan, stack, ledger) = (&run.plan, &run.world.stack, &run.ledger);
    // Replies that the messenger takes without a word: whose sender dies or gives up, nobody knows whether they arrived.
    let silent = json!([
        {"kind": "timeout_after_accepting", "count": SILENT_EACH},
        {"kind": "close_connection", "after_accepting": true, "count": SILENT_EACH},
    ]);
    for bot in &run.bots {
        bot.order_faults(&silent).await;
    }
    let customers = (0..plan.customers).zip(run.bots.iter().cycle()).map(|(index, bot)| {
        let customer = bot.customer(i64::try_from(index).unwrap_or(0) + 1);
        spawn_local(customers::write_all(plan.clone(), customer, index, Rc::clone(ledger)))
    });
    let mut parts: Vec<_> = customers.collect();
    parts.push(spawn_local(faults::kill_at_random(plan.clone(), stack.clone(), Rc::clone(ledger))));
    let restart = faults::restart_consumers(plan.clone(), stack.clone(), run.cloud.clone(), Rc::clone(ledger));
    parts.push(spawn_local(restart));
    join_all(parts.into_iter().map(joined)).await;
}

/// The texts that have to be stored: all of customers, and the accepted replies.
fn expected(run: &Run) -> Vec<String> {
    let Run { plan, ledger, .. } = run;
    let of_customers = (0..plan.customers).flat_map(|customer| {
        let of = plan.messages_of(customer);
        (0..of).map(move |at| ledger.message(customer, at, of))
    });
    let mut texts: Vec<String> = of_customers.collect();
    texts.extend(ledger.replies.borrow().iter().filter(|(_, answer)| answer.is_ok()).map(|(text, _)| text.clone()));
    texts
}

/// Waits until queues are empty, operators have nothing to do and the store has nothing under way. What is under way at the
/// bound is returned: it will show in the account, too.
async fn rest(run: &Run) -> Option<String> {
    let deadline = Instant::now() + REST_MAX;
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = String::new();
    loop {
        looks.tick().await;
        let restless = restless(run).await?;
        if Instant::now() >= deadline {
            return Some(format!("no rest within {REST_MAX:?}: {restless}"));
        }
        if restless != told {
            say(&restless);
            told = restless;
        }
    }
}

async fn restless(run: &Run) -> Option<String> {
    let queued = run.cloud.queued().await;
    if queued > 0 {
        return Some(format!("{queued} messages in queues"));
    }
    let working = run.ledger.resting.borrow().iter().filter(|rests| !**rests).count();
    if working > 0 {
        return Some(format!("{working} operators at work"));
    }
    Books::read(&run.scope, &run.cloud.work_rows().await).unsettled(expected(run).iter())
}

/// Looks into everything, and settles the account.
async fn reconcile(run: &Run, operators: &[Operator]) -> Account {
    let books = Books::read(&run.scope, &run.cloud.work_rows().await);
    let live = live(run, operators);
    let mut shown = live.clone();
    for operator in operators {
        let mine = books.chats.iter().filter(|chat| Books::keeper(chat) == Some(&operator.person.id));
        for chat in mine {
            let mut before = None;
            loop {
                let page = operator.window.history(&chat.id, before, None).await;
                before = page.messages.first().map(|message| message.seq);
                page.messages.iter().for_each(|message| note(run, &mut shown, message));
                if !page.more {
                    break;
                }
            }
        }
    }
    let mut arrived = Vec::new();
    for bot in &run.bots {
        let sent = bot.ask(Method::GET, "/sent?method=sendMessage", None).await;
        let texts = e2e::customer::list(&sent, "sent").into_iter();
        arrived.extend(texts.map(|call: Value| call["params"]["text"].as_str().unwrap_or_default().to_owned()));
    }
    let mut account = Account::settle(&run.plan, &run.ledger, &books, &live, &shown, &arrived);
    account.wrong.extend(books.wrong_counters(LIMIT as usize));
    account.wrong.extend(loads(operators).await);
    let parked = run.cloud.parked().await;
    account.wrong.extend(parked.into_iter().map(|(queue, messages)| format!("parked in {queue}: {messages}")));
    account
}

/// What operators' windows show, from events and catch-ups.
fn live(run: &Run, operators: &[Operator]) -> Shown {
    let mut shown = Shown::new();
    for operator in operators {
        operator.window.view(|view| view.messages.values().for_each(|message| note(run, &mut shown, message)));
    }
    shown
}

fn note(run: &Run, shown: &mut Shown, message: &Message) {
    let words = message.content.words().unwrap_or_default();
    if words.starts_with(&run.ledger.mark) {
        shown.entry(words.to_owned()).or_default().insert((message.chat.clone(), message.seq));
    }
}

/// Loads that do not agree with what operators are told to have, each in words.
async fn loads(operators: &[Operator]) -> Vec<String> {
    let mut wrong = Vec::new();
    for operator in operators {
        let synced = operator.window.sync(Vec::new()).await;
        if synced.operator.load != synced.chats.len() + synced.offers.len() {
            wrong.push(format!("{} is told {synced:?}", operator.person.name));
        }
    }
    wrong
}
