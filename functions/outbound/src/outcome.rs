//! Keeps what came of a hand-over: the one thing here that is lost if it is not written down now.

use std::time::Duration;

use domain::contact::Contact;
use domain::decision::Write;
use domain::delivery::{Outcome, settle, yields_to};
use domain::message::Message;
use ports::{Store, StoreError, records};

use crate::letter::read_message;

/// How often the store is asked to keep an outcome. After that the mark `sending` stands until its lease has run out, and
/// the reply becomes `unknown`.
const COMMITS_MAX: u32 = 4;
/// The wait before it is asked again; doubled each time.
const PAUSE: Duration = Duration::from_millis(100);

/// Keeps the outcome of a reply that was stored as `sending`, together with what it says of the customer. Returns the reply
/// as it is stored now.
pub(crate) async fn keep(
    store: &impl Store,
    sending: &Message,
    outcome: &Outcome,
    contact: Option<&Contact>,
    now_ms: i64,
) -> Result<Message, StoreError> {
    let mut before = sending.clone();
    let mut error = StoreError::Conflict;
    for asked in 0..COMMITS_MAX {
        if asked > 0 {
            tokio::time::sleep(PAUSE * (1 << (asked - 1))).await;
        }
        let settled = settle(&before, outcome);
        let mut writes = vec![Write::Message(settled.clone())];
        writes.extend(contact.cloned().map(Write::Contact));
        error = match store.commit(&records::rows(&writes, now_ms)).await {
            Ok(()) => return Ok(settled),
            Err(error @ StoreError::ConditionFailed(_)) => match stored_now(store, &settled, outcome).await {
                Ok(Stored::Unsettled(stored)) => {
                    before = stored;
                    error
                }
                Ok(Stored::Settled(stored)) => return Ok(stored),
                Err(error) => error,
            },
            Err(error) if error.is_transient() => error,
            Err(error) => return Err(error),
        };
    }
    Err(error)
}

/// How a reply is stored whose outcome could not be written over what was expected to be there.
enum Stored {
    /// The outcome is still to be written down, over this.
    Unsettled(Message),
    /// It is there already (the answer to its commit was lost), or has been overtaken by its operator's next try.
    Settled(Message),
}

async fn stored_now(store: &impl Store, settled: &Message, outcome: &Outcome) -> Result<Stored, StoreError> {
    let Some(stored) = read_message(store, &settled.chat, settled.seq).await? else {
        return Err(StoreError::Refused("a reply that was being sent is gone".to_owned()));
    };
    let open = yields_to(&stored, outcome) && stored != *settled;
    Ok(if open { Stored::Unsettled(stored) } else { Stored::Settled(stored) })
}
