//! The close timeout (L2, I7): closes a chat whose time has come, or sets its timer anew.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use domain::decision::Decision;
use domain::{ChatId, OperatorId, stay};
use ports::queues::Visibility;
use ports::{Clock, Push, Queues, Store, Timers};
use runtime::batch::{self, Parking, Verdict};
use runtime::desk::Case;
use runtime::invocation::{self, Failed, Invocation, UnknownEvent};
use runtime::{Desk, Fault};
use serde_json::Value;
use wire::queues::CloseHint;
use wire::timers::Fires;

/// The function.
pub struct AutoClose<S, Q, T, P, C, V> {
    /// Carries decisions out.
    pub desk: Desk<S, Q, T, P, C>,
    /// Says when a message comes back.
    pub visibility: V,
}

impl<S: Store, Q: Queues, T: Timers, P: Push, C: Clock, V: Visibility> AutoClose<S, Q, T, P, C, V> {
    /// Handles whatever woke the function.
    pub async fn invoke(&self, event: Value) -> Result<Value, Failed> {
        match Invocation::read(event)? {
            Invocation::Timer(fires) => {
                self.timer(&fires).await?;
                Ok(Value::Null)
            }
            Invocation::Batch(batch) => Ok(invocation::batch_done(&self.hints(batch).await)),
            Invocation::Frame(_) | Invocation::Sweep => Err(UnknownEvent.into()),
        }
    }

    /// Handles a timer: an error makes the scheduler try again.
    pub async fn timer(&self, fires: &Fires) -> Result<(), Fault> {
        match fires {
            Fires::AutoClose { chat, operator } => self.look(chat, operator.as_ref()).await,
            Fires::AcceptTimeout { .. } => Ok(()),
        }
    }

    /// Handles a batch of `close-hints`.
    pub async fn hints(&self, event: SqsEvent) -> SqsBatchResponse {
        let parking = Parking { queues: &self.desk.queues, of: |_| None };
        batch::handle(event, &self.visibility, &parking, async |message| self.hint(message).await).await
    }

    async fn hint(&self, message: &SqsMessage) -> Verdict {
        // A hint that cannot be read is worth nothing: the sweep sends another.
        let Ok(hint) = batch::body::<CloseHint>(message) else { return Verdict::Done };
        // A changed timeout sends hints right away: what this process read a moment ago may be the timeout before.
        self.desk.configuration.forget();
        match self.look(&hint.chat, None).await {
            Ok(()) => Verdict::Done,
            Err(fault) => {
                fault.log();
                Verdict::Later(Some(2))
            }
        }
    }

    async fn look(&self, chat: &ChatId, likely: Option<&OperatorId>) -> Result<(), Fault> {
        self.desk
            .decide(async || {
                let Some(Case { chat, operator, target }) = self.desk.case(chat, likely).await? else {
                    return Ok(Decision::nothing());
                };
                let config = self.desk.config().await?;
                let queue = config.queues.get(&chat.route.queue);
                Ok(stay::close_by_time(&chat, operator.as_ref(), target.as_ref(), queue, self.desk.now_ms()))
            })
            .await?;
        Ok(())
    }
}
