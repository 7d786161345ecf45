//! A world of a test's own: a queue, the role that serves it, a channel with its bot, and people.

use std::time::Duration;

use domain::config::{Channel, Queue, Role, Rule, User};
use domain::{OperatorId, RoleId};
use serde_json::{Value, json};
use simulators::telegram::Client;
use tokio::time::{Instant, sleep_until};
use wire::http::{CAN_MANAGE_CHATS, ChannelDraft, Connected, QueueDraft, RoleDraft, UserDraft};

use crate::api::{Api, Reply};
use crate::aws::Aws;
use crate::customer::{Bot, Customer};
use crate::person::Person;
use crate::stack::{SignIn, Stack};

/// How long a process of the functions may go by the configuration that it read (`runtime::cache`), and a moment more.
pub(crate) const CONFIGURATION_AGE_MAX: Duration = Duration::from_millis(2_300);
/// The accept timeout of all worlds: the shortest there is.
pub const ACCEPT_TIMEOUT_MIN: u32 = 1;

/// A world.
#[derive(Clone, Debug)]
pub struct World {
    /// The stack it is in.
    pub stack: Stack,
    /// The local AWS below.
    pub aws: Aws,
    /// The HTTP API, called by a manager.
    pub manager: Api,
    /// The HTTP client of everybody.
    pub http: reqwest::Client,
    /// The role that serves the queue.
    pub role: Role,
    /// The queue.
    pub queue: Queue,
    /// The channel, active and bound to the queue.
    pub channel: Channel,
    /// The channel's bot.
    pub bot: Bot,
}

/// A stack and a manager in it, with nothing made yet.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The stack.
    pub stack: Stack,
    /// The local AWS below.
    pub aws: Aws,
    /// The HTTP API, called by a manager.
    pub manager: Api,
    /// The HTTP client of everybody.
    pub http: reqwest::Client,
}

impl Ground {
    /// The stack that the environment names, its manager signed in.
    pub async fn enter() -> Self {
        Self::of(Stack::load()).await
    }

    /// This stack, its manager signed in.
    pub async fn of(stack: Stack) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_mins(1)).build();
        let http = http.expect("a client with fixed settings can be built");
        let aws = Aws::new(&stack, &http);
        let token = aws.id_token(stack.with_right(CAN_MANAGE_CHATS)).await;
        let manager = Api::new(&stack.api_url, &http, Some(token));
        Self { stack, aws, manager, http }
    }

    /// Somebody whom the manager lets in, signed in.
    pub async fn let_in(&self, who: &SignIn, roles: &[RoleId], own_limit: Option<u32>) -> Person {
        let draft = UserDraft { email: who.email.clone(), name: who.name.clone(), roles: roles.to_vec(), own_limit };
        let user: User = self.manager.post("/api/operators", &draft).await.read();
        self.sign_in(who, user.id).await
    }

    /// The same, with a manager of the test's own: of a person, one sign-in or confirmation of a channel is under way.
    pub async fn with_own_manager(mut self, name: &str) -> Self {
        let who = self.new_sign_in(name, &[CAN_MANAGE_CHATS]).await;
        let token = self.aws.id_token(&who).await;
        self.manager = Api::new(&self.stack.api_url, &self.http, Some(token));
        self
    }

    /// Somebody whom the issuer knows, but whom nobody has let in.
    pub async fn new_sign_in(&self, name: &str, groups: &[&str]) -> SignIn {
        let email = format!("{}@e2e.switchboard.local", crate::unique(&name.to_lowercase()));
        self.aws.create_user(&email, name, groups, true).await
    }

    /// A new operator of these roles, who can sign in but is not online.
    pub async fn new_operator(&self, name: &str, roles: &[RoleId], own_limit: Option<u32>) -> Person {
        let who = self.new_sign_in(name, &[]).await;
        self.let_in(&who, roles, own_limit).await
    }

    /// A channel, as managers see it now.
    pub async fn channel(&self, channel: &Channel) -> Channel {
        self.manager.get(&format!("/api/channels/{}", channel.id)).await.read()
    }

    /// A channel's health.
    pub async fn health(&self, channel: &Channel) -> Value {
        self.manager.get(&format!("/api/channels/{}/health", channel.id)).await.json()
    }

    /// Deletes a channel.
    pub async fn disconnect(&self, channel: &Channel) -> Reply {
        self.manager.delete(&format!("/api/channels/{}", channel.id)).await
    }

    /// Somebody who has been let in before.
    pub async fn sign_in(&self, who: &SignIn, id: OperatorId) -> Person {
        let token = self.aws.id_token(who).await;
        let api = Api::new(&self.stack.api_url, &self.http, Some(token));
        Person { id, name: who.name.clone(), email: who.email.clone(), api, stack: self.stack.clone() }
    }

    /// Makes a queue.
    pub async fn queue(&self, draft: &QueueDraft) -> Queue {
        self.manager.post("/api/queues", draft).await.read()
    }

    /// Makes a role.
    pub async fn role(&self) -> Role {
        self.manager.post("/api/roles", &RoleDraft { name: crate::unique("Role") }).await.read()
    }

    /// Connects a new bot; its channel is inactive and bound to nothing.
    pub async fn connect_bot(&self) -> (Bot, Channel) {
        let bot = Bot::create(&Client::new(&self.stack.simulators.telegram), &crate::unique("Bot")).await;
        let connected: Connected =
            self.manager.post("/api/channels/telegram", &json!({"name": null, "token": bot.token})).await.read();
        (bot, connected.channel)
    }

    /// Switches a channel on and binds it to a queue.
    pub async fn bind(&self, channel: &Channel, queue: &Queue) -> Channel {
        let draft = ChannelDraft {
            name: channel.name.clone(),
            active: true,
            queue: Some(queue.id.clone()),
            language: Some("en".to_owned()),
        };
        self.manager.put(&format!("/api/channels/{}", channel.id), channel.version, &draft).await.read()
    }
}

/// A queue of this rule with a name of its own, and nothing else set.
pub fn draft(rule: Rule) -> QueueDraft {
    QueueDraft {
        name: crate::unique("Queue"),
        rule,
        auto_close_min: None,
        spare_unanswered: false,
        roles: Vec::new(),
        users: Vec::new(),
        limit: None,
        absence_return_min: None,
    }
}

/// The whole of a queue, to be changed.
pub fn draft_of(queue: &Queue) -> QueueDraft {
    QueueDraft {
        name: queue.name.clone(),
        rule: queue.rule,
        auto_close_min: queue.auto_close_min,
        spare_unanswered: queue.spare_unanswered,
        roles: queue.roles.clone(),
        users: queue.users.clone(),
        limit: queue.limit,
        absence_return_min: queue.absence_return_min,
    }
}

impl World {
    /// A world whose queue has this rule.
    pub async fn open(rule: Rule) -> Self {
        Self::open_with(rule, |_| {}).await
    }

    /// A world whose queue is changed before it is made.
    pub async fn open_with(by: Rule, change: impl FnOnce(&mut QueueDraft)) -> Self {
        let ground = Ground::enter().await;
        ground.manager.set("OmniChatOperatorAcceptChatTimeout", &json!(ACCEPT_TIMEOUT_MIN)).await;
        let mut draft = draft(by);
        let role = ground.role().await;
        draft.roles.push(role.id.clone());
        change(&mut draft);
        let queue = ground.queue(&draft).await;
        let (bot, channel) = ground.connect_bot().await;
        let channel = ground.bind(&channel, &queue).await;
        let Ground { stack, aws, manager, http } = ground;
        let world = Self { stack, aws, manager, http, role, queue, channel, bot };
        world.settle().await;
        world
    }

    /// The ground that it stands on.
    pub fn ground(&self) -> Ground {
        Ground {
            stack: self.stack.clone(),
            aws: self.aws.clone(),
            manager: self.manager.clone(),
            http: self.http.clone(),
        }
    }

    /// Waits until every process must have read the configuration anew: nothing tells when the last of them has.
    pub async fn settle(&self) {
        sleep_until(Instant::now() + CONFIGURATION_AGE_MAX).await;
    }

    /// A new operator of the world's role, who can sign in but is not online.
    pub async fn operator(&self, name: &str) -> Person {
        self.operator_with(name, None).await
    }

    /// A new operator of the world's role, with a limit of their own.
    pub async fn operator_with(&self, name: &str, own_limit: Option<u32>) -> Person {
        self.person(name, std::slice::from_ref(&self.role.id), own_limit).await
    }

    /// A new operator of these roles.
    pub async fn person(&self, name: &str, roles: &[RoleId], own_limit: Option<u32>) -> Person {
        self.ground().new_operator(name, roles, own_limit).await
    }

    /// Somebody whom the issuer knows, but whom nobody has let in.
    pub async fn new_sign_in(&self, name: &str, groups: &[&str]) -> SignIn {
        self.ground().new_sign_in(name, groups).await
    }

    /// A customer of the world's bot.
    pub fn customer(&self, id: i64) -> Customer {
        self.bot.customer(id)
    }

    /// Changes the queue.
    pub async fn change_queue(&mut self, change: impl FnOnce(&mut QueueDraft)) {
        let mut draft = draft_of(&self.queue);
        change(&mut draft);
        let path = format!("/api/queues/{}", self.queue.id);
        self.queue = self.manager.put(&path, self.queue.version, &draft).await.read();
    }

    /// Changes the channel.
    pub async fn change_channel(&mut self, change: impl FnOnce(&mut ChannelDraft)) {
        let channel = &self.channel;
        let mut draft = ChannelDraft {
            name: channel.name.clone(),
            active: channel.active,
            queue: channel.queue.clone(),
            language: channel.language.clone(),
        };
        change(&mut draft);
        let path = format!("/api/channels/{}", channel.id);
        self.channel = self.manager.put(&path, channel.version, &draft).await.read();
    }

    /// How many chats wait in the queue's line.
    pub async fn line_length(&self) -> u64 {
        self.aws.count_work_rows(&format!("W#{}", self.queue.id)).await
    }
}
