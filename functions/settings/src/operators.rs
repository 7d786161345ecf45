//! People: who is let in, with which roles and limits (P4, Q2, Q8).

use domain::OperatorId;
use domain::config::{Configuration, User};
use domain::decision::{News, Wake, Write as Change};
use domain::operator::Operator;
use domain::settings::{self, UserChange, UserDraft};
use ports::records::{
    self, configuration_key, decode_configuration, decode_operator, decode_user, email_key, operator_key, put_subject,
    put_user, user_key, users,
};
use ports::store::{Condition, Cursor, Write};
use ports::{Clock, Push, Store, StoreError};
use runtime::desk::DECISIONS_MAX;
use wire::http::{Code, Operators, PAGE_DEFAULT, PAGE_MAX};
use wire::operators::Event;
use wire::queues::{Delayed, QueueMessage};

use crate::answer::{Answer, Fault};
use crate::request::Call;
use crate::{Settings, World};

/// What a change of somebody was made of, and what it came to.
struct Changed {
    config: Configuration,
    before: User,
    after: User,
    /// The operator's row after it, if they ever signed in.
    operator: Option<Operator>,
}

impl<W: World> Settings<W> {
    pub(crate) async fn list_operators(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let limit = match call.query("limit") {
            None => PAGE_DEFAULT,
            Some(text) => text.parse().ok().filter(|limit| (1..=PAGE_MAX).contains(limit)).ok_or(Code::BadRequest)?,
        };
        let after = call.query("after").map(Cursor);
        let is_first = after.is_none();
        let (operators, next) = users(self.world.store(), limit, after).await.map_err(|error| match error {
            // Where a page ended, the caller tells: what is no such place is their mistake.
            StoreError::Refused(_) if !is_first => Code::BadRequest.into(),
            error => Fault::from(error),
        })?;
        Ok(Answer::json(200, &Operators { operators, next: next.map(|cursor| cursor.0) }))
    }

    pub(crate) async fn get_operator(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let id: OperatorId = call.id()?;
        let rows = self.world.store().get(&[user_key(&id)]).await?;
        let user = decode_user(rows.first().and_then(Option::as_ref).ok_or(Code::NotFound)?)?;
        Ok(Answer::json(200, &user).version(user.version))
    }

    pub(crate) async fn create_operator(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let draft: UserDraft = call.body()?;
        let id: OperatorId = self.new_id("u")?;
        for _ in 0..DECISIONS_MAX {
            let config = self.configuration().await?;
            let user = settings::new_user(&config, id.clone(), &draft)?;
            let taken = email_key(&user.email);
            if self.world.store().get(std::slice::from_ref(&taken)).await?.iter().any(Option::is_some) {
                return Err(Code::EmailTaken.into());
            }
            let mut writes = vec![put_user(&user), put_subject(taken, &user.id)];
            writes.extend(unchanged(&config));
            match self.world.store().commit(&writes).await {
                Ok(()) => return Ok(Answer::json(201, &user).version(user.version)),
                Err(StoreError::ConditionFailed(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    pub(crate) async fn put_operator(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let (id, version): (OperatorId, _) = (call.id()?, call.version()?);
        let change: UserChange = call.body()?;
        let changed = self.change_operator(&id, version, &change).await?;
        self.follow_up(&changed).await;
        Ok(Answer::json(200, &changed.after).version(changed.after.version))
    }

    /// The person and the operator's row with its places are changed by one commit, so that neither is ever without the other.
    async fn change_operator(
        &self,
        id: &OperatorId,
        version: Option<u64>,
        change: &UserChange,
    ) -> Result<Changed, Fault> {
        for _ in 0..DECISIONS_MAX {
            let keys = [configuration_key(), user_key(id), operator_key(id)];
            let rows = self.world.store().get(&keys).await?;
            let row = |at: usize| rows.get(at).and_then(Option::as_ref);
            let config = decode_configuration(row(0))?;
            let before = decode_user(row(1).ok_or(Code::NotFound)?)?;
            let operator = row(2).map(decode_operator).transpose()?;
            let after = settings::change_user(&config, &before, version, change)?;
            let mut writes = vec![put_user(&after)];
            writes.extend(unchanged(&config));
            let described = operator
                .as_ref()
                .and_then(|operator| operator.described(&after.name, &after.roles, after.own_limit, after.disabled));
            if let Some(described) = &described {
                let change = Change::Operator { before: operator.clone(), after: described.clone() };
                writes.extend(records::rows(&[change], self.world.clock().now_ms()));
            }
            match self.world.store().commit(&writes).await {
                Ok(()) => return Ok(Changed { config, before, after, operator: described.or(operator) }),
                Err(StoreError::ConditionFailed(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Their windows show what is new of them; a window that is gone says so itself.
    async fn show(&self, operator: &Operator) {
        let frame = serde_json::to_string(&Event::of(operator, &News::Myself)).expect("an event has a JSON form");
        for connection in operator.connections.keys() {
            if let Err(error) = self.world.push().post(connection, &frame).await {
                tracing::info!(%error, "a window was not told of a change of its operator");
            }
        }
    }

    /// Whoever is switched off, or lost a role, has their windows closed (the latter come back with what is theirs now);
    /// offers and chats of somebody switched off go back to the line; somebody with more room or roles is looked after.
    async fn follow_up(&self, changed: &Changed) {
        let Some(operator) = &changed.operator else { return };
        if operator.disabled || settings::lost_role(&changed.before, &changed.after) {
            for connection in operator.connections.keys() {
                if let Err(error) = self.world.push().close(connection).await {
                    tracing::error!(%error, "could not close a connection");
                }
            }
        }
        self.show(operator).await;
        if operator.disabled {
            let what = Delayed::Absent { operator: operator.id.clone() };
            return self.hint(&[QueueMessage::Delayed { delay_s: 0, what }]).await;
        }
        if operator.is_available() {
            let cause = format!("{}.{}", operator.id, operator.rev);
            let wakes = changed
                .config
                .queues_of(operator)
                .map(|queue| QueueMessage::wake(&Wake { queue: queue.id.clone(), cause: cause.clone(), delay_s: 0 }));
            self.hint(&wakes.collect::<Vec<_>>()).await;
        }
    }
}

/// That the roles, as read, are still there.
fn unchanged(config: &Configuration) -> Option<Write> {
    // Without a configuration there are no roles, and nothing to hold on to.
    let condition = Condition::Is("version", config.version.into());
    (config.version > 0).then(|| Write::Check { key: configuration_key(), condition })
}
