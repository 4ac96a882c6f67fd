//! Invocations at the user server.

use faroe_core::{
    client::{ActionInvocationEndpointClient, SendError},
    error::AdapterError,
    protocol::{
        action::{Action, ErrorCode},
        envelope::encode_request,
        id::ActionInvocationId,
        response::{Response, ResponseError},
    },
};

/// The longest invocation ID that an error repeats, in bytes. The protocol's have 24.
const MAX_ID_SIZE: usize = 100;

/// The failure of an action.
#[derive(Debug)]
pub(crate) enum Failure<C> {
    /// An error code of the action. Nothing was changed.
    Code(C),
    /// A conflict with a concurrent update. Nothing was changed.
    Conflict(AdapterError),
    /// The action was not invoked.
    NotInvoked(AdapterError),
    /// The effect is unknown.
    Unknown(AdapterError),
}

impl<C> Failure<C> {
    /// Returns the code or the error of a first attempt, after which a conflict changed nothing.
    pub(crate) fn of_one_attempt(self, operation: &'static str) -> Result<C, AdapterError> {
        match self {
            Self::Code(code) => Ok(code),
            Self::Conflict(error) => Err(AdapterError::conflict(operation, error)),
            Self::NotInvoked(error) | Self::Unknown(error) => {
                Err(AdapterError::new(operation, error))
            }
        }
    }
}

/// The outcome of an action that is retried once if its answer is lost.
pub(crate) struct Settled<A: Action> {
    pub(crate) answer: Result<A::Values, A::ErrorCode>,
    /// True if an earlier invocation may have had the effect.
    pub(crate) may_have_happened: bool,
}

pub(crate) async fn invoke<A: Action + Sync>(
    endpoint: &dyn ActionInvocationEndpointClient,
    action: &A,
) -> Result<A::Values, Failure<A::ErrorCode>> {
    let body = endpoint.send(encode_request(action)).await;
    let body = body.map_err(|error| match error {
        SendError::NoAnswer(_) => Failure::Unknown(unclear(error)),
        SendError::NotInvoked(_) | SendError::Overloaded { .. } => {
            Failure::NotInvoked(unclear(error))
        }
    })?;
    let response = Response::parse(&body).map_err(|reason| Failure::Unknown(unclear(reason)))?;
    let id = response.action_invocation_id.clone();
    match response.result::<A>() {
        Ok(Ok(values)) => Ok(values),
        Ok(Err(error)) => Err(refusal::<A>(error, &id)),
        Err(reason) => Err(Failure::Unknown(unclear(reason))),
    }
}

/// Invokes an action that has its effect at most once, and retries it once if the answer is lost.
pub(crate) async fn settle<A: Action + Sync>(
    endpoint: &dyn ActionInvocationEndpointClient,
    operation: &'static str,
    action: &A,
) -> Result<Settled<A>, AdapterError> {
    let settled = |answer, may_have_happened| Settled {
        answer,
        may_have_happened,
    };
    match invoke(endpoint, action).await {
        Ok(values) => return Ok(settled(Ok(values), false)),
        Err(Failure::Unknown(_)) => {}
        Err(failure) => return Ok(settled(Err(failure.of_one_attempt(operation)?), false)),
    }
    match invoke(endpoint, action).await {
        Ok(values) => Ok(settled(Ok(values), true)),
        Err(Failure::Code(code)) => Ok(settled(Err(code), true)),
        // A conflict is an error too: the first invocation may have changed something.
        Err(Failure::Conflict(error) | Failure::NotInvoked(error) | Failure::Unknown(error)) => {
            Err(AdapterError::new(operation, error))
        }
    }
}

fn refusal<A: Action>(
    error: ResponseError<A::ErrorCode>,
    id: &ActionInvocationId,
) -> Failure<A::ErrorCode> {
    let told = |code: &str| {
        let id = id.as_str();
        // An ID that would break a log line is left out.
        let is_fit = id.len() <= MAX_ID_SIZE && id.bytes().all(|byte| byte.is_ascii_graphic());
        let id = if is_fit { id } else { "with an invalid ID" };
        unclear(format!("answered {code} (action invocation {id})"))
    };
    match error {
        ResponseError::Code(code) => Failure::Code(code),
        ResponseError::InternalConflict if A::MAY_CONFLICT => {
            Failure::Conflict(told("internal_conflict"))
        }
        other => Failure::Unknown(told(other.error_code())),
    }
}

fn unclear(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> AdapterError {
    AdapterError::new("invoke an action of the user server", reason)
}

impl<A: Action> std::fmt::Debug for Settled<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = self.answer.as_ref().err().map(|code| code.as_str());
        f.debug_struct("Settled")
            .field("code", &code)
            .field("may_have_happened", &self.may_have_happened)
            .finish_non_exhaustive()
    }
}
