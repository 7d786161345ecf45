//! The bucket, by addresses signed here: what our own HTTP client asks for is what a browser may be given to ask for.

use std::time::Duration;

use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use domain::file::FileKey;
use ports::files::{FileError, Files, Object, Served, Slot};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, RANGE};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use url::Url;

use crate::http;

/// How long a request may take that carries next to nothing.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// How much longer it may take for each megabyte that it carries or moves.
const TIMEOUT_A_MEGABYTE: Duration = Duration::from_millis(250);
/// How often one request is sent at most.
const ATTEMPTS_MAX: u32 = 2;
/// For how long a request of our own is signed.
const SIGNED_FOR: Duration = Duration::from_mins(1);
/// How long a copy may take.
const COPY_TIMEOUT: Duration = Duration::from_secs(8);
/// The most that is read of an answer that is no object, bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The bucket.
#[derive(Clone, Debug)]
pub struct S3Files {
    client: Client,
    bucket: Bucket,
    credentials: SharedCredentialsProvider,
}

impl S3Files {
    /// The bucket of this name: at AWS by a host of its own, at another end point (a local AWS) by its path.
    pub fn new(endpoint: Option<&str>, region: &str, bucket: &str, credentials: SharedCredentialsProvider) -> Self {
        let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let aws = format!("https://s3.{region}.{suffix}");
        let style = if endpoint.is_some() { UrlStyle::Path } else { UrlStyle::VirtualHost };
        let endpoint = Url::parse(endpoint.unwrap_or(&aws)).expect("the end point of S3 is an address");
        let bucket = Bucket::new(endpoint, style, bucket.to_owned(), region.to_owned()).expect("a bucket has a name");
        Self { client: http::client(CALL_TIMEOUT), bucket, credentials }
    }

    async fn credentials(&self) -> Result<Credentials, FileError> {
        let found = self.credentials.provide_credentials().await;
        // The error of the SDK names what was looked for, and no secret.
        let found = found.map_err(|error| FileError::Unavailable(error.to_string()))?;
        let (key, secret) = (found.access_key_id(), found.secret_access_key());
        Ok(match found.session_token() {
            Some(token) => Credentials::new_with_token(key, secret, token),
            None => Credentials::new(key, secret),
        })
    }

    /// Sends a request; once more if nobody answered, or S3 asks to. All of them may be repeated.
    async fn send(&self, request: RequestBuilder) -> Result<Response, FileError> {
        let mut attempt = 1;
        loop {
            let this = request.try_clone().expect("bodies are in memory");
            match this.send().await {
                Ok(response) if response.status().is_server_error() && attempt < ATTEMPTS_MAX => {}
                Ok(response) => return Ok(response),
                Err(_) if attempt < ATTEMPTS_MAX => {}
                Err(error) => return Err(FileError::Unavailable(http::explain(error))),
            }
            attempt += 1;
        }
    }
}

/// Signs an action with these headers; the request has to carry them.
fn signed<'a>(mut action: impl S3Action<'a>, headers: &'a [(&'a str, String)], seconds: Duration) -> Url {
    for (name, value) in headers {
        action.headers_mut().insert(*name, value.as_str());
    }
    action.sign(seconds)
}

fn with_headers(request: RequestBuilder, headers: &[(&str, String)]) -> RequestBuilder {
    headers.iter().fold(request, |request, (name, value)| request.header(*name, value))
}

fn timeout_for(bytes: u64) -> Duration {
    CALL_TIMEOUT + TIMEOUT_A_MEGABYTE * u32::try_from(bytes.div_ceil(1024 * 1024)).unwrap_or(u32::MAX)
}

/// An answer that was not hoped for. Its body says which error; it holds no secret.
async fn unexpected(response: Response) -> FileError {
    let status = response.status();
    let body = http::body(response, ANSWER_BYTES_MAX).await.unwrap_or_default();
    FileError::Unavailable(format!("{status} {}", error_code(&body).unwrap_or_default()))
}

/// The code of an error of S3's: `<Code>NoSuchKey</Code>`.
fn error_code(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, code) = text.split_once("<Code>")?;
    let code = code.split_once("</Code>")?.0;
    Some(code.chars().take(64).filter(char::is_ascii_alphanumeric).collect())
}

fn header(headers: &HeaderMap, name: &reqwest::header::HeaderName) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// The size of the whole, of an answer with all of it or a part (`bytes 0-99/1234`).
fn whole_size(headers: &HeaderMap, received: usize) -> u64 {
    let of_range = header(headers, &CONTENT_RANGE);
    let total = of_range.rsplit_once('/').map(|(_, total)| total.to_owned());
    let size = total.unwrap_or_else(|| header(headers, &CONTENT_LENGTH));
    size.parse().unwrap_or(received as u64)
}

/// `inline` or `attachment`, with the name in the two forms of RFC 6266: one for all, one for those who know more than ASCII.
fn disposition(name: &str, inline: bool) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ' ') { c } else { '_' };
    let ascii: String = name.chars().map(plain).collect();
    let how = if inline { "inline" } else { "attachment" };
    let encoded = url::form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20");
    format!("{how}; filename=\"{ascii}\"; filename*=UTF-8''{}", encoded.replace('*', "%2A"))
}

impl Files for S3Files {
    async fn put(&self, key: &FileKey, content_type: &str, bytes: Vec<u8>) -> Result<(), FileError> {
        let credentials = self.credentials().await?;
        let headers = [("content-type", content_type.to_owned())];
        let url = signed(self.bucket.put_object(Some(&credentials), key.as_str()), &headers, SIGNED_FOR);
        let timeout = timeout_for(bytes.len() as u64);
        let request = self.client.put(url).header(CONTENT_LENGTH, bytes.len()).body(bytes).timeout(timeout);
        let response = self.send(with_headers(request, &headers)).await?;
        if response.status().is_success() { Ok(()) } else { Err(unexpected(response).await) }
    }

    async fn get(&self, key: &FileKey, bytes_max: u64) -> Result<Option<Object>, FileError> {
        let credentials = self.credentials().await?;
        let url = self.bucket.get_object(Some(&credentials), key.as_str()).sign(SIGNED_FOR);
        let last = bytes_max.saturating_sub(1);
        let request = self.client.get(url).header(RANGE, format!("bytes=0-{last}")).timeout(timeout_for(bytes_max));
        let response = self.send(request).await?;
        match response.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => {}
            StatusCode::NOT_FOUND => return Ok(None),
            // There is no first byte.
            StatusCode::RANGE_NOT_SATISFIABLE => {
                let (content_type, etag) = (String::new(), String::new());
                return Ok(Some(Object { bytes: Vec::new(), size_bytes: 0, content_type, etag }));
            }
            _ => return Err(unexpected(response).await),
        }
        let headers = response.headers().clone();
        let cap = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        let bytes = http::body(response, cap).await.map_err(|error| FileError::Unavailable(http::explain(error)))?;
        let size_bytes = whole_size(&headers, bytes.len());
        if (bytes.len() as u64) < size_bytes.min(bytes_max) {
            return Err(FileError::Unavailable("an object was cut off".to_owned()));
        }
        let (content_type, etag) = (header(&headers, &CONTENT_TYPE), header(&headers, &ETAG));
        Ok(Some(Object { bytes, size_bytes, content_type, etag }))
    }

    async fn copy(&self, from: &FileKey, etag: &str, to: &FileKey, content_type: &str) -> Result<(), FileError> {
        let credentials = self.credentials().await?;
        let headers = [
            ("content-type", content_type.to_owned()),
            ("x-amz-copy-source", format!("/{}/{from}", self.bucket.name())),
            ("x-amz-copy-source-if-match", etag.to_owned()),
            ("x-amz-metadata-directive", "REPLACE".to_owned()),
        ];
        let url = signed(self.bucket.put_object(Some(&credentials), to.as_str()), &headers, SIGNED_FOR);
        let request = self.client.request(Method::PUT, url).header(CONTENT_LENGTH, 0).timeout(COPY_TIMEOUT);
        let response = self.send(with_headers(request, &headers)).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::PRECONDITION_FAILED | StatusCode::NOT_FOUND => return Err(FileError::Changed),
            _ => return Err(unexpected(response).await),
        }
        // A copy that fails under way says so in an answer that began with 200.
        let body = http::body(response, ANSWER_BYTES_MAX).await;
        let body = body.map_err(|error| FileError::Unavailable(http::explain(error)))?;
        match error_code(&body) {
            None => Ok(()),
            Some(code) => Err(FileError::Unavailable(code)),
        }
    }

    async fn delete(&self, key: &FileKey) -> Result<(), FileError> {
        let credentials = self.credentials().await?;
        let url = self.bucket.delete_object(Some(&credentials), key.as_str()).sign(SIGNED_FOR);
        let response = self.send(self.client.delete(url)).await?;
        if response.status().is_success() || response.status() == StatusCode::NOT_FOUND {
            Ok(())
        } else {
            Err(unexpected(response).await)
        }
    }

    async fn link(&self, key: &FileKey, served: &Served<'_>, seconds: u32) -> Result<String, FileError> {
        let credentials = self.credentials().await?;
        let disposition = disposition(served.name, served.inline);
        let mut action = self.bucket.get_object(Some(&credentials), key.as_str());
        action.query_mut().insert("response-content-type", served.content_type);
        action.query_mut().insert("response-content-disposition", disposition.as_str());
        Ok(action.sign(Duration::from_secs(seconds.into())).to_string())
    }

    async fn slot(&self, key: &FileKey, content_type: &str, size_bytes: u64, seconds: u32) -> Result<Slot, FileError> {
        let credentials = self.credentials().await?;
        // A browser sends the length by itself, and lets no page set it: it is signed, and not among the headers to set.
        let headers = [("content-length", size_bytes.to_string()), ("content-type", content_type.to_owned())];
        let action = self.bucket.put_object(Some(&credentials), key.as_str());
        let url = signed(action, &headers, Duration::from_secs(seconds.into())).to_string();
        Ok(Slot { url, headers: vec![("content-type".to_owned(), content_type.to_owned())] })
    }
}

#[cfg(test)]
mod tests;
