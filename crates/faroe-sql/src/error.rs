//! Errors of the driver.

use std::{io, time::Duration};

use sqlx::{Error, error::DatabaseError};
use tokio::time::timeout;

/// Waits for a call, and fails when the timeout has passed.
///
/// # Errors
///
/// Those of the call, and [`Error::Io`] with [`io::ErrorKind::TimedOut`].
pub async fn bounded<T>(
    duration: Duration,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    timeout(duration, call).await.unwrap_or_else(|_| {
        let kind = io::ErrorKind::TimedOut;
        Err(io::Error::new(kind, "the server did not answer in time").into())
    })
}

/// Checks whether a connection can be used again after this error. Of an error of the database itself, `goes_on` decides.
pub fn leaves_connection_intact(
    error: &Error,
    goes_on: impl FnOnce(&dyn DatabaseError) -> bool,
) -> bool {
    match error {
        Error::Database(error) => goes_on(&**error),
        Error::ColumnDecode { .. } | Error::ColumnNotFound(_) | Error::RowNotFound => true,
        _ => false,
    }
}

/// Checks whether the server may only be away for the moment: nothing listens, or there was no answer. A failure of TLS does
/// not pass.
pub fn is_unavailable(error: &Error) -> bool {
    match error {
        Error::Io(error) => error.kind() != io::ErrorKind::InvalidData,
        Error::PoolTimedOut => true,
        _ => false,
    }
}

/// Describes an error that is not of the database itself, without the values that a caller sent. The advice follows an
/// error of TLS.
pub fn describe(error: &Error, tls_advice: &str) -> String {
    match error {
        Error::Io(error) => format!("connection failed: {error}"),
        Error::Tls(error) => format!("TLS failed: {error}; {tls_advice}"),
        Error::PoolTimedOut => "no connection became free or could be opened in time".into(),
        Error::PoolClosed => "the pool of connections is closed".into(),
        Error::ColumnDecode { index, source } => format!("column {index}: {source}"),
        Error::Protocol(_) => "the server's answer is malformed".into(),
        _ => "the driver failed".into(),
    }
}
