//! Shows the line of a *to all* queue to those who may take from it (Q3), at most once a second a queue (decision 8).

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

use crate::Router;

/// Between two showings of a line, milliseconds.
const SHOWINGS_MS: i64 = 1_000;

/// Whether to show a line now.
enum Turn {
    Now,
    /// One was shown a moment ago, and somebody has to come back.
    ComeBack,
    /// Somebody comes back already.
    Never,
}

impl<S: Store, Q: Queues, T: Timers, P: Push, C: Clock, V: Visibility> Router<S, Q, T, P, C, V> {
    /// Shows the head of the line to everybody available; to those without room an empty one.
    pub(crate) async fn show_line(&self, queue: &Queue, config: &Configuration) -> Result<(), Fault> {
        let now_ms = self.desk.now_ms();
        match self.turn(queue, now_ms).await? {
            Turn::Never => return Ok(()),
            Turn::ComeBack => {
                let cause = format!("line.{}.{}", queue.id, now_ms / SHOWINGS_MS);
                let wake = Wake { queue: queue.id.clone(), cause, delay_s: 1 };
                return Ok(self.desk.queues.send(&[QueueMessage::wake(&wake)]).await?);
            }
            Turn::Now => {}
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

    /// Takes its turn to show a line, in one row a queue: when it was shown last, and whether somebody comes back.
    async fn turn(&self, queue: &Queue, now_ms: i64) -> Result<Turn, StoreError> {
        let key = Key::work(format!("N#{}", queue.id), "S");
        let row = self.desk.store.get(std::slice::from_ref(&key)).await?.into_iter().next().flatten();
        let number =
            |name: &str| row.as_ref().and_then(|row| row.attributes.get(name)).and_then(serde_json::Value::as_i64);
        let (shown, awaited) = (number("shown_ms"), number("awaited_ms"));
        let recently = shown.is_some_and(|shown| now_ms - shown < SHOWINGS_MS);
        // A come-back that is long overdue was lost.
        if recently && awaited.is_some_and(|awaited| awaited > now_ms - 2 * SHOWINGS_MS && Some(awaited) > shown) {
            return Ok(Turn::Never);
        }
        let (name, turn) = if recently { ("awaited_ms", Turn::ComeBack) } else { ("shown_ms", Turn::Now) };
        let condition = shown.map_or(Condition::Absent, |shown| Condition::Is("shown_ms", json!(shown)));
        let set = Attributes::from_iter([(name.to_owned(), json!(now_ms))]);
        match self
            .desk
            .store
            .commit(&[Write::Update { key, set, remove: Vec::new(), condition: Some(condition) }])
            .await
        {
            Ok(()) => Ok(turn),
            // Another pass was faster and shows what is there; what came since, somebody has to come back for.
            Err(StoreError::ConditionFailed(_)) => Ok(Turn::ComeBack),
            Err(error) => Err(error),
        }
    }
}
