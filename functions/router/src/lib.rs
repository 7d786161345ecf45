//! Distributes waiting chats, and once a minute finds whatever hint was lost.
//!
//! Passes over a queue come one after the other (FIFO by queue); every pair of chat and operator is guarded by the revisions
//! of both, so that a pass which overlaps with another, or with an accept, can only come second (I3, I4).

mod line;
mod pass;
mod sweep;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use domain::config::{Queue, Rule};
use domain::decision::{Decision, Write};
use domain::{OperatorId, QueueId, routing, stay};
use ports::queues::Visibility;
use ports::records;
use ports::store::Cursor;
use ports::{Clock, Push, Queues, Store, Timers};
use runtime::batch::{self, Parking, Verdict};
use runtime::desk::Case;
use runtime::invocation::{self, Failed, Invocation, UnknownEvent};
use runtime::{Desk, Fault};
use serde::Deserialize;
use serde_json::Value;
use wire::queues::{CloseHint, Delayed, QueueMessage, VERSION, Wake};

/// How many chats of a queue one page of a changed timeout looks at.
const RETIME_PAGE: u32 = 100;

/// The function.
pub struct Router<S, Q, T, P, C, V> {
    /// Carries decisions out.
    pub desk: Desk<S, Q, T, P, C>,
    /// Says when a message comes back.
    pub visibility: V,
}

/// What arrives on the router's queues.
#[derive(Deserialize)]
#[serde(untagged)]
enum Arrival {
    Delayed(Delayed),
    Wake(Wake),
}

impl<S: Store, Q: Queues, T: Timers, P: Push, C: Clock, V: Visibility> Router<S, Q, T, P, C, V> {
    /// Handles whatever woke the function.
    pub async fn invoke(&self, event: Value) -> Result<Value, Failed> {
        match Invocation::read(event)? {
            Invocation::Sweep => {
                self.sweep().await?;
                Ok(Value::Null)
            }
            Invocation::Batch(batch) => Ok(invocation::batch_done(&self.handle(batch).await)),
            Invocation::Frame(_) | Invocation::Timer(_) => Err(UnknownEvent.into()),
        }
    }

    /// Handles a batch of `routing.fifo` or of `delayed`.
    pub async fn handle(&self, event: SqsEvent) -> SqsBatchResponse {
        let parking = Parking { queues: &self.desk.queues, of: |_| None };
        batch::handle(event, &self.visibility, &parking, async |message| self.one(message).await).await
    }

    async fn one(&self, message: &SqsMessage) -> Verdict {
        // A hint that cannot be read is worth nothing: the sweep finds what it was about.
        let Ok(arrival) = batch::body::<Arrival>(message) else { return Verdict::Done };
        let outcome = match arrival {
            Arrival::Wake(wake) => self.distribute(&wake).await,
            Arrival::Delayed(Delayed::Wake { queue, cause }) => self.wake_now(queue, &cause).await,
            Arrival::Delayed(Delayed::Absent { operator }) => self.absent(&operator).await,
            Arrival::Delayed(Delayed::Retime { queue, after }) => self.retime(&queue, after).await,
        };
        match outcome {
            Ok(()) => Verdict::Done,
            Err(fault) => {
                fault.log();
                Verdict::Later(Some(1))
            }
        }
    }

    /// A wait is over: into the queue's own line of passes, so that they stay one after the other.
    async fn wake_now(&self, queue: QueueId, cause: &str) -> Result<(), Fault> {
        let wake = Wake { v: VERSION, queue, cause: later(cause) };
        Ok(self.desk.queues.send(&[QueueMessage::Wake(wake)]).await?)
    }

    /// One pass over a queue.
    async fn distribute(&self, wake: &Wake) -> Result<(), Fault> {
        let config = self.desk.config().await?;
        match config.queues.get(&wake.queue) {
            Some(queue) if queue.rule == Rule::MostFree => self.assign(queue, &config).await,
            Some(queue) => self.show_line(queue, &wake.cause, &config).await,
            None => Ok(()),
        }
    }

    /// An operator may be away: their offers go back to the line, and their chats after the queue's patience (Q10).
    async fn absent(&self, operator: &OperatorId) -> Result<(), Fault> {
        self.desk.withdraw_all(operator).await?;
        let Some(operator) = self.desk.operator(operator).await? else { return Ok(()) };
        if !operator.disabled && !operator.is_absent(self.desk.now_ms()) {
            return Ok(());
        }
        let config = self.desk.config().await?;
        let mut staying = Vec::new();
        for chat in &operator.chats {
            let decision = self
                .desk
                .decide(async || {
                    let Some(Case { chat, operator: Some(with), target }) =
                        self.desk.case(chat, Some(&operator.id)).await?
                    else {
                        return Ok(Decision::nothing());
                    };
                    let now_ms = self.desk.now_ms();
                    staying.push(chat.route.queue.clone());
                    if !stay::is_time_to_return(config.queues.get(&chat.route.queue), &with, now_ms) {
                        return Ok(Decision::nothing());
                    }
                    Ok(stay::return_to_line(&chat, &with, target.as_ref(), now_ms))
                })
                .await?;
            if !decision.is_nothing() {
                staying.pop();
            }
        }
        self.look_again(&operator.id, staying.iter().map(|queue| config.queues.get(queue))).await
    }

    /// Sets when the sweep looks again at an operator whose chats stay with them for now.
    async fn look_again<'a>(
        &self,
        operator: &OperatorId,
        queues: impl Iterator<Item = Option<&'a Queue>> + Clone,
    ) -> Result<(), Fault> {
        self.desk
            .decide(async || {
                let Some(before) = self.desk.operator(operator).await? else { return Ok(Decision::nothing()) };
                let now_ms = self.desk.now_ms();
                let at_ms = stay::look_again_at_ms(queues.clone(), &before, now_ms);
                let settled = before.disabled || before.chats.is_empty() || !before.is_absent(now_ms);
                let Some(after) = before.looked_at(at_ms).filter(|_| !settled) else { return Ok(Decision::nothing()) };
                let change = Write::Operator { before: Some(before), after };
                Ok(Decision { writes: vec![change], ..Decision::default() })
            })
            .await?;
        Ok(())
    }

    /// A queue's close timeout changed: each of its open chats gets a look (L2), page by page.
    async fn retime(&self, queue: &QueueId, after: Option<String>) -> Result<(), Fault> {
        let (chats, next) =
            records::open_chats_of_queue(&self.desk.store, queue, RETIME_PAGE, after.map(Cursor)).await?;
        let mut messages: Vec<QueueMessage> =
            chats.into_iter().map(|chat| QueueMessage::CloseHint(CloseHint { v: VERSION, chat })).collect();
        if let Some(Cursor(after)) = next {
            let what = Delayed::Retime { queue: queue.clone(), after: Some(after) };
            messages.push(QueueMessage::Delayed { delay_s: 0, what });
        }
        if messages.is_empty() { Ok(()) } else { Ok(self.desk.queues.send(&messages).await?) }
    }
}

/// The cause of a wake-up whose wait is over.
fn later(cause: &str) -> String {
    format!("{cause}.later")
}

/// The operators of a pass are read in pages that leave nobody out who could matter.
const _: () = assert!(routing::CANDIDATES_PAGE as usize >= routing::LINE_PAGE as usize + domain::chat::DECLINERS_MAX);
