//! Facebook pages (C5): signing in, choosing, connecting, disconnecting, health.
//!
//! Three calls, and each may be made again wherever it broke off:
//!
//! 1. A state is made for the person who asks, stored as its hash, and Facebook's dialog is given it.
//! 2. The dialog's code is exchanged for the person's token, which is kept in the secret store under the state's hash, at
//!    first as it came and then for long. From the moment that it is kept the same call goes on from it; before that, a code
//!    is used up and the person signs in again. Pages' tokens are got with it when they are needed, and not kept.
//! 3. The app's webhook is made to come here. Then page by page: its token is kept; the channel, inactive and unbound, its
//!    webhook's row and the page's own row (C3) are committed; the page is subscribed, which Facebook must confirm; the
//!    problem `webhook_not_confirmed` is taken off. A page that breaks off holds no other up.

use std::collections::BTreeSet;

use domain::config::{Channel, Configuration};
use domain::settings::{
    self, Objection, PERMISSION_MISSING, SignIn, TOKEN_INVALID, WEBHOOK_MISSING, WEBHOOK_TAKEN_OVER,
};
use domain::{ChannelId, Provider};
use messengers::messenger::connect::{self, Page, TokenInfo};
use ports::records::setup_key;
use ports::secrets::Secret;
use ports::{Clock, Secrets};
use wire::http::{
    ChannelName, Code, ConnectMessenger, ConnectedPage, ConnectedPages, FacebookDialog, Health, ListPages, PageView,
    Pages, SignInMessenger,
};
use wire::operators::Problem;

use super::{Having, Service, ill, taken_over};
use crate::answer::{Answer, Fault};
use crate::facebook::{App, For, fault};
use crate::request::Call;
use crate::setup::{hash, who};
use crate::telegram::host;
use crate::{Settings, World};

/// The most pages of one call: each takes two calls of Facebook's and two commits, and a call is answered within 30 s.
const PAGES_A_CALL_MAX: usize = 10;
/// After how long no further page is begun, milliseconds: the function's own time is 28 s.
const BEGIN_MS_MAX: i64 = 12_000;
/// The longest code and state that are looked at, bytes.
const CODE_BYTES_MAX: usize = 2048;

/// Under which name the token of a person who signs in is kept; its dot keeps it from ever being a channel's id.
fn sign_in_secret(state_hash: &str) -> String {
    format!("facebook.sign-in-{}", &state_hash[..state_hash.len().min(32)])
}

fn id_of(page: &str) -> Option<ChannelId> {
    format!("fb-{page}").parse().ok()
}

/// The page of a channel's id.
pub(super) fn page_of(id: &ChannelId) -> Option<&str> {
    id.as_str().strip_prefix("fb-").filter(|page| connect::is_id(page))
}

/// Where pages' messages come: one address for the app.
fn webhook_url(site: &str) -> String {
    format!("{site}/webhooks/messenger")
}

impl<W: World> Settings<W> {
    /// `POST /api/channels/messenger/sign-in`.
    pub(crate) async fn sign_in_messenger(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let body: SignInMessenger = call.body()?;
        let app = self.facebook_app(&self.configuration().await?).await?;
        let origins: Vec<&str> =
            self.world.allowed_origins().split(',').chain([self.world.public_url()]).map(str::trim).collect();
        settings::check_return_url(&body.return_url, &origins)?;
        let key = setup_key(Provider::Messenger, &who(call.principal));
        let before = self.underway::<SignIn>(&key).await?;
        if let Some((_, before)) = &before {
            self.world.secrets().delete_channel_token(&sign_in_secret(&before.state)).await?;
        }
        let state = self.new_secret();
        let sign_in = SignIn::begin(hash(&state), body.return_url.clone(), self.world.clock().now_ms());
        self.put_underway(&key, before.map_or(0, |(rev, _)| rev), &sign_in).await?;
        let url = connect::dialog_url(self.world.facebook_dialog_url(), &app.id, &body.return_url, &state);
        Ok(Answer::json(200, &FacebookDialog { url, state }))
    }

    /// `POST /api/channels/messenger/pages`.
    pub(crate) async fn list_pages(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let body: ListPages = call.body()?;
        let config = self.configuration().await?;
        let app = self.facebook_app(&config).await?;
        let (sign_in, person) = self.signed_in(call, &body.state, Some((&app, &body.code))).await?;
        let info = self.person_info(&app, &person).await?;
        let (pages, more) = self.pages_of(&app, &person).await?;
        let pages = pages.iter().map(|page| view(&config, page, &info)).collect();
        Ok(Answer::json(200, &Pages { pages, more, expires_at_ms: sign_in.expires_at_ms }))
    }

    /// The person's sign-in and token. With a code, a sign-in that has none yet gets it.
    async fn signed_in(
        &self,
        call: &Call<'_>,
        state: &str,
        code: Option<(&App, &str)>,
    ) -> Result<(SignIn, Secret), Fault> {
        let key = setup_key(Provider::Messenger, &who(call.principal));
        let (rev, sign_in) = self.underway::<SignIn>(&key).await?.ok_or(Objection::SignInRefused)?;
        let now = self.world.clock().now_ms();
        sign_in.check(&hash(state), now)?;
        let name = sign_in_secret(&sign_in.state);
        let kept = self.secret_if_any(&name).await?;
        if sign_in.signed_in {
            return Ok((sign_in, kept.ok_or(Objection::SignInRefused)?));
        }
        let (app, code) = code.ok_or(Objection::SignInRefused)?;
        let first = match kept {
            Some(token) => token,
            None => self.first_token(app, &sign_in, code, &name).await?,
        };
        let lasting = connect::exchange_token(&app.id, app.secret.reveal(), first.reveal());
        let token = self.exchange(lasting).await?;
        self.world.secrets().put_channel_token(&name, &token).await?;
        let sign_in = sign_in.done(now);
        self.put_underway(&key, rev, &sign_in).await?;
        Ok((sign_in, token))
    }

    /// The code is used up, and what it gave is kept.
    async fn first_token(&self, app: &App, sign_in: &SignIn, code: &str, name: &str) -> Result<Secret, Fault> {
        if code.is_empty() || code.len() > CODE_BYTES_MAX {
            return Err(Code::SignInRefused.into());
        }
        let exchange = connect::exchange_code(&app.id, app.secret.reveal(), &sign_in.return_url, code);
        let token = self.exchange(exchange).await?;
        self.world.secrets().put_channel_token(name, &token).await?;
        Ok(token)
    }

    /// What the person's token is worth.
    async fn person_info(&self, app: &App, person: &Secret) -> Result<TokenInfo, Fault> {
        let info = self.token_info(app, person.reveal()).await;
        let info = info.map_err(|failure| fault(&failure, For::App, Code::SignInRefused))?;
        if info.is_valid { Ok(info) } else { Err(Code::SignInRefused.into()) }
    }

    /// `POST /api/channels/messenger`.
    pub(crate) async fn connect_messenger(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let body: ConnectMessenger = call.body()?;
        let wanted = wanted(&body.pages)?;
        let until_ms = self.world.clock().now_ms() + BEGIN_MS_MAX;
        let config = self.configuration().await?;
        let app = self.facebook_app(&config).await?;
        let (_, person) = self.signed_in(call, &body.state, None).await?;
        let info = self.person_info(&app, &person).await?;
        let (pages, _) = self.pages_of(&app, &person).await?;
        let before = self.take_app_webhook(&app, &webhook_url(self.site_url(&config))).await?;
        let warnings = taken_over(before.as_deref(), [self.site_url(&config), self.world.public_url()]);
        let mut connected = Vec::new();
        for id in wanted {
            let result = match pages.iter().find(|page| page.id == id) {
                None => Err(Code::NotFound.into()),
                Some(_) if self.world.clock().now_ms() > until_ms => Err(Code::TryAgain.into()),
                Some(page) => self.connect_page(&app, page, &info).await,
            };
            connected.push(told(id, result));
        }
        Ok(Answer::json(200, &ConnectedPages { pages: connected, warnings }))
    }

    /// One page.
    async fn connect_page(&self, app: &App, page: &Page, info: &TokenInfo) -> Result<Channel, Fault> {
        let id = id_of(&page.id).ok_or(Code::Internal)?;
        let decide = |config: &mut Configuration| settings::connect_page(config, &id, &page.id, &page.name);
        // Before a token is kept that leads nowhere.
        decide(&mut self.configuration().await?)?;
        self.world.secrets().put_channel_token(id.as_str(), &Secret::new(page.token.clone())).await?;
        let having = Having { provider: Provider::Messenger, account: &page.id, service: Service::Is(None) };
        self.register(&id, having, decide).await?;
        self.subscribe_page(app, page).await?;
        let problem = (!connect::lacking(page, info).is_empty()).then_some(PERMISSION_MISSING);
        self.settle(&id, problem).await
    }

    /// Has the app told no more of the page of a channel that is no more, if what it is told comes here: else that is the
    /// affair of another installation with the same app (C3).
    pub(super) async fn leave_messenger(
        &self,
        token: &Secret,
        page: &str,
        config: &Configuration,
    ) -> Result<(), Fault> {
        let app = self.facebook_app(config).await?;
        let refused = |failure| fault(&failure, For::Page, Code::FacebookUnavailable);
        let webhook = self.app_webhook(&app).await.map_err(refused)?;
        if webhook.is_some_and(|webhook| webhook.callback_url == webhook_url(self.site_url(config))) {
            self.ask_as(&app, token.reveal(), connect::unsubscribe_page(page)).await.map_err(refused)?;
        }
        Ok(())
    }

    /// Whether the page's messages come here, and what its token permits.
    pub(super) async fn health_of_messenger(
        &self,
        token: &Secret,
        page: &str,
        config: &Configuration,
    ) -> Result<Health, Fault> {
        let app = match self.facebook_app(config).await {
            Ok(app) => app,
            Err(Fault::Objection(Objection::SettingsMissing(_))) => return Ok(ill("settings_missing")),
            Err(fault) => return Err(fault),
        };
        let refused = |failure| fault(&failure, For::App, Code::FacebookUnavailable);
        let info = match self.token_info(&app, token.reveal()).await {
            Ok(info) if info.is_valid => info,
            Ok(_) => return Ok(ill(TOKEN_INVALID)),
            // A token of another app: `FacebookAppId` has changed.
            Err(failure) if failure.code == "refused" => return Ok(ill(TOKEN_INVALID)),
            Err(failure) => return Err(refused(failure)),
        };
        let url = webhook_url(self.site_url(config));
        let webhook = self.app_webhook(&app).await.map_err(refused)?;
        let apps = self.ask_as(&app, token.reveal(), connect::subscribed_apps(page)).await;
        let apps = match apps {
            Err(failure) if failure.code == connect::TOKEN_INVALID => return Ok(ill(TOKEN_INVALID)),
            // It may not even be asked: then it is not told of either.
            Err(failure) if failure.code == connect::PERMISSION_MISSING => serde_json::Value::Null,
            apps => apps.map_err(refused)?,
        };
        let routed = self.ask_as(&app, token.reveal(), connect::feature_status(page)).await;
        let lacks = info.lacks(page);
        let problem = match &webhook {
            Some(webhook) if webhook.callback_url != url => Some(WEBHOOK_TAKEN_OVER),
            _ if !lacks.is_empty() => Some(PERMISSION_MISSING),
            Some(webhook) if webhook.is_whole && connect::is_subscribed(&apps, &app.id) => None,
            _ => Some(WEBHOOK_MISSING),
        };
        Ok(Health {
            ok: problem.is_none(),
            problem: problem.map(str::to_owned),
            webhook_host: webhook.map(|webhook| host(&webhook.callback_url).to_owned()),
            lacks,
            routed: routed.ok().as_ref().map(connect::is_routed),
            ..Health::default()
        })
    }
}

/// A page, as a manager chooses it.
fn view(config: &Configuration, page: &Page, info: &TokenInfo) -> PageView {
    let channel = id_of(&page.id).and_then(|id| config.channels.get(&id));
    PageView {
        id: page.id.clone(),
        name: page.name.clone(),
        lacks: connect::lacking(page, info),
        channel: channel.map(|channel| ChannelName { id: channel.id.clone(), name: channel.name.clone() }),
    }
}

/// The pages that are to be connected, each once.
fn wanted(pages: &[String]) -> Result<Vec<&str>, Fault> {
    let mut seen = BTreeSet::new();
    let pages: Vec<&str> = pages.iter().map(String::as_str).filter(|page| seen.insert(*page)).collect();
    if (1..=PAGES_A_CALL_MAX).contains(&pages.len()) && pages.iter().all(|page| connect::is_id(page)) {
        return Ok(pages);
    }
    Err(Fault::Said(Code::InvalidValue, format!("Choose 1 to {PAGES_A_CALL_MAX} pages a call, by their ids.")))
}

/// How a page fared, as the manager is told.
fn told(page: &str, result: Result<Channel, Fault>) -> ConnectedPage {
    let (channel, error) = match result {
        Ok(channel) => (Some(channel), None),
        Err(fault) => {
            fault.log();
            let (code, text) = fault.outward();
            (None, Some(Problem { code: code.as_str().to_owned(), text }))
        }
    };
    ConnectedPage { page: page.to_owned(), channel, error }
}
