//! The answer while the auth server gives none.

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

/// How long to wait after a lost race, which is over by then.
const AFTER_A_CONFLICT: Duration = Duration::from_secs(1);

/// The auth server gave neither values nor a code of the action: it is overloaded, has failed, or cannot be reached.
///
/// It says nothing about the user, who is still signed in if he was. As a response it is a 503, with `Retry-After` if
/// there is something to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// How long to wait before trying again, if that is known.
    pub retry_after: Option<Duration>,
    /// What connects the user's report to a line in the auth server's log, if it answered at all.
    pub action_invocation_id: Option<ActionInvocationId>,
}

impl Unavailable {
    /// Logs what nobody else has logged: a server logs its own failures.
    pub(crate) fn because<C: ErrorCode>(action: &'static str, error: ClientError<C>) -> Self {
        let retry_after = match &error.kind {
            ClientErrorKind::InternalConflict => Some(AFTER_A_CONFLICT),
            ClientErrorKind::Overloaded { retry_after } => *retry_after,
            ClientErrorKind::InternalError => None,
            _ => {
                let error = ErrorChain(&error);
                tracing::warn!(action, %error, "the auth server gave no answer that could be used");
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
        f.write_str("this does not work at the moment, try again later")?;
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

/// Whole seconds, rounded up, for a client that comes too early is refused again.
pub(crate) fn retry_after(time: Duration) -> HeaderValue {
    let seconds = time.as_millis().div_ceil(1000).max(1);
    HeaderValue::try_from(seconds.to_string()).expect("digits are visible ASCII")
}
