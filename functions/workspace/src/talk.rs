//! Writing to the customer, and reading what was written.

use domain::config::Configuration;
use domain::content::TEXT_CHARS_MAX;
use domain::message::Message;
use domain::reply::{self, Part, Replied};
use domain::{ChatId, Provider, Refusal};
use messengers::telegram;
use ports::records::{self, chat_key, decode_chat, decode_message, decode_operator, message_key, operator_key};
use ports::{Clock, Files, Push, Queues, Random, Store, StoreError, Timers};
use runtime::Fault;
use runtime::desk::DECISIONS_MAX;
use runtime::gateway::Caller;
use wire::operators::{HISTORY_MAX, History, Sent};
use wire::queues::{Outbound, OutboundKind, QueueMessage, VERSION};

use crate::Workspace;
use crate::sync::within_frame;

/// The customer is shown that somebody writes at most once in so long, milliseconds (Telegram shows it for 5 s).
const TYPING_MS: i64 = 4_000;

/// The parts that a messenger takes a text in.
pub(crate) fn parts(provider: Provider, text: &str) -> Vec<Part> {
    let parts = match provider {
        Provider::Telegram => telegram::split_text(text, telegram::TEXT_UTF16_MAX),
        // Their channels cannot be connected yet; a reply goes out whole.
        Provider::Messenger | Provider::Whatsapp => vec![text.to_owned()],
    };
    parts.into_iter().map(Part::from).collect()
}

pub(crate) fn serves(config: &Configuration, chat: &domain::chat::Chat) -> bool {
    config.channels.get(&chat.channel).is_some_and(|channel| channel.serving().is_some())
}

impl<S: Store, Q: Queues, T: Timers, P: Push, C: Clock, F: Files, R: Random> Workspace<S, Q, T, P, C, F, R> {
    /// Accepts a reply: one read, one transaction, one hint to the outbound function (I6).
    pub(crate) async fn send(&self, caller: &Caller, request: &str, chat: &ChatId, text: &str) -> Result<Sent, Fault> {
        if text.trim().is_empty() {
            return Err(Refusal::TextEmpty.into());
        }
        if text.chars().count() > TEXT_CHARS_MAX {
            return Err(Refusal::TextTooLong.into());
        }
        self.accept(caller, request, chat, |provider| parts(provider, text)).await
    }

    /// Accepts the parts of a reply: one read, one transaction, one hint to the outbound function a part (I6).
    pub(crate) async fn accept(
        &self,
        caller: &Caller,
        request: &str,
        chat: &ChatId,
        parts: impl Fn(Provider) -> Vec<Part>,
    ) -> Result<Sent, Fault> {
        for _ in 0..DECISIONS_MAX {
            let (chat, me) = self.desk.chat_and_operator(chat, &caller.operator).await?;
            let (chat, me) = (chat.ok_or(Refusal::ChatNotFound)?, me.ok_or(Refusal::OperatorNotFound)?);
            let config = self.desk.config().await?;
            let (serves, parts) = (serves(&config, &chat), parts(chat.provider));
            let Replied { seqs, mut decision } = reply::reply(&chat, &me, serves, &parts, request, self.desk.now_ms())?;
            // This window has the answer; the operator's others are told.
            for tell in &mut decision.tells {
                tell.operator.connections.remove(&caller.connection);
            }
            match self.desk.carry_out(&decision).await {
                Ok(()) => return Ok(Sent { seqs }),
                Err(StoreError::ConditionFailed(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Sends again what failed or may not have arrived.
    pub(crate) async fn resend(&self, caller: &Caller, chat: &ChatId, seq: u64) -> Result<(), Fault> {
        self.desk
            .decide(async || {
                let keys = [chat_key(chat), message_key(chat, seq), operator_key(&caller.operator)];
                let rows = self.desk.store.get(&keys).await?;
                let [Some(chat), message, Some(me)] = rows.as_slice() else { return Err(Refusal::ChatNotFound.into()) };
                let (chat, me) = (decode_chat(chat)?, decode_operator(me)?);
                reply::may_speak(&chat, &me.id)?;
                let message = decode_message(message.as_ref().ok_or(Refusal::MessageNotFound)?)?;
                let config = self.desk.config().await?;
                Ok(reply::resend(&chat, &message, &me, serves(&config, &chat), self.desk.now_ms())?)
            })
            .await?;
        Ok(())
    }

    /// Notes how far the operator has read.
    pub(crate) async fn read(&self, caller: &Caller, chat: &ChatId, seq: u64) -> Result<(), Fault> {
        self.desk
            .decide(async || {
                let rows = self.desk.store.get(&[chat_key(chat)]).await?;
                let chat = decode_chat(rows.first().and_then(Option::as_ref).ok_or(Refusal::ChatNotFound)?)?;
                Ok(reply::read(&chat, &caller.operator, seq)?)
            })
            .await?;
        Ok(())
    }

    /// Has the customer shown that somebody writes.
    pub(crate) async fn typing(&self, caller: &Caller, chat: &ChatId) -> Result<(), Fault> {
        let rows = self.desk.store.get(&[chat_key(chat)]).await?;
        let chat = decode_chat(rows.first().and_then(Option::as_ref).ok_or(Refusal::ChatNotFound)?)?;
        reply::may_speak(&chat, &caller.operator)?;
        let now_ms = self.desk.now_ms();
        // The same few seconds are the same hint.
        let what = OutboundKind::Typing { at_ms: now_ms - now_ms.rem_euclid(TYPING_MS) };
        let outbound = Outbound { v: VERSION, provider: chat.provider, chat: chat.id, what };
        self.desk.queue(&[QueueMessage::Outbound(outbound)]).await;
        Ok(())
    }

    /// A page of a chat's messages, in order, cut to fit a frame.
    pub(crate) async fn history(
        &self,
        caller: &Caller,
        chat: &ChatId,
        before: Option<u64>,
        limit: Option<u32>,
    ) -> Result<History, Fault> {
        let (found, me) = self.desk.chat_and_operator(chat, &caller.operator).await?;
        let (found, me) = (found.ok_or(Refusal::ChatNotFound)?, me.ok_or(Refusal::OperatorNotFound)?);
        let config = self.desk.config().await?;
        reply::may_read(&found, &me, &config)?;
        let limit = limit.unwrap_or(HISTORY_MAX).clamp(1, HISTORY_MAX);
        let (newest_first, _) = records::history(&self.desk.store, chat, before, limit).await?;
        let mut messages = within_frame(newest_first.iter().map(Message::shown).collect());
        messages.reverse();
        // Messages are numbered from 1 without a gap: surer than the store, which may point behind an exactly full last page.
        let more = messages.first().is_some_and(|oldest| oldest.seq > 1);
        Ok(History { chat: chat.clone(), messages, more })
    }
}
