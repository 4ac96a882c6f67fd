//! The way to an action invocation endpoint that is somewhere else.

use std::{error::Error, fmt, fmt::Debug, time::Duration};

use async_trait::async_trait;

use crate::error::AdapterError;

/// Sends requests to an action invocation endpoint.
///
/// # Contract
///
/// `Ok` is the body of an HTTP 200, at most 1 MiB of it, and of nothing else: any other status is an `Err`.
///
/// # Errors
///
/// [`SendError`] tells apart what may be sent again from what may have had an effect. Whoever is in doubt answers
/// [`SendError::NoAnswer`].
///
/// # Concurrency
///
/// Called from many tasks at once. Every call ends within a bounded time.
///
/// # Implementing
///
/// Send the body as it is with POST, with whatever the endpoint wants as protection; follow no redirect; send a request
/// at most once.
#[async_trait]
pub trait ActionInvocationEndpointClient: Debug + Send + Sync + 'static {
    /// Sends a request body and returns the response body.
    async fn send(&self, body: String) -> Result<Vec<u8>, SendError>;
}

const _OBJECT_SAFE: Option<&dyn ActionInvocationEndpointClient> = None;

/// Why a request has no response body.
#[derive(Debug)]
pub enum SendError {
    /// Nothing was invoked: the connection could not be made, or the endpoint refused the request (any 4xx but 408).
    NotInvoked(AdapterError),
    /// The server has too much to do (503); nothing was invoked.
    Overloaded {
        /// How long the server asks to wait before the next attempt, if it says.
        retry_after: Option<Duration>,
    },
    /// Whether the action was invoked is unknown: no answer came in time, or one that is not a 200.
    NoAnswer(AdapterError),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInvoked(_) => f.write_str("the endpoint could not be asked"),
            Self::Overloaded { .. } => f.write_str("the server is overloaded"),
            Self::NoAnswer(_) => f.write_str("the endpoint gave no answer"),
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
