use std::net::TcpListener;

use domain::Provider;
use messengers::files::Source;
use ports::secrets::Secret;

use super::*;
use crate::test_server::{Answer, Requests, serve};

const PASSWORD: &str = "AC1:hush";

async fn fetch(base: &str, address: &str, within_ms: u64) -> Fetched {
    let (source, trusted) = (Source::parse(address).unwrap(), Trusted::of(Provider::Whatsapp, base));
    let (secret, bytes_max) = (Secret::new(PASSWORD), 8);
    let wanted = Wanted { source: &source, basic: Some(&secret), trusted: &trusted, bytes_max, within_ms };
    HttpDownload::new().fetch(&wanted).await
}

/// Fetches from a server that answers so; what it was asked.
async fn from(answers: Vec<Answer>) -> (Fetched, Requests) {
    let (url, requests) = serve(answers);
    (fetch(&url, &format!("{url}/a"), 5_000).await, requests)
}

fn file(bytes: &[u8]) -> Answer {
    Answer::Http("200 OK".to_owned(), bytes.to_vec())
}

fn redirect(to: &str) -> Answer {
    Answer::Http(format!("307 Temporary Redirect\r\nlocation: {to}"), Vec::new())
}

#[tokio::test]
async fn a_file_comes_up_to_the_limit() {
    for bytes in [&b""[..], b"1234567", b"12345678"] {
        assert_eq!(from(vec![file(bytes)]).await.0, Fetched::File(bytes.to_vec()));
    }
    assert_eq!(from(vec![file(b"123456789")]).await.0, Fetched::TooLarge);
    let endless = Answer::Cut(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n123456789");
    assert_eq!(from(vec![endless]).await.0, Fetched::TooLarge, "nobody announced its size");
}

#[tokio::test]
async fn other_answers_are_told_apart() {
    for (status, expected) in [
        ("404 Not Found", Fetched::NotFound),
        ("410 Gone", Fetched::NotFound),
        ("401 Unauthorized", Fetched::Status(401)),
        ("206 Partial Content", Fetched::Status(206)),
        ("302 Found", Fetched::Status(302)),
        ("503 Service Unavailable", Fetched::Status(503)),
    ] {
        assert_eq!(from(vec![Answer::Http(status.to_owned(), b"x".to_vec())]).await.0, expected);
    }
    for cut in [&b""[..], b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12"] {
        assert!(matches!(from(vec![Answer::Cut(cut)]).await.0, Fetched::Unreachable(_)));
    }
}

#[tokio::test]
async fn a_redirect_is_followed_without_the_password() {
    let (fetched, requests) = from(vec![redirect("/b?x"), redirect("c"), file(b"here")]).await;
    assert_eq!(fetched, Fetched::File(b"here".to_vec()));
    let requests = requests.all();
    assert!(requests[0].starts_with("GET /a ") && requests[0].contains("authorization: Basic QUMxOmh1c2g=\r\n"));
    assert!(requests[1].starts_with("GET /b?x ") && requests[2].starts_with("GET /c "));
    assert!(requests[1..].iter().all(|request| !request.contains("authorization")), "{requests:?}");
}

#[tokio::test]
async fn redirects_end() {
    let hops = |n: usize| (0..n).map(|_| redirect("/b")).chain([file(b"x")]).collect();
    assert_eq!(from(hops(3)).await.0, Fetched::File(b"x".to_vec()));
    assert!(matches!(from(hops(4)).await.0, Fetched::Refused(_)));
}

#[tokio::test]
async fn a_redirect_leads_nowhere_else() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let inside = format!("http://{}/latest/meta-data", listener.local_addr().unwrap());
    for to in [
        &*inside,
        "http://169.254.169.254/latest/meta-data",
        "https://169.254.169.254/",
        "https://[::ffff:7f00:1]/",
        "https://localhost/",
        "https://evil.example/",
        "file:///etc/passwd",
        "https://",
    ] {
        let (fetched, requests) = from(vec![redirect(to)]).await;
        assert!(matches!(fetched, Fetched::Refused(_)), "{to}: {fetched:?}");
        assert_eq!(requests.all().len(), 1);
    }
    assert!(listener.accept().is_err(), "nobody connected");
}

#[tokio::test]
async fn a_trusted_name_that_leads_inside_is_not_connected_to() {
    // The name of this machine, in place of a messenger's.
    let fetched = fetch("https://localhost", "https://localhost/a", 5_000).await;
    assert_eq!(fetched, Fetched::Refused("the name leads to no public address".to_owned()));
    let fetched = fetch("https://name.invalid", "https://name.invalid/a", 5_000).await;
    assert!(matches!(fetched, Fetched::Unreachable(_)), "{fetched:?}");
}

#[tokio::test]
async fn it_ends_in_time_and_tells_no_address() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    assert!(matches!(fetch(&url, &format!("{url}/hush"), 50).await, Fetched::Unreachable(_)));
    drop(silent);
    match fetch(&url, &format!("{url}/hush"), 5_000).await {
        Fetched::Unreachable(text) => assert!(!text.contains("hush"), "{text}"),
        other => panic!("{other:?}"),
    }
}
