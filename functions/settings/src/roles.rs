//! Roles.

use domain::RoleId;
use domain::settings::{self, RoleDraft};
use ports::records::users;
use ports::store::QUERY_ROWS_MAX;
use wire::http::{Code, Roles};

use crate::answer::{Answer, Fault};
use crate::change::Decided;
use crate::request::Call;
use crate::{Settings, World};

/// How many pages of people are looked through for those who have a role: 10 000 people.
const PAGES_MAX: usize = 50;
/// How many people who have a role are looked for: a refusal names fewer.
const HOLDERS_MAX: usize = 10;

impl<W: World> Settings<W> {
    pub(crate) async fn list_roles(&self) -> Result<Answer, Fault> {
        let roles = self.configuration().await?.roles.into_values().collect();
        Ok(Answer::json(200, &Roles { roles }))
    }

    pub(crate) async fn create_role(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let draft: RoleDraft = call.body()?;
        let id: RoleId = self.new_id("r")?;
        let role = self
            .change(&[], |config, _| Ok(Decided::quietly(settings::create_role(config, id.clone(), &draft)?)))
            .await?;
        Ok(Answer::json(201, &role).version(role.version))
    }

    pub(crate) async fn put_role(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let (id, version): (RoleId, _) = (call.id()?, call.version()?);
        let draft: RoleDraft = call.body()?;
        let role = self
            .change(&[], |config, _| Ok(Decided::quietly(settings::change_role(config, &id, version, &draft)?)))
            .await?;
        Ok(Answer::json(200, &role).version(role.version))
    }

    pub(crate) async fn delete_role(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let (id, version): (RoleId, _) = (call.id()?, call.version_if_any()?);
        let holders = self.holders(&id).await?;
        self.change(&[], |config, _| Ok(Decided::quietly(settings::delete_role(config, &id, version, &holders)?)))
            .await?;
        Ok(Answer::nothing())
    }

    /// The names of people who have a role, the first few.
    async fn holders(&self, role: &RoleId) -> Result<Vec<String>, Fault> {
        let (mut names, mut after) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let (page, next) = users(self.world.store(), QUERY_ROWS_MAX, after).await?;
            names.extend(page.into_iter().filter(|user| user.roles.contains(role)).map(|user| user.name));
            if next.is_none() || names.len() >= HOLDERS_MAX {
                return Ok(names);
            }
            after = next;
        }
        // So many people that not all were seen: better to keep a role than to take it from somebody unseen.
        tracing::error!("too many people to look through for a role");
        Err(Code::TryAgain.into())
    }
}
