//! WhatsApp numbers through Twilio (C7): verifying, confirming, connecting, disconnecting, health.
//!
//! Two calls, and each may be made again wherever it broke off:
//!
//! 1. Account and number are verified. The account's token is kept under the name of a confirmation, the confirmation stored,
//!    then its code sent from the number itself. Made again, the call begins another confirmation, and the one before is over.
//! 2. The code is tried, and that it was is stored before anything else. Once it was right, the rest may be done as often as
//!    it takes: the token is kept; the channel, inactive and unbound, its webhook's row and the number's own row (C3) are
//!    committed; the number's messages are sent here, which Twilio must confirm; the problem `webhook_not_confirmed` is taken
//!    off. In Twilio's sandbox there is nothing to set: the manager pastes the address that the answer tells.

use domain::config::{Channel, Configuration};
use domain::settings::{
    self, ACCOUNT_INACTIVE, CONFIRMATION_MS, Confirmation, Objection, SENDER_MISSING, SENDER_OFFLINE, TOKEN_INVALID,
    TOKEN_MISSING, TRIES_MAX, WEBHOOK_MISSING, WEBHOOK_NOT_CONFIRMED, WEBHOOK_TAKEN_OVER,
};
use domain::{ChannelId, Provider};
use messengers::whatsapp::connect::{self, SANDBOX_NUMBER};
use ports::records::{account_key, decode_account, setup_key};
use ports::secrets::Secret;
use ports::store::Key;
use ports::{Clock, Random, Secrets, Store};
use wire::http::{Code, ConfirmWhatsapp, Confirming, ConnectWhatsapp, Connected, Health, ReconnectWhatsapp};

use super::{Having, Service, ill, taken_over};
use crate::answer::{Answer, Fault};
use crate::request::Call;
use crate::setup::{hash, who};
use crate::telegram::host;
use crate::twilio::Account;
use crate::{Settings, World};

/// How many codes there are: six digits.
const CODES: u64 = 1_000_000;
/// What the manager is told when the address is to be pasted by hand.
const BY_HAND: &str = "receiver_by_hand";

/// Under which name the token is kept until the number is confirmed; its dot keeps it from ever being a channel's id.
fn confirmation_secret(id: &str) -> String {
    format!("twilio.confirm-{id}")
}

/// Under the account's token, so that who reads the table cannot try all codes.
fn code_hash(account: &Account, id: &str, code: &str) -> String {
    hash(&format!("{}\0{id}\0{}", account.secret.reveal(), code.trim()))
}

fn id_of(number: &str) -> Result<ChannelId, Fault> {
    format!("wa-{}", number.trim_start_matches('+')).parse().map_err(|_| Code::InvalidValue.into())
}

/// Where numbers' messages come: one address for all.
fn receiver_url(site: &str) -> String {
    format!("{site}/webhooks/whatsapp")
}

fn phone_number(given: &str) -> Result<String, Fault> {
    let text = "A phone number is + and 7 to 15 digits, the country's code first.";
    connect::phone_number(given).ok_or_else(|| Fault::Said(Code::InvalidValue, text.to_owned()))
}

fn service(given: Option<&str>) -> Result<Option<String>, Fault> {
    match given.map(str::trim).filter(|sid| !sid.is_empty()) {
        Some(sid) if !connect::is_sid(sid, "MG") => {
            let text = "A Messaging Service SID is MG and 32 hexadecimal digits.";
            Err(Fault::Said(Code::InvalidValue, text.to_owned()))
        }
        sid => Ok(sid.map(str::to_owned)),
    }
}

/// A number that is connected.
struct Connecting<'a> {
    id: &'a ChannelId,
    number: &'a str,
    service: Service<'a>,
    account: &'a Account,
}

impl<W: World> Settings<W> {
    /// `POST /api/channels/whatsapp`.
    pub(crate) async fn connect_whatsapp(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let body: ConnectWhatsapp = call.body()?;
        let (number, to) = (phone_number(&body.phone_number)?, phone_number(&body.confirmation_phone_number)?);
        if number == to {
            let text = "The confirmation number is another number than the channel's.";
            return Err(Fault::Said(Code::InvalidValue, text.to_owned()));
        }
        let account = Account::given(&body.account_sid, &body.auth_token)?;
        let service = service(body.messaging_service_sid.as_deref())?;
        let id = id_of(&number)?;
        let mut config = self.configuration().await?;
        self.check_service(&config, &id, service.as_deref()).await?;
        let site = self.site_url(&config).to_owned();
        connect_number(&mut config, &id, &number, body.name.as_deref())?;
        self.check_account(&account, &number).await?;
        let confirmation = self.begin_confirmation(call, &account, (number, body.name, service), &to).await?;
        let answer = Confirming {
            sandbox: confirmation.number == SANDBOX_NUMBER,
            confirmation: confirmation.id,
            expires_at_ms: confirmation.expires_at_ms,
            receiver_address: connect::with_retries(&receiver_url(&site)),
        };
        Ok(Answer::json(202, &answer))
    }

    /// Another channel may have the Messaging Service.
    async fn check_service(&self, config: &Configuration, id: &ChannelId, service: Option<&str>) -> Result<(), Fault> {
        let Some(service) = service else { return Ok(()) };
        let rows = self.world.store().get(&[account_key(Provider::Whatsapp, service)]).await?;
        let holder = rows.first().and_then(Option::as_ref).map(decode_account).transpose()?;
        super::check_holder(config, id, holder.as_ref())
    }

    /// The account is active and, but in the sandbox, has the number as a sender that is online.
    async fn check_account(&self, account: &Account, number: &str) -> Result<(), Fault> {
        if !self.account_is_active(account).await? {
            return Err(Code::AccountInactive.into());
        }
        if number != SANDBOX_NUMBER {
            self.online_sender(account, number).await?;
        }
        Ok(())
    }

    /// Stores a confirmation and sends its code.
    async fn begin_confirmation(
        &self,
        call: &Call<'_>,
        account: &Account,
        (number, name, service): (String, Option<String>, Option<String>),
        to: &str,
    ) -> Result<Confirmation, Fault> {
        let key = setup_key(Provider::Whatsapp, &who(call.principal));
        let before = self.underway::<Confirmation>(&key).await?;
        let id: String = self.new_id("c")?;
        let code = self.new_code();
        let mut confirmation = Confirmation {
            code: code_hash(account, &id, &code),
            id,
            number,
            name,
            service,
            message: None,
            tries: 0,
            expires_at_ms: self.world.clock().now_ms() + CONFIRMATION_MS,
            confirmed: false,
        };
        if let Some((_, before)) = &before {
            self.world.secrets().delete_channel_token(&confirmation_secret(&before.id)).await?;
        }
        let rev = before.map_or(0, |(rev, _)| rev);
        self.put_underway(&key, rev, &confirmation).await?;
        self.world.secrets().put_channel_token(&confirmation_secret(&confirmation.id), &account.secret).await?;
        confirmation.message = self.send_code(account, &confirmation.number, to, &code).await?;
        self.put_underway(&key, rev + 1, &confirmation).await?;
        self.check_arrival(account, confirmation.message.as_deref()).await?;
        Ok(confirmation)
    }

    /// Six digits.
    fn new_code(&self) -> String {
        let mut bytes = [0; 8];
        self.world.random().fill(&mut bytes);
        format!("{:06}", u64::from_le_bytes(bytes) % CODES)
    }

    /// `POST /api/channels/whatsapp/confirm`.
    pub(crate) async fn confirm_whatsapp(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let body: ConfirmWhatsapp = call.body()?;
        let key = setup_key(Provider::Whatsapp, &who(call.principal));
        let (rev, mut confirmation) =
            self.underway::<Confirmation>(&key).await?.ok_or(Objection::ConfirmationRefused)?;
        confirmation.check(&body.confirmation, self.world.clock().now_ms())?;
        let name = confirmation_secret(&confirmation.id);
        let id = id_of(&confirmation.number)?;
        if confirmation.confirmed
            && let Some(connected) = self.finished(&id).await?
        {
            self.world.secrets().delete_channel_token(&name).await?;
            return Ok(Answer::json(201, &connected).version(connected.channel.version));
        }
        let account = self.secret_if_any(&name).await?.and_then(Account::kept).ok_or(Objection::ConfirmationRefused)?;
        if !confirmation.confirmed {
            self.try_code(&key, rev, &mut confirmation, &account, &body.code).await?;
        }
        let service = Service::Is(confirmation.service.as_deref());
        let connecting = Connecting { id: &id, number: &confirmation.number, service, account: &account };
        let decide = |config: &mut Configuration| {
            connect_number(config, &id, &confirmation.number, confirmation.name.as_deref())
        };
        decide(&mut self.configuration().await?)?;
        let connected = self.connect_number(connecting, decide).await?;
        self.world.secrets().delete_channel_token(&name).await?;
        Ok(Answer::json(201, &connected).version(connected.channel.version))
    }

    /// Tries a code; whoever has none, or a wrong one, may have got nothing, and is told why. No code is no try.
    async fn try_code(
        &self,
        key: &Key,
        rev: u64,
        confirmation: &mut Confirmation,
        account: &Account,
        code: &str,
    ) -> Result<(), Fault> {
        let tried = if code.trim().is_empty() {
            Err(Objection::CodeWrong(TRIES_MAX.saturating_sub(confirmation.tries)))
        } else {
            let tried = confirmation.attempt(&code_hash(account, &confirmation.id, code));
            self.put_underway(key, rev, confirmation).await?;
            tried
        };
        if tried.is_err() {
            self.check_arrival(account, confirmation.message.as_deref()).await?;
        }
        Ok(tried?)
    }

    /// The channel of a number that was confirmed, if an earlier call of the same has connected it and only its answer was lost.
    async fn finished(&self, id: &ChannelId) -> Result<Option<Connected>, Fault> {
        let config = self.configuration().await?;
        let channel = config.channels.get(id);
        let channel = channel.filter(|channel| channel.problem.as_deref() != Some(WEBHOOK_NOT_CONFIRMED));
        let rows = self.world.store().get(&[account_key(Provider::Whatsapp, &number_of(id))]).await?;
        let having = rows.first().and_then(Option::as_ref).map(decode_account).transpose()?;
        let by_hand = number_of(id) == SANDBOX_NUMBER || having.is_some_and(|having| having.service.is_some());
        Ok(channel.map(|channel| self.connected(&config, channel.clone(), by_hand, Vec::new())))
    }

    /// What the manager is told of a connected number.
    fn connected(
        &self,
        config: &Configuration,
        channel: Channel,
        by_hand: bool,
        mut warnings: Vec<String>,
    ) -> Connected {
        warnings.extend(by_hand.then(|| BY_HAND.to_owned()));
        let receiver_address = by_hand.then(|| connect::with_retries(&receiver_url(self.site_url(config))));
        Connected { channel, warnings, receiver_address }
    }

    /// `POST /api/channels/{id}/whatsapp`: with the same account, or another one that has the number now.
    pub(crate) async fn reconnect_whatsapp(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let id: ChannelId = call.id()?;
        let body: ReconnectWhatsapp = call.body()?;
        let before = self.channel(&id).await?;
        if before.provider != Provider::Whatsapp {
            return Err(Code::NotFound.into());
        }
        let account = Account::given(&body.account_sid, &body.auth_token)?;
        self.check_account(&account, &before.account).await?;
        let connecting = Connecting { id: &id, number: &before.account, service: Service::AsBefore, account: &account };
        let decide =
            |config: &mut Configuration| settings::connect_again(config, &id, &before.account, &before.account);
        let connected = self.connect_number(connecting, decide).await?;
        Ok(Answer::json(200, &connected).version(connected.channel.version))
    }

    /// The steps that are the same the first time and again.
    async fn connect_number(
        &self,
        Connecting { id, number, service, account }: Connecting<'_>,
        decide: impl FnMut(&mut Configuration) -> Result<Channel, Objection>,
    ) -> Result<Connected, Fault> {
        let sandbox = number == SANDBOX_NUMBER;
        let sender = if sandbox { None } else { Some(self.online_sender(account, number).await?) };
        self.world.secrets().put_channel_token(id.as_str(), &account.secret).await?;
        let having = Having { provider: Provider::Whatsapp, account: number, service };
        let service = self.register(id, having, decide).await?;
        let config = self.configuration().await?;
        let site = self.site_url(&config);
        let mut warnings = Vec::new();
        if let Some(sender) = &sender {
            self.set_receiver(account, sender, &receiver_url(site)).await?;
            warnings = taken_over(Some(&sender.callback_url), [site, self.world.public_url()]);
        }
        let channel = self.settle(id, None).await?;
        // A Messaging Service has a receiver of its own, which the number's does not change.
        Ok(self.connected(&config, channel, sandbox || service.is_some(), warnings))
    }

    /// Has the messages of a channel that is no more sent nowhere, if they come here (C3).
    pub(super) async fn leave_whatsapp(&self, token: Secret, id: &ChannelId, site: &str) -> Result<(), Fault> {
        let number = number_of(id);
        let Some(account) = Account::kept(token).filter(|_| number != SANDBOX_NUMBER) else { return Ok(()) };
        let sender = self.find_sender(&account, &number).await?;
        if let Some(sender) = sender.filter(|sender| sender.goes_to(&receiver_url(site))) {
            let cleared = self.ask_twilio(&account, connect::clear_webhook(&sender.sid)).await;
            cleared.map_err(|_| Fault::from(Code::TwilioUnavailable))?;
        }
        Ok(())
    }

    /// Whether the number's messages come here, and its account takes our replies.
    pub(super) async fn health_of_whatsapp(&self, token: Secret, id: &ChannelId, site: &str) -> Result<Health, Fault> {
        let (number, url) = (number_of(id), receiver_url(site));
        let Some(account) = Account::kept(token) else { return Ok(ill(TOKEN_MISSING)) };
        match self.account_is_active(&account).await {
            Ok(true) => {}
            Ok(false) => return Ok(ill(ACCOUNT_INACTIVE)),
            Err(Fault::Said(Code::TokenInvalid, _)) => return Ok(ill(TOKEN_INVALID)),
            Err(fault) => return Err(fault),
        }
        if number == SANDBOX_NUMBER {
            let receiver_address = Some(connect::with_retries(&url));
            return Ok(Health { ok: true, receiver_address, ..Health::default() });
        }
        let Some(sender) = self.find_sender(&account, &number).await? else { return Ok(ill(SENDER_MISSING)) };
        let problem = match sender.callback_url.as_str() {
            _ if !sender.is_online() => Some(SENDER_OFFLINE),
            "" => Some(WEBHOOK_MISSING),
            _ if sender.goes_to(&url) => None,
            _ => Some(WEBHOOK_TAKEN_OVER),
        };
        Ok(Health {
            ok: problem.is_none(),
            problem: problem.map(str::to_owned),
            webhook_host: (!sender.callback_url.is_empty()).then(|| host(&sender.callback_url).to_owned()),
            ..Health::default()
        })
    }
}

/// The number of a channel's id.
fn number_of(id: &ChannelId) -> String {
    format!("+{}", id.as_str().trim_start_matches("wa-"))
}

fn connect_number(
    config: &mut Configuration,
    id: &ChannelId,
    number: &str,
    name: Option<&str>,
) -> Result<Channel, Objection> {
    settings::connect_channel(config, Provider::Whatsapp, id.clone(), number, number, name)
}
