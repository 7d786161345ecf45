//! Samples of everything that crosses the operators' connection: all fields, and as few as there may be.

use domain::chat::{ChatEvent, EventKind, Reason};
use domain::config::Rule;
use domain::content::{Content, Media, MediaKind};
use domain::file::{File, FileKey};
use domain::message::{Author, Delivery, DeliveryState, Message};
use domain::operator::Status;
use domain::{OperatorId, Provider};
use serde_json::Value;
use wire::operators::{
    ChatView, Colleague, Colleagues, Command, Event, FileLink, History, Known, Myself, OfferView, PING_S, QueueView,
    Sent, State, Synced, Target, UploadSlot, Welcome,
};

/// All variants of an enum without fields; one that is missing does not compile.
macro_rules! all {
    ($type:ident: $($variant:ident),+) => {{
        fn complete(value: $type) {
            match value {
                $($type::$variant => (),)+
            }
        }
        let all = [$($type::$variant),+];
        all.into_iter().for_each(complete);
        all
    }};
}

const AT_MS: i64 = 1_760_000_000_000;

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("an id")
}

/// The action of a command; a new one does not compile until it is described.
pub(crate) fn action(command: &Command) -> &'static str {
    match command {
        Command::Hello {} => "hello",
        Command::Ping {} => "ping",
        Command::Status { .. } => "status",
        Command::Sync { .. } => "sync",
        Command::Accept { .. } => "accept",
        Command::Decline { .. } => "decline",
        Command::Expire { .. } => "expire",
        Command::Send { .. } => "send",
        Command::Upload { .. } => "upload",
        Command::SendFile { .. } => "send_file",
        Command::File { .. } => "file",
        Command::Resend { .. } => "resend",
        Command::Close { .. } => "close",
        Command::Transfer { .. } => "transfer",
        Command::History { .. } => "history",
        Command::Read { .. } => "read",
        Command::Typing { .. } => "typing",
        Command::Colleagues { .. } => "colleagues",
    }
}

pub(crate) fn commands() -> Vec<Command> {
    let chat = || id("c0ffee.1");
    let offer = || id("c0ffee.1.2");
    let mut commands = vec![
        Command::Hello {},
        Command::Ping {},
        Command::Sync { chats: Vec::new() },
        Command::Sync { chats: vec![Known { chat: chat(), seq: 0, route_rev: 0 }] },
        Command::Accept { chat: chat(), offer: Some(offer()) },
        Command::Accept { chat: chat(), offer: None },
        Command::Decline { offer: offer() },
        Command::Expire { offer: offer() },
        Command::Send { chat: chat(), text: "Good morning".to_owned() },
        Command::Upload {
            chat: chat(),
            name: "price list.pdf".to_owned(),
            content_type: "application/pdf".to_owned(),
            size_bytes: 12_345,
        },
        Command::SendFile { chat: chat(), key: key(), name: "a.pdf".to_owned(), caption: Some("Here".to_owned()) },
        Command::SendFile { chat: chat(), key: key(), name: "a.pdf".to_owned(), caption: None },
        Command::File { chat: chat(), seq: 4 },
        Command::Resend { chat: chat(), seq: 4 },
        Command::Close { chat: chat() },
        Command::Transfer { chat: chat(), to: Target::Operator(id("op-boris")) },
        Command::Transfer { chat: chat(), to: Target::Queue(id("q-sales")) },
        Command::History { chat: chat(), before: Some(51), limit: Some(50) },
        Command::History { chat: chat(), before: None, limit: None },
        Command::Read { chat: chat(), seq: 4 },
        Command::Typing { chat: chat() },
        Command::Colleagues { chat: chat() },
    ];
    commands.extend(all!(Status: Active, Inactive).map(|status| Command::Status { status }));
    commands
}

fn key() -> FileKey {
    "up/c0ffee.1/op-anna/0123456789abcdef".to_owned().try_into().expect("a key")
}

fn json(value: impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("a JSON form")
}

/// What each action is answered with.
pub(crate) fn results() -> Vec<(&'static str, Option<Value>)> {
    let welcome = Welcome {
        operator: myself(Status::Active),
        queues: queues(),
        notification_sound: "default".to_owned(),
        ping_s: PING_S,
        auth_until_ms: AT_MS,
    };
    let synced =
        Synced { operator: myself(Status::Active), chats: vec![id("c0ffee.1")], offers: vec![id("c0ffee.2.2")] };
    let history = History { chat: id("c0ffee.1"), messages: messages(), more: true };
    let colleague = Colleague { id: id("op-boris"), name: "Boris".to_owned(), load: 0 };
    let colleagues = Colleagues { operators: vec![colleague], queues: queues() };
    let slot = UploadSlot {
        key: key(),
        url: "https://files.example/up".to_owned(),
        method: "PUT".to_owned(),
        headers: [("content-type".to_owned(), "application/pdf".to_owned())].into(),
        expires_at_ms: AT_MS,
    };
    let link = FileLink {
        url: "https://files.example/in".to_owned(),
        expires_at_ms: AT_MS,
        content_type: "image/jpeg".to_owned(),
    };
    vec![
        ("hello", Some(json(welcome))),
        ("ping", Some(json(myself(Status::Active)))),
        ("status", Some(json(myself(Status::Inactive)))),
        ("sync", Some(json(synced))),
        ("accept", Some(json(view(State::InWork, Provider::Telegram)))),
        ("decline", None),
        ("expire", None),
        ("send", Some(json(Sent { seqs: vec![4, 5] }))),
        ("upload", Some(json(slot))),
        ("send_file", Some(json(Sent { seqs: vec![6] }))),
        ("file", Some(json(link))),
        ("resend", None),
        ("close", None),
        ("transfer", None),
        ("history", Some(json(history))),
        ("read", None),
        ("typing", None),
        ("colleagues", Some(json(colleagues))),
    ]
}

pub(crate) fn events() -> Vec<Event> {
    let chat = |state| view(state, Provider::Telegram);
    let mut events = vec![
        Event::Offer { chat: chat(State::Offered) },
        Event::Line { queue: id("q-sales"), chats: vec![chat(State::Waiting)], at_ms: AT_MS },
        Event::Line { queue: id("q-sales"), chats: Vec::new(), at_ms: AT_MS },
        Event::Chat { chat: chat(State::InWork), messages: messages(), events: happened() },
        Event::Contact { conversation: id("c0ffee"), name: "Ada".to_owned(), reachable: false },
    ];
    events.extend(all!(Status: Active, Inactive).map(|status| Event::Operator { operator: myself(status) }));
    events.extend(messages().into_iter().map(|message| Event::Message { message }));
    for provider in all!(Provider: Telegram, Messenger, Whatsapp) {
        for state in all!(State: WithBot, Waiting, Offered, InWork, Closed) {
            events.push(Event::Chat { chat: view(state, provider), messages: Vec::new(), events: Vec::new() });
        }
    }
    // The words are those of `domain::decision::News`.
    for reason in ["accepted", "declined", "expired", "withdrawn"] {
        events.push(Event::OfferGone { offer: id("c0ffee.1.2"), reason: reason.to_owned() });
    }
    for reason in ["closed", "transferred", "returned"] {
        events.push(Event::ChatGone { chat: chat(State::Closed), reason: reason.to_owned() });
    }
    events
}

fn myself(status: Status) -> Myself {
    let own_limit = (status == Status::Active).then_some(3);
    Myself { id: id("op-anna"), name: "Anna".to_owned(), status, load: 2, own_limit, rev: 7 }
}

fn queues() -> Vec<QueueView> {
    let view = |rule| QueueView { id: id("q-sales"), name: "Sales".to_owned(), rule, limit: 5 };
    all!(Rule: ToAll, MostFree).map(view).to_vec()
}

fn view(state: State, provider: Provider) -> ChatView {
    let offer = OfferView { id: id("c0ffee.1.2"), operator: id("op-boris"), expires_at_ms: AT_MS + 300_000 };
    ChatView {
        id: id("c0ffee.1"),
        channel: id("tg-1"),
        provider,
        queue: id("q-sales"),
        customer_name: "Ada Example".to_owned(),
        state,
        operator: (state == State::InWork).then(|| id("op-anna")),
        offer: (state == State::Offered).then_some(offer),
        opened_at_ms: AT_MS,
        waiting_since_ms: AT_MS,
        last_seq: 3,
        read_seq: 0,
        reply_until_ms: (provider != Provider::Telegram).then_some(AT_MS + 86_400_000),
        is_with_other: state == State::WithBot,
        route_rev: 2,
    }
}

fn happened() -> Vec<ChatEvent> {
    let (chosen, next): (OperatorId, OperatorId) = (id("op-anna"), id("op-boris"));
    let kinds = all!(EventKind: Offered, Accepted, Declined, Expired, Withdrawn, Rested, TransferOffered, TransferAccepted,
        TransferEnded, QueueChanged, Returned, Closed, AutoClosed, Rearmed, HandedOver, TakenByOther, Named);
    let event = |what, reason, other: Option<&str>| ChatEvent {
        chat: id("c0ffee.1"),
        route_rev: 2,
        at_ms: AT_MS,
        what,
        operator: other.map(|_| chosen.clone()),
        other: other.map(str::to_owned),
        reason,
    };
    let mut events: Vec<_> = kinds.into_iter().map(|what| event(what, None, None)).collect();
    for rule in all!(Rule: ToAll, MostFree) {
        let candidates = vec![(chosen.clone(), 0, AT_MS), (next.clone(), 1, 0)];
        events.push(event(EventKind::Offered, Some(Reason { rule, candidates }), Some("q-sales")));
    }
    events
}

fn messages() -> Vec<Message> {
    let message = |author, content| Message::new(id("c0ffee.1"), 1, AT_MS, author, content);
    let operator = || Author::Operator { id: id("op-anna"), name: "Anna".to_owned() };
    let mut messages: Vec<_> = contents().into_iter().map(|content| message(Author::Customer, content)).collect();
    let note = Content::Unsupported { what: "customer_blocked".to_owned() };
    messages.push(message(Author::System, note));
    messages.push(Message {
        provider_at_ms: Some(AT_MS),
        provider_message_id: Some("101".to_owned()),
        reply_to: Some("90".to_owned()),
        quote: Some("late".to_owned()),
        forwarded_from: Some("Bob".to_owned()),
        edited_at_ms: Some(AT_MS),
        reaction: Some("👍".to_owned()),
        ..message(Author::Customer, Content::text("Hello"))
    });
    for state in all!(DeliveryState: Queued, Sending, Sent, Delivered, Read, Failed, Unknown) {
        let lease_until_ms = (state == DeliveryState::Sending).then_some(AT_MS);
        let reason = (state == DeliveryState::Failed).then(|| "expired".to_owned());
        let delivery = Some(Delivery {
            state,
            queued_at_ms: AT_MS,
            attempts: 1,
            lease_until_ms,
            handed_over_at_ms: Some(AT_MS),
            reason,
        });
        messages.push(Message {
            delivery,
            previous_out: Some(2),
            ..message(operator(), Content::text("Good morning"))
        });
    }
    for app in [None, Some("263902037430900".to_owned())] {
        messages.push(message(Author::External { app }, Content::text("I am a bot.")));
    }
    let key = || "in/c0ffee.1/1".to_owned().try_into().expect("a key");
    for file in [
        File::Pending { since_ms: AT_MS },
        File::Stored { key: key(), content_type: "image/png".to_owned(), size_bytes: 1 },
        File::Missing { reason: "too_large".to_owned() },
    ] {
        // A new state of a file does not compile until it is here.
        match file {
            File::Pending { .. } | File::Stored { .. } | File::Missing { .. } => {}
        }
        messages.push(Message { file: Some(file), ..message(Author::Customer, contents().remove(0)) });
    }
    for message in &messages {
        // A new kind of author does not compile until it is here.
        match message.author {
            Author::Customer | Author::Operator { .. } | Author::External { .. } | Author::System => {}
        }
    }
    messages
}

fn contents() -> Vec<Content> {
    let bare = |kind| Media {
        kind,
        file_name: None,
        mime_type: None,
        size_bytes: None,
        caption: None,
        source: None,
        album_id: None,
    };
    let kinds = all!(MediaKind: Photo, Video, VideoNote, Animation, Audio, Voice, Sticker, Document, ContactCard);
    let mut contents: Vec<_> = kinds.into_iter().map(|kind| Content::Media { media: bare(kind) }).collect();
    let text = || Some("text".to_owned());
    contents.extend([
        Content::text("Hello"),
        Content::Media {
            media: Media {
                kind: MediaKind::Document,
                file_name: text(),
                mime_type: text(),
                size_bytes: Some(1),
                caption: text(),
                source: None,
                album_id: text(),
            },
        },
        Content::Location { latitude_e6: 52_520_000, longitude_e6: 13_405_000, title: text(), address: None },
        Content::ContactCard { name: "Bob".to_owned(), phone: text() },
        Content::Button { label: "Yes".to_owned() },
        Content::HandBack { to: text() },
        Content::Unsupported { what: "poll".to_owned() },
    ]);
    for content in &contents {
        // A new kind of content does not compile until it is here.
        match content {
            Content::Text { .. }
            | Content::Media { .. }
            | Content::Location { .. }
            | Content::ContactCard { .. }
            | Content::Button { .. }
            | Content::HandBack { .. }
            | Content::Unsupported { .. } => {}
        }
    }
    contents
}
