//! DynamoDB's errors, as the port tells them apart.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html> and, for the reasons
//! of a cancelled transaction, the reference of `TransactWriteItems`.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;
use ports::StoreError;

use crate::fault;

/// The error of a request that is no transaction.
pub(super) fn of<E, R>(error: &SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    of_code(fault::code(error).unwrap_or_default(), fault::text(error))
}

/// The error of a transaction.
pub(super) fn of_transaction<R>(error: &SdkError<TransactWriteItemsError, R>) -> StoreError
where
    R: std::fmt::Debug + 'static,
{
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            of_reasons(cancelled.cancellation_reasons(), || fault::text(error))
        }
        _ => of(error),
    }
}

/// A mistake of the request is told from one of the set-up (no such table, no permission), which may be mended: what can
/// never succeed is parked by its handler, and a message must not be lost to a missing permission.
fn of_code(code: &str, text: String) -> StoreError {
    match code {
        "ConditionalCheckFailedException" => StoreError::ConditionFailed(vec![0]),
        "TransactionConflictException" | "TransactionInProgressException" => StoreError::Conflict,
        "ProvisionedThroughputExceededException" | "ThrottlingException" | "Throttling" | "RequestLimitExceeded" => {
            StoreError::Throttled
        }
        "ValidationException"
        | "SerializationException"
        | "ItemCollectionSizeLimitExceededException"
        | "IdempotentParameterMismatchException" => StoreError::Refused(text),
        _ => StoreError::Unavailable(text),
    }
}

/// A failed condition outweighs the rest: who loads again sees what all the others saw.
fn of_reasons(reasons: &[CancellationReason], text: impl FnOnce() -> String) -> StoreError {
    let codes: Vec<&str> = reasons.iter().map(|reason| reason.code().unwrap_or("None")).collect();
    let has = |wanted: &[&str]| codes.iter().any(|code| wanted.contains(code));
    let failed: Vec<usize> =
        codes.iter().enumerate().filter(|(_, code)| **code == "ConditionalCheckFailed").map(|(at, _)| at).collect();
    if !failed.is_empty() {
        StoreError::ConditionFailed(failed)
    } else if has(&["ValidationError", "ItemCollectionSizeLimitExceeded"]) {
        StoreError::Refused(first_message(reasons).unwrap_or_else(text))
    } else if has(&["TransactionConflict"]) {
        StoreError::Conflict
    } else if has(&["ThrottlingError", "ProvisionedThroughputExceeded"]) {
        StoreError::Throttled
    } else {
        StoreError::Unavailable(text())
    }
}

fn first_message(reasons: &[CancellationReason]) -> Option<String> {
    reasons.iter().find_map(CancellationReason::message).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        let check = |code: &str, error: StoreError| assert_eq!(of_code(code, "text".into()), error, "{code}");
        let (refused, unavailable) = (StoreError::Refused("text".into()), StoreError::Unavailable("text".into()));
        check("ConditionalCheckFailedException", StoreError::ConditionFailed(vec![0]));
        check("TransactionConflictException", StoreError::Conflict);
        check("TransactionInProgressException", StoreError::Conflict);
        check("ProvisionedThroughputExceededException", StoreError::Throttled);
        check("ThrottlingException", StoreError::Throttled);
        check("RequestLimitExceeded", StoreError::Throttled);
        check("ValidationException", refused.clone());
        check("ItemCollectionSizeLimitExceededException", refused);
        for code in ["InternalServerError", "ResourceNotFoundException", "AccessDeniedException", "New", ""] {
            check(code, unavailable.clone());
        }
    }

    #[test]
    fn reasons_of_a_cancelled_transaction() {
        let check = |codes: &[&str], error: StoreError| {
            let reason = |code: &&str| CancellationReason::builder().code(*code).build();
            let reasons: Vec<_> = codes.iter().map(reason).collect();
            assert_eq!(of_reasons(&reasons, || "text".into()), error, "{codes:?}");
        };
        check(&["None", "ConditionalCheckFailed"], StoreError::ConditionFailed(vec![1]));
        check(&["ConditionalCheckFailed", "None", "ConditionalCheckFailed"], StoreError::ConditionFailed(vec![0, 2]));
        check(&["TransactionConflict", "ConditionalCheckFailed"], StoreError::ConditionFailed(vec![1]));
        check(&["None", "TransactionConflict"], StoreError::Conflict);
        check(&["TransactionConflict", "ThrottlingError"], StoreError::Conflict);
        check(&["ThrottlingError", "None"], StoreError::Throttled);
        check(&["None", "ProvisionedThroughputExceeded"], StoreError::Throttled);
        check(&["ValidationError", "TransactionConflict"], StoreError::Refused("text".into()));
        check(&["ItemCollectionSizeLimitExceeded"], StoreError::Refused("text".into()));
        check(&["None"], StoreError::Unavailable("text".into()));
        check(&[], StoreError::Unavailable("text".into()));
    }
}
