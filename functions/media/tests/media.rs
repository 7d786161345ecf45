//! Fetching customers' files and names, through the real rows (W4).

use aws_lambda_events::event::sqs::SqsEvent;
use domain::content::{Content, Media, MediaKind};
use domain::decision::{Decision, Write};
use domain::file::File;
use domain::inbound::InboundKind;
use domain::message::Message;
use domain::{ChatId, Provider};
use fakes::world::{SALES, id, sqs};
use fakes::{
    FakeClock, FakeDownload, FakeFiles, FakeMessenger, FakePush, FakeQueues, FakeSecrets, FakeVisibility, FaultTime,
    MemoryStore, PICTURE, World,
};
use media::{Bases, Fetcher, Ports};
use ports::files::Fetched;
use ports::secrets::FACEBOOK_APP;
use ports::{FileError, MessengerReply, SecretError, StoreError};
use serde_json::json;
use wire::queues::{Fetch, FetchKind, QueueMessage, VERSION};

const TOKEN: &str = "1:abcdefghijklmnopqrstuvwxyz";
const TWILIO: &str = "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM2/Media/ME3";
const CDN: &str = "https://scontent.xx.fbcdn.net/v/a.jpg?oh=1";
const MINUTE: i64 = 60_000;

/// A chat of Anna's whose first message has a file, and what the function works with.
struct Stage {
    world: World,
    chat: ChatId,
    messenger: FakeMessenger,
    secrets: FakeSecrets,
    download: FakeDownload,
}

type Function = Fetcher<
    MemoryStore,
    FakeQueues,
    FakeVisibility,
    FakePush,
    FakeMessenger,
    FakeSecrets,
    FakeFiles,
    FakeDownload,
    FakeClock,
>;

impl Stage {
    fn new(provider: Provider, secret: &str, source: &str) -> Self {
        let world = World::new();
        let anna = world.operator("anna");
        let chat = world.in_work("c1", SALES, &anna);
        world.speaks(&chat, provider);
        let secrets = FakeSecrets::default().with_token("sales-bot", secret);
        let stage =
            Self { world, chat, secrets, messenger: FakeMessenger::default(), download: FakeDownload::default() };
        stage.awaits(source);
        stage.world.reset();
        stage
    }

    fn telegram() -> Self {
        let stage = Self::new(Provider::Telegram, TOKEN, "AgAC");
        stage.has_file("photos/file_1.jpg");
        stage
    }

    fn messenger() -> Self {
        let mut stage = Self::new(Provider::Messenger, "page-token", CDN);
        stage.secrets = stage.secrets.with_token(FACEBOOK_APP, "app-secret");
        stage
    }

    fn whatsapp() -> Self {
        Self::new(Provider::Whatsapp, "AC1:hush", TWILIO)
    }

    /// Telegram says where the file is.
    fn has_file(&self, path: &str) {
        self.messenger.answer_next(200, &json!({"ok": true, "result": {"file_id": "AgAC", "file_path": path}}));
    }

    /// The message awaits the file from there.
    fn awaits(&self, source: &str) {
        let media = Media {
            kind: MediaKind::Photo,
            file_name: None,
            mime_type: Some("application/x-lie".to_owned()),
            size_bytes: None,
            caption: None,
            source: Some(source.to_owned()),
            album_id: None,
        };
        let since_ms = self.world.now_ms();
        self.change(|message| {
            message.content = Content::Media { media };
            message.provider_message_id = Some("MM2#1".to_owned());
            message.file = Some(File::Pending { since_ms });
        });
    }

    fn change(&self, change: impl FnOnce(&mut Message)) {
        let mut message = self.message();
        message.rev += 1;
        change(&mut message);
        self.world.commit(&Decision { writes: vec![Write::Message(message)], ..Decision::default() });
    }

    fn message(&self) -> Message {
        self.world.messages(&self.chat).remove(0)
    }

    fn function(&self) -> Function {
        let w = self.world.clone();
        let ports = Ports {
            store: w.store,
            queues: w.queues,
            visibility: w.visibility,
            push: w.push,
            messenger: self.messenger.clone(),
            secrets: self.secrets.clone(),
            files: w.files,
            download: self.download.clone(),
            clock: w.clock,
        };
        let bases = Bases {
            telegram: "https://api.telegram.org".to_owned(),
            graph: "https://graph.facebook.com".to_owned(),
            twilio: "https://api.twilio.com".to_owned(),
        };
        Fetcher::new(ports, bases)
    }

    /// The function receives this for the `nth` time: whether it is done, or after how many seconds it comes back.
    async fn receives(&self, what: FetchKind, nth: u32) -> Result<(), u32> {
        let provider = self.world.chat(&self.chat).provider;
        let (channel, conversation) = (id("sales-bot"), id("c1"));
        let hint = QueueMessage::Fetch(Fetch { v: VERSION, provider, channel, conversation, what });
        let mut batch = sqs(&[hint]);
        batch.records[0].attributes.insert("ApproximateReceiveCount".to_owned(), nth.to_string());
        self.receives_batch(batch).await
    }

    async fn receives_batch(&self, batch: SqsEvent) -> Result<(), u32> {
        let asked = self.world.visibility.asked().len();
        let failed = self.function().handle(batch).await.batch_item_failures;
        self.world.check();
        if failed.is_empty() { Ok(()) } else { Err(self.world.visibility.asked()[asked].seconds) }
    }

    async fn fetch(&self, nth: u32) -> Result<(), u32> {
        self.receives(FetchKind::File { chat: self.chat.clone(), seq: 1 }, nth).await
    }

    /// The reason why the file is missing.
    fn missing(&self) -> Option<String> {
        match self.message().file {
            Some(File::Missing { reason }) => Some(reason),
            _ => None,
        }
    }

    fn is_pending(&self) -> bool {
        matches!(self.message().file, Some(File::Pending { .. }))
    }
}

/// The file, as it was fetched for the message at this revision.
fn picture(rev: u64) -> File {
    let key = format!("in/c1.1/1.{rev}").try_into().expect("a key");
    File::Stored { key, content_type: "image/jpeg".to_owned(), size_bytes: PICTURE.len() as u64 }
}

#[tokio::test]
async fn w4_a_telegram_file_is_asked_for_fetched_kept_and_told() {
    let stage = Stage::telegram();
    assert_eq!(stage.fetch(1).await, Ok(()));
    let call = stage.messenger.calls().remove(0);
    assert_eq!((call.token.as_str(), call.call.method), (TOKEN, "getFile"));
    assert_eq!(call.call.parameters(), &json!({"file_id": "AgAC"}));
    let wanted = stage.download.wanted().remove(0);
    let url = format!("https://api.telegram.org/file/bot{TOKEN}/photos/file_1.jpg");
    assert_eq!((wanted.source.url().as_str(), wanted.basic, wanted.bytes_max), (&*url, None, 20 * 1024 * 1024));
    assert_eq!(stage.message().file, Some(picture(2)));
    let kept = stage.world.files.at("in/c1.1/1.2").unwrap();
    assert_eq!((kept.bytes.as_slice(), kept.content_type.as_str()), (PICTURE, "image/jpeg"), "by its bytes");
    let told = stage.world.told("anna-1", "message");
    assert_eq!(told[0]["message"]["file"]["state"], "stored");
    let all = format!("{}{:?}", stage.world.dump(), told);
    assert!(!all.contains("abcdefghij"), "I10: the token is nowhere");
    assert!(!format!("{told:?}").contains("AgAC"), "nor what it is fetched by");
}

#[tokio::test]
async fn budget_a_file_is_three_reads_and_one_write() {
    let stage = Stage::messenger();
    stage.world.store.reset_counts();
    assert_eq!(stage.fetch(1).await, Ok(()));
    let counts = stage.world.store.counts();
    assert_eq!((counts.gets, counts.commits, counts.items_written), (3, 1, 1));
    assert_eq!((stage.download.wanted().len(), stage.world.files.requests()), (1, 1));
}

#[tokio::test]
async fn w4_a_file_of_messenger_is_where_its_message_says() {
    let stage = Stage::messenger();
    assert_eq!(stage.fetch(1).await, Ok(()));
    let wanted = stage.download.wanted().remove(0);
    assert_eq!((wanted.source.url().as_str(), wanted.basic, wanted.bytes_max), (CDN, None, 25 * 1024 * 1024));
    assert_eq!(stage.message().file, Some(picture(2)));
    assert!(stage.messenger.calls().is_empty());
}

#[tokio::test]
async fn w4_a_file_of_whatsapp_is_fetched_with_the_accounts_password() {
    let stage = Stage::whatsapp();
    assert_eq!(stage.fetch(1).await, Ok(()));
    let wanted = stage.download.wanted().remove(0);
    assert_eq!((wanted.source.url().as_str(), wanted.basic.as_deref()), (TWILIO, Some("AC1:hush")));
    assert_eq!(stage.message().file, Some(picture(2)));
    for other in [
        TWILIO.replace("AC1", "AC9"),
        TWILIO.replace("MM2", "MM9"),
        TWILIO.replace("api.twilio", "api.evil"),
        TWILIO.replace("https", "http"),
        "no address".to_owned(),
    ] {
        let stage = Stage::whatsapp();
        stage.awaits(&other);
        assert_eq!(stage.fetch(1).await, Ok(()));
        assert_eq!(stage.missing().as_deref(), Some("file_source_refused"), "{other}");
        assert!(stage.download.wanted().is_empty());
    }
}

#[tokio::test]
async fn c7_a_contact_card_that_comes_as_a_file_shows_as_a_card_once_it_is_here() {
    let card = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Grace Example\r\nTEL;waid=4930:+49 30\r\nEND:VCARD\r\n";
    for (kind, caption, bytes, shown) in [
        (MediaKind::ContactCard, None, &card[..], "contact_card"),
        (MediaKind::ContactCard, None, b"no card", "media"),
        (MediaKind::ContactCard, Some("call her"), card, "media"),
        (MediaKind::Document, None, card, "media"),
    ] {
        let stage = Stage::whatsapp();
        stage.change(|message| {
            let Content::Media { media } = &mut message.content else { panic!("a file") };
            media.kind = kind;
            media.caption = caption.map(str::to_owned);
        });
        stage.download.answer_next(Fetched::File(bytes.to_vec()));
        assert_eq!(stage.fetch(1).await, Ok(()));
        let content = json!(stage.message().content);
        assert_eq!(content["kind"], shown, "{content}");
        if shown == "contact_card" {
            assert_eq!(content, json!({"kind": shown, "name": "Grace Example", "phone": "+49 30"}));
        }
        let told = &stage.world.told("anna-1", "message")[0]["message"];
        assert_eq!((&told["content"]["kind"], &told["file"]["state"]), (&json!(shown), &json!("stored")));
        assert_eq!(stage.fetch(2).await, Ok(()), "it is here already");
        assert_eq!(stage.download.wanted().len(), 1);
    }
}

#[tokio::test]
async fn what_has_been_fetched_is_not_fetched_again() {
    let stage = Stage::messenger();
    for nth in 1..=3 {
        assert_eq!(stage.fetch(nth).await, Ok(()));
    }
    assert_eq!(stage.download.wanted().len(), 1);
    assert_eq!(stage.receives(FetchKind::File { chat: id("nobody.1"), seq: 1 }, 1).await, Ok(()));
    assert_eq!(stage.receives(FetchKind::File { chat: stage.chat.clone(), seq: 9 }, 1).await, Ok(()));
    let mut unreadable = sqs(&[QueueMessage::Fetch(Fetch {
        v: VERSION,
        provider: Provider::Telegram,
        channel: id("x"),
        conversation: id("x"),
        what: FetchKind::Profile { address: "1".to_owned() },
    })]);
    unreadable.records[0].body = Some("{}".to_owned());
    assert_eq!(stage.receives_batch(unreadable).await, Ok(()));
}

/// Somebody may still be fetching the one before: it is put beside the other, not over it.
#[tokio::test]
async fn w4_the_file_that_an_edit_brings_has_a_place_of_its_own() {
    let stage = Stage::messenger();
    let old = [PICTURE, b"old"].concat();
    stage.download.answer_next(Fetched::File(old.clone()));
    assert_eq!(stage.fetch(1).await, Ok(()));
    stage.awaits("https://scontent.xx.fbcdn.net/v/b.jpg");
    stage.download.answer_next(Fetched::File([PICTURE, b"new"].concat()));
    assert_eq!(stage.fetch(1).await, Ok(()));
    let files = &stage.world.files;
    let [first, second] = files.keys().try_into().expect("two files");
    assert_eq!(files.at(&first).unwrap().bytes, old);
    let Some(File::Stored { key, .. }) = stage.message().file else { panic!("it is stored") };
    assert_eq!(key.as_str(), second);
}

#[tokio::test]
async fn a_file_that_cannot_be_had_says_why_and_the_message_stays() {
    for (fetched, reason) in [
        (Fetched::TooLarge, "file_too_large"),
        (Fetched::Refused("inside".to_owned()), "file_source_refused"),
        (Fetched::File(Vec::new()), "file_empty"),
        (Fetched::Status(403), "file_gone"),
    ] {
        let stage = Stage::messenger();
        stage.download.answer_next(fetched);
        assert_eq!(stage.fetch(1).await, Ok(()));
        assert_eq!(stage.missing().as_deref(), Some(reason));
        assert_eq!(stage.world.told("anna-1", "message")[0]["message"]["file"]["reason"], reason);
        assert!(stage.world.files.keys().is_empty());
    }
    let failed = |code: u16, text: &str| json!({"ok": false, "error_code": code, "description": text});
    for (status, text, reason) in
        [(400, "Bad Request: file is too big", "file_too_large"), (401, "Unauthorized", "channel_refused")]
    {
        let stage = Stage::new(Provider::Telegram, TOKEN, "AgAC");
        stage.messenger.answer_next(status, &failed(status, text));
        assert_eq!(stage.fetch(1).await, Ok(()));
        assert_eq!(stage.missing().as_deref(), Some(reason), "{text}");
    }
    // It may be gone, or only not to be had at the moment: Telegram has one word for both.
    let stage = Stage::new(Provider::Telegram, TOKEN, "AgAC");
    for (nth, expected) in [(1, Err(1)), (2, Err(3)), (3, Ok(()))] {
        let text = "Bad Request: wrong file_id or the file is temporarily unavailable";
        stage.messenger.answer_next(400, &failed(400, text));
        assert_eq!(stage.fetch(nth).await, expected);
    }
    assert_eq!(stage.missing().as_deref(), Some("file_gone"));
    let stage = Stage::new(Provider::Telegram, TOKEN, "AgAC");
    stage.has_file("../getMe");
    assert_eq!(stage.fetch(1).await, Ok(()));
    assert_eq!(stage.missing().as_deref(), Some("file_source_refused"));
    let stage = Stage::whatsapp();
    stage.secrets.fail_next(1, &SecretError::Missing);
    assert_eq!(stage.fetch(1).await, Ok(()));
    assert_eq!(stage.missing().as_deref(), Some("channel_refused"));
}

#[tokio::test]
async fn a_file_that_is_not_there_yet_is_looked_for_after_one_and_three_seconds() {
    let stage = Stage::whatsapp();
    for (nth, expected) in [(1, Err(1)), (2, Err(3))] {
        stage.download.answer_next(Fetched::NotFound);
        assert_eq!(stage.fetch(nth).await, expected);
        assert!(stage.is_pending());
    }
    stage.download.answer_next(Fetched::NotFound);
    assert_eq!(stage.fetch(3).await, Ok(()));
    assert_eq!(stage.missing().as_deref(), Some("file_gone"));
}

#[tokio::test]
async fn faults_pass_and_the_file_comes() {
    let stage = Stage::whatsapp();
    stage.secrets.fail_next(1, &SecretError::Unavailable("down".to_owned()));
    assert_eq!(stage.fetch(1).await, Err(2));
    stage.download.answer_next(Fetched::Unreachable("timeout".to_owned()));
    assert_eq!(stage.fetch(2).await, Err(4));
    stage.download.answer_next(Fetched::Status(503));
    assert_eq!(stage.fetch(3).await, Err(8));
    stage.download.answer_next(Fetched::Status(429));
    assert_eq!(stage.fetch(4).await, Err(16));
    stage.world.files.fail_next(1, &FileError::Unavailable("down".to_owned()));
    assert_eq!(stage.fetch(5).await, Err(32));
    stage.world.store.fail_next_reads(1, &StoreError::Throttled);
    assert_eq!(stage.fetch(6).await, Err(2));
    stage.world.store.fail_next_commits(1, FaultTime::Before, &StoreError::Unavailable("down".to_owned()));
    assert_eq!(stage.fetch(7).await, Err(2));
    assert!(stage.is_pending());
    assert_eq!(stage.fetch(8).await, Ok(()));
    assert_eq!(stage.message().file, Some(picture(2)));

    let stage = Stage::new(Provider::Telegram, TOKEN, "AgAC");
    stage.messenger.reply_next(MessengerReply::Unknown("timeout".to_owned()));
    assert_eq!(stage.fetch(1).await, Err(2));
    stage.messenger.answer_next(502, &json!("a proxy's page"));
    assert_eq!(stage.fetch(2).await, Err(4));
}

#[tokio::test]
async fn after_five_minutes_the_sweep_asks_and_after_an_hour_nobody() {
    let stage = Stage::messenger();
    for (minutes, file) in [(5, None), (59, None), (60, Some("not_fetched"))] {
        let passed = stage.world.now_ms() - stage.message().at_ms;
        stage.world.clock.advance(minutes * MINUTE - passed);
        stage.download.answer_next(Fetched::Unreachable("timeout".to_owned()));
        assert_eq!(stage.fetch(1).await, Ok(()), "{minutes}");
        assert_eq!(stage.missing().as_deref(), file, "{minutes}");
    }
}

#[tokio::test]
async fn an_edit_under_way_is_kept_and_another_file_is_fetched() {
    let stage = Stage::messenger();
    let rival = stage.world.clone();
    let chat = stage.chat.clone();
    stage.world.store.before_next_commit(move |_| {
        let mut message = rival.messages(&chat).remove(0);
        message.rev += 1;
        message.edited_at_ms = Some(1);
        rival.commit(&Decision { writes: vec![Write::Message(message)], ..Decision::default() });
    });
    assert_eq!(stage.fetch(1).await, Ok(()));
    let message = stage.message();
    assert_eq!((message.edited_at_ms, message.file), (Some(1), Some(picture(2))));

    let stage = Stage::messenger();
    let rival = stage.world.clone();
    let chat = stage.chat.clone();
    stage.world.store.before_next_commit(move |_| {
        let mut message = rival.messages(&chat).remove(0);
        message.rev += 1;
        let Content::Media { media } = &mut message.content else { panic!("a file") };
        media.source = Some(format!("{CDN}&another"));
        rival.commit(&Decision { writes: vec![Write::Message(message)], ..Decision::default() });
    });
    assert_eq!(stage.fetch(1).await, Err(1));
    assert!(stage.is_pending());
    assert_eq!(stage.fetch(2).await, Ok(()));
    assert!(stage.download.wanted()[1].source.url().as_str().ends_with("&another"));
    assert_eq!(stage.message().file, Some(picture(3)));
}

/// The name that was handed to the inbound function, with the id of its event.
fn learned(stage: &Stage) -> Option<(String, String)> {
    let [QueueMessage::Inbound(inbound)] = &stage.world.queues.take()[..] else { return None };
    assert_eq!((&inbound.event.what, inbound.conversation.as_str()), (&InboundKind::Profile, "c1"));
    assert!(!inbound.event.customer.is_stand_in);
    assert_eq!(inbound.event.customer.address, "2345");
    Some((inbound.event.customer.name.clone(), inbound.event.event_id.clone()))
}

#[tokio::test]
async fn a_name_is_asked_for_and_goes_into_its_conversation() {
    let profile = || FetchKind::Profile { address: "2345".to_owned() };
    for (answer, name) in [
        (
            json!({"name": "Ada Example", "first_name": "Ada", "last_name": "Example", "id": "2345"}),
            Some("Ada Example"),
        ),
        (json!({"first_name": "Ada", "last_name": "Example"}), Some("Ada Example")),
        (json!({"first_name": " Ada\u{0} "}), Some("Ada")),
        (json!({"name": "", "id": "2345"}), None),
        (json!({"id": "2345"}), None),
    ] {
        let stage = Stage::messenger();
        stage.messenger.answer_next(200, &answer);
        assert_eq!(stage.receives(profile(), 1).await, Ok(()));
        let call = stage.messenger.calls().remove(0).call;
        assert_eq!((call.path.as_str(), call.query[0].0), ("2345", "fields"));
        assert_eq!(call.query.iter().filter(|(name, _)| *name == "appsecret_proof").count(), 1);
        assert_eq!(learned(&stage).map(|(name, _)| name).as_deref(), name, "{answer}");
    }
    // Nobody to be told of; a page's permission that is missing. Nothing is asked again.
    for refused in [json!({"code": 100, "error_subcode": 33}), json!({"code": 200}), json!({"code": 190})] {
        let stage = Stage::messenger();
        stage.messenger.answer_next(400, &json!({ "error": refused }));
        assert_eq!(stage.receives(profile(), 1).await, Ok(()), "{refused}");
        assert_eq!(learned(&stage), None);
    }
    let stage = Stage::messenger();
    for (nth, expected) in [(1, Err(5)), (2, Err(10)), (3, Err(20)), (4, Ok(()))] {
        stage.messenger.answer_next(500, &json!({}));
        assert_eq!(stage.receives(profile(), nth).await, expected);
    }
    stage.messenger.answer_next(200, &json!({"name": "Ada"}));
    assert_eq!(stage.receives(profile(), 1).await, Ok(()));
    let first = learned(&stage);
    stage.messenger.answer_next(200, &json!({"name": "Ada"}));
    assert_eq!(stage.receives(profile(), 2).await, Ok(()));
    assert_eq!((&first, first.is_some()), (&learned(&stage), true), "received again, it is the same event");
}

#[tokio::test]
async fn only_a_customer_of_messenger_is_asked_after() {
    let calls = async |stage: Stage, address: &str| {
        assert_eq!(stage.receives(FetchKind::Profile { address: address.to_owned() }, 1).await, Ok(()));
        stage.messenger.calls().len()
    };
    assert_eq!(calls(Stage::whatsapp(), "2345").await, 0);
    assert_eq!(calls(Stage::new(Provider::Telegram, TOKEN, "AgAC"), "2345").await, 0);
    assert_eq!(calls(Stage::messenger(), "../me").await, 0);
    assert_eq!(calls(Stage::messenger(), "").await, 0);
}
