//! One pass over the line of a *most free* queue.

use std::collections::BTreeMap;

use domain::OperatorId;
use domain::chat::Chat;
use domain::config::{Configuration, Queue};
use domain::decision::{Decision, Write};
use domain::routing::{LINE_PAGE, Pass};
use futures_util::future::join_all;
use ports::queues::Visibility;
use ports::{Clock, Push, Queues, Store, StoreError, Timers, records};
use runtime::Fault;

use crate::Router;

/// How many pages of a line one pass looks at: chats that nobody may be offered do not hold back those behind them (Q6).
const PAGES_MAX: u32 = 8;
/// How often a pass starts anew after somebody else changed what it had read.
const TRIES_MAX: u32 = 5;

impl<S: Store, Q: Queues, T: Timers, P: Push, C: Clock, V: Visibility> Router<S, Q, T, P, C, V> {
    /// Offers waiting chats, oldest first, until the line or the room is used up.
    pub(crate) async fn assign(&self, queue: &Queue, config: &Configuration) -> Result<(), Fault> {
        for _ in 0..TRIES_MAX {
            if self.assign_once(queue, config).await? {
                return Ok(());
            }
        }
        // Somebody is always faster: the wake-up comes back and starts afresh.
        Err(StoreError::Conflict.into())
    }

    /// Whether everything that was decided could be done.
    async fn assign_once(&self, queue: &Queue, config: &Configuration) -> Result<bool, Fault> {
        let store = &self.desk.store;
        let (mut chats, mut next) = records::line(store, &queue.id, LINE_PAGE, None).await?;
        if chats.is_empty() {
            return Ok(true);
        }
        for page in 1.. {
            // Each page sees the operators as the one before left them: in a fresh read, since commits may have failed.
            let operators = self.desk.candidates(queue).await?;
            let mut pass = Pass::new(queue, config, operators, self.desk.now_ms());
            if !pass.anybody_free() {
                return Ok(true);
            }
            if !self.carry_out_page(&mut pass, &chats).await? {
                return Ok(false);
            }
            let Some(cursor) = next.filter(|_| page < PAGES_MAX && pass.anybody_free()) else { return Ok(true) };
            (chats, next) = records::line(store, &queue.id, LINE_PAGE, Some(cursor)).await?;
        }
        Ok(true)
    }

    /// Decides a page in memory, then commits: chats of one operator in their order, operators side by side.
    async fn carry_out_page(&self, pass: &mut Pass<'_>, chats: &[Chat]) -> Result<bool, Fault> {
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
        let outcomes = join_all(chains.values().map(|chain| self.carry_out_chain(chain))).await;
        let mut complete = true;
        for outcome in outcomes {
            complete &= outcome?;
        }
        Ok(complete)
    }

    async fn carry_out_chain(&self, chain: &[Decision]) -> Result<bool, Fault> {
        for decision in chain {
            match self.desk.carry_out(decision).await {
                Ok(()) => {}
                // The rest of the chain was decided on what did not come to be.
                Err(StoreError::ConditionFailed(_)) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }
}
