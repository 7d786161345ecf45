//! Channels (C1-C4, C9).
//!
//! Connecting a bot takes the secret store, the config table and Telegram, which no transaction joins. The order makes every
//! point at which it may break off one that the same call, made again, goes on from:
//!
//! 1. `getMe` proves the token. The channel's id is made of the bot's, so that every try means the same channel.
//! 2. The token is kept. Broken off after this: a secret that the next try replaces; nothing is shown.
//! 3. The channel, inactive and unbound, its webhook row and the bot's own row (C3) are committed at once. The row accepts
//!    the new webhook secret beside those before it, so that no delivery is refused whichever Telegram has. Broken off after
//!    this: a channel whose problem is `webhook_not_confirmed`, that takes no part, and may be connected again or deleted.
//! 4. `setWebhook`, then `getWebhookInfo` must name our address.
//! 5. The problem is taken off, and of the older secrets only the last confirmed one is still accepted.
//!
//! Deleting goes the other way round: the rows first, by one commit, then the webhook if it is still ours, then the token. A
//! `DELETE` of a channel that is no more does the rest of what a crash left.

use domain::config::Channel;
use domain::settings::{self, ChannelDraft};
use domain::{ChannelId, Provider};
use messengers::telegram::{GetMe, SecretHash, WebhookInfo};
use ports::records::{ChannelRecord, account_key, channel_key, decode_channel, put_channel};
use ports::secrets::Secret;
use ports::store::{Attributes, Condition, Index, Query, Range, Row, Table, Write};
use ports::{SecretError, Secrets, Store};
use wire::http::{Channels, Code, ConnectTelegram, Connected, Health, ReconnectTelegram};

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
    pub(crate) async fn list_channels(&self) -> Result<Answer, Fault> {
        let channels = self.configuration().await?.channels.into_values().collect();
        Ok(Answer::json(200, &Channels { channels }))
    }

    pub(crate) async fn get_channel(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let channel = self.channel(&call.id()?).await?;
        Ok(Answer::json(200, &channel).version(channel.version))
    }

    async fn channel(&self, id: &ChannelId) -> Result<Channel, Fault> {
        self.configuration().await?.channels.remove(id).ok_or_else(|| Code::NotFound.into())
    }

    pub(crate) async fn put_channel(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let (id, version): (ChannelId, _) = (call.id()?, call.version()?);
        let draft: ChannelDraft = call.body()?;
        let channel = self
            .change(&[channel_key(&id)], |config, rows| {
                let channel = settings::change_channel(config, &id, version, &draft)?;
                let record = ChannelRecord { channel: channel.clone(), secret_hashes: hashes(rows)? };
                Ok(Decided { writes: vec![put_channel(&record)], ..Decided::quietly(channel) })
            })
            .await?;
        Ok(Answer::json(200, &channel).version(channel.version))
    }

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
                    let attributes = Attributes::from_iter([("channel".to_owned(), id.as_str().into())]);
                    writes.push(Write::Put { key: account.clone(), attributes, condition: Some(Condition::Absent) });
                }
                let site = self.site_url(config).to_owned();
                Ok(Decided { writes, ..Decided::quietly((channel, site)) })
            })
            .await?;
        let url = webhook_url(&site, id);
        let warnings = self.warnings(&before, &site);
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
                let channel = settings::confirm_channel(config, &channel.id)?;
                let secret_hashes = confirmed(&hashes(rows)?, &hash);
                let record = ChannelRecord { channel: channel.clone(), secret_hashes };
                Ok(Decided { writes: vec![put_channel(&record)], ..Decided::quietly(channel) })
            })
            .await?;
        Ok(Connected { channel, warnings })
    }

    /// Whose messages we take over, if somebody had them (C3).
    fn warnings(&self, before: &WebhookInfo, site: &str) -> Vec<String> {
        let ours = [site, self.world.public_url()].iter().any(|site| before.url.starts_with(&format!("{site}/")));
        if before.url.is_empty() || ours {
            Vec::new()
        } else {
            vec![format!("webhook_taken_over: {}", host(&before.url))]
        }
    }

    pub(crate) async fn delete_channel(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let (id, version): (ChannelId, _) = (call.id()?, call.version_if_any()?);
        let config = self.configuration().await?;
        let url = webhook_url(self.site_url(&config), &id);
        let is_there = config.channels.contains_key(&id);
        if is_there {
            let has_chats = self.has_chats(&id).await?;
            self.change(&[], |config, _| {
                let channel = settings::delete_channel(config, &id, version, has_chats)?;
                let keys = [channel_key(&id), account_key(channel.provider, &channel.account)];
                let writes = keys.into_iter().map(|key| Write::Delete { key, condition: None }).collect();
                Ok(Decided { writes, ..Decided::quietly(()) })
            })
            .await?;
        }
        if self.forget(&id, &url).await? || is_there { Ok(Answer::nothing()) } else { Err(Code::NotFound.into()) }
    }

    /// The webhook and the token of a channel that is no more; whether there was a token. A webhook that is no longer ours is
    /// somebody else's (C3).
    async fn forget(&self, id: &ChannelId, url: &str) -> Result<bool, Fault> {
        let token = match self.world.secrets().channel_token(id.as_str()).await {
            Ok(token) => token,
            Err(SecretError::Missing) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if self.webhook_info(&token).await.is_ok_and(|info| info.url == url)
            && let Err(fault) = self.delete_webhook(&token).await
        {
            // What still comes is answered and dropped, since the channel is no more (C1).
            tracing::warn!(?fault, "the webhook of a deleted channel stays");
        }
        self.world.secrets().delete_channel_token(id.as_str()).await?;
        Ok(true)
    }

    /// Whether a channel ever had a chat (C2): by an index that lags by less than a second.
    async fn has_chats(&self, id: &ChannelId) -> Result<bool, Fault> {
        let query = Query {
            table: Table::Work,
            index: Some(Index::ByChannel),
            pk: id.to_string(),
            range: Range::All,
            descending: false,
            limit: 1,
            after: None,
        };
        Ok(!self.world.store().query(&query).await?.rows.is_empty())
    }

    /// `GET /api/channels/{id}/health` (C3).
    pub(crate) async fn channel_health(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let id: ChannelId = call.id()?;
        let config = self.configuration().await?;
        if !config.channels.contains_key(&id) {
            return Err(Code::NotFound.into());
        }
        let token = match self.world.secrets().channel_token(id.as_str()).await {
            Ok(token) => token,
            Err(SecretError::Missing) => return Ok(Answer::json(200, &ill("token_missing"))),
            Err(error) => return Err(error.into()),
        };
        let info = match self.webhook_info(&token).await {
            Ok(info) => info,
            Err(Fault::Said(Code::TokenInvalid, _)) => return Ok(Answer::json(200, &ill("token_invalid"))),
            Err(fault) => return Err(fault),
        };
        Ok(Answer::json(200, &health(&info, &webhook_url(self.site_url(&config), &id))))
    }
}

/// Where a channel's messages come.
fn webhook_url(site: &str, id: &ChannelId) -> String {
    format!("{site}/webhooks/telegram/{id}")
}

/// A channel's row.
fn record(rows: &[Option<Row>]) -> Result<Option<ChannelRecord>, Fault> {
    Ok(rows.first().and_then(Option::as_ref).map(decode_channel).transpose()?)
}

/// The hashes of the secrets that a channel accepts.
fn hashes(rows: &[Option<Row>]) -> Result<Vec<String>, Fault> {
    Ok(record(rows)?.map(|record| record.secret_hashes).unwrap_or_default())
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
fn confirmed(before: &[String], new: &str) -> Vec<String> {
    let newer = before.iter().position(|hash| hash == new).unwrap_or(0);
    let mut hashes = before[..newer].to_vec();
    hashes.push(new.to_owned());
    hashes.extend(before.last().filter(|last| *last != new).cloned());
    hashes
}

fn ill(problem: &str) -> Health {
    Health {
        ok: false,
        problem: Some(problem.to_owned()),
        webhook_host: None,
        pending_update_count: 0,
        last_error_at_ms: None,
        last_error: None,
    }
}

fn health(info: &WebhookInfo, url: &str) -> Health {
    let problem = match info.url.as_str() {
        "" => Some("webhook_missing"),
        there if there == url => None,
        _ => Some("webhook_taken_over"),
    };
    Health {
        ok: problem.is_none(),
        problem: problem.map(str::to_owned),
        webhook_host: (!info.url.is_empty()).then(|| host(&info.url).to_owned()),
        pending_update_count: info.pending_update_count,
        last_error_at_ms: info.last_error_date.map(|seconds| seconds.saturating_mul(1000)),
        last_error: info.last_error_message.clone(),
    }
}
