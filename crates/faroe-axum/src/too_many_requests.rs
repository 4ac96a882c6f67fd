//! The response to a used-up budget.

use std::{error::Error, fmt, time::Duration};

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::unavailable::retry_after;

/// A budget is used up, and nothing was done. As a response it is a 429 with `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyRequests {
    /// The time after which the client may retry.
    pub retry_after: Duration,
}

impl fmt::Display for TooManyRequests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many requests")
    }
}

impl Error for TooManyRequests {}

impl IntoResponse for TooManyRequests {
    fn into_response(self) -> Response {
        let retry_after = [(header::RETRY_AFTER, retry_after(self.retry_after))];
        let reason = format!("{self}\n");
        (StatusCode::TOO_MANY_REQUESTS, retry_after, reason).into_response()
    }
}
