//! SQLite's errors as errors of an adapter.

use std::sync::Arc;

use faroe_core::error::AdapterError;
use rusqlite::{Error, ErrorCode, ffi};

const FOREIGN_KEY: &str = "FOREIGN KEY constraint failed";

/// Converts an error of SQLite into the failure of `operation`.
///
/// A constraint or a trigger that does not accept a row makes a [refusal](AdapterError::refusal).
///
/// SQLite's own messages name tables and columns, never values. The message of a trigger may be anything and is left out, and
/// so is the statement that a message is about.
pub fn sqlite_error(operation: &'static str, error: Error) -> AdapterError {
    if is_refusal(&error) {
        AdapterError::refusal(operation, plain(error))
    } else {
        AdapterError::new(operation, plain(error))
    }
}

fn is_refusal(error: &Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig)
    )
}

pub(crate) fn shared(operation: &'static str, error: Arc<Error>) -> AdapterError {
    match Arc::try_unwrap(error) {
        Ok(error) => sqlite_error(operation, error),
        Err(error) if is_refusal(&error) => AdapterError::refusal(operation, error),
        Err(error) => AdapterError::new(operation, error),
    }
}

pub(crate) fn plain(error: Error) -> Error {
    match error {
        Error::SqliteFailure(cause, message)
            if cause.extended_code == ffi::SQLITE_CONSTRAINT_TRIGGER =>
        {
            // `ON DELETE RESTRICT` is a trigger of SQLite's own.
            let message = message.filter(|message| message == FOREIGN_KEY);
            Error::SqliteFailure(cause, message)
        }
        Error::SqlInputError { error, msg, .. } => Error::SqliteFailure(error, Some(msg)),
        error => error,
    }
}

/// Checks whether another connection holds a lock that is needed.
pub(crate) fn is_busy(error: &Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}
