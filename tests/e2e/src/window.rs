//! An operator's window: one connection of the WebSocket protocol.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::message::DeliveryState;
use domain::operator::Status;
use domain::{ChatId, OfferId};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use wire::operators::{
    Answer, ChatView, Command, Event, History, Known, PING_S, Request, Sent, Synced, Target, Welcome,
};

use crate::view::View;
use crate::wait::SOON;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What is left of a window whose connection was cut: what it shows, and what it knows of its chats.
#[derive(Clone, Debug)]
pub struct Lost {
    /// What it shows.
    pub view: View,
    /// What it will say when it catches up.
    pub known: Vec<Known>,
}

/// What the gateway says of a function that crashed: API Gateway's field, and the local AWS's.
const GATEWAY_ERROR: [&str; 2] = ["message", "errorMessage"];
/// How many of the last events a failure shows.
const EVENTS_SHOWN: usize = 12;

/// A window. Dropping it cuts the connection, without a farewell.
#[derive(Debug)]
pub struct Window {
    who: String,
    frames: mpsc::UnboundedSender<Frame>,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    known: Mutex<State>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    view: View,
    answers: HashMap<String, Vec<Answer>>,
    closed: Option<String>,
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, State> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.known());
        self.changed.send_modify(|count| *count += 1);
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Window {
    /// A window over an open connection; it has not said hello, and shows what it showed before.
    pub fn over(who: &str, socket: Socket, view: View) -> Self {
        let state = State { view, ..State::default() };
        let shared = Arc::new(Shared { known: Mutex::new(state), changed: watch::Sender::default() });
        let (frames, outgoing) = mpsc::unbounded_channel();
        let task = tokio::spawn(serve(socket, outgoing, Arc::clone(&shared)));
        Self { who: who.to_owned(), frames, shared, task }
    }

    // ------------------------------------------------------------ asking

    /// Sends a command with an id of its own; returns the answer.
    pub async fn ask(&self, command: Command) -> Answer {
        self.ask_as(&crate::unique("r"), command).await
    }

    /// Sends a command with this id; returns the next answer to it.
    pub async fn ask_as(&self, request_id: &str, command: Command) -> Answer {
        let request = Request { request_id: request_id.to_owned(), command };
        let frame = serde_json::to_string(&request).expect("a request has a JSON form");
        self.ask_raw(request_id, &frame).await
    }

    /// Sends a frame as it is; returns the next answer to this id.
    pub async fn ask_raw(&self, request_id: &str, frame: &str) -> Answer {
        let before = self.shared.known().answers.get(request_id).map_or(0, Vec::len);
        self.send_raw(frame);
        self.wait_state(&format!("an answer to {frame:.200}"), SOON, |state| {
            state.answers.get(request_id).and_then(|answers| answers.get(before)).cloned()
        })
        .await
    }

    /// Sends a frame as it is.
    pub fn send_raw(&self, frame: &str) {
        // A closed window shows by what is then waited for in vain.
        let _ = self.frames.send(Frame::text(frame));
    }

    /// Has a command carried out; returns its result.
    pub async fn must(&self, command: Command) -> Value {
        let what = format!("{command:?}");
        let answer = self.ask(command).await;
        assert!(answer.ok, "{} was refused {what:.200}: {:?}", self.who, answer.error);
        answer.result.unwrap_or_default()
    }

    async fn must_read<T: DeserializeOwned>(&self, command: Command) -> T {
        let result = self.must(command).await;
        serde_json::from_value(result.clone()).unwrap_or_else(|error| panic!("{error}: {result}"))
    }

    /// Has a command refused; returns the error's code.
    pub async fn refused(&self, command: Command) -> String {
        let what = format!("{command:?}");
        let answer = self.ask(command).await;
        assert!(!answer.ok, "{} was not refused {what:.200}", self.who);
        answer.error.map(|error| error.code).unwrap_or_default()
    }

    /// Says hello.
    pub async fn hello(&self) -> Welcome {
        let welcome: Welcome = self.must_read(Command::Hello {}).await;
        self.shared.change(|state| state.view.welcomed(&welcome));
        welcome
    }

    /// Catches up with what it knows, as the console would.
    pub async fn sync(&self, known: Vec<Known>) -> Synced {
        let synced: Synced = self.must_read(Command::Sync { chats: known }).await;
        self.shared.change(|state| state.view.synced(&synced));
        synced
    }

    /// Sets the status.
    pub async fn set_status(&self, status: Status) {
        self.must(Command::Status { status }).await;
    }

    /// Accepts an offer, or picks a chat from a line.
    pub async fn accept(&self, chat: &ChatId, offer: Option<&OfferId>) -> ChatView {
        let taken: ChatView = self.must_read(Command::Accept { chat: chat.clone(), offer: offer.cloned() }).await;
        self.shared.change(|state| state.view.accepted(&taken));
        taken
    }

    /// Waits for the offer of this customer, and accepts it.
    pub async fn accept_from(&self, customer: &str) -> ChatView {
        let (offer, chat) = self.offered(customer).await;
        self.accept(&chat.id, Some(&offer)).await
    }

    /// Waits for the offer of this customer.
    pub async fn offered(&self, customer: &str) -> (OfferId, ChatView) {
        self.wait(&format!("the offer of {customer}"), |view| view.offer_of(customer)).await
    }

    /// Writes; returns the numbers of the messages it became.
    pub async fn send(&self, chat: &ChatId, text: &str) -> Vec<u64> {
        let sent: Sent = self.must_read(Command::Send { chat: chat.clone(), text: text.to_owned() }).await;
        sent.seqs
    }

    /// Waits until a reply has reached this state; returns the reason that it shows.
    pub async fn delivery(&self, chat: &ChatId, seq: u64, state: DeliveryState) -> Option<String> {
        let what = format!("reply {seq} to be {state:?}");
        self.wait(&what, |view| view.delivery(chat, seq).filter(|(now, _)| *now == state).map(|(_, reason)| reason))
            .await
    }

    /// Closes a chat.
    pub async fn close(&self, chat: &ChatId) {
        self.must(Command::Close { chat: chat.clone() }).await;
    }

    /// Gives a chat to somebody else.
    pub async fn transfer(&self, chat: &ChatId, to: Target) {
        self.must(Command::Transfer { chat: chat.clone(), to }).await;
    }

    /// A page of a chat's messages.
    pub async fn history(&self, chat: &ChatId, before: Option<u64>, limit: Option<u32>) -> History {
        self.must_read(Command::History { chat: chat.clone(), before, limit }).await
    }

    // ------------------------------------------------------------ seeing

    /// What the window shows now.
    pub fn view<T>(&self, look: impl FnOnce(&View) -> T) -> T {
        look(&self.shared.known().view)
    }

    /// Waits until the window shows something.
    pub async fn wait<T>(&self, what: &str, look: impl Fn(&View) -> Option<T>) -> T {
        self.wait_within(what, SOON, look).await
    }

    /// Waits until the window shows something, at most for `bound`.
    pub async fn wait_within<T>(&self, what: &str, bound: Duration, look: impl Fn(&View) -> Option<T>) -> T {
        self.wait_state(what, bound, |state| look(&state.view)).await
    }

    /// Waits, however long, until the window shows something; `None` = the connection has ended.
    pub async fn until<T>(&self, look: impl Fn(&View) -> Option<T>) -> Option<T> {
        let mut changes = self.shared.changed.subscribe();
        loop {
            changes.borrow_and_update();
            let (found, ended) = {
                let known = self.shared.known();
                (look(&known.view), known.closed.is_some())
            };
            if found.is_some() || ended || changes.changed().await.is_err() {
                return found;
            }
        }
    }

    /// Waits until the connection has been closed from the other side.
    pub async fn wait_closed(&self) {
        self.wait_state("the end of the connection", SOON, |state| state.closed.clone()).await;
    }

    /// Says good-bye, and waits until the connection has ended.
    pub async fn leave(self) {
        let _ = self.frames.send(Frame::Close(None));
        self.wait_state("the end of the connection", SOON, |state| state.closed.clone()).await;
    }

    /// Cuts the connection, without a farewell.
    pub fn cut(self) -> Lost {
        self.task.abort();
        Lost { known: self.known(), view: self.view(View::clone) }
    }

    /// What this window knows of its chats, as the console would say when it catches up.
    fn known(&self) -> Vec<Known> {
        self.view(|view| {
            let last = |chat: &ChatId| view.messages_of(chat).last().map_or(0, |message| message.seq);
            view.chats
                .values()
                .map(|chat| Known { chat: chat.id.clone(), seq: last(&chat.id), route_rev: chat.route_rev })
                .collect()
        })
    }

    async fn wait_state<T>(&self, what: &str, bound: Duration, look: impl Fn(&State) -> Option<T>) -> T {
        let deadline = Instant::now() + bound;
        let mut changes = self.shared.changed.subscribe();
        loop {
            changes.borrow_and_update();
            if let Some(found) = look(&self.shared.known()) {
                return found;
            }
            let in_time = timeout_at(deadline, changes.changed()).await.is_ok();
            assert!(in_time, "{} waited {bound:?} in vain for {what}\n{}", self.who, self.summary());
        }
    }

    fn summary(&self) -> String {
        let known = self.shared.known();
        let view = &known.view;
        let last: Vec<String> =
            view.log.iter().rev().take(EVENTS_SHOWN).rev().map(|event| format!("  {}", json!(event))).collect();
        format!(
            "closed: {:?}\nme: {:?}\nin work: {:?}\non offer: {:?}\nthe last of {} events:\n{}",
            known.closed,
            view.me,
            view.chats.keys().map(ToString::to_string).collect::<Vec<_>>(),
            view.offers.keys().map(ToString::to_string).collect::<Vec<_>>(),
            view.log.len(),
            last.join("\n")
        )
    }
}

/// Carries frames both ways, and pings as clients have to.
async fn serve(socket: Socket, mut outgoing: mpsc::UnboundedReceiver<Frame>, shared: Arc<Shared>) {
    let (mut sink, mut stream) = socket.split();
    let mut pings = interval(Duration::from_secs(PING_S.into()));
    pings.tick().await;
    let why = loop {
        tokio::select! {
            frame = outgoing.recv() => match frame {
                Some(frame) => if let Err(error) = sink.send(frame).await {
                    break error.to_string();
                },
                None => break "the window was closed".to_owned(),
            },
            _ = pings.tick() => {
                let ping = Request { request_id: crate::unique("ping"), command: Command::Ping {} };
                let frame = serde_json::to_string(&ping).expect("a request has a JSON form");
                if let Err(error) = sink.send(Frame::text(frame)).await {
                    break error.to_string();
                }
            },
            frame = stream.next() => match frame {
                Some(Ok(Frame::Text(text))) => take_in(&shared, text.as_str()),
                Some(Ok(Frame::Close(_))) | None => break "closed by the other side".to_owned(),
                Some(Ok(_)) => {}
                Some(Err(error)) => break error.to_string(),
            },
        }
    };
    // A peer that is gone need not hear of the end.
    let _ = timeout(Duration::from_secs(1), sink.close()).await;
    shared.change(|state| state.closed = Some(why));
}

/// A frame is an answer or an event; anything else would break a client, and breaks the test. Only the gateway itself speaks
/// otherwise, when a function crashed: that is no answer, and whoever waits for one asks again.
fn take_in(shared: &Shared, text: &str) {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    if value["type"].is_null() && GATEWAY_ERROR.iter().any(|name| value[name].is_string()) {
        return;
    }
    if value["type"] == "answer" {
        let answer: Answer = serde_json::from_value(value).unwrap_or_else(|error| panic!("{error}: {text}"));
        shared.change(|state| state.answers.entry(answer.request_id.clone()).or_default().push(answer));
    } else {
        let event: Event = serde_json::from_value(value).unwrap_or_else(|error| panic!("{error}: {text}"));
        shared.change(|state| state.view.apply(&event));
    }
}
