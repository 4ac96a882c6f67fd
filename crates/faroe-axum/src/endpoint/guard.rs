//! A hook before each invocation.

use std::fmt::Debug;

use async_trait::async_trait;
use axum::{http::request::Parts, response::Response};

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
/// `Err` is the response that refuses: 401 or 403, or 429 for too many. Only a 200 carries a result, so it must be none.
///
/// # Concurrency
///
/// Called from many tasks at once. The endpoint's request timeout goes on while it decides.
#[async_trait]
pub trait InvocationGuard: Debug + Send + Sync + 'static {
    /// Lets the request pass, or answers it.
    async fn check(&self, action: &str, parts: &Parts) -> Result<(), Response>;
}

const _OBJECT_SAFE: Option<&dyn InvocationGuard> = None;
