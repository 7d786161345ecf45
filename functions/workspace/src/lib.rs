//! Every command of an operator that is not accept, decline or presence: writing, sending files, closing, transferring,
//! catching up.

mod files;
mod sync;
mod talk;

use crate::files::{Announced, Upload};
use aws_lambda_events::event::apigw::ApiGatewayWebsocketProxyRequest;
use domain::decision::Decision;
use domain::{ChatId, Refusal, stay, transfer};
use ports::{Clock, Files, Push, Queues, Random, Store, Timers};
use runtime::desk::Case;
use runtime::gateway::{self, Caller};
use runtime::invocation::{self, Failed, Invocation, UnknownEvent};
use runtime::{Desk, Fault};
use serde_json::Value;
use wire::operators::{Colleague, Colleagues, Command, QueueView, Target};

/// The function.
pub struct Workspace<S, Q, T, P, C, F, R> {
    /// Carries decisions out.
    pub desk: Desk<S, Q, T, P, C>,
    /// The bucket.
    pub files: F,
    /// Names uploads.
    pub random: R,
}

impl<S: Store, Q: Queues, T: Timers, P: Push, C: Clock, F: Files, R: Random> Workspace<S, Q, T, P, C, F, R> {
    /// Handles whatever woke the function.
    pub async fn invoke(&self, event: Value) -> Result<Value, Failed> {
        match Invocation::read(event)? {
            Invocation::Frame(frame) => {
                self.frame(&frame).await;
                Ok(invocation::frame_done())
            }
            Invocation::Batch(_) | Invocation::Timer(_) | Invocation::Sweep => Err(UnknownEvent.into()),
        }
    }

    /// Handles a frame of the operators' gateway.
    pub async fn frame(&self, event: &ApiGatewayWebsocketProxyRequest) {
        gateway::answer(&self.desk.push, event, self.desk.now_ms(), async |caller, request, command| {
            self.carry_out(caller, request, command).await
        })
        .await;
    }

    async fn carry_out(&self, caller: &Caller, request: &str, command: Command) -> Result<Option<Value>, Fault> {
        match command {
            Command::Sync { chats } => self.sync(caller, &chats).await.map(|synced| gateway::result(&synced)),
            Command::Send { chat, text } => {
                self.send(caller, request, &chat, &text).await.map(|sent| gateway::result(&sent))
            }
            Command::Upload { chat, name, content_type, size_bytes } => {
                let announced = Announced { name: &name, content_type: &content_type, size_bytes };
                self.upload(caller, &chat, &announced).await.map(|slot| gateway::result(&slot))
            }
            Command::SendFile { chat, key, name, caption } => {
                let upload = Upload { key: &key, name: &name, caption: caption.as_deref() };
                self.send_file(caller, request, &chat, &upload).await.map(|sent| gateway::result(&sent))
            }
            Command::File { chat, seq } => self.file(caller, &chat, seq).await.map(|link| gateway::result(&link)),
            Command::Resend { chat, seq } => self.resend(caller, &chat, seq).await.map(|()| None),
            Command::Read { chat, seq } => self.read(caller, &chat, seq).await.map(|()| None),
            Command::Typing { chat } => self.typing(caller, &chat).await.map(|()| None),
            Command::History { chat, before, limit } => {
                self.history(caller, &chat, before, limit).await.map(|history| gateway::result(&history))
            }
            Command::Close { chat } => self.close(caller, request, &chat).await.map(|()| None),
            Command::Transfer { chat, to } => self.transfer(caller, request, &chat, &to).await.map(|()| None),
            Command::Colleagues { chat } => {
                self.colleagues(caller, &chat).await.map(|colleagues| gateway::result(&colleagues))
            }
            Command::Hello {}
            | Command::Ping {}
            | Command::Status { .. }
            | Command::Accept { .. }
            | Command::Decline { .. }
            | Command::Expire { .. } => Err(gateway::not_here()),
        }
    }

    /// The chat, the caller, and to whom the chat is on offer: one read, and a second one only during a transfer.
    async fn my_case(&self, caller: &Caller, chat: &ChatId) -> Result<(Case, domain::operator::Operator), Fault> {
        let (chat, me) = self.desk.chat_and_operator(chat, &caller.operator).await?;
        let me = me.ok_or(Refusal::OperatorNotFound)?;
        let chat = chat.ok_or(Refusal::ChatNotFound)?;
        // Only the chat of the caller's own work has parties that matter here.
        if chat.operator() != Some(&me.id) {
            return Ok((Case { chat, operator: None, target: None }, me));
        }
        Ok((self.desk.parties(chat, Some(&me)).await?, me))
    }

    async fn close(&self, caller: &Caller, request: &str, chat: &ChatId) -> Result<(), Fault> {
        self.desk
            .decide(async || {
                let (case, me) = self.my_case(caller, chat).await?;
                Ok(stay::close_by_hand(&case.chat, &me, case.target.as_ref(), request, self.desk.now_ms())?)
            })
            .await?;
        Ok(())
    }

    async fn transfer(&self, caller: &Caller, request: &str, chat: &ChatId, to: &Target) -> Result<(), Fault> {
        self.desk.decide(async || self.decide_transfer(caller, request, chat, to).await).await?;
        Ok(())
    }

    async fn decide_transfer(
        &self,
        caller: &Caller,
        request: &str,
        chat: &ChatId,
        to: &Target,
    ) -> Result<Decision, Fault> {
        let config = self.desk.config().await?;
        let now_ms = self.desk.now_ms();
        let (case, me) = self.my_case(caller, chat).await?;
        match to {
            Target::Operator(target) => {
                let target = self.desk.operator(target).await?.ok_or(Refusal::OperatorNotFound)?;
                Ok(transfer::to_operator(&case.chat, &me, &target, &config, request, now_ms)?)
            }
            Target::Queue(queue) => {
                let queue = config.queues.get(queue).ok_or(Refusal::QueueNotFound)?;
                Ok(transfer::to_queue(&case.chat, &me, case.target.as_ref(), queue, request, now_ms)?)
            }
        }
    }

    /// Who might take the chat over right now: the available people of its queue, freest first (Q9).
    async fn colleagues(&self, caller: &Caller, chat: &ChatId) -> Result<Colleagues, Fault> {
        let (chat, me) = self.desk.chat_and_operator(chat, &caller.operator).await?;
        let (chat, me) = (chat.ok_or(Refusal::ChatNotFound)?, me.ok_or(Refusal::OperatorNotFound)?);
        domain::reply::may_speak(&chat, &me.id)?;
        let config = self.desk.config().await?;
        let queue = config.queues.get(&chat.route.queue);
        let mut operators = match queue {
            Some(queue) => self.desk.candidates(queue).await?,
            None => Vec::new(),
        };
        operators.retain(|operator| {
            operator.id != me.id && operator.is_available() && operator.load() < config.limit(operator, queue)
        });
        operators.sort_by_key(|operator| (operator.load(), operator.last_taken_at_ms, operator.id.clone()));
        operators.dedup_by(|a, b| a.id == b.id);
        let operators = operators
            .into_iter()
            .map(|operator| Colleague { load: operator.load(), id: operator.id, name: operator.name })
            .collect();
        let queues = config.queues.values().map(|queue| queue_view(&config, &me, queue)).collect();
        Ok(Colleagues { operators, queues })
    }
}

fn queue_view(
    config: &domain::config::Configuration,
    operator: &domain::operator::Operator,
    queue: &domain::config::Queue,
) -> QueueView {
    QueueView {
        id: queue.id.clone(),
        name: queue.name.clone(),
        rule: queue.rule,
        limit: config.limit(operator, Some(queue)),
    }
}
