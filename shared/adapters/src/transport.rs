//! Calls of the messengers' APIs.

use std::time::Duration;

use messengers::call::{Body, Call, FilePart, GRAPH_VERSION, Host, Verb};
use messengers::telegram::{endpoint, valid_token};
use ports::{MessengerReply, MessengerTransport};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method, RequestBuilder};
use url::Url;

use crate::http;

/// How long a call may take, from the connection to the end of the answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// How much longer a call may take for each megabyte that it carries.
const TIMEOUT_A_MEGABYTE: Duration = Duration::from_millis(200);
/// The most that is read of an answer, bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Where the messengers are: their own addresses, or simulators'.
#[derive(Clone, Debug)]
pub struct BaseUrls {
    /// `https://api.telegram.org`.
    pub telegram: String,
    /// `https://graph.facebook.com`.
    pub graph: String,
    /// `https://api.twilio.com`.
    pub twilio: String,
    /// `https://messaging.twilio.com`.
    pub twilio_messaging: String,
}

/// Calls the messengers.
#[derive(Clone, Debug)]
pub struct HttpMessengers {
    client: Client,
    base_urls: BaseUrls,
}

impl HttpMessengers {
    /// A function that calls only some of them may leave the addresses of the others empty.
    pub fn new(base_urls: BaseUrls) -> Self {
        Self { client: http::client(CALL_TIMEOUT), base_urls }
    }

    /// The request, with its secret where its host wants it; `None` if it cannot be made of this secret or address.
    fn request(&self, secret: &str, call: &Call) -> Option<RequestBuilder> {
        let method = match call.verb {
            Verb::Get => Method::GET,
            Verb::Post => Method::POST,
            Verb::Delete => Method::DELETE,
        };
        let mut url = Url::parse(&self.address(secret, call)?).ok()?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let request = self.client.request(method, url);
        let request = match call.host {
            Host::Telegram => request,
            Host::Graph if secret.is_empty() => request,
            Host::Graph => request.bearer_auth(secret),
            Host::Twilio | Host::TwilioMessaging => {
                let (name, password) = secret.split_once(':')?;
                request.basic_auth(name, Some(password))
            }
        };
        with_body(request, &call.body)
    }

    fn address(&self, secret: &str, call: &Call) -> Option<String> {
        let below = |base: &str| format!("{}/{}", base.trim_end_matches('/'), call.path);
        match call.host {
            Host::Telegram => valid_token(secret).then(|| endpoint(&self.base_urls.telegram, secret, &call.path)),
            Host::Graph => Some(below(&format!("{}/{GRAPH_VERSION}", self.base_urls.graph.trim_end_matches('/')))),
            Host::Twilio => Some(below(&self.base_urls.twilio)),
            Host::TwilioMessaging => Some(below(&self.base_urls.twilio_messaging)),
        }
    }
}

fn with_body(request: RequestBuilder, body: &Body) -> Option<RequestBuilder> {
    Some(match body {
        Body::Empty => request,
        Body::Json(value) => request.json(value),
        Body::Form(fields) => {
            let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
            request.header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form)
        }
        Body::File { fields, file } => {
            // Names go as they are: Telegram takes a part with nothing but an encoded name for no file.
            let form = Form::new().percent_encode_noop();
            let form = fields.iter().fold(form, |form, (name, value)| form.text(name.clone(), value.clone()));
            let timeout = CALL_TIMEOUT + TIMEOUT_A_MEGABYTE * megabytes(file.bytes.len());
            request.multipart(form.part(file.field, part(file)?)).timeout(timeout)
        }
    })
}

fn part(file: &FilePart) -> Option<Part> {
    Part::bytes(file.bytes.clone()).file_name(file.name.clone()).mime_str(&file.content_type).ok()
}

fn megabytes(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024 * 1024)).unwrap_or(u32::MAX)
}

impl MessengerTransport for HttpMessengers {
    async fn call(&self, secret: &str, call: &Call) -> MessengerReply {
        let Some(request) = self.request(secret, call) else {
            return MessengerReply::NotSent("the channel's secret, or the messenger's address, isn't one".into());
        };
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

    fn at(base_url: &str) -> HttpMessengers {
        let base_url = || base_url.to_owned();
        let (telegram, graph, twilio, twilio_messaging) = (base_url(), base_url(), base_url(), base_url());
        HttpMessengers::new(BaseUrls { telegram, graph, twilio, twilio_messaging })
    }

    async fn call(base_url: &str, token: &str) -> MessengerReply {
        let body = json!({"chat_id": 1, "text": "x"});
        at(base_url).call(token, &Call::json(Host::Telegram, "sendMessage", "sendMessage", body)).await
    }

    /// The request line, the headers and the body of a call, as a server gets it.
    async fn wire(secret: &str, call: &Call) -> String {
        let (url, requests) = serve(vec![Answer::json(200, "{}")]);
        assert!(matches!(at(&url).call(secret, call).await, MessengerReply::Answered { status: 200, .. }));
        requests.all().remove(0)
    }

    #[tokio::test]
    async fn graph_is_asked_by_version_with_the_token_in_a_header() {
        let query = vec![("fields", "name,id".to_owned()), ("proof", "a&b".to_owned())];
        let request = wire("page-token", &Call::get(Host::Graph, "me", "me", query)).await;
        assert!(request.starts_with("GET /v25.0/me?fields=name%2Cid&proof=a%26b HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("authorization: Bearer page-token\r\n"), "{request}");
        let request = wire("", &Call::delete(Host::Graph, "subscribed_apps", "1/subscribed_apps", vec![])).await;
        assert!(request.starts_with("DELETE /v25.0/1/subscribed_apps HTTP/1.1\r\n"), "{request}");
        assert!(!request.contains("authorization"), "{request}");
    }

    #[tokio::test]
    async fn twilio_is_asked_with_name_and_password_and_takes_forms() {
        let fields = vec![("To".to_owned(), "whatsapp:+1".to_owned()), ("Body".to_owned(), "a b".to_owned())];
        for host in [Host::Twilio, Host::TwilioMessaging] {
            let request = wire("AC1:token", &Call::form(host, "Messages", "x/Messages.json", fields.clone())).await;
            assert!(request.starts_with("POST /x/Messages.json HTTP/1.1\r\n"), "{request}");
            assert!(request.contains("authorization: Basic QUMxOnRva2Vu\r\n"), "{request}");
            assert!(request.contains("content-type: application/x-www-form-urlencoded\r\n"), "{request}");
            assert!(request.ends_with("\r\n\r\nTo=whatsapp%3A%2B1&Body=a+b"), "{request}");
        }
        let call = Call::get(Host::Twilio, "Account", "x", vec![]);
        assert!(matches!(at("http://127.0.0.1:9").call("no-password", &call).await, MessengerReply::NotSent(_)));
    }

    #[tokio::test]
    async fn a_file_goes_as_a_part() {
        let file = FilePart {
            field: "document",
            name: "a.pdf".into(),
            content_type: "application/pdf".into(),
            bytes: b"%PDF-".into(),
        };
        let fields = vec![("chat_id".to_owned(), "1".to_owned())];
        let body = Body::File { fields, file };
        let call = Call { body, ..Call::json(Host::Telegram, "sendDocument", "sendDocument", json!({})) };
        let request = wire(TOKEN, &call).await;
        assert!(request.contains("content-type: multipart/form-data; boundary="), "{request}");
        assert!(request.contains("name=\"chat_id\"\r\n\r\n1\r\n"), "{request}");
        assert!(
            request.contains("name=\"document\"; filename=\"a.pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF-\r\n"),
            "{request}"
        );
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
