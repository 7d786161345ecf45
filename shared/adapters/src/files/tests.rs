use aws_credential_types::Credentials as Given;

use super::*;
use crate::test_server::{Answer, serve};

fn at(endpoint: Option<&str>) -> S3Files {
    let token = Some("session-token".to_owned());
    let given = Given::new("AKIDEXAMPLE", "hush", token, None, "test");
    S3Files::new(endpoint, "eu-central-1", "files", SharedCredentialsProvider::new(given))
}

fn key(text: &str) -> FileKey {
    text.to_owned().try_into().unwrap()
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Answer {
    Answer::Http(format!("{status}\r\nx-test: 1{headers}"), body.to_vec())
}

fn error(status: &str, code: &str) -> Answer {
    answer(status, "", format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>").as_bytes())
}

#[tokio::test]
async fn at_aws_the_bucket_is_a_host_and_elsewhere_a_path() {
    let link = |endpoint| async move {
        let served = Served { content_type: "image/png", name: "a b.png", inline: true };
        Url::parse(&at(endpoint).link(&key("in/c.1/2"), &served, 300).await.unwrap()).unwrap()
    };
    let aws = link(None).await;
    assert_eq!(aws.as_str().split('?').next(), Some("https://files.s3.eu-central-1.amazonaws.com/in/c.1/2"));
    let local = link(Some("http://127.0.0.1:4566")).await;
    assert_eq!(local.as_str().split('?').next(), Some("http://127.0.0.1:4566/files/in/c.1/2"));
    let query = |name: &str| aws.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned());
    assert_eq!(query("response-content-type").as_deref(), Some("image/png"));
    let disposition = "inline; filename=\"a b.png\"; filename*=UTF-8''a%20b.png";
    assert_eq!(query("response-content-disposition").as_deref(), Some(disposition));
    assert_eq!(query("X-Amz-Expires").as_deref(), Some("300"));
    assert_eq!(query("X-Amz-Security-Token").as_deref(), Some("session-token"));
    assert!(query("X-Amz-Signature").is_some_and(|signature| signature.len() == 64));
    assert!(!aws.as_str().contains("hush"));
}

#[test]
fn a_name_cannot_leave_its_header() {
    assert_eq!(disposition("a.pdf", false), "attachment; filename=\"a.pdf\"; filename*=UTF-8''a.pdf");
    assert_eq!(
        disposition("ü\"\r\n;*'x.pdf", false),
        "attachment; filename=\"______x.pdf\"; filename*=UTF-8''%C3%BC%22%0D%0A%3B%2A%27x.pdf"
            .replace("______", "_______")
    );
}

#[tokio::test]
async fn an_upload_is_signed_with_its_length_and_type() {
    let slot = at(None).slot(&key("up/c.1/ann/x"), "application/pdf", 1234, 300).await.unwrap();
    assert_eq!(slot.headers, [("content-type".to_owned(), "application/pdf".to_owned())]);
    assert!(slot.url.contains("X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost"), "{}", slot.url);
    assert!(slot.url.contains("X-Amz-Expires=300"));
    let other = at(None).slot(&key("up/c.1/ann/x"), "application/pdf", 1235, 300).await.unwrap();
    let signature = |url: &str| url.rsplit_once("X-Amz-Signature=").unwrap().1.to_owned();
    assert_ne!(signature(&slot.url), signature(&other.url));
}

#[tokio::test]
async fn an_object_is_put_with_its_type() {
    let (url, requests) = serve(vec![answer("200 OK", "", b"")]);
    at(Some(&url)).put(&key("in/c.1/2"), "image/png", b"PNG".to_vec()).await.unwrap();
    let request = requests.all().remove(0);
    assert!(request.starts_with("PUT /files/in/c.1/2?"), "{request}");
    assert!(request.contains("content-type: image/png\r\n") && request.contains("content-length: 3\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\nPNG"), "{request}");
}

#[tokio::test]
async fn the_beginning_of_an_object_tells_its_size_and_type() {
    let part = "\r\ncontent-range: bytes 0-3/99\r\ncontent-type: image/png\r\netag: \"e1\"";
    let (url, requests) = serve(vec![answer("206 Partial Content", part, b"abcd")]);
    let object = at(Some(&url)).get(&key("up/a"), 4).await.unwrap().unwrap();
    let (content_type, etag) = ("image/png".to_owned(), "\"e1\"".to_owned());
    assert_eq!(object, Object { bytes: b"abcd".to_vec(), size_bytes: 99, content_type, etag });
    assert!(requests.all()[0].contains("range: bytes=0-3\r\n"));

    let (url, _) = serve(vec![answer("200 OK", "", b"abcd")]);
    assert_eq!(at(Some(&url)).get(&key("up/a"), 9).await.unwrap().unwrap().size_bytes, 4);
    let (url, _) = serve(vec![error("416 Range Not Satisfiable", "InvalidRange")]);
    assert_eq!(at(Some(&url)).get(&key("up/a"), 9).await.unwrap().unwrap().size_bytes, 0);
    let (url, _) = serve(vec![error("404 Not Found", "NoSuchKey")]);
    assert_eq!(at(Some(&url)).get(&key("up/a"), 9).await, Ok(None));
    let (url, _) = serve(vec![error("403 Forbidden", "AccessDenied")]);
    let denied = FileError::Unavailable("403 Forbidden AccessDenied".to_owned());
    assert_eq!(at(Some(&url)).get(&key("up/a"), 9).await, Err(denied));
}

#[tokio::test]
async fn a_copy_is_of_the_very_object_that_was_looked_at() {
    let copied = || answer("200 OK", "", b"<CopyObjectResult><ETag>x</ETag></CopyObjectResult>");
    let copy = |answer: Answer| async move {
        let (url, requests) = serve(vec![answer]);
        let result = at(Some(&url)).copy(&key("up/a"), "\"e1\"", &key("out/a"), "image/png").await;
        (result, requests.all().remove(0))
    };
    let (result, request) = copy(copied()).await;
    assert_eq!(result, Ok(()));
    assert!(request.starts_with("PUT /files/out/a?"), "{request}");
    for header in [
        "x-amz-copy-source: /files/up/a",
        "x-amz-copy-source-if-match: \"e1\"",
        "x-amz-metadata-directive: REPLACE",
        "content-type: image/png",
        "content-length: 0",
    ] {
        assert!(request.contains(&format!("{header}\r\n")), "{header}: {request}");
    }
    let signed = "content-type%3Bhost%3Bx-amz-copy-source%3Bx-amz-copy-source-if-match%3Bx-amz-metadata-directive";
    assert!(request.contains(signed), "{request}");
    assert_eq!(copy(error("412 Precondition Failed", "PreconditionFailed")).await.0, Err(FileError::Changed));
    assert_eq!(copy(error("404 Not Found", "NoSuchKey")).await.0, Err(FileError::Changed));
    let late = FileError::Unavailable("InternalError".to_owned());
    assert_eq!(copy(error("200 OK", "InternalError")).await.0, Err(late));
}

#[tokio::test]
async fn what_is_absent_is_removed() {
    for status in ["204 No Content", "404 Not Found"] {
        let (url, requests) = serve(vec![answer(status, "", b"")]);
        assert_eq!(at(Some(&url)).delete(&key("up/a")).await, Ok(()));
        assert!(requests.all()[0].starts_with("DELETE /files/up/a?"));
    }
}

#[tokio::test]
async fn a_request_is_sent_once_more_and_then_fails_without_its_signature() {
    let (url, requests) = serve(vec![error("503 Slow Down", "SlowDown"), answer("204 No Content", "", b"")]);
    assert_eq!(at(Some(&url)).delete(&key("up/a")).await, Ok(()));
    assert_eq!(requests.all().len(), 2);

    let (url, requests) = serve(vec![Answer::Cut(b""), Answer::Cut(b"")]);
    match at(Some(&url)).delete(&key("up/a")).await {
        Err(FileError::Unavailable(text)) => assert!(!text.contains("X-Amz"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(requests.all().len(), 2);
}
