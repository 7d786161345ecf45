//! What is peculiar to a seed: how many people there are, what they like to do, how much goes on at one time. Seeds that differ
//! reach what an average one never does (A. Groce and others, "Swarm Testing", 2012).

use crate::rng::Rng;

/// What a customer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// Writes a message, or a burst of them.
    Write,
    /// Sends a file, or several.
    File,
    /// Sends a place.
    Place,
    /// Sends somebody's contact card.
    Card,
    /// Presses a button.
    Press,
    /// Edits one.
    Edit,
    /// Blocks the bot, or comes back.
    Block,
    /// Their messenger delivers an old update again.
    Repeat,
}

/// What an operator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// Takes an offer, or a chat of a line.
    Accept,
    /// Does not want it.
    Decline,
    /// Says that its time is over.
    Expire,
    /// Replies.
    Send,
    /// Wants to send a file.
    Upload,
    /// Sends one.
    SendFile,
    /// Sends a reply again.
    Resend,
    /// Closes.
    Close,
    /// Gives away.
    Transfer,
    /// Has read.
    Read,
    /// Catches up.
    Sync,
    /// Scrolls back.
    History,
    /// Is typing.
    Typing,
    /// Looks for colleagues.
    Colleagues,
    /// Is there.
    Ping,
    /// Works.
    Active,
    /// Pauses.
    Inactive,
}

/// What is done more often than this is done in every seed.
const SPARED_MAX: u32 = 20;

/// What each does, and how often.
const SAYS: [(Says, u32); 8] = [
    (Says::Write, 78),
    (Says::File, 9),
    (Says::Place, 1),
    (Says::Card, 1),
    (Says::Press, 1),
    (Says::Edit, 9),
    (Says::Block, 3),
    (Says::Repeat, 4),
];
const ASKS: [(Asks, u32); 17] = [
    (Asks::Accept, 60),
    (Asks::Decline, 8),
    (Asks::Expire, 3),
    (Asks::Send, 60),
    (Asks::Upload, 9),
    (Asks::SendFile, 18),
    (Asks::Resend, 6),
    (Asks::Close, 6),
    (Asks::Transfer, 7),
    (Asks::Read, 3),
    (Asks::Sync, 3),
    (Asks::History, 1),
    (Asks::Typing, 2),
    (Asks::Colleagues, 1),
    (Asks::Ping, 2),
    (Asks::Active, 25),
    (Asks::Inactive, 2),
];

/// The habits of a seed.
#[derive(Debug)]
pub(crate) struct Habits {
    /// How many of the customers there are.
    pub(crate) customers: usize,
    /// How many of the operators work.
    pub(crate) operators: usize,
    /// The most invocations at one time.
    pub(crate) live_max: usize,
    /// How often, of a thousand steps, what is under way goes on before anything else happens.
    pub(crate) goes_on: u32,
    /// How often, of a thousand steps at which nothing goes on, time passes.
    pub(crate) passes: u32,
    /// How often, of a thousand acts, somebody meddles with what is under way.
    pub(crate) meddles: u32,
    /// How often, of a hundred acts: customers, operators, windows, administrators.
    pub(crate) acts: [u32; 4],
    /// Whether operators accept what they are offered after the storm.
    pub(crate) helpful: bool,
    /// Whether the calm is watched to its very end.
    pub(crate) patient: bool,
    /// How often, of a thousand times that a customer of the page would act, its bot does; without a bot, never.
    pub(crate) bot: u32,
    says: Vec<(Says, u32)>,
    asks: Vec<(Asks, u32)>,
}

/// What is usual, more or less of it. Without the most of it, a seed would be a waste: of that there is never nothing.
fn swarm<T: Copy>(rng: &Rng, usual: &[(T, u32)]) -> Vec<(T, u32)> {
    let factor = |weight: u32| {
        let least = u32::from(weight > SPARED_MAX);
        [0, 1, 1, 1, 2, 4].get(rng.below(6)).copied().unwrap_or(1).max(least)
    };
    usual.iter().map(|(what, weight)| (*what, weight * factor(*weight))).collect()
}

/// How long a seed's storm lasts, steps.
pub(crate) fn steps(seed: u64) -> u64 {
    let rng = Rng::new(seed);
    [250, 400, 600, 600, 800, 1_400].get(rng.below(6)).copied().unwrap_or(600)
}

impl Habits {
    pub(crate) fn new(rng: &Rng) -> Self {
        let one_of = |from: &[u32]| rng.pick(from).copied().unwrap_or_default();
        Self {
            customers: 1 + rng.below(5),
            operators: 1 + rng.below(3).max(rng.below(3)),
            live_max: 2 + rng.below(6),
            goes_on: one_of(&[500, 700, 850]),
            passes: one_of(&[60, 120, 200]),
            meddles: one_of(&[0, 300, 600]),
            acts: [one_of(&[15, 25, 40]), 50, one_of(&[2, 6, 12]), one_of(&[0, 3, 8])],
            helpful: rng.chance(500),
            patient: rng.chance(125),
            says: swarm(rng, &SAYS),
            asks: swarm(rng, &ASKS),
            bot: one_of(&[0, 0, 0, 400, 700]),
        }
    }

    /// What a customer does next.
    pub(crate) fn says(&self, rng: &Rng) -> Says {
        rng.weighted(&self.says, |_| true).unwrap_or(Says::Write)
    }

    /// What an operator asks for next, of what makes sense.
    pub(crate) fn asks(&self, rng: &Rng, makes_sense: impl Fn(Asks) -> bool) -> Option<Asks> {
        rng.weighted(&self.asks, makes_sense)
    }
}
