//! Frames to operators, by the management API of the WebSocket API.

use aws_sdk_apigatewaymanagement::Client;
use aws_sdk_apigatewaymanagement::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_apigatewaymanagement::primitives::Blob;
use ports::push::FRAME_BYTES_MAX;
use ports::{Push, PushError};

use crate::fault;

/// Posts to connections and closes them.
#[derive(Clone, Debug)]
pub struct WebSocketPush(Client);

impl WebSocketPush {
    /// The client's end point is the management end point, with the stage.
    pub fn new(client: Client) -> Self {
        Self(client)
    }
}

fn failed<E, R>(error: &SdkError<E, R>) -> PushError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    match fault::code(error) {
        Some("GoneException") => PushError::Gone,
        _ => PushError::Failed(fault::text(error)),
    }
}

impl Push for WebSocketPush {
    async fn post(&self, connection: &str, frame: &str) -> Result<(), PushError> {
        if frame.len() > FRAME_BYTES_MAX {
            return Err(PushError::Failed(format!("a frame of {} bytes", frame.len())));
        }
        let post = self.0.post_to_connection().connection_id(connection).data(Blob::new(frame));
        match post.send().await {
            Ok(_) => Ok(()),
            Err(error) if status_is_gone(&error) => Err(PushError::Gone),
            Err(error) => Err(failed(&error)),
        }
    }

    async fn close(&self, connection: &str) -> Result<(), PushError> {
        match self.0.delete_connection().connection_id(connection).send().await {
            Ok(_) => Ok(()),
            Err(error) if status_is_gone(&error) => Ok(()),
            Err(error) => match failed(&error) {
                PushError::Gone => Ok(()),
                failed @ PushError::Failed(_) => Err(failed),
            },
        }
    }
}

/// A 410 without a body that names the exception is one all the same.
fn status_is_gone<E>(error: &SdkError<E>) -> bool {
    error.raw_response().is_some_and(|response| response.status().as_u16() == 410)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_apigatewaymanagement::config::retry::RetryConfig;
    use aws_sdk_apigatewaymanagement::config::{BehaviorVersion, Config, Credentials, Region};

    use crate::test_server::{Answer, serve};

    fn push(url: &str) -> WebSocketPush {
        let credentials =
            Credentials::builder().access_key_id("a").secret_access_key("b").provider_name("test").build();
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .endpoint_url(format!("{url}/prod"))
            .credentials_provider(credentials)
            .retry_config(RetryConfig::disabled())
            .build();
        WebSocketPush::new(Client::from_conf(config))
    }

    #[tokio::test]
    async fn a_frame_is_posted_to_its_connection() {
        let (url, requests) = serve(vec![Answer::json(200, ""), Answer::json(204, "")]);
        assert_eq!(push(&url).post("L0SM9cOFvHcCIhw=", "{\"é\":1}").await, Ok(()));
        assert_eq!(push(&url).close("L0SM9cOFvHcCIhw=").await, Ok(()));
        let requests = requests.all();
        assert!(requests[0].starts_with("POST /prod/@connections/L0SM9cOFvHcCIhw%3D HTTP/1.1\r\n"), "{}", requests[0]);
        assert!(requests[0].ends_with("\r\n\r\n{\"é\":1}"), "{}", requests[0]);
        assert!(
            requests[1].starts_with("DELETE /prod/@connections/L0SM9cOFvHcCIhw%3D HTTP/1.1\r\n"),
            "{}",
            requests[1]
        );
    }

    #[tokio::test]
    async fn gone_is_told_from_failed() {
        for body in ["", "{\"message\":\"Gone\"}", "{\"__type\":\"GoneException\"}"] {
            let (url, _) = serve(vec![Answer::json(410, body), Answer::json(410, body)]);
            assert_eq!(push(&url).post("c", "{}").await, Err(PushError::Gone), "{body}");
            assert_eq!(push(&url).close("c").await, Ok(()), "{body}");
        }
        for status in [403, 429, 500] {
            let (url, _) = serve(vec![Answer::json(status, "{}"), Answer::json(status, "{}")]);
            assert!(matches!(push(&url).post("c", "{}").await, Err(PushError::Failed(_))), "{status}");
            assert!(matches!(push(&url).close("c").await, Err(PushError::Failed(_))), "{status}");
        }
    }

    #[tokio::test]
    async fn a_frame_too_large_is_not_sent() {
        let (url, requests) = serve(vec![Answer::json(200, "")]);
        let frame = "x".repeat(FRAME_BYTES_MAX + 1);
        assert!(matches!(push(&url).post("c", &frame).await, Err(PushError::Failed(_))));
        assert!(requests.all().is_empty());
    }
}
