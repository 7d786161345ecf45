//! Operators, who take what they are offered, answer, close, and come back when their connection goes.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::time::Duration;

use domain::message::Author;
use domain::operator::Status;
use domain::{ChatId, OfferId};
use e2e::{Person, View, Window, eventually, person};
use reqwest::Method;
use tokio::time::{sleep, timeout};
use wire::http::TicketAnswer;
use wire::operators::{Answer, ChatView, Command, Known};

use crate::ledger::{Ledger, is_farewell, is_stay};
use crate::plan::Plan;

/// How long an answer may take before the command is sent again: longer than a function may run.
const ANSWER_MAX: Duration = Duration::from_secs(12);
/// How often a command is sent, and how long after an answer that asks to try again.
const ASKS_MAX: usize = 20;
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(300);
/// With nothing to do for so long, the window catches up: a push may have died with the process that was to send it. The
/// console does so when a ping (every two minutes) tells that something was missed.
const CATCH_UP_AFTER: Duration = Duration::from_secs(3);
/// How long it may take to come back.
const COME_BACK_MAX: Duration = Duration::from_mins(3);
/// A chat is closed after so many messages of its customer.
const CLOSE_AFTER: (u64, u64) = (3, 8);
/// An operator's connection is cut once, after so many replies.
const CUT_AFTER: (u64, u64) = (3, 20);

enum Work {
    Accept(OfferId, ChatId),
    ComeBack,
    Answer(ChatView, u64),
    Close(ChatView),
}

/// An operator at work.
pub(crate) struct Operator {
    /// Who.
    pub(crate) person: Person,
    /// Their window.
    pub(crate) window: Window,
    index: usize,
    ledger: Rc<Ledger>,
    close_after: usize,
    cut_after: Option<usize>,
    replies: usize,
    offers: HashSet<OfferId>,
    answered: HashMap<ChatId, u64>,
    /// Chats that turned out not to be theirs any more, with the revision that was shown.
    gone: HashSet<(ChatId, u64)>,
}

impl Operator {
    /// An operator who is online.
    pub(crate) async fn come_online(plan: &Plan, person: Person, index: usize, ledger: Rc<Ledger>) -> Self {
        let mut dice = plan.dice(2_000 + index as u64);
        let mut upto = |(low, high)| usize::try_from(dice.between(low, high)).unwrap_or(1);
        Self {
            window: person.come_online().await,
            person,
            index,
            ledger,
            close_after: upto(CLOSE_AFTER),
            cut_after: Some(upto(CUT_AFTER)),
            replies: 0,
            offers: HashSet::new(),
            answered: HashMap::new(),
            gone: HashSet::new(),
        }
    }

    /// Works until the run is over; returns with the window as it is then.
    pub(crate) async fn work(mut self) -> Self {
        while !self.ledger.over.get() {
            match timeout(CATCH_UP_AFTER, self.window.until(|view| self.next(view))).await {
                Ok(Some(work)) => {
                    self.rest(false);
                    self.carry_out(work).await;
                }
                Ok(None) => self.come_back().await,
                Err(_) => {
                    let known = self.window.view(known);
                    self.ask(Command::Sync { chats: known }).await;
                    self.rest(self.window.view(|view| self.next(view)).is_none());
                }
            }
        }
        self
    }

    fn rest(&self, rests: bool) {
        if let Some(slot) = self.ledger.resting.borrow_mut().get_mut(self.index) {
            *slot = rests;
        }
    }

    // ------------------------------------------------------------ what to do

    fn next(&self, view: &View) -> Option<Work> {
        if let Some((id, chat)) = view.offers.iter().find(|(id, _)| !self.offers.contains(id)) {
            return Some(Work::Accept(id.clone(), chat.id.clone()));
        }
        // An offer that ran out made the operator Inactive (Q5).
        if view.me.as_ref().is_some_and(|me| me.status == Status::Inactive) {
            return Some(Work::ComeBack);
        }
        let mut mine = view.chats.values().filter(|chat| !self.gone.contains(&(chat.id.clone(), chat.route_rev)));
        mine.find_map(|chat| self.next_of(view, chat))
    }

    fn next_of(&self, view: &View, chat: &ChatView) -> Option<Work> {
        let messages = view.messages_of(&chat.id);
        let theirs: Vec<_> = messages.iter().filter(|message| message.author == Author::Customer).collect();
        let last = theirs.last()?;
        if last.seq > self.answered.get(&chat.id).copied().unwrap_or(0) {
            return Some(Work::Answer(chat.clone(), last.seq));
        }
        let words = last.content.words().unwrap_or_default();
        let done = is_farewell(words) || (theirs.len() >= self.close_after && !is_stay(words));
        done.then(|| Work::Close(chat.clone()))
    }

    async fn carry_out(&mut self, work: Work) {
        match work {
            Work::Accept(offer, chat) => {
                self.offers.insert(offer.clone());
                if self.ask(Command::Accept { chat, offer: Some(offer) }).await.ok {
                    // What was written before comes with a catch-up.
                    let known = self.window.view(known);
                    self.ask(Command::Sync { chats: known }).await;
                }
            }
            Work::ComeBack => {
                self.ask(Command::Status { status: Status::Active }).await;
                // The window shows the new status when an event or a catch-up brings it.
                self.ask(Command::Sync { chats: self.window.view(known) }).await;
            }
            Work::Answer(chat, seq) => self.answer(&chat, seq).await,
            Work::Close(chat) => {
                // Whatever the answer, it is not theirs any more, or will be shown again with a higher revision.
                self.ask(Command::Close { chat: chat.id.clone() }).await;
                self.gone.insert((chat.id, chat.route_rev));
            }
        }
    }

    async fn answer(&mut self, chat: &ChatView, seq: u64) {
        let text = self.ledger.reply(self.index, self.replies);
        self.replies += 1;
        let answer = self.ask(Command::Send { chat: chat.id.clone(), text: text.clone() }).await;
        let refusal = answer.error.map(|error| error.code);
        if refusal.is_some() {
            self.gone.insert((chat.id.clone(), chat.route_rev));
        }
        self.answered.insert(chat.id.clone(), seq);
        self.ledger.replies.borrow_mut().push((text, refusal.map_or(Ok(()), Err)));
        if self.cut_after.is_some_and(|after| self.replies >= after) {
            self.cut_after = None;
            self.come_back().await;
        }
    }

    // ------------------------------------------------------------ asking, and coming back

    /// Asks until there is an answer: with the same request id, so that nothing happens twice.
    async fn ask(&mut self, command: Command) -> Answer {
        let id = e2e::unique("r");
        for _ in 0..ASKS_MAX {
            let answer = tokio::select! {
                answer = timeout(ANSWER_MAX, self.window.ask_as(&id, command.clone())) => answer.ok(),
                _ = self.window.until(|_| None::<()>) => None,
            };
            match answer.as_ref().map(|answer| answer.error.as_ref().map_or("", |error| error.code.as_str())) {
                Some("try_again") => sleep(TRY_AGAIN_AFTER).await,
                Some("not_connected") => self.come_back().await,
                Some(_) => return answer.unwrap_or_else(|| unreachable!("it has just been looked at")),
                None => {
                    if self.has_ended().await {
                        self.come_back().await;
                    }
                }
            }
            Ledger::count(&self.ledger.asked_again);
        }
        panic!("{} got no answer to {command:?}, asked {ASKS_MAX} times", self.person.name);
    }

    async fn has_ended(&self) -> bool {
        timeout(Duration::ZERO, self.window.until(|_| None::<()>)).await.is_ok()
    }

    /// A new connection in place of the old one, which is cut; it shows what that one showed, and catches up.
    async fn come_back(&mut self) {
        let view = self.window.view(View::clone);
        let connect = async || connect(&self.person, view.clone()).await;
        self.window = eventually("a new connection", COME_BACK_MAX, connect).await;
        Ledger::count(&self.ledger.reconnected);
    }
}

async fn connect(person: &Person, view: View) -> Option<Window> {
    let reply = person.api.call(Method::POST, "/api/ticket", Some("{}".to_owned()), None).await;
    let answer: TicketAnswer = (reply.status < 300).then(|| serde_json::from_str(&reply.text).ok())??;
    let socket = person::open(&person.stack, &answer.ticket, person.stack.origin.as_deref()).await.ok()?;
    let chats = known(&view);
    let window = Window::over(&person.name, socket, view);
    for command in [Command::Hello {}, Command::Sync { chats }] {
        let answer = timeout(ANSWER_MAX, window.ask_as(&e2e::unique("r"), command)).await.ok()?;
        if !answer.ok {
            return None;
        }
    }
    Some(window)
}

/// What a window knows of its chats, as the console would say when it catches up.
fn known(view: &View) -> Vec<Known> {
    let last = |chat: &ChatId| view.messages_of(chat).last().map_or(0, |message| message.seq);
    let chats = view.chats.values();
    chats.map(|chat| Known { chat: chat.id.clone(), seq: last(&chat.id), route_rev: chat.route_rev }).collect()
}
