//! Accept, decline, and the accept timeout (Q3-Q6, Q9, I4).

use aws_lambda_events::event::apigw::ApiGatewayWebsocketProxyRequest;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use domain::chat::Chat;
use domain::decision::{Decision, Write};
use domain::routing::{self, Accept};
use domain::{ChatId, OfferId, OperatorId, Refusal};
use ports::queues::Visibility;
use ports::{Clock, Push, Queues, Store, Timers};
use runtime::batch::{self, Parking, Verdict};
use runtime::gateway::{self, Caller};
use runtime::invocation::{self, Failed, Invocation, UnknownEvent};
use runtime::{Desk, Fault};
use serde_json::Value;
use wire::operators::{ChatView, Command};
use wire::queues::OfferHint;
use wire::timers::Fires;

/// The function.
pub struct Acceptance<S, Q, T, P, C, V> {
    /// Carries decisions out.
    pub desk: Desk<S, Q, T, P, C>,
    /// Says when a message comes back.
    pub visibility: V,
}

impl<S: Store, Q: Queues, T: Timers, P: Push, C: Clock, V: Visibility> Acceptance<S, Q, T, P, C, V> {
    /// Handles whatever woke the function.
    pub async fn invoke(&self, event: Value) -> Result<Value, Failed> {
        match Invocation::read(event)? {
            Invocation::Frame(frame) => {
                self.frame(&frame).await;
                Ok(invocation::frame_done())
            }
            Invocation::Timer(fires) => {
                self.timer(&fires).await?;
                Ok(Value::Null)
            }
            Invocation::Batch(batch) => Ok(invocation::batch_done(&self.hints(batch).await)),
            Invocation::Sweep => Err(UnknownEvent.into()),
        }
    }

    /// Handles a frame of the operators' gateway.
    pub async fn frame(&self, event: &ApiGatewayWebsocketProxyRequest) {
        gateway::answer(&self.desk.push, event, self.desk.now_ms(), async |caller, request, command| {
            self.carry_out(caller, request, command).await
        })
        .await;
    }

    /// Handles a timer: an error makes the scheduler try again.
    pub async fn timer(&self, fires: &Fires) -> Result<(), Fault> {
        match fires {
            Fires::AcceptTimeout { offer, operator } => self.desk.expire(offer, operator.as_ref()).await,
            Fires::AutoClose { .. } => Ok(()),
        }
    }

    /// Handles a batch of `offer-hints`.
    pub async fn hints(&self, event: SqsEvent) -> SqsBatchResponse {
        let parking = Parking { queues: &self.desk.queues, of: |_| None };
        batch::handle(event, &self.visibility, &parking, async |message| self.hint(message).await).await
    }

    async fn hint(&self, message: &SqsMessage) -> Verdict {
        // A hint that cannot be read is worth nothing: the sweep sends another.
        let Ok(hint) = batch::body::<OfferHint>(message) else { return Verdict::Done };
        match self.desk.expire(&hint.offer, None).await {
            Ok(()) => Verdict::Done,
            Err(fault) => {
                fault.log();
                Verdict::Later(Some(2))
            }
        }
    }

    async fn carry_out(&self, caller: &Caller, request: &str, command: Command) -> Result<Option<Value>, Fault> {
        match command {
            Command::Accept { chat, offer } => {
                let taken = self.accept(&caller.operator, &chat, offer.as_ref()).await?;
                Ok(gateway::result(&ChatView::from(&taken)))
            }
            Command::Decline { offer } => {
                self.decline(&caller.operator, &offer, request).await?;
                Ok(None)
            }
            Command::Expire { offer } => {
                self.desk.expire(&offer, Some(&caller.operator)).await?;
                Ok(None)
            }
            _ => Err(gateway::not_here()),
        }
    }

    async fn accept(&self, me: &OperatorId, chat: &ChatId, offer: Option<&OfferId>) -> Result<Chat, Fault> {
        let mut taken = None;
        let outcome = self
            .desk
            .decide(async || {
                let (chat, operator, source) = self.parties(chat, me).await?;
                let config = self.desk.config().await?;
                let now_ms = self.desk.now_ms();
                let accept = Accept {
                    chat: &chat,
                    operator: &operator,
                    source: source.as_ref(),
                    offer,
                    config: &config,
                    now_ms,
                };
                let decision = accept.decide()?;
                taken = Some(after(chat, &decision));
                Ok(decision)
            })
            .await;
        self.expire_if_late(&outcome, chat, offer, me).await;
        outcome?;
        taken.ok_or(Fault::Refused(Refusal::OfferGone))
    }

    async fn decline(&self, me: &OperatorId, offer: &OfferId, request: &str) -> Result<(), Fault> {
        let outcome = self
            .desk
            .decide(async || {
                let (chat, operator, source) = self.parties(&offer.chat, me).await?;
                Ok(routing::decline(&chat, &operator, source.as_ref(), offer, request, self.desk.now_ms())?)
            })
            .await;
        self.expire_if_late(&outcome, &offer.chat, Some(offer), me).await;
        outcome.map(|_| ())
    }

    /// Chat and operator in one read; who has the chat in work, where it is a transfer, in another.
    async fn parties(
        &self,
        chat: &ChatId,
        me: &OperatorId,
    ) -> Result<(Chat, domain::operator::Operator, Option<domain::operator::Operator>), Fault> {
        let (chat, operator) = self.desk.chat_and_operator(chat, me).await?;
        let chat = chat.ok_or(Refusal::ChatNotFound)?;
        let operator = operator.ok_or(Refusal::OperatorNotFound)?;
        let source = match chat.operator() {
            Some(with) if with != me && chat.offer().is_some_and(|offer| offer.operator == *me) => {
                self.desk.operator(with).await?
            }
            _ => None,
        };
        Ok((chat, operator, source))
    }

    /// Whoever comes too late is the first to know that the offer has run out: the timer need not come first.
    async fn expire_if_late<R>(
        &self,
        outcome: &Result<R, Fault>,
        chat: &ChatId,
        offer: Option<&OfferId>,
        me: &OperatorId,
    ) {
        if !matches!(outcome, Err(Fault::Refused(Refusal::OfferExpired))) {
            return;
        }
        let offer = match offer {
            Some(offer) => Some(offer.clone()),
            None => match self.desk.chat_and_operator(chat, me).await {
                Ok((Some(chat), _)) => chat.offer().map(|offer| offer.id.clone()),
                _ => None,
            },
        };
        if let Some(offer) = offer
            && let Err(fault) = self.desk.expire(&offer, Some(me)).await
        {
            fault.log();
        }
    }
}

/// The chat as the decision leaves it.
fn after(chat: Chat, decision: &Decision) -> Chat {
    decision
        .writes
        .iter()
        .find_map(|write| match write {
            Write::Route { route, .. } => Some(chat.on(route.clone())),
            _ => None,
        })
        .unwrap_or(chat)
}
