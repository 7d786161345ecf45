//! System settings by code (P2, P3).

use domain::config::Configuration;
use domain::settings::{self, SettingCode, SettingValue};
use ports::Secrets;
use ports::secrets::Secret;
use wire::http::{self, CAN_MANAGE_IDENTITY, Code, SettingBody, SettingView};

use crate::answer::{Answer, Fault};
use crate::change::Decided;
use crate::request::Call;
use crate::{Settings, World};

/// The name under which the secret store keeps `IdentityServerClientSecret`; its dot keeps it from ever being
/// a channel's id, so that no call about channels reaches it.
pub(crate) const IDENTITY_SECRET: &str = "identity-server.client";

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
        let is_secret = code == SettingCode::IdentityServerClientSecret;
        if let SettingValue::Text(text) = &value
            && is_secret
            && trial.settings.identity_server_client_secret_set
        {
            self.world.secrets().put_channel_token(IDENTITY_SECRET, &Secret::new(text.trim())).await?;
        }
        let config = self
            .change(&[], |config, _| {
                let impact = settings::set(config, code, &value)?;
                Ok(Decided::concerning(config.clone(), impact))
            })
            .await?;
        if is_secret && !config.settings.identity_server_client_secret_set {
            self.world.secrets().delete_channel_token(IDENTITY_SECRET).await?;
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
        let is_secret = code == SettingCode::IdentityServerClientSecret;
        SettingView {
            code: code.as_str().to_owned(),
            value,
            default,
            description: code.description().to_owned(),
            set: is_secret.then_some(config.settings.identity_server_client_secret_set),
        }
    }

    /// Where messengers find this installation (C4): never from a `Host` header.
    pub(crate) fn site_url<'a>(&'a self, config: &'a Configuration) -> &'a str {
        config.settings.site_url.as_deref().unwrap_or_else(|| self.world.public_url())
    }
}
