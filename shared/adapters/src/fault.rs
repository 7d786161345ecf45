//! What an SDK says when a request failed, in words for the log.

use std::error::Error;

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

/// The longest text of an error, characters: some quote the request.
const TEXT_CHARS_MAX: usize = 300;

/// The service's code of the error, if it was the service that answered.
pub(crate) fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// What happened: the service's code and message, or why there was no answer.
pub(crate) fn text<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let text = match error.as_service_error() {
        Some(service) if service.code().is_some() => {
            format!("{}: {}", service.code().unwrap_or_default(), service.message().unwrap_or_default())
        }
        _ => DisplayErrorContext(error).to_string(),
    };
    text.chars().take(TEXT_CHARS_MAX).collect()
}
