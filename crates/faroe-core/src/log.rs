//! The log of faults: each is reported once, with all its causes.

use std::{error::Error, fmt::Debug};

use faroe_protocol::id::ActionInvocationId;

use crate::{email_budgets::EmailKind, error::ErrorChain};

/// A fault inside an action.
#[derive(Debug)]
pub struct ActionError<'a> {
    /// The name of the action.
    pub action: &'static str,
    /// The invocation ID in the client's response.
    pub action_invocation_id: &'a ActionInvocationId,
    /// True if the action failed with `internal_error`, or ended its flow because the users table refused a user, an
    /// address or a deletion. Otherwise an optional step failed and the action continued: a notification was not sent, for
    /// example.
    pub failed: bool,
    /// The fault, with its sources.
    pub error: &'a (dyn Error + 'static),
}

/// Reports faults.
///
/// # Contract
///
/// Called once for each fault. An [`ActionError`] contains no secret and no argument of the caller, provided that the
/// adapters keep them out of their errors.
///
/// # Concurrency
///
/// Called from many tasks at once; it must not block.
pub trait ActionErrorLogger: Debug + Send + Sync + 'static {
    /// Reports one fault.
    fn log(&self, error: &ActionError<'_>);
}

/// The default logger. It emits one [`tracing`] event for each fault: `ERROR` if the action failed, `WARN` if not.
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
            tracing::error!(action, %action_invocation_id, error = %cause, "action failed");
        } else {
            tracing::warn!(action, %action_invocation_id, error = %cause, "optional step failed");
        }
    }
}

/// Reports that the server's budget for emails of this kind is empty.
pub(crate) fn email_budget_is_empty(kind: EmailKind) {
    tracing::warn!(
        ?kind,
        "email limit reached, actions are rate limited; see the rate limit `emails_per_server`"
    );
}
