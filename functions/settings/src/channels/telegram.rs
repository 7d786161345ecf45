//! Telegram bots (C4): connecting, disconnecting, health.
//!
//! Telegram sends a secret with every update. Each try to connect makes another one, and the channel's row accepts it beside
//! those before it, so that no delivery is refused whichever of them Telegram has; once Telegram has confirmed our address,
//! only the last confirmed one of the older is still accepted.

use domain::config::Channel;
use domain::settings::{self, WEBHOOK_MISSING, WEBHOOK_TAKEN_OVER};
use domain::{ChannelId, Provider};
use messengers::telegram::{GetMe, SecretHash, WebhookInfo};
use ports::Secrets;
use ports::records::{AccountRecord, ChannelRecord, account_key, channel_key, put_account, put_channel};
use ports::secrets::Secret;
use wire::http::{Code, ConnectTelegram, Connected, Health, ReconnectTelegram};

use super::{confirmed, hashes, ill, record, taken_over};
use crate::answer::{Answer, Fault};
use crate::change::Decided;
use crate::request::Call;
use crate::telegram::{host, token};
use crate::{Settings, World};

/// The most webhook secrets accepted at once: while tries to connect break off, nobody knows which of them Telegram has.
const SECRETS_MAX: usize = 4;

/// What a try to connect goes by.
struct Attempt {
    channel: Channel,
    token: Secret,
    secret: String,
    url: String,
    warnings: Vec<String>,
}

impl<W: World> Settings<W> {
    /// `POST /api/channels/telegram` (C4).
    pub(crate) async fn connect_telegram(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let body: ConnectTelegram = call.body()?;
        let token = token(&body.token)?;
        let bot = self.get_me(&token).await?;
        let account = bot.id.to_string();
        let id: ChannelId = format!("tg-{account}").parse().map_err(|_| Code::TelegramUnavailable)?;
        let name = body.name.as_deref().unwrap_or(&bot.name);
        let connect = |config: &mut _| {
            settings::connect_channel(config, Provider::Telegram, id.clone(), &account, &bot.username, Some(name))
        };
        // Before a token is kept that would replace one in use.
        connect(&mut self.configuration().await?)?;
        let connected = self.connect(&id, token, &bot, connect).await?;
        Ok(Answer::json(201, &connected).version(connected.channel.version))
    }

    /// `POST /api/channels/{id}/telegram`: with the same token, or another one of the same bot.
    pub(crate) async fn reconnect_telegram(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let id: ChannelId = call.id()?;
        let body: ReconnectTelegram = call.body()?;
        let before = self.channel(&id).await?;
        if before.provider != Provider::Telegram {
            return Err(Code::NotFound.into());
        }
        let token = token(&body.token)?;
        let bot = self.get_me(&token).await?;
        let account = bot.id.to_string();
        let connect = |config: &mut _| settings::connect_again(config, &id, &account, &bot.username);
        connect(&mut self.configuration().await?)?;
        let connected = self.connect(&id, token, &bot, connect).await?;
        Ok(Answer::json(200, &connected).version(connected.channel.version))
    }

    /// Steps 2 to 5 of connecting.
    async fn connect(
        &self,
        id: &ChannelId,
        token: Secret,
        bot: &GetMe,
        mut decide: impl FnMut(&mut domain::config::Configuration) -> Result<Channel, settings::Objection>,
    ) -> Result<Connected, Fault> {
        let before = self.webhook_info(&token).await?;
        self.world.secrets().put_channel_token(id.as_str(), &token).await?;
        let secret = self.new_secret();
        let hash = String::from(SecretHash::of(&secret));
        let account = account_key(Provider::Telegram, &bot.id.to_string());
        let (channel, site) = self
            .change(&[channel_key(id), account.clone()], |config, rows| {
                let channel = decide(config)?;
                let secret_hashes = with_new(record(rows)?.as_ref(), &hash);
                let record = ChannelRecord { channel: channel.clone(), secret_hashes };
                let mut writes = vec![put_channel(&record)];
                if rows.get(1).is_none_or(Option::is_none) {
                    let record = AccountRecord { channel: id.clone(), service: None };
                    writes.push(put_account(account.clone(), &record, false));
                }
                let site = self.site_url(config).to_owned();
                Ok(Decided { writes, ..Decided::quietly((channel, site)) })
            })
            .await?;
        let url = webhook_url(&site, id);
        let warnings = taken_over(Some(&before.url), [&site, self.world.public_url()]);
        self.confirm(Attempt { channel, token, secret, url, warnings }).await
    }

    /// Steps 4 and 5.
    async fn confirm(&self, attempt: Attempt) -> Result<Connected, Fault> {
        let Attempt { channel, token, secret, url, warnings } = attempt;
        self.set_webhook(&token, &url, &secret).await?;
        if self.webhook_info(&token).await?.url != url {
            return Err(Code::WebhookNotConfirmed.into());
        }
        let hash = String::from(SecretHash::of(&secret));
        let channel = self
            .change(&[channel_key(&channel.id)], |config, rows| {
                let channel = settings::confirm_channel(config, &channel.id, None)?;
                let secret_hashes = with_confirmed(&hashes(rows)?, &hash);
                let record = ChannelRecord { channel: channel.clone(), secret_hashes };
                Ok(Decided { writes: confirmed(&record), ..Decided::quietly(channel) })
            })
            .await?;
        Ok(Connected { channel, warnings, receiver_address: None })
    }

    /// Takes the webhook of a channel that is no more off, if it is ours: one that is not is somebody else's (C3).
    pub(super) async fn leave_telegram(&self, token: &Secret, id: &ChannelId, site: &str) -> Result<(), Fault> {
        if self.webhook_info(token).await.is_ok_and(|info| info.url == webhook_url(site, id)) {
            return self.delete_webhook(token).await;
        }
        Ok(())
    }

    /// Whether the bot's messages come here.
    pub(super) async fn health_of_telegram(&self, token: &Secret, id: &ChannelId, site: &str) -> Result<Health, Fault> {
        match self.webhook_info(token).await {
            Ok(info) => Ok(health(&info, &webhook_url(site, id))),
            Err(Fault::Said(Code::TokenInvalid, _)) => Ok(ill("token_invalid")),
            Err(fault) => Err(fault),
        }
    }
}

/// Where a channel's messages come.
fn webhook_url(site: &str, id: &ChannelId) -> String {
    format!("{site}/webhooks/telegram/{id}")
}

/// With one more, the newest first. The last one is the one confirmed last, and stays; what nobody can have any more goes.
fn with_new(before: Option<&ChannelRecord>, new: &str) -> Vec<String> {
    let old = before.map(|record| record.secret_hashes.as_slice()).unwrap_or_default();
    let is_confirmed = before.is_some_and(|record| record.channel.problem.is_none());
    let old = if is_confirmed { &old[..old.len().min(1)] } else { old };
    let mut hashes: Vec<String> = std::iter::once(new.to_owned()).chain(old.iter().cloned()).collect();
    while hashes.len() > SECRETS_MAX {
        hashes.remove(SECRETS_MAX - 1);
    }
    hashes
}

/// The confirmed one, and the one confirmed before it: a delivery under way may still carry that. Newer ones are of another
/// try that is under way.
fn with_confirmed(before: &[String], new: &str) -> Vec<String> {
    let newer = before.iter().position(|hash| hash == new).unwrap_or(0);
    let mut hashes = before[..newer].to_vec();
    hashes.push(new.to_owned());
    hashes.extend(before.last().filter(|last| *last != new).cloned());
    hashes
}

fn health(info: &WebhookInfo, url: &str) -> Health {
    let problem = match info.url.as_str() {
        "" => Some(WEBHOOK_MISSING),
        there if there == url => None,
        _ => Some(WEBHOOK_TAKEN_OVER),
    };
    Health {
        ok: problem.is_none(),
        problem: problem.map(str::to_owned),
        webhook_host: (!info.url.is_empty()).then(|| host(&info.url).to_owned()),
        pending_update_count: info.pending_update_count,
        last_error_at_ms: info.last_error_date.map(|seconds| seconds.saturating_mul(1000)),
        last_error: info.last_error_message.clone(),
        ..Health::default()
    }
}
