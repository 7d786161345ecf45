//! Presence: who is connected, by which windows, and takes chats or not (W1, Q7, Q10).
//!
//! Everything here may come twice: doubles leave what one does.

use aws_lambda_events::event::apigw::ApiGatewayWebsocketProxyRequest;
use domain::config::Rule;
use domain::decision::{Decision, News, Wake, Write as Change};
use domain::operator::{CONNECTION_SILENCE_MS, Operator, Status};
use domain::{OperatorId, Refusal};
use ports::records::{self, connection_key, operator_key, put_connection};
use ports::store::{Condition, Write};
use ports::{Clock, Identity, Push, Queues, Random, Store, StoreError};
use runtime::Fault;
use runtime::desk::DECISIONS_MAX;
use runtime::gateway::{self, Caller};
use serde_json::Value;
use wire::http::Code;
use wire::operators::{Command, Myself, PING_S, QueueView, Welcome};
use wire::queues::QueueMessage;

use crate::Session;
use crate::answer::Answer;
use crate::event::Call;
use crate::people::fault;

impl<S: Store, Q: Queues, P: Push, C: Clock, I: Identity, R: Random> Session<S, Q, P, C, I, R> {
    /// A frame of a client.
    pub(crate) async fn frame(&self, event: &ApiGatewayWebsocketProxyRequest) {
        gateway::answer(&self.desk.push, event, self.desk.now_ms(), async |caller, _, command| match command {
            Command::Hello {} => self.hello(caller).await,
            Command::Ping {} => self.ping(caller).await,
            Command::Status { status } => self.status(caller, status).await,
            _ => Err(gateway::not_here()),
        })
        .await;
    }

    /// A connection is gone. Nobody tells so twice: what is missed here, the sweep finds by the missing pings.
    pub(crate) async fn disconnected(&self, event: &ApiGatewayWebsocketProxyRequest) {
        let Some(caller) = gateway::caller(event) else {
            tracing::warn!("a connection that nobody vouched for is gone");
            return;
        };
        if let Err(error) = self.desk.disconnect(&caller.operator, &caller.connection).await {
            tracing::error!(%error, "could not take a connection off");
        }
    }

    /// A window is here: from now on it is told what happens.
    async fn hello(&self, caller: &Caller) -> Result<Option<Value>, Fault> {
        let operator = self.connect(caller).await?;
        let config = self.desk.config().await?;
        let queues = config.queues_of(&operator).map(|queue| QueueView {
            id: queue.id.clone(),
            name: queue.name.clone(),
            rule: queue.rule,
            limit: config.limit(&operator, Some(queue)),
        });
        let welcome = Welcome {
            operator: Myself::from(&operator),
            queues: queues.collect(),
            notification_sound: config.settings.notification_sound.clone(),
            ping_s: PING_S,
            auth_until_ms: caller.auth_until_ms,
        };
        self.look_around(&operator).await;
        Ok(gateway::result(&welcome))
    }

    async fn connect(&self, caller: &Caller) -> Result<Operator, Fault> {
        for _ in 0..DECISIONS_MAX {
            let now = self.desk.now_ms();
            let before = self.desk.operator(&caller.operator).await?.ok_or(Refusal::OperatorNotFound)?;
            if before.disabled {
                return Err(Refusal::OperatorDisabled.into());
            }
            let (after, silent) = self.connected(&before, caller, now).await?;
            let mut writes = if after == before {
                // A double: it must still be so, or a sign of life would be left of a connection that was just taken off.
                let condition = Condition::Is("rev", before.rev.into());
                vec![Write::Check { key: operator_key(&before.id), condition }]
            } else {
                records::rows(&[Change::Operator { before: Some(before), after: after.clone() }], now)
            };
            writes.push(put_connection(&caller.operator, &caller.connection, caller.auth_until_ms, now, None));
            writes.extend(
                silent
                    .iter()
                    .map(|gone| Write::Delete { key: connection_key(&caller.operator, gone), condition: None }),
            );
            match self.desk.store.commit(&writes).await {
                Ok(()) => {
                    self.close_all(silent.iter()).await;
                    return Ok(after);
                }
                Err(StoreError::ConditionFailed(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// The operator with this connection, and the silent ones that made room for it.
    async fn connected(&self, before: &Operator, caller: &Caller, now: i64) -> Result<(Operator, Vec<String>), Fault> {
        if before.connections.get(&caller.connection) == Some(&caller.auth_until_ms) {
            return Ok((before.clone(), Vec::new()));
        }
        match before.with_connection(&caller.connection, caller.auth_until_ms, now) {
            Ok(after) => Ok((after, Vec::new())),
            Err(Refusal::TooManyConnections) => {
                let silent = self.silent(before, now).await?;
                let after = before.with_connection_for(&caller.connection, caller.auth_until_ms, &silent, now)?;
                Ok((after, silent))
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// The connections that have not pinged for so long that they are gone, though nobody said so.
    async fn silent(&self, operator: &Operator, now: i64) -> Result<Vec<String>, StoreError> {
        let connections: Vec<&String> = operator.connections.keys().collect();
        let keys: Vec<_> = connections.iter().map(|connection| connection_key(&operator.id, connection)).collect();
        let rows = self.desk.store.get(&keys).await?;
        let is_silent = |row: &Option<ports::store::Row>| {
            let seen = row.as_ref().and_then(|row| row.attributes.get("seen_ms")).and_then(Value::as_i64);
            seen.is_none_or(|seen| now - seen > CONNECTION_SILENCE_MS)
        };
        Ok(connections.into_iter().zip(&rows).filter(|(_, row)| is_silent(row)).map(|(name, _)| name.clone()).collect())
    }

    /// Closes connections that are given up already: whether they hear of it does not matter.
    async fn close_all<'a>(&self, connections: impl Iterator<Item = &'a String>) {
        for connection in connections {
            if let Err(error) = self.desk.push.close(connection).await {
                tracing::info!(%error, "a silent connection was not closed");
            }
        }
    }

    /// Somebody may take chats now: waiting chats are looked for, and *to all* lines are told to the new window (Q3, Q7).
    async fn look_around(&self, operator: &Operator) {
        if !operator.is_available() {
            return;
        }
        self.desk.look_for_work(std::slice::from_ref(operator)).await;
        let Ok(config) = self.desk.config().await else { return };
        let lines = config.queues_of(operator).filter(|queue| queue.rule == Rule::ToAll).map(|queue| {
            let cause = format!("{}.{}", operator.id, operator.rev);
            QueueMessage::wake(&Wake { queue: queue.id.clone(), cause, delay_s: 0 })
        });
        self.desk.queue(&lines.collect::<Vec<_>>()).await;
    }

    /// A window is still here. It hears what its operator's revision is: had it missed something, it would know by that.
    async fn ping(&self, caller: &Caller) -> Result<Option<Value>, Fault> {
        let now = self.desk.now_ms();
        let seen =
            put_connection(&caller.operator, &caller.connection, caller.auth_until_ms, now, Some(Condition::Exists));
        match self.desk.store.commit(&[seen]).await {
            Ok(()) => {
                let operator = self.desk.operator(&caller.operator).await?.ok_or(Refusal::OperatorNotFound)?;
                Ok(gateway::result(&Myself::from(&operator)))
            }
            Err(StoreError::ConditionFailed(_)) => Err(Refusal::NotConnected.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// The operator takes chats, or takes none for now (W1).
    async fn status(&self, caller: &Caller, status: Status) -> Result<Option<Value>, Fault> {
        self.desk.decide(async || self.decide_status(caller, status).await).await?;
        if status == Status::Inactive {
            // The status stands: an offer that could not be taken back now, the sweep takes back.
            if let Err(fault) = self.desk.withdraw_all(&caller.operator).await {
                fault.log();
            }
        }
        let operator = self.desk.operator(&caller.operator).await?.ok_or(Refusal::OperatorNotFound)?;
        if status == Status::Active {
            self.look_around(&operator).await;
        }
        Ok(gateway::result(&Myself::from(&operator)))
    }

    async fn decide_status(&self, caller: &Caller, status: Status) -> Result<Decision, Fault> {
        let before = self.desk.operator(&caller.operator).await?.ok_or(Refusal::OperatorNotFound)?;
        if before.disabled {
            return Err(Refusal::OperatorDisabled.into());
        }
        if !before.connections.contains_key(&caller.connection) {
            return Err(Refusal::NotConnected.into());
        }
        let Some(after) = before.with_status(status) else { return Ok(Decision::nothing()) };
        let mut decision = Decision::nothing();
        decision.writes.push(Change::Operator { before: Some(before), after: after.clone() });
        decision.tell(&after, News::Myself);
        Ok(decision)
    }

    /// `POST /api/sign-out`: the caller's windows are closed. Whoever is no operator has none, and is done.
    ///
    /// A ticket that was issued and not used yet still opens a connection; it holds 30 s.
    pub(crate) async fn sign_out(&self, call: &Call) -> Result<Answer, Code> {
        let principal = self.principal(call).await?;
        let Some(user) = self.bound(&principal).await.map_err(|error| fault(&error))? else {
            return Ok(Answer::empty(204));
        };
        let operator = self.desk.operator(&user.id).await.map_err(|error| fault(&error))?;
        for connection in operator.iter().flat_map(|operator| operator.connections.keys()) {
            self.hang_up(&user.id, connection).await?;
        }
        Ok(Answer::empty(204))
    }

    /// Closed first: a connection that could not be closed stays known, so that asking again closes it.
    async fn hang_up(&self, operator: &OperatorId, connection: &str) -> Result<(), Code> {
        self.desk.push.close(connection).await.map_err(|error| {
            tracing::error!(%error, "could not close a connection");
            Code::TryAgain
        })?;
        self.desk.disconnect(operator, connection).await.map_err(|error| fault(&error))?;
        Ok(())
    }
}
