//! The response while the auth server is unavailable.

use std::{error::Error, fmt, time::Duration};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use faroe_client::{ClientError, ClientErrorKind};
use faroe_core::{
    error::ErrorChain,
    protocol::{action::ErrorCode, id::ActionInvocationId},
};

/// The time after which a conflict is over.
const AFTER_A_CONFLICT: Duration = Duration::from_secs(1);

/// The auth server is overloaded, failed or unreachable, and answered with neither values nor a code of the action.
///
/// It does not affect the session: a signed-in user stays signed in. As a response it is a 503, with `Retry-After` if the
/// time is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// The time after which to retry, if known.
    pub retry_after: Option<Duration>,
    /// The ID that connects a user's report to a line in the auth server's log, if the server answered.
    pub action_invocation_id: Option<ActionInvocationId>,
}

impl Unavailable {
    /// Logs failures that the server does not log itself.
    pub(crate) fn because<C: ErrorCode>(action: &'static str, error: ClientError<C>) -> Self {
        let retry_after = match &error.kind {
            ClientErrorKind::InternalConflict => Some(AFTER_A_CONFLICT),
            ClientErrorKind::Overloaded { retry_after } => *retry_after,
            ClientErrorKind::InternalError => None,
            _ => {
                let error = ErrorChain(&error);
                tracing::warn!(action, %error, "auth server unavailable");
                None
            }
        };
        Self {
            retry_after,
            action_invocation_id: error.action_invocation_id,
        }
    }

    /// Reports an error code that a later version of the protocol gives to the action.
    pub(crate) fn unexpected(action: &'static str, code: impl ErrorCode) -> Self {
        tracing::warn!(action, code = code.as_str(), "unexpected error code");
        Self {
            retry_after: None,
            action_invocation_id: None,
        }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("temporarily unavailable, try again later")?;
        match &self.action_invocation_id {
            Some(id) => write!(f, " (action invocation {id})"),
            None => Ok(()),
        }
    }
}

impl Error for Unavailable {}

impl IntoResponse for Unavailable {
    fn into_response(self) -> Response {
        let mut response = (StatusCode::SERVICE_UNAVAILABLE, format!("{self}\n")).into_response();
        if let Some(time) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, retry_after(time));
        }
        response
    }
}

/// Rounds up to whole seconds: a client that retries too early is refused again.
pub(crate) fn retry_after(time: Duration) -> HeaderValue {
    let seconds = time.as_millis().div_ceil(1000).max(1);
    HeaderValue::try_from(seconds.to_string()).expect("digits are visible ASCII")
}
