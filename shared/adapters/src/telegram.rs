//! Calls of Telegram's Bot API.

use std::time::Duration;

use messengers::telegram::{endpoint, valid_token};
use ports::{MessengerCall, MessengerReply, MessengerTransport};
use reqwest::Client;

use crate::http;

/// How long a call may take, from the connection to the end of the answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// The most that is read of an answer, bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Calls Telegram, or a simulator at another base URL.
#[derive(Clone, Debug)]
pub struct TelegramTransport {
    client: Client,
    base_url: String,
}

impl TelegramTransport {
    /// The base URL is `https://api.telegram.org`, or a simulator's.
    pub fn new(base_url: &str) -> Self {
        Self { client: http::client(CALL_TIMEOUT), base_url: base_url.to_owned() }
    }
}

impl MessengerTransport for TelegramTransport {
    async fn call(&self, token: &str, call: &MessengerCall) -> MessengerReply {
        if !valid_token(token) {
            return MessengerReply::NotSent("the channel's token isn't one".into());
        }
        let request = self.client.post(endpoint(&self.base_url, token, call.method)).json(&call.body);
        let response = match request.send().await {
            Ok(response) => response,
            // Without a connection, or without a request (a base URL that is none), no byte was written.
            Err(error) if error.is_connect() || error.is_builder() => {
                return MessengerReply::NotSent(http::explain(error));
            }
            Err(error) => return MessengerReply::Unknown(http::explain(error)),
        };
        let status = response.status().as_u16();
        match http::body(response, ANSWER_BYTES_MAX).await {
            Ok(body) => MessengerReply::Answered { status, body },
            Err(error) => MessengerReply::Unknown(http::explain(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    use crate::test_server::{Answer, serve};
    use serde_json::json;

    const TOKEN: &str = "1:abcdefghijklmnopqrstuvwxyz";

    async fn call(base_url: &str, token: &str) -> MessengerReply {
        let call = MessengerCall { method: "sendMessage", body: json!({"chat_id": 1, "text": "x"}) };
        TelegramTransport::new(base_url).call(token, &call).await
    }

    #[tokio::test]
    async fn a_call_is_a_post_and_every_answer_is_one() {
        for status in [200, 429, 502] {
            let (url, requests) = serve(vec![Answer::json(status, "{\"ok\":true}")]);
            assert_eq!(call(&url, TOKEN).await, MessengerReply::Answered { status, body: b"{\"ok\":true}".to_vec() });
            let request = requests.all().remove(0);
            assert!(request.starts_with(&format!("POST /bot{TOKEN}/sendMessage HTTP/1.1\r\n")), "{request}");
            assert!(request.contains("content-type: application/json"), "{request}");
            assert!(request.ends_with("\r\n\r\n{\"chat_id\":1,\"text\":\"x\"}"), "{request}");
        }
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let (url, _) = serve(vec![Answer::Http("302 Found\r\nlocation: http://127.0.0.1:1/".into(), vec![])]);
        assert_eq!(call(&url, TOKEN).await, MessengerReply::Answered { status: 302, body: vec![] });
    }

    #[tokio::test]
    async fn an_answer_is_read_to_a_limit() {
        let (url, _) = serve(vec![Answer::Http("200 OK".into(), vec![b'x'; ANSWER_BYTES_MAX + 1])]);
        let cut = MessengerReply::Answered { status: 200, body: vec![b'x'; ANSWER_BYTES_MAX] };
        assert_eq!(call(&url, TOKEN).await, cut);
    }

    #[tokio::test]
    async fn without_a_connection_nothing_was_sent_and_the_token_is_not_told() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let closed = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        for base_url in [closed.as_str(), "http://name.invalid", "not a url", "ftp://127.0.0.1"] {
            match call(base_url, TOKEN).await {
                MessengerReply::NotSent(text) => assert!(!text.contains("abcdefghij"), "{text}"),
                other => panic!("{base_url}: {other:?}"),
            }
        }
        assert!(matches!(call(&closed, "1:a/../b").await, MessengerReply::NotSent(_)));
    }

    #[tokio::test]
    async fn without_an_answer_nobody_knows_and_the_token_is_not_told() {
        for cut in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{", b"nonsense\r\n\r\n"] {
            let (url, requests) = serve(vec![Answer::Cut(cut)]);
            match call(&url, TOKEN).await {
                MessengerReply::Unknown(text) => assert!(!text.contains("abcdefghij"), "{text}"),
                other => panic!("{other:?}"),
            }
            assert_eq!(requests.all().len(), 1, "it isn't sent again by itself");
        }
    }
}
