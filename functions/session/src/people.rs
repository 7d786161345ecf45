//! Who somebody is here: the person of a verified token, bound at the first sign-in, and their row as an operator (P4).

use domain::OperatorId;
use domain::config::User;
use domain::decision::Write as Change;
use domain::operator::Operator;
use ports::records::{
    self, decode_operator, decode_user, email_key, operator_key, put_subject, put_user, subject_key, user_key,
};
use ports::store::{Condition, Key, Write};
use ports::{Clock, Identity, IdentityError, Principal, Push, Queues, Random, Store, StoreError};
use runtime::desk::DECISIONS_MAX;
use serde_json::{Value, json};
use wire::http::Code;

use crate::Session;
use crate::event::Call;

/// A store's fault, for the caller; its cause goes to the log.
pub(crate) fn fault(error: &StoreError) -> Code {
    tracing::error!(%error, "store");
    if matches!(error, StoreError::Refused(_)) { Code::Internal } else { Code::TryAgain }
}

impl<S: Store, Q: Queues, P: Push, C: Clock, I: Identity, R: Random> Session<S, Q, P, C, I, R> {
    /// Whom the issuer says the caller is.
    pub(crate) async fn principal(&self, call: &Call) -> Result<Principal, Code> {
        let token = call.bearer().ok_or(Code::TokenRefused)?;
        self.identity.verify(token, self.desk.now_ms()).await.map_err(|error| match error {
            IdentityError::Refused(why) => {
                runtime::telemetry::count("token_refused", why);
                Code::TokenRefused
            }
            IdentityError::Unavailable(_) => {
                tracing::error!(%error, "identity");
                Code::TryAgain
            }
        })
    }

    /// The person whom a principal was bound to before.
    pub(crate) async fn bound(&self, principal: &Principal) -> Result<Option<User>, StoreError> {
        match self.pointed(subject_key(&principal.subject)).await? {
            Some(id) => self.user(&id).await,
            None => Ok(None),
        }
    }

    /// The person of a principal; the first sign-in binds them, by an e-mail address that the issuer has verified and that
    /// nobody was bound by before.
    pub(crate) async fn bind(&self, principal: &Principal) -> Result<User, Code> {
        for _ in 0..DECISIONS_MAX {
            if let Some(user) = self.bound(principal).await.map_err(|error| fault(&error))? {
                return Ok(user);
            }
            let user = self.expected(principal).await.map_err(|error| fault(&error))?.ok_or(Code::NotAnOperator)?;
            let bound = User { subject: Some(principal.subject.clone()), version: user.version + 1, ..user };
            let writes = [put_subject(subject_key(&principal.subject), &bound.id), put_user(&bound)];
            match self.desk.store.commit(&writes).await {
                Ok(()) => return Ok(bound),
                // Another sign-in, or a manager's change, was faster.
                Err(StoreError::ConditionFailed(_)) => {}
                Err(error) => return Err(fault(&error)),
            }
        }
        Err(Code::TryAgain)
    }

    /// The person whom a manager let in by this verified address, unless somebody else signed in by it before.
    async fn expected(&self, principal: &Principal) -> Result<Option<User>, StoreError> {
        let Some(email) = &principal.verified_email else { return Ok(None) };
        let Some(id) = self.pointed(email_key(email)).await? else { return Ok(None) };
        Ok(self.user(&id).await?.filter(|user| user.subject.is_none()))
    }

    async fn pointed(&self, key: Key) -> Result<Option<OperatorId>, StoreError> {
        let rows = self.desk.store.get(&[key]).await?;
        let row = rows.first().and_then(Option::as_ref);
        Ok(row.and_then(|row| row.attributes.get("user_id")).and_then(Value::as_str).and_then(|id| id.parse().ok()))
    }

    async fn user(&self, id: &OperatorId) -> Result<Option<User>, StoreError> {
        let rows = self.desk.store.get(&[user_key(id)]).await?;
        rows.first().and_then(Option::as_ref).map(decode_user).transpose()
    }

    /// Brings the operator's row up to what the manager says of the person, who is read again with it.
    pub(crate) async fn synced(&self, id: &OperatorId) -> Result<Operator, Code> {
        for _ in 0..DECISIONS_MAX {
            let keys = [user_key(id), operator_key(id)];
            let rows = self.desk.store.get(&keys).await.map_err(|error| fault(&error))?;
            let row = |at: usize| rows.get(at).and_then(Option::as_ref);
            let user =
                row(0).map(decode_user).transpose().map_err(|error| fault(&error))?.ok_or(Code::NotAnOperator)?;
            let before = row(1).map(decode_operator).transpose().map_err(|error| fault(&error))?;
            if user.disabled {
                return Err(Code::OperatorDisabled);
            }
            let Some((after, change)) = described(&user, before) else {
                return row(1).map(decode_operator).transpose().map_err(|error| fault(&error))?.ok_or(Code::Internal);
            };
            let mut writes = records::rows(&[change], self.desk.now_ms());
            // What the manager said must still hold, or a change of theirs would be undone here.
            let condition = Condition::Is("version", json!(user.version));
            writes.push(Write::Check { key: user_key(id), condition });
            match self.desk.store.commit(&writes).await {
                Ok(()) => {
                    self.desk.look_for_work(std::slice::from_ref(&after)).await;
                    return Ok(after);
                }
                Err(StoreError::ConditionFailed(_)) => {}
                Err(error) => return Err(fault(&error)),
            }
        }
        Err(Code::TryAgain)
    }
}

/// The operator as the person is described, if that is anything new.
fn described(user: &User, before: Option<Operator>) -> Option<(Operator, Change)> {
    let base = before.clone().unwrap_or_else(|| Operator::new(user.id.clone(), user.name.clone()));
    let described = base.described(&user.name, &user.roles, user.own_limit, user.disabled);
    let after = match (&before, described) {
        (_, Some(after)) => after,
        (None, None) => base,
        (Some(_), None) => return None,
    };
    Some((after.clone(), Change::Operator { before, after }))
}
