//! The error of an invocation.

use std::{error::Error, fmt, time::Duration};

use faroe_protocol::{
    action::{ErrorCode, INTERNAL_CONFLICT, INTERNAL_ERROR},
    client::SendError,
    error::AdapterError,
    id::ActionInvocationId,
    response::{InvalidResponse, ResponseError},
};

/// The longest invocation ID that is kept, in bytes. The protocol's have 24.
const MAX_ID_SIZE: usize = 100;

/// The error of an invocation.
#[derive(Debug)]
#[non_exhaustive]
pub struct ClientError<C> {
    /// The ID that connects the answer to a line in the server's log. `None` if the server gave no answer, and if the ID is
    /// empty, longer than 100 bytes, or not visible ASCII.
    pub action_invocation_id: Option<ActionInvocationId>,
    /// The kind of error.
    pub kind: ClientErrorKind<C>,
}

/// The kind of error, which says whether anything was changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientErrorKind<C> {
    /// The action answered this error code of its own.
    Code(C),
    /// A conflict with a concurrent update. Nothing was changed, and the caller may retry.
    InternalConflict,
    /// The server failed and logged the failure. The effect of the action is unknown.
    InternalError,
    /// The server answered a code that this version of the protocol does not define for the action: at most 100 bytes of
    /// `a-z`, `0-9` and `_`. The effect of the action is unknown.
    UnknownCode(String),
    /// The server is overloaded. Nothing was invoked.
    Overloaded {
        /// The time after which to retry, if the server says.
        retry_after: Option<Duration>,
    },
    /// The server is unreachable or refused the request. Nothing was invoked.
    NotInvoked(AdapterError),
    /// The server gave no answer. The effect of the action is unknown.
    NoAnswer(AdapterError),
    /// The answer is invalid. The effect of the action is unknown.
    InvalidResponse(InvalidResponse),
}

impl<C: ErrorCode> ClientError<C> {
    /// Returns the action's own error code, if it answered one.
    pub fn code(&self) -> Option<C> {
        match self.kind {
            ClientErrorKind::Code(code) => Some(code),
            _ => None,
        }
    }

    /// Drops an ID that would break a log line: a remote server is not trusted.
    pub(crate) fn answered(id: ActionInvocationId, kind: ClientErrorKind<C>) -> Self {
        let text = id.as_str();
        let is_fit = (1..=MAX_ID_SIZE).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        Self {
            action_invocation_id: is_fit.then_some(id),
            kind,
        }
    }
}

impl<C> From<ResponseError<C>> for ClientErrorKind<C> {
    fn from(error: ResponseError<C>) -> Self {
        match error {
            ResponseError::Code(code) => Self::Code(code),
            ResponseError::InternalConflict => Self::InternalConflict,
            ResponseError::InternalError => Self::InternalError,
            ResponseError::Unknown(code) => Self::UnknownCode(code),
        }
    }
}

impl<C> From<InvalidResponse> for ClientErrorKind<C> {
    fn from(reason: InvalidResponse) -> Self {
        Self::InvalidResponse(reason)
    }
}

impl<C> From<SendError> for ClientError<C> {
    fn from(error: SendError) -> Self {
        Self {
            action_invocation_id: None,
            kind: match error {
                SendError::NotInvoked(error) => ClientErrorKind::NotInvoked(error),
                SendError::Overloaded { retry_after } => {
                    ClientErrorKind::Overloaded { retry_after }
                }
                SendError::NoAnswer(error) => ClientErrorKind::NoAnswer(error),
            },
        }
    }
}

impl<C> From<InvalidResponse> for ClientError<C> {
    fn from(reason: InvalidResponse) -> Self {
        Self {
            action_invocation_id: None,
            kind: reason.into(),
        }
    }
}

impl<C: ErrorCode> fmt::Display for ClientError<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.kind {
            ClientErrorKind::Code(code) => code.as_str(),
            ClientErrorKind::InternalConflict => INTERNAL_CONFLICT,
            ClientErrorKind::InternalError => INTERNAL_ERROR,
            ClientErrorKind::UnknownCode(code) => code,
            ClientErrorKind::Overloaded { .. } => "server overloaded",
            ClientErrorKind::NotInvoked(_) => "server unreachable",
            ClientErrorKind::NoAnswer(_) => "no answer from the server",
            ClientErrorKind::InvalidResponse(_) => "invalid answer from the server",
        })?;
        match &self.action_invocation_id {
            Some(id) => write!(f, " (action invocation {id})"),
            None => Ok(()),
        }
    }
}

impl<C: ErrorCode> Error for ClientError<C> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            ClientErrorKind::NotInvoked(error) | ClientErrorKind::NoAnswer(error) => Some(error),
            ClientErrorKind::InvalidResponse(reason) => Some(reason),
            _ => None,
        }
    }
}
