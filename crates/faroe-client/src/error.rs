//! Why an invocation returned no values.

use std::{error::Error, fmt, time::Duration};

use faroe_protocol::{
    action::{ErrorCode, INTERNAL_CONFLICT, INTERNAL_ERROR},
    client::SendError,
    error::AdapterError,
    id::ActionInvocationId,
    response::{InvalidResponse, ResponseError},
};

/// The longest invocation ID that is kept, in bytes. The protocol's are 24.
const MAX_ID_SIZE: usize = 100;

/// Why an invocation returned no values.
#[derive(Debug)]
pub struct ClientError<C> {
    /// What connects this answer to a line in the server's log. There is none when the server gave no answer, and one that
    /// is empty, of more than 100 bytes, or with anything but visible ASCII is left out.
    pub action_invocation_id: Option<ActionInvocationId>,
    /// What happened.
    pub kind: ClientErrorKind<C>,
}

/// What happened instead of success.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientErrorKind<C> {
    /// The action answered this error code of its own.
    Code(C),
    /// A concurrent change won. Nothing was changed, and the caller may try again.
    InternalConflict,
    /// Something failed at the server, which has logged it. Whether the action had an effect is unknown.
    InternalError,
    /// The server answered a code that this version of the protocol does not give to the action: at most 100 bytes of
    /// `a-z`, `0-9` and `_`.
    UnknownCode(String),
    /// The server has too much to do. Nothing was invoked.
    Overloaded {
        /// How long to wait before trying again, if the server says.
        retry_after: Option<Duration>,
    },
    /// The server could not be asked. Nothing was invoked.
    NotInvoked(AdapterError),
    /// The server gave no answer. Whether the action was invoked is unknown.
    NoAnswer(AdapterError),
    /// The answer makes no sense. Whether the action had an effect is unknown.
    InvalidResponse(InvalidResponse),
}

impl<C: ErrorCode> ClientError<C> {
    /// The action's own error code, if it answered one.
    pub fn code(&self) -> Option<C> {
        match self.kind {
            ClientErrorKind::Code(code) => Some(code),
            _ => None,
        }
    }

    /// An ID that would spoil a log line is left out: a server that is somewhere else may be anyone's.
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
            ClientErrorKind::Overloaded { .. } => "the server is overloaded",
            ClientErrorKind::NotInvoked(_) => "the server could not be asked",
            ClientErrorKind::NoAnswer(_) => "the server gave no answer",
            ClientErrorKind::InvalidResponse(_) => "the server's answer makes no sense",
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
