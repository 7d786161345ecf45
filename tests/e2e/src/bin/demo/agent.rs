//! Operators who take every chat that they are offered, answer whatever is written and send the invoice to whoever asks for it.

use std::collections::{HashMap, HashSet};

use domain::content::Content;
use domain::file::File;
use domain::message::{Author, DeliveryState, Message};
use domain::operator::Status;
use domain::{ChatId, OfferId, Provider};
use e2e::files::Sample;
use e2e::stack::SignIn;
use e2e::world::Ground;
use e2e::{View, Window};
use tokio::task::JoinSet;
use wire::operators::{ChatView, Command};

use crate::say;
use crate::shop::Shop;

/// What whoever asks for it gets.
const INVOICE: &[u8] = include_bytes!("invoice.pdf");
/// How often an operator whose connection ended tries to come back.
const COMEBACKS_MAX: u32 = 1000;

/// Something to do.
enum Work {
    Accept(OfferId, ChatView),
    Answer(ChatView, Message),
    Arrived(ChatView, u64),
    ComeBack,
}

/// What an operator has done already, so that no frame makes them do it again.
#[derive(Default)]
struct Done {
    offers: HashSet<OfferId>,
    answered: HashMap<ChatId, u64>,
    arrived: HashSet<(ChatId, u64)>,
}

/// Brings all operators online; they answer until the set is dropped.
pub(crate) async fn bring_online(ground: &Ground, shop: &Shop) -> JoinSet<()> {
    let mut agents = JoinSet::new();
    for (who, user) in &shop.operators {
        let (ground, who, id) = (ground.clone(), who.clone(), user.id.clone());
        let window = ground.sign_in(&who, id.clone()).await.come_online().await;
        say(&who.name, "is online and Active");
        agents.spawn_local(async move {
            let mut window = window;
            for _ in 0..COMEBACKS_MAX {
                answer_all(&ground, &who, &window).await;
                say(&who.name, "lost the connection, and comes back");
                window = ground.sign_in(&who, id.clone()).await.come_online().await;
            }
        });
    }
    agents
}

/// Works until the connection ends.
async fn answer_all(ground: &Ground, who: &SignIn, window: &Window) {
    let mut done = Done::default();
    while let Some(work) = window.until(|view| next(view, &done)).await {
        match work {
            Work::Accept(offer, chat) => {
                say("offer", &format!("the chat of {} is offered to {}", chat.customer_name, who.name));
                accept(who, window, &offer, &chat).await;
                done.offers.insert(offer);
            }
            Work::Answer(chat, message) => {
                done.answered.insert(chat.id.clone(), message.seq);
                answer(ground, who, window, &chat, &message).await;
            }
            Work::Arrived(chat, seq) => {
                let (messenger, name) = (name_of(chat.provider), &chat.customer_name);
                say("delivered", &format!("{messenger} has message {seq} of {}'s reply to {name}", who.name));
                done.arrived.insert((chat.id, seq));
            }
            Work::ComeBack => window.set_status(Status::Active).await,
        }
    }
}

fn next(view: &View, done: &Done) -> Option<Work> {
    let offer = view.offers.iter().find(|(id, _)| !done.offers.contains(id));
    if let Some((id, chat)) = offer {
        return Some(Work::Accept(id.clone(), chat.clone()));
    }
    // An offer that ran out while the machine was busy made the operator Inactive (Q5).
    if view.me.as_ref().is_some_and(|me| me.status == Status::Inactive) {
        return Some(Work::ComeBack);
    }
    view.chats.values().find_map(|chat| unanswered(view, done, chat).or_else(|| arrived(view, done, chat)))
}

fn unanswered(view: &View, done: &Done, chat: &ChatView) -> Option<Work> {
    let messages = view.messages_of(&chat.id);
    let last = messages.iter().rev().find(|message| message.author != Author::System)?;
    let answered = done.answered.get(&chat.id).copied().unwrap_or(0);
    // A file is looked at when it is there.
    let asks =
        last.author == Author::Customer && last.seq > answered && !matches!(last.file, Some(File::Pending { .. }));
    asks.then(|| Work::Answer(chat.clone(), (*last).clone()))
}

fn arrived(view: &View, done: &Done, chat: &ChatView) -> Option<Work> {
    view.messages_of(&chat.id).into_iter().find_map(|message| {
        let there = [DeliveryState::Sent, DeliveryState::Delivered, DeliveryState::Read];
        let sent = message.delivery.as_ref().is_some_and(|delivery| there.contains(&delivery.state));
        let is_news = sent && !done.arrived.contains(&(chat.id.clone(), message.seq));
        is_news.then(|| Work::Arrived(chat.clone(), message.seq))
    })
}

async fn accept(who: &SignIn, window: &Window, offer: &OfferId, chat: &ChatView) {
    let answer = window.ask(Command::Accept { chat: chat.id.clone(), offer: Some(offer.clone()) }).await;
    match answer.error {
        None => say("accept", &format!("{} takes the chat of {}", who.name, chat.customer_name)),
        Some(problem) => return say(&who.name, &format!("could not take the chat: {}", problem.text)),
    }
    // What was written before the accept comes with a catch-up.
    window.sync(Vec::new()).await;
}

async fn answer(ground: &Ground, who: &SignIn, window: &Window, chat: &ChatView, message: &Message) {
    let words = message.content.words().unwrap_or_default();
    say(&who.name, &format!("reads {}", shown(message)));
    let typing = window.ask(Command::Typing { chat: chat.id.clone() }).await;
    if let Some(problem) = typing.error {
        say(&who.name, &format!("could not be shown as typing: {}", problem.text));
    }
    let (name, asked) = (&chat.customer_name, words.to_lowercase());
    if asked.contains("invoice") {
        return send_invoice(ground, who, window, chat).await;
    }
    let leaving = asked.contains("bye");
    let text = if leaving {
        format!("Good-bye, {name}, and thank you for writing!")
    } else if matches!(message.content, Content::Media { .. }) {
        format!("I am sorry to see that, {name}. You will get a new one.")
    } else if words.is_empty() {
        format!("Thank you, {name}.")
    } else {
        format!("Hello {name}, this is {}. You wrote: \"{words}\". I am looking into it.", who.name)
    };
    let sent = window.ask(Command::Send { chat: chat.id.clone(), text: text.clone() }).await;
    match sent.error {
        None => say("reply", &format!("{} writes \"{text}\"", who.name)),
        Some(problem) => return say(&who.name, &format!("could not reply: {}", problem.text)),
    }
    if leaving && window.ask(Command::Close { chat: chat.id.clone() }).await.ok {
        say("close", &format!("{} closes the chat of {name}", who.name));
    }
}

fn shown(message: &Message) -> String {
    let said = match &message.content {
        Content::ContactCard { name, phone } => {
            format!("the contact card of {name} ({})", phone.as_deref().unwrap_or("no number"))
        }
        Content::Location { latitude_e6, longitude_e6, .. } => format!("the place {latitude_e6}, {longitude_e6}"),
        Content::Button { label } => format!("the pressed button \"{label}\""),
        content => format!("\"{}\"", content.words().unwrap_or_default()),
    };
    match &message.file {
        None => said,
        Some(File::Stored { content_type, size_bytes, .. }) => {
            format!("{said} and sees the file ({content_type}, {size_bytes} bytes)")
        }
        Some(File::Pending { .. } | File::Missing { .. }) => format!("{said} with a file that cannot be had"),
    }
}

async fn send_invoice(ground: &Ground, who: &SignIn, window: &Window, chat: &ChatView) {
    let (name, content_type) = ("invoice-4711.pdf".to_owned(), "application/pdf".to_owned());
    let invoice = Sample { name, content_type, bytes: INVOICE.to_vec() };
    window.send_sample(&ground.http, &chat.id, &invoice, None).await;
    say("file", &format!("{} sends {} to {}", who.name, invoice.name, chat.customer_name));
}

fn name_of(provider: Provider) -> &'static str {
    match provider {
        Provider::Telegram => "Telegram",
        Provider::Messenger => "Messenger",
        Provider::Whatsapp => "WhatsApp",
    }
}
