//! Channels (C1-C5, C7, C9).
//!
//! Connecting a bot, a page or a number takes the secret store, the config table and its messenger, which no transaction
//! joins. The order makes every point at which it may break off one that the same call, made again, goes on from:
//!
//! 1. The messenger says whose the token is. The channel's id is made of that, so that every try means the same channel.
//! 2. The token is kept. Broken off after this: a secret that the next try replaces; nothing is shown.
//! 3. The channel, inactive and unbound, its webhook's row and the account's own row (C3) are committed at once. Broken off
//!    after this: a channel whose problem is `webhook_not_confirmed`, that takes no part, and may be connected again or
//!    deleted.
//! 4. The messenger is told where messages go, then asked, and must name our address.
//! 5. The problem is taken off.
//!
//! What each messenger adds to that stands in its module.
//!
//! Deleting goes the other way round: the rows first, by one commit, then the webhook if it is still ours, then the token. A
//! `DELETE` of a channel that is no more does the rest of what a crash left.

mod look;
mod messenger;
mod telegram;
mod whatsapp;

use domain::config::{Channel, Configuration};
use domain::settings::{self, ChannelDraft, Objection};
use domain::{ChannelId, Provider};
use ports::records::{
    AccountRecord, ChannelRecord, account_key, channel_key, decode_account, decode_channel, decode_hold, hold_key,
    put_account, put_channel,
};
use ports::secrets::Secret;
use ports::store::{GET_KEYS_MAX, Index, Query, Range, Row, Table, Write};
use ports::{Secrets, Store};
use wire::http::{Channels, Code, Health};

use crate::answer::{Answer, Fault};
use crate::change::Decided;
use crate::request::Call;
use crate::telegram::host;
use crate::{Settings, World};

impl<W: World> Settings<W> {
    pub(crate) async fn list_channels(&self) -> Result<Answer, Fault> {
        let channels = self.with_problems(self.configuration().await?.channels.into_values().collect()).await?;
        Ok(Answer::json(200, &Channels { channels }))
    }

    pub(crate) async fn get_channel(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let channel = self.channel(&call.id()?).await?;
        self.shown(channel).await
    }

    async fn shown(&self, channel: Channel) -> Result<Answer, Fault> {
        let version = channel.version;
        Ok(Answer::json(200, &self.with_problems(vec![channel]).await?.first()).version(version))
    }

    /// The channels, each with what its messenger said when it last refused a reply for the whole channel (C3, C5): that
    /// stands in the channel's hold, which the next reply that is taken, or connecting it again, clears.
    async fn with_problems(&self, mut channels: Vec<Channel>) -> Result<Vec<Channel>, Fault> {
        for page in channels.chunks_mut(GET_KEYS_MAX) {
            let keys: Vec<_> = page.iter().map(|channel| hold_key(&channel.id)).collect();
            let rows = self.world.store().get(&keys).await?;
            for (channel, row) in page.iter_mut().zip(rows) {
                let refused = row.as_ref().map(decode_hold).transpose()?.and_then(|hold| hold.problem);
                channel.problem = settings::problem_of(channel, refused.as_deref());
            }
        }
        Ok(channels)
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
        self.shown(channel).await
    }

    /// Step 3: the channel as decided, its webhook's row and the rows of its accounts (C3), in one commit; the number's
    /// Messaging Service, if it has one.
    async fn register(
        &self,
        id: &ChannelId,
        having: Having<'_>,
        mut decide: impl FnMut(&mut Configuration) -> Result<Channel, Objection>,
    ) -> Result<Option<String>, Fault> {
        let key = |account: &str| account_key(having.provider, account);
        let mut keys = vec![channel_key(id), key(having.account)];
        if let Service::Is(Some(service)) = having.service {
            keys.push(key(service));
        }
        self.change(&keys, |config, rows| {
            let channel = decide(config)?;
            let mut writes = vec![put_channel(&ChannelRecord { channel, secret_hashes: hashes(rows)? })];
            let before = account(rows.get(1))?;
            let had = before.as_ref().and_then(|before| before.service.clone());
            let service = match having.service {
                Service::AsBefore => had.clone(),
                Service::Is(service) => service.map(str::to_owned),
            };
            check_holder(config, id, before.as_ref())?;
            let record = AccountRecord { channel: id.clone(), service: service.clone() };
            writes.push(put_account(keys[1].clone(), &record, before.is_some()));
            if let Some(key) = keys.get(2) {
                let holder = account(rows.get(2))?;
                check_holder(config, id, holder.as_ref())?;
                let record = AccountRecord { channel: id.clone(), service: None };
                writes.push(put_account(key.clone(), &record, holder.is_some()));
            }
            if let Some(had) = had.filter(|had| Some(had) != service.as_ref()) {
                writes.push(Write::Delete { key: key(&had), condition: None });
            }
            Ok(Decided { writes, ..Decided::quietly(service) })
        })
        .await
    }

    /// Step 5: the messenger has confirmed; `problem` = what stands in the way nevertheless.
    async fn settle(&self, id: &ChannelId, problem: Option<&str>) -> Result<Channel, Fault> {
        self.change(&[channel_key(id)], |config, rows| {
            let channel = settings::confirm_channel(config, id, problem)?;
            let record = ChannelRecord { channel: channel.clone(), secret_hashes: hashes(rows)? };
            Ok(Decided { writes: confirmed(&record), ..Decided::quietly(channel) })
        })
        .await
    }

    pub(crate) async fn delete_channel(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let (id, version): (ChannelId, _) = (call.id()?, call.version_if_any()?);
        let config = self.configuration().await?;
        let before = config.channels.get(&id);
        if let Some(before) = before {
            let has_chats = self.has_chats(&id).await?;
            let key = |account: &str| account_key(before.provider, account);
            self.change(&[key(&before.account)], |config, rows| {
                settings::delete_channel(config, &id, version, has_chats)?;
                let service = account(rows.first())?.and_then(|account| account.service);
                let keys = [channel_key(&id), key(&before.account)].into_iter().chain(service.as_deref().map(key));
                let writes = keys.map(|key| Write::Delete { key, condition: None }).collect();
                Ok(Decided { writes, ..Decided::quietly(()) })
            })
            .await?;
        }
        if self.forget(&id, &config).await? || before.is_some() {
            Ok(Answer::nothing())
        } else {
            Err(Code::NotFound.into())
        }
    }

    /// The webhook and the token of a channel that is no more; whether there was a token.
    async fn forget(&self, id: &ChannelId, config: &Configuration) -> Result<bool, Fault> {
        let Some(token) = self.secret_if_any(id.as_str()).await? else { return Ok(false) };
        let site = self.site_url(config);
        let left = match provider_of(id) {
            Some(Provider::Telegram) => self.leave_telegram(&token, id, site).await,
            Some(Provider::Messenger) => match messenger::page_of(id) {
                Some(page) => self.leave_messenger(&token, page, config).await,
                None => Ok(()),
            },
            Some(Provider::Whatsapp) => self.leave_whatsapp(token, id, site).await,
            None => Ok(()),
        };
        if let Err(fault) = left {
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

    async fn health_of(&self, channel: &Channel, token: Secret, config: &Configuration) -> Result<Health, Fault> {
        let site = self.site_url(config);
        match channel.provider {
            Provider::Telegram => self.health_of_telegram(&token, &channel.id, site).await,
            Provider::Messenger => self.health_of_messenger(&token, &channel.account, config).await,
            Provider::Whatsapp => self.health_of_whatsapp(token, &channel.id, site).await,
        }
    }
}

/// Whose bot, page or number a channel is.
#[derive(Clone, Copy)]
struct Having<'a> {
    /// Of which messenger.
    provider: Provider,
    /// Its id there.
    account: &'a str,
    /// The number's Messaging Service, which has a row of its own.
    service: Service<'a>,
}

/// What is to be of a number's Messaging Service.
#[derive(Clone, Copy)]
enum Service<'a> {
    /// What was.
    AsBefore,
    /// This one, or none.
    Is(Option<&'a str>),
}

/// The messenger of a channel, of which there may be nothing but the id left.
fn provider_of(id: &ChannelId) -> Option<Provider> {
    match id.as_str().split('-').next() {
        Some("tg") => Some(Provider::Telegram),
        Some("fb") => Some(Provider::Messenger),
        Some("wa") => Some(Provider::Whatsapp),
        _ => None,
    }
}

/// An account's row.
fn account(row: Option<&Option<Row>>) -> Result<Option<AccountRecord>, Fault> {
    Ok(row.and_then(Option::as_ref).map(decode_account).transpose()?)
}

/// Who has an account must be this channel, or nobody (C3).
fn check_holder(config: &Configuration, id: &ChannelId, holder: Option<&AccountRecord>) -> Result<(), Fault> {
    let Some(holder) = holder.filter(|holder| holder.channel != *id) else { return Ok(()) };
    let name = config.channels.get(&holder.channel).map_or_else(|| holder.channel.to_string(), |one| one.name.clone());
    Err(Objection::AccountTaken(name).into())
}

/// Whose messages we take over, if somebody had them (C3); `ours` = where messages may have come before.
fn taken_over(before: Option<&str>, ours: [&str; 2]) -> Vec<String> {
    let before = before.filter(|url| !url.is_empty());
    let foreign = before.filter(|url| !ours.iter().any(|site| url.starts_with(&format!("{site}/"))));
    foreign.map(|url| format!("{}: {}", settings::WEBHOOK_TAKEN_OVER, host(url))).into_iter().collect()
}

/// A channel's row.
fn record(rows: &[Option<Row>]) -> Result<Option<ChannelRecord>, Fault> {
    Ok(rows.first().and_then(Option::as_ref).map(decode_channel).transpose()?)
}

/// The hashes of the secrets that a channel accepts.
fn hashes(rows: &[Option<Row>]) -> Result<Vec<String>, Fault> {
    Ok(record(rows)?.map(|record| record.secret_hashes).unwrap_or_default())
}

/// The rows of a channel that its messenger has confirmed: what was refused with the token before says nothing of this one.
fn confirmed(record: &ChannelRecord) -> Vec<Write> {
    vec![put_channel(record), Write::Delete { key: hold_key(&record.channel.id), condition: None }]
}

fn ill(problem: &str) -> Health {
    Health { ok: false, problem: Some(problem.to_owned()), ..Health::default() }
}
