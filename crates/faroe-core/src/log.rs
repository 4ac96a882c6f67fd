//! Where faults are reported: once each, with their whole cause.

use std::{error::Error, fmt::Debug};

use faroe_protocol::id::ActionInvocationId;

use crate::error::ErrorChain;

/// A fault that happened inside an action.
#[derive(Debug)]
pub struct ActionError<'a> {
    /// The name of the action.
    pub action: &'static str,
    /// The ID that the client was told.
    pub action_invocation_id: &'a ActionInvocationId,
    /// Whether the action failed with `internal_error` because of it. Otherwise the fault was tolerated: a notification
    /// that could not be sent, for example.
    pub failed: bool,
    /// The fault, with its sources.
    pub error: &'a (dyn Error + 'static),
}

/// Reports faults.
///
/// # Contract
///
/// Called once for each fault. Nothing that a caller sent and nothing secret is in an [`ActionError`], as long as the
/// adapters keep it out of their errors.
///
/// # Concurrency
///
/// Called from many tasks at once; it must not block.
pub trait ActionErrorLogger: Debug + Send + Sync + 'static {
    /// Reports one fault.
    fn log(&self, error: &ActionError<'_>);
}

/// The default logger: an event of [`tracing`] for each fault, `ERROR` if the action failed and `WARN` if not.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingLogger;

impl ActionErrorLogger for TracingLogger {
    fn log(&self, error: &ActionError<'_>) {
        let ActionError {
            action,
            action_invocation_id,
            ..
        } = error;
        let cause = ErrorChain(error.error);
        if error.failed {
            tracing::error!(action, %action_invocation_id, error = %cause, "an action failed");
        } else {
            tracing::warn!(action, %action_invocation_id, error = %cause, "an action went on without something");
        }
    }
}
