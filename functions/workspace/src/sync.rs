//! Catching up after a connection was lost: nothing missing, nothing twice (W5).

use domain::Refusal;
use domain::chat::Chat;
use domain::config::{Configuration, Rule};
use domain::message::Message;
use domain::operator::Operator;
use futures_util::future::try_join_all;
use ports::records::{self, chat_key, decode_chat};
use ports::{Clock, Files, Push, Queues, Random, Store, StoreError, Timers};
use runtime::Fault;
use runtime::gateway::Caller;
use wire::operators::{ChatView, Event, FRAME_BYTES_MAX, Known, LINE_HEAD, SYNC_CHATS_MAX, SYNC_MESSAGES, Synced};

use crate::Workspace;

/// What of a frame its messages may fill, bytes: the rest is for what stands around them.
const MESSAGES_BYTES_MAX: usize = FRAME_BYTES_MAX - 8 * 1024;
/// How many pages of messages a sync reads to close a gap; a longer one is for `history`.
const GAP_PAGES_MAX: u32 = 20;
/// How many events of a chat a sync brings along.
const EVENTS_MAX: u32 = 50;

fn bytes_of<T: serde::Serialize>(value: &T) -> usize {
    serde_json::to_string(value).map_or(0, |text| text.len())
}

/// The first of these that fit into a frame; at least one.
pub(crate) fn within_frame(messages: Vec<Message>) -> Vec<Message> {
    let mut bytes = 0;
    let mut kept = Vec::new();
    for message in messages {
        bytes += bytes_of(&message);
        if bytes > MESSAGES_BYTES_MAX && !kept.is_empty() {
            break;
        }
        kept.push(message);
    }
    kept
}

/// Messages in their order, in as many groups as frames are needed.
fn frames(mut messages: Vec<Message>) -> Vec<Vec<Message>> {
    let mut frames = Vec::new();
    while !messages.is_empty() {
        let first = within_frame(messages.clone());
        messages.drain(..first.len());
        frames.push(first);
    }
    if frames.is_empty() {
        frames.push(Vec::new());
    }
    frames
}

impl<S: Store, Q: Queues, T: Timers, P: Push, C: Clock, F: Files, R: Random> Workspace<S, Q, T, P, C, F, R> {
    /// Sends the caller's window everything that it may have missed, then says what there is.
    pub(crate) async fn sync(&self, caller: &Caller, known: &[Known]) -> Result<Synced, Fault> {
        let me = self.desk.operator(&caller.operator).await?.ok_or(Refusal::OperatorNotFound)?;
        let config = self.desk.config().await?;
        let mine: Vec<_> = me.chats.union(&me.offers).map(chat_key).take(SYNC_CHATS_MAX).collect();
        let rows = if mine.is_empty() { Vec::new() } else { self.desk.store.get(&mine).await? };
        let chats: Vec<Chat> = rows.iter().flatten().map(decode_chat).collect::<Result<_, _>>()?;

        let mut events = vec![Event::Operator { operator: (&me).into() }];
        let in_work: Vec<&Chat> = chats.iter().filter(|chat| chat.operator() == Some(&me.id)).collect();
        for chat_events in try_join_all(in_work.iter().map(|chat| self.catch_up(chat, known))).await? {
            events.extend(chat_events);
        }
        let offered: Vec<&Chat> =
            chats.iter().filter(|chat| chat.offer().is_some_and(|offer| offer.operator == me.id)).collect();
        events.extend(offered.iter().map(|chat| Event::Offer { chat: (*chat).into() }));
        events.extend(self.lines(&me, &config).await?);
        for event in &events {
            self.post(caller, event).await;
        }
        Ok(Synced {
            operator: (&me).into(),
            chats: in_work.iter().map(|chat| chat.id.clone()).collect(),
            offers: offered.iter().filter_map(|chat| chat.offer().map(|offer| offer.id.clone())).collect(),
        })
    }

    /// A chat with the messages that may be new or changed: the newest always, since edits and delivery states have no number
    /// of their own, and all after the last known one.
    async fn catch_up(&self, chat: &Chat, known: &[Known]) -> Result<Vec<Event>, StoreError> {
        let known = known.iter().find(|known| known.chat == chat.id);
        let (seq, route_rev) = known.map_or((0, 0), |known| (known.seq, known.route_rev));
        let (mut messages, mut more) = records::history(&self.desk.store, &chat.id, None, SYNC_MESSAGES).await?;
        // Whoever knows nothing gets the newest page, and asks for history; whoever knows some gets no gap.
        let mut pages = 1;
        while known.is_some()
            && pages < GAP_PAGES_MAX
            && more
            && messages.last().is_some_and(|oldest| oldest.seq > seq + 1)
        {
            let before = messages.last().map(|oldest| oldest.seq);
            let page = records::history(&self.desk.store, &chat.id, before, SYNC_MESSAGES).await?;
            messages.extend(page.0);
            more = page.1;
            pages += 1;
        }
        messages = messages.iter().rev().map(Message::shown).collect();
        let mut happened = records::event_rows(&self.desk.store, &chat.id, route_rev, EVENTS_MAX).await?;
        let view = ChatView::from(chat);
        let mut groups = frames(messages);
        if bytes_of(&happened) + groups.first().map_or(0, bytes_of) > MESSAGES_BYTES_MAX {
            // What happened goes first, in a frame of its own.
            groups.insert(0, Vec::new());
        }
        let frames = groups.into_iter().map(|messages| Event::Chat {
            chat: view.clone(),
            messages,
            events: std::mem::take(&mut happened),
        });
        Ok(frames.collect())
    }

    /// The lines from which the operator may take.
    async fn lines(&self, me: &Operator, config: &Configuration) -> Result<Vec<Event>, StoreError> {
        let queues = config.queues_of(me).filter(|queue| queue.rule == Rule::ToAll);
        try_join_all(queues.map(async |queue| {
            let room = me.is_available() && me.load() < config.limit(me, Some(queue));
            let head = u32::try_from(LINE_HEAD).unwrap_or(u32::MAX);
            let chats = if room { records::line(&self.desk.store, &queue.id, head, None).await?.0 } else { Vec::new() };
            let chats = chats.iter().map(ChatView::from).collect();
            Ok(Event::Line { queue: queue.id.clone(), chats, at_ms: self.desk.now_ms() })
        }))
        .await
    }

    async fn post(&self, caller: &Caller, event: &Event) {
        let frame = serde_json::to_string(event).expect("an event has a JSON form");
        if let Err(error) = self.desk.push.post(&caller.connection, &frame).await {
            tracing::info!(%error, "a sync did not reach its connection");
        }
    }
}
