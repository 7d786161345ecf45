//! System settings by code (P2, P3).

use domain::config::Configuration;
use domain::settings::{self, SettingCode, SettingValue};
use ports::Secrets;
use ports::secrets::{FACEBOOK_APP, Secret};
use wire::http::{self, CAN_MANAGE_IDENTITY, Code, SettingBody, SettingView};

use crate::answer::{Answer, Fault};
use crate::change::Decided;
use crate::request::Call;
use crate::{Settings, World};

/// The name under which the secret store keeps `IdentityServerClientSecret`; its dot keeps it from ever being
/// a channel's id, so that no call about channels reaches it.
pub(crate) const IDENTITY_SECRET: &str = "identity-server.client";

/// Under which name the secret store keeps a setting that is never shown.
fn secret_name(code: SettingCode) -> Option<&'static str> {
    match code {
        SettingCode::IdentityServerClientSecret => Some(IDENTITY_SECRET),
        SettingCode::FacebookAppSecret => Some(FACEBOOK_APP),
        _ => None,
    }
}

impl<W: World> Settings<W> {
    pub(crate) async fn list_settings(&self) -> Result<Answer, Fault> {
        let config = self.configuration().await?;
        let settings = SettingCode::ALL.into_iter().map(|code| self.view(code, &config)).collect();
        Ok(Answer::json(200, &http::Settings { settings }))
    }

    pub(crate) async fn get_setting(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let code = SettingCode::find(call.varies).ok_or(Code::NotFound)?;
        Ok(Answer::json(200, &self.view(code, &self.configuration().await?)))
    }

    /// The secret itself is kept before the configuration says that it is set, and forgotten after that says that it is not:
    /// after a crash in between, what is said to be set is there.
    pub(crate) async fn put_setting(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let code = SettingCode::find(call.varies).ok_or(Code::NotFound)?;
        if code.is_identity() && !call.principal.groups.iter().any(|group| group == CAN_MANAGE_IDENTITY) {
            return Err(Code::RightMissing.into());
        }
        let SettingBody { value } = call.body()?;
        let mut trial = self.configuration().await?;
        settings::set(&mut trial, code, &value)?;
        if let SettingValue::Text(text) = &value
            && let Some(name) = secret_name(code)
            && code.is_set(&trial.settings) == Some(true)
        {
            self.world.secrets().put_channel_token(name, &Secret::new(text.trim())).await?;
        }
        let config = self
            .change(&[], |config, _| {
                let impact = settings::set(config, code, &value)?;
                Ok(Decided::concerning(config.clone(), impact))
            })
            .await?;
        if let Some(name) = secret_name(code)
            && code.is_set(&config.settings) == Some(false)
        {
            self.world.secrets().delete_channel_token(name).await?;
        }
        Ok(Answer::json(200, &self.view(code, &config)))
    }

    /// A setting as it holds; `SiteUrl` fills itself in (C4).
    fn view(&self, code: SettingCode, config: &Configuration) -> SettingView {
        let default = match code {
            SettingCode::SiteUrl => SettingValue::Text(self.world.public_url().to_owned()),
            _ => code.value(&domain::config::Settings::default()),
        };
        let value = match code.value(&config.settings) {
            SettingValue::Empty => default.clone(),
            value => value,
        };
        SettingView {
            code: code.as_str().to_owned(),
            value,
            default,
            description: code.description().to_owned(),
            set: code.is_set(&config.settings),
        }
    }

    /// Where messengers find this installation (C4): never from a `Host` header.
    pub(crate) fn site_url<'a>(&'a self, config: &'a Configuration) -> &'a str {
        config.settings.site_url.as_deref().unwrap_or_else(|| self.world.public_url())
    }
}
