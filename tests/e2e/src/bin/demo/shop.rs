//! What the demonstration needs in the system; made where it is missing, so that a second run finds it.

use domain::config::{Channel, Queue, Role, Rule, User};
use e2e::Stack;
use e2e::customer::Bot;
use e2e::stack::SignIn;
use e2e::world::{Ground, draft};
use serde_json::json;
use simulators::telegram::{Client, ClientError, NewBot};
use wire::http::{Channels, Connected, Health, Operators, Queues, RoleDraft, Roles, UserDraft};

use crate::say;

/// The queue and the role that serves it.
const QUEUE: &str = "Support";
const ROLE: &str = "Support agents";
/// The bot; a token of the simulator's is no secret.
const TOKEN: &str = "700000001:SwitchboardDemoBotOfTheSimulator-01";
const USERNAME: &str = "switchboard_demo_bot";
const BOT_NAME: &str = "Demo Shop";
/// A chat closes so many minutes after the last reply.
const AUTO_CLOSE_MIN: u32 = 30;

/// The shop: who answers, and where customers write.
pub(crate) struct Shop {
    /// The queue.
    pub(crate) queue: Queue,
    /// The bot.
    pub(crate) bot: Bot,
    /// The operators, with their sign-ins.
    pub(crate) operators: Vec<(SignIn, User)>,
}

/// Opens the shop.
pub(crate) async fn open(ground: &Ground) -> Shop {
    let role = role(ground).await;
    let queue = queue(ground, &role).await;
    let mut operators = Vec::new();
    for who in ground.stack.users.iter().filter(|user| user.rights.is_empty()) {
        operators.push((who.clone(), operator(ground, who, &role).await));
    }
    let bot = bot(ground).await;
    let channel = channel(ground, &bot).await;
    if channel.serving() != Some(&queue.id) {
        ground.bind(&channel, &queue).await;
    }
    say("shop", &format!("queue \"{QUEUE}\", {} operators, bot @{USERNAME} connected and bound", operators.len()));
    Shop { queue, bot, operators }
}

async fn role(ground: &Ground) -> Role {
    let found: Roles = ground.manager.get("/api/roles").await.read();
    match found.roles.into_iter().find(|role| role.name == ROLE) {
        Some(role) => role,
        None => ground.manager.post("/api/roles", &RoleDraft { name: ROLE.to_owned() }).await.read(),
    }
}

async fn queue(ground: &Ground, role: &Role) -> Queue {
    let found: Queues = ground.manager.get("/api/queues").await.read();
    if let Some(queue) = found.queues.into_iter().find(|queue| queue.name == QUEUE) {
        return queue;
    }
    let mut draft = draft(Rule::MostFree);
    QUEUE.clone_into(&mut draft.name);
    draft.roles.push(role.id.clone());
    draft.auto_close_min = Some(AUTO_CLOSE_MIN);
    ground.queue(&draft).await
}

async fn operator(ground: &Ground, who: &SignIn, role: &Role) -> User {
    let mut after = String::new();
    loop {
        let page: Operators = ground.manager.get(&format!("/api/operators?limit=100{after}")).await.read();
        if let Some(user) = page.operators.into_iter().find(|user| user.email == who.email) {
            return user;
        }
        match page.next {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let roles = vec![role.id.clone()];
    let draft = UserDraft { email: who.email.clone(), name: who.name.clone(), roles, own_limit: None };
    ground.manager.post("/api/operators", &draft).await.read()
}

async fn bot(ground: &Ground) -> Bot {
    let simulator = Client::new(&ground.stack.simulators.telegram);
    let new =
        NewBot { token: Some(TOKEN.to_owned()), name: Some(BOT_NAME.to_owned()), username: Some(USERNAME.to_owned()) };
    match simulator.create_bot(&new).await {
        // 409: an earlier run made it.
        Ok(_) | Err(ClientError::Refused { status: 409, .. }) => Bot { simulator, token: TOKEN.to_owned() },
        Err(error) => panic!("the simulator has no bot for the demonstration: {error}"),
    }
}

async fn channel(ground: &Ground, bot: &Bot) -> Channel {
    let found: Channels = ground.manager.get("/api/channels").await.read();
    let Some(channel) = found.channels.into_iter().find(|channel| channel.account_name.as_deref() == Some(USERNAME))
    else {
        let connected: Connected =
            ground.manager.post("/api/channels/telegram", &json!({"name": BOT_NAME, "token": bot.token})).await.read();
        return connected.channel;
    };
    let health: Health = ground.manager.get(&format!("/api/channels/{}/health", channel.id)).await.read();
    if health.ok {
        return channel;
    }
    let again: Connected = ground
        .manager
        .post(&format!("/api/channels/{}/telegram", channel.id), &json!({"token": bot.token}))
        .await
        .read();
    again.channel
}

impl Shop {
    /// Where everything is, for a person.
    pub(crate) fn addresses(&self, stack: &Stack) -> String {
        let names: Vec<&str> = self.operators.iter().map(|(who, _)| who.name.as_str()).collect();
        let console = stack.console_url.as_deref().unwrap_or("none yet");
        format!(
            "\nWrite as a customer:  {}/?bot={USERNAME}&customer=You\n\
             Who answers:          {} (queue \"{}\")\n\
             HTTP API:             {}\n\
             WebSocket API:        {}\n\
             Console:              {console}\n\
             Ctrl-C ends the demonstration.\n",
            stack.simulators.telegram,
            names.join(", "),
            self.queue.name,
            stack.api_url,
            stack.websocket_url,
        )
    }
}
