//! Frames to the operators' connections.

/// Why a frame did not go out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The connection is no more (410).
    #[error("connection gone")]
    Gone,
    /// Anything else. What was not pushed is caught up by the client's next `sync`.
    #[error("push failed: {0}")]
    Failed(String),
}

/// The largest frame, bytes: what is longer goes in pages (DESIGN's limit, below the service's 128 KB).
pub const FRAME_BYTES_MAX: usize = 100 * 1024;

/// Pushes to WebSocket connections.
pub trait Push {
    /// One frame, at most 100 KB of JSON text, to one connection.
    async fn post(&self, connection: &str, frame: &str) -> Result<(), PushError>;

    /// Closes a connection; one that is gone is no error.
    async fn close(&self, connection: &str) -> Result<(), PushError>;
}

impl<T: Push> Push for &T {
    async fn post(&self, connection: &str, frame: &str) -> Result<(), PushError> {
        (**self).post(connection, frame).await
    }
    async fn close(&self, connection: &str) -> Result<(), PushError> {
        (**self).close(connection).await
    }
}
