//! The client of a remote action invocation endpoint.

use std::{error::Error, fmt, fmt::Debug, time::Duration};

use async_trait::async_trait;

use crate::error::AdapterError;

/// Sends requests to an action invocation endpoint.
///
/// # Contract
///
/// `Ok` is the body of an HTTP 200, at most 1 MiB. Any other status is an `Err`.
///
/// # Errors
///
/// [`SendError`] distinguishes requests that may be sent again from requests that may have had an effect. In doubt,
/// return [`SendError::NoAnswer`].
///
/// # Concurrency
///
/// Called from many tasks at once. Every call ends within a bounded time.
///
/// # Implementing
///
/// Send the body unchanged with POST, with the credentials that the endpoint requires. Follow no redirect. Send each
/// request at most once.
#[async_trait]
pub trait ActionInvocationEndpointClient: Debug + Send + Sync + 'static {
    /// Sends a request body and returns the response body.
    async fn send(&self, body: String) -> Result<Vec<u8>, SendError>;
}

const _OBJECT_SAFE: Option<&dyn ActionInvocationEndpointClient> = None;

/// The error of a request that returned no response body.
#[derive(Debug)]
pub enum SendError {
    /// Nothing was invoked: the connection failed, or the endpoint rejected the request (any 4xx except 408).
    NotInvoked(AdapterError),
    /// The server is overloaded (503). Nothing was invoked.
    Overloaded {
        /// The time that the server asks to wait before the next attempt, if given.
        retry_after: Option<Duration>,
    },
    /// The outcome is unknown: no answer came in time, or one other than a 200.
    NoAnswer(AdapterError),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInvoked(_) => f.write_str("the endpoint was not reached"),
            Self::Overloaded { .. } => f.write_str("the server is overloaded"),
            Self::NoAnswer(_) => f.write_str("the endpoint did not answer"),
        }
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotInvoked(error) | Self::NoAnswer(error) => Some(error),
            Self::Overloaded { .. } => None,
        }
    }
}
