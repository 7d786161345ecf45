//! One pass over the line of a *most free* queue.

use std::collections::BTreeMap;

use domain::OperatorId;
use domain::chat::Chat;
use domain::config::{Configuration, Queue};
use domain::decision::{Decision, Wake, Write};
use domain::routing::{LINE_PAGE, Pass};
use futures_util::future::join_all;
use ports::queues::Visibility;
use ports::{Clock, Push, Queues, Store, StoreError, Timers, records};
use runtime::Fault;
use wire::queues::QueueMessage;

use crate::Router;

/// How many pages of a line one pass looks at: chats that nobody may be offered do not hold back those behind them (Q6).
const PAGES_MAX: u32 = 8;
/// How often a pass starts anew after somebody else changed what it had read.
const TRIES_MAX: u32 = 5;
/// How long a pass goes on offering, milliseconds: what is left then is for the next one, which it wakes itself. An invocation
/// that is cut off would keep its whole queue waiting for as long as its message stays hidden.
const PASS_MS_MAX: i64 = 4_000;

/// How far a pass came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    /// Everything that was decided is done.
    Done,
    /// Its time was up.
    TimeUp,
    /// Somebody else changed what it had read.
    Stale,
}

impl<S: Store, Q: Queues, T: Timers, P: Push, C: Clock, V: Visibility> Router<S, Q, T, P, C, V> {
    /// Offers waiting chats, oldest first, until the line or the room is used up.
    pub(crate) async fn assign(&self, queue: &Queue, config: &Configuration) -> Result<(), Fault> {
        let until_ms = self.desk.now_ms() + PASS_MS_MAX;
        for _ in 0..TRIES_MAX {
            match self.assign_once(queue, config, until_ms).await? {
                Progress::Done => return Ok(()),
                Progress::TimeUp => return self.leave_the_rest(queue).await,
                Progress::Stale => {}
            }
        }
        // Somebody is always faster: the wake-up comes back and starts afresh.
        Err(StoreError::Conflict.into())
    }

    async fn leave_the_rest(&self, queue: &Queue) -> Result<(), Fault> {
        let wake = Wake { queue: queue.id.clone(), cause: format!("rest.{}", self.desk.now_ms()), delay_s: 0 };
        Ok(self.desk.queues.send(&[QueueMessage::wake(&wake)]).await?)
    }

    async fn assign_once(&self, queue: &Queue, config: &Configuration, until_ms: i64) -> Result<Progress, Fault> {
        let store = &self.desk.store;
        let (mut chats, mut next) = records::line(store, &queue.id, LINE_PAGE, None).await?;
        if chats.is_empty() {
            return Ok(Progress::Done);
        }
        for page in 1.. {
            // Each page sees the operators as the one before left them: in a fresh read, since commits may have failed.
            let operators = self.desk.candidates(queue).await?;
            let mut pass = Pass::new(queue, config, operators, self.desk.now_ms());
            if !pass.anybody_free() {
                return Ok(Progress::Done);
            }
            let progress = self.carry_out_page(&mut pass, &chats, until_ms).await?;
            if progress != Progress::Done {
                return Ok(progress);
            }
            let Some(cursor) = next.filter(|_| page < PAGES_MAX && pass.anybody_free()) else {
                return Ok(Progress::Done);
            };
            (chats, next) = records::line(store, &queue.id, LINE_PAGE, Some(cursor)).await?;
        }
        Ok(Progress::Done)
    }

    /// Decides a page in memory, then commits: chats of one operator in their order, operators side by side.
    async fn carry_out_page(&self, pass: &mut Pass<'_>, chats: &[Chat], until_ms: i64) -> Result<Progress, Fault> {
        let mut chains: BTreeMap<(Option<OperatorId>, usize), Vec<Decision>> = BTreeMap::new();
        for (at, chat) in chats.iter().enumerate() {
            let decision = pass.next(chat);
            if decision.is_nothing() {
                continue;
            }
            let operator = decision.writes.iter().find_map(|write| match write {
                Write::Operator { after, .. } => Some(after.id.clone()),
                _ => None,
            });
            // What concerns no operator stands for itself.
            let alone = if operator.is_some() { 0 } else { at };
            chains.entry((operator, alone)).or_default().push(decision);
        }
        let outcomes = join_all(chains.values().map(|chain| self.carry_out_chain(chain, until_ms))).await;
        let mut progress = Progress::Done;
        for outcome in outcomes {
            progress = progress.max(outcome?);
        }
        Ok(progress)
    }

    /// Commits one after the other, then passes on the hints of all that came to be.
    async fn carry_out_chain(&self, chain: &[Decision], until_ms: i64) -> Result<Progress, Fault> {
        let (mut done, mut outcome) = (0, Ok(Progress::Done));
        for decision in chain {
            if self.desk.now_ms() >= until_ms {
                outcome = Ok(Progress::TimeUp);
                break;
            }
            if let Err(error) = self.desk.commit(decision).await {
                outcome = match error {
                    // The rest of the chain was decided on what did not come to be.
                    StoreError::ConditionFailed(_) => Ok(Progress::Stale),
                    error => Err(error.into()),
                };
                break;
            }
            done += 1;
        }
        join_all(chain[..done].iter().map(|decision| self.desk.pass_on(decision))).await;
        outcome
    }
}
