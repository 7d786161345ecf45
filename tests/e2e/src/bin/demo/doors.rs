//! Where customers write: a bot, a page and a number, each connected and bound; made where they are missing, so that a second
//! run finds them.

use domain::Provider;
use domain::config::{Channel, Queue};
use e2e::customer::Bot;
use e2e::messenger::{Facebook, Page};
use e2e::whatsapp::{Account, Twilio};
use e2e::world::Ground;
use serde_json::json;
use simulators::graph::{BOT_APP_ID, ClientError as GraphError, NewPage};
use simulators::telegram::{Client as Telegram, ClientError as TelegramError, NewBot};
use simulators::twilio::{Client as TwilioClient, ClientError as TwilioError, NewAccount, NewSender};
use wire::http::{Channels, Connected, Health};

/// The name on every door.
const NAME: &str = "Demo Shop";
/// The bot; a token of a simulator's is no secret.
const TOKEN: &str = "700000001:SwitchboardDemoBotOfTheSimulator-01";
/// The bot's username.
pub(crate) const USERNAME: &str = "switchboard_demo_bot";
/// The page.
pub(crate) const PAGE: &str = "700000000000001";
/// The account of the number, and its token.
const ACCOUNT_SID: &str = "AC70000000000000000000000000000001";
const AUTH_TOKEN: &str = "70000000000000000000000000000001";
/// The number.
pub(crate) const NUMBER: &str = "+493070000001";
/// Whose number gets the confirmation code.
const CONFIRMER: &str = "+493070000002";

/// The doors.
pub(crate) struct Doors {
    pub(crate) bot: Bot,
    pub(crate) facebook: Facebook,
    pub(crate) page: Page,
    pub(crate) number: Account,
}

/// Opens the doors, all of them to this queue.
pub(crate) async fn open(ground: &Ground, queue: &Queue) -> Doors {
    let bot = bot(ground).await;
    let facebook = Facebook::of(ground.clone()).await;
    let page = page(&facebook).await;
    let number = number(ground).await;
    let found: Channels = ground.manager.get("/api/channels").await.read();
    for provider in [Provider::Telegram, Provider::Messenger, Provider::Whatsapp] {
        let (id, account) = match provider {
            Provider::Telegram => ("tg-700000001".to_owned(), TOKEN),
            Provider::Messenger => (format!("fb-{PAGE}"), PAGE),
            Provider::Whatsapp => (format!("wa-{}", NUMBER.trim_start_matches('+')), NUMBER),
        };
        let known = found.channels.iter().find(|channel| channel.id.as_str() == id);
        let channel = match known {
            Some(channel) if is_well(ground, channel).await => channel.clone(),
            known => connect(&facebook, &page, &number, provider, known, account).await,
        };
        if channel.serving() != Some(&queue.id) {
            ground.bind(&channel, queue).await;
        }
    }
    Doors { bot, facebook, page, number }
}

async fn is_well(ground: &Ground, channel: &Channel) -> bool {
    let health: Health = ground.manager.get(&format!("/api/channels/{}/health", channel.id)).await.read();
    health.ok
}

/// Connects a door, or connects it again.
async fn connect(
    facebook: &Facebook,
    page: &Page,
    number: &Account,
    provider: Provider,
    known: Option<&Channel>,
    account: &str,
) -> Channel {
    let ground = &facebook.ground;
    match provider {
        Provider::Messenger => facebook.connect_page(page).await,
        Provider::Telegram => {
            let (path, body) = match known {
                Some(channel) => (format!("/api/channels/{}/telegram", channel.id), json!({"token": account})),
                None => ("/api/channels/telegram".to_owned(), json!({"name": NAME, "token": account})),
            };
            let connected: Connected = ground.manager.post(&path, &body).await.read();
            connected.channel
        }
        Provider::Whatsapp => {
            let simulator = TwilioClient::new(&ground.stack.simulators.whatsapp);
            let twilio = Twilio { ground: ground.clone(), simulator };
            match known {
                Some(channel) => {
                    let connected: Connected = twilio.reconnect(channel, number).await.read();
                    connected.channel
                }
                None => twilio.connect(number).await,
            }
        }
    }
}

async fn bot(ground: &Ground) -> Bot {
    let simulator = Telegram::new(&ground.stack.simulators.telegram);
    let new =
        NewBot { token: Some(TOKEN.to_owned()), name: Some(NAME.to_owned()), username: Some(USERNAME.to_owned()) };
    match simulator.create_bot(&new).await {
        // 409: an earlier run made it.
        Ok(_) | Err(TelegramError::Refused { status: 409, .. }) => Bot { simulator, token: TOKEN.to_owned() },
        Err(error) => panic!("the simulator has no bot for the demonstration: {error}"),
    }
}

/// The page; a bot of the page's answers first.
async fn page(facebook: &Facebook) -> Page {
    let new = NewPage {
        id: Some(PAGE.to_owned()),
        name: Some(NAME.to_owned()),
        primary_app_id: Some(BOT_APP_ID.to_owned()),
        ..NewPage::default()
    };
    match facebook.simulator.create_page(&new).await {
        Ok(_) | Err(GraphError::Refused { status: 409, .. }) => {}
        Err(error) => panic!("the simulator has no page for the demonstration: {error}"),
    }
    Page { simulator: facebook.simulator.clone(), id: PAGE.to_owned(), name: NAME.to_owned() }
}

/// The number; somebody has written to it, whom WhatsApp lets it write the confirmation code to.
async fn number(ground: &Ground) -> Account {
    let simulator = TwilioClient::new(&ground.stack.simulators.whatsapp);
    let senders = vec![NewSender { number: NUMBER.to_owned(), ..NewSender::default() }];
    let new = NewAccount {
        sid: Some(ACCOUNT_SID.to_owned()),
        auth_token: Some(AUTH_TOKEN.to_owned()),
        name: Some(NAME.to_owned()),
        senders,
        ..NewAccount::default()
    };
    let account = Account {
        simulator: simulator.clone(),
        sid: ACCOUNT_SID.to_owned(),
        token: AUTH_TOKEN.to_owned(),
        number: NUMBER.to_owned(),
        confirmer: CONFIRMER.to_owned(),
    };
    match simulator.create_account(&new).await {
        Ok(_) => {
            account.customer_of(CONFIRMER).write("Hello").await;
        }
        Err(TwilioError::Refused { status: 409, .. }) => {}
        Err(error) => panic!("the simulator has no number for the demonstration: {error}"),
    }
    account
}
