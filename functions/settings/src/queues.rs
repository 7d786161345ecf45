//! Queues (Q1, Q2).

use std::collections::BTreeSet;

use domain::config::USERS_OF_QUEUE_MAX;
use domain::settings::{self, QueueDraft, QueueUse};
use domain::{OperatorId, QueueId};
use ports::Store;
use ports::records::{line_head, open_chats_of_queue, user_key};
use wire::http::{Code, Queues};

use crate::answer::{Answer, Fault};
use crate::change::Decided;
use crate::request::Call;
use crate::{Settings, World};

impl<W: World> Settings<W> {
    pub(crate) async fn list_queues(&self) -> Result<Answer, Fault> {
        let queues = self.configuration().await?.queues.into_values().collect();
        Ok(Answer::json(200, &Queues { queues }))
    }

    pub(crate) async fn get_queue(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let id: QueueId = call.id()?;
        let config = self.configuration().await?;
        let queue = config.queues.get(&id).ok_or(Code::NotFound)?;
        Ok(Answer::json(200, queue).version(queue.version))
    }

    pub(crate) async fn create_queue(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let draft: QueueDraft = call.body()?;
        let known = self.known(&draft.users).await?;
        let id: QueueId = self.new_id("q")?;
        let queue = self
            .change(&[], |config, _| Ok(Decided::quietly(settings::create_queue(config, id.clone(), &draft, &known)?)))
            .await?;
        Ok(Answer::json(201, &queue).version(queue.version))
    }

    pub(crate) async fn put_queue(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let (id, version): (QueueId, _) = (call.id()?, call.version()?);
        let draft: QueueDraft = call.body()?;
        let known = self.known(&draft.users).await?;
        let queue = self
            .change(&[], |config, _| {
                let (queue, impact) = settings::change_queue(config, &id, version, &draft, &known)?;
                Ok(Decided::concerning(queue, impact))
            })
            .await?;
        Ok(Answer::json(200, &queue).version(queue.version))
    }

    /// Whether chats wait is read from the line itself, whether others are open from an index that lags by less than a second.
    pub(crate) async fn delete_queue(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let (id, version): (QueueId, _) = (call.id()?, call.version_if_any()?);
        let waiting = line_head(self.world.store(), &id).await?.is_some();
        let open = !open_chats_of_queue(self.world.store(), &id, 1, None).await?.0.is_empty();
        let chats = QueueUse { waiting, open };
        self.change(&[], |config, _| Ok(Decided::quietly(settings::delete_queue(config, &id, version, chats)?)))
            .await?;
        Ok(Answer::nothing())
    }

    /// Those of these people who exist. More than a queue may name are not looked for: the rule refuses them anyway.
    async fn known(&self, users: &[OperatorId]) -> Result<BTreeSet<OperatorId>, Fault> {
        let users: BTreeSet<OperatorId> = users.iter().cloned().collect();
        if users.is_empty() || users.len() > USERS_OF_QUEUE_MAX {
            return Ok(BTreeSet::new());
        }
        let keys: Vec<_> = users.iter().map(user_key).collect();
        let rows = self.world.store().get(&keys).await?;
        Ok(users.into_iter().zip(rows).filter(|(_, row)| row.is_some()).map(|(user, _)| user).collect())
    }
}
