//! The server: its parts, put together, and the one way to invoke an action.

use std::{fmt, sync::Arc, time::Duration};

use faroe_protocol::{
    action::{ErrorCode, INTERNAL_CONFLICT, INTERNAL_ERROR},
    id::ActionInvocationId,
};

use crate::{
    configuration::{self, ConfigurationError, ServerOptions, ServerParts},
    error::AdapterError,
    fault::{Fault, Refusal},
    hashing::Hasher,
    invocation::{Invocation, Run},
    parts::Parts,
    random,
};

/// When a client may try again that was refused as overloaded: the time that a full queue takes, about.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// An auth server without a network: it invokes actions. Cheap to clone; all clones are the same server.
///
/// # Concurrency
///
/// Any number of invocations run at once, on any number of servers that share the storages and the user store. Dropping
/// the future of an invocation gives it up between two steps: what it had done stays done, and it hashes nothing more.
/// What no answer waits for goes on: see [`background`](crate::background).
/// It must be polled inside a tokio runtime with time enabled.
#[derive(Clone, Debug)]
pub struct Server {
    pub(crate) parts: Arc<Parts>,
}

/// An action that a [`Server`] has code for: every one of the protocol.
#[expect(
    private_bounds,
    reason = "the actions are the protocol's, and no one else adds one"
)]
pub trait ServerAction: Run {}

impl<A: Run> ServerAction for A {}

/// Why an invocation returned no values.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvocationError<C> {
    /// What connects this answer to a line in the log.
    pub action_invocation_id: ActionInvocationId,
    /// What happened.
    pub kind: InvocationErrorKind<C>,
}

/// What happened instead of success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvocationErrorKind<C> {
    /// The action answers this error code of its own.
    Code(C),
    /// A concurrent change won; nothing was changed, and the caller may try again.
    InternalConflict,
    /// Something failed that is not the caller's fault; it was logged.
    InternalError,
    /// Too many passwords are being hashed. Nothing was invoked; try again after so long.
    Overloaded {
        /// How long to wait before trying again.
        retry_after: Duration,
    },
}

impl<C: ErrorCode> InvocationErrorKind<C> {
    /// The error code on the wire; `None` for an invocation that was refused as overloaded.
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
    /// Puts a server together.
    ///
    /// # Errors
    ///
    /// A setting that would hang the server, lock everyone out or make no sense.
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
        Ok(Self {
            parts: Arc::new(Parts {
                storages,
                user_store,
                email_sender,
                hasher,
                options,
            }),
        })
    }

    /// Invokes an action.
    ///
    /// # Errors
    ///
    /// The action's error code, or why there is none.
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

    /// Invokes an action under an ID, and logs what failed.
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
