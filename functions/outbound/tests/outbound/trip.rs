//! Ports that stop the handler at a chosen call: it dies there, or the call fails.

use std::cell::Cell;
use std::panic::resume_unwind;
use std::rc::Rc;

use messengers::call::Call;
use ports::secrets::Secret;
use ports::store::{Key, Page, Query, Row, Write};
use ports::{
    MessengerReply, MessengerTransport, Push, PushError, QueueError, Queues, SecretError, Secrets, Store, StoreError,
    Visibility,
};
use wire::queues::QueueMessage;

/// How the chosen call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trip {
    /// The process is gone before it.
    DiesBefore,
    /// It was carried out, then the process is gone.
    DiesAfter,
    /// It fails, and was not carried out.
    FailsBefore,
    /// It fails, and was carried out (a lost answer).
    FailsAfter,
}

impl Trip {
    pub(crate) const ALL: [Self; 4] = [Self::DiesBefore, Self::DiesAfter, Self::FailsBefore, Self::FailsAfter];
}

/// Counts the calls of all ports together.
#[derive(Clone, Debug)]
pub(crate) struct Wire(Rc<Cell<u32>>, Trip);

impl Wire {
    /// Trips at the call of this number, counted from 1.
    pub(crate) fn at(call: u32, trip: Trip) -> Self {
        Self(Rc::new(Cell::new(call)), trip)
    }

    /// Whether that call has come.
    pub(crate) fn has_tripped(&self) -> bool {
        self.0.get() == 0
    }

    async fn pass<T>(&self, call: impl Future<Output = T>, fails: impl FnOnce() -> T) -> T {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        if left != 1 {
            return call.await;
        }
        match self.1 {
            Trip::DiesBefore => die(),
            Trip::DiesAfter => {
                call.await;
                die()
            }
            Trip::FailsBefore => fails(),
            Trip::FailsAfter => {
                call.await;
                fails()
            }
        }
    }
}

/// A panic that says nothing on the test's own error output.
fn die() -> ! {
    resume_unwind(Box::new("tripped"))
}

/// A port on the wire.
pub(crate) struct On<T>(pub(crate) T, pub(crate) Wire);

impl<T: Store> Store for On<T> {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, StoreError> {
        self.1.pass(self.0.get(keys), || Err(StoreError::Unavailable("tripped".into()))).await
    }
    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.1.pass(self.0.query(query), || Err(StoreError::Unavailable("tripped".into()))).await
    }
    async fn commit(&self, writes: &[Write]) -> Result<(), StoreError> {
        self.1.pass(self.0.commit(writes), || Err(StoreError::Unavailable("tripped".into()))).await
    }
}

impl<T: Queues> Queues for On<T> {
    async fn send(&self, messages: &[QueueMessage]) -> Result<(), QueueError> {
        self.1.pass(self.0.send(messages), || Err(QueueError::Unavailable("tripped".into()))).await
    }
}

impl<T: Visibility> Visibility for On<T> {
    async fn come_back_in(&self, queue_arn: &str, receipt_handle: &str, seconds: u32) -> Result<(), QueueError> {
        let call = self.0.come_back_in(queue_arn, receipt_handle, seconds);
        self.1.pass(call, || Err(QueueError::Unavailable("tripped".into()))).await
    }
}

impl<T: Push> Push for On<T> {
    async fn post(&self, connection: &str, frame: &str) -> Result<(), PushError> {
        self.1.pass(self.0.post(connection, frame), || Err(PushError::Failed("tripped".into()))).await
    }
    async fn close(&self, connection: &str) -> Result<(), PushError> {
        self.1.pass(self.0.close(connection), || Err(PushError::Failed("tripped".into()))).await
    }
}

impl<T: MessengerTransport> MessengerTransport for On<T> {
    async fn call(&self, token: &str, call: &Call) -> MessengerReply {
        let trip = self.1.1;
        let fails = || match trip {
            Trip::FailsBefore => MessengerReply::NotSent("tripped".into()),
            _ => MessengerReply::Unknown("tripped".into()),
        };
        self.1.pass(self.0.call(token, call), fails).await
    }
}

impl<T: Secrets> Secrets for On<T> {
    async fn stack_key(&self) -> Result<Secret, SecretError> {
        self.1.pass(self.0.stack_key(), || Err(SecretError::Unavailable("tripped".into()))).await
    }
    async fn channel_token(&self, channel: &str) -> Result<Secret, SecretError> {
        self.1.pass(self.0.channel_token(channel), || Err(SecretError::Unavailable("tripped".into()))).await
    }
    async fn channel_token_now(&self, channel: &str) -> Result<Secret, SecretError> {
        self.1.pass(self.0.channel_token_now(channel), || Err(SecretError::Unavailable("tripped".into()))).await
    }
    async fn put_channel_token(&self, channel: &str, token: &Secret) -> Result<(), SecretError> {
        self.0.put_channel_token(channel, token).await
    }
    async fn delete_channel_token(&self, channel: &str) -> Result<(), SecretError> {
        self.0.delete_channel_token(channel).await
    }
}
