//! Shows the line of a *to all* queue to those who may take from it (Q3), at most once a second a queue (decision 8).

use domain::QueueId;
use domain::config::{Configuration, Queue};
use domain::decision::Wake;
use domain::routing::Pass;
use futures_util::future::join_all;
use ports::queues::Visibility;
use ports::store::{Attributes, Condition, Key, Write};
use ports::{Clock, Push, PushError, Queues, Store, StoreError, Timers, records};
use runtime::Fault;
use serde_json::json;
use wire::operators::{ChatView, Event, LINE_HEAD};
use wire::queues::QueueMessage;

use crate::{Router, later};

/// Between two showings of a line, milliseconds.
const SHOWINGS_MS: i64 = 1_000;

/// The cause of the wake-up that somebody comes back by: no two of a queue alike, since a queue forgets none for minutes.
fn come_back(queue: &QueueId, awaited_ms: i64) -> String {
    format!("line.{queue}.{awaited_ms}")
}

impl<S: Store, Q: Queues, T: Timers, P: Push, C: Clock, V: Visibility> Router<S, Q, T, P, C, V> {
    /// Shows the head of the line to everybody available; to those without room an empty one. `cause` is the wake-up's.
    pub(crate) async fn show_line(&self, queue: &Queue, cause: &str, config: &Configuration) -> Result<(), Fault> {
        let now_ms = self.desk.now_ms();
        if !self.take_turn(queue, cause, now_ms).await? {
            return Ok(());
        }
        let head = u32::try_from(LINE_HEAD).unwrap_or(u32::MAX);
        let (chats, _) = records::line(&self.desk.store, &queue.id, head, None).await?;
        let pass = Pass::new(queue, config, self.desk.audience(queue).await?, now_ms);
        let event = |chats: &[domain::chat::Chat]| {
            let chats: Vec<ChatView> = chats.iter().map(ChatView::from).collect();
            serde_json::to_string(&Event::Line { queue: queue.id.clone(), chats, at_ms: now_ms })
                .expect("an event has a JSON form")
        };
        let (full, empty) = (event(&chats), event(&[]));
        let posts = pass.audience().flat_map(|(operator, room)| {
            let frame = if room { &full } else { &empty };
            let open = operator.connections.iter().filter(|(_, until)| **until > now_ms);
            open.map(move |(connection, _)| (operator.id.clone(), connection.clone(), frame))
        });
        let gone =
            join_all(posts.map(
                async |(operator, connection, frame)| match self.desk.push.post(&connection, frame).await {
                    Err(PushError::Gone) => Some((operator, connection)),
                    Ok(()) | Err(PushError::Failed(_)) => None,
                },
            ))
            .await;
        for (operator, connection) in gone.into_iter().flatten() {
            self.desk.disconnect(&operator, &connection).await?;
        }
        Ok(())
    }

    /// Whether to show a line now. One row a queue says when it was shown last, and since when somebody is to come back for
    /// what came too soon after that.
    async fn take_turn(&self, queue: &Queue, cause: &str, now_ms: i64) -> Result<bool, Fault> {
        let key = Key::work(format!("N#{}", queue.id), "S");
        let row = self.desk.store.get(std::slice::from_ref(&key)).await?.into_iter().next().flatten();
        let number =
            |name: &str| row.as_ref().and_then(|row| row.attributes.get(name)).and_then(serde_json::Value::as_i64);
        let shown = number("shown_ms");
        let awaited = number("awaited_ms").filter(|awaited| Some(*awaited) > shown);
        // Whoever was to come back has waited by the queue's clock, and does not ask this one.
        let is_awaited = awaited.is_some_and(|awaited| cause == later(&come_back(&queue.id, awaited)));
        let is_recent = shown.is_some_and(|shown| now_ms - shown < SHOWINGS_MS);
        let is_turn = is_awaited || !is_recent;
        if !is_turn {
            // A come-back that is long overdue was lost.
            if awaited.is_some_and(|awaited| awaited > now_ms - 2 * SHOWINGS_MS) {
                return Ok(false);
            }
            self.ask_back(queue, now_ms).await?;
        }
        let condition = shown.map_or(Condition::Absent, |shown| Condition::Is("shown_ms", json!(shown)));
        let name = if is_turn { "shown_ms" } else { "awaited_ms" };
        let set = Attributes::from_iter([(name.to_owned(), json!(now_ms))]);
        let turn = Write::Update { key, set, remove: Vec::new(), condition: Some(condition) };
        match self.desk.store.commit(&[turn]).await {
            Ok(()) => Ok(is_turn),
            Err(StoreError::ConditionFailed(_)) => {
                // Another pass was faster and shows what is there; what came since, somebody has to come back for.
                if is_turn {
                    self.ask_back(queue, now_ms).await?;
                }
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Has somebody come back when the line may be shown again.
    async fn ask_back(&self, queue: &Queue, now_ms: i64) -> Result<(), Fault> {
        let wake = Wake { queue: queue.id.clone(), cause: come_back(&queue.id, now_ms), delay_s: 1 };
        Ok(self.desk.queues.send(&[QueueMessage::wake(&wake)]).await?)
    }
}
