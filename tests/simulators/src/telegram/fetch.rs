//! Fetching a file that a call tells by its address.

use reqwest::header::CONTENT_TYPE;

use super::answer::ApiError;
use super::files::Upload;
use super::kinds::{self, Kind};

/// Fetches the file; the refusal says why it can't be sent.
pub(crate) async fn fetch(client: &reqwest::Client, kind: Kind, url: &str) -> Result<Upload, ApiError> {
    let failed = || ApiError::bad_request("failed to get HTTP URL content");
    let mut response = client.get(url).send().await.map_err(|_| failed())?;
    if !response.status().is_success() {
        return Err(failed());
    }
    let header = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = header.unwrap_or_default().to_owned();
    if !kind.takes_by_url(&kinds::base(&content_type)) {
        return Err(ApiError::bad_request("wrong type of the web page content"));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| failed())? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > kind.max_by_url() {
            return Err(failed());
        }
    }
    let name = response.url().path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
    let name = if name.is_empty() { "file" } else { name };
    Ok(Upload::new(name.to_owned(), content_type, bytes.into()))
}
