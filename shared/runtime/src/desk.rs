//! Commits decisions and passes on their hints: what every function of routing has in common.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::availability::Line;
use domain::chat::Chat;
use domain::config::{Configuration, Queue};
use domain::decision::{Decision, News, Tell, Wake};
use domain::operator::Operator;
use domain::{ChatId, OfferId, OperatorId, QueueId, Refusal, routing};
use futures_util::future::{join_all, try_join_all};
use ports::records::{self, chat_key, decode_chat, decode_operator, operator_key};
use ports::store::QUERY_ROWS_MAX;
use ports::{Clock, Push, PushError, Queues, Store, StoreError, Timers};
use wire::operators::Event;
use wire::queues::QueueMessage;

use crate::cache::ConfigurationCache;

/// How often a decision is made anew after somebody else was faster.
pub const DECISIONS_MAX: u32 = 5;
/// How many pages of a role's people are shown a *to all* line: 5000 people.
const AUDIENCE_PAGES_MAX: u32 = 25;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A rule says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A queue could not take what must be queued.
    #[error(transparent)]
    Queue(#[from] ports::QueueError),
    /// The bucket could not.
    #[error(transparent)]
    Files(#[from] ports::FileError),
}

impl Fault {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Store(StoreError::Refused(_)) => "internal",
            Self::Store(_) | Self::Queue(_) | Self::Files(_) => "try_again",
        }
    }

    /// The text for whoever asked: never the cause.
    pub fn text(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.to_string(),
            Self::Store(StoreError::Refused(_)) => "Something is wrong on our side; it has been noted.".to_owned(),
            Self::Store(_) | Self::Queue(_) | Self::Files(_) => {
                "This could not be done right now; try again.".to_owned()
            }
        }
    }

    /// Logs the cause; a refusal is no fault of ours and is not logged.
    pub fn log(&self) {
        if !matches!(self, Self::Refused(_)) {
            tracing::error!(error = %self, "fault");
        }
    }
}

/// What a function of routing works with.
pub struct Desk<S, Q, T, P, C> {
    /// State.
    pub store: S,
    /// Hints to other functions.
    pub queues: Q,
    /// Hints to oneself, later.
    pub timers: T,
    /// The operators' windows.
    pub push: P,
    /// The time.
    pub clock: C,
    /// The configuration.
    pub configuration: ConfigurationCache,
}

/// A chat and those who have a part in it.
#[derive(Clone, Debug)]
pub struct Case {
    /// The chat.
    pub chat: Chat,
    /// Whom it is in work with.
    pub operator: Option<Operator>,
    /// Whom it is on offer to.
    pub target: Option<Operator>,
}

impl<S: Store, Q: Queues, T: Timers, P: Push, C: Clock> Desk<S, Q, T, P, C> {
    /// A desk.
    pub fn new(store: S, queues: Q, timers: T, push: P, clock: C) -> Self {
        Self { store, queues, timers, push, clock, configuration: ConfigurationCache::default() }
    }

    /// Now, milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// The configuration.
    pub async fn config(&self) -> Result<Arc<Configuration>, StoreError> {
        self.configuration.get(&self.store, self.now_ms()).await
    }

    /// Commits a decision, then passes on its hints. A lost hint is found again by the sweep, so their faults are only logged.
    pub async fn carry_out(&self, decision: &Decision) -> Result<(), StoreError> {
        if decision.is_nothing() {
            return Ok(());
        }
        self.commit(decision).await?;
        // Boxed: the futures of the SDK below are deep enough as they are.
        Box::pin(self.pass_on(decision)).await;
        Ok(())
    }

    /// Commits a decision, and leaves its hints to [`Desk::pass_on`].
    pub async fn commit(&self, decision: &Decision) -> Result<(), StoreError> {
        self.store.commit(&records::rows(&decision.writes, self.now_ms())).await
    }

    /// Makes a decision and carries it out; makes it anew, from fresh state, when somebody else was faster.
    pub async fn decide(&self, mut decide: impl AsyncFnMut() -> Result<Decision, Fault>) -> Result<Decision, Fault> {
        for _ in 1..DECISIONS_MAX {
            let decision = decide().await?;
            match self.carry_out(&decision).await {
                Ok(()) => return Ok(decision),
                Err(StoreError::ConditionFailed(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let decision = decide().await?;
        self.carry_out(&decision).await?;
        Ok(decision)
    }

    /// Passes on the hints of a decision that has been committed.
    pub async fn pass_on(&self, decision: &Decision) {
        self.send(decision).await;
        for timer in &decision.timers {
            if let Err(error) = self.timers.arm(&timer.into()).await {
                tracing::warn!(%error, "timer");
            }
        }
        self.tell(&decision.tells).await;
        let woken = decision.wakes.iter().filter(|wake| wake.delay_s == 0).map(|wake| &wake.queue).collect();
        self.look_for_work_but(&decision.freed, &woken).await;
    }

    async fn send(&self, decision: &Decision) {
        let mut messages: Vec<QueueMessage> = decision.sends.iter().map(QueueMessage::reply).collect();
        messages.extend(decision.fetches.iter().map(QueueMessage::fetch));
        messages.extend(decision.wakes.iter().map(QueueMessage::wake));
        self.queue(&messages).await;
    }

    /// Queues hints; what is lost, the sweep finds.
    pub async fn queue(&self, messages: &[QueueMessage]) {
        if !messages.is_empty()
            && let Err(error) = self.queues.send(messages).await
        {
            tracing::warn!(%error, "queue");
        }
    }

    /// Tells operators' windows. A window that is gone, or whose right to be told has ended, is forgotten.
    pub async fn tell(&self, tells: &[Tell]) {
        let now = self.now_ms();
        // One window's frames go out in their order; windows don't wait for each other.
        let mut windows: BTreeMap<&String, Vec<(&Tell, String)>> = BTreeMap::new();
        let mut gone: Vec<(&Tell, &String)> = Vec::new();
        for tell in tells {
            let frame =
                serde_json::to_string(&Event::of(&tell.operator, &tell.news)).expect("an event has a JSON form");
            for (connection, until) in &tell.operator.connections {
                if *until > now {
                    windows.entry(connection).or_default().push((tell, frame.clone()));
                } else {
                    gone.push((tell, connection));
                }
            }
        }
        let posts = windows.into_iter().map(async |(connection, frames)| {
            for (tell, frame) in frames {
                match self.push.post(connection, &frame).await {
                    Ok(()) => {}
                    Err(PushError::Gone) => return Some((tell, connection)),
                    Err(error) => tracing::warn!(%error, "push"),
                }
            }
            None
        });
        gone.extend(join_all(posts).await.into_iter().flatten());
        for (tell, connection) in gone {
            self.forget_connection(tell, connection).await;
        }
    }

    /// A window is gone: its operator has one less, and an offer that nobody is left to see is withdrawn at once.
    async fn forget_connection(&self, tell: &Tell, connection: &str) {
        let operator = match self.disconnect(&tell.operator.id, connection).await {
            Ok(operator) => operator,
            Err(error) => return tracing::warn!(%error, "could not forget a connection"),
        };
        if let (Some(operator), News::Offered(chat)) = (operator, &tell.news)
            && operator.connections.is_empty()
            && let Err(error) = Box::pin(self.withdraw(&operator.id, &chat.id)).await
        {
            error.log();
        }
    }

    /// Takes a connection from its operator; `None` when it was not there. The last one starts the grace (Q10).
    pub async fn disconnect(&self, operator: &OperatorId, connection: &str) -> Result<Option<Operator>, StoreError> {
        for _ in 0..DECISIONS_MAX {
            let Some(before) = self.operator(operator).await? else { return Ok(None) };
            let Some(after) = before.without_connection(connection, self.now_ms()) else { return Ok(None) };
            let change = domain::decision::Write::Operator { before: Some(before), after: after.clone() };
            let mut writes = records::rows(&[change], self.now_ms());
            let key = records::connection_key(operator, connection);
            writes.push(ports::store::Write::Delete { key, condition: None });
            match self.store.commit(&writes).await {
                Ok(()) => {
                    if after.connections.is_empty() {
                        self.look_for_absence(&after.id).await;
                    }
                    return Ok(Some(after));
                }
                Err(StoreError::ConditionFailed(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Conflict)
    }

    /// Has the router look, after the grace, whether the operator came back (Q10).
    async fn look_for_absence(&self, operator: &OperatorId) {
        let delay_s = u32::try_from(domain::operator::ABSENCE_GRACE_MS / 1000).unwrap_or(30) + 1;
        let what = wire::queues::Delayed::Absent { operator: operator.clone() };
        self.queue(&[QueueMessage::Delayed { delay_s, what }]).await;
    }

    /// Operators have room: one look at the head of each queue that they serve, and a wake-up where somebody waits (Q7).
    pub async fn look_for_work(&self, freed: &[Operator]) {
        self.look_for_work_but(freed, &BTreeSet::new()).await;
    }

    /// The same, without a look at queues that are awake already.
    async fn look_for_work_but(&self, freed: &[Operator], awake: &BTreeSet<&QueueId>) {
        if freed.is_empty() {
            return;
        }
        let Ok(config) = self.config().await else { return };
        let looks = freed
            .iter()
            .filter(|operator| operator.is_available())
            .flat_map(|operator| config.queues_of(operator).map(move |queue| (operator, queue)))
            .filter(|(_, queue)| !awake.contains(&queue.id));
        let wakes = join_all(looks.map(async |(operator, queue)| {
            let waits = records::line_head(&self.store, &queue.id).await;
            // A fault here is only a lost hint.
            let waits = waits.map_or(true, |head| head.is_some());
            waits.then(|| {
                let cause = format!("{}.{}", operator.id, operator.rev);
                QueueMessage::wake(&Wake { queue: queue.id.clone(), cause, delay_s: 0 })
            })
        }))
        .await;
        self.queue(&wakes.into_iter().flatten().collect::<Vec<_>>()).await;
    }

    /// Reads an operator.
    pub async fn operator(&self, operator: &OperatorId) -> Result<Option<Operator>, StoreError> {
        self.store
            .get(&[operator_key(operator)])
            .await?
            .first()
            .and_then(Option::as_ref)
            .map(decode_operator)
            .transpose()
    }

    /// Reads a chat together with an operator: one request.
    pub async fn chat_and_operator(
        &self,
        chat: &ChatId,
        operator: &OperatorId,
    ) -> Result<(Option<Chat>, Option<Operator>), StoreError> {
        let rows = self.store.get(&[chat_key(chat), operator_key(operator)]).await?;
        let row = |at: usize| rows.get(at).and_then(Option::as_ref);
        Ok((row(0).map(decode_chat).transpose()?, row(1).map(decode_operator).transpose()?))
    }

    /// Reads a chat and those who have a part in it. Who is likely to (a timer tells) is read along; others, whom only the chat
    /// names, in a second request.
    pub async fn case(&self, chat: &ChatId, likely: Option<&OperatorId>) -> Result<Option<Case>, StoreError> {
        let mut keys = vec![chat_key(chat)];
        keys.extend(likely.map(operator_key));
        let rows = self.store.get(&keys).await?;
        let row = |at: usize| rows.get(at).and_then(Option::as_ref);
        let Some(chat) = row(0).map(decode_chat).transpose()? else { return Ok(None) };
        self.parties(chat, row(1).map(decode_operator).transpose()?.as_ref()).await.map(Some)
    }

    /// Completes a chat by those who have a part in it; who is known already is not read again.
    pub async fn parties(&self, chat: Chat, known: Option<&Operator>) -> Result<Case, StoreError> {
        let names = [chat.operator().cloned(), chat.offer().map(|offer| offer.operator.clone())];
        let unknown: Vec<_> =
            names.iter().flatten().filter(|name| known.is_none_or(|known| known.id != **name)).collect();
        let rows = if unknown.is_empty() {
            Vec::new()
        } else {
            self.store.get(&unknown.iter().map(|name| operator_key(name)).collect::<Vec<_>>()).await?
        };
        let mut found = rows.iter().flatten().map(decode_operator).collect::<Result<Vec<_>, _>>()?;
        found.extend(known.cloned());
        let find = |name: &Option<OperatorId>| {
            name.as_ref().and_then(|name| found.iter().find(|operator| operator.id == *name).cloned())
        };
        Ok(Case { operator: find(&names[0]), target: find(&names[1]), chat })
    }

    /// Ends an offer whose time has passed, and whatever else its operator, now Inactive, had on offer (Q5, Q10).
    pub async fn expire(&self, offer: &OfferId, likely: Option<&OperatorId>) -> Result<(), Fault> {
        let mut inactive = None;
        self.decide(async || {
            inactive = None;
            let Some(Case { chat, operator, target: Some(target) }) = self.case(&offer.chat, likely).await? else {
                return Ok(Decision::nothing());
            };
            let decision = routing::expire(&chat, &target, operator.as_ref(), offer, self.now_ms());
            if !decision.is_nothing() && operator.is_none() {
                inactive = Some(target);
            }
            Ok(decision)
        })
        .await?;
        if let Some(operator) = inactive {
            for other in operator.offers.iter().filter(|chat| **chat != offer.chat) {
                self.withdraw(&operator.id, other).await?;
            }
        }
        Ok(())
    }

    /// Takes one offer back.
    pub async fn withdraw(&self, operator: &OperatorId, chat: &ChatId) -> Result<(), Fault> {
        self.decide(async || match self.case(chat, Some(operator)).await? {
            Some(Case { chat, operator: source, target: Some(target) }) if target.id == *operator => {
                Ok(routing::withdraw(&chat, &target, source.as_ref(), self.now_ms()))
            }
            _ => Ok(Decision::nothing()),
        })
        .await?;
        Ok(())
    }

    /// The operators who might be offered chats of a queue, freest first a role: two bounded queries a role, and one batch for
    /// the people whom the queue names (decision 8).
    pub async fn candidates(&self, queue: &Queue) -> Result<Vec<Operator>, StoreError> {
        let orders = queue.roles.iter().flat_map(|role| [(role, Line::Common), (role, Line::Own)]);
        let found =
            try_join_all(orders.map(|(role, line)| records::order_of_the_free(&self.store, role, line))).await?;
        let mut operators: Vec<Operator> = found.into_iter().flatten().collect();
        operators.extend(self.named(queue).await?);
        Ok(operators)
    }

    /// Everybody who may see the line of a *to all* queue: costs its audience, in pages (decision 8).
    pub async fn audience(&self, queue: &Queue) -> Result<Vec<Operator>, StoreError> {
        let orders = queue.roles.iter().flat_map(|role| [(role, Line::Common), (role, Line::Own)]);
        let found = try_join_all(orders.map(async |(role, line)| {
            let (mut operators, mut next) = records::available(&self.store, role, line, QUERY_ROWS_MAX, None).await?;
            for _ in 1..AUDIENCE_PAGES_MAX {
                let Some(cursor) = next else { break };
                let page = records::available(&self.store, role, line, QUERY_ROWS_MAX, Some(cursor)).await?;
                operators.extend(page.0);
                next = page.1;
            }
            Ok::<_, StoreError>(operators)
        }))
        .await?;
        let mut operators: Vec<Operator> = found.into_iter().flatten().collect();
        operators.extend(self.named(queue).await?);
        Ok(operators)
    }

    /// The people whom a queue names itself.
    async fn named(&self, queue: &Queue) -> Result<Vec<Operator>, StoreError> {
        if queue.users.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<_> = queue.users.iter().map(operator_key).collect();
        self.store.get(&keys).await?.iter().flatten().map(decode_operator).collect()
    }

    /// Takes back all offers of an operator who may have none: one transaction each.
    pub async fn withdraw_all(&self, operator: &OperatorId) -> Result<(), Fault> {
        let Some(operator) = self.operator(operator).await? else { return Ok(()) };
        if !operator.must_give_up_offers(self.now_ms()) {
            return Ok(());
        }
        for chat in &operator.offers {
            self.withdraw(&operator.id, chat).await?;
        }
        Ok(())
    }
}
