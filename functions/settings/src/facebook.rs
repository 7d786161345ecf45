//! What the function asks of Facebook, and what its answers mean here (C3, C5).

use domain::Provider;
use domain::config::Configuration;
use domain::settings::{Objection, SettingCode, missing_settings};
use messengers::call::Call;
use messengers::failure::Failure;
use messengers::messenger::connect::{AppWebhook, Page, TokenInfo};
use messengers::messenger::{self, connect};
use ports::secrets::{FACEBOOK_APP, FACEBOOK_VERIFY, Secret};
use ports::{MessengerReply, MessengerTransport, Secrets};
use serde_json::Value;
use wire::http::Code;

use crate::answer::Fault;
use crate::{Settings, World};

/// The most pages of a person that are looked at.
pub(crate) const PAGES_MAX: usize = 100;
/// How many parts the list of a person's pages is asked for in.
const PARTS_MAX: usize = 8;

/// The Facebook app of the settings.
pub(crate) struct App {
    /// Its id.
    pub(crate) id: String,
    /// Its secret.
    pub(crate) secret: Secret,
}

impl App {
    /// The token by which the app speaks for itself.
    pub(crate) fn token(&self) -> Secret {
        Secret::new(format!("{}|{}", self.id, self.secret.reveal()))
    }
}

/// For whom a call is made: what it means if Facebook does not take the token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// The app.
    App,
    /// The person who signed in.
    Person,
    /// The page.
    Page,
}

/// What a failure means to the manager.
pub(crate) fn fault(failure: &Failure, whose: For, refused: Code) -> Fault {
    let app = "Facebook does not take FacebookAppId with FacebookAppSecret; check both settings.";
    match failure.code {
        connect::APP_REFUSED => Fault::Said(Code::InvalidValue, app.to_owned()),
        connect::TOKEN_INVALID if whose == For::App => Fault::Said(Code::InvalidValue, app.to_owned()),
        connect::TOKEN_INVALID if whose == For::Person => Code::SignInRefused.into(),
        connect::TOKEN_INVALID => {
            Fault::Said(Code::TokenInvalid, "Facebook does not take this page's token; sign in again.".to_owned())
        }
        connect::PERMISSION_MISSING => said(Code::PermissionMissing, failure),
        "refused" => said(refused, failure),
        _ => Code::FacebookUnavailable.into(),
    }
}

fn said(code: Code, failure: &Failure) -> Fault {
    let text = match code {
        Code::WebhookNotConfirmed => "Facebook does not confirm that the page's messages come here.",
        code => code.text(),
    };
    Fault::Said(code, format!("{text} Facebook says: {}", failure.detail))
}

/// What is said when Facebook agreed, and yet it is not so.
pub(crate) fn not_confirmed() -> Fault {
    let text = "Facebook does not confirm that the page's messages come here.";
    Fault::Said(Code::WebhookNotConfirmed, text.to_owned())
}

impl<W: World> Settings<W> {
    /// The Facebook app; if there is none, every setting that is missing is named (P3).
    pub(crate) async fn facebook_app(&self, config: &Configuration) -> Result<App, Fault> {
        let missing = missing_settings(&config.settings, Provider::Messenger);
        let id = config.settings.facebook_app_id.clone().filter(|_| missing.is_empty());
        let id = id.ok_or(Objection::SettingsMissing(missing))?;
        let secret = self.secret_if_any(FACEBOOK_APP).await?;
        let secret = secret.ok_or(Objection::SettingsMissing(vec![SettingCode::FacebookAppSecret]))?;
        Ok(App { id, secret })
    }

    /// The token by which Facebook's question for our webhook is recognised, made when first needed.
    async fn verify_token(&self) -> Result<Secret, Fault> {
        if let Some(token) = self.secret_if_any(FACEBOOK_VERIFY).await? {
            return Ok(token);
        }
        let token = Secret::new(self.new_secret());
        self.world.secrets().put_channel_token(FACEBOOK_VERIFY, &token).await?;
        Ok(token)
    }

    /// One call.
    async fn ask_facebook(&self, token: &str, call: &Call) -> Result<Value, Failure> {
        let answer = match self.world.messengers().call(token, call).await {
            MessengerReply::Answered { status, body } => connect::read_answer(status, &body),
            MessengerReply::NotSent(why) => Err(Failure::not_sent(&why)),
            MessengerReply::Unknown(why) => Err(Failure::outcome_unknown(&why)),
        };
        if let Err(failure) = &answer {
            tracing::warn!(method = call.method, code = failure.code, detail = failure.detail, "Facebook refused");
        }
        answer
    }

    /// One call of the app's.
    pub(crate) async fn ask_as_app(&self, app: &App, call: Call) -> Result<Value, Failure> {
        self.ask_facebook(app.token().reveal(), &call).await
    }

    /// One call of a person's or a page's, with the proof that it is the app which makes it.
    pub(crate) async fn ask_as(&self, app: &App, token: &str, call: Call) -> Result<Value, Failure> {
        self.ask_facebook(token, &messenger::with_proof(call, app.secret.reveal(), token)).await
    }

    /// The token that a person's code, or an earlier token, is exchanged for.
    pub(crate) async fn exchange(&self, call: Call) -> Result<Secret, Fault> {
        // The exchange has its secrets in the body: it goes without a token.
        let answer = self.ask_facebook("", &call).await;
        let answer = answer.map_err(|failure| fault(&failure, For::Person, Code::SignInRefused))?;
        connect::read_token(&answer).map(Secret::new).ok_or_else(|| Code::FacebookUnavailable.into())
    }

    /// What a token is worth.
    pub(crate) async fn token_info(&self, app: &App, token: &str) -> Result<TokenInfo, Failure> {
        let answer = self.ask_as_app(app, connect::debug_token(token)).await?;
        TokenInfo::read(&answer).ok_or_else(|| Failure::outcome_unknown("no description of a token"))
    }

    /// The pages of a person, the first [`PAGES_MAX`], and whether there are more.
    pub(crate) async fn pages_of(&self, app: &App, person: &Secret) -> Result<(Vec<Page>, bool), Fault> {
        let (mut pages, mut after) = (Vec::new(), None);
        for _ in 0..PARTS_MAX {
            let answer = self.ask_as(app, person.reveal(), connect::accounts(after.as_deref())).await;
            let answer = answer.map_err(|failure| fault(&failure, For::Person, Code::SignInRefused))?;
            let (part, next) = connect::read_accounts(&answer);
            pages.extend(part);
            after = next;
            if after.is_none() || pages.len() >= PAGES_MAX {
                break;
            }
        }
        let more = after.is_some() || pages.len() > PAGES_MAX;
        pages.truncate(PAGES_MAX);
        Ok((pages, more))
    }

    /// Where the app's webhooks go.
    pub(crate) async fn app_webhook(&self, app: &App) -> Result<Option<AppWebhook>, Failure> {
        Ok(AppWebhook::read(&self.ask_as_app(app, connect::app_subscriptions(&app.id)).await?))
    }

    /// Has the app's webhooks sent to this address, and makes sure that they are; who had them before, if somebody.
    pub(crate) async fn take_app_webhook(&self, app: &App, url: &str) -> Result<Option<String>, Fault> {
        let refused = |failure: Failure| fault(&failure, For::App, Code::WebhookNotConfirmed);
        let is_ours = |webhook: &AppWebhook| webhook.callback_url == url && webhook.is_whole;
        let verify = self.verify_token().await?;
        let before = self.app_webhook(app).await.map_err(refused)?;
        if before.as_ref().is_some_and(is_ours) {
            return Ok(None);
        }
        self.ask_as_app(app, connect::subscribe_app(&app.id, url, verify.reveal())).await.map_err(refused)?;
        if !self.app_webhook(app).await.map_err(refused)?.as_ref().is_some_and(is_ours) {
            return Err(not_confirmed());
        }
        Ok(before.map(|webhook| webhook.callback_url).filter(|there| !there.is_empty() && there != url))
    }

    /// Has the app told of a page, and makes sure that it is.
    pub(crate) async fn subscribe_page(&self, app: &App, page: &Page) -> Result<(), Fault> {
        let refused = |failure: Failure| fault(&failure, For::Page, Code::WebhookNotConfirmed);
        self.ask_as(app, &page.token, connect::subscribe_page(&page.id)).await.map_err(refused)?;
        let apps = self.ask_as(app, &page.token, connect::subscribed_apps(&page.id)).await.map_err(refused)?;
        if connect::is_subscribed(&apps, &app.id) { Ok(()) } else { Err(not_confirmed()) }
    }
}
