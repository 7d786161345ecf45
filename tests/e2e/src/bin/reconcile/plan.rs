//! What a run is asked for, and its dice.

use std::time::Duration;

/// How to call the program.
pub(crate) const USAGE: &str = "usage: reconcile [--messages N] [--customers N] [--operators N] [--kills N] [--seed N]
       SWITCHBOARD_STACK names the description of a running stack on this machine that nobody else uses";

/// The chats that an operator has at once in a run.
pub(crate) const LIMIT: u32 = 5;
/// One customer in so many says at the end that they stay: their chat is left open, so that loads are not all nought.
pub(crate) const STAYS_ONE_IN: usize = 5;
/// The time between two kills, milliseconds: the process after a killed one gets to work, and the last kills meet the replies.
pub(crate) const KILL_GAP_MS: (u64, u64) = (300, 2_500);
/// So many replies of each bot meet a messenger that takes them and never answers, and as many one that hangs up instead.
pub(crate) const SILENT_EACH: u32 = 3;
/// How long everything may take to come to rest. A killed consumer's messages are out of sight for 60 to 90 s (visibility
/// timeouts of the template), and one killed after another adds its own.
pub(crate) const REST_MAX: Duration = Duration::from_mins(8);

/// The size of a run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Messages of customers, in all.
    pub(crate) messages: usize,
    /// Customers, who share the messages evenly.
    pub(crate) customers: usize,
    /// Operators online.
    pub(crate) operators: usize,
    /// Processes killed at random. Those that the restart of the consumers ends come on top.
    pub(crate) kills: usize,
    /// Decides who writes how many at a time and what is killed when. The machine decides the rest: a seed repeats the plan of
    /// a run, not its course.
    pub(crate) seed: u64,
}

impl Plan {
    /// Reads the command line.
    pub(crate) fn read(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut plan = Self { messages: 2_000, customers: 100, operators: 10, kills: 60, seed: 1 };
        let mut arguments = arguments;
        while let Some(flag) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{flag} needs a number"))?;
            let number: u64 = value.parse().map_err(|_| format!("{flag} {value}: not a number"))?;
            let count = usize::try_from(number).map_err(|_| format!("{flag} {value}: too large"))?;
            match flag.as_str() {
                "--messages" => plan.messages = count,
                "--customers" => plan.customers = count,
                "--operators" => plan.operators = count,
                "--kills" => plan.kills = count,
                "--seed" => plan.seed = number,
                _ => return Err(format!("{flag}: no such flag")),
            }
        }
        plan.check()
    }

    fn check(self) -> Result<Self, String> {
        if self.customers == 0 || self.messages < self.customers {
            return Err("there must be customers, and a message of each".to_owned());
        }
        if self.customers.div_ceil(STAYS_ONE_IN) >= self.operators * LIMIT as usize {
            return Err(format!("one customer in {STAYS_ONE_IN} stays: there must be room for them and for others"));
        }
        Ok(self)
    }

    /// How many messages a customer writes (counted from 0).
    pub(crate) fn messages_of(&self, customer: usize) -> usize {
        self.messages / self.customers + usize::from(customer < self.messages % self.customers)
    }

    /// Dice for one of the run's parts.
    pub(crate) fn dice(&self, part: u64) -> Dice {
        Dice(self.seed.wrapping_mul(0x2545_F491_4F6C_DD1D) ^ part.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }
}

/// Numbers that look random and repeat with the seed (`SplitMix64`).
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        low + (mixed ^ (mixed >> 31)) % (high - low + 1)
    }

    /// One of these; none of none.
    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let last = of.len().checked_sub(1)?;
        of.get(usize::try_from(self.between(0, last as u64)).unwrap_or(0))
    }
}
