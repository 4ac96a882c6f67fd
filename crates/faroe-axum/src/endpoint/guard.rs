//! A hook before each invocation.

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;
use axum::{http::request::Parts, response::Response};

use crate::TooManyRequests;

/// Decides whether a request may invoke an action.
///
/// # Contract
///
/// Called after the body was parsed as a request, before anything is invoked. The action's name is as the caller sent it:
/// there may be no such action. The parts hold the headers, and in the extensions the values of other layers, such as the
/// client's address.
///
/// # Errors
///
/// A [`Refusal`] is the response.
///
/// # Concurrency
///
/// Called from many tasks at once. The endpoint's request timeout includes the time of the guard.
#[async_trait]
pub trait InvocationGuard: Debug + Send + Sync + 'static {
    /// Admits the request or refuses it.
    async fn check(&self, action: &str, parts: &Parts) -> Result<(), Refusal>;
}

const _OBJECT_SAFE: Option<&dyn InvocationGuard> = None;

/// The refusal of an invocation.
#[derive(Debug)]
pub enum Refusal {
    /// This response: a 401 or a 403, for example. It must not be a 200, which carries a result.
    Response(Response),
    /// Too many attempts. An action with the error code `rate_limited` answers with it, as if the server itself had counted;
    /// otherwise the response is a 429 with `Retry-After`. The connection can be reused.
    RateLimited {
        /// The time after which the client may retry.
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
