//! Facebook pages and the customers who write to them, played by the Graph API's simulator; and a world whose channel is one.

use std::time::Duration;

use domain::config::{Channel, Queue, Role, Rule};
use domain::message::Message;
use domain::{ChatId, OfferId};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use simulators::graph::{BOT_APP_ID, Client, ClientError, NewApp, NewPage};
use tokio::time::{Instant, sleep_until};
use wire::http::{ConnectedPage, ConnectedPages, FacebookDialog, Pages, QueueDraft};
use wire::operators::ChatView;

use crate::customer::list;
use crate::files::Sample;
use crate::person::Person;
use crate::wait::{SOON, eventually};
use crate::window::Window;
use crate::world::{ACCEPT_TIMEOUT_MIN, CONFIGURATION_AGE_MAX, Ground, draft};

/// The Facebook app of every test: a stack has one. It makes its calls with a proof, as the simulator is told to ask for.
pub const APP_ID: &str = "310000000000001";
/// Its secret, which is none.
const APP_SECRET: &str = "e2e0123456789abcdef0123456789abc";
/// How much of a customer's id stands in for their name (`messengers::messenger`).
const NAME_DIGITS: usize = 4;

/// A number as Facebook has them, that nobody else uses.
fn number() -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    4_000_000_000_000_000 + u64::from_le_bytes(bytes) % 1_000_000_000_000_000
}

/// A stack whose Facebook app is set, and a manager of the test's own: of a person, one sign-in to Facebook is under way.
#[derive(Clone, Debug)]
pub struct Facebook {
    /// The stack, with that manager.
    pub ground: Ground,
    /// The simulator.
    pub simulator: Client,
}

impl Facebook {
    /// The stack that the environment names, with a manager of the test's own.
    pub async fn enter() -> Self {
        Self::of(Ground::enter().await.with_own_manager("Marta").await).await
    }

    /// This stack and its manager. The app is made, and set, if it is not there yet.
    pub async fn of(ground: Ground) -> Self {
        let simulator = Client::new(&ground.stack.simulators.messenger);
        let app = NewApp {
            id: Some(APP_ID.to_owned()),
            secret: Some(APP_SECRET.to_owned()),
            name: Some("Switchboard".to_owned()),
            require_proof: true,
            ..NewApp::default()
        };
        match simulator.create_app(&app).await {
            // 409: somebody has made it.
            Ok(_) | Err(ClientError::Refused { status: 409, .. }) => {}
            Err(error) => panic!("the app: {error}"),
        }
        ground.manager.set("FacebookAppId", &json!(APP_ID)).await;
        if ground.manager.get("/api/settings/FacebookAppSecret").await.json()["set"] != true {
            ground.manager.set("FacebookAppSecret", &json!(APP_SECRET)).await;
        }
        Self { ground, simulator }
    }

    /// A new page of this name; `primary` = the app that is its primary receiver.
    pub async fn page(&self, name: &str, primary: Option<&str>) -> Page {
        let new =
            NewPage { name: Some(name.to_owned()), primary_app_id: primary.map(str::to_owned), ..NewPage::default() };
        let made = self.simulator.create_page(&new).await.unwrap_or_else(|error| panic!("a page: {error}"));
        let id = made["id"].as_str().expect("a page has an id").to_owned();
        Page { simulator: self.simulator.clone(), id, name: name.to_owned() }
    }

    /// Where Facebook sends people back to.
    fn return_url(&self) -> String {
        format!("{}/settings/channels", self.ground.stack.origin.as_deref().unwrap_or_default())
    }

    /// Begins a sign-in.
    pub async fn begin(&self) -> FacebookDialog {
        let body = json!({"return_url": self.return_url()});
        self.ground.manager.post("/api/channels/messenger/sign-in", &body).await.read()
    }

    /// The person decides in Facebook's dialog; what Facebook hands over, by name.
    pub async fn decide(&self, dialog: &FacebookDialog, decision: &Value) -> Vec<(String, String)> {
        let asked = reqwest::Url::parse(&dialog.url).expect("the dialog's address");
        let ask: serde_json::Map<String, Value> =
            asked.query_pairs().map(|(name, value)| (name.into_owned(), json!(value))).collect();
        let location = self.simulator.sign_in(&json!(ask), decision).await.unwrap_or_else(|error| panic!("{error}"));
        assert!(location.starts_with(&self.return_url()), "{location}");
        let location = reqwest::Url::parse(&location).expect("an address to return to");
        location.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }

    /// Signs in and lets the app have these pages; the state, and the pages as the manager is shown them.
    pub async fn sign_in(&self, pages: &[&Page], declined: &[&str]) -> (String, Pages) {
        let dialog = self.begin().await;
        let ids: Vec<&str> = pages.iter().map(|page| page.id.as_str()).collect();
        let told = self.decide(&dialog, &json!({"pages": ids, "declined": declined})).await;
        let code = told.iter().find(|(name, _)| name == "code").map(|(_, code)| code.clone()).expect("a code");
        let body = json!({"code": code, "state": dialog.state});
        let shown = self.ground.manager.post("/api/channels/messenger/pages", &body).await.read();
        (dialog.state, shown)
    }

    /// Connects pages of a sign-in; again while one of them is asked to try again, as any client would.
    pub async fn connect(&self, state: &str, pages: &[&Page]) -> ConnectedPages {
        let ids: Vec<&str> = pages.iter().map(|page| page.id.as_str()).collect();
        let body = json!({"state": state, "pages": ids});
        let busy = |told: &ConnectedPage| told.error.as_ref().is_some_and(|error| error.code == "try_again");
        eventually("an answer about each page", SOON, async || {
            let connected: ConnectedPages = self.ground.manager.post("/api/channels/messenger", &body).await.read();
            (!connected.pages.iter().any(busy)).then_some(connected)
        })
        .await
    }

    /// Signs in and connects a page; its channel, inactive and bound to nothing.
    pub async fn connect_page(&self, page: &Page) -> Channel {
        let (state, _) = self.sign_in(&[page], &[]).await;
        let connected = self.connect(&state, &[page]).await;
        let first = connected.pages.into_iter().next().expect("a page");
        first.channel.unwrap_or_else(|| panic!("{}: {:?}", page.name, first.error))
    }

    /// Puts a file on Facebook's servers, for a customer to send: its id and address.
    pub async fn file(&self, file: &Sample) -> (String, String) {
        let url = format!("{}/control/files?name={}", self.ground.stack.simulators.messenger, file.name);
        let post = self.ground.http.post(&url).header(CONTENT_TYPE, &file.content_type).body(file.bytes.clone());
        let text = post.send().await.expect("an answer").text().await.expect("a text");
        let made: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let field = |name: &str| made[name].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        (field("id"), field("url"))
    }

    /// What is at an address that needs no sign-in: type and bytes.
    pub async fn download(&self, url: &str) -> (String, Vec<u8>) {
        let answer = self.ground.http.get(url).send().await.unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(answer.status().as_u16(), 200, "{url}");
        let content_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        (content_type, answer.bytes().await.expect("a body").to_vec())
    }

    /// The app, as the simulator has it.
    pub async fn app(&self) -> Value {
        let apps = self.simulator.ask(Method::GET, "/apps", None).await.unwrap_or_else(|error| panic!("{error}"));
        list(&apps, "apps").into_iter().find(|app| app["id"] == APP_ID).expect("the app")
    }
}

/// A page at the simulator.
#[derive(Clone, Debug)]
pub struct Page {
    /// The simulator.
    pub simulator: Client,
    /// The page's id.
    pub id: String,
    /// Its name.
    pub name: String,
}

impl Page {
    /// Asks the control API about this page: `path` begins after its id.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let path = format!("/pages/{}{path}", self.id);
        self.simulator.ask(method, &path, body).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// A new customer of this page.
    pub fn customer(&self) -> Visitor {
        Visitor { page: self.clone(), id: number().to_string() }
    }

    /// What the app is told of the page; none = nothing.
    pub async fn subscription(&self) -> Option<Vec<String>> {
        let page = self.ask(Method::GET, "", None).await;
        let fields = page["subscriptions"][APP_ID].as_array()?;
        Some(fields.iter().filter_map(|field| field.as_str().map(str::to_owned)).collect())
    }

    /// Orders faults of this page's calls.
    pub async fn order_faults(&self, faults: &[Value]) {
        let mine = |fault: &Value| {
            let mut fault = fault.clone();
            fault["page_id"] = json!(self.id);
            fault
        };
        let faults: Vec<Value> = faults.iter().map(mine).collect();
        self.simulator.order_faults(&json!(faults)).await.unwrap_or_else(|error| panic!("faults: {error}"));
    }
}

/// A customer of a page.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The page that they write to.
    pub page: Page,
    /// Facebook's id of them for that page.
    pub id: String,
}

/// What became of something that a customer did.
#[derive(Clone, Debug)]
pub struct Done {
    /// Facebook's id of the message; empty where there is none.
    pub mid: String,
    /// The orders of the deliveries.
    pub deliveries: Vec<u64>,
}

impl Visitor {
    /// The name that their profile tells.
    pub fn name(&self) -> String {
        format!("Customer {}", self.id)
    }

    /// What stands in for their name until the profile is known.
    pub fn stand_in(&self) -> String {
        format!("Messenger …{}", &self.id[self.id.len() - NAME_DIGITS..])
    }

    /// Does something: `what` is the last part of the control API's path.
    pub async fn act(&self, what: &str, body: &Value) -> Done {
        let path = format!("/customers/{}/{what}", self.id);
        let answer = self.page.ask(Method::POST, &path, Some(body)).await;
        let deliveries = list(&answer, "deliveries").iter().filter_map(Value::as_u64).collect();
        Done { mid: answer["mid"].as_str().unwrap_or_default().to_owned(), deliveries }
    }

    /// Writes a text.
    pub async fn write(&self, text: &str) -> Done {
        self.act("messages", &json!({"text": text})).await
    }

    /// Waits until the webhook has answered for something, and asserts that it took it.
    pub async fn taken(&self, done: &Done) {
        for order in &done.deliveries {
            let delivery = self.page.simulator.wait_for_delivery(*order, SOON).await;
            let delivery = delivery.unwrap_or_else(|error| panic!("delivery {order}: {error}"));
            if delivery["app_id"] == APP_ID {
                assert_eq!(delivery["state"], "delivered", "{delivery}");
            }
        }
    }

    /// Somebody else answers them for the page: these fields of `message`, and `app_id`. Waits until we were told.
    pub async fn answered(&self, message: &Value) {
        let told = async |count: usize| {
            let path = format!(
                "/deliveries?psid={}&app_id={APP_ID}&count={count}&settled={}&wait_ms={}",
                self.id,
                count > 0,
                if count > 0 { SOON.as_millis() } else { 0 }
            );
            let answer = self.page.simulator.ask(Method::GET, &path, None).await;
            list(&answer.unwrap_or_else(|error| panic!("{path}: {error}")), "deliveries").len()
        };
        let before = told(0).await;
        self.act("replies", message).await;
        let after = told(before + 1).await;
        assert!(after > before, "no echo came");
    }

    /// Waits for the offer of their chat, under whichever name it comes.
    pub async fn offered(&self, window: &Window) -> (OfferId, ChatView) {
        let names = [self.name(), self.stand_in()];
        window
            .wait(&format!("the offer of {}", names[0]), |view| names.iter().find_map(|name| view.offer_of(name)))
            .await
    }

    /// Waits for the offer of their chat, and accepts it.
    pub async fn accepted_by(&self, window: &Window) -> ChatView {
        let (offer, chat) = self.offered(window).await;
        window.accept(&chat.id, Some(&offer)).await
    }

    /// The calls of this customer's conversation to an endpoint by our app, refused ones too; waits for `count` of them.
    pub async fn calls(&self, endpoint: &str, count: usize) -> Vec<Value> {
        let path = format!(
            "/calls?psid={}&app_id={APP_ID}&endpoint={endpoint}&count={count}&wait_ms={}",
            self.id,
            SOON.as_millis()
        );
        let answer = self.page.simulator.ask(Method::GET, &path, None).await;
        let calls = list(&answer.unwrap_or_else(|error| panic!("{path}: {error}")), "calls");
        assert!(calls.len() >= count, "{count} calls of {endpoint} were expected, not {calls:#?}");
        calls
    }

    /// Waits until the page has written so many messages; they, in order.
    pub async fn received(&self, count: usize) -> Vec<Value> {
        eventually(&format!("{count} messages"), SOON, async || {
            let messages = list(&self.conversation().await, "messages");
            let ours: Vec<Value> = messages.into_iter().filter(|message| message["from_page"] == true).collect();
            (ours.len() >= count).then_some(ours)
        })
        .await
    }

    /// The texts of those messages.
    pub async fn received_texts(&self, count: usize) -> Vec<String> {
        let received = self.received(count).await;
        received.iter().map(|message| message["text"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The conversation, as their own page shows it.
    pub async fn conversation(&self) -> Value {
        let shown = self.page.simulator.conversation(&self.page.id, &self.id).await;
        shown.unwrap_or_else(|error| panic!("{}: {error}", self.id))
    }

    /// Waits until this app has the conversation; none = nobody.
    pub async fn owned_by(&self, app: Option<&str>) {
        let look = async || (self.conversation().await["owner_app_id"].as_str() == app).then_some(());
        eventually(&format!("{app:?} to own the conversation"), SOON, look).await;
    }

    /// As if they had last written so long ago.
    pub async fn shift_window(&self, ago: Duration) {
        let shifted = self.page.simulator.shift_window(&self.page.id, &self.id, ago).await;
        shifted.unwrap_or_else(|error| panic!("window: {error}"));
    }
}

/// A world whose channel is a page.
#[derive(Clone, Debug)]
pub struct Shop {
    /// Facebook, and the stack.
    pub facebook: Facebook,
    /// The role that serves the queue.
    pub role: Role,
    /// The queue.
    pub queue: Queue,
    /// The page.
    pub page: Page,
    /// Its channel, active and bound to the queue.
    pub channel: Channel,
}

impl Shop {
    /// A shop whose page no other app answers for.
    pub async fn open() -> Self {
        Self::open_with(None, |_| {}).await
    }

    /// A shop whose page a bot answers for first.
    pub async fn open_with_bot() -> Self {
        Self::open_with(Some(BOT_APP_ID), |_| {}).await
    }

    /// A shop whose queue is changed before it is made.
    pub async fn open_with(primary: Option<&str>, change: impl FnOnce(&mut QueueDraft)) -> Self {
        let facebook = Facebook::enter().await;
        let ground = &facebook.ground;
        ground.manager.set("OmniChatOperatorAcceptChatTimeout", &json!(ACCEPT_TIMEOUT_MIN)).await;
        let role = ground.role().await;
        let mut wanted = draft(Rule::MostFree);
        wanted.roles.push(role.id.clone());
        change(&mut wanted);
        let queue = ground.queue(&wanted).await;
        let page = facebook.page(&crate::unique("Page"), primary).await;
        let channel = facebook.connect_page(&page).await;
        let channel = ground.bind(&channel, &queue).await;
        let shop = Self { facebook, role, queue, page, channel };
        shop.settle().await;
        shop
    }

    /// A new operator of the shop's role, online.
    pub async fn operator(&self, name: &str) -> (Person, Window) {
        let ground = &self.facebook.ground;
        let person = ground.new_operator(name, std::slice::from_ref(&self.role.id), None).await;
        let window = person.come_online().await;
        (person, window)
    }

    /// Waits until every process must have read the configuration anew.
    pub async fn settle(&self) {
        sleep_until(Instant::now() + CONFIGURATION_AGE_MAX).await;
    }
}

/// Waits until a message of a chat looks right; returns it.
pub async fn message(window: &Window, chat: &ChatId, what: &str, is_it: impl Fn(&Message) -> bool) -> Message {
    window.wait(what, |view| view.messages_of(chat).into_iter().find(|message| is_it(message)).cloned()).await
}
