//! Replies to Messenger and WhatsApp, files, and conversations handed back: which call each becomes, what its answer means.

use domain::Provider;
use domain::chat::{Control, Stand};
use domain::config::{Configuration, Settings};
use domain::content::{Content, Media, MediaKind};
use domain::file::{File, FileKey};
use domain::inbound::{Holder, InboundKind};
use domain::message::DeliveryState::{self, Failed, Queued, Sent, Unknown};
use domain::reply::Part;
use messengers::call::{Body, Call, Host};
use ports::records::put_configuration;
use ports::{FileError, MessengerReply, SecretError};
use serde_json::{Value, json};
use wire::queues::QueueMessage;

use crate::support::{ADDRESS, World, channel_of};

const CHAT: &str = "c0ffee";
const SID: &str = "SM00000000000000000000000000000001";
const PDF: &[u8] = b"%PDF-1.7";

/// The messenger takes it, as it says so.
fn taken(provider: Provider) -> Value {
    match provider {
        Provider::Telegram => json!({ "ok": true, "result": { "message_id": 9 } }),
        Provider::Messenger => json!({ "recipient_id": ADDRESS, "message_id": "m_9" }),
        Provider::Whatsapp => json!({ "sid": SID, "status": "queued" }),
    }
}

/// A file that an operator has sent, named so.
fn file(kind: MediaKind, name: &str, content_type: &str, caption: Option<&str>) -> (Part, FileKey) {
    let key = FileKey::try_from(format!("out/{CHAT}.1/{name}")).expect("a key");
    let media = Media {
        kind,
        file_name: Some(name.to_owned()),
        mime_type: Some(content_type.to_owned()),
        size_bytes: Some(PDF.len() as u64),
        caption: caption.map(str::to_owned),
        source: None,
        album_id: None,
    };
    let size_bytes = PDF.len() as u64;
    let stored = File::Stored { key: key.clone(), content_type: content_type.to_owned(), size_bytes };
    (Part { content: Content::Media { media }, file: Some(stored) }, key)
}

/// The only call that came since the last time.
fn only_call(world: &World) -> Call {
    let [sent] = world.messenger.take_calls().try_into().expect("one call");
    assert_eq!(sent.token, world.token(), "it is made with the channel's own secret");
    sent.call
}

#[tokio::test(start_paused = true)]
async fn c5_words_to_messenger_name_their_reply_and_prove_the_app() {
    let world = World::of(Provider::Messenger);
    let hint = &world.say(CHAT, &["hello"])[0];
    world.messenger.answer_next(200, &taken(Provider::Messenger));
    assert_eq!(world.deliver(hint).await, Ok(()));
    let call = only_call(&world);
    assert_eq!((call.host, call.path.as_str()), (Host::Graph, "me/messages"));
    let body = json!({
        "recipient": { "id": ADDRESS }, "messaging_type": "RESPONSE",
        "message": { "text": "hello", "metadata": "c0ffee.1.2" },
    });
    assert_eq!(call.parameters(), &body);
    assert_eq!(call.query.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["appsecret_proof"]);
    let message = world.message(CHAT, 2);
    assert_eq!(message.provider_message_id.as_deref(), Some("m_9"));
}

#[tokio::test(start_paused = true)]
async fn c5_without_an_app_secret_a_reply_goes_without_proof_and_an_unanswered_question_waits() {
    let world = World::of(Provider::Messenger);
    let hint = &world.say(CHAT, &["hello"])[0];
    // The channel's token is read first, then the app's secret.
    world.secrets.fail_after(1, &SecretError::Unavailable("down".into()));
    assert_eq!(world.deliver(hint).await, Err(2));
    assert_eq!((world.state(CHAT, 2).0, world.messenger.calls().len()), (Queued, 0));
    world.secrets.fail_after(1, &SecretError::Missing);
    world.messenger.answer_next(200, &taken(Provider::Messenger));
    assert_eq!(world.deliver(hint).await, Ok(()));
    assert!(only_call(&world).query.is_empty());
}

#[tokio::test(start_paused = true)]
async fn c7_words_to_whatsapp_say_where_their_statuses_go() {
    for (site_url, site) in
        [(None, "https://api.example.com"), (Some("https://chat.example.com"), "https://chat.example.com")]
    {
        let world = World::of(Provider::Whatsapp);
        let settings = Settings { site_url: site_url.map(str::to_owned), ..Settings::default() };
        let configuration = Configuration { version: 1, settings, ..Configuration::default() };
        world.store.write(&[put_configuration(&configuration)]).unwrap();
        let hint = &world.say(CHAT, &["hello"])[0];
        world.messenger.answer_next(201, &taken(Provider::Whatsapp));
        assert_eq!(world.deliver(hint).await, Ok(()));
        let call = only_call(&world);
        assert_eq!((call.host, call.path.as_str()), (Host::Twilio, "2010-04-01/Accounts/AC1/Messages.json"));
        let status = format!("{site}/webhooks/whatsapp/status?reply=c0ffee.1.2#rc=5&rp=5xx,ct,rt");
        for (name, value) in [
            ("From", "whatsapp:+14155238886"),
            ("To", &format!("whatsapp:{ADDRESS}")),
            ("Body", "hello"),
            ("StatusCallback", &status),
        ] {
            assert_eq!(call.field(name), Some(value), "{name}");
        }
        assert_eq!(world.message(CHAT, 2).provider_message_id.as_deref(), Some(SID));
    }
}

#[tokio::test(start_paused = true)]
async fn w4_telegram_gets_the_bytes_of_a_file_the_others_a_link_that_ends() {
    for provider in [Provider::Telegram, Provider::Messenger, Provider::Whatsapp] {
        let world = World::of(provider);
        let (part, key) = file(MediaKind::Document, "bill.pdf", "application/pdf", Some("here"));
        world.files.upload(&key, "application/pdf", PDF);
        let hint = &world.send(CHAT, &[part])[0];
        world.messenger.answer_next(200, &taken(provider));
        assert_eq!(world.deliver(hint).await, Ok(()), "{provider:?}");
        assert_eq!(world.state(CHAT, 2), (Sent, None), "{provider:?}");
        let call = only_call(&world);
        let link = format!("https://files.test/{key}?as=application/pdf&inline=bill.pdf&seconds=14400");
        match (provider, &call.body) {
            (Provider::Telegram, Body::File { file, .. }) => {
                assert_eq!((call.method, file.field), ("sendDocument", "document"));
                let sent = (file.name.as_str(), file.content_type.as_str(), file.bytes.as_slice());
                assert_eq!(sent, ("bill.pdf", "application/pdf", PDF));
            }
            (Provider::Messenger, Body::Json(body)) => {
                assert_eq!(body["message"]["attachment"]["type"], "file");
                assert_eq!(body["message"]["attachment"]["payload"]["url"], link);
                assert_eq!(body["message"]["metadata"], "c0ffee.1.2");
            }
            (Provider::Whatsapp, Body::Form(_)) => {
                assert_eq!((call.field("MediaUrl"), call.field("Body")), (Some(link.as_str()), Some("here")));
            }
            (_, body) => panic!("{provider:?}: {body:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn w4_a_file_that_is_gone_fails_its_reply_and_a_bucket_that_is_silent_delays_it() {
    let world = World::new();
    let (part, key) = file(MediaKind::Photo, "a.png", "image/png", None);
    let hints = world.send(CHAT, &[part.clone(), part]);
    world.files.fail_next(1, &FileError::Unavailable("down".into()));
    assert_eq!(world.deliver(&hints[0]).await, Err(2));
    assert_eq!((world.state(CHAT, 2).0, world.messenger.calls().len()), (Queued, 0), "it was not marked");
    assert_eq!(world.deliver(&hints[0]).await, Ok(()));
    assert_eq!(world.state(CHAT, 2), (Failed, Some("file_missing".to_owned())));
    world.files.upload(&key, "image/png", PDF);
    assert_eq!(world.deliver(&hints[1]).await, Ok(()));
    assert_eq!((world.state(CHAT, 3).0, only_call(&world).method), (Sent, "sendPhoto"));
}

#[tokio::test(start_paused = true)]
async fn w4_a_file_is_not_begun_when_its_time_is_too_short() {
    let world = World::new();
    let (part, key) = file(MediaKind::Video, "a.mp4", "video/mp4", None);
    world.files.upload(&key, "video/mp4", PDF);
    let hint = &world.send(CHAT, &[part])[0];
    // Enough for words, not for a file.
    let response = world.sender().handle(crate::support::event_of(hint), world.now_ms() + 12_000).await;
    assert_eq!(response.batch_item_failures.len(), 1);
    assert_eq!((world.state(CHAT, 2).0, world.messenger.calls().len()), (Queued, 0));
}

#[tokio::test(start_paused = true)]
async fn c6_a_closed_chat_is_handed_back_after_its_last_reply() {
    for (from, path, field) in [
        (Some("777"), "me/pass_thread_control", json!({ "recipient": { "id": ADDRESS }, "target_app_id": "777" })),
        (None, "me/release_thread_control", json!({ "recipient": { "id": ADDRESS } })),
    ] {
        let world = World::of(Provider::Messenger);
        world.control(CHAT, Control::Ours { from: from.map(str::to_owned) });
        world.say(CHAT, &["bye"]);
        let hint = &world.close(CHAT)[0];
        world.messenger.answer_next(200, &taken(Provider::Messenger));
        world.messenger.answer_next(200, &json!({ "success": true }));
        // The hint of the reply was lost: it goes first all the same (L7).
        assert_eq!(world.deliver(hint).await, Ok(()));
        let calls: Vec<Call> = world.messenger.take_calls().into_iter().map(|sent| sent.call).collect();
        assert_eq!(calls.iter().map(|call| call.path.as_str()).collect::<Vec<_>>(), ["me/messages", path]);
        assert_eq!(calls[1].parameters(), &field);
        assert_eq!((world.state(CHAT, 2).0, world.state(CHAT, 3).0), (Sent, Sent));
        // Handed over once: a second hint does nothing.
        assert_eq!(world.deliver(hint).await, Ok(()));
        assert_eq!(world.messenger.calls().len(), 0);
    }
}

/// What the messenger says of a reply, and what that means.
struct Said {
    provider: Provider,
    status: u16,
    body: Value,
    state: DeliveryState,
    reason: Option<&'static str>,
    reachable: bool,
    problem: Option<&'static str>,
}

fn graph(code: i64, subcode: i64, state: DeliveryState, reason: Option<&'static str>) -> Said {
    let body =
        json!({ "error": { "message": "said", "type": "OAuthException", "code": code, "error_subcode": subcode } });
    Said { provider: Provider::Messenger, status: 400, body, state, reason, reachable: true, problem: None }
}

fn twilio(status: u16, code: u32, state: DeliveryState, reason: Option<&'static str>) -> Said {
    let body = json!({ "code": code, "message": "said", "status": status });
    Said { provider: Provider::Whatsapp, status, body, state, reason, reachable: true, problem: None }
}

#[tokio::test(start_paused = true)]
async fn i6_each_class_of_answer_ends_as_it_should() {
    let problem = |code: &'static str, said: Said| Said { problem: Some(code), reason: Some(code), ..said };
    let unreachable = |said: Said| Said { reachable: false, ..said };
    for said in [
        graph(10, 2_018_278, Failed, Some("window_closed")),
        graph(10, 2_018_300, Failed, Some("owned_by_other")),
        unreachable(graph(551, 1_545_041, Failed, Some("contact_unavailable"))),
        problem("channel_unauthorized", graph(190, 463, Failed, None)),
        problem("permission_missing", graph(200, 0, Failed, None)),
        graph(613, 0, Queued, None),
        graph(1_200, 0, Queued, None),
        twilio(400, 63_016, Failed, Some("window_closed")),
        unreachable(twilio(400, 21_610, Failed, Some("customer_blocked"))),
        unreachable(twilio(400, 21_211, Failed, Some("recipient_unknown"))),
        problem("channel_unauthorized", twilio(401, 20_003, Failed, None)),
        twilio(429, 20_429, Queued, None),
        twilio(503, 0, Unknown, Some("outcome_unknown")),
    ] {
        let world = World::of(said.provider);
        let hint = &world.say(CHAT, &["hello"])[0];
        world.messenger.answer_next(said.status, &said.body);
        let what = format!("{:?} {}", said.provider, said.body);
        let again = world.deliver(hint).await.is_err();
        assert_eq!(again, said.state == Queued, "{what}: it comes back exactly if it was not processed");
        assert_eq!(world.state(CHAT, 2), (said.state, said.reason.map(str::to_owned)), "{what}");
        assert_eq!(world.contact(CHAT).reachable, said.reachable, "{what}");
        assert_eq!(world.hold().problem.as_deref(), said.problem, "{what}");
        assert_eq!(world.messenger.calls().len(), 1, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn c6_a_refusal_for_another_app_is_told_like_all_that_messengers_tell() {
    let world = World::of(Provider::Messenger);
    let hint = &world.say(CHAT, &["hello"])[0];
    world.messenger.answer_next(400, &json!({ "error": { "code": 10, "error_subcode": 2_018_300 } }));
    assert_eq!(world.deliver(hint).await, Ok(()));
    let told = world.queues.sent();
    let [QueueMessage::Inbound(inbound)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((&inbound.channel, inbound.conversation.as_str()), (&channel_of(Provider::Messenger), CHAT));
    assert_eq!(inbound.event.what, InboundKind::Control { to: Holder::Other { app: None } });
    assert!(!inbound.event.standby && inbound.event.customer.address == ADDRESS);
    // Nobody asks for a conversation to be handed back whose chat has closed.
    world.queues.take();
    world.control(CHAT, Control::Ours { from: Some("1234567890".to_owned()) });
    let hint = &world.close(CHAT)[0];
    world.messenger.answer_next(400, &json!({ "error": { "code": 100, "error_subcode": 2_534_037 } }));
    assert_eq!(world.deliver(hint).await, Ok(()));
    assert!(world.queues.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn c6_a_conversation_that_has_gone_on_is_not_handed_back() {
    let world = World::of(Provider::Messenger);
    world.control(CHAT, Control::Ours { from: Some("1234567890".to_owned()) });
    let hint = &world.close(CHAT)[0];
    world.open_next(CHAT);
    assert_eq!(world.deliver(hint).await, Ok(()));
    assert!(world.messenger.take_calls().is_empty());
    assert_eq!(world.state(CHAT, 2), (Failed, Some("superseded".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn c3_a_reply_refused_with_a_secret_that_is_no_longer_the_channels_goes_out_with_the_new_one() {
    for (provider, status, body) in [
        (Provider::Telegram, 401, json!({ "ok": false, "error_code": 401, "description": "Unauthorized" })),
        (Provider::Messenger, 400, json!({ "error": { "code": 190 } })),
        (Provider::Whatsapp, 401, json!({ "code": 20_003, "status": 401 })),
    ] {
        let world = World::of(provider);
        let old = if provider == Provider::Whatsapp { "AC1:the one before" } else { "the one before" };
        world.secrets.remember(channel_of(provider).as_str(), old);
        let hint = &world.say(CHAT, &["hello"])[0];
        world.messenger.answer_next(status, &body);
        assert_eq!(world.deliver(hint).await, Err(1), "{provider:?}");
        assert_eq!((world.state(CHAT, 2).0, world.hold().problem), (Queued, None));
        world.messenger.answer_next(200, &taken(provider));
        assert_eq!(world.deliver(hint).await, Ok(()));
        let tokens: Vec<String> = world.messenger.take_calls().into_iter().map(|sent| sent.token).collect();
        assert_eq!(tokens, [old, world.token()]);
        assert_eq!(world.state(CHAT, 2).0, Sent);
    }
}

#[tokio::test(start_paused = true)]
async fn c3_a_reply_that_is_taken_clears_the_problem_of_its_channel() {
    let world = World::of(Provider::Messenger);
    let hints = world.say(CHAT, &["one", "two"]);
    world.messenger.answer_next(400, &json!({ "error": { "code": 190 } }));
    world.messenger.answer_next(200, &taken(Provider::Messenger));
    for (hint, problem) in hints.iter().zip([Some("channel_unauthorized"), None]) {
        assert_eq!(world.deliver(hint).await, Ok(()));
        assert_eq!(world.hold().problem.as_deref(), problem);
    }
}

#[tokio::test(start_paused = true)]
async fn c5_media_that_facebook_could_not_fetch_is_offered_once_more() {
    let world = World::of(Provider::Messenger);
    let (part, key) = file(MediaKind::Photo, "a.png", "image/png", None);
    world.files.upload(&key, "image/png", PDF);
    let hint = &world.send(CHAT, &[part])[0];
    let refused = json!({ "error": { "code": 100, "error_subcode": 2_018_008 } });
    world.messenger.answer_next(400, &refused);
    world.messenger.answer_next(400, &refused);
    assert_eq!(world.deliver(hint).await, Ok(()));
    assert_eq!(world.messenger.take_calls().len(), 2);
    assert_eq!(world.state(CHAT, 2), (Failed, Some("media_refused".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn decision_10_an_unknown_outcome_is_never_sent_again_by_itself() {
    for provider in [Provider::Messenger, Provider::Whatsapp] {
        let world = World::of(provider);
        let hint = &world.say(CHAT, &["hello"])[0];
        world.messenger.reply_next(MessengerReply::Unknown("timed out".into()));
        assert_eq!(world.deliver(hint).await, Ok(()));
        assert_eq!(world.deliver(hint).await, Ok(()));
        assert_eq!((world.state(CHAT, 2).0, world.messenger.calls().len()), (Unknown, 1), "{provider:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_out_of_a_chat_that_does_not_stand_so() {
    // What only Messenger has is refused by the others, before any call.
    for provider in [Provider::Telegram, Provider::Whatsapp] {
        let world = World::of(provider);
        world.control(CHAT, Control::Ours { from: None });
        let hint = &world.close(CHAT)[0];
        assert_eq!(world.deliver(hint).await, Ok(()));
        assert_eq!(world.state(CHAT, 2), (Failed, Some("not_supported".to_owned())), "{provider:?}");
        assert_eq!(world.messenger.calls().len(), 0);
        assert!(matches!(world.chat(CHAT).route.stand, Stand::Closed { .. }));
    }
    assert_eq!(channel_of(Provider::Whatsapp).as_str(), "wa-14155238886");
}
