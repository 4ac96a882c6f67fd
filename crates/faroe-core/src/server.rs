//! The server: its assembly, and the invocation of actions.

use std::{fmt, sync::Arc, time::Duration};

use faroe_protocol::{
    action::{ErrorCode, INTERNAL_CONFLICT, INTERNAL_ERROR},
    id::ActionInvocationId,
};

use crate::{
    begun_flows::BegunFlows,
    configuration::{self, ConfigurationError, ServerOptions, ServerParts},
    email_budgets::EmailBudgets,
    error::AdapterError,
    fault::{Fault, Refusal},
    hashing::Hasher,
    invocation::{Invocation, Run},
    parts::Parts,
    random,
};

/// The time after which a rejected client may retry: roughly the time that a full hashing queue takes. A limit on flows
/// that are begun may take longer.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// An auth server without a network. It invokes actions. Cheap to clone; all clones share one server.
///
/// # Concurrency
///
/// Any number of invocations run at once, on any number of servers that share the storages and the user store. Dropping
/// the future of an invocation cancels it between two steps: completed steps stay in effect, and no further hash is
/// computed. Background work continues: see [`background`](crate::background).
///
/// The future must be polled inside a tokio runtime with time enabled.
#[derive(Clone, Debug)]
pub struct Server {
    pub(crate) parts: Arc<Parts>,
}

/// An action that a [`Server`] has code for: every one of the protocol.
#[expect(private_bounds, reason = "only the protocol adds actions")]
pub trait ServerAction: Run {}

impl<A: Run> ServerAction for A {}

/// The error of an invocation that returned no values.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvocationError<C> {
    /// The ID that connects this error to a line in the log.
    pub action_invocation_id: ActionInvocationId,
    /// The kind of error.
    pub kind: InvocationErrorKind<C>,
}

/// The kind of an invocation's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvocationErrorKind<C> {
    /// One of the action's own error codes.
    Code(C),
    /// A concurrent update won. Nothing was changed, and the caller may retry.
    InternalConflict,
    /// The server failed. The fault was logged.
    InternalError,
    /// The hashing queue is full, or the user or the server has begun as many flows as may begin. Nothing was changed.
    Overloaded {
        /// The time to wait before retrying.
        retry_after: Duration,
    },
}

impl<C: ErrorCode> InvocationErrorKind<C> {
    /// Returns the error code on the wire, or `None` for an invocation that was rejected as overloaded.
    pub fn error_code(&self) -> Option<&'static str> {
        match self {
            Self::Code(code) => Some(code.as_str()),
            Self::InternalConflict => Some(INTERNAL_CONFLICT),
            Self::InternalError => Some(INTERNAL_ERROR),
            Self::Overloaded { .. } => None,
        }
    }
}

impl<C: ErrorCode> fmt::Display for InvocationError<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error_code = self.kind.error_code().unwrap_or("overloaded");
        write!(
            f,
            "{error_code} (action invocation {})",
            self.action_invocation_id
        )
    }
}

impl<C: ErrorCode> std::error::Error for InvocationError<C> {}

impl Server {
    /// Creates a server.
    ///
    /// # Errors
    ///
    /// Fails for a setting that would hang the server, lock everyone out or contradict another.
    pub fn new(parts: ServerParts, options: ServerOptions) -> Result<Self, ConfigurationError> {
        configuration::check(&parts, &options)?;
        let ServerParts {
            storages,
            user_store,
            user_password_hash_algorithms,
            temporary_password_hash_algorithm,
            email_sender,
        } = parts;
        let hasher = Hasher::new(
            user_password_hash_algorithms,
            temporary_password_hash_algorithm,
            options.hashing,
        );
        let email_budgets =
            EmailBudgets::new(options.rate_limits.emails_per_server, options.clock.now());
        Ok(Self {
            parts: Arc::new(Parts {
                storages,
                user_store,
                email_sender,
                hasher,
                begun_flows: BegunFlows::new(options.rate_limits.begun_flows),
                email_budgets,
                options,
            }),
        })
    }

    /// Invokes an action.
    ///
    /// # Errors
    ///
    /// Returns an error code of the action, a conflict, an internal error, or a rejection as overloaded.
    pub async fn invoke<A: ServerAction>(
        &self,
        action: A,
    ) -> Result<A::Values, InvocationError<A::ErrorCode>> {
        let id = ActionInvocationId::from(random::id());
        let result = self.run(action, &id).await;
        result.map_err(|kind| InvocationError {
            action_invocation_id: id,
            kind,
        })
    }

    /// Invokes an action under this ID and logs its faults.
    pub(crate) async fn run<A: Run>(
        &self,
        action: A,
        id: &ActionInvocationId,
    ) -> Result<A::Values, InvocationErrorKind<A::ErrorCode>> {
        let invocation = Invocation::new(&self.parts, A::NAME, id);
        action
            .run(&invocation)
            .await
            .map_err(|refusal| match refusal {
                Refusal::Code(code) => InvocationErrorKind::Code(code),
                Refusal::Fault(Fault::Overloaded) => InvocationErrorKind::Overloaded {
                    retry_after: RETRY_AFTER,
                },
                Refusal::Fault(Fault::Conflict) if A::MAY_CONFLICT => {
                    InvocationErrorKind::InternalConflict
                }
                Refusal::Fault(Fault::Adapter(error)) if A::MAY_CONFLICT && error.is_conflict() => {
                    InvocationErrorKind::InternalConflict
                }
                Refusal::Fault(Fault::Conflict) => {
                    invocation.log(
                        &AdapterError::message(
                            "answer an action that never conflicts: a concurrent update won",
                        ),
                        true,
                    );
                    InvocationErrorKind::InternalError
                }
                Refusal::Fault(Fault::Adapter(error)) => {
                    invocation.log(&error, true);
                    InvocationErrorKind::InternalError
                }
            })
    }
}
