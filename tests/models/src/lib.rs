//! Small models of the decisions that operators and customers race for, explored exhaustively with `stateright`.
//!
//! The models drive the decisions of `domain` themselves; what they add is the interleaving: who reads when, who commits when,
//! and what a commit does whose conditions no longer hold.

pub mod claim;
pub mod close;
pub mod world;

use std::fmt;
use std::hash::Hash;

use claim::Claim;
use close::Close;
use domain::config::Rule;
use stateright::{Checker, Expectation, Model};

/// What came of exploring a model.
#[derive(Clone, Debug)]
pub struct Explored {
    /// The model, in a few words.
    pub name: String,
    /// How many states there are.
    pub unique_states: usize,
    /// How many steps lead from one to another.
    pub steps: usize,
    /// The longest of the shortest ways to a state, in steps.
    pub depth: usize,
    /// What was checked in each state.
    pub properties: Vec<&'static str>,
    /// What does not hold, with the steps that lead there.
    pub problems: Vec<String>,
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, unique_states, steps, depth, properties, problems } = self;
        let count = properties.len();
        write!(f, "{name}: {unique_states} unique states, {steps} steps, depth {depth}, {count} properties")?;
        problems.iter().try_for_each(|problem| write!(f, "\n  does not hold: {problem}"))
    }
}

/// Explores all states of a model.
pub fn explore<M>(name: String, model: M) -> Explored
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + fmt::Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + fmt::Debug + PartialEq + Send + Sync + 'static,
{
    let properties: Vec<_> = model.properties().iter().map(|property| property.name).collect();
    let must: Vec<_> = model
        .properties()
        .iter()
        .filter(|property| matches!(property.expectation, Expectation::Sometimes))
        .map(|property| property.name)
        .collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let checker = model.checker().threads(threads).spawn_bfs().join();
    let discoveries = checker.discoveries();
    let violated = discoveries.iter().filter(|(name, _)| !must.contains(name));
    let mut problems: Vec<String> =
        violated.map(|(name, path)| format!("{name}\n    after {:?}", path.clone().into_actions())).collect();
    let never = must.iter().filter(|name| !discoveries.contains_key(*name));
    problems.extend(never.map(|name| format!("{name}: never")));
    Explored {
        name,
        unique_states: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        properties,
        problems,
    }
}

fn claim(model: Claim) -> Explored {
    explore(model.name(), model)
}

fn close(model: Close) -> Explored {
    explore(model.name(), model)
}

/// A model to explore.
pub type Exploration = fn() -> Explored;

/// The models that every test run explores, in seconds.
pub const QUICK: [Exploration; 4] = [
    || claim(Claim::new(Rule::MostFree, 2, 1, 1, 1, false)),
    || claim(Claim::new(Rule::ToAll, 2, 1, 1, 1, true)),
    || close(Close::new(2, 1, 1, false, false)),
    || close(Close::new(2, 1, 1, true, false)),
];

/// Those that take minutes.
pub const LARGE: [Exploration; 7] = [
    || close(Close::new(1, 1, 1, false, true)),
    || close(Close::new(2, 1, 1, false, true)),
    || claim(Claim::new(Rule::MostFree, 2, 1, 1, 1, true)),
    || claim(Claim::new(Rule::MostFree, 2, 1, 1, 2, false)),
    || close(Close::new(2, 1, 2, false, false)),
    || claim(Claim::new(Rule::MostFree, 3, 1, 1, 1, false)),
    || claim(Claim::new(Rule::MostFree, 2, 2, 1, 1, false)),
];
