//! A hook before each invocation.

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;
use axum::{http::request::Parts, response::Response};

use crate::TooManyRequests;

/// Decides whether a request may invoke an action.
///
/// # Contract
///
/// It is asked after the body was found to be a request, and before anything is invoked. The action's name is what the
/// caller has sent: there need not be such an action. Everything that the request brings besides its body is in the parts:
/// headers, and in the extensions what other layers have put there, the client's address for example.
///
/// # Errors
///
/// A [`Refusal`] says what is answered.
///
/// # Concurrency
///
/// Called from many tasks at once. The endpoint's request timeout goes on while it decides.
#[async_trait]
pub trait InvocationGuard: Debug + Send + Sync + 'static {
    /// Lets the request pass, or answers it.
    async fn check(&self, action: &str, parts: &Parts) -> Result<(), Refusal>;
}

const _OBJECT_SAFE: Option<&dyn InvocationGuard> = None;

/// Why a request may not invoke an action.
#[derive(Debug)]
pub enum Refusal {
    /// It is answered with this: a 401 or a 403, for example. Only a 200 carries a result, so it must be none.
    Response(Response),
    /// The client has tried too often. An action that has the error code `rate_limited` answers that, as if the server itself
    /// had counted; else the answer is a 429 with `Retry-After`. The connection can be used again.
    RateLimited {
        /// How long to wait before trying again.
        retry_after: Duration,
    },
}

impl From<Response> for Refusal {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}

impl From<TooManyRequests> for Refusal {
    fn from(TooManyRequests { retry_after }: TooManyRequests) -> Self {
        Self::RateLimited { retry_after }
    }
}
