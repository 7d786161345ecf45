//! What the run itself knows: what it wrote, what was accepted, what it broke.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// A reply that an operator wrote, and the answer to it: accepted, or the code of the refusal.
pub(crate) type Reply = (String, Result<(), String>);

/// The ledger; everything runs on one thread.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// The word that all texts of this run begin with.
    pub(crate) mark: String,
    /// How many messages of customers a webhook has accepted so far, with a 2xx.
    pub(crate) accepted: Cell<usize>,
    /// The replies, in the order of their answers.
    pub(crate) replies: RefCell<Vec<Reply>>,
    /// How often a command was sent again with its request id, as no answer had come.
    pub(crate) asked_again: Cell<usize>,
    /// How often an operator's connection was opened again.
    pub(crate) reconnected: Cell<usize>,
    /// Killed processes, by function.
    pub(crate) kills: RefCell<BTreeMap<String, usize>>,
    /// Operators who are at rest: nothing to do, and nothing new after catching up.
    pub(crate) resting: RefCell<Vec<bool>>,
    /// The run is over: operators stop.
    pub(crate) over: Cell<bool>,
}

impl Ledger {
    /// A ledger of nothing yet.
    pub(crate) fn new(operators: usize) -> Self {
        Self {
            mark: e2e::unique("run"),
            accepted: Cell::new(0),
            replies: RefCell::default(),
            asked_again: Cell::new(0),
            reconnected: Cell::new(0),
            kills: RefCell::default(),
            resting: RefCell::new(vec![false; operators]),
            over: Cell::new(false),
        }
    }

    /// Counts one more.
    pub(crate) fn count(counter: &Cell<usize>) {
        counter.set(counter.get() + 1);
    }

    /// The text of a customer's message, both counted from 0. The last one says whether they stay.
    pub(crate) fn message(&self, customer: usize, at: usize, of: usize) -> String {
        let end = match (at + 1 == of, stays(customer)) {
            (false, _) => "",
            (true, true) => STAY,
            (true, false) => BYE,
        };
        format!("{} customer {customer} message {at}{end}", self.mark)
    }

    /// The text of a reply.
    pub(crate) fn reply(&self, operator: usize, at: usize) -> String {
        format!("{} operator {operator} reply {at}", self.mark)
    }
}

const BYE: &str = " bye";
const STAY: &str = " stay";

fn stays(customer: usize) -> bool {
    customer.is_multiple_of(crate::plan::STAYS_ONE_IN)
}

/// Whether a customer has nothing more to say, and leaves.
pub(crate) fn is_farewell(text: &str) -> bool {
    text.ends_with(BYE)
}

/// Whether a customer has nothing more to say, and stays.
pub(crate) fn is_stay(text: &str) -> bool {
    text.ends_with(STAY)
}
