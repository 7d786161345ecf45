//! A chat in work, its operator with two windows open, and a bot.

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use domain::chat::{Chat, Control, Route, Stand, Thread};
use domain::contact::Contact;
use domain::content::Content;
use domain::decision::{SendHint, Write};
use domain::inbound::Customer;
use domain::message::{Author, Delivery, DeliveryState, Message};
use domain::operator::{Operator, Status};
use domain::{ChannelId, ChatId, ConversationId, OperatorId, Provider, reply, stay};
use fakes::{FakeClock, FakeFiles, FakeMessenger, FakePush, FakeQueues, FakeSecrets, FakeVisibility, MemoryStore};
use outbound::{Ports, Sender};
use ports::records::{self, Hold};
use ports::secrets::FACEBOOK_APP;
use ports::store::{Key, Row};
use ports::{Clock, Files, MessengerTransport, Push, Queues, Secrets, Store, Visibility};
use wire::queues::{Outbound, QueueMessage};

/// The queue that hints come by.
pub(crate) const QUEUE_ARN: &str = "arn:aws:sqs:eu-central-1:000000000000:stack-outbound-telegram.fifo";
/// The time-out of the function, milliseconds.
pub(crate) const INVOCATION_MS: i64 = 25_000;
/// The customer's address.
pub(crate) const ADDRESS: &str = "700000001";
/// The bot's token.
pub(crate) const TOKEN: &str = "800000001:a-token-of-no-bot-at-all";

/// The channel of a world of this messenger.
pub(crate) fn channel_of(provider: Provider) -> ChannelId {
    match provider {
        Provider::Telegram => "shop",
        Provider::Messenger => "fb-100000000000001",
        Provider::Whatsapp => "wa-14155238886",
    }
    .parse()
    .unwrap()
}

/// Its secret.
fn token_of(provider: Provider) -> &'static str {
    match provider {
        Provider::Telegram => TOKEN,
        Provider::Messenger => "a-token-of-no-page",
        Provider::Whatsapp => "AC1:a-token-of-no-account",
    }
}

pub(crate) fn ann() -> OperatorId {
    "ann".parse().unwrap()
}

pub(crate) fn ben() -> OperatorId {
    "ben".parse().unwrap()
}

pub(crate) fn chat_id(conversation: &str) -> ChatId {
    ChatId { conversation: conversation.parse().unwrap(), n: 1 }
}

/// All that the function works with, as a test keeps it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) provider: Provider,
    pub(crate) store: MemoryStore,
    pub(crate) queues: FakeQueues,
    pub(crate) visibility: FakeVisibility,
    pub(crate) push: FakePush,
    pub(crate) messenger: FakeMessenger,
    pub(crate) secrets: FakeSecrets,
    pub(crate) files: FakeFiles,
    pub(crate) clock: FakeClock,
}

impl World {
    /// One chat, in work with Ann, who has two windows; Ben has one. Its messenger is Telegram.
    pub(crate) fn new() -> Self {
        Self::of(Provider::Telegram)
    }

    /// The same, of this messenger.
    pub(crate) fn of(provider: Provider) -> Self {
        let secrets = FakeSecrets::default()
            .with_token(channel_of(provider).as_str(), token_of(provider))
            .with_token(FACEBOOK_APP, "a-secret-of-no-app");
        let world = Self {
            provider,
            store: MemoryStore::new(),
            queues: FakeQueues::default(),
            visibility: FakeVisibility::default(),
            push: FakePush::default(),
            messenger: FakeMessenger::default(),
            secrets,
            files: FakeFiles::default(),
            clock: FakeClock::default(),
        };
        world.operator(&ann(), &["a1", "a2"]);
        world.operator(&ben(), &["b1"]);
        world.open_chat("c0ffee");
        world
    }

    pub(crate) fn write(&self, writes: &[Write]) {
        self.store.write(&records::rows(writes, self.now_ms())).unwrap();
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    fn operator(&self, id: &OperatorId, connections: &[&str]) {
        let mut after = Operator::new(id.clone(), id.to_string());
        after.status = Status::Active;
        after.rev = 1;
        let until_ms = self.now_ms() + 2 * 3_600_000;
        after.connections = connections.iter().map(|connection| ((*connection).to_owned(), until_ms)).collect();
        self.write(&[Write::Operator { before: None, after }]);
    }

    /// Opens a chat with the customer's first message; Ann has it in work.
    pub(crate) fn open_chat(&self, conversation: &str) {
        let (id, now_ms) = (chat_id(conversation), self.now_ms());
        let message = Message::new(id.clone(), 1, now_ms, Author::Customer, Content::text("hello?"));
        let contact = contact(&id.conversation, channel_of(self.provider), now_ms);
        self.write(&[
            Write::OpenChat(chat(id, self.provider, now_ms)),
            Write::NewMessage(message),
            Write::Contact(contact),
        ]);
    }

    /// The customer has written again after the chat closed.
    pub(crate) fn open_next(&self, conversation: &str) {
        let (mut id, now_ms) = (chat_id(conversation), self.now_ms());
        id.n += 1;
        let message = Message::new(id.clone(), 1, now_ms, Author::Customer, Content::text("one more thing"));
        self.write(&[Write::OpenChat(chat(id, self.provider, now_ms)), Write::NewMessage(message)]);
    }

    /// Ann writes in a chat; each part of what she says is a reply.
    pub(crate) fn say(&self, conversation: &str, parts: &[&str]) -> Vec<Outbound> {
        self.say_as(&Operator::new(ann(), "Ann"), conversation, parts)
    }

    /// An operator who has the chat writes in it.
    pub(crate) fn say_as(&self, operator: &Operator, conversation: &str, parts: &[&str]) -> Vec<Outbound> {
        let parts: Vec<_> = parts.iter().map(|part| (*part).to_owned().into()).collect();
        self.send_as(operator, conversation, &parts)
    }

    /// Ann sends these.
    pub(crate) fn send(&self, conversation: &str, parts: &[reply::Part]) -> Vec<Outbound> {
        self.send_as(&Operator::new(ann(), "Ann"), conversation, parts)
    }

    fn send_as(&self, operator: &Operator, conversation: &str, parts: &[reply::Part]) -> Vec<Outbound> {
        let chat = self.chat(conversation);
        let request = format!("r{}", chat.thread.next_seq);
        let replied = reply::reply(&chat, operator, true, parts, &request, self.now_ms()).unwrap();
        self.write(&replied.decision.writes);
        replied.decision.sends.iter().map(hint_of).collect()
    }

    /// Ann sends a reply again.
    pub(crate) fn resend(&self, conversation: &str, seq: u64) -> Outbound {
        let (chat, message) = (self.chat(conversation), self.message(conversation, seq));
        let operator = Operator::new(ann(), "Ann");
        let decision = reply::resend(&chat, &message, &operator, true, self.now_ms()).unwrap();
        self.write(&decision.writes);
        hint_of(&decision.sends[0])
    }

    /// Who has the conversation at the messenger (C6).
    pub(crate) fn control(&self, conversation: &str, control: Control) {
        let before = self.chat(conversation);
        let route = Route { rev: before.route.rev + 1, control: Some(control), ..before.route.clone() };
        self.write(&[Write::Route { before, route, if_quiet: false }]);
    }

    /// Ann closes; what goes out at the end.
    pub(crate) fn close(&self, conversation: &str) -> Vec<Outbound> {
        let (chat, ann) = (self.chat(conversation), self.person(&ann()));
        let decision = stay::close_by_hand(&chat, &ann, None, "close", self.now_ms()).unwrap();
        self.write(&decision.writes);
        decision.sends.iter().map(hint_of).collect()
    }

    fn person(&self, id: &OperatorId) -> Operator {
        records::decode_operator(&self.row(records::operator_key(id)).expect("somebody")).unwrap()
    }

    /// The channel's secret.
    pub(crate) fn token(&self) -> &'static str {
        token_of(self.provider)
    }

    /// The chat moves on.
    pub(crate) fn stand(&self, conversation: &str, stand: Stand) {
        let before = self.chat(conversation);
        let route = Route { rev: before.route.rev + 1, stand, ..before.route.clone() };
        self.write(&[Write::Route { before, route, if_quiet: false }]);
    }

    fn row(&self, key: Key) -> Option<Row> {
        self.store.row(&key).map(|attributes| Row { key, attributes })
    }

    pub(crate) fn chat(&self, conversation: &str) -> Chat {
        records::decode_chat(&self.row(records::chat_key(&chat_id(conversation))).unwrap()).unwrap()
    }

    pub(crate) fn message(&self, conversation: &str, seq: u64) -> Message {
        let row = self.row(records::message_key(&chat_id(conversation), seq));
        records::decode_message(&row.expect("the message is there")).unwrap()
    }

    pub(crate) fn contact(&self, conversation: &str) -> Contact {
        let row = self.row(records::contact_key(&chat_id(conversation).conversation));
        records::decode_contact(&row.expect("the contact is there")).unwrap()
    }

    pub(crate) fn hold(&self) -> Hold {
        self.row(records::hold_key(&channel_of(self.provider)))
            .map(|row| records::decode_hold(&row).unwrap())
            .unwrap_or_default()
    }

    pub(crate) fn put_hold(&self, hold: &Hold) {
        self.store.write(&[records::put_hold(&channel_of(self.provider), hold)]).unwrap();
    }

    pub(crate) fn delivery(&self, conversation: &str, seq: u64) -> Delivery {
        self.message(conversation, seq).delivery.expect("it is a reply")
    }

    pub(crate) fn state(&self, conversation: &str, seq: u64) -> (DeliveryState, Option<String>) {
        let delivery = self.delivery(conversation, seq);
        (delivery.state, delivery.reason)
    }

    /// The words that the messenger was called with, in order.
    pub(crate) fn texts(&self) -> Vec<String> {
        let calls = self.messenger.calls();
        calls.iter().map(|sent| sent.call.parameters()["text"].as_str().unwrap_or_default().to_owned()).collect()
    }

    pub(crate) fn sender(
        &self,
    ) -> Sender<MemoryStore, FakeQueues, FakeVisibility, FakePush, FakeMessenger, FakeSecrets, FakeFiles, FakeClock>
    {
        Sender::new(Ports {
            store: self.store.clone(),
            queues: self.queues.clone(),
            visibility: self.visibility.clone(),
            push: self.push.clone(),
            messenger: self.messenger.clone(),
            secrets: self.secrets.clone(),
            files: self.files.clone(),
            public_url: "https://api.example.com/".to_owned(),
            clock: self.clock.clone(),
        })
    }

    /// A new process receives the hint: whether the message may go, or after how many seconds it comes back.
    pub(crate) async fn deliver(&self, hint: &Outbound) -> Result<(), u32> {
        self.deliver_to(&self.sender(), hint).await
    }

    pub(crate) async fn deliver_to<S, Q, V, P, M, K, F, C>(
        &self,
        sender: &Sender<S, Q, V, P, M, K, F, C>,
        hint: &Outbound,
    ) -> Result<(), u32>
    where
        S: Store,
        Q: Queues,
        V: Visibility,
        P: Push,
        M: MessengerTransport,
        K: Secrets,
        F: Files,
        C: Clock,
    {
        self.receive(sender, QueueMessage::Outbound(hint.clone()).body(), hint.chat.conversation.as_str()).await
    }

    pub(crate) async fn receive<S, Q, V, P, M, K, F, C>(
        &self,
        sender: &Sender<S, Q, V, P, M, K, F, C>,
        body: String,
        group: &str,
    ) -> Result<(), u32>
    where
        S: Store,
        Q: Queues,
        V: Visibility,
        P: Push,
        M: MessengerTransport,
        K: Secrets,
        F: Files,
        C: Clock,
    {
        let asked = self.visibility.asked().len();
        let response = sender.handle(event(body, group), self.now_ms() + INVOCATION_MS).await;
        if response.batch_item_failures.is_empty() {
            return Ok(());
        }
        // Nobody said when: the queue's own time-out, a minute.
        Err(self.visibility.asked().get(asked).map_or(60, |asked| asked.seconds))
    }

    /// Counts from 0 again.
    pub(crate) fn reset_counts(&self) {
        self.store.reset_counts();
        self.push.reset_posts();
        self.queues.reset_requests();
        self.messenger.take_calls();
    }
}

fn hint_of(hint: &SendHint) -> Outbound {
    match QueueMessage::reply(hint) {
        QueueMessage::Outbound(outbound) => outbound,
        other => panic!("a reply's hint goes out: {other:?}"),
    }
}

fn contact(conversation: &ConversationId, channel: ChannelId, now_ms: i64) -> Contact {
    let customer =
        Customer { address: ADDRESS.into(), name: "Ada".into(), is_stand_in: false, username: None, language: None };
    Contact { conversation: conversation.clone(), channel, customer, reachable: true, since_ms: now_ms }
}

fn chat(id: ChatId, provider: Provider, now_ms: i64) -> Chat {
    Chat {
        id,
        channel: channel_of(provider),
        provider,
        customer_name: "Ada".into(),
        opened_at_ms: now_ms,
        thread: Thread {
            rev: 1,
            next_seq: 2,
            last_in_at_ms: Some(now_ms),
            last_out_at_ms: None,
            last_out_seq: None,
            read_seq: 0,
            requests: Vec::new(),
        },
        route: Route {
            rev: 1,
            queue: "q".parse().unwrap(),
            stand: Stand::InWork { operator: ann(), transfer: None },
            waiting_since_ms: now_ms,
            not_before_ms: None,
            decliners: Vec::new(),
            taken_at_ms: Some(now_ms),
            close_due_at_ms: None,
            requests: Vec::new(),
            control: None,
        },
    }
}

/// A hint as the function receives it.
pub(crate) fn event_of(hint: &Outbound) -> SqsEvent {
    event(QueueMessage::Outbound(hint.clone()).body(), hint.chat.conversation.as_str())
}

fn event(body: String, group: &str) -> SqsEvent {
    let mut message = SqsMessage::default();
    message.message_id = Some("m1".to_owned());
    message.receipt_handle = Some("receipt".to_owned());
    message.body = Some(body);
    message.event_source_arn = Some(QUEUE_ARN.to_owned());
    message.attributes.insert("MessageGroupId".to_owned(), group.to_owned());
    let mut event = SqsEvent::default();
    event.records = vec![message];
    event
}
