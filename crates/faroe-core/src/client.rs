//! The way to an action invocation endpoint that is somewhere else.

use std::fmt::Debug;

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
/// `Err` means that there is no answer: whether the action was invoked is then unknown. A client repeats a request only
/// when it knows that the first one was never sent.
///
/// # Concurrency
///
/// Called from many tasks at once. Every call ends within a bounded time.
///
/// # Implementing
///
/// Send the body as it is with POST, with whatever the endpoint wants as protection; follow no redirect.
#[async_trait]
pub trait ActionInvocationEndpointClient: Debug + Send + Sync + 'static {
    /// Sends a request body and returns the response body.
    async fn send(&self, body: String) -> Result<Vec<u8>, AdapterError>;
}

const _OBJECT_SAFE: Option<&dyn ActionInvocationEndpointClient> = None;
